# SPDX-License-Identifier: Apache-2.0
"""The other ways of forwarding: the 2012 model, a router of the tenant's own between subnets, guests that only flooding
finds, and gateways out of a routing domain, with guests' kernels on both ends."""
from tenants import Guest, pa
from tenants_case import TenantsCase
from weftlab import wait_until

ETHERTYPE = b"\x88\xb5"  # for experiments: no IP


def foreign(source, to, text):
    return bytes.fromhex((to.mac + source.mac).replace(":", "")) + ETHERTYPE + text.ljust(46, b".")


def wildcard(guest):
    return {"virtual-subnet-id": guest.vsid, "customer-address": "0.0.0.0", "type": "gateway-wildcard",
            "mac-address": guest.mac, "provider-address": pa(guest.node)}


class Model2012(TenantsCase):
    """Rows I6 and I7, second half: by MAC address inside a host, by IP address between hosts."""

    def setUp(self):
        super().setUp()
        guests = [Guest("one", 1, 5001, 5), Guest("two", 1, 5001, 6), Guest("far", 2, 5001, 7), Guest("db", 2, 5002, 8),
                  Guest("fone", 1, 6001, 5), Guest("ffar", 2, 6001, 7)]
        self.fabric(guests=guests, apply={"network-virtualization": {"forwarding": "2012"}})

    def test_all_of_their_own_and_what_is_not_ip_inside_a_host(self):
        self.assertMesh()
        one, two, far = (self.f.guest[n] for n in ("one", "two", "far"))
        ears = self.ears()
        self.send("one", foreign(one, two, b"beside"), foreign(one, far, b"beyond"))
        self.assertEqual({n: c for n, c in ears.count(b"beside").items() if c}, {"two": 1})
        self.assertEqual({n: c for n, c in ears.count(b"beyond").items() if c}, {})
        self.assertEqual(self.f.wire.seen(f"frame contains {b'beyond'.hex(':')}", "frame.number"), [])
        self.assertEqual((self.ttl("one", two.ca), self.ttl("one", far.ca), self.ttl("one", "10.0.1.8")), (64, 64, 63))
        self.assertClean()

    def test_those_beside_answer_for_themselves(self):
        for to in ("two", "far"):
            self.lab.ip(self.f.ns["one"], "neigh", "flush", "all")
            ears = self.ears("two")
            self.assertReaches(self.f.ns["one"], self.f.guest[to].ca)
            asked = [f for f in ears.listen()["two"] if f[12:14] == b"\x08\x06" and f[21] == 1 and f[:6] == b"\xff" * 6]
            self.assertEqual(bool(asked), to == "two", "guests beside are asked, those of other hosts are answered for")
        self.assertEqual(self.f.wire.seen("gre && arp.dst.hw_mac == 00:00:00:00:00:00",
                                          "frame.number"), [], "no broadcast ARP of a customer on the wire")


class ExternalRouter(TenantsCase):
    """Row I19: what goes between subnets takes the tenant's own router, on another host, and comes back."""

    def test_between_subnets_by_the_router(self):
        guests = [Guest("web", 1, 5001, 5), Guest("db", 1, 5002, 6), Guest("r1", 2, 5001, 254), Guest("r2", 2, 5002, 254)]
        self.fabric(guests=guests, up=False)
        ns = self.f.ns["r2"] = self.f.ns["r1"]
        self.f.guest["r2"].adapter = {"attach": {"tap": "r2", "netns": ns}}
        self.lab.exec(ns, "sysctl", "-qw", "net.ipv4.ip_forward=1", "net.ipv4.conf.all.rp_filter=0",
                      "net.ipv4.conf.default.rp_filter=0")
        records = self.f.records() + [wildcard(self.f.guest[r]) for r in ("r1", "r2")]
        for node in self.f.nodes:
            node.start()
        for node in (1, 2):
            self.f.apply(node, **{"lookup-records": records, "network-virtualization": {"use-external-router": True}})
        self.f.address_guests()
        self.lab.ip(ns, "route", "flush", "default")
        wait_until("the router is on the way", lambda: self.lab.pings(self.f.ns["web"], "10.0.1.6", wait=0.5))
        self.assertEqual(self.ttl("web", "10.0.1.6"), 63, "one hop: the router's")
        self.assertEqual(self.ttl("web", "10.0.0.254"), 64, "none inside a subnet")
        before = len(self.f.wire.seen("gre && icmp", "frame.number"))
        self.assertReaches(self.f.ns["web"], "10.0.1.6")
        wait_until("to the router and back, both ways", lambda: len(self.f.wire.seen(
            "gre && icmp", "frame.number")) >= before + 4)
        self.lab.exec(ns, "sysctl", "-qw", "net.ipv4.ip_forward=0")
        self.assertFalse(self.lab.pings(self.f.ns["web"], "10.0.1.6"), "there is no other way")
        self.assertClean()


