/* Pieces of the log as the reader keeps them: they grow with it, make room for others, and trust nothing. */
#include "tests/unit/check.h"
#include "tests/unit/run/town.h"

#include "hub/run/slices.h"

#include <stdio.h>

#define KEPT 192   /* pieces */
#define CASES 3500 /* more than those hold */

#define CASE                                                                                                 \
    "{\"type\":\"case.opened\",\"source\":\"hotline/1\",\"area\":\"330203\",\"data\":{\"kind\":\"matter\","  \
    "\"title\":\"Lamp is out\"},\"private\":{\"phone\":\"13800000000\"}}"

typedef struct fixture {
    town of;
    ch_grant hotline;
    ch_slices *slices;
    ch_log_reader *log;
} fixture;

static int setup(void **state)
{
    static fixture f;
    town_start(&f.of);
    f.hotline = town_grant(CH_ROLE_CONNECTOR, "hotline", CH_PRIVATE_OWN, "hotline", "", "");
    assert_status(ch_slices_new(&f.slices, f.of.store), CH_OK);
    assert_ok(ch_log_reader_open(&f.log, f.of.store->log, &f.of.error), &f.of.error);
    *state = &f;
    return 0;
}

static int teardown(void **state)
{
    fixture *f = *state;
    ch_slices_free(f->slices);
    ch_log_reader_close(f->log);
    town_stop(&f->of);
    return 0;
}

static uint64_t fill(fixture *f, unsigned cases)
{
    static unsigned round;
    char prefix[16];
    snprintf(prefix, sizeof prefix, "R%u-", ++round);
    town_fill(&f->of, &f->hotline, prefix, cases, CASE);
    ch_log_reader_rest(f->log);
    assert_ok(ch_log_reader_renew(f->log, &f->of.error), &f->of.error);
    return ch_event_log_last(f->of.store->log);
}

static ch_status look(fixture *f, uint64_t sequence, uint64_t last, ch_slice_event **out_event)
{
    *out_event = NULL;
    f->of.error = (ch_error){.status = CH_OK};
    return ch_slices_at(f->slices, f->log, sequence, last, out_event, &f->of.error);
}

static ch_slice_event *at(fixture *f, uint64_t sequence, uint64_t last)
{
    ch_slice_event *event;
    assert_ok(look(f, sequence, last, &event), &f->of.error);
    assert_int_equal(event->record.sequence, sequence);
    assert_int_equal(event->event.sequence, sequence);
    return event;
}

/* Every place in the log's file where that text stands. */
static void spoil(fixture *f, const char *text)
{
    char path[FOLDER_PATH_SIZE * 3];
    unsigned spoilt = 0;
    snprintf(path, sizeof path, "%s/log/data.mdb", f->of.dir);
    for (long place = 0; (place = file_find(path, text, strlen(text), place)) >= 0; place++) {
        file_flip(path, place, 1);
        spoilt++;
    }
    assert_true(spoilt > 0);
}

/* ---- bad ones */

static void behind_the_end_there_is_nothing(void **state)
{
    fixture *f = *state;
    ch_slice_event *event;
    assert_status(look(f, 1, 0, &event), CH_END);
    uint64_t last = fill(f, 2);
    assert_status(look(f, last + 1, last, &event), CH_END);
    assert_status(look(f, UINT64_MAX, last, &event), CH_END);
    assert_status(look(f, last, last - 1, &event), CH_END); /* not durable yet, for this look */
    at(f, last, last);
}

static void a_damaged_record_is_told_and_not_kept(void **state)
{
    fixture *f = *state;
    ch_slice_event *event;
    assert_ok(town_publish(&f->of, &f->hotline,
                           "{\"ref\":\"TO-BE-SPOILT\",\"type\":\"case.opened\",\"source\":\"hotline/1\","
                           "\"data\":{\"kind\":\"matter\"}}"),
              &f->of.error);
    uint64_t last = fill(f, 300);
    assert_true(last > CH_SLICE_EVENTS + 1);
    spoil(f, "TO-BE-SPOILT");
    for (unsigned i = 0; i < 2; i++) {
        assert_status(look(f, 1, last, &event), CH_CORRUPT);
        assert_status(f->of.error.status, CH_CORRUPT);
        assert_null(event);
        assert_status(look(f, CH_SLICE_EVENTS, last, &event), CH_CORRUPT);
    }
    at(f, CH_SLICE_EVENTS + 1, last);
}

static void what_was_read_before_the_damage_is_still_there(void **state)
{
    fixture *f = *state;
    assert_ok(town_publish(&f->of, &f->hotline,
                           "{\"ref\":\"TO-BE-SPOILT\",\"type\":\"case.opened\",\"source\":\"hotline/1\","
                           "\"data\":{\"kind\":\"matter\"}}"),
              &f->of.error);
    uint64_t last = fill(f, 1);
    at(f, 1, last);
    spoil(f, "TO-BE-SPOILT");
    assert_true(ch_str_is(at(f, 1, last)->event.ref, "TO-BE-SPOILT"));
}

/* ---- reading */

static void every_event_is_found_in_any_order(void **state)
{
    fixture *f = *state;
    uint64_t last = fill(f, 300);
    assert_true(last > 2 * CH_SLICE_EVENTS);
    for (uint64_t i = last; i > 0; i--) {
        at(f, i, last);
    }
    for (uint64_t i = 1; i <= last; i += 97) {
        at(f, i, last);
        at(f, last + 1 - i, last);
    }
}

