# One step of an event (事件) in the street's information system: what it is about, how far it has come, which department
# has it, how long that took, and what the citizen says.
#
# A step never changes once it is posted: the number of the event and that of the step are the id. What was entered
# wrongly is put right by a step of its own, 补正.

def number_of_step:
  required("步骤序号") | tostring
  | if test("^[1-9][0-9]{0,5}$") then . else refuse("步骤序号"; "a whole number from 1 on is expected") end;

# Titles are the first 40 characters of what was said, on one line.
def title: given(split("\n") | join(" ") | if length > 40 then .[:40] + "…" else . end);

def category: optional("类别") | if . == null then null else lookup($tables.categories; .; "类别").code end;
def priority:
  optional("紧急程度") | if . == null then null else lookup($tables.urgency; .; "紧急程度").priority | tonumber end;
def department: lookup($tables.departments; required("承办部门"); "承办部门").code;

# What may be told at the beginning, and corrected later.
def about:
  { title: (optional("内容") | title),
    text: optional("内容"),
    category: category,
    category_local: optional("类别"),
    priority: priority,
    priority_local: optional("紧急程度") };

def person:
  { name: optional("姓名"), phone: (optional("电话") | phone("电话")), address: optional("住址") };

# How efficient it was: the minutes that the system itself counted.
def efficiency: optional("办理用时") | number("办理用时");

def said: { step_local: .["步骤"], text: optional("说明") };

def opened:
  required("内容") as $text | required("类别") as $category
  | { data: (about + { kind: "matter", channel: "window", window_local: optional("窗口") }), private: person };

def assigned:
  { data: (said + { party: department, party_local: .["承办部门"], joint_local: optional("协办部门"),
                    due_local: optional("限办时间") }) };

def satisfaction: lookup($tables.satisfaction; required("评价"); "评价");
def feedback:
  satisfaction as $said
  | { data: (said + { score: ($said.score | tonumber), satisfied: ($said.satisfied == "true"),
                      satisfaction_local: .["评价"] }) };

def detail($step):
  if $step.type == "case.opened" then opened
  elif $step.type == "case.amended" then { data: (about + { step_local: .["步骤"] }), private: person }
  elif $step.type == "case.assigned" then assigned
  elif $step.type == "case.feedback" then feedback
  elif $step.type == "case.replied" then { data: (said + { text: required("说明"), public: false }) }
  elif $step.type == "case.resolved" then { data: (said + { minutes: efficiency }) }
  else { data: (said + (if $step.reason == "" then {} else { reason: $step.reason } end)) }
  end;

lookup($tables.steps; required("步骤"); "步骤") as $step
| { type: $step.type,
    id: (required("事件编号") + "/" + number_of_step),
    ref: required("事件编号"),
    time: (required("时间") | local_time("时间")),
    area: (optional("区域编码") | area_code("区域编码")) } + detail($step)
