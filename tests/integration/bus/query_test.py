"""READ and every QUERY: what is asked for, page by page, and what is no question."""
import os
import shutil
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from chp import event
from hub import HubTest, OwnHubTest


class Read(HubTest):
    @classmethod
    def prepare(cls):
        cls.operator = cls.hub.client()
        events = []
        for i in range(30):
            events.append(event("case.opened", ("grid", "forum")[i % 2], str(i), {"kind": "matter"}, ref=str(i)))
            events.append(event("case.noted", ("grid", "forum")[i % 2], f"{i}/n", {"text": "x"}, ref=str(i)))
        cls.answers = cls.operator.publish(*events)

    def test_a_range_includes_both_ends(self):
        first, last = self.answers[4]["sequence"], self.answers[9]["sequence"]
        seen = [e["sequence"] for e in self.operator.read(first, last)]
        self.assertEqual(seen, list(range(first, last + 1)))

    def test_without_bounds_it_is_the_whole_log(self):
        head = self.operator.query("status")[0]["sequence"]
        self.assertEqual([e["sequence"] for e in self.operator.read()], list(range(1, head + 1)))

    def test_a_limit_ends_it_early_and_next_goes_on(self):
        seen, start = [], 1
        while start:
            answer = self.operator.ask("READ", start, 0, 7, None, None)
            self.assertLessEqual(len(answer.body), 7)
            seen += [e["sequence"] for e in answer.body]
            start = answer.next
        self.assertEqual(seen, [e["sequence"] for e in self.operator.read()])

    def test_patterns_choose(self):
        seen = self.operator.read(patterns=["case.opened.grid.>", "case.noted.forum.>"])
        self.assertEqual([e["id"] for e in seen if e["type"] == "case.opened"], [str(i) for i in range(0, 30, 2)])
        self.assertEqual({(e["type"], e["source"]) for e in seen}, {("case.opened", "grid"), ("case.noted", "forum")})

    def test_a_case_is_read_by_its_index(self):
        case = self.answers[20]["case"]
        seen = self.operator.read(case=case)
        self.assertEqual([e["caseversion"] for e in seen], list(range(1, len(seen) + 1)))
        self.assertEqual({e["subject"] for e in seen}, {case})
        self.assertEqual(seen, self.operator.query("timeline", case=case))

    def test_a_case_that_is_not_there_and_a_range_beyond_the_end_are_empty(self):
        for more in ({"case": "ZJ-20260101-999"}, {"case": "nonsense"}, {"start": 10**9}):
            with self.subTest(**more):
                self.assertEqual(self.operator.read(**more), [])

    def test_a_range_that_ends_before_it_begins_is_invalid(self):
        with self.refused("invalid", "READ.to"):
            self.operator.read(9, 8)

    def test_what_was_acknowledged_can_be_read_at_once(self):
        for i in range(20):
            sequence = self.operator.publish_one("case.opened", "hotline", str(i), {"kind": "request"})["sequence"]
            self.assertEqual([e["sequence"] for e in self.operator.read(sequence, sequence)], [sequence])


