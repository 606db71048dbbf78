/* Who may ask what, with which arguments: one table. And how rows are written. */
#include "hub/run/queries_inside.h"

#include <inttypes.h>
#include <stdio.h>

typedef enum argument_kind {
    ARGUMENT_TEXT,     /* str of `least` to `most` bytes without control characters */
    ARGUMENT_CHOICE,   /* str, one of choices */
    ARGUMENT_DIGITS,   /* str of digits, `most` at most */
    ARGUMENT_INT,      /* `least` to `most` */
    ARGUMENT_POSITION, /* the same; also as decimal text, as `next` is given */
    ARGUMENT_FLAG
} argument_kind;

typedef struct argument {
    const char *name;
    argument_kind kind;
    bool required;
    size_t offset; /* in ch_query_arguments */
    int64_t least, most, absent;
    const char *const *choices;
} argument;

#define MEMBER(member) .offset = offsetof(ch_query_arguments, member)
#define TEXT(key, member, bytes)                                                                             \
    {                                                                                                        \
        .name = key, .kind = ARGUMENT_TEXT, MEMBER(member), .least = 1, .most = bytes                        \
    }
#define NEEDED_TEXT(key, member, bytes)                                                                      \
    {                                                                                                        \
        .name = key, .kind = ARGUMENT_TEXT, .required = true, MEMBER(member), .least = 1, .most = bytes      \
    }
#define AREA                                                                                                 \
    {                                                                                                        \
        .name = "area", .kind = ARGUMENT_DIGITS, MEMBER(area), .most = 15                                    \
    }
#define CHOICE(key, member, list)                                                                            \
    {                                                                                                        \
        .name = key, .kind = ARGUMENT_CHOICE, MEMBER(member), .choices = list                                \
    }
#define FLAG(key, member)                                                                                    \
    {                                                                                                        \
        .name = key, .kind = ARGUMENT_FLAG, MEMBER(member)                                                   \
    }
#define INT(key, member, from, to, otherwise)                                                                \
    {                                                                                                        \
        .name = key, .kind = ARGUMENT_INT, MEMBER(member), .least = from, .most = to, .absent = otherwise    \
    }
#define LIMIT(otherwise) INT("limit", limit, 1, CH_QUERY_ROWS_MOST, otherwise)
#define PASSED(to, otherwise)                                                                                \
    {                                                                                                        \
        .name = "after", .kind = ARGUMENT_POSITION, MEMBER(passed), .least = 0, .most = to,                  \
        .absent = otherwise                                                                                  \
    }
#define CH_LETTER_REASON_MAX (sizeof((ch_dead_letter *)NULL)->reason - 1)
/* Longest: party, case number and index of a handoff. */
#define AFTER TEXT("after", after, 127)
#define CASE NEEDED_TEXT("case", case_id, CH_ID_MAX), TEXT("source", source, CH_ID_MAX)

static const char *const case_states[] = {
#define STATE_NAME(symbol, name) name,
    CH_CASE_STATE_LIST(STATE_NAME)
#undef STATE_NAME
        NULL};
static const char *const clock_states[] = {"running", "paused", "met", "breached", "cancelled", NULL};
static const char *const test_modes[] = {"exclude", "include", "only", NULL};
static const char *const letter_statuses[] = {"open", "retrying", "retried", "dropped", "all", NULL};

/* The reader has waited for it. */
static const argument everywhere[] = {INT("sequence", sequence, 0, CH_CHP_NUMBER_MAX, 0)};

static const argument cases_arguments[] = {CHOICE("state", state, case_states),
                                           TEXT("party", party, CH_CODE_MAX),
                                           TEXT("system", system, CH_ID_MAX),
                                           AREA,
                                           INT("since", since, CH_TIME_LEAST, CH_TIME_MOST, CH_TIME_LEAST),
                                           FLAG("anomalous", anomalous),
                                           TEXT("ref", ref, CH_ID_MAX),
                                           TEXT("phone", phone, CH_CODE_MAX),
                                           TEXT("id_number", id_number, CH_CODE_MAX),
                                           TEXT("category", category, CH_CODE_MAX),
                                           CHOICE("test", test, test_modes),
                                           LIMIT(CH_QUERY_ROWS_DEFAULT),
                                           PASSED(CH_CHP_NUMBER_MAX, CH_CHP_NUMBER_MAX)};
