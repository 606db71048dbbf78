# A risk point that a department cleared in the hub, as what the office's table of them says then. The office's own milestones are
# left out: it knows them.

# As it stands in the office's own clock.
def local_text: .[:19] + "Z" | fromdate + 28800 | strftime("%Y-%m-%d %H:%M:%S");

# The office's word for it.
def cleared_word:
  [$tables.points | to_entries[] | select(.value.code == "risk.point_cleared").key][0]
    // refuse("data.code"; "points.csv has no word for it");

select(.data.code == "risk.point_cleared" and (.source | split("/")[0] != "risk"))
| { body: {
      "项目编号": (.case.ref // refuse("case"; "the hub does not tell of it")),
      "风险点编号": ((.data.point | blank_to_null) // refuse("data.point"; "it does not say which risk point")),
      "化解状态": cleared_word,
      "更新时间": (.time | local_text) } }
