/* What always holds, and the hub's own events. */
#include "tests/simulation/witness_inside.h"

/* ---- the hub's own */

void witness_note_report(witness *of, saying *report)
{
    assert_true(of->report_count < WITNESS_REPORTS);
    of->reports[of->report_count++] = report;
}

static bool take_report(witness *of, const ch_event *logged, saying **out_report)
{
    for (size_t i = 0; i < of->report_count; i++) {
        const ch_event *event = &of->reports[i]->event;
        if (ch_str_equal(event->id, logged->id) && event->time_ms == logged->time_ms) {
            *out_report = of->reports[i];
            of->reports[i] = of->reports[--of->report_count];
            return true;
        }
    }
    return false;
}

/* The producer's own among the next records: derived steps may stand before it. False: those are all that is left, a
 * checkpoint or letters. */
static bool find_cause(witness *of, ch_record *out_record, ch_event *out_event)
{
    uint64_t sequence = of->position + 1;
    ch_status status;
    do {
        status = ch_log_reader_seek(of->log, sequence++, out_record, &of->error);
    } while (status == CH_OK && (out_record->flags & CH_RECORD_DERIVED) != 0);
    if (status == CH_END) {
        return false;
    }
    assert_ok(status, &of->error);
    assert_int_equal(ch_record_event(out_record, out_event), CH_OK);
    return true;
}

/* Of what time it is, its id says; or of which version of the case, before its own, when new rules count a clock again. */
static bool is_id_of(const ch_event *logged, ch_str thing, ch_str word)
{
    char start[CH_ID_MAX + 1];
    int64_t number;
    bool recounts = ch_str_is(word, "recomputed");
    int size = snprintf(start, sizeof start, "%.*s/%.*s/", CH_STR_ARG(thing), CH_STR_ARG(word));
    if (size >= (int)logged->id.size || !ch_str_starts(logged->id, ch_str_of(start))) {
        return false;
    }
    const ch_str rest = {logged->id.at + size, logged->id.size - (size_t)size};
    return ch_str_to_int(rest, &number) == CH_OK &&
           (number == logged->time_ms || (recounts && number > 0 && number < logged->case_version));
}

/* What the writer says by itself: that a handoff, or a clock, is due; or that a clock is due at another time. */
static void expect_expiry(witness *of, const ch_event *logged)
{
    ch_buf data;
    bool of_clock = ch_str_starts(logged->type, CH_STR("clock."));
    const char *key = of_clock ? "clock" : "handoff";
    ch_str due = ch_mp_find_str(logged->data, key), type = logged->type;
    ch_str word = {type.at + strlen(key) + 1, type.size - strlen(key) - 1};
    /* What was refused for now is said again, perhaps after the clock was set back. */
    if (!is_id_of(logged, due, word) || logged->time_ms > of->seen_ms) {
        violated(of, "%.*s is due at %" PRId64 ", and it was never later than %" PRId64,
                 CH_STR_ARG(logged->id), logged->time_ms, of->seen_ms);
    }
    ch_buf_init(&data, 1024);
    ch_mp_put_map(&data, 1);
    ch_mp_put_text(&data, key);
    ch_mp_put_str(&data, due);
    const ch_event event = {.id = logged->id,
                            .source = logged->source,
                            .type = logged->type,
                            .time_ms = logged->time_ms,
                            .subject = logged->subject,
                            .data = ch_buf_str(&data),
                            .expected_version = -1};
    assert_ok(witness_decide(of, NULL, &event), &of->error);
    (void)witness_expect_decision(of);
    ch_buf_done(&data);
}

/* A clock's own event, but not one that follows from another. */
static bool is_expiry(const ch_event *logged)
{
    return ch_str_is(logged->source, "hub/ZJ") &&
           (ch_str_is(logged->type, "handoff.expired") || ch_str_starts(logged->type, CH_STR("clock.")));
}

void witness_hear_hub(witness *of)
{
    ch_record record;
    ch_event logged;
    while (witness_next_record(of) && find_cause(of, &record, &logged)) {
        saying *report;
        if (take_report(of, &logged, &report)) {
            assert_ok(witness_decide(of, NULL, &report->event), &of->error);
            (void)witness_expect_decision(of);
        } else if (is_expiry(&logged)) {
            expect_expiry(of, &logged);
        } else {
            return;
        }
    }
}

void witness_hear_end(witness *of)
{
    if (witness_next_record(of)) {
        violated(of, "%.*s %.*s of %.*s was never said or acknowledged", CH_STR_ARG(of->event.type),
                 CH_STR_ARG(of->event.id), CH_STR_ARG(of->event.source));
    }
}

/* ---- what always holds */

/* The key of what was kept is there until its letter is closed, and then nowhere. */
static void check_letter(witness *of, const ch_dead_letter *letter)
{
    uint8_t key[CH_KEY_SIZE];
    bool is_closed = strcmp(letter->status, "retried") == 0 || strcmp(letter->status, "dropped") == 0;
    ch_status status = ch_slots_key(of->machine->hub->store->dead_letter_slots, letter->number, key);
    if (of->is_sealed[letter->number] && status != (is_closed ? CH_ERASED : CH_OK)) {
        violated(of, "dead letter %" PRIu64 " is %s, its key: %s", letter->number, letter->status,
                 ch_status_name(status));
    }
}

static void check_letters(witness *of)
{
    ch_dead_letter letter;
    uint64_t end = ch_state_next_dead_letter(of->state);
    for (uint64_t number = 1; number < end; number++) {
        assert_int_equal(ch_state_dead_letter(of->state, number, &letter), CH_OK);
        check_letter(of, &letter);
    }
}

