# SPDX-License-Identifier: Apache-2.0
"""Rule nat (row I23): guests whose packets cross the provider's network as plain IP, each under an address of its own."""
import ipaddress
import re
import socket

from frames import ICMP, IP, UDP, Ether, Raw
from tenants import Fabric, Guest, pa
from tenants_case import TenantsCase
from weftlab import wait_until

NAT = {"cweb": 101, "cmail": 102, "fweb": 103, "capp": 106, "cdb": 107, "fapp": 108}  # last of their provider addresses


def own(name, family=4):
    """The provider address that is a guest's alone."""
    return f"198.51.100.{NAT[name]}" if family == 4 else f"2001:db8:100::{NAT[name]}"


def guests():
    """Two tenants with the same addresses on two hosts."""
    return [Guest("cweb", 1, 5001, 5), Guest("cmail", 1, 5002, 8), Guest("fweb", 1, 6001, 5), Guest("capp", 2, 5001, 6),
            Guest("cdb", 2, 5002, 7), Guest("fapp", 2, 6001, 6)]


class NatFabric(Fabric):
    """Records of rule nat for those that have an address in NAT; both families on the provider's network."""

    tunnelled = ()  # node numbers that hold everybody's records as encap

    def record_of(self, guest, address, node):
        family = ipaddress.ip_interface(address).version
        nat = guest.name in NAT and node not in self.tunnelled
        return {"virtual-subnet-id": guest.vsid, "customer-address": address.split("/")[0], "mac-address": guest.mac,
                "provider-address": own(guest.name, family) if nat else pa(guest.node, family),
                **({"rule": "nat"} if nat else {}), **guest.record}

    def document(self, node, **more):
        records = [self.record_of(g, a, node) for g in self.guests for a in self.addresses_of(g)]
        addresses = [{"switch": "fabric", "address": f"{pa(node)}/24"}]
        if self.v6:
            addresses.append({"switch": "fabric", "address": f"{pa(node, 6)}/64"})
        keys = {"lookup-records": records, "provider-addresses": addresses, **more}
        return super().document(node, **keys)


