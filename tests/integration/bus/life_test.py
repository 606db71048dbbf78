"""A hub's life: configuration, start, heartbeats, new rules, figures, a clean stop and one that is not."""
import glob
import os
import signal
import sys
import unittest
import urllib.error
import urllib.request

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import chp
from chp import event
from hub import HubTest, OwnHubTest, wait_until

STOP_WITHIN = 10  # seconds: what a clean stop promises
ALL = {"all": True}


class Configuration(OwnHubTest):
    def test_what_is_wrong_in_the_configuration_is_told_by_file_and_line(self):
        hub = self.new_hub()
        rows = {
            "no_such_setting = 1;": "no_such_setting", "clients = \"many\";": "clients", "clients = 0;": "clients",
            "clients = 99999999999;": "99999999999", "heartbeat = \"5 parsecs\";": "heartbeat",
            "window_events = 1;": "window_events", "subscription = { deliveries = 5000; };": "deliveries",
            "clients = ;": "", "clients = 1; clients = 2;": "", "@include \"/etc/passwd\"": "include",
        }
        with open(hub.config, encoding="utf-8") as file:
            lines = [line for line in file if not line.startswith(("heartbeat", "operator_keys"))]
        head = "".join(lines).split("store = {")[0]
        for wrong, word in rows.items():
            with self.subTest(wrong):
                path = hub.path("wrong.cfg")
                with open(path, "w", encoding="utf-8") as file:
                    file.write(head + wrong + "\n")
                for arguments in ((), ("--check",)):
                    done = hub.casehubd(*arguments, config=path)
                    self.assertEqual((done.returncode, done.stdout), (78, ""), done.stderr)
                    self.assertIn(f"wrong.cfg:{head.count(chr(10)) + 1}", done.stderr)
                    self.assertIn(word, done.stderr)

    def test_what_is_missing_is_told_by_name(self):
        for name in ("data_dir", "hub_key_file", "curve_key_file", "schemas_dir", "city_dir", "tcp"):
            with self.subTest(name):
                hub = self.new_hub()
                del hub.settings[name]
                hub.write_config()
                done = hub.casehubd()
                self.assertEqual(done.returncode, 78, done.stderr)
                self.assertIn(name, done.stderr)

    def test_a_bad_table_is_told_by_file_and_line(self):
        hub = self.new_hub(own_city=True)
        for name, wrong in (("parties.csv", "water,again,department,,33,bus,\n"), ("categories.csv", "x,no-parent,x\n"),
                            ("areas.csv", "33x,wrong\n"), ("routing.cfg", "routes = nonsense;\n"),
                            ("sla.cfg", "clocks = nonsense;\n"), ("calendar.csv", "2026-02-30,holiday,x\n")):
            with self.subTest(name):
                path = os.path.join(hub.path("city"), name)
                with open(path, encoding="utf-8") as file:
                    good = file.read()
                with open(path, "w", encoding="utf-8") as file:
                    file.write(good + wrong)
                done = hub.casehubd("--check")
                self.assertEqual(done.returncode, 78, done.stdout)
                self.assertIn(f"{name}:{good.count(chr(10)) + 1}", done.stderr)
                with open(path, "w", encoding="utf-8") as file:
                    file.write(good)
        self.assertEqual(hub.casehubd("--check").returncode, 0)

    def test_a_wrong_command_line_is_a_usage_error(self):
        hub = self.new_hub()
        self.assertEqual(hub.casehubd("--no-such-option").returncode, 64)
        self.assertEqual(hub.casehubd("surplus").returncode, 64)
        self.assertEqual(hub.casehubd("--check", config=hub.path("nowhere.cfg")).returncode, 78)

    def test_a_secret_that_others_may_read_is_not_used(self):
        for name in ("curve.key", "hub.key"):
            with self.subTest(name):
                hub = self.new_hub()
                hub.start()
                hub.stop()
                os.chmod(hub.path(name), 0o644)
                done = hub.casehubd()
                self.assertNotEqual(done.returncode, 0)
                self.assertIn(name, done.stderr)

    def test_a_second_daemon_on_one_store_tries_again_later_and_disturbs_nobody(self):
        hub = self.new_hub().start()
        self.assertEqual(hub.casehubd().returncode, 75)
        hub.client().publish_one("case.opened", "grid", "1", {"kind": "matter"})

    def test_a_port_that_is_taken_is_told_and_may_be_free_later(self):
        hub = self.new_hub().start()
        for setting, taken in (("tcp", hub.ready["tcp"]), ("http_port", hub.ready["http_port"])):
            with self.subTest(setting):
                done = self.new_hub(**{setting: taken}).casehubd()
                self.assertEqual(done.returncode, 75)  # whoever starts it tries again
                self.assertIn(str(taken), done.stderr)

    def test_a_role_that_cannot_be_granted_is_told_before_the_start(self):
        hub = self.new_hub(ipc="ipc://hub.ipc")
        hub.settings["local_role"] = "nonsense"
        hub.write_config()
        for arguments in ((), ("--check",)):
            done = hub.casehubd(*arguments)
            self.assertEqual((done.returncode, done.stdout), (78, ""))
            self.assertIn("nonsense", done.stderr)

    def test_more_clients_than_configured_are_told_to_come_later(self):
        hub = self.new_hub(clients=2).start()
        first, _ = hub.client(), hub.client()
        third = hub.connect()
        with self.refused("busy", "HELLO"):
            third.hello()
        self.assertEqual(first.hello().role, "operator")  # one that is in may begin again


