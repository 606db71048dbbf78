/* What one log commit holds: repeats wherever the first one is, and checkpoints, all or nothing. */
#include "tests/unit/run/batch_town.h"

#include <inttypes.h>
#include <stdio.h>

/* A work of one event in the batch that is open. */
static void take(fixture *f, ch_batch *batch, const ch_grant *grant, const char *event)
{
    assert_ok(ch_batch_take(batch, town_work(&f->of, grant, &event, 1), &f->of.error), &f->of.error);
}

/* The batch's next answer; the work is kept until the next call. */
static const ch_chp_answer *answer(ch_batch *batch)
{
    static ch_chp_answer of;
    static char texts[3][320];
    ch_work *work = ch_batch_next(batch);
    assert_non_null(work);
    assert_null(work->failure);
    of = work->answers[0];
    ch_str *const slices[] = {&of.text, &of.where, &of.case_id};
    for (size_t i = 0; i < 3; i++) {
        assert_status(ch_str_copy(texts[i], sizeof texts[i], *slices[i]), CH_OK);
        *slices[i] = ch_str_of(texts[i]);
    }
    ch_mail_free(&work->mail);
    return &of;
}

/* ---- repeats */

static void a_repeat_gets_the_first_answer_again_wherever_the_first_one_is(void **state)
{
    fixture *f = *state;
    town_begin(&f->of);
    take(f, f->of.batch, &f->hotline, NOTE_OF("n1", "first"));
    take(f, f->of.batch, &f->hotline, NOTE_OF("n1", "first")); /* in the same batch */
    ch_log_head head = ch_batch_end(f->of.batch);
    assert_ok(ch_batch_begin(f->second, f->of.rules, &head, f->of.batch, f->of.clock.now_ms, &f->of.error),
              &f->of.error);
    take(f, f->second, &f->hotline, NOTE_OF("n1", "first")); /* in the one that is under way */
    town_commit_log(&f->of);
    head = ch_batch_end(f->second);
    assert_ok(ch_batch_commit(f->second, &f->of.error), &f->of.error);
    ch_state_set_chain(f->of.store->state, ch_event_log_chain(f->of.store->log));
    assert_int_equal(log_last(f), head.last);
    const ch_chp_answer first = *answer(f->of.batch);
    char case_id[CH_CASE_ID_SIZE];
    assert_status(ch_str_copy(case_id, sizeof case_id, first.case_id), CH_OK);
    assert_status(first.status, CH_OK);
    assert_false(first.duplicate);
    assert_true(first.sequence > 0 && case_id[0] != '\0');

    const ch_chp_answer *repeats[3];
    for (size_t i = 0; i < 3; i++) {
        if (i == 2) {
            town_begin(&f->of); /* in the log */
            take(f, f->of.batch, &f->hotline, NOTE_OF("n1", "first"));
            town_commit(&f->of);
        }
        repeats[i] = answer(i == 1 ? f->second : f->of.batch);
        assert_status(repeats[i]->status, CH_OK);
        assert_true(repeats[i]->duplicate);
        assert_int_equal(repeats[i]->sequence, first.sequence);
        assert_int_equal(repeats[i]->case_version, first.case_version);
        assert_true(ch_str_is(repeats[i]->case_id, case_id));
    }
    assert_int_equal(log_last(f), head.last);
}

