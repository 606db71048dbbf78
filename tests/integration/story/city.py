"""A small city for a test: a hub, connectors and departments as real processes in one folder.

What a test waits for it waits for at the hub (`event tail` blocks), or it asks again until a deadline.
"""
import json
import os
import pathlib
import re
import select
import shutil
import subprocess
import sys
import time
import unittest
import urllib.error
import urllib.parse
import urllib.request

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from hub import BIN, SOURCE, Hub

DEADLINE = 60  # seconds; only what is broken needs them


class Process:
    """A program beside the hub, that a test kills and starts again."""

    def __init__(self, name, command, log_file, env):
        self.name, self.command, self.log_file, self.env, self.running = name, command, log_file, env, None

    def start(self):
        with open(self.log_file, "ab") as log:
            self.running = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=self.env)
        return self

    def stop(self):
        """Its exit code."""
        self.running.terminate()
        code = self.running.wait(DEADLINE)
        self.running = None
        return code

    def kill(self):
        if self.running is not None:
            self.running.kill()
            self.running.wait()
            self.running = None

    def log(self):
        return pathlib.Path(self.log_file).read_text(errors="replace") if os.path.exists(self.log_file) else ""


class City(Hub):
    def __init__(self, own_city=False):
        super().__init__(own_city, subscription__ack_timeout="30s", subscription__backoff_first="1s", heartbeat="5s")
        self.processes = []
        self.start()
        self.settings["tcp"] = self.ready["tcp"]  # from now on, so that all find it again
        self.write_config()

    def program(self, name, *command, **env):
        made = Process(name, [str(word) for word in command], self.path(f"{name}.log"), {**os.environ, **env})
        self.processes.append(made)
        return made

    def connector(self, name):
        """The project's own, with the key of its name."""
        folder = pathlib.Path(self.path(name + "-connector"))
        shutil.copytree(os.path.join(SOURCE, "connectors", name), folder)
        config = folder / f"{name}.cfg"
        with open(config, "a", encoding="utf-8") as file:
            file.write("memory_most = 0;\n")  # sanitizers want all the address space
        return self.program(name, os.path.join(BIN, "casehub-connect"), "run", name, "--config", config,
                            CASEHUB_HUB=self.ready["tcp"], CASEHUB_KEY=self.path(name))

    def department(self, party, pace):
        """The demo city's, with the key PARTY.key; a step takes it about so many seconds."""
        return self.program(party, "/usr/bin/python3", "-uB", os.path.join(SOURCE, "deploy/demo/departments.py"),
                            self.ready["tcp"], self.folder, "--party", party, "--pace", pace, "--rejects", 0)

    def close(self):
        for process in self.processes:
            process.kill()
        super().close()

    # ---- what the hub says

    def text(self, *words):
        """What an operator reads."""
        command = [os.path.join(BIN, "casehub"), "--hub", self.ready["tcp"], "--key", self.path("operator"), *words]
        return subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE, check=True).stdout

    def wait_for(self, pattern, fits=lambda event: True, count=1):
        """Blocks until the log holds so many events that fit; the last of them."""
        tail = subprocess.Popen([os.path.join(BIN, "casehub"), "--json", "--hub", self.ready["tcp"], "--key",
                                 self.path("operator"), "event", "tail", pattern, "--from", "all"],
                                stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        left, deadline = b"", time.monotonic() + DEADLINE
        try:
            while True:
                ready, _, _ = select.select([tail.stdout], [], [], max(0.0, deadline - time.monotonic()))
                read = os.read(tail.stdout.fileno(), 65536) if ready else b""
                if not read:
                    raise AssertionError(f"not within {DEADLINE} s: {count} more {pattern}")
                *lines, left = (left + read).split(b"\n")
                for event in map(json.loads, lines):
                    count -= bool(fits(event))
                    if count == 0:
                        return event
        finally:
            tail.kill()
            tail.wait()
            tail.stdout.close()

    def events(self):
        """The whole log."""
        count = self.casehub("status")[0]["sequence"]
        return self.casehub("event", "tail", ">", "--from", "all", "--count", str(count))

    def rebuild(self):
        """Beside the stopped hub's state: what the log alone makes."""
        command = [os.path.join(BIN, "casehub-replay"), "--store", self.path(self.settings["data_dir"]), "--json", "rebuild"]
        return json.loads(subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE, check=False).stdout)


