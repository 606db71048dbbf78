/* PUBLISHED and bodies: what is written a batch at a time. */
#include "tests/unit/wire/check.h"

#include "hub/wire/chp.h"

static ch_chp_message decoded(ch_str frame)
{
    ch_error error;
    ch_chp_message message;
    assert_ok(ch_chp_decode(frame, &message, &error), &error);
    return message;
}

static void full_batch_of_the_longest_refusals_fits_into_a_header_frame(void **state)
{
    (void)state;
    char text[4000];
    memset(text, 'x', sizeof text);
    ch_chp_answer answer = {.status = CH_STORAGE_FULL,
                            .case_version = UINT32_MAX,
                            .text = {text, sizeof text},
                            .where = {text, sizeof text},
                            .present_state = CH_STR("in_progress"),
                            .dead_letter = (uint64_t)CH_CHP_NUMBER_MAX};
    ch_buf frame;
    ch_buf_init(&frame, CH_CHP_HEADER_MAX);
    size_t begun_at = ch_chp_published_begin(&frame, (uint64_t)CH_CHP_NUMBER_MAX);
    for (unsigned i = 0; i < CH_CHP_BATCH_MAX; i++) {
        ch_chp_published_append(&frame, &answer);
    }
    ch_chp_published_end(&frame, begun_at, CH_CHP_BATCH_MAX);
    assert_status(frame.failed, CH_OK);

    ch_chp_message message = decoded(ch_buf_str(&frame));
    ch_mp_reader reader = ch_mp_reader_of(message.results);
    for (unsigned i = 0; i < CH_CHP_BATCH_MAX; i++) {
        ch_chp_answer read;
        assert_true(ch_chp_answer_next(&reader, &read));
        assert_status(read.status, CH_STORAGE_FULL);
        assert_str(read.present_state, "in_progress");
        assert_true(read.text.size >= 40 && read.where.size >= 20);
    }
    ch_buf_done(&frame);
}

static void texts_are_cut_between_characters(void **state)
{
    (void)state;
    char text[3 * 400];
    for (size_t i = 0; i < sizeof text; i += 3) {
        memcpy(text + i, "电", 3);
    }
    for (size_t shift = 0; shift < 3; shift++) {
        ch_buf frame;
        ch_chp_answer answer = {.status = CH_INVALID, .text = {text + 3, sizeof text - 3}}, read;
        memset(text, 'x', 3);
        answer.text.at = text + 3 - shift;
        ch_buf_init(&frame, CH_CHP_HEADER_MAX);
        size_t begun_at = ch_chp_published_begin(&frame, 1);
        ch_chp_published_append(&frame, &answer);
        ch_chp_published_end(&frame, begun_at, 1);
        ch_chp_message message = decoded(ch_buf_str(&frame));
        ch_mp_reader reader = ch_mp_reader_of(message.results);
        assert_true(ch_chp_answer_next(&reader, &read));
        assert_true(read.text.size > 300 && read.text.size <= 320);
        assert_true(ch_str_is_utf8(read.text));
        ch_buf_done(&frame);
    }
}

static void answers_come_back_as_they_were(void **state)
{
    (void)state;
    static const ch_chp_answer answers[] = {
        {.sequence = 4711, .case_version = 1, .case_id = CH_STR("ZJ-20261123-18"), .duplicate = true},
        {.sequence = 4712},
        {.status = CH_CONFLICT,
         .case_version = 9,
         .text = CH_STR("the case is at version 9"),
         .where = CH_STR("expectedversion"),
         .present_state = CH_STR("waiting"),
         .dead_letter = 3}};
    enum { COUNT = sizeof answers / sizeof answers[0] };
    ch_buf frame;
    ch_chp_answer read;
    ch_buf_init(&frame, CH_CHP_HEADER_MAX);
    size_t begun_at = ch_chp_published_begin(&frame, 5);
    for (size_t i = 0; i < COUNT; i++) {
        ch_chp_published_append(&frame, &answers[i]);
    }
    ch_chp_published_end(&frame, begun_at, COUNT);
    ch_chp_message message = decoded(ch_buf_str(&frame));
    ch_mp_reader reader = ch_mp_reader_of(message.results);
    for (size_t i = 0; i < COUNT; i++) {
        assert_true(ch_chp_answer_next(&reader, &read));
        assert_status(read.status, answers[i].status);
        assert_int_equal(read.sequence, answers[i].sequence);
        assert_int_equal(read.case_version, answers[i].case_version);
        assert_true(ch_str_equal(read.case_id, answers[i].case_id));
        assert_int_equal(read.duplicate, answers[i].duplicate);
        assert_true(ch_str_equal(read.text, answers[i].text));
        assert_true(ch_str_equal(read.where, answers[i].where));
        assert_true(ch_str_equal(read.present_state, answers[i].present_state));
        assert_int_equal(read.dead_letter, answers[i].dead_letter);
    }
    assert_false(ch_chp_answer_next(&reader, &read));
    ch_buf_done(&frame);
}

