# SPDX-License-Identifier: Apache-2.0
"""A guest on two of three hosts, and where its frames go while its lookup records change: rows I20, I26, D4."""
import socket
import struct
import threading
import time

from frames import GRE, ICMP, IP, Ether, PcapReader, Raw, inner, nvgre
from tenants import Guest, pa
from tenants_case import TenantsCase
from weftlab import wait_until


SO_RCVBUFFORCE = 33  # Linux


class Hail:
    """Numbered datagrams at a rate, and who of several namespaces got which."""

    def __init__(self, lab, ns_from, ns_to, address, rate, port=7300):
        self.rate, self.sent, self.got = rate, 0, {ns: [] for ns in ns_to}
        self.to, self.running = (address, port), True
        with lab.inside(ns_from):
            self.out = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.threads = [threading.Thread(target=self.send)]
        for ns in ns_to:
            with lab.inside(ns):
                sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
                sock.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 1 << 24)
                sock.bind(("", port))
            sock.settimeout(0.1)
            self.threads.append(threading.Thread(target=self.receive, args=(sock, self.got[ns])))
        for t in self.threads:
            t.start()

    def send(self):
        begin = time.monotonic()
        while self.running:
            due = int((time.monotonic() - begin) * self.rate)
            while self.sent < due:
                self.out.sendto(struct.pack("!I", self.sent), self.to)
                self.sent += 1
            time.sleep(0.002)

    def receive(self, sock, got):
        over = None
        while over is None or time.monotonic() < over:
            if not self.running and over is None:
                over = time.monotonic() + 0.5
            try:
                got.append(struct.unpack("!I", sock.recv(64))[0])
            except TimeoutError:
                pass
        sock.close()

    def stop(self):
        self.running = False
        for t in self.threads:
            t.join()
        self.out.close()
        return self


