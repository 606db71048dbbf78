#include "tests/unit/check.h"
#include "tests/unit/store/folder.h"
#include "tests/unit/store/ledger.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#define MAP ((size_t)256 << 20)

typedef struct fixture {
    char dir[FOLDER_PATH_SIZE], log_dir[FOLDER_PATH_SIZE * 2], state_dir[FOLDER_PATH_SIZE * 2];
    char other_dir[FOLDER_PATH_SIZE * 2];
    ch_random_seeded seeded;
    ch_event_log *log;
    ch_slots *slots;
    ch_state *state, *other;
    ledger ledger;
    ch_error error;
} fixture;

static const ch_state_options usual = {.map_bytes = MAP, .hot_cases = 64};

static int setup(void **state)
{
    static const uint8_t hub_key[CH_KEY_SIZE] = {3};
    static fixture f;
    memset(&f, 0, sizeof f);
    folder_make(f.dir);
    snprintf(f.log_dir, sizeof f.log_dir, "%s/log", f.dir);
    snprintf(f.state_dir, sizeof f.state_dir, "%s/state", f.dir);
    snprintf(f.other_dir, sizeof f.other_dir, "%s/other", f.dir);
    assert_int_equal(mkdir(f.log_dir, 0700) | mkdir(f.state_dir, 0700) | mkdir(f.other_dir, 0700), 0);
    ch_random_seeded_init(&f.seeded, 5);
    assert_ok(ch_event_log_open(&f.log, f.log_dir, &(ch_event_log_options){.map_bytes = MAP}, &f.error),
              &f.error);
    assert_ok(ch_slots_open(&f.slots, in_folder(f.dir, "slots"), hub_key, &f.seeded.random, &f.error),
              &f.error);
    assert_ok(ch_state_open(&f.state, f.state_dir, &usual, f.slots, &f.error), &f.error);
    ledger_init(&f.ledger, f.log, f.state);
    *state = &f;
    return 0;
}

static int teardown(void **state)
{
    fixture *f = *state;
    ledger_done(&f->ledger);
    ch_state_close(f->state);
    ch_state_close(f->other);
    ch_slots_close(f->slots);
    ch_event_log_close(f->log);
    folder_remove(f->dir);
    return 0;
}

static void commit(fixture *f)
{
    assert_ok(ch_state_commit(f->state, &f->error), &f->error);
}

static ch_state_reader *look(fixture *f)
{
    ch_state_reader *reader;
    assert_ok(ch_state_reader_open(&reader, f->state, &f->error), &f->error);
    return reader;
}

/* A little of everything. */
static void write_some(ledger *of, int rounds)
{
    for (int i = 0; i < rounds; i++) {
        char ref[32];
        snprintf(ref, sizeof ref, "R-%d", (int)of->now.case_count);
        uint64_t number = ledger_open(of, i % 3 == 0 ? "grid/1" : "hotline/1", i % 2 == 0 ? ref : NULL);
        uint32_t first = ledger_offer(of, number, "water", i % 2 == 0 ? LEDGER_START_MS + i : 0);
        uint32_t second = ledger_offer(of, number, "health", LEDGER_START_MS + 1000);
        ledger_move(of, number, first, "handoff.accepted", 0);
        ledger_note(of, 1 + (uint64_t)(i / 2));
        ledger_move(of, number, second, i % 2 == 0 ? "handoff.withdrawn" : "handoff.accepted", 0);
        ledger_hub(of, "hub.checkpoint", "connector", "grid-main", "value", ref, NULL);
        ledger_hub(of, "hub.deadletter", "action", "made", "connector", "grid-main", "reason", "bad row",
                   NULL);
    }
}

static void refuses_a_record_out_of_turn(void **state)
{
    fixture *f = *state;
    ledger_open(&f->ledger, "hotline/1", NULL);
    const ch_event event = {
        .type = CH_STR("hub.config"), .source = CH_STR("hub/ZJ"), .id = CH_STR("1"), .sequence = 3};
    const ch_record record = {.sequence = 3, .flags = CH_RECORD_DERIVED};
    assert_status(ch_state_fold(f->state, &record, &event, &f->error), CH_CORRUPT);
    assert_int_equal(ch_state_position(f->state), 1);
}

static void an_id_enters_the_state_once(void **state)
{
    fixture *f = *state;
    const ch_event event = {.type = CH_STR("hub.config"), .id = CH_STR("same"), .source = CH_STR("grid/1")};
    const ch_event other_source = {
        .type = CH_STR("hub.config"), .id = CH_STR("same"), .source = CH_STR("grid/2")};
    assert_ok(ledger_write(&f->ledger, event, 0, 0), &f->ledger.error);
    assert_ok(ledger_write(&f->ledger, other_source, 0, 0), &f->ledger.error);
    assert_status(ledger_write(&f->ledger, event, 0, 0), CH_CORRUPT);
}

