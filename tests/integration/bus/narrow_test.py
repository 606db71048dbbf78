"""Who wants few events passes what lies between them unread, and misses none."""
import os
import random
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from chp import event
from hub import OwnHubTest, wait_until

BLOCK = 32     # sequences that are passed at a time
EVENTS = 1500
BATCH = 100    # of one PUBLISH
AREAS = ["330203", "330211", "330803", "330902", None]
STEPPED = "casehub_stepped_over_events_total"


def matches(pattern, topic):
    """As CHP1.md defines it."""
    wanted, tokens = pattern.split("."), topic.split(".")
    if wanted[-1] == ">":
        wanted = wanted[:-1]
        if len(tokens) <= len(wanted):
            return False
        tokens = tokens[:len(wanted)]
    return len(wanted) == len(tokens) and all(w in ("*", t) for w, t in zip(wanted, tokens))


def sequences(events):
    return [e["sequence"] for e in events]


class Narrow(OwnHubTest):
    """A log in which some systems are common and others hardly occur."""

    PATTERNS = [["*.*.s0.>"], ["*.*.s7.>"], ["*.*.s11.>"], ["*.*.nobody.>"], ["case.opened.s9.>", "hub.*.>"],
                ["case.opened.*.*.33.09.02"], ["*.*.s10.*.33.02.*"], ["*.*.*.*.33.08.>", "*.*.s8.>"], [">"],
                ["*.opened.s11.>"]]

    def setUp(self):
        self.hub = self.new_hub()
        self.hub.start()
        self.client = self.hub.client()
        chance = random.Random(7)
        events = [event("case.opened", f"s{int(chance.paretovariate(0.8)) % 12}", str(i), {"kind": "matter"},
                        area=chance.choice(AREAS)) for i in range(EVENTS)]
        for first in range(0, EVENTS, BATCH):
            self.assertEqual({answer["code"] for answer in self.client.publish(*events[first:first + BATCH])}, {None})
        self.log = self.client.read()
        self.assertGreaterEqual(len(self.log), EVENTS)

    def wanted(self, patterns, start=1, to=None):
        return [e["sequence"] for e in self.log[start - 1:to]
                if any(matches(pattern, e["topic"]) for pattern in patterns)]

    def stepped(self):
        return self.hub.metric(STEPPED)

    def test_a_subscription_gets_all_that_match_and_nothing_else(self):
        for patterns in self.PATTERNS:
            for start in (1, 2, BLOCK, BLOCK + 1, 777):
                with self.subTest(patterns=patterns, start=start):
                    wanted = self.wanted(patterns, start)
                    subscription = self.client.subscribe(*patterns, start={"sequence": start}, credit=EVENTS * 2,
                                                         no_ack=True)
                    self.assertEqual(sequences(subscription.events(len(wanted)) + subscription.rest()), wanted)
                    subscription.end()

    def test_a_read_gives_all_that_match_and_nothing_else(self):
        last = len(self.log)
        for patterns in self.PATTERNS:
            for start, to, limit in ((1, 0, 0), (1, 0, 3), (BLOCK, last - 5, 0), (BLOCK + 1, 2 * BLOCK, 0),
                                     (BLOCK + 1, 2 * BLOCK - 1, 0), (700, 900, 1)):
                with self.subTest(patterns=patterns, start=start, to=to, limit=limit):
                    seen = self.client.read(start, to, limit, patterns=patterns)
                    self.assertEqual(sequences(seen), self.wanted(patterns, start, to or None))

    def test_what_is_between_rare_events_is_not_read(self):
        self.client.read(patterns=["*.*.nobody.>"])
        whole = len(self.log) // BLOCK * BLOCK
        self.assertGreater(self.stepped(), whole * 0.8)
        before = self.stepped()
        subscription = self.client.subscribe("*.*.nobody.>", start={"all": True}, name="rare")
        wait_until(lambda: self.client.query("subscriptions", name="rare")[0]["lag"] == 0, "it comes to the end")
        self.assertEqual(subscription.rest(), [])
        self.assertGreater(self.stepped() - before, whole * 0.8)

    def test_who_wants_anything_or_all_that_concerns_it_passes_nothing(self):
        for more in ({"patterns": [">"]}, {"patterns": ["*.*.nobody.>", "*.*.*.*.>"]},
                     {"patterns": ["*.*.nobody.>"], "involved": True}):
            with self.subTest(**more):
                patterns = more.pop("patterns")
                self.client.subscribe(*patterns, start={"all": True}, name="wide", credit=EVENTS * 2, **more)
                wait_until(lambda: self.client.query("subscriptions", name="wide")[0]["lag"] == 0,
                           "it comes to the end")
                self.assertEqual(self.stepped(), 0)
                self.client.query("delete_subscription", name="wide")

    def test_a_kill_leaves_nothing_out(self):
        self.hub.kill()
        self.hub.start()
        self.client = self.hub.client()
        self.client.publish_one("case.opened", "s11", "late", {"kind": "matter"})
        self.log = self.client.read()
        for patterns in self.PATTERNS:
            with self.subTest(patterns=patterns):
                self.assertEqual(sequences(self.client.read(patterns=patterns)), self.wanted(patterns))


if __name__ == "__main__":
    unittest.main()
