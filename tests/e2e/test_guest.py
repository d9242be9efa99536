# SPDX-License-Identifier: Apache-2.0
"""Real machines in QEMU: Linux on vhost-user (the synthetic adapter), a boot ROM on an emulated e1000."""
import json
import os
import socket
import subprocess
import threading
import time
from pathlib import Path

from case import Case, document, switch, tap
from weftlab import Qemu, wait_until

MAC = "02:00:00:00:00:12"


class Linux(Case):
    """Rows A4 and A3: Debian's kernel with its virtio driver, TSO and checksums left to the switch."""

    def boot(self, listen, **more):
        """vm2 (192.0.2.12) in QEMU, which serves an echo on port 5000; vm1 on a tap."""
        host = self.host()
        self.guests("vm1")
        self.sock = self.lab.dir / "vm2.sock"
        guest = self.start(listen) if listen == "guest" else None
        if guest:
            wait_until("QEMU listens", self.sock.exists)
        host.apply(document([switch()], [tap("vm1", "vm1"), {
            "name": "vm2", "switch": "lan", "mac-address": MAC,
            "attach": {"vhost-user": str(self.sock), "listen": listen}}]))
        self.addresses(vm1="192.0.2.11/24")
        guest = guest or self.start(listen)
        self.answers()
        return host, guest

    def start(self, listen):
        return Qemu(self.lab, "vm2", Qemu.vhost_user(self.sock, server=listen == "guest"), "192.0.2.12/24", mac=MAC,
                    run="nc -ll -p 5000 -e cat")

    def answers(self, timeout=40.0):
        begin = time.monotonic()
        wait_until("the guest answers", lambda: self.lab.pings("vm1", "192.0.2.12", wait=0.2), timeout)
        return time.monotonic() - begin

    def echo(self, size=8 << 20):
        """Random bytes through the guest and back."""
        def connection():
            try:
                with self.lab.inside("vm1"):
                    return socket.create_connection(("192.0.2.12", 5000), timeout=10)
            except ConnectionRefusedError:
                return None
        data = os.urandom(size)
        s = wait_until("the guest serves", connection)
        def send():
            s.sendall(data)
            s.shutdown(socket.SHUT_WR)
        sender = threading.Thread(target=send)
        sender.start()
        back = bytearray()
        while piece := s.recv(1 << 20):
            back += piece
        sender.join()
        s.close()
        self.assertTrue(back == data, f"{len(back)} of {size} bytes, or others")

    def test_bytes_arrive_as_they_were_and_both_sides_may_restart(self):
        host, guest = self.boot("guest")
        wire = self.lab.wire("vm1", "vm1")
        self.echo()
        longest = 0
        wire.setblocking(False)
        try:
            while True:
                data, where = wire.recvfrom(70000)
                longest = max(longest, len(data) if where[2] != socket.PACKET_OUTGOING else 0)
        except BlockingIOError:
            pass
        self.assertGreater(longest, 1514, "the guest's segments reach the tap whole")
        vm2 = host.json("stats", "adapter", "vm2")
        self.assertLess(vm2["in"]["packets"], 8 << 10, "the guest takes segments whole")
        self.assertTrue(host.json("stats")["total"]["balanced"])

        best = 99.0
        for _ in range(3):
            host.kill()
            host.start()
            best = min(best, self.answers())
            if best < 2:
                break
        self.assertLess(best, 2.0, "seconds until a restarted weftd has its guest back")
        self.echo(1 << 20)

        self.lab.stop(guest.process, 9)
        self.sock.unlink(missing_ok=True)
        wait_until("the link is down", lambda: host.adapter("vm2")["link"] == "down")
        self.start("guest")
        self.answers()
        self.echo(1 << 20)

    def test_qemu_connects_and_connects_again(self):
        host, _ = self.boot("host")
        self.echo(1 << 20)
        best = 99.0
        for _ in range(3):
            host.kill()
            host.start()
            best = min(best, self.answers())
            if best < 2:
                break
        self.assertLess(best, 2.0, "seconds until QEMU has come back")
        self.echo(1 << 20)
        self.assertTrue(host.json("stats")["total"]["balanced"])


