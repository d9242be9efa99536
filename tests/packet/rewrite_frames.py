#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes rewrite_frames.h: packets of guests of rule nat and what they are on the wire, built by scapy, not by us.

usage: tests/packet/rewrite_frames.py > tests/packet/rewrite_frames.h
"""
import logging

logging.getLogger("scapy").setLevel(logging.ERROR)
from scapy.all import (ARP, ICMP, UDP, TCP, Dot1Q, Ether, ICMPv6DestUnreach, ICMPv6EchoReply, ICMPv6EchoRequest,  # noqa: E402
                       ICMPv6ND_Redirect, ICMPv6PacketTooBig, ICMPv6TimeExceeded, IP, IPerror, IPv6, IPv6ExtHdrDestOpt,
                       IPv6ExtHdrFragment, PadN, Raw, fragment, raw)

# c-web and c-mac (with use-vm-mac-address) are here; the others are away. f-web has c-web's addresses in another domain.
CWEB, CMAC, PEER, DB, FAR = "00:15:5d:00:00:05", "00:15:5d:00:00:15", "00:15:5d:00:00:06", "00:15:5d:00:00:17", "00:15:5d:00:00:08"
ROUTER, HERE4, HERE6, AWAY4, AWAY6 = ("00:15:5d:ff:ff:01", "02:00:00:00:aa:04", "02:00:00:00:aa:06", "02:00:00:00:bb:04",
                                      "02:00:00:00:bb:06")
CA = {"cweb": "10.0.0.5", "cmac": "10.0.0.21", "peer": "10.0.0.6", "db": "10.0.1.23", "far": "10.0.0.8", "tunnel": "10.0.0.9"}
CA6 = {"cweb": "fd00:1::5", "cmac": "fd00:1::15", "peer": "fd00:1::6", "db": "fd00:2::17"}
PA = {"cweb": "198.51.100.105", "cmac": "198.51.100.121", "peer": "198.51.100.106", "db": "198.51.100.123",
      "fweb": "198.51.100.155", "fpeer": "198.51.100.156"}
PA6 = {"cweb": "2001:db8:ee::105", "cmac": "2001:db8:ee::121", "peer": "2001:db8:ee::106", "db": "2001:db8:ee::123"}
TEXT = Raw(b"the payload, odd: 27 bytes.")
rows = []


def row(about, at, frame, out=None, expect=None, drop=None):
    rows.append((about, at, raw(frame).hex(), out, raw(expect).hex() if expect is not None else None, drop))


def both(about, l3, wire, ttl=64):
    """One packet of c-web's to `peer` and the same back: as the guest has it, as the wire has it."""
    ip4 = l3 is IP
    ca, pa = (CA, PA) if ip4 else (CA6, PA6)
    here, away = (HERE4, AWAY4) if ip4 else (HERE6, AWAY6)
    row(f"{about}, out", "c-web", Ether(src=CWEB, dst=PEER) / wire(ca["cweb"], ca["peer"], ca), "wire:fabric",
        Ether(src=here, dst=away) / wire(pa["cweb"], pa["peer"], pa))
    row(f"{about}, in", "wire:fabric", Ether(src=away, dst=here) / wire(pa["peer"], pa["cweb"], pa), "c-web",
        Ether(src=PEER, dst=CWEB) / wire(ca["peer"], ca["cweb"], ca))


def pieces(packet, n):
    return fragment(packet, 24)[n]


