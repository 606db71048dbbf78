"""The command centre over HTTP: its gateway posts signed messages, and takes the signed orders to its units."""
import hashlib
import hmac
import http.server
import os
import pathlib
import queue
import sys
import threading
import time
import unittest
import urllib.error
import urllib.request

from emergency_test import UNITS, answer_to, elements, sample

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "story"))
from city import BIN, DEADLINE, CityTest

NAME, KEY, ORDERS_KEY = "emergency_http", b"an invented key of the gateway", b"an invented key of orders"


def mac_of(key, *signed):
    return "sha256=" + hmac.new(key, b".".join(signed), hashlib.sha256).hexdigest()


class Gateway(http.server.ThreadingHTTPServer):
    """Knows an order that comes again by its key."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Takes)
        self.orders, self.seen, self.away = queue.Queue(), [], 0
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def close(self):
        self.shutdown()
        self.server_close()


class Takes(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        signed = [self.headers[name].encode() for name in ("X-Casehub-Timestamp", "X-Casehub-Id")] + [body]
        status = 503 if self.server.away > 0 else 200
        if self.headers["X-Casehub-Signature"] != mac_of(ORDERS_KEY, *signed):
            status = 401
        self.server.away -= 1
        self.server.seen.append((self.path, self.headers["Idempotency-Key"], status))
        if status == 200:
            self.server.orders.put(elements(body))
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


class OverHttp(CityTest):
    def setUp(self):
        super().setUp()
        self.gateway = Gateway()
        self.addCleanup(self.gateway.close)
        self.city.grant(NAME, "connector", sources=["emergency"], parties=list(UNITS), private="all")
        self.city.connector("emergency")  # for its folder
        folder = pathlib.Path(self.city.path("emergency-connector"))
        for name, key in (("secrets", KEY), ("orders-key", ORDERS_KEY)):
            (folder / name).touch(0o600)
            (folder / name).write_bytes(key + b"\n")
        (folder / "targets_http.csv").write_text("target,url,secret_file\n" + "".join(
            f"{party},http://127.0.0.1:{self.gateway.server_port}/cap/{party},orders-key\n" for party in UNITS))
        config = folder / f"{NAME}.cfg"
        text = config.read_text().replace("with_case", 'retry_first = "20ms"; with_case')
        config.write_text(text.replace("http_post = {", "http_post = { private = true;") + "memory_most = 0;\n")
        self.city.program(NAME, os.path.join(BIN, "casehub-connect"), "run", NAME, "--config", config,
                          CASEHUB_HUB=self.city.ready["tcp"], CASEHUB_KEY=self.city.path(NAME)).start()
        said = self.city.wait_for("hub.connector.>", lambda event: event["data"]["state"] == "running")
        self.address = said["data"]["address"]

    def posts(self, message, key=KEY):
        """The status."""
        at = str(int(time.time()))
        request = urllib.request.Request(self.address, message, {
            "X-Casehub-Timestamp": at, "X-Casehub-Signature": mac_of(key, at.encode(), message)})
        try:
            with urllib.request.urlopen(request, timeout=DEADLINE) as answer:
                return answer.status
        except urllib.error.HTTPError as error:
            return error.code

    def test_what_is_not_signed_or_no_cap_opens_no_case(self):
        self.assertEqual(self.posts(sample("alert"), b"somebody's key"), 403)
        self.assertEqual(self.posts(sample("no-scope")), 400)
        self.assertEqual(self.city.casehub("case", "list"), [])

    def test_orders_come_signed_and_again_until_the_gateway_has_them_and_units_answer_them(self):
        self.gateway.away = 2
        self.assertIn(self.posts(sample("alert")), (200, 201))
        orders = [self.gateway.orders.get(timeout=DEADLINE) for _ in UNITS]
        self.assertEqual({order["addresses"] for order in orders}, set(UNITS.values()))
        first = self.gateway.seen[0]
        self.assertEqual(self.gateway.seen[:3], [(*first[:2], 503), (*first[:2], 503), (*first[:2], 200)])
        self.assertEqual({path for path, _, _ in self.gateway.seen}, {f"/cap/{party}" for party in UNITS})
        for order in orders:
            self.assertIn(self.posts(answer_to(order, "accepted")), (200, 201))
        self.assertEqual(self.states(orders[0]["incidents"]), dict.fromkeys(UNITS, "accepted"))


if __name__ == "__main__":
    unittest.main()
