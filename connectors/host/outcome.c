#include "connectors/host/outcome.h"

#include "hub/model/event.h"

#define LINE_MOST ((size_t)2 * 1024 * 1024)

/* ---- making one */

static ch_status no_memory(ch_error *error)
{
    return ch_error_set(error, CH_NO_MEMORY, NULL, "no memory to compare a record");
}

/* Raw is the same on both sides, and a mapping's version says that something changed, not what. */
static ch_status add_event(json_t *parts, ch_str encoded, ch_error *error)
{
    ch_event event;
    ch_buf plain, text;
    ch_status status = ch_event_decode(encoded, CH_EVENT_PRODUCED, &event, error);
    if (status != CH_OK) {
        return status;
    }
    event.raw = event.mapping = CH_STR_NONE;
    ch_buf_init(&plain, LINE_MOST);
    ch_buf_init(&text, LINE_MOST);
    ch_event_encode(&plain, &event);
    status = plain.failed == CH_OK ? ch_event_to_json(&text, ch_buf_str(&plain)) : plain.failed;
    if (status != CH_OK) {
        ch_error_set(error, status, NULL, "the event cannot be shown");
    } else if (json_array_append_new(
                   parts, json_loadb((const char *)text.at, text.size, JSON_ALLOW_NUL, NULL)) != 0) {
        status = no_memory(error);
    }
    ch_buf_done(&plain);
    ch_buf_done(&text);
    return status;
}

static ch_status add_failure(json_t *parts, const char *code, const char *reason, const char *place,
                             ch_error *error)
{
    json_t *part = json_pack("{s:s, s:s, s:s}", "error", code, "reason", reason, "where", place);
    return json_array_append_new(parts, part) == 0 ? CH_OK : no_memory(error);
}

/* Takes parts. */
static ch_status wrap(json_t **out_outcome, json_t *parts, const char *where, ch_status status,
                      ch_error *error)
{
    json_t *outcome = status == CH_OK ? json_pack("{s:s, s:O}", "where", where, "parts", parts) : NULL;
    json_decref(parts);
    if (status == CH_OK && outcome == NULL) {
        return no_memory(error);
    }
    *out_outcome = outcome;
    return status;
}

ch_status ch_outcome_of(json_t **out_outcome, const ch_made *made, const char *where, ch_error *error)
{
    json_t *parts = json_array();
    ch_status status = CH_OK;
    if (made->dead_letter) {
        status = add_failure(parts, made->code, made->reason, made->place, error);
    }
    for (size_t i = 0; !made->dead_letter && i < made->count && status == CH_OK; i++) {
        status = add_event(parts, made->events[i], error);
    }
    return wrap(out_outcome, parts, where, status, error);
}

ch_status ch_outcome_of_failure(json_t **out_outcome, const char *where, const ch_error *why, ch_error *error)
{
    json_t *parts = json_array();
    ch_status status = add_failure(parts, ch_status_name(why->status), why->text, where, error);
    return wrap(out_outcome, parts, where, status, error);
}

/* ---- comparing two */

typedef struct comparison {
    const char *where_old, *where_new; /* NULL: there is no such record */
    FILE *out;
    ch_diff_totals *totals;
    bool differs;
} comparison;

/* Takes line. */
static ch_status print(comparison *c, json_t *line, ch_error *error)
{
    if (line == NULL) {
        return no_memory(error);
    }
    json_dumpf(line, c->out, JSON_COMPACT);
    fputc('\n', c->out);
    json_decref(line);
    c->differs = true;
    return CH_OK;
}

static bool is_failure(const json_t *part)
{
    return json_object_get(part, "error") != NULL;
}

static ch_status print_only(comparison *c, const char *side, const char *where, uint64_t *events,
                            json_t *part, ch_error *error)
{
    bool failed = is_failure(part);
    *events += failed ? 0 : 1;
    return print(
        c, json_pack("{s:s, s:s, s:O}", "where", where, "only", side, failed ? "failure" : "event", part),
        error);
}

