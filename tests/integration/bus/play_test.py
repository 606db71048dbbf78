"""What happened in one hub is played into others: the same cases come to the same states, whatever interrupts the play."""
import array
import collections
import contextlib
import fcntl
import json
import os
import re
import shutil
import subprocess
import sys
import termios
import unittest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import chp
from hub import BIN, HubTest, wait_until

MANY = 400  # cases of the crowd, two events each
MIDDLE = 600
CONFLICT, BAD_DATA = 65, 65


def rename(hub, code):
    """Its tables are the same but for its code."""
    path = hub.path("city/routing.cfg")
    with open(path, encoding="utf-8") as file:
        text = file.read()
    with open(path, "w", encoding="utf-8") as file:
        file.write(text.replace('hub_code = "ZJ"', f'hub_code = "{code}"'))


class Day:
    """What two connectors, two departments and an operator say in the played hub."""

    def __init__(self, hub):
        self.hub = hub
        self.hotline = hub.granted("hotline-1", "connector", sources=["hotline"])
        self.grid = hub.granted("grid-1", "connector", sources=["grid"])
        self.power = hub.granted("power", "department", sources=["power"], parties=["power-supply"], private="own")
        self.water = hub.granted("water", "department", sources=["water"], parties=["water"])
        self.operator = hub.client()
        self.said = 0

    def say(self, client, type_, data=None, source="desk", **attributes):
        self.said += 1
        return client.publish_one(type_, source, f"said-{self.said}", data or {}, **attributes)["case"]

    def open(self, ref, category="power", **more):
        return self.say(self.hotline, "case.opened", {"kind": "request", "category": category, "title": f"虚构报告 {ref}"},
                        source="hotline/1", ref=ref, area="330703", private={"name": "张三三", "phone": "13900000000"}, **more)

    def report(self, type_, ref, data=None):
        return self.say(self.hotline, type_, data, source="hotline/1", ref=ref)

    def offer(self, case, parties, **data):
        whom = {"party": parties[0]} if len(parties) == 1 else {"parties": parties}
        self.say(self.operator, "handoff.offered", {**whom, **data}, subject=case, expectedversion=self.shown(case)["version"])

    def shown(self, case):
        row, = self.operator.query("case", case=case)
        return row

    def move(self, client, source, verb, handoff, **data):
        self.say(client, f"handoff.{verb}", {"handoff": handoff, **data}, source=source)

    def handoff_of(self, case, party):
        return [handoff["handoff"] for handoff in self.shown(case)["handoffs"] if handoff["party"] == party][-1]

    def live(self):
        self.work()
        self.group()
        self.relate()
        self.report_what_happened()
        self.say(self.hotline, "case.opened", {"kind": "matter"}, source="hotline/1", ref="drill", testmode=True)
        return self

    def work(self):
        case = self.open("done")
        handoff = self.handoff_of(case, "power-supply")
        for verb in ("accepted", "started", "completed"):
            self.move(self.power, "power", verb, handoff, text="办理")
        self.report("case.feedback", "done", {"score": 5, "satisfied": True})
        case = self.open("refused")
        self.move(self.power, "power", "rejected", self.handoff_of(case, "power-supply"), reason="not-ours")
        case = self.say(self.operator, "case.opened", {"kind": "matter", "title": "无编号"})  # without a ref
        self.say(self.operator, "case.noted", {"text": "电话核实"}, subject=case)

    def group(self):
        """Offers to several, of each form."""
        three = ["power-supply", "water", "urban-mgmt"]
        case = self.open("parallel", "unknown")
        self.offer(case, three, form="parallel", need="2")
        for client, party, source in ((self.power, "power-supply", "power"), (self.water, "water", "water")):
            for verb in ("accepted", "completed"):
                self.move(client, source, verb, self.handoff_of(case, party))
        case = self.open("joint", "unknown")
        self.offer(case, three, form="joint", lead="water")
        case = self.open("sequence", "unknown")
        self.offer(case, three, form="sequence")
        self.move(self.power, "power", "rejected", self.handoff_of(case, "power-supply"), reason="not-ours")

    def relate(self):
        whole = self.open("whole")
        self.say(self.operator, "case.split", {"title": "另一件事", "kind": "matter"}, subject=whole)
        part, = [link["case"] for link in self.shown(whole)["links"]]
        self.say(self.operator, "case.noted", {"text": "关于分出的部分"}, subject=part)
        other = self.open("other")
        self.say(self.operator, "case.linked", {"other": part, "relation": "related"}, subject=other)
        self.say(self.operator, "case.merged", {"into": whole}, subject=self.open("same"))
        self.report("case.progressed", "same", {"text": "已合并的仍有来报"})

    def report_what_happened(self):
        self.open("skips")
        self.report("case.resolved", "skips")  # steps in between are inferred
        self.report("case.opened", "skips", {"kind": "request", "category": "water"})  # again: an amendment
        self.say(self.grid, "case.progressed", {"text": "未知编号"}, source="grid", ref="unheard-of")
        self.report("case.accepted", "skips")  # anomalous

    def crowd(self):
        for first in range(0, MANY, 100):
            answers = self.hotline.publish(*(
                chp.event("case.opened", "hotline/1", f"crowd-{i}", {"kind": "matter"}, ref=f"crowd-{i}") for i in range(first, first + 100)))
            for answer in answers:
                self.say(self.operator, "case.noted", {"text": "登记"}, subject=answer["case"])