static void after_a_failed_fold_only_a_rollback_helps(void **state)
{
    fixture *f = *state;
    ch_view view;
    ledger_open(&f->ledger, "hotline/1", NULL);
    const ch_event event = {.type = CH_STR("case.noted"),
                            .case_version = 1,
                            .cycle = 1,
                            .case_state = CH_CASE_RECEIVED,
                            .subject = CH_STR("ZJ-20261123-99")};
    assert_status(ledger_write(&f->ledger, event, 99, 0), CH_CORRUPT);
    assert_status(ch_state_view(f->state, 1, &view), CH_BUSY);
    assert_status(ch_state_commit(f->state, &f->error), CH_BUSY);
    assert_int_equal(ch_state_position(f->state), 0);
    assert_ok(ch_state_catch_up(f->state, f->log, &f->error), &f->error);
    assert_int_equal(ch_state_position(f->state), 1);
    assert_status(ch_state_view(f->state, 1, &view), CH_OK);
    assert_int_equal(view.next_case, 2);
    assert_int_equal(view.next_sequence, 2);
}

static void a_case_number_is_given_once(void **state)
{
    fixture *f = *state;
    ledger_open(&f->ledger, "hotline/1", NULL);
    const ch_event event = {.type = CH_STR("case.opened"),
                            .case_version = 1,
                            .cycle = 1,
                            .case_state = CH_CASE_RECEIVED,
                            .subject = CH_STR("ZJ-20261123-1")};
    assert_status(ledger_write(&f->ledger, event, 1, CH_RECORD_OPENS_CASE), CH_CORRUPT);
}

static void readers_see_only_what_was_committed(void **state)
{
    fixture *f = *state;
    ch_case *the_case;
    assert_status(ch_case_new(&the_case), CH_OK);
    ledger_open(&f->ledger, "hotline/1", "A-1");
    ch_state_reader *reader = look(f);
    assert_int_equal(ch_state_reader_position(reader), 0);
    assert_status(ch_state_reader_case(reader, 1, the_case), CH_NOT_FOUND);
    ch_state_reader_close(reader);
    assert_int_equal(ch_state_committed(f->state), 0);
    commit(f);
    assert_int_equal(ch_state_committed(f->state), 1);
    reader = look(f);
    ledger_note(&f->ledger, 1);
    commit(f);
    assert_int_equal(ch_state_reader_position(reader), 1);
    assert_status(ch_state_reader_case(reader, 1, the_case), CH_OK);
    assert_int_equal(the_case->version, 1);
    ch_state_reader_close(reader);
    ch_case_free(the_case);
}

static void rollback_forgets_everything_since_the_commit(void **state)
{
    fixture *f = *state;
    uint8_t before[CH_HASH_SIZE], after[CH_HASH_SIZE];
    write_some(&f->ledger, 5);
    assert_ok(ch_state_hash(f->state, before, &f->error), &f->error);
    uint64_t position = ch_state_position(f->state);
    f->ledger.holding = true;
    write_some(&f->ledger, 3);
    assert_true(ch_state_dirty_cases(f->state) > 0);
    ch_state_rollback(f->state);
    assert_int_equal(ch_state_position(f->state), position);
    assert_int_equal(ch_state_dirty_cases(f->state), 0);
    assert_ok(ch_state_hash(f->state, after, &f->error), &f->error);
    assert_memory_equal(before, after, CH_HASH_SIZE);
}

static void any_rhythm_of_commits_and_any_cache_gives_the_same_hash(void **state)
{
    fixture *f = *state;
    uint8_t expected[CH_HASH_SIZE], found[CH_HASH_SIZE], without_last[CH_HASH_SIZE];
    write_some(&f->ledger, 20);
    assert_ok(ch_state_hash(f->state, without_last, &f->error), &f->error);
    ledger_note(&f->ledger, 7);
    assert_ok(ch_state_hash(f->state, expected, &f->error), &f->error);
    assert_memory_not_equal(expected, without_last, CH_HASH_SIZE);
    const ch_state_options small = {.map_bytes = MAP, .hot_cases = 2};
    assert_ok(ch_state_open(&f->other, f->other_dir, &small, NULL, &f->error), &f->error);
    assert_ok(ch_state_catch_up(f->other, f->log, &f->error), &f->error);
    assert_ok(ch_state_hash(f->other, found, &f->error), &f->error);
    assert_memory_equal(expected, found, CH_HASH_SIZE);
}

