# One row of the visit diary: a matter that a resident told the service team, and how far it is now.
#
# The export holds present states only, so both events are aspects of the row: the host tells what changed.

# A title is the first 40 characters of what was said, on one line.
def title: required("内容") | split("\n") | join(" ") | if length > 40 then .[:40] + "…" else . end;

def opened:
  { type: "case.opened",
    "$row": { key: required("序号"), aspect: "case" },
    ref: .["序号"],
    time: (required("走访时间") | local_time("走访时间")),
    area: (required("网格编码") | area_code("网格编码"; 15)),
    data: {
      kind: "matter",
      channel: "visit",
      title: title,
      text: required("内容"),
      category: lookup($tables.categories; .["类别"]; "类别").code,
      category_local: .["类别"],
      priority: (lookup($tables.urgency; .["紧急程度"]; "紧急程度").priority | tonumber),
      priority_local: .["紧急程度"]
    },
    private: {
      name: optional("居民姓名"),
      phone: (optional("电话") | phone),
      address: optional("住址")
    } };

# The diary does not say when a state was entered: it is seen when the export is written. A state without a type
# (just reported) is remembered, so that coming back to a later one counts as a change.
def moved($state):
  { type: $state.type,
    "$row": { key: .["序号"], aspect: "state" },
    ref: .["序号"],
    time: $record.time,
    data: (
      { state_local: .["状态"] }
      + (if $state.reason != "" then { reason: $state.reason } else {} end)
    ) }
  | if $state.type == "" then .type = null else . end;

lookup($tables.states; .["状态"]; "状态") as $state
| opened, moved($state)
