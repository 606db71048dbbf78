"""Who may come in, say what, and see what. Nothing is allowed that no grant allows."""
import os
import stat
import sys
import unittest

import zmq

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import chp
from chp import event
from hub import HubTest, OwnHubTest, wait_until

ROLES = "connector department supervisor operator read-only auditor".split()
PRIVATE = {"name": "Made-up Citizen", "phone": "000-1234"}


class Door(OwnHubTest):
    def setUp(self):
        self.hub = self.new_hub().start()

    def test_a_key_without_a_grant_is_refused_in_the_handshake(self):
        before = self.hub.metric("casehub_denied_keys_total")
        self.hub.new_key("stranger")
        client = self.hub.connect("stranger", monitored=True)
        self.assertEqual(client.handshake(), zmq.EVENT_HANDSHAKE_FAILED_AUTH)
        self.assertGreater(self.hub.metric("casehub_denied_keys_total"), before)

    def test_a_client_that_takes_another_for_the_hub_is_not_let_in(self):
        self.hub.new_key("other")
        keys = chp.read_keys(self.hub.path("operator"))
        client = chp.Client(self.hub.ready["tcp"], {**keys, "server": chp.read_keys(self.hub.path("other"))["public"]},
                            monitored=True)
        self.hub.clients.append(client)
        self.assertNotEqual(client.handshake(), zmq.EVENT_HANDSHAKE_SUCCEEDED)

    def test_a_client_without_encryption_is_not_let_in(self):
        client = self.hub.connect(None, monitored=True)
        self.assertNotEqual(client.handshake(), zmq.EVENT_HANDSHAKE_SUCCEEDED)

    def test_a_revoked_grant_ends_the_live_session_and_shuts_the_door(self):
        client = self.hub.granted("hotline", "connector", sources=["hotline"])
        client.publish_one("case.opened", "hotline", "1", {"kind": "request"})
        subscription = client.subscribe("case.>")
        self.hub.casehub("key", "revoke", self.hub.path("hotline.pub"))
        error = client.error()
        self.assertEqual((error.code, error.where), ("denied", "HELLO"))
        with self.refused("invalid", "HELLO"):
            client.publish(event("case.opened", "hotline", "2", {"kind": "request"}))
        with self.refused("denied", "HELLO"):
            client.hello()
        self.hub.client().publish_one("case.opened", "desk/operator", "3", {"kind": "request"})
        self.assertEqual(client.take_all(lambda heard: heard.verb == "EVENTS"), [])
        self.assertEqual(subscription.heard, [])
        self.assertEqual(self.hub.connect("hotline", monitored=True).handshake(), zmq.EVENT_HANDSHAKE_FAILED_AUTH)

    def test_a_narrower_grant_holds_at_the_next_message_and_the_next_delivery(self):
        client = self.hub.granted("both", "connector", sources=["hotline", "grid"], private="all")
        operator = self.hub.client()
        subscription = client.subscribe("case.opened.>")
        operator.publish_one("case.opened", "hotline", "1", {"kind": "request"}, private=PRIVATE)
        self.assertEqual(subscription.event()["private"], PRIVATE)
        self.hub.grant("both", "connector", sources=["grid"])
        answer, = client.publish(event("case.opened", "hotline", "2", {"kind": "request"}))
        self.assertEqual((answer["code"], answer["where"]), ("denied", "source"))
        operator.publish_one("case.opened", "hotline", "3", {"kind": "request"}, private=PRIVATE)
        operator.publish_one("case.opened", "grid", "4", {"kind": "request"}, private=PRIVATE)
        seen = subscription.event()
        self.assertEqual((seen["id"], "private" in seen), ("4", False))
        self.assertEqual(subscription.rest(), [])

    def test_a_grant_survives_a_restart_and_so_does_its_end(self):
        self.hub.grant("stays", "auditor")
        self.hub.grant("goes", "auditor")
        self.hub.casehub("key", "revoke", self.hub.path("goes.pub"))
        self.hub.stop()
        self.hub.start()
        self.assertEqual(self.hub.client("stays").welcome.name, "stays")
        self.assertEqual(self.hub.connect("goes", monitored=True).handshake(), zmq.EVENT_HANDSHAKE_FAILED_AUTH)

    def test_an_operator_of_the_configuration_is_gone_when_the_configuration_names_it_no_more(self):
        self.hub.grant("second", "operator")
        self.hub.stop()
        del self.hub.settings["operator_keys"]
        self.hub.write_config()
        self.hub.start()
        self.assertEqual(self.hub.connect("operator", monitored=True).handshake(), zmq.EVENT_HANDSHAKE_FAILED_AUTH)
        self.assertEqual(self.hub.client("second").welcome.role, "operator")