static void the_state_survives_a_reopen_and_folds_the_tail(void **state)
{
    fixture *f = *state;
    uint8_t expected[CH_HASH_SIZE], found[CH_HASH_SIZE];
    write_some(&f->ledger, 4);
    commit(f);
    uint64_t committed = ch_state_position(f->state);
    write_some(&f->ledger, 4);
    assert_ok(ch_state_open(&f->other, f->other_dir, &usual, NULL, &f->error), &f->error);
    assert_ok(ch_state_catch_up(f->other, f->log, &f->error), &f->error);
    assert_ok(ch_state_hash(f->other, expected, &f->error), &f->error);
    ch_state_close(f->state);
    f->state = NULL;
    assert_ok(ch_state_open(&f->state, f->state_dir, &usual, f->slots, &f->error), &f->error);
    assert_int_equal(ch_state_position(f->state), committed);
    assert_ok(ch_state_catch_up(f->state, f->log, &f->error), &f->error);
    assert_int_equal(ch_state_position(f->state), ch_event_log_last(f->log));
    assert_ok(ch_state_hash(f->state, found, &f->error), &f->error);
    assert_memory_equal(expected, found, CH_HASH_SIZE);
}

static void a_state_ahead_of_its_log_or_of_another_log_is_refused(void **state)
{
    fixture *f = *state;
    ch_event_log *log;
    ledger of;
    assert_ok(ch_event_log_open(&log, f->other_dir, &(ch_event_log_options){.map_bytes = MAP}, &f->error),
              &f->error);
    ledger_open(&f->ledger, "hotline/1", NULL);
    commit(f);
    assert_status(ch_state_catch_up(f->state, log, &f->error), CH_CORRUPT);
    ledger_init(&of, log, NULL);
    ledger_open(&of, "hotline/2", NULL);
    assert_status(ch_state_catch_up(f->state, log, &f->error), CH_CORRUPT);
    assert_status(ch_state_catch_up(f->state, f->log, &f->error), CH_OK);
    ledger_done(&of);
    ch_event_log_close(log);
}

static void finds_ids_refs_and_events_of_a_case(void **state)
{
    fixture *f = *state;
    uint64_t sequence, number, numbers[4];
    uint32_t version;
    size_t count = 4;
    ledger_open(&f->ledger, "hotline/1", "A-1");
    ledger_open(&f->ledger, "grid/1", "A-1");
    ledger_note(&f->ledger, 1);
    ledger_open(&f->ledger, "grid/1", "A-2");
    assert_status(ch_state_find_id(f->state, CH_STR("hotline/1"), CH_STR("id-3"), &sequence), CH_OK);
    assert_int_equal(sequence, 3);
    assert_status(ch_state_find_id(f->state, CH_STR("grid/1"), CH_STR("id-3"), &sequence), CH_NOT_FOUND);
    assert_status(ch_state_find_id(f->state, CH_STR("new/1"), CH_STR("id-3"), &sequence), CH_NOT_FOUND);
    commit(f);
    ch_state_reader *reader = look(f);
    assert_status(ch_state_reader_ref(reader, CH_STR("grid/1"), CH_STR("A-1"), &number), CH_OK);
    assert_int_equal(number, 2);
    assert_status(ch_state_reader_ref(reader, CH_STR("hotline/1"), CH_STR("A-2"), &number), CH_NOT_FOUND);
    assert_status(ch_state_reader_ref_any(reader, CH_STR("A-1"), numbers, &count), CH_OK);
    assert_int_equal(count, 2);
    assert_int_equal(numbers[0], 1);
    assert_int_equal(numbers[1], 2);
    assert_status(ch_state_reader_case_event(reader, 1, 2, &version, &sequence), CH_OK);
    assert_int_equal(version, 2);
    assert_int_equal(sequence, 3);
    assert_status(ch_state_reader_case_event(reader, 1, 3, &version, &sequence), CH_END);
    assert_status(ch_state_reader_case_event(reader, 3, 2, &version, &sequence), CH_END);
    ch_state_reader_close(reader);
}

typedef struct seen {
    char text[512];
    int most;
} seen;

static void note_seen(seen *of, const char *format, ...) CH_PRINTF(2, 3);
static void note_seen(seen *of, const char *format, ...)
{
    size_t used = strlen(of->text);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(of->text + used, sizeof of->text - used, format, arguments);
    va_end(arguments);
}

static bool see_handoff(void *context, ch_str party, uint64_t number, uint32_t index)
{
    note_seen(context, "%.*s:%d/h%u ", CH_STR_ARG(party), (int)number, index);
    return true;
}

