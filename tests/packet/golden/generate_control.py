#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the control messages that tests/packet/hnv_tell_test.c and hnv_control_test.c go by. usage: generate_control.py

control-out.pcap, the former's: pairs of a frame that comes by the wire for a guest that is not here, and the message that its
sender gets. control-in.pcap, the latter's: messages of other hosts about frames that c-web sent, in the order of the test. scapy
builds all of them.
"""
import sys
from pathlib import Path

from scapy.layers.inet import ICMP, IP, UDP
from scapy.layers.inet6 import ICMPv6DestUnreach, ICMPv6ND_Redirect, ICMPv6NDOptRedirectedHdr, IPv6
from scapy.layers.l2 import ARP, GRE, Ether
from scapy.layers.vxlan import VXLAN
from scapy.packet import Raw
from scapy.utils import wrpcap

HERE = Path(__file__).resolve().parent
OURS = {4: ("02:00:00:00:aa:04", "198.51.100.11"), 6: ("02:00:00:00:aa:06", "2001:db8:ee::11")}
THEIRS = {4: ("02:00:00:00:bb:04", "198.51.100.12"), 6: ("02:00:00:00:bb:06", "2001:db8:ee::12")}
THIRD = {4: "198.51.100.13", 6: "2001:db8:ee::13"}
WEB, AWAY = "00:15:5d:00:00:05", "00:15:5d:00:00:06"
RESERVED = 0xffffff
QUOTE = 128  # bytes of the inner frame


def udp(src, dst, src_mac, dst_mac, payload=20):
    ip = IPv6(src=src, dst=dst, hlim=64) if ":" in src else IP(src=src, dst=dst, ttl=64)
    return Ether(src=src_mac, dst=dst_mac) / ip / UDP(sport=1025, dport=53) / Raw(bytes(i & 255 for i in range(payload)))


def outer(family, src, dst, proto=47):
    """Between provider addresses, as a host sends it."""
    if family == 6:
        return IPv6(src=src, dst=dst, hlim=64, nh=proto)
    return IP(src=src, dst=dst, ttl=64, flags="DF", id=0, proto=proto)


def nvgre(vsid):
    return GRE(key_present=1, proto=0x6558, key=vsid << 8)


def tunnelled(family, src, dst, vsid, frame, kind="nvgre"):
    inside = nvgre(vsid) if kind == "nvgre" else UDP(sport=50000, dport=4789, chksum=0) / VXLAN(flags=0x08, vni=vsid)
    proto = 47 if kind == "nvgre" else 17
    return Ether(src=src[0], dst=dst[0]) / outer(family, src[1], dst[1], proto) / inside / frame


def mapped(address):
    return address if ":" in address else f"::ffff:{address}"


def message(family, teller, told, target, vsid, frame, message_vsid=None, quote="ip", option=True):
    """What teller tells told about a frame that told sent, by their addresses of `family`; target None: UNREACHABLE.

    A target of the other family makes it an ICMPv6 message with IPv4-mapped addresses."""
    quoted = bytes(nvgre(vsid) / Raw(bytes(frame)[:QUOTE]))
    if quote == "ip":
        quoted = bytes(outer(family, told[1], teller[1]) / Raw(quoted))
    if family == 4 and ":" not in (target or ""):
        icmp = ICMP(type=5, code=10, gw=target) if target else ICMP(type=3, code=10)
        inner = IP(src=teller[1], dst=told[1], ttl=64, flags="DF", id=0) / icmp / Raw(quoted)
    elif target:
        body = ICMPv6ND_Redirect(code=1, tgt=mapped(target), dst=mapped(teller[1]))
        if option:
            body = body / ICMPv6NDOptRedirectedHdr(pkt=quoted + bytes(-len(quoted) % 8))
        else:
            body = body / Raw(quoted)
        inner = IPv6(src=mapped(teller[1]), dst=mapped(told[1]), hlim=255) / body
    else:
        inner = IPv6(src=teller[1], dst=told[1], hlim=255) / ICMPv6DestUnreach(code=1) / Raw(quoted)
    about = Ether(src=teller[0], dst=told[0]) / inner
    return tunnelled(family, teller, told, vsid if message_vsid is None else message_vsid, about)


def outgoing():
    """c-web (10.0.0.5, fd00:1::5) has moved to the third host, by the provider address of the frame's family."""
    pairs = []
    for family in (4, 6):
        ours, theirs = OURS[family], THEIRS[family]
        for frame, target, kind in (
                (udp("10.0.0.6", "10.0.0.5", AWAY, WEB), THIRD[family], "nvgre"),
                (udp("fd00:1::6", "fd00:1::5", AWAY, WEB), THIRD[family], "nvgre"),
                (udp("10.0.0.6", "10.0.0.5", AWAY, WEB, 300), THIRD[family], "vxlan"),
                (Ether(src=AWAY, dst=WEB) / ARP(op=1, hwsrc=AWAY, psrc="10.0.0.6", pdst="10.0.0.5"), THIRD[family], "nvgre"),
                (udp("10.0.0.6", "10.0.0.77", AWAY, WEB), None, "nvgre"),
                (udp("fd00:1::6", "fd00:1::77", AWAY, WEB), None, "vxlan")):
            pairs += [tunnelled(family, theirs, ours, 5001, frame, kind), message(family, ours, theirs, target, 5001, frame)]
    frame = udp("10.0.0.6", "10.0.0.5", AWAY, WEB)  # a virtual subnet that is not here
    pairs += [tunnelled(4, THEIRS[4], OURS[4], 7001, frame), message(4, OURS[4], THEIRS[4], None, 7001, frame)]
    for family in (4, 6):  # it has moved to the third host by the provider address of the other family
        frame = udp("10.0.0.6", "10.0.0.5", AWAY, WEB)
        pairs += [tunnelled(family, THEIRS[family], OURS[family], 5001, frame),
                  message(family, OURS[family], THEIRS[family], THIRD[10 - family], 5001, frame)]
    return pairs


def incoming():
    """About guests behind 198.51.100.12 (10.0.0.6) and 2001:db8:ee::12 (10.0.0.7), to whom c-web sent."""
    four = udp("10.0.0.5", "10.0.0.6", WEB, AWAY)
    six = udp("fd00:1::5", "fd00:1::7", WEB, "00:15:5d:00:00:07")
    routed = udp("10.0.0.5", "10.0.1.23", "00:15:5d:ff:ff:01", "00:15:5d:00:00:17")
    a, b = (THEIRS[4], OURS[4]), (THEIRS[6], OURS[6])
    return [
        message(4, *a, THIRD[4], 5001, four),
        message(4, *a, None, 5001, four),
        message(4, *a, THIRD[4], 5001, four, RESERVED),
        message(4, *a, THIRD[4], 5001, four, quote="gre"),
        message(4, *a, THIRD[4], 5002, routed),
        message(6, *b, THIRD[6], 5001, six),
        message(6, *b, None, 5001, six, RESERVED),
        message(6, *b, THIRD[6], 5001, six, option=False),
        message(6, *b, THIRD[6], 5001, six, quote="gre"),
        message(4, *a, THIRD[6], 5001, four),
        message(4, *a, THIRD[6], 5001, four, RESERVED, quote="gre"),
        message(6, *b, THIRD[4], 5001, six),
    ]


def main():
    for name, frames in (("control-out", outgoing()), ("control-in", incoming())):
        for f in frames:
            f.time = 0
        wrpcap(str(HERE / f"{name}.pcap"), frames)
    return 0


if __name__ == "__main__":
    sys.exit(main())
