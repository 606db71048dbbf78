"""kill -9 of the hub, at a random moment, again and again, while eight publishers, a witness and a department work it; and
what is then to be found in the log.

    kill_test.py [--rounds N]       else 12; 240 with CASEHUB_LONG=1
"""
import os
import signal
import sys
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from crash import LONG, PATIENCE, CrashHub, Load, seeded, wait_until

ROUNDS = 240 if LONG else 12
KILL_WITHIN = 0.4    # seconds after the hub was ready, or after it answered somebody
STOPS_EVERY = 4      # rounds; the kill comes into a stop, or just behind it
STOP_WITHIN = 0.03
LOAD_DIES_EVERY = 5  # rounds; it takes itself up from its journals
WORK = 8             # answers that each client has a round, at least; the last round waits for them
LOOKS = 4            # times that the state which a kill left is compared with the log

WITNESS, DESK, INBOX = "witness", "power-supply", "urban-mgmt"
ACTORS = ["connector:line0:tcp", "publisher:line1:ipc", "publisher:line2:tcp", "connector:line3:tcp",
          "connector:line4:tcp", "publisher:line5:ipc", "publisher:line6:tcp", "connector:line7:tcp",
          f"witness:{WITNESS}:ipc", f"desk:{DESK}:tcp", f"inbox:{INBOX}:tcp"]

# What the script of the load calls its steps, and the answers that each may get.
FACTS = {"opened": {"ok"}, "noted": {"ok"}, "repeated": {"ok"}, "invalid": {"invalid"}, "progress": {"ok"},
         "by-case": {"ok"}, "taken": {"conflict"}, "stray": {"ok"}}
COMMANDS = {**FACTS, "progress": {"ok", "refused"}, "stray": {"not-found"}}


def when(text):
    """RFC 3339 times that compare as texts: the hub leaves a fraction of zero out."""
    return text if "." in text else text.replace("Z", ".000Z")


class Entry:
    """What is kept of an event of the log."""
    __slots__ = ("sequence", "source", "id", "type", "subject", "version", "recorded", "party", "handoff", "said", "phone",
                 "checkpoint")

    def __init__(self, event):
        data, private = event.get("data", {}), event.get("private", {})
        self.sequence, self.source, self.id = event["sequence"], sys.intern(event["source"]), event["id"]
        self.type, self.subject = sys.intern(event["type"]), event.get("subject", "")
        self.version, self.recorded = event.get("caseversion", 0), when(event["recordedtime"])
        self.party, self.handoff = data.get("party"), data.get("handoff")
        self.said, self.phone = data.get("title") or data.get("text"), private.get("phone")
        self.checkpoint = (data["connector"], data["value"]) if self.type == "hub.checkpoint" else None
        if self.type == "hub.deadletter":
            self.checkpoint = (data["connector"], data["code"])


class Answer:
    """A line of a journal."""
    __slots__ = ("number", "id", "kind", "code", "sequence", "case", "version", "duplicate", "dead_letter")

    def __init__(self, fields):
        self.number, self.id, self.kind, self.code = int(fields[1]), fields[2], fields[3], fields[4]
        self.sequence, self.case, self.version = int(fields[5]), fields[6], int(fields[7])
        self.duplicate, self.dead_letter = fields[8] == "1", int(fields[9])


