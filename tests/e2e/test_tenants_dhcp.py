# SPDX-License-Identifier: Apache-2.0
"""Row I25: guests get their customer addresses by DHCP, DHCPv6 and router advertisements without a server, and row I24:
what they take by themselves is learned. The clients are udhcpc, dhclient and the kernel."""
import re

from tenants_case import TenantsCase
from weftlab import wait_until

DNS = ["192.0.2.53", "fd00:53::1"]
SHOW = "#!/bin/sh\nset | grep -E '^(ip|router|dns|mtu|mask|lease|serverid|interface|new_)' >> \"$0.out\"\n"


class Answers(TenantsCase):
    def up(self, v6=False, **more):
        self.fabric(up=False, v6=v6)
        domains = self.f.domains()
        for d in domains:
            for s in d["virtual-subnets"]:
                s.update({"dhcp": True, "dns": DNS})
        self.f.up(**{"routing-domains": domains}, **more)
        self.lab.ip("cweb", "-4", "addr", "flush", "dev", "cweb")
        self.script = self.lab.dir / "said"
        self.script.write_text(SHOW)
        self.script.chmod(0o755)

    def said(self):
        text = (self.lab.dir / "said.out").read_text()
        return dict(re.findall(r"^(\w+)='?(.*?)'?$", text, re.M))

    def test_udhcpc(self):
        self.up()
        self.lab.exec("cweb", "udhcpc", "-i", "cweb", "-f", "-q", "-n", "-O", "mtu", "-s", self.script)
        got = self.said()
        self.assertEqual((got["ip"], got["router"], got["dns"], got["mask"]), ("10.0.0.5", "10.0.0.1", DNS[0], "24"))
        self.assertEqual((got["mtu"], got["serverid"]), ("1458", "10.0.0.1"))
        self.lab.address("cweb", "cweb", f"{got['ip']}/{got['mask']}")
        self.lab.ip("cweb", "route", "replace", "default", "via", got["router"])
        self.assertMesh()
        self.assertEqual(self.f.wire.seen("dhcp", "frame.number"), [], "no DHCP on the wire")
        self.assertClean()

    def test_dhclient_for_ipv6(self):
        self.up(v6=True)
        lease = self.lab.dir / "leases"
        self.lab.ip("cweb", "-6", "addr", "flush", "dev", "cweb", "scope", "global")
        wait_until("the link-local address is nobody else's", lambda: "tentative" not in self.lab.ip(
            "cweb", "-6", "addr", "show", "dev", "cweb", "scope", "link").stdout)
        done = self.lab.exec("cweb", "dhclient", "-6", "-1", "-v", "-sf", self.script, "-lf", lease, "-pf",
                             self.lab.dir / "pid", "-cf", "/dev/null", "cweb", check=False)
        try:
            got = self.said()
            self.assertEqual(got.get("new_ip6_address"), "fd00:0:0:1::5", done.stderr)
            self.assertEqual(got.get("new_dhcp6_name_servers"), DNS[1])
        finally:
            self.lab.exec("cweb", "sh", "-c", f"kill $(cat {self.lab.dir}/pid)", check=False)
        self.assertEqual(self.f.wire.seen("dhcpv6", "frame.number"), [], "no DHCP on the wire")

    def test_the_kernel_hears_the_router(self):
        self.up(v6=True)
        self.lab.ip("cweb", "-6", "route", "flush", "default")
        self.lab.ip("cweb", "link", "set", "cweb", "down")
        self.lab.ip("cweb", "link", "set", "cweb", "up")

        def default():
            return [r for r in self.lab.ip_json("cweb", "-6", "route", "show", "default") if r.get("protocol") == "ra"]
        wait_until("the router is known", default)
        self.assertEqual(default()[0]["gateway"], "fe80::215:5dff:feff:ff01")
        mtu = self.lab.exec("cweb", "cat", "/proc/sys/net/ipv6/conf/cweb/mtu").stdout.strip()
        self.assertEqual(mtu, "1458")
        self.lab.ip("cweb", "addr", "add", "fd00:0:0:1::5/64", "dev", "cweb", "nodad")
        wait_until("the other subnet answers", lambda: self.lab.pings("cweb", "fd00:0:0:2::7"))
        self.assertBooks()
