"""What goes in: batches, once, in order, all or nothing where that is asked for, and never more than the window."""
import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from chp import event
from hub import HubTest, OwnHubTest, wait_until

TEMPORARY = ("busy", "storage-full", "timeout", "unavailable")


class Publish(HubTest):
    @classmethod
    def prepare(cls):
        cls.connector = cls.hub.granted("hotline", "connector", sources=["hotline"])
        cls.operator = cls.hub.client()

    def opened(self, id_, source=None, **attributes):
        return event("case.opened", source or f"hotline/{self.word}", id_, {"kind": "request"}, **attributes)

    def noted(self, id_, ref, text="x", **attributes):
        return event("case.noted", f"hotline/{self.word}", id_, {"text": text}, ref=ref, **attributes)

    # ---- batches

    def test_events_of_a_batch_are_answered_in_order_and_see_the_earlier_ones_done(self):
        answers = self.connector.publish(self.opened("1", ref="a"), self.noted("2", "a"), self.opened("3", ref="b"),
                                         self.noted("4", "a"))
        self.assertEqual([answer["code"] for answer in answers], [None] * 4)
        self.assertEqual([answer["caseversion"] for answer in answers], [1, 3, 1, 4])  # the second is the offer to the hotline's desk
        sequences = [answer["sequence"] for answer in answers]
        self.assertEqual(sequences, sorted(sequences))
        self.assertEqual(answers[0]["case"], answers[1]["case"])
        self.assertNotEqual(answers[0]["case"], answers[2]["case"])

    def test_a_bad_event_of_a_batch_is_refused_alone_and_told_where(self):
        answers = self.connector.publish(self.opened("1", ref="a"), {**self.opened("2"), "data": {"kind": "nonsense"}},
                                         {"id": "3"}, "no map at all", self.noted("5", "a"))
        self.assertEqual([answer["code"] for answer in answers], [None, "invalid", "invalid", "invalid", None])
        self.assertEqual(answers[1]["where"], "data.kind")

    def test_the_largest_batch_is_taken_and_one_more_event_is_too_large(self):
        most = self.connector.welcome.batch_events
        batch = [self.opened(str(i)) for i in range(most + 1)]
        self.assertEqual({answer["code"] for answer in self.connector.publish(*batch[:most])}, {None})
        with self.refused("too-large"):
            self.connector.publish(*batch)

    def test_no_events_and_no_checkpoint_is_invalid(self):
        with self.refused("invalid", "PUBLISH"):
            self.connector.publish()

    def test_what_is_answered_is_in_the_log_with_the_next_sequence_numbers(self):
        answers = self.connector.publish(*[self.opened(str(i)) for i in range(5)])
        events = self.connector.read(answers[0]["sequence"], answers[-1]["sequence"])
        self.assertEqual([(e["sequence"], e["id"]) for e in events if e["type"] == "case.opened"],
                         [(answer["sequence"], str(i)) for i, answer in enumerate(answers)])
        times = [e["recordedtime"] for e in self.operator.read()]
        self.assertEqual(times, sorted(times))

    # ---- once

    def test_a_repeat_is_answered_as_the_first_time(self):
        whole = self.opened("1", ref="a", private={"name": "Made-up"})
        first, = self.connector.publish(whole)
        self.connector.publish(self.noted("2", "a"))
        before = self.operator.query("status")[0]["sequence"]
        again, twice = self.connector.publish(whole, whole)
        self.assertEqual(again, {**first, "duplicate": True})
        self.assertEqual(twice, again)
        self.assertEqual(self.operator.query("status")[0]["sequence"], before)

    def test_a_repeat_within_one_batch_is_a_duplicate_too(self):
        whole = self.opened("1")
        first, second = self.connector.publish(whole, whole)
        self.assertEqual((first["duplicate"], second), (False, {**first, "duplicate": True}))

    def test_other_content_under_the_same_id_is_a_conflict_and_changes_nothing(self):
        whole = self.opened("1", ref="a", private={"name": "Made-up"})
        self.connector.publish(whole)
        for other in ({**whole, "data": {"kind": "matter"}}, {**whole, "time": whole["time"] + 1},
                      {**whole, "private": {"name": "Another"}}, {**whole, "type": "case.amended"},
                      {name: value for name, value in whole.items() if name != "private"}):
            answer, = self.connector.publish(other)
            self.assertEqual((answer["code"], answer["where"]), ("conflict", "id"), other)

    def test_what_is_not_the_event_itself_may_differ_in_a_repeat(self):
        whole = self.opened("1", raw=b"1", mapping="v1", traceparent="00-1")
        first, = self.connector.publish(whole)
        again, = self.connector.publish({**whole, "raw": b"2", "mapping": "v2", "traceparent": "00-2",
                                         "expectedversion": 99})
        self.assertEqual(again, {**first, "duplicate": True})

    def test_the_order_of_fields_makes_no_other_content(self):
        whole = self.opened("1", ref="a", area="330902", private={"name": "M", "phone": "1"})
        first, = self.connector.publish(whole)
        turned = {name: dict(reversed(value.items())) if isinstance(value, dict) else value
                  for name, value in reversed(whole.items())}
        again, = self.connector.publish(turned)
        self.assertEqual(again, {**first, "duplicate": True})

    def test_the_id_of_a_refused_event_may_be_used_again(self):
        answer, = self.connector.publish({**self.opened("1"), "data": {"kind": "nonsense"}})
        self.assertEqual(answer["code"], "invalid")
        answer, = self.operator.publish(event("case.noted", "desk/x", f"{self.word}/2", {"text": "x"}, subject="ZJ-20260101-77"))
        self.assertEqual((answer["code"], answer["where"]), ("not-found", "subject"))
        self.assertIsNone(self.connector.publish(self.opened("1"))[0]["code"])
        case = self.connector.publish(self.opened("3"))[0]["case"]
        self.operator.publish_one("case.noted", "desk/x", f"{self.word}/2", {"text": "x"}, subject=case)

    def test_the_same_id_of_another_source_is_another_event(self):
        one, two = self.connector.publish(self.opened("1"), self.opened("1", source=f"hotline/{self.word}-2"))
        self.assertNotEqual(one["sequence"], two["sequence"])

    def test_dedup_outlives_the_session(self):
        whole = self.opened("1")
        first, = self.connector.publish(whole)
        again, = self.hub.client("hotline").publish(whole)
        self.assertEqual(again, {**first, "duplicate": True})

    # ---- optimistic concurrency

    def test_an_expected_version_must_be_the_present_one(self):
        case = self.connector.publish(self.opened("1", ref="a"))[0]["case"]
        version = self.operator.query("case", case=case)[0]["version"]
        answer, = self.connector.publish(self.noted("2", "a", expectedversion=version + 1))
        self.assertEqual((answer["code"], answer["where"], answer["present_version"], answer["present_state"]),
                         ("conflict", "expectedversion", version, "received"))
        answer, = self.connector.publish(self.noted("3", "a", expectedversion=version))
        self.assertEqual((answer["code"], answer["caseversion"]), (None, version + 1))
        self.assertEqual(self.connector.publish(self.noted("4", "a", expectedversion=version))[0]["code"], "conflict")

    def test_of_two_answers_to_one_handoff_the_first_wins(self):
        case = self.operator.publish_one("case.opened", f"hotline/{self.word}", "1", {"kind": "request", "category": "lamp"},
                                         area="330902")["case"]
        departments = [self.hub.granted(f"{name}-{self.word}", "department", sources=["pda"], parties=["urban-mgmt"])
                       for name in ("one", "two")]
        data = {"handoff": f"{case}/h1", "reason": "other"}
        requests = [client.send_publish(event(f"handoff.{what}", "pda", f"{self.word}/{what}", data, subject=case,
                                              party="urban-mgmt"))
                    for client, what in zip(departments, ("accepted", "rejected"))]
        answers = [client.published(request)[0] for client, request in zip(departments, requests)]
        won = [answer for answer in answers if answer["code"] is None]
        lost = [answer for answer in answers if answer["code"] is not None]
        self.assertEqual((len(won), len(lost)), (1, 1), answers)
        row, = self.operator.query("case", case=case)
        self.assertEqual((lost[0]["code"], lost[0]["present_version"]), ("conflict", row["version"]))

    def test_a_command_against_the_lifecycle_is_refused_with_the_present_state(self):
        case = self.connector.publish(self.opened("1"))[0]["case"]
        answer, = self.operator.publish(event("case.closed", "desk/x", self.word, {}, subject=case))
        self.assertEqual((answer["code"], answer["where"], answer["present_state"]), ("refused", "type", "received"))

    def test_an_observation_that_cannot_be_is_kept_as_anomalous_and_changes_nothing(self):
        case = self.connector.publish(self.opened("1", ref="a"))[0]["case"]
        self.connector.publish(event("case.cancelled", f"hotline/{self.word}", "2", {}, ref="a"))
        answer, = self.connector.publish(event("case.progressed", f"hotline/{self.word}", "3", {}, ref="a"))
        self.assertIsNone(answer["code"])
        row, = self.operator.query("case", case=case)
        self.assertEqual((row["state"], row["anomalous"]), ("cancelled", 1))

    def test_an_observation_fills_in_the_steps_that_nobody_reported(self):
        self.connector.publish(event("case.resolved", f"hotline/{self.word}", "1", {}, ref="a"), default_kind="request")
        case = self.operator.query("case", case="a", source=f"hotline/{self.word}")[0]
        self.assertEqual((case["state"], case["kind"]), ("resolved", "request"))
        steps = [(row["type"], row.get("inferred", False)) for row in self.operator.query("timeline", case=case["case"])]
        self.assertEqual((steps[0], steps[-1]), (("case.opened", True), ("case.resolved", False)))