static ch_status compare_members(comparison *c, json_t *id, const char *group, json_t *old, json_t *new,
                                 ch_error *error);

/* data and private are told by their fields. What is deeper is one value. */
static ch_status compare_value(comparison *c, json_t *id, const char *group, const char *name, json_t *old,
                               json_t *new, ch_error *error)
{
    if (group[0] == '\0' && json_is_object(old) && json_is_object(new)) {
        return compare_members(c, id, name, old, new, error);
    }
    if (old != NULL && new != NULL && json_equal(old, new)) {
        return CH_OK;
    }
    c->totals->fields++;
    return print(c,
                 json_pack("{s:s, s:O, s:s++, s:O*, s:O*}", "where", c->where_new, "id", id, "field", group,
                           group[0] == '\0' ? "" : ".", name, "old", old, "new", new),
                 error);
}

static ch_status compare_members(comparison *c, json_t *id, const char *group, json_t *old, json_t *new,
                                 ch_error *error)
{
    const char *name;
    json_t *value;
    ch_status status = CH_OK;
    json_object_foreach(old, name, value)
    {
        if (status == CH_OK) {
            status = compare_value(c, id, group, name, value, json_object_get(new, name), error);
        }
    }
    json_object_foreach(new, name, value)
    {
        if (status == CH_OK && json_object_get(old, name) == NULL) {
            status = compare_value(c, id, group, name, NULL, value, error);
        }
    }
    return status;
}

/* The place in parts of what belongs to part; their count: nothing does. */
static size_t find_partner(const json_t *parts, const json_t *part)
{
    const json_t *id = json_object_get(part, "id");
    size_t at = 0, count = json_array_size(parts);
    for (; at < count; at++) {
        const json_t *other = json_array_get(parts, at);
        bool same = is_failure(part) ? json_equal(part, other)
                                     : !is_failure(other) && json_equal(id, json_object_get(other, "id"));
        if (same) {
            break;
        }
    }
    return at;
}

/* Takes what finds a partner out of new_parts. */
static ch_status compare_parts(comparison *c, json_t *old_parts, json_t *new_parts, ch_error *error)
{
    size_t index;
    json_t *part;
    ch_status status = CH_OK;
    json_array_foreach(old_parts, index, part)
    {
        size_t at = find_partner(new_parts, part);
        if (status == CH_OK && at == json_array_size(new_parts)) {
            status = print_only(c, "old", c->where_old, &c->totals->only_old, part, error);
        } else if (status == CH_OK) {
            status = compare_members(c, json_object_get(part, "id"), "", part, json_array_get(new_parts, at),
                                     error);
            json_array_remove(new_parts, at);
        }
    }
    json_array_foreach(new_parts, index, part)
    {
        if (status == CH_OK) {
            status = print_only(c, "new", c->where_new, &c->totals->only_new, part, error);
        }
    }
    return status;
}

ch_status ch_outcome_compare(json_t *old, json_t *new, FILE *out, ch_diff_totals *totals, ch_error *error)
{
    json_t *old_parts = json_object_get(old, "parts"), *new_parts = json_object_get(new, "parts");
    comparison c = {.where_old = json_string_value(json_object_get(old, "where")),
                    .where_new = json_string_value(json_object_get(new, "where")),
                    .out = out,
                    .totals = totals};
    json_t *left = new_parts == NULL ? json_array() : json_copy(new_parts);
    if (left == NULL) {
        return no_memory(error);
    }
    totals->records++;
    totals->failed_old += is_failure(json_array_get(old_parts, 0)) ? 1 : 0;
    totals->failed_new += is_failure(json_array_get(new_parts, 0)) ? 1 : 0;
    ch_status status = compare_parts(&c, old_parts, left, error);
    totals->differing += c.differs ? 1 : 0;
    json_decref(left);
    return status;
}
