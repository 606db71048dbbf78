"""The street service centre posts the steps of its events, and the hub's case says how far each has come."""
import hashlib
import hmac
import json
import os
import pathlib
import sys
import time
import unittest
import urllib.error
import urllib.request

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "story"))
from city import DEADLINE, SOURCE, City

NAME, KEY = "service_centre", "an invented key of a street"
STEPS = json.loads(pathlib.Path(SOURCE, "connectors/service_centre/samples/smell.json").read_text(encoding="utf-8"))


class ServiceCentre(unittest.TestCase):
    def setUp(self):
        self.city = City()
        self.addCleanup(self.city.close)
        self.city.grant(NAME, "connector", sources=[NAME], private="all")
        connector = self.city.connector(NAME)
        secrets = pathlib.Path(self.city.path(f"{NAME}-connector/secrets"))
        secrets.touch(0o600)
        secrets.write_text(KEY + "\n")
        connector.start()
        said = self.city.wait_for("hub.connector.>", lambda event: event["data"]["state"] == "running")
        self.address = said["data"]["address"]

    def post(self, step):
        """(status, answer)"""
        body, at = json.dumps(step, ensure_ascii=False, indent=1).encode(), str(int(time.time()))
        mac = hmac.new(KEY.encode(), at.encode() + b"." + body, hashlib.sha256).hexdigest()
        request = urllib.request.Request(self.address, body, {
            "Content-Type": "application/json", "X-Casehub-Timestamp": at, "X-Casehub-Signature": "sha256=" + mac})
        try:
            with urllib.request.urlopen(request, timeout=DEADLINE) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            return error.code, json.load(error)

    def posted(self, step):
        status, answer = self.post(step)
        self.assertEqual(status, 200, answer)
        return answer

    def test_an_event_is_followed_from_the_window_to_what_the_citizen_says(self):
        case, = {self.posted(step)["case"] for step in STEPS[:5]}
        shown, = self.city.casehub("case", "show", case)
        self.assertEqual((shown["state"], shown["category"], shown["party"]),
                         ("in_progress", "smell.industrial", "environment"))
        self.assertEqual({self.posted(step)["case"] for step in STEPS[5:]}, {case})
        self.assertEqual(self.city.casehub("case", "show", case)[0]["state"], "closed")
        told = [event for event in self.city.events() if event.get("subject") == case and event["source"].startswith(NAME)]
        self.assertEqual([event["type"] for event in told],
                         ["case.opened", "case.accepted", "case.amended", "case.assigned", "case.progressed", "case.replied",
                          "case.resolved", "case.feedback"])
        self.assertFalse([event["type"] for event in told if event.get("anomalous")])
        self.assertEqual(told[-1]["data"]["score"], 4)

    def test_a_step_that_comes_again_is_known_and_one_that_differs_is_refused(self):
        first, again = self.posted(STEPS[0]), self.posted(STEPS[0])
        self.assertEqual((first["duplicate"], again["duplicate"], again["sequence"]), (False, True, first["sequence"]))
        status, answer = self.post({**STEPS[0], "内容": "别的"})
        self.assertEqual((status, answer["error"]), (409, "conflict"))
        status, answer = self.post({**STEPS[0], "步骤序号": 2, "类别": "不在表中"})
        self.assertEqual((status, answer["where"]), (400, "request:1: 类别"))
        self.assertEqual(self.city.casehub("deadletter", "list"), [])

    def test_a_step_that_overtakes_the_others_is_a_fact(self):
        answer = self.posted(STEPS[4])
        self.assertEqual(self.city.casehub("case", "show", answer["case"])[0]["state"], "in_progress")
        self.assertEqual(self.posted(STEPS[0])["case"], answer["case"])


if __name__ == "__main__":
    unittest.main()
