/* The parts of play that need no hub: the pace, the produced form, what it keeps, who reports. */
#include "tests/unit/check.h"

#include "hub/base/clock.h"
#include "replay/case_map.h"
#include "replay/pace.h"
#include "replay/play_point.h"
#include "replay/produced.h"
#include "replay/reporters.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define START_MS INT64_C(1795400820000)
#define HOUR_MS INT64_C(3600000)

/* ---- the pace */

typedef struct stage {
    ch_clock_fake fake;
    ch_pace pace;
} stage;

static void set(stage *on, int64_t speed, int64_t gap_most_ms)
{
    ch_clock_fake_init(&on->fake, 1000);
    ch_pace_init(&on->pace, speed, gap_most_ms);
}

/* Waits as play does, and tells for how long. */
static int64_t wait(stage *on, int64_t recorded_ms)
{
    int64_t before = on->fake.now_ms;
    int64_t due = ch_pace_due(&on->pace, recorded_ms, ch_clock_monotonic_ms(&on->fake.clock));
    on->fake.now_ms = due > before ? due : before;
    return on->fake.now_ms - before;
}

static void without_a_speed_nothing_waits(void **state)
{
    stage on;
    (void)state;
    set(&on, 0, 10000);
    assert_int_equal(wait(&on, START_MS), 0);
    assert_int_equal(wait(&on, START_MS + HOUR_MS), 0);
}

static void a_record_of_an_earlier_time_does_not_wait(void **state)
{
    stage on;
    (void)state;
    set(&on, 1, 10000);
    assert_int_equal(wait(&on, START_MS), 0);
    assert_int_equal(wait(&on, START_MS - HOUR_MS), 0);
    assert_int_equal(wait(&on, INT64_MIN), 0);
    assert_int_equal(wait(&on, INT64_MAX), 0);
}

static void gaps_are_those_of_the_recorded_times(void **state)
{
    stage on;
    (void)state;
    set(&on, 1, 10000);
    assert_int_equal(wait(&on, START_MS), 0);
    assert_int_equal(wait(&on, START_MS + 700), 700);
    assert_int_equal(wait(&on, START_MS + 700), 0);
    assert_int_equal(wait(&on, START_MS + 3700), 3000);
}

static void no_gap_is_longer_than_the_most(void **state)
{
    stage on;
    (void)state;
    set(&on, 1, 10000);
    assert_int_equal(wait(&on, START_MS), 0);
    assert_int_equal(wait(&on, START_MS + HOUR_MS), 10000);
    assert_int_equal(wait(&on, START_MS + HOUR_MS + 5), 5);
    set(&on, 60, 10000);
    assert_int_equal(wait(&on, START_MS), 0);
    assert_int_equal(wait(&on, START_MS + 5 * 60000), 5000);
}

static void small_gaps_add_up_at_any_speed(void **state)
{
    stage on;
    int64_t waited = 0;
    (void)state;
    set(&on, 7, 10000);
    for (int64_t i = 0; i <= 7000; i++) {
        waited += wait(&on, START_MS + i);
    }
    assert_int_equal(waited, 1000);
}

static void a_short_delay_is_caught_up(void **state)
{
    stage on;
    (void)state;
    set(&on, 1, 10000);
    assert_int_equal(wait(&on, START_MS), 0);
    on.fake.now_ms += 300; /* the hub took its time */
    assert_int_equal(wait(&on, START_MS + 1000), 700);
}

static void after_a_pause_nothing_is_hurried(void **state)
{
    stage on;
    (void)state;
    set(&on, 1, 10000);
    assert_int_equal(wait(&on, START_MS), 0);
    on.fake.now_ms += HOUR_MS; /* stopped, and continued */
    assert_int_equal(wait(&on, START_MS + 1000), 0);
    assert_int_equal(wait(&on, START_MS + 2000), 1000);
}

/* ---- the produced form */

static ch_status renamed(void *context, ch_str id, char out_id[CH_CASE_ID_SIZE], ch_error *error)
{
    uint64_t number = 0;
    (void)context;
    (void)error;
    if (ch_case_id_number(id, &number) != CH_OK || number > 99) {
        return CH_NOT_FOUND;
    }
    snprintf(out_id, CH_CASE_ID_SIZE, "YY-20270101-%llu", (unsigned long long)number + 100);
    return CH_OK;
}

