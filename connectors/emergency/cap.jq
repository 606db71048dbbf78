# One CAP 1.2 message of the command centre or of a unit that it called out.
#
# An event's id is made of sender and identifier, which CAP makes unique: a message that comes again is known. The case's
# ref is that of the alert that opened it, which is the first of an answer's `references`. A unit that answers an order of
# ours (orders.jq) refers to that instead: its identifier is the handoff.

# As in orders.jq.
def own: "orders@casehub.invalid";

# any, not index: of an array of texts jq 1.6 loses memory each time.
def one_of($name; $values):
  required($name) as $value
  | if any($values[]; . == $value) then $value else refuse($name; "CAP 1.2 does not know this value") end;

# CAP 3.2.1: no spaces, commas, < and &.
def token($name): required($name) | if test("[\\s,<&]") then refuse($name; "a space, a comma, < or & is in it") else . end;

def checked:
  [token("identifier"), token("sender"), required("sent"), required("scope")] as $_
  | .status = one_of("status"; ["Actual", "Exercise", "System", "Test", "Draft"])
  | .msgType = one_of("msgType"; ["Alert", "Update", "Cancel", "Ack", "Error"])
  | .scope = one_of("scope"; ["Public", "Restricted", "Private"])
  | if .status == "System" then refuse("status"; "System messages concern no case") else . end;

def name_of_message: token("sender") + "/" + token("identifier");

# [sender, identifier, sent] of the first.
def reference:
  required("references") / " " | .[0] / ","
  | if length == 3 and all(.[]; . != "") then . else refuse("references"; "sender,identifier,sent is expected") end;
def referenced: reference | .[0] + "/" + .[1];

# What a unit answers: the order, or the alert itself, and then its handoff is the one of its party.
def answered:
  reference
  | if .[0] != own then { attributes: { ref: (.[0] + "/" + .[1]) }, data: {} }
    elif .[1] | is("^[^/]+/h[0-9]+$") then { attributes: { subject: (.[1] / "/" | .[0]) }, data: { handoff: .[1] } }
    else refuse("references"; "it is no order") end;

# Of several languages the first Chinese one, or the first.
def info:
  (.info // []) as $all
  | if $all | length == 0 then refuse("info"; "it is missing") else . end
  | [$all[] | select((.language // "") | startswith("zh"))][0] // $all[0]
  | if type == "object" then . else refuse("info"; "it is empty") end
  | if (.category // []) | length == 0 then refuse("category"; "it is missing") else . end
  | (.category[] |= ({ category: . } | one_of("category"; ["Geo", "Met", "Safety", "Security", "Rescue", "Fire",
      "Health", "Env", "Transport", "Infra", "CBRNE", "Other"])))
  | .severity = one_of("severity"; ["Extreme", "Severe", "Moderate", "Minor", "Unknown"])
  | .certainty = one_of("certainty"; ["Observed", "Likely", "Possible", "Unlikely", "Unknown"])
  | .urgency = required("urgency");

def valued($list; $name): [$list // [] | .[] | objects | select(.valueName == $name) | .value][0] | blank_to_null;
def first_area: [.area // [] | .[] | objects][0] // {};
# "lat,lon radius"
def circle:
  (first_area.circle // [])[0] | blank_to_null
  | if . == null then null
    else capture("^(?<lat>-?\\d+(\\.\\d+)?),(?<lon>-?\\d+(\\.\\d+)?) ")
      // refuse("circle"; "latitude,longitude and a radius are expected") end;

def told($kind):
  info
  | circle as $at
  | { area: (valued(first_area.geocode; "GB2260") | area_code("geocode")),
      data: {
        kind: $kind,
        title: (optional("headline") // required("event")),
        text: optional("description"),
        category: lookup($tables.events; required("event"); "event").code,
        category_local: required("event"),
        priority: (lookup($tables.urgency; .urgency; "urgency").priority | tonumber),
        priority_local: .urgency,
        severity: .severity,
        certainty: .certainty,
        channel: valued(.parameter; "channel"),
        lat: ($at | if . == null then null else .lat | tonumber end),
        lon: ($at | if . == null then null else .lon | tonumber end)
      },
      private: {
        name: valued(.parameter; "caller"),
        phone: (valued(.parameter; "phone") | phone),
        address: (first_area | optional("areaDesc"))
      } };

def base: { id: name_of_message, time: (required("sent") | local_time("sent")) }
  + if .status == "Actual" then {} else { testmode: true } end;

# A unit says which of its steps an Ack is with `code`; without one it has accepted. The connector reports what units did and
# does not act for them, so its grant names no party: the milestone's value says which unit it was.
def steps:
  lookup($tables.units; required("sender"); "sender").party as $party
  | (if .msgType == "Error" then "declined" else (.code // [])[0] // "accepted" end) as $step
  | lookup($tables.steps; $step; "code") as $row
  | answered as $to
  | (base + $to.attributes) as $base
  | ($base + { type: $row.type,
        data: ($to.data + { party: $party } + if $row.reason == "" then {} else { reason: $row.reason } end) }),
    (select($row.milestone != "")
     | $base + { id: ($base.id + "/milestone"), type: "case.milestone", data: { code: $row.milestone, value: $party } });

.alert | checked
| if .msgType == "Alert" then base + { type: "case.opened", ref: name_of_message } + told("dispatch")
  elif .msgType == "Update" then base + { type: "case.amended", ref: referenced } + (told("dispatch") | del(.data.kind))
  elif .msgType == "Cancel" then base + { type: "case.cancelled", ref: referenced, data: { reason: "recalled" } }
  else steps end