static const argument case_arguments[] = {CASE, PASSED(CH_QUERY_ROWS_MOST, 0)};
static const argument timeline_arguments[] = {CASE, LIMIT(CH_QUERY_ROWS_DEFAULT), PASSED(UINT32_MAX - 1, 0)};
static const argument handoffs_arguments[] = {
    TEXT("party", party, CH_CODE_MAX), TEXT("case", case_id, CH_ID_MAX),
    TEXT("source", source, CH_ID_MAX), FLAG("open", open),
    LIMIT(CH_QUERY_ROWS_DEFAULT),      AFTER};
static const argument clocks_arguments[] = {
    TEXT("party", party, CH_CODE_MAX),
    TEXT("case", case_id, CH_ID_MAX),
    TEXT("source", source, CH_ID_MAX),
    CHOICE("state", state, clock_states),
    INT("due_before", due_before, CH_TIME_LEAST, CH_TIME_MOST, CH_TIME_MOST),
    FLAG("open", open),
    LIMIT(CH_QUERY_ROWS_DEFAULT),
    AFTER};
static const argument dead_letters_arguments[] = {
    CHOICE("status", status, letter_statuses),
    TEXT("connector", connector, CH_CODE_MAX),
    TEXT("stage", stage, CH_CODE_MAX),
    TEXT("code", code, CH_CODE_MAX),
    TEXT("reason", reason, CH_LETTER_REASON_MAX),
    INT("since", since, CH_TIME_LEAST, CH_TIME_MOST, CH_TIME_LEAST),
    LIMIT(CH_QUERY_ROWS_DEFAULT),
    PASSED(CH_CHP_NUMBER_MAX, 0)};
static const argument dead_letter_arguments[] = {{.name = "deadletter",
                                                  .kind = ARGUMENT_POSITION,
                                                  .required = true,
                                                  MEMBER(dead_letter),
                                                  .least = 1,
                                                  .most = CH_CHP_NUMBER_MAX}};
static const argument connectors_arguments[] = {TEXT("name", name, CH_CODE_MAX), LIMIT(CH_QUERY_ROWS_MOST),
                                                AFTER};
static const argument checkpoint_arguments[] = {NEEDED_TEXT("connector", connector, CH_CODE_MAX)};
static const argument parties_arguments[] = {TEXT("code", code, CH_CODE_MAX), TEXT("kind", kind, CH_CODE_MAX),
                                             LIMIT(CH_QUERY_ROWS_MOST), AFTER};
static const argument route_arguments[] = {
    TEXT("system", system, CH_ID_MAX),       TEXT("kind", kind, CH_CODE_MAX),
    TEXT("category", category, CH_CODE_MAX), AREA,
    INT("priority", priority, 1, 5, 0),      INT("at", at, 0, CH_TIME_MOST, -1)};
static const char *const audited[] = {"looks", "deeds", NULL};
static const argument audit_arguments[] = {TEXT("actor", actor, CH_CODE_MAX),
                                           TEXT("case", case_id, CH_ID_MAX),
                                           INT("since", since, CH_TIME_LEAST, CH_TIME_MOST, CH_TIME_LEAST),
                                           CHOICE("of", of, audited),
                                           LIMIT(CH_QUERY_ROWS_DEFAULT),
                                           AFTER};
static const argument erasure_arguments[] = {CASE};
static const argument configs_arguments[] = {LIMIT(CH_QUERY_ROWS_DEFAULT),
                                             PASSED(CH_CHP_NUMBER_MAX, CH_CHP_NUMBER_MAX)};
static const argument grants_arguments[] = {LIMIT(CH_QUERY_ROWS_MOST), AFTER};

#define BIT(role) (1u << (role))
#define OVERSEERS (BIT(CH_ROLE_OPERATOR) | BIT(CH_ROLE_AUDITOR))
#define ALL_BUT_DEPARTMENTS                                                                                  \
    (OVERSEERS | BIT(CH_ROLE_CONNECTOR) | BIT(CH_ROLE_SUPERVISOR) | BIT(CH_ROLE_READ_ONLY))
#define EVERYBODY (ALL_BUT_DEPARTMENTS | BIT(CH_ROLE_DEPARTMENT))

typedef struct query {
    const char *name;
    unsigned roles;
    ch_query_run *run;
    const argument *arguments;
    size_t argument_count;
} query;

