# SPDX-License-Identifier: Apache-2.0
"""What the end-to-end tests share: a lab for each test, short documents, pings from everywhere to everywhere."""
import hashlib
import json
import os
import socket
import subprocess
import threading
import unittest
from concurrent.futures import ThreadPoolExecutor

from weftlab import Host, Lab


def tap(name, ns=None, switch="lan", **more):
    """A guest's adapter on a tap in a namespace."""
    attach = {"tap": name, "netns": ns} if ns else {"tap": name}
    return {"name": name, "switch": switch, "attach": attach, **more}


def switch(name="lan", kind="internal", **more):
    return {"name": name, "type": kind, **more}


def document(switches, adapters=(), **host):
    return {**({"host": host} if host else {}), "switches": list(switches), "adapters": list(adapters)}


class Case(unittest.TestCase):
    """A test with a lab of its own."""

    def setUp(self):
        self.lab = self.enterContext(Lab(private=True))

    def host(self, *options, short="host", start=True):
        host = Host(self.lab, short, *options)
        return host.start() if start else host

    def guests(self, *names):
        for name in names:
            self.lab.netns(name)

    def addresses(self, **address_of):
        """vm1="192.0.2.11/24": the tap vm1 in the namespace vm1 gets the address."""
        for name, address in address_of.items():
            self.lab.address(name, name, address)

    def two_guests(self, kind="internal", **more):
        """A running host with vm1 (192.0.2.11) and vm2 (192.0.2.12) on the switch `lan`."""
        host = self.host()
        self.guests("vm1", "vm2")
        self.document = document([switch(kind=kind, **more)], [tap("vm1", "vm1"), tap("vm2", "vm2")])
        host.apply(self.document)
        self.addresses(vm1="192.0.2.11/24", vm2="192.0.2.12/24")
        return host

    def assertReaches(self, ns, address, count=1):
        self.assertEqual(self.lab.pings(ns, address, count, wait=2), count, f"{ns} does not reach {address}")

    def reach(self, pairs):
        """Which of the (namespace, address) pairs get an answer; all asked at once."""
        with ThreadPoolExecutor(32) as pool:
            return [bool(n) for n in pool.map(lambda p: self.lab.pings(*p), pairs)]

    def transfer(self, ns_from, ns_to, address, size=8 << 20):
        """Sends random bytes by TCP and compares what arrives."""
        data = os.urandom(size)
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        with self.lab.inside(ns_to):
            listener = socket.create_server((address, 7002), family=family)
        with self.lab.inside(ns_from):
            sender = socket.create_connection((address, 7002), timeout=10)
        receiver = listener.accept()[0]
        receiver.settimeout(10)
        listener.close()

        def send():
            sender.sendall(data)
            sender.shutdown(socket.SHUT_WR)
        thread = threading.Thread(target=send)
        thread.start()
        found = hashlib.sha256()
        while piece := receiver.recv(1 << 20):
            found.update(piece)
        thread.join()
        sender.close()
        receiver.close()
        self.assertEqual(found.digest(), hashlib.sha256(data).digest())

    def refused(self, host, text, *words, more=()):
        """The document is refused with a sentence that has these words, and nothing has changed."""
        before = host.weft("get", "-o", "yaml").stdout
        done = host.apply(text, *more, check=False)
        self.assertEqual(done.returncode, 1, done.stdout)
        for word in words:
            self.assertIn(word, done.stderr)
        self.assertEqual(host.weft("get", "-o", "yaml").stdout, before)
        return done.stderr

    def curl(self, host, path, *more):
        return subprocess.run(["curl", "-sS", "--fail", "--unix-socket", host.socket, *more, f"http://weft{path}"],
                              capture_output=True, text=True, check=True, timeout=20).stdout

    def curl_json(self, host, path, *more):
        return json.loads(self.curl(host, path, *more))