class L2Only(TenantsCase):
    """Rows I7, I8, I24: who has a record without an address is found by flooding, in its own subnet alone."""

    def test_found_by_flooding_and_learned(self):
        guests = [Guest("web", 1, 5001, 5), Guest("fweb", 1, 6001, 5), Guest("free", 2, 5001, 48,
                  addresses=["10.0.0.77/24", "fd00:0:0:1::77/64"], adapter={"dynamic-ip-address-limit": 4}),
                  Guest("ffree", 2, 6001, 48, addresses=["10.0.0.77/24", "fd00:0:0:1::77/64"]), Guest("third", 3, 5001, 7)]
        self.fabric(guests=guests, nodes=3, up=False)
        records = [r for r in self.f.records() if not (r["virtual-subnet-id"] == 5001 and r["customer-address"] == "10.0.0.77")]
        records.append({"virtual-subnet-id": 5001, "customer-address": "0.0.0.0", "type": "l2only",
                        "mac-address": self.f.guest["free"].mac, "provider-address": pa(2)})
        for node in self.f.nodes:
            node.start()
        for node in (1, 2, 3):
            self.f.apply(node, **{"lookup-records": records})
        self.f.address_guests()
        ears = self.ears("third", "fweb", "ffree")
        wait_until("it is found", lambda: self.lab.pings(self.f.ns["web"], "10.0.0.77", wait=0.5))
        self.assertEqual(self.neighbour(self.f.ns["web"], "10.0.0.77"), self.f.guest["free"].mac)
        self.assertReaches(self.f.ns["third"], "10.0.0.77")
        asked = {n: sum(f[12:14] == b"\x08\x06" and f[38:42] == b"\x0a\x00\x00\x4d" and f[:6] == b"\xff" * 6 for f in frames)
                 for n, frames in ears.listen().items()}
        self.assertGreater(asked["third"], 0, "all of the subnet is asked")
        self.assertEqual((asked["fweb"], asked["ffree"]), (0, 0), "and nobody else")
        learned = self.f.nodes[1].json("next-hop", "--vsid", "5001", "--from", "10.0.0.7", "--to", "10.0.0.77")
        self.assertEqual((learned["leads-to"], learned["adapter"]), ("adapter", "free"))
        self.assertBooks()