#define WITH(list) list, sizeof(list) / sizeof *(list)
static const query queries[] = {
    {"status", EVERYBODY, ch_query_status, NULL, 0},
    {"cases", EVERYBODY, ch_query_cases, WITH(cases_arguments)},
    {"case", EVERYBODY, ch_query_case, WITH(case_arguments)},
    {"timeline", EVERYBODY, ch_query_timeline, WITH(timeline_arguments)},
    {"handoffs", EVERYBODY, ch_query_handoffs, WITH(handoffs_arguments)},
    {"clocks", EVERYBODY, ch_query_clocks, WITH(clocks_arguments)},
    {"deadletters", OVERSEERS | BIT(CH_ROLE_CONNECTOR), ch_query_dead_letters, WITH(dead_letters_arguments)},
    {"deadletter", OVERSEERS | BIT(CH_ROLE_CONNECTOR), ch_query_dead_letter, WITH(dead_letter_arguments)},
    {"connectors", ALL_BUT_DEPARTMENTS, ch_query_connectors, WITH(connectors_arguments)},
    {"checkpoint", BIT(CH_ROLE_OPERATOR) | BIT(CH_ROLE_CONNECTOR), ch_query_checkpoint,
     WITH(checkpoint_arguments)},
    {"parties", EVERYBODY, ch_query_parties, WITH(parties_arguments)},
    {"route", EVERYBODY, ch_query_route, WITH(route_arguments)},
    {"audit", OVERSEERS, ch_query_audit, WITH(audit_arguments)},
    {"erasure", OVERSEERS, ch_query_erasure, WITH(erasure_arguments)},
    {"configs", OVERSEERS, ch_query_configs, WITH(configs_arguments)},
    {"grants", OVERSEERS, ch_query_grants, WITH(grants_arguments)},
};

static const query *find_query(ch_str name)
{
    for (size_t i = 0; i < sizeof queries / sizeof *queries; i++) {
        if (ch_str_is(name, queries[i].name)) {
            return &queries[i];
        }
    }
    return NULL;
}

bool ch_query_is_known(ch_str name)
{
    return find_query(name) != NULL;
}

bool ch_query_reads_state(ch_str name)
{
    static const char *const others[] = {"status", "parties", "route"};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        if (ch_str_is(name, others[i])) {
            return false;
        }
    }
    return ch_query_is_known(name);
}

/* ---- arguments */

static ch_status refuse(ch_error *error, const char *name, const char *expected)
{
    char where[CH_CODE_MAX + sizeof "QUERY.arguments."];
    snprintf(where, sizeof where, "QUERY.arguments.%s", name);
    return ch_error_set(error, CH_INVALID, where, "%s", expected);
}

ch_status ch_query_no_argument(ch_query_look *look, const char *name, const char *expected)
{
    return refuse(look->error, name, expected);
}

bool ch_query_cut_number(ch_str *text, int64_t most, int64_t *out_number)
{
    const char *slash = text->size == 0 ? NULL : memrchr(text->at, '/', text->size);
    size_t before = slash == NULL ? 0 : (size_t)(slash - text->at);
    if (slash == NULL || ch_str_to_int((ch_str){slash + 1, text->size - before - 1}, out_number) != CH_OK ||
        *out_number < 0 || *out_number > most) {
        return false;
    }
    text->size = before;
    return true;
}

ch_status ch_query_read_record(ch_query_look *look, uint64_t sequence, ch_record *out_record,
                               ch_event *out_event)
{
    if (sequence > ch_log_reader_last(look->asker->log)) {
        return CH_END;
    }
    ch_status status = ch_log_reader_seek(look->asker->log, sequence, out_record, look->error);
    if (status == CH_END || (status == CH_OK && out_record->sequence != sequence)) {
        return CH_CORRUPT;
    }
    return status == CH_OK ? ch_record_event(out_record, out_event) : status;
}

static bool is_plain(ch_str text)
{
    for (size_t i = 0; i < text.size; i++) {
        if ((uint8_t)text.at[i] < 0x20 || text.at[i] == 0x7f) {
            return false;
        }
    }
    return true;
}

static ch_status take_text(const argument *of, const ch_mp_value *value, ch_str *out_text, ch_error *error)
{
    char expected[80];
    if (value->kind == CH_MP_STR && (int64_t)value->str.size >= of->least &&
        (int64_t)value->str.size <= of->most && is_plain(value->str)) {
        *out_text = value->str;
        return CH_OK;
    }
    snprintf(expected, sizeof expected, "a text of %" PRId64 " to %" PRId64 " bytes is expected", of->least,
             of->most);
    return refuse(error, of->name, expected);
}

