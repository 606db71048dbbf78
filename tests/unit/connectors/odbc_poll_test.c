/* Polls of a SQLite file under a host that the test plays, on a clock that the test moves. */
#include "connectors/transports/odbc.h"
#include "connectors/transports/transports.h"
#include "hub/base/clock.h"
#include "tests/unit/connectors/stage.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define TRANSPORT ch_transport_odbc_poll
#define ANSWER_MS 60000 /* only what is broken needs it */

typedef struct bench {
    stage on;
    casehub_host host;
    casehub_value values[16];
    const char *keys[2];
    char connection[256], reason[320], address[400], logged[4096], position[3100], identity[128];
    int64_t now_ms;
    casehub_verdict verdict;
    void *transport;
    ch_odbc *database;
} bench;

static bench *of(const casehub_host *host)
{
    return host->context;
}

static void keep_log(const casehub_host *host, casehub_level level, const char *text)
{
    bench *b = of(host);
    (void)level;
    snprintf(b->logged, sizeof b->logged, "%s", text);
}

static int64_t monotonic_ms(const casehub_host *host)
{
    return of(host)->now_ms;
}

static int64_t wall_ms(const casehub_host *host)
{
    return of(host)->on.clock.now_ms + of(host)->now_ms;
}

static void set_address(const casehub_host *host, const char *address)
{
    snprintf(of(host)->address, sizeof of(host)->address, "%s", address);
}

static void fail_with(const casehub_host *host, const char *reason)
{
    snprintf(of(host)->reason, sizeof of(host)->reason, "%s", reason);
}

static const char *position(const casehub_host *host)
{
    return of(host)->position;
}

static casehub_verdict take(const casehub_host *host, const casehub_unit *unit, casehub_outcome *outcome)
{
    bench *b = of(host);
    char bytes[4096];
    long got;
    b->on.text[0] = '\0';
    while ((got = unit->read(unit->context, bytes, sizeof bytes)) > 0) {
        stage_print(&b->on, "%.*s", (int)got, bytes);
    }
    snprintf(b->identity, sizeof b->identity, "%s", unit->identity);
    snprintf(outcome->reason, sizeof outcome->reason, "as scripted");
    if (b->verdict == CASEHUB_DONE) {
        snprintf(b->position, sizeof b->position, "%s", unit->position == NULL ? "" : unit->position);
        assert_true(strlen(b->position) < 3072);
    }
    return b->verdict;
}

static void run(bench *b, const char *sql)
{
    ch_error error;
    if (ch_odbc_run(b->database, sql, NULL, 0, &error) != CH_OK) {
        fail_msg("%s: %s", sql, error.text);
    }
    ch_odbc_finish(b->database);
}

static void open_database(bench *b)
{
    ch_error error;
    if (ch_odbc_open(&b->database, b->connection, "", 5000, &error) != CH_OK) {
        fail_msg("libsqliteodbc is needed: %s", error.text);
    }
    run(b, "CREATE TABLE t (id INTEGER, at TEXT, what TEXT)");
}

/* Fills a value in by its option's name, so that the test does not depend on the order of the table. */
static casehub_value *value(bench *b, const char *name)
{
    for (size_t i = 0; i < TRANSPORT.option_count; i++) {
        if (strcmp(TRANSPORT.options[i].name, name) == 0) {
            return &b->values[i];
        }
    }
    fail_msg("there is no option %s", name);
    return NULL;
}

static int enter(void **state)
{
    static bench b;
    static const struct {
        const char *name;
        int64_t number;
    } numbers[] = {{"overlap", 600000}, {"overlap_count", 10}, {"reconcile", 0},
                   {"interval", 30000}, {"timeout", 5000},     {"retry_most", 3000},
                   {"rows_most", 1000}, {"cell_most", 1024},   {"spool_most", 1 << 20}};
    b = (bench){.now_ms = 1000, .verdict = CASEHUB_DONE, .keys = {"id"}};
    stage_enter(&b.on);
    snprintf(b.connection, sizeof b.connection, "Driver=SQLite3;Database=%s/db;StepAPI=1;Timeout=200",
             b.on.folder);
    b.host = (casehub_host){CASEHUB_SIZED(casehub_host), .context = &b,
                            .connector = "test",         .log = keep_log,
                            .wall_ms = wall_ms,          .monotonic_ms = monotonic_ms,
                            .set_address = set_address,  .fail = fail_with,
                            .position = position,        .take = take};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        value(&b, numbers[i].name)->number = numbers[i].number;
    }
    value(&b, "connection")->text = b.connection;
    value(&b, "password_file")->text = value(&b, "watermark")->text = "";
    value(&b, "query")->text = "SELECT * FROM t";
    value(&b, "spool")->text = b.on.folder;
    value(&b, "key")->texts = b.keys;
    value(&b, "key")->text_count = 1;
    *state = &b;
    return 0;
}

