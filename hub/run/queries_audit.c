/* Who looked at what, and who did what: the audit log and the commands of the log, newest first in one row. */
#include "hub/run/queries_inside.h"

#include "hub/model/topic.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define GRANTS_MOST 4096

/* What a name stood for when it was last granted; a name that is no longer granted has no role here. */
typedef struct known_grants {
    ch_grant *at;
    size_t count;
} known_grants;

/* Both logs from their ends; 0: that one is at its beginning. */
typedef struct audit_walk {
    ch_query_look *look;
    ch_log_reader *looks;
    known_grants grants;
    uint64_t look_at, deed_at;
    ch_record look_record, deed_record;
    bool has_look, has_deed;
} audit_walk;

static bool take_grant(void *context, ch_str key, ch_str value)
{
    known_grants *known = context;
    ch_error error;
    (void)key;
    if (known->count < GRANTS_MOST && ch_grant_decode(value, &known->at[known->count], &error) == CH_OK) {
        known->count++;
    }
    return known->count < GRANTS_MOST;
}

static ch_status read_grants(audit_walk *walk)
{
    const ch_asker *asker = walk->look->asker;
    const ch_hub_options *options = &asker->hub->options;
    walk->grants.at = calloc(GRANTS_MOST, sizeof *walk->grants.at);
    if (walk->grants.at == NULL) {
        return ch_error_set(walk->look->error, CH_NO_MEMORY, "QUERY", "no memory for grants");
    }
    for (size_t i = 0; i < options->grant_count && walk->grants.count < GRANTS_MOST; i++) {
        walk->grants.at[walk->grants.count++] = options->grants[i];
    }
    return ch_query_end_walk(walk->look, ch_state_reader_grants(asker->state, take_grant, &walk->grants),
                             "state");
}

static const ch_grant *grant_of(const audit_walk *walk, ch_str actor)
{
    for (size_t i = walk->grants.count; i > 0; i--) {
        if (ch_str_is(actor, walk->grants.at[i - 1].name)) {
            return &walk->grants.at[i - 1];
        }
    }
    return NULL;
}

static bool fits_actor(const audit_walk *walk, ch_str actor)
{
    ch_str asked = walk->look->arguments->actor;
    return asked.at == NULL || ch_str_equal(asked, actor);
}

static bool fits_case(const audit_walk *walk, ch_str case_id)
{
    ch_str asked = walk->look->arguments->case_id;
    return asked.at == NULL || ch_str_equal(asked, case_id);
}

/* ---- what was looked at */

static ch_status put_look(audit_walk *walk)
{
    ch_audit_entry entry;
    ch_status status = ch_audit_decode(&walk->look_record, &entry);
    if (status != CH_OK) {
        return ch_error_set(walk->look->error, status, "audit", "entry %" PRIu64 " cannot be read",
                            walk->look_record.sequence);
    }
    if (!fits_actor(walk, entry.actor) || !fits_case(walk, entry.case_id)) {
        return CH_OK;
    }
    ch_mp_row row = ch_query_row_begin(walk->look);
    ch_mp_row_put_int(&row, "time", entry.time_ms);
    ch_mp_row_put_str(&row, "actor", entry.actor);
    ch_mp_row_put_str(&row, "role", entry.role);
    ch_mp_row_put_str(&row, "key", entry.key);
    ch_mp_row_put_str(&row, "private", entry.private_right);
    ch_mp_row_put_str(&row, "what", entry.what);
    ch_mp_row_put_str(&row, "case", entry.case_id.size > 0 ? entry.case_id : CH_STR_NONE);
    ch_mp_row_put_str(&row, "party", entry.party.size > 0 ? entry.party : CH_STR_NONE);
    ch_mp_row_put_str(&row, "detail", entry.detail.size > 0 ? entry.detail : CH_STR_NONE);
    ch_mp_row_put_int(&row, "entry", (int64_t)entry.number);
    ch_query_row_end(walk->look, &row);
    return CH_OK;
}

/* ---- what was done */

static bool is_derived(const ch_record *record)
{
    return (record->flags & CH_RECORD_DERIVED) != 0;
}

/* What a connector reports is not what somebody does here. */
static bool is_deed(const audit_walk *walk, const ch_event *event, const ch_grant *grant)
{
    return (grant == NULL || grant->role != CH_ROLE_CONNECTOR) && event->actor.size > 0 &&
           !ch_str_is(event->actor, "hub") && fits_actor(walk, event->actor) &&
           fits_case(walk, event->subject);
}