static void the_same_id_with_other_content_is_a_conflict_wherever_the_first_one_is(void **state)
{
    fixture *f = *state;
    town_begin(&f->of);
    take(f, f->of.batch, &f->hotline, NOTE_OF("n1", "first"));
    take(f, f->of.batch, &f->hotline, NOTE_OF("n1", "other"));
    ch_log_head head = ch_batch_end(f->of.batch);
    assert_ok(ch_batch_begin(f->second, f->of.rules, &head, f->of.batch, f->of.clock.now_ms, &f->of.error),
              &f->of.error);
    take(f, f->second, &f->hotline, NOTE_OF("n1", "other"));
    town_commit_log(&f->of);
    (void)ch_batch_end(f->second);
    assert_ok(ch_batch_commit(f->second, &f->of.error), &f->of.error);
    assert_status(answer(f->of.batch)->status, CH_OK);
    for (size_t i = 0; i < 3; i++) {
        if (i == 2) {
            town_begin(&f->of);
            take(f, f->of.batch, &f->hotline, NOTE_OF("n1", "other"));
            town_commit(&f->of);
        }
        const ch_chp_answer *conflict = answer(i == 1 ? f->second : f->of.batch);
        assert_status(conflict->status, CH_CONFLICT);
        assert_true(ch_str_is(conflict->where, "id"));
        assert_false(conflict->duplicate);
    }
    assert_int_equal(log_last(f), head.last);
}

static void the_same_id_of_another_source_is_another_event(void **state)
{
    fixture *f = *state;
    assert_ok(town_publish(&f->of, &f->hotline, NOTE_OF("n1", "first")), &f->of.error);
    uint64_t last = log_last(f);
    assert_ok(town_publish(&f->of, &f->forum,
                           "{\"id\":\"n1\",\"type\":\"case.noted\",\"source\":\"forum\",\"ref\":\"A1\"}"),
              &f->of.error);
    assert_true(log_last(f) > last);
}

static void a_refused_event_leaves_no_trace_and_its_id_may_be_used_again(void **state)
{
    fixture *f = *state;
    assert_status(town_publish(&f->of, &f->rescue,
                               "{\"id\":\"r1\",\"type\":\"case.noted\",\"source\":\"rescue\",\"subject\":"
                               "\"ZJ-20261123-1\"}"),
                  CH_NOT_FOUND);
    assert_int_equal(log_last(f), 0);
    assert_ok(town_publish(&f->of, &f->hotline, RIVER), &f->of.error);
    char event[256];
    snprintf(event, sizeof event,
             "{\"id\":\"r1\",\"type\":\"case.noted\",\"source\":\"rescue\",\"subject\":\"%s\"}",
             f->of.case_id);
    uint64_t last = log_last(f);
    assert_ok(town_publish(&f->of, &f->rescue, event), &f->of.error);
    assert_int_equal(log_last(f), last + 1);
}

/* ---- checkpoints */

static void a_checkpoint_that_another_process_has_moved_stops_the_whole_batch(void **state)
{
    fixture *f = *state;
    assert_ok(town_feed(&f->of, &f->hotline, "", "1", NOTE_OF("n1", "a")), &f->of.error);
    uint64_t last = log_last(f);
    static const char *const wrong[] = {"", "0", "2"};
    for (size_t i = 0; i < 3; i++) {
        assert_status(town_feed(&f->of, &f->hotline, wrong[i], "2", NOTE_OF("n2", "b")), CH_CONFLICT);
        assert_int_equal(log_last(f), last);
        assert_string_equal(checkpoint(f, "hotline-in"), "1");
    }
    assert_ok(town_feed(&f->of, &f->hotline, "1", "2", NOTE_OF("n2", "b")), &f->of.error);
    assert_string_equal(checkpoint(f, "hotline-in"), "2");
    assert_string_equal(checkpoint(f, "forum-in"), "");
}

static void of_two_that_move_it_in_one_batch_the_first_wins(void **state)
{
    fixture *f = *state;
    static const char *const events[] = {NOTE_OF("n1", "a"), NOTE_OF("n2", "b")};
    town_begin(&f->of);
    for (size_t i = 0; i < 2; i++) {
        assert_ok(ch_batch_take(f->of.batch, town_feed_work(&f->of, &f->hotline, "", "1", &events[i], 1),
                                &f->of.error),
                  &f->of.error);
    }
    town_commit(&f->of);
    ch_work *first = ch_batch_next(f->of.batch), *second = ch_batch_next(f->of.batch);
    assert_null(first->failure);
    assert_status(second->failure->status, CH_CONFLICT);
    assert_string_equal(second->failure->where, "PUBLISH.checkpoint.from");
    ch_mail_free(&first->mail);
    ch_mail_free(&second->mail);
    assert_string_equal(checkpoint(f, "hotline-in"), "1");
}

