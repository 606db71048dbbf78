"""One matter that three systems report: a smell beside an estate. The supervisor makes one case of them, and every number that
anybody was ever told finds it."""
import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from city import CityTest

AREA = "330902003001"
REFUSED = 65  # the command line's exit code


class Relations(CityTest):
    def setUp(self):
        super().setUp()
        for party in ("environment", "work-safety"):
            self.city.grant(party, "department", sources=[party], parties=[party], key=f"{party}.key")
        self.city.grant("supervisor", "supervisor", key="supervisor.key")

    def reports_a_smell(self, system, ref, title, text, kind):
        return self.open(system, ref, AREA, kind=kind, category="smell.industrial", title=title, text=text)

    def report(self, system, ref, event, **data):
        return self.system(system).publish_one(event, f"{system}/1", f"{ref}-{event}", data, ref=ref)

    def supervisor(self, *words, **options):
        return self.city.casehub(*words, key="supervisor.key", **options)

    def shown(self, number):
        row, = self.supervisor("case", "show", number)
        return row

    def links(self, number):
        return {link["case"]: link["relation"] for link in self.shown(number).get("links", [])}

    def answer(self, party, verb, handoff, *options):
        self.city.casehub("handoff", verb, handoff, *options, key=f"{party}.key")

    def three_reports(self):
        return (self.reports_a_smell("service_centre", "C-1", "小区旁有刺鼻异味", "虚构小区东侧厂房夜里排放刺鼻气味", "matter"),
                self.reports_a_smell("grid", "G-7", "小区旁刺鼻异味", "巡查发现虚构小区东侧厂房有刺鼻气味", "matter"),
                self.reports_a_smell("forum", "t/99", "虚构小区东侧夜里刺鼻异味", "厂房夜里排放刺鼻气味，没法开窗", "post"))

    def test_three_reports_of_a_smell_become_one_case_that_every_number_finds(self):
        centre, grid, forum = self.three_reports()
        lead, help_ = self.shown(centre)["handoffs"]
        self.assertEqual((lead["party"], lead["lead"], help_["party"]), ("environment", True, "work-safety"))
        self.assertEqual([handoff["state"] for handoff in self.shown(grid)["handoffs"]], ["offered"] * 2)
        self.assertEqual(self.links(centre), {})
        self.assertEqual(self.links(grid), {centre: "suggested"})
        self.assertEqual(set(self.links(forum).values()), {"suggested"})
        suggested = self.supervisor("case", "timeline", grid)[-1]
        self.assertEqual((suggested["type"], suggested["data"]["other"]), ("case.suggested", centre))
        self.assertRegex(self.city.text("case", "show", grid), rf"{centre} +suggested +{suggested['data']['score']}")

        self.supervisor("case", "merge", grid, centre)
        self.supervisor("case", "merge", "t/99", grid)  # by its ref, into what was merged itself
        self.assertEqual(self.links(centre), {grid: "merged", forum: "merged"})
        for number in (centre, grid, forum, "C-1", "G-7", "t/99"):
            self.assertEqual(self.shown(number)["case"], centre)
        withdrawn = [event for event in self.supervisor("case", "timeline", grid) if event["type"] == "handoff.withdrawn"]
        self.assertEqual([event["data"]["reason"] for event in withdrawn], ["merged"] * 2)
        self.assertEqual(self.supervisor("handoff", "list", "--party", "environment")[0]["case"], centre)

        done = self.supervisor("case", "note", grid, "--text", "x", check=False)
        self.assertEqual(done.returncode, REFUSED)
        self.assertIn(centre, done.stderr)
        told = self.report("forum", "t/99", "case.closed", reason="same")
        self.assertEqual(told["case"], centre)
        note = self.supervisor("case", "timeline", centre)[-1]
        self.assertEqual((note["type"], note["data"]["reported"], note["data"]["merged"]), ("case.noted", "case.closed", forum))
        self.assertEqual(self.shown(centre)["state"], "received")

        self.city.kill()
        self.city.start()
        self.answer("environment", "accept", lead["handoff"])
        self.answer("work-safety", "accept", help_["handoff"])
        self.answer("work-safety", "complete", help_["handoff"], "--text", "没有安全隐患")
        self.answer("environment", "complete", lead["handoff"], "--text", "已责令停产")
        self.assertEqual({self.shown(number)["state"] for number in (centre, grid, forum)}, {"resolved"})
        self.assertRegex(self.city.text("case", "show", forum), rf"case +{centre}")
        self.folds_to_the_same()

    def test_a_part_of_a_case_becomes_a_case_of_its_own_and_goes_to_who_does_it(self):
        centre, _, _ = self.three_reports()
        said, = self.supervisor("case", "split", "C-1", "--title", "厂房门口路灯不亮", "--category", "lamp.out")
        self.assertEqual(said["case"], centre)
        part = said["into"]
        row = self.shown(part)
        self.assertEqual((row["party"], row["area"], row["opened_event"]["data"]["title"]),
                         ("urban-mgmt", AREA, "厂房门口路灯不亮"))
        self.assertEqual((self.links(part)[centre], self.links(centre)[part]), ("parent", "child"))
        self.report("service_centre", "C-1", "case.noted", text="还有路灯")
        self.assertEqual([handoff["state"] for handoff in self.shown(centre)["handoffs"]], ["offered"] * 2)
        self.folds_to_the_same()

    def test_what_is_linked_is_linked_on_both_sides_until_it_is_unlinked(self):
        centre, grid, _ = self.three_reports()
        self.supervisor("case", "link", grid, "C-1", "--relation", "parent", "--text", "同一处")
        self.assertEqual((self.links(grid), self.links(centre)), ({centre: "parent"}, {grid: "child"}))
        done = self.supervisor("case", "link", centre, grid, check=False)
        self.assertEqual(done.returncode, REFUSED)
        self.supervisor("case", "unlink", centre, grid)
        self.assertEqual((self.links(grid), self.links(centre)), ({}, {}))
        self.assertEqual([event["type"] for event in self.supervisor("case", "timeline", centre)][-2:],
                         ["case.linked", "case.unlinked"])
        self.folds_to_the_same()


if __name__ == "__main__":
    unittest.main()
