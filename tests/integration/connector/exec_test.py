"""A program that writes records, through the transport exec and the real hub: each record once, through crashes of both."""
import os
import pathlib
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "story"))
from city import BIN, City

CONFIG = """
name = "grid"; source = "grid/x"; transport = "exec"; mapping = "map.jq"; memory_most = 0; keep_raw = false;
exec = { program = [ "/usr/bin/python3", "-uB", "tell.py" ]; acknowledge = true; pause = "10ms"; every = "1h"; };
"""
MAPPING = '{type: "case.opened", id: .id, time: "2026-11-24T00:00:00Z", ref: .id, data: {kind: "matter"}}'
# Tells ten records, a position behind each; it dies once in the middle, with a record told that has no position yet.
PROGRAM = """
import json, os, sys

at = int(os.environ["CASEHUB_POSITION"] or 0)
print("begins at", at, file=sys.stderr)
while at < 10:
    at += 1
    print(json.dumps({"id": f"r{at}"}))
    if at == 5 and not os.path.exists("died"):
        open("died", "w").close()
        os.kill(os.getpid(), 9)
    print(json.dumps({"$position": str(at)}))
    answer = json.loads(sys.stdin.readline())
    assert answer == {"done": True, "position": str(at), "records": 1, "dead_letters": 0}, answer
print(json.dumps({"$position": "10 and no more"}))
sys.stdin.readline()
open("finished", "w").close()
while os.path.exists("stay"):
    sys.stdin.read()
"""


class Exec(unittest.TestCase):
    def setUp(self):
        self.city = City()
        self.addCleanup(self.city.close)
        self.city.grant("grid", "connector", sources=["grid"], private="all")
        self.folder = pathlib.Path(self.city.path("exec"))
        self.folder.mkdir()
        for name, text in (("grid.cfg", CONFIG), ("map.jq", MAPPING), ("tell.py", PROGRAM)):
            (self.folder / name).write_text(text)
        self.connector = self.city.program("grid", os.path.join(BIN, "casehub-connect"), "run", "grid", "--config",
                                           self.folder / "grid.cfg", CASEHUB_HUB=self.city.ready["tcp"],
                                           CASEHUB_KEY=self.city.path("grid"))

    def test_each_record_is_told_once_though_program_and_connector_crash(self):
        self.connector.start()
        self.city.wait_for("case.opened.>", lambda event: event["ref"] == "r3")
        self.connector.kill()
        self.connector.start()
        self.city.wait_for("case.opened.>", lambda event: event["ref"] == "r10")
        self.city.wait_for("hub.checkpoint.>", lambda event: "10 and no more" in str(event["data"]))
        self.assertEqual(self.connector.stop(), 0)
        told = [event["ref"] for event in self.city.events() if event["type"] == "case.opened"]
        self.assertEqual(told, [f"r{n}" for n in range(1, 11)])
        self.assertIn("begins at 4", self.connector.log())


if __name__ == "__main__":
    unittest.main()
