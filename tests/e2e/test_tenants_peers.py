# SPDX-License-Identifier: Apache-2.0
"""Hosts that are not weft's: Open vSwitch, the kernel's vxlan, the gretap of a Debian kernel; ping and TCP both ways."""
import json

from ovs import Ovs
from relay import Relay
from tenants import Guest, pa
from tenants_case import TenantsCase
from weftlab import Qemu, run_image, wait_until

KEY = 5001 << 8
MTU = {"nvgre": 1458, "vxlan": 1450}


class Peer(TenantsCase):
    """Node 1 is weft's and has cweb; far, 10.0.0.6 in the same subnet, is behind the peer at node 2's address."""

    def near(self, encapsulation, *others, wire=True, **relay):
        self.fabric([Guest("cweb", 1, 5001, 5), Guest("far", 2, 5001, 6)], nodes=1, up=False, wire=False,
                    encapsulation=encapsulation)
        self.f.wire = Relay(self.lab, "node1", *others, **relay)
        # A real network card would do this: what leaves has its checksums.
        self.lab.exec("node1", "ethtool", "-K", "eth1", "tx", "off")
        self.f.nodes[0].start()
        self.f.apply(1)
        self.lab.address("cweb", "cweb", "10.0.0.5/24")

    def far(self, device, ns="far", mtu=1450):
        """The far guest's interface: address, MTU, and who has 10.0.0.5: nobody asks over the provider's network."""
        self.lab.ip(ns, "link", "set", device, "address", self.f.guest["far"].mac, "mtu", mtu)
        self.lab.address(ns, device, "10.0.0.6/24")
        self.lab.ip(ns, "neigh", "replace", "10.0.0.5", "lladdr", self.f.guest["cweb"].mac, "dev", device)

    def both_ways(self, far="far"):
        wait_until("the peer answers", lambda: self.lab.pings("cweb", "10.0.0.6", wait=0.3), 20)
        self.assertReaches("cweb", "10.0.0.6", 5)
        self.assertReaches(far, "10.0.0.5", 5)
        self.transfer("cweb", far, "10.0.0.6", 4 << 20)
        self.transfer(far, "cweb", "10.0.0.5", 4 << 20)
        self.assertBooks()


class OpenVswitch(Peer):
    """Its userspace tunnels: br-phy has the wire and the provider address, br0 the guest and the tunnel."""

    def peer(self, encapsulation):
        ovs = Ovs(self.lab, dpdk=False)
        self.near(encapsulation, ovs.ns)
        self.lab.exec(ovs.ns, "ethtool", "-K", "eth1", "tx", "off")
        self.lab.veth("far", "far", ovs.ns, "guest")
        self.lab.exec("far", "ethtool", "-K", "far", "tx", "off")
        ovs.boot()
        ovs.add_bridge("br-phy")
        ovs.add_port("eth1", bridge="br-phy")
        self.lab.address(ovs.ns, "br-phy", pa(2) + "/24")
        ovs.add_port("guest", "ofport_request=1")
        kind = {"nvgre": "gre", "vxlan": "vxlan"}[encapsulation]
        ovs.add_port("tunnel", f"type={kind}", f"options:remote_ip={pa(1)}", "options:key=flow", "ofport_request=2")
        # Any FlowID: the lowest byte of a GRE key is not the subnet's. A VXLAN VNI is the VSID.
        vsid, mask, own = (KEY, "/0xffffff00", KEY | 0x5a) if kind == "gre" else (5001, "", 5001)
        ovs.flows("br0", f"in_port=1,actions=set_field:{own:#x}->tun_id,output:2",
                  f"in_port=2,tun_id={vsid:#x}{mask},actions=output:1")
        self.far("far", mtu=MTU[encapsulation])
        return ovs

    def test_gre_with_a_key(self):
        self.peer("nvgre")
        self.both_ways()
        keys = {int(k, 16) for (k,) in self.f.wire.seen(f"gre && ip.src == {pa(1)}", "gre.key")}
        self.assertEqual({k >> 8 for k in keys}, {5001})
        self.assertIn(KEY | 0x5a, {int(k, 16) for (k,) in self.f.wire.seen(f"gre && ip.src == {pa(2)}", "gre.key")})

    def test_vxlan(self):
        self.peer("vxlan")
        self.both_ways()
        self.assertEqual(self.f.wire.count("gre"), 0)


