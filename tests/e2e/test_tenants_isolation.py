# SPDX-License-Identifier: Apache-2.0
"""Rows C11 and C12: a gateway guest on one adapter serves a hundred tenants with one address space. It knows them by VLAN
tags; so does another guest, which stands for somebody in each; two tenants have a guest with a kernel of its own, too."""
import json
import selectors
import socket
import struct

from frames import ICMP, IP, Dot1Q, Ether
from relay import Relay
from tenants import DOMAINS, Fabric, Guest, pa, usual_guests
from tenants_case import TenantsCase
from weftlab import TOP, Host, wait_until

TENANTS, VSID, VLAN = 100, 5000, 101
GATEWAY, CLIENT = "10.0.0.254", "10.0.0.5"
MAC = {GATEWAY: "00:15:5d:00:00:fe", CLIENT: "00:15:5d:00:00:05"}
OUTSIDE = "192.0.2.9"
SOL_PACKET, PACKET_AUXDATA, TP_STATUS_VLAN_VALID = 263, 8, 0x10
ON = {"isolation-mode": "native-virtual-subnet", "multi-tenant-stack": "on"}


def echo(source, to, vlan, kind, number, payload, ident=0):
    """An ICMP echo request (8) or reply (0), with a tag or without."""
    ether = Ether(src=MAC.get(source, MAC[GATEWAY]), dst=MAC.get(to, "00:15:5d:00:00:06"))
    return bytes((ether / Dot1Q(vlan=vlan) if vlan else ether) / IP(src=source, dst=to) / ICMP(type=kind, id=ident, seq=number) /
                 payload)


class Stack:
    """A guest with a compartment for each tenant: answers pings in the one they came by, and remembers what it heard."""

    def __init__(self, lab, name, address):
        self.address, self.sock, self.requests, self.replies = address, lab.wire(name, name), [], []
        self.sock.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)
        self.sock.setblocking(False)

    def turn(self):
        """Takes what came in."""
        while True:
            try:
                frame, more, _, where = self.sock.recvmsg(2048, 256)
            except BlockingIOError:
                return
            if where[2] == socket.PACKET_OUTGOING or frame[12:14] != b"\x08\x00" or frame[23] != 1:
                continue
            status, *_, tci = struct.unpack("IIIHHH", more[0][2][:18]) if more else (0, 0)
            vlan = tci & 0xfff if status & TP_STATUS_VLAN_VALID else 0
            (ident, number), payload = struct.unpack("!HH", frame[38:42]), frame[42:]
            if frame[34] == 8:
                self.requests.append((vlan, payload[:8]))
                self.sock.send(echo(self.address, socket.inet_ntoa(frame[26:30]), vlan, 0, number, payload, ident))
            elif frame[34] == 0:
                self.replies.append((vlan, number, payload))

    def ping(self, to, vlan, number):
        self.sock.send(echo(self.address, to, vlan, 8, number, b"tenant%02d" % (vlan % 100) + bytes(24)))


