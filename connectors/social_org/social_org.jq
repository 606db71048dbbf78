# A row of one of two sheets, which their columns tell apart: an application with what was granted, or a progress report.
# Both hold how things stand now. Each aspect is a row of its own to the host, which tells what changed.

def key: required("申请编号");
def organisation: required("统一社会信用代码") | credit_code("统一社会信用代码");
def at($name): required($name) | local_time($name);
def yuan($name):
  required($name) | money($name)
  | if . > 0 then . else refuse($name; "an amount above zero is expected") end;

def milestone($row; $aspect; $time; $data):
  { type: "case.milestone", "$row": { key: $row, aspect: $aspect }, ref: key, time: $time, data: $data };

def opened:
  { type: "case.opened",
    "$row": { key: key, aspect: "case" },
    ref: key,
    time: at("申请时间"),
    area: (required("区域编码") | area_code("区域编码")),
    data: {
      kind: "grant",
      channel: "system",
      category: "grant.application",
      category_local: .["项目类别"],
      field: lookup($tables.fields; .["项目类别"]; "项目类别").code,
      title: required("项目名称"),
      text: optional("项目概况"),
      organisation: organisation,
      organisation_name: required("组织名称")
    },
    private: { name: optional("联系人"), phone: (optional("联系电话") | phone) } };

def applied:
  milestone(key; "applied"; at("申请时间");
    { code: "grant.applied", value: (yuan("申请金额") | tostring), value_local: .["申请金额"] });

# A grant that was taken back is remembered, and told again when it comes again.
def awarded:
  if optional("资助金额") == null then milestone(key; "awarded"; $record.time; {}) | .type = null
  else
    milestone(key; "awarded"; at("资助时间");
      { code: "grant.awarded", value: (yuan("资助金额") | tostring), value_local: .["资助金额"] })
  end;

# A state without a type (just handed in) is remembered, so that coming back to a later one counts as a change.
def moved:
  lookup($tables.states; .["审批状态"]; "审批状态") as $state
  | { type: (if $state.type == "" then null else $state.type end),
      "$row": { key: key, aspect: "state" },
      ref: key,
      time: at("更新时间"),
      data: ({ state_local: .["审批状态"] } + (if $state.reason == "" then {} else { reason: $state.reason } end)) };

def report:
  milestone("\(key)/\(required("报告编号"))"; "report"; at("报告时间");
    { code: "grant.reported",
      value: lookup($tables.reports; .["报告类型"]; "报告类型").code,
      value_local: .["报告类型"],
      text: required("报告内容"),
      report: .["报告编号"],
      spent: (optional("已用金额") | money("已用金额")),
      organisation: organisation });

if has("报告编号") then report else opened, applied, awarded, moved end
