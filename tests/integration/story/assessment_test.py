"""Is a road project safe to begin? Four risk points, each cleared by the department that it concerns, and a verdict; and a
project that is postponed."""
import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from city import CityTest

STREET = "street-office"
POINTS = {"land": "补偿标准", "housing": "拆迁抢建", "agriculture": "青苗补偿", "water": "征用水塘"}


class Assessments(CityTest):
    def project(self, ref):
        return self.open("risk", ref, "330211", kind="assessment", category="risk.project", title=f"虚构道路工程 {ref}")

    def raises_its_points(self, street, case):
        """Each goes to its department, all at once, and all of them are needed."""
        for text in POINTS.values():
            street.reaches(case, "risk.point_raised", text)
        street.offers_to(case, POINTS, "--form", "parallel", "--need", "all", "--reason", "risk-point")

    def clears_its_point(self, department, case, handoff):
        department.reaches(case, "risk.point_cleared", POINTS[department.name])
        department.handoff("complete", handoff)

    def test_a_road_project_proceeds_when_every_risk_point_is_cleared(self):
        street, = self.parties(STREET)
        departments = self.parties(*POINTS)
        case = self.project("R-1")
        own = street.begins()
        self.raises_its_points(street, case)
        for at, department in enumerate(departments):
            self.assertEqual((self.shown(case)["state"], len(self.open_handoffs(case))), ("in_progress", 1 + len(POINTS) - at))
            self.clears_its_point(department, case, department.begins())
            if at == 1:
                self.restart(street, *departments)
        self.assertEqual((self.shown(case)["state"], self.open_handoffs(case)), ("in_progress", [STREET]))
        self.assertRegex(self.city.text("case", "show", case), rf"{case}/g1 +parallel +all ")
        street.reaches(case, "risk.verdict", "可以实施", "proceed")
        street.handoff("complete", own, "--text", "可以实施")
        self.assertEqual(self.shown(case)["state"], "resolved")
        self.assertEqual(self.milestones(case), [(STREET, "risk.point_raised")] * len(POINTS) + [
            (party, "risk.point_cleared") for party in POINTS] + [(STREET, "risk.verdict")])
        self.it_is_watched_while_it_is_built(street, case)
        self.folds_to_the_same()

    def open_handoffs(self, case):
        return [party for party, state in self.states(case).items() if state not in ("completed", "withdrawn")]

    def it_is_watched_while_it_is_built(self, street, case):
        self.city.casehub("case", "close", case)
        street.reaches(case, "risk.point_raised", "施工扬尘")
        row = self.shown(case)
        self.assertEqual((row["state"], self.milestones(case)[-1]), ("closed", (STREET, "risk.point_raised")))

    def test_a_project_that_was_postponed_is_stopped_without_a_second_look(self):
        street, land = self.parties(STREET, "land")
        case = self.project("R-2")
        own = street.begins()
        street.reaches(case, "risk.point_raised", POINTS["land"])
        street.offers_to(case, ["land"])
        point = land.begins()
        street.reaches(case, "risk.verdict", "暂缓实施", "postpone")
        street.case("wait", case, "--reason", "planned", "--until", "2027-06-30T00:00:00+08:00")
        row = self.shown(case)
        self.assertEqual((row["state"], row["waiting_reason"]), ("waiting", "planned"))
        self.clears_its_point(land, case, point)
        self.assertEqual(self.shown(case)["state"], "waiting")  # that one point is cleared gives it no verdict
        street.reaches(case, "risk.verdict", "不予实施", "stop")
        street.handoff("complete", own)
        row = self.shown(case)
        self.assertEqual((row["state"], row.get("waiting_reason")), ("resolved", None))
        self.assertNotIn("case.resumed", self.types(case))
        self.assertEqual([row["value"] for row in self.shown(case)["milestones"] if row["code"] == "risk.verdict"], ["postpone", "stop"])
        self.assertRegex(self.city.text("case", "show", case), r"\nrisk\.verdict +stop +")
        self.assertRegex(self.city.text("case", "timeline", case), r"(?s)risk\.verdict, postpone, .*risk\.verdict, stop, ")
        self.folds_to_the_same()


if __name__ == "__main__":
    unittest.main()
