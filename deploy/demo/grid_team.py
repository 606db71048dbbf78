#!/usr/bin/env python3
"""A grid team's office: writes the visit diary as CSV exports into the connector's drop folder.

    grid_team.py FOLDER [--rate N] [--every SECONDS] [--once]

An export holds the last entries with their present state, so a row comes again and again, changed or not. Now and then
a row is broken, as in life, and put right in the next export.
"""
import argparse
import csv
import io
import os
import pathlib
import random
import signal
import sys
import time
from datetime import datetime, timedelta, timezone

import city

HEADINGS = ("序号", "网格编码", "走访时间", "居民姓名", "电话", "住址", "类别", "内容", "紧急程度", "状态")
SHANGHAI = timezone(timedelta(hours=8))
KEPT = 200  # rows of an export
BROKEN, CHANGED = 0.02, 0.15


def entry(number, dice):
    who = city.person(dice)
    _, category, text = dice.choice(city.MATTERS)
    return {"序号": number, "网格编码": city.area(dice), "走访时间": datetime.now(SHANGHAI).strftime("%Y-%m-%d %H:%M"),
            "居民姓名": who["name"], "电话": who["phone"], "住址": who["address"], "类别": category, "内容": text,
            "紧急程度": dice.choice(("特急", "紧急", "一般", "一般", "不急")), "状态": "上报"}


def broken(row, dice):
    """What typing does to a row."""
    field, value = dice.choice((("类别", "外星人"), ("网格编码", row["网格编码"][:-1]), ("走访时间", "2026-13-45 25:61"),
                                ("紧急程度", "十万火急"), ("内容", "")))
    return {**row, field: value}


def change(row, dice):
    """The team goes there once more."""
    what = dice.randrange(3)
    if what == 0:
        row["紧急程度"] = "紧急"
    elif what == 1:
        row["内容"] += "（居民再次反映）"
    else:
        row["电话"] = city.person(dice)["phone"]


def export(folder, name, rows):
    text = io.StringIO()
    writer = csv.DictWriter(text, HEADINGS, lineterminator="\r\n")
    writer.writeheader()
    writer.writerows(rows)
    part = folder / f"{name}.part"  # the connector leaves it alone until it is whole
    part.write_bytes(text.getvalue().encode("gb18030"))
    os.rename(part, folder / name)
    print(f"{name}: {len(rows)} rows")


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("folder", type=pathlib.Path)
    options.add_argument("--rate", type=float, default=1.0, help="the day goes so many times faster")
    options.add_argument("--every", type=float, default=10.0, help="seconds between two exports")
    options.add_argument("--once", action="store_true", help="one export of ten rows")
    arguments = options.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    dice = random.Random()
    begun = datetime.now(SHANGHAI).strftime("%Y%m%d-%H%M%S")  # so that numbers never come again after a restart
    pauses = city.pauses(city.VISITS_A_DAY, arguments.rate, dice)
    rows, mistyped, count = [], {}, 0  # number -> the row as it goes out once
    due = time.monotonic()
    while True:
        until = time.monotonic() + arguments.every
        while (arguments.once and len(rows) < 10) or due <= until:
            count += 1
            row = entry(f"ZS{begun}-{count:04}", dice)
            rows.append(row)
            if dice.random() < BROKEN:
                mistyped[row["序号"]] = broken(row, dice)
            due += next(pauses)
        del rows[:-KEPT]
        if rows and dice.random() < CHANGED:
            change(dice.choice(rows), dice)
        if rows:
            name = f"diary-{begun}-{count:04}-{int(time.time() * 1000)}.csv"
            export(arguments.folder, name, [mistyped.pop(row["序号"], row) for row in rows])
        if arguments.once:
            return
        time.sleep(arguments.every)


if __name__ == "__main__":
    main()
