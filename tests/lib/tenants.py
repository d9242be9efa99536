# SPDX-License-Identifier: Apache-2.0
"""Tenants on several hosts: documents for each host, its weftd, the guests in namespaces and the wire between.

The usual ones are those of docs/examples/tenants-node1.yaml: Contoso with two subnets, Fabrikam with one that has
the same addresses and the same MAC addresses.
"""
import copy
import json
import subprocess
import time
from dataclasses import dataclass, field

from relay import Relay
from weftlab import Host, wait_until

CONTOSO, FABRIKAM = "{11111111-2222-3333-4444-000000005001}", "{11111111-2222-3333-4444-000000006001}"
PREFIXES = {5001: ["10.0.0.0/24", "fd00:0:0:1::/64"], 5002: ["10.0.1.0/24", "fd00:0:0:2::/64"],
            6001: ["10.0.0.0/24", "fd00:0:0:1::/64"]}
DOMAINS = {"contoso": (CONTOSO, [5001, 5002]), "fabrikam": (FABRIKAM, [6001])}
GATEWAYS = {vsid: [p.split("/")[0].removesuffix(".0").removesuffix("::") + (".1" if "." in p else "::1") for p in prefixes]
            for vsid, prefixes in PREFIXES.items()}


@dataclass
class Guest:
    """One of a tenant's machines: a namespace with a tap, both called `name`."""
    name: str
    node: int  # from 1
    vsid: int
    last: int  # of its addresses and of its MAC address
    addresses: list = field(default_factory=list)  # with prefix lengths
    record: dict = field(default_factory=dict)  # more keys of its lookup records
    adapter: dict = field(default_factory=dict)  # more keys of its adapter

    def __post_init__(self):
        if not self.addresses:
            self.addresses = [p.replace("0/24", f"{self.last}/24").replace("/64", f"{self.last}/64")
                              for p in PREFIXES[self.vsid]]

    @property
    def mac(self):
        return f"00:15:5d:00:00:{self.last:02x}"

    @property
    def ca(self):
        return self.addresses[0].split("/")[0]

    @property
    def ca6(self):
        return self.addresses[1].split("/")[0]

    @property
    def domain(self):
        return next(name for name, (_, vsids) in DOMAINS.items() if self.vsid in vsids)


def usual_guests():
    return [Guest("cweb", 1, 5001, 5), Guest("fweb", 1, 6001, 5), Guest("capp", 2, 5001, 6), Guest("cdb", 2, 5002, 7),
            Guest("fapp", 2, 6001, 6)]


def pa(node, family=4):
    """A node's provider address."""
    return f"198.51.100.{10 + node}" if family == 4 else f"2001:db8:100::{10 + node}"


