"""kill -9 in the midst of what happens seldom: the first start, a recovery, a backup, a stop; and a second daemon."""
import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from crash import (BIN, EX_CONFIG, EX_DATAERR, EX_IOERR, EX_NOINPUT, EX_TEMPFAIL, LONG, PATIENCE, CrashHub, event,
                   seeded, wait_until)

MOMENTS_MOST = 500  # a start that changes its files more often has lost its way
STOPS = 60 if LONG else 8


class MomentsTest(unittest.TestCase):
    def setUp(self):
        self.chance = seeded(self._testMethodName)

    def new_hub(self, **settings):
        hub = CrashHub(self.chance, **settings)
        self.addCleanup(hub.close)
        return hub

    @contextlib.contextmanager
    def client(self, hub):
        """Over ipc, as an operator."""
        client = hub.connect(None, hub.ready["ipc"])
        client.hello()
        yield client
        client.close()
        hub.clients.remove(client)

    def fill(self, hub, cases, source="hotline/fill"):
        """So many cases of three events each, personal data among them; what was answered."""
        answers = []
        with self.client(hub) as client:
            for at in range(0, cases, 100):
                refs = [f"c{number}" for number in range(at, min(at + 100, cases))]
                opened = [event("case.opened", source, f"{ref}/1", {"kind": "matter", "category": "power.trip", "title": ref},
                                ref=ref, private={"name": "Nobody", "phone": "000-0000000"}) for ref in refs]
                noted = [event("case.noted", source, f"{ref}/2", {"text": f"of {ref}"}, ref=ref) for ref in refs]
                answers += client.publish(*opened) + client.publish(*noted)
        self.assertEqual({answer["code"] for answer in answers}, {None})
        return answers

    def verify(self, hub, last=None):
        """The stopped store is right, and its state is what its log makes."""
        code, said, errors = hub.replay("rebuild")
        self.assertEqual((code, said.get("ok"), said.get("equal")), (0, True, True), (said, errors, hub.log()))
        if last is not None:
            self.assertEqual(said["last"], last)
        return said

    def kill_at(self, hub, moment):
        """Starts a daemon and kills it right before it changes its files for the moment-th time. False: it got ready."""
        command = [os.path.join(BIN, "crash_kill_at"), str(moment), os.path.join(BIN, "casehubd"), "--config", hub.config]
        with open(hub.log_file, "ab") as log:
            code = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=log, timeout=PATIENCE,
                                  check=False).returncode
        if code == 71:
            self.skipTest("processes cannot be traced here")
        self.assertIn(code, (0, 1))
        return code == 0

    def moments(self, hub):
        for moment in range(1, MOMENTS_MOST):
            if not self.kill_at(hub, moment):
                return
            yield moment
        self.fail(f"not ready after {MOMENTS_MOST} changes")


class FirstStart(MomentsTest):
    def forget(self, hub):
        shutil.rmtree(hub.store, ignore_errors=True)
        for name in ("hub.key", "curve.key", "curve.key.pub"):
            with contextlib.suppress(FileNotFoundError):
                os.remove(hub.path(name))

    def test_killed_at_any_moment_the_next_start_serves(self):
        hub = self.new_hub()
        self.forget(hub)
        seen = 0
        for moment in self.moments(hub):
            with self.subTest(moment=moment):
                hub.start()
                with self.client(hub) as client:
                    answer = client.publish_one("case.opened", "hotline/first", "1", {"kind": "matter"}, ref="c1")
                hub.kill()
                hub.start()
                with self.client(hub) as client:
                    self.assertEqual([e["id"] for e in client.read(answer["sequence"], answer["sequence"])], ["1"])
                hub.kill()
                self.verify(hub)
            self.forget(hub)
            seen += 1
        self.assertGreater(seen, 20)

    def test_killed_again_and_again_it_still_comes_about(self):
        """Each attempt goes on where the one before was killed."""
        hub = self.new_hub()
        self.forget(hub)
        for _ in range(20):
            if not self.kill_at(hub, self.chance.randrange(1, 40)):
                break
        hub.start()
        self.fill(hub, 1)
        self.assertEqual(hub.stop(), 0)
        self.verify(hub)


