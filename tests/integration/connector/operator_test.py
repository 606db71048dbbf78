"""What an operator asks of a connector: to wait, to go on, to start anew, and to try again what it could not take in. It is
the grid teams' own."""
import collections
import os
import pathlib
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "story"))
from city import DEADLINE, City
from hub import wait_until

NAME, RESTARTED = "grid", 75
HEADINGS = "序号,网格编码,走访时间,居民姓名,电话,住址,类别,内容,紧急程度,状态"
UNKNOWN = "the code is not in the table"


def row(ref, category="停电", area="330902001001001"):
    return f"{ref},{area},2026-11-23 08:15,张样例,00000000001,示例路1号,{category},楼下没有电,紧急,上报"


class Operator(unittest.TestCase):
    def setUp(self):
        self.city = City()
        self.addCleanup(self.city.close)
        self.city.grant(NAME, "connector", sources=[NAME], private="all")
        self.grid = self.city.connector(NAME)
        self.folder = pathlib.Path(self.city.path("grid-connector"))

    def export(self, name, *rows):
        """As the grid teams' system writes it."""
        part = self.folder / "drop" / f"{name}.part"
        part.parent.mkdir(exist_ok=True)
        part.write_bytes("\r\n".join([HEADINGS, *rows, ""]).encode("gb18030"))
        part.rename(part.with_suffix(".csv"))

    def is_read(self, name):
        wait_until((self.folder / f"drop/done/{name}.csv").exists, f"{name} is in done/")

    def says(self, *states):
        """What the connector told of itself, in order; blocks until it has told so much."""
        own = lambda event: event["data"]["connector"] == NAME and event["source"].startswith("grid/")
        self.city.wait_for("hub.connector.>", own, len(states))
        told = [event["data"]["state"] for event in self.city.events() if event["type"] == "hub.connector" and own(event)]
        self.assertEqual(tuple(told[:len(states)]), states)

    def state(self):
        return self.city.casehub("connector", "show", NAME)[0]["state"]

    def fails(self, *words, key="operator"):
        return self.city.casehub(*words, key=key, check=False).returncode

    def opened(self):
        return collections.Counter(event["ref"] for event in self.city.events() if event["type"] == "case.opened")

    # ---- pause, resume, restart

    def test_who_may_not_ask_and_what_cannot_be_asked(self):
        self.assertEqual(self.fails("connector", "pause", NAME), 66)
        self.grid.start()
        self.says("running")
        self.city.grant("auditor", "auditor")
        self.assertEqual(self.fails("connector", "pause", NAME, key="auditor"), 77)
        self.assertEqual(self.state(), "running")
        self.assertEqual(self.grid.stop(), 0, self.grid.log())
        for verb in ("resume", "restart"):
            self.assertEqual(self.fails("connector", verb, NAME), 65)

    def test_a_paused_connector_reads_nothing_until_it_is_resumed_also_when_it_is_started_anew(self):
        self.grid.start()
        self.says("running")
        self.city.casehub("connector", "pause", NAME)
        self.says("running", "paused")
        self.export("diary-1", row("ZS-1"))
        self.grid.kill()
        self.grid.start()
        self.says("running", "paused", "paused")
        self.city.casehub("connector", "restart", NAME)
        self.assertEqual(self.grid.running.wait(DEADLINE), RESTARTED, self.grid.log())
        self.grid.start()
        self.says("running", *["paused"] * 4)
        self.assertEqual(self.city.casehub("connector", "pause", NAME)[0]["asked"], False)
        self.assertTrue((self.folder / "drop/diary-1.csv").exists())
        asked, = self.city.casehub("connector", "resume", NAME)
        opened = self.city.wait_for("case.opened.>")
        self.assertGreater(opened["sequence"], asked["sequence"])
        self.assertEqual(self.state(), "running")

    def test_a_connector_that_is_restarted_ends_once_and_reads_its_tables_again(self):
        self.grid.start()
        self.says("running")
        self.city.casehub("connector", "restart", NAME)
        self.assertEqual(self.grid.running.wait(DEADLINE), RESTARTED, self.grid.log())
        self.mend_the_table("虚构类别")
        self.export("diary-1", row("ZS-1", "虚构类别"))
        self.grid.start()
        self.city.wait_for("case.opened.>", lambda event: event["ref"] == "ZS-1")
        self.says("running", "stopped", "running")
        self.assertEqual(self.grid.stop(), 0, self.grid.log())

    # ---- dead letters

    def mend_the_table(self, category):
        with open(self.folder / "categories.csv", "a", encoding="utf-8") as file:
            file.write(f"{category},power.outage,\n")

    def retry_all(self, *more):
        return self.city.casehub("deadletter", "retry", "--all", "--connector", NAME, *more)

    def test_a_row_that_is_retried_again_and_again_opens_one_case(self):
        self.grid.start()
        self.export("diary-1", row("ZS-1", "虚构类别"), row("ZS-2"), row("ZS-3", "虚构类别"), row("ZS-4", area="33"))
        self.is_read("diary-1")
        group, other = self.city.casehub("deadletter", "list", "--by", "reason")
        self.assertEqual((group["count"], group["reason"], other["count"]), (2, UNKNOWN, 1))
        letters = [letter["deadletter"] for letter in self.city.casehub("deadletter", "list", "--code", "not-found")]
        self.assertEqual(self.fails("deadletter", "retry", "--all"), 64)
        self.assertEqual(len(self.retry_all("--reason", UNKNOWN[:8], "--dry-run")), 2)
        self.assertEqual(self.grid.stop(), 0, self.grid.log())
        self.mend_the_table("虚构类别")
        answers = self.retry_all("--reason", UNKNOWN[:8])
        self.assertEqual([answer["deadletter"] for answer in answers], letters)
        self.city.casehub("deadletter", "retry", *map(str, letters))  # while nobody has begun with the first
        self.grid.start()
        self.city.wait_for("hub.deadletter.>", lambda event: event["data"]["action"] == "retried", 2)
        self.assertEqual(self.retry_all("--stage", "map", "--code", "not-found"), [])
        self.assertEqual(self.fails("deadletter", "retry", *map(str, letters)), 65)
        self.export("diary-2", row("ZS-1", "虚构类别"), row("ZS-2"), row("ZS-3", "虚构类别"))
        self.is_read("diary-2")
        self.assertEqual(self.opened(), {"ZS-1": 1, "ZS-2": 1, "ZS-3": 1})
        self.one_that_fails_again_is_retried_once_a_time()
        self.all_that_is_left_is_dropped()

    def one_that_fails_again_is_retried_once_a_time(self):
        """It becomes a new letter, that the same command does not meet."""
        before, = self.city.casehub("deadletter", "list")
        self.assertEqual(len(self.retry_all("--since", "-1d")), 1)
        self.city.wait_for("hub.deadletter.>", lambda event: event["data"]["action"] == "retried", 3)
        after, = self.city.casehub("deadletter", "list")
        self.assertGreater(after["deadletter"], before["deadletter"])
        self.assertEqual((after["reason"], after["place"]), (before["reason"], before["place"]))

    def all_that_is_left_is_dropped(self):
        self.assertEqual(self.fails("deadletter", "drop", "--all"), 64)
        dropped, = self.city.casehub("deadletter", "drop", "--all", "--letter-reason", "15 digits", "--reason", "a test")
        self.assertEqual(dropped["action"], "drop")
        self.assertEqual(self.city.casehub("deadletter", "list"), [])


if __name__ == "__main__":
    unittest.main()
