# SPDX-License-Identifier: Apache-2.0
"""Namespaces, weftd processes, guests and traffic for the end-to-end tests, the demo and the benchmarks.

Every name carries the lab's own tag, so several labs run at once; leaving the lab removes what it made, also
after a failure or Ctrl-C.
"""
import atexit
import contextlib
import ctypes
import json
import os
import secrets
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import threading
import time
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]


class LabError(Exception):
    """Something that the lab needs did not work; the text says what."""


def run(*argv, check=True, timeout=60, **kw):
    """Runs a command and returns its CompletedProcess with text output."""
    argv = [str(a) for a in argv]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=timeout, **kw)
    if check and done.returncode:
        raise LabError(f"{' '.join(argv)}: exit {done.returncode}: {(done.stderr or done.stdout).strip()}")
    return done


def wait_until(what, condition, timeout=10.0, step=0.02):
    """Waits for condition() to be true and returns its value."""
    end = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise LabError(f"waited {timeout:g} s in vain: {what}")
        time.sleep(step)


CLONE_NEWNET = 0x40000000
SO_RCVBUFFORCE = 33
libc = ctypes.CDLL(None, use_errno=True)

# A lab's own /run, so that namespaces and sockets may bear any name, and its own resolv.conf. Ends with its stdin.
SECLUDE = """mount -t tmpfs tmpfs /run; mkdir /run/netns /run/weft
mount --bind "$0" /etc/resolv.conf; echo ready; exec cat >/dev/null"""


