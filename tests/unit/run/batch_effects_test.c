/* What one log commit holds: what the reserve is for, dead letters and their keys, and what others must hear. */
#include "tests/unit/run/batch_town.h"

#include <inttypes.h>
#include <stdio.h>

/* ---- the reserve */

#define ABOVE_ALL ((uint64_t)1 << 62)

/* Beyond what is free, but less than four times that: the last quarter is there yet. */
static uint64_t nearly_full(fixture *f)
{
    ch_log_usage usage;
    assert_status(ch_event_log_usage(f->of.store->log, &usage), CH_OK);
    uint64_t free_bytes = usage.map_bytes - usage.used_bytes;
    return 2 * (free_bytes < usage.disk_free_bytes ? free_bytes : usage.disk_free_bytes);
}

/* For the town's next case; of the handoff that the rules make. */
static const char *open_and_accept(fixture *f)
{
    static char event[256];
    assert_ok(town_publish(&f->of, &f->hotline, RIVER), &f->of.error);
    snprintf(event, sizeof event,
             "{\"type\":\"handoff.accepted\",\"source\":\"rescue\",\"subject\":\"%s\",\"data\":{"
             "\"handoff\":\"%s/h1\"}}",
             f->of.case_id, f->of.case_id);
    return event;
}

static void below_the_reserve_only_what_must_go_on_is_stored(void **state)
{
    fixture *f = *state;
    const char *accept = open_and_accept(f);
    assert_status(town_feed(&f->of, &f->hotline, "", "1", LOST), CH_NOT_FOUND);
    f->of.store->reserve_bytes = nearly_full(f);
    uint64_t last = log_last(f);
    assert_status(town_publish(&f->of, &f->hotline, NOTE_OF("n1", "a")), CH_STORAGE_FULL);
    assert_status(town_feed(&f->of, &f->hotline, "1", "2", NOTE_OF("n1", "a")), CH_STORAGE_FULL);
    assert_int_equal(log_last(f), last);
    assert_string_equal(checkpoint(f, "hotline-in"), "1");
    assert_ok(town_publish(&f->of, &f->rescue, accept), &f->of.error);
    assert_ok(town_publish(&f->of, &town_operator,
                           "{\"type\":\"hub.deadletter\",\"source\":\"desk\",\"data\":{\"action\":\"drop\","
                           "\"number\":1}}"),
              &f->of.error);
    f->of.store->reserve_bytes = 0;
    assert_ok(town_feed(&f->of, &f->hotline, "1", "2", NOTE_OF("n1", "a")), &f->of.error);
}

static void without_any_room_nothing_is_stored(void **state)
{
    fixture *f = *state;
    const char *accept = open_and_accept(f);
    f->of.store->reserve_bytes = ABOVE_ALL;
    assert_status(town_publish(&f->of, &f->rescue, accept), CH_STORAGE_FULL);
}

static void what_the_hub_itself_has_to_say_again_and_again_takes_no_more_memory(void **state)
{
    fixture *f = *state;
    ch_work *work;
    const ch_event event = {.id = CH_STR("dead-letter/1"),
                            .source = CH_STR("hub/ZJ"),
                            .type = CH_STR("hub.subscription"),
                            .time_ms = TOWN_START_MS,
                            .expected_version = -1};
    f->of.store->reserve_bytes = ABOVE_ALL;
    assert_ok(ch_work_of_hub(&work, &event, &f->of.error), &f->of.error);
    size_t first = 0;
    for (unsigned attempt = 0; attempt < 3; attempt++) {
        town_begin(&f->of);
        assert_ok(ch_batch_take(f->of.batch, work, &f->of.error), &f->of.error);
        town_commit(&f->of);
        work = ch_batch_next(f->of.batch);
        assert_status(work->answers[0].status, CH_STORAGE_FULL);
        first = attempt == 0 ? work->arena.total : first;
        assert_int_equal(work->arena.total, first);
    }
    ch_mail_free(&work->mail);
}

static void what_stands_behind_one_refused_for_now_waits_too(void **state)
{
    fixture *f = *state;
    const char *accept = open_and_accept(f);
    const char *const events[] = {accept, "{\"type\":\"case.noted\",\"source\":\"rescue\",\"ref\":\"R1\"}",
                                  accept};
    f->of.store->reserve_bytes = nearly_full(f);
    town_begin(&f->of);
    assert_ok(ch_batch_take(f->of.batch, town_work(&f->of, &f->rescue, events, 3), &f->of.error),
              &f->of.error);
    town_commit(&f->of);
    ch_work *work = ch_batch_next(f->of.batch);
    assert_status(work->answers[0].status, CH_OK);
    assert_status(work->answers[1].status, CH_STORAGE_FULL);
    assert_status(work->answers[2].status, CH_BUSY);
    ch_mail_free(&work->mail);
}

