/* What a client is about to look at goes into the audit log before it is shown. */
#include "hub/run/reader_inside.h"

#include <stdio.h>

#define DETAIL_MOST 300

/* The others tell nothing of a case. */
static bool tells_of_cases(ch_str query)
{
    static const char *const names[] = {"cases",  "case",       "timeline",     "handoffs", "clocks",
                                        "audit",  "deadletter", "deadletters",  "erasure",  "backup",
                                        "grants", "configs",    "subscriptions"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (ch_str_is(query, names[i])) {
            return true;
        }
    }
    return false;
}

/* Of a person that is asked for only that one is. */
static bool is_of_a_person(ch_str argument)
{
    return ch_str_is(argument, "phone") || ch_str_is(argument, "id_number");
}

static void append(ch_buf *out, ch_str text)
{
    if (out->size > 0) {
        ch_buf_append_text(out, " ");
    }
    ch_buf_append_str(out, text);
}

static void append_argument(ch_buf *out, ch_str name, const ch_mp_value *value)
{
    append(out, name);
    if (is_of_a_person(name)) {
        return;
    }
    switch (value->kind) {
    case CH_MP_STR: ch_buf_append_format(out, "=%.*s", CH_STR_ARG(value->str)); break;
    case CH_MP_INT: ch_buf_append_format(out, "=%lld", (long long)value->integer); break;
    case CH_MP_BOOL: ch_buf_append_text(out, value->boolean ? "=true" : "=false"); break;
    default: break;
    }
}

/* All but those that have a column of their own. */
static void describe_query(ch_buf *out, ch_str arguments)
{
    ch_mp_reader reader = ch_mp_reader_of(arguments);
    ch_mp_value head, name, value;
    ch_str bytes;
    uint32_t pairs = ch_mp_pairs(arguments);
    if (pairs == 0 || !ch_mp_next(&reader, &head)) {
        return;
    }
    for (uint32_t i = 0; i < pairs; i++) {
        if (!ch_mp_next(&reader, &name) || !ch_mp_skip(&reader, &bytes)) {
            return;
        }
        ch_mp_reader inner = ch_mp_reader_of(bytes);
        if (ch_mp_next(&inner, &value) && !ch_str_is(name.str, "case") && !ch_str_is(name.str, "party")) {
            append_argument(out, name.str, &value);
        }
    }
}

static void describe_patterns(ch_buf *out, const ch_str *patterns, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        append(out, patterns[i]);
    }
}

static void describe_read(ch_buf *out, const ch_chp_read *asked)
{
    ch_buf_append_format(out, "%lld..%lld", (long long)asked->from, (long long)asked->to);
    describe_patterns(out, asked->patterns, asked->pattern_count);
}

static void describe_subscribe(ch_buf *out, const ch_chp_subscribe *asked)
{
    if (asked->name.at != NULL) {
        append(out, asked->name);
    }
    describe_patterns(out, asked->patterns, asked->pattern_count);
}

/* False: nothing of it is told of a case. */
static bool describe(ch_audit_entry *entry, ch_buf *detail, const ch_chp_message *asked, char what[40])
{
    switch (asked->verb) {
    case CH_CHP_SUBSCRIBE:
        entry->what = CH_STR("SUBSCRIBE");
        describe_subscribe(detail, &asked->subscribe);
        return true;
    case CH_CHP_READ:
        entry->what = CH_STR("READ");
        entry->case_id = asked->read.case_id;
        describe_read(detail, &asked->read);
        return true;
    case CH_CHP_QUERY:
        snprintf(what, 40, "QUERY %.*s", CH_STR_ARG(asked->query.name));
        entry->what = ch_str_of(what);
        entry->case_id = ch_mp_find_str(asked->query.arguments, "case");
        entry->party = ch_mp_find_str(asked->query.arguments, "party");
        describe_query(detail, asked->query.arguments);
        return tells_of_cases(asked->query.name);
    default: return false;
    }
}

static const char *name_of_right(ch_private_right right)
{
    return right == CH_PRIVATE_ALL ? "all" : right == CH_PRIVATE_OWN ? "own" : "none";
}

/* Detail that does not fit is cut: which query it was and on which case stands in columns of its own. */
static ch_str cut(ch_buf *detail, char room[DETAIL_MOST + 1])
{
    ch_str_copy_cut(room, DETAIL_MOST + 1, ch_buf_str(detail));
    return ch_str_of(room);
}

ch_status ch_reader_audit(ch_reader *reader, const ch_task *task, ch_error *error)
{
    char what[40], room[DETAIL_MOST + 1];
    ch_buf detail;
    const ch_grant *grant = &task->actor->grant;
    ch_audit_entry entry = {.time_ms = ch_clock_wall_ms(reader->hub->options.clock),
                            .actor = ch_str_of(grant->name),
                            .role = ch_str_of(ch_role_name(grant->role)),
                            .key = ch_str_of(grant->key),
                            .private_right = ch_str_of(name_of_right(grant->private_right))};
    if (reader->hub->audit == NULL) {
        return CH_OK;
    }
    ch_buf_init(&detail, CH_CHP_BODY_MAX);
    ch_status status = CH_OK;
    if (describe(&entry, &detail, &task->message, what)) {
        entry.detail = cut(&detail, room);
        status = ch_audit_add(reader->hub->audit, &entry, reader->store->epoch, error);
    }
    ch_buf_done(&detail);
    return status;
}
