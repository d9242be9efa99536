#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the pcaps that tests/packet/hnv_golden_test.c compares with, byte for byte. usage: generate.py

Each holds pairs: a frame that goes in, and the one that comes out. ENCAPSULATION-FAMILY-out.pcap: in from the guest,
out by the wire; -in.pcap: the other way. scapy knows NVGRE and VXLAN from elsewhere, which is what it is here for.
What no other software can know stays zero in -out: FlowID, UDP source port and IPv6 flow label come of a hash. IPv4 ids
count from 0 in the order of the file.
"""
import random
import sys
from pathlib import Path

from scapy.layers.inet import ICMP, IP, TCP, UDP, IPOption
from scapy.layers.inet6 import ICMPv6EchoRequest, IPv6
from scapy.layers.l2 import GRE, Ether
from scapy.layers.vxlan import VXLAN
from scapy.packet import Raw
from scapy.utils import wrpcap

HERE = Path(__file__).resolve().parent
GUEST = ("00:15:5d:00:00:05", "10.0.0.5", "fd00:1::5")
ROUTER = "00:15:5d:ff:ff:01"
OURS = {4: ("02:00:00:00:aa:04", "198.51.100.11"), 6: ("02:00:00:00:aa:06", "2001:db8:ee::11")}
THEIRS = {4: ("02:00:00:00:bb:04", "198.51.100.12"), 6: ("02:00:00:00:bb:06", "2001:db8:ee::12")}
# Who of virtual subnet 5001 is behind which tunnel; and of 5002, behind the first alone.
PEER = {("nvgre", 4): 6, ("nvgre", 6): 7, ("vxlan", 4): 8, ("vxlan", 6): 9}
BEHIND = {("nvgre", 4): 0x17, ("nvgre", 6): None, ("vxlan", 4): None, ("vxlan", 6): None}
dice = random.Random(7637)


def payload(n):
    return Raw(bytes(dice.randrange(256) for _ in range(n)))


def packets(src4, dst4, src6, dst6, ttl):
    """Of every kind that there is, as (IP packet, its ECN)."""
    return [
        (IP(src=src4, dst=dst4, ttl=ttl) / UDP(sport=1025, dport=53) / payload(18), 0),
        (IP(src=src4, dst=dst4, ttl=ttl, tos=0xb8 | 2, flags="DF") /
         TCP(sport=40000, dport=443, seq=7, flags="PA", options=[("NOP", None), ("NOP", None), ("Timestamp", (1, 2))]) /
         payload(401), 2),
        (IP(src=src4, dst=dst4, ttl=ttl, tos=1) / ICMP(id=9, seq=1) / payload(56), 1),
        (IP(src=src4, dst=dst4, ttl=ttl, tos=3, options=[IPOption(b"\x94\x04\x00\x00")]) / UDP(sport=7, dport=9) / payload(9), 3),
        (IP(src=src4, dst=dst4, ttl=ttl, flags="MF", id=77, proto=17) / payload(64), 0),
        (IP(src=src4, dst=dst4, ttl=ttl, frag=8, id=77, proto=17) / payload(31), 0),
        (IP(src=src4, dst=dst4, ttl=ttl) / UDP(sport=5, dport=6) / payload(1400), 0),
        (IPv6(src=src6, dst=dst6, hlim=ttl, tc=2) / UDP(sport=1025, dport=53) / payload(17), 2),
        (IPv6(src=src6, dst=dst6, hlim=ttl, tc=0xb9) / TCP(sport=40001, dport=443, flags="S") / payload(0), 1),
        (IPv6(src=src6, dst=dst6, hlim=ttl, tc=3, fl=0x12345) / ICMPv6EchoRequest(id=3) / payload(33), 3),
    ]


def wrap(kind, family, here, there, vsid, ecn, frame, ip_id=0, entropy=None):
    """The frame in its tunnel from `here` to `there`; entropy: what comes of the hash, None: zero."""
    flow, port, label = entropy or (0, 0, 0)
    if family == 4:
        outer = IP(src=here[1], dst=there[1], ttl=64, flags="DF", id=ip_id, tos=ecn)
    else:
        outer = IPv6(src=here[1], dst=there[1], hlim=64, tc=ecn, fl=label)
    if kind == "nvgre":
        inside = GRE(key_present=1, proto=0x6558, key=vsid << 8 | flow)
    else:
        inside = UDP(sport=port, dport=4789, chksum=0) / VXLAN(flags=0x08, vni=vsid)
    return Ether(src=here[0], dst=there[0]) / outer / inside / frame


def outgoing(kind, family):
    pairs, peer, behind = [], PEER[kind, family], BEHIND[kind, family]
    for packet, ecn in packets(GUEST[1], f"10.0.0.{peer}", GUEST[2], f"fd00:1::{peer}", 64):
        frame = Ether(src=GUEST[0], dst=f"00:15:5d:00:00:{peer:02x}") / packet
        pairs += [frame, wrap(kind, family, OURS[family], THEIRS[family], 5001, ecn, frame, len(pairs) // 2)]
    if behind:
        where = (GUEST[1], f"10.0.1.{behind}", GUEST[2], f"fd00:2::{behind:x}")
        dice.seed(5002)
        sent = packets(*where, 64)
        dice.seed(5002)
        for (packet, ecn), (routed, _) in zip(sent, packets(*where, 63)):
            frame = Ether(src=ROUTER, dst=f"00:15:5d:00:00:{behind:02x}") / routed
            pairs += [Ether(src=GUEST[0], dst=ROUTER) / packet,
                      wrap(kind, family, OURS[family], THEIRS[family], 5002, ecn, frame, len(pairs) // 2)]
    return pairs


def incoming(kind, family):
    pairs, peer = [], PEER[kind, family]
    for packet, ecn in packets(f"10.0.0.{peer}", GUEST[1], f"fd00:1::{peer}", GUEST[2], 64):
        frame = Ether(src=f"00:15:5d:00:00:{peer:02x}", dst=GUEST[0]) / packet
        entropy = (dice.randrange(256), dice.randrange(49152, 65536), dice.randrange(1 << 20))
        pairs += [wrap(kind, family, THEIRS[family], OURS[family], 5001, ecn, frame, dice.randrange(65536), entropy), frame]
    return pairs


def main():
    for kind, family in PEER:
        dice.seed(f"{kind}{family}")
        for way, pairs in (("out", outgoing(kind, family)), ("in", incoming(kind, family))):
            for p in pairs:
                p.time = 0
            wrpcap(str(HERE / f"{kind}-ipv{family}-{way}.pcap"), pairs)
    return 0


if __name__ == "__main__":
    sys.exit(main())
