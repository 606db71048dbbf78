"""Records that others post over HTTP: who is let in, what is answered, and what no client can do to the connector."""
import hashlib
import hmac
import json
import os
import pathlib
import re
import socket
import sys
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "story"))
from city import BIN, DEADLINE, City
from hub import wait_until

NAME, KEY, NEXT_KEY = "grid", "an invented key of today", "an invented key of tomorrow"
MAPPING = '''if .id == "bad" then refuse("id"; "it is bad") else
{type: "case.opened", id: .id, time: (.time // "2026-11-23T02:27:00Z"), ref: .id,
 data: {kind: "matter", category: "lamp.out", title: .title}} end'''
CONFIG = """
name = "grid"; source = "grid/x"; transport = "http_server"; mapping = "map.jq"; state_dir = "state"; memory_most = 0;
answer_timeout = "1s";
http_server = { path = "/in"; %s };
"""
SIGNED = 'secrets_file = "keys"; request_timeout = "2s"; body_most = "64KiB"; content_types = [ "application/json" ];'


def sign(body, at=None, key=KEY):
    """As any receiver or sender would: five lines of Python."""
    at = str(int(time.time()) if at is None else at)
    mac = hmac.new(key.encode(), at.encode() + b"." + body, hashlib.sha256).hexdigest()
    return {"X-Casehub-Timestamp": at, "X-Casehub-Signature": "sha256=" + mac}


