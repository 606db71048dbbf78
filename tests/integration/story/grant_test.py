"""Money for visits to the elderly: an organisation applies, is funded, reports, and takes over what a grid team found."""
import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from city import CityTest

CENTRE, VISITORS = "org-centre", "elderly-visitors"
AREA = "330203"


class Grants(CityTest):
    def application(self, ref, title):
        return self.open("social_org", ref, AREA, kind="grant", category="grant.application", title=title)

    def test_an_organisation_is_funded_and_later_takes_over_a_need_that_a_grid_team_found(self):
        centre, visitors, health = self.parties(CENTRE, VISITORS, "health")
        grant = self.application("A-1", "虚构助老项目")
        own = centre.begins()
        centre.reaches(grant, "grant.awarded", "10000 元")
        centre.offers_to(grant, [VISITORS], "--reason", "carry-out")
        work = visitors.begins()
        visitors.reaches(grant, "grant.reported", "中期报告")
        visitors.handoff("complete", work)
        self.assertEqual(self.shown(grant)["state"], "in_progress")
        centre.handoff("complete", own)
        self.city.casehub("case", "close", grant)
        self.restart(centre, visitors, health)
        self.a_need_is_passed_to_it(grant, health, visitors)
        visitors.reaches(grant, "grant.reported", "总结报告")
        self.assertEqual(self.shown(grant)["state"], "closed")
        self.assertEqual(self.milestones(grant), [(CENTRE, "grant.awarded")] + [(VISITORS, "grant.reported")] * 2)
        self.folds_to_the_same()

    def a_need_is_passed_to_it(self, grant, health, visitors):
        need = self.open("grid", "G-1", "330902", kind="matter", category="health.visit", title="虚构老人需要探访")
        health.handoff("transfer", health.begins(), "--to", VISITORS, "--reason", "regular-visits")
        taken = visitors.takes()["data"]
        self.assertEqual((taken["previous"], taken["reason"]), (f"{need}/h1", "regular-visits"))
        self.city.casehub("case", "link", need, grant)
        visitors.handoff("accept", taken["handoff"])
        visitors.handoff("complete", taken["handoff"])
        row = self.shown(need)
        self.assertEqual((row["state"], row["party"]), ("resolved", VISITORS))
        self.assertEqual(self.states(need), {"health": "transferred", VISITORS: "completed"})
        self.assertEqual([(link["case"], link["relation"]) for link in row["links"]], [(grant, "related")])

    def test_an_application_is_declined_after_somebody_looked_at_it(self):
        centre, = self.parties(CENTRE)
        grant = self.application("A-2", "虚构项目")
        centre.begins()
        centre.case("reject", grant, "--reason", "no-public-good")
        row = self.shown(grant)
        self.assertEqual((row["state"], self.states(grant)), ("rejected", {CENTRE: "withdrawn"}))
        self.folds_to_the_same()


if __name__ == "__main__":
    unittest.main()
