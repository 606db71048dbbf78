"""What becomes of an event that its receiver could not deal with. Back-offs are short here; where something must not
come yet, the test asks for a delay of hours."""
import os
import sys
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from chp import event
from hub import HubTest, wait_until

HOURS = 3_600_000


def ids(events):
    return [e["id"] for e in events]


class RedeliveryTest(HubTest):
    settings = {"subscription__backoff_first": "20ms", "subscription__backoff_most": "80ms",
                "subscription__held_cases": 8}

    @classmethod
    def prepare(cls):
        cls.operator = cls.hub.client()

    def publish(self, *ids_):
        """Ids are case and number, "a1": the first of a case opens it. Their sequences."""
        events = [event("case.opened", self.word, id_, {"kind": "matter"}, ref=id_[0]) if id_[1:] == "1" else
                  event("case.noted", self.word, id_, {"text": id_}, ref=id_[0]) for id_ in ids_]
        answers = self.operator.publish(*events)
        self.assertEqual({answer["code"] for answer in answers}, {None})
        return {id_: answer["sequence"] for id_, answer in zip(ids_, answers)}

    def subscribe(self, client=None, **more):
        more = {"name": self.word, **more}
        return (client or self.operator).subscribe(f"case.*.{self.word}.>", start={"all": True}, **more)

    def row(self):
        return self.operator.query("subscriptions", name=self.word)[0]

    def shows(self, subscription, *wanted):
        self.assertEqual(ids(subscription.events(len(wanted)) + subscription.rest()), list(wanted))


class Again(RedeliveryTest):
    def test_a_failed_event_comes_again_with_the_number_of_the_attempt(self):
        at = self.publish("a1")
        subscription = self.subscribe()
        for attempt in (2, 3, 4):
            subscription.nak(subscription.event()["sequence"])
            self.assertEqual(ids(subscription.events(1)), ["a1"])
            self.assertEqual(subscription.attempts, {at["a1"]: attempt})
            subscription.heard = [{"id": "a1", "sequence": at["a1"]}]
        subscription.heard = []
        subscription.ack(at["a1"])
        self.shows(subscription)

    def test_the_delay_that_the_client_asks_for_is_kept(self):
        at = self.publish("a1")
        subscription = self.subscribe()
        subscription.event()
        subscription.nak(at["a1"], HOURS)
        self.shows(subscription)
        self.assertEqual((self.row()["held"], self.row()["pending"]), (1, 1))

    def test_a_delay_is_never_cut_short(self):
        at = self.publish("a1")
        subscription = self.subscribe()
        subscription.event()
        begun = time.monotonic()
        subscription.nak(at["a1"], 150)
        subscription.event()
        self.assertGreaterEqual(time.monotonic() - begun, 0.149)

    def test_the_back_off_doubles_up_to_its_most(self):
        at = self.publish("a1")
        subscription = self.subscribe()
        subscription.event()
        for wait in (0.02, 0.04, 0.08, 0.08):
            begun = time.monotonic()
            subscription.nak(at["a1"])
            subscription.event()
            self.assertGreaterEqual(time.monotonic() - begun, wait - 0.001)

    def test_no_answer_in_time_is_the_same_as_a_failure(self):
        at = self.publish("a1")
        subscription = self.subscribe(ack_timeout_ms=50)
        self.assertEqual(ids(subscription.events(2)), ["a1", "a1"])
        self.assertEqual(subscription.attempts, {at["a1"]: 2})

    def test_each_delivery_has_its_own_time(self):
        self.publish("a1", "b1")
        subscription = self.subscribe(ack_timeout_ms=60)
        first = subscription.events(2)
        subscription.ack(first[1]["sequence"])
        self.assertEqual(ids(subscription.events(2)), ["a1", "a1"])

    def test_a_redelivery_takes_credit_too(self):
        at = self.publish("a1")
        subscription = self.subscribe(credit=1)
        subscription.event()
        subscription.nak(at["a1"], 0)
        self.shows(subscription)
        subscription.credit(1)
        self.shows(subscription, "a1")

    def test_a_live_subscription_hears_its_failed_events_again_as_well(self):
        at = self.publish("a1", "a2")
        subscription = self.subscribe(name=None)
        subscription.events(2)
        subscription.nak(at["a1"], 0)
        self.shows(subscription, "a1")
        subscription.ack(at["a1"])
        self.shows(subscription, "a2")

    def test_failing_what_was_not_delivered_or_is_done_changes_nothing(self):
        at = self.publish("a1", "a2")
        subscription = self.subscribe(credit=1)
        subscription.ack(subscription.event()["sequence"])
        subscription.nak(at["a1"], 0)
        subscription.nak(at["a2"], 0)
        subscription.nak(10**9, 0)
        self.assertEqual((self.row()["held"], self.row()["pending"]), (0, 0))
        subscription.credit(5)
        self.shows(subscription, "a2")

    def test_a_held_case_without_credit_does_not_keep_the_hub_busy(self):
        at = self.publish("a1")
        subscription = self.subscribe(credit=1)
        subscription.event()
        subscription.nak(at["a1"], 0)
        self.assertEqual(self.row()["held"], 1)
        begun, used = time.monotonic(), self.hub.cpu_seconds()
        wait_until(lambda: time.monotonic() - begun > 0.5, "half a second")
        self.assertLess(self.hub.cpu_seconds() - used, 0.25)