class Series:
    """The rounds, up to a clean stop."""

    def __init__(self, rounds):
        self.rounds, self.chance = rounds, seeded("kill")
        self.hub = CrashHub(self.chance)
        self.load = Load(self.hub, ACTORS)
        self.idle = 0       # rounds in which nothing was answered
        self.rebuilds = []  # what casehub-replay said of the stores that a kill left, and of the one left by the stop

    def prepare(self):
        self.hub.start()
        for name in self.load.names("connector", "publisher"):
            self.hub.grant(name, "connector", sources=[f"hotline/{name}"], parties=["*"])
        for name in (DESK, INBOX):
            self.hub.grant(name, "department", sources=[name], parties=[name])
        self.load.start()

    def kill_somewhere(self, number):
        """Half of the kills come so long after the hub was ready, which is often in the midst of the reconnecting; the
        others so long after it was at work."""
        seen = self.load.size()
        if number % 2 == 1:
            self.load.wait_for_answers(seen)
        time.sleep(self.chance.uniform(0, KILL_WITHIN))
        if number % STOPS_EVERY == 0:
            self.hub.signal(signal.SIGTERM)
            time.sleep(self.chance.uniform(0, STOP_WITHIN))
        self.hub.kill()
        self.idle += self.load.size() == seen

    def run(self):
        self.prepare()
        for number in range(1, self.rounds + 1):
            self.kill_somewhere(number)
            if number % max(1, self.rounds // LOOKS) == 0:
                self.rebuilds.append(self.hub.replay("rebuild"))
            if number % LOAD_DIES_EVERY == 0:
                self.load.kill()
            self.hub.start()
            if number % LOAD_DIES_EVERY == 0:
                self.load.start()
        self.finish()

    def has_worked(self):
        return all(sum(fields[0] == "A" for fields in self.load.lines(name)) > WORK * self.rounds
                   for name in self.load.names("connector", "publisher", "desk"))

    def finish(self):
        wait_until(self.has_worked, "every client has done its share", PATIENCE)
        self.load.stop_publishing()
        self.last = wait_until(self.drained, "the subscribers have heard and acknowledged everything", PATIENCE)
        self.load.stop()
        self.checkpoints = {name: self.hub.client(name).query("checkpoint", connector=name)[0]["value"]
                            for name in self.load.names("connector")}
        self.log = [Entry(event) for event in self.hub.tail(self.last)]
        self.stopped_with = self.hub.stop()
        self.rebuilds.append(self.hub.replay("rebuild"))
        self.verified = self.hub.replay("verify")
        self.answers = {name: [Answer(fields) for fields in self.load.lines(name) if fields[0] == "A"]
                        for name in self.load.names("connector", "publisher", "desk")}

    def drained(self):
        """The last sequence, once nothing is under way and nothing follows any more."""
        before, = self.hub.casehub("status")
        rows = {row["name"]: row for row in self.hub.casehub("subscription", "list") if "name" in row}
        after, = self.hub.casehub("status")
        quiet = all(rows[name]["lag"] == 0 and rows[name]["pending"] == 0 for name in (WITNESS, DESK, INBOX))
        return after["sequence"] if quiet and before["sequence"] == after["sequence"] else None

    def tell(self):
        times = sorted(self.hub.recoveries[1:])
        print(f"{self.rounds} kills, {len(self.log)} events, {sum(map(len, self.answers.values()))} answers, {self.idle} rounds"
              f" without one; ready again after {1000 * times[len(times) // 2]:.0f} ms (median), {1000 * times[-1]:.0f} ms"
              " (longest)", file=sys.stderr)

    def close(self):
        self.load.close()
        self.hub.close()


def source_of(name):
    return name if name == DESK else f"hotline/{name}"


class AfterKills(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.series = Series(ROUNDS)
        cls.addClassCleanup(cls.series.close)
        try:
            cls.series.run()
        except BaseException:
            print(f"---- the hub's log\n{cls.series.hub.log()[-20000:]}", file=sys.stderr)
            raise
        cls.series.tell()
        cls.log, cls.answers = cls.series.log, cls.series.answers
        cls.places = {}  # (source, id) -> sequences
        for entry in cls.log:
            cls.places.setdefault((entry.source, entry.id), []).append(entry.sequence)

    def entry(self, sequence):
        return self.log[sequence - 1]

    def accepted(self):
        for name, answers in self.answers.items():
            for answer in answers:
                if answer.code == "ok":
                    yield source_of(name), answer

    def test_the_load_was_worked_off(self):
        self.assertEqual(self.series.stopped_with, 0)
        self.assertLess(self.series.idle, ROUNDS)
        for name, answers in self.answers.items():
            self.assertGreater(len(answers), WORK * ROUNDS, name)

    def test_the_log_has_no_hole(self):
        self.assertEqual([entry.sequence for entry in self.log], list(range(1, self.series.last + 1)))

    def test_recorded_time_never_goes_back(self):
        times = [entry.recorded for entry in self.log]
        self.assertEqual(times, sorted(times))

    def test_no_source_and_id_is_there_twice(self):
        self.assertEqual({key: at for key, at in self.places.items() if len(at) > 1}, {})

    def test_every_acknowledged_event_is_there_as_it_was_answered(self):
        for source, answer in self.accepted():
            self.assertLessEqual(answer.sequence, len(self.log), (source, answer.id))
            entry = self.entry(answer.sequence)
            self.assertEqual((entry.source, entry.id, entry.subject, entry.version),
                             (source, answer.id, answer.case, answer.version))

    def test_every_acknowledged_event_is_there_whole(self):
        for source, answer in self.accepted():
            entry = self.entry(answer.sequence)
            if source == DESK or answer.kind in ("repeated", "taken"):
                continue
            self.assertEqual(entry.said, f"{answer.kind} of {answer.number}", (source, answer.id))
            if answer.kind == "opened":  # its key has survived, too
                self.assertEqual(entry.phone, f"000-{(answer.number - 1) // 8:07}", (source, answer.id))

    def test_nothing_is_there_that_was_not_acknowledged(self):
        sources = {source_of(name) for name in self.answers}
        told = {(source, answer.id) for source, answer in self.accepted()}
        self.assertEqual({key for key in self.places if key[0] in sources} - told, set())

    def test_what_was_refused_left_no_trace(self):
        told = {(source, answer.id) for source, answer in self.accepted()}
        for name, answers in self.answers.items():
            refused = {(source_of(name), answer.id) for answer in answers if answer.code != "ok"}
            self.assertEqual([key for key in refused - told if key in self.places], [])

    def test_every_event_got_an_answer_of_its_kind(self):
        for name in self.series.load.names("connector", "publisher"):
            wanted = COMMANDS if f"publisher:{name}:ipc" in ACTORS else FACTS
            answers = self.answers[name]
            self.assertEqual([answer.number for answer in answers], list(range(1, len(answers) + 1)), name)
            for answer in answers:
                self.assertIn(answer.code, wanted[answer.kind], (name, answer.number))
                if answer.kind == "repeated":
                    first = answers[answer.number - 2]
                    self.assertTrue(answer.duplicate)
                    self.assertEqual((answer.sequence, answer.case, answer.version),
                                     (first.sequence, first.case, first.version))

    def test_what_follows_from_an_event_is_there_whole_beside_it(self):
        """Derived events are numbered <cause>/1, 2, 3 ...; inferred ones stand before their cause, others behind it."""
        followers = {}
        for entry in self.log:
            cause, slash, k = entry.id.partition("/")
            if entry.source.startswith("hub/") and slash and cause.isdigit() and k.isdigit():
                followers.setdefault(int(cause), []).append((int(k), entry.sequence))
        self.assertGreater(len(followers), 0)
        for cause, found in followers.items():
            self.assertEqual([k for k, _ in found], list(range(1, len(found) + 1)), cause)
            run = sorted([sequence for _, sequence in found] + [cause])
            self.assertEqual(run, list(range(run[0], run[-1] + 1)), cause)
            self.assertEqual({self.entry(sequence).recorded for sequence in run}, {self.entry(cause).recorded}, cause)

    def test_a_case_of_a_routed_category_is_offered_right_behind_its_opening(self):
        for name in self.series.load.names("connector", "publisher"):
            for answer in self.answers[name]:
                if answer.kind == "opened" and (answer.number - 1) // 8 % 3 == 0:
                    offer = self.entry(answer.sequence + 1)
                    self.assertEqual((offer.type, offer.id, offer.subject, offer.party),
                                     ("handoff.offered", f"{answer.sequence}/1", answer.case, DESK))

    def test_versions_of_a_case_have_no_gap(self):
        versions = {}
        for entry in self.log:
            if entry.subject:
                versions[entry.subject] = versions.get(entry.subject, 0) + 1
                self.assertEqual(entry.version, versions[entry.subject], entry.sequence)

    def test_checkpoints_are_where_the_connectors_were_told(self):
        for name, value in self.series.checkpoints.items():
            told = [fields[1] for fields in self.series.load.lines(name) if fields[0] == "C" and fields[1] != "0"]
            moves = [entry.checkpoint[1] for entry in self.log
                     if entry.type == "hub.checkpoint" and entry.checkpoint[0] == name]
            self.assertEqual(value, told[-1], name)
            self.assertEqual(moves[-1], told[-1], name)
            self.assertEqual([int(move) for move in moves], sorted({int(move) for move in moves}), name)
            self.assertLessEqual(set(told), set(moves), name)

    def test_a_checkpoint_comes_in_with_the_events_that_it_covers(self):
        for name in self.series.checkpoints:
            done = 0
            first = {}
            for answer in self.answers[name]:
                if answer.code == "ok" and answer.kind != "repeated":
                    first[answer.sequence] = answer.number
            for entry in self.log:
                if entry.sequence in first:
                    self.assertGreater(first[entry.sequence], done, (name, entry.sequence))
                elif entry.type == "hub.checkpoint" and entry.checkpoint[0] == name:
                    below = [n for n in range(done + 1, int(entry.checkpoint[1]) + 1)]
                    done = int(entry.checkpoint[1])
                    for number in below:
                        answer = self.answers[name][number - 1]
                        self.assertLess(answer.sequence, entry.sequence, (name, number))

    def test_what_a_checkpoint_passed_and_the_hub_refused_is_a_dead_letter_once(self):
        for name in self.series.checkpoints:
            refused = sorted(answer.code for answer in self.answers[name] if answer.code != "ok")
            letters = sorted(entry.checkpoint[1] for entry in self.log
                             if entry.type == "hub.deadletter" and entry.checkpoint[0] == name)
            self.assertEqual(letters, refused, name)
            numbers = [answer.dead_letter for answer in self.answers[name] if answer.dead_letter > 0]
            self.assertEqual(len(numbers), len(set(numbers)), name)

    def test_the_durable_subscriber_missed_nothing(self):
        heard = {int(fields[1]) for fields in self.series.load.lines(WITNESS) if fields[0] == "E"}
        self.assertEqual(set(range(1, self.series.last + 1)) - heard, set())

    def test_the_durable_subscriber_heard_each_case_in_order(self):
        """Within a session strictly; a new one may begin further back."""
        newest, this_session = {}, {}
        for fields in self.series.load.lines(WITNESS):
            if fields[0] == "S":
                this_session = {}
            elif fields[3]:
                case, version = fields[3], int(fields[4])
                self.assertEqual((self.entry(int(fields[1])).subject, self.entry(int(fields[1])).version), (case, version))
                self.assertGreater(version, this_session.get(case, 0), case)
                self.assertLessEqual(version, newest.get(case, 0) + 1, case)
                this_session[case] = version
                newest[case] = max(version, newest.get(case, 0))

    def offers(self, party):
        offers = [entry.handoff for entry in self.log if entry.type == "handoff.offered" and entry.party == party]
        self.assertGreater(len(offers), 0)
        return sorted(offers)

    def of_type(self, type_):
        return sorted(entry.handoff for entry in self.log if entry.type == type_)

    def test_every_offer_that_a_department_acknowledged_is_delivered_once(self):
        """The desk acknowledges when it is done, and what is done needs no delivery any more."""
        self.assertEqual(self.of_type("handoff.delivered"), self.offers(INBOX))

    def test_every_offer_that_a_department_works_on_is_completed_once(self):
        for step in ("accepted", "started", "completed"):
            self.assertEqual(self.of_type(f"handoff.{step}"), self.offers(DESK), step)

    def test_the_rebuilt_state_is_the_live_one_after_kills_and_after_the_stop(self):
        for code, said, errors in self.series.rebuilds:
            self.assertEqual((code, said.get("equal"), said.get("live_hash") is not None), (0, True, True), (said, errors))
        _, last, _ = self.series.rebuilds[-1]
        self.assertEqual((last["live_position"], last["state_hash"]), (last["last"], last["live_hash"]))

    def test_the_stopped_log_verifies(self):
        code, said, errors = self.series.verified
        self.assertEqual((code, said.get("ok"), said.get("finding_count")), (0, True, 0), (said, errors))
        self.assertGreaterEqual(said["last"], self.series.last)


if __name__ == "__main__":
    if "--rounds" in sys.argv:
        at = sys.argv.index("--rounds")
        ROUNDS = int(sys.argv[at + 1])
        del sys.argv[at:at + 2]
    unittest.main()
