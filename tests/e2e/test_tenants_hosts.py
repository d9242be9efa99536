# SPDX-License-Identifier: Apache-2.0
"""Several hosts: frames to all of a subnet, a host that dies, records that change under traffic, and diagnosis."""
import socket
import time

from tenants import Guest, pa
from tenants_case import TenantsCase
from weftlab import Stream, wait_until

GROUP = "239.1.2.3"


def three_hosts():
    """Contoso's first subnet on three hosts, two of its guests on one; Fabrikam on two."""
    return [Guest("a", 1, 5001, 5), Guest("a2", 1, 5001, 15), Guest("b", 2, 5001, 6), Guest("c", 3, 5001, 7),
            Guest("d", 3, 5002, 8), Guest("fa", 1, 6001, 5), Guest("fb", 2, 6001, 6)]


class Groups(TenantsCase):
    """Row I8: broadcast and multicast, replicated by the sending host or by the provider's network."""

    def shout(self, name, address, text, interface=True):
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        with self.lab.inside(name):
            s = socket.socket(family, socket.SOCK_DGRAM)
            s.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, name.encode())
            s.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
            index = socket.if_nametoindex(name)
            s.sendto(text, (address, 7200, 0, index) if family == socket.AF_INET6 else (address, 7200))
        s.close()

    def test_each_host_gets_one_and_each_guest_of_the_subnet_one(self):
        self.fabric(three_hosts(), nodes=3, v6=True)
        ears = self.ears()
        hear = {"a": 0, "a2": 1, "b": 1, "c": 1, "d": 0, "fa": 0, "fb": 0}
        for address in ("255.255.255.255", "10.0.0.255", "224.0.0.251", GROUP, "ff02::fb", "ff05::1234"):
            text = f"to-all-{address}".encode()
            self.shout("a", address, text)
            self.assertEqual(ears.count(text), hear, address)
            on_wire = self.f.wire.seen(f"gre && frame contains {text.hex(':')}", "ip.dst", "gre.key",
                                       occurrence="f")
            self.assertEqual(sorted(to for to, _ in on_wire), [pa(2), pa(3)], f"{address}: n-1 copies, each once")
            self.assertEqual({int(key, 16) >> 8 for _, key in on_wire}, {5001})
        self.assertBooks()

    def test_a_record_for_the_group_makes_it_one_copy(self):
        """Broadcast and one multicast address are behind a provider multicast group."""
        provider_group = "239.255.19.137"
        self.fabric(three_hosts(), nodes=3, up=False)
        more = [{"virtual-subnet-id": 5001, "customer-address": a, "provider-address": provider_group}
                for a in ("255.255.255.255", "10.0.0.255", GROUP)]
        self.f.up(**{"lookup-records": self.f.records() + more})
        ears = self.ears()
        for address in ("10.0.0.255", GROUP):
            text = f"to-group-{address}".encode()
            self.shout("a", address, text)
            self.assertEqual(ears.count(text), {"a": 0, "a2": 1, "b": 1, "c": 1, "d": 0, "fa": 0, "fb": 0}, address)
            on_wire = self.f.wire.seen(f"gre && frame contains {text.hex(':')}", "eth.dst", "ip.dst",
                                       occurrence="f")
            self.assertEqual(on_wire, [("01:00:5e:7f:13:89", provider_group)])
        self.assertBooks()

    def test_dhcp_of_a_tenants_own(self):
        """A tenant's DHCP server on one host serves a tenant's guest on another."""
        guests = three_hosts()
        guests[3].adapter = {"dynamic-ip-address-limit": 2}  # c may take what it is given
        self.fabric(guests, nodes=3)
        self.lab.ip("c", "addr", "flush", "dev", "c")
        leases = self.lab.dir / "leases"
        self.lab.spawn("dnsmasq", "-k", "-C", "/dev/null", "--port=0", "-i", "b", "--bind-interfaces",
                       "--dhcp-range=10.0.0.7,10.0.0.7,1h", f"--dhcp-leasefile={leases}", "--dhcp-authoritative", ns="b")
        got = self.lab.exec("c", "udhcpc", "-i", "c", "-f", "-q", "-n", "-s", "/bin/true", check=False)
        self.assertIn("10.0.0.7", got.stdout + got.stderr)
        self.assertEqual(self.f.wire.count("dhcp && !gre"), 0)


