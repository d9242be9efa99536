# SPDX-License-Identifier: Apache-2.0
"""Guests that move from host to host: each step with what it refuses, hosts that die between two, and traffic meanwhile."""
import hashlib
import os
import socket
import threading
import time

from tenants import Fabric, Guest, Machine, Numbered, pa
from tenants_case import TenantsCase
from weftlab import wait_until


class MovesCase(TenantsCase):
    """Three hosts; `far` on the third talks to the machine `vm`, which begins on the first."""

    pcap = True

    def world(self, nodes=3, addresses=None, **adapter):
        self.f = Fabric(self.lab, [Guest("far", nodes, 5001, 9)], nodes=nodes, pcap=self.pcap).up()
        self.vm = Machine(self.f, "vm", 1, addresses=addresses).begin(**adapter)
        self.near = self.f.nodes[0]
        wait_until("vm answers", self.answers)
        return self.vm

    def by_api(self, address):
        """The records of an address are the API's instead of the documents'."""
        for node in self.f.nodes:
            document = node.json("get")
            document["lookup-records"] = [r for r in document["lookup-records"] if r["customer-address"] != address]
            node.apply(document)
            node.weft("record", "set", 5001, address, "--mac-address", self.vm.mac, "--provider-address", pa(1))
        wait_until("vm answers", lambda: self.lab.pings("far", address, wait=0.3))

    def answers(self):
        return all(self.lab.pings("far", a, wait=0.3) for a in self.vm.addresses)

    def states(self):
        return [self.vm.state(i + 1) for i in range(len(self.f.nodes))]

    def assertRefused(self, done, *words):
        self.assertEqual(done.returncode, 1, done.stdout)
        for word in words:
            self.assertIn(word, done.stderr)


class Prepare(MovesCase):
    """Row B9: whatever the new host lacks is refused before anything is touched, there or here."""

    def refused(self, *words, node=2, **more):
        before = [n.revision() for n in self.f.nodes]
        for option in ("--dry-run",), ():
            self.assertRefused(self.vm.prepare(node, *option, check=False, **more), *words)
        self.assertEqual([n.revision() for n in self.f.nodes], before)
        self.assertEqual(self.vm.state(1), "active")
        self.assertTrue(self.answers())

    def without(self, **keys):
        """The second host gets a document without these."""
        document = self.f.nodes[1].json("get")
        document.update(keys)
        self.f.nodes[1].apply(document)

    def test_what_the_new_host_lacks(self):
        self.world()
        attach, first = self.vm.attach, self.f.nodes[1].json("get")
        self.vm.attach = lambda node: {"tap": "vm-2", "netns": "nowhere"}
        self.refused("adapter vm.attach", "nowhere")
        self.vm.attach = attach
        self.without(**{"lookup-records": [], "provider-addresses": [], "routing-domains": [], "switches": [{"name": "other", "type": "private"}]})
        self.refused("adapter vm.switch", "fabric")
        self.without(switches=first["switches"])
        self.refused("adapter vm", "provider")
        self.without(**{"provider-addresses": first["provider-addresses"]})
        self.refused("adapter vm", "5001")
        domains = [{**d, "id": d["id"].replace("1111", "7777")} for d in first["routing-domains"]]
        self.without(**{"routing-domains": domains})
        self.refused("routing-domains[0].id", "another tenant's")
        self.without(**{"routing-domains": first["routing-domains"], "adapters": [
            {"name": "else", "switch": "fabric", "virtual-subnet-id": 5001, "mac-address": self.vm.mac, "attach": {"tap": "else"}}]})
        self.refused("adapter vm.mac-address", "(else)")
        self.without(adapters=[])
        other = {**self.vm.records()[0], "mac-address": "00:15:5d:00:00:77"}
        self.without(**{"lookup-records": [other]})
        self.refused("lookup-records[", "another guest's")
        self.without(**{"lookup-records": []})
        self.vm.prepare(2)
        self.assertEqual(self.vm.state(2), "prepared")

    def test_what_cannot_come(self):
        self.world(**{"dynamic-ip-address-limit": 0})
        self.refused("adapters", "none is called vm", document="adapters: []")
        self.refused("adapters[0].bogus", document="adapters: [{name: vm, switch: fabric, bogus: 1}]")
        for node in self.f.nodes:
            document = node.json("get")
            document["lookup-records"] = [r for r in document["lookup-records"] if r["mac-address"] != self.vm.mac]
            node.apply(document)
        done = self.vm.prepare(2, check=False)
        self.assertRefused(done, "lookup-records", self.vm.mac, "weft record set")

    def test_validate_port(self):
        self.world()
        node = self.f.nodes[1]
        good = node.api("POST", "/v1/validate-port", self.vm.adapter(2))
        self.assertEqual((good["accepted"], good["errors"]), (True, []))
        bad = node.api("POST", "/v1/validate-port", {**self.vm.adapter(2), "virtual-subnet-id": 5999})
        self.assertFalse(bad["accepted"])
        self.assertIn("5999", bad["errors"][0]["detail"])
        self.assertIn("adapter vm", bad["errors"][0]["path"])
        self.assertEqual(self.states(), ["active", None, None])


