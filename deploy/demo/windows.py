#!/usr/bin/env python3
"""The demo city's street service centres: their windows post each matter, signed, and put right what was entered wrongly.

    windows.py SECRETS [--address URL] [--rate N]

SECRETS is the connector's file of keys; the first signs. Without an address the hub is asked where the connector
`service_centre` listens. One step in fifty is not as it should be.
"""
import argparse
import hashlib
import hmac
import json
import pathlib
import random
import signal
import sys
import time
import urllib.error
import urllib.request
from datetime import datetime, timedelta, timezone

import city

MATTERS_A_DAY = 600
SHANGHAI = timezone(timedelta(hours=8))
AMENDED, BROKEN = 0.10, 0.02

# the window, its word for the matter, what is said
MATTERS = (
    ("城管窗口", "异味", "示例小区旁有气味。"),
    ("城管窗口", "占道", "示例路口有摊位占道。"),
    ("城管窗口", "路灯不亮", "示例巷路灯不亮。"),
    ("城管窗口", "垃圾未清", "示例街垃圾未清。"),
    ("安监窗口", "安全隐患", "示例仓库通道堆物。"),
    ("房管窗口", "房屋维修", "示例楼屋顶漏雨。"),
    ("就业窗口", "就业", "咨询就业援助。"),
    ("社保窗口", "社会保险", "咨询参保手续。"),
)


class Post:
    def __init__(self, address, key):
        self.given, self.key = address, key

    def send(self, step):
        """The status; tried again until somebody is there."""
        body = json.dumps(step, ensure_ascii=False).encode()
        while True:
            address = self.given or city.address_of("service_centre")
            status = self.attempt(address, body) if address else 503
            if status != 503:
                return status
            time.sleep(1)

    def attempt(self, address, body):
        at = str(int(time.time()))
        mac = hmac.new(self.key, at.encode() + b"." + body, hashlib.sha256).hexdigest()
        headers = {"Content-Type": "application/json", "X-Casehub-Timestamp": at,
                   "X-Casehub-Signature": f"sha256={mac}"}
        try:
            with urllib.request.urlopen(urllib.request.Request(address, body, headers), timeout=30) as answer:
                return answer.status
        except urllib.error.HTTPError as error:
            return error.code
        except OSError:
            return 503


def step(number, count, word, **fields):
    now = datetime.now(SHANGHAI).strftime("%Y-%m-%d %H:%M")
    return {"事件编号": number, "步骤序号": count, "步骤": word, "时间": now, **fields}


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("secrets", type=pathlib.Path)
    options.add_argument("--address")
    options.add_argument("--rate", type=float, default=1.0, help="the day goes so many times faster")
    arguments = options.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    dice = random.Random()
    post = Post(arguments.address, arguments.secrets.read_text().split("\n")[0].encode())
    begun, count = datetime.now(SHANGHAI).strftime("%Y%m%d-%H%M%S"), 0  # numbers never come again after a restart
    for pause in city.pauses(MATTERS_A_DAY, arguments.rate, dice):
        time.sleep(pause)
        count += 1
        number, who = f"DEMO-{begun}-{count}", city.person(dice)
        window, kind, text = dice.choice(MATTERS)
        opened = step(number, 1, "登记", 区域编码=city.area(dice), 窗口=window, 内容=text, 类别=kind,
                      紧急程度=dice.choice(("紧急", "一般", "一般", "不急")), 姓名=who["name"], 电话=who["phone"],
                      住址=who["address"])
        if dice.random() < BROKEN:
            opened["类别"] = "外星人"
        status = post.send(opened)
        print(f"{number}: {kind}: {status}")
        if status == 200 and dice.random() < AMENDED:
            print(f"{number}: 补正: {post.send(step(number, 2, '补正', 内容=text + '（已补充）'))}")


if __name__ == "__main__":
    main()
