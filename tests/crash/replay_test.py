"""kill -9 in the midst of casehub-replay: an export, an import, a rebuild that replaces the state."""
import json
import os
import shutil
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from crash import BIN, EX_DATAERR, EX_NOINPUT, LONG, PATIENCE
from moments_test import MomentsTest

CASES = 520  # two events each: more than one batch of an import
LAST, SPREAD = (400, 100) if LONG else (30, 4)


class Replay(MomentsTest):
    def setUp(self):
        super().setUp()
        self.hub = self.new_hub()
        self.hub.start()
        self.fill(self.hub, CASES)
        self.assertEqual(self.hub.stop(), 0)
        self.whole = self.said("verify", self.hub.store)
        self.archive = self.hub.path("archive")
        self.said("export", self.hub.store, "--output", self.archive, "--sealed")
        self.into = self.hub.path("into")

    def said(self, verb, store, *arguments):
        code, said, errors = self.hub.replay(verb, *arguments, store=store)
        self.assertEqual(code, 0, (verb, said, errors))
        return said

    def said_of_files(self, verb, *arguments):
        done = subprocess.run([os.path.join(BIN, "casehub-replay"), verb, "--json", *arguments], capture_output=True, text=True,
                              timeout=PATIENCE, check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return json.loads(done.stdout)

    def killed(self, moment, verb, store, *arguments):
        """False: it came to its end."""
        command = [os.path.join(BIN, "crash_kill_at"), str(moment), os.path.join(BIN, "casehub-replay"), "--store", store, verb,
                   *arguments]
        code = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                              timeout=PATIENCE, check=False).returncode
        if code == 71:
            self.skipTest("processes cannot be traced here")
        self.assertIn(code, (0, 1))
        return code == 0

    def count(self, reset, *run):
        """How often a run changes files."""
        below, most = 0, 1
        while True:
            reset()
            if not self.killed(most, *run):
                break
            below, most = most, 2 * most
        while most - below > 1:
            middle = (below + most) // 2
            reset()
            below, most = (middle, most) if self.killed(middle, *run) else (below, middle)
        return below

    def moments(self, reset, *run):
        """Kills of a run, each after a reset: before its last changes, where the store changes, and some of those before,
        which are mostly the notes of the check that comes first."""
        count = self.count(reset, *run)
        self.assertGreater(count, 3)
        first = max(1, count - LAST)
        for moment in sorted({*range(1, first, max(1, first // SPREAD)), *range(first, count + 1)}):
            reset()
            self.assertTrue(self.killed(moment, *run))
            with self.subTest(moment=moment, of=count):
                yield moment

    def import_arguments(self):
        return ("--file", self.archive, "--key", self.hub.path("hub.key"), "--keys", os.path.join(self.hub.store, "keys"))

    def is_whole(self, said):
        self.assertEqual([said[name] for name in ("last", "chain", "state_hash")],
                         [self.whole[name] for name in ("last", "chain", "state_hash")])

    def test_a_killed_export_leaves_the_file_as_it_was_or_whole(self):
        path = self.hub.path("other")
        self.said("export", self.hub.store, "--output", path, "--to", "10")
        for _ in self.moments(lambda: None, "export", self.hub.store, "--output", path):
            self.assertIn(self.said_of_files("verify", "--file", path)["last"], (10, self.whole["last"]))
        self.is_whole(self.said_of_files("verify", "--file", path))

    def test_a_killed_import_leaves_no_store_or_a_whole_one(self):
        arguments = self.import_arguments()
        for _ in self.moments(lambda: shutil.rmtree(self.into, ignore_errors=True), "import", self.into, *arguments):
            code, said, errors = self.hub.replay("verify", store=self.into)
            if code == 0:
                self.is_whole(said)
            else:
                self.assertIn(code, (EX_DATAERR, EX_NOINPUT), (said, errors))
            self.is_whole(self.said("import", self.into, *arguments))
        self.is_whole(self.said("rebuild", self.into))

    def test_a_killed_import_of_what_is_new_goes_on_where_it_was(self):
        kept = self.hub.path("kept")
        part = self.hub.path("part")
        self.said("export", self.hub.store, "--output", part, "--sealed", "--to", "200")
        self.said("import", kept, "--file", part, *self.import_arguments()[2:])

        def reset():
            shutil.rmtree(self.into, ignore_errors=True)
            shutil.copytree(kept, self.into)

        for _ in self.moments(reset, "import", self.into, *self.import_arguments()):
            self.assertIn(self.said("verify", self.into)["last"], range(200, self.whole["last"] + 1))
            self.said_of_files("diff", self.into, self.archive, "--prefix")
            self.is_whole(self.said("import", self.into, *self.import_arguments()))
        self.is_whole(self.said("rebuild", self.into))

    def test_a_killed_swap_leaves_a_state_that_the_log_makes(self):
        for _ in self.moments(lambda: None, "rebuild", self.hub.store, "--swap"):
            said = self.said("rebuild", self.hub.store)
            self.is_whole(said)
            self.assertTrue(said.get("equal", True))
        self.hub.start()
        self.assertEqual(self.hub.stop(), 0)
        self.is_whole(self.said("rebuild", self.hub.store))


if __name__ == "__main__":
    unittest.main()
