# SPDX-License-Identifier: Apache-2.0
"""The demo's third part: a guest goes from host to host while somebody talks to it."""
import re

from stage import Step, paint, part, section, show
from tenants import Fabric, Guest, Machine, Numbered, pa
from weftlab import Lab, LabError, wait_until

RATE = 2000
MOVES = 10


def moving(build):
    with Lab(build, private=True) as lab:
        play(lab)


def build_world(lab):
    fabric = Fabric(lab, [Guest("client", 3, 5001, 9)], nodes=3).up()
    web = Machine(fabric, "web", 1).begin()
    wait_until("web answers", lambda: lab.pings("client", web.addresses[0], wait=0.3))
    return fabric, web


def step(fabric, node, text, run):
    """One command as a person would type it, and what it says."""
    section(f"node{node}$ {text}")
    show(run().stdout)


def one_move(fabric, web):
    """From node1 to node2, step by step."""
    step(fabric, 2, "weft move prepare web --from node1.yaml --attach '{tap: web-2, netns: web}'", lambda: web.prepare(2))
    section("node2$ weft move status")
    show(fabric.nodes[1].weft("move", "status").stdout)
    step(fabric, 2, f"weft move activate web --to {pa(2)}", lambda: web.activate(2, 2))
    web.run_on(2)
    print("   (the guest's machine now runs on node2, and sends from there)")
    step(fabric, 1, f"weft move activate web --to {pa(2)}", lambda: web.activate(1, 2))
    section("node1$ weft move status")
    show(fabric.nodes[0].weft("move", "status").stdout)


def on_the_wire(fabric, web):
    """Where the client's packets went, in their order, one line a change; and what the old host said."""
    rows = fabric.wire.seen(f"gre && ((udp && ip.dst == {web}) || icmp.type == 5)", "frame.time_relative", "ip.src", "ip.dst",
                            "icmp.type", "icmp.redir_gw")
    before, since = None, 0
    for time, source, to, icmp, gateway in rows:
        outer = f"{source.split(',')[0]} -> {to.split(',')[0]}"
        what = f"to {web}" if not icmp else f"REDIRECT: {web} is at {gateway}"
        if (outer, what) != before:
            if since:
                print(f"   {'':10}   ... {since} more")
            print(f"   {float(time):8.3f} s   {outer}   {paint('33', what) if icmp else what}")
            before, since = (outer, what), -1
        since += 1
    print(f"   {'':10}   ... {since} more")
    full = fabric.wire.text("icmp.type == 5", "-O", "gre,icmp")
    if not full:
        raise LabError("nobody was redirected")
    print()
    end = next(i for i, line in enumerate(full) if "Gateway Address" in line)  # what it quotes comes behind
    show("\n".join(line for line in full[:end + 1] if " = " not in line))


def account(stream):
    print(f"   {stream.sent} datagrams: {stream.lost} lost, {stream.doubled} doubled; the longest pause was {stream.gap * 1000:.0f} ms")
    if stream.lost or stream.doubled:
        raise LabError("a move costs no datagram")


def play(lab):
    part("Three hosts: a guest is moved from one to the other while somebody talks to it")
    with Step("three hosts, a client on node3, a guest `web` on node1"):
        fabric, web = build_world(lab)
    section("node1$ weft move status")
    show(fabric.nodes[0].weft("move", "status").stdout)
    print(f"\n   The client on node3 sends {RATE} datagrams a second to web, through all that follows.")
    stream = Numbered(lab, "client", "web", web.addresses[0], RATE)
    one_move(fabric, web)
    step(fabric, 3, f"weft move activate --virtual-subnet-id 5001 --mac-address {web.mac} --to {pa(2)}", lambda: web.lead(3, 2))
    step(fabric, 1, "weft move retire web", lambda: web.retire(1))
    stream.stop()
    section("What came of it")
    account(stream)
    section("What went over the wire, by tshark: where node3 sent the client's packets, and where they went from there")
    on_the_wire(fabric, web.addresses[0])
    section("node2$ weft events")
    show("\n".join(re.sub(r"^(\S+ \S+) +\d+ +", r"\1  ", line) for line in fabric.nodes[1].weft("events").stdout.splitlines()[-3:]))
    section(f"{MOVES} moves in a row, around three hosts")
    stream = Numbered(lab, "client", "web", web.addresses[0], RATE)
    with Step("moving"):
        for _ in range(MOVES):
            web.move(web.node % 3 + 1)
    account(stream.stop())
