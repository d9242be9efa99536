#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes hnv_answers_frames.def: what a guest asks and what it is to hear, built by scapy, not by us.

usage: tests/packet/hnv_answers_frames.py > tests/packet/hnv_answers_frames.def
       tests/packet/hnv_answers_frames.py --corpus tests/fuzz/corpus/answers    every third, as fuzz_answers.c reads it
"""
import logging
import sys
from pathlib import Path

logging.getLogger("scapy").setLevel(logging.ERROR)
from scapy.all import (ARP, BOOTP, DHCP, ICMP, UDP, TCP, Ether, ICMPv6DestUnreach, ICMPv6EchoReply, ICMPv6EchoRequest,  # noqa: E402
                       ICMPv6MLReport, ICMPv6ND_NA, ICMPv6ND_NS, ICMPv6ND_RA, ICMPv6ND_Redirect, ICMPv6ND_RS,
                       ICMPv6NDOptDstLLAddr, ICMPv6NDOptMTU, ICMPv6NDOptPrefixInfo, ICMPv6NDOptRDNSS,
                       ICMPv6NDOptSrcLLAddr, IP, IPv6, IPv6ExtHdrFragment, IPv6ExtHdrHopByHop, Raw, raw)
from scapy.layers.dhcp6 import (DHCP6_Advertise, DHCP6_Confirm, DHCP6_InfoRequest, DHCP6_Rebind, DHCP6_Release,  # noqa: E402
                                DHCP6_Renew, DHCP6_Reply, DHCP6_Request, DHCP6_Solicit, DHCP6OptClientId,
                                DHCP6OptDNSServers, DHCP6OptIA_NA, DHCP6OptIA_PD, DHCP6OptIAAddress,
                                DHCP6OptRapidCommit, DHCP6OptServerId, DHCP6OptStatusCode, DUID_LL)

VM, PEER, BESIDE, ROUTER = "00:15:5d:00:00:05", "00:15:5d:00:00:06", "00:15:5d:00:00:07", "00:15:5d:ff:ff:01"
ALL, SOLICITED, NODES = "ff:ff:ff:ff:ff:ff", "33:33:ff:00:00:06", "33:33:00:00:00:01"
LL, ROUTER_LL = "fe80::215:5dff:fe00:5", "fe80::215:5dff:feff:ff01"
rows = []


def row(about, ask, answer=None, drop=None, to="vm", mode=""):
    """answer: the frame that comes back (to vm), True: the question itself, to `to`; neither and no drop: consumed."""
    if answer is True:
        answer = ask
    elif answer is not None:
        to = "vm"
    rows.append((about, raw(ask).hex(), raw(answer).hex() if answer is not None else None, drop, to, mode))


def arp(op="who-has", eth=ALL, src=VM, hwsrc=VM, psrc="10.0.0.5", hwdst="00:00:00:00:00:00", pdst="10.0.0.6"):
    return Ether(dst=eth, src=src) / ARP(op=op, hwsrc=hwsrc, psrc=psrc, hwdst=hwdst, pdst=pdst)


def arp_is(mac, ip, psrc="10.0.0.5"):
    return Ether(dst=VM, src=mac) / ARP(op="is-at", hwsrc=mac, psrc=ip, hwdst=VM, pdst=psrc)


def arp_rows():
    row("ARP for a customer address on another host", arp(), arp_is(PEER, "10.0.0.6"))
    row("ARP for one on this host: answered too", arp(pdst="10.0.0.7"), arp_is(BESIDE, "10.0.0.7"))
    row("2012: a guest of this host answers itself", arp(pdst="10.0.0.7"), True, to="beside", mode="2012")
    row("2012: on another host, answered here", arp(), arp_is(PEER, "10.0.0.6"), mode="2012")
    row("2012: unknown, only guests of this host are asked", arp(pdst="10.0.0.99"), True, to="beside", mode="2012")
    row("ARP for the gateway", arp(pdst="10.0.0.1"), arp_is(ROUTER, "10.0.0.1"))
    row("unicast ARP to the router", arp(eth=ROUTER, pdst="10.0.0.1"), arp_is(ROUTER, "10.0.0.1"))
    row("the other subnet's gateway is not on this link", arp(pdst="10.0.1.1"), drop="no-answer")
    row("ARP for nobody", arp(pdst="10.0.0.99"), drop="no-answer")
    row("ARP for nobody where only flooding finds", arp(pdst="10.0.0.99"), True, to="out", mode="l2only")
    row("known all the same", arp(), arp_is(PEER, "10.0.0.6"), mode="l2only")
    row("unicast ARP goes to its guest", arp(eth=PEER, hwdst=PEER), True, to="out")
    row("unicast reply goes to its guest", arp(op="is-at", eth=PEER, hwdst=PEER), True, to="out")
    row("announcement of the own address", arp(pdst="10.0.0.5"), True, to="beside")
    row("announcement as a reply", arp(op="is-at", pdst="10.0.0.5"), True, to="beside")
    row("announcement, flooded", arp(pdst="10.0.0.5"), True, to="out", mode="l2only")
    row("probe for the own address: silence", arp(psrc="0.0.0.0", pdst="10.0.0.5"))
    row("probe for another's address: it is taken", arp(psrc="0.0.0.0"), arp_is(PEER, "10.0.0.6", "0.0.0.0"))
    row("probe for a free address: silence", arp(psrc="0.0.0.0", pdst="10.0.0.50"), drop="no-answer")
    row("another's address", arp(psrc="10.0.0.6", pdst="10.0.0.1"), drop="arp-spoofed")
    row("the gateway's address", arp(op="is-at", psrc="10.0.0.1", eth=BESIDE, hwdst=BESIDE, pdst="10.0.0.7"),
        drop="arp-spoofed")
    row("another's MAC address", arp(hwsrc=PEER), drop="arp-spoofed")
    row("a reply from nobody", arp(op="is-at", psrc="0.0.0.0"), drop="arp-spoofed")
    row("a reply to the router", arp(op="is-at", eth=ROUTER, hwdst=ROUTER, pdst="10.0.0.1"))
    row("RARP", arp(op=3), drop="arp-malformed")
    row("ARP of other lengths", Ether(dst=ALL, src=VM) / ARP(hwlen=6, plen=4, ptype=0x0801, hwsrc=VM), drop="arp-malformed")


def ns(target="fd00:1::6", src="fd00:1::5", eth=SOLICITED, dst="ff02::1:ff00:6", lladdr=VM, hlim=255, option=True):
    packet = Ether(dst=eth, src=VM) / IPv6(src=src, dst=dst, hlim=hlim) / ICMPv6ND_NS(tgt=target)
    return packet / ICMPv6NDOptSrcLLAddr(lladdr=lladdr) if option else packet


def na(mac, target, router=0, dst="fd00:1::5", eth=VM, solicited=1):
    return (Ether(dst=eth, src=mac) / IPv6(src=target, dst=dst, hlim=255) /
            ICMPv6ND_NA(R=router, S=solicited, O=1, tgt=target) / ICMPv6NDOptDstLLAddr(lladdr=mac))


def guest_na(target="fd00:1::5", src="fd00:1::5", lladdr=VM, eth=PEER, dst="fd00:1::6"):
    return (Ether(dst=eth, src=VM) / IPv6(src=src, dst=dst, hlim=255) /
            ICMPv6ND_NA(R=0, S=1, O=1, tgt=target) / ICMPv6NDOptDstLLAddr(lladdr=lladdr))


def ra(dst, eth, managed=0, a=0, rdnss=()):
    packet = (Ether(dst=eth, src=ROUTER) / IPv6(src=ROUTER_LL, dst=dst, hlim=255) /
              ICMPv6ND_RA(chlim=64, M=managed, O=managed, prf=0, routerlifetime=9000, reachabletime=0, retranstimer=0) /
              ICMPv6NDOptSrcLLAddr(lladdr=ROUTER) / ICMPv6NDOptMTU(mtu=1458) /
              ICMPv6NDOptPrefixInfo(prefixlen=64, L=1, A=a, validlifetime=2592000, preferredlifetime=604800,
                                    prefix="fd00:1::"))
    return packet / ICMPv6NDOptRDNSS(lifetime=9000, dns=list(rdnss)) if rdnss else packet


def nd_rows():
    row("NS for a customer address on another host", ns(), na(PEER, "fd00:1::6"))
    row("NS from the link-local address", ns(src=LL), na(PEER, "fd00:1::6", dst=LL))
    row("NS for the gateway", ns("fd00:1::1"), na(ROUTER, "fd00:1::1", router=1))
    row("NS for the router's link-local address", ns(ROUTER_LL), na(ROUTER, ROUTER_LL, router=1))
    row("unicast NS to the router (NUD)", ns("fd00:1::1", eth=ROUTER, dst="fd00:1::1"), na(ROUTER, "fd00:1::1", router=1))
    row("unicast NS goes to its guest (NUD)", ns(eth=PEER, dst="fd00:1::6"), True, to="out")
    row("NS for nobody", ns("fd00:1::99"), drop="no-answer")
    row("NS for nobody where only flooding finds", ns("fd00:1::99"), True, to="out", mode="l2only")
    row("2012: a guest of this host answers itself", ns("fd00:1::7"), True, to="beside", mode="2012")
    row("DAD for another's address: it is taken", ns(src="::", option=False),
        na(PEER, "fd00:1::6", dst="ff02::1", eth=NODES, solicited=0))
    row("DAD for the own address: silence", ns("fd00:1::5", src="::", option=False))
    row("DAD for the own link-local address: silence", ns(LL, src="::", option=False), drop="no-answer")
    row("DAD with a link-layer address", ns(src="::"), drop="nd-malformed")
    row("NS from beyond the link", ns(hlim=64), drop="nd-malformed")
    row("NS for a group", ns("ff02::1:ff00:6"), drop="nd-malformed")
    row("another's link-layer address", ns(lladdr=PEER), drop="nd-spoofed")
    row("another's address as source", ns(src="fd00:1::6", target="fd00:1::1"), drop="not-own-address")
    row("the router's link-local address as source", ns(src=ROUTER_LL), drop="nd-spoofed")
    bad = ns()
    bad[ICMPv6ND_NS].cksum = 0x1234
    row("wrong checksum", bad, drop="nd-malformed")
    row("option of length 0", ns(option=False) / Raw(bytes(8)), drop="nd-malformed")
    row("fragmented discovery (RFC 6980)", Ether(dst=SOLICITED, src=VM) / IPv6(src="fd00:1::5", dst="ff02::1:ff00:6", hlim=255) /
        IPv6ExtHdrFragment(m=1) / ICMPv6ND_NS(tgt="fd00:1::6"), drop="nd-malformed")
    row("NA goes to its guest", guest_na(), True, to="out")
    row("NA for the link-local address", guest_na(target=LL, src=LL), True, to="out")
    row("NA for another's address", guest_na(target="fd00:1::7"), drop="nd-spoofed")
    row("NA for the gateway", guest_na(target="fd00:1::1"), drop="nd-spoofed")
    row("NA for the router's link-local address", guest_na(target=ROUTER_LL), drop="nd-spoofed")
    row("NA with another's link-layer address", guest_na(lladdr=PEER), drop="nd-spoofed")
    row("unsolicited NA", guest_na(eth=NODES, dst="ff02::1"), True, to="beside")
    row("NA to the router", guest_na(eth=ROUTER, dst=ROUTER_LL))
    row("a redirect", Ether(dst=PEER, src=VM) / IPv6(src=LL, dst="fd00:1::6", hlim=255) /
        ICMPv6ND_Redirect(tgt=LL, dst="fd00:2::9"), drop="nd-spoofed")
    rs = Ether(dst="33:33:00:00:00:02", src=VM) / IPv6(src=LL, dst="ff02::2", hlim=255) / ICMPv6ND_RS()
    row("RS without dhcp: silence", rs / ICMPv6NDOptSrcLLAddr(lladdr=VM))
    row("RS where DHCPv6 is answered", rs / ICMPv6NDOptSrcLLAddr(lladdr=VM),
        ra(LL, VM, managed=1, rdnss=("fd00:53::1", "fd00:53::2")), mode="dhcp")
    row("RS where addresses are learned, too", rs / ICMPv6NDOptSrcLLAddr(lladdr=VM),
        ra(LL, VM, managed=1, a=1, rdnss=("fd00:53::1", "fd00:53::2")), mode="dhcp learn")
    rs[IPv6].src = "::"
    row("RS from nobody", rs, ra("ff02::1", NODES, managed=1, rdnss=("fd00:53::1", "fd00:53::2")), mode="dhcp")


def ping_rows():
    data = Raw(bytes(range(56)))
    echo = Ether(dst=ROUTER, src=VM) / IP(src="10.0.0.5", dst="10.0.0.1", ttl=64, id=77) / ICMP(id=7, seq=3) / data
    reply = Ether(dst=VM, src=ROUTER) / IP(src="10.0.0.1", dst="10.0.0.5", ttl=64, id=77) / ICMP(type=0, id=7, seq=3) / data
    row("echo request to the gateway", echo, reply)
    echo[IP].dst = reply[IP].src = "10.0.1.1"
    row("to the gateway of another subnet of the domain", echo, reply)
    echo[IP].dst = "10.0.1.7"
    row("to a guest", echo, True, to="out")
    echo[IP].dst, echo[IP].options = "10.0.0.1", [b"\x07\x07\x04\x00\x00\x00\x00\x00"]
    row("with options", echo, drop="router-no-service")
    row("ICMP that is no echo request", Ether(dst=ROUTER, src=VM) / IP(src="10.0.0.5", dst="10.0.0.1") / ICMP(type=13),
        drop="router-no-service")
    short = Ether(dst=ROUTER, src=VM) / IP(src="10.0.0.5", dst="10.0.0.1", len=200) / ICMP() / data
    row("an echo request that is cut off", short, drop="router-no-service")
    later = Ether(dst=ROUTER, src=VM) / IP(src="10.0.0.5", dst="10.0.0.1", proto=1, frag=185, id=5) / Raw(b"x" * 64)
    row("a later fragment of an echo request", later,
        Ether(dst=VM, src=ROUTER) / IP(src="10.0.0.1", dst="10.0.0.5", proto=1, frag=185, id=5) / Raw(b"x" * 64))
    for to in ("fd00:1::1", ROUTER_LL):
        row(f"ICMPv6 echo request to {to}",
            Ether(dst=ROUTER, src=VM) / IPv6(src="fd00:1::5", dst=to) / ICMPv6EchoRequest(id=7, seq=3, data=bytes(56)),
            Ether(dst=VM, src=ROUTER) / IPv6(src=to, dst="fd00:1::5") / ICMPv6EchoReply(id=7, seq=3, data=bytes(56)))
    row("MLD passes", Ether(dst="33:33:00:00:00:16", src=VM) / IPv6(src=LL, dst="ff02::16", hlim=1) / IPv6ExtHdrHopByHop() /
        ICMPv6MLReport(), True, to="out")
    row("UDP passes", Ether(dst=PEER, src=VM) / IP(src="10.0.0.5", dst="10.0.0.6") / UDP(sport=1, dport=53) / data, True, to="out")
    row("DHCP passes where it is not answered", Ether(dst=ALL, src=VM) / IP(src="0.0.0.0", dst="255.255.255.255") /
        UDP(sport=68, dport=67) / BOOTP(chaddr=bytes.fromhex(VM.replace(":", ""))) / DHCP(options=[("message-type", 1), "end"]),
        True, to="out")


MAC = bytes.fromhex(VM.replace(":", ""))
COMMON = [("subnet_mask", "255.255.255.0"), ("router", "10.0.0.1"), ("name_server", "192.0.2.53", "192.0.2.54"),
          ("interface-mtu", 1458)]
LEASE = [("lease_time", 3600), ("renewal_time", 1800), ("rebinding_time", 3150)]


def dhcp(kind, options=(), src="0.0.0.0", dst="255.255.255.255", eth=ALL, ciaddr="0.0.0.0", flags=0, **kw):
    kw.setdefault("chaddr", MAC)
    return (Ether(dst=eth, src=VM) / IP(src=src, dst=dst) / UDP(sport=68, dport=67) /
            BOOTP(op=1, xid=0x12345678, ciaddr=ciaddr, flags=flags, **kw) /
            DHCP(options=[("message-type", kind), *options, "end"]))


def dhcp_is(kind, dst="10.0.0.5", eth=VM, yiaddr="10.0.0.5", ciaddr="0.0.0.0", flags=0, options=None, extra=()):
    lease = LEASE if yiaddr != "0.0.0.0" else []
    options = options if options is not None else [*lease, *COMMON]
    packet = (BOOTP(op=2, xid=0x12345678, ciaddr=ciaddr, yiaddr=yiaddr, flags=flags, chaddr=MAC) /
              DHCP(options=[("message-type", kind), ("server_id", "10.0.0.1"), *options, *extra, "end"]))
    return (Ether(dst=eth, src=ROUTER) / IP(src="10.0.0.1", dst=dst, flags="DF", id=0) / UDP(sport=67, dport=68) /
            Raw(raw(packet).ljust(300, b"\0")))


def dhcp_rows():
    m = {"mode": "dhcp"}
    wanted = ("requested_addr", "10.0.0.5")
    server = ("server_id", "10.0.0.1")
    row("DISCOVER", dhcp("discover"), dhcp_is("offer"), **m)
    row("DISCOVER that wants broadcast", dhcp("discover", flags=0x8000),
        dhcp_is("offer", dst="255.255.255.255", eth=ALL, flags=0x8000), **m)
    row("DISCOVER with a client id (RFC 6842)", dhcp("discover", [("client_id", b"\x01" + MAC)]),
        dhcp_is("offer", extra=[("client_id", b"\x01" + MAC)]), **m)
    row("DISCOVER that wants another address", dhcp("discover", [("requested_addr", "10.0.0.77")]), dhcp_is("offer"), **m)
    row("REQUEST for what was offered", dhcp("request", [wanted, server]), dhcp_is("ack"), **m)
    row("REQUEST after a reboot", dhcp("request", [wanted]), dhcp_is("ack"), **m)
    row("REQUEST to renew", dhcp("request", src="10.0.0.5", dst="10.0.0.1", eth=ROUTER, ciaddr="10.0.0.5"),
        dhcp_is("ack", ciaddr="10.0.0.5"), **m)
    row("REQUEST to rebind", dhcp("request", src="10.0.0.5", ciaddr="10.0.0.5"), dhcp_is("ack", ciaddr="10.0.0.5"), **m)
    row("REQUEST for another's address", dhcp("request", [("requested_addr", "10.0.0.6"), server]),
        dhcp_is("nak", dst="255.255.255.255", eth=ALL, yiaddr="0.0.0.0", options=[]), **m)
    row("REQUEST for an address of elsewhere, after a move", dhcp("request", [("requested_addr", "192.168.1.9")]),
        dhcp_is("nak", dst="255.255.255.255", eth=ALL, yiaddr="0.0.0.0", options=[]), **m)
    row("REQUEST to another server", dhcp("request", [wanted, ("server_id", "10.0.0.9")]), **m)
    row("REQUEST for nothing", dhcp("request"), **m)
    row("INFORM", dhcp("inform", src="10.0.0.5", ciaddr="10.0.0.5"), dhcp_is("ack", yiaddr="0.0.0.0", ciaddr="10.0.0.5"), **m)
    row("DECLINE", dhcp("decline", [wanted, server]), **m)
    row("RELEASE", dhcp("release", [server], src="10.0.0.5", dst="10.0.0.1", eth=ROUTER, ciaddr="10.0.0.5"), **m)
    row("another's hardware address", dhcp("discover", chaddr=b"\0\x15\x5d\0\0\x06"), drop="dhcp-refused", **m)
    row("a relay", dhcp("discover", giaddr="10.0.0.5"), drop="dhcp-refused", **m)
    row("a guest that is a server", Ether(dst=ALL, src=VM) / IP(src="10.0.0.5", dst="255.255.255.255") /
        UDP(sport=67, dport=68) / BOOTP(op=2, chaddr=b"\0\x15\x5d\0\0\x06") / DHCP(options=[("message-type", "offer"), "end"]),
        drop="dhcp-refused", **m)
    bad = dhcp("discover")
    bad[UDP].chksum = 0x1234
    row("wrong checksum", bad, drop="dhcp-refused", **m)
    bad[UDP].chksum = 0
    row("no checksum", bad, dhcp_is("offer"), **m)
    row("no address for the adapter", dhcp("discover"), drop="dhcp-no-address", mode="dhcp bare")


CID, SID = DHCP6OptClientId(duid=DUID_LL(lladdr=VM)), DHCP6OptServerId(duid=DUID_LL(lladdr=ROUTER))
DNS6 = DHCP6OptDNSServers(dnsservers=["fd00:53::1", "fd00:53::2"])


def dhcp6(message):
    return (Ether(dst="33:33:00:01:00:02", src=VM) / IPv6(src=LL, dst="ff02::1:2", hlim=1) / UDP(sport=546, dport=547) / message)


def dhcp6_is(message):
    return Ether(dst=VM, src=ROUTER) / IPv6(src=ROUTER_LL, dst=LL) / UDP(sport=547, dport=546) / message


def ia(*addresses, times=(0, 0), lives=(0, 0)):
    return DHCP6OptIA_NA(iaid=9, T1=times[0], T2=times[1], ianaopts=[
        DHCP6OptIAAddress(addr=a, preflft=lives[0], validlft=lives[1]) for a in addresses])


def dhcp6_rows():
    m = {"mode": "dhcp"}
    given = ia("fd00:1::5", times=(1800, 2880), lives=(3600, 7200))
    row("SOLICIT", dhcp6(DHCP6_Solicit(trid=7) / CID / ia()), dhcp6_is(DHCP6_Advertise(trid=7) / CID / SID / given / DNS6), **m)
    row("SOLICIT with rapid commit", dhcp6(DHCP6_Solicit(trid=7) / CID / DHCP6OptRapidCommit() / ia()),
        dhcp6_is(DHCP6_Reply(trid=7) / CID / SID / DHCP6OptRapidCommit() / given / DNS6), **m)
    for kind, message in (("REQUEST", DHCP6_Request), ("RENEW", DHCP6_Renew)):
        row(kind, dhcp6(message(trid=8) / CID / SID / ia("fd00:1::5")), dhcp6_is(DHCP6_Reply(trid=8) / CID / SID / given / DNS6), **m)
    row("REBIND", dhcp6(DHCP6_Rebind(trid=8) / CID / ia("fd00:1::5")), dhcp6_is(DHCP6_Reply(trid=8) / CID / SID / given / DNS6), **m)
    taken = ia("fd00:1::5", times=(1800, 2880), lives=(3600, 7200))
    taken.ianaopts.append(DHCP6OptIAAddress(addr="fd00:1::66", preflft=0, validlft=0))
    row("RENEW with an address that is not the adapter's any more", dhcp6(DHCP6_Renew(trid=8) / CID / SID / ia("fd00:1::66")),
        dhcp6_is(DHCP6_Reply(trid=8) / CID / SID / taken / DNS6), **m)
    row("CONFIRM", dhcp6(DHCP6_Confirm(trid=8) / CID / ia("fd00:1::5")),
        dhcp6_is(DHCP6_Reply(trid=8) / CID / SID / DHCP6OptStatusCode(statuscode=0) / DNS6), **m)
    row("CONFIRM of an address of elsewhere", dhcp6(DHCP6_Confirm(trid=8) / CID / ia("fd00:9::5")),
        dhcp6_is(DHCP6_Reply(trid=8) / CID / SID / DHCP6OptStatusCode(statuscode=4) / DNS6), **m)
    row("RELEASE", dhcp6(DHCP6_Release(trid=8) / CID / SID / ia("fd00:1::5")),
        dhcp6_is(DHCP6_Reply(trid=8) / CID / SID / DHCP6OptStatusCode(statuscode=0) / DNS6), **m)
    row("INFORMATION-REQUEST", dhcp6(DHCP6_InfoRequest(trid=8) / CID), dhcp6_is(DHCP6_Reply(trid=8) / CID / SID / DNS6), **m)
    row("prefix delegation", dhcp6(DHCP6_Solicit(trid=7) / CID / DHCP6OptIA_PD(iaid=3)),
        dhcp6_is(DHCP6_Advertise(trid=7) / CID / SID / DHCP6OptIA_PD(iaid=3, T1=0, T2=0, iapdopt=[DHCP6OptStatusCode(statuscode=6)]) / DNS6), **m)
    row("REQUEST without a server", dhcp6(DHCP6_Request(trid=8) / CID / ia()), drop="dhcp-refused", **m)
    row("SOLICIT without a client id", dhcp6(DHCP6_Solicit(trid=8) / ia()), drop="dhcp-refused", **m)
    row("REQUEST to another server", dhcp6(DHCP6_Request(trid=8) / CID / DHCP6OptServerId(duid=DUID_LL(lladdr=PEER)) / ia()), **m)
    row("a guest that is a server", Ether(dst=PEER, src=VM) / IPv6(src=LL, dst="fd00:1::6") / UDP(sport=547, dport=546) /
        DHCP6_Advertise(trid=7), drop="dhcp-refused", **m)
    row("no address for the adapter", dhcp6(DHCP6_Solicit(trid=7) / CID / ia()), drop="dhcp-no-address", mode="dhcp bare")


def mss_rows():
    for about, options, want, mode in (("MSS of 1460", [("MSS", 1460)], [("MSS", 1418)], "clamp"),
                                       ("MSS that fits", [("MSS", 1400)], [("MSS", 1400)], "clamp"),
                                       ("MSS behind a NOP", [("NOP", None), ("MSS", 1460)], [("NOP", None), ("MSS", 1418)], "clamp"),
                                       ("no clamping asked for", [("MSS", 1460)], [("MSS", 1460)], "")):
        for flags in ("S", "SA"):
            ask = Ether(dst=PEER, src=VM) / IP(src="10.0.0.5", dst="10.0.0.6") / TCP(flags=flags, options=options)
            told = Ether(dst=PEER, src=VM) / IP(src="10.0.0.5", dst="10.0.0.6") / TCP(flags=flags, options=want)
            rows.append((f"{about}, {flags}", raw(ask).hex(), raw(told).hex(), None, "out", mode))
    ask = Ether(dst=PEER, src=VM) / IPv6(src="fd00:1::5", dst="fd00:1::6") / TCP(flags="S", options=[("MSS", 1440)])
    told = Ether(dst=PEER, src=VM) / IPv6(src="fd00:1::5", dst="fd00:1::6") / TCP(flags="S", options=[("MSS", 1398)])
    rows.append(("MSS over IPv6", raw(ask).hex(), raw(told).hex(), None, "out", "clamp"))


def text(value):
    return "NULL" if value is None else f'"{value}"'


def corpus(folder):
    modes = ("2012", "l2only", "dhcp", "learn", "clamp", "bare")
    for about, ask, _, _, _, mode in rows[::3]:
        bits = sum(1 << i for i, m in enumerate(modes) if m in mode) | 0xC0
        name = "-".join("".join(c if c.isalnum() else " " for c in about.lower()).split())
        (Path(folder) / name).write_bytes(bytes((bits, 0, 128, 0)) + bytes.fromhex(ask))


def main():
    for make in (arp_rows, nd_rows, ping_rows, dhcp_rows, dhcp6_rows, mss_rows):
        make()
    if sys.argv[1:2] == ["--corpus"]:
        corpus(sys.argv[2])
        return
    print("/* SPDX-License-Identifier: Apache-2.0 */")
    print("/* Made by hnv_answers_frames.py; do not edit. {about, asked, heard, drop, to, mode} */")
    print("/* clang-format off */")
    for about, ask, answer, drop, to, mode in rows:
        print(f"{{{text(about)}, {text(ask)},\n {text(answer)}, {text(drop)}, {text(to)}, {text(mode)}}},")


main()
