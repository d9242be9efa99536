# SPDX-License-Identifier: Apache-2.0
"""Open vSwitch with its userspace datapath, as a peer to talk to and as one to compare with."""
import re
import shutil
from pathlib import Path

from weftlab import LabError, run, wait_until

OVS_DPDK = Path("/usr/lib/openvswitch-switch-dpdk/ovs-vswitchd-dpdk")
OVS_SCHEMA = "/usr/share/openvswitch/vswitch.ovsschema"
MACS_MAX = 300000


def share(busy, idle):
    return busy / (busy + idle) if busy + idle else 0.0


class Ovs:
    """ovsdb-server and ovs-vswitchd of the lab's own, in a namespace of their own; one netdev bridge, NORMAL."""

    def __init__(self, lab, dpdk=True, name="ovs", **other_config):
        self.lab = lab
        self.dir = lab.dir / name
        self.dir.mkdir()
        self.ns = lab.netns(name)
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

    def add_port(self, name, *settings, bridge="br0"):
        """settings: type=..., options:...=..."""
        self.vsctl("--timeout=20", "add-port", bridge, name, *(("--", "set", "interface", name, *settings) if settings else ()))

    def add_bridge(self, name, *settings):
        self.vsctl("--timeout=20", "add-br", name, "--", "set", "bridge", name, "datapath_type=netdev",
                   "fail_mode=standalone", *settings)

    def ofctl(self, *argv):
        return run(*self.lab.argv(["ovs-ofctl", *argv]), env=self.env).stdout

    def flows(self, bridge, *flows):
        """These and no others."""
        self.ofctl("del-flows", bridge)
        for flow in flows:
            self.ofctl("add-flow", bridge, flow)

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