/* The recorded event with these attributes beside the hub's own, produced, as JSON. */
static ch_status produce(const char *attributes, const ch_production *more, char *out, size_t out_size)
{
    char recorded[2048];
    ch_buf encoded, produced, room, text;
    ch_event event;
    ch_error error;
    ch_production how = *more;
    snprintf(
        recorded, sizeof recorded,
        "{\"specversion\":\"1.0\",\"id\":\"7\",\"source\":\"desk\",\"time\":\"2026-11-23T02:27:00Z\","
        "\"sequence\":12,\"epoch\":1,\"recordedtime\":\"2026-11-23T02:27:01Z\",\"topic\":\"a.b.desk._._\","
        "\"caseversion\":3,\"casestate\":\"received\",\"cycle\":1,\"actor\":\"desk\",%s}",
        attributes);
    ch_buf_init(&encoded, 65536);
    ch_buf_init(&produced, 65536);
    ch_buf_init(&room, 65536);
    ch_buf_init(&text, 65536);
    assert_status(ch_event_from_json(&encoded, ch_str_of(recorded), &error), CH_OK);
    assert_status(ch_event_decode(ch_buf_str(&encoded), CH_EVENT_RECORDED, &event, &error), CH_OK);
    assert_true(ch_produced_is_one(&event));
    how.room = &room;
    ch_status status = ch_produced_encode(&produced, &event, &how, &error);
    if (status == CH_OK) {
        assert_status(ch_event_decode(ch_buf_str(&produced), CH_EVENT_PRODUCED, &event, &error), CH_OK);
        assert_status(ch_event_to_json(&text, ch_buf_str(&produced)), CH_OK);
        snprintf(out, out_size, "%.*s", CH_STR_ARG(ch_buf_str(&text)));
    }
    ch_buf_done(&encoded);
    ch_buf_done(&produced);
    ch_buf_done(&room);
    ch_buf_done(&text);
    return status;
}

#define SAID "{\"specversion\":\"1.0\",\"id\":\"7\",\"source\":\"desk\","
#define WHEN "\"time\":\"2026-11-23T02:27:00Z\""
static const ch_production as_it_was = {.mark = {NULL, 0}};
static const ch_production elsewhere = {.case_id = renamed, .mark = {"replay:ZJ/1", 11}};

static void a_case_that_is_not_known_there_has_no_event(void **state)
{
    char text[2048];
    (void)state;
    assert_status(
        produce("\"type\":\"case.noted\",\"subject\":\"ZJ-20261123-100\"", &elsewhere, text, sizeof text),
        CH_NOT_FOUND);
    assert_status(produce("\"type\":\"case.merged\",\"subject\":\"ZJ-20261123-1\",\"data\":{\"into\":\"ZJ-"
                          "20261123-100\"}",
                          &elsewhere, text, sizeof text),
                  CH_NOT_FOUND);
}

