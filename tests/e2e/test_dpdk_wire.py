# SPDX-License-Identifier: Apache-2.0
"""An uplink that is a DPDK device or a vhost-user socket, against testpmd and the kernel: both roles, peers that die and return, queues."""
import time

from case import Case, document, switch, tap
from weftlab import wait_until


class DpdkWire(Case):
    def uplink(self, device, *options, wait=True):
        """A host whose switch has the device as its uplink, and vm1 (192.0.2.1) on it."""
        host = self.host(*options)
        self.guests("vm1")
        self.document = document([switch("ext", "external", uplink={"dpdk": device}, **{"allow-management-os": False})],
                                 [tap("vm1", "vm1", "ext")])
        if wait:
            self.take(host)
        return host

    def take(self, host):
        host.apply(self.document)
        self.addresses(vm1="192.0.2.1/24")

    def peer_start(self, host, vdev):
        """Answers ARP and echo requests for any address."""
        return self.lab.spawn("dpdk-testpmd", "--no-huge", "--no-shconf", "--no-telemetry", "--no-pci", "-m", "128",
                              "-l", "0,1", f"--vdev={vdev}", "--",
                              "--total-num-mbufs=4096", "--stats-period=3600", "--forward-mode=icmpecho", ns=host.ns)

    def wire(self, host):
        return host.adapter("wire:ext")

    def link(self, host, state, timeout=15):
        wait_until(f"the link is {state}", lambda: self.wire(host)["link"] == state, timeout, 0.1)

    def events(self, host):
        return [e["text"] for e in host.json("events") if e["object"].startswith("dpdk net_")]

    def flood(self):
        """Echo requests as fast as answers come, and a hundred a second without."""
        return self.lab.spawn("ping", "-q", "-f", "-w", "60", "192.0.2.9", ns="vm1")

    def survives(self, host, start_peer):
        """The peer is killed in the midst of traffic, several times, and comes back."""
        flood = self.flood()
        for _ in range(3):
            self.peer = start_peer()
            self.link(host, "up")
            before = self.stats(host)["out"]["packets"]
            wait_until("echo replies", lambda: self.stats(host)["out"]["packets"] > before + 100, 20)
            self.lab.stop(self.peer, 9)
            self.link(host, "down")
            dropped = self.stats(host)["drops"].get("dpdk-down", 0)
            wait_until("drops have a reason", lambda: self.stats(host)["drops"].get("dpdk-down", 0) > dropped)
        self.lab.stop(flood)
        self.assertIsNone(host.process.poll())
        self.assertTrue(host.json("stats")["total"]["balanced"])
        events = self.events(host)
        self.assertGreaterEqual(events.count("the link is up"), 2)
        self.assertTrue([e for e in events if "the link is down" in e or "gone" in e])

    def stats(self, host):
        return host.json("stats", "adapter", "wire:ext")

    def memif(self, role):
        return f"net_memif0,role={role},socket={self.lab.tag}"

    def serves(self, host):
        return f"@{self.lab.tag}" in self.lab.exec(host.ns, "ss", "-Hlx").stdout

    def test_memif_as_server(self):
        host = self.uplink(self.memif("server"))
        self.assertEqual(self.wire(host)["link"], "down")
        self.survives(host, lambda: self.peer_start(host, self.memif("client")))

    def test_memif_as_client(self):
        host = self.uplink(self.memif("client"), wait=False)
        self.refused(host, self.document, "switches[0].uplink", "net_memif0")
        self.peer = self.peer_start(host, self.memif("server"))
        wait_until("testpmd serves", lambda: self.serves(host))
        self.take(host)
        self.link(host, "up")
        self.assertReaches("vm1", "192.0.2.9", 3)
        self.lab.stop(self.peer, 9)
        wait_until("status says it", lambda: "waiting-for" in self.wire(host), 10, 0.1)
        self.survives(host, lambda: self.peer_start(host, self.memif("server")))

    def test_memif_client_at_a_restart(self):
        host = self.uplink(self.memif("client"), wait=False)
        peer = self.peer_start(host, self.memif("server"))
        wait_until("testpmd serves", lambda: self.serves(host))
        self.take(host)
        self.lab.stop(peer, 9)
        host.restart()
        self.assertIn("waiting-for", self.wire(host))
        self.peer_start(host, self.memif("server"))
        self.link(host, "up")
        self.assertReaches("vm1", "192.0.2.9", 3)

    def test_interrupts(self):
        """virtio-user has receive interrupts: nobody looks at it every millisecond, and frames wake the worker."""
        sock = self.lab.dir / "vhost"
        host = self.uplink(f"net_virtio_user0,path={sock}", wait=False)
        peer = self.peer_start(host, f"net_vhost0,iface={sock}")
        wait_until("testpmd serves", sock.exists)
        self.take(host)
        self.link(host, "up")
        self.assertEqual(self.wire(host)["receive"], "interrupts")
        self.assertReaches("vm1", "192.0.2.9", 20)
        time.sleep(1)
        before = host.json("stats", "worker")[0]["sleeps"]
        time.sleep(1)
        self.assertLess(host.json("stats", "worker")[0]["sleeps"] - before, 200)
        self.assertReaches("vm1", "192.0.2.9", 3)
        self.lab.stop(peer, 9)
        self.link(host, "down")
        wait_until("status says it", lambda: "waiting-for" in self.wire(host), 10, 0.1)
        sock.unlink()
        self.peer_start(host, f"net_vhost0,iface={sock}")
        self.link(host, "up", 20)
        self.assertEqual(self.wire(host)["receive"], "interrupts")
        self.assertReaches("vm1", "192.0.2.9", 3)
        self.assertTrue(host.json("stats")["total"]["balanced"])

    def kernel_peer(self, device):
        """A device on one end of a veth; 192.0.2.9 is at the other."""
        host = self.uplink(device, "--worker-cores", "0,1", wait=False)
        self.lab.netns("peer")
        self.lab.veth(host.ns, "up0", "peer", "up1")
        self.lab.address("peer", "up1", "192.0.2.9/24")
        self.take(host)
        self.assertReaches("vm1", "192.0.2.9", 5)
        return host

    def test_af_packet_with_two_queues(self):
        host = self.kernel_peer("net_af_packet0,iface=up0,qpairs=2")
        self.assertEqual((self.wire(host)["driver"], self.wire(host)["queues"]), ("net_af_packet", 2))
        for last in range(20, 40):
            self.lab.ip("peer", "addr", "add", f"192.0.2.{last}/24", "dev", "up1")
        self.assertEqual(self.reach([("vm1", f"192.0.2.{last}") for last in range(20, 40)]), [True] * 20)
        self.assertTrue(all(w["packets"] for w in host.json("stats", "worker")))
        self.assertTrue(host.json("stats")["total"]["balanced"])

    def test_af_xdp(self):
        host = self.kernel_peer("net_af_xdp0,iface=up0")
        self.assertEqual(self.wire(host)["driver"], "net_af_xdp")
        flood = self.flood()
        self.lab.ip("peer", "link", "set", "up1", "down")  # which this driver does not tell
        time.sleep(0.5)
        self.lab.ip("peer", "link", "set", "up1", "up")
        self.assertReaches("vm1", "192.0.2.9", 3)
        self.lab.ip("peer", "link", "del", "up1")
        time.sleep(0.5)
        self.lab.stop(flood)
        self.assertIsNone(host.process.poll())
        self.assertTrue(host.json("stats")["total"]["balanced"])

    def test_a_wire_between_two_hosts(self):
        """One host's uplink is a vhost-user socket, the other's a virtio-user device on it; either may start again."""
        sock = str(self.lab.dir / "wire")
        front, back = self.uplink(f"net_virtio_user0,path={sock}", wait=False), self.host(short="back")
        self.guests("vm2")
        back.apply(document([switch("ext", "external", uplink={"vhost-user": sock, "listen": "host"},
                                    **{"allow-management-os": False})], [tap("vm2", "vm2", "ext")], name="back"))
        self.assertEqual(self.wire(back)["waiting-for"], f"a program that connects to {sock}")
        self.take(front)
        self.addresses(vm2="192.0.2.9/24")
        self.link(back, "up")
        self.assertReaches("vm1", "192.0.2.9", 10)
        self.transfer("vm1", "vm2", "192.0.2.9")  # what taps leave open is open on the wire, or filled in
        self.transfer("vm2", "vm1", "192.0.2.1")
        back.restart()
        self.link(front, "up", 20)
        wait_until("traffic again", lambda: self.reach([("vm1", "192.0.2.9")]) == [True], 20)
        for host in front, back:
            self.assertTrue(host.json("stats")["total"]["balanced"])

    def test_a_device_that_spreads_gets_a_queue_for_each_worker(self):
        host = self.uplink("net_tap0,iface=up0", "--worker-cores", "0,1")
        self.assertEqual(self.wire(host)["queues"], 2)
        self.lab.address(host.ns, "up0", "192.0.2.9/24")
        self.assertReaches("vm1", "192.0.2.9", 5)
        self.assertTrue(host.json("stats")["total"]["balanced"])
