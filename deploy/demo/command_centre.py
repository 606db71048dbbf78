#!/usr/bin/env python3
"""The demo city's police command centre: alarms as CAP 1.2 messages over TCP, each framed as RFC 6587 has it.

    command_centre.py [--address HOST:PORT] [--rate N]

Without an address the hub is asked where the connector `emergency` listens. Some alarms are amended or called off later,
one in ten is an exercise, and one in a hundred is not as CAP wants it.
"""
import argparse
import random
import signal
import socket
import sys
import time
from datetime import datetime, timedelta, timezone
from xml.sax.saxutils import escape

import city

ALARMS_A_DAY = 500
SHANGHAI = timezone(timedelta(hours=8))
SENDER = "centre@110.invalid"
AMENDED, CALLED_OFF, EXERCISE, BROKEN = 0.10, 0.03, 0.10, 0.01

# CAP's category, the centre's word, what is said
EVENTS = (
    ("Rescue", "有人落水", "一人在示例桥东侧落水。"),
    ("Health", "急救", "老人在示例路摔倒，不能起身。"),
    ("Fire", "火警", "示例小区三楼冒烟。"),
    ("Safety", "警情", "示例市场门口有人争执。"),
    ("Infra", "停电", "示例街整条街停电。"),
    ("Infra", "漏水", "示例路水管爆裂。"),
)


class Centre:
    """One connection; a message that was not answered is sent again."""

    def __init__(self, address):
        self.given, self.stream = address, None

    def connect(self):
        address = self.given or city.address_of("emergency")
        if address is None:
            return
        host, _, port = address.removeprefix("tcp://").rpartition(":")
        try:
            self.stream = socket.create_connection((host, int(port)), timeout=30)
        except (OSError, ValueError):
            self.stream = None

    def exchange(self, document):
        """The answer's text; None: nobody is there."""
        body = document.encode()
        try:
            self.stream.sendall(b"%d " % len(body) + body)
            size = b""
            while not size.endswith(b" "):
                size += self.receive(1)
            return self.receive(int(size)).decode()
        except (OSError, ValueError):
            self.stream.close()
            self.stream = None
            return None

    def receive(self, size):
        taken = b""
        while len(taken) < size:
            part = self.stream.recv(size - len(taken))
            if not part:
                raise OSError("closed")
            taken += part
        return taken

    def send(self, document):
        while True:
            if self.stream is None:
                self.connect()
            answer = self.exchange(document) if self.stream is not None else None
            if answer is not None:
                return answer
            time.sleep(1)


def element(name, text):
    return f"<{name}>{escape(text)}</{name}>"


def message(identifier, kind, status, references, event, dice, who):
    category, word, text = event
    sent = datetime.now(SHANGHAI).isoformat(timespec="seconds")
    lines = [element("identifier", identifier), element("sender", SENDER), element("sent", sent),
             element("status", status), element("msgType", kind), element("scope", "Restricted"),
             element("restriction", "联动单位")]
    if references:
        lines.append(element("references", references))
    urgency = "Immediate" if dice.random() < 0.7 else "Expected"
    lines.append("<info>" + element("language", "zh-CN") + element("category", category) + element("event", word) +
                 element("urgency", urgency) + element("severity", "Severe") + element("certainty", "Observed") +
                 element("description", text) +
                 "".join(f"<parameter>{element('valueName', name)}{element('value', value)}</parameter>"
                         for name, value in (("channel", "phone"), ("caller", who["name"]), ("phone", who["phone"]))) +
                 f"<area>{element('areaDesc', who['address'])}"
                 f"<geocode>{element('valueName', 'GB2260')}{element('value', city.area(dice))}</geocode></area></info>")
    return f'<alert xmlns="urn:oasis:names:tc:emergency:cap:1.2">{"".join(lines)}</alert>', sent


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--address")
    options.add_argument("--rate", type=float, default=1.0, help="the day goes so many times faster")
    arguments = options.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    dice, centre, number = random.Random(), Centre(arguments.address), 0
    begun = datetime.now(SHANGHAI).strftime("%Y%m%d-%H%M%S")  # so that identifiers never come again after a restart
    for pause in city.pauses(ALARMS_A_DAY, arguments.rate, dice):
        time.sleep(pause)
        number += 1
        identifier, event, who = f"DEMO-{begun}-{number}", dice.choice(EVENTS), city.person(dice)
        status = "Exercise" if dice.random() < EXERCISE else "Actual"
        document, sent = message(identifier, "Alert", status, None, event, dice, who)
        if dice.random() < BROKEN:
            document = document.replace(element("scope", "Restricted"), "")
        answer = centre.send(document)
        print(f"{identifier}: {status}, {event[1]}: {answer}")
        chance = dice.random()
        if answer == "OK" and chance < AMENDED + CALLED_OFF:
            kind = "Update" if chance < AMENDED else "Cancel"
            later, _ = message(f"{identifier}-2", kind, status, f"{SENDER},{identifier},{sent}",
                               (event[0], event[1], event[2] + "（补充：已有人在场）"), dice, who)
            print(f"{identifier}-2: {kind}: {centre.send(later)}")


if __name__ == "__main__":
    main()
