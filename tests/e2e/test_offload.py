# SPDX-License-Identifier: Apache-2.0
"""Segmentation and checksums left to be done: whole where the port takes it, done by weft where not; MTUs."""
import socket

from case import Case, document, switch, tap


class Offload(Case):
    def longest(self, sock):
        """The longest frame that came in on a raw socket so far."""
        sock.setblocking(False)
        best = 0
        while True:
            try:
                data, where = sock.recvfrom(70000)
            except BlockingIOError:
                return best
            if where[2] != socket.PACKET_OUTGOING:
                best = max(best, len(data))

    def test_a_segment_reaches_a_tap_whole(self):
        self.two_guests()
        for n, address in (("vm1", "2001:db8::11/64"), ("vm2", "2001:db8::12/64")):
            self.lab.address(n, n, address)
        for address in ("192.0.2.12", "2001:db8::12"):
            wire = self.lab.wire("vm2", "vm2")
            self.transfer("vm1", "vm2", address)
            self.assertGreater(self.longest(wire), 10000)

    def veth_guest(self, *options):
        """vm1 on a tap, box on a veth pair whose host end is attached as it is."""
        host = self.host()
        self.guests("vm1", "box")
        self.lab.veth("box", "box", "host", "veth0")
        if options:
            self.lab.exec("box", "ethtool", "-K", "box", *options)
        host.apply(document([switch()], [tap("vm1", "vm1"), {"name": "box", "switch": "lan",
                                                             "attach": {"interface": "veth0"}}]))
        self.addresses(vm1="192.0.2.11/24", box="192.0.2.12/24")
        self.lab.address("vm1", "vm1", "2001:db8::11/64")
        self.lab.address("box", "box", "2001:db8::12/64")
        return host

    def test_between_a_tap_and_an_attached_interface(self):
        host = self.veth_guest()
        self.transfer("vm1", "box", "192.0.2.12")
        self.transfer("box", "vm1", "192.0.2.11")
        self.transfer("vm1", "box", "2001:db8::12")
        self.transfer("box", "vm1", "2001:db8::11")
        self.assertEqual(host.drops("vm1").get("bad-offload", 0) + host.drops("box").get("bad-offload", 0), 0)

    def test_a_dpdk_device_gets_segments_and_checksums_done(self):
        """net_af_packet has no offload at all: what leaves by it must be complete."""
        host = self.host()
        self.guests("vm1", "box")
        self.lab.veth("box", "box", "host", "veth0")
        host.apply(document([switch()], [tap("vm1", "vm1"), {"name": "box", "switch": "lan",
                                                             "attach": {"dpdk": "net_af_packet0,iface=veth0"}}]))
        self.addresses(vm1="192.0.2.11/24", box="192.0.2.12/24")
        self.lab.exec("box", "ethtool", "-K", "box", "tx", "off")
        self.assertReaches("vm1", "192.0.2.12")
        wire = self.lab.wire("box", "box")
        self.transfer("vm1", "box", "192.0.2.12", 1 << 20)
        self.transfer("box", "vm1", "192.0.2.11", 1 << 20)
        self.assertLessEqual(self.longest(wire), 1514)

    def test_jumbo_frames(self):
        host = self.two_guests(mtu=9000)
        self.assertEqual(self.lab.ip_json("vm1", "link", "show", "vm1")[0]["mtu"], 9000)
        self.lab.exec("vm1", "ping", "-c1", "-W2", "-M", "do", "-s", "8972", "192.0.2.12")
        self.assertEqual(self.lab.exec("vm1", "ping", "-c1", "-W1", "-M", "do", "-s", "8973", "192.0.2.12",
                                       check=False).returncode, 1)
        host.apply(document([switch(mtu=9000)], [tap("vm1", "vm1"), tap("vm2", "vm2", mtu=1500)]))
        self.lab.exec("vm1", "ping", "-c1", "-W1", "-M", "do", "-s", "8972", "192.0.2.12", check=False)
        self.assertEqual(host.drops("vm2"), {"too-big": 1})
        self.transfer("vm2", "vm1", "192.0.2.11")

    def test_a_huge_mtu(self):
        self.two_guests(mtu=65521)
        self.lab.exec("vm1", "ping", "-c1", "-W2", "-M", "do", "-s", "65000", "192.0.2.12")
        self.transfer("vm1", "vm2", "192.0.2.12")
