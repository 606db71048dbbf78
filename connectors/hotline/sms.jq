# One message from the operator's gateway: a request of a citizen, which the desk will put into a category. What the
# gateway says about messages that went out (kind "report") is no matter of a case.

# Where the message does not say better: Haishu.
def home_area: "330203";

def message_id:
  required("msgid") | tostring
  | if test("^[0-9A-Za-z._-]{1,60}$") then . else refuse("msgid"; "letters, digits and ._- are expected") end;

def title: split("\n") | join(" ") | if length > 40 then .[:40] + "…" else . end;

def opened:
  message_id as $id
  | required("text") as $text
  | { type: "case.opened",
      id: $id,
      ref: $id,
      time: (required("time") | local_time("time")),
      area: home_area,
      data: { kind: "request", channel: "sms", title: ($text | title), text: $text },
      private: { phone: (required("from") | phone("from")) } };

required("kind") as $kind
| if $kind == "message" then opened
  elif $kind == "report" then empty
  else refuse("kind"; "message or report is expected") end
