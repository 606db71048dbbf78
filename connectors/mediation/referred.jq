# A dispute that was offered to an authority, as the register's row of its referral. A copy for information is none.

# As it stands in the centre's own clock.
def local_text: .[:19] + "Z" | fromdate + 28800 | strftime("%Y-%m-%d %H:%M:%S");

# The centre's word for it.
def word($table; $code; $field):
  [$table | to_entries[] | select(.value.code == $code).key][0] // refuse($field; "the table has no word for it");

select(.data.form != "cc")
| { body: {
      "登记号": (.case.ref // refuse("case"; "the hub does not tell of it")),
      "移送方向": word($tables.directions; "mediation.referred"; "type"),
      "机关": word($tables.authorities; .data.party; "data.party"),
      "移送时间": (.time | local_text) } }
