# One item of an RSS 2.0 feed, or one entry of an Atom feed (RFC 4287): a new topic.
#
# A feed tells no follow-ups and no deletions. The event's id is made of the item's own and of what is told of it.

# Feeds do not say where: Zhenhai.
def home_area: "330211";

def digest: reduce explode[] as $c (7; (. * 31 + $c) % 2147483647) | tostring;

# Text of an element: with attributes it is an object, of several the first counts.
def words: if type == "array" then .[0] | words elif type == "object" then .["#text"] else . end | blank_to_null;

# Descriptions are HTML.
def without_tags:
  if . == null then null
  elif test("[<&]") then
    gsub("<[^>]*>"; "") | gsub("&lt;"; "<") | gsub("&gt;"; ">") | gsub("&quot;"; "\"") | gsub("&nbsp;"; " ")
    | gsub("&amp;"; "&") | blank_to_null
  else . end;

def needed($field): if . == null then refuse($field; "it is empty") else . end;

# "Mon, 23 Nov 2026 10:53:00 +0800", RFC 822 as RSS has it.
def rss_time($field):
  {"Jan": "01", "Feb": "02", "Mar": "03", "Apr": "04", "May": "05", "Jun": "06",
   "Jul": "07", "Aug": "08", "Sep": "09", "Oct": "10", "Nov": "11", "Dec": "12"} as $months
  | capture("^(?:\\w{3}, )?(?<d>\\d{1,2}) (?<m>\\w{3}) (?<y>\\d{4}) (?<t>\\d{2}:\\d{2}:\\d{2}) (?<z>GMT|UTC?|[-+]\\d{4})$")
      // refuse($field; "a time such as Mon, 23 Nov 2026 10:53:00 +0800 is expected")
  | ($months[.m] // refuse($field; "there is no such month")) as $month
  | "\(.y)-\($month)-\(.d | two)T\(.t)\(if .z | test("^[-+]") then "\(.z[:3]):\(.z[3:])" else "Z" end)";

def item:
  { id: (.guid // .link | words | needed("guid")),
    time: (.pubDate | words | needed("pubDate") | rss_time("pubDate")),
    text: (.encoded // .description | words | without_tags),
    link: (.link | words),
    section: (.category | words),
    author: (.creator // .author | words) };

def entry:
  (.link | if type == "array" then .[0] else . end) as $link
  | { id: (.id | words | needed("id")),
      time: (.published // .updated | words | needed("published")),
      text: (.content // .summary | words | without_tags),
      link: ($link | if type == "object" then .["@href"] else . end),
      section: (.category | if type == "array" then .[0] else . end | if type == "object" then .["@term"] else . end),
      author: ((.author | if type == "object" then .name else . end) | words) };

(.item // .entry) as $element
| (if .item then $element | item else $element | entry end) as $post
| ($element.title | words | without_tags | needed("title")) as $title
| lookup($tables.feed_sections; $post.section; "category") as $section
| if $section.opens != "yes" then empty
  else
    { type: "case.opened",
      ref: $post.id,
      time: $post.time,
      area: home_area,
      data: { kind: "post", channel: "forum", title: $title, text: ($post.text // $title),
              category: $section.category, category_local: $post.section, link: $post.link },
      private: { name: $post.author } }
    | .id = "item-\($post.id)-\([.data, .private, .time] | tojson | digest)"
  end
