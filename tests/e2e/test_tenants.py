# SPDX-License-Identifier: Apache-2.0
"""Tenants with the same addresses on shared hosts: each reaches all of its own and nothing of the other's."""
import json
import time

from frames import ARP, GRE, ICMP, IP, TCP, UDP, Dot1AD, Dot1Q, Ether, IPv6, Raw, inner, nvgre
from relay import Relay
from tenants import GATEWAYS, Guest, pa, usual_guests
from tenants_case import Ears, TenantsCase
from weftlab import TOP, Host, Stream, wait_until

EXAMPLES = TOP / "docs" / "examples"
PATTERN = {"contoso": b"\xc0\xff\xee\x01", "fabrikam": b"\xfa\xb0\x5e\x02"}


class Examples(TenantsCase):
    """tenants-node1.yaml and tenants-node2.yaml as they stand."""

    guests_of = {"cweb": "10.0.0.5/24", "fweb": "10.0.0.5/24", "capp": "10.0.0.6/24", "cdb": "10.0.1.7/24",
                 "fapp": "10.0.0.6/24"}
    own = [("cweb", "10.0.0.6"), ("cweb", "10.0.1.7"), ("capp", "10.0.0.5"), ("capp", "10.0.1.7"), ("cdb", "10.0.0.5"),
           ("cdb", "10.0.0.6"), ("fweb", "10.0.0.6"), ("fapp", "10.0.0.5")]

    def test_they_apply_unchanged_and_each_tenant_reaches_its_own(self):
        self.guests(*self.guests_of)
        nodes = [Host(self.lab, f"node{i}") for i in (1, 2)]
        wire = Relay(self.lab, *(n.ns for n in nodes))
        for i, node in enumerate(nodes):
            node.start()
            node.weft("apply", EXAMPLES / f"tenants-node{i + 1}.yaml")
            again = node.weft("diff", "-", input=node.weft("get", "-o", "yaml").stdout)
            self.assertEqual(again.returncode, 0, "what `get` prints is the same document")
        for name, address in self.guests_of.items():
            self.lab.address(name, name, address)
            self.lab.ip(name, "route", "add", "default", "via", address.rpartition(".")[0] + ".1")
        wait_until("the provider addresses have found each other", lambda: self.lab.pings("cweb", "10.0.0.6", wait=0.3))
        self.assertEqual(dict(zip(self.own, self.reach(self.own))), dict.fromkeys(self.own, True))
        for name in ("fweb", "fapp"):
            self.assertEqual(self.lab.pings(name, "10.0.1.7"), 0, "Fabrikam has no such subnet")
        self.assertEqual(wire.count("gre && !(gre.proto == 0x6558)"), 0)
        self.assertGreaterEqual(wire.count("gre"), 2 * len(self.own) - 2)
        for node in nodes:
            self.assertEqual(self.lab.ip_json(node.ns, "addr", "show", "dev", "eth1")[0]["addr_info"], [])
            self.assertEqual(self.lab.ip_json(node.ns, "route"), [])
            self.assertTrue(node.json("stats")["total"]["balanced"])