def plain_rows():
    both("TCP", IP, lambda s, d, _: IP(src=s, dst=d, flags="DF", id=7) / TCP(sport=1, dport=2, flags="PA") / TEXT)
    both("UDP", IP, lambda s, d, _: IP(src=s, dst=d, id=7, tos=0xb9) / UDP(sport=1, dport=2) / TEXT)
    both("UDP without a checksum", IP, lambda s, d, _: IP(src=s, dst=d) / UDP(sport=1, dport=2, chksum=0) / TEXT)
    both("VXLAN of a guest's own", IP, lambda s, d, _: IP(src=s, dst=d) / UDP(sport=1, dport=4789) / TEXT)
    both("GRE of a guest's own", IP, lambda s, d, _: IP(src=s, dst=d, proto=47) / Raw(b"\x20\x00\x65\x58\x00\x13\x89\x00") / TEXT)
    both("ping", IP, lambda s, d, _: IP(src=s, dst=d) / ICMP(id=5, seq=6) / TEXT)
    both("options", IP, lambda s, d, _: IP(src=s, dst=d, options=b"\x94\x04\x00\x00") / UDP(sport=1, dport=2) / TEXT)
    for n, name in enumerate(("first fragment", "later fragment")):
        both(name, IP, lambda s, d, _, n=n: pieces(IP(src=s, dst=d, id=9) / UDP(sport=1, dport=2) / TEXT, n))
    both("TCP 6", IPv6, lambda s, d, _: IPv6(src=s, dst=d, tc=3, fl=0x12345) / TCP(sport=1, dport=2) / TEXT)
    both("UDP 6 behind options", IPv6,
         lambda s, d, _: IPv6(src=s, dst=d) / IPv6ExtHdrDestOpt(options=[PadN(optdata=b"\0\0\0\0")]) / UDP(sport=1, dport=2) / TEXT)
    both("ping 6", IPv6, lambda s, d, _: IPv6(src=s, dst=d) / ICMPv6EchoRequest(id=5, seq=6) / TEXT)
    both("ping answered 6", IPv6, lambda s, d, _: IPv6(src=s, dst=d) / ICMPv6EchoReply(id=5, seq=6) / TEXT)
    both("later fragment 6", IPv6, lambda s, d, _: IPv6(src=s, dst=d) / IPv6ExtHdrFragment(offset=3, nh=17, id=9) / TEXT)


def error_rows():
    """The quoted packet went the other way."""
    def quoted(ca, s, d):
        return IPerror(raw(IP(src=d, dst=s, id=3) / UDP(sport=7, dport=8) / TEXT))
    both("port unreachable", IP, lambda s, d, ca: IP(src=s, dst=d) / ICMP(type=3, code=3) / Raw(raw(quoted(ca, s, d))))
    both("quotes eight bytes of TCP", IP, lambda s, d, _: IP(src=s, dst=d) / ICMP(type=3, code=13) / Raw(
        raw(IP(src=d, dst=s, id=3) / TCP(sport=7, dport=8) / TEXT)[:28]))
    both("quotes all of TCP", IP, lambda s, d, _: IP(src=s, dst=d) / ICMP(type=3, code=13) / Raw(
        raw(IP(src=d, dst=s, id=3) / TCP(sport=7, dport=8) / TEXT)))
    both("quotes a later fragment", IP, lambda s, d, _: IP(src=s, dst=d) / ICMP(type=11, code=1) / Raw(
        raw(pieces(IP(src=d, dst=s, id=3) / UDP(sport=7, dport=8) / TEXT, 1))))
    both("quotes UDP without a checksum", IP, lambda s, d, _: IP(src=s, dst=d) / ICMP(type=3, code=3) / Raw(
        raw(IP(src=d, dst=s) / UDP(sport=7, dport=8, chksum=0) / TEXT)))
    both("port unreachable 6", IPv6, lambda s, d, _: IPv6(src=s, dst=d) / ICMPv6DestUnreach(code=4) / Raw(
        raw(IPv6(src=d, dst=s) / UDP(sport=7, dport=8) / TEXT)))
    both("quotes TCP behind options 6", IPv6, lambda s, d, _: IPv6(src=s, dst=d) / ICMPv6TimeExceeded(code=1) / Raw(
        raw(IPv6(src=d, dst=s) / IPv6ExtHdrDestOpt(options=[PadN(optdata=b"\0\0\0\0")]) / TCP(sport=7, dport=8) / TEXT)))
    both("quotes a ping 6", IPv6, lambda s, d, _: IPv6(src=s, dst=d) / ICMPv6DestUnreach(code=1) / Raw(
        raw(IPv6(src=d, dst=s) / ICMPv6EchoRequest(id=1) / TEXT)))