static ch_status take_digits(const argument *of, const ch_mp_value *value, ch_str *out_text, ch_error *error)
{
    size_t digits = 0;
    while (value->kind == CH_MP_STR && digits < value->str.size && value->str.at[digits] >= '0' &&
           value->str.at[digits] <= '9') {
        digits++;
    }
    if (digits == 0 || digits != value->str.size || digits > (size_t)of->most) {
        char expected[48];
        snprintf(expected, sizeof expected, "1 to %" PRId64 " digits are expected", of->most);
        return refuse(error, of->name, expected);
    }
    *out_text = value->str;
    return CH_OK;
}

static ch_status take_choice(const argument *of, const ch_mp_value *value, ch_str *out_text, ch_error *error)
{
    ch_buf expected;
    for (size_t i = 0; value->kind == CH_MP_STR && of->choices[i] != NULL; i++) {
        if (ch_str_is(value->str, of->choices[i])) {
            *out_text = value->str;
            return CH_OK;
        }
    }
    ch_buf_init(&expected, 256);
    for (size_t i = 0; of->choices[i] != NULL; i++) {
        ch_buf_append_format(&expected, "%s%s", i == 0 ? "expected is one of " : ", ", of->choices[i]);
    }
    ch_buf_append(&expected, "", 1);
    ch_status status =
        refuse(error, of->name, expected.failed == CH_OK ? (const char *)expected.at : "unknown value");
    ch_buf_done(&expected);
    return status;
}

static ch_status take_number(const argument *of, const ch_mp_value *value, int64_t *out_number,
                             ch_error *error)
{
    int64_t number = value->integer;
    bool as_text = of->kind == ARGUMENT_POSITION && value->kind == CH_MP_STR &&
                   ch_str_to_int(value->str, &number) == CH_OK;
    if ((value->kind == CH_MP_INT || as_text) && number >= of->least && number <= of->most) {
        *out_number = number;
        return CH_OK;
    }
    char expected[96];
    snprintf(expected, sizeof expected, "an integer from %" PRId64 " to %" PRId64 " is expected", of->least,
             of->most);
    return refuse(error, of->name, expected);
}

static ch_status take_argument(const argument *of, const ch_mp_value *value, ch_query_arguments *out,
                               ch_error *error)
{
    void *member = (char *)out + of->offset;
    switch (of->kind) {
    case ARGUMENT_TEXT: return take_text(of, value, member, error);
    case ARGUMENT_CHOICE: return take_choice(of, value, member, error);
    case ARGUMENT_DIGITS: return take_digits(of, value, member, error);
    case ARGUMENT_INT:
    case ARGUMENT_POSITION: return take_number(of, value, member, error);
    case ARGUMENT_FLAG:
        if (value->kind != CH_MP_BOOL) {
            return refuse(error, of->name, "true or false is expected");
        }
        *(ch_query_flag *)member = value->boolean ? CH_FLAG_YES : CH_FLAG_NO;
        return CH_OK;
    }
    return CH_INVALID;
}

/* Takes what the map says of these arguments; nil is as good as absent. */
static ch_status take_all(ch_str map, const argument *arguments, size_t count, uint32_t *taken,
                          ch_query_arguments *out, ch_error *error)
{
    for (size_t i = 0; i < count; i++) {
        const argument *of = &arguments[i];
        ch_mp_value value = {.kind = CH_MP_NIL};
        *taken += ch_mp_find(map, of->name, &value, NULL);
        if (of->kind == ARGUMENT_INT || of->kind == ARGUMENT_POSITION) {
            *(int64_t *)(void *)((char *)out + of->offset) = of->absent;
        }
        if (value.kind == CH_MP_NIL && of->required) {
            return refuse(error, of->name, "missing");
        }
        ch_status status = value.kind == CH_MP_NIL ? CH_OK : take_argument(of, &value, out, error);
        if (status != CH_OK) {
            return status;
        }
    }
    return CH_OK;
}

static bool has_argument(const argument *arguments, size_t count, ch_str name)
{
    for (size_t i = 0; i < count; i++) {
        if (ch_str_is(name, arguments[i].name)) {
            return true;
        }
    }
    return false;
}

ch_status ch_query_no_such_argument(ch_str said, ch_error *error)
{
    char name[CH_CODE_MAX + 1] = "?";
    if (is_plain(said) && ch_str_copy(name, sizeof name, said) != CH_OK) {
        name[0] = '?';
    }
    return refuse(error, name, "the query has no such argument");
}