class Party:
    """Its program acknowledges what it is offered; its people answer at a desk."""

    def __init__(self, city, name):
        self.city, self.name, self.key = city, name, f"{name}.key"
        city.grant(name, "department", sources=[name], parties=[name], key=self.key)
        self.told, self.taken = 0, set()
        self.connect()

    def connect(self):
        """Also after the hub was killed."""
        self.client = self.city.client(self.key)
        self.offers = self.client.subscribe(f"handoff.offered.*.{self.name}.>", name=f"{self.name}-offers", start={"all": True})

    def takes(self):
        """The next offer, once the hub knows that it is here."""
        while True:
            offer = self.offers.event()
            self.offers.ack(offer["sequence"])
            handoff = offer["data"]["handoff"]
            if handoff not in self.taken:  # what was acknowledged shortly before a kill may come again
                break
        self.taken.add(handoff)
        self.city.wait_for(f"handoff.delivered.*.{self.name}.>", lambda event: event["data"]["handoff"] == handoff)
        return offer

    def has_no_offer(self):
        return not self.offers.rest()

    def handoff(self, verb, handoff, *options):
        self.city.casehub("handoff", verb, handoff, *options, key=self.key)

    def case(self, verb, case, *options):
        self.city.casehub("case", verb, case, *options, key=self.key)

    def offers_to(self, case, parties, *options):
        """The handoffs that this makes."""
        names = [word for party in parties for word in ("--to", party)]
        self.city.casehub("handoff", "offer", case, *names, *options, key=self.key)

    def begins(self):
        """Takes what it is offered, and starts: the handoff."""
        handoff = self.takes()["data"]["handoff"]
        self.handoff("accept", handoff)
        self.handoff("start", handoff)
        return handoff

    def fails(self, *words):
        """Exit code and what is said."""
        done = self.city.casehub(*words, key=self.key, check=False)
        return done.returncode, done.stderr

    def reaches(self, case, code, text=None, value=None):
        """A milestone."""
        self.told += 1
        data = {"code": code, **({"text": text} if text else {}), **({"value": value} if value else {})}
        self.client.publish_one("case.milestone", self.name, f"{self.name}-{self.told}", data, subject=case, party=self.name)


class CityTest(unittest.TestCase):
    """Tests that each have a city of their own, where every party is a program and a desk with a key of its own. One that
    fails shows what the hub said."""

    own_city = False

    def setUp(self):
        self.city = City(self.own_city)
        self.addCleanup(self.city.close)
        self.systems = {}

    def run(self, result=None):
        self.addCleanup(lambda: self.show_log(result))
        return super().run(result)

    def show_log(self, result):
        if result.failures or result.errors or sys.exc_info()[0]:
            print(f"---- hub\n{self.city.log()[-2000:]}", file=sys.stderr)

    def parties(self, *names):
        return [Party(self.city, name) for name in names]

    def restart(self, *parties):
        """The hub is killed: what it knows it knows from disk."""
        self.city.kill()
        self.city.start()
        self.systems = {}
        for party in parties:
            party.connect()

    # ---- what the systems report

    def system(self, name):
        """Its connector."""
        if name not in self.systems:
            key = f"{name}.key"
            if not os.path.exists(self.city.path(key)):
                self.city.grant(name, "connector", sources=[name], key=key)
            self.systems[name] = self.city.client(key)
        return self.systems[name]

    def open(self, system, ref="1", area="330703", **data):
        """A case that the system reports; its number."""
        return self.system(system).publish_one("case.opened", f"{system}/1", f"{ref}-opened", data, ref=ref, area=area)["case"]

    # ---- what the hub says

    def shown(self, case):
        row, = self.city.casehub("case", "show", case)
        return row

    def states(self, case):
        """Party -> state of its latest handoff."""
        return {handoff["party"]: handoff["state"] for handoff in self.shown(case)["handoffs"]}

    def timeline(self, case):
        return self.city.casehub("case", "timeline", case)

    def types(self, case):
        return [event["type"] for event in self.timeline(case)]

    def milestones(self, case):
        """Who reached which, in order."""
        return [(event["actor"], event["data"]["code"]) for event in self.timeline(case) if event["type"] == "case.milestone"]

    def folds_to_the_same(self):
        self.assertEqual(self.city.stop(), 0)
        rebuilt = self.city.rebuild()
        self.assertEqual((rebuilt["ok"], rebuilt["equal"], rebuilt["findings"]), (True, True, []))


def http(url, form=None):
    """(status, the decoded answer, or what was said instead)"""
    body = urllib.parse.urlencode(form).encode() if form else None
    try:
        with urllib.request.urlopen(urllib.request.Request(url, data=body), timeout=DEADLINE) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, re.sub(r"\s+", " ", error.read().decode(errors="replace"))
