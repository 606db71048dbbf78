"""A person in the river, and a unit that does not answer: it is urged, then the clock tells those above it.

The call was in 2024, and the city's clocks count from the events' own times: by the wall clock every promise has run out that the
first reports do not keep.
"""
import datetime
import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from city import CityTest
from chp import event
from hub import wait_until

SECOND = 1000
CALL = int(datetime.datetime.fromisoformat("2024-03-01T02:27:00+08:00").timestamp() * 1000)
RESCUE = 'reason = "rescue"; due = "5m"; }'
SILENT, ANSWERING = "water-rescue", ("police-patrol", "ambulance")


class Alarm(CityTest):
    own_city = True

    def report(self, type_, after, **data):
        """What the command centre's own record says, so many seconds after the call."""
        more = {"area": "330703"} if type_ == "case.opened" else {}
        return event(type_, "emergency/1", f"{type_}-{data.get('party', '')}", data, ref="E-1", time=CALL + after * SECOND,
                     **more)

    def call(self):
        """Two units answer within the minute and are there within five; the third is urged. Told in one batch, so that no
        clock comes between."""
        units = [self.report(f"handoff.{step}", after, party=unit)
                 for unit in ANSWERING for step, after in (("accepted", 30), ("started", 240))]
        answers = self.system("emergency").publish(
            self.report("case.opened", 0, kind="dispatch", category="river.person", priority=1),
            self.report("handoff.urged", 45, party=SILENT), *units)
        self.assertEqual([answer["code"] for answer in answers], [None] * len(answers), answers)
        return answers[0]["case"]

    def without_an_end_of_the_offer(self):
        """Else what nobody answers for five minutes is over, and its supervisor decides."""
        path = self.city.path("city/routing.cfg")
        with open(path, encoding="utf-8") as file:
            text = file.read()
        self.assertIn(RESCUE, text)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text.replace(RESCUE, RESCUE.partition(" due")[0] + " }"))
        self.restart()

    def clocks(self, case):
        return {(clock["rule"], clock["party"]): clock["state"]
                for clock in self.city.casehub("clock", "list", "--case", case, "--all")}

    def test_a_unit_that_does_not_answer_is_urged_and_its_superiors_are_told(self):
        self.without_an_end_of_the_offer()
        case = self.call()
        police, = self.parties("police")
        self.the_clocks_have_told(case)
        told = police.takes()["data"]
        self.assertEqual((told["form"], told["reason"]), ("cc", "escalated"))
        self.only_the_silent_one_is_late(case)
        self.restart(police)
        self.it_is_found_by_radio(case)
        self.folds_to_the_same()

    def test_an_offer_that_nobody_answers_ends_and_its_supervisor_is_asked_who_goes(self):
        case = self.call()
        police, = self.parties("police")
        copy, asked = police.takes()["data"], police.takes()["data"]
        self.assertEqual((copy["form"], asked["form"], asked["previous"]), ("cc", "arbitration", f"{case}/h1"))
        self.assertEqual(self.states(case), {SILENT: "expired", **dict.fromkeys(ANSWERING, "started"), "police": "delivered"})
        self.assertEqual(self.shown(case)["state"], "in_progress")
        self.folds_to_the_same()

    def the_clocks_have_told(self, case):
        """One level for the answer; for the arrival the supervisor, and five minutes later the one above."""
        wait_until(lambda: self.types(case).count("handoff.escalated") == 3, "both chains end")

    def only_the_silent_one_is_late(self, case):
        events = self.timeline(case)
        self.assertNotIn("case.accepted", [event_["type"] for event_ in events])  # the units had it at once
        self.assertEqual([(event_["data"]["to"], event_["data"]["party"]) for event_ in events
                          if event_["type"] == "handoff.escalated"],
                         [("police", SILENT)] * 2 + [("city-supervision", SILENT)])
        types = [event_["type"] for event_ in events]
        self.assertLess(types.index("handoff.urged"), types.index("handoff.escalated"))
        clocks = self.clocks(case)
        for rule in ("unit-answers", "unit-arrives"):
            self.assertEqual([clocks[rule, unit] for unit in (SILENT, *ANSWERING)], ["breached", "met", "met"])

    def it_is_found_by_radio(self, case):
        rescue, = self.parties(SILENT)
        own = rescue.begins()
        for unit in ANSWERING:
            self.system("emergency").publish_one("handoff.completed", "emergency/1", f"done-{unit}", {"party": unit}, ref="E-1")
        self.assertEqual(self.shown(case)["state"], "in_progress")
        rescue.handoff("complete", own)
        self.assertEqual(self.shown(case)["state"], "resolved")
        clocks = self.clocks(case)
        self.assertEqual([clocks[rule, SILENT] for rule in ("unit-answers", "unit-arrives")], ["breached"] * 2)


if __name__ == "__main__":
    unittest.main()
