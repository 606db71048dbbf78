"""`casehub-connect diff`: what another mapping would make of samples, and of the records that a real hub keeps."""
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "story"))
from city import BIN, DEADLINE, City

CONFIG = """
name = "benches"; source = "benches/1"; transport = "file_drop"; format = "csv"; mapping = "benches.jq";
tables = [ "damages.csv" ]; file_drop = { folder = "drop"; }; memory_most = 0;
"""
OUTWARD = """
name = "benches"; source = "benches/1";
outward = { sender = "file_put"; mapping = "benches.jq"; topics = [ "case.>" ]; file_put = { folder = "out"; }; };
"""
TABLE = "local,category\nslat,safety.hazard\nscrew,safety\n"
MAPPING = """
lookup($tables.damages; .damage; "damage") as $damage
| { type: "case.opened", "$row": { key: .repair, aspect: "case" }, ref: .repair, time: "2026-11-23T08:00:00Z",
    data: { kind: "request", title: .damage, category: $damage.category }, private: { name: .name } },
  { type: "case.noted", "$row": { key: .repair, aspect: "note" }, ref: .repair, time: "2026-11-23T08:00:00Z",
    data: { text: .note } }
"""
ROWS = """repair,damage,name,note
B-1,slat,Lin Mei,near the gate
B-2,graffiti,Wu Tao,on the back
B-3,screw,Lu Yan,loose
B-4,slat,He Jie,sharp
"""
CUT = f"B-5,graffiti,Wu Tao,{'x' * 140000}\n"  # longer than a dead letter may be
NEW_TABLE = "local,category\nslat,safety.hazard\nscrew,housing.repair\ngraffiti,refuse.uncollected\n"


def put(folder, name, text):
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def put_version(folder, config=CONFIG, mapping=MAPPING, table=TABLE):
    """Its configuration, in a folder of its own."""
    put(folder, "benches.jq", mapping)
    put(folder, "damages.csv", table)
    return put(folder, "benches.cfg", config)


class DiffTest(unittest.TestCase):
    maxDiff = None

    def put(self, name, text):
        return put(self.folder, name, text)

    def version(self, name, **parts):
        return put_version(self.folder / name, **parts)

    def run_diff(self, *words, **more):
        """(exit code, lines, what is said beside them)"""
        done = subprocess.run([os.path.join(BIN, "casehub-connect"), "diff", *map(str, words)], cwd=self.folder,
                              capture_output=True, text=True, timeout=DEADLINE, **more)
        return done.returncode, [json.loads(line) for line in done.stdout.splitlines()], done.stderr

    def assert_fails(self, code, what, *words, **more):
        ended, lines, said = self.run_diff(*words, **more)
        self.assertEqual((ended, lines), (code, []), said)
        self.assertIn(what, said)

    def differences(self, *words):
        ended, lines, said = self.run_diff(*words)
        self.assertEqual(ended, 65, said)
        return [short(line) for line in lines]


def short(line):
    """(where, what)"""
    if "field" in line:
        return line["where"], f"{line['id']} {line['field']}: {line.get('old')} -> {line.get('new')}"
    part = line.get("event") or line["failure"]
    return line["where"], f"only {line['only']}: {part.get('id') or part['error'] + ' ' + part['where']}"


