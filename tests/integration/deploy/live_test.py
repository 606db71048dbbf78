"""deploy/demo/live.py: what people see on a screen that others see, too."""
import json
import os
import re
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from hub import SOURCE

SECRETS = {"name": "张样例", "phone": "00000000001", "id_number": "330900200001010000", "address": "示例路1号",
           "email": "nobody@example.org"}


def event(type_, data=None, **more):
    return {"specversion": "1.0", "id": "1", "source": "hotline/1", "type": type_, "time": "2026-11-24T01:00:00Z",
            "recordedtime": "2026-11-24T01:00:00.000Z", "sequence": 1, "data": data or {}, **more}


def types():
    with open(os.path.join(SOURCE, "schemas/events.cfg"), encoding="utf-8") as file:
        return re.findall(r'^\{ name = "([a-z._]+)"', file.read(), re.M)


class Live(unittest.TestCase):
    def show(self, *events):
        done = subprocess.run(["/usr/bin/python3", os.path.join(SOURCE, "deploy/demo/live.py")],
                              input="".join(json.dumps(each) + "\n" for each in events), capture_output=True, text=True,
                              timeout=60, check=True)
        return done.stdout

    def test_nothing_private_and_no_raw_record_is_shown(self):
        self.assertGreater(len(types()), 40)
        data = {"action": "made", "connector": "grid", "reason": "bad-time"}
        shown = self.show(*(event(type_, data, subject="ZJ-20261124-1", private=SECRETS,
                                  raw={"$base64": "5byg5qC35L6L"}) for type_ in types()))
        self.assertIn("ZJ-20261124-1", shown)
        for secret in (*SECRETS.values(), "5byg5qC35L6L"):
            self.assertNotIn(secret, shown)

    def test_a_text_is_shown_in_short(self):
        shown = self.show(event("case.opened", {"title": "水" * 400, "category": "water.leak"}, subject="ZJ-20261124-1"))
        self.assertIn("water.leak 水水", shown)
        self.assertLess(len(shown), 120)


if __name__ == "__main__":
    unittest.main()
