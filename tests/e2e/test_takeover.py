# SPDX-License-Identifier: Apache-2.0
"""The host's own network: an interface taken over and given back, two adapters in one subnet, DHCP, DNS."""
import os
import shutil
import socket
import threading
import time

from case import Case, document, switch, tap
from weftlab import TOP, run, wait_until


class Talk:
    """A TCP connection from outside to the host's address that is asked and answered 200 times a second."""

    def __init__(self, lab, server_ns, client_ns, address):
        with lab.inside(server_ns):
            listener = socket.create_server((address, 7001))
        with lab.inside(client_ns):
            self.client = socket.create_connection((address, 7001), timeout=5)
        self.server = listener.accept()[0]
        listener.close()
        self.answers, self.error, self.going = [], None, True
        self.threads = [threading.Thread(target=f, daemon=True) for f in (self.serve, self.ask)]
        for t in self.threads:
            t.start()

    def serve(self):
        while data := self.server.recv(64):
            self.server.sendall(data)

    def ask(self):
        try:
            while self.going:
                self.client.sendall(b"x")
                if self.client.recv(64) != b"x":
                    raise OSError("the connection was closed")
                self.answers.append(time.monotonic())
                time.sleep(0.005)
        except OSError as e:
            self.error = e

    def stop(self):
        self.going = False
        self.threads[1].join()
        self.client.close()
        self.threads[0].join()
        self.server.close()
        return max(b - a for a, b in zip(self.answers, self.answers[1:]))


class Uplink(Case):
    """A host whose address is on the interface that becomes an uplink."""

    def world(self):
        self.guests("outside", "vm1")
        host = self.host()
        self.lab.veth("outside", "wire", "host", "eth1")
        for address in ("192.0.2.1/24", "203.0.113.1/24"):
            self.lab.address("outside", "wire", address)
        for address in ("192.0.2.10/24", "192.0.2.20/24", "2001:db8::10/64"):
            self.lab.address("host", "eth1", address)
        self.lab.ip("host", "route", "add", "default", "via", "192.0.2.1", "metric", "7")
        self.lab.ip("host", "route", "add", "198.51.100.0/24", "via", "192.0.2.1", "src", "192.0.2.20")
        self.lab.ip("host", "route", "add", "2001:db8:1::/48", "via", "2001:db8::1")
        self.lab.ip("host", "neigh", "add", "192.0.2.77", "lladdr", "02:00:00:00:00:77", "dev", "eth1")
        self.document = document([switch(kind="external", uplink="eth1")], [tap("vm1", "vm1")])
        return host

    def links(self, ns):
        return [link["ifname"] for link in self.lab.ip_json(ns, "link")]

    def network(self):
        """Addresses, routes and permanent neighbours, without what only counts or ages."""
        links = self.lab.ip_json("host", "addr")
        for a in (a for link in links for a in link["addr_info"]):
            a.pop("tentative", None)
        return {"links": [link for link in links if link["ifname"] != "lo"],
                "routes": self.lab.ip_json("host", "route"), "routes6": self.lab.ip_json("host", "-6", "route"),
                "rules": self.lab.ip_json("host", "rule"),
                "neighbours": [n for n in self.lab.ip_json("host", "neigh") if "PERMANENT" in n["state"]]}

    def restore(self, host):
        return self.lab.exec("host", self.lab.build / "hostd" / "weftd", "--state", host.dir / "state", "--socket",
                             host.socket, "--restore")

    def settle(self):
        """IPv6 has finished its duplicate address detection."""
        wait_until("addresses are no longer tentative",
                   lambda: "tentative" not in self.lab.ip("host", "addr").stdout)
        return self.network()

    def assertBack(self, before):
        wait_until("the network is as it was", lambda: self.network() == before, 3) if self.network() != before else 0
        self.assertEqual(self.network(), before)