class Rewrite(TenantsCase):
    def natted(self, more=(), nodes=2, v6=False, tunnelled=(), **keys):
        self.f = NatFabric(self.lab, guests() + list(more), nodes=nodes, v6=v6)
        self.f.tunnelled = tunnelled
        return self.f.up(**keys)

    def settle(self):
        """Until the last connection has ended on the wire, too: what is read there is not written at the same time."""
        seen = []

        def still():
            seen.append(self.f.wire.stats()["frames"])
            return len(seen) > 1 and seen[-1] == seen[-2]
        wait_until("the wire is quiet", still, 5, 0.2)

    def assertPlain(self):
        """Nothing but provider addresses, whole, with right checksums, and in no tunnel."""
        self.settle()
        customers = " || ".join(f"ip.addr == {net}" for net in ("10.0.0.0/24", "10.0.1.0/24"))
        self.assertEqual(self.f.wire.text(f"gre || vxlan || {customers} || ipv6.addr == fd00::/16", limit=3), [])
        wrong = self.f.wire.text("ip.checksum.status == 0 || icmp.checksum.status == 0 || icmpv6.checksum.status == 0", "-o",
                                 "ip.check_checksum:TRUE", limit=3)
        self.assertEqual(wrong, [])

    def test_no_probe_but_a_ping(self):
        """Row H9: a probe would be the other guest's packet; what is to be used instead answers without that guest."""
        self.natted()
        node = self.f.nodes[0]
        refused = node.weft("test-adapter", "cweb", "--to-address", "10.0.0.6", check=False)
        self.assertNotEqual(refused.returncode, 0)
        self.assertIn("weft ping-provider ADDRESS --vsid N", refused.stdout + refused.stderr)
        self.lab.ip("capp", "link", "set", "capp", "down")
        answered = node.weft("ping-provider", "10.0.0.6", "--vsid", "5001", "--count", "1")
        self.assertIn(own("capp"), answered.stdout)

    def test_ping_tcp_udp_both_ways(self):
        self.natted()
        self.assertMesh()
        self.transfer("cweb", "capp", "10.0.0.6")
        self.transfer("capp", "cweb", "10.0.0.5")
        self.transfer("cdb", "cweb", "10.0.0.5", 1 << 20)  # routed between subnets
        self.transfer("fweb", "fapp", "10.0.0.6", 1 << 20)
        self.lab.iperf("capp", "cweb", "10.0.0.6", 1, "-u", "-b", "20M", "-l", "1200")
        self.assertPlain()
        pairs = set(self.f.wire.seen("tcp", "ip.src", "ip.dst", occurrence="f"))
        self.assertEqual(pairs, {(own(a), own(b)) for a, b in [("cweb", "capp"), ("capp", "cweb"), ("cdb", "cweb"),
                                                               ("cweb", "cdb"), ("fweb", "fapp"), ("fapp", "fweb")]})
        self.assertBooks()

    def test_checksums_on_a_wire_without_offloads(self):
        """A card that fills in nothing: what was left open is closed over the new addresses."""
        self.natted()
        for ns in ("node1", "node2"):
            self.lab.exec(ns, "ethtool", "-K", "eth1", "tx", "off")
        self.transfer("cweb", "capp", "10.0.0.6", 1 << 20)
        self.transfer("cdb", "cweb", "10.0.0.5", 1 << 20)
        self.settle()
        bad = self.f.wire.text("tcp.checksum.status == 0", "-o", "tcp.check_checksum:TRUE", limit=3)
        self.assertEqual(bad, [])
        self.assertGreater(self.f.wire.count("tcp && frame.len > 1400"), 1000)

    def test_ipv6(self):
        self.natted(v6=True)
        self.assertMesh(4)
        self.assertMesh(6)
        self.transfer("cweb", "capp", "fd00:0:0:1::6", 1 << 20)
        self.transfer("cdb", "cweb", "fd00:0:0:1::5", 1 << 20)
        self.assertPlain()
        self.assertIn((own("cweb", 6), own("capp", 6)), set(self.f.wire.seen("tcp && ipv6", "ipv6.src", "ipv6.dst")))
        self.assertBooks()

    def test_tenants_with_the_same_addresses_stay_apart(self):
        self.natted()
        ears = self.ears("cweb", "capp", "fapp")
        mark = b"only-for-fabrikam"
        self.send("fweb", Ether(src="00:15:5d:00:00:05", dst="00:15:5d:00:00:06") / IP(src="10.0.0.5", dst="10.0.0.6") /
                  UDP(sport=1, dport=2) / Raw(mark))
        self.assertEqual(ears.count(mark), {"cweb": 0, "capp": 0, "fapp": 1})
        # From one tenant's provider address to the other's guest: the receiving host says no.
        before = self.f.drops("wire:2")
        mac = self.lab.mac("node1", "eth1")
        to = next(a["mac-address"] for a in self.f.nodes[1].api("GET", "/v1/provider")["addresses"])
        for source in (own("cweb"), "198.51.100.99"):
            self.f.wire.inject("node2", Ether(src=mac, dst=to) / IP(src=source, dst=own("fapp")) / UDP(sport=1, dport=2) / Raw(mark))
        self.assertEqual(ears.count(mark)["fapp"], 1)
        self.assertEqual(self.dropped("wire:2", before), {"rewrite-unknown-source": 2})

    def test_errors_of_a_guest(self):
        """Port unreachable from the other guest names the guests' own addresses."""
        self.natted(v6=True)
        for ns, address, options in (("cweb", "10.0.0.6", ()), ("cweb", "10.0.1.7", ()), ("cdb", "10.0.0.5", ()),
                                     ("cweb", "fd00:0:0:1::6", ("-6",))):
            with self.lab.inside(ns):
                self.assertRefused(address)
        self.assertPlain()

    def assertRefused(self, address):
        with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.settimeout(3)
            s.connect((address, 7777))
            s.send(b"anybody?")
            with self.assertRaises(ConnectionRefusedError):
                s.recv(1)

    def test_routers_on_the_way_are_heard(self):
        """The provider's wire narrows: its routers speak to provider addresses, and the guest learns of it."""
        self.natted(v6=True)
        for ns in ("node1", "node2"):  # the wire is narrow for what is not cut into segments yet, too
            self.lab.exec(ns, "ethtool", "-K", "eth1", "tx", "off", "tso", "off", "gso", "off")
        self.f.wire.narrow(1300)
        for to, size in (("10.0.0.6", 1300), ("fd00:0:0:1::6", 1300)):
            said = self.ping("cweb", to, "-M", "do", "-s", str(1400))
            wait_until(f"{to} is reached in {size} bytes", lambda: self.passes("cweb", to, size), 3)
            self.assertFalse(self.passes("cweb", to, size + 1))
            self.assertRegex(said + self.ping("cweb", to, "-M", "do", "-s", "1400"), r"mtu[ =]1300")
        self.transfer("cweb", "capp", "10.0.0.6", 1 << 20)
        self.assertTrue(self.passes("cweb", "10.0.0.6", 3000, "dont"), "fragments pass and are put together")

    def test_whole_mtu_and_fragments(self):
        self.natted()
        self.assertTrue(self.passes("cweb", "10.0.0.6", 1500), "nothing is added to a packet")
        self.assertTrue(self.passes("cweb", "10.0.0.6", 4000, "dont"))
        self.assertEqual(self.f.wire.count(f"ip.flags.df == 1 && ip.len > 1500 && ip.src == {own('cweb')}"), 0)
        self.assertGreater(self.f.wire.count(f"ip.frag_offset > 0 && ip.src == {own('cweb')}"), 1)

    def test_the_gateway_shows_on_a_route(self):
        self.natted()
        for ttl, address in ((1, "10.0.0.1"), (2, "10.0.1.7")):
            said = self.ping("cweb", "10.0.1.7", "-t", str(ttl))
            self.assertEqual(re.search(r"[Ff]rom ([0-9.]+)", said).group(1), address, said)

    def test_a_third_host_by_tunnel(self):
        """Its records say encap for everybody; those of the others say nat among themselves and encap for its guest."""
        self.natted([Guest("cfar", 3, 5001, 9)], nodes=3, tunnelled=(3,))
        for a, b in (("cweb", "cfar"), ("cfar", "cweb"), ("capp", "cfar")):
            self.assertReaches(a, self.f.guest[b].ca, 2)
        self.transfer("cfar", "capp", "10.0.0.6", 1 << 20)
        self.transfer("cweb", "capp", "10.0.0.6", 1 << 20)
        self.assertGreater(self.f.wire.count(f"gre && ip.addr == {pa(3)}"), 100)
        self.assertEqual(self.f.wire.count(f"gre && !(ip.addr == {pa(3)})"), 0)
        self.assertBooks()

    def test_one_address_a_guest(self):
        """Each is announced and answered for; strangers' pings as well; a record that goes takes its address along."""
        self.natted()
        shown = {a["provider-address"]: a for a in self.f.nodes[0].api("GET", "/v1/provider")["addresses"]}
        self.assertEqual(set(shown), {f"{pa(1)}/24", *(f"{own(g)}/24" for g in ("cweb", "cmail", "fweb"))})
        self.assertTrue(shown[f"{own('cweb')}/24"]["lent"])
        for name in NAT:
            self.assertGreater(self.f.wire.count(f"arp.isgratuitous && arp.src.proto_ipv4 == {own(name)}"), 0, name)
        ears, mac, mark = self.ears("fweb"), shown[f"{own('fweb')}/24"]["mac-address"], b"a stranger's ping"
        self.f.wire.inject("node1", Ether(src="02:00:00:00:00:99", dst=mac) / IP(src="198.51.100.99", dst=own("fweb")) /
                           ICMP(id=99) / Raw(mark))
        answered = f"icmp.type == 0 && ip.src == {own('fweb')} && ip.dst == 198.51.100.99"
        wait_until("the host answers", lambda: self.f.wire.count(answered), 3, 0.1)
        self.assertEqual(ears.count(mark), {"fweb": 0})
        records = [r for r in self.f.documents[1]["lookup-records"] if r["provider-address"] != own("fweb")]
        self.f.apply(1, **{"lookup-records": records})
        left = {a["provider-address"] for a in self.f.nodes[0].api("GET", "/v1/provider")["addresses"]}
        self.assertEqual(left, set(shown) - {f"{own('fweb')}/24"})

    def test_a_hundred_addresses(self):
        """Fifty customer addresses of a guest on each host: a hundred provider addresses, each for its own."""
        cas = {"cweb": {f"10.0.0.{100 + i}": f"198.51.100.{120 + i}" for i in range(50)},
               "capp": {f"10.0.0.{150 + i}": f"198.51.100.{180 + i}" for i in range(50)}}
        self.f = NatFabric(self.lab, guests())
        records = self.f.document(1)["lookup-records"] + [
            {"virtual-subnet-id": 5001, "customer-address": ca, "mac-address": self.f.guest[name].mac, "provider-address": own_pa,
             "rule": "nat"} for name, pairs in cas.items() for ca, own_pa in pairs.items()]
        self.f.up(**{"lookup-records": records})
        for name, pairs in cas.items():
            self.lab.ip(name, "-batch", "-", input="\n".join(f"addr add {ca}/32 dev {name}" for ca in pairs))
        asked = list(zip(cas["cweb"].items(), cas["capp"].items()))
        for (source, _), (to, _) in asked:
            self.assertIn("1 received", self.ping("cweb", to, "-I", source), f"{source} to {to}")
        seen = set(self.f.wire.seen("icmp.type == 8", "ip.src", "ip.dst", occurrence="f"))
        self.assertLessEqual({(a, b) for (_, a), (_, b) in asked}, seen)
        self.assertPlain()
        self.assertBooks()

    def test_the_guests_own_mac_address(self):
        self.f = NatFabric(self.lab, guests())
        self.f.guest["cweb"].record = {"use-vm-mac-address": True}
        self.f.up()
        self.assertMesh()
        self.transfer("capp", "cweb", "10.0.0.5", 1 << 20)
        macs = {m for (m,) in self.f.wire.seen(f"tcp && ip.src == {own('cweb')}", "eth.src")}
        self.assertEqual(macs, {"00:15:5d:00:00:05"})
        to = {m for (m,) in self.f.wire.seen(f"tcp && ip.dst == {own('cweb')}", "eth.dst")}
        self.assertEqual(to, {"00:15:5d:00:00:05"})

    def test_refused(self):
        self.natted()
        document = self.f.document(1)
        host, n = self.f.nodes[0], len(document["lookup-records"])
        for change, words in (({"provider-address": "2001:db8:100::5"}, ("lookup-records[0].provider-address", "family")),
                              ({"provider-address": own("capp")}, ("provider-address", "one provider address for each")),
                              ({"provider-address": pa(1)}, ("lookup-records[0].provider-address", pa(1)))):
            wrong = {**document, "lookup-records": [{**document["lookup-records"][0], **change}, *document["lookup-records"][1:n]]}
            self.refused(host, wrong, *words)
