"""The ledger of the social organisations' service centre, dropped as CSV, and the needs that an organisation is offered."""
import csv
import os
import pathlib
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, ".."), os.path.join(HERE, "..", "story")]
from city import City
from hub import wait_until

APPLICATION = ["申请编号", "统一社会信用代码", "组织名称", "项目名称", "项目概况", "项目类别", "区域编码", "申请时间", "申请金额",
               "联系人", "联系电话", "审批状态", "更新时间", "资助金额", "资助时间"]
REPORT = ["申请编号", "统一社会信用代码", "组织名称", "报告编号", "报告类型", "报告时间", "报告内容", "已用金额"]
GOOD, WRONG = "52330203000000001X", "523302030000000010"


def application(ref, **more):
    row = {"申请编号": ref, "统一社会信用代码": GOOD, "组织名称": "样例助老社", "项目名称": "虚构午餐陪伴", "项目类别": "助老",
           "区域编码": "330203", "申请时间": "2026-11-01 09:00", "申请金额": "20,000", "审批状态": "已提交",
           "更新时间": "2026-11-01 09:00", "联系人": "张样例", "联系电话": "00000000001"}
    return [{**row, **more}.get(name, "") for name in APPLICATION]


def report(ref, number, kind, time):
    return [ref, GOOD, "样例助老社", number, kind, time, "已送出虚构午餐", "4321.50"]