class Held(RedeliveryTest):
    def test_a_failing_event_holds_back_its_case_and_no_other(self):
        at = self.publish("a1", "b1")
        subscription = self.subscribe()
        subscription.events(2)
        subscription.nak(at["a1"], HOURS)
        self.publish("a2", "b2", "a3", "b3")
        self.shows(subscription, "b2", "b3")

    def test_on_release_the_case_goes_on_in_order(self):
        at = self.publish("a1", "b1")
        subscription = self.subscribe()
        subscription.events(2)
        subscription.nak(at["a1"], 200)
        at |= self.publish("a2", "b2", "a3")
        self.assertEqual(ids(subscription.events(2)), ["b2", "a1"])
        self.shows(subscription)
        subscription.ack(at["a1"])
        self.shows(subscription, "a2")
        subscription.ack(at["a2"])
        self.shows(subscription, "a3")
        subscription.ack(at["a3"])
        at |= self.publish("a4")
        self.shows(subscription, "a4")
        self.assertEqual(self.row()["held"], 0)

    def test_what_was_delivered_behind_the_failing_event_is_taken_back_and_comes_after_it(self):
        at = self.publish("a1", "a2", "a3")
        subscription = self.subscribe()
        subscription.events(3)
        subscription.nak(at["a1"], 100)
        subscription.ack(at["a2"], at["a3"])  # of their earlier delivery: ignored
        for id_ in ("a1", "a2", "a3"):
            self.shows(subscription, id_)
            subscription.ack(at[id_])
        self.shows(subscription)

    def test_what_was_acknowledged_before_does_not_come_again(self):
        at = self.publish("a1", "a2", "a3")
        subscription = self.subscribe()
        subscription.events(3)
        subscription.ack(at["a2"])
        subscription.nak(at["a1"], 0)
        self.shows(subscription, "a1")
        subscription.ack(at["a1"])
        self.shows(subscription, "a3")

    def test_an_earlier_event_of_the_case_may_still_be_acknowledged(self):
        at = self.publish("a1", "a2", "a3")
        subscription = self.subscribe()
        subscription.events(3)
        subscription.nak(at["a2"], 0)
        subscription.ack(at["a1"])
        self.shows(subscription, "a2")
        subscription.ack(at["a2"])
        self.shows(subscription, "a3")

    def test_an_earlier_event_that_fails_later_comes_first(self):
        at = self.publish("a1", "a2", "a3")
        subscription = self.subscribe()
        subscription.events(3)
        subscription.nak(at["a2"], HOURS)
        subscription.nak(at["a1"], 0)
        for id_ in ("a1", "a2", "a3"):
            self.shows(subscription, id_)
            subscription.ack(at[id_])

    def test_acknowledging_all_up_to_there_leaves_what_failed(self):
        at = self.publish("a1", "b1", "a2")
        subscription = self.subscribe()
        subscription.events(3)
        subscription.nak(at["a1"], 100)
        subscription.ack(upto=at["a2"])
        self.shows(subscription, "a1")
        subscription.ack(at["a1"])
        self.shows(subscription, "a2")

    def test_many_cases_fail_and_each_keeps_its_order(self):
        cases = "abcdefg"
        at = self.publish(*[f"{case}{i}" for i in range(1, 6) for case in cases])
        subscription = self.subscribe(credit=10)
        seen, failed = {case: [] for case in cases}, set()
        while any(self.order(numbers) != [1, 2, 3, 4, 5] for numbers in seen.values()):
            e = subscription.event()
            subscription.credit(1)
            case, number = e["id"][0], int(e["id"][1:])
            if number == 2 and case not in failed:
                failed.add(case)
                subscription.nak(e["sequence"], 10)
                self.drop(subscription, case)
                continue
            seen[case].append(number)
            subscription.ack(e["sequence"])
        for case in cases:
            subscription.ack(upto=at[f"{case}5"])
        self.shows(subscription)
        self.assertEqual(failed, set(cases))

    def test_events_of_no_case_hold_back_nobody_when_they_fail(self):
        subscription = self.operator.subscribe("hub.connector.>", name=self.word)
        say = lambda state: self.operator.publish_one("hub.connector", "desk", f"{self.word}-{state}",
                                                      {"connector": self.word, "state": state})["sequence"]
        at = {state: say(state) for state in ("started", "waiting")}
        subscription.events(2)
        subscription.nak(at["started"], 50)
        at |= {"running": say("running")}
        self.shows(subscription, f"{self.word}-running", f"{self.word}-started")
        subscription.ack(*at.values())
        say("stopped")
        self.shows(subscription, f"{self.word}-stopped")
        self.assertEqual(self.row()["held"], 0)

    def order(self, numbers):
        """Of what came twice the last time counts: what was on its way when its case failed comes again, behind it."""
        return [number for at, number in enumerate(numbers) if number not in numbers[at + 1:]]

    def drop(self, subscription, case):
        """As CHP1.md says a client should: what it has of the case and has not dealt with comes again."""
        for message in subscription.client.take_all(subscription._is_mine):
            subscription._take(message)
        dropped = [e for e in subscription.heard if e["id"][0] == case]
        subscription.heard = [e for e in subscription.heard if e["id"][0] != case]
        if dropped:
            subscription.credit(len(dropped))

    def test_when_too_many_cases_are_held_the_whole_subscription_waits(self):
        at = self.publish(*[f"{case}1" for case in "abcdefgh"])
        subscription = self.subscribe()
        subscription.events(8)
        for sequence in at.values():
            subscription.nak(sequence, HOURS)
        self.publish("z1")
        self.shows(subscription)
        self.assertTrue(self.row()["paused"])
        wait_until(lambda: self.hub.metric("casehub_paused_subscriptions") > 0, "the metric tells of the pause")
        self.operator.ask("SEEK", self.word, {"sequence": at["h1"] + 1})
        self.shows(subscription, "z1")
        self.assertNotIn("paused", self.row())

    def test_a_newer_session_goes_on_with_the_held_case_in_order(self):
        at = self.publish("a1", "a2", "b1")
        subscription = self.subscribe(self.hub.client())
        subscription.events(3)
        subscription.nak(at["a1"], 300)
        self.publish("a3")
        subscription.client.settle()
        again = self.subscribe(self.hub.client())
        seen = []
        for _ in range(4):
            e = again.event()
            seen.append(e["id"])
            again.ack(e["sequence"])
        self.assertEqual(seen, ["b1", "a1", "a2", "a3"])


