# A public reply that was given in the hub, as a post under its topic. What the forum itself told is there already.
#
# The number at its end makes each post another text: a forum that refuses what it has already then knows a repeat, and
# takes two replies of the same words for two. All of the text is of the event, so that it is the same at every attempt.

def forum: "forum/zhenhai";

def topic:
  .case.ref // ""
  | if test("^[1-9][0-9]{0,15}$") then tonumber else refuse("case.ref"; "the number of a topic is expected") end;

if .data.public != true or (.source | startswith("forum/")) then empty
elif .case == null then refuse("case"; "this connector may not read it")
elif .case.source != forum then empty
else
  (.data.text // "" | blank_to_null // refuse("data.text"; "a reply without words")) as $text
  | ($tables.offices[.party // (.topic | split(".")[3])].name // "承办部门") as $office
  | { body: { topic_id: topic, raw: "\($text)\n\n\($office)，答复编号 \(.subject)/\(.caseversion)" } }
end
