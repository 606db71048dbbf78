"""The two example departments, in C with libcasehub and in Python from CHP1.md alone, do their work; also when the hub is
killed in between."""
import os
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from chp import event
from hub import BIN, SOURCE, OwnHubTest, wait_until

EXAMPLES = {
    "power-supply": ("power.trip", [os.path.join(BIN, "example_department")]),
    "urban-mgmt": ("lamp.out", ["/usr/bin/python3", "-B", os.path.join(SOURCE, "hub/client/examples/department.py")]),
}
DONE = ["case.opened", "handoff.offered", "handoff.accepted", "handoff.started", "handoff.completed", "case.resolved"]


class Departments(OwnHubTest):
    def setUp(self):
        # A hub or a client that is gone is noticed soon, and what it had goes out again soon.
        self.hub = self.new_hub(heartbeat="500ms", subscription__ack_timeout="2s", subscription__backoff_first="100ms")
        self.hub.start()
        self.programs = []

    def tearDown(self):
        for program in self.programs:
            program.terminate()
            program.wait(30)

    def begin(self, party):
        self.hub.grant(party, "department", sources=[party], parties=[party])
        command = EXAMPLES[party][1] + [party, self.hub.ready["tcp"], self.hub.path(party)]
        self.programs.append(subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL))

    def open_case(self, party, ref):
        answer, = self.hub.client().publish(event("case.opened", "grid", ref, {"category": EXAMPLES[party][0]}))
        return answer["case"]

    def steps(self, case):
        return [row["type"] for row in self.hub.casehub("case", "timeline", case)]

    def assert_done(self, case):
        wait_until(lambda: "case.resolved" in self.steps(case), f"{case} is resolved", 60)
        self.assertEqual([step for step in self.steps(case) if step in DONE], DONE)

    def test_each_accepts_starts_and_completes_what_it_is_offered(self):
        for party in EXAMPLES:
            with self.subTest(party):
                self.begin(party)
                self.assert_done(self.open_case(party, f"{party}-1"))

    def test_each_goes_on_with_a_hub_that_was_killed(self):
        for party in EXAMPLES:
            self.begin(party)
        cases = [self.open_case(party, f"{party}-1") for party in EXAMPLES]
        self.hub.settings["tcp"] = self.hub.ready["tcp"]  # where the departments look for it
        self.hub.write_config()
        self.hub.kill()
        self.hub.start()
        cases += [self.open_case(party, f"{party}-2") for party in EXAMPLES]
        for case in cases:
            self.assert_done(case)


if __name__ == "__main__":
    unittest.main()
