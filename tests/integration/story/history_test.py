"""Ten years of a grid team's old rows are read in while the city works: cases and figures, and nobody is troubled by them."""
import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from city import CityTest
from chp import Refused, event

ROWS, BATCH, AT_ONCE = 3000, 50, 12  # rows; rows a PUBLISH; of these so many without waiting for their answers
DAY = 24 * 3600 * 1000
UNTIL = 1767196800000  # 2026-01-01T00:00+08:00
FIRST = UNTIL - 3650 * DAY
OLD = ["case.opened", "case.accepted", "case.resolved", "case.feedback", "case.closed"]
FOLLOWS = ("handoff.>", "clock.>", "hub.alert.>")


def row(number, time):
    """What the old system says of one of its rows: opened, done the day after, and judged."""
    steps = (("opened", 0, {"kind": "matter", "category": "lamp.out", "priority": 2}), ("resolved", DAY, None),
             ("feedback", DAY, {"score": 4, "satisfied": True}))
    return [event(f"case.{step}", "grid/old", f"{number}/{step}", data, ref=f"D-{number}", time=time + after,
                  area="330902001001") for step, after, data in steps]


class History(CityTest):
    own_city = True

    def setUp(self):
        super().setUp()
        self.city.grant("grid", "connector", sources=["grid"], key="grid.key")
        self.alarms = 0

    # ---- the import

    def batch(self, at):
        """(checkpoint, events) of the batch that begins with that row."""
        rows = range(at, min(at + BATCH, ROWS))
        step = (UNTIL - 2 * DAY - FIRST) // ROWS
        return ({"connector": "grid", "from": str(at) if at else "", "to": str(rows.stop)},
                [told for number in rows for told in row(number, FIRST + number * step)])

    def send(self, at):
        checkpoint, events = self.batch(at)
        return self.system("grid").send_publish(*events, checkpoint=checkpoint, history_until_ms=UNTIL)

    def is_at(self):
        """As a connector that begins asks."""
        stored = self.system("grid").query("checkpoint", connector="grid")
        return int(stored[0]["value"]) if stored else 0

    def send_many_beside_an_alarm(self):
        """So much of the import is there before the hub looks, and behind it an alarm: (the requests, that of the alarm)."""
        begin = self.is_at()
        grid, emergency = self.system("grid"), self.system("emergency")
        with self.city.held():
            requests = [self.send(at) for at in range(begin, min(begin + AT_ONCE * BATCH, ROWS), BATCH)]
            self.alarms += 1
            alarm = emergency.send_publish(event("case.opened", "emergency/1", str(self.alarms),
                                                 {"kind": "dispatch", "category": "fire"}, ref=f"E-{self.alarms}"))
        return grid, requests, alarm

    def import_beside_an_alarm(self):
        """Positions of the alarm and of the last of what was there before it."""
        grid, requests, alarm = self.send_many_beside_an_alarm()
        answered, = self.system("emergency").published(alarm)
        last = 0
        for request in requests:
            answers = grid.published(request)
            self.assertEqual([answer["code"] for answer in answers if answer["code"]], [])
            last = answers[-1]["sequence"]
        return answered["sequence"], last

    # ---- the story

    def test_ten_years_of_old_rows_make_figures_and_trouble_nobody(self):
        places = [self.import_beside_an_alarm() for _ in range(2)]
        self.the_hub_is_killed_in_the_middle()
        while self.is_at() < ROWS:
            places.append(self.import_beside_an_alarm())
        overtaken = [alarm < last for alarm, last in places]
        self.assertTrue(any(overtaken), places)  # no alarm waits until all that was there before it is done
        self.it_is_counted()
        self.nothing_followed()
        self.what_happens_now_is_offered()
        self.folds_to_the_same()

    def the_hub_is_killed_in_the_middle(self):
        """Nothing twice and nothing left out, whatever had been answered; who goes on from an old place is stopped."""
        before = self.is_at()
        self.send_many_beside_an_alarm()
        self.restart()
        self.assertGreaterEqual(self.is_at(), before)
        with self.assertRaises(Refused) as refused:
            self.system("grid").published(self.send(0))
        self.assertEqual((refused.exception.code, refused.exception.where), ("conflict", "PUBLISH.checkpoint.from"))

    def it_is_counted(self):
        figures, = [line for line in self.city.casehub("report", "--by", "category") if line["category"] == "lamp.out"]
        wanted = {"cases": ROWS, "resolve_count": ROWS, "resolve_median_ms": DAY, "feedbacks": ROWS, "satisfied": 1.0,
                  "score": 4.0, "late": 0.0}
        self.assertEqual({name: figures[name] for name in wanted}, wanted)
        self.assertEqual(self.shown(f"D-{ROWS - 1}")["state"], "closed")

    def nothing_followed(self):
        """But for the alarms beside it."""
        told = self.city.client().read(patterns=["case.*.grid.>"])
        self.assertEqual(len(told), ROWS * len(OLD))
        self.assertEqual({event_["type"] for event_ in told}, set(OLD))
        old = {event_["subject"] for event_ in told}
        self.assertEqual(len(old), ROWS)
        follows = self.city.client().read(patterns=list(FOLLOWS))
        self.assertEqual({event_["type"] for event_ in follows
                          if event_.get("subject") in old or event_["type"].startswith("hub.")}, set())

    def what_happens_now_is_offered(self):
        """Also when it is told in the same way."""
        answers = self.system("grid").publish(*row("new", UNTIL), history_until_ms=UNTIL)
        types = self.types(answers[0]["case"])
        self.assertIn("handoff.offered", types)
        self.assertIn("clock.started", types)


if __name__ == "__main__":
    unittest.main()
