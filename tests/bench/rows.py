# SPDX-License-Identifier: Apache-2.0
"""The rows of the benchmark: what is set up for each contender, and the least ratio that is wanted of weft.

A variant is a function (lab, seconds) -> sample, with "cycles" (busy, a packet), "mpps" and "busy" for guests on
vhost-user and "gbps" for TCP. It runs in a fresh Lab, so every process and namespace is new each time.
"""
import json
import re
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from contenders import OTHER_CORE, Ovs, Testpmd, Weft, bridge
from weftlab import Host, LabError, Qemu, run, wait_until

A, B = "10.77.0.1", "10.77.0.2"
GUEST_BOOT = 60  # s; TCG beside a poll thread that never sleeps


@dataclass
class Check:
    """weft against a peer: at least `least` times as good; None: for information, measured once."""
    peer: str
    least: float | None


@dataclass
class Row:
    name: str
    variants: dict
    checks: list
    rounds: int = 3
    note: str = ""


class Delays:
    """How long the busiest thread of some processes had to wait for its core: what others on it cost us."""

    def __init__(self, pids):
        self.pids, self.begin, self.time = pids, None, time.monotonic()
        self.begin = self.read()

    def read(self):
        found = {}
        for pid in self.pids:
            for path in Path(f"/proc/{pid}/task").glob("*/schedstat"):
                try:
                    ran, waited, _ = path.read_text().split()
                except (OSError, ValueError):
                    continue
                found[path.parts[-2]] = (pid, int(ran), int(waited))
        return found

    def share(self):
        """The worst of the processes, as a share of the time since begin."""
        wall, busiest = (time.monotonic() - self.time) * 1e9, {}
        for tid, (pid, ran, waited) in self.read().items():
            _, ran_before, waited_before = self.begin.get(tid, (pid, 0, 0))
            busiest[pid] = max(busiest.get(pid, (0, 0)), (ran - ran_before, waited - waited_before))
        return max((waited / wall for _, waited in busiest.values()), default=0.0)


def guests(contender, **traffic):
    """Two virtio-user guests that send to each other as fast as one core can."""
    def measure(lab, seconds):
        switch = contender(lab)
        sockets = switch.start()
        argv = [lab.build / "tests/bench/generator", "-l", OTHER_CORE, "--in-memory", "--no-pci", "--no-telemetry",
                "--single-file-segments", "-m", "256", "--log-level", "error"]
        argv += [f"--vdev=net_virtio_user{i},path={s},queue_size=1024" for i, s in enumerate(sockets)]
        argv += ["--", "--hold", "--seconds", seconds]
        for option, value in traffic.items():
            argv += [f"--{option}", value]
        errors = open(lab.dir / "generator.log", "w+")
        load = subprocess.Popen([str(a) for a in argv], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors,
                                text=True)
        lab.processes.append(load)
        sample = None
        for line in load.stdout:
            if line.startswith("measuring"):
                switch.begin()
                delays = Delays([p.pid for p in lab.processes])
            elif line.startswith("{"):
                sample = switch.end() | {"disturbed": delays.share()} | json.loads(line)
                break
        lab.stop(load)
        if not sample:
            errors.seek(0)
            raise LabError(f"the generator gave no result: {errors.read()[-1000:]}")
        if sample["mpps"] == 0:
            raise LabError("no frame came through")
        if contender is Weft and sample["learned"] < 2 * traffic.get("macs", 1):
            raise LabError(f"only {sample['learned']} of {2 * traffic['macs']} stations could be taught")
        if sample["busy"] is None:
            sample["busy"] = min(sample["cycles"] * sample["mpps"] / sample["tsc-mhz"], 1.0)
        return sample
    return measure


def tcp(lab, ns_a, ns_b, seconds):
    """One iperf3 stream; its first second is warm-up."""
    wait_until(f"{B} answers", lambda: lab.pings(ns_a, B), 15)
    return {"gbps": lab.iperf(ns_b, ns_a, B, seconds, "-O", "1") / 1e9}


def two_guests(lab):
    return lab.netns("a"), lab.netns("b")


def weft_taps(lab, seconds):
    a, b = two_guests(lab)
    Host(lab, "weft").start().apply(f"""
host: {{name: bench}}
switches: [{{name: lab, type: private}}]
adapters:
  - {{name: tap0, switch: lab, attach: {{tap: tap0, netns: {a}}}}}
  - {{name: tap1, switch: lab, attach: {{tap: tap1, netns: {b}}}}}
""")
    lab.address(a, "tap0", A + "/24")
    lab.address(b, "tap1", B + "/24")
    return tcp(lab, a, b, seconds)


def weft_uplink(lab, seconds):
    outside, guest = two_guests(lab)
    host = Host(lab, "weft")
    lab.veth(outside, "wire", host.ns, "eth1")
    host.start().apply(f"""
host: {{name: bench}}
switches: [{{name: lan, type: external, uplink: eth1, allow-management-os: false}}]
adapters: [{{name: tap0, switch: lan, attach: {{tap: tap0, netns: {guest}}}}}]
""")
    lab.address(outside, "wire", A + "/24")
    lab.address(guest, "tap0", B + "/24")
    return tcp(lab, outside, guest, seconds)


