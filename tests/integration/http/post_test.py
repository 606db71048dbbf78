"""What goes out over HTTP: orders of a service centre and of firms, replies to a forum, through crashes; and what nginx says to it."""
import hashlib
import hmac
import http.server
import json
import os
import pathlib
import shutil
import sys
import threading
import time
import unittest
import urllib.error
import urllib.request

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "story"))
from city import BIN, DEADLINE, SOURCE, CityTest
from hub import wait_until
from nginx import Nginx

KEY, API_KEY = "an invented key of a centre", "an-invented-api-key"


class Receiver(http.server.ThreadingHTTPServer):
    """Takes what is posted: (path, header fields, body) each. `answers`: statuses of the next requests, else 204."""

    def __init__(self):
        self.taken, self.answers = [], []
        super().__init__(("127.0.0.1", 0), ReceiverHandler)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def url(self, path):
        return f"http://127.0.0.1:{self.server_port}{path}"

    def bodies(self):
        return [json.loads(body) for _, _, body in self.taken]


class Handler(http.server.BaseHTTPRequestHandler):
    def read(self):
        return self.rfile.read(int(self.headers["Content-Length"]))

    def answer(self, status, body=b"", **fields):
        try:
            self.send_response(status)
            for name, value in fields.items():
                self.send_header(name.replace("_", "-"), value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
        except OSError:
            pass  # who asked is gone

    def log_message(self, *_):
        pass


class ReceiverHandler(Handler):
    def do_POST(self):
        body = self.read()
        self.server.taken.append((self.path, self.headers, body))
        status = self.server.answers.pop(0) if self.server.answers else 204
        self.answer(status, **({"Retry_After": "0"} if status == 503 else {}))


class Forum(http.server.ThreadingHTTPServer):
    """POST /posts.json as Discourse has it: the key, and no text twice of one account. While `gate` is closed what it took has
    no answer."""

    def __init__(self):
        self.posts, self.refused, self.gate = [], 0, threading.Event()
        super().__init__(("127.0.0.1", 0), ForumHandler)
        threading.Thread(target=self.serve_forever, daemon=True).start()


class ForumHandler(Handler):
    def do_POST(self):
        server, post = self.server, json.loads(self.read())
        if (self.path, self.headers["Api-Key"], self.headers["Api-Username"]) != ("/posts.json", API_KEY, "casehub"):
            self.answer(403)
        elif post["raw"] in [known["raw"] for known in server.posts]:
            server.refused += 1
            self.answer(422, json.dumps({"action": "create_post", "errors": ["正文与您最近发布的内容太相似"]},
                                        ensure_ascii=False).encode())
        else:
            server.posts.append(post)
            server.gate.wait()
            self.answer(200, json.dumps({"id": len(server.posts)}).encode(), Content_Type="application/json; charset=utf-8")


class Post(CityTest):
    def connector(self, system, config, name, text=lambda text: text, **files):
        """The system's own way out, with its secrets, started: from now on it gets what happens."""
        folder = pathlib.Path(self.city.path(f"{name}-connector"))
        shutil.copytree(os.path.join(SOURCE, "connectors", system), folder)
        (folder / config).write_text(text((folder / config).read_text()).replace("http_post = {", "http_post = { private = true;")
                                     + "memory_most = 0;\n")
        for file, content in files.items():
            (folder / file.replace("__", ".")).touch(0o600)
            (folder / file.replace("__", ".")).write_text(content)
        made = self.city.program(name, os.path.join(BIN, "casehub-connect"), "run", name, "--config", folder / config,
                                 CASEHUB_HUB=self.city.ready["tcp"], CASEHUB_KEY=self.city.path(name)).start()
        self.city.wait_for("hub.connector.>", lambda event: event["data"]["state"] == "running"
                           and event["data"]["connector"] == name)
        return made

    def serve(self, server):
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        return server

    def has(self, count, what):
        wait_until(lambda: len(what()) >= count, f"{count} are there")
        self.assertEqual(len(what()), count)

    def check_signature(self, key, fields, body):
        """As the senders' README tells a receiver to."""
        at, number = fields["X-Casehub-Timestamp"], fields["X-Casehub-Id"]
        mac = hmac.new(key.encode(), f"{at}.{number}.".encode() + body, hashlib.sha256).hexdigest()
        self.assertEqual(fields["X-Casehub-Signature"], "sha256=" + mac)
        self.assertLess(abs(time.time() - int(at)), 300)

    def answers_of(self, firm, key):
        """Where that firm posts its answers to."""
        self.city.grant("firm_repair_a", "connector", sources=["firm"], parties=[firm])
        folder = pathlib.Path(self.city.path("answers-connector"))
        shutil.copytree(os.path.join(SOURCE, "connectors/hotline"), folder)
        (folder / "firm-a.secret").touch(0o600)
        (folder / "firm-a.secret").write_text(key)
        with open(folder / "answers.cfg", "a", encoding="utf-8") as file:
            file.write("memory_most = 0;\n")
        self.city.program("answers", os.path.join(BIN, "casehub-connect"), "run", "firm_repair_a", "--config", folder / "answers.cfg",
                          CASEHUB_HUB=self.city.ready["tcp"], CASEHUB_KEY=self.city.path("firm_repair_a")).start()
        said = self.city.wait_for("hub.connector.>", lambda event: event["data"].get("address", "").endswith("/answers"))
        return said["data"]["address"]

    def signed(self, url, key, answer):
        """(status, answer) of what a firm posts."""
        body, at = json.dumps(answer).encode(), str(int(time.time()))
        mac = hmac.new(key.strip().encode(), at.encode() + b"." + body, hashlib.sha256).hexdigest()
        request = urllib.request.Request(url, body, {
            "Content-Type": "application/json", "X-Casehub-Timestamp": at, "X-Casehub-Signature": "sha256=" + mac})
        try:
            with urllib.request.urlopen(request, timeout=DEADLINE) as said:
                return said.status, json.load(said)
        except urllib.error.HTTPError as error:
            return error.code, json.load(error)

    def test_a_service_centre_gets_joint_orders_and_reminders_signed(self):
        centre = self.serve(Receiver())
        centre.answers = [503]
        self.city.grant("service_centre_orders", "connector", sources=["service_centre"])
        self.connector("service_centre", "orders.cfg", "service_centre_orders",
                       lambda text: text.replace("https://centre.example.org/orders", centre.url("/orders")),
                       orders__secret=KEY + "\n")
        case = self.system("service_centre").publish_one(
            "case.opened", "service_centre/haishu", "1", {"kind": "matter", "title": "异味", "category": "smell.industrial"},
            ref="HS-0031", area="330203001")["case"]
        self.has(3, lambda: centre.taken)
        for path, fields, body in centre.taken:
            self.assertEqual(path, "/orders")
            self.check_signature(KEY, fields, body)
        self.assertEqual(centre.taken[0][1]["Idempotency-Key"], centre.taken[1][1]["Idempotency-Key"])
        self.assertEqual(centre.taken[0][2], centre.taken[1][2])
        self.city.casehub("handoff", "urge", f"{case}/h2", "--text", "请尽快到现场")
        self.open("hotline", "2")
        self.has(4, lambda: centre.taken)
        self.assertEqual([(body["指令"], body["事件编号"], body["承办部门"], body.get("牵头部门"), body.get("说明"))
                          for body in centre.bodies()[1:]],
                         [("联办", "HS-0031", "环保局", "环保局", None), ("联办", "HS-0031", "安监局", "环保局", None),
                          ("催办", "HS-0031", "安监局", None, "请尽快到现场")])

    def test_a_firm_gets_its_order_and_the_next_one_when_it_rejects(self):
        firms = self.serve(Receiver())
        names = [f"firm-repair-{letter}" for letter in "abc"]
        self.city.grant("hotline_orders", "connector", sources=["hotline"], parties=names, private="all")
        folder = {"firms__csv": "target,url,secret_file\n" + "".join(
            f"{name},{firms.url('/' + name)},{name}.secret\n" for name in names[:2])}
        keys = {f"{name}__secret": f"an invented key of {name}\n" for name in names[:2]}
        self.connector("hotline", "orders.cfg", "hotline_orders", **folder, **keys)
        case = self.system("hotline").publish_one(
            "case.opened", "hotline/81890", "1", {"kind": "request", "category": "service.repair.plumbing",
                                                  "category_local": "repair.plumbing", "title": "下水道堵了"},
            ref="r-1", area="330203001", private={"phone": "13000000002", "address": "样例路1号"})["case"]
        self.city.wait_for("handoff.delivered.>")
        answers = self.answers_of(names[0], keys[f"{names[0]}__secret"])
        busy = {"order": f"{case}/h1", "answer": "rejected", "time": "2026-11-24T09:12:00+08:00", "reason": "busy"}
        self.assertEqual(self.signed(answers, keys[f"{names[1]}__secret"], busy)[0], 403)
        status, first = self.signed(answers, keys[f"{names[0]}__secret"], busy)
        self.assertEqual((status, first["case"]), (200, case))
        self.assertTrue(self.signed(answers, keys[f"{names[0]}__secret"], busy)[1]["duplicate"])
        self.city.wait_for("handoff.delivered.>", count=2)
        self.assertNotEqual(self.signed(answers, keys[f"{names[0]}__secret"], {**busy, "order": f"{case}/h2"})[0], 200)
        self.assertEqual(self.states(case), {names[0]: "rejected", names[1]: "delivered"})
        self.city.casehub("handoff", "reject", f"{case}/h2", "--reason", "busy")
        letters = wait_until(lambda: self.city.casehub("deadletter", "list"), "firm c is not in the table")
        self.assertEqual(letters[0]["reason"], "its target is not in the table")
        self.assertEqual([path for path, _, _ in firms.taken], ["/firm-repair-a", "/firm-repair-b"])
        for path, fields, body in firms.taken:
            self.check_signature(f"an invented key of {path[1:]}", fields, body)
        order = firms.bodies()[1]
        self.assertEqual((order["order"], order["service_code"], order["phone"], order["address"]),
                         (f"{case}/h2", "repair.plumbing", "13000000002", "样例路1号"))
        log = pathlib.Path(self.city.path("hotline_orders.log")).read_text()
        self.assertNotIn("13000000002", log)

    def test_a_reply_stands_in_the_forum_once_although_the_connector_was_killed(self):
        forum = self.serve(Forum())
        self.addCleanup(forum.gate.set)
        water, = self.parties("water")
        self.city.grant("forum_reply", "connector", sources=["forum"])
        connector = self.connector("forum", "reply.cfg", "forum_reply",
                                   lambda text: text.replace("https://forum.example.org", f"http://127.0.0.1:{forum.server_port}"),
                                   reply__key=f"Api-Key: {API_KEY}\nApi-Username: casehub\n")
        case = self.system("forum").publish_one("case.opened", "forum/zhenhai", "1", {
            "kind": "post", "title": "停水", "text": "停水了", "category": "water"}, ref="4711", area="330211")["case"]
        water.begins()
        self.system("forum").publish_one("case.replied", "forum/zhenhai", "2", {"public": True, "text": "论坛里的答复"}, ref="4711")
        water.case("reply", case, "--text", "只告诉本人")
        water.case("reply", case, "--text", "今晚恢复供水", "--public")
        self.has(1, lambda: forum.posts)
        connector.kill()
        forum.gate.set()
        connector.start()
        wait_until(lambda: forum.refused == 1, "it comes again")
        water.case("reply", case, "--text", "今晚恢复供水", "--public")
        self.has(2, lambda: forum.posts)
        self.assertEqual([post["topic_id"] for post in forum.posts], [4711, 4711])
        self.assertTrue(forum.posts[0]["raw"].startswith(f"今晚恢复供水\n\n水务局，答复编号 {case}/"), forum.posts[0])
        self.assertEqual((forum.refused, self.city.casehub("deadletter", "list")), (1, []))
        self.assertNotIn(API_KEY, connector.log())


class Nginxes(CityTest):
    """http_post against nginx: one connector, one event, one answer."""

    def setUp(self):
        super().setUp()
        self.server = Nginx(self.city.path("nginx"))
        self.addCleanup(self.server.stop)
        self.count = 0

    def post(self, url, **settings):
        """A connector that posts one event there."""
        self.count += 1
        name = f"poster{self.count}"
        folder = pathlib.Path(self.city.path(name + "-connector"))
        folder.mkdir()
        group = " ".join(f"{key} = {json.dumps(value)};" for key, value in {"url": url, "private": True, **settings}.items())
        (folder / "out.jq").write_text("{body: .subject}")
        (folder / "out.cfg").write_text(
            f'name = "{name}"; source = "grid/x"; state_dir = "state"; memory_most = 0; outward = {{ sender = "http_post";'
            f' mapping = "out.jq"; from = "all"; topics = [ "case.opened.>" ]; http_post = {{ {group} }}; }};')
        self.city.grant(name, "connector", sources=["grid"])
        return self.city.program(name, os.path.join(BIN, "casehub-connect"), "run", name, "--config", folder / "out.cfg",
                                 CASEHUB_HUB=self.city.ready["tcp"], CASEHUB_KEY=self.city.path(name)).start()

    def says(self, connector, text):
        try:
            wait_until(lambda: text in connector.log(), f"the connector says {text!r}")
        except AssertionError as error:
            raise AssertionError(f"{error}\n{connector.log()}") from None

    def test_what_is_no_yes_is_told_and_waits_or_ends(self):
        self.open("grid")
        for page, why, settings in (
                ("busy.json", "waits 77000 ms (attempt 1): the receiver answered with status 429", {}),
                ("busy.json", "waits 5000 ms (attempt 1): the receiver answered with status 429", {"retry_after_most": "5s"}),
                ("down.json", "waits 1000 ms (attempt 1): the receiver answered with status 500", {}),
                ("login.json", "becomes a dead letter: the receiver answered with status 200", {"ok": ["201"]}),
                ("login.json", "waits 1000 ms (attempt 1): the answer has another media type", {"answer_types": "application/json"}),
                ("none.json", "becomes a dead letter: the receiver answered with status", {}),
                ("moved", "becomes a dead letter: it redirects to another host", {"redirects": 3}),
                ("away.json", "becomes a dead letter: it redirects to a page that is only read", {"redirects": 3}),
                ("away.json", "becomes a dead letter: the receiver answered with status 302", {}),
                ("taken", "its address may not be asked", {"private": False})):
            with self.subTest(page=page, **settings):
                connector = self.post(self.server.url(page), **settings)
                self.says(connector, why)
                self.assertEqual(connector.stop(), 0)

    def test_only_a_certificate_that_is_trusted_for_the_name_gets_anything(self):
        self.open("grid")
        for host, settings in (("localhost", {}), ("127.0.0.1", {"ca_file": self.server.ca()})):
            with self.subTest(host=host):
                connector = self.post(self.server.tls_url("taken", host), **settings)
                self.says(connector, "certificate")
                self.assertEqual(connector.stop(), 0)
        self.assertEqual(self.server.codes(), [])
        self.post(self.server.tls_url("taken"), ca_file=self.server.ca())
        wait_until(lambda: self.server.codes() == ["204"], "it is taken")


if __name__ == "__main__":
    unittest.main()