def story(hub):
    """What became of each case, without what another hub may call otherwise: ids, sequences and times."""
    client = hub.client()
    cases, names = collections.defaultdict(list), {}
    for event in client.read():
        case = event.get("subject")
        if case is None:
            continue
        names.setdefault(case, f"case {len(names) + 1}")
        said = {key: event.get(key) for key in ("type", "time", "casestate", "caseversion", "cycle", "anomalous", "inferred",
                                                "testmode", "ref", "area", "party", "data", "private")}
        said["source"] = None if event["source"].startswith("hub/") else (event["source"], event["id"])
        cases[case].append(json.dumps(said, ensure_ascii=False, sort_keys=True, default=repr))
    text = "\n".join(line for case in cases for line in [names[case], *cases[case]])
    return re.sub(r'(T-)?(ZJ|YY)-\d{8}-\d+', lambda match: names.get(match[0], match[0]), text).split("\n")


class PlayTest(HubTest):
    """One hub is played; each test has one of its own to play into."""

    maxDiff = None

    @classmethod
    def prepare(cls):
        cls.live(Day(cls.hub))
        cls.sequence = cls.hub.client().query("status")[0]["sequence"]
        cls.story = story(cls.hub)
        cls.store = cls.hub.path("data")

    def target(self, code="YY"):
        hub = self.new_hub()
        rename(hub, code)
        hub.start()
        hub.grant("reports", "connector", sources=["hotline", "grid"], parties=["*"])
        return hub

    def command(self, hub, *options, store=None, file=None, key="operator", report=True):
        place = ("--file", file) if file else ("--store", store or self.store)
        words = [os.path.join(BIN, "casehub-replay"), *place, "--json", "play", *options]
        if hub is not None:
            words += ["--into-hub", hub.ready["tcp"], "--key", hub.path(key)]
            words += ["--report-key", hub.path("reports")] if report else []
        return words

    def play(self, hub, *options, code=0, **more):
        done = subprocess.run(self.command(hub, *options, **more), capture_output=True, text=True, timeout=chp.WAIT, check=False)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return (json.loads(done.stdout) if hub is not None and done.stdout else done.stdout), done.stderr

    def opened(self):
        """Options with which what is sealed is played, too."""
        return "--hub-key", self.hub.path("hub.key"), "--personal", "--to", str(self.sequence)

