# SPDX-License-Identifier: Apache-2.0
"""The switches that are compared: weft, Open vSwitch with DPDK, testpmd's bare loop and the Linux bridge.

Each vhost-user contender has start() -> two netdev sockets, begin() when the measured window opens and end() ->
{"cycles", "busy"} when it closes: busy TSC cycles for each packet received and the busy share of its one worker.
Worker on core 0, everything else on core 1.
"""
import ipaddress
import re
import subprocess

from ovs import MACS_MAX, Ovs, share  # noqa: F401
from weftlab import Host, run, wait_until

WORKER_CORE, OTHER_CORE = "0", "1"

# What the generator's wire speaks: see there.
PA_SWITCH, PA_WIRE, MAC_SWITCH, MAC_WIRE = "198.51.100.11", "198.51.100.12", "02:60:ff:00:00:01", "02:60:ff:00:00:02"
CA_GUEST, CA_PEERS, MAC_GUEST, MAC_PEER = "10.0.0.5", "10.1.0.0", "00:15:5d:00:00:05", "00:15:5d:00:00:06"
VSID = 5001
LINES = 50000  # lookup records in one request


class Weft:
    """weftd with a private switch and two guests on vhost-user."""

    def __init__(self, lab):
        self.lab = lab
        self.host = Host(lab, "weft", "--worker-cores", WORKER_CORE)
        self.sockets = [lab.dir / "a.sock", lab.dir / "b.sock"]

    def start(self):
        self.host.start()
        adapters = "".join(f"  - {{name: vm{i}, switch: lab, mac-address-limit: {MACS_MAX}, "
                           f"attach: {{vhost-user: {s}, listen: host}}}}\n" for i, s in enumerate(self.sockets))
        self.host.apply(f"host: {{name: bench}}\nswitches: [{{name: lab, type: private}}]\nadapters:\n{adapters}")
        return self.sockets

    def worker(self):
        return self.host.json("stats", "worker")[0]

    def begin(self):
        self.before = self.worker()

    def end(self):
        now = self.worker()
        packets, busy, idle = (now[k] - self.before[k] for k in ("packets", "busy-cycles", "idle-cycles"))
        return {"cycles": busy / max(packets, 1), "busy": share(busy, idle)}


class WeftUplink(Weft):
    """weftd with a guest on vhost-user and an uplink to the wire, on vhost-user too; plain L2."""

    def start(self):
        self.host.start()
        self.host.apply(self.document())
        return self.sockets

    def document(self):
        guest, wire = self.sockets
        return {"host": {"name": "bench"},
                "switches": [{"name": "fabric", "type": "external", "allow-management-os": False,
                              "uplink": {"vhost-user": str(wire), "listen": "host"}}],
                "adapters": [{"name": "vm0", "switch": "fabric", "attach": {"vhost-user": str(guest), "listen": "host"}}]}


class WeftTunnel(WeftUplink):
    """The same with the guest in a virtual subnet and everybody else behind the provider address on the wire."""

    def __init__(self, lab, records=1):
        super().__init__(lab)
        self.records = records

    def document(self):
        document = super().document()
        document["adapters"][0] |= {"virtual-subnet-id": VSID, "mac-address": MAC_GUEST}
        return document | {
            "provider-addresses": [{"switch": "fabric", "address": PA_SWITCH + "/24", "mac-address": MAC_SWITCH}],
            "routing-domains": [{"id": "{11111111-2222-3333-4444-000000005001}", "name": "contoso",
                                 "virtual-subnets": [{"id": VSID, "prefix": "10.0.0.0/8"}]}],
            "lookup-records": [{"virtual-subnet-id": VSID, "customer-address": CA_GUEST, "mac-address": MAC_GUEST,
                                "provider-address": PA_SWITCH}]}

    def start(self):
        super().start()
        first = int(ipaddress.ip_address(CA_PEERS))
        for begin in range(0, self.records, LINES):
            self.host.api("POST", "/v1/lookup-records", "".join(
                f'{{"virtual-subnet-id":{VSID},"customer-address":"{ipaddress.ip_address(first + i)}",'
                f'"mac-address":"{MAC_PEER}","provider-address":"{PA_WIRE}"}}\n'
                for i in range(begin, min(begin + LINES, self.records))))
        return self.sockets


class OvsTunnel(Ovs):
    """A guest in br0, the wire in br-phy, which has the provider address, and GRE with a key between."""

    def start(self):
        self.boot()
        self.add_bridge("br-phy", f"other_config:hwaddr={MAC_SWITCH}")
        self.lab.address(self.ns, "br-phy", PA_SWITCH + "/24")
        self.add_port("tunnel", "type=gre", f"options:remote_ip={PA_WIRE}", "options:key=flow", "ofport_request=2")
        self.flows("br0", f"in_port=1,actions=set_field:{VSID << 8:#x}->tun_id,output:2",
                   f"in_port=2,tun_id={VSID << 8:#x}/0xffffff00,actions=output:1")
        self.appctl("tnl/arp/set", "br-phy", PA_WIRE, MAC_WIRE)
        # Last: each change of the configuration takes the sockets away for a moment.
        self.add_port("a", "type=dpdkvhostuser", "ofport_request=1")
        self.add_port("wire", "type=dpdkvhostuser", bridge="br-phy")
        return [self.dir / "a", self.dir / "wire"]


class Testpmd:
    """No switch at all: testpmd's io mode between two vhost-user ports, the bound of what rte_vhost allows."""

    def __init__(self, lab):
        self.lab = lab
        self.sockets = [lab.dir / "a.sock", lab.dir / "b.sock"]
        self.log = lab.dir / "testpmd.log"

    def start(self):
        devices = [f"--vdev=net_vhost{i},iface={s},queues=1" for i, s in enumerate(self.sockets)]
        argv = ["stdbuf", "-oL", "dpdk-testpmd", "-l", f"{WORKER_CORE},{OTHER_CORE}", "--main-lcore", OTHER_CORE, "--in-memory", "--no-pci",
                "--no-telemetry", "-m", "512", *devices, "--", "-i", "--nb-cores=1", "--forward-mode=io", "--rxd=1024",
                "--txd=1024", "--record-core-cycles"]
        self.process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=open(self.log, "wb"), stderr=subprocess.STDOUT)
        self.lab.processes.append(self.process)
        wait_until("testpmd listens", lambda: "testpmd>" in self.text(), 20)
        self.say("start")
        return self.sockets

    def text(self):
        return self.log.read_text(errors="replace")

    def say(self, command):
        self.process.stdin.write(command.encode() + b"\n")
        self.process.stdin.flush()

    def begin(self):
        self.say("clear fwd stats all")

    def end(self):
        """testpmd counts the cycles of rounds that moved packets; the caller works out the busy share."""
        self.say("show fwd stats all")
        pattern = r"CPU cycles/packet=([\d.]+).* at (\d+) MHz"
        wait_until("testpmd's statistics", lambda: re.search(pattern, self.text()), 5)
        cycles, mhz = re.findall(pattern, self.text())[-1]
        return {"cycles": float(cycles), "busy": None, "tsc-mhz": int(mhz)}


def bridge(lab, ns_a, ns_b):
    """The kernel's bridge with a veth to each namespace; the far ends are called eth0."""
    ns = lab.netns("bridge")
    run("ip", "-n", ns, "link", "add", "br0", "type", "bridge")
    run("ip", "-n", ns, "link", "set", "br0", "up")
    for i, peer in enumerate((ns_a, ns_b)):
        lab.veth(ns, f"port{i}", peer, "eth0")
        run("ip", "-n", ns, "link", "set", f"port{i}", "master", "br0")
