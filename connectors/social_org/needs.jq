# A need that was offered to an organisation, as a sheet with one row: what and where it is, and until when. Who it is about
# does not leave the hub: the centre looks the case up.

# A time as text in UTC, or in milliseconds, as it stands in the centre's own clock.
def local_text:
  if . == null then ""
  else (if type == "number" then . / 1000 | floor else .[:19] + "Z" | fromdate end)
    + 28800 | strftime("%Y-%m-%d %H:%M:%S") end;

# A spreadsheet takes a cell that begins so for a formula.
def words: . // "" | if test("^[-=+@\t\r]") then "'" + . else . end;

lookup($tables.organisations; .data.party; "data.party") as $organisation
| (.case.opened_event.data // {}) as $need
| { name: "\(.data.handoff | split("/") | join("-")).csv",
    body: [
      [ "工单号", "交办号", "统一社会信用代码", "组织名称", "区域编码", "标题", "内容", "交办原因", "交办时间", "办理期限" ],
      [ .subject, .data.handoff, $organisation.credit_code, $organisation.name, (.case.area // ""), ($need.title | words),
        ($need.text | words), (.data.reason // ""), (.time | local_text), (.data.due | local_text) ] ] }