static void what_the_hub_added_is_gone(void **state)
{
    /* Recorded, and produced as it was. */
    static const char *const events[][2] = {
        {"\"type\":\"case.opened\",\"subject\":\"ZJ-20261123-1\",\"ref\":\"R-1\",\"expectedversion\":4,"
         "\"data\":{"
         "\"kind\":\"matter\"}",
         SAID "\"type\":\"case.opened\"," WHEN ",\"ref\":\"R-1\",\"data\":{\"kind\":\"matter\"}}"},
        {"\"type\":\"case.opened\",\"subject\":\"ZJ-20261123-1\"", SAID "\"type\":\"case.opened\"," WHEN "}"},
        {"\"type\":\"case.noted\",\"subject\":\"ZJ-20261123-1\",\"anomalous\":true,\"data\":{}",
         SAID "\"type\":\"case.noted\"," WHEN ",\"subject\":\"ZJ-20261123-1\",\"data\":{}}"},
        {"\"type\":\"case.noted\",\"subject\":\"ZJ-20261123-1\",\"data\":{\"reported\":\"case.closed\","
         "\"merged\":"
         "\"ZJ-20261123-2\",\"reason\":\"same\"}",
         SAID "\"type\":\"case.closed\"," WHEN
              ",\"subject\":\"ZJ-20261123-2\",\"data\":{\"reason\":\"same\"}}"},
        {"\"type\":\"case.split\",\"subject\":\"ZJ-20261123-1\",\"data\":{\"kind\":\"matter\",\"into\":[\"ZJ-"
         "20261123-2\"]}",
         SAID "\"type\":\"case.split\"," WHEN
              ",\"subject\":\"ZJ-20261123-1\",\"data\":{\"kind\":\"matter\"}}"},
        {"\"type\":\"handoff.offered\",\"subject\":\"ZJ-20261123-1\",\"data\":{\"party\":\"water\",\"from\":"
         "\"police\",\"handoff\":\"ZJ-20261123-1/h2\"}",
         SAID "\"type\":\"handoff.offered\"," WHEN
              ",\"subject\":\"ZJ-20261123-1\",\"party\":\"police\",\"data\":{\"party\":\"water\"}}"},
        {"\"type\":\"handoff.offered\",\"subject\":\"ZJ-20261123-1\",\"data\":{\"party\":\"water\","
         "\"handoff\":"
         "\"ZJ-20261123-1/h2\",\"group\":\"ZJ-20261123-1/"
         "g1\",\"form\":\"sequence\",\"need\":\"any\",\"next\":["
         "\"police\",\"health\"]}",
         SAID "\"type\":\"handoff.offered\"," WHEN
              ",\"subject\":\"ZJ-20261123-1\",\"data\":{\"form\":\"sequence\",\"parties\":[\"water\","
              "\"police\",\"health\"]}}"},
    };
    char text[2048];
    (void)state;
    for (size_t i = 0; i < sizeof events / sizeof *events; i++) {
        assert_status(produce(events[i][0], &as_it_was, text, sizeof text), CH_OK);
        assert_string_equal(text, events[i][1]);
    }
}

static void ids_become_those_of_the_other_hub(void **state)
{
    char text[2048];
    (void)state;
    assert_status(
        produce("\"type\":\"handoff.accepted\",\"subject\":\"ZJ-20261123-1\",\"mapping\":\"3\",\"data\":{"
                "\"handoff\":\"ZJ-20261123-1/h2\",\"reason\":\"ZJ-20261123-1\"}",
                &elsewhere, text, sizeof text),
        CH_OK);
    assert_string_equal(text, SAID
                        "\"type\":\"handoff.accepted\"," WHEN
                        ",\"subject\":\"YY-20270101-101\",\"mapping\":\"replay:ZJ/1\",\"data\":{\"handoff\":"
                        "\"YY-20270101-101/h2\",\"reason\":\"ZJ-20261123-1\"}}");
    assert_status(produce("\"type\":\"case.linked\",\"subject\":\"ZJ-20261123-1\",\"data\":{\"other\":\"ZJ-"
                          "20261123-2\",\"relation\":\"parent\",\"depth\":1}",
                          &elsewhere, text, sizeof text),
                  CH_OK);
    assert_string_equal(text, SAID
                        "\"type\":\"case.linked\"," WHEN
                        ",\"subject\":\"YY-20270101-101\",\"mapping\":\"replay:ZJ/1\",\"data\":{\"other\":"
                        "\"YY-20270101-102\",\"relation\":\"parent\"}}");
}

static void what_the_hub_itself_said_is_not_played(void **state)
{
    ch_event event = {.source = CH_STR("hub/ZJ"), .type = CH_STR("case.closed")};
    (void)state;
    assert_false(ch_produced_is_one(&event));
    event.source = CH_STR("desk");
    assert_true(ch_produced_is_one(&event));
    event.type = CH_STR("hub.grant");
    assert_false(ch_produced_is_one(&event));
}

/* ---- what is kept */

static void a_case_has_the_name_that_it_was_given_last(void **state)
{
    ch_case_map map;
    ch_error error;
    char id[CH_CASE_ID_SIZE];
    (void)state;
    assert_status(ch_case_map_open(&map, NULL, false, &error), CH_OK);
    assert_status(ch_case_map_get(&map, 7, id, &error), CH_NOT_FOUND);
    assert_status(ch_case_map_get(&map, UINT64_MAX, id, &error), CH_NOT_FOUND);
    assert_status(ch_case_map_set(&map, UINT64_MAX, "YY-20270101-1", &error), CH_TOO_LARGE);
    assert_status(ch_case_map_set(&map, 7, "YY-20270101-1", &error), CH_OK);
    assert_status(ch_case_map_set(&map, 7, "YY-20270101-2", &error), CH_OK);
    assert_status(ch_case_map_get(&map, 6, id, &error), CH_NOT_FOUND);
    assert_status(ch_case_map_get(&map, 7, id, &error), CH_OK);
    assert_string_equal(id, "YY-20270101-2");
    ch_case_map_close(&map);
}

