"""Events that go out to a system as files: who gets them, in which order, and what a crash or a full folder does."""
import json
import os
import pathlib
import shutil
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "story"))
from city import BIN, DEADLINE, SOURCE, City
from hub import wait_until

NAME, PARTY = "orders", "urban-mgmt"
CONFIG = """
name = "orders"; source = "works/orders"; state_dir = "state"; memory_most = 0;
outward = {
  sender = "file_put"; mapping = "out.jq"; from = "all"; retry_first = "20ms"; retry_most = "200ms";
  topics = [ "handoff.offered.*.urban-mgmt.>", "case.noted.>" ];
  file_put = { folder = "out"; };
};
"""
ANSWERED = """
name = "orders"; source = "works/orders"; state_dir = "state"; memory_most = 0;
format = "json"; mapping = "in.jq";
outward = {
  sender = "exec"; mapping = "out.jq"; from = "all"; topics = [ "case.noted.>" ]; answers = true;
  exec = { program = [ "/usr/bin/python3", "-uB", "receiver.py" ]; };
};
"""
RECEIVER = '''
import json, sys
with open("received", "a+") as known:
    known.seek(0)
    ids = known.read().split()
    for line in sys.stdin:
        id_ = json.loads(line)["id"]
        if id_ not in ids:
            ids.append(id_)
            print(id_, file=known, flush=True)
        print(json.dumps({"id": id_, "ok": True, "answer": {"number": ids.index(id_) + 1}}))
'''
MAPPING = '''if .type == "case.noted" then
  if .data.text == "bad" then refuse("data.text"; "it is bad")
  elif .data.text == "unsafe" then {body: 1, name: "../x"}
  else {body: .data.text, name: "\\(.sequence).txt"} end
else {body: {handoff: .data.handoff, at: $record.time}, name: "\\(.data.handoff | split("/") | join("-")).json"} end'''