static void what_is_refused_beside_a_checkpoint_becomes_a_dead_letter_and_the_rest_goes_on(void **state)
{
    fixture *f = *state;
    ch_error refusal = {.status = CH_INVALID, .where = "data.x", .text = "is no x"};
    static const char *const events[] = {NOTE_OF("n1", "a"), LOST, NOTE_OF("n2", "b"), NOTE_OF("n3", "c")};
    ch_work *work = town_feed_work(&f->of, &f->hotline, "", "4", events, 4);
    work->items[2].refusal = &refusal; /* as intake refuses */
    town_begin(&f->of);
    assert_ok(ch_batch_take(f->of.batch, work, &f->of.error), &f->of.error);
    town_commit(&f->of);
    work = ch_batch_next(f->of.batch);
    static const ch_status expected[] = {CH_OK, CH_NOT_FOUND, CH_INVALID, CH_OK};
    static const uint64_t letters[] = {0, 1, 2, 0};
    for (size_t i = 0; i < 4; i++) {
        assert_status(work->answers[i].status, expected[i]);
        assert_int_equal(work->answers[i].dead_letter, letters[i]);
    }
    ch_mail_free(&work->mail);
    assert_string_equal(checkpoint(f, "hotline-in"), "4");
    ch_dead_letter letter;
    assert_status(ch_state_dead_letter(f->of.store->state, 2, &letter), CH_OK);
    assert_string_equal(letter.status, "open");
    assert_string_equal(letter.connector, "hotline-in");
    assert_string_equal(letter.stage, "publish");
    assert_string_equal(letter.code, "invalid");
    assert_string_equal(letter.place, "data.x");
    assert_string_equal(letter.reason, "is no x");
}

#define ACT_ON_LETTER(action)                                                                                \
    "{\"type\":\"hub.deadletter\",\"source\":\"desk/1\",\"data\":{\"action\":\"" action "\",\"number\":1}}"

/* What is left of it is not what came, though it may look whole. */
static void a_dead_letter_of_a_huge_event_is_cut_and_says_so(void **state)
{
    fixture *f = *state;
    enum { HUGE = 3 << 20 };
    static char bytes[HUGE];
    static const char *const events[] = {LOST};
    char reason[320];
    ch_error refusal = {.status = CH_TOO_LARGE, .where = "body"};
    memset(refusal.text, 'x', sizeof refusal.text - 1);
    memset(bytes, 'x', sizeof bytes);
    ch_work *work = town_feed_work(&f->of, &f->hotline, "", "1", events, 1);
    work->items[0] = (ch_work_item){.encoded = {bytes, sizeof bytes}, .refusal = &refusal};
    assert_status(town_write(&f->of, work), CH_TOO_LARGE);
    ch_dead_letter letter;
    assert_status(ch_state_dead_letter(f->of.store->state, 1, &letter), CH_OK);
    snprintf(reason, sizeof reason, "(raw cut) %.309s", refusal.text);
    assert_string_equal(letter.reason, reason);

    const ch_grant auditor = town_grant(CH_ROLE_AUDITOR, "auditor", CH_PRIVATE_ALL, "", "", "");
    assert_ok(town_ask(&f->of, &auditor, "deadletter", "{\"deadletter\":1}"), &f->of.error);
    const char *raw =
        json_string_value(json_object_get(json_object_get(town_row(&f->of, 0), "raw"), "$base64"));
    assert_non_null(raw);
    assert_int_equal(strlen(raw), (size_t)192 * 1024 / 3 * 4);

    assert_status(town_publish(&f->of, &town_operator, ACT_ON_LETTER("retry")), CH_REFUSED);
    assert_status(town_publish(&f->of, &town_operator, ACT_ON_LETTER("drop")), CH_OK);
}

