"""A patient's claim against a hospital: a committee mediates, the court looks at it and gives it back, both sides agree."""
import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from city import CityTest

COMMITTEE, COURT = "committee-medical", "court"


class Dispute(CityTest):
    def test_a_patients_dispute_goes_to_court_and_back_and_ends_with_an_agreement(self):
        committee, court = self.parties(COMMITTEE, COURT)
        supervision, = self.parties("mediation-centre")
        case = self.open("mediation", area="330803", kind="dispute", category="dispute.medical", title="虚构患者索赔")
        own = committee.begins()
        for session in ("第一次调解", "第二次调解"):
            committee.reaches(case, "mediation.session", session)
        self.the_court_has_it(case, committee, court)
        self.restart(committee, court, supervision)
        self.the_court_gives_it_back(case, committee, court)
        self.assertTrue(supervision.has_no_offer())  # the committee has it still: there is nothing to arbitrate

        committee.reaches(case, "mediation.session", "第三次调解")
        committee.reaches(case, "mediation.agreement")
        self.assertEqual(self.shown(case)["state"], "in_progress")
        committee.handoff("complete", own, "--text", "双方自愿达成协议")
        self.assertEqual(self.shown(case)["state"], "resolved")
        self.city.casehub("case", "feedback", case, "--score", "5", "--satisfied", "yes")
        court.reaches(case, "mediation.confirmed")
        row = self.shown(case)
        self.assertEqual((row["state"], row["feedback_score"]), ("closed", 5))
        self.assertEqual(self.milestones(case), [(COMMITTEE, "mediation.session")] * 3 + [
            (COMMITTEE, "mediation.agreement"), (COURT, "mediation.confirmed")])
        self.folds_to_the_same()

    def the_court_has_it(self, case, committee, court):
        committee.offers_to(case, [COURT], "--reason", "lawsuit")
        asked = court.takes()["data"]
        self.assertEqual((asked["from"], asked["reason"]), (COMMITTEE, "lawsuit"))
        court.handoff("accept", asked["handoff"])
        court.handoff("start", asked["handoff"])
        committee.case("wait", case, "--reason", "legal")
        row = self.shown(case)
        self.assertEqual((row["state"], row["waiting_reason"]), ("waiting", "legal"))

    def the_court_gives_it_back(self, case, committee, court):
        court.handoff("return", f"{case}/h2", "--reason", "mediate-first")
        self.assertEqual(self.states(case), {COMMITTEE: "started", COURT: "returned"})
        committee.case("resume", case)
        row = self.shown(case)
        self.assertEqual((row["state"], row["party"]), ("in_progress", COMMITTEE))


if __name__ == "__main__":
    unittest.main()
