# SPDX-License-Identifier: Apache-2.0
"""What the tests of network virtualization share: a fabric for each test, ears in every guest, the books."""
import re
import socket
import time

from case import Case
from tenants import Fabric
from weftlab import wait_until


class Ears:
    """Raw sockets in namespaces: every frame that came in since."""

    def __init__(self, lab, *names, device=None):
        self.socks = {n: lab.wire(n, device or n) for n in names}
        self.heard = {n: [] for n in names}

    def listen(self):
        for name, sock in self.socks.items():
            sock.setblocking(False)
            while True:
                try:
                    data, where = sock.recvfrom(70000)
                except BlockingIOError:
                    break
                if where[2] != socket.PACKET_OUTGOING:
                    self.heard[name].append(data)
        return self.heard

    def count(self, text):
        """Frames that contain these bytes, by namespace; after a moment for the last to come."""
        time.sleep(0.2)
        return {n: sum(text in f and not self.complains(f) for f in frames) for n, frames in self.listen().items()}

    @staticmethod
    def complains(f):
        """ICMP "unreachable" quotes what somebody got whom it was for."""
        return (f[12:14] == b"\x08\x00" and f[23] == 1 and f[34] == 3) or (f[12:14] == b"\x86\xdd" and f[20] == 58 and f[54] == 1)


class TenantsCase(Case):
    def fabric(self, *args, up=True, apply=None, **more):
        """A running fabric with the usual guests; `apply`: keys of all documents."""
        self.f = Fabric(self.lab, *args, **more)
        return self.f.up(**(apply or {})) if up else self.f

    def ears(self, *names):
        return Ears(self.lab, *(names or self.f.guest))

    def mesh(self, family=4):
        """(guest, address, is it one of its own tenant) for every guest and every address that there is."""
        return [(a, address) for a in self.f.guest for _, address in self.f.neighbours(a, family)]

    def assertMesh(self, family=4):
        pairs = self.mesh(family)
        self.assertTrue(pairs)
        found = self.reach(pairs)
        self.assertEqual([p for p, good in zip(pairs, found) if not good], [], "do not reach each other")

    def assertBooks(self):
        """What came in went somewhere, to the frame, on every node."""
        for node in self.f.nodes:
            wait_until(f"{node.short}'s books balance", lambda: node.json("stats")["total"]["balanced"], 3)

    def dropped(self, where, before=None):
        """Drops by reason since `before`, without those that are none."""
        now, before = self.f.drops(where), before or {}
        return {k: v - before.get(k, 0) for k, v in now.items() if v != before.get(k, 0)}

    def send(self, ns, *frames, device=None):
        """Frames leave a guest's adapter as they are."""
        sock = self.lab.wire(ns, device or ns)
        for frame in frames:
            sock.send(bytes(frame))
        sock.close()

    def neighbour(self, ns, address):
        """The MAC address that a guest has for it, or None."""
        found = self.lab.ip_json(ns, "neigh", "show", address)
        return found[0].get("lladdr") if found else None

    def ping(self, ns, address, *options):
        """What ping says."""
        done = self.lab.exec(ns, "ping", "-n", "-c1", "-W1", *options, address, check=False)
        return done.stdout + done.stderr

    def ttl(self, ns, address):
        found = re.search(r"ttl=(\d+)", self.ping(ns, address))
        return int(found.group(1)) if found else None

    def passes(self, ns, address, size, how="do"):
        """A ping with IP packets of `size` bytes is answered."""
        header = 48 if ":" in address else 28
        return "1 received" in self.ping(ns, address, "-M", how, "-s", size - header)

    def told(self, ns, address, size):
        """The path MTU that a packet of `size` bytes with DF is refused with, by the gateway or the guest's own kernel."""
        found = re.search(r"mtu ?[=:] ?(\d+)", self.ping(ns, address, "-M", "do", "-s", size - (48 if ":" in address else 28)))
        return int(found.group(1)) if found else None

    def assertClean(self):
        stats = self.f.wire.stats()
        self.assertEqual((stats["fragments"], stats["without-df"]), (0, 0), "outer packets are never fragments and always DF")
        self.assertBooks()
