"""Asks a control plane and prints a part of what it says: ask.py SOCKET COMMAND [PATH.IN.THE.ANSWER], or ask.py http://... ."""
import json
import signal
import socket
import sys
import urllib.error
import urllib.request


def http(url):
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            print(answer.status)
            print(answer.read().decode(), end='')
    except urllib.error.HTTPError as error:
        print(error.code)
        print(error.read().decode(), end='')


def admin(path, command):
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(5)
    s.connect(path)
    s.sendall(json.dumps({'command': command}).encode() + b'\n')
    text = b''
    while not text.endswith(b'\n'):
        got = s.recv(65536)
        if not got:
            break
        text += got
    return json.loads(text)


def part_of(value, path):
    for name in filter(None, path.split('.')):
        if isinstance(value, list):
            value = value[int(name)] if name.isdigit() else next(v for v in value if v['name'] == name)
        else:
            value = value.get(name)
    return value


signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # a reader that has seen enough
if sys.argv[1].startswith('http'):
    http(sys.argv[1])
else:
    try:
        value = part_of(admin(sys.argv[1], sys.argv[2]), sys.argv[3] if len(sys.argv) > 3 else '')
        print(value if isinstance(value, (str, int, float)) and not isinstance(value, bool) else json.dumps(value))
    except (OSError, ValueError, AttributeError, StopIteration) as error:
        print('none: %s' % error)