static int open_poll(bench *b)
{
    b->transport = calloc(1, TRANSPORT.state_size);
    return TRANSPORT.open(b->transport, &b->host, b->values);
}

static void close_poll(bench *b)
{
    TRANSPORT.close(b->transport);
    free(b->transport);
    b->transport = NULL;
}

static int leave(void **state)
{
    bench *b = *state;
    if (b->transport != NULL) {
        close_poll(b);
    }
    ch_odbc_close(b->database);
    stage_leave(&b->on);
    return 0;
}

static void begin(bench *b, bool snapshot)
{
    value(b, "snapshot")->flag = snapshot;
    value(b, "watermark")->text = snapshot ? "" : "at";
    if (b->database == NULL) {
        open_database(b);
    }
    if (open_poll(b) != 0) {
        fail_msg("%s", b->reason);
    }
}

/* One poll from its start to what came of it: the answer of the last step. */
static int poll_once(bench *b)
{
    b->on.text[0] = '\0';
    int wait_ms = TRANSPORT.step(b->transport);
    struct pollfd ended = {.fd = TRANSPORT.fd(b->transport), .events = POLLIN};
    assert_true(wait_ms > 0);
    assert_int_equal(poll(&ended, 1, ANSWER_MS), 1);
    return TRANSPORT.step(b->transport);
}

static int poll_again(bench *b)
{
    b->now_ms += value(b, "interval")->number;
    return poll_once(b);
}

static void says(bench *b, const char *lines)
{
    assert_string_equal(b->on.text, lines);
}

static void refuses_settings_that_do_not_fit(void **state)
{
    bench *b = *state;
    assert_int_equal(open_poll(b), -1);
    assert_string_equal(b->reason, "odbc_poll: either snapshot = true or a watermark is expected");
    close_poll(b);
    value(b, "snapshot")->flag = true;
    value(b, "key")->text_count = 0;
    assert_int_equal(open_poll(b), -1);
    assert_string_equal(b->reason, "odbc_poll.key: 1 to 4 columns are expected");
    close_poll(b);
    value(b, "key")->text_count = 1;
    value(b, "connection")->text = "Driver=x; Server={a;b};pwd=geheim";
    assert_int_equal(open_poll(b), -1);
    assert_string_equal(b->reason, "connection: a password belongs into password_file");
}

static void tells_where_it_connects_without_the_user(void **state)
{
    char address[CH_ODBC_ADDRESS_SIZE];
    ch_error error;
    (void)state;
    assert_status(ch_odbc_address("Driver={A;}}B};UID=somebody;Server=db;Port=1;Database=d", address, &error),
                  CH_OK);
    assert_string_equal(address, "Driver={A;}}B};Server=db;Port=1;Database=d");
}

static void a_query_that_cannot_be_run_ends_it_with_the_reason(void **state)
{
    bench *b = *state;
    value(b, "query")->text = "SELECT nowhere FROM t";
    begin(b, true);
    assert_int_equal(poll_once(b), CASEHUB_STEP_FAILED);
    assert_string_equal(b->reason, "SQLSTATE HY000 (1): [SQLite]no such column: nowhere (1)");
    close_poll(b);
    value(b, "query")->text = "SELECT what FROM t";
    begin(b, true);
    assert_int_equal(poll_once(b), CASEHUB_STEP_FAILED);
    assert_string_equal(b->reason, "query: it answers no column id");
    close_poll(b);
    value(b, "query")->text = "SELECT id, what, at AS what FROM t";
    begin(b, true);
    assert_int_equal(poll_once(b), CASEHUB_STEP_FAILED);
    assert_string_equal(b->reason, "query: two columns have the name what");
}

