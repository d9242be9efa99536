# SPDX-License-Identifier: Apache-2.0
"""The document: applied as it stands, idempotent, all or nothing, with revisions to go back to."""
import json

from case import Case, document, switch, tap
from weftlab import TOP, Stream

EXAMPLES = TOP / "docs" / "examples"


class Examples(Case):
    """The documents that the README shows apply unchanged."""

    def test_first_switch(self):
        self.guests("vm1")
        host = self.host()
        host.weft("apply", EXAMPLES / "first-switch.yaml")
        self.addresses(vm1="192.0.2.11/24")
        self.assertReaches("vm1", "192.0.2.1")
        self.assertIn("/run/weft/vm2.sock", host.adapter("vm2")["waiting-for"])

    def test_smb_basic(self):
        self.guests("g1", "outside")
        host = self.host()
        for i in (1, 2, 3):
            self.lab.veth("outside", f"wire{i}", "host", f"eth{i}")
        self.lab.address("outside", "wire1", "10.127.4.1/22")
        self.lab.address("outside", "wire2", "10.10.0.1/16")
        host.weft("apply", EXAMPLES / "smb-basic.yaml")
        for dev, address in (("g1lan", "10.127.4.60/22"), ("g1san1", "10.10.6.60/16")):
            self.lab.address("g1", dev, address)
        self.assertEqual(self.reach([("outside", "10.127.4.50"), ("outside", "10.10.6.210"),
                                     ("g1", "10.127.4.1"), ("g1", "10.10.6.210")]), [True] * 4)
        routes = {r["dst"]: r.get("gateway") for r in self.lab.ip_json("host", "route")}
        self.assertEqual(routes["default"], "10.127.4.1")

    def test_what_get_prints_applies_again_and_changes_nothing(self):
        self.guests("vm1")
        host = self.host()
        host.weft("apply", EXAMPLES / "first-switch.yaml")
        for form in ("yaml", "json"):
            text = host.weft("get", "-o", form).stdout
            self.assertEqual(host.weft("diff", "-", input=text).returncode, 0)
            host.apply(text)
        self.assertEqual(host.revision(), 1)


class Apply(Case):
    def test_again_changes_nothing(self):
        host = self.two_guests()
        before = self.lab.ip("vm1", "-s", "link").stdout, host.revision()
        index = self.lab.ip_json("vm1", "link", "show", "vm1")[0]["ifindex"]
        done = host.apply(self.document)
        self.assertNotIn("adapter", done.stdout)
        self.assertEqual(host.revision(), before[1])
        self.assertEqual(self.lab.ip_json("vm1", "link", "show", "vm1")[0]["ifindex"], index)

    def test_dry_run_changes_nothing(self):
        host = self.two_guests()
        more = document([switch()], [tap("vm1", "vm1"), tap("vm3")])
        before = host.weft("get", "-o", "yaml").stdout, self.lab.ip_json("host", "link")
        done = host.apply(more, "--dry-run")
        self.assertIn("vm2", done.stdout)
        self.assertIn("vm3", done.stdout)
        self.assertEqual((host.weft("get", "-o", "yaml").stdout, self.lab.ip_json("host", "link")), before)
        self.assertEqual(host.revision(), 1)
        self.assertReaches("vm1", "192.0.2.12")

    def test_diff_says_by_its_exit_code(self):
        host = self.two_guests()
        codes = [host.weft("diff", "-", check=False, input=text).returncode for text in (
            json.dumps(self.document), json.dumps(document([switch()])), "switches: [{name: lan, type: round}]")]
        self.assertEqual(codes, [0, 1, 4])

    def test_exit_codes_of_usage_and_of_no_daemon(self):
        host = self.host()
        self.assertEqual(host.weft("aply", check=False).returncode, 2)
        self.assertEqual(host.weft("get", "cupboard", check=False).returncode, 2)
        host.kill()
        self.assertEqual(host.weft("status", check=False).returncode, 3)

    def test_a_stale_revision_is_refused(self):
        host = self.two_guests()
        host.apply(document([switch()]), "--if-revision", "1")
        self.refused(host, self.document, "revision", more=("--if-revision", "1"))
        host.apply(self.document, "--if-revision", "2")
        self.assertEqual(host.revision(), 3)

    def test_rollback_goes_back(self):
        host = self.two_guests()
        text = host.weft("get", "-o", "yaml").stdout
        mac = self.lab.mac("vm1", "vm1")
        host.apply(document([switch(kind="private")]))
        self.assertEqual(len(self.lab.ip_json("vm1", "link")), 1)
        host.weft("rollback")
        self.assertEqual(host.weft("get", "-o", "yaml").stdout, text)
        self.assertEqual(self.lab.mac("vm1", "vm1"), mac)
        self.addresses(vm1="192.0.2.11/24", vm2="192.0.2.12/24")
        self.assertReaches("vm1", "192.0.2.12")
        host.weft("rollback", "2")
        self.assertEqual(host.json("get")["switches"][0]["type"], "private")
        self.assertEqual(host.weft("rollback", "77", check=False).returncode, 1)

    def test_untouched_ports_lose_nothing(self):
        host = self.two_guests()
        self.guests("vm3")
        stream = Stream(self.lab, "vm1", "vm2", "192.0.2.12").flowing()
        keep = self.document["adapters"]
        for switches, adapters in (([switch()], keep + [tap("vm3", "vm3")]),
                                   ([switch(), switch("other")], keep + [tap("vm3", "vm3", "other")]),
                                   ([switch(mtu=9000), switch("other")], keep[::-1]),
                                   ([switch(mtu=9000)], keep + [tap("vm3", "vm3", mtu=9000)]),
                                   ([switch()], keep)):
            host.apply(document(switches, adapters))
            stream.flowing()
        stream.stop()
        self.assertEqual(stream.lost, 0, f"of {stream.sent}")