class Steps(MovesCase):
    def test_each_step_again_and_out_of_turn(self):
        vm = self.world()
        one, two = self.f.nodes[:2]
        self.assertEqual(self.states(), ["active", None, None])
        self.assertRefused(vm.retire(1, check=False), "10.0.0.5 is still here (198.51.100.11)", "activate it on the new host first")
        self.assertRefused(vm.lead(2, 2, check=False), "prepare it first")
        self.assertIn("not here", vm.retire(2).stdout)
        vm.prepare(2)
        self.assertEqual(self.states(), ["active", "prepared", None])
        revision = two.revision()
        self.assertIn("nothing to change", vm.prepare(2).stdout)
        self.assertEqual(two.revision(), revision)
        self.assertRefused(two.weft("move", "prepare", "vm", "--from", "-", input=one.weft("get", "-o", "yaml").stdout,
                                    check=False), "adapter vm.attach", "here")
        self.assertRefused(vm.retire(2, check=False), "has not been active", "weft move cancel vm")
        for to in ("198.51.101.1", "239.0.0.1", "198.51.100.255"):
            self.assertRefused(two.weft("move", "activate", "vm", "--to", to, check=False), "to", to)
        self.assertTrue(self.answers(), "prepared only: it is where it was")
        vm.activate(2, 2)
        vm.run_on(2)
        self.assertEqual(self.states(), ["active", "active", None])
        self.assertIn("already", vm.activate(2, 2).stdout)
        vm.activate(1, 2)
        self.assertEqual(self.states(), ["moved-away", "active", None])
        self.assertIn("moved away to 198.51.100.12", one.adapter("vm")["move"])
        self.assertIn("already", vm.activate(1, 2).stdout)
        vm.lead(3, 2)
        self.assertIn("already", vm.lead(3, 2).stdout)
        self.assertTrue(self.answers())
        self.assertRefused(two.weft("move", "cancel", "vm", check=False), "it is active")
        self.assertRefused(one.weft("move", "cancel", "vm", check=False), "has been active since")
        vm.retire(1)
        self.assertIn("not here", vm.retire(1).stdout)
        self.assertEqual(self.states(), [None, "active", None])
        self.assertTrue(self.answers())
        self.assertIn("is retired here", one.weft("events").stdout)
        self.assertBooks()

    def test_the_old_port_speaks_for_nobody(self):
        """Row I20: what is left of a guest on the host that it has moved away from; also when that one's weftd is another."""
        vm = self.world()
        one = self.f.nodes[0]
        vm.prepare(2)
        vm.run_on(2)
        self.assertTrue(self.lab.pings("vm", "10.0.0.9", wait=2), "it sends where it comes to before its records lead there")
        vm.activate(2, 2)
        vm.activate(1, 2)
        for restarted in False, True:
            if restarted:
                one.kill()
                one.start()
                vm.plug(1)
            vm.run_on(1)
            before = one.drops("vm").get("moved-away", 0)
            self.assertFalse(self.lab.pings("vm", "10.0.0.9", wait=0.5))
            self.assertGreater(one.drops("vm").get("moved-away", 0), before)
            vm.run_on(2)
            wait_until("vm answers", self.answers)
        self.assertIn("moved-away", one.weft("events").stdout)
        # It comes back to the very adapter.
        self.assertIn("nothing to change", vm.prepare(1).stdout)
        vm.run_on(1)
        self.assertTrue(self.lab.pings("vm", "10.0.0.9", wait=2))
        vm.activate(1, 1)
        vm.activate(2, 1)
        vm.lead(3, 1)
        self.assertTrue(self.answers())
        self.assertBooks()

    def test_a_host_that_is_not_there(self):
        """Records are led to a host when it answers, not before."""
        self.world()
        before = self.f.nodes[2].revision()
        self.assertRefused(self.vm.lead(3, 9, check=False), "to: ", "no way to 198.51.100.19", "lead where they did")
        self.assertEqual(self.f.nodes[2].revision(), before)
        self.assertTrue(self.answers())

    def test_cancel_leaves_nothing(self):
        vm = self.world()
        two = self.f.nodes[1]
        document = two.json("get")
        document["lookup-records"] = [r for r in document["lookup-records"] if r["mac-address"] != vm.mac]
        two.apply(document)
        before = two.weft("get", "-o", "yaml").stdout
        vm.prepare(2)
        self.assertIn(vm.addresses[0], two.weft("get", "-o", "yaml").stdout)
        two.restart()
        two.weft("move", "cancel", "vm")
        self.assertEqual(two.weft("get", "-o", "yaml").stdout, before)
        self.assertIn("not here", two.weft("move", "cancel", "vm").stdout)
        self.assertTrue(self.answers())

    def test_a_change_that_waits_to_be_confirmed_is_not_confirmed_by_a_step(self):
        vm = self.world()
        two = self.f.nodes[1]
        two.apply({**two.json("get"), "host": {"name": "renamed"}}, "--confirm-within", "60")
        self.assertRefused(vm.prepare(2, check=False), "waits to be confirmed", "weft rollback")
        two.weft("confirm")
        vm.prepare(2)

    def test_records_stay_with_who_gave_them(self):
        """One in the document, one of the API: both lead to the new host, each where it was."""
        vm = self.world(addresses=["10.0.0.5", "10.0.0.15"])
        self.by_api("10.0.0.15")
        vm.move(2)
        for node in self.f.nodes:
            listed = {r["customer-address"]: r for r in node.json("record", "list") if r["mac-address"] == vm.mac}
            self.assertEqual({a: (r["origin"], r["provider-address"]) for a, r in listed.items()},
                             {"10.0.0.5": ("document", pa(2)), "10.0.0.15": ("api", pa(2))})
        self.assertTrue(self.answers())