class Samples(DiffTest):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="casehub-diff-"))
        self.addCleanup(shutil.rmtree, self.folder)
        self.old = self.version("old")
        self.rows = self.put("rows.csv", ROWS)

    def of_mappings(self, new, rows=None):
        changed = self.put("new.jq", new)
        return self.differences("--config", self.old, "--mapping", "old/benches.jq", changed, "--samples", rows or self.rows)

    def test_a_wrong_command_line_is_told(self):
        new = self.version("new")
        self.assert_fails(64, "diff needs OLD and NEW", self.old)
        self.assert_fails(64, "diff needs OLD and NEW", self.old, "--config", new)
        self.assert_fails(64, "diff needs OLD and NEW", self.old, new, "--mapping", "old/benches.jq", "new/benches.jq")
        self.assert_fails(64, "a value is missing behind --mapping", "benches", "--mapping", "old/benches.jq")
        self.assert_fails(64, "one word too many", self.old, new, new)
        self.assert_fails(64, "nothing of the hub's", self.old, new, "--samples", self.rows, "--limit", 1)
        self.assert_fails(64, "--time is for --samples", self.old, new, "--time", "2026-11-24T12:00:00Z")
        self.assert_fails(64, "no RFC 3339 time: noon", self.old, new, "--samples", self.rows, "--time", "noon")
        self.assert_fails(64, "no RFC 3339 time: noon", self.old, new, "--since", "noon")
        for limit in ("0", "-1", "many", "99999999999999999999"):
            self.assert_fails(64, f"no number of records: {limit}", self.old, new, "--limit", limit)
        done = subprocess.run([os.path.join(BIN, "casehub-connect"), "run", "benches", "--samples", "x"],
                              capture_output=True, text=True, timeout=DEADLINE)
        self.assertEqual(done.returncode, 64)
        self.assertIn("not an option of this verb: --samples", done.stderr)

    def test_what_cannot_be_read_is_told_with_its_name(self):
        self.assert_fails(66, "nowhere.cfg", self.old, "nowhere.cfg", "--samples", self.rows)
        self.assert_fails(66, "nowhere.csv", self.old, self.old, "--samples", "nowhere.csv")
        broken = self.version("broken", mapping="{ type: ")
        self.assert_fails(78, "broken/benches.jq", self.old, broken, "--samples", self.rows)
        self.assert_fails(78, "broken/benches.jq", broken, self.old, "--samples", self.rows)
        outward = self.version("outward", config=OUTWARD)
        self.assert_fails(78, "nothing comes in", outward, self.old, "--samples", self.rows)
        self.assert_fails(69, "it cannot be read twice", self.old, self.old, "--samples", "/dev/stdin", input=ROWS)
        self.assert_fails(69, "the endpoint", self.old, self.old, "--hub", "nonsense")

    def test_the_same_mapping_says_nothing(self):
        ended, lines, said = self.run_diff(self.old, self.version("new"), "--samples", self.rows)
        self.assertEqual((ended, lines), (0, []), said)
        self.assertEqual(said, "4 records, 0 differ: 0 events only in the old, 0 only in the new, 0 fields; 1 fail in the "
                               "old, 1 in the new\n")

    def test_a_changed_code_table_shows_the_records_that_it_touches_and_no_other(self):
        new = self.version("new", table=NEW_TABLE)
        self.assertEqual(self.differences(self.old, new, "--samples", self.rows),
                         [("rows.csv:3", "only old: not-found rows.csv:3: damage"),
                          ("rows.csv:3", "only new: B-2/case/1"), ("rows.csv:3", "only new: B-2/note/1"),
                          ("rows.csv:4", "B-3/case/1 data.category: safety -> housing.repair")])

    def test_a_changed_mapping_shows_fields_and_events_that_come_and_go(self):
        new = MAPPING.replace("title: .damage", "title: .damage, priority: 2").replace("name: .name", "phone: .name")
        new = new.replace('"note" }', '"remark" }').replace('type: "case.opened"', 'area: "33", type: "case.opened"')
        rows = self.put("one.csv", "".join(ROWS.splitlines(True)[:2]))
        self.assertEqual(sorted(self.of_mappings(new, rows)),
                         [("one.csv:2", "B-1/case/1 area: None -> 33"),
                          ("one.csv:2", "B-1/case/1 data.priority: None -> 2"),
                          ("one.csv:2", "B-1/case/1 private.name: Lin Mei -> None"),
                          ("one.csv:2", "B-1/case/1 private.phone: None -> Lin Mei"),
                          ("one.csv:2", "only new: B-1/remark/1"), ("one.csv:2", "only old: B-1/note/1")])

    def test_another_failure_is_a_difference(self):
        new = MAPPING.replace('"damage") as', '"code") as')
        self.assertEqual(self.of_mappings(new), [("rows.csv:3", "only old: not-found rows.csv:3: damage"),
                                                 ("rows.csv:3", "only new: not-found rows.csv:3: code")])

    def test_a_row_that_comes_again_is_shown_again(self):
        rows = self.put("twice.csv", ROWS + "B-3,screw,Lu Yan,loose\n")
        new = self.version("new", table=NEW_TABLE.replace("graffiti", "paint"))
        self.assertEqual(self.differences(self.old, new, "--samples", rows),
                         [(f"twice.csv:{line}", "B-3/case/1 data.category: safety -> housing.repair") for line in (4, 6)])

    def test_a_file_that_one_version_refuses_fails_there_as_a_whole(self):
        strict = self.version("strict", config=CONFIG + 'csv = { columns = [ "phone" ]; };')
        told = self.differences(strict, self.old, "--samples", self.rows)
        self.assertEqual(told[0], ("rows.csv", "only old: refused rows.csv"))
        self.assertEqual([what for _, what in told].count("only new: B-4/case/1"), 1)
        told = self.differences(self.old, strict, "--samples", self.rows)
        self.assertIn(("rows.csv", "only new: refused rows.csv"), told)
        self.assertIn(("rows.csv:5", "only old: B-4/case/1"), told)

    def test_the_time_of_the_samples_is_the_files_or_the_one_that_is_given(self):
        new = MAPPING.replace('time: "2026-11-23T08:00:00Z",\n    data: { text', "time: $record.time,\n    data: { text")
        rows = self.put("one.csv", "".join(ROWS.splitlines(True)[:2]))
        os.utime(rows, (1000, 1000))
        self.assertEqual(self.of_mappings(new, rows),
                         [("one.csv:2", "B-1/note/1 time: 2026-11-23T08:00:00Z -> 1970-01-01T00:16:40Z")])
        ended, _, said = self.run_diff("--config", self.old, "--mapping", "old/benches.jq", "new.jq", "--samples", rows,
                                       "--time", "2026-11-23T08:00:00Z")
        self.assertEqual(ended, 0, said)