class Lab:
    """A with-block that owns namespaces, processes and a folder.

    private: in a mount namespace of its own, where namespaces may have any name; even a killed test leaves none.
    """

    def __init__(self, build=None, private=False):
        self.private = private
        self.holder = None
        self.build = Path(build or os.environ.get("WEFT_BUILD") or TOP / "build").resolve()
        self.tag = "w" + secrets.token_hex(3)
        self.dir = None
        self.namespaces = []
        self.processes = []
        self.at_end = []

    def __enter__(self):
        if os.geteuid():
            raise LabError("network namespaces need root")
        self.dir = Path(tempfile.mkdtemp(prefix=f"{self.tag}-", dir="/tmp"))
        atexit.register(self.close)
        if self.private:
            self.seclude()
        self.old_term = signal.signal(signal.SIGTERM, lambda *_: (_ for _ in ()).throw(KeyboardInterrupt()))
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        if not self.dir:
            return
        for p in reversed(self.processes):
            self.stop(p)
        for undo in reversed(self.at_end):
            undo()
        for ns in self.namespaces:
            self.run("ip", "netns", "del", ns, check=False)
        if self.holder:
            self.holder.communicate()
        shutil.rmtree(self.dir, ignore_errors=True)
        self.dir = None
        atexit.unregister(self.close)

    def seclude(self):
        (self.dir / "resolv.conf").write_text("nameserver 192.0.2.253\n")
        self.holder = subprocess.Popen(["unshare", "--mount", "--propagation", "private", "sh", "-ec", SECLUDE,
                                        self.dir / "resolv.conf"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        if self.holder.stdout.readline() != b"ready\n":
            raise LabError("no mount namespace of the lab's own")

    def argv(self, argv, ns=None):
        """argv as it runs inside the lab, and in one of its namespaces."""
        inside = ["nsenter", f"--mount=/proc/{self.holder.pid}/ns/mnt", "--"] if self.holder else []
        return inside + (["ip", "netns", "exec", ns] if ns else []) + [str(a) for a in argv]

    def run(self, *argv, **kw):
        return run(*self.argv(argv), **kw)

    def stop(self, process, sig=signal.SIGTERM, timeout=10):
        if process.poll() is None:
            process.send_signal(sig)
            try:
                process.wait(timeout)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        if process in self.processes:
            self.processes.remove(process)

    def name(self, short):
        """A name for a namespace of this lab alone."""
        return f"{self.tag}-{short}"

    def netns(self, short):
        ns = short if self.private else self.name(short)
        self.run("ip", "netns", "add", ns)
        self.namespaces.append(ns)
        self.ip(ns, "link", "set", "lo", "up")
        return ns

    def ip(self, ns, *argv, **kw):
        return self.run("ip", "-n", ns, *argv, **kw)

    def ip_json(self, ns, *argv):
        return json.loads(self.ip(ns, "-j", *argv).stdout)

    @contextlib.contextmanager
    def inside(self, ns):
        """The calling thread is in the namespace; sockets made there stay there."""
        root = f"/proc/{self.holder.pid}/root" if self.holder else ""
        with open("/proc/thread-self/ns/net") as home, open(f"{root}/run/netns/{ns}") as there:
            if libc.setns(there.fileno(), CLONE_NEWNET):
                raise LabError(f"{ns}: {os.strerror(ctypes.get_errno())}")
            try:
                yield
            finally:
                if libc.setns(home.fileno(), CLONE_NEWNET):
                    os.abort()  # nothing may go on in a namespace that it does not know of

    def wire(self, ns, dev):
        """A raw socket on an interface: sends and receives whole frames."""
        with self.inside(ns):
            s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
            s.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 16 << 20)
            s.bind((dev, 3))
        s.settimeout(2)
        return s

    def spawn(self, *argv, ns=None, **kw):
        """Starts a process of the lab's, in a namespace if one is named."""
        kw.setdefault("stdout", subprocess.DEVNULL)
        kw.setdefault("stderr", subprocess.DEVNULL)
        p = subprocess.Popen(self.argv(argv, ns), stdin=subprocess.DEVNULL, **kw)
        self.processes.append(p)
        return p

    def exec(self, ns, *argv, **kw):
        return run(*self.argv(argv, ns), **kw)

    def veth(self, ns_a, name_a, ns_b, name_b):
        self.run("ip", "link", "add", name_a, "netns", ns_a, "type", "veth", "peer", "name", name_b, "netns", ns_b)
        for ns, name in ((ns_a, name_a), (ns_b, name_b)):
            self.ip(ns, "link", "set", name, "up")

    def address(self, ns, dev, address):
        self.ip(ns, "addr", "add", address, "dev", dev, *(("nodad",) if ":" in address else ()))
        self.ip(ns, "link", "set", "dev", dev, "up")

    def mac(self, ns, dev):
        return self.ip_json(ns, "link", "show", dev)[0]["address"]

    def pings(self, ns, address, count=1, wait=1, interval=0.2):
        """How many of `count` echo requests are answered."""
        done = self.exec(ns, "ping", "-n", "-q", "-c", count, "-W", wait, "-i", interval, address, check=False,
                         timeout=count * max(wait, interval) + 10)
        for line in done.stdout.splitlines():
            if "received" in line:
                return int(line.split(",")[1].split()[0])
        return 0

    def iperf(self, server_ns, client_ns, address, seconds=3, *more):
        """TCP throughput in bits a second, client to server."""
        server = self.spawn("iperf3", "-s", "-1", "-B", address, ns=server_ns)
        wait_until("iperf3 listens", lambda: ":5201" in self.exec(server_ns, "ss", "-Hltn").stdout)
        done = self.exec(client_ns, "iperf3", "-J", "-c", address, "-t", seconds, *more, timeout=seconds + 30)
        self.stop(server)
        return json.loads(done.stdout)["end"]["sum_received"]["bits_per_second"]


class Host:
    """A namespace with a weftd in it. `ns` None: in the lab's caller's own namespace."""

    def __init__(self, lab, short, *options, ns=None):
        self.lab = lab
        self.short = short
        self.ns = ns or lab.netns(short)
        self.dir = lab.dir / short
        self.dir.mkdir(exist_ok=True)
        self.socket = self.dir / "weftd.sock"
        self.log = self.dir / "weftd.log"
        self.options = [str(o) for o in options]
        self.process = None

    def start(self, wait=True, env=None):
        argv = [self.lab.build / "hostd" / "weftd", "--socket", self.socket, "--state", self.dir / "state"]
        log = open(self.log, "ab")
        self.process = self.lab.spawn(*argv, *self.options, ns=self.ns, stdout=log, stderr=log, env=env)
        log.close()
        if wait:
            self.wait_ready()
        return self

    def wait_ready(self, timeout=15):
        def ready():
            if self.process.poll() is not None:
                raise LabError(f"weftd ended with {self.process.returncode}:\n{self.log_text()}")
            return self.weft("status", "host", check=False).returncode == 0
        wait_until("weftd answers", ready, timeout)

    def log_text(self):
        return self.log.read_text(errors="replace")

    def kill(self, sig=signal.SIGKILL):
        self.lab.stop(self.process, sig)

    def weft(self, *argv, check=True, **kw):
        return run(self.lab.build / "cli" / "weft", "--socket", self.socket, *argv, check=check, **kw)

    def json(self, *argv):
        return json.loads(self.weft("-o", "json", *argv).stdout)

    def apply(self, document, *more, check=True, **kw):
        """A document as text or as lists and dicts."""
        text = document if isinstance(document, str) else json.dumps(document)
        return self.weft("apply", "-", *more, check=check, input=text, **kw)

    def api(self, method, path, body=None):
        """The local API's answer; body as text (NDJSON, say) or as dicts and lists."""
        text = body if body is None or isinstance(body, str) else json.dumps(body)
        more = ["--data-binary", "@-"] if text is not None else []
        done = run("curl", "-sS", "--fail-with-body", "-X", method, "--unix-socket", self.socket, *more, f"http://weft{path}",
                   input=text)
        return json.loads(done.stdout) if done.stdout else None

    def drops(self, adapter):
        return self.json("stats", "adapter", adapter)["drops"]

    def adapter(self, name):
        """What `status` says of one adapter."""
        return next(a for a in self.json("status")["adapters"] if a["name"] == name)

    def revision(self):
        return self.json("status")["host"]["revision"]

    def restart(self, sig=signal.SIGTERM):
        self.kill(sig)
        return self.start()

    def rss(self):
        """Resident memory in MiB."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.split("VmRSS:")[1].split()[0]) / 1024

    def cpu_seconds(self):
        """User and system time spent so far, by all threads."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Stream:
    """Numbered datagrams from one namespace to another. After stop(): `lost` of `sent`, the longest `gap` in s."""

    def __init__(self, lab, ns_from, ns_to, address, rate=1000, port=7000):
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        with lab.inside(ns_to):
            self.receiver = socket.socket(family, socket.SOCK_DGRAM)
        with lab.inside(ns_from):
            self.sender = socket.socket(family, socket.SOCK_DGRAM)
        self.receiver.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 16 << 20)
        self.receiver.bind((address, port))
        self.receiver.settimeout(0.5)
        self.to, self.interval = (address, port), 1 / rate
        self.sent = self.errors = 0
        self.seen, self.times = set(), []
        self.stopping = threading.Event()
        self.threads = [threading.Thread(target=f, daemon=True) for f in (self.receive, self.send)]
        for t in self.threads:
            t.start()

    def send(self):
        due = time.monotonic()
        while not self.stopping.is_set():
            try:
                self.sender.sendto(struct.pack("!Q", self.sent), self.to)
                self.sent += 1
            except OSError:
                self.errors += 1
            due += self.interval
            time.sleep(max(0, due - time.monotonic()))

    def receive(self):
        while True:
            try:
                self.seen.add(struct.unpack("!Q", self.receiver.recv(64))[0])
                self.times.append(time.monotonic())
            except socket.timeout:
                if self.stopping.is_set():
                    return

    def flowing(self, more=20):
        """Waits until datagrams arrive, `more` of them from now on."""
        enough = len(self.seen) + more
        wait_until("the stream flows", lambda: len(self.seen) >= enough)
        return self

    def stop(self):
        self.stopping.set()
        for t in self.threads:
            t.join()
        self.sender.close()
        self.receiver.close()
        self.lost = self.sent - len(self.seen)
        self.gap = max((b - a for a, b in zip(self.times, self.times[1:])), default=float("inf"))
        return self


