#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""netmany.py RULES QUESTIONS: ten thousand networks with ports as rules of a policy, and connects at
and beside the edges of some of them, with what trying every network says (see act.c)."""
import ipaddress
import random
import sys

N = 10000
QUESTIONS = 120
random.seed(5)


def network(n):
    """Half of each family; the last ones are inside others, and are denied."""
    six = n % 2
    bits, base, size = (128, 0x2A00 << 112, 116) if six else (32, 11 << 24, 26)
    inner = n >= N * 3 // 4
    if inner:
        outer = random.choice(nets[six : N // 2 : 2])
        length = random.randint(outer[1], bits)
        value = outer[0] | random.getrandbits(bits) >> outer[1]
    else:
        length = random.choice((bits, bits - 4, bits - 8, bits // 2 + 3, bits // 2 + 8))
        value = base + random.getrandbits(size)
    mask = (1 << bits) - (1 << (bits - length))
    first = random.choice((22, 80, 443, random.randint(1, 60000)))
    last = random.choice((first, first, first + 7))
    return value & mask, length, mask, bits, first, last, random.choice(("tcp", "udp", "")), inner


nets = []
for count in range(N):
    nets.append(network(count))


def address(value, bits):
    return str(ipaddress.IPv6Address(value) if bits == 128 else ipaddress.IPv4Address(value))


def endpoint(net):
    value, length, _, bits, first, last, proto, _ = net
    host = f"{address(value, bits)}/{length}"
    ports = f"{first}-{last}" if last > first else f"{first}"
    return (f"[{host}]" if bits == 128 else host) + f":{ports}" + (f"/{proto}" if proto else "")


def verdict(value, bits, port, proto):
    """The last one that matches decides."""
    found = [n for n in nets
             if n[3] == bits and value & n[2] == n[0] and n[4] <= port <= n[5] and n[6] in ("", proto)]
    return "ok" if found and not found[-1][7] else "EACCES"


with open(sys.argv[1], "w", encoding="ascii") as f:
    f.write("network:\n")
    for verb, inner in ("allow", False), ("deny", True):
        rules = ", ".join(f'"{endpoint(n)}"' for n in nets if n[7] == inner)
        f.write(f"  - {verb}: [connect]\n    to: [{rules}]\n")
with open(sys.argv[2], "w", encoding="ascii") as f:
    said = {"ok": 0, "EACCES": 0}
    while min(said.values()) < QUESTIONS // 2:
        net = random.choice(nets)
        size = 1 << (net[3] - net[1])
        where = random.choice((net[0], net[0] + size - 1, net[0] - 1, net[0] + size))
        what = where, net[3], random.choice((net[4], net[5], net[5] + 1)), random.choice(("tcp", "udp"))
        expected = verdict(*what)
        said[expected] += 1
        if said[expected] <= QUESTIONS // 2:
            op = "connect" if what[3] == "tcp" else "udp-connect"
            f.write(f"{expected} {op} {address(where, net[3])} {what[2]}\n")