class Fabric:
    """Nodes with a weftd each and their guests. `v6`: guests have IPv6 addresses too; `family`: of the provider's."""

    def __init__(self, lab, guests=None, nodes=2, v6=False, family=4, mtu=None, options=(), wire=True, pcap=True, **record):
        self.lab, self.v6, self.family, self.record = lab, v6, family, record
        self.guests = usual_guests() if guests is None else guests
        self.guest = {g.name: g for g in self.guests}
        self.nodes = [Host(lab, f"node{i + 1}", *options) for i in range(nodes)]
        self.ns = {g.name: lab.netns(g.name) for g in self.guests}
        self.wire = Relay(lab, *(n.ns for n in self.nodes), mtu=mtu, pcap=pcap) if wire else None
        self.documents = {}

    def domains(self):
        """Routing domains as the document has them."""
        def prefixes(vsid):
            both = PREFIXES[vsid]
            return both if self.v6 else both[0]
        return [{"id": rdid, "name": name, "virtual-subnets": [{"id": v, "prefix": prefixes(v)} for v in vsids]}
                for name, (rdid, vsids) in DOMAINS.items()]

    def records(self):
        return [{"virtual-subnet-id": g.vsid, "customer-address": a.split("/")[0], "mac-address": g.mac,
                 "provider-address": pa(g.node, self.family), **self.record, **g.record}
                for g in self.guests for a in self.addresses_of(g)]

    def addresses_of(self, guest):
        return guest.addresses if self.v6 else guest.addresses[:1]

    def document(self, node, **more):
        """One node's; `more` keys replace whole lists."""
        length = 24 if self.family == 4 else 64
        return copy.deepcopy({
            "host": {"name": f"node{node}"},
            "switches": [{"name": "fabric", "type": "external", "uplink": "eth1", "allow-management-os": False}],
            "provider-addresses": [{"switch": "fabric", "address": f"{pa(node, self.family)}/{length}"}],
            "routing-domains": self.domains(),
            "adapters": [{"name": g.name, "owner": "vm", "switch": "fabric", "mac-address": g.mac,
                          "virtual-subnet-id": g.vsid, "attach": {"tap": g.name, "netns": self.ns[g.name]}, **g.adapter}
                         for g in self.guests if g.node == node],
            "lookup-records": self.records(), **more})

    def apply(self, node, **more):
        self.documents[node] = self.document(node, **more)
        return self.nodes[node - 1].apply(self.documents[node])

    def up(self, **more):
        """Everything runs and everybody knows the way."""
        for n in self.nodes:
            n.start()
        for i in range(len(self.nodes)):
            self.apply(i + 1, **more)
        self.address_guests()
        self.warm()
        return self

    def address_guests(self):
        for g in self.guests:
            ns = self.ns[g.name]
            for i, a in enumerate(self.addresses_of(g)):
                self.lab.address(ns, g.name, a)
                self.lab.ip(ns, "route", "replace", "default", "via", GATEWAYS[g.vsid][i])

    def neighbours(self, name, family=4):
        """The other guests of the same tenant, with the address to call them by."""
        g = self.guest[name]
        return [(o.name, o.ca if family == 4 else o.ca6) for o in self.guests if o.domain == g.domain and o is not g]

    def warm(self):
        """Waits until each guest with somebody to talk to on another node gets an answer: the PAs are resolved."""
        for g in self.guests:
            far = next((o for o in self.guests if o.domain == g.domain and o.node != g.node), None)
            if far:
                wait_until(f"{far.name} answers {g.name}", lambda: self.lab.pings(self.ns[g.name], far.ca, wait=0.3))

    def total(self):
        return [n.json("stats")["total"] for n in self.nodes]

    def drops(self, name):
        """By reason, of a guest's adapter; wire:N is node N's uplink."""
        if name.startswith("wire:"):
            return self.nodes[int(name[5:]) - 1].drops("wire:fabric")
        return self.nodes[self.guest[name].node - 1].drops(name)

    def explain(self, name, frame, *more):
        node = self.nodes[self.guest[name].node - 1]
        return node.weft("explain", "--from", name, "--frame", frame, *more).stdout


