#!/usr/bin/env python3
"""`casehub schema` without a hub: what it says of the event types, and of a file that may not follow another."""
import json
import os
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import hub

EVENTS = os.path.join(hub.SOURCE, "schemas/events.cfg")


def schema(*arguments, environment=None):
    """code, standard output, standard error"""
    done = subprocess.run([os.path.join(hub.BIN, "casehub"), "schema", *arguments], capture_output=True, text=True,
                          timeout=60, check=False, env={**os.environ, **(environment or {})})
    return done.returncode, done.stdout, done.stderr


def rows(*arguments):
    code, out, err = schema(*arguments, "--json")
    assert code == 0, err
    return [json.loads(line) for line in out.splitlines()]


class SchemaTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="casehub-schema-")
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def changed(self, before, after):
        """The real file with one change; its path, and the line of the change."""
        with open(EVENTS, encoding="utf-8") as file:
            text = file.read()
        self.assertIn(before, text)
        line = text[:text.index(before)].count("\n") + 1
        path = os.path.join(self.folder, "next.cfg")
        with open(path, "w", encoding="utf-8") as file:
            file.write(text.replace(before, after, 1))
        return path, line

    def test_a_change_that_breaks_somebody_is_refused_with_file_line_and_field(self):
        score = '{ name = "score";     kind = "int";  class = "public"; least = 1; most = 5; }'
        changes = [
            (score, score.replace("most = 5", "most = 4"), "data.score: narrower: most is now 4"),
            (score, score.replace('"int"', '"number"'), "data.score: its kind was int, now it is number"),
            (score, score.replace('"public"', '"text"'), "data.score: its class was public, now it is text"),
            (score, score.replace("least", "required = true; least"), "data.score: it is required now"),
            ('"citizen", "external"', '"citizen"', "data.reason: the code external is no longer allowed"),
            ('{ name = "email";  ', '{ name = "e_mail";  ', "private.email: removed"),
        ]
        for before, after, said in changes:
            path, line = self.changed(before, after)
            code, out, err = schema("check", EVENTS, path)
            self.assertEqual(code, 65, said)
            self.assertIn(said, out)
            self.assertIn(f"{EVENTS}:", out)
            self.assertIn("that a major version may not make", err)
            if "removed" not in said and "reason" not in said:
                self.assertIn(f"{path}:{line}: case.feedback {said}", out)

    def test_a_type_that_is_gone_is_told_in_json_with_its_old_line(self):
        path, line = self.changed('{ name = "case.verified";   like = "case.accepted"; },', "")
        code, out, err = schema("check", EVENTS, path, "--json")
        self.assertEqual(code, 65)
        self.assertEqual(json.loads(out), {"type": "case.verified", "old_file": EVENTS, "old_line": line, "file": path,
                                           "text": "removed"})
        self.assertEqual(json.loads(err)["error"], "invalid")

    def test_a_file_that_cannot_be_read_is_no_verdict(self):
        path, line = self.changed('kind = "bool"', 'kind = "boolean"')
        code, out, err = schema("check", EVENTS, path)
        self.assertEqual((code, out), (65, ""))
        self.assertIn(f"{path}:", err)
        self.assertEqual(schema("check", EVENTS, "/nowhere/events.cfg")[0], 66)
        self.assertEqual(schema("check", EVENTS)[0], 64)
        self.assertEqual(schema("list", environment={"CASEHUB_SCHEMAS": "/nowhere"})[0], 66)

    def test_what_only_adds_may_follow(self):
        additions = [
            ("types = (", 'types = (\n{ name = "case.weighed"; },'),
            ('{ name = "satisfied";', '{ name = "again"; kind = "bool"; class = "public"; },\n    { name = "satisfied";'),
            ("least = 1; most = 5; },\n    { name = \"channel\"", "least = 0; most = 9; },\n    { name = \"channel\""),
            ('"citizen", "external"', '"citizen", "weather", "external"'),
        ]
        for before, after in additions:
            path, _ = self.changed(before, after)
            code, out, err = schema("check", EVENTS, path)
            self.assertEqual((code, out), (0, ""), err)
            self.assertIn("may follow", err)

    def test_an_unknown_type_gets_a_suggestion(self):
        code, _, err = schema("show", "case.opend", "--schema", EVENTS)
        self.assertEqual(code, 66)
        self.assertIn("did you mean `case.opened`?", err)

    def test_every_type_is_listed_and_its_fields_are_shown(self):
        listed = {row["type"]: row for row in rows("list", "--schema", EVENTS)}
        self.assertEqual(listed["case.feedback"], {"type": "case.feedback", "producible": True, "fields": 3, "private": 0})
        self.assertFalse(listed["clock.met"]["producible"])
        shown = {row["field"]: row for row in rows("show", "case.opened", "--schema", EVENTS)}
        self.assertEqual(shown["data.priority"], {"field": "data.priority", "kind": "int", "class": "public",
                                                  "required": False, "least": 1, "most": 5})
        self.assertIn("dispute", shown["data.kind"]["values"])
        self.assertEqual(shown["private.phone"]["class"], "personal")
        for name, row in listed.items():
            self.assertEqual(len(rows("show", name, "--schema", EVENTS)), row["fields"] + row["private"])

    def test_the_file_is_found_where_the_environment_says(self):
        code, out, _ = schema("list", environment={"CASEHUB_SCHEMAS": os.path.join(hub.SOURCE, "schemas")})
        self.assertEqual(code, 0)
        self.assertIn("case.opened", out)


if __name__ == "__main__":
    unittest.main()
