"""deploy/up and deploy/down as an operator calls them, with the programs that are built already."""
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from hub import BIN, SOURCE, wait_until

PATIENCE = 120
EX_USAGE, EX_NOINPUT, EX_TEMPFAIL = 64, 66, 75
MEMBERS = {"hub", "connector-grid", "connector-hotline", "connector-emergency", "connector-service_centre",
           "connector-mediation"}


def free_ports():
    """A port that is free, and so is the next one."""
    while True:
        with socket.socket() as first, socket.socket() as second:
            first.bind(("127.0.0.1", 0))
            port = first.getsockname()[1]
            try:
                second.bind(("127.0.0.1", port + 1))
            except OSError:
                continue
            return port


class Up(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="casehub up ")
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        cls.data = os.path.join(cls.folder, "a city & more")
        cls.addClassCleanup(cls.run_script, "down", "--data", cls.data)
        done = cls.up("--port", str(free_ports()))
        if done.returncode != 0:
            raise AssertionError(done.stdout + done.stderr)

    @staticmethod
    def run_script(name, *arguments):
        # Into a file: what up starts outlives it, and would keep a pipe open.
        with tempfile.TemporaryFile("w+") as out:
            done = subprocess.run([os.path.join(SOURCE, "deploy", name), *arguments], stdin=subprocess.DEVNULL, stdout=out,
                                  stderr=subprocess.STDOUT, text=True, timeout=PATIENCE, check=False)
            out.seek(0)
            done.stdout, done.stderr = out.read(), ""
        return done

    @classmethod
    def up(cls, *arguments):
        return cls.run_script("up", "--data", cls.data, "--bin", BIN, "--no-install", "--no-demo", "--background", *arguments)

    def up_again(self):
        done = self.up()
        self.assertEqual(done.returncode, 0, done.stdout)
        return done.stdout

    def pids(self):
        folder = os.path.join(self.data, "pids")
        found = {}
        for name in os.listdir(folder):
            if not name.startswith("."):
                with open(os.path.join(folder, name), encoding="ascii") as file:
                    found[name] = int(file.read().split()[0])
        return found

    def kill(self, name):
        pid = self.pids()[name]
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda: not self.runs(pid), f"{name} is dead")

    @staticmethod
    def runs(pid):
        try:
            with open(f"/proc/{pid}/stat", encoding="ascii") as file:
                return file.read().rsplit(")", 1)[1].split()[0] != "Z"
        except FileNotFoundError:
            return False

    def casehub(self, *arguments):
        """As the line `. DIR/env` makes it work in a shell."""
        done = subprocess.run(["bash", "-c", '. "$0" && exec casehub --json "$@"', os.path.join(self.data, "env"), *arguments],
                              capture_output=True, text=True, timeout=PATIENCE, check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return [json.loads(line) for line in done.stdout.splitlines()]

    def test_a_folder_of_any_name_gets_into_the_configuration_as_it_is(self):
        with open(os.path.join(self.data, "connectors/mediation/mediation.cfg"), encoding="utf-8") as file:
            self.assertIn(f"Database={self.data}/legacy/mediation.db;", file.read())

    def test_a_wrong_command_line_is_told(self):
        for arguments in (("--port", "no"), ("--port",), ("--bin",), ("--nonsense",)):
            self.assertEqual(self.run_script("up", *arguments).returncode, EX_USAGE, arguments)
        self.assertEqual(self.run_script("down", "--data").returncode, EX_USAGE)
        self.assertEqual(self.run_script("down", "--data", self.folder).returncode, EX_NOINPUT)

    def test_another_port_waits_for_a_stop(self):
        before = self.pids()
        done = self.up("--port", str(free_ports()))
        self.assertEqual(done.returncode, EX_TEMPFAIL, done.stdout)
        self.assertIn("deploy/down --data", done.stdout)
        self.assertEqual(self.pids(), before)

    def test_what_runs_stays(self):
        before = self.pids()
        self.assertEqual(set(before), MEMBERS)
        self.assertEqual(self.up_again().count("runs already"), len(MEMBERS))
        self.assertEqual(self.pids(), before)

    def test_what_died_is_started_again_and_nothing_else(self):
        for name in sorted(MEMBERS):
            with self.subTest(name):
                before = self.pids()
                self.kill(name)
                self.assertEqual(self.up_again().count("started, pid"), 1)
                after = self.pids()
                self.assertEqual({other for other in MEMBERS if after[other] != before[other]}, {name})
                self.assertTrue(all(map(self.runs, after.values())))
        self.assertEqual({row["connector"]: row["state"] for row in self.casehub("connector", "list")},
                         {name.removeprefix("connector-"): "running" for name in MEMBERS - {"hub"}})

    def test_down_ends_all_and_up_goes_on_from_there(self):
        before, = self.casehub("status")
        pids = self.pids()
        done = self.run_script("down", "--data", self.data)
        self.assertEqual(done.returncode, 0, done.stdout)
        self.assertFalse(any(map(self.runs, pids.values())))
        self.assertEqual(self.pids(), {})
        self.up_again()
        after, = self.casehub("status")
        self.assertGreaterEqual(after["sequence"], before["sequence"])


if __name__ == "__main__":
    unittest.main()