class Played(PlayTest):
    @classmethod
    def live(cls, day):
        day.live()

    def test_a_day_gives_the_same_cases_in_the_same_states(self):
        hub = self.target()
        report, _ = self.play(hub, *self.opened())
        self.assertEqual((report["refused"], report["without_case"], report["duplicates"]), (0, 0, 0), report)
        self.assertEqual(report["accepted"], report["played"])
        self.assertEqual(story(hub), self.story)

    def test_played_again_it_changes_nothing(self):
        hub = self.target()
        first, _ = self.play(hub, *self.opened())
        sequence = hub.client().query("status")[0]["sequence"]
        second, _ = self.play(hub, *self.opened())
        self.assertEqual((second["duplicates"], second["accepted"]), (first["accepted"], 0), second)
        self.assertEqual(hub.client().query("status")[0]["sequence"], sequence)

    def test_what_is_played_says_so_and_who_played_it(self):
        hub = self.target()
        self.play(hub, *self.opened())
        events = hub.casehub("case", "timeline", "done")
        self.assertEqual({event["mapping"] for event in events if not event["source"].startswith("hub/")}, {"replay:ZJ/1"})
        self.assertEqual(events[0]["actor"], "reports")

    def test_without_the_hub_key_nothing_sealed_leaves(self):
        hub = self.target()
        _, said = self.play(hub, "--to", str(self.sequence))
        self.assertIn("without what is sealed", said)
        opened = hub.casehub("case", "timeline", "done")[0]
        self.assertNotIn("private", opened)
        self.assertNotIn("title", opened["data"])

    def test_a_drill_touches_no_real_case(self):
        hub = self.target()
        self.play(hub, "--drill", *self.opened())
        self.assertEqual(hub.casehub("case", "list"), [])
        rows = hub.client().query("cases", test="only")
        self.assertTrue(rows and all(row["case"].startswith("T-YY-") for row in rows), rows)

    def test_without_a_connectors_key_reports_are_commands_and_what_is_refused_is_told(self):
        hub = self.target()
        report, said = self.play(hub, *self.opened(), report=False, code=BAD_DATA)
        self.assertIn("--report-key", said)
        self.assertRegex(said, r"record \d+: (refused|not-found)")
        self.assertGreater(report["refused"], 0)

    def test_a_key_without_a_grant_is_denied_and_one_that_may_not_say_it_is_told_so(self):
        hub = self.target()
        hub.new_key("stranger")
        hub.grant("reader", "read-only")
        for key, code, why in (("stranger", 77, "does not know this key"), ("reader", BAD_DATA, r"record \d+: denied")):
            _, said = self.play(hub, *self.opened(), key=key, report=False, code=code)
            self.assertRegex(said, why)
        self.assertEqual(hub.casehub("case", "list"), [])

    def test_the_same_hub_is_refused_unless_it_is_named(self):
        self.hub.grant("reports", "connector", sources=["hotline", "grid"], parties=["*"])
        before = self.hub.client().query("status")[0]["sequence"]
        _, said = self.play(self.hub, code=CONFLICT)
        self.assertIn("--same-hub", said)
        self.assertEqual(self.hub.client().query("status")[0]["sequence"], before)
        twin = self.target("ZJ")
        self.play(twin, code=CONFLICT)
        report, _ = self.play(twin, "--same-hub", *self.opened())
        self.assertEqual(report["refused"], 0)
        self.assertEqual(story(twin), self.story)

    def test_what_a_restored_backup_lacks_is_played_from_the_lost_store(self):
        hub = self.new_hub()
        hub.start()
        desk, backup, lost = hub.client(), hub.path("backup"), hub.path("lost")
        kept = desk.publish_one("case.opened", "desk", "1", {"kind": "matter"})["case"]
        last = hub.casehub("backup", backup)[0]["sequence"]
        later = desk.publish_one("case.opened", "desk", "2", {"kind": "matter"})["case"]
        for i, case in enumerate((kept, later)):
            desk.publish_one("case.noted", "desk", f"note-{i}", {"text": "补记"}, subject=case)
        hub.stop()
        os.rename(hub.path("data"), lost)
        shutil.copytree(backup, hub.path("data"))
        shutil.copytree(backup + ".keys", hub.path("data/keys"))
        hub.start()
        report, _ = self.play(hub, "--from", str(last + 1), "--hub-key", hub.path("hub.key"), store=lost, report=False)
        self.assertEqual((report["accepted"], report["refused"], report["without_case"]), (3, 0, 0), report)
        self.assertEqual(hub.casehub("case", "timeline", kept)[-1]["data"]["text"], "补记")
        self.assertEqual(len(hub.casehub("case", "list")), 2)

    def test_a_part_of_the_log_leaves_out_events_of_cases_that_are_not_there(self):
        hub = self.target()
        note, = [event["sequence"] for event in self.hub.casehub("event", "tail", "case.noted.desk.>", "--from", "all", "--count", "1")]
        report, _ = self.play(hub, "--from", str(note), "--to", str(note), code=BAD_DATA)
        self.assertEqual((report["played"], report["without_case"]), (0, 1))

    def export(self, name, *options):
        path = self.hub.path(name)
        subprocess.run([os.path.join(BIN, "casehub-replay"), "--store", self.store, "export", "--output", path, "--to", str(self.sequence),
                        *options], capture_output=True, timeout=chp.WAIT, check=True)
        return path

    def test_a_file_is_played_as_the_store_is_and_gone_on_with(self):
        archive, lines = self.export("archive", "--sealed"), self.export("lines", "--format", "jsonl")
        keys = "--keys", self.hub.path("data/keys"), *self.opened()
        for path, options, expected in ((archive, keys, self.story), (lines, (), None)):
            hub = self.target()
            resume = "--resume", hub.path("resume")
            first, _ = self.play(hub, *options, *resume, "--limit", "7", file=path)
            second, _ = self.play(hub, *options, *resume, file=path)
            self.assertEqual((first["played"], second["duplicates"], second["refused"], second["without_case"]), (7, 0, 0, 0), path)
            if expected is not None:
                self.assertEqual(story(hub), expected)
            self.assertEqual(len(hub.casehub("case", "list")), len(self.hub.casehub("case", "list")))

    def test_lines_are_what_event_publish_reads(self):
        hub = self.target("ZJ")
        lines, _ = self.play(None, "--output", "-", "--topic", "case.opened.hotline.>", *self.opened())
        events = [json.loads(line) for line in lines.splitlines()]
        self.assertFalse({"sequence", "subject", "topic", "caseversion", "actor"} & set().union(*events))
        path = hub.path("lines")
        with open(path, "w", encoding="utf-8") as file:
            file.write(lines)
        answers = hub.casehub("event", "publish", path)
        self.assertEqual([answer["duplicate"] for answer in answers], [False] * len(events))
        self.assertEqual(json.loads(lines.splitlines()[0])["private"]["name"], "张三三")

    def test_a_subscriber_sees_the_derived_events_too(self):
        lines, _ = self.play(None, "--subscription", *self.opened())
        seen = [json.loads(line) for line in lines.splitlines()]
        self.assertEqual(seen, self.hub.casehub("event", "tail", ">", "--from", "all", "--count", str(len(seen))))
        self.assertTrue({"handoff.offered", "case.split", "hub.grant"} <= {event["type"] for event in seen})

    def test_one_line_of_input_plays_one_event(self):
        command = self.command(None, "--output", "-", "--step", *self.opened())
        done = subprocess.run(command, input="\n\n\n", capture_output=True, text=True, timeout=chp.WAIT, check=False)
        self.assertEqual((done.returncode, len(done.stdout.splitlines())), (0, 3), done.stderr)


