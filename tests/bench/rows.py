# SPDX-License-Identifier: Apache-2.0
"""The rows of the benchmark: what is set up for each contender, and the least ratio that is wanted of weft.

A variant is a function (lab, seconds) -> sample, with "cycles" (busy, a packet), "mpps" and "busy" for guests on
vhost-user, "gbps" for TCP, "kpps" for what an emulated guest sends and "ms" for what is only timed. It runs in a fresh Lab, so every process and namespace is new each time.
"""
import json
import re
import subprocess
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from contenders import OTHER_CORE, Ovs, OvsTunnel, Testpmd, Weft, WeftTunnel, WeftUplink, bridge
from records import WeftTunnelChanging, change, load
from weftlab import Host, LabError, Qemu, run, wait_until

A, B = "10.77.0.1", "10.77.0.2"
GUEST_MAC = "02:60:00:00:00:0a"
GUEST_BOOT = 60  # s; TCG beside a poll thread that never sleeps


@dataclass
class Check:
    """weft against a peer: at least `least` times as good, or at most `extra` cycles a packet more; neither: for
    information, measured once. Against no peer: at most `most` ms."""
    peer: str | None
    least: float | None = None
    extra: float | None = None
    most: float | None = None


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


def start(lab, argv, errors):
    """The generator, once more if it is turned away: Open vSwitch takes its sockets away while it rearranges itself."""
    for _ in range(3):
        load = subprocess.Popen([str(a) for a in argv], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors,
                                text=True)
        lab.processes.append(load)
        try:
            load.wait(0.5)
        except subprocess.TimeoutExpired:
            break
        time.sleep(1)
    return load


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
            argv += [f"--{option.replace('_', '-')}"] + ([] if value is True else [value])
        errors = open(lab.dir / "generator.log", "w+")
        load, sample = start(lab, argv, errors), None
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
        if "tunnel" in traffic and sample["learned"] < 2:
            raise LabError("frames do not come through the tunnel both ways")
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


def weft_hosts(lab, seconds):
    """A guest on each of two hosts, NVGRE over a veth between."""
    ends, hosts = two_guests(lab), [Host(lab, f"weft{i}") for i in (0, 1)]
    lab.veth(hosts[0].ns, "eth1", hosts[1].ns, "eth1")
    addresses = [(A, "198.51.100.11"), (B, "198.51.100.12")]
    records = [{"virtual-subnet-id": 5001, "customer-address": ca, "mac-address": f"00:15:5d:00:00:0{i}",
                "provider-address": pa} for i, (ca, pa) in enumerate(addresses)]
    for i, host in enumerate(hosts):
        host.start().apply({
            "host": {"name": f"bench{i}"},
            "switches": [{"name": "fabric", "type": "external", "uplink": "eth1", "allow-management-os": False}],
            "provider-addresses": [{"switch": "fabric", "address": addresses[i][1] + "/24"}],
            "routing-domains": [{"id": "{11111111-2222-3333-4444-000000005001}",
                                 "virtual-subnets": [{"id": 5001, "prefix": "10.0.0.0/8"}]}],
            "adapters": [{"name": "vm", "switch": "fabric", "virtual-subnet-id": 5001, "attach": {"tap": "tap0", "netns": ends[i]},
                          "mac-address": f"00:15:5d:00:00:0{i}"}],
            "lookup-records": records})
    for end, (ca, _) in zip(ends, addresses):
        lab.address(end, "tap0", ca + "/24")
    return tcp(lab, *ends, seconds)


def ovs_hosts(lab, seconds):
    """The same with Open vSwitch's taps and its GRE."""
    ends, switches = two_guests(lab), [Ovs(lab, dpdk=False, name=f"ovs{i}") for i in (0, 1)]
    lab.veth(switches[0].ns, "eth1", switches[1].ns, "eth1")
    for i, (switch, end, address) in enumerate(zip(switches, ends, (A, B))):
        lab.exec(switch.ns, "ethtool", "-K", "eth1", "tx", "off")
        switch.boot()
        switch.add_bridge("br-phy")
        switch.add_port("eth1", bridge="br-phy")
        lab.address(switch.ns, "br-phy", f"198.51.100.{11 + i}/24")
        switch.add_port("tap0", "type=tap")
        run("ip", "-n", switch.ns, "link", "set", "tap0", "netns", end)
        switch.add_port("tunnel", "type=gre", f"options:remote_ip=198.51.100.{12 - i}", "options:key=1280256")
        lab.ip(end, "link", "set", "tap0", "mtu", "1458")
        lab.address(end, "tap0", address + "/24")
    return tcp(lab, *ends, seconds)


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


