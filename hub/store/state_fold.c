/* One record into the open transaction, and the log's tail. */
#include "hub/store/state_inside.h"

#include <inttypes.h>
#include <stdio.h>

#define COMMIT_EVERY 16384
#define SLICE_RECORDS 4096

/* What a handoff's entries in the tables are made of. */
typedef struct handoff_trace {
    ch_handoff_state state;
    int64_t due_ms;
} handoff_trace;

static ch_status remove_handoff(ch_state *state, const ch_case *the_case, const ch_handoff *handoff,
                                const handoff_trace *before)
{
    const ch_state_key inbox = ch_key_of_handoff(ch_str_of(handoff->party), the_case->number, handoff->index);
    const ch_state_key due = ch_key_of_deadline(before->due_ms, the_case->number, handoff->index);
    ch_status status = CH_OK;
    if (before->due_ms > 0) {
        status = ch_table_delete(state, CH_TABLE_DEADLINE, &due);
    }
    return status == CH_OK ? ch_table_delete(state, CH_TABLE_HANDOFF, &inbox) : status;
}

static ch_status put_handoff(ch_state *state, const ch_case *the_case, const ch_handoff *handoff)
{
    const ch_state_key inbox = ch_key_of_handoff(ch_str_of(handoff->party), the_case->number, handoff->index);
    const ch_state_key due = ch_key_of_deadline(handoff->due_ms, the_case->number, handoff->index);
    const char code = (char)handoff->state;
    ch_status status = ch_table_put(state, CH_TABLE_HANDOFF, &inbox, (ch_str){&code, 1}, 0);
    if (status == CH_OK && handoff->due_ms > 0) {
        status = ch_table_put(state, CH_TABLE_DEADLINE, &due, CH_STR_NONE, 0);
    }
    return status;
}

static size_t trace_handoffs(const ch_case *the_case, handoff_trace out[CH_HANDOFFS_MAX])
{
    for (size_t i = 0; i < the_case->handoff_count; i++) {
        out[i] = (handoff_trace){the_case->handoffs[i].state, the_case->handoffs[i].due_ms};
    }
    return the_case->handoff_count;
}

/* Brings the tables from what the case's handoffs were to what they are. Their parties never change. */
static ch_status follow_handoffs(ch_state *state, const ch_case *the_case, const handoff_trace *before,
                                 size_t before_count)
{
    static const handoff_trace none = {CH_HANDOFF_NONE, 0};
    ch_status status = CH_OK;
    for (size_t i = 0; i < the_case->handoff_count && status == CH_OK; i++) {
        const ch_handoff *handoff = &the_case->handoffs[i];
        const handoff_trace *was = i < before_count ? &before[i] : &none;
        if (was->state == handoff->state && was->due_ms == handoff->due_ms) {
            continue;
        }
        if (ch_handoff_is_open(was->state)) {
            status = remove_handoff(state, the_case, handoff, was);
        }
        if (status == CH_OK && ch_handoff_is_open(handoff->state)) {
            status = put_handoff(state, the_case, handoff);
        }
    }
    return status;
}

static ch_status find_or_open_case(ch_state *state, const ch_record *record, ch_case **out_case)
{
    ch_status status = ch_state_hot_case(state, record->case_number, out_case);
    bool opens = (record->flags & CH_RECORD_OPENS_CASE) != 0;
    if (status == CH_OK) {
        return opens ? CH_CORRUPT : CH_OK;
    }
    if (status != CH_NOT_FOUND || !opens || record->case_number < state->now.next_case) {
        return status == CH_NOT_FOUND ? CH_CORRUPT : status;
    }
    status = ch_hot_cases_add(state->hot, record->case_number, out_case);
    if (status == CH_OK) {
        state->now.next_case = record->case_number + 1;
    }
    return status;
}

static ch_status fold_case_event(ch_state *state, const ch_record *record, const ch_event *event)
{
    handoff_trace before[CH_HANDOFFS_MAX];
    ch_case *the_case;
    const ch_state_key key = ch_key_of_case_event(record->case_number, event->case_version);
    ch_status status = find_or_open_case(state, record, &the_case);
    if (status != CH_OK) {
        return status;
    }
    size_t before_count = trace_handoffs(the_case, before);
    const ch_clock_trace clock = ch_trace_clock(the_case, event);
    status = ch_case_evolve(the_case, record->case_number, event);
    if (status != CH_OK) {
        return status;
    }
    ch_hot_cases_mark_changed(state->hot, record->case_number);
    if ((record->flags & CH_RECORD_OPENS_CASE) != 0) {
        status = ch_sketches_add(state, record->case_number, event);
        if (status != CH_OK) {
            return status;
        }
    }
    status = follow_handoffs(state, the_case, before, before_count);
    if (status == CH_OK) {
        status = ch_follow_clock(state, the_case, &clock);
    }
    if (status == CH_OK) {
        status = ch_table_put_number(state, CH_TABLE_CASE_EVENTS, &key, record->sequence, MDB_NOOVERWRITE);
    }
    return status;
}

/* (source, id) enters once, for ever. */
static ch_status remember_id(ch_state *state, const ch_record *record, const ch_event *event)
{
    uint32_t source;
    ch_status status = ch_source_intern(state, event->source, &source);
    if (status != CH_OK) {
        return status;
    }
    const ch_state_key key = ch_key_of_source_name(source, event->id);
    return ch_table_put_number(state, CH_TABLE_DEDUP, &key, record->sequence, MDB_NOOVERWRITE);
}