class Rings(Case):
    """Row A5: ten million frames from one guest's ring to another's, and nothing of it through the kernel."""
    alone = True  # a worker that waits for its core sleeps, by system calls
    FRAMES = 10_000_000

    def test_ten_million_frames(self):
        host = self.host("--worker-cores", "0")
        socks = [self.lab.dir / f"vm{i}.sock" for i in (1, 2)]
        host.apply(document([switch(kind="private")], [
            {"name": s.stem, "switch": "lan", "attach": {"vhost-user": str(s), "listen": "host"}} for s in socks]))
        stream = self.lab.spawn(
            self.lab.build / "tests/lib/stream", "-l", "1", "--no-huge", "--no-shconf", "--no-pci", "--no-telemetry",
            "-m", "128", "--log-level", "error",
            *(f"--vdev=net_virtio_user{i},path={s},queue_size=1024" for i, s in enumerate(socks)), "--", self.FRAMES,
            stdout=subprocess.PIPE, text=True)
        self.assertEqual(stream.stdout.readline().strip(), "running")
        calls, frames = self.system_calls(host, 0.5)
        result = json.loads(stream.stdout.readline())
        self.assertEqual(result["received"], self.FRAMES)
        self.assertEqual(result["received-sum"], result["sent-sum"])
        self.assertEqual((host.drops("vm1"), host.drops("vm2")), ({}, {}))
        self.assertTrue(host.json("stats")["total"]["balanced"])
        # When the sender waits for its core the rings run dry, and the worker sleeps: nothing else may be there.
        self.assertLessEqual(calls.keys(), {"epoll_wait", "read"})
        self.assertLess(sum(calls.values()), frames / 200, f"system calls of the worker in {frames} frames")

    def system_calls(self, host, seconds):
        """The worker's system calls in a while, by name, and the frames that it moved meanwhile."""
        tasks = Path(f"/proc/{host.process.pid}/task")
        worker = next(t.name for t in tasks.iterdir() if (t / "comm").read_text().startswith("weft-worker"))
        table = self.lab.dir / "calls"
        trace = self.lab.spawn("strace", "-c", "-U", "calls,name", "-o", table, "-p", worker)
        wait_until("strace is attached", lambda: f"TracerPid:\t{trace.pid}" in (tasks / worker / "status").read_text())
        before = host.json("stats", "worker")[0]["packets"]
        time.sleep(seconds)
        frames = host.json("stats", "worker")[0]["packets"] - before
        self.lab.stop(trace, 2)
        calls = (line.split() for line in table.read_text().splitlines())
        return {c[1]: int(c[0]) for c in calls if len(c) == 2 and c[0].isdigit() and c[1] != "total"}, frames


class Emulated(Case):
    """Rows A3 and A11: a machine without drivers for anything but an e1000, by the tap that QEMU makes."""

    def test_a_boot_rom_gets_an_address(self):
        host = self.host()
        self.guests("server")
        leases = self.lab.dir / "leases"
        self.lab.spawn("qemu-system-x86_64", "-accel", "tcg", "-m", "64", "-display", "none", "-boot", "n", "-netdev",
                       "tap,id=n0,ifname=vnet0,script=no,downscript=no", "-device", f"e1000,netdev=n0,mac={MAC}",
                       ns="host")
        wait_until("QEMU has made its tap", lambda: "vnet0" in self.lab.ip("host", "link").stdout)
        host.apply(document([switch()], [tap("server", "server"), {
            "name": "vm1", "switch": "lan", "mac-address": MAC, "attach": {"interface": "vnet0"}}]))
        self.addresses(server="192.0.2.1/24")
        self.lab.spawn("dnsmasq", "-k", "-C", "/dev/null", "--port=0", "-i", "server", "--bind-interfaces",
                       "--dhcp-range=192.0.2.100,192.0.2.110,1h", f"--dhcp-leasefile={leases}", "--dhcp-authoritative",
                       "--dhcp-boot=kernel,,192.0.2.250",  # nobody: it asks again and again, and keeps its address meanwhile
                       ns="server")
        wait_until("the boot ROM has a lease", lambda: leases.exists() and MAC in leases.read_text(), 40)
        address = leases.read_text().split()[2]
        self.assertReaches("server", address)
        self.assertEqual(host.drops("vm1"), {})
