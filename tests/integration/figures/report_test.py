#!/usr/bin/env python3
"""`casehub report` of a day whose figures a person can count: through a real hub, and again after its state was made anew
from the log."""
import os
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import hub
from chp import event

NINE = 1772413200000  # 2026-03-02T09:00:00+08:00
MINUTE = 60000


class ReportTest(hub.OwnHubTest):
    def setUp(self):
        self.hub = self.new_hub().start()
        self.grid = self.hub.granted("grid", "connector", sources=["grid"])
        self.desk = self.hub.granted("urban-mgmt", "department", sources=["urban-mgmt"], parties=["urban-mgmt"])
        self.operator = self.hub.client()
        self.count = 0

    def tell(self, client, source, type_, minute, data=None, **attributes):
        self.count += 1
        answer, = client.publish(event(type_, source, f"{self.count}", data, time=NINE + minute * MINUTE, **attributes))
        self.assertIsNone(answer["code"], answer)
        return answer["case"]

    def open(self, ref, minute, **more):
        return self.tell(self.grid, "grid", "case.opened", minute, {"kind": "matter", "category": "lamp"}, ref=ref,
                         area="330703", **more)

    def work(self, case, type_, minute, data=None):
        if type_.startswith("handoff."):
            data = {"handoff": f"{case}/h1", **(data or {})}
        self.tell(self.desk, "urban-mgmt", type_, minute, data, subject=case, party="urban-mgmt")

    def a_day(self):
        """Three lamps and a drill. Accepted after 10, 20 and 60 minutes; the second late, the third given back."""
        for number, (opened, accepted) in enumerate([(0, 10), (0, 20), (60, 120)]):
            case = self.open(f"{number}", opened)
            self.work(case, "handoff.accepted", accepted)
            if number == 2:
                self.work(case, "handoff.returned", 130, {"reason": "not-ours"})
                continue
            if number == 1:
                self.tell(self.operator, "desk/operator", "handoff.extended", 21,
                          {"handoff": f"{case}/h1", "due": NINE + 40 * MINUTE}, subject=case)
            self.work(case, "case.replied", 30 + number, {"text": "we come"})
            self.work(case, "handoff.completed", 45)
            self.tell(self.operator, "desk/operator", "case.feedback", 50, {"score": 5 - 3 * number}, subject=case)
        self.open("drill", 0, testmode=True)

    def report(self, by, *options):
        return {row[by]: row for row in self.hub.casehub("report", "--by", by, *options)}

    def all_reports(self):
        return [self.report(by) for by in ("party", "category", "area")]

    def replay(self, *words):
        self.hub.stop()
        done = subprocess.run([os.path.join(hub.BIN, "casehub-replay"), "--store", self.hub.path("data"), *words],
                              capture_output=True, text=True, timeout=60, check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.hub.start()

    def test_a_log_without_cases_has_no_figures(self):
        self.assertEqual(self.all_reports(), [{}, {}, {}])

    def test_a_day_has_the_figures_that_a_person_counts(self):
        self.a_day()
        wanted = {
            "cases": 3, "accept_count": 3, "accept_median_ms": 20 * MINUTE, "accept_p90_ms": 60 * MINUTE,
            "answer_count": 2, "answer_median_ms": 30 * MINUTE, "answer_p90_ms": 31 * MINUTE,
            "resolve_count": 2, "resolve_median_ms": 45 * MINUTE, "resolve_p90_ms": 45 * MINUTE,
            "late": 1 / 3, "returned": 1 / 3, "rejected": 0.0, "feedbacks": 2, "satisfied": 0.5, "score": 3.5,
        }
        by_party, by_category, by_area = self.all_reports()
        self.assertEqual(by_party, {"urban-mgmt": {"party": "urban-mgmt", **wanted}})
        self.assertEqual(by_category, {"lamp": {"category": "lamp", **wanted}})
        self.assertEqual(by_area, {"330703": {"area": "330703", **wanted}})

    def test_only_what_began_in_the_period_counts(self):
        self.a_day()
        row = self.report("party", "--since", "2026-03-02T09:30:00+08:00", "--until", "2026-03-02T10:00:01+08:00")
        self.assertEqual(row["urban-mgmt"]["cases"], 1)
        self.assertEqual(row["urban-mgmt"]["returned"], 1.0)
        self.assertEqual(self.report("party", "--until", "2026-03-02T09:00:00+08:00"), {})

    def test_the_figures_of_a_moment_are_those_that_were_printed_then(self):
        told, tell = {}, self.tell

        def tell_and_report(*arguments, **more):
            case = tell(*arguments, **more)
            told[self.hub.casehub("status")[0]["sequence"]] = self.all_reports()
            return case

        self.tell = tell_and_report
        self.a_day()
        for sequence, reports in list(told.items())[::4]:
            self.assertEqual([self.report(by, "--as-of", str(sequence)) for by in ("party", "category", "area")], reports)
        self.assertEqual(self.report("party", "--as-of", "2020-01-01T00:00:00Z"), {})
        self.assertEqual(self.report("party", "--as-of", "now"), self.report("party"))

    def test_the_figures_come_from_the_log_alone(self):
        self.a_day()
        before = self.all_reports()
        self.replay("rebuild", "--swap")
        self.assertEqual(self.all_reports(), before)

    def test_a_key_that_reads_only_some_cases_gets_their_figures(self):
        self.a_day()
        self.tell(self.grid, "grid", "case.opened", 0, {"kind": "matter", "category": "water"}, ref="w")
        rows = self.hub.casehub("report", "--by", "category", key="urban-mgmt")
        self.assertEqual([row["category"] for row in rows if row["category"] == "water"], [])


if __name__ == "__main__":
    unittest.main()
