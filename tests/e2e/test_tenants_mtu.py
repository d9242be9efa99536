# SPDX-License-Identifier: Apache-2.0
"""Row I14: no packet is too long in silence. What fits passes, who does not fit is told the size that does."""
import errno
import random
import socket
import time

from frames import ICMP, IP, Ether, Raw
from tenants import pa, usual_guests
from tenants_case import TenantsCase
from weftlab import Stream, wait_until

IP_MTU_DISCOVER, IP_PMTUDISC_DONT, IP_PMTUDISC_DO = 10, 0, 2
IPV6_MTU_DISCOVER, IPV6_DONTFRAG = 23, 62


class Sizes(TenantsCase):
    def test_what_fits_passes_and_what_does_not_is_told(self):
        self.fabric(v6=True)
        # Router advertisements tell of 1458 before anybody is refused; this guest does not obey.
        self.lab.exec("cweb", "sh", "-c", "cd /proc/sys/net/ipv6/conf/cweb; echo 0 >accept_ra_mtu; echo 1500 >mtu")
        for address, who in (("10.0.0.6", "10.0.0.1"), ("10.0.1.7", "10.0.0.1"), ("fd00:0:0:1::6", "fd00:0:0:1::1")):
            self.assertTrue(self.passes("cweb", address, 1458), address)
            self.assertIn(f"From {who}", self.ping("cweb", address, "-M", "do", "-s", 1459 - (48 if ":" in address else 28)))
            self.assertEqual(self.told("cweb", address, 1459), 1458)
            self.assertFalse(self.passes("cweb", address, 1459))
            self.assertTrue(self.passes("cweb", address, 1458))
        self.assertClean()

    def check_overhead(self, family, encapsulation, inner):
        self.fabric(usual_guests()[::2], family=family, encapsulation=encapsulation)
        self.assertTrue(self.passes("cweb", "10.0.0.6", inner))
        self.assertEqual(self.told("cweb", "10.0.0.6", inner + 1), inner)
        self.assertClean()

    def test_nvgre_in_ipv6_takes_62_bytes(self):
        self.check_overhead(6, "nvgre", 1438)

    def test_vxlan_takes_50_bytes(self):
        self.check_overhead(4, "vxlan", 1450)

    def test_vxlan_in_ipv6_takes_70_bytes(self):
        self.check_overhead(6, "vxlan", 1430)

    def test_without_df_it_is_cut_inside(self):
        self.fabric()
        for size in (1459, 1500, 2916, 4000, 9000, 20000):
            self.assertTrue(self.passes("cweb", "10.0.0.6", size, "dont"), size)
            self.assertTrue(self.passes("cweb", "10.0.1.7", size, "dont"), size)
        inside = self.f.wire.seen("gre && ip.flags.mf == 1", "ip.flags.mf", "ip.len")
        self.assertGreater(len(inside), 10)
        for more, length in inside:
            self.assertEqual(more.split(",")[0], "0")
            self.assertLessEqual(int(length.split(",")[0]), 1500)
        self.assertEqual(self.f.wire.text("gre && ip.checksum.status == 0", "-o", "ip.check_checksum:TRUE"), [])
        self.assertClean()

    def test_a_roomy_provider_network_takes_whole_packets(self):
        self.fabric(mtu=1780)
        self.assertTrue(self.passes("cweb", "10.0.0.6", 1500))
        self.transfer("cweb", "capp", "10.0.0.6")
        self.assertClean()

    def test_tcp_both_ways_and_the_segments_fit(self):
        self.fabric(v6=True)
        for a, b, address in (("cweb", "capp", "10.0.0.6"), ("capp", "cweb", "10.0.0.5"), ("cweb", "cdb", "10.0.1.7"),
                              ("cweb", "capp", "fd00:0:0:1::6"), ("cdb", "cweb", "fd00:0:0:1::5")):
            self.transfer(a, b, address)
        self.assertClean()

    def test_segment_size_is_clamped_on_request(self):
        self.fabric(up=False)
        domains = self.f.domains()
        for d in domains:
            for s in d["virtual-subnets"]:
                s["mss-clamp"] = True
        self.f.up(**{"routing-domains": domains})
        self.transfer("cweb", "capp", "10.0.0.6", 1 << 18)
        sizes = {int(row[0]) for row in self.f.wire.seen("gre && tcp.flags.syn == 1", "tcp.options.mss_val")}
        self.assertEqual(sizes, {1458 - 40})
        self.assertClean()


