# A project with one of its risk points, or with none: what is true of both now. Each aspect is a row of its own to the
# host, which tells what changed; the project comes as often as it has points, and says the same each time.

def key: required("项目编号");

def opened:
  { type: "case.opened",
    "$row": { key: key, aspect: "case" },
    ref: key,
    time: (required("登记时间") | local_time("登记时间")),
    area: (required("区域编码") | area_code("区域编码")),
    data: {
      kind: "assessment",
      channel: "system",
      category: "risk.project",
      title: required("项目名称"),
      text: optional("项目概况"),
      revision: required("修订")
    } };

# A state without a type (just registered) is remembered, so that coming back to a later one counts as a change.
def moved:
  lookup($tables.states; .["评估状态"]; "评估状态") as $state
  | { type: (if $state.type == "" then null else $state.type end),
      "$row": { key: key, aspect: "state" },
      ref: key,
      time: (required("更新时间") | local_time("更新时间")),
      data: ({ state_local: .["评估状态"] } + (if $state.reason == "" then {} else { reason: $state.reason } end)) };

# A verdict that was taken back is remembered, and told again when it comes again.
def verdict:
  optional("评估结论") as $said
  | (if $said == null then null else lookup($tables.verdicts; $said; "评估结论").code end) as $code
  | { type: (if $code == null then null else "case.milestone" end),
      "$row": { key: key, aspect: "verdict" },
      ref: key,
      time: (required("更新时间") | local_time("更新时间")),
      data: { code: "risk.verdict", value: $code, value_local: $said } };

# Raised with its level, again when the level is another one, and cleared.
def point:
  if .["风险点编号"] == null then empty else
    lookup($tables.levels; .["风险等级"]; "风险等级") as $level
    | lookup($tables.points; .["化解状态"]; "化解状态") as $state
    | { type: "case.milestone",
        "$row": { key: "\(key)/\(required("风险点编号"))", aspect: "point" },
        ref: key,
        time: (required("风险点更新时间") | local_time("风险点更新时间")),
        data: {
          code: $state.code,
          value: $level.code,
          value_local: .["风险等级"],
          text: required("风险内容"),
          point: .["风险点编号"],
          owner: optional("责任单位")
        } }
  end;

opened, point, verdict, moved
