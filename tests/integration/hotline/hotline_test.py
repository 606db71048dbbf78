"""The hotline over HTTP and the real hub: what a citizen's client may rely on, through crashes on the way."""
import json
import os
import pathlib
import sys
import unittest
import urllib.error
import urllib.parse
import urllib.request
import xml.etree.ElementTree as xml

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "story"))
from city import DEADLINE, City, http
from hub import wait_until

LAMP = "urban-mgmt"
FORM = {"api_key": "demo", "service_code": "lamp.out", "description": "巷口的路灯不亮 <&>", "lat": "29.868",
        "long": "121.545", "address_string": "示例路2号", "last_name": "李", "first_name": "虚构", "phone": "00000000001"}


def call(url, form=None, key=None):
    """(status, headers, body)"""
    body = urllib.parse.urlencode(form).encode() if form else None
    request = urllib.request.Request(url, data=body, headers={"Idempotency-Key": key} if key else {})
    try:
        with urllib.request.urlopen(request, timeout=DEADLINE) as answer:
            return answer.status, answer.headers, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.headers, error.read().decode()


class Hotline(unittest.TestCase):
    def setUp(self):
        self.city = City()
        self.addCleanup(self.city.close)
        self.city.grant("hotline", "connector", sources=["hotline"], private="all")
        self.city.grant("grid", "connector", sources=["grid"], private="all")
        self.city.grant(LAMP, "department", sources=[LAMP], parties=[LAMP], key=f"{LAMP}.key")
        self.connector = self.city.connector("hotline")
        config = pathlib.Path(self.city.path("hotline-connector/hotline.cfg"))
        config.write_text(config.read_text().replace('answer_timeout = "10s"', 'answer_timeout = "1s"'))
        self.started = 0
        self.start()

    def start(self):
        """It tells the hub where it listens each time it starts."""
        self.connector.start()
        self.started += 1
        said = self.city.wait_for("hub.connector.>", lambda event: event["data"]["state"] == "running", self.started)
        self.address = said["data"]["address"]

    def post(self, form=None, key=None):
        return call(f"{self.address}/requests.json", form or FORM, key)

    def created(self, form=None):
        status, (request,) = http(f"{self.address}/requests.json", form or FORM)
        self.assertEqual(status, 200)
        return request["service_request_id"]

    def request(self, case, key="?api_key=demo"):
        status, (request,) = http(f"{self.address}/requests/{case}.json{key}")
        self.assertEqual(status, 200)
        return request

    def opened(self):
        return [case["case"] for case in self.city.casehub("case", "list")]

    def test_a_post_that_is_repeated_through_crashes_opens_one_case(self):
        first = self.post(key="mine")
        self.assertEqual(first[0], 200, first[2])
        self.assertEqual(self.post(key="mine")[2], first[2])
        self.connector.kill()
        self.start()
        self.assertEqual(self.post(key="mine")[2], first[2])
        self.city.kill()
        self.city.start()
        self.connector.kill()
        self.start()
        self.assertEqual(self.post(key="mine")[2], first[2])
        self.assertEqual(len(self.opened()), 1)
        self.assertEqual(self.post({**FORM, "description": "别的"}, key="mine")[0], 409)
        self.assertEqual(len(self.opened()), 1)

    def test_a_hub_that_does_not_answer_in_time_gives_503_and_the_next_try_opens_one_case(self):
        with self.city.held():
            status, headers, _ = self.post()
        self.assertEqual(status, 503)
        self.assertTrue(headers["Retry-After"])
        key = headers["Idempotency-Key"]
        wait_until(lambda: self.post(key=key)[0] == 200, "the next try is taken")
        self.assertEqual(len(self.opened()), 1)

    def test_a_department_answers_and_the_citizen_reads_it(self):
        case = self.created()
        self.assertEqual(self.request(case)["status"], "open")
        self.assertEqual(self.request(case)["agency_responsible"], "城市管理局")
        handoff = f"{case}/h1"
        for verb in ("accept", "start"):
            self.city.casehub("handoff", verb, handoff, key=f"{LAMP}.key")
        self.city.casehub("case", "reply", case, "--text", "明天来修", "--public", key=f"{LAMP}.key")
        self.assertEqual(self.request(case, "")["status_notes"], "明天来修")
        self.city.casehub("handoff", "complete", handoff, "--text", "已修复 <&>", key=f"{LAMP}.key")
        closed = self.request(case, "")
        self.assertEqual((closed["status"], closed["status_notes"]), ("closed", "已修复 <&>"))

    def update(self, case, key=None, **fields):
        """(status, answer) of an update that is posted."""
        form = {"api_key": "demo", "service_request_id": case, "updated_datetime": "2026-11-24T11:00:00Z", **fields}
        status, _, body = call(f"{self.address}/servicerequestupdates.json", form, key)
        return status, json.loads(body)

    def updates(self, query):
        """As (service_request_id, status, description)."""
        status, _, body = call(f"{self.address}/servicerequestupdates.xml?{query}")
        self.assertEqual(status, 200, body)
        return [tuple(update.findtext(name) for name in ("service_request_id", "status", "description"))
                for update in xml.fromstring(body).iter("request_update")]

    def test_what_a_citizen_adds_is_taken_once_and_what_was_done_can_be_judged(self):
        case = self.created()
        self.assertEqual(self.update("ZJ-20261124-999", description="x")[0], 404)
        self.assertEqual(self.update(case, score="5")[0], 400)
        status, first = self.update(case, description="还有一盏", update_id="u-1", last_name="李", first_name="虚构")
        self.assertEqual(status, 200, first)
        self.connector.kill()
        self.city.kill()
        self.city.start()
        self.start()
        self.assertEqual(self.update(case, description="还有一盏", update_id="u-1", last_name="李", first_name="虚构"),
                         (200, first))
        self.assertEqual(self.update(case, description="别的", update_id="u-1")[0], 409)
        self.assertEqual(self.update(case, description="别的", key="mine")[0], 200)
        for verb in ("accept", "start", "complete"):
            self.city.casehub("handoff", verb, f"{case}/h1", key=f"{LAMP}.key")
        self.assertEqual(self.update(case, score="5", satisfied="true", update_id="u-2")[0], 200)
        told = [event for event in self.city.events() if event["type"] in ("case.noted", "case.feedback")]
        self.assertEqual([(event["subject"], event["data"].get("text"), event["data"].get("score")) for event in told],
                         [(case, "还有一盏", None), (case, "别的", None), (case, None, 5)])
        self.assertFalse([event for event in told if event.get("anomalous")])
        self.assertEqual(self.city.casehub("case", "show", case)[0]["state"], "closed")

    def test_a_client_reads_what_happened_since_it_asked_last(self):
        lamp = self.created()
        self.created({**FORM, "service_code": "advice"})
        self.assertEqual(self.updates(""), [])
        self.city.casehub("case", "reply", lamp, "--text", "明天来修", "--public", key=f"{LAMP}.key")
        self.city.casehub("case", "reply", lamp, "--text", "只告诉本人", key=f"{LAMP}.key")
        reply = (lamp, "open", "明天来修")
        self.assertEqual(self.updates(f"service_request_id={lamp}"), [reply])
        self.assertEqual(self.updates(f"service_request_id={lamp}&api_key=demo"), [reply, (lamp, "open", "只告诉本人")])
        self.assertEqual(self.updates(""), [reply])
        for verb in ("accept", "start"):
            self.city.casehub("handoff", verb, f"{lamp}/h1", key=f"{LAMP}.key")
        self.city.casehub("handoff", "complete", f"{lamp}/h1", "--text", "已修复", key=f"{LAMP}.key")
        self.assertEqual(self.updates(""), [reply, (lamp, "open", "已修复"), (lamp, "closed", "")])
        self.assertEqual(self.updates("end_date=2020-01-01T00:00:00Z"), [])

    def test_without_a_key_nobody_reads_what_was_said_or_where(self):
        case = self.created()
        shown = self.request(case)
        self.assertEqual((shown["description"], shown["address"], shown["lat"]), (FORM["description"], "示例路2号", 29.868))
        _, _, body = call(f"{self.address}/requests/{case}.xml")
        for said in ("巷口", "示例路", "29.868", "00000000001", "虚构"):
            self.assertNotIn(said, body)
        self.assertNotIn("00000000001", str(shown))

    def a_lamp_of_the_grid(self):
        event = {"specversion": "1.0", "id": "1", "source": "grid/x", "type": "case.opened", "time": "2026-11-24T00:00:00Z",
                 "ref": "1", "data": {"kind": "matter", "category": "lamp.out"}}
        file = pathlib.Path(self.city.path("lamp.jsonl"))
        file.write_text(json.dumps(event) + "\n")
        return str(file)

    def test_lists_are_filtered_and_hold_only_what_came_in_here(self):
        lamp, advice = self.created(), self.created({**FORM, "service_code": "advice"})
        self.city.casehub("event", "publish", self.a_lamp_of_the_grid(), key="grid")
        other, = set(self.opened()) - {lamp, advice}
        self.assertEqual(call(f"{self.address}/requests/{other}.json?api_key=demo")[0], 404)

        def ids(query):
            status, _, body = call(f"{self.address}/requests.xml?{query}")
            self.assertEqual(status, 200, body)
            return {request.findtext("service_request_id") for request in xml.fromstring(body)}

        self.assertEqual(ids(""), {lamp, advice})
        self.assertEqual(ids("service_code=advice"), {advice})
        self.assertEqual(ids("status=closed"), set())
        self.assertEqual(ids(f"service_request_id={other},{lamp}"), {lamp})
        self.assertEqual(ids("end_date=2020-01-01T00:00:00Z"), set())


if __name__ == "__main__":
    unittest.main()