class SocialOrganisations(unittest.TestCase):
    def setUp(self):
        self.city = City()
        self.addCleanup(self.city.close)
        self.city.grant("social_org", "connector", sources=["social_org"], parties=["elderly-visitors"])
        self.connector = self.city.connector("social_org")
        self.folder = pathlib.Path(self.city.path("social_org-connector"))
        for name in ("drop", "needs"):
            (self.folder / name).mkdir()

    def export(self, name, heading, *rows, charset="utf-8-sig"):
        part = self.folder / "drop" / f"{name}.part"
        with open(part, "w", encoding=charset, newline="") as file:
            csv.writer(file).writerows([heading, *rows])
        part.rename(part.with_suffix(".csv"))

    def is_read(self, name):
        wait_until((self.folder / f"drop/done/{name}.csv").exists, f"{name} is in done/")

    def milestones(self):
        return [(event["data"]["code"], event["data"]["value"]) for event in self.city.events()
                if event["type"] == "case.milestone"]

    def case(self):
        row, = self.city.casehub("case", "list", "--system", "social_org")
        return row

    def test_a_wrong_check_character_is_a_dead_letter_with_its_place_and_the_mended_row_is_one_case(self):
        self.connector.start()
        self.export("ledger-1", APPLICATION, application("SZ-1", **{"统一社会信用代码": WRONG}))
        self.is_read("ledger-1")
        letter, = self.city.casehub("deadletter", "list", "--connector", "social_org")
        self.assertEqual((letter["stage"], letter["place"]), ("map", "ledger-1.csv:2: 统一社会信用代码"))
        self.assertNotIn(WRONG, letter["reason"])
        self.export("ledger-2", APPLICATION, application("SZ-1"))
        self.is_read("ledger-2")
        self.assertEqual((self.case()["kind"], self.case()["state"]), ("grant", "received"))

    def test_a_sheet_of_another_kind_is_rejected_whole(self):
        self.connector.start()
        self.export("members", ["姓名", "电话"], ["张样例", "00000000001"])
        wait_until((self.folder / "drop/rejected/members.csv").exists, "it is in rejected/")
        self.assertEqual(self.city.casehub("deadletter", "list"), [])

    def test_a_report_that_comes_before_its_application_is_of_the_same_case(self):
        self.connector.start()
        self.export("reports-1", REPORT, report("SZ-1", "B1", "中期", "2026-11-16 09:00"))
        self.is_read("reports-1")
        self.export("ledger-2", APPLICATION, application("SZ-1"))
        self.is_read("ledger-2")
        row, = self.city.casehub("case", "show", self.case()["case"])
        self.assertEqual((row["kind"], row["category"]), ("grant", "grant.application"))
        self.assertEqual(self.milestones(), [("grant.reported", "interim"), ("grant.applied", "20000")])

    def test_an_application_from_its_hand_in_to_the_report_after_its_end(self):
        self.connector.start()
        self.export("ledger-1", APPLICATION, application("SZ-1"))
        self.is_read("ledger-1")
        granted = {"审批状态": "执行中", "更新时间": "2026-11-10 10:00", "资助金额": "1万元", "资助时间": "2026-11-09 15:00"}
        self.connector.kill()
        self.export("ledger-2", APPLICATION, application("SZ-1", **granted))
        self.export("reports-2", REPORT, report("SZ-1", "B1", "中期", "2026-11-16 09:00"))
        self.connector.start()
        for name in ("ledger-2", "reports-2"):
            self.is_read(name)
        self.assertEqual(self.case()["state"], "in_progress")
        corrected = {**granted, "资助金额": "12000", "项目名称": "虚构晚餐陪伴"}
        self.export("ledger-3", APPLICATION, application("SZ-1", **corrected))
        self.is_read("ledger-3")
        self.export("ledger-4", APPLICATION,
                    application("SZ-1", **{**corrected, "审批状态": "结项", "更新时间": "2026-11-23 10:00"}))
        self.is_read("ledger-4")
        self.export("reports-5", REPORT, report("SZ-1", "B1", "中期", "2026-11-16 09:00"),
                    report("SZ-1", "B2", "结项", "2026-11-23 17:00"))
        self.is_read("reports-5")
        self.assertEqual(self.milestones(), [("grant.applied", "20000"), ("grant.awarded", "10000"),
                                             ("grant.reported", "interim"), ("grant.awarded", "12000"),
                                             ("grant.reported", "final")])
        row, = self.city.casehub("case", "show", self.case()["case"])
        self.assertEqual(row["state"], "resolved")
        amended, = [event for event in self.city.events() if event["type"] == "case.amended"]
        self.assertEqual(amended["data"]["title"], "虚构晚餐陪伴")
        self.assertEqual(self.city.casehub("case", "list", "--anomalous"), [])
        self.assertEqual(self.city.casehub("deadletter", "list"), [])

    def test_what_a_grid_team_found_and_an_organisation_is_offered_is_a_file_for_the_centre(self):
        config = self.folder / "social_org.cfg"
        config.write_text(config.read_text(encoding="utf-8").replace('"UTF-8"', '"GB18030"'), encoding="utf-8")
        self.connector.start()
        self.export("ledger-1", APPLICATION, application("SZ-1"), charset="gb18030")
        self.is_read("ledger-1")
        self.assertEqual(self.city.casehub("case", "show", self.case()["case"])[0]["opened_event"]["data"]["title"], "虚构午餐陪伴")
        self.city.grant("grid", "connector", sources=["grid"])
        opened = {"kind": "matter", "category": "health.visit", "title": "虚构老人需要探访", "text": "独居，\n每周两次"}
        need = self.city.client("grid").publish_one("case.opened", "grid/1", "G-1", opened, ref="G-1", area="330203001",
                                                    private={"name": "张样例"})["case"]
        self.city.casehub("handoff", "offer", need, "--to", "elderly-visitors", "--reason", "regular-visits",
                          "--due", "2026-12-01T08:00:00Z")
        handoff = self.city.wait_for("handoff.delivered.*.elderly-visitors.>")["data"]["handoff"]
        file, = (self.folder / "needs").glob("*.csv")
        self.assertEqual(file.name, handoff.replace("/", "-") + ".csv")
        with open(file, encoding="gb18030", newline="") as rows:
            row, = csv.DictReader(rows)
        self.assertEqual([row[name] for name in ("工单号", "交办号", "统一社会信用代码", "组织名称", "区域编码", "标题", "内容")],
                         [need, handoff, GOOD, "助老探访社", "330203001", opened["title"], opened["text"]])
        self.assertEqual((row["交办原因"], row["办理期限"]), ("regular-visits", "2026-12-01 16:00:00"))
        self.assertNotIn("张样例", file.read_text(encoding="gb18030"))


if __name__ == "__main__":
    unittest.main()
