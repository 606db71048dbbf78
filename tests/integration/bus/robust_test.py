"""What nobody should send, and clients that do not keep up: the hub answers or cuts off, stays within its memory, and
serves the others meanwhile. CASEHUB_LONG=1 makes more of everything."""
import os
import resource
import socket
import struct
import sys
import unittest

import msgpack
import zmq

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import chp
from chp import event, pack
from hub import HubTest, OwnHubTest, wait_until

LONG = os.environ.get("CASEHUB_LONG") == "1"
MIB = 1 << 20
ROOM = 96 * MIB  # what misbehaviour may cost beyond what the hub has at rest; queue_bytes is 16 of it


class RobustTest(OwnHubTest):
    settings = {"queue_bytes": "16MiB", "window_events": 1024}

    def setUp(self):
        self.hub = self.new_hub(**self.settings).start()
        self.honest = self.hub.client()
        self.count = 0
        self.is_served()
        self.at_rest = self.hub.memory()

    def is_served(self):
        """Somebody else publishes, asks and hears of it; and the hub has not grown beyond its bounds."""
        self.count += 1
        answer = self.honest.publish_one("case.opened", "honest", str(self.count), {"kind": "matter"})
        seen, = self.honest.read(answer["sequence"], answer["sequence"])
        self.assertEqual(seen["id"], str(self.count))

    def is_bounded(self, room=ROOM):
        grown = self.hub.memory() - self.at_rest
        if self.hub.is_sanitized():
            room = room * 3 // 2  # what the sanitizer puts around each piece, and keeps of the freed ones
        if os.environ.get("CASEHUB_SHOW"):
            print(f"{self.id()}: {grown / MIB:.1f} MiB", file=sys.stderr)
        self.assertLess(grown, room, f"{grown / MIB:.0f} MiB more than at rest")

    def raw(self, payload=b""):
        """A plain TCP connection to the bus."""
        host, port = self.hub.ready["tcp"].removeprefix("tcp://").split(":")
        connection = socket.create_connection((host, int(port)), chp.WAIT)
        self.addCleanup(connection.close)
        try:
            connection.sendall(payload)
        except OSError:
            pass  # cut off already
        return connection


class Strangers(RobustTest):
    def test_bytes_of_other_protocols_are_cut_off_and_disturb_nobody(self):
        signature = b"\xff" + b"\0" * 8 + b"\x7f"
        greeting = signature + b"\x03\x01"
        rows = {
            "http": b"GET / HTTP/1.1\r\nHost: hub\r\n\r\n" * 100,
            "tls": bytes.fromhex("16030100c8010000c40303") + os.urandom(200),
            "random": os.urandom(65536), "zeros": b"\0" * MIB, "ones": b"\xff" * MIB,
            "zmtp null": greeting + b"NULL" + b"\0" * 16 + b"\0" * 32 + b"\x04\x19\x05READY\x0bSocket-Type\0\0\0\x06DEALER",
            "zmtp plain": greeting + b"PLAIN" + b"\0" * 15 + b"\0" * 32 + b"\x04\x05\x05HELLO",
            "zmtp curve and nonsense": greeting + b"CURVE" + b"\0" * 15 + b"\0" * 32 + os.urandom(4096),
            "zmtp 1": b"\x01\0" + b"\x05\0hello" * 1000,
            "zmtp giant command": greeting + b"CURVE" + b"\0" * 15 + b"\0" * 32 + b"\x06" + struct.pack(">Q", 1 << 62),
            "half a greeting": signature,
            "nothing": b"",
        }
        for name, payload in rows.items():
            with self.subTest(name):
                for _ in range(20):
                    self.raw(payload)
                self.is_served()
                self.is_bounded()
        self.hub.client()

    def test_a_crowd_that_connects_and_says_nothing_keeps_nobody_out(self):
        count = 10_000 if LONG else 2_000
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        if hard < count + 500:
            self.skipTest(f"only {hard} files may be open here")
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, count + 500), hard))
        for at in range(count):
            self.raw()
            if at % 500 == 0:
                self.is_served()
        self.hub.client().query("status")
        self.is_served()
        self.is_bounded()

    def test_more_connections_than_configured_are_cut_and_the_rest_is_served(self):
        self.hub = self.new_hub(sockets=64).start()
        self.honest = self.hub.client()
        for _ in range(400):
            self.raw()
        self.is_served()
        self.hub.client().query("status")  # once those that say nothing have run out of time

    def test_unknown_keys_in_numbers_disturb_nobody(self):
        self.hub.new_key("stranger")
        for _ in range(200 if LONG else 50):
            self.hub.connect("stranger").send("HELLO", "x", 1, 1)
        wait_until(lambda: self.hub.metric("casehub_denied_keys_total") > 50, "they are refused")
        self.is_served()
        self.is_bounded()

    def test_a_client_that_chooses_its_routing_id_is_told_so_or_dropped(self):
        client = self.hub.connect()
        other = client.context.socket(zmq.DEALER)
        self.addCleanup(other.close, 0)
        keys = chp.read_keys(self.hub.path("operator"))
        other.curve_serverkey, other.curve_publickey, other.curve_secretkey = (keys[name].encode() for name in
                                                                               ("server", "public", "secret"))
        other.routing_id = b"chosen"
        other.connect(self.hub.ready["tcp"])
        other.send(pack("HELLO", 1, "x", 1, 1))
        if other.poll(1000 * chp.WAIT):
            heard = chp.Message(other.recv_multipart())
            self.assertEqual((heard.verb, heard.code), ("ERROR", "invalid"))
        self.is_served()


