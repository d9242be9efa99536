# SPDX-License-Identifier: Apache-2.0
"""The switch as guests, host and wire see it: who reaches whom, what is flooded, what stays off the wire."""
import socket
import time

from case import Case, document, switch, tap
from weftlab import Stream, wait_until

ADDRESS = {"vm1": "192.0.2.11", "vm2": "192.0.2.12", "host": "192.0.2.10", "outside": "192.0.2.1"}
ETHERTYPE = b"\x88\xb5"  # for local experiments: no stack answers


def mac_bytes(text):
    return bytes.fromhex(text.replace(":", ""))


def frame(to, source, text=b""):
    return mac_bytes(to) + mac_bytes(source) + ETHERTYPE + text.ljust(50, b"\0")


def received(sock, text, within=0.3, enough=None):
    """How many frames with this text arrive; no longer than it takes for `enough`."""
    count = 0
    end = time.monotonic() + within
    while time.monotonic() < end and count != enough:
        sock.settimeout(max(0.01, end - time.monotonic()))
        try:
            data = sock.recv(2048)
        except socket.timeout:
            break
        count += data[12:14] == ETHERTYPE and data[14:14 + len(text)] == text
    return count


class TruthTable(Case):
    """Rows B1-B3: external, internal, private; with and without the management OS."""

    def check(self, sw, adapters, groups):
        """groups: those in one reach each other, and nobody else."""
        self.guests("vm1", "vm2", "outside")
        host = self.host()
        self.lab.veth("outside", "wire", "host", "eth1")
        self.lab.address("outside", "wire", ADDRESS["outside"] + "/24")
        if sw["type"] == "external":
            self.lab.address("host", "eth1", ADDRESS["host"] + "/24")
        host.apply(document([sw], [tap("vm1", "vm1"), tap("vm2", "vm2"), *adapters]))
        self.addresses(vm1=ADDRESS["vm1"] + "/24", vm2=ADDRESS["vm2"] + "/24")
        pairs = [(a, b) for a in ADDRESS for b in ADDRESS if a != b]
        expected = {(a, b): any(a in g and b in g for g in groups) for a, b in pairs}
        found = self.reach([(a, ADDRESS[b]) for a, b in pairs])
        self.assertEqual(dict(zip(pairs, found)), expected)

    def test_external_with_management_os(self):
        self.check(switch(kind="external", uplink="eth1"), [], [set(ADDRESS)])

    def test_external_without_management_os(self):
        self.check(switch(kind="external", uplink="eth1", **{"allow-management-os": False}), [],
                   [{"vm1", "vm2", "outside"}])

    def test_external_without_management_os_but_a_host_adapter_of_its_own(self):
        self.check(switch(kind="external", uplink="eth1", **{"allow-management-os": False}),
                   [{"name": "mine", "owner": "host", "switch": "lan", "addresses": [ADDRESS["host"] + "/24"]}],
                   [set(ADDRESS)])

    def test_internal_with_a_host_adapter(self):
        self.check(switch(), [{"name": "mine", "owner": "host", "switch": "lan",
                               "addresses": [ADDRESS["host"] + "/24"]}], [{"vm1", "vm2", "host"}])

    def test_internal_without_a_host_adapter(self):
        self.check(switch(), [], [{"vm1", "vm2"}])

    def test_private(self):
        self.check(switch(kind="private"), [], [{"vm1", "vm2"}])

    def test_private_takes_no_host_adapter(self):
        host = self.host()
        self.refused(host, document([switch(kind="private")],
                                    [{"name": "mine", "owner": "host", "switch": "lan"}]), "private")
        self.refused(host, document([switch(kind="private", **{"allow-management-os": True})]), "private")