class Isolation(TenantsCase):
    options = ()

    def setUp(self):
        super().setUp()
        kernels = [Guest(f"k{i}", 1, VSID + i, 6, addresses=["10.0.0.6/24", "fd00::6/64"]) for i in range(2)]
        self.f = Fabric(self.lab, guests=kernels, nodes=1, options=self.options)
        for name in ("gw", "many"):
            self.f.ns[name] = self.lab.netns(name)
        self.node = self.f.nodes[0]
        self.node.start()
        self.apply()
        for guest in kernels:
            self.lab.address(guest.name, guest.name, "10.0.0.6/24")
        self.gateway, self.client = Stack(self.lab, "gw", GATEWAY), Stack(self.lab, "many", CLIENT)

    def domain(self, i):
        return f"{{11111111-2222-3333-4444-{VSID + i:012}}}"

    def shared(self, name, address, isolation=None, served=range(TENANTS)):
        return {"name": name, "owner": "vm", "switch": "fabric", "mac-address": MAC[address],
                "attach": {"tap": name, "netns": self.f.ns[name]}, "isolation": isolation or ON,
                "routing-domain-mappings": [{"routing-domain-id": self.domain(i), "routing-domain-name": f"tenant{i}",
                                             "isolation-ids": [{"isolation-id": VSID + i, "vlan": VLAN + i}]}
                                            for i in served]}

    def apply(self, isolation=None, served=range(TENANTS)):
        def records(i):
            return [{"virtual-subnet-id": VSID + i, "customer-address": a, "mac-address": m, "provider-address": pa(1)}
                    for a, m in (*MAC.items(), ("10.0.0.6", "00:15:5d:00:00:06"))]
        usual = self.f.document(1)["adapters"]
        self.f.apply(1, **{
            "routing-domains": [{"id": self.domain(i), "virtual-subnets": [{"id": VSID + i, "prefix": "10.0.0.0/24"}]}
                                for i in range(TENANTS)],
            "adapters": usual + [self.shared("gw", GATEWAY, isolation, served), self.shared("many", CLIENT)],
            "lookup-records": [r for i in range(TENANTS) for r in records(i)]})

    def turn(self, done, timeout=5):
        """Both guests work until it is so."""
        with selectors.DefaultSelector() as ready:
            for stack in (self.gateway, self.client):
                ready.register(stack.sock, selectors.EVENT_READ)

            def so():
                ready.select(0.05)
                self.gateway.turn()
                self.client.turn()
                return done()
            wait_until("the guests have heard what they should", so, timeout)

    def test_a_hundred_tenants_on_one_adapter(self):
        for i in range(TENANTS):
            self.client.ping(GATEWAY, VLAN + i, i)
        self.turn(lambda: len(self.client.replies) == TENANTS)
        wanted = [(VLAN + i, b"tenant%02d" % ((VLAN + i) % 100)) for i in range(TENANTS)]
        self.assertEqual(sorted(self.gateway.requests), wanted, "each in its own compartment, and once")
        self.assertEqual(sorted((vlan, number) for vlan, number, _ in self.client.replies),
                         [(VLAN + i, i) for i in range(TENANTS)])
        one, all_of_them = (self.node.json("stats", "adapter", name) for name in ("gw:5007", "gw"))
        self.assertEqual((one["in"]["packets"], one["out"]["packets"]), (1, 1))
        self.assertGreaterEqual(min(all_of_them["in"]["packets"], all_of_them["out"]["packets"]), TENANTS)
        self.assertEqual(len(self.node.json("status", "adapter", "gw")["isolation-ids"]), TENANTS)
        again = self.node.weft("diff", "-", input=self.node.weft("get", "-o", "yaml").stdout)
        self.assertEqual(again.returncode, 0, "what `get` prints is the same document")
        self.assertBooks()

    def test_kernels_reach_the_gateway_of_their_own(self):
        pings = [self.lab.spawn("ping", "-n", "-c2", "-i0.2", "-W3", GATEWAY, ns=f"k{i}") for i in range(2)]
        self.turn(lambda: all(p.poll() is not None for p in pings), 10)
        self.assertEqual([p.returncode for p in pings], [0, 0])
        self.assertEqual(sorted({vlan for vlan, _ in self.gateway.requests}), [VLAN, VLAN + 1])
        # From the gateway: the two have one address, and each answers in its own compartment.
        for i in range(2):
            self.gateway.ping("10.0.0.6", VLAN + i, 40 + i)
        self.turn(lambda: len(self.gateway.replies) == 2)
        self.assertEqual(sorted((v, n) for v, n, _ in self.gateway.replies), [(VLAN, 40), (VLAN + 1, 41)])

    def test_what_is_not_shown_is_not_there(self):
        for vlan in (0, VLAN - 1, VLAN + TENANTS):
            self.client.ping(GATEWAY, vlan, 1)
        wait_until("all are dropped by name", lambda: self.node.drops("many").get("no-isolation-id", 0) >= 3)
        self.apply(served=range(1, TENANTS))
        self.client.ping(GATEWAY, VLAN, 2)
        self.client.ping(GATEWAY, VLAN + 1, 3)
        self.turn(lambda: self.client.replies)
        self.assertEqual([(v, n) for v, n, _ in self.client.replies], [(VLAN + 1, 3)])
        self.apply({"isolation-mode": "native-virtual-subnet", "allow-untagged-traffic": True, "default-isolation-id": VSID},
                   served=range(1, TENANTS))
        self.gateway.requests.clear()
        self.client.ping(GATEWAY, VLAN + 1, 4)
        self.client.ping(GATEWAY, VLAN, 5)
        self.turn(lambda: len(self.client.replies) == 2)
        self.assertEqual([v for v, _ in self.gateway.requests], [0], "one virtual subnet, and no tag")
        self.assertEqual(self.client.replies[1][:2], (VLAN, 5))
        self.assertBooks()


class IsolationByTwoWorkers(Isolation):
    """Frames are handed from worker to worker by compartment, too."""
    options = ("--worker-cores", "0,1")