class Malformed(RobustTest):
    """From a client with a grant and a session."""

    def setUp(self):
        super().setUp()
        self.client = self.hub.granted("clumsy", "connector", sources=["clumsy"])

    def heard(self, *frames):
        """The answer to these frames, each followed by a PING: so one that is not answered is noticed."""
        self.client.send_frames(*frames)
        ping = self.client.send("PING")
        answer = self.client.wait(lambda heard: heard.verb != "PING")
        if answer.verb == "PONG" and answer.request == ping:
            return None
        self.client.wait(lambda heard: heard.verb == "PONG" and heard.request == ping)
        return answer

    def valid(self):
        """name -> frames of a message that is answered without changing much."""
        one = event("case.opened", "clumsy", "truncated", {"kind": "request", "title": "t"}, ref="r", area="330902",
                    private={"name": "Made-up"}, raw=b"raw", expectedversion=0)
        checkpoint = {"connector": "clumsy", "from": "never", "to": "never"}
        return {
            "HELLO": [pack("HELLO", 9001, "again", 1, 1)],
            "PUBLISH": [pack("PUBLISH", 9002), msgpack.packb([one, one])],
            "PUBLISH with a checkpoint": [pack("PUBLISH", 9003, checkpoint, "request", 7), msgpack.packb([one])],
            "SUBSCRIBE": [pack("SUBSCRIBE", 9004, 1, "clumsy", ["case.>", ">"], 0, {"sequence": 1, "epoch": 1}, "only",
                               True, False, 1000, 5)],
            "ACK": [pack("ACK", 9005, 77, 5, [6, 7])], "NAK": [pack("NAK", 9006, 77, 5, 100, "why")],
            "CREDIT": [pack("CREDIT", 9007, 77, 5)], "SEEK": [pack("SEEK", 9008, "nobody", {"time": 5})],
            "UNSUBSCRIBE": [pack("UNSUBSCRIBE", 9009, 77)],
            "READ": [pack("READ", 9010, 1, 2, 3, ["case.>"], "ZJ-20260101-1")],
            "QUERY": [pack("QUERY", 9011, "cases", {"limit": 1, "state": "closed"})],
            "PING": [pack("PING", 9012)],
        }

    def test_every_truncation_of_every_message_is_answered_with_an_error(self):
        for name, (header, *body) in self.valid().items():
            with self.subTest(name):
                for size in range(len(header)):
                    self.client.send_frames(header[:size], *body)
                for _ in range(len(header)):
                    answer = self.client.wait(lambda heard: heard.verb != "PING")
                    self.assertEqual(answer.verb, "ERROR", answer)
                    self.assertIn(answer.code, ("invalid", "unsupported", "too-large"), answer)
                for size in range(len(body[0]) if body else 0):
                    self.client.send_frames(header, body[0][:size])
                    answer = self.client.wait(lambda heard: heard.verb != "PING")
                    self.assertEqual((answer.verb, answer.request, answer.code),
                                     ("ERROR", msgpack.unpackb(header)[2], "invalid"), answer)
        self.is_served()

    def test_a_flipped_bit_anywhere_is_answered_one_way_or_another(self):
        for name, (header, *body) in self.valid().items():
            if name == "HELLO":
                continue
            with self.subTest(name):
                for at in range(len(header)):
                    for bit in (0, 3, 7):
                        wrong = bytearray(header)
                        wrong[at] ^= 1 << bit
                        self.client.send_frames(bytes(wrong), *body)
                for at in range(0, len(body[0]) if body else 0):
                    wrong = bytearray(body[0])
                    wrong[at] ^= 1 << (at % 8)
                    self.client.send_frames(header, bytes(wrong))
                self.client.ask("PING")
        self.is_served()
        self.is_bounded()

    def test_bytes_behind_a_value_extension_types_and_the_like_are_invalid(self):
        header = pack("QUERY", 4711, "status")
        publish = pack("PUBLISH", 4711)
        good = msgpack.packb(event("case.opened", "clumsy", "x", {"kind": "request"}))
        rows = {
            "nothing": (b"",), "no array": (b"\xc0",), "an empty array": (b"\x90",), "never used": (b"\xc1",),
            "trailing bytes": (header + b"\0",), "another version": (msgpack.packb([2, 14, 4711, "status"]),),
            "an unknown verb": (msgpack.packb([1, 99, 4711]),), "verb 0": (msgpack.packb([1, 0, 4711]),),
            "request 0": (pack("QUERY", 0, "status"),), "request -1": (pack("QUERY", -1, "status"),),
            "request beyond 2^53": (pack("QUERY", 2**53 + 1, "status"),),
            "a text as a request": (pack("QUERY", "x", "status"),),
            "an extension": (b"\x94\x01\x0e\x01\xd4\x01\x00",), "2^63": (msgpack.packb([1, 14, 4711, 2**63]),),
            "not a number": (msgpack.packb([1, 14, 4711, "cases", {"since": float("nan")}]),),
            "infinity": (msgpack.packb([1, 14, 4711, "cases", {"since": float("inf")}]),),
            "bad UTF-8": (b"\x94\x01\x0e\x01\xa2\xc3\x28",), "a surrogate": (b"\x94\x01\x0e\x01\xa3\xed\xa0\x80",),
            "an overlong": (b"\x94\x01\x0e\x01\xa2\xc0\xaf",),
            "a key twice": (b"\x95\x01\x0e\x01\xa5cases\x82\xa5limit\x01\xa5limit\x02",),
            "a number as a key": (b"\x95\x01\x0e\x01\xa5cases\x81\x01\x01",),
            "no body": (publish,), "a body too many": (header, b"\x90"), "three frames": (publish, b"\x90", b"\x90"),
            "an empty body": (publish, b""), "a map as the body": (publish, b"\x80"),
            "a body with trailing bytes": (publish, b"\x91" + good + b"\0"),
            "a body that ends early": (publish, b"\x92" + good),
        }
        for name, frames in rows.items():
            with self.subTest(name):
                answer = self.heard(*frames)
                self.assertIsNotNone(answer, "no answer")
                self.assertEqual(answer.verb, "ERROR")
                self.assertIn(answer.code, ("invalid", "unsupported"), answer)

    def test_a_bad_event_spoils_no_other_event_of_its_batch(self):
        good = {"specversion": "1.0", "source": "clumsy", "type": "case.opened", "time": 1, "data": {"kind": "request"}}
        deep = b"\x91" * 40 + b"\xc0"
        wrong = {
            "a key twice": b"\x82\xa2id\xa1x\xa2id\xa1y", "no map": b"\x93\x01\x02\x03", "nil": b"\xc0",
            "unknown attribute": msgpack.packb({**good, "id": "x", "nonsense": 1}),
            "empty id": msgpack.packb({**good, "id": ""}), "long id": msgpack.packb({**good, "id": "x" * 201}),
            "control character": msgpack.packb({**good, "id": "a\nb"}),
            "time as a text": msgpack.packb({**good, "id": "x", "time": "now"}),
            "far future": msgpack.packb({**good, "id": "x", "time": 2**60}),
            "both subject and ref": msgpack.packb({**good, "id": "x", "subject": "ZJ-20260101-1", "ref": "r"}),
            "type in capitals": msgpack.packb({**good, "id": "x", "type": "Case.Opened"}),
            "unknown type": msgpack.packb({**good, "id": "x", "type": "case.exploded"}),
            "too deep": msgpack.packb({**good, "id": "x"})[:-1] + b"\xa1x" + deep,
            "too large": msgpack.packb({**good, "id": "x", "data": {"kind": "request", "text": "x" * 300_000}}),
            "too many pairs": msgpack.packb({**good, "id": "x", "data": {f"k{i}": i for i in range(300)}}),
            "hub's attribute": msgpack.packb({**good, "id": "x", "sequence": 1}),
        }
        del wrong["too deep"]
        wrong["too deep"] = msgpack.packb({**good, "id": "x", "data": {"kind": "request", "x": self.nested(20)}})
        bodies = [msgpack.packb({**good, "id": "first"}), *wrong.values(), msgpack.packb({**good, "id": "last"})]
        for name, bad in wrong.items():
            with self.subTest(name):
                body = b"\x93" + msgpack.packb({**good, "id": f"{name} 1"}) + bad + msgpack.packb({**good, "id": f"{name} 2"})
                self.client.send_frames(pack("PUBLISH", 4712), body)
                answer = self.client.wait(lambda heard: heard.request == 4712)
                if answer.verb == "ERROR":  # no message at all by section 2
                    self.assertIn(answer.code, ("invalid", "too-large"), answer)
                    continue
                codes = [item[0] for item in answer.results]
                self.assertEqual((codes[0], codes[2]), (0, 0), answer)
                self.assertIn(codes[1], ("invalid", "too-large"), answer)
        self.assertEqual(len(bodies), len(wrong) + 2)

    def nested(self, depth):
        value = []
        for _ in range(depth):
            value = [value]
        return value

    def test_giant_claims_in_a_few_bytes_cost_nothing(self):
        claims = [b"\xdd\xff\xff\xff\xff", b"\xdf\xff\xff\xff\xff", b"\xc6\xff\xff\xff\xff", b"\xdb\xff\xff\xff\xff",
                  b"\xdc\xff\xff", b"\xde\xff\xff", b"\xc9\xff\xff\xff\xff\x01"]
        for claim in claims:
            for frames in ((claim,), (b"\x94\x01\x0e\x01" + claim,), (pack("PUBLISH", 1), claim),
                           (pack("PUBLISH", 1), b"\x91" + claim), (pack("PUBLISH", 1), b"\x91\x81\xa4data" + claim)):
                for _ in range(20):
                    self.assertEqual(self.heard(*frames).verb, "ERROR")
        self.is_served()
        self.is_bounded(16 * MIB)

    def test_depth_is_refused_before_it_is_followed(self):
        for depth in (7, 33, 1000, 60_000):
            self.assertEqual(self.heard(b"\x91" * depth + b"\xc0").verb, "ERROR")
            self.client.send_frames(pack("PUBLISH", 1), b"\x91" * depth + b"\xc0")
            answer = self.client.wait(lambda heard: heard.request == 1)
            self.assertEqual(answer.verb, "ERROR" if depth > 32 else "PUBLISHED")
        self.assertEqual(self.heard(pack("PUBLISH", 1), b"\x91" * (4 * MIB - 1) + b"\xc0").verb, "ERROR")
        self.is_served()

    def test_frames_beyond_the_limits_are_refused_and_frames_beyond_reason_cut_off(self):
        answer = self.heard(pack("QUERY", 1, "cases", {"state": "x" * 70_000}))
        self.assertEqual((answer.verb, answer.code), ("ERROR", "too-large"))
        answer = self.heard(pack("PUBLISH", 1), b"\xc6" + struct.pack(">I", 4 * MIB - 5) + b"\0" * (4 * MIB - 5))
        self.assertEqual(answer.verb, "ERROR")
        for size in (4 * MIB + 1, 16 * MIB, 64 * MIB):
            self.client.send_frames(pack("PUBLISH", 1), b"\0" * size)
            self.is_served()
            self.is_bounded()
        self.client = self.hub.client("clumsy")
        self.client.publish_one("case.opened", "clumsy", "after", {"kind": "request"})

    def test_a_message_of_a_hundred_thousand_frames_is_no_message(self):
        answer = self.heard(*[b""] * 100_000)
        self.assertEqual((answer.verb, answer.code, answer.where), ("ERROR", "invalid", "body"))
        self.is_bounded()
        answer = self.heard(pack("PUBLISH", 1), *[b"x" * 64] * 100_000)
        self.assertEqual((answer.verb, answer.code), ("ERROR", "invalid"))
        self.is_served()
        self.is_bounded()

    def test_greeting_over_and_over_costs_nothing(self):
        for _ in range(5_000):
            self.client.send("HELLO", "again", 1, 1)
            self.client.take_all(lambda heard: True)
        self.client.hello()
        self.is_served()
        self.is_bounded(16 * MIB)

    def test_there_is_a_most_of_subscriptions(self):
        self.hub = self.new_hub(subscription__most=100).start()
        client = self.hub.client()
        requests = [client.send("SUBSCRIBE", number, None, ["case.>"], 0) for number in range(1, 151)]
        codes = []
        for request in requests:
            message = client.wait(lambda heard, r=request: heard.request == r)
            codes.append(message.code if message.verb == "ERROR" else None)
        self.assertEqual((codes[:100], set(codes[100:])), ([None] * 100, {"full"}))


