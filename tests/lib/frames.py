# SPDX-License-Identifier: Apache-2.0
"""Frames of network virtualization, made and read by scapy: an implementation that is not weft's."""
import struct
import sys

sys.path.append("/usr/lib/python3/dist-packages")  # Debian's python3-scapy serves any python
# Only the layers that are used: scapy.all takes a second.
from scapy.layers.inet import GRE, ICMP, IP, TCP, UDP  # noqa: E402,F401
from scapy.layers.inet6 import IPv6  # noqa: E402,F401
from scapy.layers.l2 import ARP, Dot1AD, Dot1Q, Ether  # noqa: E402,F401
from scapy.layers.vxlan import VXLAN  # noqa: E402,F401
from scapy.packet import Raw  # noqa: E402,F401
from scapy.utils import PcapReader  # noqa: E402,F401


def inner(source, to, payload=b"", **ip):
    """A guest's UDP datagram; source and to are (MAC address, IP address)."""
    return (Ether(src=source[0], dst=to[0]) / IP(src=source[1], dst=to[1], **ip) /
            UDP(sport=40000, dport=40001) / Raw(payload))


def nvgre(source, to, vsid, frame, flow=0, flags=b"\x20\x00\x65\x58", key=None, **ip):
    """An NVGRE frame, RFC 7637: the GRE header byte by byte, so that it may be wrong."""
    key = struct.pack("!I", vsid << 8 | flow) if key is None else key
    return (Ether(src=source[0], dst=to[0]) / IP(src=source[1], dst=to[1], proto=47, flags=ip.pop("flags", "DF"), **ip) /
            Raw(flags + key + bytes(frame)))


def vxlan(source, to, vni, frame, flags=8, **udp):
    return (Ether(src=source[0], dst=to[0]) / IP(src=source[1], dst=to[1], flags="DF") /
            UDP(sport=50000, dport=4789, **udp) / Raw(struct.pack("!II", flags << 24, vni << 8) + bytes(frame)))


def layers(packet):
    while packet:
        yield packet
        packet = packet.payload


def checksums_hold(packet):
    """Each checksum in the packet, from here inwards, is the one that scapy works out."""
    again = packet.__class__(bytes(packet))
    checked = [n for n, layer in enumerate(layers(packet)) if layer.fields.get("chksum")]
    for n in checked:
        del again.getlayer(n).chksum
    again = packet.__class__(bytes(again))
    return all(again.getlayer(n).chksum == packet.getlayer(n).chksum for n in checked)
