"""What the demo city's programs share: invented people and matters, and the pace of a day.

Everybody here is made up and looks it: names say 样例 or 虚构, phones begin with nine zeros, streets are 示例路.
"""
import json
import random
import subprocess

HOTLINE_A_DAY = 3000  # matters that 81890 takes
VISITS_A_DAY = 900    # diary entries of the grid teams
SECONDS_A_DAY = 86400

# category of the hub, words of the grid teams, code of the hotline, what is said
MATTERS = (
    ("power.trip", "变压器跳闸", "楼下变压器跳闸，整幢楼没有电。"),
    ("power.overload", "变压器过载", "老小区变压器负荷过大，晚上经常跳闸。"),
    ("power.outage", "停电", "从早上开始停电，没有通知。"),
    ("lamp.out", "路灯不亮", "巷口的路灯不亮，夜里看不清路。"),
    ("lamp.damaged", "路灯损坏", "路灯杆被撞歪，灯罩掉了。"),
    ("road.damage", "路面破损", "路面有一个大坑，雨天看不见。"),
    ("road.obstruction", "占道经营", "摊位占了人行道，只能走机动车道。"),
    ("refuse.uncollected", "垃圾未清", "垃圾两天没有清运。"),
    ("water.leak", "漏水", "水管漏水，路上都是水。"),
    ("water.outage", "停水", "五楼以上没有水。"),
    ("water.drain", "排水不畅", "下雨以后积水很久不退。"),
    ("smell", "异味", "河边有异味，不敢开窗。"),
    ("noise.night", "夜间噪声", "半夜还在施工，睡不着。"),
    ("safety.hazard", "安全隐患", "楼道里堆了很多纸箱，担心起火。"),
    ("health.visit", "老人就医", "独居老人行动不便，希望医生上门。"),
    ("housing.repair", "房屋维修", "屋顶漏雨，希望有人来看一看。"),
)
ANSWERS = {
    "power-supply": "抢修人员已到场，供电已恢复。",
    "urban-mgmt": "已派养护人员处理完毕。",
    "water": "管道已修复，供水正常。",
    "environment": "已到现场检查，责令整改。",
    "work-safety": "隐患已清除，并已复查。",
    "health": "社区医生已上门看诊。",
    "housing": "已安排维修，屋面已补漏。",
    "city-supervision": "已协调有关部门办理。",
}
PLACES = ("330203001001", "330203001002", "330203002001", "330211001001", "330211002001", "330902001001",
          "330902001002", "330902002001")
FAMILY, GIVEN = "赵钱孙李周吴郑王", ("样例", "虚构", "示范", "假设", "举例", "设想")


def person(dice):
    number = dice.randrange(100)
    return {"name": dice.choice(FAMILY) + dice.choice(GIVEN), "phone": f"000000000{number:02}",
            "address": f"示例路{number + 1}号"}


def area(dice):
    """Fifteen digits: the grid in its community."""
    return dice.choice(PLACES) + f"{dice.randrange(1, 17):03}"


def answer_of(party):
    return ANSWERS.get(party, "已办理完毕。")


def pauses(a_day, rate, dice):
    """Seconds until the next matter, for ever: people do not keep to intervals."""
    while True:
        yield dice.expovariate(a_day * rate / SECONDS_A_DAY)


def address_of(connector):
    """Where it listens now, as the hub knows it (CASEHUB_HUB, CASEHUB_KEY); its port is another one after each start."""
    shown = subprocess.run(["casehub", "--json", "connector", "show", connector], capture_output=True, text=True)
    return json.loads(shown.stdout).get("address") if shown.returncode == 0 else None


def decided(chance, *words):
    """The same words are decided the same way each time, so that a repeat after a crash is a repeat."""
    return random.Random("/".join(words)).random() < chance
