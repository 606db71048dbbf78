#!/usr/bin/python3
"""Promises: a post on a Friday evening before a week of holidays, which a make-up Saturday ends.

What is reported happened in 2024, of which the test's calendar tells: so every clock has run out by the wall clock, and
when each was due depends on nothing but the events' own times.
"""
import datetime
import json
import os
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from chp import WAIT, event
from hub import BIN, OwnHubTest, wait_until

ALL = {"all": True}
CALENDAR = """date,kind,name
2024-09-30,holiday,week
2024-10-01,holiday,week
2024-10-02,holiday,week
2024-10-03,holiday,week
2024-10-04,holiday,week
2024-10-05,workday,make-up
"""


def at(text):
    """Milliseconds of a time in the city."""
    return int(datetime.datetime.fromisoformat(f"{text}+08:00").timestamp() * 1000)


FRIDAY = at("2024-09-27T20:00:00")
ACCEPTED_BY = at("2024-09-27T23:00:00")
ANSWERED_BY = at("2024-10-09T00:00:00")  # Saturday the 5th, Monday and Tuesday
HOUR = 3600 * 1000


class Promises(OwnHubTest):
    def setUp(self):
        self.hub = self.new_hub(own_city=True)
        with open(self.hub.path("city/calendar.csv"), "w", encoding="utf-8") as file:
            file.write(CALENDAR)
        with open(self.hub.path("city/sla.cfg"), encoding="utf-8") as file:
            text = file.read()
        self.assertIn("from = 2026; until = 2027;", text)
        with open(self.hub.path("city/sla.cfg"), "w", encoding="utf-8") as file:
            file.write(text.replace("from = 2026; until = 2027;", "from = 2024; until = 2024;"))
        self.hub.start()
        self.forum = self.hub.granted("forum", "connector", sources=["forum"])

    def post(self):
        return self.forum.publish_one("case.opened", "forum/zh", "1", {"kind": "post", "category": "lamp"}, ref="P1",
                                      area="330211", time=FRIDAY)["case"]

    def clocks(self, case, **arguments):
        return {row["rule"]: row for row in self.hub.client().query("clocks", case=case, open=False, **arguments)}

    def types(self, case):
        return [row["type"] for row in self.hub.client().query("timeline", case=case)]

    def all_have_run_out(self, case):
        """Both are broken, and both chains of escalation are at their end."""
        wait_until(lambda: self.types(case).count("clock.escalated") == 1
                   and self.types(case).count("handoff.escalated") == 1, "both chains end")

    def test_each_clock_ends_at_its_minute_and_tells_once_through_a_restart(self):
        case = self.post()
        self.all_have_run_out(case)
        clocks = self.clocks(case)
        self.assertEqual([(clocks[rule]["state"], clocks[rule]["due"], clocks[rule]["level"])
                          for rule in ("post-accepted", "post-answered")],
                         [("breached", ACCEPTED_BY, 1), ("breached", ANSWERED_BY, 2)])
        before = self.types(case)
        self.assertEqual((before.count("clock.warned"), before.count("clock.breached")), (2, 2))
        self.hub.kill()
        self.hub.start()
        # What comes later in the hub's own row is done later: by then it has looked, and found nothing to say again.
        fresh = self.hub.client("forum").publish_one("case.opened", "forum/zh", "2", {"kind": "post", "category": "lamp"},
                                                     time=FRIDAY)["case"]
        self.all_have_run_out(fresh)
        self.assertEqual(self.types(case), before)

    def test_a_breach_tells_the_supervisor_who_may_read_the_case_then(self):
        case = self.post()
        self.all_have_run_out(case)
        supervision = self.hub.granted("supervision", "department", sources=["desk"], parties=["city-supervision"])
        offered = supervision.subscribe("handoff.offered.*.city-supervision.>", start=ALL).events(3)
        self.assertEqual({(offer["subject"], offer["data"]["form"], offer["data"]["reason"]) for offer in offered},
                         {(case, "cc", "escalated")})
        row, = supervision.query("case", case=case)
        self.assertEqual((row["state"], row["party"]), ("received", "urban-mgmt"))

    def test_a_late_report_of_what_was_done_in_time_mends_it(self):
        case = self.post()
        self.all_have_run_out(case)
        self.forum.publish_one("case.replied", "forum/zh", "2", {"text": "on its way"}, ref="P1", time=ANSWERED_BY - HOUR)
        answered = self.clocks(case)["post-answered"]
        self.assertEqual((answered["state"], answered["late_report"]), ("met", True))
        self.assertEqual(self.clocks(case)["post-accepted"]["state"], "breached")

    def test_the_command_line_lists_what_is_broken_and_shows_it_with_the_case(self):
        case = self.post()
        self.all_have_run_out(case)
        rows = self.hub.casehub("clock", "list", "--party", "urban-mgmt", "--state", "breached", "--due-before",
                                "2024-10-01T00:00:00Z")
        self.assertEqual([(row["clock"], row["due"]) for row in rows], [(f"{case}/c2", "2024-09-27T15:00:00Z")])
        shown, = self.hub.casehub("case", "show", case)
        self.assertEqual([clock["rule"] for clock in shown["clocks"]], ["post-answered", "post-accepted"])
        self.assertEqual(self.hub.casehub("clock", "list", "--state", "running"), [])

    def test_history_is_offered_to_nobody_and_starts_no_clock(self):
        old = {"kind": "post", "category": "lamp"}
        before, since = self.forum.publish(
            *[event("case.opened", "forum/zh", str(time), old, time=time) for time in (FRIDAY - 1, FRIDAY)],
            history_until_ms=FRIDAY)
        self.all_have_run_out(since["case"])
        self.assertEqual(self.types(before["case"]), ["case.opened"])

    def test_a_rebuild_makes_the_same_deadlines_again(self):
        case = self.post()
        self.all_have_run_out(case)
        self.forum.publish_one("case.waiting", "forum/zh", "2", {"reason": "citizen"}, ref="P1", time=ACCEPTED_BY)
        self.assertEqual(self.hub.stop(), 0)
        command = [os.path.join(BIN, "casehub-replay"), "--store", self.hub.path("data"), "--json", "rebuild"]
        said = json.loads(subprocess.run(command, capture_output=True, text=True, timeout=WAIT, check=True).stdout)
        self.assertEqual((said["live_position"], said["live_hash"]), (said["last"], said["state_hash"]))


if __name__ == "__main__":
    unittest.main()