class Recorded(DiffTest):
    @classmethod
    def setUpClass(cls):
        cls.city = City()
        cls.addClassCleanup(cls.city.close)
        cls.folder = pathlib.Path(cls.city.path("diff"))
        cls.folder.mkdir()
        cls.city.grant("blind", "auditor")
        cls.old = cls.take_in("benches", ROWS + CUT, "hub.deadletter.>",
                              lambda event: "(raw cut)" in event["data"]["reason"])

    @classmethod
    def take_in(cls, name, rows, *until):
        """What a connector of this name reads in; its configuration."""
        cls.city.grant(name, "connector", sources=[name], private="all")
        config = CONFIG.replace('"benches"', f'"{name}"').replace('"benches/1"', f'"{name}/1"')
        config = put_version(cls.folder / name, config=config)
        put(config.parent, "drop/monday.csv", rows)
        run = cls.city.program(name, os.path.join(BIN, "casehub-connect"), "run", name, "--config", config,
                               CASEHUB_HUB=cls.city.ready["tcp"], CASEHUB_KEY=cls.city.path(name))
        run.start()
        cls.city.wait_for(*until)
        assert run.stop() == 0, run.log()
        return config

    def of_hub(self, new, *options, key="operator"):
        return (self.old, new, "--hub", self.city.ready["tcp"], "--key", self.city.path(key), *options)

    def test_who_may_not_read_the_records_is_told_why(self):
        new = self.version("new")
        self.assert_fails(66, "none of its 8 events and dead letters shows its record: that takes a grant with private",
                          *self.of_hub(new, key="blind"))
        self.assert_fails(66, "fountains: the log holds no event of this connector",
                          *self.of_hub(new, "--connector", "fountains"))
        self.assert_fails(66, "benches: the log holds no event", *self.of_hub(new, "--since", "2999-01-01T00:00:00Z"))
        self.assert_fails(69, "nowhere.key", *self.of_hub(new, key="nowhere.key"))

    def test_the_mapping_that_made_them_says_nothing(self):
        for key in ("operator", "benches"):
            ended, lines, said = self.run_diff(*self.of_hub(self.version("same"), key=key))
            self.assertEqual((ended, lines), (0, []), said)
            self.assertTrue(said.startswith("4 records, 0 differ"), said)

    def test_a_changed_code_table_shows_the_records_that_it_touches_and_no_other(self):
        told = self.differences(*self.of_hub(self.version("new", table=NEW_TABLE), "--since", "2020-01-01T00:00:00Z"))
        opened, = [event for event in self.city.events() if event["type"] == "case.opened" and event["ref"] == "B-3"]
        self.assertEqual(told, [("monday.csv:3", "only old: not-found monday.csv:3: damage"),
                                ("monday.csv:3", "only new: B-2/case/1"), ("monday.csv:3", "only new: B-2/note/1"),
                                (f"sequence {opened['sequence']}",
                                 "B-3/case/1 data.category: safety -> housing.repair")])

    def test_what_was_erased_is_looked_at_by_nobody(self):
        rows = ROWS.replace("B-", "P-").replace("graffiti", "screw")
        config = self.take_in("paths", rows, "case.noted.>", lambda event: event["ref"] == "P-4")
        self.city.casehub("case", "erase", "P-3", "--reason", "asked for")
        new = put_version(self.folder / "erased", table=NEW_TABLE, config=config.read_text())
        ended, lines, said = self.run_diff(config, new, *self.of_hub(new)[2:])
        self.assertEqual([line["id"] for line in lines], ["P-2/case/1"], said)
        self.assertTrue(said.startswith("3 records, 1 differ"), said)

    def test_a_limit_ends_it_after_so_many_records(self):
        new = self.version("limited", table=NEW_TABLE)
        told = self.differences(*self.of_hub(new, "--limit", 2))
        self.assertEqual({where for where, _ in told}, {"monday.csv:3"})
        self.assertTrue(self.run_diff(*self.of_hub(new, "--limit", 1))[2].startswith("1 records, 0 differ"))


if __name__ == "__main__":
    unittest.main()