/* The first name that the query does not have. */
static ch_status refuse_unknown(ch_str map, const query *of, ch_error *error)
{
    ch_mp_reader reader = ch_mp_reader_of(map);
    ch_mp_value head, key;
    ch_str bytes;
    bool goes_on = ch_mp_next(&reader, &head) && head.kind == CH_MP_MAP;
    for (uint32_t i = 0; goes_on && i < head.count; i++) {
        goes_on = ch_mp_next(&reader, &key) && ch_mp_skip(&reader, &bytes);
        if (goes_on && !has_argument(of->arguments, of->argument_count, key.str) &&
            !has_argument(WITH(everywhere), key.str)) {
            return ch_query_no_such_argument(key.str, error);
        }
    }
    return ch_error_set(error, CH_INVALID, "QUERY.arguments", "a map is expected");
}

static ch_status read_arguments(const query *of, ch_str map, ch_query_arguments *out, ch_error *error)
{
    uint32_t taken = 0;
    ch_status status = take_all(map, of->arguments, of->argument_count, &taken, out, error);
    if (status == CH_OK) {
        status = take_all(map, WITH(everywhere), &taken, out, error);
    }
    return status == CH_OK && taken != ch_mp_pairs(map) ? refuse_unknown(map, of, error) : status;
}

/* ---- rows */

bool ch_query_may_look(ch_query_look *look)
{
    const ch_query_answer *answer = look->answer;
    if (answer->count >= look->arguments->limit || answer->rows.size >= CH_QUERY_BYTES_TARGET ||
        look->looked >= CH_QUERY_LOOKS_MOST) {
        look->answer->more = true;
        return false;
    }
    look->looked++;
    return true;
}

ch_status ch_query_end_walk(ch_query_look *look, ch_status status, const char *what)
{
    if (look->status != CH_OK) {
        return look->status; /* who set it has said why */
    }
    return status == CH_OK
               ? CH_OK
               : ch_error_set(look->error, status, what, "cannot be read: %s", ch_status_text(status));
}

ch_mp_row ch_query_row_begin(ch_query_look *look)
{
    return ch_mp_row_begin(&look->answer->rows);
}

void ch_query_row_end(ch_query_look *look, ch_mp_row *row)
{
    ch_mp_row_end(row);
    look->answer->count++;
}

/* ---- one query */

static ch_status check_asker(const query *of, const ch_grant *grant, ch_error *error)
{
    if (grant == NULL || grant->revoked) {
        return ch_error_set(error, CH_DENIED, "QUERY", "no grant covers it");
    }
    if ((of->roles & BIT(grant->role)) == 0) {
        return ch_error_set(error, CH_DENIED, "QUERY.name", "%s is not for role %s", of->name,
                            ch_role_name(grant->role));
    }
    return CH_OK;
}

static ch_status run(const query *of, const ch_asker *asker, const ch_query_arguments *arguments,
                     ch_query_answer *out_answer, ch_error *error)
{
    ch_query_look look = {.asker = asker, .arguments = arguments, .answer = out_answer, .error = error};
    size_t begun = ch_mp_begin_array(&out_answer->rows);
    ch_status status = of->run(&look);
    ch_mp_end_array(&out_answer->rows, begun, out_answer->count);
    if (status == CH_OK && out_answer->rows.failed != CH_OK) {
        return ch_error_set(error, out_answer->rows.failed, "QUERY", "no room for the answer");
    }
    return status;
}

ch_status ch_query_answer_one(const ch_asker *asker, const ch_chp_query *question,
                              ch_query_answer *out_answer, ch_error *error)
{
    const query *of = find_query(question->name);
    ch_query_arguments arguments = {.limit = CH_QUERY_ROWS_MOST};
    if (of == NULL) {
        return ch_error_set(error, CH_NOT_FOUND, "QUERY.name", "there is no such query");
    }
    ch_status status = check_asker(of, asker->grant, error);
    if (status == CH_OK) {
        status = read_arguments(of, question->arguments, &arguments, error);
    }
    if (status != CH_OK) {
        return status;
    }
    out_answer->count = 0;
    out_answer->more = false;
    out_answer->next[0] = '\0';
    status = run(of, asker, &arguments, out_answer, error);
    if (status != CH_OK) {
        ch_buf_clear(&out_answer->rows);
        out_answer->count = 0;
        out_answer->more = false;
    }
    if (!out_answer->more) {
        out_answer->next[0] = '\0';
    }
    return status;
}
