#!/usr/bin/env python3
"""The demo city's mediation centre: a register in SQLite that holds how each dispute stands now.

    mediators.py REGISTER TABLES [--rate N]

Makes the register of the file with the tables when it is not there. Disputes are entered, taken in, meet, and end with an
agreement or without one. One in fifty is entered with a committee that does not exist, and put right later.
"""
import argparse
import pathlib
import random
import signal
import sqlite3
import sys
import time
from datetime import datetime, timedelta, timezone

import city

DISPUTES_A_DAY = 120
SHANGHAI = timezone(timedelta(hours=8))
BROKEN, AGREED, OPEN_MOST = 0.02, 0.75, 500

DISPUTES = (
    ("交通", "示例路口轻微碰撞的赔偿。"), ("医疗", "患者与示例医院就医疗费发生争议。"), ("教育", "示例培训班退费。"),
    ("劳动", "拖欠工资。"), ("环境", "示例作坊夜间噪声。"), ("土地", "宅基地边界。"), ("食品", "示例餐馆食品赔偿。"),
)


def now():
    return datetime.now(SHANGHAI).strftime("%Y-%m-%d %H:%M:%S")


def open_register(file, tables):
    """Beside, and renamed: the connector never sees half a register."""
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        part = file.with_suffix(".part")
        part.unlink(missing_ok=True)
        with sqlite3.connect(part) as database:
            database.executescript(tables.read_text(encoding="utf-8"))
        database.close()
        part.rename(file)
    return sqlite3.connect(file, timeout=30, isolation_level=None)


def enter(database, dice, number):
    committee, text = dice.choice(DISPUTES)
    who, other = city.person(dice), city.person(dice)
    committee = "外星" if dice.random() < BROKEN else committee
    database.execute(
        "INSERT INTO 调解登记 (登记号, 委员会, 区域编码, 登记时间, 纠纷简述, 申请人, 申请人电话, 申请人地址, 被申请人, "
        "办理状态, 更新时间) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, '登记', ?)",
        (number, committee, city.area(dice), now(), text, who["name"], who["phone"], who["address"], other["name"],
         now()))


def set_state(database, number, state):
    database.execute("UPDATE 调解登记 SET 办理状态 = ?, 更新时间 = ? WHERE 登记号 = ?", (state, now(), number))


def go_on(database, dice, number, committee, state):
    """One step further."""
    if committee == "外星":
        database.execute("UPDATE 调解登记 SET 委员会 = '劳动', 更新时间 = ? WHERE 登记号 = ?", (now(), number))
    elif state == "登记":
        set_state(database, number, "受理")
    elif state == "受理":
        set_state(database, number, "调解中")
        database.execute("INSERT OR IGNORE INTO 调解会议 VALUES (?, 1, ?, '未达成一致')", (number, now()))
    elif state == "调解中" and dice.random() < AGREED:
        database.execute("INSERT OR IGNORE INTO 调解会议 VALUES (?, 2, ?, '达成一致')", (number, now()))
        database.execute("UPDATE 调解登记 SET 协议书编号 = ?, 协议时间 = ?, 办理状态 = '调解终结', 更新时间 = ? WHERE 登记号 = ?",
                         (f"协-{number}", now(), now(), number))
    elif state == "调解中":
        set_state(database, number, "调解终结")
    else:
        database.execute("UPDATE 调解登记 SET 履行情况 = '已履行', 履行时间 = ?, 更新时间 = ? "
                         "WHERE 登记号 = ? AND 协议书编号 IS NOT NULL", (now(), now(), number))
        set_state(database, number, "结案")


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("register", type=pathlib.Path)
    options.add_argument("tables", type=pathlib.Path)
    options.add_argument("--rate", type=float, default=1.0, help="the day goes so many times faster")
    arguments = options.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    dice, count = random.Random(), 0
    database = open_register(arguments.register, arguments.tables)
    begun = datetime.now(SHANGHAI).strftime("%Y%m%d-%H%M%S")  # so that numbers never come again after a restart
    for pause in city.pauses(DISPUTES_A_DAY * 5, arguments.rate, dice):
        time.sleep(pause)
        rows = database.execute("SELECT 登记号, 委员会, 办理状态 FROM 调解登记 WHERE 办理状态 != '结案' "
                                "ORDER BY 更新时间 LIMIT ?", (OPEN_MOST,)).fetchall()
        if not rows or (len(rows) < OPEN_MOST and dice.random() < 0.2):
            count += 1
            enter(database, dice, f"QJ-{begun}-{count}")
        else:
            go_on(database, dice, *rows[0])


if __name__ == "__main__":
    main()
