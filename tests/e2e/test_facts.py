# SPDX-License-Identifier: Apache-2.0
"""Facts: books that balance, drops under their reasons, captures, explanations, events, metrics, the API."""
import json
import os
import re
import subprocess
import threading
import time

from case import Case, document, switch, tap
from weftlab import run, wait_until

BROADCAST = b"\xff" * 6


class Books(Case):
    def check(self, a):
        """in + copies + originated = out + consumed + drops + held (samples' words)."""
        i, e = a["ingress"], a["egress"]
        self.assertGreaterEqual(e["held"], 0, a)
        self.assertEqual(i["received"] + i["copies"] + i["originated"], i["forwarded"] + i["consumed"] + i["dropped"], a)
        self.assertEqual(e["offered"] + e["copies"], e["delivered"] + e["dropped"] + e["held"], a)
        self.assertEqual(sum(a["drops"].values()), i["dropped"] + e["dropped"], a)
        self.assertEqual((a["in"]["packets"], a["out"]["packets"]), (e["delivered"], i["received"]), a)

    def test_they_balance_at_any_time_under_load(self):
        host = self.two_guests()
        self.guests("vm3")
        host.apply({**self.document, "adapters": self.document["adapters"] + [tap("vm3", "vm3", mtu=600)]})
        self.addresses(vm3="192.0.2.13/24")
        load = [threading.Thread(target=self.lab.iperf, args=("vm2", "vm1", "192.0.2.12", 2)),
                threading.Thread(target=self.lab.exec, args=("vm3", "ping", "-q", "-b", "-f", "-w", "2", "192.0.2.255"),
                                 kwargs={"check": False})]
        for t in load:
            t.start()
        seen = 0
        for _ in range(50):
            stats = self.curl_json(host, "/v1/stats")
            for a in stats["adapters"] + stats["switches"] + [stats["total"]]:
                self.check(a)
            self.assertTrue(stats["total"]["balanced"])
            self.assertEqual(sum(a["ingress"]["forwarded"] for a in stats["adapters"]),
                             sum(a["egress"]["offered"] for a in stats["adapters"]))
            seen = max(seen, stats["total"]["in"]["packets"])
            time.sleep(0.02)
        for t in load:
            t.join()
        self.assertGreater(seen, 1000)
        for worker in stats["workers"]:
            self.assertGreater(worker["packets"], 0)

    def test_what_is_removed_stays_in_the_total(self):
        host = self.two_guests()
        self.lab.pings("vm1", "192.0.2.12", 5)
        before = host.json("stats")["total"]
        host.apply(document([switch()], [self.document["adapters"][0]]))
        after = host.json("stats")["total"]
        self.assertGreaterEqual(after["in"]["packets"], before["in"]["packets"])
        self.assertTrue(after["balanced"])


class BooksOfTwoWorkers(Books):
    """The same where frames are handed from worker to worker: vm1 and vm3 are one's, vm2 is the other's."""

    def host(self, *options, **more):
        cores = sorted(os.sched_getaffinity(0))[:2]
        if len(cores) < 2:
            self.skipTest("one processor")
        return super().host("--worker-cores", ",".join(map(str, cores)), *options, **more)


