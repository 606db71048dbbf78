# What every mapping finds defined before its first line. The build puts it on one line (embed.cmake), so that jq's
# messages count the mapping's own lines: comments stand on lines of their own. What a mapping defines itself under one
# of these names hides it.

# What reads beyond the record.
def hidden($name): error({code: "invalid", reason: ($name + " is not for mappings")});
def input: hidden("input");
def inputs: hidden("inputs");
def debug: hidden("debug");
def debug($x): debug;
def stderr: hidden("stderr");
def env: hidden("env");
def halt: hidden("halt");
def halt_error: hidden("halt_error");
def halt_error($x): halt_error;
def input_filename: hidden("input_filename");
def input_line_number: hidden("input_line_number");
def now: hidden("now");
def localtime: hidden("localtime");
def strflocaltime($x): localtime;
def get_search_list: hidden("get_search_list");
def modulemeta: hidden("modulemeta");

# Dead letters.
def refuse($field; $reason): error({code: "invalid", field: $field, reason: $reason});
def lookup($table; $code; $field):
  if ($code | type) == "string" and ($table | has($code)) then $table[$code]
  else error({code: "not-found", field: $field, reason: "the code is not in the table"}) end;

# Text. A regular expression costs some 3 microseconds, a loop over characters 10, sub and gsub 30 and more: what is
# clean already is only looked at.
def trim:
  if type == "string" and test("^\\s|\\s$") then match("\\S(?s:.*\\S)?").string // "" else . end;
def half_width:
  if type != "string" or utf8bytelength == length then .
  else explode | map(if . == 12288 then 32 elif . > 65280 and . < 65375 then . - 65248 else . end) | implode end;
def blank_to_null: trim | if . == "" then null else . end;
def optional($name): .[$name] | blank_to_null;
def required($name): optional($name) | if . == null then refuse($name; "it is empty") else . end;
# As the helpers below look at a value: in ASCII where it can be, without white space around it.
def plain: if type == "number" then tostring else half_width | blank_to_null end;
# A value that is there, or null.
def given(f): plain | if . == null then null else f end;
def is($shape): type == "string" and test($shape);

# Times.
def two: if . == null then "00" elif length == 1 then "0" + . else . end;
def spelled_time($field):
  if test("^\\d{8}([ T]?\\d{4}(\\d{2})?)?$") then
    (.[8:] | ltrimstr(" ") | ltrimstr("T")) as $clock
    | "\(.[:4])-\(.[4:6])-\(.[6:8])"
      + if $clock == "" then "" else " \($clock[:2]):\($clock[2:4]):\($clock[4:] | if . == "" then "00" else . end)" end
  elif test("^(\\d{10}|\\d{13})$") then (.[:10] | tonumber | todate)
  else
    capture("^(?<y>\\d{4}) ?(?:年|(?<between>[-/.])) ?(?<m>\\d{1,2}) ?(?:月|\\k<between>) ?(?<d>\\d{1,2}) ?日?(?<clock>[ T]*(?<h>\\d{1,2}) ?(?:[:时点] ?(?<min>\\d{1,2})(?: ?[:分] ?(?<s>\\d{1,2})(?:\\.\\d+)? ?秒?| ?分)?|[时点]))?$")
      // refuse($field; "a time such as 2026-11-23 08:15 is expected")
    | "\(.y)-\(.m)-\(.d)" + if .clock == null then "" else " \(.h):\(.min | two):\(.s | two)" end
  end;
def local_time($field; $zone):
  given(
    if is("^\\d{4}([-/])\\d{1,2}\\1\\d{1,2}([ T]\\d{1,2}:\\d{2}(:\\d{2}((\\.\\d+)?(Z|[+-]\\d{2}:\\d{2}))?)?)?$") then .
    elif type == "string" then spelled_time($field)
    else refuse($field; "a time is expected") end
    | {"$time": ., zone: $zone});
def local_time($field): local_time($field; "Asia/Shanghai");

# Areas: two digits of the province, two of the city, two of the county, three of street, community and grid.
def without_zeros:
  if length > 6 and endswith("000") then .[:-3] | without_zeros
  elif length > 2 and length < 7 and endswith("00") then .[:-2] | without_zeros
  else . end;
def area_code($field):
  given(
    if is("^[1-9]\\d(\\d{2}){0,2}$|^[1-9]\\d{5}(\\d{3}){1,3}$") then without_zeros
    else refuse($field; "an area code has 2, 4, 6, 9, 12 or 15 digits") end);
def area_code($field; $digits):
  given(if is("^\\d{\($digits)}$") then . else refuse($field; "\($digits) digits are expected") end);
def area_within($digits):
  if ([2, 4, 6, 9, 12, 15] | index($digits)) == null then error({reason: "no area has \($digits) digits"})
  elif . == null then null else .[:$digits] end;

