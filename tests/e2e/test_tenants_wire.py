# SPDX-License-Identifier: Apache-2.0
"""What tenants' packets are on the wire, as tshark and scapy read them, and what from the wire never reaches a guest."""
import collections
import socket
import struct
import time

from frames import GRE, IP, TCP, Dot1AD, Dot1Q, Ether, PcapReader, Raw, UDP, checksums_hold, inner, nvgre
from tenants import FABRIKAM, Guest, pa, usual_guests
from tenants_case import TenantsCase
from weftlab import wait_until

FLOWS = 5120  # 20 for each value of FlowID


class Nvgre(TenantsCase):
    """Rows I9, I10, I12, I14, X16: RFC 7637 to the bit."""

    def datagrams(self, name, to, ports, payload=b"x" * 20, copies=2):
        with self.lab.inside(name):
            socks = []
            for port in ports:
                s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
                s.bind(("", port))
                socks.append(s)
        for _ in range(copies):
            for i, s in enumerate(socks):
                s.sendto(payload, (to, 9))
                if i % 128 == 127:
                    time.sleep(0.005)
        for s in socks:
            s.close()

    def settled(self, only, wanted):
        wait_until(f"{wanted} frames are on the wire", lambda: self.f.wire.count(only) >= wanted, 20, 0.5)

    def test_every_field(self):
        self.fabric()
        self.lab.exec("node1", "ethtool", "-K", "eth1", "tx", "off")
        self.datagrams("cweb", "10.0.0.6", range(20000, 20100))
        self.datagrams("cweb", "10.0.1.7", range(20000, 20100))
        self.datagrams("fweb", "10.0.0.6", range(20000, 20100))
        mine = f"gre && ip.src == {pa(1)} && udp"
        self.settled(mine, 600)
        fields = ("ip.proto", "ip.flags.df", "ip.flags.mf", "ip.frag_offset", "ip.ttl", "ip.src", "ip.dst", "ip.len",
                  "gre.flags_and_version", "gre.proto", "frame.len")
        for row in set(self.f.wire.seen(mine, *fields, occurrence="f")):
            self.assertEqual(row, ("47", "1", "0", "0", "64", pa(1), pa(2), "90", "0x2000", "0x6558", "104"))
        # Inner frames: bare Ethernet and IP, the router's MAC address where it was routed, the destination's VSID.
        inside = set(self.f.wire.seen(mine, "gre.key", "eth.type", "eth.src", "eth.dst", "ip.ttl"))
        cweb, router = "00:15:5d:00:00:05", "00:15:5d:ff:ff:01"
        wanted = {5001: ("0x0800,0x0800", cweb, "00:15:5d:00:00:06", "64,64"), 6001: ("0x0800,0x0800", cweb, "00:15:5d:00:00:06", "64,64"),
                  5002: ("0x0800,0x0800", router, "00:15:5d:00:00:07", "64,63")}
        for key, types, source, to, ttls in inside:
            self.assertEqual((types, source.split(",")[1], to.split(",")[1], ttls), wanted[int(key, 16) >> 8])
        self.assertEqual({int(row[0], 16) >> 8 for row in inside}, set(wanted))
        wrong = self.f.wire.text("gre && (ip.checksum.status == 0 || udp.checksum.status == 0 || _ws.malformed)", "-o",
                                 "ip.check_checksum:TRUE", "-o", "udp.check_checksum:TRUE")
        self.assertEqual(wrong, [])

    def test_flow_ids_are_constant_and_spread(self):
        self.fabric()
        first = 20000
        self.datagrams("cweb", "10.0.0.6", range(first, first + FLOWS))
        self.settled("gre && udp.dstport == 9", 2 * FLOWS)
        of_flow = collections.defaultdict(set)
        read = 0
        with PcapReader(str(self.f.wire.pcap)) as packets:
            for p in packets:
                if GRE not in p or UDP not in p or p[UDP].dport != 9:
                    continue
                gre = p[GRE]
                self.assertEqual((bytes(gre)[:4], gre.key >> 8, p[IP].flags), (b"\x20\x00\x65\x58", 5001, "DF"))
                self.assertEqual((p[IP].proto, p[IP].len, p[IP].ihl), (47, len(p) - 14, 5))
                of_flow[p[UDP].sport].add(gre.key & 0xff)
                read += 1
        self.assertEqual((read, len(of_flow)), (2 * FLOWS, FLOWS))
        self.assertEqual({len(ids) for ids in of_flow.values()}, {1}, "constant for each flow")
        count = collections.Counter(min(ids) for ids in of_flow.values())
        expected = FLOWS / 256
        chi_squared = sum((count[i] - expected) ** 2 / expected for i in range(256))
        self.assertLess(chi_squared, 370, "255 degrees of freedom: more than 370 is one in a million")

    def test_segments_are_cut_and_whole(self):
        """Row G13: 64 KiB go in, what is on the wire is valid to the last checksum and the same bytes come out."""
        self.fabric()
        self.lab.exec("node1", "ethtool", "-K", "eth1", "tx", "off")
        self.transfer("cweb", "capp", "10.0.0.6", 1 << 20)
        self.f.wire.say("sync")
        inner_ids, outer_ids, longest, n = [], [], 0, 0
        with PcapReader(str(self.f.wire.pcap)) as packets:
            for p in packets:
                if GRE not in p or TCP not in p or p[IP].src != pa(1):
                    continue
                n += 1
                longest = max(longest, p[IP].len)
                outer_ids.append(p[IP].id)
                within = p[GRE].payload
                self.assertEqual(p[IP].len, len(p) - 14)
                self.assertTrue(checksums_hold(within), within.summary())
                if len(within[TCP].payload) > 1000:
                    inner_ids.append(within[IP].id)
        self.assertLessEqual(longest, 1500)
        self.assertGreater(n, (1 << 20) // 1418)
        increments = sum((b - a) & 0xffff == 1 for a, b in zip(inner_ids, inner_ids[1:]))
        self.assertGreater(increments, 0.8 * len(inner_ids), "the inner IP-ID counts segments")
        increments = sum((b - a) & 0xffff == 1 for a, b in zip(outer_ids, outer_ids[1:]))
        self.assertGreater(increments, 0.8 * len(outer_ids), "and so does the outer one")
        self.assertEqual(self.f.wire.stats()["fragments"], 0)
        self.assertBooks()

    def test_vxlan_for_one_record_and_nvgre_for_another(self):
        guests = usual_guests()
        guests[3].record = {"encapsulation": "vxlan"}  # cdb
        self.fabric(guests)
        self.lab.exec("node1", "ethtool", "-K", "eth1", "tx", "off")
        self.assertMesh()
        self.datagrams("cweb", "10.0.1.7", range(20000, 20200))
        self.settled("vxlan && udp.dstport == 9", 400)
        rows = set(self.f.wire.seen(f"vxlan && ip.src == {pa(1)}", "vxlan.flags", "vxlan.vni", "vxlan.reserved8",
                                    "vxlan.reserved_16"))
        self.assertEqual({(int(a, 16), b, int(c or "0", 0), int(d or "0", 0)) for a, b, c, d in rows}, {(0x800, "5002", 0, 0)})
        outer = self.f.wire.seen("vxlan && udp.dstport == 9", "udp.srcport", "udp.dstport", "ip.flags.df")
        ports = collections.defaultdict(set)
        for sources, to, df in outer:
            self.assertEqual((to, df.split(",")[0]), ("4789,9", "1"))
            ports[sources.split(",")[1]].add(sources.split(",")[0])
        self.assertEqual({len(p) for p in ports.values()}, {1})
        spread = {min(p) for p in ports.values()}
        self.assertGreater(len(spread), 150)
        self.assertTrue(all(49152 <= int(p) for p in spread), "RFC 7348: a port of the dynamic range")
        self.assertEqual(self.f.wire.count("gre && ip.dst == 10.0.1.7 && !(icmp.type == 3)"), 0)
        self.assertGreater(self.f.wire.count("gre && ip.dst == 10.0.0.6"), 0)
        self.transfer("cweb", "cdb", "10.0.1.7", 1 << 20)
        self.transfer("cdb", "cweb", "10.0.0.5", 1 << 20)
        self.assertBooks()

    def test_guests_and_provider_of_all_families(self):
        """Row I29: v4 in v6 and v6 in v6; the usual are in v4."""
        self.fabric(v6=True, family=6)
        self.assertMesh(4)
        self.assertMesh(6)
        rows = set(self.f.wire.seen("gre", "ipv6.nxt", "gre.flags_and_version", "gre.proto", occurrence="f"))
        self.assertEqual(rows, {("47", "0x2000", "0x6558")})
        self.assertEqual(self.f.wire.count(f"gre && !(ipv6.addr == {pa(1, 6)})"), 0)
        self.transfer("cweb", "capp", "fd00:0:0:1::6", 1 << 20)
        self.transfer("cweb", "capp", "10.0.0.6", 1 << 20)
        self.assertBooks()


class Provider(TenantsCase):
    """Rows I13, I18: provider addresses."""

    def test_the_host_itself_does_not_see_them(self):
        self.fabric()
        for node in self.f.nodes:
            self.assertEqual([a for i in self.lab.ip_json(node.ns, "addr") if i["ifname"] != "lo" for a in i["addr_info"]], [])
            self.assertEqual(self.lab.ip_json(node.ns, "route", "show", "table", "all", "type", "unicast"), [])
            self.assertEqual(self.lab.ip_json(node.ns, "neigh"), [])
            self.assertIn("198.51.100.", node.weft("get", "-o", "json").stdout)

    def test_in_a_vlan(self):
        vlan = {n: [{"switch": "fabric", "address": f"{pa(n)}/24", "vlan": 77}] for n in (1, 2)}
        self.fabric(up=False)
        for n, node in enumerate(self.f.nodes, 1):
            node.start()
            self.f.apply(n, **{"provider-addresses": vlan[n]})
        self.f.address_guests()
        self.f.warm()
        self.assertMesh()
        self.transfer("cweb", "capp", "10.0.0.6", 1 << 20)
        self.assertEqual(self.f.wire.count("(gre || arp) && !(vlan.id == 77)"), 0)
        self.assertGreater(self.f.wire.count("gre && vlan.id == 77 && vlan.etype == 0x0800"), 100)
        # From outside of the VLAN nothing is for the provider address.
        outer = self.f.wire.seen(f"gre && ip.src == {pa(1)}", "eth.src", "eth.dst", occurrence="f")[-1]
        ears = self.ears("capp")
        frame = nvgre((outer[0], pa(1)), (outer[1], pa(2)), 5001, inner(("00:15:5d:00:00:05", "10.0.0.5"),
                                                                       ("00:15:5d:00:00:06", "10.0.0.6"), b"wrong-vlan"))
        self.f.wire.inject("node2", frame)
        tagged = Ether(src=outer[0], dst=outer[1]) / Dot1Q(vlan=78) / frame.payload
        self.f.wire.inject("node2", tagged)
        self.assertEqual(ears.count(b"wrong-vlan"), {"capp": 0})
        right = Ether(src=outer[0], dst=outer[1]) / Dot1Q(vlan=77) / nvgre(
            (outer[0], pa(1)), (outer[1], pa(2)), 5001, inner(("00:15:5d:00:00:05", "10.0.0.5"),
                                                             ("00:15:5d:00:00:06", "10.0.0.6"), b"right-vlan")).payload
        self.f.wire.inject("node2", right)
        self.assertEqual(ears.count(b"right-vlan"), {"capp": 1})

    def test_a_virtual_subnet_has_an_address_of_its_own(self):
        """Row I22: Fabrikam's frames come from and go to another address of node 1 than Contoso's."""
        self.fabric(up=False)
        other = "198.51.100.21"
        records = self.f.records()
        for record in records:
            if (record["virtual-subnet-id"], record["provider-address"]) == (6001, pa(1)):
                record["provider-address"] = other
        more = {1: [{"switch": "fabric", "address": f"{other}/24", "virtual-subnet-ids": [6001]}], 2: []}
        for n, node in enumerate(self.f.nodes, 1):
            node.start()
            self.f.apply(n, **{"lookup-records": records,
                               "provider-addresses": self.f.document(n)["provider-addresses"] + more[n]})
        self.f.address_guests()
        self.f.warm()
        self.assertMesh()
        self.transfer("fweb", "fapp", "10.0.0.6", 1 << 20)
        self.transfer("cdb", "cweb", "10.0.0.5", 1 << 20)
        for end, subnets in (("src", {5001, 5002}), ("dst", {5001})):
            rows = set(self.f.wire.seen("gre", f"ip.{end}", "gre.key", occurrence="f"))
            self.assertEqual({(address, int(key, 16) >> 8) for address, key in rows if address != pa(2)},
                             {(other, 6001)} | {(pa(1), vsid) for vsid in subnets}, end)
        shown = self.f.nodes[0].api("GET", "/v1/provider")["addresses"]
        self.assertEqual(len({a["mac-address"] for a in shown}), 2, "each with a MAC address of its own")
        self.assertClean()

    def test_two_subnets_and_a_router(self):
        """Node 2 is behind a router, another namespace's kernel."""
        self.fabric(up=False, wire=False)
        router = self.lab.netns("router")
        for n, (dev, address) in enumerate((("r1", "198.51.100.1/24"), ("r2", "203.0.113.1/24")), 1):
            self.lab.veth(router, dev, f"node{n}", "eth1")
            self.lab.address(router, dev, address)
        self.lab.exec(router, "sh", "-c", "echo 1 >/proc/sys/net/ipv4/ip_forward")
        far = {"provider-addresses": [{"switch": "fabric", "address": "203.0.113.12/24"}],
               "provider-routes": [{"prefix": "0.0.0.0/0", "next-hop": "203.0.113.1"}]}
        records = self.f.records()
        for record in records:
            record["provider-address"] = record["provider-address"].replace(pa(2), "203.0.113.12")
        for node in self.f.nodes:
            node.start()
        self.f.apply(1, **{"lookup-records": records, "provider-routes": [{"prefix": "0.0.0.0/0", "next-hop": "198.51.100.1"}]})
        self.f.apply(2, **{"lookup-records": records, **far})
        self.f.address_guests()
        self.f.warm()
        self.assertMesh()
        self.transfer("cweb", "capp", "10.0.0.6", 1 << 20)
        # The router's MTU is the path's: who does not fit is told, by its gateway.
        self.lab.ip(router, "link", "set", "r2", "mtu", "1400")
        self.transfer("cweb", "capp", "10.0.0.6", 1 << 20)
        self.assertEqual(self.told("cweb", "10.0.0.6", 1428), 1358)

    def test_arp_for_a_provider_address(self):
        """Who asks for it gets it, from the switch; for others' nothing is said."""
        self.fabric()
        sock = self.lab.wire("wire", "to-node1")
        sock.settimeout(0.5)
        for address, wanted in ((pa(1), True), (pa(2), False), ("198.51.100.99", False), ("10.0.0.1", False)):
            ask = bytes.fromhex("ffffffffffff02000000000108060001080006040001020000000001") + \
                socket.inet_aton("198.51.100.50") + bytes(6) + socket.inet_aton(address)
            sock.send(ask.ljust(60, b"\0"))
            got, end = False, time.monotonic() + 0.5
            while time.monotonic() < end and not got:
                try:
                    data = sock.recv(100)
                except socket.timeout:
                    break
                got = data[12:14] == b"\x08\x06" and data[20:22] == b"\0\2" and data[28:32] == socket.inet_aton(address)
            self.assertEqual(got, wanted, address)


class Hostile(TenantsCase):
    """Rows I11, I12, I21: from the wire, wrong in every way; counted once, under one reason, and never with a guest."""

    def setUp(self):
        super().setUp()
        self.fabric()
        found = self.f.wire.seen(f"gre && ip.src == {pa(1)}", "eth.src", "eth.dst", occurrence="f")[-1]
        self.outer = (found[0], pa(1)), (found[1], pa(2))

    def inner(self, text=b"bad-frame", **ip):
        return inner(("00:15:5d:00:00:05", "10.0.0.5"), ("00:15:5d:00:00:06", "10.0.0.6"), text, **ip)

    def check(self, cases):
        ears = self.ears()
        for what, (reason, frame) in cases.items():
            with self.subTest(what):
                before = self.f.drops("wire:2")
                self.f.wire.inject("node2", *[frame] * 7)
                wait_until(f"{what}: it is dropped", lambda: sum(self.dropped("wire:2", before).values()) >= 7, 3)
                dropped = self.dropped("wire:2", before)
                self.assertEqual(list(dropped.values()), [7], dropped)
                self.assertIn(reason, next(iter(dropped)))
        self.assertEqual(set(ears.count(b"bad-frame").values()), {0})
        self.f.wire.inject("node2", nvgre(*self.outer, 5001, self.inner(b"good-frame"), 0x5a))
        self.assertEqual(ears.count(b"good-frame"), {n: int(n == "capp") for n in self.f.guest})
        self.assertMesh()
        self.assertBooks()

    def test_reserved_and_unknown_subnets(self):
        self.check({hex(vsid): (reason, nvgre(*self.outer, vsid, self.inner())) for vsid, reason in (
            (0, "vsid"), (1, "vsid"), (0xfff, "vsid"), (0xffffff, "vsid"), (0x1000, "vsid"), (7777, "vsid"))})

    def test_wrong_headers(self):
        good = self.inner()
        flags = {"checksum": b"\xa0\x00\x65\x58", "routing": b"\x60\x00\x65\x58", "sequence": b"\x30\x00\x65\x58",
                 "version 1": b"\x20\x01\x65\x58", "reserved": b"\x20\x08\x65\x58", "ethertype": b"\x20\x00\x08\x00",
                 "transparent bridging, reversed": b"\x20\x00\x58\x65"}
        cases = {what: ("nvgre", nvgre(*self.outer, 5001, good, flags=bits)) for what, bits in flags.items()}
        cases["no key"] = ("nvgre", nvgre(*self.outer, 5001, good, flags=b"\x00\x00\x65\x58", key=b""))
        self.check(cases)

    def test_inner_tags(self):
        e = self.inner()
        payload = e.payload
        tags = {"802.1Q": Dot1Q(vlan=5) / payload, "priority": Dot1Q(vlan=0, prio=3) / payload,
                "802.1ad": Dot1AD(vlan=5) / payload, "both": Dot1AD(vlan=5) / Dot1Q(vlan=6) / payload}
        self.check({what: ("tag", nvgre(*self.outer, 5001, Ether(src=e.src, dst=e.dst) / inside)) for what, inside in tags.items()})

    def test_cut_short(self):
        whole = bytes(nvgre(*self.outer, 5001, self.inner()))

        def cut(n):
            """The outer header says so too: only what is inside is not all there."""
            ip = IP(whole[14:n])
            ip.len = n - 14
            del ip.chksum
            return whole[:14] + bytes(ip).ljust(46, b"\0")
        self.check({f"{n} bytes": ("", cut(n)) for n in (36, 38, 41, 42, 50, 55, 56, 60, 70)})

    def test_outer_fragments_and_checksums(self):
        good = bytes(nvgre(*self.outer, 5001, self.inner()))
        broken = bytearray(good)
        broken[24] ^= 0x55

        def fragment(**ip):
            return good[:14] + bytes(IP(src=pa(1), dst=pa(2), proto=47, **ip) / Raw(good[34:]))
        self.check({"first fragment": ("", fragment(flags="MF")), "later fragment": ("", fragment(frag=100)),
                    "header checksum": ("", bytes(broken))})

    def test_nested(self):
        """A tenant's own NVGRE frame is a packet like another: to nobody's address it goes nowhere."""
        within = nvgre(("00:15:5d:00:00:05", pa(1)), ("00:15:5d:00:00:06", pa(2)), 5001, self.inner())
        self.check({"in NVGRE": ("", nvgre(*self.outer, 5001, within))})

    def test_another_reserved_bits_of_the_key_do_not_matter(self):
        ears = self.ears("capp")
        self.f.wire.inject("node2", *[nvgre(*self.outer, 5001, self.inner(b"any-flow"), flow) for flow in range(256)])
        self.assertEqual(ears.count(b"any-flow"), {"capp": 256})