class Conversion(Case):
    """Row B4: the type changes under traffic between two guests, which loses nothing."""

    def test_through_all_types(self):
        host = self.two_guests()
        self.guests("outside")
        self.lab.veth("outside", "wire", "host", "eth1")
        self.lab.address("outside", "wire", ADDRESS["outside"] + "/24")
        self.assertReaches("vm1", ADDRESS["vm2"])
        stream = Stream(self.lab, "vm1", "vm2", ADDRESS["vm2"]).flowing()
        for kind, more in (("private", {}), ("external", {"uplink": "eth1"}), ("internal", {}),
                           ("external", {"uplink": "eth1"}), ("private", {}), ("internal", {})):
            host.apply({**self.document, "switches": [switch(kind=kind, **more)]})
            if kind == "external":
                self.assertReaches("vm1", ADDRESS["outside"])  # tries again: vm1 may still believe that nobody is there
            else:
                self.assertEqual(self.reach([("vm1", ADDRESS["outside"])]), [False])
            stream.flowing()
        stream.stop()
        self.assertGreater(stream.sent, 100)
        self.assertEqual(stream.lost, 0, f"of {stream.sent}")


class Learning(Case):
    """Rows B5, B6."""

    def test_unknown_is_flooded_and_learned_is_not(self):
        host = self.host()
        self.guests("vm1", "vm2", "vm3")
        host.apply(document([switch()], [tap(n, n) for n in ("vm1", "vm2", "vm3")]))
        wire = {}
        for n in ("vm1", "vm2", "vm3"):
            self.lab.ip(n, "link", "set", n, "up")
            wire[n] = self.lab.wire(n, n)
        nested, own = "02:00:00:00:00:03", self.lab.mac("vm1", "vm1")
        wire["vm1"].send(frame(nested, own, b"first"))
        self.assertEqual([received(wire[n], b"first") for n in ("vm2", "vm3")], [1, 1])
        wire["vm3"].send(frame(own, nested, b"answer"))
        self.assertEqual([received(wire[n], b"answer") for n in ("vm1", "vm2")], [1, 0])
        wire["vm1"].send(frame(nested, own, b"second"))
        self.assertEqual([received(wire[n], b"second") for n in ("vm2", "vm3")], [0, 1])
        entries = {e["mac-address"]: e["adapter"] for e in host.json("fdb", "lan")["entries"]}
        self.assertEqual(entries[nested], "vm3")

    def test_a_station_that_moves_is_found_at_once(self):
        host = self.host()
        self.guests("vm1", "vm2", "vm3")
        host.apply(document([switch()], [tap(n, n) for n in ("vm1", "vm2", "vm3")]))
        wire = {}
        for n in ("vm1", "vm2", "vm3"):
            self.lab.ip(n, "link", "set", n, "up")
            wire[n] = self.lab.wire(n, n)
        nested, own = "02:00:00:00:00:03", self.lab.mac("vm1", "vm1")
        for there, gone in (("vm2", "vm3"), ("vm3", "vm2"), ("vm2", "vm3")):
            wire[there].send(frame(own, nested, b"here"))
            self.assertEqual(received(wire["vm1"], b"here"), 1)
            wire["vm1"].send(frame(nested, own, b"to " + there.encode()))
            self.assertEqual(received(wire[there], b"to " + there.encode()), 1)
            self.assertEqual(received(wire[gone], b"to " + there.encode(), 0.1), 0)

    def test_guest_and_host_stay_off_the_wire(self):
        host = self.host()
        self.guests("vm1", "outside")
        self.lab.veth("outside", "wire", "host", "eth1")
        self.lab.address("host", "eth1", ADDRESS["host"] + "/24")
        host.apply(document([switch(kind="external", uplink="eth1")], [tap("vm1", "vm1")]))
        self.addresses(vm1=ADDRESS["vm1"] + "/24")
        self.assertReaches("vm1", ADDRESS["host"])
        outside = self.lab.wire("outside", "wire")
        self.lab.iperf("host", "vm1", ADDRESS["host"], 1)
        outside.settimeout(0.2)
        unicast = []
        while True:
            try:
                data = outside.recv(64)
            except socket.timeout:
                break
            if not data[0] & 1:
                unicast.append(data.hex())
        self.assertEqual(unicast, [])