static void more_rows_than_a_snapshot_may_have_end_it(void **state)
{
    bench *b = *state;
    value(b, "rows_most")->number = 1;
    begin(b, true);
    run(b, "INSERT INTO t (id) VALUES (1), (2)");
    assert_int_equal(poll_once(b), CASEHUB_STEP_FAILED);
    assert_string_equal(b->reason, "query: it answers more than rows_most allows");
    says(b, "");
}

static void a_database_that_is_away_is_asked_again_after_growing_pauses(void **state)
{
    bench *b = *state;
    snprintf(b->connection, sizeof b->connection, "Driver=SQLite3;Database=%s/later/db", b->on.folder);
    value(b, "snapshot")->flag = true;
    assert_int_equal(open_poll(b), 0);
    static const int pauses[] = {1000, 2000, 3000, 3000};
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(poll_once(b), pauses[i]);
        assert_non_null(strstr(b->logged, "the database is asked again in"));
        b->now_ms += pauses[i];
    }
    assert_int_equal(mkdir(stage_path(&b->on, "later"), 0700), 0);
    open_database(b);
    run(b, "INSERT INTO t (id) VALUES (1)");
    assert_int_equal(poll_once(b), 30000);
    says(b, "{\"id\":\"1\",\"at\":null,\"what\":null}\n");
}

static void a_database_that_hangs_ends_it(void **state)
{
    bench *b = *state;
    strcat(b->connection, "00"); /* the driver waits 20 s for the lock */
    begin(b, true);
    run(b, "BEGIN EXCLUSIVE");
    assert_true(TRANSPORT.step(b->transport) > 0);
    b->now_ms += 19999;
    assert_int_equal(TRANSPORT.step(b->transport), 1);
    b->now_ms += 1;
    assert_int_equal(TRANSPORT.step(b->transport), CASEHUB_STEP_FAILED);
    assert_string_equal(b->reason, "the database, or its driver, does not answer");
    run(b, "COMMIT");
}

static void rows_that_cannot_be_read_say_why(void **state)
{
    bench *b = *state;
    begin(b, true);
    run(b, "INSERT INTO t VALUES (NULL, 'a', 'x'), (2, CAST(x'ff41' AS TEXT), 'y'),"
           " (3, 'c', printf('%.*c', 1025, 'z')), (4, 'd', 'q\"\\' || char(10) || '张')");
    poll_once(b);
    says(b, "{\"$failed\":{\"code\":\"invalid\",\"field\":\"id\",\"reason\":\"the key is NULL\"},"
            "\"id\":null,\"at\":\"a\",\"what\":\"x\"}\n"
            "{\"$failed\":{\"code\":\"invalid\",\"field\":\"at\",\"reason\":\"the value is no UTF-8\"},"
            "\"id\":\"2\",\"at\":null,\"what\":\"y\"}\n"
            "{\"$failed\":{\"code\":\"too-large\",\"field\":\"what\",\"reason\":\"a value of more than 1024 "
            "bytes\"},"
            "\"id\":\"3\",\"at\":\"c\",\"what\":null}\n"
            "{\"id\":\"4\",\"at\":\"d\",\"what\":\"q\\\"\\\\\\u000a张\"}\n");
}

static void a_snapshot_tells_only_rows_that_changed(void **state)
{
    bench *b = *state;
    begin(b, true);
    run(b, "INSERT INTO t VALUES (1, 'a', 'x'), (2, 'b', 'y')");
    poll_once(b);
    says(b, "{\"id\":\"1\",\"at\":\"a\",\"what\":\"x\"}\n{\"id\":\"2\",\"at\":\"b\",\"what\":\"y\"}\n");
    poll_again(b);
    says(b, "");
    run(b, "UPDATE t SET what = 'z' WHERE id = 2");
    poll_again(b);
    says(b, "{\"id\":\"2\",\"at\":\"b\",\"what\":\"z\"}\n");
    run(b, "UPDATE t SET what = 'y' WHERE id = 2");
    poll_again(b);
    says(b, "{\"id\":\"2\",\"at\":\"b\",\"what\":\"y\"}\n");
    assert_string_equal(b->position, "");
}