/* ---- dead letters */

static ch_status letter_key(fixture *f, uint64_t number)
{
    uint8_t key[CH_KEY_SIZE];
    return ch_slots_key(f->of.store->dead_letter_slots, number, key);
}

static ch_status act(fixture *f, const char *action, int number)
{
    char event[256];
    snprintf(event, sizeof event,
             "{\"type\":\"hub.deadletter\",\"source\":\"desk\",\"data\":{\"action\":\"%s\",\"number\":%d}}",
             action, number);
    return town_publish(&f->of, &town_operator, event);
}

static const char *letter_status(fixture *f, uint64_t number)
{
    static ch_dead_letter letter;
    assert_status(ch_state_dead_letter(f->of.store->state, number, &letter), CH_OK);
    return letter.status;
}

static void a_letter_that_is_not_there_cannot_be_dropped_or_tried_again(void **state)
{
    fixture *f = *state;
    static const char *const actions[] = {"drop", "retry"};
    assert_status(town_feed(&f->of, &f->hotline, "", "1", LOST), CH_NOT_FOUND);
    for (size_t i = 0; i < 2; i++) {
        assert_status(act(f, actions[i], 2), CH_NOT_FOUND);
        assert_status(act(f, actions[i], 0), CH_NOT_FOUND);
        assert_status(act(f, actions[i], -1), CH_NOT_FOUND);
    }
    assert_string_equal(letter_status(f, 1), "open");
}

static void dropping_destroys_the_key_once(void **state)
{
    fixture *f = *state;
    assert_status(town_feed(&f->of, &f->hotline, "", "1", LOST), CH_NOT_FOUND);
    assert_status(town_feed(&f->of, &f->hotline, "1", "2", LOST), CH_NOT_FOUND);
    assert_status(letter_key(f, 1), CH_OK);
    assert_ok(act(f, "drop", 1), &f->of.error);
    assert_string_equal(letter_status(f, 1), "dropped");
    assert_status(letter_key(f, 1), CH_ERASED);
    assert_status(letter_key(f, 2), CH_OK);
    assert_status(act(f, "drop", 1), CH_CONFLICT);
    assert_status(act(f, "retry", 1), CH_CONFLICT);
}

static ch_status retry_with(fixture *f, const ch_grant *grant, const char *from, int64_t number)
{
    static const char *const events[] = {NOTE_OF("mended", "a")};
    ch_work *work = town_feed_work(&f->of, grant, from, "9", events, 1);
    work->publish.dead_letter = number;
    return town_write(&f->of, work);
}

static void only_its_own_connector_ends_a_letter_with_what_was_mended(void **state)
{
    fixture *f = *state;
    assert_status(town_feed(&f->of, &f->hotline, "", "1", LOST), CH_NOT_FOUND);
    uint64_t last = log_last(f);
    assert_status(retry_with(f, &f->forum, "", 1), CH_NOT_FOUND);
    assert_status(retry_with(f, &f->hotline, "1", 2), CH_NOT_FOUND);
    assert_int_equal(log_last(f), last);
    assert_status(letter_key(f, 1), CH_OK);
    assert_ok(act(f, "retry", 1), &f->of.error);
    assert_string_equal(letter_status(f, 1), "retrying");
    assert_status(letter_key(f, 1), CH_OK);
    assert_ok(retry_with(f, &f->hotline, "1", 1), &f->of.error);
    assert_string_equal(letter_status(f, 1), "retried");
    assert_status(letter_key(f, 1), CH_ERASED);
    assert_status(retry_with(f, &f->hotline, "9", 1), CH_CONFLICT);
}

/* ---- what others must hear */

/* As the reader says it. */
static ch_work *work_of_hub(fixture *f, const char *id, const ch_buf *data)
{
    ch_work *work;
    const ch_event event = {.id = ch_str_of(id),
                            .source = CH_STR("hub/ZJ"),
                            .type = CH_STR("hub.deadletter"),
                            .time_ms = f->of.clock.now_ms,
                            .data = ch_buf_str(data),
                            .expected_version = -1};
    assert_ok(ch_work_of_hub(&work, &event, &f->of.error), &f->of.error);
    return work;
}