class Drops(Case):
    def test_reasons(self):
        host = self.two_guests()
        host.apply(document([switch(mtu=9000)], [tap("vm1", "vm1", mtu=9000), tap("vm2", "vm2", mtu=1500)]))
        wire = self.lab.wire("vm1", "vm1")
        own = bytes.fromhex(self.lab.mac("vm1", "vm1").replace(":", ""))
        to = bytes.fromhex(self.lab.mac("vm2", "vm2").replace(":", ""))
        payload = b"\x88\xb5" + b"\0" * 46
        host.kill(15)
        host.start()  # counters begin at nought
        for text, reason, where in (
                (to + own + b"\x81\x00\x00\x05" + payload, "vlan-not-allowed", "vm1"),
                (to + b"\x01\0\x5e\0\0\1" + payload, "bad-source", "vm1"),
                (to + b"\0" * 6 + payload, "bad-source", "vm1"),
                (b"\x01\x80\xc2\0\0\0" + own + payload, "reserved-address", "vm1"),
                (to + own + b"\x81\x00\x00\x00\x81\x00\x00\x05" + payload, "bad-tag", "vm1"),
                (to + own + b"\x88\xb5" + b"\0" * 2000, "too-big", "vm2")):
            with self.subTest(reason=reason):
                before = host.drops(where).get(reason, 0)
                wire.send(text)
                wait_until(f"one more {reason}", lambda: host.drops(where).get(reason, 0) == before + 1, 3)
        self.assertTrue(host.json("stats")["total"]["balanced"])

    def test_what_a_rule_refuses_is_an_event(self):
        host = self.two_guests()
        wire = self.lab.wire("vm1", "vm1")
        own = bytes.fromhex(self.lab.mac("vm1", "vm1").replace(":", ""))

        def told():
            return [e for e in host.json("events") if e.get("reason") == "vlan-not-allowed"]
        for n in (1, 300):
            for _ in range(n):
                wire.send(BROADCAST + own + b"\x81\x00\x00\x05\x88\xb5" + b"\0" * 46)
            wait_until("all are told of", lambda: sum(e["frames"] for e in told()) == host.drops("vm1")["vlan-not-allowed"], 5)
        events = told()
        self.assertEqual(events[0]["frames"], 1)
        self.assertEqual({(e["object"], e["level"]) for e in events}, {("adapter vm1", "warning")})
        self.assertLess(len(events), 5)

    def test_a_priority_tag_is_taken_off(self):
        host = self.two_guests()
        wire, other = self.lab.wire("vm1", "vm1"), self.lab.wire("vm2", "vm2")
        own = bytes.fromhex(self.lab.mac("vm1", "vm1").replace(":", ""))
        wire.send(BROADCAST + own + b"\x81\x00\xe0\x00" + b"\x88\xb5" + b"tagged".ljust(50, b"\0"))
        while True:
            data = other.recv(2048)
            if data[6:12] == own and data[12:14] == b"\x88\xb5":
                break
        self.assertEqual(data[14:20], b"tagged")
        self.assertEqual(host.drops("vm1").get("vlan-not-allowed", 0), 0)


class Capture(Case):
    def capture(self, host, *options):
        path = self.lab.dir / "out.pcapng"
        p = self.lab.spawn(self.lab.build / "cli" / "weft", "--socket", host.socket, "capture", *options, "-w", path)
        wait_until("the capture has begun", lambda: path.exists() and path.stat().st_size > 0, 5)
        return p, path

    def tshark(self, path, *options):
        return run("tshark", "-r", path, *options).stdout.splitlines()

    def test_filter_and_drop_reason(self):
        host = self.two_guests()
        p, path = self.capture(host, "--adapter", "vm1", "--filter", "icmp or vlan 5")
        self.lab.pings("vm1", "192.0.2.12", 3)
        own = bytes.fromhex(self.lab.mac("vm1", "vm1").replace(":", ""))
        self.lab.wire("vm1", "vm1").send(BROADCAST + own + b"\x81\x00\x00\x05\x88\xb5" + b"\0" * 46)
        wait_until("the frame is dropped", lambda: host.drops("vm1"))
        time.sleep(0.3)
        self.lab.stop(p, 2)
        self.assertEqual(len(self.tshark(path, "-Y", "icmp")), 6)
        self.assertEqual(len(self.tshark(path, "-Y", "arp")), 0)
        comments = self.tshark(path, "-Y", "vlan.id == 5", "-T", "fields", "-e", "frame.comment")
        self.assertEqual(len(comments), 2, "as it came, and as it was dropped")
        self.assertEqual(comments[0], "")
        self.assertIn("vlan-not-allowed", comments[1])

    def test_to_standard_output(self):
        host = self.two_guests()
        p = subprocess.Popen([self.lab.build / "cli" / "weft", "--socket", host.socket, "capture", "-w", "-"],
                             stdout=subprocess.PIPE)
        head = p.stdout.read(4)
        p.kill()
        p.communicate()
        self.assertEqual(head, b"\x0a\x0d\x0d\x0a")

    def test_refusals(self):
        host = self.two_guests()
        for options in (["--adapter", "nosuch"], ["--filter", "no such filter"]):
            done = host.weft("capture", *options, "-w", "-", check=False)
            self.assertEqual(done.returncode, 1)
            self.assertTrue(done.stderr)


