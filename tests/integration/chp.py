"""A CHP/1 client, written from hub/wire/CHP1.md and QUERIES.md and nothing else: where it works, the documents suffice.

It says only what it is told to say, but for PONG, and keeps what it hears until somebody asks: tests see every frame.
"""
import itertools
import re
import time

import msgpack
import zmq
from zmq.utils.monitor import parse_monitor_message

HANDSHAKES = (zmq.EVENT_HANDSHAKE_SUCCEEDED | zmq.EVENT_HANDSHAKE_FAILED_AUTH | zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL |
              zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL)
WAIT = 20.0  # seconds until something that must happen counts as missing; never reached when all is well

VERBS = ("HELLO WELCOME PUBLISH PUBLISHED SUBSCRIBE SUBSCRIBED EVENTS ACK NAK CREDIT SEEK UNSUBSCRIBE READ QUERY "
         "RESULT PING PONG ERROR DONE").split()
NUMBERS = {verb: number for number, verb in enumerate(VERBS, 1)}

# Arguments of what the hub says, by position (3.3).
ANSWERS = {
    "WELCOME": "protocol hub_code version name role epoch sequence batch_events body_bytes window_events heartbeat_ms",
    "PUBLISHED": "results",
    "SUBSCRIBED": "subscription sequence epoch existed",
    "EVENTS": "subscription next attempts",
    "RESULT": "more next",
    "ERROR": "code text where position",
    "PING": "", "PONG": "", "DONE": "",
}
ACCEPTED = "sequence caseversion case duplicate".split()
REFUSED = "text where present_state present_version dead_letter".split()


class Refused(Exception):
    """An ERROR that answers a request."""

    def __init__(self, error):
        super().__init__(f"{error.code} at {error.where}: {error.text}")
        self.code, self.text, self.where, self.position = error.code, error.text, error.where, error.position


class Silence(AssertionError):
    """What had to come did not."""


class Message:
    """One thing the hub said. Its arguments are attributes; absent ones are None."""

    def __init__(self, frames):
        version, number, self.request, *arguments = msgpack.unpackb(frames[0])
        assert version == 1, version
        self.verb = VERBS[number - 1]
        for name, value in itertools.zip_longest(ANSWERS[self.verb].split(), arguments):
            if name is not None:
                setattr(self, name, value)
        self.body = msgpack.unpackb(frames[1], strict_map_key=False) if len(frames) > 1 else None

    def __repr__(self):
        return f"<{self.verb} {({k: v for k, v in vars(self).items() if k != 'verb' and v is not None})}>"


def pack(verb, request, *arguments):
    """A header frame."""
    return msgpack.packb([1, NUMBERS.get(verb, verb), request, *arguments])


def answer_of(item):
    """One answer of PUBLISHED as a dict; `code` is None when the event was accepted."""
    names = ACCEPTED if item[0] == 0 else REFUSED
    return {"code": item[0] or None, **dict(zip(names, item[1:]))}


def read_keys(path):
    """public, secret and server of a key file."""
    with open(path, encoding="ascii") as file:
        return dict(re.findall(r'^(\w+)\s*=\s*"(.*)"', file.read(), re.M))


def event(type_, source, id_, data=None, **attributes):
    """An event in produced form. Attributes that are None are left out."""
    whole = {"specversion": "1.0", "id": id_, "source": source, "type": type_, "time": int(time.time() * 1000)}
    whole.update({name: value for name, value in attributes.items() if value is not None})
    return {**whole, "data": data} if data is not None else whole


class Subscription:
    """A delivery of one client."""

    def __init__(self, client, number, answer):
        self.client, self.number = client, number
        self.sequence, self.epoch, self.existed = answer.sequence, answer.epoch, answer.existed
        self.attempts = {}  # of what was delivered again: sequence -> number of the attempt
        self.heard = []

    def _take(self, message):
        self.attempts.update(dict(message.attempts or ()))
        self.heard.extend(message.body)

    def events(self, count, timeout=WAIT):
        """The next `count` events, in the order of their arrival."""
        deadline = time.monotonic() + timeout
        while len(self.heard) < count:
            self._take(self.client.wait(self._is_mine, deadline - time.monotonic()))
        taken, self.heard = self.heard[:count], self.heard[count:]
        return taken

    def events_until(self, wanted, count):
        """The first `count` events for which wanted() holds; others are passed over."""
        found = []
        while len(found) < count:
            event_ = self.event()
            found += [event_] if wanted(event_) else []
        return found

    def event(self, timeout=WAIT):
        return self.events(1, timeout)[0]

    def rest(self):
        """What else has come."""
        self.client.settle()
        for message in self.client.take_all(self._is_mine):
            self._take(message)
        taken, self.heard = self.heard, []
        return taken

    def _is_mine(self, message):
        return message.verb == "EVENTS" and message.subscription == self.number

    def ack(self, *singles, upto=0):
        self.client.send("ACK", self.number, upto, list(singles) or None, request=0)

    def nak(self, sequence, delay_ms=-1, reason=None, final=None, text=None, where=None):
        self.client.send("NAK", self.number, sequence, delay_ms, reason, final, text, where, request=0)

    def credit(self, count):
        self.client.send("CREDIT", self.number, count, request=0)

    def end(self):
        return self.client.ask("UNSUBSCRIBE", self.number)


