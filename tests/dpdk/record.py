#!/usr/bin/env python3
"""record.py record DEVICE FILE: every frame of a device into a pcap file, until SIGTERM; says ready.
record.py to FILE IP OUT: those frames of FILE that go to IP, and ARP.   record.py kinds FILE: how many messages in frames of each kind."""
import collections, signal, socket, struct, sys, time

HEAD = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1)


def write(out, frame):
    now = time.time()
    out.write(struct.pack("<IIII", int(now), int(now % 1 * 1e6), len(frame), len(frame)) + frame)
    out.flush()


def read(name):
    data, at = open(name, "rb").read(), 24
    while at + 16 <= len(data):
        size = struct.unpack_from("<I", data, at + 8)[0]
        yield data[at + 16 : at + 16 + size]
        at += 16 + size


def record(device, name):
    s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
    s.bind((device, 0))
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with open(name, "wb") as out:
        out.write(HEAD)
        print("ready", flush=True)
        while True:
            write(out, s.recv(65535))


def is_udp(f):
    return f[12:14] == b"\x08\x00" and len(f) >= 42 and f[23] == 17


def to(name, ip, out):
    with open(out, "wb") as o:
        o.write(HEAD)
        for f in read(name):
            if (is_udp(f) and f[30:34] == socket.inet_aton(ip)) or (f[12:14] == b"\x08\x06" and f[38:42] == socket.inet_aton(ip)):
                write(o, f)


def kinds(name):
    names = {1: "member", 2: "request", 3: "reply", 4: "echo", 5: "echo_reply"}
    count = collections.Counter()
    for f in read(name):
        if is_udp(f) and f[42:46] == b"PNYX":
            count[names.get(f[47], "?")] += f[49]
    print(" ".join("%s=%d" % k for k in sorted(count.items())))


{"record": record, "to": to, "kinds": kinds}[sys.argv[1]](*sys.argv[2:])
