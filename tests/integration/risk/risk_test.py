"""The assessment office's PostgreSQL, polled over ODBC: what is in the tables is in the hub, once, whatever dies meanwhile;
and what a department cleared in the hub is in the tables."""
import collections
import os
import pathlib
import re
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, ".."), os.path.join(HERE, "..", "story")]
from city import SOURCE, City
from postgresql import PASSWORD, Postgresql

PROJECTS, ROUNDS = 40, 4
CLEARED_MS = 1795399200000  # 10 o'clock of the 23rd in the office


class Risk(unittest.TestCase):
    def setUp(self):
        self.office = Postgresql()
        self.addCleanup(self.office.close)
        self.city = City()
        self.addCleanup(self.city.close)
        self.city.grant("risk", "connector", sources=["risk"], private="all")
        self.connector = self.city.connector("risk")
        self.configure()
        self.office.sql(pathlib.Path(SOURCE, "connectors/risk/tables.sql").read_text(encoding="utf-8"))

    def configure(self):
        config = pathlib.Path(self.city.path("risk-connector/risk.cfg"))
        text = config.read_text(encoding="utf-8")
        text = re.sub(r'connection = ".*"', f'connection = "{self.office.connection}"', text)
        text = text.replace('"password"', f'"{self.office.password_file}"').replace('"30s"', '"50ms"')
        config.write_text(text.replace("interval", 'retry_most = "1s";\n  interval'), encoding="utf-8")

    def insert(self, first, count):
        """Projects with one risk point each."""
        self.office.sql(f"""
            INSERT INTO 项目 SELECT 'P' || n, '示例项目' || n, NULL, '330902', '2026-11-20 08:00', '登记', NULL, 1, '2026-11-20 08:00'
              FROM generate_series({first}, {first + count - 1}) AS n;
            INSERT INTO 风险点 SELECT 项目编号, 'F1', '补偿标准', '高', '未化解', '国土', '2026-11-20 09:00' FROM 项目
              WHERE 项目编号 NOT IN (SELECT 项目编号 FROM 风险点);""")

    def milestone(self, code, count=1, value=None):
        return self.city.wait_for("case.milestone.>", lambda event: event["data"]["code"] == code and
                                  (value is None or event["data"].get("value") == value), count)

    def test_nothing_is_lost_and_nothing_told_twice_while_all_of_them_die_in_turn(self):
        self.connector.start()
        for number in range(ROUNDS):
            self.insert(number * PROJECTS, PROJECTS)
            if number == 0:
                self.office.stop()
                self.office.start()
            elif number == 1:
                self.connector.kill()
                self.connector.start()
            elif number == 2:
                self.city.kill()
                self.city.start()
            self.milestone("risk.point_raised", (number + 1) * PROJECTS)
        self.assertEqual(self.connector.stop(), 0, self.connector.log())
        told = collections.Counter((event["type"], event["ref"]) for event in self.city.events() if event.get("ref"))
        wanted = {(kind, f"P{n}"): 1 for kind in ("case.opened", "case.milestone") for n in range(ROUNDS * PROJECTS)}
        self.assertEqual({key: told[key] for key in wanted}, wanted)
        self.assertEqual(self.city.casehub("deadletter", "list"), [])
        self.assertNotIn(PASSWORD, self.connector.log())

    def test_what_changes_in_the_tables_is_told_and_what_cannot_be_is_a_dead_letter(self):
        self.insert(1, 2)
        self.connector.start()
        self.milestone("risk.point_raised", 2, "high")
        self.office.sql("""UPDATE 风险点 SET 化解状态 = '已化解' WHERE 项目编号 = 'P1';
            UPDATE 项目 SET 评估状态 = '评估完成', 评估结论 = '准予实施', 修订 = 2 WHERE 项目编号 = 'P1';
            UPDATE 项目 SET 评估状态 = '不明' WHERE 项目编号 = 'P2';""")
        self.milestone("risk.point_cleared", value="high")
        self.milestone("risk.verdict", value="proceed")
        self.city.wait_for("case.resolved.>", lambda event: event.get("ref") == "P1")
        self.city.wait_for("case.amended.>")
        letter = self.city.wait_for("hub.deadletter.>", lambda event: event["data"]["action"] == "made")
        self.assertEqual(letter["data"]["code"], "not-found")
        self.assertRegex(letter["data"]["place"], r"^poll 20\S+:\d+: 评估状态$")
        self.assertEqual(self.connector.stop(), 0)
        self.assertEqual(len(self.city.casehub("deadletter", "list")), 1)

    def clears(self, case, **point):
        """The department that the case was offered to; the sequence."""
        self.said += 1
        return self.land.publish_one("case.milestone", "land", f"land-{self.said}", {"code": "risk.point_cleared", **point},
                                     subject=case, party="land", time=CLEARED_MS)["sequence"]

    def test_a_point_that_a_department_clears_is_cleared_in_the_table_unless_there_is_none_or_the_office_said_more_since(self):
        self.city.grant("land", "department", sources=["land"], parties=["land"])
        self.land, self.said = self.city.client("land"), 0
        self.insert(1, 2)  # both have a point F1
        self.office.sql("UPDATE 风险点 SET 更新时间 = '2026-11-23 10:00:01' WHERE 项目编号 = 'P2'")
        self.connector.start()
        self.milestone("risk.point_raised", 2)
        case = {row["ref"]: row["case"] for row in self.city.casehub("case", "list", "--system", "risk")}
        for ref in case:
            self.city.casehub("handoff", "offer", case[ref], "--to", "land")
        wrong = [self.clears(case["P1"]), self.clears(case["P1"], point="F9"), self.clears(case["P2"], point="F1")]
        self.office.stop()
        self.clears(case["P1"], point="F1")
        self.office.start()
        told = self.city.wait_for("case.milestone.>", lambda event: event["source"] == "risk/zhejiang" and
                                  event["data"]["code"] == "risk.point_cleared")
        self.assertEqual((told["ref"], told["data"]["point"], told["time"]), ("P1", "F1", "2026-11-23T02:00:00Z"))
        self.assertEqual(self.connector.stop(), 0, self.connector.log())
        self.assertEqual(self.office.sql("SELECT 项目编号, 风险点编号, 化解状态, 更新时间 FROM 风险点 ORDER BY 1"),
                         "P1|F1|已化解|2026-11-23 10:00:00\nP2|F1|未化解|2026-11-23 10:00:01")
        letters = self.city.casehub("deadletter", "list", "--connector", "outward-risk")
        self.assertEqual([(letter["place"], letter["reason"]) for letter in letters],
                         [(f"sequence {wrong[0]}", "data.point: it does not say which risk point"),
                          *((f"sequence {sequence}", "the statement changes no row") for sequence in wrong[1:])])
        self.assertEqual(len(self.city.casehub("deadletter", "list")), len(letters))
        self.assertNotIn(PASSWORD, self.connector.log())


if __name__ == "__main__":
    unittest.main()
