"""A connector that asks a real web server (nginx), and one that pages, which it is killed between."""
import http.server
import json
import os
import pathlib
import sys
import threading
import unittest
import urllib.parse

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "story"))
from city import BIN, City
from hub import wait_until
from nginx import Nginx

NAME = "grid"
MAPPING = ('{type: "case.opened", id: .id, ref: .id, time: {"$time": "2026-11-23 08:15", zone: "Asia/Shanghai"},'
           ' data: {kind: "matter", category: "lamp.out"}}')

def post(number):
    return {"id": f"p{number}"}


class Pages(http.server.ThreadingHTTPServer):
    """/?page=N: three pages of two posts, then an empty one. Page `held` has no answer until it is released."""

    def __init__(self, held):
        self.held, self.asked, self.gate = held, [], threading.Event()
        super().__init__(("127.0.0.1", 0), PageHandler)
        threading.Thread(target=self.serve_forever, daemon=True).start()


class PageHandler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        page = int(urllib.parse.parse_qs(urllib.parse.urlsplit(self.path).query)["page"][0])
        self.server.asked.append(page)
        if page == self.server.held:
            self.server.gate.wait()
        body = json.dumps({"list": [post(2 * page - 1), post(2 * page)] if page <= 3 else []}).encode()
        try:
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
        except OSError:
            pass  # who asked is gone

    def log_message(self, *_):
        pass


class Poll(unittest.TestCase):
    def setUp(self):
        self.city = City()
        self.addCleanup(self.city.close)
        self.city.grant(NAME, "connector", sources=[NAME], private="all")
        self.connectors = 0

    def connector(self, url, **settings):
        """Asks it, with settings of http_poll besides."""
        self.connectors += 1
        folder = pathlib.Path(self.city.path(f"connector-{self.connectors}"))
        folder.mkdir()
        settings = {"url": url, "records": "/list", "interval": "200ms", "private": True, **settings}
        group = " ".join(f"{name} = {json.dumps(value)};" for name, value in settings.items())
        (folder / "poll.cfg").write_text(f'name = "{NAME}"; source = "grid/x"; transport = "http_poll"; mapping = "map.jq";'
                                         f' memory_most = 0; state_dir = "state"; http_poll = {{ {group} }};')
        (folder / "map.jq").write_text(MAPPING)
        return self.city.program(f"poll-{self.connectors}", os.path.join(BIN, "casehub-connect"), "run", NAME, "--config",
                                 folder / "poll.cfg", CASEHUB_HUB=self.city.ready["tcp"],
                                 CASEHUB_KEY=self.city.path(NAME)).start()

    def says(self, connector, text):
        try:
            wait_until(lambda: text in connector.log(), f"the connector says {text!r}")
        except AssertionError as error:
            raise AssertionError(f"{error}\n{connector.log()}") from None

    def refs(self):
        return [event["ref"] for event in self.city.events() if event["type"] == "case.opened"]

    def nginx(self):
        server = Nginx(self.city.path("nginx"))
        self.addCleanup(server.stop)
        return server

    def test_what_is_no_answer_is_told_and_nothing_of_it_is_taken(self):
        server = self.nginx()
        server.put("bomb.json", '{"list":[' + " " * (32 << 20) + '{"id":"bomb"}]}')
        server.put("slow.json", json.dumps({"list": [post(1)]}) + " " * 1000)
        for page, why, settings in (
                ("bomb.json", "the answer has more than 1048576 bytes (body_most)", {"body_most": "1MiB"}),
                ("away.json", "it redirects to another host", {"redirects": 3}),
                ("round.json", "it redirects too often", {"redirects": 3}),
                ("down.json", "it is answered with 500", {}),
                ("busy.json", "it is answered with 429; asked again in 77 s", {}),
                ("login.json", 'the answer is \\"text/html\\"', {}),
                ("slow.json", "no whole answer in time", {"timeout": "200ms"}),
                ("none.json", "it is answered with 404", {})):
            with self.subTest(page=page):
                connector = self.connector(server.url(page), **settings)
                self.says(connector, f"/{page}: {why}")
                self.assertEqual(connector.stop(), 0)
        self.assertEqual(self.refs(), [])

    def test_only_a_certificate_that_is_trusted_for_the_name_lets_anything_in(self):
        server = self.nginx()
        server.put("posts.json", json.dumps({"list": [post(1)]}))
        for host, settings in (("localhost", {}), ("127.0.0.1", {"ca_file": server.ca()})):
            with self.subTest(host=host):
                connector = self.connector(server.tls_url("posts.json", host), **settings)
                self.says(connector, "certificate")
                self.assertEqual(connector.stop(), 0)
        self.assertEqual(self.refs(), [])
        connector = self.connector(server.tls_url("posts.json"), ca_file=server.ca())
        self.city.wait_for("case.opened.>")
        self.assertEqual(connector.stop(), 0)
        self.assertEqual(self.refs(), ["p1"])

    def test_asks_whether_the_page_changed_and_takes_what_is_new(self):
        server = self.nginx()
        server.put("posts.json", json.dumps({"list": [post(1)]}))
        connector = self.connector(server.url("posts.json"))
        self.city.wait_for("case.opened.>")
        wait_until(lambda: server.codes().count("304") >= 2, "it did not change")
        connector.kill()
        before = server.codes().count("200")
        connector.start()
        wait_until(lambda: server.codes().count("304") >= 4, "that is known after a restart, too")
        self.assertEqual(server.codes().count("200"), before)
        server.put("posts.json", json.dumps({"list": [post(1), post(2)]}))
        self.city.wait_for("case.opened.>", lambda event: event["ref"] == "p2")
        self.assertEqual(connector.stop(), 0)
        self.assertEqual(self.refs(), ["p1", "p2"])

    def test_goes_on_at_the_page_it_was_killed_at(self):
        server = Pages(held=3)
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        connector = self.connector(f"http://127.0.0.1:{server.server_port}/?page={{page}}", interval="1h")
        wait_until(lambda: 3 in server.asked, "page 3 is asked for")
        connector.kill()
        self.city.kill()
        self.city.start()
        server.gate.set()
        connector.start()
        wait_until(lambda: 4 in server.asked, "the round ends")
        self.city.wait_for("case.opened.>", lambda event: event["ref"] == "p6")
        self.assertEqual(connector.stop(), 0)
        self.assertEqual(server.asked, [1, 2, 3, 3, 4])
        self.assertEqual(self.refs(), ["p1", "p2", "p3", "p4", "p5", "p6"])


if __name__ == "__main__":
    unittest.main()