class Heartbeats(OwnHubTest):
    def setUp(self):
        self.hub = self.new_hub(heartbeat="100ms").start()

    def test_a_silent_client_is_asked_and_then_forgotten(self):
        client = self.hub.client()
        client.answers_pings = False
        client.subscribe(">", name="silent")
        client.wait(lambda heard: heard.verb == "PING")
        wait_until(lambda: self.hub.metric("casehub_clients") == 0, "the session ends")
        with self.refused("invalid", "HELLO"):
            client.query("status")
        other = self.hub.client()
        row, = other.query("subscriptions", name="silent")
        self.assertFalse(row["connected"])

    def test_a_client_that_speaks_often_enough_stays(self):
        talker, silent = self.hub.client(), self.hub.client()

        def is_alone():
            talker.ask("PING")
            return self.hub.metric("casehub_clients") == 1
        wait_until(is_alone, "the silent one's session ends")
        self.assertEqual(talker.query("status")[0]["clients"], 1)
        self.assertIsNotNone(silent)

    def test_a_client_that_goes_without_a_word_is_noticed(self):
        client = self.hub.client()
        self.hub.clients.remove(client)
        client.close()
        wait_until(lambda: self.hub.metric("casehub_clients") == 0, "the session ends")

    def test_a_ping_is_answered_with_its_number(self):
        client = self.hub.client()
        self.assertEqual(client.answer(client.send("PING", request=4711)).verb, "PONG")
        client.send("PING", request=0)
        client.wait(lambda heard: heard.verb == "PONG" and heard.request == 0)


class Reload(OwnHubTest):
    def setUp(self):
        self.hub = self.new_hub(own_city=True)
        self.hub.start()
        self.routing = os.path.join(self.hub.path("city"), "routing.cfg")
        self.client = self.hub.client()

    def reload(self, text):
        said = self.hub.log().count(text)
        self.hub.signal(signal.SIGHUP)
        wait_until(lambda: self.hub.log().count(text) > said, f"the log says {text}")

    def receiver(self, id_):
        case = self.client.publish_one("case.opened", "grid", id_, {"kind": "matter", "category": "lamp"},
                                       area="330902")["case"]
        return self.client.query("handoffs", case=case)[0]["party"]

    def change(self, old, new):
        with open(self.routing, encoding="utf-8") as file:
            text = file.read()
        self.assertIn(old, text)
        with open(self.routing, "w", encoding="utf-8") as file:
            file.write(text.replace(old, new))

    def test_new_rules_hold_for_new_cases_without_a_restart(self):
        self.assertEqual(self.receiver("1"), "urban-mgmt")
        self.change('category = "lamp";             party = "urban-mgmt"', 'category = "lamp"; party = "housing"')
        self.reload("rules reloaded")
        self.assertEqual(self.receiver("2"), "housing")
        row, = self.client.query("route", system="grid", category="lamp")
        self.assertEqual(row["party"], "housing")
        self.client.publish_one("case.noted", "grid", "3", {"text": "x"}, subject=self.client.query("cases")[-1]["case"])

    def test_a_bad_file_changes_nothing_and_the_log_says_where(self):
        self.change('party = "urban-mgmt";     reason = "category"', 'party = "nobody-at-all"; reason = "category"')
        with open(self.routing, encoding="utf-8") as file:
            line = 1 + [n for n, text in enumerate(file) if "nobody-at-all" in text][0]
        self.reload("the rules are kept as they were")
        self.assertIn(f"routing.cfg:{line}", self.hub.log())
        self.assertEqual(self.receiver("1"), "urban-mgmt")

    def test_a_bad_configuration_changes_nothing_and_the_log_says_where(self):
        with open(self.hub.config, "a", encoding="utf-8") as file:
            file.write("nonsense = 1;\n")
        self.reload("the configuration is kept as it was")
        self.assertIn("hub.cfg:", self.hub.log())
        self.assertEqual(self.receiver("1"), "urban-mgmt")

    def test_the_code_in_every_case_number_cannot_change_while_the_hub_runs(self):
        self.change('hub_code = "ZJ"', 'hub_code = "XX"')
        self.reload("hub_code cannot change")
        self.assertEqual(self.client.publish_one("case.opened", "grid", "1", {"kind": "matter"})["case"][:3], "ZJ-")


