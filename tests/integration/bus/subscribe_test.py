"""What goes out: live and durable subscriptions, where they begin, what they match, and how far they have come."""
import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from chp import event
from hub import HubTest

ALL = {"all": True}


def ids(events):
    return [e["id"] for e in events]


class SubscribeTest(HubTest):
    """Each test has a system of its own, so that a pattern sees nothing of the others."""

    @classmethod
    def prepare(cls):
        cls.operator = cls.hub.client()

    def setUp(self):
        self.pattern = f"case.*.{self.word}.>"

    def shows(self, subscription, wanted):
        """These events come, and no others."""
        self.assertEqual(ids(subscription.events(len(wanted)) + subscription.rest()), wanted)

    def open(self, *ids_, **attributes):
        """Cases without a receiver; their answers."""
        answers = self.operator.publish(*[event("case.opened", self.word, id_, {"kind": "matter"}, ref=id_, **attributes)
                                          for id_ in ids_])
        self.assertEqual({answer["code"] for answer in answers}, {None})
        return answers

    def note(self, ref, *ids_):
        answers = self.operator.publish(*[event("case.noted", self.word, id_, {"text": id_}, ref=ref) for id_ in ids_])
        self.assertEqual({answer["code"] for answer in answers}, {None})
        return answers


class Live(SubscribeTest):
    def test_new_shows_what_comes_from_now_on(self):
        self.open("before")
        subscription = self.operator.subscribe(self.pattern)
        self.open("after")
        self.shows(subscription, ["after"])

    def test_all_shows_everything_in_order_and_then_what_comes(self):
        self.open("1", "2")
        subscription = self.operator.subscribe(self.pattern, start=ALL)
        self.open("3")
        self.assertEqual(ids(subscription.events(3)), ["1", "2", "3"])

    def test_a_sequence_is_where_it_begins(self):
        answers = self.open("1", "2", "3")
        subscription = self.operator.subscribe(self.pattern, start={"sequence": answers[1]["sequence"]})
        self.assertEqual(subscription.sequence, answers[1]["sequence"])
        self.shows(subscription, ["2", "3"])

    def test_a_time_begins_at_the_first_event_recorded_then_or_later(self):
        sequence = self.open("1")[0]["sequence"]
        time = self.operator.read(sequence, sequence)[0]["recordedtime"]
        subscription = self.operator.subscribe(self.pattern, start={"time": time})
        self.assertEqual(ids(subscription.events_until(lambda e: e["source"] == self.word, 1)), ["1"])
        later = self.operator.subscribe(self.pattern, start={"time": time + 86_400_000})
        self.assertEqual(later.rest(), [])

    def test_a_position_beyond_the_end_or_of_another_epoch_diverged(self):
        head = self.operator.query("status")[0]["sequence"]
        for start in ({"sequence": head + 2}, {"sequence": 1, "epoch": 7}):
            with self.refused("diverged", "SUBSCRIBE.from") as caught:
                self.operator.subscribe(self.pattern, start=start)
            self.assertEqual(caught.exception.position, head + 1)

    def test_wildcards_stand_for_one_level_or_for_all_that_follow(self):
        self.operator.publish_one("case.opened", self.word, "1", {"kind": "matter", "category": "lamp"}, area="330902001")
        system = self.word
        rows = {
            f"case.opened.{system}._.33.09.02.001": True, f"case.opened.{system}._.33.09.02": False,
            f"case.opened.{system}._.33.09.>": True, f"case.opened.{system}._.33.09.02.001.>": False,
            f"case.opened.{system}.>": True, f"*.*.{system}.>": True, f"*.{system}.>": False,
            f"case.*.{system}._.33.*.02.*": True, f"case.*.{system}._.33.*": False,
            f"case.opened.{system}.urban-mgmt.>": False, f"handoff.offered.{system}.urban-mgmt.>": True,
            f"*.*.{system}.urban-mgmt.33.09.02.001": True, "case.opened.another.>": False, ">": True,
        }
        for pattern, matches in rows.items():
            with self.subTest(pattern):
                subscription = self.operator.subscribe(pattern, start=ALL, no_ack=True)
                seen = subscription.events_until(lambda e: e["topic"].split(".")[2] == system, 1) if matches \
                    else subscription.rest()
                self.assertEqual(bool(seen), matches)
                subscription.end()

    def test_an_event_that_several_patterns_match_comes_once(self):
        self.open("1")
        subscription = self.operator.subscribe(self.pattern, f"case.opened.{self.word}.>", start=ALL)
        self.shows(subscription, ["1"])

    def test_what_is_no_pattern_is_invalid_and_told_which(self):
        for wrong in ("a..b", "", "case.>.x", "Case.opened.>", "case.opened.x ", "*x.>"):
            with self.subTest(wrong), self.refused("invalid", "SUBSCRIBE.patterns[1]"):
                self.operator.subscribe(">", wrong)

    def test_a_number_that_is_taken_in_this_session_is_a_conflict(self):
        taken = self.operator.subscribe(self.pattern)
        with self.refused("conflict", "SUBSCRIBE.subscription"):
            self.operator.ask("SUBSCRIBE", taken.number, None, [self.pattern], 1)
        taken.end()
        self.operator.ask("SUBSCRIBE", taken.number, None, [self.pattern], 1)

    def test_after_the_end_nothing_comes_any_more(self):
        subscription = self.operator.subscribe(self.pattern)
        subscription.end()
        self.open("1")
        self.assertEqual(subscription.rest(), [])

    def test_a_subscription_that_is_not_there_is_told_by_verb(self):
        for verb, arguments in (("ACK", (999, 5)), ("NAK", (999, 5)), ("CREDIT", (999, 1)), ("UNSUBSCRIBE", (999,))):
            with self.subTest(verb), self.refused("not-found", f"{verb}.subscription"):
                self.operator.ask(verb, *arguments)

    def test_live_subscriptions_end_with_the_session(self):
        client = self.hub.client()
        client.subscribe(self.pattern)
        client.hello()
        self.open("1")
        client.settle()
        self.assertEqual(client.take_all(lambda heard: heard.verb == "EVENTS"), [])