class Interrupted(PlayTest):
    """With a crowd, so that there is a middle in which to be killed."""

    @classmethod
    def live(cls, day):
        day.relate()
        day.crowd()

    def position(self, path):
        if not os.path.exists(path):
            return 0
        with open(path, encoding="utf-8") as file:
            return int(re.search(r"^sequence (\d+)$", file.read(), re.M)[1])

    @contextlib.contextmanager
    def stepping(self, hub, *options):
        """A play that has been given so many steps, and waits for more."""
        with subprocess.Popen(self.command(hub, "--step", *options, *self.opened()), stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE) as playing:
            try:
                self.step(playing, MIDDLE)
                yield playing
            finally:
                playing.kill()

    def step(self, playing, count):
        """Until the play has taken them."""
        unread = array.array("i", [0])
        playing.stdin.write(b"\n" * count)
        playing.stdin.flush()
        wait_until(lambda: fcntl.ioctl(playing.stdin, termios.FIONREAD, unread) == 0 and unread[0] == 0, "it takes its steps")

    def test_a_killed_play_goes_on_and_loses_and_doubles_nothing(self):
        hub = self.target()
        resume = hub.path("resume")
        with self.stepping(hub, "--resume", resume) as playing:
            wait_until(lambda: self.position(resume) > 0, "its place is kept")
            with hub.held():  # what comes now is on its way when the play dies
                self.step(playing, 100)
                playing.kill()
                playing.wait(chp.WAIT)
        report, _ = self.play(hub, "--resume", resume, *self.opened())
        self.assertEqual((report["refused"], report["without_case"]), (0, 0), report)
        self.assertEqual(story(hub), self.story)
        report, _ = self.play(hub, "--resume", resume, *self.opened())
        self.assertEqual(report["played"], 0)

    def test_an_interrupted_play_goes_on_where_it_stopped(self):
        hub = self.target()
        resume = hub.path("resume")
        with self.stepping(hub, "--resume", resume) as playing:
            wait_until(lambda: self.position(resume) > 0, "its place is kept")
            playing.terminate()
            self.assertEqual(playing.wait(chp.WAIT), 130)
        report, _ = self.play(hub, "--resume", resume, *self.opened())
        self.assertEqual((report["refused"], report["without_case"]), (0, 0), report)
        self.assertLess(report["played"], 2 * MANY)
        self.assertEqual(story(hub), self.story)

    def test_a_hub_that_is_killed_meanwhile_is_waited_for(self):
        hub = self.target()
        hub.settings["tcp"] = hub.ready["tcp"]
        hub.write_config()
        with self.stepping(hub) as playing:
            hub.kill()
            hub.start()
            out, err = playing.communicate(b"\n" * 10 * MANY, timeout=chp.WAIT)
        self.assertEqual(playing.returncode, 0, out + err)
        self.assertEqual(story(hub), self.story)

    def memory(self, playing):
        """Anonymous bytes, and whether a sanitizer keeps what was freed."""
        with open(f"/proc/{playing.pid}/smaps_rollup", encoding="ascii") as file:
            size = int(re.search(r"^Anonymous:\s+(\d+) kB", file.read(), re.M)[1]) * 1024
        with open(f"/proc/{playing.pid}/maps", encoding="ascii") as file:
            return size, "libasan" in file.read()

    def test_memory_does_not_grow_with_what_was_played(self):
        with self.stepping(self.target()) as playing:
            before, sanitized = self.memory(playing)
            self.step(playing, 150)
            after, _ = self.memory(playing)
        self.assertLess(after - before, 2**24 if sanitized else 2**17)

    def test_the_place_of_another_log_or_hub_is_refused(self):
        hub, other = self.target(), self.target("XX")
        resume = hub.path("resume")
        self.play(hub, "--resume", resume, *self.opened(), "--limit", "5")
        _, said = self.play(other, "--resume", resume, code=CONFLICT)
        self.assertIn("is of a play of hub ZJ into hub YY", said)
        with open(resume, encoding="utf-8") as file:
            text = file.read()
        with open(resume, "w", encoding="utf-8") as file:
            file.write(re.sub("^mark .", "mark 0" if "mark 0" not in text else "mark 1", text, flags=re.M))
        _, said = self.play(hub, "--resume", resume, code=CONFLICT)
        self.assertIn("belongs to another log", said)
        with open(resume, "w", encoding="utf-8") as file:
            file.write("something else\n")
        _, said = self.play(hub, "--resume", resume, code=BAD_DATA)
        self.assertIn("no file that play --resume has written", said)


if __name__ == "__main__":
    unittest.main()
