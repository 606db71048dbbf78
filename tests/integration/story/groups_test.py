"""Cases that one party alone does not do: three units at once, two offices together, suppliers in turn, and two departments
that both refuse. Every party is a program and a desk of its own, with a key of its own."""
import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from city import CityTest

RIVER = ("water-rescue", "police-patrol", "ambulance")
FIRMS = ("firm-repair-a", "firm-repair-b", "firm-repair-c")
REFUSED, DENIED = 65, 77  # the command line's exit codes


class GroupStories(CityTest):
    def test_three_units_go_to_a_person_in_the_river_at_once(self):
        rescue, patrol, ambulance = units = self.parties(*RIVER)
        case = self.open("emergency", kind="dispatch", category="river.person", priority=1)
        offers = {unit.name: unit.takes() for unit in units}
        self.assertEqual({offer["data"]["group"] for offer in offers.values()}, {f"{case}/g1"})
        self.assertEqual({offer["data"]["need"] for offer in offers.values()}, {"all"})
        self.assertEqual(len({offer["data"]["due"] for offer in offers.values()}), 1)
        handoffs = {name: offer["data"]["handoff"] for name, offer in offers.items()}

        patrol.handoff("accept", handoffs[patrol.name])
        self.assertEqual(self.states(case), {rescue.name: "delivered", patrol.name: "accepted", ambulance.name: "delivered"})
        patrol.reaches(case, "unit.on_scene")
        ambulance.handoff("accept", handoffs[ambulance.name])
        rescue.handoff("accept", handoffs[rescue.name])
        rescue.reaches(case, "unit.on_scene")
        code, said = patrol.fails("handoff", "complete", handoffs[rescue.name])
        self.assertEqual(code, DENIED, said)
        self.restart(ambulance)
        ambulance.reaches(case, "unit.on_scene")
        for unit in (rescue, patrol):
            unit.handoff("start", handoffs[unit.name])
            unit.handoff("complete", handoffs[unit.name])
            self.assertEqual(self.shown(case)["state"], "in_progress")
        ambulance.handoff("complete", handoffs[ambulance.name])
        row = self.shown(case)
        self.assertEqual(row["state"], "resolved")
        for handoff in row["handoffs"]:
            self.assertLessEqual(handoff["offered"], handoff["delivered"])
            self.assertLessEqual(handoff["delivered"], handoff["accepted"])
            self.assertLessEqual(handoff["accepted"], handoff["ended"])
        self.assertEqual(self.milestones(case), [(unit.name, "unit.on_scene") for unit in (patrol, rescue, ambulance)])
        self.folds_to_the_same()

    def test_two_offices_look_at_a_smell_together(self):
        environment, safety = self.parties("environment", "work-safety")
        case = self.open("service_centre", kind="matter", category="smell.industrial")
        lead, help_ = environment.takes()["data"], safety.takes()["data"]
        self.assertEqual((lead["lead"], help_["lead"], help_["form"]), ("environment", "environment", "joint"))
        environment.handoff("accept", lead["handoff"])
        environment.handoff("start", lead["handoff"])
        safety.handoff("accept", help_["handoff"])
        code, said = environment.fails("handoff", "complete", lead["handoff"])
        self.assertEqual(code, REFUSED)
        self.assertIn("co-workers-open", said)
        self.assertIn("work-safety", said)
        safety.handoff("complete", help_["handoff"], "--text", "没有安全隐患")
        self.assertEqual(self.shown(case)["state"], "in_progress")
        self.assertEqual(self.shown(case)["party"], "environment")
        environment.handoff("complete", lead["handoff"], "--text", "已责令停产")
        row = self.shown(case)
        self.assertEqual((row["state"], row["party"]), ("resolved", "environment"))
        self.assertEqual([handoff.get("lead") for handoff in row["handoffs"]], [True, None])
        self.assertRegex(self.city.text("case", "show", case), rf"{case}/g1 +joint +all +yes")
        self.folds_to_the_same()

    def test_three_suppliers_are_tried_for_one_question(self):
        first, second, third = self.parties(*FIRMS)
        case = self.open("hotline", kind="request", category="service.repair")
        tried = first.takes()["data"]
        self.assertEqual((tried["form"], tried["next"]), ("sequence", list(FIRMS[1:])))
        self.assertTrue(second.has_no_offer() and third.has_no_offer())
        self.assertEqual(self.shown(case)["handoffs"][0]["next"], list(FIRMS[1:]))
        first.handoff("reject", tried["handoff"], "--reason", "no-capacity")

        tried = second.takes()["data"]
        self.assertEqual((tried["previous"], tried["group"]), (f"{case}/h1", f"{case}/g1"))
        self.assertTrue(third.has_no_offer())
        second.handoff("accept", tried["handoff"])
        self.restart(third)
        second.handoff("return", tried["handoff"], "--reason", "no-part")

        tried = third.takes()["data"]
        self.assertEqual(tried["next"], [])
        third.handoff("accept", tried["handoff"])
        third.handoff("complete", tried["handoff"])
        self.assertEqual(self.states(case), dict(zip(FIRMS, ("rejected", "returned", "completed"))))
        self.assertEqual(self.shown(case)["state"], "resolved")
        self.folds_to_the_same()

    def test_two_departments_that_refuse_the_same_case_are_told_whose_it_is(self):
        environment, urban, supervision = self.parties("environment", "urban-mgmt", "city-supervision")
        case = self.open("grid", kind="matter", category="noise.night")
        environment.handoff("reject", environment.takes()["data"]["handoff"], "--reason", "not-ours")
        asked = supervision.takes()["data"]
        self.assertEqual((asked["form"], asked["keeper"]), ("arbitration", "environment"))
        self.assertEqual(self.shown(case)["party"], "environment")
        code, said = environment.fails("case", "arbitrate", case, "--to", "urban-mgmt")
        self.assertEqual(code, DENIED, said)

        self.city.casehub("case", "arbitrate", case, "--to", "urban-mgmt", key=supervision.key)
        self.assertEqual(self.states(case)["city-supervision"], "completed")
        urban.handoff("reject", urban.takes()["data"]["handoff"], "--reason", "not-ours")
        supervision.takes()
        self.assertEqual(self.shown(case)["party"], "environment")

        self.city.casehub("case", "arbitrate", case, "--to", "environment", "--text", "按职责清单", key=supervision.key)
        verdict = environment.takes()["data"]
        self.assertEqual((verdict["from"], verdict["reason"]), ("city-supervision", "arbitrated"))
        environment.handoff("accept", verdict["handoff"])
        environment.handoff("complete", verdict["handoff"])
        self.assertEqual(self.shown(case)["state"], "resolved")
        self.assertEqual(self.types(case).count("case.arbitrated"), 2)
        self.folds_to_the_same()

    def test_a_desk_asks_three_departments_and_needs_two(self):
        health, housing, _ = self.parties("health", "housing", "civil-affairs")
        case = self.open("grid", kind="matter", category="advice")
        self.city.casehub("handoff", "offer", case, "--to", "health", "--to", "housing", "--to", "civil-affairs", "--form",
                          "parallel", "--need", "2")
        for party in (health, housing):
            handoff = party.takes()["data"]["handoff"]
            party.handoff("accept", handoff)
            party.handoff("complete", handoff)
        self.assertEqual(self.states(case), {"health": "completed", "housing": "completed", "civil-affairs": "withdrawn"})
        self.assertEqual(self.shown(case)["state"], "resolved")
        self.folds_to_the_same()


if __name__ == "__main__":
    unittest.main()