class Explain(Case):
    def test_verdicts(self):
        host = self.two_guests()
        self.lab.pings("vm1", "192.0.2.12")
        own, to = (self.lab.mac(n, n).replace(":", "") for n in ("vm1", "vm2"))
        before = host.json("stats")["total"]["ingress"]

        def outcome(frame, code=0):
            done = host.weft("-o", "json", "explain", "--from", "vm1", "--frame", frame, check=False)
            self.assertEqual(done.returncode, code, done.stderr)
            return json.loads(done.stdout) if not code else done.stderr
        self.assertIn("vm2", outcome(to + own + "0800" + "00" * 46)["outcome"])
        flooded = outcome("020000000099" + own + "0800" + "00" * 46)
        self.assertIn("flood", {s["verdict"] for s in flooded["steps"]})
        dropped = outcome(to + own + "81000005" + "0800" + "00" * 46)
        self.assertEqual(dropped["outcome"], "dropped: vlan-not-allowed")
        self.assertIn("vlan-not-allowed", dropped["steps"][-1]["text"])
        self.assertTrue(outcome("xyz", 2))
        self.assertEqual(host.json("stats")["total"]["ingress"]["dropped"], before["dropped"])


class Api(Case):
    def test_prometheus(self):
        host = self.two_guests()
        self.lab.pings("vm1", "192.0.2.12", 3)
        text = self.curl(host, "/metrics")
        sample = re.compile(r'^([a-zA-Z_:][a-zA-Z0-9_:]*)(\{[a-z_]+="[^"]*"(,[a-z_]+="[^"]*")*\})? (\d+(\.\d+)?)$')
        types = {}
        for line in text.splitlines():
            if line.startswith("# TYPE "):
                types[line.split()[2]] = line.split()[3]
            elif not line.startswith("#"):
                self.assertRegex(line, sample)
                self.assertIn(sample.match(line)[1], types)
        self.assertEqual({t for n, t in types.items() if n.endswith("_total")}, {"counter"})
        received = [line for line in text.splitlines()
                    if line.startswith("weft_adapter_receive_packets_total") and '"vm2"' in line]
        self.assertGreaterEqual(int(received[0].split()[-1]), 3)

    def test_openapi_lists_what_there_is(self):
        host = self.host()
        paths = self.curl_json(host, "/openapi.json")["paths"]
        for path in ("/v1/document", "/v1/diff", "/v1/confirm", "/v1/rollback", "/v1/revisions", "/v1/status", "/v1/stats",
                     "/v1/explain", "/v1/capture", "/v1/events", "/v1/version", "/metrics", "/openapi.json"):
            self.assertIn(path, paths)
        self.assertTrue(any(p.startswith("/v1/fdb/") for p in paths))

    def test_a_document_by_curl(self):
        host = self.host()
        put = ["-X", "PUT", "-H", "Content-Type: application/yaml", "--data-binary",
               "switches: [{name: lan, type: private}]"]
        answer = self.curl_json(host, "/v1/document?dry-run=true", *put)
        self.assertEqual((answer["dry-run"], answer["changes"][0]["name"]), (True, "lan"))
        self.assertEqual(self.curl_json(host, "/v1/document", *put)["revision"], 1)
        self.assertEqual(self.curl_json(host, "/v1/document")["switches"][0]["type"], "private")
        self.assertIn("type: private", self.curl(host, "/v1/document", "-H", "Accept: application/yaml"))
        done = subprocess.run(["curl", "-sS", "--unix-socket", host.socket, "-w", "%{http_code}", "-X", "PUT", "-d", "[",
                               "http://weft/v1/document"], capture_output=True, text=True)
        self.assertEqual(done.stdout[-3:], "400")
        self.assertTrue(json.loads(done.stdout[:-3])["detail"])

    def test_the_socket_is_not_for_everybody(self):
        host = self.host()
        mode = os.stat(host.socket).st_mode & 0o777
        self.assertEqual(mode & 0o007, 0, oct(mode))

    def test_monitor(self):
        host = self.two_guests()
        load = self.lab.spawn("ping", "-q", "-i", "0.01", "192.0.2.12", ns="vm1")
        done = host.weft("monitor", "--count", "2")
        self.assertIn("vm1", done.stdout)
        self.assertIn("vm2", done.stdout)
        self.lab.stop(load)

    def test_events(self):
        host = self.two_guests()
        follow = subprocess.Popen(["curl", "-sN", "--unix-socket", host.socket, "http://weft/v1/events?follow=true"],
                                  stdout=subprocess.PIPE, text=True)
        self.assertIn("revision 1", follow.stdout.readline())
        host.apply(document([switch(kind="private")]))
        self.assertIn("revision 2", follow.stdout.readline())
        follow.kill()
        follow.communicate()
        numbers = [e["number"] for e in host.json("events")]
        self.assertEqual(numbers, list(range(1, len(numbers) + 1)))
        self.assertEqual(self.curl_json(host, f"/v1/events?after={numbers[-1]}"), [])
