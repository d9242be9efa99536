# SPDX-License-Identifier: Apache-2.0
"""The demo's first part: an external switch, its interface taken over without losing its address, and its guests."""
import json

from stage import Step, cell, part, section, show
from weftlab import Host, Lab, LabError, Qemu, run_image, wait_until

NAMES = {"outside": "192.0.2.1", "host": "192.0.2.10", "vm1": "192.0.2.11", "vm2": "192.0.2.12", "vm3": "192.0.2.13"}


def document(ns, socket):
    return f"""# One external switch on eth1, which carries the host's address.
host:
  name: demo
switches:
  - {{name: lan, type: external, uplink: eth1}}      # the host's adapter `lan` comes by itself
adapters:
  - {{name: vm1, switch: lan, attach: {{tap: vm1, netns: {ns['vm1']}}}}}
  - {{name: vm2, switch: lan, attach: {{tap: vm2, netns: {ns['vm2']}}}}}
  - {{name: vm3, switch: lan, attach: {{vhost-user: {socket}, listen: guest}}}}
"""


def build_world(lab):
    ns = {name: lab.netns(name) for name in ("outside", "vm1", "vm2")}
    host = Host(lab, "host")
    ns["host"] = host.ns
    lab.veth(ns["outside"], "wire", host.ns, "eth1")
    lab.address(ns["outside"], "wire", NAMES["outside"] + "/24")
    lab.address(host.ns, "eth1", NAMES["host"] + "/24")
    return ns, host


def reachability(lab, ns, guest):
    """Who gets an answer from whom; what vm3 sees stands on its console."""
    others = [a for n, a in NAMES.items() if n != "vm3"]
    wait_until("vm3 has pinged everybody", lambda: guest.text().count("weft-guest: ping") == len(others), 30)
    names = list(NAMES)
    print("   " + "".join(f"{n:>10}" for n in ["", *names]))
    missing = 0
    for source in names:
        row = f"   {source:>10}"
        for to in names:
            if to == source:
                row += f"{'-':>10}"
                continue
            if source == "vm3":
                good = f"ping {NAMES[to]} ok" in guest.text()
            else:
                good = lab.pings(ns[source], NAMES[to], count=1, wait=2)
            missing += not good
            row += cell("ok" if good else "no")
        print(row)
    if missing:
        raise LabError(f"{missing} of the pairs do not reach each other")


def guest_rate(lab, ns):
    """The guest runs an iperf3 server from boot."""
    done = lab.exec(ns["vm1"], "iperf3", "-J", "-c", NAMES["vm3"], "-t", "3", timeout=40)
    return json.loads(done.stdout)["end"]["sum_received"]["bits_per_second"]


def throughput(lab, ns):
    pairs = [("vm1", "vm2"), ("outside", "vm1"), ("vm1", "host")]
    for a, b in pairs:
        rate = lab.iperf(ns[b], ns[a], NAMES[b], 3)
        print(f"   {a:>8} -> {b:<8} {rate / 1e9:6.1f} Gbit/s")
    rate = guest_rate(lab, ns)
    print(f"   {'vm1':>8} -> {'vm3':<8} {rate / 1e9:6.1f} Gbit/s   (QEMU emulates vm3's processor)")


def one_host(build):
    """A host, two guests on taps, a machine in QEMU, and the outside at the end of a wire."""
    with Lab(build) as lab:
        play(lab)


def play(lab):
    part("One host: a switch that guests, host and wire meet on")
    with Step("making a small Linux guest for QEMU (once)"):
        run_image(lab.build)
    with Step("a host, two guests in namespaces, the outside at the end of a wire"):
        ns, host = build_world(lab)
    with Step("starting weftd"):
        host.start()
    socket = lab.dir / "vm3.sock"
    with Step("booting the third guest in QEMU, on vhost-user"):
        guest = Qemu(lab, "vm3", Qemu.vhost_user(socket), NAMES["vm3"] + "/24", run="iperf3 -s",
                     ping=[a for n, a in NAMES.items() if n != "vm3"])
        wait_until("QEMU listens", socket.exists)

    section("$ weft apply demo.yaml")
    text = document(ns, socket)
    show(text)
    print()
    show(host.apply(text).stdout)
    for vm in ("vm1", "vm2"):
        lab.address(ns[vm], vm, NAMES[vm] + "/24")
    with Step("\nwaiting for the guest"):
        guest.wait()
        wait_until("vm3 answers", lambda: lab.pings(ns["vm1"], NAMES["vm3"]), 30)

    section("Who reaches whom (ping)")
    reachability(lab, ns, guest)
    section("TCP, one stream of 3 s each")
    throughput(lab, ns)
    section("$ weft status")
    show(host.weft("status").stdout)
    section("$ weft monitor --count 2")
    load = lab.spawn("ping", "-f", "-w", "3", NAMES["vm2"], ns=ns["vm1"])
    show(host.weft("monitor", "--count", "2").stdout)
    lab.stop(load)
    section("$ weft stats")
    show(host.weft("stats").stdout)
    tagged = "ffffffffffff" + "00155d0000aa" + "81000005" + "0800" + "45000014" + "00" * 42
    section("Why does a frame die? vm1 sends one tagged with VLAN 5")
    show(host.weft("explain", "--from", "vm1", "--frame", tagged).stdout)
