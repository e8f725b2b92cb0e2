#!/usr/bin/env python3
"""merge_samples.py OUT INTERFACE SAMPLE...: one pcap of what that interface (0, 1) of each sample saw, all within the same minutes: many
connections between the same hosts, each of which could be taken for what set another one going."""
import struct
import sys

SHIFT_NS = 37_000_017  # between the beginnings of two samples


def frames(path, wanted):
    """(linktype, time_ns, original length, bytes) of one interface; little-endian, nanoseconds: tcpstall's own recordings."""
    data = open(path, "rb").read()
    at, linktypes = 0, []
    while at + 12 <= len(data):
        kind, size = struct.unpack_from("<II", data, at)
        if kind == 1:
            linktypes.append(struct.unpack_from("<H", data, at + 8)[0])
        if kind == 6:
            interface, high, low, captured, original = struct.unpack_from("<IIIII", data, at + 8)
            if interface == wanted:
                yield linktypes[interface], high << 32 | low, original, data[at + 28:at + 28 + captured]
        at += size


def main():
    out, interface, *samples = sys.argv[1:]
    merged, base = [], 1_700_000_000_000_000_000
    for number, path in enumerate(samples):
        both = {i: [f for f in frames(path, i) if f[0] == 1] for i in (0, 1)}
        begin = min((f[0][1] for f in both.values() if f), default=0)
        merged += [(base + number * SHIFT_NS + f[1] - begin, *f[2:]) for f in both[int(interface)]]
    merged.sort(key=lambda f: f[0])
    with open(out, "wb") as file:
        file.write(struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 262144, 1))
        for time_ns, original, data in merged:
            file.write(struct.pack("<IIII", time_ns // 10**9, time_ns % 10**9, len(data), original) + data)


main()
