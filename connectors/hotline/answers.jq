# What a firm answers to an order: the handoff moves. An answer is given once: order and answer are its id.

required("order") as $order
| (if $order | test("^[A-Z0-9-]+/h[1-9][0-9]*$") then . else refuse("order"; "the order of an offer is expected, such as ZJ-20261124-7/h1") end)
| lookup($tables.answers; required("answer"); "answer") as $answer
| { type: $answer.type,
    id: "\($order)/\(.answer)",
    subject: ($order | split("/")[0]),
    time: required("time"),
    data: { handoff: $order, reason: optional("reason"), text: optional("text") } }