class KernelVxlan(Peer):
    """The host kernel's own vxlan device in a foreign namespace."""

    def peer(self, *options):
        foreign = self.lab.netns("foreign")
        self.near("vxlan", foreign)
        self.lab.address(foreign, "eth1", pa(2) + "/24")
        # On veth segments would cross as one giant outer packet, which no wire carries.
        self.lab.exec(foreign, "ethtool", "-K", "eth1", "tx", "off", "gso", "off", "tso", "off")
        self.lab.ip(foreign, "link", "add", "vx", "type", "vxlan", "id", 5001, "local", pa(2), "remote", pa(1), "dstport",
                    4789, *options)
        self.far("vx", foreign, MTU["vxlan"])
        return foreign

    def test_both_ways(self):
        self.both_ways(self.peer())

    def test_with_udp_checksums(self):
        """Zero is what RFC 7348 wants; others are looked at."""
        self.both_ways(self.peer("udpcsum"))
        self.assertNotEqual({c for (c,) in self.f.wire.seen(f"vxlan && ip.src == {pa(2)}", "udp.checksum", occurrence="f")},
                            {"0x0000"})

    def test_with_checksums_left_open(self):
        """On a veth the kernel reckons the outer checksum with an inner one that nobody has filled in yet. Segments of
        its own, which no packet socket of today's kernels gets whole, stay off."""
        foreign = self.peer("udpcsum")
        self.lab.exec(foreign, "ethtool", "-K", "eth1", "tx", "on", "tso", "off", "gso", "off")
        self.both_ways(foreign)


class Gretap(Peer):
    """A Debian kernel in QEMU, its gretap taking any key (external mode), since NVGRE's has the FlowID in it."""

    def test_both_ways(self):
        run_image(self.lab.build)
        self.near("nvgre", taps=("qemu",))
        far, cweb = self.f.guest["far"], self.f.guest["cweb"]
        guest = Qemu(self.lab, "far", Qemu.tap(Relay.end("qemu")), pa(2) + "/24", ns="wire", run="iperf3 -s", do=[
            "modprobe ip_gre", "/bin/ip link add gt type gretap external",
            f"/bin/ip link set gt address {far.mac} mtu 1458 up", "/bin/ip addr add 10.0.0.6/32 dev gt",
            f"/bin/ip route add 10.0.0.5/32 encap ip id {KEY} dst {pa(1)} key dev gt",
            f"/bin/ip neigh add 10.0.0.5 lladdr {cweb.mac} dev gt"], ping=["10.0.0.5"])
        guest.wait()
        self.assertNotIn("weft-guest: failed", guest.text())
        wait_until("the guest answers", lambda: self.lab.pings("cweb", "10.0.0.6", wait=0.3), 30)
        self.assertReaches("cweb", "10.0.0.6", 5)
        guest.wait("Server listening")
        self.assertIn("ping 10.0.0.5 ok", guest.text())
        for way in ((), ("-R",)):
            def received(way=way):
                """None while the guest's iperf3, on an emulated processor, is not ready for the next client."""
                done = self.lab.exec("cweb", "iperf3", "-J", "-c", "10.0.0.6", "-t", "2", *way, timeout=60, check=False)
                return json.loads(done.stdout)["end"].get("sum_received")
            self.assertGreater(wait_until(f"iperf3 {way} ends well", received, 30, 1)["bits_per_second"], 1e6, way)
        self.assertBooks()