class Takeover(Uplink):
    """Row A12."""

    def test_there_and_back_without_breaking_a_connection(self):
        host = self.world()
        before = self.settle()
        talk = Talk(self.lab, "host", "outside", "192.0.2.10")
        time.sleep(0.2)
        host.apply(self.document)
        time.sleep(0.5)
        there = {link["ifname"]: link for link in self.lab.ip_json("host", "addr")}
        self.assertEqual(there["eth1"]["addr_info"], [])
        self.assertEqual(there["lan"]["address"], before["links"][0]["address"])
        self.assertEqual({a["local"] for a in there["lan"]["addr_info"] if a["scope"] == "global"},
                         {"192.0.2.10", "192.0.2.20", "2001:db8::10"})
        routes = {r["dst"]: r for r in self.lab.ip_json("host", "route")}
        self.assertEqual([(routes[d]["dev"], routes[d]["gateway"]) for d in ("default", "198.51.100.0/24")],
                         [("lan", "192.0.2.1")] * 2)
        self.addresses(vm1="192.0.2.11/24")
        self.assertEqual(self.reach([("vm1", "192.0.2.10"), ("vm1", "192.0.2.1"), ("outside", "192.0.2.20")]),
                         [True] * 3)
        host.apply(document([]))
        time.sleep(0.3)
        gap = talk.stop()
        self.assertIsNone(talk.error)
        self.assertLess(gap, 1.0, "seconds of outage")
        self.assertBack(before)

    def test_not_confirmed_in_time_it_rolls_back(self):
        host = self.world()
        before = self.settle()
        host.apply(self.document, "--confirm-within", "1")
        self.assertEqual([link["ifname"] for link in self.network()["links"]], ["eth1", "lan"])
        wait_until("rolled back", lambda: not host.json("get").get("switches"), 4)
        self.assertBack(before)
        self.assertEqual(host.weft("confirm", check=False).returncode, 1)

    def test_confirmed_it_stays(self):
        host = self.world()
        host.apply(self.document, "--confirm-within", "1")
        host.weft("confirm")
        time.sleep(1.5)
        self.assertEqual([link["ifname"] for link in self.network()["links"]], ["eth1", "lan"])
        self.assertReaches("outside", "192.0.2.10")

    def test_killed_inside_the_window_it_rolls_back(self):
        host = self.world()
        before = self.settle()
        host.apply(self.document, "--confirm-within", "1")
        host.kill()
        wait_until("the guard rolled back", lambda: self.network() == before, 10)
        wait_until("the guest's tap is gone", lambda: self.links("vm1") == ["lo"])
        host.start()
        self.assertFalse(host.json("get").get("switches"))
        self.assertReaches("outside", "192.0.2.10")
        self.assertBack(before)

    def test_the_guard_leaves_taps_that_the_document_before_had(self):
        host = self.world()
        self.guests("vm2")
        host.apply(document([switch()], [tap("vm1", "vm1")]))
        index = self.lab.ip_json("vm1", "link", "show", "vm1")[0]["ifindex"]
        host.apply(document([switch()], [tap("vm1", "vm1"), tap("vm2", "vm2")]), "--confirm-within", "1")
        host.kill()
        wait_until("the new tap is gone", lambda: self.links("vm2") == ["lo"])
        self.assertEqual(self.lab.ip_json("vm1", "link", "show", "vm1")[0]["ifindex"], index)
        host.start()
        self.assertEqual([a["name"] for a in host.json("get")["adapters"]], ["vm1"])

    def test_killed_and_started_again_inside_the_window_it_rolls_back(self):
        host = self.world()
        before = self.settle()
        host.apply(self.document, "--confirm-within", "2")
        host.restart(9)
        self.assertReaches("outside", "192.0.2.10")
        wait_until("rolled back", lambda: not host.json("get").get("switches"), 6)
        self.assertBack(before)

    def test_killed_in_the_middle_of_it_the_host_is_reached_again(self):
        host = self.world()
        self.settle()
        for delay in (0.005, 0.015, 0.03, 0.06):
            change = threading.Thread(target=host.apply, args=(self.document,), kwargs={"check": False})
            change.start()
            time.sleep(delay)
            host.kill()
            change.join()
            host.start()
            self.assertReaches("outside", "192.0.2.10")
            carrier = [i["ifname"] for i in self.lab.ip_json("host", "addr") for a in i["addr_info"]
                       if a["local"] == "192.0.2.10"]
            self.assertEqual(carrier, ["lan"] if host.json("get").get("switches") else ["eth1"])
            host.apply(document([]))
            self.assertEqual([i["ifname"] for i in self.lab.ip_json("host", "link")], ["lo", "eth1"])
            self.assertReaches("outside", "192.0.2.10")

    def test_restore_gives_everything_back(self):
        host = self.world()
        before = self.settle()
        host.apply(self.document)
        host.kill(15)
        self.restore(host)
        self.assertBack(before)
        self.assertEqual(self.links("vm1"), ["lo"])
        host.start()  # and it can begin again
        self.assertReaches("outside", "192.0.2.10")

    def test_restore_within_the_window_drops_the_unconfirmed_change(self):
        host = self.world()
        before = self.settle()
        host.apply(document([switch("old")], [tap("vm1", "vm1", "old")]))
        host.apply(self.document, "--confirm-within", "60")
        host.kill()
        self.restore(host)
        self.assertBack(before)
        self.assertEqual(self.links("vm1"), ["lo"])
        host.start()
        self.assertEqual([s["name"] for s in host.json("get")["switches"]], ["old"])
        self.assertEqual(host.weft("confirm", check=False).returncode, 1)

    def test_firewall_rules_on_the_interface_are_warned_of(self):
        host = self.world()
        self.lab.exec("host", "nft", "add table inet t; add chain inet t c { type filter hook input priority 0; }; "
                      "add rule inet t c iifname eth1 tcp dport 22 accept")
        for more in (["--dry-run"], []):
            said = host.apply(self.document, *more).stdout
            self.assertIn("firewall rule", said)
            self.assertIn("chain c of table inet t names eth1", said)

    def test_somebody_who_gives_the_uplink_an_address_is_stopped(self):
        host = self.world()
        host.apply(self.document)
        self.lab.ip("host", "addr", "add", "192.0.2.99/24", "dev", "eth1")
        wait_until("it is off again", lambda: not self.lab.ip_json("host", "addr", "show", "eth1")[0]["addr_info"])
        self.assertReaches("outside", "192.0.2.10")