class Outward(unittest.TestCase):
    def setUp(self):
        self.city = City()
        self.addCleanup(self.city.close)
        self.city.grant(NAME, "connector", sources=["works", "desk"], parties=[PARTY], private="all")
        self.operator = self.city.client("operator")
        self.folder = pathlib.Path(self.city.path("works"))
        (self.folder / "out").mkdir(parents=True)
        (self.folder / "out.jq").write_text(MAPPING)
        (self.folder / "orders.cfg").write_text(CONFIG)
        self.connector = self.city.program(NAME, os.path.join(BIN, "casehub-connect"), "run", NAME, "--config",
                                           self.folder / "orders.cfg", CASEHUB_HUB=self.city.ready["tcp"],
                                           CASEHUB_KEY=self.city.path(NAME))
        self.said = 0

    def publish(self, type_, data, **more):
        self.said += 1
        return self.operator.publish_one(type_, "desk", f"said-{self.said}", data, **more)

    def open(self, ref, **data):
        return self.publish("case.opened", {"kind": "matter", "title": "an invented lamp", **data}, ref=ref)["case"]

    def files(self):
        return {path.name: path.read_text() for path in (self.folder / "out").iterdir() if not path.name.startswith(".")}

    def has(self, count):
        wait_until(lambda: len(self.files()) >= count, f"{count} files", DEADLINE)
        self.assertEqual(len(self.files()), count)

    def letters(self):
        return self.city.casehub("deadletter", "list", "--all")

    def test_an_offer_becomes_a_file_and_is_delivered(self):
        self.connector.start()
        self.open("a", category="lamp.out")
        delivered = self.city.wait_for("handoff.delivered.>")
        (name, text), = self.files().items()
        self.assertEqual(json.loads(text)["handoff"], delivered["data"]["handoff"])
        self.assertEqual(name, delivered["data"]["handoff"].replace("/", "-") + ".json")
        row, = self.city.casehub("connector", "list")
        self.assertEqual((row["connector"], row["state"]), (NAME, "running"))

    def test_nothing_is_lost_and_a_case_keeps_its_order_when_the_connector_is_killed(self):
        cases = [self.open(ref) for ref in "ab"]
        sequences = []
        for number in range(60):
            sequences.append(self.publish("case.noted", {"text": f"{number}"}, subject=cases[number % 2])["sequence"])
        for count in (1, 20, 40):
            self.connector.start()
            wait_until(lambda: len(self.files()) >= count, f"{count} files", DEADLINE)
            self.connector.kill()
        self.connector.start()
        self.has(60)
        self.assertEqual({name: int(text.strip('"')) for name, text in self.files().items()},
                         {f"{sequence}.txt": number for number, sequence in enumerate(sequences)})
        times = [(self.folder / "out" / f"{sequence}.txt").stat().st_mtime_ns for sequence in sequences]
        for first in (0, 1):
            self.assertEqual(times[first::2], sorted(times[first::2]))
        self.assertEqual(self.letters(), [])

    def test_a_folder_that_is_away_makes_the_case_wait_and_no_dead_letter(self):
        (self.folder / "out").rmdir()
        self.connector.start()
        case = self.open("a")
        for text in ("one", "two"):
            self.publish("case.noted", {"text": text}, subject=case)
        wait_until(lambda: self.connector.log().count("(attempt ") >= 12, "it tries and tries", DEADLINE)
        self.assertEqual(self.letters(), [])
        (self.folder / "out").mkdir()
        self.has(2)

    def test_a_folder_that_is_away_for_long_is_an_alert_and_its_return_another(self):
        (self.folder / "out").rmdir()
        (self.folder / "orders.cfg").write_text(CONFIG.replace("sender =", 'alert_after = "100ms"; sender ='))
        self.connector.start()
        self.publish("case.noted", {"text": "one"}, subject=self.open("a"))
        code = lambda wanted: lambda event: event["data"]["code"] == wanted and event["source"] == "works/orders"
        alert = self.city.wait_for("hub.alert.>", code("delivery-failing"))
        self.assertRegex(alert["data"]["detail"], "^orders: no message was taken for 0 s: the folder cannot be opened")
        (self.folder / "out").mkdir()
        self.city.wait_for("hub.alert.>", code("delivery-restored"))
        self.assertEqual(self.connector.stop(), 0)
        row, = self.city.casehub("connector", "list")
        self.assertEqual((row["state"], row["sender"], row["sent"], row["undeliverable"]), ("stopped", "file_put", 1, 0))
        self.assertGreater(row["later"], 0)
        self.assertIn("last_sent", row)
        self.assertEqual([event["data"]["code"] for event in self.city.events() if event["type"] == "hub.alert"],
                         ["delivery-failing", "delivery-restored"])

    def test_what_can_never_go_becomes_a_dead_letter_and_its_case_goes_on(self):
        self.connector.start()
        case = self.open("a")
        bad = self.publish("case.noted", {"text": "bad"}, subject=case)["sequence"]
        unsafe = self.publish("case.noted", {"text": "unsafe"}, subject=case)["sequence"]
        self.publish("case.noted", {"text": "good"}, subject=case)
        self.has(1)
        letters = wait_until(lambda: len(self.letters()) == 2 and self.letters(), "two letters", DEADLINE)
        self.assertEqual([(letter["connector"], letter["code"], letter["place"]) for letter in letters],
                         [("outward-orders", "invalid", f"sequence {bad}"), ("outward-orders", "refused", f"sequence {unsafe}")])
        self.assertEqual(letters[0]["reason"], "data.text: it is bad")
        (self.folder / "out.jq").write_text('{body: .data.text, name: "again.txt"}')
        self.connector.stop()
        self.connector.start()
        self.city.casehub("deadletter", "retry", str(letters[0]["deadletter"]))
        self.has(2)
        self.assertEqual(self.files()["again.txt"], '"bad"')

    def test_what_the_receiver_answers_is_taken_in_once_although_the_connector_is_killed(self):
        """The receiver numbers what it gets, by its id; the number comes back as a note in the case."""
        (self.folder / "receiver.py").write_text(RECEIVER)
        (self.folder / "out.jq").write_text("{body: .data.text, name: .subject}")
        (self.folder / "in.jq").write_text(
            '{type: "case.progressed", id: "number-\\(.number)", time: $record.time, subject: $record.file, data: {text: "\\(.number)"}}')
        (self.folder / "orders.cfg").write_text(ANSWERED)
        case = self.open("a", category="lamp.out")
        for number in range(40):
            self.publish("case.noted", {"text": f"{number}"}, subject=case)
        for count in (1, 15, 30):
            self.connector.start()
            self.city.wait_for("case.progressed.>", count=count)
            self.connector.kill()
        self.connector.start()
        self.city.wait_for("case.progressed.>", lambda event: event["subject"] == case, 40)
        self.assertEqual(self.connector.stop(), 0)
        told = [event["data"]["text"] for event in self.city.events() if event["type"] == "case.progressed"]
        self.assertEqual(told, [f"{number}" for number in range(1, 41)])
        self.assertEqual(self.letters(), [])

    def test_the_grid_teams_get_a_file_of_what_became_of_their_matter(self):
        self.city.grant("grid-results", "connector", sources=["grid"])
        folder = pathlib.Path(self.city.path("grid"))
        shutil.copytree(os.path.join(SOURCE, "connectors/grid"), folder)
        (folder / "results").mkdir()
        with open(folder / "results.cfg", "a", encoding="utf-8") as config:
            config.write("memory_most = 0;\n")
        self.city.program("grid-results", os.path.join(BIN, "casehub-connect"), "run", "--config", folder / "results.cfg",
                          CASEHUB_HUB=self.city.ready["tcp"], CASEHUB_KEY=self.city.path("grid-results")).start()
        self.city.wait_for("hub.subscription.>", lambda event: event["data"]["name"] == "outward-grid-results")
        case = self.operator.publish_one("case.opened", "grid/zhoushan", "opened", {"kind": "matter", "title": "an invented lamp"},
                                         ref="ZS1")["case"]
        said = self.operator.publish_one("case.rejected", "desk", "rejected", {"text": "灯泡已换"}, subject=case,
                                         time=1795507200000)
        file = folder / "results" / f"result-{said['sequence']}.csv"
        wait_until(file.exists, "the file", DEADLINE)
        self.assertEqual(file.read_bytes().decode("gb18030"),
                         "序号,状态,时间,答复\r\nZS1,退回,2026-11-24 16:00:00,灯泡已换\r\n")

    def test_a_pause_holds_what_goes_out(self):
        self.connector.start()
        case = self.open("a")
        ours = lambda state: lambda event: event["source"] == "works/orders" and event["data"]["state"] == state
        say = lambda state: self.operator.publish_one("hub.connector", "desk", state, {"connector": NAME, "state": state})
        self.city.wait_for("hub.connector.>", ours("running"))
        say("paused")
        self.city.wait_for("hub.connector.>", ours("paused"))
        self.publish("case.noted", {"text": "one"}, subject=case)
        pending = lambda: any(row["pending"] for row in self.city.casehub("subscription", "list")
                              if row["name"] == "outward-orders")
        wait_until(pending, "it is with the connector", DEADLINE)
        self.assertEqual(self.files(), {})
        say("running")
        self.has(1)


if __name__ == "__main__":
    unittest.main()
