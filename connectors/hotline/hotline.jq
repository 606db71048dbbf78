# One request of a citizen's client (GeoReport v2, POST /requests): a case of kind request. Or an update of one (POST
# /servicerequestupdates): a note of its case, or what the citizen thinks of what was done.
#
# The transport has checked the fields and made `token`, which is the same for every repetition of one POST: so it is
# the event's id and the case's ref. `digest` lets the transport see that a repetition is one. An update comes with the
# `ref` of its case.

# Where the request does not say better: Haishu.
def home_area: "330203";

# An address_id of 6, 9, 12 or 15 digits is an area code, down to the grid.
def area:
  (.address_id // "") as $id
  | if $id | test("^([0-9]{6}|[0-9]{9}|[0-9]{12}|[0-9]{15})$") then $id else home_area end;

# Forms end their lines with CR LF.
def said: if .description then .description | split("\r\n") | join("\n") else null end;

# A title is the first 40 characters of what was said, on one line; without words it is the name of the service.
def title($service):
  (said // $service.name)
  | split("\n") | join(" ")
  | if length > 40 then .[:40] + "…" else . end;

# 张三, but Ann Lee.
def full_name:
  [.last_name, .first_name | select(. != null)] as $parts
  | if $parts | length == 0 then null
    elif $parts | any(test("\\p{Han}")) then $parts | join("")
    else $parts | reverse | join(" ")
    end;

def attachments: if .media_url then [{ name: "media_url", url: .media_url }] else null end;

def person:
  { name: full_name, phone: .phone, email: .email, device_id: .device_id, account_id: .account_id };

def update:
  { type: (if .score != null or .satisfied != null then "case.feedback" else "case.noted" end),
    id: .token,
    ref: .ref,
    time: .updated_datetime,
    data: { text: said, score: .score, satisfied: .satisfied, status_local: .status, attachments: attachments },
    private: person };

def request:
  lookup($tables.services; .service_code; "service_code") as $service
  | { type: "case.opened",
      id: .token,
      ref: .token,
      time: $record.time,
      area: area,
      data: {
        kind: "request",
        channel: "web",
        title: title($service),
        text: said,
        category: $service.category,
        category_local: .service_code,
        priority: ($service.priority | tonumber),
        lon: .long,
        lat: .lat,
        address_id: .address_id,
        attributes: .attributes,
        attachments: attachments,
        request_digest: .digest
      },
      private: (person + { address: .address_string }) };

if .service_request_id then update else request end