def ovs_kernel_ports(kinds, **config):
    """Open vSwitch's userspace datapath on two ports of the kernel, each `tap` or `veth`."""
    def measure(lab, seconds):
        ends = two_guests(lab)
        switch = Ovs(lab, dpdk=False, **config).boot()
        for i, (kind, end, address) in enumerate(zip(kinds, ends, (A, B))):
            if kind == "tap":
                switch.add_port(f"tap{i}", "type=tap")
                run("ip", "-n", switch.ns, "link", "set", f"tap{i}", "netns", end)
            else:
                lab.veth(end, f"tap{i}", switch.ns, f"port{i}")
                switch.add_port(f"port{i}")
            lab.address(end, f"tap{i}", address + "/24")
        return tcp(lab, *ends, seconds)
    return measure


def linux_bridge(lab, seconds):
    a, b = two_guests(lab)
    bridge(lab, a, b)
    lab.address(a, "eth0", A + "/24")
    lab.address(b, "eth0", B + "/24")
    return tcp(lab, a, b, seconds)


def machines_rate(lab, sockets, seconds, qemu_listens):
    """Two real Linux guests under TCG: an iperf3 server, then a client whose figure its console tells."""
    def machine(i, name, address, command):
        return Qemu(lab, name, Qemu.vhost_user(sockets[i], qemu_listens), address + "/24", run=command, mac=f"02:60:00:00:00:0{i}")
    machine(0, "server", B, "iperf3 -s").wait("Server listening", GUEST_BOOT)
    client = machine(1, "client", A, f"iperf3 -f k -i 0 -O 1 -c {B} -t {seconds}")
    client.wait("run ended", GUEST_BOOT + seconds)
    found = re.search(r"([\d.]+) Kbits/sec\s+receiver", client.text())
    if not found:
        raise LabError(f"iperf3 in the guest says: {client.text()[-600:]}")
    return {"gbps": float(found.group(1)) / 1e6}


def weft_machines(lab, seconds):
    sockets = [lab.dir / "server.sock", lab.dir / "client.sock"]
    adapters = "".join(f"  - {{name: vm{i}, switch: lab, attach: {{vhost-user: {s}, listen: host}}}}\n"
                       for i, s in enumerate(sockets))
    Host(lab, "weft").start().apply(f"host: {{name: bench}}\nswitches: [{{name: lab, type: private}}]\nadapters:\n{adapters}")
    return machines_rate(lab, sockets, seconds, qemu_listens=False)


def ovs_machines(**config):
    def measure(lab, seconds):
        sockets = [lab.dir / "server.sock", lab.dir / "client.sock"]
        switch = Ovs(lab, **config).boot()
        for name, socket in zip(("server", "client"), sockets):
            switch.add_port(name, "type=dpdkvhostuserclient", f"options:vhost-server-path={socket}")
        return machines_rate(lab, sockets, seconds, qemu_listens=True)
    return measure


# A peer's figure over ours for cycles, ours over the peer's for rates: more is better for weft in both.
ROWS = [
    Row("guest to guest, 64 B, 1 flow", {
        "weft": guests(Weft), "Open vSwitch": guests(Ovs), "testpmd io": guests(Testpmd)},
        [Check("Open vSwitch", 1.25), Check("testpmd io", 0.85)]),
    Row("guest to guest, 64 B, 1 M flows", {
        "weft": guests(Weft, flows=1000000), "Open vSwitch": guests(Ovs, flows=1000000), "weft, 1 flow": guests(Weft)},
        [Check("Open vSwitch", 1.8), Check("weft, 1 flow", 1 / 1.1)],
        note="within 10 % of its own 1-flow cycles"),
    Row("guest to guest, 64 B, 100 k MACs", {
        "weft": guests(Weft, macs=50000), "weft, 2 MACs": guests(Weft), "Open vSwitch": guests(Ovs, macs=50000)},
        [Check("weft, 2 MACs", 1 / 1.25), Check("Open vSwitch", None)], note="within 25 % of its own 2-MAC cycles"),
    Row("guest to guest, 1500 B", {
        "weft": guests(Weft, size=1514), "Open vSwitch": guests(Ovs, size=1514), "testpmd io": guests(Testpmd, size=1514)},
        [Check("Open vSwitch", 1.1), Check("testpmd io", None)]),
    Row("TCP, tap to tap", {
        "weft": weft_taps, "Open vSwitch, taps": ovs_kernel_ports(("tap", "tap")), "Linux bridge, veths": linux_bridge},
        [Check("Open vSwitch, taps", 3.0), Check("Linux bridge, veths", 0.6)]),
    Row("TCP, veth uplink to tap", {
        "weft": weft_uplink,
        "Open vSwitch TSO, veth to tap": ovs_kernel_ports(("veth", "tap"), userspace_tso_enable="true"),
        "Open vSwitch TSO, two veths": ovs_kernel_ports(("veth", "veth"), userspace_tso_enable="true")},
        [Check("Open vSwitch TSO, veth to tap", 1.0), Check("Open vSwitch TSO, two veths", 1.0)]),
    Row("TCP, two QEMU guests (TCG)", {
        "weft": weft_machines, "Open vSwitch": ovs_machines(),
        "Open vSwitch TSO": ovs_machines(userspace_tso_enable="true")},
        [Check("Open vSwitch", 2.0), Check("Open vSwitch TSO", None)], rounds=2),
]