static void what_was_not_taken_is_offered_again_unchanged(void **state)
{
    bench *b = *state;
    char identity[128];
    begin(b, true);
    run(b, "INSERT INTO t VALUES (1, 'a', 'x')");
    b->verdict = CASEHUB_RETRY;
    assert_int_equal(poll_once(b), 1000);
    snprintf(identity, sizeof identity, "%s", b->identity);
    run(b, "UPDATE t SET what = 'other'");
    close_poll(b); /* as a crash would */
    begin(b, true);
    b->verdict = CASEHUB_DONE;
    assert_int_equal(TRANSPORT.step(b->transport), 0);
    says(b, "{\"id\":\"1\",\"at\":\"a\",\"what\":\"x\"}\n");
    assert_string_equal(b->identity, identity);
    poll_once(b);
    says(b, "{\"id\":\"1\",\"at\":\"a\",\"what\":\"other\"}\n");
    assert_false(stage_has(&b->on, "test.poll"));
}

static void what_a_power_loss_left_of_a_spool_is_dropped(void **state)
{
    bench *b = *state;
    begin(b, true);
    run(b, "INSERT INTO t VALUES (1, 'a', 'x')");
    b->verdict = CASEHUB_RETRY;
    poll_once(b);
    close_poll(b);
    assert_int_equal(truncate(stage_path(&b->on, "test.poll"), 4100), 0);
    b->verdict = CASEHUB_DONE;
    begin(b, true);
    assert_false(stage_has(&b->on, "test.poll"));
    b->now_ms += 1000;
    poll_once(b);
    says(b, "{\"id\":\"1\",\"at\":\"a\",\"what\":\"x\"}\n");
}

/* Only ids, in the order in which they were told. */
static void tells_ids(bench *b, const char *ids)
{
    char got[512] = "";
    for (const char *at = b->on.text; (at = strstr(at, "\"id\":\"")) != NULL; at += 6) {
        snprintf(got + strlen(got), sizeof got - strlen(got), "%.*s ", (int)strcspn(at + 6, "\""), at + 6);
    }
    assert_string_equal(got, ids);
}

static void equal_watermarks_are_read_on_by_their_keys(void **state)
{
    bench *b = *state;
    value(b, "rows_most")->number = 2;
    begin(b, false);
    run(b, "INSERT INTO t VALUES (1, '2026-11-23 08:00:00', ''), (2, '2026-11-23 08:00:00', ''),"
           " (3, '2026-11-23 08:00:00', ''), (4, '2026-11-23 08:00:00', ''), (5, '2026-11-23 07:00:00', '')");
    assert_int_equal(poll_once(b), 0);
    tells_ids(b, "5 1 ");
    close_poll(b); /* the position knows where it was */
    begin(b, false);
    assert_int_equal(poll_once(b), 0);
    tells_ids(b, "2 3 ");
    assert_int_equal(poll_once(b), 30000);
    tells_ids(b, "4 ");
}

static void late_commits_are_found_within_the_overlap_and_later_ones_by_reconciling(void **state)
{
    bench *b = *state;
    value(b, "reconcile")->number = 86400000;
    begin(b, false);
    run(b, "INSERT INTO t VALUES (1, '2026-11-23 08:00:00', ''), (2, '2026-11-23 08:20:00', '')");
    poll_once(b);
    tells_ids(b, "1 2 ");
    run(b, "INSERT INTO t VALUES (3, '2026-11-23 08:10:00', ''), (4, '2026-11-23 08:09:59', '')");
    poll_again(b);
    tells_ids(b, "3 ");
    poll_again(b);
    tells_ids(b, "");
    b->now_ms += 86400000;
    poll_once(b);
    tells_ids(b, "1 4 3 2 ");
}

static void a_restart_tells_nothing_twice(void **state)
{
    bench *b = *state;
    begin(b, false);
    run(b, "INSERT INTO t VALUES (1, '2026-11-23 08:00:00', ''), (2, '2026-11-23 08:05:00', '')");
    poll_once(b);
    close_poll(b);
    begin(b, false);
    poll_once(b);
    tells_ids(b, "");
    run(b, "UPDATE t SET what = 'more' WHERE id = 1");
    poll_again(b);
    tells_ids(b, "1 ");
}

static void a_watermark_may_be_an_integer(void **state)
{
    bench *b = *state;
    value(b, "query")->text = "SELECT id, id AS at FROM t";
    begin(b, false);
    run(b, "INSERT INTO t (id) VALUES (100), (89)");
    poll_once(b);
    tells_ids(b, "89 100 ");
    run(b, "INSERT INTO t (id) VALUES (88), (90), (101)");
    poll_again(b);
    tells_ids(b, "90 101 ");
}