class Query(HubTest):
    @classmethod
    def prepare(cls):
        cls.operator = cls.hub.client()
        opened = [event("case.opened", "grid/7", str(i), {"kind": "matter", "category": ("lamp.out", "power")[i % 2],
                                                         "title": f"title {i}"}, ref=f"R{i}", area=("330902", "330203")[i % 2])
                  for i in range(12)]
        cls.cases = [answer["case"] for answer in cls.operator.publish(*opened)]
        case = cls.cases[0]
        cls.operator.publish_one("handoff.accepted", "desk/operator", "a", {"handoff": f"{case}/h1"}, subject=case,
                                 party="urban-mgmt")
        cls.connector = cls.hub.granted("filer", "connector", sources=["file"])
        cls.connector.publish(event("hub.connector", "file", "s", {"connector": "filer", "state": "running", "address": "here"}),
                              event("case.opened", "file", "bad", {"kind": "nonsense"}),
                              event("case.opened", "file", "worse", {"kind": "nonsense"}),
                              checkpoint={"connector": "filer", "from": "", "to": "1"})

    def names(self, key, name, /, **arguments):
        return [row[key] for row in self.operator.query(name, **arguments)]

    def test_status_tells_of_the_hub(self):
        row, = self.operator.query("status")
        self.assertEqual((row["hub"], row["pid"], row["epoch"], row["ready"]), ("ZJ", self.hub.process.pid, 1, True))
        self.assertEqual(row["dead_letters"], 2)
        for name in ("sequence", "uptime_ms", "log_bytes", "map_bytes", "disk_free_bytes", "cases"):
            self.assertGreater(row[name], 0, name)

    def test_cases_are_listed_newest_first_and_chosen_by_each_argument(self):
        self.assertEqual(self.names("case", "cases"), self.cases[::-1])
        rows = {("system", "grid"): 12, ("system", "forum"): 0, ("area", "3309"): 6, ("area", "33"): 12,
                ("category", "lamp"): 6, ("category", "lamp.out"): 6, ("category", "lamp.damaged"): 0,
                ("party", "urban-mgmt"): 6, ("party", "power-supply"): 6, ("state", "assigned"): 1,
                ("state", "received"): 11, ("ref", "R3"): 1, ("since", 1): 12, ("since", 2**47): 0, ("anomalous", True): 0}
        for (name, value), count in rows.items():
            with self.subTest(**{name: value}):
                self.assertEqual(len(self.operator.query("cases", **{name: value})), count)

    def test_every_list_comes_page_by_page_without_gaps_and_repeats(self):
        for name, key in (("cases", "case"), ("handoffs", "handoff"), ("parties", "party"), ("deadletters", "deadletter"),
                          ("connectors", "connector"), ("grants", "key")):
            with self.subTest(name):
                whole = self.names(key, name)
                self.assertGreater(len(whole), 0)
                self.assertEqual(len(whole), len(set(whole)))
                for limit in (1, 2, 5):
                    self.assertEqual(self.names(key, name, limit=limit), whole)
        versions = self.names("caseversion", "timeline", case=self.cases[0], limit=1)
        self.assertEqual(versions, list(range(1, len(versions) + 1)))

    def test_what_is_opened_between_two_pages_neither_doubles_nor_hides_a_row(self):
        first = self.operator.ask("QUERY", "cases", {"limit": 5, "system": "grid"})
        self.operator.publish_one("case.opened", "grid/8", "between", {"kind": "matter"}, testmode=True)
        rest = self.names("case", "cases", system="grid", after=first.next)
        self.assertEqual([row["case"] for row in first.body] + rest, self.cases[::-1])

    def test_a_case_is_found_by_its_number_and_by_its_ref(self):
        row, = self.operator.query("case", case=self.cases[0])
        self.assertEqual((row["case"], row["state"], row["party"], row["refs"]), (self.cases[0], "assigned", "urban-mgmt", ["R0"]))
        self.assertEqual(row["opened_event"]["data"]["title"], "title 0")
        self.assertEqual([step["state"] for step in row["steps"]][-1], "assigned")
        self.assertEqual([handoff["state"] for handoff in row["handoffs"]], ["accepted"])
        self.assertEqual(self.names("case", "case", case="R0"), [self.cases[0]])
        self.assertEqual(self.names("case", "case", case="R0", source="grid/7"), [self.cases[0]])
        for arguments in ({"case": "R99"}, {"case": "R0", "source": "forum"}, {"case": "ZJ-20260101-1"}):
            with self.refused("not-found"):
                self.operator.query("case", **arguments)

    def test_handoffs_are_the_open_ones_unless_all_are_asked_for(self):
        self.assertEqual(len(self.operator.query("handoffs", party="urban-mgmt")), 6)
        row, = self.operator.query("handoffs", case=self.cases[0])
        self.assertEqual((row["state"], row["party"]), ("accepted", "urban-mgmt"))
        self.assertEqual(len(self.operator.query("handoffs", open=False, case="R1", source="grid/7")), 1)

    def test_dead_letters_are_listed_by_connector_code_and_status(self):
        self.assertEqual(len(self.operator.query("deadletters", connector="filer", code="invalid")), 2)
        first, second = self.operator.query("deadletters")
        for arguments in ({"connector": "x"}, {"code": "denied"}, {"status": "dropped"}, {"stage": "map"},
                          {"reason": first["reason"] + "x"}, {"since": second["recorded"] + 1}):
            self.assertEqual(self.operator.query("deadletters", **arguments), [])
        for arguments in ({"stage": first["stage"]}, {"reason": first["reason"][:4]}, {"since": first["recorded"]}):
            self.assertEqual(len(self.operator.query("deadletters", **arguments)), 2)
        with self.refused("not-found"):
            self.operator.query("deadletter", deadletter=99)
        self.assertEqual(len(self.connector.query("deadletters")), 2)

    def test_connectors_tell_what_they_reported(self):
        row, = self.operator.query("connectors", name="filer")
        self.assertEqual((row["state"], row["address"], row["checkpoint"]), ("running", "here", "1"))

    def test_parties_are_those_of_the_table(self):
        row, = self.operator.query("parties", code="water-rescue")
        self.assertEqual((row["kind"], row["supervisor"]), ("team", "police"))
        self.assertEqual({row["kind"] for row in self.operator.query("parties", kind="firm")}, {"firm"})

    def test_route_tells_whom_and_why(self):
        row, = self.operator.query("route", system="emergency", category="fire.house", priority=1)
        self.assertEqual((row["route"], row["party"], row["due_after_ms"]), ("fire", "fire-brigade", 300_000))
        self.assertTrue(row["why"])
        row, = self.operator.query("route", system="nobody")
        self.assertNotIn("party", row)

    def test_grants_are_those_given_and_those_configured(self):
        rows = {row["name"]: row for row in self.operator.query("grants")}
        self.assertEqual((rows["operator"]["configured"], rows["filer"].get("configured", False)), (True, False))
        self.assertEqual((rows["filer"]["role"], rows["filer"]["sources"]), ("connector", ["file"]))

    def test_subscriptions_are_those_that_are_there(self):
        subscription = self.operator.subscribe("case.>", name="listed", start={"all": True}, credit=3)
        subscription.events(3)
        row, = self.operator.query("subscriptions", name="listed")
        self.assertEqual((row["patterns"], row["pending"], row["credit"], row["connected"]), (["case.>"], 3, 0, True))
        self.assertGreater(row["lag"], 0)

    def test_a_question_waits_for_the_sequence_it_names(self):
        request = self.operator.send("QUERY", "cases", {"sequence": self.operator.query("status")[0]["sequence"] + 1,
                                                        "limit": 1})
        other = self.hub.client()
        other.publish_one("case.opened", "waited", "1", {"kind": "matter"}, testmode=True)
        self.assertEqual(len(self.operator.answer(request).body), 1)

    def test_what_is_no_question_is_told_where(self):
        rows = [("nonsense", {}, "not-found", "QUERY.name"), ("cases", {"nonsense": 1}, "invalid", "QUERY.arguments.nonsense"),
                ("cases", {"limit": 0}, "invalid", "QUERY.arguments.limit"),
                ("cases", {"limit": 1001}, "invalid", "QUERY.arguments.limit"),
                ("cases", {"limit": "5"}, "invalid", "QUERY.arguments.limit"),
                ("cases", {"state": "s" * 64}, "invalid", "QUERY.arguments.state"),
                ("cases", {"state": "a\nb"}, "invalid", "QUERY.arguments.state"),
                ("cases", {"state": ""}, "invalid", "QUERY.arguments.state"),
                ("cases", {"anomalous": 1}, "invalid", "QUERY.arguments.anomalous"),
                ("case", {}, "invalid", "QUERY.arguments.case"),
                ("deadletter", {}, "invalid", "QUERY.arguments.deadletter"),
                ("checkpoint", {}, "invalid", "QUERY.arguments.connector"),
                ("backup", {"dir": "relative"}, "invalid", "QUERY.arguments.dir"),
                ("delete_subscription", {"name": "nobody"}, "not-found", "QUERY.arguments.name"),
                ("subscriptions", {"nonsense": 1}, "invalid", "QUERY.arguments.nonsense")]
        for name, arguments, code, where in rows:
            with self.subTest(query=name, arguments=arguments), self.refused(code, where):
                self.operator.query(name, **arguments)

    def test_nil_is_as_good_as_absent(self):
        self.assertEqual(self.names("case", "cases", state=None, limit=None), self.names("case", "cases"))