class Deaths(MovesCase):
    def test_either_host_dies_between_any_two_steps(self):
        """kill -9 after each step, of the one and of the other; the next step finds what the last one left."""
        vm = self.world(addresses=["10.0.0.5", "10.0.0.15"])
        self.by_api("10.0.0.15")
        here, there = 1, 2

        def die():
            for i in here, there:
                self.f.nodes[i - 1].kill()
                self.f.nodes[i - 1].start()
            for i in here, there:  # its taps are the old ones
                if vm.state(i):
                    vm.plug(i)

        vm.prepare(there)
        die()
        self.assertEqual(self.states(), ["active", "prepared", None])
        wait_until("vm answers", self.answers)
        vm.prepare(there)
        vm.activate(there, there)
        die()
        vm.run_on(there)
        vm.activate(there, there)
        vm.activate(here, there)
        die()
        self.assertEqual(self.states(), ["moved-away", "active", None])
        vm.run_on(there)
        vm.lead(3, there)
        wait_until("vm answers", self.answers)
        vm.retire(here)
        die()
        self.assertEqual(self.states(), [None, "active", None])
        vm.run_on(there)
        wait_until("vm answers", self.answers)


class Talk:
    """TCP both ways for as long as it takes; what arrives is what was sent."""

    def __init__(self, lab, ns_from, ns_to, address, port=7002):
        with lab.inside(ns_to):
            listener = socket.create_server((address, port))
        with lab.inside(ns_from):
            self.ends = [socket.create_connection((address, port), timeout=10)]
        self.ends.append(listener.accept()[0])
        listener.close()
        self.stopping = threading.Event()
        self.sums = {}
        self.bytes = 0
        self.threads = [threading.Thread(target=f, args=(i,), daemon=True) for f in (self.send, self.receive) for i in (0, 1)]
        for end in self.ends:
            end.settimeout(30)
        for t in self.threads:
            t.start()

    def send(self, i):
        digest, piece = hashlib.sha256(), os.urandom(1 << 14)
        while not self.stopping.is_set():
            self.ends[i].sendall(piece)
            digest.update(piece)
            time.sleep(0.01)
        self.ends[i].shutdown(socket.SHUT_WR)
        self.sums["sent", i] = digest.hexdigest()

    def receive(self, i):
        digest = hashlib.sha256()
        while piece := self.ends[i].recv(1 << 16):
            digest.update(piece)
            self.bytes += len(piece)
        self.sums["sent", 1 - i, "received"] = digest.hexdigest()

    def again(self):
        """Segments that TCP sent more than once."""
        info = self.ends[0].getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 104)
        return int.from_bytes(info[100:104], "little")

    def stop(self):
        self.stopping.set()
        for t in self.threads:
            t.join()
        self.whole = all(self.sums.get(("sent", i)) == self.sums.get(("sent", i, "received")) for i in (0, 1))
        self.retransmitted = self.again()
        for end in self.ends:
            end.close()
        return self