static ch_work *letter_of_a_delivery(fixture *f)
{
    static const char *const pairs[][2] = {{"action", "made"},      {"connector", "desk-inbox"},
                                           {"stage", "deliver"},    {"code", "timeout"},
                                           {"reason", "no answer"}, {"place", "sequence 1"}};
    ch_buf data;
    ch_buf_init(&data, 1024);
    ch_mp_put_map(&data, 6);
    for (size_t i = 0; i < 6; i++) {
        ch_mp_put_text(&data, pairs[i][0]);
        ch_mp_put_text(&data, pairs[i][1]);
    }
    ch_work *work = work_of_hub(f, "delivery/1", &data);
    ch_buf_done(&data);
    return work;
}

static ch_work *end_of_letter(fixture *f, unsigned number)
{
    ch_buf data;
    ch_buf_init(&data, 1024);
    ch_mp_put_map(&data, 2);
    ch_mp_put_text(&data, "action");
    ch_mp_put_text(&data, "retried");
    ch_mp_put_text(&data, "number");
    ch_mp_put_uint(&data, number);
    ch_work *work = work_of_hub(f, "dead-letter/1/retried", &data);
    ch_buf_done(&data);
    return work;
}

static void
a_delivery_that_is_tried_again_is_told_once_and_ends_its_letter_when_the_reader_says_so(void **state)
{
    fixture *f = *state;
    ch_dead_letter letter;
    assert_ok(town_publish(&f->of, &f->hotline, RIVER), &f->of.error);
    assert_ok(town_write(&f->of, letter_of_a_delivery(f)), &f->of.error);
    assert_false(ch_batch_next_redelivery(f->of.batch, &letter));
    assert_ok(act(f, "retry", 1), &f->of.error);
    assert_true(ch_batch_next_redelivery(f->of.batch, &letter));
    assert_int_equal(letter.number, 1);
    assert_string_equal(letter.connector, "desk-inbox");
    assert_string_equal(letter.place, "sequence 1");
    assert_false(ch_batch_next_redelivery(f->of.batch, &letter));
    assert_string_equal(letter_status(f, 1), "retrying");
    assert_ok(act(f, "retry", 1), &f->of.error); /* once more, if it takes too long */
    assert_true(ch_batch_next_redelivery(f->of.batch, &letter));
    assert_ok(town_write(&f->of, end_of_letter(f, 1)), &f->of.error);
    assert_string_equal(letter_status(f, 1), "retried");
    assert_status(act(f, "retry", 1), CH_CONFLICT);
}

static void letters_are_counted_whoever_makes_them(void **state)
{
    fixture *f = *state;
    static const char *const at_connector = "{\"type\":\"hub.deadletter\",\"source\":\"hotline/"
                                            "1\",\"data\":{\"action\":\"made\",\"stage\":\"parse\"}}";
    assert_status(town_feed(&f->of, &f->hotline, "", "1", LOST), CH_NOT_FOUND);
    assert_int_equal(ch_metric_get(&f->of.metrics->dead_letters), 1);
    assert_ok(town_write(&f->of, letter_of_a_delivery(f)), &f->of.error);
    assert_int_equal(ch_metric_get(&f->of.metrics->dead_letters), 2);
    assert_ok(town_feed(&f->of, &f->hotline, "1", "2", at_connector), &f->of.error);
    assert_int_equal(ch_metric_get(&f->of.metrics->dead_letters), 3);
    assert_ok(act(f, "retry", 3), &f->of.error);
    assert_ok(act(f, "drop", 3), &f->of.error);
    assert_int_equal(ch_metric_get(&f->of.metrics->dead_letters), 3);
}

static void a_letter_that_was_not_stored_is_not_counted(void **state)
{
    fixture *f = *state;
    static const char *const made[] = {"{\"type\":\"hub.deadletter\",\"source\":\"hotline/1\",\"data\":{"
                                       "\"action\":\"made\",\"stage\":\"parse\"}}"};
    town_begin(&f->of);
    assert_ok(ch_batch_take(f->of.batch, town_work(&f->of, &f->hotline, made, 1), &f->of.error),
              &f->of.error);
    ch_batch_refuse(f->of.batch, CH_BUSY, "the disk is away");
    ch_state_rollback(f->of.store->state);
    ch_work *work = ch_batch_next(f->of.batch);
    ch_mail_free(&work->mail);
    assert_int_equal(ch_metric_get(&f->of.metrics->dead_letters), 0);
    assert_ok(town_publish(&f->of, &f->hotline, made[0]), &f->of.error);
    assert_int_equal(ch_metric_get(&f->of.metrics->dead_letters), 1);
}

static void what_is_retried_keeps_no_key(void **state)
{
    fixture *f = *state;
    assert_status(town_feed(&f->of, &f->hotline, "", "1", LOST), CH_NOT_FOUND);
    assert_status(letter_key(f, 1), CH_OK);
    assert_ok(town_write(&f->of, end_of_letter(f, 1)), &f->of.error);
    assert_status(letter_key(f, 1), CH_ERASED);
}