class Learning(TenantsCase):
    """Rows I24 and D8: addresses that a guest takes by itself."""

    def take(self, address, instead=None):
        for verb, a in (("del", instead), ("add", address)):
            if a:
                self.lab.ip(self.f.ns["free"], "addr", verb, f"{a}/24", "dev", "free")
        self.lab.ip(self.f.ns["free"], "route", "replace", "default", "via", "10.0.0.1")

    def said(self, *words):
        return [e for e in self.f.nodes[1].json("events") if all(w in e["text"] for w in words)]

    def test_a_guest_changes_its_address(self):
        guests = [Guest("web", 1, 5001, 5), Guest("third", 3, 5001, 7),
                  Guest("free", 2, 5001, 48, addresses=["10.0.0.77/24", "fd00:0:0:1::77/64"],
                        adapter={"dynamic-ip-address-limit": 2})]
        self.fabric(guests=guests, nodes=3, up=False)
        records = [r for r in self.f.records() if r["customer-address"] != "10.0.0.77"]
        records.append({"virtual-subnet-id": 5001, "customer-address": "0.0.0.0", "type": "l2only",
                        "mac-address": self.f.guest["free"].mac, "provider-address": pa(2)})
        for node in (1, 2, 3):
            self.f.nodes[node - 1].start()
            self.f.apply(node, **{"lookup-records": records})
        self.f.address_guests()
        wait_until("it is found", lambda: self.lab.pings(self.f.ns["web"], "10.0.0.77", wait=0.5))
        self.take("10.0.0.78", instead="10.0.0.77")
        for peer in ("web", "third"):
            self.assertEqual(self.lab.pings(self.f.ns[peer], "10.0.0.78", wait=1), 1, "in less than a second")
        learned = {r["customer-address"]: (r["origin"], r["provider-address"]) for r in self.f.nodes[1].json("record", "list")}
        self.assertEqual((learned["10.0.0.77"], learned["10.0.0.78"]), (("learned", pa(2)), ("learned", pa(2))))
        self.assertTrue(self.said("10.0.0.78", "learned"), "whoever listens to events can tell the others")
        # The limit of two is reached; what is another's stays so; what is not of the subnet is nobody's.
        for address, reason in (("10.0.0.79", "not learned"), ("10.0.0.7", "not learned"), ("10.9.9.9", None)):
            before = self.f.drops("free")
            self.take(address)
            self.lab.exec(self.f.ns["free"], "ping", "-n", "-c2", "-i0.2", "-W1", "-I", address, "10.0.0.5", check=False)
            if reason:
                wait_until("an event says why", lambda: self.said(address, reason))
            self.assertNotIn(address, {r["customer-address"] for r in self.f.nodes[1].json("record", "list")
                                       if r["origin"] == "learned"})
            if address == "10.9.9.9":
                self.assertIn("address-outside-subnet", self.dropped("free", before))
        self.assertReaches(self.f.ns["web"], "10.0.0.7")
        self.assertEqual(self.neighbour(self.f.ns["web"], "10.0.0.7"), self.f.guest["third"].mac, "the first owner keeps it")
        self.assertBooks()


class Gateways(TenantsCase):
    """Rows I17, J12: routes out of a domain by a guest that is alone in its subnet, and what no record has by a wildcard."""

    def setUp(self):
        super().setUp()
        guests = [Guest("web", 1, 5001, 5), Guest("app", 2, 5001, 6), Guest("gw", 2, 5002, 254), Guest("fweb", 1, 6001, 5),
                  Guest("fapp", 2, 6001, 6)]
        self.fabric(guests=guests, up=False)
        self.gateway = self.f.guest["gw"]
        self.f.up(**{"lookup-records": self.f.records() + [wildcard(self.gateway)], "customer-routes": [
            {"virtual-subnet-id": 5002, "prefix": "203.0.113.0/24", "next-hop": self.gateway.ca, "metric": 1},
            {"virtual-subnet-id": 5002, "prefix": "0.0.0.0/0", "next-hop": self.gateway.ca, "metric": 9}]})
        for address in ("203.0.113.9", "192.0.2.77", "10.0.1.99"):
            self.lab.address(self.f.ns["gw"], "lo", f"{address}/32")

    def test_out_by_routes_and_back(self):
        before = self.f.drops("fweb")
        for guest in ("web", "app"):
            for address in ("203.0.113.9", "192.0.2.77"):
                self.assertEqual(self.ttl(self.f.ns[guest], address), 63, f"{guest} to {address}")
        self.assertIsNone(self.ttl(self.f.ns["fweb"], "203.0.113.9"), "it is the other tenant's gateway")
        self.assertIn("no-route", self.dropped("fweb", before))
        self.assertClean()

    def test_what_no_record_has_is_behind_the_wildcard(self):
        self.assertEqual(self.ttl(self.f.ns["web"], "10.0.1.99"), 63, "nobody's address of the gateway's subnet")
        self.assertIsNone(self.ttl(self.f.ns["web"], "10.0.0.99"), "the wildcard is of another subnet")
        self.assertClean()
