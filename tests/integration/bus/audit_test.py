"""Who looked at what, and who did what: on record before it is shown, in a chain of its own, and for overseers alone."""
import json
import os
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from hub import BIN, HubTest, OwnHubTest


def looks(rows):
    return [(row["actor"], row["what"]) for row in rows]


class Audit(HubTest):
    @classmethod
    def prepare(cls):
        cls.operator = cls.hub.client()
        cls.connector = cls.hub.granted("hotline", "connector", sources=["hotline"])
        cls.hub.grant("viewer", "supervisor", private="own")
        cls.hub.grant("keeper", "auditor")

    def open_case(self):
        return self.connector.publish_one("case.opened", "hotline/1", self.word, {"kind": "request"}, ref=self.word)["case"]

    def listed(self, *options, key="keeper"):
        return self.hub.casehub("audit", "list", *options, key=key)

    def test_only_overseers_may_ask(self):
        for key in ("viewer", "hotline"):
            done = self.hub.casehub("audit", "list", key=key, check=False)
            self.assertEqual(done.returncode, 77, done.stderr)

    def test_what_is_asked_wrongly_is_refused(self):
        for options in (("--looks", "--deeds"), ("--since", "x"), ("--limit", "0")):
            self.assertEqual(self.hub.casehub("audit", "list", *options, check=False).returncode, 64, options)
        with self.refused("invalid", "QUERY.arguments.after"):
            self.operator.query("audit", after="1")
        with self.refused("invalid", "QUERY.arguments.of"):
            self.operator.query("audit", of="x")

    def test_a_look_at_a_case_is_on_record_with_who_and_by_which_right(self):
        case = self.open_case()
        self.hub.casehub("case", "show", case, key="viewer")
        row = next(row for row in self.listed("--case", case, "--looks") if row["what"] == "QUERY case")
        self.assertEqual((row["actor"], row["role"], row["private"], row["case"]), ("viewer", "supervisor", "own", case))
        self.assertEqual(len(row["key"]), 40)
        self.assertIn("time", row)

    def test_reads_and_subscriptions_are_on_record_too(self):
        client = self.hub.client("viewer")
        client.read(1, 5)
        client.subscribe("*.*.*.water.>", name="viewer-water")
        rows = self.listed("--actor", "viewer", "--looks")
        self.assertEqual(looks(rows)[:2], [("viewer", "SUBSCRIBE"), ("viewer", "READ")])
        self.assertEqual(rows[0]["detail"], "viewer-water *.*.*.water.>")
        self.assertEqual(rows[1]["detail"], "1..5")

    def test_a_person_that_was_asked_for_is_not_named(self):
        self.hub.casehub("case", "list", "--phone", "13800001234", "--system", "hotline", key="viewer")
        row = next(row for row in self.listed("--actor", "viewer", "--looks") if row["what"] == "QUERY cases")
        self.assertIn("phone", row["detail"].split())
        self.assertIn("system=hotline", row["detail"].split())
        self.assertNotIn("13800001234", json.dumps(self.listed("--limit", "1000")))

    def test_what_tells_of_no_case_is_not_on_record(self):
        before = len(self.listed("--actor", "viewer", "--looks", "--limit", "1000"))
        self.hub.casehub("party", "list", key="viewer")
        self.hub.casehub("status", key="viewer")
        self.assertEqual(len(self.listed("--actor", "viewer", "--looks", "--limit", "1000")), before)

    def test_deeds_are_listed_beside_looks_in_the_order_of_time(self):
        case = self.open_case()
        self.hub.casehub("case", "note", case, "--text", "seen", key="viewer")
        self.hub.casehub("case", "show", case, key="viewer")
        rows = self.listed("--case", case)
        self.assertEqual([row["what"] for row in rows if row["what"] in ("case.noted", "QUERY case")][0], "QUERY case")
        deed = next(row for row in rows if row["what"] == "case.noted")
        self.assertEqual((deed["actor"], deed["role"]), ("viewer", "supervisor"))
        self.assertEqual([row["time"] for row in rows], sorted((row["time"] for row in rows), reverse=True))
        self.assertEqual([row["what"] for row in self.listed("--case", case, "--deeds")], ["case.noted"])  # no connector's

    def test_pages_make_one_list(self):
        whole = self.operator.query("audit", limit=1000, actor="viewer")
        paged, after = [], None
        while True:
            request = {"limit": 2, "actor": "viewer"} | ({"after": after} if after else {})
            answer = self.operator.ask("QUERY", "audit", request)
            paged += answer.body
            after = answer.next
            if not after:
                break
        self.assertEqual(paged, whole)


class Kept(OwnHubTest):
    def test_it_survives_a_kill_and_is_in_a_backup(self):
        hub = self.new_hub(data_dir="store").start()
        hub.casehub("case", "list")
        first = hub.casehub("audit", "list", "--looks")
        self.assertTrue(first)
        hub.kill()
        hub.start()
        again = hub.casehub("audit", "list", "--looks", "--limit", "1000")
        self.assertEqual(again[-len(first):], first)
        hub.casehub("backup", hub.path("backup"))
        hub.stop()
        for place in ("store", "backup"):
            self.assertEqual(self.verify(hub.path(place)), (0, []))

    def test_it_may_become_as_large_as_the_log(self):
        """When it is full, nobody may look at a case any more."""
        hub = self.new_hub(data_dir="store", store__log_map="6GiB").start()
        with open(f"/proc/{hub.process.pid}/maps", encoding="utf-8") as file:
            sizes = {line.split()[5]: int(line.split("-")[1].split()[0], 16) - int(line.split("-")[0], 16)
                     for line in file if line.rstrip().endswith("data.mdb")}
        self.assertEqual([sizes[hub.path(f"store/{name}/data.mdb")] for name in ("log", "audit")], [6 << 30, 6 << 30])

    def test_one_that_was_changed_is_found(self):
        hub = self.new_hub(data_dir="store").start()
        hub.casehub("case", "list", "--system", "forged-later")
        hub.stop()
        path = hub.path("store/audit/data.mdb")
        with open(path, "r+b") as file:
            content = file.read()
            self.assertIn(b"forged-later", content)
            file.seek(content.index(b"forged-later"))
            file.write(b"never-was-it")
        code, findings = self.verify(hub.path("store"))
        self.assertEqual((code, [finding["finding"] for finding in findings]), (65, ["audit"]))

    def verify(self, folder):
        done = subprocess.run([os.path.join(BIN, "casehub-replay"), "--store", folder, "--json", "verify"],
                              capture_output=True, text=True, timeout=60, check=False)
        return done.returncode, json.loads(done.stdout)["findings"]


if __name__ == "__main__":
    unittest.main()
