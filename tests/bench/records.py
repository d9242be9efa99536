# SPDX-License-Identifier: Apache-2.0
"""Lookup records at scale: how long a million take, how long one, and what changes cost those who talk meanwhile."""
import http.client
import ipaddress
import json
import socket
import statistics
import threading
import time

from contenders import CA_GUEST, LINES, MAC_GUEST, MAC_PEER, PA_SWITCH, PA_WIRE, VSID, WeftTunnel
from weftlab import Host, LabError

MILLION = 1000000
CHANGES, BATCH = 1000, 50  # a second; in one request
CALLS = 1000  # single changes that are timed
CA_CHANGED = "10.128.0.0"  # nobody whom the generator talks to


class Api(http.client.HTTPConnection):
    """One connection to weftd's socket, so that what is timed is a request and no process."""

    def __init__(self, host):
        super().__init__("weft", timeout=60)
        self.path = host.socket

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self.path))

    def ask(self, method, path, body):
        self.request(method, path, body)
        answer = self.getresponse()
        text = answer.read()
        if answer.status >= 300:
            raise LabError(f"{method} {path}: {answer.status} {text[:300]}")
        return json.loads(text) if text else None


def lines(first, n, op=""):
    """Records as the API takes many of them."""
    begin = int(ipaddress.ip_address(first))
    return "".join(f'{{{op}"virtual-subnet-id":{VSID},"customer-address":"{ipaddress.ip_address(begin + i)}",'
                   f'"mac-address":"{MAC_PEER}","provider-address":"{PA_WIRE}"}}\n' for i in range(n))


def holder(lab):
    """A host that will hold them."""
    host = Host(lab, "weft")
    lab.veth(host.ns, "eth1", lab.netns("nobody"), "wire")
    host.start().apply({
        "host": {"name": "bench"},
        "switches": [{"name": "fabric", "type": "external", "uplink": "eth1", "allow-management-os": False}],
        "provider-addresses": [{"switch": "fabric", "address": PA_SWITCH + "/24"}],
        "routing-domains": [{"id": "{11111111-2222-3333-4444-000000005001}",
                             "virtual-subnets": [{"id": VSID, "prefix": "10.0.0.0/8"}]}],
        "adapters": [{"name": "vm", "switch": "fabric", "virtual-subnet-id": VSID, "attach": {"tap": "tap0"},
                      "mac-address": MAC_GUEST}],
        "lookup-records": [{"virtual-subnet-id": VSID, "customer-address": CA_GUEST, "mac-address": MAC_GUEST,
                            "provider-address": PA_SWITCH}]})
    return Api(host)


def fill(api):
    """The requests are written before the clock starts. Returns seconds."""
    first = int(ipaddress.ip_address(CA_CHANGED))
    bodies = [lines(ipaddress.ip_address(first + i), LINES) for i in range(0, MILLION, LINES)]
    begin = time.monotonic()
    n = sum(api.ask("POST", "/v1/lookup-records", body)["set"] for body in bodies)
    took = time.monotonic() - begin
    if n != MILLION:
        raise LabError(f"{n} records instead of a million")
    return took


def load(lab, _seconds):
    return {"ms": fill(holder(lab)) * 1000}


def change(lab, _seconds):
    """A call beside a million others: what it changes is in force when it returns (tests/e2e, Changes)."""
    api, took = holder(lab), []
    fill(api)
    body = {"mac-address": MAC_PEER, "provider-address": PA_WIRE}
    for i in range(CALLS):
        body["mac-address"] = f"00:15:5d:00:01:{i % 256:02x}"
        begin = time.monotonic()
        api.ask("PUT", f"/v1/lookup-records/default/{VSID}/10.128.{i % 200}.7", json.dumps(body))
        took.append(time.monotonic() - begin)
    return {"ms": statistics.median(took) * 1000}


class WeftTunnelChanging(WeftTunnel):
    """A guest and its tunnel, while records of others come and go."""

    def begin(self):
        super().begin()
        self.stopping, self.changed, self.began = threading.Event(), 0, time.monotonic()
        self.thread = threading.Thread(target=self.change, daemon=True)
        self.thread.start()

    def change(self):
        api, bodies = Api(self.host), [lines(CA_CHANGED, BATCH), lines(CA_CHANGED, BATCH, '"op":"remove",')]
        while not self.stopping.wait(max(0, self.began + self.changed / CHANGES - time.monotonic())):
            api.ask("POST", "/v1/lookup-records", bodies[self.changed // BATCH % 2])
            self.changed += BATCH

    def end(self):
        took = time.monotonic() - self.began
        self.stopping.set()
        self.thread.join()
        if self.changed < 0.9 * CHANGES * took:
            raise LabError(f"{self.changed / took:.0f} changes a second instead of {CHANGES}")
        return super().end()