static void grants_are_told_once_in_their_order(void **state)
{
    fixture *f = *state;
    static const char *const revoked[] = {"false", "true", "false"};
    char events[3][512];
    const char *given[3];
    for (size_t i = 0; i < 3; i++) {
        snprintf(events[i], sizeof events[i],
                 "{\"type\":\"hub.grant\",\"source\":\"desk\",\"data\":{\"key\":"
                 "\"0123456789012345678901234567890123456789\",\"name\":\"n%zu\",\"role\":\"auditor\","
                 "\"revoked\":%s}}",
                 i, revoked[i]);
        given[i] = events[i];
    }
    town_begin(&f->of);
    assert_ok(ch_batch_take(f->of.batch, town_work(&f->of, &town_operator, given, 3), &f->of.error),
              &f->of.error);
    town_commit(&f->of);
    ch_grant grant;
    for (unsigned i = 0; i < 3; i++) {
        char name[8];
        snprintf(name, sizeof name, "n%u", i);
        assert_true(ch_batch_next_grant(f->of.batch, &grant));
        assert_string_equal(grant.name, name);
        assert_int_equal(grant.revoked, i == 1);
    }
    assert_false(ch_batch_next_grant(f->of.batch, &grant));
    ch_work *work = ch_batch_next(f->of.batch);
    ch_mail_free(&work->mail);
}

static void nobody_hears_of_what_was_not_stored(void **state)
{
    fixture *f = *state;
    ch_grant grant;
    static const char *const events[] = {
        "{\"type\":\"hub.grant\",\"source\":\"desk\",\"data\":{\"key\":"
        "\"0123456789012345678901234567890123456789\",\"name\":\"n\",\"role\":\"auditor\"}}"};
    town_begin(&f->of);
    assert_ok(ch_batch_take(f->of.batch, town_work(&f->of, &town_operator, events, 1), &f->of.error),
              &f->of.error);
    ch_batch_refuse(f->of.batch, CH_BUSY, "the disk is away");
    ch_state_rollback(f->of.store->state);
    assert_false(ch_batch_next_grant(f->of.batch, &grant));
    ch_work *work = ch_batch_next(f->of.batch);
    ch_mail_free(&work->mail);
}

static void the_earliest_due_time_of_the_batch_is_known(void **state)
{
    fixture *f = *state;
    size_t clocks = f->of.rules->clock_count;
    f->of.rules->clock_count = 0;
    assert_ok(town_publish(&f->of, &f->hotline, NOTE_OF("n1", "a")), &f->of.error);
    assert_int_equal(ch_batch_earliest_due(f->of.batch), INT64_MAX);
    assert_ok(town_publish(&f->of, &f->hotline, RIVER), &f->of.error);
    assert_int_equal(ch_batch_earliest_due(f->of.batch), f->of.clock.now_ms + 5 * 60000);
    /* A clock warns before that. */
    ch_clock_rule *rule = &f->of.rules->clocks[0];
    memset(rule->system, 0, sizeof rule->system);
    rule->amount = 4 * 60000;
    rule->warn_before_ms = 60000;
    f->of.rules->clock_count = clocks;
    assert_ok(
        town_publish(&f->of, &f->hotline,
                     "{\"type\":\"case.opened\",\"source\":\"hotline/1\",\"data\":{\"category\":\"fire\"}}"),
        &f->of.error);
    assert_int_equal(ch_batch_earliest_due(f->of.batch), f->of.clock.now_ms + 3 * 60000);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up_batch, tear_down_batch)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(below_the_reserve_only_what_must_go_on_is_stored),
        TEST(without_any_room_nothing_is_stored),
        TEST(what_the_hub_itself_has_to_say_again_and_again_takes_no_more_memory),
        TEST(what_stands_behind_one_refused_for_now_waits_too),
        TEST(a_letter_that_is_not_there_cannot_be_dropped_or_tried_again),
        TEST(dropping_destroys_the_key_once),
        TEST(only_its_own_connector_ends_a_letter_with_what_was_mended),
        TEST(a_delivery_that_is_tried_again_is_told_once_and_ends_its_letter_when_the_reader_says_so),
        TEST(letters_are_counted_whoever_makes_them),
        TEST(a_letter_that_was_not_stored_is_not_counted),
        TEST(what_is_retried_keeps_no_key),
        TEST(grants_are_told_once_in_their_order),
        TEST(nobody_hears_of_what_was_not_stored),
        TEST(the_earliest_due_time_of_the_batch_is_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