class Refusals(Case):
    """One clear error, and traffic does not notice."""

    def setUp(self):
        super().setUp()
        self.running = self.two_guests()
        self.stream = Stream(self.lab, "vm1", "vm2", "192.0.2.12").flowing()

    def tearDown(self):
        self.stream.flowing(5).stop()
        self.assertEqual(self.stream.lost, 0, f"of {self.stream.sent}")
        self.assertEqual(self.running.revision(), 1)
        super().tearDown()

    def check(self, adapters, *words, switches=None):
        self.refused(self.running, document(switches or [switch()], self.document["adapters"] + adapters), *words)

    def test_what_is_not_there(self):
        self.check([], "nosuch0", switches=[switch(kind="external", uplink="nosuch0")])
        self.check([tap("vm3", "nosuch")], "nosuch", "ip netns add")
        self.check([{"name": "vm3", "switch": "lan", "attach": {"interface": "nosuch0"}}], "nosuch0")
        no_folder = f"{self.lab.dir}/resolv.conf/socket"
        self.check([{"name": "vm3", "switch": "lan", "attach": {"vhost-user": no_folder, "listen": "host"}}],
                   no_folder)
        self.check([tap("vm3", switch="nosuch")], "adapters[2].switch")

    def test_names(self):
        self.check([tap("vm3", **{"attach": {"tap": "a234567890123456"}})], "adapters[2].attach.tap", "15")
        self.check([], "uplink", "15", switches=[switch(kind="external", uplink="a234567890123456")])
        self.check([tap("vm1")], "adapters[2].name", "vm1")
        self.check([tap("vm3", **{"attach": {"tap": "vm1", "netns": "vm1"}})], "vm1")
        self.check([], "lan", switches=[switch(), switch()])
        for name in ("", "../x", "a b", "x" * 300, "\u00e4"):
            self.check([tap(name, **{"attach": {"tap": "t3"}})], "adapters[2].name")

    def test_keys_and_types(self):
        self.check([tap("vm3", colour="red")], "adapters[2].colour")
        self.check([tap("vm3", mtu="big")], "adapters[2].mtu")
        self.check([tap("vm3", mtu=10 ** 12)], "adapters[2].mtu")
        self.check([tap("vm3", mtu=10 ** 30)], "too large")
        self.check([tap("vm3", queues=-1)], "adapters[2].queues")
        self.check(["vm3"], "adapters[2]")
        self.check([{"name": "vm3", "switch": "lan"}], "adapters[2].attach")
        self.check([], "switches[0].type", switches=[switch(kind="round")])
        self.check([], "switches", switches={"lan": 1})

    def test_text_that_is_no_document(self):
        for text in ("{", "\t- x", "a: b: c", "\0", "- just\n- a list", "switches: [", "\xff" * 40, "%YAML 9.9\n---\n",
                     "name: one\n---\nname: two\n", "switches: []\nswitches: []\n", "a: &a [*a]"):
            self.refused(self.running, text)

    def test_one_thousand_levels(self):
        self.refused(self.running, "host: " + "[" * 1000 + "]" * 1000, "level")
        self.refused(self.running, "".join(" " * i + "a:\n" for i in range(1000)), "level")
        self.refused(self.running, '{"host": ' * 1000 + "1" + "}" * 1000, "level")

    def test_one_hundred_megabytes(self):
        resident = self.running.rss()
        text = "switches:\n" + "  - {name: lan, type: internal}\n" * (100_000_000 // 32)
        done = self.running.apply(text, check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("MiB", done.stderr)
        self.assertLess(self.running.rss() - resident, 40)