class Laggards(RobustTest):
    """Clients that take more than they read."""

    def publish(self, batches, size=2000, each=100):
        for _ in range(batches):
            self.count += each
            answers = self.honest.publish(*[event("case.opened", "honest", f"bulk/{self.count}/{i}",
                                                  {"kind": "matter", "text": "x" * size}) for i in range(each)])
            self.assertEqual({answer["code"] for answer in answers}, {None})

    def stuck(self, *patterns, **more):
        """A subscription of a client that does not read on: libzmq takes one message off the wire, then TCP fills up."""
        client = self.hub.connect()
        client.socket.close(linger=0)
        client.socket = client.context.socket(zmq.DEALER)
        keys = chp.read_keys(self.hub.path("operator"))
        client.socket.curve_serverkey, client.socket.curve_publickey, client.socket.curve_secretkey = (
            keys[name].encode() for name in ("server", "public", "secret"))
        client.socket.rcvhwm, client.socket.linger = 1, 0
        client.socket.setsockopt(zmq.RCVBUF, 4096)
        client.socket.connect(self.hub.ready["tcp"])
        client.hello()
        return client.subscribe(*patterns, credit=65536, start={"all": True}, **more)

    def test_subscribers_that_stop_reading_slow_nobody_down_and_cost_a_queue_each(self):
        for _ in range(3):
            self.stuck("case.>", no_ack=True)
        live = self.hub.client().subscribe("case.opened.honest.>", credit=65536, no_ack=True)
        self.publish(60, size=8000)
        self.assertEqual(len(live.events(6000)), 6000)
        self.is_served()
        self.is_bounded(3 * 20 * MIB + ROOM)

    def test_a_subscriber_that_pauses_with_all_the_credit_there_is_misses_nothing(self):
        paused = self.stuck("case.opened.honest.>", no_ack=True)
        self.publish(60, size=8000)
        self.is_served()
        seen = [e["sequence"] for e in paused.events(6000)]
        self.assertEqual(seen, sorted(set(seen)))

    def test_a_subscriber_that_reads_slowly_gets_everything_in_order(self):
        slow = self.hub.client()
        subscription = slow.subscribe("case.opened.honest.>", name="slow", credit=5)
        self.publish(5)
        seen = []
        while len(seen) < 500:
            e = subscription.event()
            seen.append(e["sequence"])
            subscription.ack(e["sequence"])
            subscription.credit(1)
            if len(seen) % 100 == 0:
                self.is_served()
        self.assertEqual(seen, sorted(set(seen)))
        self.is_bounded()

    def test_a_subscriber_that_dies_is_replaced_and_misses_nothing(self):
        first = self.hub.client()
        subscription = first.subscribe("case.opened.honest.>", name="dies", credit=65536)
        self.publish(3)
        events = subscription.events(150)
        subscription.ack(upto=events[99]["sequence"])
        first.settle()
        self.hub.clients.remove(first)
        first.close()
        again = self.hub.client().subscribe("case.opened.honest.>", name="dies", credit=65536)
        self.assertEqual(len(again.events(200)), 200)
        self.assertEqual(again.rest(), [])

    def test_a_client_that_asks_without_listening_is_cut_off_or_waits(self):
        self.publish(20)
        client = self.stuck("case.nothing.>").client
        client.socket.sndtimeo = 2000
        try:
            for _ in range(20_000 if LONG else 4_000):
                client.send("READ", 0, 0, 4096)
        except zmq.Again:
            pass  # the hub reads no more of it: as it should be
        self.is_served()
        self.is_bounded(2 * ROOM)

    def test_a_window_full_of_single_events_is_answered_one_by_one(self):
        self.hub = self.new_hub(window_events=8192).start()
        client = self.hub.granted("single", "connector", sources=["single"])
        requests = [client.send_publish(event("case.opened", "single", str(i), {"kind": "matter"})) for i in range(8192)]
        self.assertEqual({client.published(request)[0]["code"] for request in requests}, {None})

    def test_a_client_that_speaks_and_does_not_read_has_its_session_ended(self):
        self.hub = self.new_hub(heartbeat="200ms").start()
        self.honest = self.hub.client()
        self.publish(100)
        client = self.stuck("case.>", no_ack=True).client

        def is_ended():
            client.send("PING", request=0)
            self.honest.ask("PING")
            return "operator does not read what it is sent" in self.hub.log()
        wait_until(is_ended, "its session ends")
        self.is_served()

    def test_a_backlog_costs_no_memory(self):
        subscription = self.hub.client().subscribe("case.>", name="backlog", credit=1)
        self.publish(100 if LONG else 30, size=4000)
        self.is_bounded()
        subscription.event()
        self.is_served()


del HubTest  # only its children are tests

if __name__ == "__main__":
    unittest.main()