class Backup(OwnHubTest):
    def test_a_backup_is_made_while_the_hub_serves_and_starts_as_a_hub(self):
        hub = self.new_hub().start()
        operator = hub.client()
        case = operator.publish_one("case.opened", "grid", "1", {"kind": "matter"}, private={"name": "Made-up"})["case"]
        request = operator.send("QUERY", "backup", {"dir": hub.path("backup")})
        operator.publish_one("case.noted", "grid", "2", {"text": "meanwhile"}, subject=case)
        row, = operator.answer(request).body
        self.assertEqual(row["dir"], hub.path("backup"))
        self.assertGreaterEqual(row["sequence"], 1)
        self.assertGreater(row["bytes"], 0)
        with self.refused("invalid"):
            operator.query("backup", dir=hub.path("backup"))  # is not empty any more
        row, = hub.casehub("backup", hub.path("second"))
        self.assertGreater(row["bytes"], 0)
        operator.publish_one("case.noted", "grid", "3", {"text": "x"}, subject=case)
        hub.stop()
        shutil.copytree(hub.path("data/keys"), hub.path("second/keys"))  # which no backup holds
        hub.settings["data_dir"] = "second"
        hub.write_config()
        hub.start()
        self.assertEqual([e["id"] for e in hub.client().query("timeline", case=case)], ["1", "2"])


if __name__ == "__main__":
    unittest.main()