static bool see_deadline(void *context, int64_t due_ms, uint64_t number, uint32_t index)
{
    bool clock = (index & CH_DEADLINE_OF_CLOCK) != 0;
    note_seen(context, "%d@%d/%c%u ", (int)(due_ms - LEDGER_START_MS), (int)number, clock ? 'c' : 'h',
              index & ~CH_DEADLINE_OF_CLOCK);
    return true;
}

static bool see_case(void *context, const ch_case *the_case)
{
    note_seen(context, "%d ", (int)the_case->number);
    return --((seen *)context)->most != 0;
}

static bool see_pair(void *context, ch_str key, ch_str value)
{
    note_seen(context, "%.*s=%.*s ", CH_STR_ARG(key), CH_STR_ARG(ch_mp_find_str(value, "value")));
    return true;
}

static bool see_letter(void *context, const ch_dead_letter *letter)
{
    note_seen(context, "%d:%s:%s:%s ", (int)letter->number, letter->status, letter->connector,
              letter->reason);
    return true;
}

static void assert_inbox(fixture *f, const char *party, const char *handoffs, const char *deadlines)
{
    seen inbox = {{0}, 0}, due = {{0}, 0};
    commit(f);
    ch_state_reader *reader = look(f);
    assert_status(ch_state_reader_handoffs(reader, ch_str_of(party), see_handoff, &inbox), CH_OK);
    assert_string_equal(inbox.text, handoffs);
    assert_status(ch_state_reader_deadlines(reader, 0, LEDGER_START_MS + 500, see_deadline, &due), CH_OK);
    assert_string_equal(due.text, deadlines);
    ch_state_reader_close(reader);
}

static void an_inbox_holds_the_open_handoffs_of_a_party(void **state)
{
    fixture *f = *state;
    uint64_t one = ledger_open(&f->ledger, "hotline/1", NULL),
             two = ledger_open(&f->ledger, "hotline/1", NULL);
    ledger_offer(&f->ledger, one, "water", LEDGER_START_MS + 400);
    ledger_offer(&f->ledger, two, "water", LEDGER_START_MS + 300);
    ledger_offer(&f->ledger, two, "water-rescue", LEDGER_START_MS + 600);
    assert_inbox(f, "water", "water:1/h1 water:2/h1 ", "300@2/h1 400@1/h1 ");
    assert_inbox(f, NULL, "water:1/h1 water:2/h1 water-rescue:2/h2 ", "300@2/h1 400@1/h1 ");
    ledger_move(&f->ledger, one, 1, "handoff.accepted", 0);
    ledger_move(&f->ledger, two, 1, "handoff.extended", LEDGER_START_MS + 500);
    assert_inbox(f, "water", "water:1/h1 water:2/h1 ", "400@1/h1 500@2/h1 ");
    ledger_move(&f->ledger, one, 1, "handoff.completed", 0);
    ledger_move(&f->ledger, two, 1, "handoff.extended", LEDGER_START_MS + 501);
    assert_inbox(f, "water", "water:2/h1 ", "");
    ledger_move(&f->ledger, two, 1, "handoff.rejected", 0);
    assert_inbox(f, "water", "", "");
    assert_inbox(f, "wate", "", "");
}

static void a_clock_is_among_the_deadlines_as_long_as_it_waits_for_something(void **state)
{
    fixture *f = *state;
    uint64_t one = ledger_open(&f->ledger, "hotline/1", NULL),
             two = ledger_open(&f->ledger, "hotline/1", NULL);
    ledger_clock(&f->ledger, one, 1, "clock.started", LEDGER_START_MS + 300);
    ledger_clock(&f->ledger, one, 2, "clock.started", 0); /* without a due time */
    ledger_clock(&f->ledger, two, 1, "clock.started", LEDGER_START_MS + 200);
    ledger_offer(&f->ledger, one, "water", LEDGER_START_MS + 300);
    assert_inbox(f, "water", "water:1/h1 ", "200@2/c1 300@1/h1 300@1/c1 ");
    ledger_clock(&f->ledger, one, 1, "clock.warned", LEDGER_START_MS + 400);
    ledger_clock(&f->ledger, two, 1, "clock.paused", 0);
    assert_inbox(f, "water", "water:1/h1 ", "300@1/h1 400@1/c1 ");
    ledger_clock(&f->ledger, two, 1, "clock.resumed", LEDGER_START_MS + 100);
    ledger_clock(&f->ledger, one, 1, "clock.breached", LEDGER_START_MS + 450);
    ledger_clock(&f->ledger, one, 2, "clock.met", 0);
    assert_inbox(f, "water", "water:1/h1 ", "100@2/c1 300@1/h1 450@1/c1 ");
    ledger_clock(&f->ledger, two, 1, "clock.met", 0);
    ledger_clock(&f->ledger, one, 1, "clock.cancelled", 0);
    assert_inbox(f, "water", "water:1/h1 ", "300@1/h1 ");
}

