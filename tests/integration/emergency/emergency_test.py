"""The command centre over TCP and the real hub: three units are called out at once, through crashes on the way.

Units have five minutes from the time of the alert to answer, so the samples are sent as if they were written now.
"""
import datetime
import os
import pathlib
import re
import socket
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "story"))
from city import DEADLINE, SOURCE, CityTest

SAMPLES = pathlib.Path(SOURCE, "connectors/emergency/samples")
UNITS = {"police-patrol": "unit-patrol@110.invalid", "water-rescue": "unit-rescue@110.invalid",
         "ambulance": "unit-ambulance@120.invalid"}
NOW = datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds")  # one time: what is repeated stays as it was


class Line:
    """A connection as the centre keeps it: octet-counted messages, each answered."""

    def __init__(self, address):
        host, port = re.fullmatch(r"tcp://(.*):(\d+)", address).groups()
        self.socket = socket.create_connection((host, int(port)), DEADLINE)
        self.left = b""

    def send(self, message):
        self.socket.sendall(b"%d %b" % (len(message), message))

    def answer(self):
        """None: the other side is gone."""
        while True:
            head, space, rest = self.left.partition(b" ")
            if space and len(rest) >= int(head):
                self.left = rest[int(head):]
                return rest[:int(head)].decode()
            try:
                read = self.socket.recv(65536)
            except ConnectionResetError:
                return None
            if not read:
                return None
            self.left += read

    def says(self, message):
        self.send(message)
        return self.answer()

    def close(self):
        self.socket.close()


def sample(name):
    text = (SAMPLES / f"{name}.xml").read_text(encoding="utf-8")
    return re.sub("<sent>.*</sent>", f"<sent>{NOW}</sent>", text).encode()


class Emergency(CityTest):
    def setUp(self):
        super().setUp()
        self.city.grant("emergency", "connector", sources=["emergency"], private="all")
        self.connector = self.city.connector("emergency")
        self.started = 0
        self.start()

    def start(self):
        """It tells the hub where it listens each time it starts."""
        self.connector.start()
        self.started += 1
        said = self.city.wait_for("hub.connector.>", lambda event: event["data"]["state"] == "running", self.started)
        self.line = Line(said["data"]["address"])
        self.addCleanup(self.line.close)

    def ack(self, unit, step):
        """As the unit's own message, an identifier a step."""
        text = sample("on-scene").decode().replace("unit-patrol@110.invalid", UNITS[unit])
        return text.replace("P-7", f"{unit}-{step}").replace("on_scene", step).encode()

    def opened(self):
        return [case["case"] for case in self.city.casehub("case", "list")]

    def test_a_message_that_is_refused_is_told_why_and_the_next_is_taken(self):
        self.assertRegex(self.line.says(sample("no-scope")), r"^ERROR invalid: .*: scope: it is empty$")
        self.assertRegex(self.line.says(sample("unknown-event")), r"^ERROR not-found: .*: event: ")
        self.assertRegex(self.line.says(b"<alert>"), r"^ERROR refused: .*no element found$")
        self.assertEqual(self.opened(), [])
        self.assertEqual(self.line.says(sample("alert")), "OK")
        self.assertEqual(self.city.casehub("deadletter", "list"), [])

    def test_three_units_are_called_at_once_and_each_comes_on_its_own(self):
        self.assertEqual(self.line.says(sample("alert")), "OK")
        case, = self.opened()
        self.assertEqual(self.states(case), dict.fromkeys(UNITS, "offered"))
        for unit in ("ambulance", "police-patrol"):
            for step in ("accepted", "on_scene"):
                self.assertEqual(self.line.says(self.ack(unit, step)), "OK")
        self.assertEqual(self.states(case), {"police-patrol": "started", "ambulance": "started", "water-rescue": "offered"})
        self.assertEqual([event["data"]["value"] for event in self.timeline(case) if event["type"] == "case.milestone"],
                         ["ambulance", "police-patrol"])
        self.assertEqual(self.line.says(sample("update")), "OK")
        for unit in UNITS:
            self.assertEqual(self.line.says(self.ack(unit, "done")), "OK")
        self.assertEqual(self.shown(case)["state"], "resolved")
        self.folds_to_the_same()

    def test_an_exercise_reaches_no_real_department(self):
        parties = self.parties(*UNITS)
        self.assertEqual(self.line.says(sample("exercise")), "OK")
        self.assertEqual(self.line.says(sample("alert")), "OK")
        for party in parties:
            self.assertFalse(party.takes()["subject"].startswith("T-"))
            self.assertTrue(party.has_no_offer())

    def test_what_got_no_answer_is_sent_again_and_nothing_is_lost_or_twice(self):
        """Killed between a message and its answer, whether it was durable by then or not."""
        messages = [sample("alert"), *(self.ack(unit, step) for unit in UNITS for step in ("accepted", "on_scene"))]
        for message in messages:
            self.line.send(message)
            self.connector.kill()
            self.line.close()
            self.start()
            self.assertEqual(self.line.says(message), "OK")
            self.assertEqual(self.line.says(message), "OK")
        case, = self.opened()
        self.assertEqual(self.states(case), dict.fromkeys(UNITS, "started"))
        types = self.types(case)
        self.assertEqual([types.count(name) for name in ("case.opened", "handoff.started", "case.milestone")], [1, 3, 3])
        self.folds_to_the_same()


if __name__ == "__main__":
    unittest.main()
