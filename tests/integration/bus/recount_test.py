#!/usr/bin/python3
"""Tables that change while promises run: a holiday that is announced moves what is due, and taken back moves it back.

The calendar is one in which every day works, so that a holiday more is a day more whatever day it is today.
"""
import datetime
import json
import os
import signal
import subprocess
import sys
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from chp import WAIT
from hub import BIN, OwnHubTest, wait_until

CITY = datetime.timezone(datetime.timedelta(hours=8))
DAY_MS = 24 * 3600 * 1000
CLOCK = """
calendars = ( { name = "city"; days = "calendar.csv"; from = %d; until = %d; hours = ( "08:30-17:30" ); } );
clocks = ( { name = "answered"; days = %d; calendar = "city"; warn = "8h"; starts = ( "case.opened" );
  pauses = ( "case.waiting:citizen" ); resumes = ( "case.resumed" ); ends = ( "case.resolved" ); } );
"""


class Recount(OwnHubTest):
    def setUp(self):
        self.hub = self.new_hub(own_city=True)
        self.now = int(time.time() * 1000)
        self.today = datetime.datetime.fromtimestamp(self.now / 1000, CITY).date()
        self.write_rules()
        self.hub.start()
        self.forum = self.hub.granted("forum", "connector", sources=["forum"])

    def write_rules(self, days=5, holiday=None):
        """holiday: so many days from today on."""
        with open(self.hub.path("city/sla.cfg"), "w", encoding="utf-8") as file:
            file.write(CLOCK % (self.today.year - 1, self.today.year + 1, days))
        dates = [self.today + datetime.timedelta(days=ahead) for ahead in range(-20, 20)]
        with open(self.hub.path("city/calendar.csv"), "w", encoding="utf-8") as file:
            file.write("date,kind,name\n")
            for date in dates:
                if (date - self.today).days == holiday:
                    file.write(f"{date},holiday,announced\n")
                elif date.weekday() >= 5:
                    file.write(f"{date},workday,\n")

    def reload(self, **rules):
        self.write_rules(**rules)
        said = self.hub.log().count("rules reloaded")
        self.hub.signal(signal.SIGHUP)
        wait_until(lambda: self.hub.log().count("rules reloaded") > said, "the log says rules reloaded")

    def post(self, days_ago=0):
        return self.forum.publish_one("case.opened", "forum/zh", f"post-{days_ago}", {"kind": "post", "category": "lamp"},
                                      time=self.now - days_ago * DAY_MS)["case"]

    def clock(self, case):
        row, = self.hub.casehub("clock", "list", "--case", case, "--all")
        return row

    def due(self, case):
        return datetime.datetime.fromisoformat(self.clock(case)["due"].replace("Z", "+00:00"))

    def types(self, case):
        return [row["type"] for row in self.hub.casehub("case", "timeline", case)]

    def due_becomes(self, case, expected):
        wait_until(lambda: self.due(case) == expected, f"{case} is due at {expected}")

    def test_a_holiday_moves_what_is_due_by_a_day_and_taken_back_it_moves_back(self):
        case = self.post()
        due, day = self.due(case), datetime.timedelta(days=1)
        self.assertEqual(due.astimezone(CITY).date(), self.today + datetime.timedelta(days=6))  # 24:00 of the fifth
        self.reload(holiday=3)
        self.due_becomes(case, due + day)
        self.assertEqual(self.types(case).count("clock.recomputed"), 1)
        event, = [row for row in self.hub.client().query("timeline", case=case) if row["type"] == "clock.recomputed"]
        self.assertEqual(event["data"]["due"], int((due + day).timestamp() * 1000))
        again = self.post(days_ago=1)  # counted by the new rules from its start on
        self.reload(holiday=3)
        self.reload()
        self.due_becomes(case, due)
        self.due_becomes(again, due - day)
        self.assertEqual([self.types(each).count("clock.recomputed") for each in (case, again)], [2, 1])

    def test_tables_that_changed_while_the_hub_was_away_count_from_its_start_on(self):
        case = self.post()
        due = self.due(case)
        self.hub.kill()
        self.write_rules(holiday=3)
        self.hub.start()
        self.due_becomes(case, due + datetime.timedelta(days=1))
        self.hub.stop()
        self.hub.start()
        self.assertEqual(self.types(case).count("clock.recomputed"), 1)

    def test_what_is_overdue_by_the_new_rules_is_broken_once(self):
        case = self.post(days_ago=4)
        self.assertEqual(self.clock(case)["state"], "running")
        self.reload(days=2)
        wait_until(lambda: self.clock(case)["state"] == "breached", "it has run out")
        self.reload(days=5)
        other = self.post(days_ago=3)
        self.reload(days=6)
        wait_until(lambda: "clock.recomputed" in self.types(other), "the other one is counted again")
        self.assertEqual([self.types(case).count(kind) for kind in ("clock.recomputed", "clock.breached")], [1, 1])

    def test_a_rebuild_gives_the_same_state(self):
        case = self.post()
        due = self.due(case)
        self.reload(holiday=3)
        self.due_becomes(case, due + datetime.timedelta(days=1))
        self.forum.publish_one("case.waiting", "forum/zh", "w", {"reason": "citizen"}, subject=case)
        self.assertEqual(self.hub.stop(), 0)
        command = [os.path.join(BIN, "casehub-replay"), "--store", self.hub.path("data"), "--json", "rebuild"]
        said = json.loads(subprocess.run(command, capture_output=True, text=True, timeout=WAIT, check=True).stdout)
        self.assertEqual((said["live_position"], said["live_hash"]), (said["last"], said["state_hash"]))


if __name__ == "__main__":
    unittest.main()
