#!/usr/bin/env python3
"""The demo city's departments and its citizens' desk, each with a key of its own:

    departments.py ENDPOINT KEYS_DIR [--party PARTY]... [--pace SECONDS] [--rejects SHARE]

A department needs no memory: what it has to do next is what the hub tells it. An offer it accepts, what it accepted it
starts, what it started it completes; each is acknowledged once the next step is on the hub's disk. The ids are made of
the handoff's, so whatever comes twice is answered once. The desk asks the citizen about each case that is resolved.
"""
import argparse
import csv
import heapq
import os
import pathlib
import random
import re
import signal
import sys
import time

import zmq

import city

TOP = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TOP / "hub/client/examples"))
from department import PING, SUBSCRIBE, TEMPORARY, Hub  # noqa: E402

DESK = "citizen-desk"
CREDIT = 64
NEXT = {"handoff.offered": "accepted", "handoff.accepted": "started", "handoff.started": "completed"}


class Member(Hub):
    """One of many in this process: thinks about an event for a while, then says what follows."""

    def __init__(self, endpoint, key_file, name, patterns, pace):
        super().__init__(endpoint, str(key_file), name)
        self.patterns, self.pace = patterns, pace
        self.thinking, self.seen = [], {}

    def on_welcome(self, protocol, code, version, name, role, epoch, sequence, batch, body, window, heartbeat, *_):
        print(f"{self.party}: connected to {code}")
        self.heartbeat, self.open = heartbeat / 1000, True
        self.thinking, self.seen = [], {}  # what was not acknowledged comes again
        self.send(SUBSCRIBE, self.number(), 1, f"demo-{self.party}", self.patterns, CREDIT, {"all": True})
        self.publish_again()

    def on_offer(self, event):
        if event["sequence"] not in self.seen:  # else told again because we think so long
            self.seen[event["sequence"]] = event
            self.think_about(event)

    def think_about(self, event):
        delay = self.pace * random.uniform(0.5, 1.5)
        heapq.heappush(self.thinking, (time.monotonic() + delay, event["sequence"], event))

    def say_what_is_due(self):
        while self.thinking and self.thinking[0][0] <= time.monotonic():
            _, sequence, event = heapq.heappop(self.thinking)
            self.publish(sequence, self.follows(event))

    def on_published(self, request, results):
        sequence, _ = self.waiting.get(request, (0, None))
        if any("co-workers-open" in str(result) for result in results):  # who leads waits for the others
            self.waiting.pop(request, None)
            if sequence in self.seen:  # else, after a reconnect, the hub tells it again
                self.think_about(self.seen[sequence])
            return
        if not any(result[0] in TEMPORARY for result in results):
            self.seen.pop(sequence, None)
        super().on_published(request, results)

    def event(self, id, type, about, **more):
        return {"specversion": "1.0", "id": id, "source": self.party, "type": type, "time": int(time.time() * 1000),
                "subject": about["subject"], **more}

    def keep_in_touch(self):
        """Reconnects, and says that we are here. Answers the seconds until it has to be called again."""
        now = time.monotonic()
        if now - self.heard > (3 * self.heartbeat if self.open else 5.0):
            self.connect()
        elif self.open and now - self.said >= self.heartbeat:
            self.said = now
            self.send(PING, 0)
        return self.heartbeat / 2


class Department(Member):
    def __init__(self, endpoint, key_file, party, pace, rejects):
        super().__init__(endpoint, key_file, party, [f"{type}.*.{party}.>" for type in NEXT], pace)
        self.rejects = rejects

    def follows(self, event):
        handoff = event["data"]["handoff"]
        step, data = NEXT[event["type"]], {"handoff": handoff}
        if step == "accepted" and city.decided(self.rejects, "rejects", handoff):
            step = "rejected"
            data.update(reason="not-ours", text="不属于本部门职责，请另行派单。")
        elif step == "completed":
            data["text"] = city.answer_of(self.party)
        return [self.event(f"{handoff}/{step}", f"handoff.{step}", event, party=self.party, data=data)]


class Desk(Member):
    """Few are not satisfied; their cases are taken up again, once."""

    def __init__(self, endpoint, key_file, pace):
        super().__init__(endpoint, key_file, DESK, ["case.resolved.>"], pace)

    def follows(self, event):
        case, cycle = event["subject"], event["cycle"]
        satisfied = not city.decided(0.02, "feedback", case, str(cycle))
        said = [self.event(f"{case}/feedback/{cycle}", "case.feedback", event, data={
            "score": 5 if satisfied else 2, "satisfied": satisfied,
            "text": "谢谢，很满意。" if satisfied else "还没有解决，请再来看一看。"})]
        if not satisfied and cycle == 1:
            said.append(self.event(f"{case}/reopened/{cycle}", "case.reopened", event, data={"reason": "not-solved"}))
        return said


def members(arguments):
    keys = pathlib.Path(arguments.keys)
    with open(TOP / "schemas/city/parties.csv", encoding="utf-8") as file:
        rows = {row["code"]: row for row in csv.DictReader(file)}
    for party in arguments.party or rows:
        # Who is supervised by nobody has nobody to pass it to.
        rejects = arguments.rejects if rows[party]["supervisor"] else 0
        yield Department(arguments.endpoint, keys / f"{party}.key", party, arguments.pace, rejects)
    if not arguments.party:
        yield Desk(arguments.endpoint, keys / f"{DESK}.key", arguments.pace)


def run(everybody):
    poller = zmq.Poller()
    polled = {}  # member -> the socket that the poller knows; a reconnect makes a new one
    while True:
        wait = 5.0
        for member in everybody:
            wait = min(wait, member.keep_in_touch())
            member.say_what_is_due()
            if member.thinking:
                wait = min(wait, max(0.0, member.thinking[0][0] - time.monotonic()))
            if polled.get(member) is not member.socket:
                if member in polled:
                    poller.unregister(polled[member])
                poller.register(member.socket, zmq.POLLIN)
                polled[member] = member.socket
        ready = dict(poller.poll(int(wait * 1000) + 1))
        for member in everybody:
            while ready.get(member.socket) and member.socket.getsockopt(zmq.EVENTS) & zmq.POLLIN:
                member.take()


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("endpoint")
    options.add_argument("keys")
    options.add_argument("--party", action="append", help="only these; without: all of them, and the desk")
    options.add_argument("--pace", type=float, default=3.0, help="seconds that a step takes, about")
    options.add_argument("--rejects", type=float, default=0.03, help="share of the offers that is rejected")
    # Nothing is kept that the hub does not know, so nothing has to be sent before we go.
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    everybody = list(members(options.parse_args()))
    for member in everybody:
        member.connect()
    run(everybody)


if __name__ == "__main__":
    main()
