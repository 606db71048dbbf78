"""A mapping that never ends, or eats the memory: the process ends, and the record that does it becomes a dead letter."""
import os
import pathlib
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "story"))
from city import BIN, DEADLINE, City
from hub import wait_until

NAME, ATTEMPTS, RAN_AWAY = "grid", 3, 70
OPENED = '{type: "case.opened", id: .id, time: $record.time, ref: .id, data: {kind: "matter", category: "lamp.out"}}'
CONFIG = """
name = "grid"; source = "grid/x"; transport = "file_drop"; mapping = "map.jq"; state_dir = "state";
file_drop = { folder = "drop"; settle = "0s"; };
"""


class Watchdog(unittest.TestCase):
    def setUp(self):
        self.city = City()
        self.addCleanup(self.city.close)
        self.folder = pathlib.Path(self.city.path("connector"))
        self.city.grant(NAME, "connector", sources=[NAME], private="all")

    def connector(self, poison, settings):
        """For it the record "poison" is what its name says."""
        (self.folder / "drop").mkdir(parents=True)
        (self.folder / "grid.cfg").write_text(CONFIG + settings)
        (self.folder / "map.jq").write_text(f'if .id == "poison" then {poison} else {OPENED} end')
        (self.folder / "drop" / "rows.csv").write_text("id\nbefore\npoison\nbehind\n")
        return self.city.program(NAME, os.path.join(BIN, "casehub-connect"), "run", NAME, "--config",
                                 self.folder / "grid.cfg", CASEHUB_HUB=self.city.ready["tcp"],
                                 CASEHUB_KEY=self.city.path(NAME))

    def ends_and_goes_on_behind_it(self, connector, why):
        for attempt in range(1, ATTEMPTS + 1):
            self.assertEqual(connector.start().running.wait(DEADLINE), RAN_AWAY, connector.log())
            self.assertEqual(connector.log().count(why), attempt)
        self.assertEqual(self.city.casehub("deadletter", "list"), [])
        connector.start()
        letter = self.city.wait_for("hub.deadletter.>", lambda event: event["data"]["action"] == "made")
        self.assertEqual((letter["data"]["code"], letter["data"]["stage"]), ("poison", "map"))
        self.assertEqual(letter["data"]["place"], "rows.csv:3")
        wait_until((self.folder / "drop/done/rows.csv").exists, "the file is in done/")
        self.assertEqual(connector.stop(), 0)
        told = [event["ref"] for event in self.city.events() if event["type"] == "case.opened"]
        self.assertEqual(told, ["before", "behind"])
        self.assertEqual(len(self.city.casehub("deadletter", "list")), 1)

    def test_a_mapping_that_does_not_end(self):
        connector = self.connector("last(range(infinite))", 'map_timeout = "300ms"; memory_most = 0;')
        self.ends_and_goes_on_behind_it(connector, "the mapping took too long")

    def test_a_mapping_that_eats_the_memory(self):
        if self.city.is_sanitized():
            self.skipTest("sanitizers want all the address space")
        connector = self.connector('reduce range(40) as $i ("x"; . + .)', 'map_timeout = "10m"; memory_most = "1GiB";')
        self.ends_and_goes_on_behind_it(connector, "the mapping ran out of memory")


if __name__ == "__main__":
    unittest.main()