class Checkpoint(HubTest):
    @classmethod
    def prepare(cls):
        cls.operator = cls.hub.client()

    def setUp(self):
        self.name = self.word
        self.connector = self.hub.granted(self.name, "connector", sources=[f"hotline/{self.name}"])

    def opened(self, id_, **attributes):
        return event("case.opened", f"hotline/{self.name}", id_, {"kind": "request"}, **attributes)

    def publish(self, *events, start="", to="", **more):
        return self.connector.publish(*events, checkpoint={"connector": self.name, "from": start, "to": to}, **more)

    def stored(self):
        return [row["value"] for row in self.operator.query("checkpoint", connector=self.name)]

    def test_a_checkpoint_moves_with_its_events(self):
        self.assertEqual(self.stored(), [])
        self.assertIsNone(self.publish(self.opened("1"), to="file 1 line 1")[0]["code"])
        self.assertEqual(self.stored(), ["file 1 line 1"])
        self.assertEqual(self.publish(start="file 1 line 1", to="file 2"), [])
        self.assertEqual(self.stored(), ["file 2"])

    def test_a_process_that_was_overtaken_is_fenced_off(self):
        self.publish(self.opened("1"), to="b")
        head = self.operator.query("status")[0]["sequence"]
        with self.refused("conflict", "PUBLISH.checkpoint.from"):
            self.publish(self.opened("2"), to="c")
        with self.refused("conflict", "PUBLISH.checkpoint.from"):
            self.publish(self.opened("2"), start="a", to="c")
        self.assertEqual(self.stored(), ["b"])
        self.assertEqual(self.operator.query("status")[0]["sequence"], head)
        self.assertIsNone(self.publish(self.opened("2"), start="b", to="c")[0]["code"])

    def test_what_is_refused_becomes_a_numbered_dead_letter_and_the_rest_is_taken(self):
        good, bad, other = self.publish(self.opened("1"), {**self.opened("2", raw=b"line 2"), "data": {"kind": "nonsense"}},
                                        event("case.opened", "grid", "3", {"kind": "request"}), to="a")
        self.assertEqual((good["code"], bad["code"], other["code"]), (None, "invalid", "denied"))
        self.assertEqual(self.stored(), ["a"])
        letters = {row["deadletter"]: row for row in self.operator.query("deadletters", connector=self.name)}
        self.assertEqual(set(letters), {bad["dead_letter"], other["dead_letter"]})
        letter = letters[bad["dead_letter"]]
        self.assertEqual((letter["status"], letter["stage"], letter["code"], letter["place"]),
                         ("open", "publish", "invalid", "data.kind"))
        row, = self.operator.query("deadletter", deadletter=bad["dead_letter"])
        self.assertEqual(row["raw"], b"line 2")
        row, = self.connector.query("deadletter", deadletter=bad["dead_letter"])
        self.assertEqual(row["raw"], b"line 2")

    def test_a_dead_letter_is_tried_again_by_its_connector_and_closed_when_that_succeeds(self):
        number = self.publish({**self.opened("1"), "data": {"kind": "nonsense"}}, to="a")[0]["dead_letter"]
        self.hub.casehub("deadletter", "retry", str(number))
        row, = self.operator.query("deadletter", deadletter=number)
        self.assertEqual(row["status"], "retrying")
        answer, = self.publish(self.opened("1"), start="a", to="a", dead_letter=number)
        self.assertIsNone(answer["code"])
        row, = self.operator.query("deadletter", deadletter=number)
        self.assertEqual((row["status"], "raw" in row), ("retried", False))
        with self.refused("conflict", "PUBLISH.dead_letter"):
            self.publish(self.opened("2"), start="a", to="a", dead_letter=number)

    def test_a_dropped_dead_letter_is_gone_for_good(self):
        number = self.publish({**self.opened("1"), "data": {"kind": "nonsense"}}, to="a")[0]["dead_letter"]
        self.hub.casehub("deadletter", "drop", str(number), "--reason", "nobody needs it")
        row, = self.operator.query("deadletter", deadletter=number)
        self.assertEqual((row["status"], "raw" in row), ("dropped", False))
        self.assertEqual(self.hub.casehub("deadletter", "retry", str(number), check=False).returncode, 65)

    def test_no_dead_letter_of_another_connector_can_be_tried(self):
        number = self.publish({**self.opened("1"), "data": {"kind": "nonsense"}}, to="a")[0]["dead_letter"]
        other = self.hub.granted(f"other-{self.name}"[:60], "connector", sources=["hotline"])
        with self.refused("not-found", "PUBLISH.dead_letter"):
            other.publish(event("case.opened", "hotline/o", "1", {"kind": "request"}), dead_letter=number,
                          checkpoint={"connector": other.welcome.name, "from": "", "to": "a"})

    def test_only_the_connector_of_that_name_moves_a_checkpoint(self):
        for client, name in ((self.connector, "another"), (self.operator, self.name)):
            with self.refused("denied", "PUBLISH.checkpoint.connector"):
                client.publish(self.opened("1"), checkpoint={"connector": name, "from": "", "to": "a"})
        self.assertEqual(self.stored(), [])

    def test_a_publish_whose_answer_was_lost_is_found_done(self):
        whole = self.opened("1")
        self.publish(whole, to="a")
        with self.refused("conflict", "PUBLISH.checkpoint.from"):
            self.publish(whole, to="a")
        self.assertEqual(self.stored(), ["a"])
        again, = self.publish(whole, start="a", to="a")
        self.assertTrue(again["duplicate"])


