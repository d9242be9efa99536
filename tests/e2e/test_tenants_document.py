# SPDX-License-Identifier: Apache-2.0
"""Network virtualization in the document: the samples apply, print and change as any other part of it."""
import json

from case import Case
from weftlab import TOP

SAMPLES = TOP / "api" / "test" / "data"


class Tenants(Case):
    def node1(self):
        self.guests("cweb", "fweb", "outside")
        host = self.host()
        self.lab.veth("outside", "wire1", "host", "eth1")
        self.applied = host.weft("apply", SAMPLES / "tenants-node1.yaml").stdout
        return host

    def test_the_sample_applies_and_what_get_prints_changes_nothing(self):
        host = self.node1()
        self.assertIn("+ 5 lookup-records\n", self.applied)
        self.assertIn("+ routing-domain contoso\n", self.applied)
        self.assertIn("+ provider-address 198.51.100.11\n", self.applied)
        for form in ("yaml", "json"):
            text = host.weft("get", "-o", form).stdout
            self.assertEqual(host.weft("diff", "-", input=text).returncode, 0)
        record = json.loads(host.weft("get", "-o", "json", "lookup-record", "5001 10.0.0.6").stdout)
        self.assertEqual(record["provider-address"], "198.51.100.12")

    def test_an_adapter_moves_between_virtual_subnets_in_place(self):
        host = self.node1()
        index = self.lab.ip_json("cweb", "link", "show", "cweb")[0]["ifindex"]
        document = host.json("get")
        for vsid in (5002, 0):
            document["adapters"][0]["virtual-subnet-id"] = vsid
            self.assertIn("~ adapter c-web\n", host.apply(document).stdout)
            self.assertEqual(self.lab.ip_json("cweb", "link", "show", "cweb")[0]["ifindex"], index)
