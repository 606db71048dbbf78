"""The integrator's guide in connectors/README.md, followed to the letter: its files, its commands, and what they say.

Of a block of commands each line that begins with `$ ` is run, and what stands below it is what it says: `...` stands for
anything. `casehub-connect run` runs on, until `^C`.
"""
import doctest
import os
import pathlib
import re
import signal
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "story"))
from city import BIN, DEADLINE, SOURCE, City
from hub import wait_until

GUIDE = pathlib.Path(SOURCE, "connectors/README.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"^```(\w+) ?(\S*)\n(.*?)^```$", re.M | re.S)
LOOKS = re.compile(r"casehub \w+ (list|show|timeline)\b")
SANITIZER_ROOM = "memory_most = 0;\n"  # sanitizers want all the address space


def section(heading):
    """(language, file name, text) of each of its blocks."""
    _, _, rest = GUIDE.partition(f"\n## {heading}\n")
    blocks = BLOCK.findall(rest.split("\n## ")[0])
    assert blocks, f"the guide has no blocks under {heading!r}"
    return blocks


def commands(text):
    """[(command, what it says)]"""
    parts = re.split(r"^(\$ .*|\^C)\n", text, flags=re.M)
    assert parts[0] == "", f"what says this? {parts[0]}"
    return list(zip(parts[1::2], parts[2::2]))


def fits(wanted, said):
    return doctest.OutputChecker().check_output(wanted, said, doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)


class Guide(unittest.TestCase):
    def setUp(self):
        self.city = City()
        self.addCleanup(self.city.close)
        self.folder = pathlib.Path(self.city.path("guide"))
        self.folder.mkdir()
        self.env = {"CASEHUB_HUB": self.city.ready["tcp"], "CASEHUB_KEY": self.city.path("operator"),
                    "PATH": f"{BIN}:{os.environ['PATH']}", "TZ": "Asia/Shanghai"}
        self.connector = None

    def follow(self, heading):
        for language, name, text in section(heading):
            if language == "console":
                for command, wanted in commands(text):
                    self.do(command.removeprefix("$ "), wanted)
            else:
                more = SANITIZER_ROOM if name.endswith(".cfg") else ""
                (self.folder / name).write_text(text + more, encoding="utf-8")

    def do(self, command, wanted):
        if command == "^C":
            self.connector.running.send_signal(signal.SIGINT)
            self.assertEqual(self.connector.running.wait(DEADLINE), 0, self.connector.log())
        elif command.startswith("casehub-connect run"):
            name = command.split()[2]
            self.connector = self.city.program(name, "/bin/sh", "-c", f"cd {self.folder} && exec {command}", **self.env)
            self.connector.start()
        elif LOOKS.match(command):
            self.see(command, wanted)
        else:
            code, said = self.say(command)
            self.assertTrue(fits(wanted, said), f"$ {command}\n{said}\n-- the guide says\n{wanted}")
            self.assertEqual(code, 65 if '{"error"' in wanted else 0, f"$ {command}\n{said}")

    def see(self, command, wanted):
        """Who only looks may look again."""
        said = []

        def looks_right():
            said[:] = self.say(command)
            return said[0] == 0 and fits(wanted, said[1])

        try:
            wait_until(looks_right, command, DEADLINE)
        except AssertionError:
            self.fail(f"$ {command}\n{said[1]}\n-- the guide says\n{wanted}\n-- the connector\n{self.connector.log()}")

    def say(self, command):
        """(exit code, what it says) in the order of a terminal."""
        done = subprocess.run(["/bin/sh", "-c", command], cwd=self.folder, env={**os.environ, **self.env},
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=DEADLINE)
        return done.returncode, done.stdout + done.stderr

    def case(self, ref):
        shown, = self.city.casehub("case", "show", ref)
        return shown

    def test_a_ninth_system_is_wired_in_with_a_configuration_a_mapping_and_a_table(self):
        self.follow("A ninth system in a quarter of an hour")
        case = self.case("B-101")
        self.assertEqual((case["state"], case["category"], case["priority"], case["area"]),
                         ("resolved", "safety.hazard", 2, "330203"))
        types = [event["type"] for event in self.city.casehub("case", "timeline", "B-101")]
        self.assertEqual((types.count("case.opened"), types.count("case.resolved")), (1, 1))
        self.assertEqual(self.case("B-102")["category"], "refuse.uncollected")
        self.assertEqual(self.case("B-103")["category"], "safety.hazard")
        self.assertEqual(self.city.casehub("deadletter", "list"), [])

    def test_a_tenth_system_is_a_program_that_writes_lines(self):
        self.follow("A tenth system, with a program of one's own")
        self.assertEqual({self.case(ref)["category"] for ref in ("2026-11-23T08:15-F7", "2026-11-23T09:05-F2")},
                         {"water.leak"})
        letter, = self.city.casehub("deadletter", "list")
        self.assertEqual((letter["connector"], letter["place"]), ("fountains", "fountains:1: fault"))


if __name__ == "__main__":
    unittest.main()
