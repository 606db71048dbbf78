# An answer to one of the teams' matters, or its end: a file with a heading and one row.

# In the teams' own time, as their diary writes it.
def local_clock: .[:19] + "Z" | fromdateiso8601 + 8 * 3600 | strftime("%Y-%m-%d %H:%M:%S");

if .source | startswith("grid/") then empty   # the diary told it, so the teams know
elif .case == null then refuse("case"; "the connector's grant does not show it")
elif .case.ref == null then empty             # not of the diary
else
  { name: "result-\(.sequence).csv",
    body: [
      ["序号", "状态", "时间", "答复"],
      [ .case.ref, lookup($tables.results; .type; "type").local, (.time | local_clock),
        (.data.resolution // .data.text // .data.reason // "") ]
    ] }
end