class Ports(Case):
    """Rows B7, B11, B13, B14."""

    def test_many_come_and_go(self):
        host = self.host()
        many = [tap(f"p{i}") for i in range(80)]
        resident = []
        for _ in range(3):
            host.apply(document([switch()], many))
            self.assertEqual(len(host.json("status")["adapters"]), 80)
            self.assertEqual(len(self.lab.ip_json("host", "link")), 81)
            host.apply(document([switch()], []))
            self.assertEqual(len(self.lab.ip_json("host", "link")), 1)
            resident.append(host.rss())
        self.assertLess(resident[2] - resident[0], 4, f"MiB resident after each round: {resident}")

    def test_traffic_goes_on_while_others_come_and_go(self):
        host = self.two_guests()
        stream = Stream(self.lab, "vm1", "vm2", ADDRESS["vm2"]).flowing()
        for _ in range(3):
            more = [tap(f"p{i}") for i in range(30)]
            host.apply({**self.document, "adapters": self.document["adapters"] + more})
            host.apply(self.document)
        stream.stop()
        self.assertEqual(stream.lost, 0, f"of {stream.sent}")

    def test_one_guest_with_three_adapters_on_two_switches(self):
        host = self.host()
        self.guests("vm1", "vm2", "vm3")
        host.apply(document([switch("red"), switch("blue")], [
            tap("r1", "vm1", "red", vm="vm1"), tap("b1", "vm1", "blue", vm="vm1"), tap("b2", "vm1", "blue", vm="vm1"),
            tap("vm2", "vm2", "red"), tap("vm3", "vm3", "blue")]))
        for dev, address in (("r1", "192.0.2.11/24"), ("b1", "198.51.100.11/24"), ("b2", "203.0.113.11/24")):
            self.lab.address("vm1", dev, address)
        self.addresses(vm2="192.0.2.12/24", vm3="198.51.100.13/24")
        self.lab.address("vm3", "vm3", "203.0.113.13/24")
        self.lab.address("vm2", "vm2", "198.51.100.12/24")
        self.assertEqual(self.reach([("vm1", "192.0.2.12"), ("vm1", "198.51.100.13"), ("vm1", "203.0.113.13"),
                                     ("vm2", "198.51.100.11"), ("vm2", "198.51.100.13")]),
                         [True, True, True, False, False])

    def test_the_pool_has_256_addresses_unless_widened(self):
        host = self.host()
        many = [tap(f"p{i}") for i in range(257)]
        self.refused(host, document([switch()], many), "range")
        wide = {"minimum": "00:15:5d:02:06:00", "maximum": "00:15:5d:02:07:00"}
        host.apply(document([switch()], many, **{"mac-address-range": wide}))
        macs = {a["mac-address"] for a in host.json("status")["adapters"]}
        self.assertEqual((len(macs), min(macs), max(macs)), (257, wide["minimum"], wide["maximum"]))

    def test_addresses_of_the_pool_stay(self):
        host = self.two_guests()
        def macs():
            return {n: host.adapter(n)["mac-address"] for n in ("vm1", "vm2")}
        before = macs()
        self.assertEqual(before["vm1"], self.lab.mac("vm1", "vm1"))
        host.restart()
        self.assertEqual(macs(), before)
        host.apply({**self.document, "adapters": [tap("vm0")] + self.document["adapters"][::-1]})
        self.assertEqual(macs(), before)
        self.assertNotIn(host.adapter("vm0")["mac-address"], before.values())

    def test_static_addresses_are_checked(self):
        host = self.host()
        wide = {"mac-address-range": {"minimum": "00:15:5d:02:06:00", "maximum": "00:15:5d:02:06:ff"}}
        self.refused(host, document([switch()], [tap("vm1", **{"mac-address": "01:00:5e:00:00:01"})]), "multicast")
        self.refused(host, document([switch()], [tap("vm1", **{"mac-address": "00:15:5d:02:06:09"})], **wide), "range")
        same = {"mac-address": "02:00:00:00:00:01"}
        error = self.refused(host, document([switch()], [tap("vm1", **same), tap("vm2", **same)]))
        self.assertIn("vm1", error + "adapters[0]")

    def test_a_new_mac_address_reaches_the_guest(self):
        host = self.two_guests()
        self.document["adapters"][0]["mac-address"] = "02:00:00:00:00:01"
        host.apply(self.document)
        self.assertEqual(self.lab.mac("vm1", "vm1"), "02:00:00:00:00:01")
        wait_until("vm2 answers", lambda: self.lab.pings("vm1", ADDRESS["vm2"]))