def router_rows():
    """Routers of the provider's are strangers: they may tell of an error, and the guest hears it from its gateway."""
    router, router6 = "203.0.113.1", "2001:db8:99::1"
    for about, icmp in (("fragmentation needed", ICMP(type=3, code=4, nexthopmtu=1300)), ("time exceeded", ICMP(type=11))):
        row(f"{about} of a router", "wire:fabric",
            Ether(src=AWAY4, dst=HERE4) / IP(src=router, dst=PA["cweb"]) / icmp / Raw(
                raw(IP(src=PA["cweb"], dst=PA["peer"], ttl=1) / TCP(sport=7, dport=8) / TEXT)[:28]), "c-web",
            Ether(src=ROUTER, dst=CWEB) / IP(src="10.0.0.1", dst=CA["cweb"]) / icmp / Raw(
                raw(IP(src=CA["cweb"], dst=CA["peer"], ttl=1) / TCP(sport=7, dport=8) / TEXT)[:28]))
    row("packet too big of a router", "wire:fabric",
        Ether(src=AWAY6, dst=HERE6) / IPv6(src=router6, dst=PA6["cweb"]) / ICMPv6PacketTooBig(mtu=1300) / Raw(
            raw(IPv6(src=PA6["cweb"], dst=PA6["db"]) / UDP(sport=7, dport=8) / TEXT)), "c-web",
        Ether(src=ROUTER, dst=CWEB) / IPv6(src="fd00:1::1", dst=CA6["cweb"]) / ICMPv6PacketTooBig(mtu=1300) / Raw(
            raw(IPv6(src=CA6["cweb"], dst=CA6["db"]) / UDP(sport=7, dport=8) / TEXT)))
    for about, s, d in (("of what another guest sent", PA["cmac"], PA["peer"]), ("of the other tenant's", PA["fweb"], PA["fpeer"]),
                        ("to the other tenant", PA["cweb"], PA["fpeer"]), ("to nobody known", PA["cweb"], "198.51.100.99")):
        row(f"error of a router, {about}", "wire:fabric", Ether(src=AWAY4, dst=HERE4) / IP(src=router, dst=PA["cweb"]) /
            ICMP(type=3, code=4, nexthopmtu=600) / Raw(raw(IP(src=s, dst=d) / TCP() / TEXT)), drop="rewrite-foreign-quote")
    row("an error that quotes nothing", "wire:fabric", Ether(src=AWAY4, dst=HERE4) / IP(src=router, dst=PA["cweb"]) /
        ICMP(type=3, code=4) / Raw(b"E" * 19), drop="rewrite-foreign-quote")


def way_rows():
    row("routed, out: the TTL is the router's affair, the MAC address the provider's", "c-web",
        Ether(src=CWEB, dst=ROUTER) / IP(src=CA["cweb"], dst=CA["db"]) / UDP(sport=1, dport=2) / TEXT, "wire:fabric",
        Ether(src=HERE4, dst=AWAY4) / IP(src=PA["cweb"], dst=PA["db"], ttl=63) / UDP(sport=1, dport=2) / TEXT)
    row("routed, in: from the router", "wire:fabric",
        Ether(src=AWAY4, dst=HERE4) / IP(src=PA["db"], dst=PA["cweb"]) / UDP(sport=1, dport=2) / TEXT, "c-web",
        Ether(src=ROUTER, dst=CWEB) / IP(src=CA["db"], dst=CA["cweb"]) / UDP(sport=1, dport=2) / TEXT)
    row("the guest's own MAC address, out", "c-mac",
        Ether(src=CMAC, dst=PEER) / IP(src=CA["cmac"], dst=CA["peer"]) / UDP(sport=1, dport=2) / TEXT, "wire:fabric",
        Ether(src=CMAC, dst=AWAY4) / IP(src=PA["cmac"], dst=PA["peer"]) / UDP(sport=1, dport=2) / TEXT)
    row("the guest's own MAC address, in", "wire:fabric",
        Ether(src=AWAY4, dst=CMAC) / IP(src=PA["peer"], dst=PA["cmac"]) / UDP(sport=1, dport=2) / TEXT, "c-mac",
        Ether(src=PEER, dst=CMAC) / IP(src=CA["peer"], dst=CA["cmac"]) / UDP(sport=1, dport=2) / TEXT)
    row("priority tag taken off", "wire:fabric", Ether(src=AWAY4, dst=HERE4) / Dot1Q(vlan=0, prio=3) /
        IP(src=PA["peer"], dst=PA["cweb"]) / UDP(sport=1, dport=2) / TEXT, "c-web",
        Ether(src=PEER, dst=CWEB) / IP(src=CA["peer"], dst=CA["cweb"]) / UDP(sport=1, dport=2) / TEXT)
    row("between guests of this host nothing is rewritten", "c-web",
        Ether(src=CWEB, dst=CMAC) / IP(src=CA["cweb"], dst=CA["cmac"]) / UDP(sport=1, dport=2) / TEXT, "c-mac",
        Ether(src=CWEB, dst=CMAC) / IP(src=CA["cweb"], dst=CA["cmac"]) / UDP(sport=1, dport=2) / TEXT)
    row("unicast ARP for a guest that no ARP reaches is answered here", "c-web",
        Ether(src=CWEB, dst=PEER) / ARP(op=1, hwsrc=CWEB, psrc=CA["cweb"], hwdst=PEER, pdst=CA["peer"]), "c-web",
        Ether(src=PEER, dst=CWEB) / ARP(op=2, hwsrc=PEER, psrc=CA["peer"], hwdst=CWEB, pdst=CA["cweb"]))
    row("ARP for a guest's provider address", "wire:fabric",
        Ether(src=AWAY4, dst="ff:ff:ff:ff:ff:ff") / ARP(op=1, hwsrc=AWAY4, psrc="198.51.100.1", pdst=PA["cmac"]), "wire:fabric",
        Ether(src=CMAC, dst=AWAY4) / ARP(op=2, hwsrc=CMAC, psrc=PA["cmac"], hwdst=AWAY4, pdst="198.51.100.1"))
    row("a stranger's ping is the host's to answer", "wire:fabric",
        Ether(src=AWAY4, dst=HERE4) / IP(src="198.51.100.99", dst=PA["cweb"]) / ICMP(id=1) / TEXT, "wire:fabric",
        Ether(src=HERE4, dst=AWAY4) / IP(src=PA["cweb"], dst="198.51.100.99") / ICMP(type=0, id=1) / TEXT)