class HttpServer(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.city = City()
        cls.addClassCleanup(cls.city.close)
        cls.city.grant(NAME, "connector", sources=[NAME], private="all")
        cls.folder = pathlib.Path(cls.city.path("connector"))
        cls.folder.mkdir()
        (cls.folder / "map.jq").write_text(MAPPING)
        cls.connector, cls.started = None, 0

    def tearDown(self):
        if self.connector is not None:
            self.connector.kill()

    def write_keys(self, *keys, name="keys", mode=0o600):
        """As one does it while others read: beside, then in place."""
        beside = self.folder / "new"
        beside.write_text("# invented\n" + "".join(key + "\n" for key in keys))
        beside.chmod(mode)
        beside.rename(self.folder / name)

    def make(self, settings=SIGNED, more=""):
        self.write_keys(KEY)
        (self.folder / "grid.cfg").write_text(CONFIG % settings + more)
        type(self).connector = self.city.program(NAME, os.path.join(BIN, "casehub-connect"), "run", NAME, "--config",
                                                 self.folder / "grid.cfg", CASEHUB_HUB=self.city.ready["tcp"],
                                                 CASEHUB_KEY=self.city.path(NAME))
        return self.connector

    def start(self, settings=SIGNED, more=""):
        self.make(settings, more).start()
        type(self).started += 1
        ours = lambda event: event["source"] == "grid/x" and event["data"]["state"] == "running"
        said = self.city.wait_for("hub.connector.>", ours, self.started)
        address = re.fullmatch(r"http://([0-9.]+):([0-9]+)/in", said["data"]["address"])
        self.address = (address[1], int(address[2]))

    def connect(self):
        connection = socket.create_connection(self.address, timeout=DEADLINE)
        self.addCleanup(connection.close)
        return connection

    def read(self, connection):
        """(status, header fields in lower case, body) of one answer."""
        file = connection.makefile("rb")
        status = int(file.readline().split()[1])
        fields = {}
        while (line := file.readline().strip()):
            name, value = line.decode().split(":", 1)
            fields[name.lower()] = value.strip()
        return status, fields, json.loads(file.read(int(fields["content-length"])))

    def head(self, length, fields, path="/in", method="POST"):
        fields = {"Host": "x", "Content-Type": "application/json", **fields}
        if length is not None:
            fields["Content-Length"] = length
        return f"{method} {path} HTTP/1.1\r\n".encode() + "".join(
            f"{name}: {value}\r\n" for name, value in fields.items()).encode() + b"\r\n"

    def post(self, body, fields=None, **more):
        """Signed, unless the fields say otherwise."""
        body = body if isinstance(body, bytes) else json.dumps(body).encode()
        connection = self.connect()
        connection.sendall(self.head(len(body), sign(body) if fields is None else fields, **more) + body)
        return self.read(connection)

    def cases(self):
        return {case["case"] for case in self.city.casehub("case", "list", "--limit", "1000")}

    # ---- who is let in

    def test_without_a_word_on_who_may_post_it_does_not_start(self):
        connector = self.make("")
        self.assertNotEqual(connector.start().running.wait(DEADLINE), 0)
        self.assertIn("anonymous", connector.log())

    def test_a_key_file_that_others_may_read_is_refused(self):
        connector = self.make()
        (self.folder / "keys").chmod(0o640)
        self.assertNotEqual(connector.start().running.wait(DEADLINE), 0)
        self.assertIn("chmod 600", connector.log())

    def test_a_signature_must_be_there_be_right_and_be_of_now(self):
        self.start()
        before, body = self.cases(), b'{"id": "signed"}'
        now = int(time.time())
        self.assertEqual(self.post(body, {})[0], 401)
        self.assertEqual(self.post(body, {"X-Casehub-Signature": sign(body)["X-Casehub-Signature"]})[0], 401)
        for wrong in (sign(b'{"id": "other"}'), sign(body, key=NEXT_KEY), sign(body, now - 400), sign(body, now + 400),
                      sign(body, "soon"), {**sign(body), "X-Casehub-Timestamp": now - 1},
                      {**sign(body), "X-Casehub-Signature": "sha256=" + "0" * 64},
                      {**sign(body), "X-Casehub-Signature": sign(body)["X-Casehub-Signature"][7:]},
                      {**sign(body), "X-Casehub-Signature": sign(body)["X-Casehub-Signature"][:-2]}):
            status, _, answer = self.post(body, wrong)
            self.assertEqual((status, answer["error"]), (403, "denied"), wrong)
        self.assertEqual(self.cases(), before)
        self.assertEqual(self.post(body)[0], 200)
        self.assertIn("were not let in", self.connector.log())
        self.assertNotIn(KEY, self.connector.log())

    def test_a_request_that_is_replayed_gets_its_first_answer_again(self):
        self.start()
        body = b'{"id": "replayed"}'
        fields = sign(body, int(time.time()) - 100)
        first, again = self.post(body, fields), self.post(body, fields)
        self.assertEqual((first[0], first[2]["duplicate"], again[0], again[2]["duplicate"]), (200, False, 200, True))
        self.assertEqual((first[2]["case"], first[2]["sequence"]), (again[2]["case"], again[2]["sequence"]))

    def test_one_key_follows_the_other_without_a_gap(self):
        self.start()
        body = b'{"id": "rotated"}'
        self.write_keys(NEXT_KEY, KEY)
        self.assertEqual(self.post(body, sign(body, key=KEY))[0], 200)
        self.assertEqual(self.post(body, sign(body, key=NEXT_KEY))[0], 200)
        self.write_keys(NEXT_KEY)
        self.assertEqual(self.post(body, sign(body, key=KEY))[0], 403)
        self.write_keys(NEXT_KEY, mode=0o644)
        status, fields, _ = self.post(body, sign(body, key=NEXT_KEY))
        self.assertEqual((status, "retry-after" in fields), (503, True))
        self.write_keys(NEXT_KEY)
        self.assertEqual(self.post(body, sign(body, key=NEXT_KEY))[0], 200)

    def test_a_signature_of_the_body_alone_and_a_token(self):
        self.write_keys("an invented token of a desk", name="tokens")
        self.start('secrets_file = "keys"; bearer_file = "tokens"; signature_header = "X-Hub-Signature-256"; timestamp_header = "";')
        body, token = b'{"id": "alone"}', {"Authorization": "Bearer an invented token of a desk"}
        signed = {"X-Hub-Signature-256": "sha256=" + hmac.new(KEY.encode(), body, hashlib.sha256).hexdigest()}
        status, fields, _ = self.post(body, signed)
        self.assertEqual((status, fields["www-authenticate"]), (401, "Bearer"))
        self.assertEqual(self.post(body, {**signed, "Authorization": "Bearer of bad news, and long"})[0], 403)
        self.assertEqual(self.post(body, token)[0], 401)
        self.assertEqual(self.post(body, {**signed, **token})[0], 200)

    def test_a_signature_with_an_id_as_another_hub_sends_it(self):
        self.start('secrets_file = "keys"; id_header = "X-Casehub-Id";')
        body, at = b'{"id": "of another hub"}', str(int(time.time()))
        mac = hmac.new(KEY.encode(), f"{at}.ZJ/7/1.".encode() + body, hashlib.sha256).hexdigest()
        fields = {"X-Casehub-Timestamp": at, "X-Casehub-Id": "ZJ/7/1", "X-Casehub-Signature": "sha256=" + mac}
        self.assertEqual(self.post(body, {name: fields[name] for name in fields if name != "X-Casehub-Id"})[0], 401)
        self.assertEqual(self.post(body, {**fields, "X-Casehub-Id": "ZJ/7/2"})[0], 403)
        self.assertEqual(self.post(body)[0], 401)
        self.assertEqual(self.post(body, fields)[0], 200)

    def test_what_is_signed_as_body_does_not_pass_for_id(self):
        self.start('secrets_file = "keys"; id_header = "X-Casehub-Id";')
        inner, at = b'{"id": "moved"}', str(int(time.time()))
        mac = hmac.new(KEY.encode(), f"{at}.7.".encode() + b"[1." + inner, hashlib.sha256).hexdigest()
        fields = {"X-Casehub-Timestamp": at, "X-Casehub-Id": "7.[1", "X-Casehub-Signature": "sha256=" + mac}
        status, _, answer = self.post(inner, fields)
        self.assertEqual((status, answer["reason"]), (403, "the id that is signed holds a dot"))

    # ---- what is answered

    def test_pages_methods_and_types_that_are_not_there_have_their_errors(self):
        self.start()
        body = b"{}"
        self.assertEqual(self.post(body, path="/")[0], 404)
        status, fields, _ = self.post(body, method="DELETE")
        self.assertEqual((status, fields["allow"]), (405, "POST"))
        self.assertEqual(self.post(body, {**sign(body), "Content-Type": "text/html"})[0], 415)
        self.assertEqual(self.post(body, {**sign(body), "Content-Encoding": "gzip"})[0], 415)
        connection = self.connect()
        connection.sendall(self.head(None, {**sign(body), "Transfer-Encoding": "chunked"}) + b"2\r\n{}\r\n0\r\n\r\n")
        self.assertEqual(self.read(connection)[0], 411)

    def test_what_is_wrong_with_a_record_is_said(self):
        self.start()
        letters = self.city.casehub("deadletter", "list")
        for body, where in ((b'{"id": "\xff"}', "request:1"), (b'{"id": ', "request:1"), (b"", "request"),
                            (b'{"id": "bad"}', "request:1: id")):
            status, _, answer = self.post(body)
            self.assertEqual((status, answer["error"], answer["where"]), (400, "invalid", where), answer)
        self.assertEqual(self.post(b'{"id": "one"}\n{"id": "two"}')[0], 413)
        self.assertEqual(self.post({"id": "once", "title": "a"})[0], 200)
        self.assertEqual(self.post({"id": "once", "title": "b"})[0], 409)
        self.assertEqual(self.city.casehub("deadletter", "list"), letters)

    def test_a_batch_is_taken_and_what_fails_becomes_a_dead_letter(self):
        self.start('secrets_file = "keys"; reply = "batch";')
        letters = len(self.city.casehub("deadletter", "list"))
        body = b'{"id": "b1"}\n{"id": "bad"}\n{"id": "b2"}\n'
        status, _, answer = self.post(body)
        self.assertEqual((status, answer["records"], answer["events"], answer["dead_letters"]), (200, 3, 2, 1))
        self.assertEqual((answer["error"], answer["where"]), ("invalid", "request:2: id"))
        self.assertEqual(self.post(body)[0], 200)
        self.assertEqual(len(self.city.casehub("deadletter", "list")), letters + 1)
        refs = [event["ref"] for event in self.city.events() if event["type"] == "case.opened"]
        self.assertEqual((refs.count("b1"), refs.count("b2")), (1, 1))

    def test_a_hub_that_is_away_or_a_pause_is_503_and_the_next_try_opens_one_case(self):
        self.start()
        body = b'{"id": "later"}'
        with self.city.held():
            status, fields, _ = self.post(body)
        self.assertEqual((status, fields["retry-after"]), (503, "5"))
        wait_until(lambda: self.post(body)[0] == 200, "the next try is taken")
        operator = self.city.client("operator")
        say = lambda state: operator.publish_one("hub.connector", "desk", state, {"connector": NAME, "state": state})
        say("paused")
        wait_until(lambda: self.post(b'{"id": "paused"}')[0] == 503, "the pause is told")
        say("running")
        wait_until(lambda: self.post(b'{"id": "paused"}')[0] == 200, "it goes on")
        type(self).started += 1  # it says so again
        refs = [event["ref"] for event in self.city.events() if event["type"] == "case.opened"]
        self.assertEqual((refs.count("later"), refs.count("paused")), (1, 1))

    # ---- what no client can do

    def test_a_body_of_a_gigabyte_costs_nothing(self):
        self.start()
        connection = self.connect()
        connection.sendall(self.head(1 << 30, sign(b"")))
        status, fields, answer = self.read(connection)
        self.assertEqual((status, answer["error"], fields["connection"]), (413, "too-large", "close"))
        self.assertEqual(self.post(b'{"id": "' + b"x" * 70000 + b'"}')[0], 413)

    def test_bodies_that_are_being_read_have_a_limit_together(self):
        self.start('secrets_file = "keys"; body_most = "64KiB"; bodies_most = "64KiB";')
        slow = self.connect()
        slow.sendall(self.head(60000, sign(b"")) + b"{")
        wait_until(lambda: self.post(b'{"id": "' + b"x" * 6000 + b'"}', {**sign(b"")})[0] == 503, "there is no room")
        slow.close()
        wait_until(lambda: self.post(b'{"id": "' + b"x" * 6000 + b'"}', {**sign(b"")})[0] == 403, "there is room again")

    def test_a_slow_client_is_cut_off_and_holds_nobody_up(self):
        self.start()
        slow = self.connect()
        slow.sendall(self.head(100, sign(b""))[:40])
        self.assertEqual(self.post(b'{"id": "quick"}')[0], 200)
        self.assertEqual(slow.recv(1), b"")  # blocks until the connector closes

    def test_requests_in_one_piece_are_answered_one_by_one(self):
        self.start()
        bodies = [b'{"id": "glued1"}', b'{"id": "glued2"}']
        connection = self.connect()
        connection.sendall(b"".join(self.head(len(body), sign(body)) + body for body in bodies))
        file = connection.makefile("rb")
        text = b""
        while text.count(b'"sequence"') < 2:
            line = file.readline()
            self.assertTrue(line, text)
            text += line
        self.assertEqual(text.count(b"HTTP/1.1 200"), 2)


if __name__ == "__main__":
    unittest.main()
