"""The mediation centre's SQLite register, polled over ODBC as the project ships it, and the referrals that the hub enters there."""
import os
import pathlib
import re
import sqlite3
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, ".."), os.path.join(HERE, "..", "story")]
from city import DEADLINE, SOURCE, City
from hub import wait_until

DISPUTE = """INSERT INTO 调解登记 (登记号, 委员会, 区域编码, 登记时间, 纠纷简述, 申请人, 办理状态, 更新时间)
    VALUES ('TJ1', '医疗', '330803', '2026-11-20 09:00:00', '患者要求医院赔偿', '张测试', '登记', '2026-11-20 09:00:00')"""


class Mediation(unittest.TestCase):
    def setUp(self):
        self.city = City()
        self.addCleanup(self.city.close)
        self.city.grant("mediation", "connector", sources=["mediation"], private="all")
        self.register = sqlite3.connect(self.city.path("register.db"), isolation_level=None)
        self.addCleanup(self.register.close)
        self.register.executescript(pathlib.Path(SOURCE, "connectors/mediation/tables.sql").read_text(encoding="utf-8"))
        self.connector = self.city.connector("mediation")
        config = pathlib.Path(self.city.path("mediation-connector/mediation.cfg"))
        text = re.sub("Database=[^;]*", "Database=" + self.city.path("register.db"), config.read_text(encoding="utf-8"))
        text = text.replace('"30s"', '"50ms"').replace("with_case", 'retry_most = "1s"; with_case').replace("Timeout=5000", "Timeout=100")
        config.write_text(text, encoding="utf-8")

    def milestone(self, code, value=None):
        return self.city.wait_for("case.milestone.>", lambda event: event["data"]["code"] == code and
                                  (value is None or event["data"].get("value") == value))

    def test_a_dispute_from_its_registration_to_what_was_agreed_and_kept(self):
        self.register.execute(DISPUTE)
        self.connector.start()
        opened = self.city.wait_for("case.opened.>")
        self.assertEqual((opened["data"]["kind"], opened["data"]["category"]), ("dispute", "dispute.medical"))
        self.register.execute("INSERT INTO 调解会议 VALUES ('TJ1', 1, '2026-11-21 09:00:00', '未达成一致')")
        self.milestone("mediation.session", "not_agreed")
        self.connector.kill()
        self.register.execute("INSERT INTO 调解会议 VALUES ('TJ1', 2, '2026-11-22 09:00:00', '达成一致')")
        self.register.execute("INSERT INTO 移送 VALUES ('Y1', 'TJ1', '转出', '法院', '2026-11-22 10:00:00')")
        self.connector.start()
        self.milestone("mediation.session", "agreed")
        self.milestone("mediation.referred", "court")
        self.register.execute("""UPDATE 调解登记 SET 协议书编号 = '样例1号', 协议时间 = '2026-11-22 11:00:00', 履行情况 = '已履行',
            履行时间 = '2026-11-23 09:00:00', 办理状态 = '调解终结', 更新时间 = '2026-11-23 10:00:00'""")
        self.milestone("mediation.agreement")
        self.milestone("mediation.fulfilled")
        self.city.wait_for("case.resolved.>")
        self.assertEqual(self.connector.stop(), 0, self.connector.log())
        row, = self.city.casehub("case", "list", "--system", "mediation")
        self.assertEqual(row["state"], "resolved")
        codes = sorted(event["data"]["code"] for event in self.city.events() if event["type"] == "case.milestone")
        self.assertEqual(codes, ["mediation.agreement", "mediation.fulfilled", "mediation.referred"] + ["mediation.session"] * 2)

    def offer(self, case, party, *more):
        """Its message's id."""
        self.city.casehub("handoff", "offer", case, "--to", party, *more)
        offered = self.city.wait_for(f"handoff.offered.*.{party}.>", lambda event: event["subject"] == case)
        return f"ZJ/{offered['sequence']}/1"

    def test_a_dispute_that_is_offered_to_an_authority_is_entered_once_and_one_that_is_gone_from_the_register_is_a_dead_letter(self):
        self.register.execute(DISPUTE)
        self.register.execute(DISPUTE.replace("TJ1", "TJ2"))
        self.connector.start()
        self.city.wait_for("case.opened.>", count=2)
        cases = {row["ref"]: row["case"] for row in self.city.casehub("case", "list", "--system", "mediation")}
        self.offer(cases["TJ1"], "health")
        police = self.offer(cases["TJ1"], "police")
        self.milestone("mediation.referred", "police")
        self.connector.kill()
        court = self.offer(cases["TJ1"], "court", "--reason", "lawsuit")
        self.register.execute("DELETE FROM 调解登记 WHERE 登记号 = 'TJ2'")
        self.offer(cases["TJ2"], "procuratorate")
        self.register.execute("BEGIN IMMEDIATE")  # another program is writing
        self.connector.start()
        wait_until(lambda: " waits " in self.connector.log(), "it cannot be entered yet", DEADLINE)
        self.register.execute("COMMIT")
        self.milestone("mediation.referred", "court")
        letter = self.city.wait_for("hub.deadletter.>")["data"]
        self.assertEqual((letter["connector"], letter["code"]), ("outward-mediation", "refused"))
        self.assertIn("the database refuses it", letter["reason"])
        self.assertEqual(self.connector.stop(), 0, self.connector.log())
        rows = self.register.execute("SELECT 移送号, 登记号, 移送方向, 机关 FROM 移送 ORDER BY rowid").fetchall()
        self.assertEqual(rows, [(police, "TJ1", "转出", "公安"), (court, "TJ1", "转出", "法院")])
        told = [event["data"]["referral"] for event in self.city.events() if event["type"] == "case.milestone"]
        self.assertEqual(told, [police, court])
        self.assertEqual(len(self.city.casehub("deadletter", "list")), 1)


if __name__ == "__main__":
    unittest.main()
