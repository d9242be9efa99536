# SPDX-License-Identifier: Apache-2.0
"""A wire between hosts, by relay.c: what goes over it is written down, and it can be as bad as wires get."""
import json
import subprocess
from pathlib import Path

from weftlab import LabError, run


class Relay:
    """Joins `eth1` of each host. What was seen is asked for by tshark's names of fields."""

    router4, router6 = "198.51.100.1", "2001:db8:100::1"  # who sends ICMP where the wire is narrow

    def __init__(self, lab, *namespaces, device="eth1", mtu=None, taps=(), pcap=True):
        self.lab = lab
        self.ns = lab.netns("wire")
        self.pcap = lab.dir / "wire.pcap" if pcap else Path("/dev/null")  # a busy disk delays the wire
        # The wire is nobody: no address, no neighbour discovery of its own.
        lab.exec(self.ns, "sh", "-c", "echo 1 >/proc/sys/net/ipv6/conf/default/disable_ipv6")
        for ns in namespaces:
            lab.veth(self.ns, self.end(ns), ns, device)
            lab.ip(self.ns, "link", "set", self.end(ns), "arp", "off", "mtu", "65535")
            if mtu:
                lab.ip(ns, "link", "set", device, "mtu", mtu)
        for name in taps:  # for QEMU, in the namespace of the wire
            lab.exec(self.ns, "ip", "tuntap", "add", self.end(name), "mode", "tap")
            lab.ip(self.ns, "link", "set", self.end(name), "up", "arp", "off")
        argv = lab.argv([lab.build / "tests/lib/relay", self.pcap, *map(self.end, (*namespaces, *taps))], self.ns)
        self.process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)
        lab.processes.append(self.process)
        self.answer()

    @staticmethod
    def end(ns):
        """The wire's end of a host's interface."""
        return f"to-{ns}"[:15]

    def answer(self):
        line = self.process.stdout.readline().strip()
        if not line or line.startswith("error"):
            raise LabError(f"relay: {line or 'it ended'}")
        return line

    def say(self, *words):
        self.process.stdin.write(" ".join(map(str, words)) + "\n")
        return self.answer()

    def cut(self, ns):
        self.say("cut", self.end(ns))

    def join(self, ns):
        self.say("join", self.end(ns))

    def narrow(self, mtu, icmp=True):
        """The path takes IP packets of `mtu` bytes at most; 0: any."""
        self.say("mtu", mtu, *(("icmp", self.router4, self.router6) if icmp else ("silent",)))

    def stats(self):
        return json.loads(self.say("stats"))

    def tshark(self, *options):
        """Its lines about the frames so far; those that come meanwhile may be half written."""
        length = int(self.say("sync"))
        so_far = self.pcap.with_suffix(".so-far")
        with self.pcap.open("rb") as pcap:
            so_far.write_bytes(pcap.read(length))
        return run("tshark", "-n", "-r", so_far, *options, timeout=120).stdout.splitlines()

    def seen(self, only, *fields, occurrence="a"):
        """Of every frame that the display filter lets through a tuple of fields, as text; several values have commas."""
        options = [o for f in fields for o in ("-e", f)]
        lines = self.tshark("-Y", only, "-T", "fields", "-E", "separator=|", "-E", f"occurrence={occurrence}", *options)
        return [tuple(line.split("|")) for line in lines]

    def count(self, only):
        return len(self.seen(only, "frame.number"))

    def text(self, only, *options, limit=None):
        """Lines of tshark's own summary."""
        return self.tshark("-Y", only, *options)[:limit]

    def inject(self, ns, *frames):
        """Frames (bytes) come out of the wire into a host's interface."""
        sock = self.lab.wire(self.ns, self.end(ns))
        for frame in frames:
            sock.send(bytes(frame))
        sock.close()