static void a_place_that_differs_anywhere_is_none(void **state)
{
    char path[] = "/tmp/casehub-play-test.XXXXXX", text[512];
    const ch_play_point kept = {.hub_code = "ZJ", .into = "YY", .sequence = 1234, .mark = {1, 2, 3}};
    ch_play_point read;
    ch_error error;
    (void)state;
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    assert_status(ch_play_point_write(path, &kept, &error), CH_OK);
    assert_status(ch_play_point_read(path, &read, &error), CH_OK);
    assert_memory_equal(&read, &kept, sizeof kept);
    FILE *file = fopen(path, "r+");
    assert_non_null(file);
    size_t size = fread(text, 1, sizeof text, file);
    for (size_t i = 0; i < size; i++) {
        assert_int_equal(fseek(file, (long)i, SEEK_SET), 0);
        fputc('!', file);
        fflush(file);
        ch_status status = ch_play_point_read(path, &read, &error);
        bool is_a_code = text[i] == 'Z' || text[i] == 'J' || text[i] == 'Y';
        assert_status(status, is_a_code ? CH_OK : CH_CORRUPT);
        assert_int_equal(fseek(file, (long)i, SEEK_SET), 0);
        fputc(text[i], file);
        fflush(file);
    }
    fclose(file);
    unlink(path);
    assert_status(ch_play_point_read(path, &read, &error), CH_NOT_FOUND);
}

/* ---- who reports */

static void grant(ch_reporters *reporters, const char *name, const char *role)
{
    ch_buf data;
    ch_error error;
    ch_buf_init(&data, 1024);
    ch_mp_put_map(&data, 2);
    ch_mp_put_text(&data, "name");
    ch_mp_put_text(&data, name);
    ch_mp_put_text(&data, "role");
    ch_mp_put_text(&data, role);
    const ch_event event = {.type = CH_STR("hub.grant"), .data = ch_buf_str(&data)};
    assert_status(ch_reporters_note(reporters, &event, &error), CH_OK);
    ch_buf_done(&data);
}

static void who_was_granted_to_be_a_connector_reports(void **state)
{
    ch_reporters reporters = {.count = 0};
    (void)state;
    assert_false(ch_reporters_have(&reporters, CH_STR("hotline-1")));
    grant(&reporters, "hotline-1", "connector");
    grant(&reporters, "grid-1", "connector");
    grant(&reporters, "desk", "department");
    grant(&reporters, "hotline-1", "operator");
    assert_false(ch_reporters_have(&reporters, CH_STR("hotline-1")));
    assert_false(ch_reporters_have(&reporters, CH_STR("desk")));
    assert_true(ch_reporters_have(&reporters, CH_STR("grid-1")));
    ch_reporters_done(&reporters);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_a_speed_nothing_waits),
        cmocka_unit_test(a_record_of_an_earlier_time_does_not_wait),
        cmocka_unit_test(gaps_are_those_of_the_recorded_times),
        cmocka_unit_test(no_gap_is_longer_than_the_most),
        cmocka_unit_test(small_gaps_add_up_at_any_speed),
        cmocka_unit_test(a_short_delay_is_caught_up),
        cmocka_unit_test(after_a_pause_nothing_is_hurried),
        cmocka_unit_test(a_case_that_is_not_known_there_has_no_event),
        cmocka_unit_test(what_the_hub_added_is_gone),
        cmocka_unit_test(ids_become_those_of_the_other_hub),
        cmocka_unit_test(what_the_hub_itself_said_is_not_played),
        cmocka_unit_test(a_case_has_the_name_that_it_was_given_last),
        cmocka_unit_test(a_place_that_differs_anywhere_is_none),
        cmocka_unit_test(who_was_granted_to_be_a_connector_reports),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
