"""What is made of measured values."""
import contextlib
import io
import json
import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from figures import Results
from rows import ROWS, rows_named
from servers import PEERS, BenchError, peers_named


def named(name):
    return next(row for row in ROWS if row.name == name)


def shown(results, how):
    with contextlib.redirect_stdout(io.StringIO()) as out:
        how(results)
    return out.getvalue()


def lines(results):
    return [json.loads(line) for line in shown(results, Results.print_json).splitlines()]


class Figures(unittest.TestCase):
    def results(self, row, **values):
        """values: what each server measured, round by round."""
        results = Results(None)
        for server, rounds in values.items():
            for measured in rounds:
                results.add(named(row), server, measured)
        return results

    def test_an_unknown_row_or_peer_is_named(self):
        with self.assertRaisesRegex(BenchError, "row nonsense"):
            rows_named(["publish-1", "nonsense"])
        with self.assertRaisesRegex(BenchError, "peer nonsense"):
            peers_named("reference,nonsense")

    def test_a_figure_that_only_a_peer_has_is_not_shown(self):
        self.assertEqual(lines(self.results("publish-1", redis=[{"publish-1": 5}])), [])

    def test_the_median_is_shown_with_its_spread(self):
        line, = lines(self.results("publish-1", casehub=[{"publish-1": value} for value in (7, 1, 3)]))
        self.assertEqual([line[key] for key in ("row", "value", "min", "max", "unit")],
                         ["publish-1", 3, 1, 7, "events/s"])
        self.assertEqual((line["peer"], line["peer_value"], line["ratio"]), (None, None, None))

    def test_the_ratio_is_above_one_where_casehub_is_better(self):
        faster, = lines(self.results("publish-1", casehub=[{"publish-1": 300}], redis=[{"publish-1": 100}]))
        self.assertEqual((faster["peer"], faster["peer_value"], faster["ratio"]), ("redis", 100, 3))
        sooner, = lines(self.results("latency", casehub=[{"ack-p50": 100}], redis=[{"ack-p50": 300}]))
        self.assertEqual(sooner["ratio"], 3)

    def test_nothing_is_compared_with_nothing(self):
        line, = lines(self.results("stored", casehub=[{"disk": 700}], reference=[{"disk": 0}]))
        self.assertIsNone(line["ratio"])

    def test_each_peer_has_a_line_and_each_point_of_a_curve(self):
        point = {"connections-1": 5, "connections-10": 6}
        found = lines(self.results("connections", casehub=[point], redis=[point], nats=[point]))
        self.assertEqual([(line["row"], line["peer"]) for line in found],
                         [(row, peer) for row in ("connections-1", "connections-10") for peer in ("redis", "nats")])

    def test_one_figure_of_a_row_may_be_asked_for(self):
        rows, wanted = rows_named(["ack-p50"])
        results = Results(wanted)
        results.add(rows[0], "casehub", {"ack-p50": 1, "ack-p99": 2})
        self.assertEqual([line["row"] for line in lines(results)], ["ack-p50"])

    def test_a_curve_is_shown_whole_when_its_row_is_asked_for(self):
        rows, wanted = rows_named(["events"])
        results = Results(wanted)
        results.add(rows[0], "casehub", {"events-10k": 1, "events-1M": 2})
        self.assertEqual([line["row"] for line in lines(results)], ["events-10k", "events-1M"])

    def test_the_table_has_no_columns_for_peers_that_were_not_measured(self):
        table = shown(self.results("publish-1", casehub=[{"publish-1": 12345}]), Results.print_table)
        self.assertIn("12.3k", table)
        self.assertNotIn("peer", table)

    def test_every_peer_tells_its_packages(self):
        for name, peer in PEERS.items():
            self.assertTrue(peer.packages or name == "reference", name)


if __name__ == "__main__":
    unittest.main()
