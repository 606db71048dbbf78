#!/usr/bin/env python3
"""What `casehub schema export` writes, against tools that know nothing of casehub and a hub that knows nothing of them:
JSON Schema must judge events as the hub does, and AsyncAPI must hold what the hub delivers. Skipped where there is no npm."""
import base64
import copy
import json
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, ".."))
import hub

EVENTS = os.path.join(hub.SOURCE, "schemas/events.cfg")
# Of the build: the tools are installed once for it.
TOOLS = os.environ.get("CASEHUB_TOOLS", os.path.join(hub.SOURCE, ".build/dev/tools/schema"))
SKIPPED = 77  # for ctest


def install_tools():
    """What package-lock.json pins, without running anything of it."""
    os.makedirs(TOOLS, exist_ok=True)
    with open(os.path.join(HERE, "package-lock.json"), encoding="utf-8") as file:
        wanted = file.read()
    stamp = os.path.join(TOOLS, "installed")
    for name in ("package.json", "package-lock.json", "judge.mjs"):
        shutil.copy(os.path.join(HERE, name), TOOLS)
    if os.path.exists(stamp):
        with open(stamp, encoding="utf-8") as file:
            if file.read() == wanted:
                return
    subprocess.run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"], cwd=TOOLS, check=True, timeout=280)
    with open(stamp, "w", encoding="utf-8") as file:
        file.write(wanted)


def judge(*arguments, lines=()):
    text = "".join(json.dumps(line) + "\n" for line in lines)
    done = subprocess.run(["node", os.path.join(TOOLS, "judge.mjs"), *arguments], input=text, capture_output=True,
                          text=True, timeout=120, check=False)
    if done.returncode != 0:
        raise AssertionError(done.stderr)
    return [json.loads(line) for line in done.stdout.splitlines()]


OPENED = {"specversion": "1.0", "source": "hotline/1", "type": "case.opened", "time": "2026-11-23T10:27:00+08:00",
          "ref": "1", "data": {"kind": "request"}}
# Each is one thing wrong with an event that opens a case.
WRONG = [
    {"specversion": "1.1"}, {"specversion": None}, {"id": ""}, {"id": 7}, {"id": "x" * 201}, {"id": "a\nb"},
    {"source": None}, {"type": "case.opend"}, {"time": None}, {"time": "2026-11-23"}, {"time": "10:27"}, {"time": 1.5},
    {"time": 253402300800000}, {"subject": "ZJ-20261123-1"}, {"ref": ""}, {"area": "3"}, {"area": "33x"},
    {"area": "3" * 16}, {"party": "Water"}, {"party": "x" * 64}, {"expectedversion": -1}, {"expectedversion": 4294967296},
    {"testmode": "yes"}, {"private": "name"}, {"raw": "bytes"}, {"raw": {"$base64": "?"}}, {"data": []}, {"colour": "red"},
    {"sequence": 7}, {"casestate": "received"}, {"digests": {}},
    {"data": {"kind": "requests"}}, {"data": {"kind": 1}}, {"data": {"category": "Power"}}, {"data": {"category": ""}},
    {"data": {"category": "x" * 64}}, {"data": {"priority": 6}}, {"data": {"priority": 0}}, {"data": {"priority": "3"}},
    {"data": {"priority": 2.5}}, {"data": {"lon": 181}}, {"data": {"lat": "north"}}, {"data": {"due": "soon"}},
    {"data": {"due": -62135596800001}}, {"data": {"attachments": "one"}}, {"data": {"attachments": [1] * 65}},
    {"data": {"title": 1}}, {"data": {"title": "x" * 1001}}, {"private": {"phone": 110}}, {"private": {"name": "x" * 401}},
]
RIGHT = [
    {}, {"data": None}, {"private": None, "raw": None, "area": None, "testmode": None}, {"time": 1795400820000},
    {"time": "2026-11-23T02:27:00.123456Z"}, {"area": "330902"}, {"expectedversion": None}, {"testmode": True},
    {"raw": {"$base64": base64.b64encode(b"\0\1\2").decode()}}, {"source": "hotline/热线", "ref": "工单 1"},
    {"data": {"kind": "matter", "title": "路灯", "text": "x", "category": "light.out", "priority": 1, "channel": "phone",
              "channel_local": "电话", "lon": 122.1, "lat": 30, "due": "2026-11-24T00:00:00Z", "attachments": ["a", {"b": 1}]}},
    {"data": {"due": 1795400820000, "colour": {"deep": [1, None]}, "priority": None}},
    {"private": {"name": "王", "phone": "1", "passport": 7}},
]


def event(number, changes):
    made = {**copy.deepcopy(OPENED), "id": f"e{number}", "ref": f"r{number}", **changes}
    return {name: value for name, value in made.items() if value is not None or name in changes}