static void cases_are_walked_newest_first(void **state)
{
    fixture *f = *state;
    for (int i = 0; i < 6; i++) {
        ledger_open(&f->ledger, "hotline/1", NULL);
    }
    commit(f);
    ch_state_reader *reader = look(f);
    seen all = {{0}, 0}, some = {{0}, 2}, none = {{0}, 0};
    assert_status(ch_state_reader_cases(reader, UINT64_MAX, see_case, &all), CH_OK);
    assert_string_equal(all.text, "6 5 4 3 2 1 ");
    assert_status(ch_state_reader_cases(reader, 4, see_case, &some), CH_OK);
    assert_string_equal(some.text, "3 2 ");
    assert_status(ch_state_reader_cases(reader, 1, see_case, &none), CH_OK);
    assert_string_equal(none.text, "");
    ch_state_reader_close(reader);
}

static void dead_letters_are_numbered_and_moved(void **state)
{
    fixture *f = *state;
    seen of = {{0}, 0}, from = {{0}, 0};
    assert_int_equal(ch_state_next_dead_letter(f->state), 1);
    for (int i = 0; i < 3; i++) {
        ledger_hub(&f->ledger, "hub.deadletter", "action", "made", "connector", "grid", "reason", "no area",
                   NULL);
    }
    assert_int_equal(ch_state_next_dead_letter(f->state), 4);
    ledger_hub_number(&f->ledger, "hub.deadletter", "retry", 1);
    ledger_hub_number(&f->ledger, "hub.deadletter", "drop", 2);
    ledger_hub_number(&f->ledger, "hub.deadletter", "retry", 3);
    ledger_hub_number(&f->ledger, "hub.deadletter", "retried", 3);
    ledger_hub_number(&f->ledger, "hub.deadletter", "drop", 77);
    commit(f);
    ch_state_reader *reader = look(f);
    assert_status(ch_state_reader_dead_letters(reader, 0, see_letter, &of), CH_OK);
    assert_string_equal(of.text, "1:retrying:grid:no area 2:dropped:grid:no area 3:retried:grid:no area ");
    assert_status(ch_state_reader_dead_letters(reader, 3, see_letter, &from), CH_OK);
    assert_string_equal(from.text, "3:retried:grid:no area ");
    ch_state_reader_close(reader);
}

static void checkpoints_connectors_and_grants_keep_the_last_word(void **state)
{
    fixture *f = *state;
    ch_buf value;
    ch_str last;
    seen grants = {{0}, 0}, connectors = {{0}, 0};
    ch_buf_init(&value, 4096);
    assert_status(ch_state_checkpoint(f->state, CH_STR("grid"), &value), CH_NOT_FOUND);
    ledger_hub(&f->ledger, "hub.checkpoint", "connector", "grid", "value", "7", NULL);
    ledger_hub(&f->ledger, "hub.checkpoint", "connector", "forum", "value", "x", NULL);
    ledger_hub(&f->ledger, "hub.checkpoint", "connector", "grid", "value", "8", NULL);
    ledger_hub(&f->ledger, "hub.connector", "connector", "grid", "value", "up", NULL);
    ledger_hub(&f->ledger, "hub.grant", "key", "k1", "value", "a", NULL);
    ledger_hub(&f->ledger, "hub.grant", "key", "k2", "value", "b", NULL);
    ch_buf_clear(&f->ledger.data);
    ch_mp_put_map(&f->ledger.data, 2);
    ch_mp_put_text(&f->ledger.data, "key");
    ch_mp_put_text(&f->ledger.data, "k1");
    ch_mp_put_text(&f->ledger.data, "revoked");
    ch_mp_put_bool(&f->ledger.data, true);
    const ch_event revoked = {.type = CH_STR("hub.grant"), .data = ch_buf_str(&f->ledger.data)};
    assert_ok(ledger_write(&f->ledger, revoked, 0, 0), &f->ledger.error);
    assert_status(ch_state_checkpoint(f->state, CH_STR("grid"), &value), CH_OK);
    assert_true(ch_str_is(ch_buf_str(&value), "8"));
    commit(f);
    ch_state_reader *reader = look(f);
    assert_status(ch_state_reader_checkpoint(reader, CH_STR("hotline"), &last), CH_NOT_FOUND);
    assert_status(ch_state_reader_checkpoint(reader, CH_STR("grid"), &last), CH_OK);
    assert_true(ch_str_is(ch_mp_find_str(last, "value"), "8"));
    assert_status(ch_state_reader_connectors(reader, see_pair, &connectors), CH_OK);
    assert_string_equal(connectors.text, "grid=up ");
    assert_status(ch_state_reader_grants(reader, see_pair, &grants), CH_OK);
    assert_string_equal(grants.text, "k2=b ");
    ch_state_reader_close(reader);
    ch_buf_done(&value);
}

