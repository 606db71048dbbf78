# What the hub asks of departments in an event of the centre: an offer to several at once, or to one; a reminder; and the
# order of whoever supervises them.

# Numbers of other centres are none here.
def centre: "service_centre/haishu";

def local_name:
  . as $code
  | first($tables.departments | to_entries[] | select(.value.code == $code) | .key) // $code;

# Of milliseconds or RFC 3339.
def seconds:
  if tostring | test("^[0-9]+$") then tonumber / 1000 else sub("\\.[0-9]+Z$"; "Z") | fromdateiso8601 end;
def shanghai: given(seconds + 8 * 3600 | floor | strftime("%Y-%m-%d %H:%M"));

def order:
  if .type == "handoff.urged" then "催办"
  elif .type == "handoff.escalated" then "督办"
  else {"joint": "联办", "cc": "抄告", "arbitration": "裁定"}[.data.form // ""] // "交办"
  end;

if .case == null then refuse("case"; "this connector may not read it")
elif .case.source != centre then empty
else
  { body: ({
      "指令编号": "\(.subject)/\(.caseversion)",
      "指令": order,
      "事件编号": .case.ref,
      "移交编号": .data.handoff,
      "承办部门": (.data.party | local_name),
      "牵头部门": (.data.lead | given(local_name)),
      "下达时间": (.time | shanghai),
      "限办时间": (.data.due | shanghai),
      "督办层级": .data.level,
      "督办部门": (.data.to | given(local_name)),
      "说明": .data.text
    } | with_entries(select(.value != null))) }
end