static ch_status put_deed(audit_walk *walk)
{
    ch_event event;
    ch_status status = is_derived(&walk->deed_record) ? CH_END : ch_record_event(&walk->deed_record, &event);
    if (status != CH_OK) {
        return status == CH_END
                   ? CH_OK
                   : ch_error_set(walk->look->error, CH_CORRUPT, "log", "record %" PRIu64 " cannot be read",
                                  walk->deed_record.sequence);
    }
    const ch_grant *grant = grant_of(walk, event.actor);
    if (!is_deed(walk, &event, grant)) {
        return CH_OK;
    }
    ch_mp_row row = ch_query_row_begin(walk->look);
    ch_mp_row_put_int(&row, "time", event.recorded_ms);
    ch_mp_row_put_str(&row, "actor", event.actor);
    if (grant != NULL) {
        ch_mp_row_put_text(&row, "role", ch_role_name(grant->role));
        ch_mp_row_put_text(&row, "key", grant->key);
    }
    ch_mp_row_put_str(&row, "what", event.type);
    ch_mp_row_put_str(&row, "case", event.subject.size > 0 ? event.subject : CH_STR_NONE);
    ch_mp_row_put_str(&row, "party", event.party.size > 0 ? event.party : CH_STR_NONE);
    ch_mp_row_put_int(&row, "sequence", (int64_t)event.sequence);
    ch_query_row_end(walk->look, &row);
    return CH_OK;
}

/* ---- the walk */

static ch_status load(audit_walk *walk, ch_log_reader *reader, uint64_t at, ch_record *out_record,
                      bool *out_has)
{
    *out_has = false;
    if (at == 0) {
        return CH_OK;
    }
    ch_status status = ch_log_reader_seek(reader, at, out_record, walk->look->error);
    *out_has = status == CH_OK && out_record->sequence == at;
    return status == CH_OK && !*out_has ? CH_CORRUPT : status;
}

static ch_status load_both(audit_walk *walk)
{
    ch_status status = CH_OK;
    if (!walk->has_look) {
        status = load(walk, walk->looks, walk->look_at, &walk->look_record, &walk->has_look);
    }
    if (status == CH_OK && !walk->has_deed) {
        status = load(walk, walk->look->asker->log, walk->deed_at, &walk->deed_record, &walk->has_deed);
    }
    return status;
}

static bool look_is_next(const audit_walk *walk)
{
    return walk->has_look &&
           (!walk->has_deed || walk->look_record.recorded_ms >= walk->deed_record.recorded_ms);
}

/* Older than what is asked for: nothing behind it fits either. */
static bool is_too_old(const audit_walk *walk)
{
    const ch_record *next = look_is_next(walk) ? &walk->look_record : &walk->deed_record;
    return next->recorded_ms < walk->look->arguments->since;
}

static ch_status put_next(audit_walk *walk)
{
    ch_status status;
    if (look_is_next(walk)) {
        status = put_look(walk);
        walk->look_at--;
        walk->has_look = false;
    } else {
        status = put_deed(walk);
        walk->deed_at--;
        walk->has_deed = false;
    }
    return status;
}

static ch_status go(audit_walk *walk)
{
    ch_status status = load_both(walk);
    while (status == CH_OK && (walk->has_look || walk->has_deed) && !is_too_old(walk)) {
        if (!ch_query_may_look(walk->look)) {
            snprintf(walk->look->answer->next, sizeof walk->look->answer->next, "%" PRIu64 "/%" PRIu64,
                     walk->look_at, walk->deed_at);
            return CH_OK;
        }
        status = put_next(walk);
        status = status == CH_OK ? load_both(walk) : status;
    }
    return status;
}

/* "<entry>/<sequence>", as `next` is given. */
static ch_status take_place(audit_walk *walk)
{
    const ch_query_arguments *asked = walk->look->arguments;
    ch_str rest = asked->after;
    int64_t look_at = 0, deed_at = 0;
    bool looks = asked->of.at == NULL || ch_str_is(asked->of, "looks");
    bool deeds = asked->of.at == NULL || ch_str_is(asked->of, "deeds");
    walk->look_at = looks ? ch_log_reader_last(walk->looks) : 0;
    walk->deed_at = deeds ? ch_log_reader_last(walk->look->asker->log) : 0;
    if (asked->after.at == NULL) {
        return CH_OK;
    }
    if (!ch_query_cut_number(&rest, CH_CHP_NUMBER_MAX, &deed_at) || ch_str_to_int(rest, &look_at) != CH_OK ||
        look_at < 0 || (uint64_t)look_at > walk->look_at || (uint64_t)deed_at > walk->deed_at) {
        return ch_query_no_argument(walk->look, "after",
                                    "the `next` of an answer to the same question is expected");
    }
    walk->look_at = (uint64_t)look_at;
    walk->deed_at = (uint64_t)deed_at;
    return CH_OK;
}

ch_status ch_query_audit(ch_query_look *look)
{
    audit_walk walk = {.look = look};
    ch_status status = ch_log_reader_open(&walk.looks, ch_audit_log(look->asker->hub->audit), look->error);
    if (status == CH_OK) {
        status = take_place(&walk);
    }
    if (status == CH_OK) {
        status = read_grants(&walk);
    }
    if (status == CH_OK) {
        status = go(&walk);
    }
    ch_log_reader_close(walk.looks);
    free(walk.grants.at);
    return status;
}
