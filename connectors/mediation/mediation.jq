# A dispute with one of its sessions, one of its referrals, or none: what is true of both now. Each aspect is a row of its
# own to the host, which tells what changed.

def key: required("登记号");
def at($name): required($name) | local_time($name);

# A milestone of the aspect; without a code it is remembered and not told.
def milestone($row; $aspect; $time; $data):
  { type: (if ($data.code // "") == "" then null else "case.milestone" end),
    "$row": { key: $row, aspect: $aspect },
    ref: key,
    time: $time,
    data: $data };

def opened:
  { type: "case.opened",
    "$row": { key: key, aspect: "case" },
    ref: key,
    time: at("登记时间"),
    area: (required("区域编码") | area_code("区域编码")),
    data: {
      kind: "dispute",
      channel: "system",
      category: lookup($tables.committees; .["委员会"]; "委员会").category,
      category_local: .["委员会"],
      title: (required("纠纷简述") | split("\n") | join(" ") | if length > 40 then .[:40] + "…" else . end),
      text: required("纠纷简述")
    },
    private: {
      name: optional("申请人"),
      phone: optional("申请人电话"),
      id_number: optional("申请人证件"),
      address: optional("申请人地址"),
      respondent: optional("被申请人")
    } };

# A session is told when its result is known.
def session:
  if .["次数"] == null or optional("会议结果") == null then empty else
    lookup($tables.results; .["会议结果"]; "会议结果") as $result
    | milestone("\(key)/\(.["次数"])"; "session"; at("会议时间");
        { code: $result.code, value: ($result.value | blank_to_null), value_local: .["会议结果"], session: .["次数"] })
  end;

def agreement:
  if optional("协议书编号") == null then empty else
    milestone(key; "agreement"; at("协议时间"); { code: "mediation.agreement", text: .["协议书编号"] })
  end;

def fulfilled:
  if optional("履行情况") == null then empty else
    lookup($tables.fulfilments; .["履行情况"]; "履行情况").code as $code
    | milestone(key; "fulfilment"; (if $code == "" then $record.time else at("履行时间") end);
        { code: $code, value_local: .["履行情况"] })
  end;

def referral:
  if .["移送号"] == null then empty else
    milestone("\(key)/\(required("移送号"))"; "referral"; at("移送时间");
      { code: lookup($tables.directions; .["移送方向"]; "移送方向").code,
        value: lookup($tables.authorities; .["机关"]; "机关").code,
        value_local: .["机关"],
        referral: .["移送号"] })
  end;

# A state without a type (just registered) is remembered, so that coming back to a later one counts as a change.
def moved:
  lookup($tables.states; .["办理状态"]; "办理状态") as $state
  | { type: (if $state.type == "" then null else $state.type end),
      "$row": { key: key, aspect: "state" },
      ref: key,
      time: at("更新时间"),
      data: ({ state_local: .["办理状态"] } + (if $state.reason == "" then {} else { reason: $state.reason } end)) };

opened, session, agreement, fulfilled, referral, moved
