/* Sketches of one place by time: what a new case is compared with, and for how long. */
#include "tests/unit/check.h"
#include "tests/unit/store/folder.h"
#include "tests/unit/store/ledger.h"

#include <stdio.h>
#include <sys/stat.h>

#define MAP ((size_t)64 << 20)
#define HERE "330902003001"
#define NOW LEDGER_START_MS
#define DAY (INT64_C(24) * 3600 * 1000)

typedef struct fixture {
    char dir[FOLDER_PATH_SIZE], other_dir[FOLDER_PATH_SIZE * 2];
    ch_event_log *log;
    ch_state *state;
    ledger ledger;
    ch_error error;
} fixture;

static const ch_state_options usual = {.map_bytes = MAP, .hot_cases = 64};

static int setup(void **state)
{
    static fixture f;
    char log_dir[FOLDER_PATH_SIZE * 2], state_dir[FOLDER_PATH_SIZE * 2];
    memset(&f, 0, sizeof f);
    folder_make(f.dir);
    snprintf(log_dir, sizeof log_dir, "%s/log", f.dir);
    snprintf(state_dir, sizeof state_dir, "%s/state", f.dir);
    snprintf(f.other_dir, sizeof f.other_dir, "%s/other", f.dir);
    assert_int_equal(mkdir(log_dir, 0700) | mkdir(state_dir, 0700) | mkdir(f.other_dir, 0700), 0);
    assert_ok(ch_event_log_open(&f.log, log_dir, &(ch_event_log_options){.map_bytes = MAP}, &f.error),
              &f.error);
    assert_ok(ch_state_open(&f.state, state_dir, &usual, NULL, &f.error), &f.error);
    ledger_init(&f.ledger, f.log, f.state);
    *state = &f;
    return 0;
}

static int teardown(void **state)
{
    fixture *f = *state;
    ledger_done(&f->ledger);
    ch_state_close(f->state);
    ch_event_log_close(f->log);
    folder_remove(f->dir);
    return 0;
}

/* Their numbers, latest first, with spaces between. */
static const char *found(fixture *f, const char *category, int64_t since_ms, int64_t until_ms, size_t most)
{
    static char text[256];
    char place[CH_SKETCH_PLACE_SIZE];
    ch_view view;
    ch_sketched rows[CH_SKETCHES_LOOKED_AT];
    size_t at = 0;
    assert_true(ch_sketch_place(place, CH_STR(HERE), ch_str_of(category), false));
    assert_status(ch_state_view(f->state, 1, &view), CH_OK);
    assert_status(view.sketches(view.context, place, since_ms, until_ms, rows, &most), CH_OK);
    text[0] = '\0';
    for (size_t i = 0; i < most; i++) {
        assert_int_equal(rows[i].sketch[CH_SKETCH_SIZE - 1], (uint8_t)rows[i].number);
        at += (size_t)snprintf(text + at, sizeof text - at, "%s%d", i == 0 ? "" : " ", (int)rows[i].number);
    }
    return text;
}

static void open_at(fixture *f, const char *area, const char *category, int64_t time_ms)
{
    ledger_open_sketched(&f->ledger, area, category, time_ms, (uint8_t)(f->ledger.now.case_count + 1));
}

static void refuses_a_sketch_that_is_none(void **state)
{
    fixture *f = *state;
    uint8_t data[] = "\x80";
    ch_event event = {.type = CH_STR("case.opened"),
                      .subject = CH_STR("ZJ-20261123-1"),
                      .area = CH_STR(HERE),
                      .case_version = 1,
                      .cycle = 1,
                      .case_state = CH_CASE_RECEIVED,
                      .sketch = CH_STR("short"),
                      .data = {(const char *)data, 1}};
    assert_status(ledger_write(&f->ledger, event, 1, CH_RECORD_OPENS_CASE), CH_CORRUPT);
}