class Window(OwnHubTest):
    """Back-pressure: a small window, so that a burst goes beyond it."""

    BURST = 496  # events; nearly twice the window

    def burst(self, client, source, begin, batch=16):
        """Publishes one after another without waiting; (events, request) of each."""
        sent = []
        for first in range(begin, begin + self.BURST, batch):
            events = [event("case.noted", source, str(i), {"text": str(i)}, ref="a") for i in range(first, first + batch)]
            sent.append((events, client.send_publish(*events)))
        return sent

    def test_beyond_the_window_everything_is_busy_until_the_refused_event_comes_again(self):
        hub = self.new_hub(window_events=256).start()
        client = hub.granted("hotline", "connector", sources=["hotline"])
        client.publish_one("case.opened", "hotline", "open", {"kind": "request"}, ref="a")
        refusals = count = 0
        while refusals == 0:  # a hub that is quick enough takes a burst as it comes
            self.assertLess(count, 100 * self.BURST)
            with hub.held():  # so that all of it is there at once, however slowly this sends
                waiting = self.burst(client, "hotline", count)
            count += self.BURST
            refusals = self.all_taken(client, waiting)
        notes = [int(row["id"]) for row in client.read(patterns=["case.noted.>"])]
        self.assertEqual(notes, list(range(count)))

    def all_taken(self, client, waiting):
        """Sends again, from the first that was refused, until nothing is; how often something was."""
        rounds = refusals = 0
        while waiting:
            rounds += 1
            self.assertLess(rounds, 100)
            refused = None
            for at, (events, request) in enumerate(waiting):
                message = client.wait(lambda heard, r=request: heard.request == r)
                codes = [message.code] if message.verb == "ERROR" else [item[0] for item in message.results]
                busy = [code for code in codes if code != 0]
                self.assertLessEqual(set(busy), {"busy"})
                if refused is not None:
                    self.assertTrue(busy and codes[0] != 0, "nothing may overtake what was refused")
                elif busy:
                    refused = at
                    first = 0 if message.verb == "ERROR" else codes.index("busy")
                    refusals += 1
                    waiting[at] = (events[first:], request)
            again = [] if refused is None else [events for events, _ in waiting[refused:]]
            waiting = [(events, client.send_publish(*events)) for events in again]
        return refusals

    def test_whoever_goes_far_beyond_the_window_has_his_session_ended(self):
        hub = self.new_hub(window_events=256, queue_bytes="8MiB").start()
        client = hub.granted("hotline", "connector", sources=["hotline"])
        for batch in range(64):
            client.send_publish(*[event("case.opened", "hotline", f"{batch}/{i}", {"kind": "request", "text": "x" * 2000})
                                  for i in range(256)])
        self.assertEqual(client.error("PUBLISH").code, "too-large")
        with self.refused("invalid", "HELLO"):
            client.query("status")
        client.hello()
        client.publish_one("case.opened", "hotline", "after", {"kind": "request"})

    def test_an_importer_with_a_full_window_does_not_keep_a_lone_publisher_waiting(self):
        hub = self.new_hub(window_events=65536).start()
        importer = hub.granted("importer", "connector", sources=["grid"])
        lone = hub.granted("lone", "connector", sources=["emergency"])
        requests = [importer.send_publish(*[event("case.opened", "grid", f"{batch}/{i}", {"kind": "matter"})
                                            for i in range(256)]) for batch in range(240)]
        importer.published(requests[0])
        lone.publish_one("case.opened", "emergency", "1", {"kind": "dispatch"})
        mine = lone.query("cases", system="emergency")
        self.assertEqual(len(mine), 1)
        # The importer's last answer is not there yet: the lone one did not wait for it.
        first = lone.read(patterns=["case.opened.emergency.>"])[0]["sequence"]
        last = importer.published(requests[-1])[-1]["sequence"]
        self.assertLess(first, last)


if __name__ == "__main__":
    unittest.main()