/* ---- topics */

static void write_topics(fixture *f, unsigned count, const char *topic)
{
    const ch_event event = {.type = CH_STR("hub.config"), .topic = ch_str_of(topic)};
    for (unsigned i = 0; i < count; i++) {
        assert_ok(ledger_write(&f->ledger, event, 0, 0), &f->ledger.error);
    }
}

static ch_status may_hold(fixture *f, uint64_t block, const char *pattern, bool *out_may)
{
    ch_topic_filter filter, wanted = {{0}};
    ch_topic_filter_add(&wanted, ch_str_of(pattern));
    ch_state_reader *reader = look(f);
    ch_status status = ch_state_reader_topics(reader, block, &filter);
    *out_may = status == CH_OK && ch_topic_filter_may_hold(&filter, &wanted);
    ch_state_reader_close(reader);
    return status;
}

static void assert_block(fixture *f, uint64_t block, const char *pattern, bool expected)
{
    bool may;
    assert_status(may_hold(f, block, pattern, &may), CH_OK);
    assert_int_equal(may, expected);
}

static void assert_same_as_rebuilt(fixture *f)
{
    uint8_t live[CH_HASH_SIZE], rebuilt[CH_HASH_SIZE];
    assert_ok(ch_state_hash(f->state, live, &f->error), &f->error);
    assert_ok(ch_state_open(&f->other, f->other_dir, &usual, NULL, &f->error), &f->error);
    assert_ok(ch_state_catch_up(f->other, f->log, &f->error), &f->error);
    assert_ok(ch_state_hash(f->other, rebuilt, &f->error), &f->error);
    assert_memory_equal(live, rebuilt, CH_HASH_SIZE);
}

static void a_block_tells_what_its_topics_contain_when_all_of_it_is_committed(void **state)
{
    fixture *f = *state;
    bool may;
    write_topics(f, 1, "hub.config.first._._");
    write_topics(f, CH_TOPIC_BLOCK - 1, "hub.config.grid._._");
    assert_status(may_hold(f, 0, ">", &may), CH_NOT_FOUND);
    commit(f);
    write_topics(f, CH_TOPIC_BLOCK - 1, "hub.config.second._.33");
    commit(f);
    assert_block(f, 0, "*.*.first.>", true);
    assert_block(f, 0, "*.*.grid.>", true);
    assert_block(f, 0, "*.*.second.>", false);
    assert_status(may_hold(f, 1, ">", &may), CH_NOT_FOUND);
    write_topics(f, 1, "hub.config.last._._");
    commit(f);
    assert_block(f, 1, "*.*.second.>", true); /* from before that commit */
    assert_block(f, 1, "*.*.last.>", true);
    assert_block(f, 1, "*.*.first.>", false);
    assert_status(may_hold(f, 2, ">", &may), CH_NOT_FOUND);
    assert_status(may_hold(f, UINT64_MAX, ">", &may), CH_NOT_FOUND);
    assert_same_as_rebuilt(f);
}

static void topics_that_were_rolled_back_are_in_no_block(void **state)
{
    fixture *f = *state;
    write_topics(f, CH_TOPIC_BLOCK + 8, "hub.config.kept._._");
    commit(f);
    ledger_point before = f->ledger.now;
    f->ledger.holding = true;
    write_topics(f, CH_TOPIC_BLOCK, "hub.config.gone._._");
    ch_state_rollback(f->state);
    ledger_drop(&f->ledger);
    f->ledger.now = before;
    f->ledger.holding = false;
    write_topics(f, CH_TOPIC_BLOCK, "hub.config.later._._");
    commit(f);
    assert_block(f, 1, "*.*.kept.>", true);
    assert_block(f, 1, "*.*.later.>", true);
    assert_block(f, 1, "*.*.gone.>", false);
    assert_same_as_rebuilt(f);
}