class Recovery(MomentsTest):
    def test_killed_at_any_moment_of_folding_the_tail_the_next_start_serves(self):
        hub = self.new_hub()
        hub.start()
        answers = self.fill(hub, 300)
        hub.kill()
        _, before, _ = hub.replay("verify")
        kept = hub.path("kept")
        shutil.copytree(hub.store, kept)
        seen = 0
        for moment in self.moments(hub):
            with self.subTest(moment=moment):
                hub.start()
                with self.client(hub) as client:
                    self.assertEqual(len(client.query("cases", limit=1000)), len(answers) // 2)
                self.assertEqual(hub.stop(), 0)
                self.assertEqual(self.verify(hub, before["last"])["state_hash"], before["state_hash"])
            shutil.rmtree(hub.store)
            shutil.copytree(kept, hub.store)
            seen += 1
        self.assertGreater(seen, 3)


class Stop(MomentsTest):
    def test_killed_in_the_midst_of_its_stop_nothing_is_lost(self):
        """The kill comes between SIGTERM and twice the time that a stop takes."""
        hub = self.new_hub()
        hub.start()
        answers = self.fill(hub, 100, "hotline/stop-0")
        begun = time.monotonic()
        hub.stop()
        takes = time.monotonic() - begun
        for number in range(1, STOPS + 1):
            hub.start()
            answers += self.fill(hub, 100, f"hotline/stop-{number}")
            hub.signal(signal.SIGTERM)
            time.sleep(self.chance.uniform(0, 2 * takes))
            hub.kill()
            self.verify(hub)
        hub.start()
        with self.client(hub) as client:
            there = {(e["sequence"], e.get("caseversion"), e.get("subject")) for e in client.read(1, answers[-1]["sequence"])}
        self.assertEqual({(a["sequence"], a["caseversion"], a["case"]) for a in answers} - there, set())


class Backup(MomentsTest):
    def start_backup(self, hub, folder):
        return subprocess.Popen([os.path.join(BIN, "casehub"), "--json", "--hub", hub.ready["ipc"], "backup", folder],
                                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def back_up_and_kill_at(self, hub, moment, folder):
        """The daemon dies right before the backup's thread changes its files for the moment-th time. False: it did not, the
        backup is done."""
        hub.start(os.path.join(BIN, "crash_kill_at"), str(moment), "--thread", "backup")
        process = self.start_backup(hub, folder)
        wait_until(lambda: process.poll() is not None or hub.process.poll() is not None, "the kill, or the end of the backup")
        done = hub.process.poll() is None
        process.kill()
        process.wait()
        hub.kill()
        return not done

    def starts_from(self, hub, folder, last):
        """A daemon that is given what a killed backup left, as if it were a store. False: it refuses."""
        other = self.new_hub()
        shutil.copy(hub.path("hub.key"), other.path("hub.key"))
        shutil.copytree(folder, other.store)
        if os.path.isdir(f"{folder}.keys"):
            shutil.copytree(f"{folder}.keys", os.path.join(other.store, "keys"))
        process = other.spawn()
        if process.stdout.readline() == b"":
            self.assertIn(other.wait(), (EX_IOERR, EX_CONFIG), other.log())
            return False
        self.assertEqual(other.stop(), 0)
        self.verify(other, last + 1)  # one says that a new epoch begins
        return True

    def look_at(self, hub, folder, whole):
        log = os.path.join(folder, "log/data.mdb")
        if not os.path.exists(folder):
            return "absent"
        code, said, errors = hub.replay("verify", store=folder)
        if code == 0:
            self.assertEqual((said["last"], said["chain"], said["state_hash"]),
                             (whole["last"], whole["chain"], whole["state_hash"]))
            self.assertTrue(self.starts_from(hub, folder, whole["last"]))
            return "whole"
        self.assertIn(code, (EX_DATAERR, EX_NOINPUT), (said, errors))
        self.assertNotEqual(errors, "")
        self.assertFalse(os.path.exists(os.path.join(folder, "MANIFEST")))
        if os.path.exists(log) and os.path.getsize(log) > 0:
            self.assertFalse(self.starts_from(hub, folder, whole["last"]))
        return "refused"

    def test_killed_at_any_moment_of_a_backup_it_is_refused_or_whole(self):
        hub = self.new_hub()
        hub.start()
        self.fill(hub, 1000)
        self.assertEqual(self.start_backup(hub, hub.path("whole")).wait(PATIENCE), 0)
        self.assertEqual(hub.stop(), 0)
        code, whole, errors = hub.replay("verify", store=hub.path("whole"))
        self.assertEqual((code, whole["ok"], whole["kind"]), (0, True, "backup"), (whole, errors))
        outcomes = {"absent": 0, "refused": 0, "whole": 0}
        for moment in range(1, MOMENTS_MOST):
            folder = hub.path(f"backup-{moment}")
            killed = self.back_up_and_kill_at(hub, moment, folder)
            with self.subTest(moment=moment):
                outcomes[self.look_at(hub, folder, whole)] += 1
                self.verify(hub, whole["last"])
            if not killed:
                break
        self.assertTrue(all(outcomes.values()), outcomes)

    def test_after_a_killed_backup_the_next_one_goes_through(self):
        hub = self.new_hub()
        hub.start()
        self.fill(hub, 500)
        process = self.start_backup(hub, hub.path("first"))
        wait_until(lambda: os.path.exists(hub.path("first")), "the backup has begun")
        hub.kill()
        process.kill()
        process.wait()
        hub.start()
        self.assertEqual(self.start_backup(hub, hub.path("second")).wait(PATIENCE), 0)
        code, said, errors = hub.replay("verify", store=hub.path("second"))
        self.assertEqual((code, said.get("ok")), (0, True), errors)


class Restore(MomentsTest):
    def test_killed_at_any_moment_of_its_first_start_a_backup_begins_one_new_epoch(self):
        hub = self.new_hub()
        hub.start()
        last = self.fill(hub, 50)[-1]["sequence"]
        backup = hub.path("backup")
        with self.client(hub) as client:
            client.query("backup", dir=backup)
        hub.stop()
        seen = 0
        self.put_in_place(hub, backup)
        for moment in self.moments(hub):
            with self.subTest(moment=moment):
                hub.start()
                with self.client(hub) as client:
                    self.assertEqual(client.query("status")[0]["epoch"], 2)
                    self.assertEqual([(e["type"], e["epoch"]) for e in client.read(last + 1)], [("hub.replay", 2)])
                    new = client.publish_one("case.opened", "hotline/new", "1", {"kind": "matter"}, ref="c1")
                    self.assertTrue(new["case"].endswith("-10051"), new)
                hub.kill()
                self.verify(hub)
            self.put_in_place(hub, backup)
            seen += 1
        self.assertGreater(seen, 20)

    def put_in_place(self, hub, backup):
        shutil.rmtree(hub.store)
        shutil.copytree(backup, hub.store)
        shutil.copytree(f"{backup}.keys", os.path.join(hub.store, "keys"))


class SecondDaemon(MomentsTest):
    def setUp(self):
        super().setUp()
        self.first, self.second = self.new_hub(), self.new_hub()
        for name in ("data_dir", "hub_key_file"):
            self.second.settings[name] = self.first.path(self.first.settings[name])
        self.second.write_config()

    def refused(self):
        process = self.second.spawn()
        self.assertEqual(process.stdout.readline(), b"")
        self.assertEqual(self.second.wait(), EX_TEMPFAIL)
        self.assertIn("locked", self.second.log())

    def test_it_is_refused_while_the_first_lives_and_changes_nothing(self):
        self.first.start()
        answers = self.fill(self.first, 50)
        self.refused()
        answers += self.fill(self.first, 50, "hotline/meanwhile")
        self.refused()
        with self.client(self.first) as client:
            self.assertEqual({a["sequence"] for a in answers} - {e["sequence"] for e in client.read()}, set())
        self.assertEqual(self.first.stop(), 0)
        self.verify(self.first)

    def test_it_takes_over_after_kill_9(self):
        self.first.start()
        answers = self.fill(self.first, 50)
        self.refused()
        self.first.kill()
        self.second.start()
        with self.client(self.second) as client:
            self.assertEqual({a["sequence"] for a in answers} - {e["sequence"] for e in client.read()}, set())
        self.fill(self.second, 10, "hotline/taken-over")
        process = self.first.spawn()
        self.assertEqual(process.stdout.readline(), b"")
        self.assertEqual(self.first.wait(), EX_TEMPFAIL)
        self.assertEqual(self.second.stop(), 0)
        self.verify(self.first)

    def test_of_many_that_start_at_once_one_serves(self):
        others = [self.first, self.second, self.new_hub(), self.new_hub()]
        for other in others[2:]:
            for name in ("data_dir", "hub_key_file"):
                other.settings[name] = self.second.settings[name]
            other.write_config()
        self.first.start()
        self.fill(self.first, 50)
        self.first.kill()
        for other in others:
            other.spawn()
        lines = [other.process.stdout.readline() for other in others]
        self.assertEqual(sum(line != b"" for line in lines), 1)
        for other, line in zip(others, lines):
            if line == b"":
                self.assertEqual(other.wait(), EX_TEMPFAIL)
            else:
                self.assertEqual(other.stop(), 0)
        self.verify(self.first)


if __name__ == "__main__":
    unittest.main()