class UnderTraffic(MovesCase):
    alone = True  # the gap that it reports is its own then
    pcap = False

    def traffic(self, rate, *addresses):
        # A busy machine may stop a switch for longer than a tap's 1000 frames last; that is no move's fault.
        self.lab.ip("far", "link", "set", "far", "txqueuelen", 20000)
        streams = [Numbered(self.lab, "far", "vm", a, rate // len(addresses), port=7100 + i) for i, a in enumerate(addresses)]
        return streams, Talk(self.lab, "far", "vm", addresses[-1])

    def assertWhole(self, streams, talk, moves, began):
        took = time.monotonic() - began
        for s in streams:
            s.stop()
        talk.stop()
        print(f"        {moves} moves in {took:.1f} s, {sum(s.sent for s in streams)} datagrams, lost {sum(s.lost for s in streams)}, "
              f"doubled {sum(s.doubled for s in streams)}, longest gap {max(s.gap for s in streams) * 1000:.0f} ms; "
              f"TCP {talk.bytes >> 20} MiB, {talk.retransmitted} segments sent again")
        drops = {n.short: n.drops("wire:fabric") for n in self.f.nodes} | {"far": self.f.nodes[-1].drops("far")}
        self.assertEqual([(s.lost, s.doubled) for s in streams], [(0, 0)] * len(streams), drops)
        self.assertGreater(min(s.sent for s in streams), 0)
        self.assertTrue(talk.whole)
        self.assertBooks()

    def test_two_hundred_moves(self):
        """Row I26: between three hosts, under TCP and 10 000 datagrams a second from a fourth. Half of the datagrams go to an
        address whose records are the document's, the others to one whose records are the API's."""
        moves = int(os.environ.get("WEFT_MOVES", "200"))
        vm = self.world(nodes=4, addresses=["10.0.0.5", "10.0.0.15"])
        self.by_api("10.0.0.15")
        streams, talk = self.traffic(10000, *vm.addresses)
        began = time.monotonic()
        for i in range(moves):
            vm.move((vm.node + i % 2) % 3 + 1)
        self.assertWhole(streams, talk, moves, began)

    def test_moves_that_only_the_two_hosts_know_of(self):
        """Whoever still sends to where the guest was is told by REDIRECT; nothing is lost on the way."""
        vm = self.world(nodes=4)
        streams, talk = self.traffic(5000, *vm.addresses)
        began = time.monotonic()
        for i in range(12):
            vm.move((vm.node + i % 2) % 3 + 1, tell=False)
        self.assertWhole(streams, talk, 12, began)
        self.assertEqual(self.f.nodes[3].json("get", "lookup-records")[-1]["provider-address"], pa(1), "nobody told it")
