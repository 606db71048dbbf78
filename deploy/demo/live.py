#!/usr/bin/env python3
"""What happens, a line an event, for people: `casehub --json event tail '>' | live.py`.

Shows what passes between the systems. What stands in `private` (names, phones, addresses) is not shown, whoever may read
it, and no raw record; titles and texts are, in short.
"""
import json
import os
import signal
import sys
from datetime import datetime, timedelta, timezone

SHANGHAI = timezone(timedelta(hours=8))
SHOWN_TEXT = 36
FOLLOWS = ("accepted", "assigned", "progressed")  # said by the handoff's line already, where the hub derived them
COLOURS = {"opened": 36, "offered": 33, "completed": 32, "resolved": 32, "closed": 32, "rejected": 31, "expired": 31,
           "escalated": 31, "dead letter": 31, "reopened": 35, "cancelled": 31}


def parse_time(text):
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def shortened(text):
    text = " ".join(text.split())
    return text if len(text) <= SHOWN_TEXT else text[:SHOWN_TEXT] + "…"


def lasted(seconds):
    minutes, seconds = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}h {minutes:02}m" if hours else f"{minutes}m {seconds:02}s" if minutes else f"{seconds}s"


class View:
    def __init__(self, coloured):
        self.coloured, self.opened = coloured, {}

    def word(self, word):
        padded = f"{word:<11}"
        return f"\033[{COLOURS[word]}m{padded}\033[0m" if self.coloured and word in COLOURS else padded

    def of_case(self, event, data, word):
        if word in FOLLOWS and event["source"].startswith("hub/"):
            return None
        if word == "opened":
            self.opened[event["subject"]] = parse_time(event["recordedtime"])
            return f"{event['source']}: {data.get('category', '')} {shortened(data.get('title', ''))}"
        if word == "feedback":
            return f"{data.get('score', '?')} of 5: {shortened(data.get('text', ''))}"
        if word == "closed":
            begun = self.opened.pop(event["subject"], None)
            return f"after {lasted((parse_time(event['recordedtime']) - begun).total_seconds())}" if begun else ""
        return shortened(data.get("resolution") or data.get("text") or data.get("title") or data.get("reason") or "")

    def of_handoff(self, data, word):
        to = "to " if word == "offered" else ""
        said = data.get("text") or (f"because {data['reason']}" if "reason" in data else "")
        return f"{to}{data.get('party', '')}  {shortened(said)}".rstrip()

    def of_hub(self, data, word):
        if word == "connector":
            return "connector", f"{data['connector']} is {data.get('state')} {data.get('reason', '')}".rstrip()
        if word == "deadletter":
            said = f"{data.get('place', '')}: {data.get('reason', '')}" if "reason" in data else ""
            return "dead letter", f"{data['action']} {data.get('connector', '')} {said}".rstrip()
        return None, None

    def line(self, event):
        family, word = event["type"].split(".", 1)
        data = event.get("data", {})
        if family == "case":
            said = self.of_case(event, data, word)
        elif family == "handoff":
            said = self.of_handoff(data | {"party": data.get("party") or event.get("party", "")}, word)
        elif family == "hub":
            word, said = self.of_hub(data, word)
        else:
            return None
        if said is None:
            return None
        marks = "".join(f" ({mark})" for mark in ("inferred", "anomalous") if event.get(mark))
        time = parse_time(event["recordedtime"]).astimezone(SHANGHAI).strftime("%H:%M:%S")
        return f"{time}  {event.get('subject', ''):<20} {self.word(word)} {said}{marks}"


def main():
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    view = View(sys.stdout.isatty() and "NO_COLOR" not in os.environ)
    for text in sys.stdin:
        line = view.line(json.loads(text))
        if line:
            print(line, flush=True)


if __name__ == "__main__":
    main()