class Credit(SubscribeTest):
    def test_exactly_as_many_events_come_as_credit_was_given(self):
        self.open(*[str(i) for i in range(10)])
        subscription = self.operator.subscribe(self.pattern, start=ALL, credit=3)
        self.shows(subscription, ["0", "1", "2"])
        subscription.credit(2)
        self.shows(subscription, ["3", "4"])
        subscription.credit(100)
        self.shows(subscription, ["5", "6", "7", "8", "9"])

    def test_without_credit_nothing_comes(self):
        self.open("1")
        subscription = self.operator.subscribe(self.pattern, start=ALL, credit=0)
        self.assertEqual(subscription.rest(), [])
        subscription.credit(1)
        self.shows(subscription, ["1"])

    def test_an_acknowledgement_gives_no_credit_back(self):
        self.open("1", "2")
        subscription = self.operator.subscribe(self.pattern, start=ALL, credit=1)
        subscription.ack(subscription.event()["sequence"])
        self.assertEqual(subscription.rest(), [])

    def test_credit_is_kept_for_what_comes_later(self):
        subscription = self.operator.subscribe(self.pattern, credit=2)
        self.open("1", "2", "3")
        self.shows(subscription, ["1", "2"])

    def test_events_that_do_not_match_cost_no_credit(self):
        self.open("1")
        self.note("1", "2", "3", "4")
        self.open("5")
        subscription = self.operator.subscribe(f"case.opened.{self.word}.>", start=ALL, credit=2)
        self.shows(subscription, ["1", "5"])

    def test_a_backlog_comes_whole_and_in_order_however_little_credit_there_is(self):
        wanted = []
        for batch in range(4):
            names = [f"{batch}-{i}" for i in range(256)]
            self.open(*names)
            wanted += names
        subscription = self.operator.subscribe(self.pattern, start=ALL, credit=7)
        seen = []
        while len(seen) < len(wanted):
            e = subscription.event()
            seen.append(e["id"])
            subscription.ack(e["sequence"])
            subscription.credit(1)
        self.assertEqual(seen, wanted)
        self.assertEqual(subscription.rest(), [])

    def test_two_subscriptions_of_one_session_have_credit_of_their_own(self):
        self.open("1", "2")
        one = self.operator.subscribe(self.pattern, start=ALL, credit=1)
        two = self.operator.subscribe(self.pattern, start=ALL, credit=2)
        self.shows(one, ["1"])
        self.shows(two, ["1", "2"])

    def test_no_more_than_4096_events_are_under_way(self):
        for batch in range(18):
            self.open(*[f"{batch}-{i}" for i in range(256)])
        subscription = self.operator.subscribe(self.pattern, start=ALL, credit=65536)
        events = subscription.events(4096)
        self.assertEqual(subscription.rest(), [])
        subscription.ack(upto=events[99]["sequence"])
        self.assertEqual(len(subscription.events(100)), 100)
        self.assertEqual(subscription.rest(), [])

    def test_what_needs_no_acknowledgement_is_held_back_by_credit_alone(self):
        for batch in range(18):
            self.open(*[f"{batch}-{i}" for i in range(256)])
        subscription = self.operator.subscribe(self.pattern, start=ALL, credit=65536, no_ack=True)
        self.assertEqual(len(subscription.events(18 * 256)), 18 * 256)