def drop_rows():
    udp = UDP(sport=1, dport=2) / TEXT
    row("from one that is not rule nat", "c-enc", Ether(src="00:15:5d:00:00:25", dst=PEER) / IP(src="10.0.0.37", dst=CA["peer"]) /
        udp, drop="rewrite-no-source")
    row("through a customer address", "c-web", Ether(src=CWEB, dst=ROUTER) / IP(src=CA["cweb"], dst="192.0.2.1") / udp,
        drop="rewrite-through")
    row("a redirect of a guest's", "c-web", Ether(src=CWEB, dst=PEER) / IP(src=CA["cweb"], dst=CA["peer"]) /
        ICMP(type=5, gw=CA["cmac"]) / Raw(raw(IP(src=CA["peer"], dst=CA["cweb"]) / udp)), drop="rewrite-not-ip")
    row("an error that quotes what never came", "c-web", Ether(src=CWEB, dst=PEER) / IP(src=CA["cweb"], dst=CA["peer"]) /
        ICMP(type=3, code=3) / Raw(raw(IP(src="192.0.2.1", dst="192.0.2.2") / udp)), drop="rewrite-foreign-quote")
    row("TCP cut off, out", "c-web", Ether(src=CWEB, dst=PEER) / IP(src=CA["cweb"], dst=CA["peer"], proto=6) / Raw(b"x" * 19),
        drop="rewrite-malformed")
    for about, source in (("nobody known", "198.51.100.99"), ("the other tenant's", PA["fpeer"]), ("a host's own", "198.51.100.12")):
        row(f"from {about}", "wire:fabric", Ether(src=AWAY4, dst=HERE4) / IP(src=source, dst=PA["cweb"]) / udp,
            drop="rewrite-unknown-source")
    row("longer than it is", "wire:fabric", Ether(src=AWAY4, dst=HERE4) / IP(src=PA["peer"], dst=PA["cweb"], len=200) / udp,
        drop="rewrite-malformed")
    row("a wrong header checksum", "wire:fabric",
        Ether(src=AWAY4, dst=HERE4) / IP(src=PA["peer"], dst=PA["cweb"], chksum=1) / udp, drop="rewrite-malformed")
    row("a router's redirect", "wire:fabric", Ether(src=AWAY4, dst=HERE4) / IP(src="198.51.100.1", dst=PA["cweb"]) /
        ICMP(type=5, gw="198.51.100.2") / Raw(raw(IP(src=PA["cweb"], dst=PA["peer"]) / udp)), drop="provider-unexpected")


def text(value):
    return "NULL" if value is None else f'"{value}"'


def main():
    plain_rows()
    error_rows()
    router_rows()
    way_rows()
    drop_rows()
    print("/* SPDX-License-Identifier: Apache-2.0 */")
    print("/* Made by rewrite_frames.py; do not edit. {about, where it comes in, frame, where it goes out, as what, drop} */")
    print("/* clang-format off */")
    for r in rows:
        about, at, frame, out, expect, drop = (text(v) for v in r)
        print(f"{{{about}, {at}, {frame},\n {out}, {expect}, {drop}}},")


if __name__ == "__main__":
    main()