class Narrow(TenantsCase):
    """The path's MTU becomes less while packets pass."""

    def test_cut_live_to_1400(self):
        self.fabric(v6=True)
        stream = Stream(self.lab, "cweb", "capp", "10.0.0.6", 200).flowing()
        self.transfer("cweb", "capp", "10.0.0.6", 1 << 20)
        self.f.wire.narrow(1400)
        self.transfer("cweb", "capp", "10.0.0.6", 1 << 20)
        self.transfer("capp", "cweb", "10.0.0.5", 1 << 20)
        stream.stop()
        self.assertEqual(stream.lost, 0, "small ones do not notice")
        self.assertLess(self.f.wire.stats()["too-big"], 200, "who was told sends no longer what does not fit")
        self.assertTrue(self.passes("cweb", "10.0.0.6", 1358))
        self.assertEqual(self.told("cweb", "10.0.1.7", 1386), 1358)
        # TCP may have shrunk by what one end was told: then it is this answer that tells the other host, and is lost.
        self.ping("cweb", "10.0.0.6", "-M", "dont", "-s", "2972")
        self.assertTrue(self.passes("cweb", "10.0.0.6", 3000, "dont"))
        self.assertClean()

    def test_a_new_size_is_told_within_a_round_trip(self):
        self.fabric()
        self.assertTrue(self.passes("cweb", "10.0.0.6", 1458))
        self.f.wire.narrow(1400)
        self.ping("cweb", "10.0.0.6", "-M", "do", "-s", "1430")  # meets the narrow place
        self.assertEqual(self.told("cweb", "10.0.0.6", 1458), 1358)
        self.f.wire.narrow(1300)
        self.ping("cweb", "10.0.0.6", "-M", "do", "-s", "1330")
        self.assertEqual(self.told("cweb", "10.0.0.6", 1358), 1258)

    def test_a_narrow_place_that_says_nothing(self):
        """It is there from the beginning: the path is probed when it is made, and the size found to a few bytes."""
        self.fabric(up=False)
        self.f.wire.narrow(1400, icmp=False)
        self.f.up()
        wait_until("the path's size is found", lambda: 1396 <= self.f.nodes[0].api("GET", "/v1/provider")["paths"][0]["mtu"] <= 1400,
                   30, 0.5)
        self.lab.ip("cweb", "route", "flush", "cache")
        self.assertIn(self.told("cweb", "10.0.0.6", 1458), range(1354, 1359))
        self.transfer("cweb", "capp", "10.0.0.6", 1 << 18)

    def test_forged_complaints_change_nothing(self):
        """Fragmentation needed about packets that were never sent, and below what the protocol allows."""
        self.fabric()
        outer = self.f.wire.seen("gre && ip.src == 198.51.100.11", "eth.src", "eth.dst", occurrence="f")[-1]

        def complaint(about, mtu):
            quoted = bytes(IP(src=about[0], dst=about[1], proto=47, flags="DF", len=1500) / Raw(b"\x20\0\x65\x58\0\x13\x89\0"))
            return (Ether(src=outer[1], dst=outer[0]) / IP(src="198.51.100.1", dst="198.51.100.11") /
                    ICMP(type=3, code=4, nexthopmtu=mtu) / Raw(quoted))
        forged = {"another's packet": complaint(("198.51.100.99", pa(2)), 600), "to a stranger": complaint((pa(1), "198.51.100.77"), 600)}
        for what, frame in forged.items():
            self.f.wire.inject("node1", frame)
            time.sleep(0.3)
            self.assertTrue(self.passes("cweb", "10.0.0.6", 1458), what)
        self.f.wire.inject("node1", complaint(("198.51.100.11", "198.51.100.12"), 20))
        time.sleep(0.3)
        self.assertTrue(self.passes("cweb", "10.0.0.6", 500), "a size below any real path's is not believed")

    def test_no_black_hole_at_any_size(self):
        """10 000 random sizes over a path that is narrow in the middle: each datagram arrives, or one of its size soon says EMSGSIZE."""
        self.fabric(v6=True)
        self.f.wire.narrow(1400)
        order = random.Random(7637)
        for family, address in ((socket.AF_INET, "10.0.0.6"), (socket.AF_INET6, "fd00:0:0:1::6")):
            for dont in (True, False):
                self.lab.ip("cweb", "route", "flush", "cache")
                black = self.black_holes(family, address, [order.randint(1, 1472 if dont else 4000) for _ in range(2500)], dont)
                self.assertEqual(black, [], f"DF {dont}")
        self.assertClean()

    def black_holes(self, family, address, sizes, dont):
        with self.lab.inside("capp"):
            receiver = socket.socket(family, socket.SOCK_DGRAM)
        receiver.bind((address, 7100))
        with self.lab.inside("cweb"):
            sender = socket.socket(family, socket.SOCK_DGRAM)
        if family == socket.AF_INET:
            sender.setsockopt(socket.IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DO if dont else IP_PMTUDISC_DONT)
        elif dont:
            sender.setsockopt(socket.IPPROTO_IPV6, IPV6_MTU_DISCOVER, IP_PMTUDISC_DO)
            sender.setsockopt(socket.IPPROTO_IPV6, IPV6_DONTFRAG, 1)
        header, bad = (28 if family == socket.AF_INET else 48), []
        for size in sizes:
            said = None
            for _ in range(6):  # ICMP comes back from our host at once, from the narrow place after a packet more
                said = self.one(sender, receiver, address, size)
                if said != "lost":
                    break
            told_rightly = said == "told" and dont and size + header > 1358
            if not (said == "arrived" or told_rightly):
                bad.append((size, said))
        sender.close()
        receiver.close()
        return bad

    def one(self, sender, receiver, address, size):
        payload = random.randbytes(size)
        try:
            sender.sendto(payload, (address, 7100))
        except OSError as e:
            self.assertEqual(e.errno, errno.EMSGSIZE)
            return "told"
        end = time.monotonic() + 0.3
        while (left := end - time.monotonic()) > 0:
            receiver.settimeout(left)
            try:
                if receiver.recv(65536) == payload:
                    return "arrived"
            except socket.timeout:
                break
        return "lost"
