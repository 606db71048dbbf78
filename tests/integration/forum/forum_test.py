"""The forum's own connector against a server with Discourse's list of posts: what citizens write, edit and take back."""
import hashlib
import hmac
import http.server
import json
import os
import pathlib
import sys
import threading
import unittest
import urllib.error
import urllib.parse
import urllib.request

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "story"))
from city import BIN, DEADLINE, SOURCE, CityTest
from hub import wait_until

SAMPLE = os.path.join(SOURCE, "connectors/forum/samples/posts-20261124.json")
SECRET = "an invented secret of the web hook"
PAGE = 2  # posts, where Discourse gives 50: so that four pages are few posts


class Forum(http.server.ThreadingHTTPServer):
    """GET /posts.json?before=ID: the newest posts up to that one, newest first. Counters change with every look."""

    def __init__(self):
        self.posts, self.looks = {}, 0
        super().__init__(("127.0.0.1", 0), ForumHandler)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def put(self, post):
        self.posts[post["id"]] = post


class ForumHandler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        server, query = self.server, urllib.parse.parse_qs(urllib.parse.urlsplit(self.path).query)
        before = int(query["before"][0]) if "before" in query else max(server.posts, default=0)
        posts = [server.posts[number] for number in sorted(server.posts, reverse=True) if number <= before][:PAGE]
        body = json.dumps({"latest_posts": [{**post, "reads": server.looks} for post in posts]}).encode()
        server.looks += "before" not in query
        self.send_response(200)
        self.send_header("Content-Type", "application/json; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Posts(CityTest):
    def setUp(self):
        super().setUp()
        self.forum = Forum()
        self.addCleanup(self.forum.server_close)
        self.addCleanup(self.forum.shutdown)
        with open(SAMPLE, encoding="utf-8") as file:
            versions = [json.loads(line) for line in file]
        self.lamp, self.more, self.reply, self.water, self.water_edited = versions[:5]
        self.water_gone = versions[10]
        self.city.grant("forum", "connector", sources=["forum"], private="all")
        self.connector = self.city.connector("forum")
        config = pathlib.Path(self.city.path("forum-connector")) / "forum.cfg"
        text = config.read_text().replace("https://forum.example.org", f"http://127.0.0.1:{self.forum.server_port}")
        config.write_text(text.replace('interval = "1m";', 'interval = "100ms"; private = true;'))

    def start_hook(self):
        """The connector that the forum posts to, in the same folder: same mapping, same tables."""
        folder = pathlib.Path(self.city.path("forum-connector"))
        (folder / "forum_hook.secret").write_text(SECRET + "\n")
        (folder / "forum_hook.secret").chmod(0o600)
        with open(folder / "forum_hook.cfg", "a", encoding="utf-8") as file:
            file.write("memory_most = 0;\n")
        self.city.grant("forum_hook", "connector", sources=["forum"], private="all")
        self.city.program("forum_hook", os.path.join(BIN, "casehub-connect"), "run", "forum_hook", "--config",
                          folder / "forum_hook.cfg", CASEHUB_HUB=self.city.ready["tcp"],
                          CASEHUB_KEY=self.city.path("forum_hook")).start()
        said = self.city.wait_for("hub.connector.>", lambda event: event["data"].get("address", "").endswith("/forum"))
        self.hook_address = said["data"]["address"]

    def hook(self, event, body, secret=SECRET):
        """What Discourse posts; the status of the answer."""
        content = json.dumps(body).encode()
        mac = hmac.new(secret.encode(), content, hashlib.sha256).hexdigest()
        headers = {"Content-Type": "application/json", "X-Discourse-Event": event,
                   "X-Discourse-Event-Signature": "sha256=" + mac}
        try:
            with urllib.request.urlopen(urllib.request.Request(self.hook_address, content, headers),
                                        timeout=DEADLINE) as answer:
                return answer.status
        except urllib.error.HTTPError as error:
            return error.code

    def case(self, ref):
        """Its types in order, once the forum was looked at twice more."""
        looks = self.forum.looks
        wait_until(lambda: self.forum.looks >= looks + 3, "two more looks")
        return [event["type"] for event in self.timeline(ref) if event["type"].startswith("case.")]

    def test_a_post_its_edit_and_its_end_are_one_case_however_often_they_are_seen(self):
        self.forum.put(self.water)
        self.connector.start()
        self.assertEqual(self.case("18"), ["case.opened"])
        self.connector.kill()
        self.city.kill()
        self.city.start()
        self.forum.put(self.water_edited)
        self.connector.start()
        amended = self.city.wait_for("case.amended.>")
        self.assertEqual(amended["data"]["text"], self.water_edited["raw"])
        self.forum.put(self.water_gone)
        self.city.wait_for("case.cancelled.>")
        self.assertEqual(self.case("18"), ["case.opened", "case.amended", "case.cancelled"])
        self.assertEqual(self.city.casehub("deadletter", "list"), [])

    def test_an_official_reply_and_a_follow_up_are_told_once_although_they_stand_before_the_post(self):
        for post in (self.lamp, self.more, self.reply):
            self.forum.put(post)
        self.connector.start()
        self.city.wait_for("case.opened.>")
        self.city.wait_for("case.replied.>")
        types = self.case("17")
        self.assertEqual(sorted(types), sorted(set(types) | {"case.opened", "case.noted", "case.replied"}))
        reply, = [event for event in self.timeline("17") if event["type"] == "case.replied"]
        self.assertEqual((reply["data"]["text"], reply["data"]["public"]), (self.reply["raw"], True))
        self.assertEqual(len([event for event in self.city.events() if event["type"] == "case.opened"]), 1)
        self.assertEqual(self.city.casehub("deadletter", "list"), [])
        self.assertEqual(self.connector.stop(), 0)

    def test_a_hook_and_the_poll_tell_of_a_post_as_of_one(self):
        self.start_hook()
        self.assertEqual(self.hook("post_created", {"post": self.lamp}, secret="another secret, also invented"), 403)
        self.assertEqual(self.hook("ping", {"ping": "OK"}), 200)
        self.assertEqual(self.hook("post_created", {"post": {**self.lamp, "topic_archetype": "regular"}}), 200)
        self.assertEqual(self.hook("post_created", {"post": self.lamp}), 200)  # Discourse tries once more
        self.forum.put(self.lamp)
        self.forum.put(self.water)
        self.connector.start()
        self.city.wait_for("case.opened.>", lambda event: event["ref"] == "18")
        self.assertEqual(self.hook("post_created", {"post": self.water}), 200)
        self.assertEqual(self.hook("post_edited", {"post": self.water_edited}), 200)
        self.forum.put(self.water_edited)
        self.assertEqual(self.case("17"), ["case.opened"])
        self.assertEqual(self.case("18"), ["case.opened", "case.amended"])
        moderated = {**self.water_edited, "deleted_at": "2026-11-24T03:10:00.000Z", "updated_at": "2026-11-24T03:10:00.000Z"}
        self.assertEqual(self.hook("post_destroyed", {"post": moderated}), 200)
        self.assertEqual(self.case("18"), ["case.opened", "case.amended", "case.noted"])
        self.assertEqual(self.city.casehub("deadletter", "list"), [])


if __name__ == "__main__":
    unittest.main()
