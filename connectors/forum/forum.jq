# One post of a Discourse, as its API and its web hooks tell it: an opened case, a note, an official reply, or its end.
#
# A hook wraps the post; the rest is the same, so that either way gives the same event. The id is made of the post, its
# update time and what is told of it: a topic that was renamed or moved keeps the update time of its first post.

# Posts do not say where: Zhenhai.
def home_area: "330211";

# A digest of text, for ids: jq has none. 31 times what is below 2^31 a double still holds.
def digest: reduce explode[] as $c (7; (. * 31 + $c) % 2147483647) | tostring;

def told($post): .id = "post-\($post.id)-\($post.updated_at)-\([.type, .data, .private] | tojson | digest)";

def person: { name: (optional("name") // .username), account: .username };

# A first version has no other time than that of its creation.
def happened: if .version > 1 then .updated_at else .created_at end;

def link: "/t/\(.topic_id)/\(.post_number)";

def opened($section):
  { type: "case.opened",
    ref: (.topic_id | tostring),
    time: .created_at,
    area: home_area,
    data: {
      kind: "post",
      channel: "forum",
      title: required("topic_title"),
      text: required("raw"),
      category: $section.category,
      category_local: $section.section,
      link: link
    },
    private: person };

def said($type; $data):
  { type: $type,
    ref: (.topic_id | tostring),
    time: happened,
    data: ({ text: required("raw"), link: link } + $data),
    private: person };

def is_first: .post_number == 1;
def is_gone: .user_deleted == true or .deleted_at != null;
def is_official: .staff == true or $tables.accounts[.username].role == "official";

# What the author takes back ends the case; what a moderator removes is only noted.
def removed:
  { ref: (.topic_id | tostring), time: (.deleted_at // .updated_at), data: { link: link } };

def ended:
  .user_deleted as $by_author
  | if $by_author and .deleted_at != null then empty # the forum clears away what was told before
    elif $by_author and is_first then removed + { type: "case.cancelled" } | .data.text = "作者已删除该帖"
    elif $by_author then removed + { type: "case.noted" } | .data.text = "作者已删除该回帖"
    else removed + { type: "case.noted" } | .data.text = "该帖已被管理员移除"
    end;

def event($section):
  if is_gone then ended
  elif is_first then opened($section)
  elif is_official then said("case.replied"; { public: true })
  else said("case.noted"; {})
  end;

(.post // .) as $post
| $post
| if .topic_archetype == "private_message" or .post_type != 1 then empty
  elif $tables.accounts[.username].role == "hub" then empty
  else
    lookup($tables.sections; .category_id | tostring; "category_id") as $section
    | if $section.opens == "yes" then event($section) | told($post) else empty end
  end
