"""The command centre over TCP and the real hub: three units are called out at once, each over TCP as well, through crashes on
the way.

Units have five minutes from the time of the alert to answer, so the samples are sent as if they were written now.
"""
import datetime
import os
import pathlib
import queue
import re
import socket
import sys
import threading
import unittest
import xml.etree.ElementTree

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "story"))
from city import BIN, DEADLINE, SOURCE, CityTest
from hub import wait_until

SAMPLES = pathlib.Path(SOURCE, "connectors/emergency/samples")
UNITS = {"police-patrol": "unit-patrol@110.invalid", "water-rescue": "unit-rescue@110.invalid",
         "ambulance": "unit-ambulance@120.invalid"}
NOW = datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds")  # one time: what is repeated stays as it was


class Frames:
    """Octet-counted messages of a connection."""

    def __init__(self, connection):
        self.socket, self.left = connection, b""

    def send(self, message):
        self.socket.sendall(b"%d %b" % (len(message), message))

    def next(self):
        """None: the other side is gone."""
        while True:
            head, space, rest = self.left.partition(b" ")
            if space and len(rest) >= int(head):
                self.left = rest[int(head):]
                return rest[:int(head)].decode()
            try:
                read = self.socket.recv(65536)
            except ConnectionResetError:
                return None
            if not read:
                return None
            self.left += read

    def close(self):
        self.socket.close()


class Line(Frames):
    """As the centre keeps it: each message is answered."""

    def __init__(self, address):
        host, port = re.fullmatch(r"tcp://(.*):(\d+)", address).groups()
        super().__init__(socket.create_connection((host, int(port)), DEADLINE))

    def says(self, message):
        self.send(message)
        return self.next()


def elements(order):
    return {element.tag.partition("}")[2]: element.text for element in xml.etree.ElementTree.fromstring(order).iter()}


class Unit:
    """The program of a unit: takes orders, and knows one that comes again by its identifier."""

    def __init__(self, party):
        self.party, self.answer, self.orders, self.seen = party, b"OK", queue.Queue(), []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return  # the listener is closed
            with connection:
                self.serve(Frames(connection))

    def serve(self, frames):
        while (text := frames.next()) is not None:
            order = elements(text)
            if order["identifier"] not in self.seen:
                self.orders.put(order)
            self.seen.append(order["identifier"])
            if self.answer:
                frames.send(self.answer)

    def takes(self):
        """The next order that it did not see before."""
        return self.orders.get(timeout=DEADLINE)

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()


def sample(name):
    text = (SAMPLES / f"{name}.xml").read_text(encoding="utf-8")
    return re.sub("<sent>.*</sent>", f"<sent>{NOW}</sent>", text).encode()


def answer_to(order, step):
    """A message of the unit that has this order."""
    text = sample("on-scene-order").decode().replace("unit-patrol@110.invalid", order["addresses"])
    text = text.replace("P-8", f"{order['identifier']}-{step}").replace("on_scene", step)
    return text.replace("ZJ-20261124-1/h2", order["identifier"]).encode()