# Telephone numbers: digits only, without 86, an extension behind a hyphen.
def without_country:
  if startswith("+86") then .[3:] | if test("^0|^1[3-9]\\d{9}$|^[48]00\\d{7}$") then . else "0" + . end
  elif startswith("0086") then "+" + .[2:] | without_country
  elif test("^861[3-9]\\d{9}$") then .[2:]
  elif test("^01[3-9]\\d{9}$") then .[1:]
  else . end;
def tidy_phone:
  if test("^1[3-9]\\d{9}$") then .
  else
    (capture("^(?<number>[-+0-9() .]*\\d{7,8})(?:-| ?(?:转|ext\\.?|x|#) ?)(?<extension>\\d{1,6})$"; "i") // {number: .})
    | if .number | test("^\\+?[-0-9() .]+$") then
        (.number | explode | map(select((. > 47 and . < 58) or . == 43)) | implode | without_country)
        + if .extension == null then "" else "-" + .extension end
      else .number end
  end;
def phone_or(bad):
  . as $as_given
  | given(
      if type == "string" then tidy_phone else "" end
      | if test("^(1[3-9]\\d{9}|0\\d{9,11}|[48]00\\d{7}|\\d{3,8}|\\+[1-9]\\d{6,14})(-\\d{1,6})?$") then .
        else $as_given | bad end);
def phone: phone_or(.);
def phone($field): phone_or(refuse($field; "it is no telephone number"));

# Identity numbers, GB 11643. One of 15 digits, as they were until 1999, becomes the one of 18 that took its place.
def id_check:
  explode as $c
  | [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2] as $weights
  | ((reduce range(17) as $i (0; . + ($c[$i] - 48) * $weights[$i])) % 11) as $sum
  | "10X98765432"[$sum:$sum + 1];
def id_number_or(bad):
  . as $as_given
  | given(
      (if type == "string" then ascii_upcase else "" end)
      | if test("^[1-9]\\d{14}$") then "\(.[:6])19\(.[6:])" | . + id_check else . end
      | if test("^[1-9]\\d{5}(18|19|20)\\d{2}(0[1-9]|1[0-2])(0[1-9]|[12]\\d|3[01])\\d{3}[0-9X]$") and .[17:] == id_check
        then . else $as_given | bad end);
def id_number: id_number_or(.);
def id_number($field): id_number_or(refuse($field; "it is no identity number: its date or check digit is wrong"));

# The unified social credit code, GB 32100: 31 characters (no I, O, S, V, Z); weight of the n-th is 3 to the power n - 1,
# so the sum grows from the right.
def credit_check:
  "0123456789ABCDEFGHJKLMNPQRTUWXY" as $alphabet
  | ((31 - (reduce (.[:17] / "" | reverse[]) as $c (0; . * 3 + ($alphabet | index($c)))) % 31) % 31) as $sum
  | $alphabet[$sum:$sum + 1];
def credit_code_or(bad):
  . as $as_given
  | given(
      (if type == "string" then ascii_upcase else "" end)
      | if test("^[0-9A-HJ-NPQRTUWXY]{2}\\d{6}[0-9A-HJ-NPQRTUWXY]{10}$") and .[17:] == credit_check
        then . else $as_given | bad end);
def credit_code: credit_code_or(.);
def credit_code($field): credit_code_or(refuse($field; "it is no credit code: its form or check character is wrong"));

# Numbers, money in yuan, yes and no.
def number($field):
  given(if is("^[-+]?\\d{1,15}(\\.\\d+)?$") then ltrimstr("+") | tonumber else refuse($field; "a number is expected") end);
def money($field):
  given(
    (if is("^\\d{1,13}$") then {n: .}
     elif type == "string" then
       capture("^(?:[¥￥]|RMB|CNY|人民币)? ?(?<n>-?(?:\\d{1,3}(?:,\\d{3}){1,4}|\\d{1,13})(?:\\.\\d+)?) ?(?<unit>[万亿]?) ?[元圆]?整?$"; "i")
     else empty end)
    // refuse($field; "an amount in yuan is expected")
    | (.n / "," | add | tonumber) * ({"万": 10000, "亿": 100000000}[.unit // ""] // 1)
    | . * 100 | round / 100);
def yes_no($field):
  if type == "boolean" then .
  else
    given(
      {"是": true, "有": true, "√": true, "y": true, "yes": true, "true": true, "t": true, "1": true,
       "否": false, "无": false, "×": false, "n": false, "no": false, "false": false, "f": false, "0": false} as $words
      | (if type == "string" then ascii_downcase else "" end) as $word
      | if $words | has($word) then $words[$word] else refuse($field; "yes or no is expected") end)
  end;
