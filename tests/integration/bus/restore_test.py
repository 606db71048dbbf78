"""A backup is restored with the very commands of replay/README.md: a new epoch begins, and who had seen more is told."""
import os
import re
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import chp
from hub import BIN, SOURCE, OwnHubTest

ALL = {"all": True}
LEFT_OUT = 10_000


def commands():
    """The blocks of commands in the chapter, in their order: put in place, same epoch again, cursors."""
    with open(os.path.join(SOURCE, "replay/README.md"), encoding="utf-8") as file:
        chapter = file.read().split("## Restore a backup\n")[1].split("\n## ")[0]
    blocks = re.findall(r"(?:^ {7}\S.*\n)+", chapter, re.M)
    if len(blocks) != 3:
        raise AssertionError(f"three blocks of commands are looked for: {blocks}")
    return blocks


def number(case):
    return int(case.rsplit("-", 1)[1])


class Restored(OwnHubTest):
    """Cases A and B are in the backup, C and D are not. `desk` has acknowledged all of them, `slow` only A."""

    def setUp(self):
        self.put_in_place, self.epoch_again, self.keep_cursors = commands()
        self.hub = self.new_hub(data_dir="store")
        self.hub.start()
        self.open_client()
        self.a, self.b = self.publish("A"), self.publish("B")
        self.slow = self.operator.subscribe("case.>", name="slow", start=ALL, credit=1)
        self.backup = self.hub.path("a backup")
        self.last, = (row["sequence"] for row in self.hub.casehub("backup", self.backup))
        self.fork = self.last + 1
        self.c, self.d = self.publish("C"), self.publish("D")
        desk = self.operator.subscribe("case.>", name="desk", start=ALL)
        desk.ack(upto=desk.events(4)[-1]["sequence"])
        self.slow.ack(upto=self.slow.event()["sequence"])
        self.operator.settle()

    def open_client(self):
        self.operator = self.hub.client()

    def publish(self, ref):
        answer = self.operator.publish_one("case.opened", "hotline/1", f"{ref}/1", {"kind": "matter"}, ref=ref)
        self.assertIsNone(answer["code"])
        return answer

    def restore(self, *blocks):
        self.assertEqual(self.hub.stop(), 0)
        environment = {**os.environ, "DIR": self.hub.folder, "BACKUP": self.backup, "PATH": f"{BIN}:{os.environ['PATH']}"}
        for block in blocks:
            done = subprocess.run(["bash", "-euo", "pipefail", "-c", block], env=environment, capture_output=True, text=True,
                                  timeout=chp.WAIT, check=False)
            self.assertEqual(done.returncode, 0, (block, done.stdout, done.stderr))
        self.hub.start()
        self.open_client()

    def verify(self):
        """The stopped store, its state too."""
        done = subprocess.run([os.path.join(BIN, "casehub-replay"), "--store", self.hub.path("store"), "rebuild"],
                              capture_output=True, text=True, timeout=chp.WAIT, check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def epoch(self):
        return self.operator.query("status")[0]["epoch"]

    def test_a_position_beyond_the_fork_diverged(self):
        self.restore(self.put_in_place)
        for verb, where in (("SUBSCRIBE", "SUBSCRIBE.from"), ("SEEK", "SEEK.from")):
            start = {"sequence": self.fork + 1, "epoch": 1}
            self.operator.subscribe("case.>", name=f"x-{verb.lower()}", start=ALL)
            with self.subTest(verb), self.refused("diverged", where) as caught:
                if verb == "SEEK":
                    self.operator.ask("SEEK", "x-seek", start)
                else:
                    self.operator.subscribe("case.>", start=start)
            self.assertEqual(caught.exception.position, self.fork)
        again = self.operator.subscribe("hub.replay.>", start={"sequence": caught.exception.position})
        self.assertEqual(again.event()["sequence"], self.fork)

    def test_a_position_of_an_epoch_that_is_yet_to_come_diverged(self):
        self.restore(self.put_in_place)
        with self.refused("diverged", "SUBSCRIBE.from"):
            self.operator.subscribe("case.>", start={"sequence": 1, "epoch": 3})

    def test_a_position_up_to_the_fork_goes_on_and_misses_nothing(self):
        self.restore(self.put_in_place)
        new = self.publish("E")
        for sequence, seen in ((self.b["sequence"], ["B/1", "E/1"]), (self.fork, ["E/1"])):
            subscription = self.operator.subscribe("case.>", start={"sequence": sequence, "epoch": 1})
            self.assertEqual([event["id"] for event in subscription.events(len(seen))], seen)
        self.assertEqual(subscription.epoch, 2)
        self.assertGreater(new["sequence"], self.fork)

    def test_a_new_epoch_is_recorded_once_and_numbers_are_left_out(self):
        self.restore(self.put_in_place)
        self.assertEqual(self.epoch(), 2)
        new = self.publish("C")  # nobody remembers that it was there
        self.assertEqual(number(new["case"]), number(self.c["case"]) + LEFT_OUT)
        self.hub.kill()
        self.hub.start()
        self.open_client()
        self.assertEqual(self.epoch(), 2)
        records = self.operator.read(self.fork)
        self.assertEqual([(e["type"], e["epoch"]) for e in records if e["type"] in ("hub.replay", "case.opened")],
                         [("hub.replay", 2), ("case.opened", 2)])
        self.assertEqual((records[0]["sequence"], records[0]["data"]["code"]), (self.fork, "restored"))
        self.assertEqual([self.operator.read(s["sequence"], s["sequence"])[0]["epoch"] for s in (self.a, self.b)], [1, 1])
        self.assertEqual(self.publish("E")["sequence"], max(e["sequence"] for e in records) + 1)
        self.hub.stop()
        self.verify()

    def test_a_durable_subscription_is_new(self):
        self.restore(self.put_in_place)
        self.assertFalse(self.operator.subscribe("case.>", name="desk", start=ALL).existed)

    def test_cursors_put_back_go_on_or_diverge(self):
        self.restore(self.put_in_place, self.keep_cursors)
        slow = self.operator.subscribe("case.>", name="slow")
        self.assertEqual((slow.existed, slow.epoch), (True, 2))
        with self.refused("diverged", "SUBSCRIBE.name") as caught:
            self.operator.subscribe("case.>", name="desk")
        self.assertEqual(caught.exception.position, self.fork)
        self.hub.casehub("subscription", "seek", "desk", "--from", str(self.fork))
        desk = self.operator.subscribe("case.>", name="desk")
        self.publish("E")
        self.assertEqual(desk.event()["id"], "E/1")
        self.assertEqual([event["id"] for event in slow.events(2)], ["B/1", "E/1"])
        self.hub.stop()
        self.hub.start()  # what went on in the new epoch is of the new epoch
        self.open_client()
        for name in ("slow", "desk"):
            self.assertTrue(self.operator.subscribe("case.>", name=name).existed)

    def test_the_same_backup_once_more_begins_another_epoch(self):
        self.restore(self.put_in_place)
        first = self.publish("C")
        os.rename(self.hub.path("store.old"), self.hub.path("store.older"))
        self.restore(self.put_in_place, self.epoch_again)
        self.assertEqual(self.epoch(), 3)
        self.assertEqual(number(self.publish("C")["case"]), number(first["case"]) + LEFT_OUT)
        with self.refused("diverged", "SUBSCRIBE.from") as caught:
            self.operator.subscribe("case.>", start={"sequence": first["sequence"] + 1, "epoch": 2})
        self.assertEqual(caught.exception.position, self.fork)


if __name__ == "__main__":
    unittest.main()