class Restart(OwnHubTest):
    """What was acknowledged is there, however the hub ended."""

    def setUp(self):
        self.hub = self.new_hub(window_events=65536)
        self.hub.start()
        self.hub.grant("importer", "connector", sources=["grid"])

    def load(self, batches=60):
        """Publishes without waiting for answers: (client, {request: ids})."""
        client = self.hub.client("importer")
        sent = {}
        for batch in range(batches):
            ids = [f"{batch}/{i}" for i in range(256)]
            sent[client.send_publish(*[event("case.opened", "grid", id_, {"kind": "matter", "title": id_}) for id_ in ids])] = ids
        return client, sent

    def answered(self, client, sent):
        """id -> sequence of what was accepted, from all answers that have come."""
        accepted = {}
        for message in client.take_all(lambda heard: heard.verb == "PUBLISHED"):
            for id_, item in zip(sent[message.request], message.results):
                if item[0] == 0:
                    accepted[id_] = item[1]
        return accepted

    def check(self, accepted):
        """Everything acknowledged is in the log where it was said to be, and comes as a duplicate."""
        operator = self.hub.client()
        seen = {e["id"]: e["sequence"] for e in operator.read(patterns=["case.opened.grid.>"])}
        self.assertEqual({id_: seen.get(id_) for id_ in accepted}, accepted)
        ids = sorted(accepted, key=accepted.get)[-256:]
        client = self.hub.client("importer")
        first = {e["id"]: e for e in operator.read(min(accepted[id_] for id_ in ids)) if e["id"] in ids}
        again = client.publish(*[event("case.opened", "grid", id_, {"kind": "matter", "title": id_}, time=first[id_]["time"])
                                 for id_ in ids])
        self.assertEqual([(answer["sequence"], answer["duplicate"]) for answer in again],
                         [(accepted[id_], True) for id_ in ids])
        return operator

    def test_a_stop_under_load_answers_what_it_took_and_keeps_it(self):
        client, sent = self.load()
        client.wait(lambda heard: heard.verb == "PUBLISHED" and not client.inbox.append(heard))
        self.hub.signal(signal.SIGTERM)
        self.assertEqual(self.hub.wait(STOP_WITHIN), 0)
        accepted = self.answered(client, sent)
        self.assertGreater(len(accepted), 0)
        self.hub.start()
        self.check(accepted)

    def test_a_kill_under_load_loses_nothing_that_was_acknowledged(self):
        client, sent = self.load(40)
        client.wait(lambda heard: heard.verb == "PUBLISHED" and not client.inbox.append(heard))
        self.hub.kill()
        accepted = self.answered(client, sent)
        self.assertGreater(len(accepted), 0)
        self.hub.start()
        operator = self.check(accepted)
        head = operator.query("status")[0]["sequence"]
        self.assertEqual([e["sequence"] for e in operator.read()], list(range(1, head + 1)))

    def test_an_interrupt_stops_it_as_cleanly(self):
        self.hub.signal(signal.SIGINT)
        self.assertEqual(self.hub.wait(STOP_WITHIN), 0)

    def cursors_written(self):
        """After this, acknowledgements so far are on disk."""
        paths = [path for path in glob.glob(self.hub.path("data/*cursors*/*")) if "lock" not in path]
        self.assertTrue(paths, "the cursors have a folder of their own")

        def newest():
            return max(os.stat(path).st_mtime_ns for path in paths)
        marker = self.hub.client()
        for _ in range(2):  # the second write begins when the first, in two steps, has ended
            before = newest()
            marker.publish_one("case.opened", "marker", str(before), {"kind": "matter"})
            wait_until(lambda: newest() > before, "the cursors are written")

    def subscribed(self, count):
        operator = self.hub.client()
        for i in range(count):
            operator.publish_one("case.opened", "grid", str(i), {"kind": "matter"})
        return operator.subscribe("case.opened.>", name="steady", start=ALL)

    def test_after_a_kill_a_subscription_goes_on_where_its_acknowledgements_stood(self):
        subscription = self.subscribed(6)
        events = subscription.events(6)
        subscription.ack(events[4]["sequence"], upto=events[2]["sequence"])
        subscription.client.settle()
        self.cursors_written()
        self.hub.kill()
        self.hub.start()
        again = self.hub.client().subscribe("case.opened.grid.>", name="steady", start=ALL)
        self.assertTrue(again.existed)
        seen = again.events(2)
        self.assertEqual([e["id"] for e in seen], ["3", "5"])
        self.assertEqual(again.attempts[seen[0]["sequence"]], 2)
        self.assertEqual(again.rest(), [])

    def test_after_a_kill_a_held_case_still_comes_in_order(self):
        operator = self.hub.client()
        operator.publish_one("case.opened", "grid", "1", {"kind": "matter"}, ref="a")
        subscription = operator.subscribe("case.*.grid.>", name="steady", start=ALL)
        subscription.nak(subscription.event()["sequence"], 3_600_000)
        for id_ in ("2", "3"):
            operator.publish_one("case.noted", "grid", id_, {"text": "x"}, ref="a")
        operator.publish_one("case.opened", "grid", "4", {"kind": "matter"})
        e = subscription.event()
        self.assertEqual(e["id"], "4")
        subscription.ack(e["sequence"])
        operator.settle()
        self.cursors_written()
        self.hub.kill()
        self.hub.start()
        again = self.hub.client().subscribe("case.*.grid.>", name="steady", start=ALL)
        seen = []
        for _ in range(3):
            e = again.event()
            seen.append(e["id"])
            again.ack(e["sequence"])
        self.assertEqual((seen, again.rest()), (["1", "2", "3"], []))

    def test_after_a_clean_stop_no_acknowledgement_is_lost(self):
        subscription = self.subscribed(5)
        subscription.ack(upto=subscription.events(5)[-1]["sequence"])
        subscription.client.settle()
        self.hub.stop()
        self.hub.start()
        again = self.hub.client().subscribe("case.opened.>", name="steady", start=ALL)
        self.assertEqual(again.rest(), [])

    def offers(self, existed):
        subscription = self.team.subscribe("handoff.offered.>", name="lamps", start=ALL)
        self.assertEqual(subscription.existed, existed)
        e = subscription.event()
        subscription.ack(e["sequence"])
        subscription.client.settle()
        return e

    def test_an_acknowledgement_is_not_forgotten_before_the_delivery_that_it_means_is_in_the_log(self):
        self.hub.client().publish_one("case.opened", "grid", "1", {"kind": "matter", "category": "lamp"},
                                      area="330902")
        self.team = self.hub.granted("lamps", "department", sources=["pda"], parties=["urban-mgmt"])
        self.hub.stop()
        self.hub.settings["store.reserve"] = "1024GiB"
        self.hub.write_config()
        self.hub.start()
        self.team = self.hub.client("lamps")
        first = self.offers(existed=False)
        self.hub.stop()
        self.hub.settings["store.reserve"] = "1MiB"
        self.hub.write_config()
        self.hub.start()
        self.team = self.hub.client("lamps")
        self.assertEqual(self.offers(existed=True), first)
        delivered = self.hub.client().subscribe("handoff.delivered.>", start=ALL).event()
        self.assertEqual(delivered["data"]["handoff"], first["data"]["handoff"])

    def test_checkpoints_dead_letters_and_versions_outlive_a_kill(self):
        importer = self.hub.client("importer")
        good, bad = importer.publish(event("case.opened", "grid", "1", {"kind": "matter"}, ref="a"),
                                     event("case.opened", "grid", "2", {"kind": "nonsense"}, raw=b"line 2"),
                                     checkpoint={"connector": "importer", "from": "", "to": "line 2"})
        self.hub.kill()
        self.hub.start()
        operator = self.hub.client()
        self.assertEqual(operator.query("checkpoint", connector="importer")[0]["value"], "line 2")
        self.assertEqual(operator.query("deadletter", deadletter=bad["dead_letter"])[0]["raw"], b"line 2")
        answer = operator.publish_one("case.noted", "grid", "3", {"text": "x"}, ref="a", expectedversion=1)
        self.assertEqual((answer["case"], answer["caseversion"]), (good["case"], 2))

    def test_case_numbers_go_on_after_a_kill(self):
        first = self.hub.client().publish_one("case.opened", "grid", "1", {"kind": "matter"})["case"]
        self.hub.kill()
        self.hub.start()
        second = self.hub.client().publish_one("case.opened", "grid", "2", {"kind": "matter"})["case"]
        self.assertEqual([int(case.rsplit("-", 1)[1]) for case in (first, second)], [1, 2])