class Death(TenantsCase):
    """A weftd that is killed costs its guests only the time until it is back, and nobody else anything."""

    def test_kill_under_traffic(self):
        self.fabric(three_hosts(), nodes=3)
        others = Stream(self.lab, "a", "c", "10.0.0.7", 300).flowing()
        its_own = Stream(self.lab, "a", "b", "10.0.0.6", 300, port=7001).flowing()
        self.f.nodes[1].kill()
        time.sleep(0.5)
        self.f.nodes[1].start()
        its_own.flowing()
        self.assertMesh()
        others.stop()
        its_own.stop()
        self.assertEqual(others.lost, 0, "between hosts that live")
        self.assertLess(its_own.gap, 5)
        self.assertEqual(self.f.nodes[1].revision(), 1)
        self.assertBooks()

    def test_stopped_and_started_the_tenants_are_as_they_were(self):
        self.fabric()
        before = self.f.nodes[0].weft("get", "-o", "yaml").stdout
        self.f.nodes[0].restart()
        self.assertEqual(self.f.nodes[0].weft("get", "-o", "yaml").stdout, before)
        self.f.warm()
        self.assertMesh()

    def test_a_wire_that_is_cut_and_joined(self):
        self.fabric()
        self.f.wire.cut("node2")
        self.assertEqual(self.lab.pings("cweb", "10.0.0.6", wait=0.3), 0)
        self.f.wire.join("node2")
        wait_until("capp answers again", lambda: self.lab.pings("cweb", "10.0.0.6", wait=0.3))
        self.assertMesh()

    def test_a_bad_wire_loses_nothing_more_than_it_does(self):
        """Frames out of order, twice and late: each datagram arrives, TCP gets through, the books balance."""
        self.fabric()
        for line in ("delay 5", "reorder 100 10", "duplicate 50"):
            self.f.wire.say(*line.split())
        stream = Stream(self.lab, "cweb", "capp", "10.0.0.6", 500).flowing(500)
        self.transfer("cweb", "capp", "10.0.0.6", 1 << 20)
        stream.stop()
        self.assertEqual(stream.lost, 0)
        self.f.wire.say("drop", "20")
        self.transfer("capp", "cweb", "10.0.0.5", 1 << 18)
        self.assertBooks()


class Changes(TenantsCase):
    """Rows I16, I26: a changed record is in force when the call returns."""

    def twins(self, *more):
        """b and its twin have the same addresses on two hosts; each of these has a record of its own that says so. Node 1
        has them from `more`, and somebody else to talk to on both."""
        self.fabric([Guest("a", 1, 5001, 5), Guest("b", 2, 5001, 6), Guest("twin", 3, 5001, 6)], nodes=3, up=False)
        for n in self.f.nodes:
            n.start()
        self.f.apply(1, **{"lookup-records": self.records(*more)})
        self.f.apply(2, **{"lookup-records": self.records(2)})
        self.f.apply(3, **{"lookup-records": self.records(3)})
        self.f.address_guests()
        wait_until("both paths are there", lambda: {p["state"] for p in self.f.nodes[0].api("GET", "/v1/provider")["paths"]}
                   == {"ready"})
        self.ears_of = self.ears("b", "twin")

    def records(self, *where):
        """b's addresses are behind node `where`."""
        others = [{"virtual-subnet-id": 5001, "customer-address": f"10.0.0.{100 + n}", "mac-address": f"00:15:5d:00:01:0{n}",
                   "provider-address": pa(n)} for n in (2, 3)]
        return others + [r for r in self.f.records() if not r["customer-address"].endswith(".6") or
                         r["provider-address"] in map(pa, where)]

    def turn(self, text, change, where):
        """What a sends right after the change arrives there, and only there."""
        with self.lab.inside("a"):
            s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        s.sendto(b"before", ("10.0.0.6", 9))
        change()
        for _ in range(10):
            s.sendto(text, ("10.0.0.6", 9))
        s.close()
        name = "b" if where == 2 else "twin"
        self.assertEqual(self.ears_of.count(text), {n: 10 * (n == name) for n in ("b", "twin")}, text)

    def test_an_applied_change_turns_the_stream_to_the_other_host(self):
        self.twins(2)
        for i in range(6):
            where = 3 - i % 2
            self.turn(f"apply-{i}".encode(), lambda w=where: self.f.apply(1, **{"lookup-records": self.records(w)}), where)
        self.assertBooks()

    def test_a_single_change_is_in_force_when_the_call_returns(self):
        self.twins()
        node, path = self.f.nodes[0], "/v1/lookup-records/default/5001/10.0.0.6"
        revision = node.revision()

        def put(where):
            node.api("PUT", path, {"mac-address": self.f.guest["b"].mac, "provider-address": pa(where)})
        put(2)
        wait_until("b answers", lambda: self.lab.pings("a", "10.0.0.6", wait=0.3))
        for i in range(20):
            where = 3 - i % 2
            self.turn(f"put-{i}-".encode(), lambda w=where: put(w), where)
        self.assertEqual(node.revision(), revision, "records are not the document")
        node.restart()
        self.assertEqual(node.api("GET", path)["provider-address"], pa(2), "and stay over a restart")
        node.api("DELETE", path)
        self.assertEqual(self.lab.pings("a", "10.0.0.6"), 0)
        self.assertBooks()

    def test_a_thousand_changes_under_traffic_lose_nothing(self):
        """Records of others come and go one by one and in streams while a guest talks."""
        self.fabric()
        stream = Stream(self.lab, "cweb", "capp", "10.0.0.6", 1000).flowing()

        def lines(op=""):
            return "".join(f'{{{op}"virtual-subnet-id": 5001, "customer-address": "10.0.0.{i}", "mac-address": '
                           f'"00:15:5d:00:01:{i:02x}", "provider-address": "{pa(1 + i % 2)}"}}\n' for i in range(100, 250))
        for _ in range(20):
            for n in self.f.nodes:
                self.assertEqual(n.api("POST", "/v1/lookup-records", lines())["set"], 150)
                self.assertEqual(n.api("POST", "/v1/lookup-records", lines('"op": "remove", '))["removed"], 150)
        for i in range(100, 150):
            path = f"/v1/lookup-records/default/5001/10.0.0.{i}"
            self.f.nodes[0].api("PUT", path, {"mac-address": "00:15:5d:00:01:01", "provider-address": pa(2)})
            self.f.nodes[0].api("DELETE", path)
        stream.stop()
        self.assertEqual(stream.lost, 0, f"of {stream.sent}")
        self.assertMesh()
        self.assertBooks()

    def test_others_notice_nothing(self):
        """A stream goes on while records and adapters of others come and go."""
        self.fabric()
        stream = Stream(self.lab, "cweb", "capp", "10.0.0.6", 500).flowing()
        for i in range(5):
            more = [{"virtual-subnet-id": 5001, "customer-address": f"10.0.0.{100 + j}",
                     "mac-address": f"00:15:5d:00:01:{j:02x}", "provider-address": pa(2)} for j in range(i * 20)]
            self.f.apply(1, **{"lookup-records": self.f.records() + more})
            self.f.apply(2, **{"lookup-records": self.f.records() + more})
        stream.stop()
        self.assertEqual(stream.lost, 0, f"of {stream.sent}")

    def test_what_is_removed_is_gone(self):
        self.fabric()
        self.assertReaches("cweb", "10.0.0.6")
        self.f.apply(1, **{"lookup-records": [r for r in self.f.records() if r["customer-address"] != "10.0.0.6"]})
        before = self.f.drops("cweb")
        self.assertEqual(self.lab.pings("cweb", "10.0.0.6"), 0)
        self.assertIn("no-record", self.dropped("cweb", before))
        self.f.apply(1)
        self.assertReaches("cweb", "10.0.0.6")


