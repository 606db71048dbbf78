"""What the hub knew at a moment of the past is what it said at that moment."""
import datetime
import json
import os
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import chp
from hub import BIN, OwnHubTest


class Moment:
    """What the hub says now of cases and inboxes."""

    def __init__(self, hub, cases, parties):
        status, = hub.casehub("status")
        self.sequence = status["sequence"]
        self.cases = {case: self.show(hub, case) for case in cases}
        self.inboxes = {party: hub.casehub("handoff", "list", "--party", party) for party in parties}

    @staticmethod
    def show(hub, case, *options):
        """None: not there."""
        done = hub.casehub("case", "show", case, *options, check=False)
        return json.loads(done.stdout) if done.returncode == 0 else None


def time_text(time_ms):
    epoch = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)
    return (epoch + datetime.timedelta(milliseconds=time_ms)).isoformat(timespec="milliseconds")


def without(row, *fields):
    return {name: value for name, value in row.items() if name not in fields}


class Past(OwnHubTest):
    """A story of three cases, and what the hub said after each step of it."""

    PARTIES = ("urban-mgmt", "power-supply")

    def setUp(self):
        self.hub = self.new_hub().start()
        self.operator = self.hub.client()
        self.moments, self.cases, self.count = [], [], 0

    def tell(self, type_, data=None, **attributes):
        self.count += 1
        answer, = self.operator.publish(chp.event(type_, "desk/operator", f"{self.count}", data, **attributes))
        self.assertIsNone(answer["code"], answer)
        return answer["case"]

    def open(self, ref):
        data = {"kind": "matter", "category": "lamp", "title": f"lamp {ref}", "text": "it is dark"}
        case = self.tell("case.opened", data, ref=ref, area="330703")
        self.cases.append(case)
        self.look()
        return case

    def say(self, type_, case, data=None):
        self.tell(type_, data, subject=case)
        self.look()

    def look(self):
        self.moments.append(Moment(self.hub, self.cases, self.PARTIES))

    def story(self):
        one, two = self.open("1"), self.open("2")
        self.say("handoff.offered", one, {"party": "power-supply"})
        self.say("case.noted", one, {"text": "a note"})
        self.say("case.milestone", one, {"code": "inspected", "value": "yes"})
        self.say("case.assigned", two, {"party": "urban-mgmt"})
        self.say("case.waiting", two, {"reason": "citizen"})
        self.say("case.linked", one, {"other": two, "relation": "related"})
        three = self.open("3")
        self.say("case.resumed", two)
        self.say("case.resolved", two, {"resolution": "it shines"})
        self.say("case.feedback", two, {"score": 4, "satisfied": True})
        self.say("case.merged", three, {"into": one})
        self.say("case.reopened", two, {"reason": "dark-again"})

    def replay(self, *words):
        done = subprocess.run([os.path.join(BIN, "casehub-replay"), "--store", self.hub.path("data"), "--json", *words],
                              capture_output=True, text=True, timeout=chp.WAIT, check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return [json.loads(line) for line in done.stdout.splitlines()]

    def refused(self, code, said, *words):
        done = self.hub.casehub(*words, check=False)
        self.assertEqual((done.returncode, said in done.stdout + done.stderr), (code, True), done.stdout + done.stderr)

    def test_what_is_no_moment_of_the_case_is_told(self):
        first = self.open("1")
        second = self.open("2")
        before, after = (str(moment.sequence) for moment in self.moments)
        for noun in (("case", "show", second), ("case", "timeline", second), ("report",)):
            self.refused(64, "neither a sequence nor a time", *noun, "--as-of", "yesterday")
            self.refused(66, f"the log has only come to {after}", *noun, "--as-of", "1000000")
        self.refused(66, f"there was no case {second} yet", "case", "show", second, "--as-of", before)
        self.refused(66, f"there was no case {first} yet", "case", "show", first, "--as-of", "2020-01-01T00:00:00Z")
        self.refused(66, "there is no case", "case", "show", "no-such-ref", "--as-of", after)
        self.assertEqual(self.hub.casehub("case", "timeline", second, "--as-of", before), [])

    def test_a_case_is_shown_as_it_was_shown_at_that_moment(self):
        self.story()
        times = {event["sequence"]: event["recordedtime"] for event in self.operator.read()}
        for moment, later in zip(self.moments, [*self.moments[1:], None]):
            for case, then in moment.cases.items():
                with self.subTest(sequence=moment.sequence, case=case):
                    row = Moment.show(self.hub, case, "--as-of", str(moment.sequence))
                    self.assertEqual(row.pop("as_of"), moment.sequence)
                    self.assertEqual(row, then)
            if later is not None and times[moment.sequence + 1] > times[moment.sequence]:
                case, then = list(moment.cases.items())[-1]
                time = time_text(times[moment.sequence])
                self.assertEqual(without(Moment.show(self.hub, case, "--as-of", time), "as_of"), then)
        page = subprocess.run([os.path.join(BIN, "casehub"), "--hub", self.hub.ready["tcp"], "--key", self.hub.path("operator"),
                               "case", "show", self.cases[0], "--as-of", str(self.moments[0].sequence)],
                              capture_output=True, text=True, timeout=chp.WAIT, check=True).stdout
        self.assertRegex(page, rf"^as of +event {self.moments[0].sequence}, 20")
        self.assertRegex(page, r"(?m)^version +2$")

    def test_a_timeline_ends_at_the_moment(self):
        self.story()
        whole = self.hub.casehub("case", "timeline", self.cases[1])
        for moment in self.moments:
            self.assertEqual(self.hub.casehub("case", "timeline", self.cases[1], "--as-of", str(moment.sequence)),
                             [event for event in whole if event["sequence"] <= moment.sequence])

    def test_the_log_alone_tells_what_the_hub_knew(self):
        self.story()
        for moment in self.moments:
            for case, then in moment.cases.items():
                with self.subTest(sequence=moment.sequence, case=case):
                    row, = self.replay("state", "--as-of", str(moment.sequence), "--case", case)
                    self.assertEqual(row["as_of"], moment.sequence)
                    if "asked" in then:  # the hub shows the case that stands for it
                        self.assertEqual((row["state"], row["merged_into"]), ("merged", then["case"]))
                    else:
                        self.assertEqual(without(row, "as_of", "recorded"), without(then, "opened_event", "milestones"))
            for party, then in moment.inboxes.items():
                with self.subTest(sequence=moment.sequence, party=party):
                    self.assertEqual(self.replay("state", "--as-of", str(moment.sequence), "--party", party), then)

    def test_between_two_moments_those_cases_differ_that_the_hub_showed_differently(self):
        self.story()
        for before, after in zip(self.moments, self.moments[3:]):
            *rows, end = self.replay("diff", "--at", str(before.sequence), "--at", str(after.sequence))
            told = {row["case"]: (row["new"], row.get("state_before"), row.get("party_before"), row["state"], row.get("party"))
                    for row in rows}
            wanted = {}
            for case, now in after.cases.items():
                then = before.cases.get(case)
                if "asked" not in now and now != then:
                    wanted[case] = (then is None, then and then["state"], then and then.get("party"), now["state"],
                                    now.get("party"))
            merged = {case for case, now in after.cases.items() if "asked" in now}
            self.assertEqual({case: row for case, row in told.items() if case not in merged}, wanted)
            self.assertEqual((end["from"], end["to"], end["changed"] + end["new"]), (before.sequence, after.sequence, len(rows)))


if __name__ == "__main__":
    unittest.main()