class DeadLetters(RedeliveryTest):
    def letters(self):
        return self.operator.query("deadletters", connector=self.word, status="all")

    def fail(self, subscription, times, reason="system-down"):
        for _ in range(times):
            subscription.nak(subscription.event()["sequence"], 0, reason)

    def letter(self):
        return wait_until(lambda: self.letters(), "the dead letter")[0]

    def ends(self, *statuses):
        wait_until(lambda: [row["status"] for row in self.letters()] == list(statuses), f"letters {statuses}")

    def test_after_so_many_deliveries_an_event_becomes_a_dead_letter_and_its_case_goes_on(self):
        at = self.publish("a1", "a2")
        subscription = self.subscribe(deliveries_most=3, credit=1)
        before = self.hub.metric("casehub_undelivered_events_total")
        for _ in range(2):
            self.fail(subscription, 1)
            subscription.credit(1)
        self.fail(subscription, 1)
        subscription.credit(1)
        self.shows(subscription, "a2")
        letter = self.letter()
        self.assertEqual((letter["status"], letter["stage"], letter["code"], letter["place"]),
                         ("open", "deliver", "system-down", f"sequence {at['a1']}"))
        self.assertIn("3 deliveries", letter["reason"])
        self.assertEqual(self.hub.metric("casehub_undelivered_events_total"), before + 1)

    def test_what_can_never_be_dealt_with_becomes_a_dead_letter_at_once_and_its_case_goes_on(self):
        at = self.publish("a1", "a2")
        subscription = self.subscribe(credit=1)
        subscription.event()
        subscription.nak(at["a1"], HOURS, "invalid", True, "no such category", "category")
        subscription.credit(1)
        self.shows(subscription, "a2")
        letter = self.letter()
        self.assertEqual((letter["status"], letter["stage"], letter["code"], letter["reason"], letter["place"]),
                         ("open", "deliver", "invalid", "category: no such category", f"sequence {at['a1']}"))
        self.assertEqual(self.row()["held"], 0)
        self.hub.casehub("deadletter", "retry", str(letter["deadletter"]))
        subscription.credit(1)
        self.shows(subscription, "a1")

    def test_where_no_delivery_is_the_last_an_event_never_becomes_a_dead_letter(self):
        self.publish("a1")
        subscription = self.subscribe(deliveries_most=-1)
        for _ in range(20):  # more than the hub's own most
            self.fail(subscription, 1)
        subscription.event()
        self.assertEqual(self.letters(), [])

    def test_events_that_are_never_answered_become_dead_letters_too(self):
        self.publish("a1")
        subscription = self.subscribe(deliveries_most=2, ack_timeout_ms=30)
        self.assertEqual(ids(subscription.events(2)), ["a1", "a1"])
        self.assertEqual(self.letter()["code"], "timeout")
        self.shows(subscription)

    def test_an_operator_has_it_delivered_again(self):
        at = self.publish("a1")
        subscription = self.subscribe(deliveries_most=1)
        self.fail(subscription, 1)
        number = self.letter()["deadletter"]
        self.hub.casehub("deadletter", "retry", str(number))
        self.shows(subscription, "a1")
        subscription.ack(at["a1"])
        self.ends("retried")
        self.assertEqual(self.row()["pending"], 0)
        self.assertEqual(self.hub.casehub("deadletter", "retry", str(number), check=False).returncode, 65)

    def test_one_that_fails_again_is_a_dead_letter_again(self):
        self.publish("a1")
        subscription = self.subscribe(deliveries_most=1)
        self.fail(subscription, 1)
        self.hub.casehub("deadletter", "retry", str(self.letter()["deadletter"]))
        self.fail(subscription, 1)
        self.ends("retried", "open")

    def test_it_is_delivered_when_its_subscriber_comes_back(self):
        self.publish("a1")
        subscription = self.subscribe(self.hub.client(), deliveries_most=1)
        self.fail(subscription, 1)
        number = self.letter()["deadletter"]
        subscription.end()
        self.hub.casehub("deadletter", "retry", str(number))
        self.shows(self.subscribe(self.hub.client()), "a1")

    def test_what_was_to_be_delivered_again_is_not_lost_when_the_hub_is_killed(self):
        hub = self.new_hub(**self.settings).start()
        operator = hub.client()
        operator.publish_one("case.opened", self.word, "a1", {"kind": "matter"}, ref="a")
        subscribe = lambda by: by.subscribe(f"case.*.{self.word}.>", start={"all": True}, name=self.word,
                                            deliveries_most=1)
        letters = lambda by: [row["status"] for row in by.query("deadletters", status="all")]
        subscriber = hub.client()
        subscription = subscribe(subscriber)
        subscription.nak(subscription.event()["sequence"], 0, "system-down")
        wait_until(lambda: letters(operator) == ["open"], "the dead letter")
        hub.stop()  # the cursors say now that the event is done with
        hub.start()
        hub.casehub("deadletter", "retry", "1")
        hub.kill()
        hub.start()
        operator = hub.client()
        self.assertEqual(ids(subscribe(operator).events(1)), ["a1"])
        wait_until(lambda: letters(operator) == ["retried"], "the letter is closed")

    def test_without_its_subscription_the_letter_stays(self):
        self.publish("a1")
        subscription = self.subscribe(deliveries_most=1)
        self.fail(subscription, 1)
        number = self.letter()["deadletter"]
        subscription.end()
        self.operator.query("delete_subscription", name=self.word)
        self.hub.casehub("deadletter", "retry", str(number))
        self.hub.wait_for_log("the subscription is gone")
        self.ends("retrying")
        self.hub.casehub("deadletter", "drop", str(number), "--reason", "nobody wants it")
        self.ends("dropped")

    def test_trying_again_dry_changes_nothing(self):
        self.publish("a1")
        subscription = self.subscribe(deliveries_most=1)
        self.fail(subscription, 1)
        number = self.letter()["deadletter"]
        row, = self.hub.casehub("deadletter", "retry", str(number), "--dry-run")
        self.assertEqual(row["deadletter"], number)
        self.shows(subscription)
        self.assertEqual(self.letter()["status"], "open")

    def test_a_dead_letter_names_nobody(self):
        self.operator.publish_one("case.opened", self.word, "p1", {"kind": "matter", "title": "secret title"},
                                  private={"name": "Made-up Citizen"})
        subscription = self.subscribe(deliveries_most=1)
        self.fail(subscription, 1)
        text = repr(self.letter())
        self.assertNotIn("Citizen", text)
        self.assertNotIn("secret", text)


if __name__ == "__main__":
    unittest.main()
