# cmake -DFROM=x.jq -DNAME=symbol -DTO=x.c -P embed.cmake: a jq file as a C string on one line, without the lines that are
# comments.
file(READ ${FROM} text)
string(REGEX REPLACE "(^|\n) *#[^\n]*" "\\1" text "${text}")
string(REGEX REPLACE "\n+ *" " " text "${text}")
string(REPLACE "\\" "\\\\" text "${text}")
string(REPLACE "\"" "\\\"" text "${text}")
file(WRITE ${TO} "extern const char ${NAME}[];\nconst char ${NAME}[] = \"${text}\";\n")