static void the_last_piece_grows_with_the_log(void **state)
{
    fixture *f = *state;
    ch_slice_event *event;
    uint64_t last = 0;
    for (unsigned round = 0; round < 5; round++) {
        uint64_t before = last;
        last = fill(f, 1);
        assert_status(look(f, last + 1, last, &event), CH_END);
        at(f, last, last);
        for (uint64_t i = before + 1; i <= last; i++) {
            at(f, i, last);
        }
        assert_ptr_equal(at(f, 2, last), at(f, 1, last) + 1); /* in one piece */
    }
}

static void a_look_at_less_does_not_forget_the_rest(void **state)
{
    fixture *f = *state;
    uint64_t last = fill(f, 3);
    ch_slice_event *event, *kept = at(f, last, last);
    assert_status(look(f, last, last - 1, &event), CH_END);
    at(f, 1, last - 1);
    assert_ptr_equal(at(f, last, last), kept);
}

static void old_pieces_make_room_for_others_and_are_read_again(void **state)
{
    fixture *f = *state;
    uint64_t last = fill(f, CASES);
    assert_true(last > (KEPT + 2) * CH_SLICE_EVENTS);
    for (unsigned round = 0; round < 2; round++) {
        for (uint64_t i = 1; i <= last; i += CH_SLICE_EVENTS / 2) {
            at(f, i, last);
        }
        at(f, last, last);
    }
}

static void the_piece_that_was_asked_for_longest_ago_goes_first(void **state)
{
    fixture *f = *state;
    uint64_t last = fill(f, CASES);
    ch_slice_event *first = at(f, 1, last);
    for (uint64_t piece = 1; piece < KEPT + 1; piece++) {
        at(f, piece * CH_SLICE_EVENTS + 1, last);
        assert_ptr_equal(at(f, 1, last), first); /* in use all the time */
    }
}

/* ---- readable */

static ch_event readable(fixture *f, ch_slice_event *from, bool personal)
{
    ch_str bytes;
    ch_event event;
    assert_status(ch_slices_readable(f->slices, from, personal, &bytes), CH_OK);
    assert_ok(ch_event_decode(bytes, CH_EVENT_RECORDED, &event, &f->of.error), &f->of.error);
    return event;
}

static void what_is_personal_is_for_who_may_see_it(void **state)
{
    fixture *f = *state;
    uint64_t last = fill(f, 1);
    ch_slice_event *from = at(f, 1, last);
    assert_true(ch_str_is(ch_mp_find_str(readable(f, from, true).private_data, "phone"), "13800000000"));
    ch_event plain = readable(f, from, false);
    assert_null(plain.private_data.at);
    assert_true(ch_str_is(ch_mp_find_str(plain.data, "title"), "Lamp is out"));
}

static void each_form_is_made_once(void **state)
{
    fixture *f = *state;
    uint64_t last = fill(f, 1);
    ch_slice_event *from = at(f, 1, last);
    ch_str first, second, plain;
    assert_status(ch_slices_readable(f->slices, from, true, &first), CH_OK);
    assert_status(ch_slices_readable(f->slices, from, false, &plain), CH_OK);
    assert_status(ch_slices_readable(f->slices, from, true, &second), CH_OK);
    assert_ptr_equal(first.at, second.at);
    assert_ptr_not_equal(first.at, plain.at);
}

/* As large as intake takes them, and readable by everybody: all free text. */
static void a_piece_of_the_largest_events_fits_in_every_form(void **state)
{
    fixture *f = *state;
    enum { TEXT = 190 * 1024, MORE = 55 * 1024, ROOM = TEXT + MORE + 512 };
    static char texts[TEXT + 1], event[ROOM];
    ch_str bytes;
    memset(texts, 'x', TEXT);
    for (unsigned i = 0; i < CH_SLICE_EVENTS; i++) {
        snprintf(event, sizeof event,
                 "{\"ref\":\"L\",\"type\":\"case.noted\",\"source\":\"hotline/1\",\"data\":{\"a\":\"%s\","
                 "\"b\":\"%.*s\"}}",
                 texts, MORE, texts);
        assert_ok(town_publish(&f->of, &f->hotline, event), &f->of.error);
    }
    uint64_t last = fill(f, 1);
    assert_true(last > CH_SLICE_EVENTS);
    for (uint64_t i = 1; i <= CH_SLICE_EVENTS; i++) {
        assert_status(ch_slices_readable(f->slices, at(f, i, last), false, &bytes), CH_OK);
        assert_status(ch_slices_readable(f->slices, at(f, i, last), true, &bytes), CH_OK);
    }
}

static void of_a_case_whose_key_is_gone_only_the_public_part_is_left(void **state)
{
    fixture *f = *state;
    uint64_t last = fill(f, 2);
    ch_slice_event *from = at(f, 1, last);
    assert_ok(ch_slots_erase(f->of.store->case_slots, from->record.case_number, &f->of.error), &f->of.error);
    ch_event event = readable(f, from, true);
    assert_null(event.private_data.at);
    assert_null(ch_mp_find_str(event.data, "title").at);
    assert_true(ch_str_is(ch_mp_find_str(event.data, "kind"), "matter"));
    assert_true(ch_str_is(event.type, "case.opened"));
    assert_int_equal(event.sequence, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(behind_the_end_there_is_nothing),
        TEST(a_damaged_record_is_told_and_not_kept),
        TEST(what_was_read_before_the_damage_is_still_there),
        TEST(every_event_is_found_in_any_order),
        TEST(the_last_piece_grows_with_the_log),
        TEST(a_look_at_less_does_not_forget_the_rest),
        TEST(old_pieces_make_room_for_others_and_are_read_again),
        TEST(the_piece_that_was_asked_for_longest_ago_goes_first),
        TEST(what_is_personal_is_for_who_may_see_it),
        TEST(each_form_is_made_once),
        TEST(a_piece_of_the_largest_events_fits_in_every_form),
        TEST(of_a_case_whose_key_is_gone_only_the_public_part_is_left),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
