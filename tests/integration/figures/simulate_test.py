#!/usr/bin/env python3
"""`casehub route simulate`: cases of a real hub by changed rules. What the changed rules say must be what a hub with them
does."""
import os
import shutil
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import hub
from chp import event

SCHEMAS = os.path.join(hub.SOURCE, "schemas")
NINE = 1772413200000  # 2026-03-02T09:00:00+08:00
LAMP = '{ name = "lamp";              category = "lamp";             party = "urban-mgmt"; '
OPENINGS = [("lamp.out", "330703"), ("lamp.out", "330902"), ("lamp", "330703"), ("water", "330703"), ("smell", "330703"),
            ("river", "330703"), ("unheard-of", "330703")]


class SimulateTest(hub.HubTest):
    @classmethod
    def prepare(cls):
        cls.tables = cls.hub.path("tables")
        cls.open_all(cls.hub)

    @classmethod
    def open_all(cls, of):
        grid = of.granted("grid", "connector", sources=["grid"])
        events = [event("case.opened", "grid", str(number), {"kind": "matter", "category": category}, ref=str(number),
                        area=area, time=NINE + number * 60000) for number, (category, area) in enumerate(OPENINGS)]
        events.append(event("case.opened", "grid", "drill", {"kind": "matter", "category": "lamp"}, ref="drill", area="33",
                            time=NINE, testmode=True))
        return [answer["case"] for answer in grid.publish(*events)]

    def setUp(self):
        if os.path.exists(self.tables):
            shutil.rmtree(self.tables)
        shutil.copytree(os.path.join(SCHEMAS, "city"), self.tables)
        os.environ["CASEHUB_SCHEMAS"] = SCHEMAS
        self.addCleanup(os.environ.pop, "CASEHUB_SCHEMAS")

    def change(self, before, after):
        path = os.path.join(self.tables, "routing.cfg")
        with open(path, encoding="utf-8") as file:
            text = file.read()
        self.assertIn(before, text)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text.replace(before, after, 1))
        return path, text[:text.index(before)].count("\n") + 1

    def simulate(self, rules, *options):
        return self.hub.casehub("route", "simulate", "--rules", rules, *options)

    def refused(self, *words):
        done = self.hub.casehub("route", "simulate", *words, check=False)
        self.assertEqual(done.stdout, "")
        return done.returncode, done.stderr

    def test_rules_that_are_none_are_refused_at_their_line(self):
        path, line = self.change('party = "urban-mgmt"; ', 'party = "nobody-knows"; ')
        code, said = self.refused("--rules", path)
        self.assertEqual(code, 65)
        self.assertIn(f"routing.cfg:{line}", said)
        self.assertEqual(self.refused("--rules", self.hub.path("nowhere"))[0], 66)
        self.assertEqual(self.refused()[0], 64)

    def test_the_same_rules_change_nothing(self):
        self.assertEqual(self.simulate(self.tables), [{"cases": len(OPENINGS), "elsewhere": 0}])

    def test_a_rule_of_another_name_with_the_same_receiver_moves_nobody(self):
        path, _ = self.change('name = "lamp"; ', 'name = "lamps";')
        self.assertEqual(self.simulate(path)[-1]["elsewhere"], 0)

    def test_each_case_that_goes_elsewhere_is_named_with_both_rules(self):
        path, _ = self.change(LAMP, '{ name = "lamp-north"; category = "lamp"; area = "3309"; party = "power-supply"; },\n'
                              + LAMP)
        *moved, end = self.simulate(path)
        self.assertEqual(end, {"cases": len(OPENINGS), "elsewhere": 1})
        self.assertEqual([{**row, "case": None} for row in moved],
                         [{"case": None, "from": "urban-mgmt", "from_route": "lamp", "to": "power-supply",
                           "to_route": "lamp-north"}])

    def test_the_form_counts_and_nobody_is_somebody_else(self):
        self.change('form = "joint"; lead = "environment";', 'form = "parallel"; need = "any";')
        path, _ = self.change('{ name = "water"; ', '{ name = "water"; system = "hotline"; ')
        moved = {row.get("from_route"): row for row in self.simulate(path)[:-1]}
        self.assertEqual(moved["smell"]["from"], "environment, work-safety (joint, lead environment)")
        self.assertEqual(moved["smell"]["to"], "environment, work-safety (parallel, need any)")
        self.assertEqual(moved["water"]["from"], "water")
        self.assertNotIn("to", moved["water"])
        self.assertNotIn("to_route", moved["water"])

    def test_people_are_told_how_many_go_from_whom_to_whom(self):
        path, _ = self.change(LAMP, LAMP.replace('party = "urban-mgmt"', 'party = "power-supply"'))
        done = subprocess.run([os.path.join(hub.BIN, "casehub"), "--hub", self.hub.ready["tcp"], "--key",
                               self.hub.path("operator"), "route", "simulate", "--rules", path], capture_output=True,
                              text=True, timeout=60, check=True)
        self.assertEqual([line.split() for line in done.stdout.splitlines()],
                         [["CASES", "FROM", "BY", "RULE", "TO", "BY", "RULE"],
                          ["3", "urban-mgmt", "lamp", "power-supply", "lamp"]])
        self.assertEqual(done.stderr, "Of 7 cases 3 would have gone elsewhere.\n")

    def test_only_cases_since_then_are_looked_at(self):
        self.assertEqual(self.simulate(self.tables, "--since", "2026-03-02T09:05:00+08:00")[-1]["cases"], 2)

    def test_what_is_simulated_is_what_a_hub_with_these_rules_does(self):
        path, _ = self.change(LAMP, LAMP.replace('party = "urban-mgmt"', 'party = "power-supply"'))
        moved = self.simulate(path)[:-1]
        other = self.new_hub(city_dir=self.tables).start()
        cases = self.open_all(other)
        receivers = {row["case"]: row["party"] for row in other.casehub("handoff", "list")}
        self.assertEqual(len(moved), 3)
        for row in moved:
            self.assertIn(row["case"], cases)  # both began with the same number
            self.assertEqual(receivers[row["case"]], row["to"])


if __name__ == "__main__":
    unittest.main()
