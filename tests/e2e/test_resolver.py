# SPDX-License-Identifier: Apache-2.0
"""Issue: records at scale. Where a lookup record is missing a resolver is asked, and the first packets wait."""
import http.server
import json
import socketserver
import threading

from tenants import pa
from tenants_case import TenantsCase
from weftlab import wait_until

ASK = """#!/bin/sh
echo "$@" >> "$0.asked"
cat > /dev/null
case "$1 $2" in
%s
"5002 10.0.1."???) sleep 600 ;;
esac
"""


class Resolver(TenantsCase):
    def up_with(self, resolver, **more):
        """Each node has the records of its own guests alone."""
        for n in self.f.nodes:
            n.start()
        for node in (1, 2):
            own = [r for r in self.f.records() if r["provider-address"] == pa(node)]
            self.f.apply(node, **{"lookup-records": own, "network-virtualization": {"resolver": resolver}, **more})
        self.f.address_guests()

    def program(self):
        path = self.lab.dir / "ask"
        lines = [f"""'{r["virtual-subnet-id"]} {r["customer-address"]}') echo '{json.dumps(r)}' ;;""" for r in self.f.records()]
        path.write_text(ASK % "\n".join(lines))
        path.chmod(0o755)
        return path

    def asked(self):
        log = self.lab.dir / "ask.asked"
        return log.read_text().splitlines() if log.exists() else []

    def test_a_program(self):
        self.fabric(up=False)
        path = self.program()
        self.up_with({"command": str(path)})
        self.assertMesh()
        self.assertEqual(len(self.asked()), len(set(self.asked())), "a question is asked once")
        record = self.f.nodes[0].json("record", "list", "5001", "10.0.0.6")[0]
        self.assertEqual((record["origin"], record["type"]), ("resolver", "dynamic"))
        status = self.f.nodes[0].json("status", "resolver")[0]
        self.assertEqual((status["state"], status["packets-held"], status["failed"]), ("ready", 0, 0))
        # An address that nobody has: no event, one question.
        before = len(self.f.nodes[0].json("events"))
        self.lab.exec("cweb", "ping", "-c2", "-W1", "10.0.0.99", check=False)
        self.assertEqual(self.asked().count("5001 10.0.0.99 default"), 1)
        self.assertEqual(len(self.f.nodes[0].json("events")), before, "quiet when it is well")
        # A storm of misses that are answered late leaves the other tenant's packets alone.
        storm = self.lab.spawn("python3", "-c", (
            "import socket\ns = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n"
            "import itertools\n"
            "for i in itertools.count():\n"
            " try: s.sendto(b'x', ('10.0.1.%d' % (10 + i % 240), 9))\n"
            " except OSError: pass\n"), ns="cweb")
        try:
            done = self.lab.exec("fweb", "ping", "-q", "-c200", "-i0.01", "10.0.0.6", check=False)
        finally:
            self.lab.stop(storm)
        self.assertGreaterEqual(int(done.stdout.split(" received")[0].split()[-1]), 180)
        self.assertIn("resolve-full", self.f.drops("cweb"))
        self.assertBooks()

    def test_an_endpoint(self):
        self.fabric(up=False)
        records = {(r["virtual-subnet-id"], r["customer-address"]): r for r in self.f.records()}
        asked = []

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                q = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                asked.append((q["virtual-subnet-id"], q["customer-address"]))
                found = records.get(asked[-1])
                body = json.dumps(found).encode() if found else b""
                self.send_response(200 if found else 404)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def address_string(self):
                return "unix"

            def log_message(self, *args):
                pass

        class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
            daemon_threads = True

        path = str(self.lab.dir / "resolver.sock")
        server = Server(path, Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            self.up_with({"url": path})
            self.assertMesh()
            self.assertIn((5001, "10.0.0.6"), asked)
        finally:
            server.shutdown()
            server.server_close()
        # It is gone: an event says so, once.
        self.lab.exec("cweb", "ping", "-c2", "-W1", "10.0.0.98", check=False)
        wait_until("an event", lambda: [e for e in self.f.nodes[0].json("events") if f"the resolver {path}" in e["text"]])
