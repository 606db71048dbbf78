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
    def __init__(self):
        super().__init__(subscription__ack_timeout="30s", subscription__backoff_first="1s", heartbeat="5s")
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


def http(url, form=None):
    """(status, the decoded answer, or what was said instead)"""
    body = urllib.parse.urlencode(form).encode() if form else None
    try:
        with urllib.request.urlopen(urllib.request.Request(url, data=body), timeout=DEADLINE) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, re.sub(r"\s+", " ", error.read().decode(errors="replace"))
