"""Files of a stopped store that were cut short or in which a byte was changed: the hub refuses, with exit 74 or 78 and a
reason, or what it serves is what was written. It never serves anything else."""
import os
import shutil
import signal
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from crash import (EX_CONFIG, EX_DATAERR, EX_IOERR, EX_UNAVAILABLE, LONG, CrashHub, event, seeded,
                   wait_until)

CASES = 150
CUTS = 40 if LONG else 12   # places at random, beside the telling ones
FLIPS = 2000 if LONG else 200
PAGE = 4096
REFUSALS = (EX_DATAERR, EX_UNAVAILABLE, EX_IOERR)  # of casehub-replay; unavailable: the version of LMDB's format


class DamageTest(unittest.TestCase):
    """One store that was stopped cleanly; each test damages copies of it."""

    @classmethod
    def setUpClass(cls):
        cls.hub = CrashHub(seeded("damage"))
        cls.addClassCleanup(cls.hub.close)
        cls.hub.start()
        client = cls.connect()
        for at in range(0, CASES, 50):
            refs = [f"c{number}" for number in range(at, at + 50)]
            client.publish(*(event("case.opened", "hotline/damage", f"{ref}/1",
                                   {"kind": "matter", "category": "power.trip", "title": ref}, ref=ref,
                                   private={"name": "Nobody", "phone": "000-0000000"}) for ref in refs))
            client.publish(*(event("case.noted", "hotline/damage", f"{ref}/2", {"text": f"of {ref}"}, ref=ref)
                             for ref in refs))
        cls.served = client.read()
        cls.cases = client.query("cases", limit=1000)
        assert cls.hub.stop() == 0
        cls.whole = cls.hub.path("whole")
        shutil.copytree(cls.hub.store, cls.whole)
        code, cls.verified, errors = cls.hub.replay("verify")
        assert code == 0, errors

    @classmethod
    def connect(cls):
        client = cls.hub.connect(None, cls.hub.ready["ipc"])
        client.hello()
        return client

    def setUp(self):
        self.chance = seeded(self._testMethodName)

    def damaged(self, name):
        """A fresh copy of the store, and the path in it."""
        if self.hub.process.poll() is None:  # a test has failed in between
            self.hub.kill()
        shutil.rmtree(self.hub.store)
        shutil.copytree(self.whole, self.hub.store)
        with open(self.hub.log_file, "w", encoding="ascii"):
            pass
        return os.path.join(self.hub.store, name)

    def start(self):
        """False: it refuses to start, and says which file is to blame."""
        process = self.hub.spawn()
        line = process.stdout.readline()
        if line:
            self.hub.take_ready(line)
            return True
        self.ended_for_a_reason(self.hub.wait())
        return False

    def answer(self, client, request):
        """None: an error, or the hub has ended, which is what it does when its log cannot be read."""
        heard = []

        def over():
            heard.extend(client.take_all(lambda message: message.request == request))
            return heard or self.hub.process.poll() is not None
        wait_until(over, "an answer, or the end of the hub")
        heard.extend(client.take_all(lambda message: message.request == request))
        return heard[0] if heard and heard[0].verb != "ERROR" else None

    def read_all(self):
        """What the hub serves of the log: events, and whether it came to the end of it."""
        client, events, start = self.hub.connect(None, self.hub.ready["ipc"]), [], 1
        client.send("HELLO", "crash/1", 1, 1)
        while start:
            answer = self.answer(client, client.send("READ", start, 0, 0))
            if answer is None:
                break
            events += answer.body
            start = answer.next
        self.hub.clients.remove(client)
        client.close()
        return events, not start

    def serves_nothing_wrong(self):
        """True: it serves all of it."""
        events, whole = self.read_all()
        by_sequence = {e["sequence"]: e for e in self.served}
        for served in events:
            self.assertEqual(served, by_sequence[served["sequence"]])
        if whole:
            self.assertEqual(len(events), len(self.served))
        return whole

    def end(self):
        """It lives, or it has ended by itself and said why."""
        if self.hub.process.poll() is None:
            self.hub.kill()
        else:
            self.ended_for_a_reason(self.hub.wait())

    def ended_for_a_reason(self, code):
        """LMDB follows a damaged page wherever it leads: now and then to a fault in memory, or to an assertion of its own."""
        if code not in (-signal.SIGSEGV, -signal.SIGABRT):
            self.assertIn(code, (EX_IOERR, EX_CONFIG), self.hub.log())
            return
        self.assertIn("unless casehub-replay verify or rebuild finds the store damaged", self.hub.log())
        self.rebuild_finds_it()

    def rebuild_finds_it(self):
        code, said, errors = self.hub.replay("rebuild")
        self.assertIn(code, REFUSALS, (said, errors))


