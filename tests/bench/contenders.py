# SPDX-License-Identifier: Apache-2.0
"""The switches that are compared: weft, Open vSwitch with DPDK, testpmd's bare loop and the Linux bridge.

Each vhost-user contender has start() -> two netdev sockets, begin() when the measured window opens and end() ->
{"cycles", "busy"} when it closes: busy TSC cycles for each packet received and the busy share of its one worker.
Worker on core 0, everything else on core 1.
"""
import re
import shutil
import subprocess
from pathlib import Path

from weftlab import Host, LabError, run, wait_until

WORKER_CORE, OTHER_CORE = "0", "1"
OVS_DPDK = Path("/usr/lib/openvswitch-switch-dpdk/ovs-vswitchd-dpdk")
OVS_SCHEMA = "/usr/share/openvswitch/vswitch.ovsschema"
MACS_MAX = 300000


def share(busy, idle):
    return busy / (busy + idle) if busy + idle else 0.0


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


class Ovs:
    """ovsdb-server and ovs-vswitchd of the lab's own, in a namespace of their own; one netdev bridge, NORMAL."""

    def __init__(self, lab, dpdk=True, **other_config):
        self.lab = lab
        self.dir = lab.dir / "ovs"
        self.dir.mkdir()
        self.ns = lab.netns("ovs")
        self.dpdk = dpdk
        self.config = {key.replace("_", "-"): value for key, value in other_config.items()}
        if dpdk:
            # --in-memory: no hugetlbfs mount and no runtime folder shared with others is needed.
            self.config |= {"dpdk-init": "true", "pmd-cpu-mask": "0x1", "dpdk-socket-mem": "512",
                            "dpdk-lcore-mask": "0x2", "dpdk-extra": "--in-memory --no-pci"}
        folders = ("OVS_RUNDIR", "OVS_DBDIR", "OVS_LOGDIR", "OVS_SYSCONFDIR")
        self.env = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"} | {name: str(self.dir) for name in folders}

    def boot(self):
        db = self.dir / "db.sock"
        run("ovsdb-tool", "create", self.dir / "conf.db", OVS_SCHEMA)
        self.lab.spawn("ovsdb-server", self.dir / "conf.db", f"--remote=punix:{db}", f"--unixctl={self.dir}/db.ctl",
                       env=self.env)
        wait_until("ovsdb-server answers", db.exists)
        self.vsctl("--no-wait", "init")
        for key, value in self.config.items():
            self.vsctl("--no-wait", "set", "Open_vSwitch", ".", f'other_config:{key}="{value}"')
        program = OVS_DPDK if OVS_DPDK.exists() else shutil.which("ovs-vswitchd")
        log = self.dir / "vswitchd.log"
        self.process = self.lab.spawn(program, f"unix:{db}", f"--unixctl={self.dir}/ctl", f"--log-file={log}",
                                      ns=self.ns, env=self.env)
        try:
            # Waits until ovs-vswitchd has done what the database says.
            self.vsctl("--timeout=20", "add-br", "br0", "--", "set", "bridge", "br0", "datapath_type=netdev",
                       f"other_config:mac-table-size={MACS_MAX}", "fail_mode=standalone")
        except LabError as e:
            text = log.read_text(errors="replace") if log.exists() else ""
            raise LabError(f"ovs-vswitchd does not start: {e}\n{text[-2000:]}") from e
        return self

    def vsctl(self, *argv):
        return run("ovs-vsctl", f"--db=unix:{self.dir}/db.sock", *argv).stdout

    def appctl(self, *argv):
        return run("ovs-appctl", "-t", self.dir / "ctl", *argv).stdout

    def add_port(self, name, *settings):
        """settings: type=..., options:...=..."""
        self.vsctl("--timeout=20", "add-port", "br0", name, *(("--", "set", "interface", name, *settings) if settings else ()))

    def start(self):
        self.boot()
        for name in ("a", "b"):
            self.add_port(name, "type=dpdkvhostuser")
        return [self.dir / "a", self.dir / "b"]

    def begin(self):
        self.appctl("dpif-netdev/pmd-stats-clear")

    def end(self):
        text = self.appctl("dpif-netdev/pmd-stats-show")
        pmd = re.search(r"pmd thread numa_id \d+ core_id 0:\n((?: .*\n)*)", text)
        value = {k: int(v) for k, v in re.findall(r"^\s+([a-z ]+): (\d+)", pmd.group(1) if pmd else "", re.M)}
        if not value.get("packets received"):
            raise LabError(f"Open vSwitch's poll thread received nothing:\n{text}")
        busy = value["processing cycles"]
        return {"cycles": busy / value["packets received"], "busy": share(busy, value["idle cycles"])}


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
