# SPDX-License-Identifier: Apache-2.0
"""Rows H9 to H11: what an administrator asks when tenants do not reach each other, on two hosts."""
import json

from tenants import pa
from tenants_case import TenantsCase


class Diagnosis(TenantsCase):
    def weft_json(self, *args, node=0, check=True):
        return json.loads(self.f.nodes[node].weft(*args, "-o", "json", check=check).stdout)

    def test_adapters_without_their_guests(self):
        """Guests that are off, here and there; nothing of it reaches them, and what they forge is no answer."""
        self.fabric(v6=True)
        ears = self.ears()
        for off in (False, True):
            for name in ("capp", "cdb") if off else ():
                self.lab.ip(name, "link", "set", name, "down")
            for address, adapter in (("10.0.0.6", "capp"), ("10.0.1.7", "cdb"), ("fd00:0:0:2::7", "cdb")):
                got = self.weft_json("test-adapter", "cweb", "--to-address", address, "--count", "3")
                self.assertEqual([(r["sequence"], r.get("host"), r.get("adapter")) for r in got["results"]],
                                 [(n, "node2", adapter) for n in (100, 101, 102)])
                self.assertIn("wire:fabric", got["explain"]["outcome"])
            if not off:
                self.assertEqual(set(ears.count(b"weft\xf0prb").values()), {0}, "no guest sees a probe")
        text = self.f.nodes[0].weft("test-adapter", "cweb", "--to-address", "10.0.0.6").stdout
        self.assertIn("reached adapter capp on node2", text)
        self.assertRegex(text, r"(?m)^encapsulate +hnv_encapsulate ")
        self.assertBooks()

    def test_what_is_wrong_is_named(self):
        self.fabric()
        node = self.f.nodes[0]
        no_record = node.weft("test-adapter", "cweb", "--to-address", "10.0.0.99", check=False)
        self.assertEqual(no_record.returncode, 1)
        self.assertIn("no-record: ", no_record.stdout)
        # Node 1 believes that 10.0.0.99 is on node 2, which knows nothing of it.
        node.weft("record", "set", "5001", "10.0.0.99", "--mac-address", "00:15:5d:00:00:99", "--provider-address", pa(2))
        stale = node.weft("test-adapter", "cweb", "--to-address", "10.0.0.99", check=False)
        self.assertEqual(stale.returncode, 1)
        self.assertIn("not-here: ", stale.stdout)

    def test_ping_of_provider_addresses(self):
        self.fabric()
        node = self.f.nodes[0]
        got = self.weft_json("ping-provider", pa(2), "--count", "3", "--interval", "20", "--size", "1472")
        self.assertEqual((got["sent"], got["received"], got["from"]), (3, 3, pa(1)))
        self.assertEqual([r["bytes"] for r in got["results"]], [1500] * 3)
        text = node.weft("ping-provider", "10.0.0.6", "--vsid", "5001", "--from", "10.0.0.5", "--count", "1").stdout
        self.assertIn(f"bytes from {pa(2)}: seq=1 time=", text)
        nobody = node.weft("ping-provider", pa(77), "--count", "1", "--timeout", "300", check=False)
        self.assertEqual(nobody.returncode, 1)
        self.assertIn(f"not sent: {pa(77)} has not answered ARP yet", nobody.stdout)
        self.f.nodes[1].kill()
        gone = self.weft_json("ping-provider", pa(2), "--count", "1", "--timeout", "300", check=False)
        self.assertEqual(gone["results"], [{"sequence": 1, "error": "no answer within 300 ms"}])

    def test_the_router_says_that_nobody_listens(self):
        """UDP to a gateway gets port unreachable, so that traceroute and resolvers do not wait."""
        self.fabric()
        trace = self.lab.exec("cweb", "python3", "-c", (
            "import socket; s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.settimeout(2)\n"
            "s.connect(('10.0.1.1', 33434)); s.send(b'x')\n"
            "try: s.recv(1)\n"
            "except ConnectionRefusedError: print('refused')")).stdout
        self.assertEqual(trace.strip(), "refused")

    def test_customer_routes(self):
        self.fabric()
        routes = self.weft_json("customer-routes")
        self.assertEqual([(r["name"], r["prefix"], r["virtual-subnet-id"]) for r in routes if r["name"] == "contoso"],
                         [("contoso", "10.0.0.0/24", 5001), ("contoso", "10.0.1.0/24", 5002)])

    def test_encapsulation(self):
        """Full packets pass, until the path between the hosts narrows in silence."""
        self.fabric()
        for domain in ("cweb", "fweb"):
            self.lab.exec(domain, "ping", "-c1", "-W2", "10.0.0.6", check=False)
        node = self.f.nodes[0]
        got = self.weft_json("test-encapsulation")
        net = got["networks"][0]
        self.assertEqual((net["uplink-mtu"], net["overhead"], net["inner-mtu"], net["needed-mtu"]), (1500, 42, 1458, 1542))
        self.assertEqual({a["name"]: a["fits"] for a in got["adapters"]}, {"cweb": False, "fweb": False})
        self.assertEqual([(p["peer"], p["passes"], p["verdict"]) for p in got["peers"]],
                         [(pa(2), 1500, "full size passes")])
        self.f.wire.narrow(1400)
        told = self.weft_json("test-encapsulation", check=False)["peers"][0]
        self.assertEqual((told["passes"], told["verdict"]), (1400, "a link between the hosts has less than the uplink"))
        self.f.wire.narrow(1300, icmp=False)
        narrow = node.weft("test-encapsulation", check=False)
        self.assertEqual(narrow.returncode, 1)
        self.assertIn("short packets pass, long ones vanish", narrow.stdout)