class Local(OwnHubTest):
    def test_whoever_may_open_the_ipc_socket_has_the_role_that_is_configured(self):
        hub = self.new_hub(ipc="ipc://hub.ipc", local_role="auditor")
        endpoint = f"ipc://{hub.path('hub.ipc')}"
        hub.settings["ipc"] = endpoint
        hub.write_config()
        hub.start()
        self.assertEqual(stat.S_IMODE(os.stat(hub.path("hub.ipc")).st_mode), 0o600)
        client = hub.connect(None, endpoint)
        self.assertEqual((client.hello().name, client.welcome.role), ("local", "auditor"))
        with self.refused("denied", "PUBLISH"):
            client.publish(event("case.opened", "hotline", "1", {"kind": "request"}))
        self.assertEqual(client.query("status")[0]["hub"], "ZJ")


class Say(HubTest):
    """Verbs, queries and events by role. All grants are for the system hotline, urban-mgmt and area 3309."""

    @classmethod
    def prepare(cls):
        cls.clients = {role: cls.hub.granted(f"the-{role}", role, sources=["hotline"], parties=["urban-mgmt"],
                                             areas=["3309"]) for role in ROLES}
        cls.operator = cls.hub.client()

    def test_before_hello_every_verb_is_refused_with_its_request(self):
        for verb in chp.VERBS:
            if verb in chp.ANSWERS and verb not in ("PING", "PONG") or verb == "HELLO":
                continue
            with self.subTest(verb):
                client = self.hub.connect()
                client.send_frames(chp.pack(verb, 77, 1))
                error = client.wait(lambda heard: heard.verb == "ERROR")
                self.assertEqual((error.request, error.code, error.where), (77, "invalid", "HELLO"))

    def test_each_role_may_use_the_verbs_that_are_its_own(self):
        # Sent so that they fail behind the gate, or succeed: only "denied where the verb" is the gate itself.
        arguments = {"PUBLISH": (None,), "SUBSCRIBE": (900, None, ["case.opened.>"], 0), "ACK": (901, 5), "NAK": (901, 5),
                     "CREDIT": (901, 1), "SEEK": ("nobodys", {"all": True}), "UNSUBSCRIBE": (901,), "READ": (1, 1),
                     "QUERY": ("status",), "PING": ()}
        denied = {("read-only", "PUBLISH"), ("auditor", "PUBLISH")}
        for role, client in self.clients.items():
            for verb, given in arguments.items():
                with self.subTest(role=role, verb=verb):
                    body = [event("case.opened", "nobody", "1")] if verb == "PUBLISH" else None
                    answer = client.wait(lambda heard, r=client.send(verb, *given, body=body): heard.request == r)
                    refused = answer.verb == "ERROR" and (answer.code, answer.where) == ("denied", verb)
                    self.assertEqual(refused, (role, verb) in denied, answer)

    def test_what_only_the_hub_says_is_invalid_from_a_client(self):
        for verb in chp.ANSWERS:
            if verb in ("PING", "PONG"):
                continue
            with self.subTest(verb):
                client = self.clients["operator"]
                request = 5000 + chp.NUMBERS[verb]
                whole = {"WELCOME": (1, "ZJ", "1", "n", "r", 1, 1, 1, 1, 1, 1), "PUBLISHED": ([],),
                         "SUBSCRIBED": (1, 1, 1, True), "EVENTS": (1,), "RESULT": (False,), "ERROR": ("busy", "x"),
                         "DONE": ()}[verb]
                client.send(verb, *whole, request=request)
                with self.refused("invalid", "verb"):
                    client.answer(request)

    def test_each_role_may_ask_the_queries_that_are_its_own(self):
        everybody = set(ROLES)
        rows = {  # query -> arguments, who may ask
            "status": ({}, everybody), "cases": ({}, everybody), "handoffs": ({}, everybody),
            "parties": ({}, everybody), "subscriptions": ({}, everybody),
            "route": ({"system": "hotline", "category": "lamp"}, everybody),
            "grants": ({}, {"operator", "auditor"}),
            "deadletters": ({}, {"operator", "auditor", "connector"}),
            "connectors": ({}, everybody - {"department"}),
            "checkpoint": ({"connector": "the-connector"}, {"operator", "connector"}),
            "backup": ({"dir": "relative"}, {"operator"}),
        }
        for role, client in self.clients.items():
            for name, (arguments, allowed) in rows.items():
                with self.subTest(role=role, query=name):
                    try:
                        client.query(name, **arguments)
                        code = None
                    except chp.Refused as error:
                        code = error.code
                    self.assertEqual(code != "denied", role in allowed, code)

    def test_a_connector_asks_for_no_checkpoint_but_its_own(self):
        with self.refused("denied"):
            self.clients["connector"].query("checkpoint", connector="another")

    def test_each_role_may_publish_the_types_that_are_its_own(self):
        case_and_handoff = {"connector", "department", "supervisor", "operator"}
        rows = {  # type -> data, who may publish it
            "case.opened": ({"kind": "request"}, case_and_handoff),
            "case.noted": ({"text": "x"}, case_and_handoff),
            "handoff.accepted": ({"handoff": "ZJ-20260101-999/h1"}, case_and_handoff),
            "hub.connector": ({"connector": "the-connector"}, {"connector", "operator"}),
            "hub.alert": ({"code": "delivery-failing"}, {"connector"}),
            "hub.checkpoint": ({"connector": "the-connector", "value": "1"}, {"connector"}),
            "hub.deadletter": ({"action": "drop", "number": 999}, {"connector", "operator"}),
            "hub.subscription": ({"name": "x"}, {"operator"}),
            "hub.grant": ({"key": "k" * 40, "name": "x", "role": "auditor"}, {"operator"}),
            "hub.erased": ({"case": "ZJ-20260101-1", "reason": "asked for"}, {"operator"}),
            "hub.config": ({"code": "x"}, set()),
            "clock.met": ({"clock": "x"}, set()),
            "handoff.delivered": ({"handoff": "ZJ-20260101-999/h1"}, set()),
            "handoff.expired": ({"handoff": "ZJ-20260101-999/h1"}, set()),
        }
        for role in ("connector", "department", "supervisor", "operator"):
            for type_, (data, allowed) in rows.items():
                with self.subTest(role=role, type=type_):
                    attributes = {} if type_.startswith("hub.") else {"ref": f"{role}/{type_}", "area": "330902"}
                    answer, = self.clients[role].publish(event(type_, "hotline", f"{role}/{type_}", data, **attributes))
                    gate = answer["code"] in ("denied", "invalid") and answer["where"] == "type"
                    self.assertEqual(not gate, role in allowed, answer)

    def test_a_source_a_party_or_an_area_outside_of_the_grant_is_denied(self):
        connector, department = self.clients["connector"], self.clients["department"]
        rows = [
            (connector, {"source": "hotline2"}, "source"), (connector, {"source": "grid"}, "source"),
            (connector, {"source": "hub"}, "source"), (connector, {"source": "hub/ZJ"}, "source"),
            (self.operator, {"source": "hub/ZJ"}, "source"), (department, {"source": "grid"}, "source"),
            (connector, {"party": "housing"}, "party"), (department, {"party": "housing"}, "party"),
            (connector, {"area": "330203"}, "area"), (department, {"area": "33"}, "area"),
            (self.clients["supervisor"], {"area": "330203"}, "area"),
        ]
        for client, wrong, where in rows:
            with self.subTest(client=client.welcome.name, **wrong):
                whole = event("case.opened", "hotline", "outside", {"kind": "request"}, area="330902")
                answer, = client.publish({**whole, **wrong})
                self.assertEqual((answer["code"], answer["where"]), ("denied", where), answer)

    def test_a_connector_reports_for_no_other_connector(self):
        answer, = self.clients["connector"].publish(event("hub.connector", "hotline", "other", {"connector": "another"}))
        self.assertEqual((answer["code"], answer["where"]), ("denied", "data.connector"))

    def test_a_case_that_is_no_concern_of_theirs_cannot_be_touched(self):
        case = self.operator.publish_one("case.opened", "grid", "far", {"kind": "matter", "category": "power"},
                                         area="330203")["case"]
        for role in ("connector", "department", "supervisor"):
            with self.subTest(role):
                answer, = self.clients[role].publish(event("case.noted", "hotline", f"touch/{role}", {"text": "x"},
                                                           subject=case))
                self.assertEqual((answer["code"], answer["where"]), ("denied", "subject"), answer)

    def test_who_acts_for_another_is_recorded_with_both_names(self):
        case = self.operator.publish_one("case.opened", "grid", "lamp", {"kind": "matter", "category": "lamp"},
                                         area="330902")["case"]
        self.operator.publish_one("handoff.accepted", "desk/operator", "for", {"handoff": f"{case}/h1"}, subject=case,
                                  party="urban-mgmt")
        seen = [row for row in self.operator.query("timeline", case=case) if row["type"] == "handoff.accepted"]
        self.assertEqual([(row["actor"], row["party"]) for row in seen], [("operator", "urban-mgmt")])