class Client:
    """One connection; a session once it has said hello(). monitored: handshake() tells how that of libzmq ended."""

    def __init__(self, endpoint, keys=None, monitored=False):
        self.context = zmq.Context.instance()
        self.socket = self.context.socket(zmq.DEALER)
        self.socket.linger = 500
        self.socket.sndhwm = self.socket.rcvhwm = 0
        if keys is not None:
            self.socket.curve_serverkey = keys["server"].encode()
            self.socket.curve_publickey = keys["public"].encode()
            self.socket.curve_secretkey = keys["secret"].encode()
        self.monitor = self.socket.get_monitor_socket(HANDSHAKES) if monitored else None
        self.socket.connect(endpoint)
        self.requests = itertools.count(1)
        self.subscriptions = itertools.count(1)
        self.inbox = []
        self.pings = 0  # that the hub sent
        self.answers_pings = True
        self.welcome = None

    def close(self):
        if self.monitor is not None:
            self.socket.disable_monitor()
            self.monitor.close()
        self.socket.close(linger=0)

    def handshake(self):
        """libzmq's event."""
        if not self.monitor.poll(int(WAIT * 1000)):
            raise Silence("the handshake has no end")
        return parse_monitor_message(self.monitor.recv_multipart())["event"]

    # ---- frames

    def send_frames(self, *frames):
        self.socket.send_multipart(frames)

    def send(self, verb, *arguments, body=None, request=None):
        request = next(self.requests) if request is None else request
        frames = [pack(verb, request, *arguments)]
        self.send_frames(*frames, *([msgpack.packb(body)] if body is not None else []))
        return request

    def _hear(self, timeout):
        if not self.socket.poll(max(0, int(timeout * 1000))):
            return None
        message = Message(self.socket.recv_multipart())
        if message.verb == "PING":
            self.pings += 1
            if self.answers_pings:
                self.send("PONG", request=message.request)
        return message

    def wait(self, wanted, timeout=WAIT):
        """The first message for which wanted() holds; all others stay in the inbox."""
        for at, message in enumerate(self.inbox):
            if wanted(message):
                return self.inbox.pop(at)
        deadline = time.monotonic() + timeout
        while True:
            message = self._hear(deadline - time.monotonic())
            if message is not None and wanted(message):
                return message
            if message is not None and message.verb != "PING":
                self.inbox.append(message)
            if time.monotonic() > deadline:
                raise Silence(f"nothing of the kind for {timeout} s; heard instead: {self.inbox[-5:]}")

    def take_all(self, wanted):
        """What is here already."""
        while self.socket.poll(0):
            message = self._hear(0)
            if message is not None and message.verb != "PING":
                self.inbox.append(message)
        taken = [message for message in self.inbox if wanted(message)]
        self.inbox = [message for message in self.inbox if not wanted(message)]
        return taken

    # ---- requests

    def answer(self, request, timeout=WAIT):
        message = self.wait(lambda heard: heard.request == request and heard.verb != "PING", timeout)
        if message.verb == "ERROR":
            raise Refused(message)
        return message

    def ask(self, verb, *arguments, body=None):
        return self.answer(self.send(verb, *arguments, body=body))

    def error(self, where=None, timeout=WAIT):
        """The next ERROR with request 0."""
        return self.wait(lambda heard: heard.verb == "ERROR" and heard.request == 0 and
                         (where is None or heard.where == where), timeout)

    def hello(self):
        self.welcome = self.ask("HELLO", "chp.py/1", 1, 1)
        return self.welcome

    def send_publish(self, *events, checkpoint=None, default_kind=None, dead_letter=None, history_until_ms=None):
        return self.send("PUBLISH", checkpoint, default_kind, dead_letter, history_until_ms, body=list(events))

    def published(self, request):
        return [answer_of(item) for item in self.answer(request).results]

    def publish(self, *events, **more):
        """One answer (see answer_of) an event."""
        return self.published(self.send_publish(*events, **more))

    def publish_one(self, *event_arguments, **attributes):
        """Of one event that must be accepted: its answer."""
        answer, = self.publish(event(*event_arguments, **attributes))
        assert answer["code"] is None, answer
        return answer

    def subscribe(self, *patterns, credit=1000, name=None, start=None, test_mode=None, involved=None, no_ack=None,
                  ack_timeout_ms=None, deliveries_most=None):
        number = next(self.subscriptions)
        answer = self.ask("SUBSCRIBE", number, name, list(patterns), credit, start, test_mode, involved, no_ack,
                          ack_timeout_ms, deliveries_most)
        return Subscription(self, number, answer)

    def query(self, name, /, **arguments):
        """The rows of all pages."""
        rows = []
        while True:
            result = self.ask("QUERY", name, arguments)
            rows.extend(result.body)
            if not result.more:
                return rows
            arguments = {**arguments, "after": result.next}

    def settle(self):
        """Gives the hub every chance to deliver what it should not: it answers a question behind what it said before, one
        about cases only when the state has all that was acknowledged, and delivers between two questions. Who waits
        for something to come waits for that."""
        for _ in range(3):
            self.ask("QUERY", "cases", {"limit": 1})

    def read(self, start=0, to=0, limit=0, patterns=None, case=None):
        """All events of the range."""
        events = []
        while True:
            answer = self.ask("READ", start, to, limit, patterns, case)
            events.extend(answer.body)
            if not answer.next:
                return events
            start = answer.next