static void finds_those_of_its_place_and_time_latest_first(void **state)
{
    fixture *f = *state;
    assert_string_equal(found(f, "smell", NOW - DAY, NOW + DAY, 8), "");
    open_at(f, HERE, "smell.industrial", NOW);
    open_at(f, HERE, "smell", NOW - DAY);
    open_at(f, HERE "007", "smell.other", NOW + DAY);
    open_at(f, HERE, "water.leak", NOW);
    open_at(f, "330902003002", "smell", NOW);
    open_at(f, HERE, "smell", NOW - DAY - 1);
    open_at(f, HERE, "smell", NOW + DAY + 1);
    assert_string_equal(found(f, "smell", NOW - DAY, NOW + DAY, 8), "3 1 2");
    assert_string_equal(found(f, "smell.x", NOW - DAY, NOW + DAY, 2), "3 1");
    assert_string_equal(found(f, "water", NOW - DAY, NOW + DAY, 8), "4");
    assert_string_equal(found(f, "zoo", NOW - DAY, NOW + DAY, 8), "");
}

static void times_before_1970_come_before_all_others(void **state)
{
    fixture *f = *state;
    open_at(f, HERE, "smell", -DAY);
    open_at(f, HERE, "smell", DAY);
    assert_string_equal(found(f, "smell", -2 * DAY, 2 * DAY, 8), "2 1");
    assert_string_equal(found(f, "smell", 0, 2 * DAY, 8), "2");
}

static void forgets_what_nothing_can_be_compared_with_any_more(void **state)
{
    fixture *f = *state;
    for (int i = 0; i < 6; i++) {
        open_at(f, HERE, "smell", NOW + i);
    }
    open_at(f, HERE, "smell", NOW + CH_SKETCH_KEPT_MS + 1); /* a few each time, those that are too old */
    assert_string_equal(found(f, "smell", NOW - DAY, NOW + DAY, 8), "6 5 4 3 2");
    open_at(f, HERE, "smell", NOW + CH_SKETCH_KEPT_MS + DAY);
    assert_string_equal(found(f, "smell", NOW - DAY, NOW + DAY, 8), "6");
    open_at(f, HERE, "smell", NOW + CH_SKETCH_KEPT_MS + DAY);
    assert_string_equal(found(f, "smell", NOW - DAY, NOW + DAY, 8), "");
}

static void a_rebuild_gives_the_same_and_a_rollback_none(void **state)
{
    fixture *f = *state;
    ch_state *rebuilt;
    uint8_t live[CH_HASH_SIZE], again[CH_HASH_SIZE];
    for (int i = 0; i < 40; i++) {
        open_at(f, HERE, i % 3 == 0 ? "smell" : "water", NOW + i * DAY);
    }
    assert_ok(ch_state_hash(f->state, live, &f->error), &f->error);
    f->ledger.holding = true;
    open_at(f, HERE, "smell", NOW + 90 * DAY);
    ch_state_rollback(f->state);
    assert_string_equal(found(f, "smell", NOW + 80 * DAY, NOW + 100 * DAY, 8), "");
    assert_ok(ch_state_hash(f->state, again, &f->error), &f->error);
    assert_memory_equal(live, again, CH_HASH_SIZE);
    assert_ok(ch_state_open(&rebuilt, f->other_dir, &usual, NULL, &f->error), &f->error);
    assert_ok(ch_state_catch_up(rebuilt, f->log, &f->error), &f->error);
    assert_ok(ch_state_hash(rebuilt, again, &f->error), &f->error);
    assert_memory_equal(live, again, CH_HASH_SIZE);
    ch_state_close(rebuilt);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(refuses_a_sketch_that_is_none, setup, teardown),
        cmocka_unit_test_setup_teardown(finds_those_of_its_place_and_time_latest_first, setup, teardown),
        cmocka_unit_test_setup_teardown(times_before_1970_come_before_all_others, setup, teardown),
        cmocka_unit_test_setup_teardown(forgets_what_nothing_can_be_compared_with_any_more, setup, teardown),
        cmocka_unit_test_setup_teardown(a_rebuild_gives_the_same_and_a_rollback_none, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
