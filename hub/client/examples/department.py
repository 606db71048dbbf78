#!/usr/bin/env python3
"""The same department, from CHP1.md alone (python3-zmq, python3-msgpack):

    department.py PARTY ENDPOINT [KEY_FILE]
"""
import re
import signal
import sys
import time

import msgpack
import zmq

HELLO, WELCOME, PUBLISH, PUBLISHED, SUBSCRIBE, SUBSCRIBED, EVENTS, ACK = range(1, 9)
CREDIT, PING, PONG, ERROR = 10, 16, 17, 18
TEMPORARY = ("busy", "storage-full", "timeout", "unavailable")


class Hub:
    """One session after another: connect, greet, subscribe, publish again what has no answer."""

    def __init__(self, endpoint, key_file, party):
        self.endpoint, self.party = endpoint, party
        self.keys = dict(re.findall(r'^(\w+)\s*=\s*"(.*)"', open(key_file).read(), re.M)) if key_file else {}
        self.context, self.socket = zmq.Context(), None
        self.requests, self.waiting = 0, {}  # request -> (sequence of the offer, events)

    def send(self, verb, request, *arguments, body=None):
        frames = [msgpack.packb([1, verb, request, *arguments])]
        self.socket.send_multipart(frames + ([msgpack.packb(body)] if body is not None else []))

    def number(self):
        self.requests += 1
        return self.requests

    def connect(self):
        if self.socket is not None:
            self.socket.close()
        self.socket = self.context.socket(zmq.DEALER)
        self.socket.linger = 500
        for option, name in ((zmq.CURVE_SERVERKEY, "server"), (zmq.CURVE_PUBLICKEY, "public"),
                             (zmq.CURVE_SECRETKEY, "secret")):
            if self.keys:
                self.socket.setsockopt(option, self.keys[name].encode())
        self.socket.connect(self.endpoint)
        self.send(HELLO, self.number(), "department.py/1.0", 1, 1)
        self.heartbeat, self.open = 5.0, False
        self.heard = self.said = time.monotonic()

    def publish(self, sequence, events):
        request = self.number()
        self.waiting[request] = (sequence, events)
        self.send(PUBLISH, request, body=events)

    def publish_again(self):
        waiting, self.waiting = self.waiting, {}
        for sequence, events in waiting.values():
            self.publish(sequence, events)

    def on_welcome(self, protocol, code, version, name, role, epoch, sequence, batch, body, window, heartbeat,
                   *_):
        print(f"connected to {code} as {name}", file=sys.stderr)
        self.heartbeat, self.open = heartbeat / 1000, True
        patterns = [f"handoff.offered.*.{self.party}.>"]
        self.send(SUBSCRIBE, self.number(), 1, self.party, patterns, 64, {"all": True})
        self.publish_again()

    def on_offer(self, event):
        """Answers made of nothing but the offer: when it comes twice, they are the same, and taken once."""
        handoff = event["data"]["handoff"]
        self.publish(event["sequence"], [{
            "specversion": "1.0", "id": f"{handoff}/{step}", "source": self.party, "type": f"handoff.{step}",
            "time": event["recordedtime"], "subject": event["subject"], "party": self.party,
            "data": {"handoff": handoff, "text": f"{step} by department.py"},
        } for step in ("accepted", "started", "completed")])

    def on_published(self, request, results):
        if request not in self.waiting:
            return
        if any(result[0] in TEMPORARY for result in results):
            time.sleep(0.1)
            self.publish_again()  # the refused one and all behind it
            return
        sequence, events = self.waiting.pop(request)
        for event, result in zip(events, results):
            print(event["subject"], event["type"], result[0] or "ok", flush=True)
        self.send(ACK, 0, 1, 0, [sequence])  # only now: a crash before brings the offer again
        self.send(CREDIT, 0, 1, 1)

    def on_error(self, request, code, text, where=None, *_):
        if request in self.waiting and code in TEMPORARY:
            self.on_published(request, [[code]])
        elif where == "HELLO" and code in TEMPORARY + ("invalid",):
            self.heard = 0  # begins again
        else:
            sys.exit(f"{code}: {where}: {text}")

    def take(self):
        frames = self.socket.recv_multipart()
        _, verb, request, *arguments = msgpack.unpackb(frames[0])
        self.heard = time.monotonic()
        if verb == WELCOME:
            self.on_welcome(*arguments)
        elif verb == EVENTS:
            for event in msgpack.unpackb(frames[1]):
                self.on_offer(event)
        elif verb == PUBLISHED:
            self.on_published(request, arguments[0])
        elif verb == ERROR:
            self.on_error(request, *arguments)
        elif verb == PING:
            self.send(PONG, request)

    def run(self):
        self.connect()
        while True:
            now = time.monotonic()
            if now - self.heard > (3 * self.heartbeat if self.open else 5.0):
                self.connect()
            elif self.open and now - self.said >= self.heartbeat:
                self.said = now
                self.send(PING, 0)
            if self.socket.poll(int(self.heartbeat * 500)):
                self.take()


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    Hub(sys.argv[2], sys.argv[3] if len(sys.argv) > 3 else None, sys.argv[1]).run()
