#!/usr/bin/python3
"""Which tables and rules were in force: each change is on record with the very files."""
import filecmp
import json
import os
import shutil
import signal
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from chp import WAIT
from hub import BIN, SOURCE, OwnHubTest, wait_until

SCHEMAS = os.path.join(SOURCE, "schemas")


class Config(OwnHubTest):
    def setUp(self):
        self.hub = self.new_hub(own_city=True)
        self.hub.start()
        self.city = self.hub.path("city")
        self.routing = os.path.join(self.city, "routing.cfg")

    def reload(self, text="rules reloaded"):
        said = self.hub.log().count(text)
        self.hub.signal(signal.SIGHUP)
        wait_until(lambda: self.hub.log().count(text) > said, f"the log says {text}")

    def recorded(self, count):
        """Oldest first; waits until there are so many."""
        return wait_until(lambda: (rows := self.hub.casehub("config", "list"))[count - 1:] and rows[::-1], f"{count} records")

    def add(self, text, path=None):
        with open(path or self.routing, "a", encoding="utf-8") as file:
            file.write(text)

    def keep(self, name):
        """The folder of the city as it is now."""
        return shutil.copytree(self.city, self.hub.path(name))

    def written(self, which, name):
        self.hub.casehub("config", "show", str(which), "--output", self.hub.path(name))
        return self.hub.path(name)

    def assert_same(self, which, name, city):
        """What is on record is that, byte for byte."""
        got = self.written(which, name)
        files = sorted(os.listdir(os.path.join(got, "city")))
        self.assertEqual(files, sorted(file for file in os.listdir(city) if file.endswith((".cfg", ".csv"))))
        self.assertEqual(filecmp.cmpfiles(os.path.join(got, "city"), city, files, shallow=False), (files, [], []))
        own = ["events.cfg", "lifecycle.cfg"]
        self.assertEqual(filecmp.cmpfiles(got, SCHEMAS, own, shallow=False), (own, [], []))

    def test_both_versions_can_be_got_back_as_they_were_also_after_a_restart(self):
        before = self.keep("before")
        self.add("\n# 改了一行 \r\n\n")
        self.reload()
        first, second = self.recorded(2)
        self.assertEqual([first["code"], second["code"]], ["start", "reload"])
        self.assertNotEqual(first["hash"], second["hash"])
        changed = [new["name"] for old, new in zip(first["files"], second["files"]) if old != new]
        self.assertEqual(changed, ["city/routing.cfg"])
        self.assert_same(second["sequence"] - 1, "one", before)
        self.assert_same(second["sequence"], "two", self.city)
        self.hub.stop()
        self.hub.start()
        self.assertEqual(self.recorded(2), [first, second])
        self.assert_same(first["hash"][:16], "three", before)
        with open(self.routing, "rb") as file:
            shown = subprocess.run([os.path.join(BIN, "casehub"), "--hub", self.hub.ready["tcp"], "--key",
                                    self.hub.path("operator"), "config", "show", "routing.cfg"],
                                   capture_output=True, timeout=WAIT, check=True)
            self.assertEqual(shown.stdout, file.read())

    def test_files_that_need_several_events_come_back_as_well(self):
        with open("/dev/urandom", "rb") as noise:
            self.add("".join(f"# {noise.read(60).hex()}\n" for _ in range(9000)))
        self.reload()
        self.assertGreater(self.recorded(2)[1]["parts"], 3)
        self.assert_same(self.recorded(2)[1]["sequence"], "large", self.city)
        client = self.hub.client()
        last = client.publish_one("case.opened", "grid", "1", {"kind": "matter"})["sequence"]
        self.assertEqual(last, self.recorded(2)[1]["sequence"] + self.recorded(2)[1]["parts"])

    def test_a_bad_file_and_unchanged_files_are_no_change(self):
        only, = self.recorded(1)
        self.assertEqual(only["sequence"], 1)
        self.reload()
        self.hub.stop()
        self.hub.start()
        self.assertEqual(self.recorded(1), [only])
        good = self.keep("good")
        self.add("nonsense = ;\n")
        self.reload("the rules are kept as they were")
        shutil.copy(os.path.join(good, "routing.cfg"), self.routing)
        self.hub.client().publish_one("case.opened", "grid", "1", {"kind": "matter"})
        self.assertEqual(self.recorded(1), [only])

    def test_rules_that_were_changed_while_the_hub_was_away_are_recorded_at_its_start(self):
        self.hub.kill()
        self.add("\n")
        self.hub.start()
        self.assertEqual([row["code"] for row in self.recorded(2)], ["start", "start"])
        self.assert_same(10**12, "now", self.city)

    def test_a_record_is_folded_again_as_it_was(self):
        self.add("\n")
        self.reload()
        self.recorded(2)
        self.hub.stop()
        for verb in ("verify", "rebuild"):
            done = subprocess.run([os.path.join(BIN, "casehub-replay"), "--store", self.hub.path("data"), verb, "--json"],
                                  capture_output=True, text=True, timeout=WAIT, check=False)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
            self.assertIn("state_hash", json.loads(done.stdout.splitlines()[-1]))

    def test_what_is_not_there_is_said_and_departments_may_not_ask(self):
        for words, code in ((["show", "0"], 66), (["show", "ffffffffffffffff"], 66), (["show", "1", "no.cfg"], 66),
                            (["show", "routing.cfg", "areas.csv"], 64)):
            self.assertEqual(self.hub.casehub("config", *words, check=False).returncode, code, words)
        self.hub.grant("desk", "department", parties=["water"])
        self.assertEqual(self.hub.casehub("config", "list", key="desk", check=False).returncode, 77)


if __name__ == "__main__":
    unittest.main()