class See(HubTest):
    """What each role reads, by READ, by subscription, and by query alike; personal data only with the right."""

    @classmethod
    def prepare(cls):
        operator = cls.hub.client()
        near = operator.publish_one("case.opened", "hotline/1", "1", {"kind": "request", "category": "lamp", "title": "t"},
                                    area="330902", private=PRIVATE, raw=b"made-up record")["case"]
        far = operator.publish_one("case.opened", "grid/1", "1", {"kind": "matter", "category": "power", "title": "t"},
                                   area="330203", private=PRIVATE, raw=b"made-up record")["case"]
        for case, party in ((near, "urban-mgmt"), (far, "power-supply")):
            for step in ("accepted", "started"):
                operator.publish_one(f"handoff.{step}", "desk/operator", f"{case}/{step}", {"handoff": f"{case}/h1"},
                                     subject=case, party=party)
        cls.near, cls.far = near, far

    def rows(self):
        """name, role, scope, right -> sees near, sees far, sees hub events, personal data of near, of far"""
        hotline, urban = {"sources": ["hotline"]}, {"parties": ["urban-mgmt"]}
        return [
            ("connector", hotline, "none", (1, 0, 0, 0, 0)), ("connector", hotline, "own", (1, 0, 0, 1, 0)),
            ("connector", hotline, "all", (1, 0, 0, 1, 0)),
            ("department", urban, "none", (1, 0, 0, 0, 0)), ("department", urban, "own", (1, 0, 0, 1, 0)),
            ("department", urban, "all", (1, 0, 0, 1, 0)),
            ("department", {"parties": ["housing"]}, "all", (0, 0, 0, 0, 0)),
            ("supervisor", {"areas": ["3309"]}, "none", (1, 0, 0, 0, 0)),
            ("supervisor", {"areas": ["3309"]}, "own", (1, 0, 0, 0, 0)),
            ("supervisor", {"areas": ["3309"]}, "all", (1, 0, 0, 1, 0)),
            ("supervisor", {"areas": ["3309"], **urban}, "own", (1, 0, 0, 1, 0)),
            ("supervisor", {}, "all", (1, 1, 0, 1, 1)),
            ("read-only", {"areas": ["3302"]}, "none", (0, 1, 0, 0, 0)),
            ("read-only", {"areas": ["3302"]}, "own", (0, 1, 0, 0, 0)),
            ("read-only", {"areas": ["3302"]}, "all", (0, 1, 0, 0, 1)),
            ("operator", {}, "none", (1, 1, 1, 0, 0)), ("operator", {}, "all", (1, 1, 1, 1, 1)),
            ("auditor", {}, "none", (1, 1, 1, 0, 0)), ("auditor", {}, "own", (1, 1, 1, 0, 0)),
            ("auditor", {}, "all", (1, 1, 1, 1, 1)),
        ]

    def look(self, events):
        """What these events show of near, far, the hub, and of people."""
        def personal(case):
            return any(("private" in e or "raw" in e) for e in events if e.get("subject") == case)
        for e in events:
            self.assertEqual("private" in e, "raw" in e and e["type"] == "case.opened", e)
        return tuple(int(value) for value in (
            any(e.get("subject") == self.near for e in events), any(e.get("subject") == self.far for e in events),
            any(e["type"] in ("hub.grant", "hub.subscription") for e in events), personal(self.near), personal(self.far)))

    def test_each_grant_sees_what_it_covers_and_nothing_else(self):
        for at, (role, scope, private, expected) in enumerate(self.rows()):
            with self.subTest(role=role, private=private, **scope):
                client = self.hub.granted(f"see-{at}", role, private=private, **scope)
                self.assertEqual(self.look(client.read()), expected, "READ")
                live = client.subscribe(">", start={"all": True}, no_ack=True)
                self.assertEqual(self.look(live.rest()), expected, "SUBSCRIBE")
                cases = {row["case"] for row in client.query("cases")}
                self.assertEqual((int(self.near in cases), int(self.far in cases)), expected[:2], "cases")
                for case, sees, reads in ((self.near, expected[0], expected[3]), (self.far, expected[1], expected[4])):
                    if not sees:
                        for name in ("case", "timeline"):
                            with self.refused("not-found"):
                                client.query(name, case=case)
                        continue
                    opened = [row for row in client.query("timeline", case=case) if row["type"] == "case.opened"]
                    self.assertEqual([("private" in row, row["data"]["title"]) for row in opened], [(bool(reads), "t")])
                    row, = client.query("case", case=case)
                    self.assertEqual("private" in row["opened_event"], bool(reads))

    def test_no_topic_and_no_log_line_holds_what_a_citizen_said(self):
        operator = self.hub.client()
        for row in operator.read():
            self.assertNotIn("Citizen", row["topic"])
        self.assertNotIn("Citizen", self.hub.log())
        self.assertNotIn("000-1234", self.hub.log())

    def test_personal_data_rests_sealed_on_disk(self):
        wait_until(lambda: self.hub.metric("casehub_state_sequence") == self.hub.metric("casehub_log_sequence"),
                   "the state is written")
        for folder, _, files in os.walk(self.hub.path("data")):
            for name in files:
                with open(os.path.join(folder, name), "rb") as file:
                    while piece := file.read(1 << 24):
                        if piece.strip(b"\0"):
                            self.assertNotIn(b"Made-up Citizen", piece, name)
                            self.assertNotIn(b"made-up record", piece, name)


if __name__ == "__main__":
    unittest.main()