class Emergency(CityTest):
    def setUp(self):
        super().setUp()
        self.city.grant("emergency", "connector", sources=["emergency"], parties=list(UNITS), private="all")
        self.connector = self.city.connector("emergency")
        self.folder = pathlib.Path(self.city.path("emergency-connector"))
        self.units = [Unit(party) for party in UNITS]
        (self.folder / "targets.csv").write_text(
            "target,host,port\n" + "".join(f"{unit.party},127.0.0.1,{unit.port}\n" for unit in self.units))
        self.started = 0
        self.start()
        for unit in self.units:
            self.addCleanup(unit.close)
            unit.connector = self.orders(unit.party).start()

    def orders(self, party):
        """The connector of a unit. It has not begun anywhere yet, so it begins with the first event."""
        name, config = f"orders-{party}", self.folder / f"orders-{party}.cfg"
        text = (self.folder / "orders.cfg").read_text().replace("water-rescue", party)
        text = text.replace("with_case", 'from = "all"; retry_first = "20ms"; retry_most = "200ms"; with_case')
        config.write_text(text + "memory_most = 0;\n")
        self.city.grant(name, "connector", sources=["emergency"], parties=[party], private="all")
        return self.city.program(name, os.path.join(BIN, "casehub-connect"), "run", name, "--config", config,
                                 CASEHUB_HUB=self.city.ready["tcp"], CASEHUB_KEY=self.city.path(name))

    def start(self):
        """It tells the hub where it listens each time it starts."""
        self.connector.start()
        self.started += 1
        said = self.city.wait_for("hub.connector.>", self.is_running, self.started)
        self.line = Line(said["data"]["address"])
        self.addCleanup(self.line.close)

    @staticmethod
    def is_running(event):
        return (event["data"]["connector"], event["data"]["state"]) == ("emergency", "running")

    def restart(self):
        self.connector.kill()
        self.line.close()
        self.start()

    def ack(self, unit, step):
        """As the unit's own message, an identifier a step."""
        text = sample("on-scene").decode().replace("unit-patrol@110.invalid", UNITS[unit])
        return text.replace("P-7", f"{unit}-{step}").replace("on_scene", step).encode()

    def opened(self):
        return [case["case"] for case in self.city.casehub("case", "list")]

    def is_delivered(self, order):
        self.city.wait_for("handoff.delivered.>", lambda event: event["data"]["handoff"] == order["identifier"])

    def letters(self):
        return self.city.casehub("deadletter", "list")

    def test_a_message_that_is_refused_is_told_why_and_the_next_is_taken(self):
        self.assertRegex(self.line.says(sample("no-scope")), r"^ERROR invalid: .*: scope: it is empty$")
        self.assertRegex(self.line.says(sample("unknown-event")), r"^ERROR not-found: .*: event: ")
        self.assertRegex(self.line.says(b"<alert>"), r"^ERROR refused: .*no element found$")
        self.assertEqual(self.opened(), [])
        self.assertEqual(self.line.says(sample("alert")), "OK")
        self.assertEqual(self.letters(), [])

    def test_three_units_are_called_at_once_and_each_comes_on_its_own(self):
        self.assertEqual(self.line.says(sample("alert")), "OK")
        case, = self.opened()
        orders = {unit.party: unit.takes() for unit in self.units}
        for party, order in orders.items():
            self.assertEqual([order[name] for name in ("addresses", "msgType", "status", "incidents", "headline", "areaDesc")],
                             [UNITS[party], "Alert", "Actual", case, "样例桥下有人落水", "样例桥东侧"])
            self.is_delivered(order)
        self.assertEqual(self.states(case), dict.fromkeys(UNITS, "delivered"))
        for party in ("ambulance", "police-patrol"):
            for step in ("accepted", "on_scene"):
                self.assertEqual(self.line.says(answer_to(orders[party], step)), "OK")
        self.assertEqual(self.states(case), {"police-patrol": "started", "ambulance": "started", "water-rescue": "delivered"})
        self.assertEqual([event["data"]["value"] for event in self.timeline(case) if event["type"] == "case.milestone"],
                         ["ambulance", "police-patrol"])
        self.assertEqual(self.line.says(sample("update")), "OK")
        for order in orders.values():
            self.assertEqual(self.line.says(answer_to(order, "done")), "OK")
        self.assertEqual(self.shown(case)["state"], "resolved")
        self.folds_to_the_same()

    def test_a_unit_that_does_not_answer_is_urged_and_one_that_is_not_needed_is_relieved(self):
        self.assertEqual(self.line.says(sample("alert")), "OK")
        rescue, patrol = (next(unit for unit in self.units if unit.party == party) for party in ("water-rescue", "police-patrol"))
        first, second = rescue.takes(), patrol.takes()
        self.city.casehub("handoff", "urge", first["identifier"], "--text", "请立即答复")
        self.city.casehub("handoff", "withdraw", second["identifier"], "--reason", "duplicate")
        for unit, order, kind, text in ((rescue, first, "Update", "instruction"), (patrol, second, "Cancel", "note")):
            later = unit.takes()
            self.assertEqual((later["msgType"], later[text]), (kind, {"instruction": "请立即答复", "note": "duplicate"}[text]))
            self.assertEqual(later["references"], ",".join(order[name] for name in ("sender", "identifier", "sent")))

    def test_a_unit_that_is_away_gets_its_order_later_and_one_that_refuses_it_makes_a_dead_letter(self):
        away, refusing, other = self.units
        away.answer, refusing.answer = b"BUSY", b"ERROR no such unit here"
        self.assertEqual(self.line.says(sample("alert")), "OK")
        refused = refusing.takes()
        order = away.takes()
        self.is_delivered(other.takes())
        wait_until(lambda: away.seen.count(order["identifier"]) >= 3, "it is asked again", DEADLINE)
        away.answer = b"OK"
        self.is_delivered(order)
        letter, = wait_until(self.letters, "a dead letter", DEADLINE)
        self.assertEqual((letter["connector"], letter["code"], letter["reason"]),
                         (f"outward-orders-{refusing.party}", "refused", "the receiver refused it"))
        self.assertEqual(self.states(self.opened()[0])[refusing.party], "offered")
        self.assertNotEqual(refused["identifier"], order["identifier"])

    def test_a_unit_answers_an_order_of_a_case_that_another_system_opened(self):
        case = self.open("hotline", category="health.ambulance", title="有人晕倒")
        order = next(unit for unit in self.units if unit.party == "ambulance").takes()
        self.assertEqual((order["incidents"], order["headline"]), (case, "有人晕倒"))
        self.assertEqual(self.line.says(answer_to(order, "accepted")), "OK")
        self.assertEqual(self.states(case), {"ambulance": "accepted"})

    def test_an_exercise_reaches_no_real_department_and_no_unit(self):
        parties = self.parties(*UNITS)
        self.assertEqual(self.line.says(sample("exercise")), "OK")
        self.assertEqual(self.line.says(sample("alert")), "OK")
        for party in parties:
            self.assertFalse(party.takes()["subject"].startswith("T-"))
            self.assertTrue(party.has_no_offer())
        for unit in self.units:
            order = unit.takes()
            self.assertEqual((order["status"], order["incidents"].startswith("T-")), ("Actual", False))
            self.assertEqual(unit.seen, [order["identifier"]])

    def test_what_got_no_answer_is_sent_again_and_nothing_is_lost_or_twice(self):
        """Killed between a message and its answer, whether it was durable by then or not."""
        messages = [sample("alert"), *(self.ack(unit, step) for unit in UNITS for step in ("accepted", "on_scene"))]
        for message in messages:
            self.line.send(message)
            self.restart()
            self.assertEqual(self.line.says(message), "OK")
            self.assertEqual(self.line.says(message), "OK")
        case, = self.opened()
        self.assertEqual(self.states(case), dict.fromkeys(UNITS, "started"))
        types = self.types(case)
        self.assertEqual([types.count(name) for name in ("case.opened", "handoff.started", "case.milestone")], [1, 3, 3])
        self.folds_to_the_same()

    def test_an_order_whose_answer_was_lost_in_a_crash_comes_again_under_its_identifier(self):
        for unit in self.units:
            unit.answer = None
        self.assertEqual(self.line.says(sample("alert")), "OK")
        for unit in self.units:  # it has the order, and nobody knows that when the connector dies
            order = unit.takes()
            unit.connector.kill()
            unit.answer = b"OK"
            unit.connector.start()
            self.is_delivered(order)
        for unit in self.units:
            self.assertEqual(len(set(unit.seen)), 1)
            self.assertGreater(len(unit.seen), 1)
        case, = self.opened()
        self.assertEqual(self.types(case).count("handoff.delivered"), 3)
        self.assertEqual(self.letters(), [])


if __name__ == "__main__":
    unittest.main()
