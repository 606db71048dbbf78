#!/usr/bin/env python3
"""The demo city's citizens: bring their matters to the hotline by Open311 (GeoReport v2), and ask what became of them.

    citizens.py [--address URL] [--key API_KEY] [--rate N]

Without an address the hub is asked where the connector `hotline` listens, again after each restart of it; that takes
CASEHUB_HUB and CASEHUB_KEY. One request in a hundred is not as it should be.
"""
import argparse
import collections
import json
import random
import signal
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from datetime import datetime, timezone

import city

WAITING_MOST = 2000  # of whom we ask how far it is
ASKED_AGAIN = 20.0   # seconds
BROKEN = 0.01
SAID = dict((category, text) for category, _, text in city.MATTERS)


class Hotline:
    def __init__(self, address, key):
        self.given, self.address, self.key = address, address, key

    def find(self):
        """Where it listens now; its port is another one after each start."""
        if self.given is None:
            self.address = city.address_of("hotline")
        return self.address

    def call(self, path, form=None):
        """(status, the decoded answer or None)"""
        if self.address is None and self.find() is None:
            return 503, None
        url = f"{self.address.rstrip('/')}/{path}"
        body = urllib.parse.urlencode(form).encode() if form is not None else None
        try:
            with urllib.request.urlopen(urllib.request.Request(url, data=body), timeout=20) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            return error.code, None
        except (OSError, ValueError):
            self.find()
            return 503, None

    def services(self):
        """The services, each with what it wants to know besides; asked until the hotline is there."""
        while True:
            status, listed = self.call("services.json")
            if status == 200:
                services = [{**service, "attributes": self.attributes(service)} for service in listed]
                if all(service["attributes"] is not None for service in services):
                    return services
            time.sleep(1)

    def attributes(self, service):
        """None when the hotline has gone meanwhile."""
        if not service["metadata"]:
            return []
        _, definition = self.call(f"services/{service['service_code']}.json")
        return definition and [one for one in definition["attributes"] if one["variable"] and one["required"]]


def answer_to(attribute, dice):
    if attribute.get("values"):
        return dice.choice(attribute["values"])["key"]
    if attribute["datatype"] == "datetime":
        return datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    return "1" if attribute["datatype"] == "number" else "见描述"


def request_of(service, dice):
    who = city.person(dice)
    text = SAID.get(service["service_code"], f"{service['service_name']}：请派人来看一看。")
    form = {"service_code": service["service_code"], "description": text, "address_string": who["address"],
            "last_name": who["name"][0], "first_name": who["name"][1:], "phone": who["phone"]}
    for attribute in service["attributes"]:
        form[f"attribute[{attribute['code']}]"] = answer_to(attribute, dice)
    if dice.random() < BROKEN:
        form["service_code"] = "没有这个代码"
    return form


class Citizens:
    def __init__(self, hotline, dice):
        self.hotline, self.dice = hotline, dice
        self.services = hotline.services()
        self.waiting = collections.deque(maxlen=WAITING_MOST)  # (when to ask, request)

    def bring(self):
        form = request_of(self.dice.choice(self.services), self.dice)
        status, answer = self.hotline.call("requests.json", {**form, "api_key": self.hotline.key})
        if answer and answer[0].get("service_request_id"):
            self.waiting.append((time.monotonic() + ASKED_AGAIN, answer[0]["service_request_id"]))
            print(f"{answer[0]['service_request_id']}: {form['service_code']}")
        else:
            print(f"{form['service_code']}: answered with {status}")

    def ask(self):
        """How far the oldest are; who has no answer yet asks again later."""
        now = time.monotonic()
        while self.waiting and self.waiting[0][0] <= now:
            _, request = self.waiting.popleft()
            status, answer = self.hotline.call(f"requests/{request}.json?api_key={self.hotline.key}")
            if answer and answer[0]["status"] == "closed":
                print(f"{request}: closed, {answer[0].get('status_notes') or 'without an answer'}")
            elif status != 404:
                self.waiting.append((now + ASKED_AGAIN, request))


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--address", help="of the connector; default: the hub knows")
    options.add_argument("--key", default="demo", help="Open311 api_key")
    options.add_argument("--rate", type=float, default=1.0, help="the day goes so many times faster")
    arguments = options.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    dice = random.Random()
    citizens = Citizens(Hotline(arguments.address, arguments.key), dice)
    for pause in city.pauses(city.HOTLINE_A_DAY, arguments.rate, dice):
        citizens.bring()
        citizens.ask()
        time.sleep(pause)


if __name__ == "__main__":
    main()
