# What is offered to a firm becomes its order: what is to be done, where, for whom, and until when.

# RFC 3339 of milliseconds; as it is when it is that already.
def moment: if tostring | test("^[0-9]+$") then tonumber / 1000 | floor | todate else . end;

if .case == null then refuse("case"; "this connector may not read it")
elif .case.opened_event.data == null then refuse("case"; "what it says was erased")
else
  .case.opened_event as $opened
  | { target: .data.party,
      body: ({
        order: .data.handoff,
        service_request_id: .subject,
        service_code: $opened.data.category_local,
        service_name: ($tables.services[$opened.data.category_local // ""].name // .case.category),
        description: ($opened.data.text // $opened.data.title),
        priority: .case.priority,
        offered: .time,
        due: (.data.due | given(moment)),
        name: $opened.private.name,
        phone: $opened.private.phone,
        address: $opened.private.address,
        lat: $opened.data.lat,
        long: $opened.data.lon
      } | with_entries(select(.value != null))) }
end