void witness_check(witness *of)
{
    ch_state_reader *reader;
    const ch_store *store = of->machine->hub->store;
    uint64_t last = ch_event_log_last(store->log);
    if (last != of->position) {
        violated(of, "the log ends at %" PRIu64, last);
    }
    if (ch_state_committed(store->state) > last || ch_state_position(store->state) > last) {
        violated(of, "the state is ahead of the log, at %" PRIu64, ch_state_position(store->state));
    }
    /* Reads go on, whatever there is no room for. */
    assert_ok(ch_state_reader_open(&reader, store->state, &of->error), &of->error);
    if (ch_state_reader_position(reader) != ch_state_committed(store->state)) {
        violated(of, "readers see the state of %" PRIu64, ch_state_reader_position(reader));
    }
    ch_state_reader_close(reader);
    check_letters(of);
    if (!books_check(&of->books)) {
        violated(of, "%s", of->books.wrong);
    }
}

void witness_check_start(witness *of)
{
    uint64_t good;
    ch_store *store = of->machine->hub->store;
    uint64_t last = ch_event_log_last(store->log);
    assert_ok(ch_event_log_verify(store->log, &good, &of->error), &of->error);
    if (last < of->position || good != last) {
        violated(of, "after the start the log ends at %" PRIu64 ", good to %" PRIu64, last, good);
    }
    if (ch_state_position(store->state) != last || ch_state_committed(store->state) != last) {
        violated(of, "after the start the state stands at %" PRIu64 " of %" PRIu64,
                 ch_state_position(store->state), last);
    }
    memset(of->blocked, 0, sizeof of->blocked);
    witness_open_log(of);
    if (of->position > 0) {
        assert_ok(ch_log_reader_seek(of->log, of->position, &of->record, &of->error), &of->error);
        if (memcmp(of->record.chain, of->chain, CH_HASH_SIZE) != 0) {
            violated(of, "after the start another history leads here");
        }
    }
    witness_close_log(of);
}

void witness_check_fold(witness *of, bool rebuild)
{
    uint8_t live[CH_HASH_SIZE], own[CH_HASH_SIZE];
    ch_store *store = of->machine->hub->store;
    assert_ok(ch_state_hash(store->state, live, &of->error), &of->error);
    assert_ok(ch_state_hash(of->state, own, &of->error), &of->error);
    if (memcmp(live, own, CH_HASH_SIZE) != 0) {
        violated(of, "the state is not the fold of the log");
    }
    if (!rebuild) {
        return;
    }
    assert_ok(ch_store_rebuild(store, of->rebuilt, own, &of->error), &of->error);
    if (memcmp(live, own, CH_HASH_SIZE) != 0) {
        violated(of, "a rebuild gives another state");
    }
}

static bool see_deadline(void *context, int64_t due_ms, uint64_t case_number, uint32_t index)
{
    witness *of = context;
    const ch_case *the_case = witness_case(of, case_number);
    assert_non_null(the_case);
    if ((index & CH_DEADLINE_OF_CLOCK) != 0) {
        const ch_case_clock *clock = ch_case_clock_of(the_case, index & ~CH_DEADLINE_OF_CLOCK);
        assert_non_null(clock);
        violated(of, "%s/c%" PRIu32 " wants to be looked at since %" PRId64 " and is still %s", the_case->id,
                 clock->index, due_ms, ch_clock_state_name(clock->state));
        return true;
    }
    const ch_handoff *handoff = ch_case_handoff(the_case, index);
    assert_non_null(handoff);
    if (handoff->state == CH_HANDOFF_OFFERED || handoff->state == CH_HANDOFF_DELIVERED) {
        violated(of, "%s/h%" PRIu32 " was due at %" PRId64 " and is still %s", the_case->id, index, due_ms,
                 ch_handoff_state_name(handoff->state));
    }
    return true;
}

/* By the rules in force at the end. */
static bool see_count(void *context, int64_t due_ms, uint64_t case_number, uint32_t index)
{
    witness *of = context;
    int64_t counted_ms;
    (void)due_ms;
    if ((index & CH_DEADLINE_OF_CLOCK) != 0) {
        const ch_case *the_case = witness_case(of, case_number);
        assert_non_null(the_case);
        const ch_case_clock *clock = ch_case_clock_of(the_case, index & ~CH_DEADLINE_OF_CLOCK);
        if (clock != NULL && ch_clock_is_miscounted(of->rules, clock, &counted_ms)) {
            violated(of, "%s/c%" PRIu32 " is due at %" PRId64 ", and by the rules at %" PRId64, the_case->id,
                     clock->index, clock->due_ms, counted_ms);
        }
    }
    return true;
}

void witness_check_deadlines(witness *of)
{
    ch_state_reader *reader;
    assert_ok(ch_state_commit(of->state, &of->error), &of->error);
    assert_ok(ch_state_reader_open(&reader, of->state, &of->error), &of->error);
    assert_int_equal(ch_state_reader_deadlines(reader, 0, of->machine->wall_ms, see_deadline, of), CH_OK);
    assert_int_equal(ch_state_reader_deadlines(reader, 0, INT64_MAX, see_count, of), CH_OK);
    ch_state_reader_close(reader);
    for (size_t i = 0; i < of->report_count; i++) {
        if (witness_makes_letter(&of->reports[i]->event)) {
            violated(of, "the hub's own %.*s never came into the log", CH_STR_ARG(of->reports[i]->event.id));
        }
    }
}