class Moves(TenantsCase):
    """m1 and m2 are one guest, on node 1 and on node 2; c on node 3 talks to it."""

    def three(self, **more):
        guests = [Guest("m1", 1, 5001, 5), Guest("m2", 2, 5001, 5), Guest("c", 3, 5001, 6), Guest("fc", 3, 6001, 6)]
        self.fabric(guests, nodes=3, up=False, **more)
        for n in self.f.nodes:
            n.start()
        for node in (1, 2, 3):
            self.at(node, 1)
        self.f.address_guests()
        wait_until("m1 answers c", lambda: self.lab.pings("c", "10.0.0.5", wait=0.3))

    def at(self, node, where, **more):
        """For this node the guest is at `where`."""
        records = [r for r in self.f.records() if r["customer-address"] != "10.0.0.5" or r["provider-address"] == pa(where, self.f.family)]
        self.f.apply(node, **{"lookup-records": [r for r in records if where or r["customer-address"] != "10.0.0.5"], **more})

    def record(self, node):
        found = self.f.nodes[node - 1].json("record", "list", "5001", "10.0.0.5")
        return found[0] if found else None

    def messages(self, node):
        return self.f.nodes[node - 1].json("status", "switch", "fabric")["network-virtualization"]["control-messages"]

    def test_a_stale_sender_is_redirected_by_its_first_frame(self):
        self.three()
        self.at(2, 2)
        self.at(1, 2)
        self.assertEqual(self.record(3)["provider-address"], pa(1))
        wait_until("c's host is redirected",
                   lambda: self.lab.pings("c", "10.0.0.5", wait=0.2) and self.record(3).get("redirected-to") == pa(2))
        self.assertEqual(self.messages(3)["redirects-believed"], 1)
        self.assertIn(f"redirected to {pa(2)}", self.f.nodes[2].weft("record", "list", "5001").stdout)
        hop = self.f.nodes[2].json("next-hop", "--vsid", "5001", "--from", "10.0.0.6", "--to", "10.0.0.5")
        self.assertEqual((hop["provider-address"], hop["redirected-from"]), (pa(2), pa(1)))
        self.assertIn("redirected to", self.f.nodes[2].weft("events").stdout)
        before = self.f.wire.count("icmp.type == 8 && gre")
        self.assertEqual(self.lab.pings("c", "10.0.0.5", wait=1), 1)
        self.assertEqual(self.f.wire.seen("icmp.type == 8 && gre", "ip.dst", occurrence="f")[before:], [(pa(2),)], "straight there")
        # As others read it: outer and inner between the two hosts, who told whom, where to, and what about.
        told = self.f.wire.seen("icmp.type == 5 && icmp.code == 10", "ip.src", "ip.dst", "gre.key", "icmp.redir_gw")
        self.assertEqual(len(told), 1)
        sources, targets, keys, gateway = told[0]
        self.assertEqual(sources.split(",")[:3], [pa(1), pa(1), pa(3)])
        self.assertEqual(targets.split(",")[:3], [pa(3), pa(3), pa(1)])
        self.assertEqual((int(keys.split(",")[0], 16) >> 8, gateway), (5001, pa(2)))
        self.assertEqual(self.scapy_reads(), [(pa(2), "10.0.0.6", "10.0.0.5")])
        # Its own word ends it.
        self.at(3, 2)
        self.assertNotIn("redirected-to", self.record(3))
        self.assertEqual(self.lab.pings("c", "10.0.0.5", wait=1), 1)
        self.assertBooks()

    def told_by_the_other_family(self, was, will):
        """The guest moves from a provider address of one family to one of the other; tshark reads what its sender is told."""
        self.three(family=was)
        both = {n: [{"switch": "fabric", "address": f"{pa(n)}/24"}, {"switch": "fabric", "address": f"{pa(n, 6)}/64"}]
                for n in (1, 2, 3)}
        for node in (1, 2, 3):
            self.at(node, 1, **{"provider-addresses": both[node]})
        here = ("10.0.0.5", pa(1, was))
        moved = [r | ({"provider-address": pa(2, will)} if r["customer-address"] == "10.0.0.5" else {}) for r in self.f.records()
                 if (r["customer-address"], r["provider-address"]) != here]
        for node in (2, 1):
            self.f.apply(node, **{"provider-addresses": both[node], "lookup-records": moved})
        self.assertEqual(self.record(3)["provider-address"], pa(1, was))
        wait_until("c's host is redirected", lambda: self.lab.pings("c", "10.0.0.5", wait=0.2) and
                   self.record(3).get("redirected-to") == pa(2, will))
        self.assertEqual((self.messages(1)["redirects-sent"], self.messages(3)["redirects-believed"]), (1, 1))
        self.assertEqual(self.messages(3)["refused"], {})
        mapped = {4: lambda a: f"::ffff:{a}", 6: lambda a: a}
        told = self.f.wire.seen("icmpv6.type == 137 && icmpv6.code == 1", "icmpv6.nd.rd.target_address", "ipv6.src", "ipv6.dst",
                                "icmpv6.checksum.status")
        self.assertEqual(len(told), 1)
        target, sources, targets, good = told[0]
        self.assertEqual((target, good), (mapped[will](pa(2, will)), "1"))
        self.assertIn(mapped[was](pa(1, was)), sources.split(","))
        self.assertIn(mapped[was](pa(3, was)), targets.split(","))
        before = self.f.wire.count("icmp.type == 8 && gre")
        self.assertEqual(self.lab.pings("c", "10.0.0.5", wait=1), 1)
        straight = self.f.wire.seen("icmp.type == 8 && gre", "ip.dst" if will == 4 else "ipv6.dst", occurrence="f")[before:]
        self.assertEqual(straight, [(pa(2, will),)], "straight there")
        self.assertBooks()

    def test_ipv4_hosts_tell_of_an_ipv6_one(self):
        self.told_by_the_other_family(4, 6)

    def test_ipv6_hosts_tell_of_an_ipv4_one(self):
        self.told_by_the_other_family(6, 4)

    def scapy_reads(self):
        """Target, and source and destination of the quoted packet, of each REDIRECT."""
        self.f.wire.say("sync")
        found = []
        with PcapReader(str(self.f.wire.pcap)) as packets:
            for p in packets:
                message = p[GRE].payload if GRE in p else None
                if message is None or ICMP not in message or (message[ICMP].type, message[ICMP].code) != (5, 10):
                    continue
                quoted = IP(bytes(message[ICMP].payload))[GRE].payload
                quoted = quoted if isinstance(quoted, Ether) else Ether(bytes(quoted))
                found.append((message[ICMP].gw, quoted[IP].src, quoted[IP].dst))
        return found

    def test_a_stream_over_a_move_loses_nothing(self):
        self.three()
        hail = Hail(self.lab, "c", ("m1", "m2"), "10.0.0.5", 10000)
        wait_until("it flows", lambda: len(hail.got["m1"]) > 1000)
        for node in (2, 1, 3):  # the new host, the old one, the sender's
            self.at(node, 2)
            time.sleep(0.3)
        wait_until("it flows there", lambda: len(hail.got["m2"]) > 5000)
        hail.stop()
        both = hail.got["m1"] + hail.got["m2"]
        self.assertEqual(len(both), len(set(both)), "nothing twice")
        self.assertEqual(set(range(hail.sent)) - set(both), set(), "nothing lost")
        self.assertBooks()

    def test_unreachable_takes_a_redirect_back(self):
        self.three()
        self.at(2, 2)
        self.at(1, 2)
        wait_until("c's host is redirected",
                   lambda: self.lab.pings("c", "10.0.0.5", wait=0.2) and self.record(3).get("redirected-to") == pa(2))
        self.at(1, 1)
        self.at(2, 0, adapters=[])  # it knows nothing of the guest any more
        self.lab.pings("c", "10.0.0.5", wait=0.3)
        wait_until("the redirect is taken back", lambda: "redirected-to" not in self.record(3))
        self.assertEqual(self.lab.pings("c", "10.0.0.5", wait=1), 1)
        self.assertEqual(self.messages(3)["unreachables-believed"], 1)
        self.assertEqual(self.f.wire.seen("icmp.type == 3 && icmp.code == 10", "ip.src", occurrence="f"), [(pa(2),)])
        self.assertBooks()

    def forged(self, source, target=None, told=None):
        """A REDIRECT to node 3 about c's frame to m, as node 1 would send it."""
        source, told = source or pa(1), told or pa(3)
        about = inner(("00:15:5d:00:00:06", "10.0.0.6"), ("00:15:5d:00:00:05", "10.0.0.5"), b"x" * 20)
        quoted = nvgre(("02:00:00:00:00:01", told), ("02:00:00:00:00:02", source), 5001, about)[IP]
        return IP(src=source, dst=told) / ICMP(type=5, code=10, gw=target or pa(2)) / Raw(bytes(quoted))

    def test_forged_ones_change_nothing(self):
        self.three()
        station = self.f.nodes[2].json("provider")["addresses"][0]["mac-address"]
        hosts = ("02:00:00:00:00:99", station)
        # From a guest, to every provider address that it may know of; of the other tenant as well.
        for name in ("c", "fc"):
            mac = "00:15:5d:00:00:06"
            before = self.f.drops(name)
            for to in (1, 3):
                packet = self.forged(pa(1), told=pa(to))
                packet[IP].src = "10.0.0.6"
                for dst in ("00:15:5d:ff:ff:01", station):
                    self.send(name, Ether(src=mac, dst=dst) / packet)
            wait_until("the alarm", lambda: self.dropped(name, before).get("control-forged", 0) == 4)
            wait_until("an event", lambda: [e for e in self.f.nodes[2].json("events") if f"adapter {name}" == e["object"] and
                                            "forged control message" in e["text"]])
        # By the wire, from a provider address that nobody knows, from one that the guest is not at, for a target that is none.
        refused = self.messages(3)["refused"]
        self.assertEqual(refused, {})
        for source, target in (("198.51.100.99", pa(2)), (pa(2), "198.51.100.66"), (pa(1), "203.0.113.1"), (pa(1), pa(3))):
            inside = Ether(src=hosts[0], dst=station) / self.forged(source, target)
            self.f.wire.inject("node3", bytes(nvgre((hosts[0], source), (station, pa(3)), 5001, inside)))
        wait_until("all are counted", lambda: sum(self.messages(3)["refused"].values()) == 4)
        self.assertEqual(self.messages(3)["refused"], {"not-its-host": 2, "bad-target": 2})
        self.assertEqual(self.messages(3)["redirects-believed"], 0)
        self.assertNotIn("redirected-to", self.record(3))
        self.assertEqual(self.lab.pings("c", "10.0.0.5", wait=1), 1)
        self.assertBooks()