static void no_answers_are_none(void **state)
{
    (void)state;
    ch_chp_answer read;
    ch_chp_message message = decoded(CH_STR("\x94\x01\x04\x05\x90"));
    ch_mp_reader reader = ch_mp_reader_of(message.results);
    assert_false(ch_chp_answer_next(&reader, &read));
    assert_false(ch_chp_answer_next(&reader, &read));
}

/* So that a newer hub's codes do not break an older client. */
static void unknown_code_counts_as_refused(void **state)
{
    (void)state;
    ch_chp_answer read;
    ch_chp_message message = decoded(CH_STR("\x94\x01\x04\x05\x91\x96\xa5later\xa1t\xa0\xa0\x00\x00"));
    ch_mp_reader reader = ch_mp_reader_of(message.results);
    assert_true(ch_chp_answer_next(&reader, &read));
    assert_status(read.status, CH_REFUSED);
    assert_str(read.text, "t");
}

static void body_with_one_event_beyond_its_limits_leaves_the_others_to_be_judged(void **state)
{
    (void)state;
    ch_buf body;
    ch_error error;
    ch_mp_reader reader;
    ch_str item;
    ch_event event;
    uint32_t count;
    ch_buf_init(&body, CH_CHP_BODY_MAX);
    ch_mp_put_array(&body, 2);
    ch_mp_put_map(&body, 1);
    ch_mp_put_text(&body, "raw");
    size_t large = (size_t)300 * 1024;
    char *raw = test_malloc(large);
    memset(raw, 0, large);
    ch_mp_put_bin(&body, (ch_str){raw, large});
    test_free(raw);
    ch_mp_put_map(&body, 0);
    assert_ok(ch_chp_body_check(ch_buf_str(&body), 2, &count, &reader, &error), &error);
    assert_int_equal(count, 2);
    assert_true(ch_mp_skip(&reader, &item));
    assert_status(ch_event_decode(item, CH_EVENT_PRODUCED, &event, &error), CH_TOO_LARGE);
    assert_true(ch_mp_skip(&reader, &item));
    assert_int_equal(item.size, 1);
    ch_buf_done(&body);
}

static void body_that_is_no_array_or_has_too_many_items_is_refused(void **state)
{
    (void)state;
    ch_error error;
    ch_mp_reader reader;
    uint32_t count;
    assert_status(ch_chp_body_check(CH_STR_NONE, 2, &count, &reader, &error), CH_INVALID);
    assert_status(ch_chp_body_check(CH_STR("\x01"), 2, &count, &reader, &error), CH_INVALID);
    assert_status(ch_chp_body_check(CH_STR("\x93\x80\x80\x80"), 2, &count, &reader, &error), CH_TOO_LARGE);
    assert_string_equal(error.where, "body");
    assert_status(ch_chp_body_check(CH_STR("\xdd\xff\xff\xff\xff\x80"), UINT32_MAX, &count, &reader, &error),
                  CH_TOO_LARGE);
    assert_ok(ch_chp_body_check(CH_STR("\x92\x80\x80"), 2, &count, &reader, &error), &error);
    assert_int_equal(count, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(full_batch_of_the_longest_refusals_fits_into_a_header_frame),
        cmocka_unit_test(texts_are_cut_between_characters),
        cmocka_unit_test(body_that_is_no_array_or_has_too_many_items_is_refused),
        cmocka_unit_test(body_with_one_event_beyond_its_limits_leaves_the_others_to_be_judged),
        cmocka_unit_test(answers_come_back_as_they_were),
        cmocka_unit_test(no_answers_are_none),
        cmocka_unit_test(unknown_code_counts_as_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
