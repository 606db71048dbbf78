"""The hotline's SMS gateway posts messages, and the desk is offered what they ask for."""
import json
import os
import pathlib
import re
import sys
import unittest
import urllib.error
import urllib.request

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "story"))
from city import DEADLINE, SOURCE, City

NAME, TOKEN = "hotline_sms", "an invented token of a gateway"
MESSAGE, REPORT, EMPTY, *_ = json.loads(pathlib.Path(SOURCE, "connectors/hotline/samples/sms.json").read_text(encoding="utf-8"))


class Sms(unittest.TestCase):
    def setUp(self):
        self.city = City()
        self.addCleanup(self.city.close)
        self.city.grant(NAME, "connector", sources=["hotline"], private="all")
        hotline = self.city.connector("hotline")
        folder = pathlib.Path(self.city.path("hotline-connector"))
        tokens = folder / "gateway-tokens"
        tokens.touch(0o600)
        tokens.write_text(TOKEN + "\n")
        with open(folder / "sms.cfg", "a", encoding="utf-8") as file:
            file.write("memory_most = 0;\n")  # sanitizers want all the address space
        self.city.program(NAME, hotline.command[0], "run", NAME, "--config", folder / "sms.cfg",
                          CASEHUB_HUB=self.city.ready["tcp"], CASEHUB_KEY=self.city.path(NAME)).start()
        said = self.city.wait_for("hub.connector.>", lambda event: event["data"]["state"] == "running")
        self.address = said["data"]["address"]

    def post(self, message, token=TOKEN):
        request = urllib.request.Request(self.address, json.dumps(message).encode(), {
            "Content-Type": "application/json", "Authorization": "Bearer " + token})
        try:
            with urllib.request.urlopen(request, timeout=DEADLINE) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            return error.code, json.load(error)

    def test_a_message_is_a_case_of_the_desk_however_often_it_is_posted(self):
        self.assertEqual(self.post(MESSAGE, "a token that nobody knows")[0], 403)
        (status, first), (_, again) = self.post(MESSAGE), self.post(MESSAGE)
        self.assertEqual((status, first["duplicate"], again["duplicate"]), (200, False, True))
        self.assertEqual(first["case"], again["case"])
        offer = self.city.wait_for("handoff.offered.>")
        self.assertEqual((offer["subject"], offer["data"]["party"]), (first["case"], "hotline-desk"))
        self.assertFalse(re.search("13800000000", self.city.log()))

    def test_reports_make_nothing_and_what_says_nothing_is_refused(self):
        self.assertEqual(self.post(REPORT), (200, {"events": 0}))
        status, answer = self.post(EMPTY)
        self.assertEqual((status, answer["where"]), (400, "request:1: text"))
        self.assertEqual(self.city.casehub("case", "list"), [])


if __name__ == "__main__":
    unittest.main()