class StrongHost(Case):
    """SAN1 and SAN2 of the samples: two adapters in one subnet each answer for and send from their own address."""

    def test_two_adapters_in_one_subnet(self):
        self.guests("outside")
        host = self.host()
        for i in (1, 2):
            self.lab.veth("outside", f"wire{i}", "host", f"eth{i}")
        # The two paths meet outside: the kernel's bridge is one LAN behind both wires.
        self.lab.ip("outside", "link", "add", "lan0", "type", "bridge")
        for i in (1, 2):
            self.lab.ip("outside", "link", "set", f"wire{i}", "master", "lan0")
        self.lab.address("outside", "lan0", "10.10.0.1/16")
        no_host = {"allow-management-os": False}
        host.apply(document(
            [switch(f"san{i}", "external", uplink=f"eth{i}", **no_host) for i in (1, 2)],
            [{"name": f"SAN{i}", "owner": "host", "switch": f"san{i}", "addresses": [f"10.10.6.21{i}/16"]}
             for i in (1, 2)]))
        mac = {i: self.lab.mac("host", f"SAN{i}") for i in (1, 2)}
        seen = {i: self.lab.wire("outside", f"wire{i}") for i in (1, 2)}
        for i in (1, 2):
            self.lab.ip("outside", "neigh", "flush", "all")
            self.assertReaches("outside", f"10.10.6.21{i}", 3)
            neighbours = {n["dst"]: n["lladdr"] for n in self.lab.ip_json("outside", "neigh") if "lladdr" in n}
            self.assertEqual(neighbours[f"10.10.6.21{i}"], mac[i])
            self.lab.exec("host", "ping", "-c1", "-W2", "-I", f"10.10.6.21{i}", "10.10.0.1")
        for i, sock in seen.items():
            sock.settimeout(0.1)
            sources = set()
            while True:
                try:
                    data, where = sock.recvfrom(256)
                except socket.timeout:
                    break
                if where[2] != socket.PACKET_OUTGOING and data[12:14] == b"\x08\x00":
                    sources.add((data[6:12].hex(":"), socket.inet_ntoa(data[26:30])))
            self.assertEqual(sources, {(mac[i], f"10.10.6.21{i}")})
        host.apply(document([]))
        self.assertEqual(self.lab.ip("host", "rule").stdout.count("lookup"), 3)


