# SPDX-License-Identifier: Apache-2.0
"""Ports come and go by the thousand, and leave nothing behind. WEFT_MANY_PORTS says how many, and prints figures."""
import os
import resource
import threading
import time

from case import Case, document, switch, tap
from test_switch import frame, received
from weftlab import wait_until

FIGURES = os.environ.get("WEFT_MANY_PORTS")
MANY = int(FIGURES or min(10000, resource.getrlimit(resource.RLIMIT_NOFILE)[1] - 500))  # a descriptor each
BROADCAST = "ff:ff:ff:ff:ff:ff"
POOL = {"minimum": "02:00:00:00:00:00", "maximum": "02:00:00:00:ff:ff"}


class Watcher(threading.Thread):
    """Asks for the host's status all the while; `longest`: the slowest answer in seconds."""

    def __init__(self, host):
        super().__init__()
        self.host, self.longest, self.done = host, 0, threading.Event()
        self.start()

    def run(self):
        while not self.done.is_set():
            begin = time.monotonic()
            self.host.weft("status", "host", timeout=300)
            self.longest = max(self.longest, time.monotonic() - begin)

    def stop(self):
        self.done.set()
        self.join()
        return self.longest


class ManyPorts(Case):
    def setUp(self):
        super().setUp()
        self.weftd = self.host()
        self.guests("many", "few")
        # Linux greets each new link with multicast: ten thousand to ten thousand is another test's subject.
        self.lab.exec("many", "sh", "-c", "echo 1 > /proc/sys/net/ipv6/conf/default/disable_ipv6")

    def document(self, many, more=()):
        return document([switch()], [*(tap(f"t{i}", "many") for i in range(many)), *more],
                        name="h", **{"mac-address-range": POOL})

    def apply(self, *args, **kw):
        """Seconds that it takes, and the slowest answer of the API meanwhile."""
        watcher, begin = Watcher(self.weftd), time.monotonic()
        try:
            self.weftd.apply(self.document(*args, **kw), timeout=300)
            return time.monotonic() - begin, watcher
        finally:
            watcher.stop()

    def links(self, ns):
        return set(self.lab.exec(ns, "ls", "/sys/class/net").stdout.split())

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.weftd.process.pid}/fd"))

    def settled_rss(self, most):
        """Once the last answer is sent, what it took is given back."""
        wait_until(f"weftd is down to {most:.0f} MiB", lambda: self.weftd.rss() < most, 10)
        return self.weftd.rss()

    def test_many_ports_come_and_go(self):
        keep = [tap("vm1", "few"), tap("vm2", "few")]
        self.apply(0, keep)
        self.lab.run("ip", "-n", "many", "link", "add", "bystander", "group", "7", "type", "veth", "peer", "name", "other")
        alone, descriptors, before = self.links("many"), self.descriptors(), self.weftd.rss()
        for _ in range(3):
            up, asked = self.apply(MANY, keep)
            with_them = self.weftd.rss()
            self.assertEqual(self.links("many"), alone | {f"t{i}" for i in range(MANY)})
            self.assertEqual(self.lab.ip_json("many", "link", "show", f"t{MANY - 1}")[0]["ifalias"], f"weft:t{MANY - 1}")
            down, asked_again = self.apply(0, keep)
            self.assertEqual(self.links("many"), alone)
            wait_until("nothing but the two is open", lambda: self.descriptors() <= descriptors)
            after = self.settled_rss(before + 16)
            if FIGURES:
                print(f"   {MANY} ports: made in {up:.1f} s, gone in {down:.1f} s; the API's slowest answer "
                      f"{asked.longest:.1f} and {asked_again.longest:.1f} s; RSS {before:.0f} MiB before, "
                      f"{with_them:.0f} with, {after:.0f} after")

    def test_a_flood_reaches_each_of_many_and_none_that_is_gone(self):
        self.apply(MANY, [tap("vm1", "few"), tap("vm2", "few")])
        source = self.lab.mac("few", "vm1")
        sender, receiver = self.lab.wire("few", "vm1"), self.lab.wire("few", "vm2")
        for i in range(20):
            sender.send(frame(BROADCAST, source, b"to all"))
        self.assertEqual(received(receiver, b"to all", within=20, enough=20), 20)
        stats = self.weftd.json("stats", "adapter", "vm1")
        self.assertEqual(stats["drops"], {})
        last = self.weftd.json("stats", "adapter", f"t{MANY - 1}")
        self.assertGreaterEqual(last["in"]["packets"], 20)
        self.assertTrue(self.weftd.json("stats", "total")["balanced"])
        # An address of one that goes is nobody's, whoever has its place in the tables.
        gone = self.lab.mac("many", "t0")
        self.apply(0, [tap("vm1", "few"), tap("vm2", "few")])
        third = tap("vm3", "few", **{"mac-address": "06:00:00:00:00:03"})  # from the pool it would get that very one
        self.apply(0, [tap("vm1", "few"), tap("vm2", "few"), third])
        sender.send(frame(gone, source, b"to nobody known"))
        self.assertEqual(received(receiver, b"to nobody known", within=5, enough=1), 1)
        self.assertTrue(self.weftd.json("stats", "total")["balanced"])

    def test_many_ports_survive_a_kill(self):
        some = min(MANY, 1000)
        self.apply(some)
        index = self.lab.ip_json("many", "link", "show", "t7")[0]["ifindex"]
        self.weftd.restart(9)
        self.assertEqual(self.lab.ip_json("many", "link", "show", "t7")[0]["ifindex"], index)
        self.assertEqual(self.weftd.adapter("t7")["link"], "up")
        self.apply(0)
        self.assertEqual(self.links("many"), {"lo"})