class Isolation(TenantsCase):
    """Rows I1, I2, I21."""

    def test_all_of_their_own_and_no_frame_of_the_others(self):
        self.fabric(v6=True)
        ears = self.ears()
        for name, guest in self.f.guest.items():
            for family in (4, 6):
                for _, address in self.f.neighbours(name, family):
                    done = self.lab.exec(name, "ping", "-n", "-q", "-c3", "-i0.1", "-W2", "-p",
                                         PATTERN[guest.domain].hex(), address, check=False)
                    self.assertIn("3 received", done.stdout, f"{name} to {address}")
        for domain, pattern in PATTERN.items():
            for name, n in ears.count(pattern).items():
                if self.f.guest[name].domain == domain:
                    self.assertGreaterEqual(n, 12, f"{name} and its own")
                else:
                    self.assertEqual(n, 0, f"{name} got a frame of {domain}")
            vsids = {int(key, 16) >> 8 for (key,) in self.f.wire.seen(f"data.data contains {pattern.hex(':')}", "gre.key")}
            self.assertEqual(vsids, {5001, 5002} if domain == "contoso" else {6001})
        self.assertBooks()

    def test_whatever_a_guest_sends_stays_in_its_domain(self):
        """cdb's address is Contoso's alone; fweb asks for it in every way that there is."""
        self.fabric(v6=True)
        ears = self.ears("cweb", "capp", "cdb")
        router = self.router("fweb")
        source, cdb = self.f.guest["fweb"], self.f.guest["cdb"]
        marker = b"from-fabrikam"
        for mac in (router, cdb.mac, "ff:ff:ff:ff:ff:ff"):
            for layers in (IP(src=source.ca, dst=cdb.ca) / UDP(sport=1, dport=2), IP(src=source.ca, dst=cdb.ca) / ICMP(),
                           IP(src=source.ca, dst=cdb.ca) / TCP(flags="S"), IP(src=source.ca, dst=cdb.ca, proto=132),
                           IPv6(src=source.ca6, dst=cdb.ca6) / UDP(sport=1, dport=2),
                           # As if it were Contoso's
                           IP(src="10.0.0.6", dst=cdb.ca) / UDP(sport=1, dport=2)):
                self.send("fweb", Ether(src=source.mac, dst=mac) / layers / Raw(marker))
        # It speaks NVGRE itself, to the other host and to its own
        for node in (1, 2):
            tunnelled = nvgre((source.mac, source.ca), (router, pa(node)), 5002,
                              inner((router, "10.0.0.6"), (cdb.mac, cdb.ca), marker))
            self.send("fweb", tunnelled)
        self.assertEqual(set(ears.count(marker).values()), {0})
        self.assertEqual(self.f.wire.count(f"frame contains {marker.hex(':')}"), 0, "it was dropped where it was sent")
        self.assertBooks()

    def router(self, name):
        """The MAC address that a guest has for its gateway."""
        gateway = GATEWAYS[self.f.guest[name].vsid][0]
        self.assertEqual(self.lab.pings(name, gateway), 1)
        return self.neighbour(name, gateway)

    def test_the_receiver_looks_again(self):
        """Frames that no honest sender lets out come in by the wire."""
        self.fabric()
        ears = self.ears()
        outer = self.outer()
        cdb, fapp = self.f.guest["cdb"], self.f.guest["fapp"]
        marker = b"never-sent"
        wrong = {"in a subnet of the same domain": (5001, cdb.mac, cdb.ca, "not-here"),
                 "in another domain": (6001, cdb.mac, cdb.ca, "not-here"),
                 "another's MAC address": (6001, cdb.mac, fapp.ca, "record-mac"),
                 "nobody": (5001, "00:15:5d:00:00:63", "10.0.0.99", "not-here"),
                 "in no domain": (7777, cdb.mac, cdb.ca, "vsid-unknown")}
        for what, (vsid, mac, ca, rule) in wrong.items():
            before = self.f.drops("wire:2")
            self.f.wire.inject("node2", *[nvgre(*outer, vsid, inner(("00:15:5d:00:00:05", "10.0.0.5"), (mac, ca), marker))] * 5)
            wait_until(f"five frames are dropped ({what})", lambda: sum(self.dropped("wire:2", before).values()) >= 5)
            self.assertEqual(self.dropped("wire:2", before), {rule: 5}, what)
        self.assertEqual(set(ears.count(marker).values()), {0})
        # And the same to whom it is for arrives, whatever the FlowID.
        self.f.wire.inject("node2", *[nvgre(*outer, 5002, inner((cdb.mac, "10.0.0.5"), (cdb.mac, cdb.ca), b"is-sent"), flow)
                                      for flow in (0, 1, 0x7f, 0xff)])
        self.assertEqual(ears.count(b"is-sent"), {n: 4 * (n == "cdb") for n in self.f.guest})

    def test_a_storm_of_misses_leaves_the_others_nine_tenths(self):
        """A guest sends to addresses that nobody has as fast as it can, and so does somebody on the wire: a stream between
        guests of another tenant, on the same workers, arrives."""
        self.fabric()
        cweb, capp = self.f.guest["cweb"], self.f.guest["capp"]
        outer = self.outer()
        miss = inner((cweb.mac, cweb.ca), (capp.mac, "10.0.0.99"), b"storm" * 20)
        storms = {"cweb": ("cweb", miss), "wire": ("to-node2", nvgre(*outer, 5001, miss))}
        sockets = [self.lab.wire(ns, device) for ns, (device, _) in storms.items()]
        frames = [bytes(frame) for _, frame in storms.values()]
        before = [self.f.drops("cweb"), self.f.drops("wire:2")]
        stream = Stream(self.lab, "fweb", "fapp", "10.0.0.6", 1000).flowing()
        begin, first = time.monotonic(), stream.sent
        while time.monotonic() < begin + 3:
            for sock, frame in zip(sockets, frames):
                try:
                    sock.send(frame)
                except OSError:
                    pass  # its queue is full: faster it does not go
        meanwhile = stream.sent - first
        stream.stop()
        for sock in sockets:
            sock.close()
        missed = [self.dropped(where, b) for where, b in zip(("cweb", "wire:2"), before)]
        self.assertGreater(missed[0].get("no-record", 0), 10 * meanwhile, missed)
        self.assertGreater(missed[1].get("not-here", 0), 10 * meanwhile, missed)
        self.assertGreater(meanwhile, 500)
        self.assertLessEqual(stream.lost, 0.1 * meanwhile, f"of {meanwhile}, beside {missed}")
        self.assertMesh()
        self.assertBooks()

    def outer(self, source=1, to=2):
        """Outer (MAC, PA) of one node and another, as they talk."""
        found = self.f.wire.seen(f"gre && ip.src == {pa(source)} && ip.dst == {pa(to)}", "eth.src", "eth.dst", occurrence="f")
        return (found[-1][0], pa(source)), (found[-1][1], pa(to))


