# What a unit is offered, urged for or relieved of becomes a CAP 1.2 message to it. The input is the event, and as `case` what
# the hub knows of its case.
#
# The order's identifier is the handoff's own number, so that what comes after it can refer to it and the unit's answer tells
# which handoff it means (cap.jq).

# As in cap.jq.
def own: "orders@casehub.invalid";

# CAP 3.3.2: no fraction of a second, no Z. Times are texts in the event and milliseconds in `case`.
def cap_time:
  if type == "number" then . / 1000 | floor else .[:19] + "Z" | fromdate end
  | . + 28800 | strftime("%Y-%m-%dT%H:%M:%S+08:00");
def given_time: if . == null then null else cap_time end;
def parameter($name; $value):
  if $value == null then empty else { valueName: $name, value: ($value | tostring) } end;

# The first word of CAP for it; where there is none, CAP has "Unknown".
def urgency: (.priority // 0 | tostring) as $priority
  | [$tables.urgency | to_entries[] | select(.value.priority == $priority).key][0] // "Unknown";
def severity($told): if any("Extreme", "Severe", "Moderate", "Minor"; . == $told) then $told else "Unknown" end;
def certainty($told): if any("Observed", "Likely", "Possible", "Unlikely"; . == $told) then $told else "Unknown" end;

def area($data; $private):
  if .area == null and $private.address == null then null
  else { areaDesc: ($private.address // .area),
         circle: (if $data.lat == null or $data.lon == null then null else "\($data.lat),\($data.lon) 0" end),
         geocode: (if .area == null then null else { valueName: "GB2260", value: .area } end) } end;

# Input: the case.
def info($event):
  .category as $category
  | (.opened_event.data // {}) as $data
  | (.opened_event.private // {}) as $private
  | { language: "zh-CN",
      category: ($tables.cap_categories[$category // "" | split(".")[0] // ""].cap // "Other"),
      event: ($data.category_local // $category // .kind),
      urgency: urgency,
      severity: severity($data.severity),
      certainty: certainty($data.certainty),
      expires: ($event.data.due | given_time),
      headline: $data.title,
      description: $data.text,
      instruction: $event.data.text,
      parameter: [ parameter("case"; .case), parameter("reason"; $event.data.reason), parameter("caller"; $private.name),
        parameter("phone"; $private.phone) ],
      area: area($data; $private) };

. as $event
| .data.handoff as $handoff
| .data.party as $party
| ([$tables.units | to_entries[] | select(.value.party == $party).key][0]
    // refuse("party"; "no unit of units.csv is this party")) as $unit
| (.case // refuse("case"; "the hub does not tell of it")) as $case
| ([$case.handoffs // [] | .[] | select(.handoff == $handoff).offered | cap_time][0]) as $offered
| (.type == "handoff.offered") as $first
| { target: $party,
    body: { alert: {
      "@xmlns": "urn:oasis:names:tc:emergency:cap:1.2",
      identifier: (if $first then $handoff else "\($handoff)/\(.caseversion)" end),
      sender: own,
      sent: (if $first then $offered // (.time | cap_time) else (.time | cap_time) end),
      status: (if .testmode then "Exercise" else "Actual" end),
      msgType: { "handoff.offered": "Alert", "handoff.urged": "Update", "handoff.withdrawn": "Cancel" }[.type],
      scope: "Private",
      addresses: $unit,
      note: (if .type == "handoff.withdrawn" then .data.text // .data.reason else null end),
      references: (if $first or $offered == null then null else "\(own),\($handoff),\($offered)" end),
      incidents: .subject,
      info: (if .type == "handoff.withdrawn" then null else ($case | info($event)) end) } } }