static void a_block_that_is_filled_in_two_runs_is_whole(void **state)
{
    fixture *f = *state;
    write_topics(f, 8, "hub.config.before._._");
    commit(f);
    write_topics(f, 8, "hub.config.tail._._"); /* in the log only */
    ch_state_close(f->state);
    f->state = NULL;
    assert_ok(ch_state_open(&f->state, f->state_dir, &usual, f->slots, &f->error), &f->error);
    assert_ok(ch_state_catch_up(f->state, f->log, &f->error), &f->error);
    f->ledger.state = f->state;
    write_topics(f, CH_TOPIC_BLOCK - 16, "hub.config.after._._");
    commit(f);
    assert_block(f, 0, "*.*.before.>", true);
    assert_block(f, 0, "*.*.tail.>", true);
    assert_block(f, 0, "*.*.after.>", true);
    assert_same_as_rebuilt(f);
}

static void write_new_epoch(fixture *f, const char *id, int64_t next_case, int64_t next_dead_letter)
{
    ch_buf data;
    ch_buf_init(&data, 256);
    ch_mp_put_map(&data, 2);
    ch_mp_put_text(&data, "next_case");
    ch_mp_put_int(&data, next_case);
    ch_mp_put_text(&data, "next_dead_letter");
    ch_mp_put_int(&data, next_dead_letter);
    const ch_event event = {.type = CH_STR("hub.replay"),
                            .source = CH_STR("hub/ZJ"),
                            .id = ch_str_of(id),
                            .data = ch_buf_str(&data)};
    assert_ok(ledger_write(&f->ledger, event, 0, 0), &f->ledger.error);
    ch_buf_done(&data);
}

static void a_new_epoch_raises_the_numbers_that_come_next_and_never_lowers_them(void **state)
{
    fixture *f = *state;
    ch_view view;
    ledger_open(&f->ledger, "hotline/1", NULL);
    write_new_epoch(f, "epoch/2", -5, 0);
    write_new_epoch(f, "epoch/3", 300, 400);
    write_new_epoch(f, "epoch/4", 2, 1);
    assert_status(ch_state_view(f->state, 4, &view), CH_OK);
    assert_int_equal(view.next_case, 300);
    assert_int_equal(ch_state_next_dead_letter(f->state), 400);
    assert_same_as_rebuilt(f);
}

static void the_view_digests_under_the_key_of_the_case(void **state)
{
    fixture *f = *state;
    ch_view view;
    uint8_t one[8], two[8], again[8];
    ledger_open(&f->ledger, "hotline/1", NULL);
    assert_status(ch_state_view(f->state, 9, &view), CH_OK);
    assert_int_equal(view.epoch, 9);
    assert_int_equal(view.next_case, 2);
    assert_status(view.digest(view.context, 2, CH_STR("text"), two), CH_OK);
    assert_status(view.digest(view.context, 1, CH_STR("text"), one), CH_OK);
    assert_status(view.digest(view.context, 1, CH_STR("text"), again), CH_OK);
    assert_memory_not_equal(one, two, 8);
    assert_memory_equal(one, again, 8);
    assert_status(view.digest(view.context, 50000, CH_STR("text"), one), CH_NOT_FOUND);
    assert_ok(ch_slots_erase(f->slots, 1, &f->error), &f->error);
    assert_status(view.digest(view.context, 1, CH_STR("text"), one), CH_ERASED);
}

static void the_view_shows_the_open_transaction(void **state)
{
    fixture *f = *state;
    ch_view view;
    uint64_t number;
    const ch_case *the_case;
    ledger_open(&f->ledger, "hotline/1", "A-1");
    ledger_note(&f->ledger, 1);
    assert_status(ch_state_view(f->state, 1, &view), CH_OK);
    assert_status(view.case_by_ref(view.context, CH_STR("hotline/1"), CH_STR("A-1"), &number), CH_OK);
    assert_int_equal(number, 1);
    assert_status(view.case_by_ref(view.context, CH_STR("hotline/1"), CH_STR("A-2"), &number), CH_NOT_FOUND);
    assert_status(view.case_by_number(view.context, 1, &the_case), CH_OK);
    assert_int_equal(the_case->version, 2);
    assert_status(view.case_by_number(view.context, 2, &the_case), CH_NOT_FOUND);
}

