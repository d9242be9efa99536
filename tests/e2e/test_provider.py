# SPDX-License-Identifier: Apache-2.0
"""Provider addresses as a kernel on the same wire sees them, and as weftd's own kernel does not (row I18)."""
import json

from case import Case
from weftlab import wait_until

PA4, PA6, PEER4, PEER6 = "198.51.100.11", "2001:db8:51::11", "198.51.100.1", "2001:db8:51::1"
MAC = "02:00:00:00:aa:01"
DOCUMENT = {
    "switches": [{"name": "fabric", "type": "external", "uplink": "eth1", "allow-management-os": False}],
    "provider-addresses": [
        {"switch": "fabric", "address": PA4 + "/24", "mac-address": MAC},
        {"switch": "fabric", "address": PA6 + "/64"},
    ],
}


class Provider(Case):
    def wire(self):
        """weftd's namespace and a kernel, `outside`, joined by a veth."""
        host = self.host()
        self.lab.netns("outside")
        self.lab.veth("outside", "wire", "host", "eth1")
        self.lab.address("outside", "wire", PEER4 + "/24")
        self.lab.exec("outside", "ip", "addr", "add", PEER6 + "/64", "dev", "wire", "nodad")
        return host

    def pings(self, address, *options):
        done = self.lab.exec("outside", "ping", "-n", "-c", 3, "-i", 0.2, "-W", 2, *options, address, check=False)
        self.assertEqual(done.returncode, 0, done.stdout)

    def kernel_sees(self, what):
        """Everything of addresses and routes in weftd's namespace."""
        shown = ""
        for words in (("addr",), ("-4", "route", "show", "table", "all"), ("-6", "route", "show", "table", "all"),
                      ("neigh",)):
            shown += self.lab.exec("host", "ip", "-j", *words).stdout
        return what in shown

    def test_the_kernel_outside_reaches_it_and_the_one_inside_knows_nothing(self):
        host = self.wire()
        host.apply(DOCUMENT)
        for address in (PA4, PA6):
            self.pings(address)
            self.pings(address, "-s", 1452 if ":" in address else 1472, "-M", "do")
            self.assertFalse(self.kernel_sees(address))
        neighbours = json.loads(self.lab.exec("outside", "ip", "-j", "neigh").stdout)
        at = {n["dst"]: n.get("lladdr") for n in neighbours}
        self.assertEqual(at[PA4], MAC)
        shown = {a["provider-address"]: a for a in host.json("provider")["addresses"]}
        self.assertEqual(shown[PA6 + "/64"]["mac-address"], at[PA6])
        self.assertIn(MAC, host.weft("provider").stdout)
        self.assertEqual(host.weft("Get-ProviderAddress").stdout, host.weft("provider").stdout)
        drops = host.drops("wire:fabric")
        self.assertFalse([r for r in drops if r.startswith("provider-")], drops)

    def test_its_address_stays_over_a_restart(self):
        host = self.wire()
        host.apply(DOCUMENT)
        mac = [a["mac-address"] for a in host.json("provider")["addresses"]]
        host.restart()
        self.assertEqual([a["mac-address"] for a in host.json("provider")["addresses"]], mac)
        self.pings(PA6)

    def test_a_neighbour_is_found_and_missed(self):
        """Somebody sends to the kernel's address: it is asked for and found, refreshed, and missed when it is gone."""
        host = self.wire()
        domain = {"id": "{11111111-2222-3333-4444-000000005001}",
                  "virtual-subnets": [{"id": 5001, "prefix": "10.0.0.0/24"}]}
        records = [{"virtual-subnet-id": 5001, "customer-address": f"10.0.0.{n}", "provider-address": pa,
                    "mac-address": f"00:15:5d:00:00:{n:02x}", "rule": "encap"}
                   for n, pa in ((5, PEER4), (6, PEER6))]
        host.apply({**DOCUMENT, "routing-domains": [domain], "lookup-records": records})
        mac = json.loads(self.lab.exec("outside", "ip", "-j", "link", "show", "wire").stdout)[0]["address"]

        def paths():
            return {p["peer"]: p for p in host.json("provider")["paths"]}

        for peer in (PEER4, PEER6):
            wait_until("the path is ready", lambda: paths()[peer]["state"] == "ready")
            self.assertEqual(paths()[peer]["mac-address"], mac)
            self.assertEqual(paths()[peer]["mtu"], 1500)
        self.lab.exec("outside", "ip", "addr", "flush", "dev", "wire")
        for peer in (PEER4, PEER6):
            wait_until("it is missed", lambda: "does not answer" in paths()[peer].get("waiting-for", ""), 45, 0.5)

    def test_an_address_that_somebody_else_has(self):
        host = self.wire()
        self.lab.exec("outside", "ip", "addr", "add", PA4 + "/24", "dev", "wire")
        host.apply(DOCUMENT)
        duplicate = wait_until("it is noticed", lambda: host.json("provider")["addresses"][0].get("duplicate-at"))
        self.assertIn(duplicate, self.lab.exec("outside", "ip", "link", "show", "wire").stdout)
        self.assertIn("duplicate at", host.weft("provider").stdout)
        self.assertIn("has it as well", host.weft("events").stdout)