class Cut(DamageTest):
    FILES = ["log/data.mdb", "state/data.mdb", "cursors/data.mdb", "keys/cases.slots", "keys/deadletters.slots", "FORMAT"]

    def sizes(self, path):
        size = os.path.getsize(path)
        telling = {0, 1, size // 2, size - 1, *(n for n in (100, PAGE, 2 * PAGE, 3 * PAGE, size - PAGE) if 0 < n < size)}
        return sorted(telling | {self.chance.randrange(size) for _ in range(CUTS)})

    def cut(self, name, size):
        path = self.damaged(name)
        os.truncate(path, size)
        if not self.start():
            self.assertRegex(self.hub.log(), "cannot start: [^\"]+: [^\"]+")
            self.assertIn(name.split("/")[0], self.hub.log())
            return "refused"
        self.assertTrue(self.serves_nothing_wrong(), self.hub.log())
        client = self.connect()
        self.assertEqual(client.query("cases", limit=1000), self.cases)
        client.close()
        self.hub.clients.remove(client)
        self.assertEqual(self.hub.stop(), 0)
        return "whole"

    def test_a_file_that_was_cut_short_is_refused_or_not_missed(self):
        for name in self.FILES:
            outcomes = {"refused": 0, "whole": 0}
            for size in self.sizes(os.path.join(self.whole, name)):
                with self.subTest(file=name, size=size):
                    outcomes[self.cut(name, size)] += 1
            print(f"{name}: {outcomes}", file=sys.stderr)
            self.assertGreater(outcomes["refused"] + outcomes["whole"], 0)

    def test_a_log_that_lacks_a_page_is_never_served(self):
        path = os.path.join(self.whole, "log/data.mdb")
        with open(path, "rb") as file:
            used = len(file.read().rstrip(b"\0"))
        for size in {PAGE, 2 * PAGE, *(PAGE * self.chance.randrange(3, used // PAGE) for _ in range(CUTS))}:
            with self.subTest(size=size):
                self.assertEqual(self.cut("log/data.mdb", size), "refused")

    def test_a_file_that_is_gone_is_refused_or_made_again(self):
        for name in [*self.FILES, "hub.key"]:
            with self.subTest(file=name):
                path = self.damaged(name) if name != "hub.key" else self.hub.path("hub.key")
                if name == "hub.key":
                    self.damaged("FORMAT")
                os.rename(path, path + ".away")
                if self.start():
                    self.assertIn(name, ("state/data.mdb", "cursors/data.mdb"))
                    self.assertTrue(self.serves_nothing_wrong())
                    self.assertEqual(self.hub.stop(), 0)
                os.rename(path + ".away", path)


    def test_a_log_that_is_cut_short_under_a_living_hub_ends_it(self):
        path = self.damaged("log/data.mdb")
        self.assertTrue(self.start())
        os.truncate(path, 2 * PAGE)
        events, whole = self.read_all()
        self.assertEqual((events, whole), ([], False))
        self.assertEqual(self.hub.wait(), EX_IOERR)
        self.assertIn("a data file is shorter than it was", self.hub.log())


class Flip(DamageTest):
    def flip(self, name):
        """Changes one byte of the used part of that file, every third time one that says where things are in a page; where."""
        path = self.damaged(name)
        with open(path, "r+b") as file:
            used = file.read().rstrip(b"\0")
            at = self.chance.randrange(len(used))
            if self.chance.randrange(3) == 0:
                at = min(at - at % PAGE + self.chance.randrange(64), len(used) - 1)
            file.seek(at)
            file.write(bytes([used[at] ^ self.chance.randrange(1, 256)]))
        return at

    def test_a_changed_byte_of_the_log_is_named_and_never_served(self):
        outcomes = {"named": 0, "refused": 0, "without effect": 0,
                    "hub refused": 0, "hub served the rest": 0, "hub served all": 0}
        for _ in range(FLIPS):
            at = self.flip("log/data.mdb")
            with self.subTest(at=at):
                outcomes[self.verify()] += 1
                if not self.start():
                    outcomes["hub refused"] += 1
                    continue
                outcomes["hub served all" if self.serves_nothing_wrong() else "hub served the rest"] += 1
                self.end()
        print(f"flips: {outcomes}", file=sys.stderr)
        self.assertGreater(outcomes["named"], 0)

    def test_a_changed_byte_of_the_state_shows_no_wrong_case_and_is_found(self):
        """Values have checksums, LMDB's pages have none: where a key or an offset is changed, an entry may be out of place.
        What is shown of a case is right in any case, and a rebuild finds that the state is not what the log makes."""
        outcomes = {"hub refused": 0, "hub ended": 0, "refused to answer": 0, "out of place": 0, "answered all": 0}
        for _ in range(FLIPS // 4):
            at = self.flip("state/data.mdb")
            with self.subTest(at=at):
                outcomes[self.ask_for_cases()] += 1
        print(f"flips of the state: {outcomes}", file=sys.stderr)

    def ask_for_cases(self):
        if not self.start():
            return "hub refused"
        client = self.hub.connect(None, self.hub.ready["ipc"])
        client.send("HELLO", "crash/1", 1, 1)
        answer = self.answer(client, client.send("QUERY", "cases", {"limit": 1000}))
        self.hub.clients.remove(client)
        client.close()
        ended = self.hub.process.poll() is not None
        self.end()
        if answer is None:
            return "hub ended" if ended else "refused to answer"
        if answer.body == self.cases:
            return "answered all"
        true = {row["case"]: row for row in self.cases}
        for row in answer.body:
            self.assertEqual(row, true[row["case"]])
        self.rebuild_finds_it()
        return "out of place"

    def verify(self):
        code, said, errors = self.hub.replay("verify")
        if code == 0:
            self.assertEqual({name: said[name] for name in ("last", "chain", "state_hash")},
                             {name: self.verified[name] for name in ("last", "chain", "state_hash")})
            return "without effect"
        self.assertIn(code, REFUSALS, (said, errors))
        if said.get("finding_count", 0) > 0:
            return "named"
        self.assertNotEqual(errors, "")
        return "refused"


if __name__ == "__main__":
    unittest.main()
