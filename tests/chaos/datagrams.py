"""Numbered datagrams through a link under test.

datagrams.py send ADDRESS COUNT      sends them
datagrams.py receive COUNT           until SIGTERM; prints "RECEIVED DISTINCT DAMAGED MISSING..."

The receiver is an ordinary socket: what it sees has passed the kernel's check of the UDP checksum.
"""
import signal
import socket
import sys
import time

PORT = 7787
FILLING = bytes(range(64))


def send(address, count):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    for number in range(count):
        s.sendto(FILLING + number.to_bytes(4, "big") + number.to_bytes(4, "big"), (address, PORT))
        if number % 50 == 49:
            time.sleep(0.002)


def stop(*_):
    raise KeyboardInterrupt


def receive(count):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
    s.bind(("", PORT))
    datagrams = []
    signal.signal(signal.SIGTERM, stop)
    print("ready", file=sys.stderr, flush=True)
    try:
        while True:
            datagrams.append(s.recv(2048))
    except KeyboardInterrupt:
        s.setblocking(False)
    try:
        while True:
            datagrams.append(s.recv(2048))
    except BlockingIOError:
        pass
    whole = [d for d in datagrams if d[:64] == FILLING and d[64:68] == d[68:72]]
    seen = {int.from_bytes(d[64:68], "big") for d in whole}
    print(len(datagrams), len(seen), len(datagrams) - len(whole), *sorted(set(range(count)) - seen))


if __name__ == "__main__":
    if sys.argv[1] == "send":
        send(sys.argv[2], int(sys.argv[3]))
    else:
        receive(int(sys.argv[2]))