class Crashes(Uplink):
    """Killed at any moment of an apply, weftd leaves nothing that --restore or the next weftd does not put right."""
    MOMENTS = int(os.environ.get("WEFT_CRASH_MOMENTS", "7"))  # of some hundred

    def setUp(self):
        super().setUp()
        self.killer = self.lab.dir / "crash.so"
        self.moment = self.lab.dir / "crash"
        run("cc", "-shared", "-fPIC", "-O1", "-o", self.killer, TOP / "tests/e2e/crash.c")

    def traces(self):
        """All that weft may leave on a host."""
        network = self.network()
        # fe80::/64 is on both, in the order in which they spoke last, which means nothing.
        network["routes6"].sort(key=lambda r: (r["dst"], r["dev"]))
        return {**network, "guest": self.links("vm1"), "resolv": (self.lab.dir / "resolv.conf").read_text(),
                "tc": {d: self.lab.exec("host", "tc", *what, "show", "dev", d).stdout for d in ("eth1", "eth2")
                       for what in (["qdisc"], ["filter"])},
                "silent": [self.lab.exec("host", "cat", f"/proc/sys/net/ipv6/conf/{d}/disable_ipv6").stdout
                           for d in ("eth1", "eth2")]}

    def apply_until(self, host, moment):
        """Killed at that moment; 0: behind the last. How many moments there were."""
        shutil.rmtree(host.dir / "state", ignore_errors=True)
        self.moment.unlink(missing_ok=True)
        host.start(env={**os.environ, "LD_PRELOAD": str(self.killer), "WEFT_CRASH": str(self.moment)})
        self.moment.write_text(str(moment))
        host.apply(self.document, check=not moment)
        host.kill()
        self.moment.unlink()
        return int(self.moment.with_suffix(".count").read_text())

    def check(self, heal):
        host = self.world()
        self.lab.veth("outside", "wire2", "host", "eth2")
        self.lab.address("host", "eth2", "2001:db8:2::1/64")
        self.document["adapters"] += [{"name": "container", "switch": "lan", "attach": {"interface": "eth2"}},
                                      {"name": "mine", "owner": "host", "switch": "lan",
                                       "addresses": ["198.51.100.9/32"], "dns": ["192.0.2.53"]}]
        for dev in ("eth1", "eth2"):  # saves a second and a half each time
            self.lab.exec("host", "sysctl", "-qw", f"net.ipv6.conf.{dev}.accept_dad=0")
        host.kill(15)
        self.settle()
        before = self.traces()
        last = self.apply_until(host, 0)
        self.assertGreater(last, self.MOMENTS)
        moments = [0] + [1 + i * last // self.MOMENTS for i in range(self.MOMENTS)]
        for moment in moments:
            with self.subTest(moment=moment, of=last):
                if moment:
                    self.apply_until(host, moment)
                heal(host)
                if self.traces() != before:
                    self.settle()
                self.assertEqual(self.traces(), before)

    def test_restore_leaves_no_trace(self):
        self.check(self.restore)

    def test_the_next_weftd_leaves_no_trace(self):
        def heal(host):
            host.start()
            host.apply(document([]))
            host.kill(15)
        self.check(heal)


class Dhcp(Case):
    def test_an_adapter_gets_its_address_and_dns_by_dhcp(self):
        host = self.host()
        self.guests("server")
        host.apply(document([switch()], [tap("server", "server")]))
        self.addresses(server="192.0.2.1/24")
        self.lab.spawn("dnsmasq", "-k", "-C", "/dev/null", "--port=0", "-i", "server", "--bind-interfaces",
                       "--dhcp-range=192.0.2.100,192.0.2.110,2m", "--dhcp-option=3,192.0.2.1",
                       "--dhcp-option=6,192.0.2.53", f"--dhcp-leasefile={self.lab.dir}/leases",
                       "--dhcp-authoritative", ns="server")
        resolv = self.lab.dir / "resolv.conf"
        before = resolv.read_text()
        host.apply(document([switch()], [tap("server", "server"),
                                         {"name": "mine", "owner": "host", "switch": "lan", "addresses": ["dhcp"]}]))

        def address():
            found = [a["local"] for a in self.lab.ip_json("host", "addr", "show", "mine")[0]["addr_info"]
                     if a["family"] == "inet"]
            return found[0] if found else None
        first = wait_until("a lease", address, 15)
        self.assertTrue(first.startswith("192.0.2.1"), first)
        self.assertReaches("server", first)
        wait_until("the default route", lambda: self.lab.ip_json("host", "route", "show", "default"))
        wait_until("the name server", lambda: "nameserver 192.0.2.53" in resolv.read_text())
        self.assertTrue(resolv.read_text().endswith(before))
        host.restart(9)
        self.assertEqual(address(), first)
        self.assertReaches("server", first)
        host.apply(document([switch()], [tap("server", "server")]))
        self.assertEqual(resolv.read_text(), before)
        self.assertEqual([i["ifname"] for i in self.lab.ip_json("host", "link")], ["lo"])

    def test_dns_of_the_document_stands_in_a_block_of_its_own(self):
        host = self.host()
        resolv = self.lab.dir / "resolv.conf"
        before = resolv.read_text()
        mine = {"name": "mine", "owner": "host", "switch": "lan", "addresses": ["192.0.2.1/24"], "dns": ["192.0.2.53"]}
        host.apply(document([switch()], [mine]))
        self.assertIn("nameserver 192.0.2.53", resolv.read_text())
        self.assertTrue(resolv.read_text().endswith(before))
        resolv.write_text(resolv.read_text() + "options ndots:2\n")
        host.apply(document([switch()], [{**mine, "dns": ["192.0.2.54"]}]))
        self.assertNotIn("192.0.2.53", resolv.read_text())
        host.apply(document([switch()]))
        self.assertEqual(resolv.read_text(), before + "options ndots:2\n")

    def test_name_servers_that_could_not_be_set_are_tried_again(self):
        host = self.host()
        resolv = self.lab.dir / "resolv.conf"
        resolv.write_text("#" * (2 << 20))  # longer than any such file is
        mine = {"name": "mine", "owner": "host", "switch": "lan", "addresses": ["192.0.2.1/24"], "dns": ["192.0.2.53"]}
        host.apply(document([switch()], [mine]))
        self.assertIn("name servers", str(host.adapter("mine")["not-enforced"]))
        resolv.write_text("")
        self.lab.ip("host", "addr", "add", "192.0.2.9/24", "dev", "mine")  # somebody changes something: weftd looks
        wait_until("the name server", lambda: "nameserver 192.0.2.53" in resolv.read_text())
        self.assertEqual(host.adapter("mine")["not-enforced"], [])