class Figures(HubTest):
    def test_each_figure_moves_with_what_it_counts(self):
        client = self.hub.granted("counter", "connector", sources=["hotline"])
        subscription = client.subscribe("case.>", deliveries_most=5)
        before = self.hub.metrics()
        one = event("case.opened", "hotline", "1", {"kind": "request"}, ref="a")
        client.publish(one, one)
        client.publish(event("case.cancelled", "hotline", "2", {}, ref="a"), event("case.progressed", "hotline", "3", {}, ref="a"))
        client.publish({**one, "id": "4", "data": {"kind": "nonsense"}},
                       checkpoint={"connector": "counter", "from": "", "to": "1"})
        client.publish({**one, "id": "5", "data": {"kind": "nonsense"}})
        client.send_frames(b"\xc1")
        client.error()
        e = subscription.event()
        subscription.nak(e["sequence"], 0)
        wait_until(lambda: subscription.rest() is not None and e["sequence"] in subscription.attempts, "its redelivery")
        rows = {"casehub_log_sequence": 6, "casehub_duplicates_total": 1, "casehub_derived_events_total": 1,
                "casehub_anomalous_events_total": 1, "casehub_dead_letters_total": 1, "casehub_log_commits_total": 3,
                "casehub_delivered_events_total": 2, "casehub_redelivered_events_total": 1,
                "casehub_dropped_packets_total": 1,
                'casehub_events_total{type="case.opened",system="hotline"}': 1,
                'casehub_refusals_total{reason="invalid"}': 1}
        after = self.hub.metrics()
        for name, least in rows.items():
            with self.subTest(name):
                self.assertGreaterEqual(after[name] - before.get(name, 0), least)
        self.assertGreaterEqual(after["casehub_clients"], len(self.hub.clients))
        wait_until(lambda: self.hub.metric("casehub_state_sequence") == self.hub.metric("casehub_log_sequence"),
                   "the state follows the log")

    def test_health_is_told_over_http(self):
        def page(path, method="GET"):
            request = urllib.request.Request(f"http://127.0.0.1:{self.hub.ready['http_port']}{path}", method=method)
            try:
                with urllib.request.urlopen(request, timeout=chp.WAIT) as answer:
                    return answer.status
            except urllib.error.HTTPError as error:
                return error.code
        rows = {("/livez", "GET"): 200, ("/readyz", "GET"): 200, ("/metrics", "GET"): 200, ("/metrics", "HEAD"): 200,
                ("/nothing", "GET"): 404, ("/metrics", "POST"): 405}
        self.assertEqual({row: page(*row) for row in rows}, rows)

    def test_the_command_line_tells_how_the_hub_is(self):
        hub = self.new_hub().start()
        row, = hub.casehub("status")
        self.assertEqual((row["hub"], row["ready"], row["pid"]), ("ZJ", True, hub.process.pid))
        self.assertEqual(hub.casehub("check", check=False).returncode, 0)


if __name__ == "__main__":
    unittest.main()