class Durable(SubscribeTest):
    def subscribe(self, client=None, **more):
        return (client or self.operator).subscribe(self.pattern, name=self.word, start=ALL, **more)

    def row(self):
        return self.operator.query("subscriptions", name=self.word)[0]

    def test_it_goes_on_where_its_acknowledgements_stand(self):
        self.open("1", "2", "3", "4")
        first = self.subscribe(self.hub.client())
        self.assertFalse(first.existed)
        events = first.events(4)
        first.ack(upto=events[1]["sequence"])
        first.client.settle()
        again = self.subscribe(self.hub.client())
        self.assertTrue(again.existed)
        seen = again.events(2)
        self.assertEqual(ids(seen), ["3", "4"])
        self.assertEqual(again.attempts, {seen[0]["sequence"]: 2, seen[1]["sequence"]: 2})
        self.assertEqual(again.rest(), [])

    def test_events_acknowledged_singly_do_not_come_again(self):
        self.open("1", "2", "3", "4")
        first = self.subscribe(self.hub.client())
        events = first.events(4)
        first.ack(events[0]["sequence"], events[2]["sequence"])
        first.client.settle()
        self.shows(self.subscribe(self.hub.client()), ["2", "4"])

    def test_acknowledgements_of_what_was_not_delivered_are_ignored(self):
        answers = self.open("1", "2", "3")
        first = self.subscribe(self.hub.client(), credit=1)
        first.event()
        first.ack(answers[2]["sequence"], 10**9, upto=answers[0]["sequence"])
        first.client.settle()
        self.shows(self.subscribe(self.hub.client()), ["2", "3"])

    def test_the_floor_is_where_everything_below_is_done(self):
        answers = self.open("1", "2", "3")
        subscription = self.subscribe()
        subscription.events(3)
        subscription.ack(answers[0]["sequence"], answers[2]["sequence"])
        row = self.row()
        self.assertEqual((row["floor"], row["pending"], row["connected"]), (answers[1]["sequence"] - 1, 1, True))
        subscription.ack(answers[1]["sequence"])
        row = self.row()
        self.assertGreaterEqual(row["floor"], answers[2]["sequence"])
        self.assertEqual(row["pending"], 0)

    def test_later_subscribes_bring_new_patterns_and_no_new_beginning(self):
        self.open("1")
        first = self.subscribe(self.hub.client())
        first.ack(first.event()["sequence"])
        first.end()
        self.note("1", "2")
        self.open("3")
        again = self.hub.client().subscribe(f"case.opened.{self.word}.>", name=self.word, start=ALL)
        self.shows(again, ["3"])

    def test_what_comes_while_nobody_listens_is_not_missed(self):
        self.subscribe(self.hub.client()).end()
        self.open("1", "2")
        self.assertFalse(self.row()["connected"])
        self.assertEqual(ids(self.subscribe(self.hub.client()).events(2)), ["1", "2"])

    def test_the_newer_session_takes_over_and_the_older_is_told(self):
        old, new = self.hub.client(), self.hub.client()
        first = self.subscribe(old)
        self.open("1")
        first.event()
        second = self.subscribe(new)
        error = old.error("SUBSCRIBE.name")
        self.assertEqual((error.code, error.text), ("conflict", self.word))
        self.assertEqual(ids(second.events(1)), ["1"])
        self.open("2")
        self.assertEqual(ids(second.events(1)), ["2"])
        self.assertEqual(first.rest(), [])
        with self.refused("not-found", "ACK.subscription"):
            old.ask("ACK", first.number, 1)

    def test_a_name_belongs_to_the_grant_that_made_it(self):
        self.subscribe()
        other = self.hub.granted(f"x-{self.word}", "auditor")
        with self.refused("denied", "SUBSCRIBE.name"):
            self.subscribe(other)
        with self.refused("denied", "SEEK.name"):
            other.ask("SEEK", self.word, ALL)

    def test_seek_goes_back_and_forward(self):
        answers = self.open("1", "2", "3")
        subscription = self.subscribe()
        subscription.ack(upto=subscription.events(3)[-1]["sequence"])
        self.operator.ask("SEEK", self.word, {"sequence": answers[1]["sequence"]})
        self.assertEqual(ids(subscription.events(2)), ["2", "3"])
        self.operator.ask("SEEK", self.word, ALL)
        self.assertEqual(ids(subscription.events(3)), ["1", "2", "3"])
        self.operator.ask("SEEK", self.word, {"new": True})
        self.open("4")
        self.shows(subscription, ["4"])

    def test_seek_forgets_what_was_under_way(self):
        answers = self.open("1", "2")
        subscription = self.subscribe()
        subscription.events(2)
        subscription.nak(answers[0]["sequence"], 600_000)
        self.assertEqual(self.row()["held"], 1)
        self.operator.ask("SEEK", self.word, ALL)
        self.assertEqual(ids(subscription.events(2)), ["1", "2"])
        self.assertEqual((self.row()["held"], subscription.attempts), (0, {}))

    def test_seek_of_a_name_that_is_not_there_is_not_found(self):
        with self.refused("not-found", "SEEK.name"):
            self.operator.ask("SEEK", "nobody", ALL)

    def test_seek_beyond_the_end_diverged(self):
        self.subscribe()
        with self.refused("diverged", "SEEK.from"):
            self.operator.ask("SEEK", self.word, {"sequence": 10**9})

    def test_a_deleted_one_is_forgotten(self):
        self.open("1")
        subscription = self.subscribe()
        subscription.ack(subscription.event()["sequence"])
        other = self.hub.granted(f"x-{self.word}"[:60], "department", sources=["x"], parties=["housing"])
        with self.refused("not-found"):
            other.query("delete_subscription", name=self.word)
        self.assertEqual(self.operator.query("delete_subscription", name=self.word), [{"name": self.word}])
        with self.refused("not-found"):
            self.operator.query("subscriptions", name=self.word)
        again = self.subscribe()
        self.assertFalse(again.existed)
        self.shows(again, ["1"])

    def test_the_command_line_lists_moves_and_deletes_it(self):
        answers = self.open("1", "2")
        subscription = self.subscribe()
        subscription.ack(upto=subscription.events(2)[-1]["sequence"])
        row, = self.hub.casehub("subscription", "show", self.word)
        self.assertEqual((row["name"], row["pending"], row["client"]), (self.word, 0, "operator"))
        self.hub.casehub("subscription", "seek", self.word, "--from", str(answers[1]["sequence"]))
        self.assertEqual(ids(subscription.events(1)), ["2"])
        self.hub.casehub("subscription", "delete", self.word)
        self.assertNotIn(self.word, [row.get("name") for row in self.hub.casehub("subscription", "list")])

    def test_making_moving_and_deleting_one_are_events(self):
        self.subscribe()
        self.operator.ask("SEEK", self.word, {"new": True})
        self.operator.query("delete_subscription", name=self.word)
        seen = [e["data"]["action"] for e in self.operator.subscribe("hub.subscription.>", start=ALL).events_until(
            lambda e: e["data"]["name"] == self.word, 3)]
        self.assertEqual(seen, ["created", "moved", "deleted"])