static void watermarks_that_are_none_hide_no_row_behind_them(void **state)
{
    bench *b = *state;
    begin(b, false);
    run(b, "INSERT INTO t VALUES (1, '2026-11-23 08:00:00', ''), (2, 'yesterday', ''), (3, '2099-01-01 "
           "00:00:00', ''),"
           " (4, NULL, '')");
    poll_once(b);
    assert_non_null(
        strstr(b->on.text, "\"field\":\"at\",\"reason\":\"the watermark is neither a time nor an integer\""));
    tells_ids(b, "1 3 2 ");
    run(b, "INSERT INTO t VALUES (5, '2026-11-23 08:01:00', '')");
    poll_again(b);
    tells_ids(b, "5 ");
}

static void rows_without_a_watermark_are_counted(void **state)
{
    bench *b = *state;
    begin(b, false);
    run(b, "INSERT INTO t VALUES (1, NULL, '')");
    poll_once(b);
    assert_string_equal(b->logged, "1 rows have no at and are not read");
}

static void a_row_that_failed_becomes_a_dead_letter_that_names_its_column(void **state)
{
    bench *b = *state;
    static const char rows[] =
        "{\"$failed\":{\"code\":\"too-large\",\"field\":\"what\",\"reason\":\"a value\"},\"id\":\"1\"}\n"
        "{\"id\":\"2\"}\n[]\n{\"id\":\n";
    memory_unit memory;
    ch_rows *known = NULL;
    ch_pipeline *pipeline = NULL;
    bool lost;
    ch_error error;
    const ch_pipeline_run_options none = {.skip_rows = 0};
    stage_configure(&b->on, "{type: \"case.noted\", id: .id, time: $record.time, ref: .id, data: {}}",
                    "format = \"row\";");
    assert_status(ch_rows_open(&known, NULL, "", 10, &lost, &error), CH_OK);
    assert_status(ch_pipeline_open(&pipeline, b->on.config, known, NULL, ch_clock_real(), &error), CH_OK);
    memory_unit_init(&memory, "poll", "1", rows, sizeof rows - 1);
    assert_status(ch_pipeline_run(pipeline, &memory.unit, &none, stage_take, &b->on, &error), CH_OK);
    says(b, "1 !too-large poll:1: what: a value\n2 2 case.noted\n"
            "3 !invalid poll:3: an object is expected\n4 !invalid poll:4: an object is expected\n");
    ch_pipeline_close(pipeline);
    ch_rows_close(known);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(refuses_settings_that_do_not_fit, enter, leave),
        cmocka_unit_test(tells_where_it_connects_without_the_user),
        cmocka_unit_test_setup_teardown(a_query_that_cannot_be_run_ends_it_with_the_reason, enter, leave),
        cmocka_unit_test_setup_teardown(more_rows_than_a_snapshot_may_have_end_it, enter, leave),
        cmocka_unit_test_setup_teardown(a_database_that_is_away_is_asked_again_after_growing_pauses, enter,
                                        leave),
        cmocka_unit_test_setup_teardown(a_database_that_hangs_ends_it, enter, leave),
        cmocka_unit_test_setup_teardown(rows_that_cannot_be_read_say_why, enter, leave),
        cmocka_unit_test_setup_teardown(a_row_that_failed_becomes_a_dead_letter_that_names_its_column, enter,
                                        leave),
        cmocka_unit_test_setup_teardown(a_snapshot_tells_only_rows_that_changed, enter, leave),
        cmocka_unit_test_setup_teardown(what_was_not_taken_is_offered_again_unchanged, enter, leave),
        cmocka_unit_test_setup_teardown(what_a_power_loss_left_of_a_spool_is_dropped, enter, leave),
        cmocka_unit_test_setup_teardown(equal_watermarks_are_read_on_by_their_keys, enter, leave),
        cmocka_unit_test_setup_teardown(
            late_commits_are_found_within_the_overlap_and_later_ones_by_reconciling, enter, leave),
        cmocka_unit_test_setup_teardown(a_restart_tells_nothing_twice, enter, leave),
        cmocka_unit_test_setup_teardown(a_watermark_may_be_an_integer, enter, leave),
        cmocka_unit_test_setup_teardown(watermarks_that_are_none_hide_no_row_behind_them, enter, leave),
        cmocka_unit_test_setup_teardown(rows_without_a_watermark_are_counted, enter, leave),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