static void a_batch_that_is_not_stored_has_not_happened(void **state)
{
    fixture *f = *state;
    static const char *const events[] = {NOTE_OF("n1", "a"), LOST};
    assert_ok(town_publish(&f->of, &f->hotline, RIVER), &f->of.error);
    uint64_t last = log_last(f);
    town_begin(&f->of);
    assert_ok(
        ch_batch_take(f->of.batch, town_feed_work(&f->of, &f->hotline, "", "2", events, 2), &f->of.error),
        &f->of.error);
    ch_batch_refuse(f->of.batch, CH_BUSY, "the disk is away");
    ch_state_rollback(f->of.store->state);
    ch_work *work = ch_batch_next(f->of.batch);
    ch_chp_message message;
    assert_ok(ch_chp_decode(ch_buf_str(&work->answer), &message, &f->of.error), &f->of.error);
    assert_int_equal(message.verb, CH_CHP_ERROR);
    assert_true(ch_str_is(message.error.code, "busy"));
    ch_mail_free(&work->mail);
    assert_int_equal(log_last(f), last);
    assert_string_equal(checkpoint(f, "hotline-in"), "");
    assert_int_equal(ch_state_next_dead_letter(f->of.store->state), 1);

    town_begin(&f->of);
    assert_ok(
        ch_batch_take(f->of.batch, town_feed_work(&f->of, &f->hotline, "", "2", events, 2), &f->of.error),
        &f->of.error);
    town_commit(&f->of);
    assert_false(answer(f->of.batch)->duplicate);
    assert_string_equal(checkpoint(f, "hotline-in"), "2");
}

static void a_checkpoint_moves_without_events_too(void **state)
{
    fixture *f = *state;
    town_begin(&f->of);
    assert_ok(ch_batch_take(f->of.batch, town_feed_work(&f->of, &f->hotline, "", "7", NULL, 0), &f->of.error),
              &f->of.error);
    town_commit(&f->of);
    ch_work *work = ch_batch_next(f->of.batch);
    assert_null(work->failure);
    ch_mail_free(&work->mail);
    assert_string_equal(checkpoint(f, "hotline-in"), "7");
    assert_int_equal(log_last(f), 1);
}

/* ---- the head of the log */

static void recorded_time_never_goes_back(void **state)
{
    fixture *f = *state;
    assert_ok(town_publish(&f->of, &f->hotline, NOTE_OF("n1", "a")), &f->of.error);
    int64_t recorded = ch_event_log_last_recorded_ms(f->of.store->log);
    f->of.clock.now_ms -= 3600000;
    assert_ok(town_publish(&f->of, &f->hotline, NOTE_OF("n2", "b")), &f->of.error);
    assert_int_equal(ch_event_log_last_recorded_ms(f->of.store->log), recorded);
}

static void a_state_that_is_not_at_the_head_decides_nothing(void **state)
{
    fixture *f = *state;
    ch_log_head head = ch_log_head_of(f->of.store->log);
    head.last++;
    assert_status(ch_batch_begin(f->of.batch, f->of.rules, &head, NULL, f->of.clock.now_ms, &f->of.error),
                  CH_CORRUPT);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up_batch, tear_down_batch)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_repeat_gets_the_first_answer_again_wherever_the_first_one_is),
        TEST(the_same_id_with_other_content_is_a_conflict_wherever_the_first_one_is),
        TEST(the_same_id_of_another_source_is_another_event),
        TEST(a_refused_event_leaves_no_trace_and_its_id_may_be_used_again),
        TEST(a_checkpoint_that_another_process_has_moved_stops_the_whole_batch),
        TEST(of_two_that_move_it_in_one_batch_the_first_wins),
        TEST(what_is_refused_beside_a_checkpoint_becomes_a_dead_letter_and_the_rest_goes_on),
        TEST(a_dead_letter_of_a_huge_event_is_cut_and_says_so),
        TEST(a_batch_that_is_not_stored_has_not_happened),
        TEST(a_checkpoint_moves_without_events_too),
        TEST(recorded_time_never_goes_back),
        TEST(a_state_that_is_not_at_the_head_decides_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