class Handoffs(SubscribeTest):
    def offer(self, id_="1", category="lamp"):
        return self.operator.publish_one("case.opened", self.word, id_, {"kind": "matter", "category": category},
                                         area="330902")["case"]

    def department(self, party, name=None):
        return self.hub.granted(name or f"{party}-{self.word}"[:60], "department", sources=["pda"], parties=[party])

    def delivered(self, case):
        return [row for row in self.operator.query("timeline", case=case) if row["type"] == "handoff.delivered"]

    def offers(self, client, name=None):
        return client.subscribe(f"handoff.offered.{self.word}.>", name=name, start=ALL)

    def test_a_department_that_acknowledges_its_offer_has_received_it(self):
        case = self.offer()
        subscription = self.offers(self.department("urban-mgmt"), self.word)
        e = subscription.event()
        self.assertEqual((e["subject"], self.delivered(case)), (case, []))
        watch = self.operator.subscribe(f"handoff.delivered.{self.word}.>")
        subscription.ack(e["sequence"])
        seen = watch.event()
        self.assertEqual((seen["data"]["handoff"], seen["source"], seen["actor"]), (f"{case}/h1", "hub/ZJ", "hub"))
        self.assertEqual(self.operator.query("handoffs", case=case)[0]["state"], "delivered")

    def test_acknowledgements_of_others_mean_nothing(self):
        case = self.offer()
        for client in (self.operator, self.hub.granted(f"a-{self.word}"[:60], "auditor"),
                       self.hub.granted(f"s-{self.word}"[:60], "supervisor", parties=["urban-mgmt"])):
            subscription = self.offers(client)
            subscription.ack(subscription.event()["sequence"])
            client.settle()
        self.operator.publish_one("case.noted", self.word, "2", {"text": "behind it"}, subject=case)
        self.assertEqual(self.delivered(case), [])
        self.assertEqual(self.offers(self.department("housing")).rest(), [])

    def test_an_offer_that_was_answered_already_is_not_delivered_any_more(self):
        case = self.offer()
        client = self.department("urban-mgmt")
        subscription = self.offers(client, self.word)
        e = subscription.event()
        client.publish_one("handoff.accepted", "pda", f"{self.word}/1", {"handoff": f"{case}/h1"}, subject=case,
                           party="urban-mgmt")
        subscription.ack(e["sequence"])
        client.settle()
        self.operator.publish_one("case.noted", self.word, "2", {"text": "behind it"}, subject=case)
        self.assertEqual(self.delivered(case), [])
        self.assertEqual(self.operator.query("handoffs", case=case)[0]["state"], "accepted")

    def test_involved_brings_later_events_of_cases_that_the_party_took_part_in(self):
        case = self.offer()
        self.offer("2", "power")
        client = self.department("urban-mgmt")
        plain = client.subscribe(f"handoff.offered.{self.word}.>")
        involved = client.subscribe(f"handoff.offered.{self.word}.>", involved=True)  # of whatever system
        self.operator.publish_one("case.noted", self.word, "3", {"text": "of ours"}, subject=case)
        self.operator.publish_one("case.noted", self.word, "4", {"text": "of theirs"}, ref=None,
                                  subject=self.operator.query("cases", system=self.word, category="power")[0]["case"])
        self.shows(involved, ["3"])
        self.shows(plain, [])

    def test_involved_opens_no_case_that_the_party_has_no_part_in(self):
        self.open("1")
        client = self.department("civil-affairs")
        self.assertEqual(client.subscribe(self.pattern, involved=True, start=ALL).rest(), [])