class Router(TenantsCase):
    """Rows I4, I5: the distributed router."""

    def test_the_first_address_answers_on_every_host(self):
        self.fabric(v6=True)
        macs = set()
        for name, guest in self.f.guest.items():
            for gateway in GATEWAYS[guest.vsid]:
                self.assertReaches(name, gateway)
                macs.add(self.neighbour(name, gateway))
        self.assertEqual(len(macs), 1, macs)
        self.assertEqual(self.f.wire.count("ip.addr == 10.0.0.1 || ip.addr == 10.0.1.1 || ipv6.addr == fd00:0:0:1::1"), 0)

    def guests_on_one_host(self):
        return [Guest("a", 1, 5001, 5), Guest("b", 1, 5001, 8), Guest("c", 1, 5002, 9), Guest("d", 2, 5002, 7)]

    def test_on_one_host_nothing_goes_by_the_wire(self):
        self.fabric(self.guests_on_one_host(), v6=True)
        pings = "gre && (icmp || icmpv6.type in {128, 129})"
        before = self.f.wire.count(pings)
        for to in ("b", "c"):
            self.assertReaches("a", self.f.guest[to].ca)
            self.assertReaches("a", self.f.guest[to].ca6)
        self.assertEqual(self.f.wire.count(pings), before)
        self.assertMesh(4)
        self.assertMesh(6)
        self.assertBooks()

    def test_only_between_subnets_is_a_hop(self):
        self.fabric(self.guests_on_one_host(), v6=True)
        for to, ttl in (("b", 64), ("c", 63), ("d", 63)):
            self.assertEqual((self.ttl("a", self.f.guest[to].ca), self.ttl("a", self.f.guest[to].ca6)), (ttl, ttl), to)
        self.assertIn("From 10.0.0.1", self.ping("a", self.f.guest["d"].ca, "-t", "1"))
        self.assertIn("From fd00:0:0:1::1", self.ping("a", self.f.guest["d"].ca6, "-t", "1"))
        self.assertIn("Time to live exceeded", self.ping("a", self.f.guest["c"].ca, "-t", "1"))

    def test_by_address_alone(self):
        """Row I6: in the R2 model the destination's MAC address is the router's to say; what is not IP goes nowhere."""
        self.fabric()
        ears = self.ears("capp")
        cweb, capp = self.f.guest["cweb"], self.f.guest["capp"]
        self.send("cweb", inner((cweb.mac, cweb.ca), ("02:00:00:00:00:77", capp.ca), b"by-address"))
        self.assertEqual(ears.count(b"by-address"), {"capp": 1})
        got = next(f for f in ears.heard["capp"] if b"by-address" in f)
        self.assertEqual(got[:6].hex(":"), capp.mac)
        before = self.f.drops("cweb")
        self.send("cweb", Ether(src=cweb.mac, dst=capp.mac, type=0x88b5) / Raw(b"not-ip" * 10))
        self.assertEqual(ears.count(b"not-ip"), {"capp": 0})
        self.assertEqual(self.dropped("cweb", before).get("not-ip"), 1)