class Moves(TenantsCase):
    """Row I26 for a gateway: its one adapter, in two tenants, goes to another host with the records of both, which are the
    document's and the API's."""

    def adapter(self, at):
        return {"name": "gw", "owner": "vm", "switch": "fabric", "mac-address": MAC[GATEWAY], "isolation": ON,
                "attach": {"tap": f"gw{at}", "netns": f"gw{at}"}, "routing-domain-mappings": [
                    {"routing-domain-id": rdid, "isolation-ids": [{"isolation-id": vsids[0], "vlan": VLAN + i}]}
                    for i, (rdid, vsids) in enumerate(DOMAINS.values())]}

    def heard(self, stack):
        """Tags by which the gateway was pinged by both tenants, all of whom had their answer."""
        stack.requests.clear()
        pings = [self.lab.spawn("ping", "-n", "-c2", "-i0.2", "-w6", GATEWAY, ns=n) for n in ("cweb", "fweb")]

        def done():
            stack.turn()
            return all(p.poll() is not None for p in pings)
        wait_until("both have asked", done, 10)
        self.assertEqual([p.returncode for p in pings], [0, 0])
        return {vlan for vlan, _ in stack.requests}

    def test_a_gateway_moves_with_the_records_of_all_its_tenants(self):
        self.guests("gw1", "gw2")
        self.fabric(usual_guests()[:2], up=False)
        one, two = self.f.nodes
        records = self.f.records() + [{"virtual-subnet-id": 5001, "customer-address": GATEWAY, "mac-address": MAC[GATEWAY],
                                       "provider-address": pa(1)}]
        for n, node in enumerate(self.f.nodes, 1):
            node.start()
            self.f.apply(n, **{"lookup-records": records if n == 1 else self.f.records(), "adapters":
                               self.f.document(n)["adapters"] + ([self.adapter(1)] if n == 1 else [])})
            node.weft("record", "set", 6001, GATEWAY, "--mac-address", MAC[GATEWAY], "--provider-address", pa(1))
        self.f.address_guests()
        self.assertEqual(self.heard(Stack(self.lab, "gw1", GATEWAY)), {VLAN, VLAN + 1})
        attach = json.dumps(self.adapter(2)["attach"])
        said = two.weft("move", "prepare", "gw", "--from", "-", "--attach", attach, input=one.weft("get", "-o", "yaml").stdout)
        self.assertIn("prepared here", said.stdout)
        status = two.json("move", "status", "gw")
        self.assertEqual((status["state"], status["virtual-subnet-ids"], status["leads-to"]), ("prepared", [5001, 6001], [pa(1)]))
        self.assertIn("5001, 6001", two.weft("move", "status").stdout)
        self.assertIn("is still here", one.weft("move", "retire", "gw", check=False).stderr)
        for node in (two, one):
            node.weft("move", "activate", "gw", "--to", pa(2))
        self.assertEqual((one.json("move", "status", "gw")["state"], two.json("move", "status", "gw")["state"]),
                         ("moved-away", "active"))
        self.assertIn("moved away to", one.adapter("gw")["move"])
        self.assertEqual(self.heard(Stack(self.lab, "gw2", GATEWAY)), {VLAN, VLAN + 1})
        one.weft("move", "retire", "gw")
        self.assertEqual(self.heard(Stack(self.lab, "gw2", GATEWAY)), {VLAN, VLAN + 1})
        self.assertBooks()


class Example(TenantsCase):
    def test_the_gateway_of_the_example_leads_out_of_both_domains(self):
        """docs/examples/tenants-gateway.yaml as it stands, and a host with a guest of each tenant."""
        self.guests("gw", "cweb", "fweb")
        nodes = [Host(self.lab, f"node{i}") for i in (1, 3)]
        Relay(self.lab, *(n.ns for n in nodes))
        for node in nodes:
            node.start()
        nodes[1].weft("apply", TOP / "docs" / "examples" / "tenants-gateway.yaml")
        adapters = [{"name": name, "owner": "vm", "switch": "fabric", "mac-address": MAC[CLIENT], "virtual-subnet-id": vsid,
                     "attach": {"tap": name, "netns": name}} for name, vsid in (("cweb", 5001), ("fweb", 6001))]
        nodes[0].apply({**nodes[1].json("get"), "host": {"name": "node1"}, "adapters": adapters,
                        "provider-addresses": [{"switch": "fabric", "address": "198.51.100.11/24"}]})
        for name in ("cweb", "fweb"):
            self.lab.address(name, name, f"{CLIENT}/24")
            self.lab.ip(name, "route", "add", "default", "via", "10.0.0.1")
        gateway = Stack(self.lab, "gw", OUTSIDE)
        pings = [self.lab.spawn("ping", "-n", "-c3", "-i0.2", "-w8", OUTSIDE, ns=n) for n in ("cweb", "fweb")]

        def done():
            gateway.turn()
            return all(p.poll() is not None for p in pings)
        wait_until("both have their answers", done, 10)
        self.assertEqual([p.returncode for p in pings], [0, 0])
        self.assertEqual({vlan for vlan, _ in gateway.requests}, {101, 102}, "each by the tag of its own tenant")