static void changed_cases_are_bounded_and_nothing_is_lost(void **state)
{
    fixture *f = *state;
    const ch_state_options small = {.map_bytes = MAP, .hot_cases = 4};
    ch_case *the_case;
    assert_status(ch_case_new(&the_case), CH_OK);
    ch_state_close(f->state);
    f->state = NULL;
    assert_ok(ch_state_open(&f->state, f->state_dir, &small, f->slots, &f->error), &f->error);
    f->ledger.state = f->state;
    for (int i = 0; i < 40; i++) {
        ledger_open(&f->ledger, "hotline/1", NULL);
        assert_in_range(ch_state_dirty_cases(f->state), 1, 4);
    }
    for (uint64_t number = 1; number <= 40; number++) {
        ledger_note(&f->ledger, 41 - number);
    }
    commit(f);
    ch_state_reader *reader = look(f);
    for (uint64_t number = 1; number <= 40; number++) {
        assert_status(ch_state_reader_case(reader, number, the_case), CH_OK);
        assert_int_equal(the_case->version, 2);
    }
    ch_state_reader_close(reader);
    ch_case_free(the_case);
}

static void a_full_map_is_told_and_rolled_back_and_a_larger_one_goes_on(void **state)
{
    fixture *f = *state;
    const ch_state_options tiny = {.map_bytes = (size_t)256 * 1024, .hot_cases = 16};
    uint8_t expected[CH_HASH_SIZE], found[CH_HASH_SIZE];
    write_some(&f->ledger, 200);
    assert_ok(ch_state_hash(f->state, expected, &f->error), &f->error);
    assert_ok(ch_state_open(&f->other, f->other_dir, &tiny, NULL, &f->error), &f->error);
    assert_status(ch_state_catch_up(f->other, f->log, &f->error), CH_STORAGE_FULL);
    assert_int_equal(ch_state_position(f->other), ch_state_committed(f->other));
    ch_state_reader *reader;
    assert_ok(ch_state_reader_open(&reader, f->other, &f->error), &f->error);
    ch_state_reader_close(reader);
    ch_state_close(f->other);
    f->other = NULL;
    assert_ok(ch_state_open(&f->other, f->other_dir, &usual, NULL, &f->error), &f->error);
    assert_ok(ch_state_catch_up(f->other, f->log, &f->error), &f->error);
    assert_ok(ch_state_hash(f->other, found, &f->error), &f->error);
    assert_memory_equal(expected, found, CH_HASH_SIZE);
}

static void a_turned_bit_of_a_case_is_noticed(void **state)
{
    fixture *f = *state;
    char data[FOLDER_PATH_SIZE * 3];
    ch_case *the_case;
    assert_status(ch_case_new(&the_case), CH_OK);
    ledger_open(&f->ledger, "hotline/1", NULL);
    commit(f);
    ch_state_close(f->state);
    f->state = NULL;
    snprintf(data, sizeof data, "%s/data.mdb", f->state_dir);
    long at = -1;
    while ((at = file_find(data, "ZJ-20261123-1", 13, at + 1)) >= 0) {
        file_flip(data, at + 3, 1);
        at += 13;
    }
    assert_ok(ch_state_open(&f->state, f->state_dir, &usual, f->slots, &f->error), &f->error);
    ch_state_reader *reader = look(f);
    assert_status(ch_state_reader_case(reader, 1, the_case), CH_CORRUPT);
    ch_state_reader_close(reader);
    ch_case_free(the_case);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(refuses_a_record_out_of_turn),
        TEST(an_id_enters_the_state_once),
        TEST(after_a_failed_fold_only_a_rollback_helps),
        TEST(a_case_number_is_given_once),
        TEST(readers_see_only_what_was_committed),
        TEST(rollback_forgets_everything_since_the_commit),
        TEST(any_rhythm_of_commits_and_any_cache_gives_the_same_hash),
        TEST(the_state_survives_a_reopen_and_folds_the_tail),
        TEST(a_state_ahead_of_its_log_or_of_another_log_is_refused),
        TEST(finds_ids_refs_and_events_of_a_case),
        TEST(an_inbox_holds_the_open_handoffs_of_a_party),
        TEST(a_clock_is_among_the_deadlines_as_long_as_it_waits_for_something),
        TEST(cases_are_walked_newest_first),
        TEST(dead_letters_are_numbered_and_moved),
        TEST(checkpoints_connectors_and_grants_keep_the_last_word),
        TEST(a_block_tells_what_its_topics_contain_when_all_of_it_is_committed),
        TEST(topics_that_were_rolled_back_are_in_no_block),
        TEST(a_block_that_is_filled_in_two_runs_is_whole),
        TEST(a_new_epoch_raises_the_numbers_that_come_next_and_never_lowers_them),
        TEST(the_view_digests_under_the_key_of_the_case),
        TEST(the_view_shows_the_open_transaction),
        TEST(changed_cases_are_bounded_and_nothing_is_lost),
        TEST(a_full_map_is_told_and_rolled_back_and_a_larger_one_goes_on),
        TEST(a_turned_bit_of_a_case_is_noticed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