def small_frames(lab, host, guest, seconds):
    """Frames a second that the switch has from a real Linux guest, vm, whose iperf3 sends as fast as it can to B."""
    outside = lab.netns("outside")
    host.apply({"host": {"name": "bench"}, "switches": [{"name": "lab", "type": "private"}], "adapters": [
        {"name": "out", "switch": "lab", "attach": {"tap": "out", "netns": outside}},
        {"name": "vm", "switch": "lab", "mac-address": GUEST_MAC, "attach": guest}]})
    lab.address(outside, "out", B + "/24")
    lab.spawn("iperf3", "-s", ns=outside)

    def received():
        return host.json("stats", "adapter", "vm")["out"]["packets"]
    wait_until("the guest sends", lambda: received() > 10000, GUEST_BOOT)
    before, begin = received(), time.monotonic()
    time.sleep(seconds)
    return {"kpps": (received() - before) / (time.monotonic() - begin) / 1000}


def sending_machine(lab, netdev, **more):
    return Qemu(lab, "vm", netdev, A + "/24", mac=GUEST_MAC, run=f"iperf3 -u -b 0 -l 18 -c {B} -t {GUEST_BOOT}", **more)


def weft_synthetic(lab, seconds):
    socket = lab.dir / "vm.sock"
    sending_machine(lab, Qemu.vhost_user(socket))
    return small_frames(lab, Host(lab, "weft").start(), {"vhost-user": str(socket), "listen": "guest"}, seconds)


def weft_emulated(lab, seconds):
    """A network card that QEMU plays, which reaches the switch by a tap that QEMU makes."""
    host = Host(lab, "weft").start()
    sending_machine(lab, Qemu.tap("vnet0"), device="e1000", ns=host.ns)
    wait_until("QEMU has made its tap", lambda: "vnet0" in lab.ip(host.ns, "link").stdout)
    return small_frames(lab, host, {"interface": "vnet0"}, seconds)


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
    Row("60 B from a QEMU guest (TCG), synthetic adapter", {
        "weft": weft_synthetic, "weft, emulated adapter": weft_emulated}, [Check("weft, emulated adapter", 1.0)], rounds=2),
    Row("NVGRE both ways, 64 B inside, 1 flow", {
        "weft": guests(WeftTunnel, tunnel=True), "Open vSwitch GRE": guests(OvsTunnel, tunnel=True)},
        [Check("Open vSwitch GRE", 1.6)]),
    Row("NVGRE both ways, 64 B inside, 1 M flows", {
        "weft": guests(WeftTunnel, tunnel=True, flows=1000000),
        "Open vSwitch GRE": guests(OvsTunnel, tunnel=True, flows=1000000)},
        [Check("Open vSwitch GRE", 1.6)]),
    Row("NVGRE, encapsulating alone", {
        "weft": guests(WeftTunnel, tunnel=True, one_way=True), "weft, plain L2": guests(WeftUplink, one_way=True),
        "Open vSwitch GRE": guests(OvsTunnel, tunnel=True, one_way=True)},
        [Check("weft, plain L2", extra=60), Check("Open vSwitch GRE")], note="within 60 cycles of its own plain L2"),
    Row("NVGRE, decapsulating alone", {
        "weft": guests(WeftTunnel, tunnel=True, back=True), "weft, plain L2": guests(WeftUplink, back=True),
        "Open vSwitch GRE": guests(OvsTunnel, tunnel=True, back=True)},
        [Check("weft, plain L2", extra=60), Check("Open vSwitch GRE")], note="within 60 cycles of its own plain L2"),
    Row("NVGRE both ways, 1 M lookup records", {
        "weft": guests(partial(WeftTunnel, records=1000000), tunnel=True, peers=1000000),
        "weft, 10 records": guests(partial(WeftTunnel, records=10), tunnel=True, peers=10)},
        [Check("weft, 10 records", 0.75)], note="within 25 % of its own 10-record cycles"),
    Row("NVGRE both ways, 1000 records changed a second", {
        "weft": guests(WeftTunnelChanging, tunnel=True), "weft, records at rest": guests(WeftTunnel, tunnel=True)},
        [Check("weft, records at rest", 0.9)], note="less than 10 % slower"),
    Row("1 M lookup records loaded", {"weft": load}, [Check(None, most=10000)]),
    Row("one of 1 M lookup records changed", {"weft": change}, [Check(None, most=1)]),
    Row("TCP, tap to tap across two hosts, NVGRE", {"weft": weft_hosts, "Open vSwitch GRE": ovs_hosts},
        [Check("Open vSwitch GRE", 2.0)]),
]