class Qemu:
    """A real Linux guest: Debian's kernel under TCG, its adapter on a vhost-user socket or a tap."""

    def __init__(self, lab, name, netdev, address, run=None, mac=None, mtu=None, ns=None, memory=256, queues=1,
                 device="virtio-net-pci", ping=None, do=()):
        image = run_image(lab.build, device)
        self.lab = lab
        self.console = lab.dir / f"{name}.console"
        self.console.touch()
        line = f"console=ttyS0 quiet panic=-1 weft.ip={address}"
        for command in do:
            line += " weft.do=" + command.replace(" ", ",")
        if run:
            line += " weft.run=" + run.replace(" ", ",")
        if ping:
            line += " weft.ping=" + ",".join(ping)
        if mtu:
            line += f" weft.mtu={mtu}"
        # vectors=0: QEMU 7.2 under TCG crashes with MSI-X on a vhost-user device.
        extra = ",vectors=0" if device == "virtio-net-pci" else ""
        argv = ["qemu-system-x86_64", "-accel", "tcg", "-machine", "q35", "-cpu", "max", "-m", str(memory), "-display",
                "none", "-serial", f"file:{self.console}", "-no-reboot", "-kernel", image / "vmlinuz", "-initrd",
                image / "initrd", "-append", line, "-object",
                f"memory-backend-memfd,id=mem,size={memory}M,share=on", "-numa", "node,memdev=mem", *netdev,
                "-device", f"{device},netdev=n0{extra}" + (f",mac={mac}" if mac else "")]
        self.process = lab.spawn(*argv, ns=ns, stderr=open(lab.dir / f"{name}.qemu", "wb"))

    def text(self):
        return self.console.read_text(errors="replace")

    def wait(self, word="weft-guest: ready", timeout=60):
        def seen():
            if self.process.poll() is not None:
                raise LabError(f"QEMU ended with {self.process.returncode}")
            return word in self.text()
        wait_until(f"the guest says {word!r}", seen, timeout, 0.1)

    @staticmethod
    def vhost_user(socket, server=True):
        """Netdev options; server: QEMU listens and weftd connects."""
        how = "server=on,wait=off" if server else "server=off,reconnect=1"
        return ["-chardev", f"socket,id=c0,path={socket},{how}", "-netdev",
                "vhost-user,id=n0,chardev=c0,vhostforce=on"]

    @staticmethod
    def tap(ifname):
        return ["-netdev", f"tap,id=n0,ifname={ifname},script=no,downscript=no,vhost=off"]


def run_image(build, device="virtio-net-pci"):
    """The folder of a guest's kernel and initramfs, made once a build folder for each of Debian's two kernels."""
    cloud = device == "virtio-net-pci"
    folder = build / ("guest" if cloud else "guest-pc")
    run(TOP / "tests/lib/guest-image", folder, "linux-image-cloud-amd64" if cloud else "linux-image-amd64", timeout=300)
    return folder