class Diagnosis(TenantsCase):
    """Rows H10, H11."""

    def test_the_next_hop_is_where_packets_go(self):
        self.fabric()

        def ask(vsid, source, to):
            return self.f.nodes[0].api("GET", f"/v1/next-hop?virtual-subnet-id={vsid}&from={source}&to={to}")
        hop = ask(5001, "10.0.0.5", "10.0.1.7")
        self.assertEqual((hop["leads-to"], hop["routed"], hop["virtual-subnet-id"], hop["mac-address"], hop["provider-address"],
                          hop["mtu"]), ("tunnel", True, 5002, "00:15:5d:00:00:07", pa(2), 1458))
        self.assertEqual(ask(5001, "10.0.0.6", "10.0.0.5")["adapter"], "cweb")
        self.assertEqual(ask(6001, "10.0.0.5", "10.0.1.7")["leads-to"], "no-route")
        self.assertEqual(ask(5001, "10.0.0.5", "10.0.0.99")["leads-to"], "no-record")

    def test_explain_follows_the_frame_to_the_other_host(self):
        self.fabric()
        cweb, capp = self.f.guest["cweb"], self.f.guest["capp"]
        frame = (bytes.fromhex(capp.mac.replace(":", "")) + bytes.fromhex(cweb.mac.replace(":", "")) + bytes.fromhex(
            "0800450000540000400040010000") + socket.inet_aton("10.0.0.5") + socket.inet_aton("10.0.0.6")).ljust(98, b"\0")
        frame = frame[:24] + self.checksum(frame[14:34]) + frame[26:]
        alone = self.f.explain("cweb", frame.hex())
        self.assertIn("wire:fabric", alone)
        self.assertIn(pa(2), alone)
        self.assertIn("5001", alone)
        followed = self.f.explain("cweb", frame.hex(), "--follow", str(self.f.nodes[1].socket))
        self.assertIn("capp", followed)
        self.assertIn("node2", followed)
        self.assertNotIn("fapp", followed)

    @staticmethod
    def checksum(header):
        total = sum(int.from_bytes(header[i:i + 2], "big") for i in range(0, 20, 2))
        while total >> 16:
            total = (total & 0xffff) + (total >> 16)
        return (~total & 0xffff).to_bytes(2, "big")