class Drills(SubscribeTest):
    def setUp(self):
        super().setUp()
        self.open("real")
        answer, = self.open("drill", testmode=True)
        self.case = answer["case"]

    def test_a_drill_is_seen_only_by_who_asks_for_it(self):
        for mode, wanted in ((None, ["real"]), ("exclude", ["real"]), ("include", ["real", "drill"]), ("only", ["drill"])):
            with self.subTest(mode):
                subscription = self.operator.subscribe(self.pattern, start=ALL, test_mode=mode)
                self.shows(subscription, wanted)
        with self.refused("invalid", "SUBSCRIBE.test_mode"):
            self.operator.subscribe(self.pattern, test_mode="maybe")

    def test_a_drills_case_is_numbered_apart_and_listed_only_on_request(self):
        self.assertTrue(self.case.startswith("T-ZJ-"), self.case)
        for test, count in ((None, 1), ("include", 2), ("only", 1)):
            rows = self.operator.query("cases", system=self.word, test=test)
            self.assertEqual(len(rows), count, test)

    def test_all_that_follows_in_a_drills_case_is_of_the_drill(self):
        self.note("drill", "later")
        timeline = self.operator.query("timeline", case=self.case)
        self.assertEqual({row.get("testmode") for row in timeline}, {True})
        self.shows(self.operator.subscribe(self.pattern, start=ALL), ["real"])

    def test_a_drill_cannot_touch_a_real_case(self):
        answer, = self.operator.publish(event("case.noted", self.word, "x", {"text": "x"}, ref="real", testmode=True))
        self.assertEqual((answer["code"], answer["where"]), ("refused", "testmode"))


if __name__ == "__main__":
    unittest.main()
