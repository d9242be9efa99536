# SPDX-License-Identifier: Apache-2.0
"""The demo's second part: two hosts with a wire between, and two tenants with the same addresses and MAC addresses."""
import socket

from relay import Relay
from stage import Step, cell, part, section, show
from weftlab import TOP, Host, Lab, LabError, wait_until

EXAMPLES = TOP / "docs" / "examples"
# Namespace and tap: who it is, on which host, its address. Where two rows are alike their MAC addresses are, too.
GUESTS = {
    "cweb": ("contoso", 1, "10.0.0.5"), "capp": ("contoso", 2, "10.0.0.6"), "cdb": ("contoso", 2, "10.0.1.7"),
    "fweb": ("fabrikam", 1, "10.0.0.5"), "fapp": ("fabrikam", 2, "10.0.0.6"),
}
FIELDS = ["ip.src", "ip.dst", "gre.flags_and_version", "gre.proto", "gre.key", "eth.dst", "_ws.col.Info"]


def two_hosts(build):
    # Apart from the machine's own namespaces, so that the documents need not be changed.
    with Lab(build, private=True) as lab:
        play(lab)


def build_world(lab):
    for name in GUESTS:
        lab.netns(name)
    nodes = [Host(lab, "node1"), Host(lab, "node2")]
    return nodes, Relay(lab, *(n.ns for n in nodes))


def give_addresses(lab):
    for name, (_, _, address) in GUESTS.items():
        lab.address(name, name, address + "/24")
        lab.ip(name, "route", "add", "default", "via", address.rpartition(".")[0] + ".1")


class Listeners:
    """Which guests get an echo request with somebody's mark in it."""

    def __init__(self, lab):
        self.socks = {name: lab.wire(name, name) for name in GUESTS}

    def who_hears(self, mark):
        heard = set()
        for name, sock in self.socks.items():
            sock.setblocking(False)
            try:
                while True:
                    data, where = sock.recvfrom(2048)
                    request = len(data) > 34 and data[23] == socket.IPPROTO_ICMP and data[34] == 8
                    if where[2] != socket.PACKET_OUTGOING and request and mark in data:
                        heard.add(name)
            except BlockingIOError:
                pass
        return heard


def reachability(lab):
    """Each guest pings every address that there is, with a mark of its own; a row says who got it."""
    ears = Listeners(lab)
    addresses = sorted({address for _, _, address in GUESTS.values()})
    print(f"   {'':>16}" + "".join(f"{name:>10}" for name in GUESTS))
    print(f"   {'':>16}" + "".join(f"{GUESTS[name][2]:>10}" for name in GUESTS))
    wrong = []
    for n, (name, (tenant, _, own)) in enumerate(GUESTS.items()):
        mark = bytes([0xa0 + n]) * 4
        heard, answered = set(), set()
        for address in addresses:
            if address == own:
                continue
            done = lab.exec(name, "ping", "-n", "-c1", "-W1", "-p", mark.hex(), address, check=False)
            if "1 received" in done.stdout:
                answered.add(address)
        heard = ears.who_hears(mark)
        row = f"   {name:>6} {tenant:>9}"
        for to, (of, _, address) in GUESTS.items():
            reached = to in heard and address in answered
            row += cell("." if to == name or to not in heard and of != tenant else "ok" if reached and of == tenant else "no")
            if to != name and (to in heard) != (of == tenant):
                wrong.append(f"{name} and {to}")
        print(row)
    print("   ok: reached and answered; a dot: not a frame of it was seen there")
    if wrong:
        raise LabError(f"not as tenants should: {', '.join(wrong)}")


def decoded(wire):
    """Frames as tshark decodes them, one line each, and one in full."""
    seen = set()
    print(f"   {'provider addresses':32}{'GRE':16}{'VSID':>6}{'FlowID':>8}   inside")
    for row in wire.seen("gre && icmp.type == 8", *FIELDS):
        outer, to, flags, proto, key, _, info = (row[0].split(",")[0], row[1].split(",")[0], *row[2:])
        vsid, flow = int(key, 16) >> 8, int(key, 16) & 0xff
        inside = f"{row[0].split(',')[1]} -> {row[1].split(',')[1]} at {row[5].split(',')[1]}"
        if (vsid, inside) not in seen:
            seen.add((vsid, inside))
            print(f"   {outer} -> {to:16}{flags} {proto:9}{vsid:>6}    0x{flow:02x}   {inside}   {info.split('  ')[0]}")
    print()
    full = wire.text("gre && icmp.type == 8", "-O", "gre", "-c", "100")
    show("\n".join(full[:full.index("")]))


def request(node, name):
    """A ping of cweb's to capp, as hexadecimal digits."""
    ip = bytes.fromhex("450000540000400040012694") + socket.inet_aton("10.0.0.5") + socket.inet_aton("10.0.0.6")
    return (bytes.fromhex("00155d000006" "00155d000005" "0800") + ip + bytes.fromhex("0800f7ff00000000") + bytes(56)).hex()


def play(lab):
    part("Two hosts: two tenants with the same addresses and the same MAC addresses")
    with Step("two hosts, a wire, five guests of two tenants"):
        nodes, wire = build_world(lab)
    with Step("starting weftd on both"):
        for node in nodes:
            node.start()
    for i, node in enumerate(nodes, 1):
        file = EXAMPLES / f"tenants-node{i}.yaml"
        section(f"node{i}$ weft apply {file.relative_to(TOP)}")
        if i == 1:
            show("\n".join(file.read_text().splitlines()[1:]))
            print()
        show(node.weft("apply", file).stdout)
    give_addresses(lab)
    with Step("\nwaiting until the provider addresses have found each other"):
        wait_until("capp answers", lambda: lab.pings("cweb", "10.0.0.6", wait=0.3))
        wait_until("fapp answers", lambda: lab.pings("fweb", "10.0.0.6", wait=0.3))

    section("Who reaches whom (each pings 10.0.0.5, 10.0.0.6 and 10.0.1.7; rows send, columns hear)")
    reachability(lab)
    section("What went over the wire, as tshark decodes it")
    decoded(wire)
    section("The host itself knows nothing of provider addresses: node1$ ip -br addr; ip route")
    show(lab.ip(nodes[0].ns, "-br", "addr").stdout + (lab.ip(nodes[0].ns, "route").stdout or "(no route)"))
    section("TCP across the hosts, one stream of 3 s")
    rate = lab.iperf("capp", "cweb", "10.0.0.6", 3)
    print(f"   {'cweb':>8} -> {'capp':<8} {rate / 1e9:6.1f} Gbit/s   (over the demo's own recording wire, at 1500 bytes)")
    section("node1$ weft next-hop --vsid 5001 --from 10.0.0.5 --to 10.0.1.7")
    show(nodes[0].weft("next-hop", "--vsid", "5001", "--from", "10.0.0.5", "--to", "10.0.1.7").stdout)
    section("node1$ weft explain --from c-web --frame ... --follow node2")
    show(nodes[0].weft("explain", "--from", "c-web", "--frame", request(nodes[0], "cweb"), "--follow", nodes[1].socket).stdout)
    section("node1$ weft stats adapter")
    show(nodes[0].weft("stats", "adapter").stdout)