class Machine:
    """A guest that moves from host to host. What a virtual machine's memory is to its adapters is one namespace here: it
    has the taps of all hosts, hears by each of them, and sends by that of the host where it runs."""

    def __init__(self, fabric, name, node, vsid=5001, last=5, addresses=None):
        self.fabric, self.lab, self.name, self.node, self.vsid = fabric, fabric.lab, name, node, vsid
        self.addresses = addresses or [f"10.0.0.{last}"]
        self.mac = f"00:15:5d:00:00:{last:02x}"
        self.ns = self.lab.netns(name)
        self.lab.exec(self.ns, "sh", "-c", "cd /proc/sys/net; echo 0 | tee ipv4/conf/*/rp_filter; echo 1 > ipv6/conf/default/disable_ipv6")
        for a in self.addresses:
            self.lab.ip(self.ns, "addr", "add", f"{a}/32", "dev", "lo")

    def tap(self, node):
        return f"{self.name}-{node}"

    def attach(self, node):
        return {"tap": self.tap(node), "netns": self.ns}

    def adapter(self, node, **more):
        return {"name": self.name, "owner": "vm", "switch": "fabric", "mac-address": self.mac,
                "virtual-subnet-id": self.vsid, "attach": self.attach(node), **more}

    def records(self, addresses=None):
        """They lead to the node where it runs."""
        return [{"virtual-subnet-id": self.vsid, "customer-address": a, "mac-address": self.mac,
                 "provider-address": pa(self.node)} for a in addresses or self.addresses]

    def plug(self, node):
        """The tap is there: the guest's end of it comes up."""
        self.lab.ip(self.ns, "link", "set", self.tap(node), "up")

    def run_on(self, node):
        """It sends by that host from now on."""
        lines = [f"route replace 10.0.0.0/24 dev {self.tap(node)} src {self.addresses[0]}",
                 f"route replace default via 10.0.0.1 dev {self.tap(node)} onlink src {self.addresses[0]}"]
        self.lab.ip(self.ns, "-batch", "-", input="\n".join(lines))
        self.node = node

    def begin(self, **more):
        """It is on its first host; the others know that, by their documents."""
        f = self.fabric
        for i, host in enumerate(f.nodes, 1):
            document = host.json("get")
            document["lookup-records"] = document.get("lookup-records", []) + self.records()
            if i == self.node:
                document["adapters"] = document.get("adapters", []) + [self.adapter(i, **more)]
            host.apply(document)
        self.plug(self.node)
        self.run_on(self.node)
        return self

    # The steps of a move, in their order.

    def prepare(self, to, *more, check=True, document=None):
        source = document or self.fabric.nodes[self.node - 1].weft("get", "-o", "yaml").stdout
        done = self.fabric.nodes[to - 1].weft("move", "prepare", self.name, "--from", "-", "--attach",
                                              json.dumps(self.attach(to)), *more, input=source, check=check)
        if done.returncode == 0 and "--dry-run" not in more:
            self.plug(to)
        return done

    def activate(self, on, to, check=True):
        """On a host with its adapter."""
        return self.fabric.nodes[on - 1].weft("move", "activate", self.name, "--to", pa(to), check=check)

    def lead(self, on, to, check=True):
        """On a host without."""
        return self.fabric.nodes[on - 1].weft("move", "activate", "--virtual-subnet-id", self.vsid, "--mac-address",
                                              self.mac, "--to", pa(to), check=check)

    def retire(self, on, check=True):
        return self.fabric.nodes[on - 1].weft("move", "retire", self.name, check=check)

    def others(self, *but):
        return [i for i in range(1, len(self.fabric.nodes) + 1) if i not in but]

    def move(self, to, tell=True):
        """All of it. tell: the hosts that have no part in it are told, too."""
        old = self.node
        self.prepare(to)
        self.activate(to, to)
        self.run_on(to)
        self.activate(old, to)
        for i in self.others(old, to) if tell else ():
            self.lead(i, to)
        self.retire(old)

    def state(self, node):
        """As that host sees it; None: it has no adapter."""
        found = [a for a in self.fabric.nodes[node - 1].json("move", "status") if a["adapter"] == self.name]
        return found[0]["state"] if found else None


class Numbered:
    """Datagrams to an address at a steady rate. After stop(): `sent`, `lost`, `doubled`, and the longest `gap` in s."""

    def __init__(self, lab, ns_from, ns_to, address, rate, port=7000):
        program = lab.build / "tests/lib/numbered"
        self.lab = lab
        self.receiver = self.start(ns_to, program, "receive", address, port)
        self.receiver.stdout.readline()
        self.sender = self.start(ns_from, program, "send", address, port, rate)

    def start(self, ns, *argv):
        p = subprocess.Popen(self.lab.argv(argv, ns), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.lab.processes.append(p)
        return p

    def stop(self):
        self.sent = json.loads(self.sender.communicate()[0])["sent"]
        time.sleep(0.5)  # for what is on its way
        told = json.loads(self.receiver.communicate()[0])
        self.lost, self.doubled, self.gap = self.sent - told["distinct"], told["doubled"], told["gap-us"] / 1e6
        return self
