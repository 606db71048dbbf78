"""A resident's transformer trips, and a street lamp is out: from a row and a form to the answer, through crashes."""
import collections
import os
import pathlib
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from city import City, http
from hub import wait_until

HEADINGS = "序号,网格编码,走访时间,居民姓名,电话,住址,类别,内容,紧急程度,状态"
PERSON, PHONE, LATER_PHONE = "张样例", "00000000001", "00000000002"
TRIP, POWER, LAMP = "ZS-1", "power-supply", "urban-mgmt"
CROWD = 2000  # rows of the export that the connector is killed in

STEPS = ["case.opened", "handoff.offered", "handoff.accepted", "case.accepted", "case.assigned", "handoff.started",
         "case.progressed", "handoff.completed", "case.resolved", "case.feedback", "case.closed"]


def row(number, phone, category="变压器跳闸"):
    return f"{number},330902001001001,2026-11-23 08:15,{PERSON},{phone},示例路1号,{category},楼下没有电,紧急,上报"


def of(case):
    return lambda event: event.get("subject") == case


class Story(unittest.TestCase):
    def setUp(self):
        self.city = City()
        self.addCleanup(self.city.close)
        for system in ("grid", "hotline"):
            self.city.grant(system, "connector", sources=[system], private="all")
        for party in (POWER, LAMP):
            self.city.grant(party, "department", sources=[party], parties=[party], key=f"{party}.key")
        self.grid, self.hotline = self.city.connector("grid"), self.city.connector("hotline")
        for connector in (self.grid, self.hotline):
            connector.start()
            self.city.wait_for("hub.connector.>", lambda event: event["data"]["connector"] == connector.name)

    def run(self, result=None):
        self.addCleanup(lambda: self.show_logs(result))
        return super().run(result)

    def show_logs(self, result):
        if result.failures or result.errors or sys.exc_info()[0]:
            for process in self.city.processes:
                print(f"---- {process.name}\n{process.log()[-2000:]}", file=sys.stderr)
            print(f"---- hub\n{self.city.log()[-2000:]}", file=sys.stderr)

    def test_from_a_row_and_a_form_to_the_answer_through_crashes(self):
        trip = self.a_row_becomes_a_case()
        lamp = self.a_form_becomes_a_case()
        self.the_hub_is_killed(trip, lamp)
        self.the_connector_is_killed(trip)
        self.the_departments_are_killed(trip, lamp)
        self.the_citizens_are_asked(trip, lamp)
        self.the_timeline_tells_all(trip, STEPS[:2] + ["case.amended"] + STEPS[2:])
        answer = self.the_timeline_tells_all(lamp, STEPS)
        self.the_name_is_for_few(trip)
        self.the_citizen_reads_the_answer(lamp, answer)
        self.the_connector_tells_what_it_did()
        self.nothing_is_lost_or_doubled(trip, lamp)
        self.the_log_makes_the_same_state_again()

    # ---- what the legacy systems do

    def export(self, name, rows):
        """As the grid teams' system writes it."""
        drop = pathlib.Path(self.city.path("grid-connector/drop"))
        part = drop / f"{name}.part"
        part.write_bytes("\r\n".join([HEADINGS, *rows, ""]).encode("gb18030"))
        part.rename(drop / name)

    def address(self):
        return self.city.casehub("connector", "show", "hotline")[0]["address"].rstrip("/")

    def a_row_becomes_a_case(self):
        self.export("diary-1.csv", [row(TRIP, PHONE)])
        opened = self.city.wait_for("case.opened.grid.>", lambda event: event["ref"] == TRIP)
        offered = self.city.wait_for(f"handoff.offered.grid.{POWER}.>", of(opened["subject"]))
        self.assertEqual(offered["data"]["reason"], "category")
        return opened["subject"]

    def a_form_becomes_a_case(self):
        form = {"api_key": "demo", "service_code": "lamp.out", "description": "巷口的路灯不亮", "attribute[EXTENT]": "row",
                "address_string": "示例路2号", "last_name": "李", "first_name": "虚构", "phone": PHONE}
        status, answer = http(f"{self.address()}/requests.json", form)
        self.assertIn(status, (200, 201), answer)
        case = answer[0]["service_request_id"]
        self.city.wait_for(f"handoff.offered.hotline.{LAMP}.>", of(case))
        return case

    # ---- crashes

    def the_hub_is_killed(self, *cases):
        self.city.kill()
        self.city.start()
        for case in cases:
            self.assertEqual(self.city.casehub("case", "show", case)[0]["state"], "received")

    def the_connector_is_killed(self, case):
        """Once while nothing happens, once in the middle of an export."""
        self.grid.kill()
        self.export("diary-2.csv", [row(TRIP, LATER_PHONE)])
        self.grid.start()
        self.city.wait_for("case.amended.grid.>", of(case))
        crowd = [row(TRIP, LATER_PHONE)] + [row(f"ZS-{number}", PHONE, "停电") for number in range(2, CROWD + 2)]
        self.export("diary-3.csv", crowd)
        self.city.wait_for("case.opened.grid.>", count=CROWD // 10)
        self.grid.kill()
        self.grid.start()
        self.city.wait_for("case.opened.grid.>", lambda event: event["ref"] == f"ZS-{CROWD + 1}")
        done = pathlib.Path(self.city.path("grid-connector/drop/done/diary-3.csv"))
        wait_until(done.exists, "the export is in done/")

    def the_departments_are_killed(self, trip, lamp):
        """Between taking the case and solving it, the first together with the hub. What is left to do the hub tells."""
        for party, case in ((POWER, trip), (LAMP, lamp)):
            department = self.city.department(party, pace=0.5).start()
            self.city.wait_for(f"handoff.accepted.*.{party}.>", of(case))
            department.kill()
            if party == POWER:
                self.city.kill()
                self.city.start()
            self.city.department(party, pace=0.01).start()
            self.city.wait_for(f"case.resolved.*.{party}.>", of(case))

    # ---- the end

    def the_citizens_are_asked(self, *cases):
        for case in cases:
            self.city.casehub("case", "feedback", case, "--score", "5", "--satisfied", "yes", "--text", "很满意")
            self.assertEqual(self.city.casehub("case", "show", case)[0]["state"], "closed")

    def the_timeline_tells_all(self, case, steps):
        """Each step with its time and how long it took; the department's answer."""
        events = self.city.casehub("case", "timeline", case)
        self.assertEqual([event["type"] for event in events], steps)
        self.assertEqual([event["caseversion"] for event in events], list(range(1, len(steps) + 1)))
        recorded = [event["recordedtime"] for event in events]
        self.assertEqual(recorded, sorted(recorded))
        _, *lines = self.city.text("case", "timeline", case).splitlines()
        self.assertEqual(len(lines), len(steps))
        self.assertRegex(lines[0], r"^ +1  \d{4}-\d\d-\d\d \d\d:\d\d:\d\d  ")
        for line in lines[1:]:
            self.assertRegex(line, r"^ +\d+  \d{4}-\d\d-\d\d \d\d:\d\d:\d\d  [+-]\d")
        shown, = self.city.casehub("case", "show", case)
        self.assertEqual([step["state"] for step in shown["steps"] if "left" not in step], ["closed"])
        answer, = [event["data"]["text"] for event in events if event["type"] == "handoff.completed"]
        return answer

    def the_name_is_for_few(self, case):
        self.assertEqual(self.city.casehub("case", "timeline", case)[0]["private"]["name"], PERSON)
        seen = self.city.casehub("case", "timeline", case, key=f"{POWER}.key")
        self.assertIn("handoff.completed", [event["type"] for event in seen])
        for personal in (PERSON, PHONE, LATER_PHONE):
            self.assertNotIn(personal, str(seen))
        others = self.city.casehub("case", "timeline", case, key=f"{LAMP}.key", check=False)
        self.assertEqual((others.returncode, others.stdout), (66, ""))

    def the_citizen_reads_the_answer(self, case, answer):
        status, (request,) = http(f"{self.address()}/requests/{case}.json?api_key=demo")
        self.assertEqual((status, request["status"], request["status_notes"]), (200, "closed", answer))

    def the_connector_tells_what_it_did(self):
        self.assertEqual(self.hotline.stop(), 0)
        told, = self.city.casehub("connector", "show", "hotline")
        self.assertEqual((told["state"], told["records"], told["dead_letters"]), ("stopped", 1, 0))
        self.assertIn("last_success", told)

    def nothing_is_lost_or_doubled(self, trip, lamp):
        log = self.city.events()
        self.assertEqual([event["sequence"] for event in log], list(range(1, len(log) + 1)))
        ids = collections.Counter((event["source"], event["id"]) for event in log)
        self.assertEqual([id_ for id_, count in ids.items() if count > 1], [])
        opened = collections.Counter(event["ref"] for event in log if event["topic"].startswith("case.opened.grid."))
        self.assertEqual(opened, collections.Counter(f"ZS-{number}" for number in range(1, CROWD + 2)))
        for case, more in ((trip, ["case.amended"]), (lamp, [])):
            types = collections.Counter(event["type"] for event in log if event.get("subject") == case)
            self.assertEqual(types, collections.Counter(STEPS + more))
        self.assertEqual([event["id"] for event in log if event.get("anomalous")], [])
        self.assertEqual(self.city.casehub("deadletter", "list"), [])

    def the_log_makes_the_same_state_again(self):
        self.assertEqual(self.city.stop(), 0)
        rebuilt = self.city.rebuild()
        self.assertEqual((rebuilt["ok"], rebuilt["equal"], rebuilt["findings"]), (True, True, []))


if __name__ == "__main__":
    unittest.main()