class ExportTest(hub.HubTest):
    @classmethod
    def prepare(cls):
        cls.folder = cls.hub.path("exported")
        told, = cls.hub.casehub("schema", "export", "--schema", EVENTS, "--output", cls.folder)
        assert told["files"] == len(os.listdir(cls.folder)), told

    def publish(self, events):
        """The hub's answer to each."""
        with tempfile.NamedTemporaryFile("w", dir=self.hub.folder, suffix=".jsonl", encoding="utf-8") as file:
            file.writelines(json.dumps(one) + "\n" for one in events)
            file.flush()
            done = self.hub.casehub("event", "publish", file.name, check=False)
        answers = [json.loads(line) for line in done.stdout.splitlines()]
        self.assertEqual(len(answers), len(events), done.stderr)
        return answers

    def verdicts(self, events, form=""):
        return judge("events", self.folder, lines=[
            {"schema": f"{one['type'] if one['type'] != 'case.opend' else 'case.opened'}{form}.schema.json", "event": one}
            for one in events])

    def test_what_the_hub_refuses_for_its_form_is_not_valid(self):
        events = [event(number, changes) for number, changes in enumerate(WRONG)]
        for one, answer, verdict in zip(events, self.publish(events), self.verdicts(events)):
            self.assertIn(answer.get("error"), ("invalid", "too-large"), (one, answer))
            self.assertFalse(verdict["valid"], one)

    def test_what_a_type_requires_is_required(self):
        opened, = self.publish([event(1000, {})])
        events = [{"specversion": "1.0", "id": f"m{number}", "source": "hotline/1", "type": "case.milestone",
                   "time": OPENED["time"], "subject": opened["case"], **more}
                  for number, more in enumerate([{}, {"data": None}, {"data": {}}, {"data": {"code": None}},
                                                 {"data": {"code": "unit.on_scene"}}])]
        good = [verdict["valid"] for verdict in self.verdicts(events)]
        self.assertEqual(good, ["error" not in answer for answer in self.publish(events)])
        self.assertEqual(good, [False] * 4 + [True])

    def test_what_the_hub_accepts_is_valid_and_so_is_what_it_makes_of_it(self):
        events = [event(2000 + number, changes) for number, changes in enumerate(RIGHT)]
        for one, answer, verdict in zip(events, self.publish(events), self.verdicts(events)):
            self.assertNotIn("error", answer, one)
            self.assertTrue(verdict["valid"], (one, verdict))
        sequence = self.hub.casehub("status")[0]["sequence"]
        recorded = self.hub.casehub("event", "tail", ">", "--from", "all", "--test", "include", "--count", str(sequence))
        for one, verdict in zip(recorded, self.verdicts(recorded, ".recorded")):
            self.assertTrue(verdict["valid"], (one, verdict))
        lacking = [{name: value for name, value in recorded[-1].items() if name != "sequence"}]
        self.assertFalse(self.verdicts(lacking, ".recorded")[0]["valid"])

    def test_asyncapi_has_a_topic_a_type_and_the_operations_that_the_hub_allows(self):
        answers = judge("asyncapi", os.path.join(self.folder, "asyncapi.json"))
        wrong = [answer for answer in answers if "error" in answer]
        self.assertEqual(wrong, [])
        types = {row["type"]: row["producible"] for row in self.hub.casehub("schema", "list", "--schema", EVENTS)}
        channels, operations = answers[0]["channels"], {name: action for name, action in answers[1]["operations"]}
        self.assertEqual(set(channels), {name + ".{system}.{party}.{area}" for name in types})
        self.assertEqual(operations, {**{f"publish.{name}": "send" for name, producible in types.items() if producible},
                                      **{f"subscribe.{name}": "receive" for name in types}})

    def test_without_a_folder_the_document_goes_to_standard_output(self):
        with open(os.path.join(self.folder, "asyncapi.json"), encoding="utf-8") as file:
            written = json.load(file)
        printed, = self.hub.casehub("schema", "export", "--schema", EVENTS)
        self.assertEqual(printed, written)

    def test_a_folder_that_cannot_be_made_is_told(self):
        done = self.hub.casehub("schema", "export", "--schema", EVENTS, "--output", "/nowhere/at/all", check=False)
        self.assertEqual(done.returncode, 66)
        done = self.hub.casehub("schema", "export", "--schema", EVENTS, "--output", self.hub.config, check=False)
        self.assertEqual(done.returncode, 74)


if __name__ == "__main__":
    if shutil.which("npm") is None:
        print("skipped: npm is not there, so nothing independent can judge the export (Debian: nodejs, npm)")
        sys.exit(SKIPPED)
    install_tools()
    unittest.main()