static ch_status remember_ref(ch_state *state, const ch_record *record, const ch_event *event)
{
    uint32_t source;
    ch_status status = ch_source_intern(state, event->source, &source);
    if (status != CH_OK || event->ref.size == 0) {
        return status == CH_OK ? CH_CORRUPT : status;
    }
    const ch_state_key key = ch_key_of_source_name(source, event->ref);
    return ch_table_put_number(state, CH_TABLE_REF, &key, record->case_number, MDB_NOOVERWRITE);
}

static ch_status fold_record(ch_state *state, const ch_record *record, const ch_event *event)
{
    ch_status status = CH_OK;
    if (record->sequence != state->now.position + 1 || event->sequence != record->sequence) {
        return CH_CORRUPT;
    }
    if ((record->flags & CH_RECORD_DERIVED) == 0) {
        status = remember_id(state, record, event);
    }
    if (status == CH_OK && (record->flags & CH_RECORD_TAKES_REF) != 0) {
        status = remember_ref(state, record, event);
    }
    if (status == CH_OK) {
        status = ch_str_starts(event->type, CH_STR("hub.")) ? ch_fold_hub_event(state, record, event)
                                                            : fold_case_event(state, record, event);
    }
    if (status == CH_OK) {
        status = ch_topics_add(state, record->sequence, event->topic);
    }
    return status == CH_CONFLICT ? CH_CORRUPT : status;
}

ch_status ch_state_fold(ch_state *state, const ch_record *record, const ch_event *event, ch_error *error)
{
    ch_status status = ch_state_begin(state, error);
    if (status != CH_OK) {
        return status;
    }
    /* A batch larger than the cache costs time here, not memory. */
    if (ch_hot_cases_is_full(state->hot)) {
        status = ch_state_write_back(state);
    }
    ch_hot_cases_trim(state->hot);
    if (status == CH_OK) {
        status = fold_record(state, record, event);
    }
    if (status != CH_OK) {
        state->failed = true;
        return ch_error_set(error, status, "state", "record %" PRIu64 " (%.*s) cannot be folded: %s",
                            record->sequence, CH_STR_ARG(event->type), ch_status_text(status));
    }
    state->now.position = record->sequence;
    memcpy(state->now.chain, record->chain, CH_HASH_SIZE);
    return CH_OK;
}

/* The state must be a fold of this very log, and not of more than it holds. */
static ch_status check_fork(const ch_state *state, ch_log_reader *reader, ch_error *error)
{
    ch_record record;
    uint64_t position = state->now.position;
    if (position == 0) {
        return CH_OK;
    }
    if (position > ch_log_reader_last(reader)) {
        return ch_error_set(error, CH_CORRUPT, "state",
                            "has folded record %" PRIu64 ", but the log ends at %" PRIu64, position,
                            ch_log_reader_last(reader));
    }
    ch_status status = ch_log_reader_seek(reader, position, &record, error);
    if (status != CH_OK) {
        return status;
    }
    if (record.sequence != position || memcmp(record.chain, state->now.chain, CH_HASH_SIZE) != 0) {
        return ch_error_set(error, CH_CORRUPT, "state", "was folded from another log than this");
    }
    return CH_OK;
}

static ch_status fold_next(ch_state *state, const ch_record *record, ch_error *error)
{
    ch_event event;
    ch_status status = ch_record_event(record, &event);
    if (status != CH_OK) {
        char where[64];
        snprintf(where, sizeof where, "log record %" PRIu64, record->sequence);
        return ch_error_set(error, CH_CORRUPT, where, "it is no event");
    }
    status = ch_state_fold(state, record, &event, error);
    if (status == CH_OK) {
        status = ch_persons_of_record(state, record, &event);
        if (status != CH_OK) {
            return ch_error_set(error, status, "state", "who is in record %" PRIu64 " cannot be noted: %s",
                                record->sequence, ch_status_text(status));
        }
    }
    return status;
}

static ch_status fold_tail(ch_state *state, ch_log_reader *reader, ch_error *error)
{
    ch_record record;
    size_t folded = 0;
    ch_status status;
    while ((status = ch_log_reader_next(reader, &record, error)) == CH_OK) {
        status = fold_next(state, &record, error);
        folded++;
        if (status == CH_OK && folded % COMMIT_EVERY == 0) {
            status = ch_state_commit(state, error);
        }
        if (status == CH_OK && folded % SLICE_RECORDS == 0) {
            ch_log_reader_rest(reader);
            status = ch_log_reader_renew(reader, error);
        }
        if (status != CH_OK) {
            return status;
        }
    }
    return status == CH_END ? ch_state_commit(state, error) : status;
}

ch_status ch_state_catch_up(ch_state *state, ch_event_log *log, ch_error *error)
{
    ch_log_reader *reader;
    if (state->failed) {
        ch_state_rollback(state);
    }
    ch_status status = ch_log_reader_open(&reader, log, error);
    if (status != CH_OK) {
        return status;
    }
    status = check_fork(state, reader, error);
    if (status == CH_OK) {
        status = ch_persons_catch_up(state, reader, error);
    }
    if (status == CH_OK) {
        status = fold_tail(state, reader, error);
    }
    ch_log_reader_close(reader);
    if (status != CH_OK) {
        ch_state_rollback(state);
    }
    return status;
}