class Neighbours(TenantsCase):
    """Row I7: ARP and neighbour discovery are answered from the records."""

    def test_no_question_of_a_customer_is_on_the_wire(self):
        self.fabric(v6=True)
        self.assertMesh(4)
        self.assertMesh(6)
        self.assertEqual(self.f.wire.count("gre && arp"), 0)
        asked = {a for row in self.f.wire.seen("arp", "arp.src.proto_ipv4", "arp.dst.proto_ipv4") for a in row}
        self.assertEqual(asked - {"0.0.0.0"}, {pa(1), pa(2)}, "0.0.0.0 probes whether an address is free, RFC 5227")
        # Unicast solicitations are for the guest itself: neighbour unreachability detection goes on working.
        types = "icmpv6.type in {133, 134, 135, 136}"
        group = [r for r in self.f.wire.seen(f"gre && {types}", "ipv6.dst") if any(a.startswith("ff") for a in r[0].split(","))]
        self.assertEqual(group, [])

    def test_who_has_no_record_is_silent(self):
        self.fabric(v6=True)
        for address in ("10.0.0.99", "fd00:0:0:1::99"):
            self.assertEqual(self.lab.pings("cweb", address), 0)
            self.assertIsNone(self.neighbour("cweb", address))
        self.assertEqual(self.f.wire.count("arp.dst.proto_ipv4 == 10.0.0.99 || icmpv6.nd.ns.target_address == fd00:0:0:1::99"), 0)

    def test_one_that_is_asked_itself_answers_itself(self):
        """Unicast ARP reaches the guest, and its answer comes back."""
        self.fabric()
        ears = self.ears("cweb", "capp", "fapp")
        cweb, capp = self.f.guest["cweb"], self.f.guest["capp"]
        question = Ether(src=cweb.mac, dst=capp.mac) / ARP(op=1, hwsrc=cweb.mac, psrc=cweb.ca, pdst=capp.ca)
        self.send("cweb", question)
        self.assertEqual(ears.count(bytes(question[ARP])[:28]), {"cweb": 0, "capp": 1, "fapp": 0})
        answers = [f for f in ears.heard["cweb"] if f[12:14] == b"\x08\x06" and f[20:22] == b"\0\2"]
        self.assertEqual([f[22:28].hex(":") for f in answers], [capp.mac])

    def test_a_guest_cannot_speak_for_another(self):
        """Row B16: forged ARP, forged source addresses, another's MAC address; its own gratuitous ARP is no matter."""
        self.fabric()
        ears = self.ears("capp", "cdb")
        cweb, capp, cdb = (self.f.guest[n] for n in ("cweb", "capp", "cdb"))
        forged = {"ARP": Ether(src=cweb.mac, dst=capp.mac) / ARP(op=2, hwsrc=cweb.mac, psrc=cdb.ca, hwdst=capp.mac, pdst=capp.ca),
                  "IP": inner((cweb.mac, "10.0.0.6"), (capp.mac, capp.ca), b"forged"),
                  "MAC": inner((capp.mac, cweb.ca), (capp.mac, capp.ca), b"forged")}
        for what, frame in forged.items():
            before = self.f.drops("cweb")
            self.send("cweb", frame)
            wait_until(f"the forged {what} is dropped", lambda: self.dropped("cweb", before))
        self.assertEqual(ears.count(b"forged"), {"capp": 0, "cdb": 0})
        self.assertEqual([f for f in ears.heard["capp"] if f[12:14] == b"\x08\x06"], [])
        self.assertMesh()


    def test_tags_are_taken_off(self):
        """Row I12: a virtual subnet has no VLANs, of either type; what arrives has no tag, nor has what is on the wire."""
        self.fabric()
        ears = self.ears("capp", "cdb")
        cweb, capp = (self.f.guest[n] for n in ("cweb", "capp"))
        for i, tags in enumerate((Dot1Q(vlan=5), Dot1AD(vlan=6) / Dot1Q(vlan=7))):
            text = b"tagged %d" % i
            self.send("cweb", Ether(src=cweb.mac, dst=capp.mac) / tags / IP(src=cweb.ca, dst=capp.ca) / UDP() / Raw(text))
            wait_until("it arrives", lambda: ears.count(text) == {"capp": 1, "cdb": 0})
            self.assertEqual([f[12:14] for f in ears.heard["capp"] if text in f], [b"\x08\x00"])


class Refusals(TenantsCase):
    """Bad documents are refused with the names of both sides, and nothing changes."""

    def test_what_cannot_be(self):
        self.fabric(usual_guests()[:1], nodes=1, wire=False, up=False)
        self.lab.veth("node1", "eth1", self.lab.netns("nobody"), "wire")
        node = self.f.nodes[0].start()
        self.f.apply(1)
        good = self.f.document(1)

        def changed(path, value):
            document = json.loads(json.dumps(good))
            at = document
            for step in path[:-1]:
                at = at[step]
            at[path[-1]] = value
            return document
        subnets = ("routing-domains", 0, "virtual-subnets")
        for document, *words in (
                (changed((*subnets, 1, "prefix"), "10.0.0.128/25"), "10.0.0.128/25", "10.0.0.0/24"),
                (changed((*subnets, 0, "id"), 4095), "4095"),
                (changed((*subnets, 0, "id"), 16777215), "16777215"),
                (changed((*subnets, 1, "id"), 6001), "6001"),
                (changed(("lookup-records", 0, "virtual-subnet-id"), 7777), "7777"),
                (changed(("lookup-records", 0, "customer-address"), "10.0.9.9"), "10.0.9.9"),
                (changed(("lookup-records", 0, "customer-address"), "10.0.0.1"), "10.0.0.1"),
                (changed(("adapters", 0, "virtual-subnet-id"), 7777), "7777"),
                (changed(("provider-addresses", 0, "switch"), "nowhere"), "nowhere")):
            with self.subTest(words=words):
                self.refused(node, document, *words)
