/* Messages into a SQLite file, under a host that the test plays. */
#include "connectors/senders/senders.h"
#include "connectors/transports/odbc.h"
#include "tests/unit/connectors/stage.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define SENDER ch_sender_odbc_exec
#define ANSWER_MS 60000 /* only what is broken needs it */

typedef struct bench {
    stage on;
    casehub_host host;
    casehub_value values[6];
    char connection[256], reason[320], failure[320];
    int64_t now_ms;
    int sent; /* -1: not settled */
    void *sender;
    ch_odbc *database;
} bench;

static int64_t monotonic_ms(const casehub_host *host)
{
    return ((bench *)host->context)->now_ms;
}

static void fail_with(const casehub_host *host, const char *reason)
{
    bench *b = host->context;
    snprintf(b->failure, sizeof b->failure, "%s", reason);
}

static void settle(const casehub_host *host, casehub_sent sent, const char *reason, int64_t wait_ms,
                   const char *answer, size_t answer_size)
{
    bench *b = host->context;
    assert_int_equal(b->sent, -1);
    assert_int_equal(wait_ms, -1);
    assert_true(answer == NULL && answer_size == 0);
    b->sent = (int)sent;
    snprintf(b->reason, sizeof b->reason, "%s", reason == NULL ? "" : reason);
}

static casehub_value *value(bench *b, const char *name)
{
    for (size_t i = 0; i < SENDER.option_count; i++) {
        if (strcmp(SENDER.options[i].name, name) == 0) {
            return &b->values[i];
        }
    }
    fail_msg("there is no option %s", name);
    return NULL;
}

static void run(bench *b, const char *sql)
{
    ch_error error;
    if (ch_odbc_run(b->database, sql, NULL, 0, &error) != CH_OK) {
        fail_msg("%s: %s", sql, error.text);
    }
}

static int enter(void **state)
{
    static const char *const names[] = {"ref", "state", "$id"};
    static bench b;
    ch_error error;
    b = (bench){.now_ms = 1000};
    stage_enter(&b.on);
    snprintf(b.connection, sizeof b.connection, "Driver=SQLite3;Database=%s/db;StepAPI=1;Timeout=100",
             b.on.folder);
    b.host = (casehub_host){CASEHUB_SIZED(casehub_host), .context = &b, .monotonic_ms = monotonic_ms,
                            .fail = fail_with, .settle = settle};
    value(&b, "connection")->text = b.connection;
    value(&b, "password_file")->text = "";
    value(&b, "statement")->text = "INSERT INTO t VALUES (?, ?, ?) ON CONFLICT DO NOTHING";
    value(&b, "parameters")->texts = names;
    value(&b, "parameters")->text_count = 3;
    value(&b, "timeout")->number = 5000;
    if (ch_odbc_open(&b.database, b.connection, "", 5000, &error) != CH_OK) {
        fail_msg("libsqliteodbc is needed: %s", error.text);
    }
    run(&b, "CREATE TABLE t (ref TEXT, state TEXT CHECK (state <> 'wrong'), id TEXT PRIMARY KEY)");
    ch_odbc_finish(b.database);
    *state = &b;
    return 0;
}

static int leave(void **state)
{
    bench *b = *state;
    if (b->sender != NULL) {
        SENDER.close(b->sender);
        free(b->sender);
        b->sender = NULL;
    }
    ch_odbc_close(b->database);
    stage_leave(&b->on);
    return 0;
}

static int open_sender(bench *b)
{
    b->sender = calloc(1, SENDER.state_size);
    return SENDER.open(b->sender, &b->host, b->values);
}

static void hand_over(bench *b, const char *body)
{
    const casehub_message message = {CASEHUB_SIZED(casehub_message), .id = "hub/7/1", .body = body,
                                     .body_size = strlen(body), .attempt = 1};
    if (b->sender == NULL) {
        assert_int_equal(open_sender(b), 0);
    }
    b->sent = -1;
    SENDER.send(b->sender, &message);
}

static void is_settled(bench *b, casehub_sent sent, const char *reason)
{
    if (b->sent == -1) {
        struct pollfd ended = {.fd = SENDER.fd(b->sender), .events = POLLIN};
        assert_int_equal(poll(&ended, 1, ANSWER_MS), 1);
        assert_int_equal(SENDER.step(b->sender), CASEHUB_STEP_WAIT);
    }
    assert_string_equal(b->reason, reason);
    assert_int_equal(b->sent, sent);
}

static void table_holds(bench *b, const char *rows)
{
    ch_buf cell;
    bool is_null;
    ch_error error;
    ch_buf_init(&cell, 1000);
    run(b,
        "SELECT COALESCE(GROUP_CONCAT(ref || '=' || COALESCE(state, 'NULL') || '#' || id, '|'), '') FROM t");
    assert_status(ch_odbc_fetch(b->database, &error), CH_OK);
    assert_status(ch_odbc_cell(b->database, 0, 999, &cell, &is_null, &error), CH_OK);
    assert_int_equal(cell.size, strlen(rows));
    assert_memory_equal(cell.at, rows, cell.size);
    ch_odbc_finish(b->database);
    ch_buf_done(&cell);
}

static void refuses_a_password_in_the_connection(void **state)
{
    bench *b = *state;
    value(b, "connection")->text = "Driver=SQLite3;Password=geheim";
    assert_int_equal(open_sender(b), -1);
    assert_string_equal(b->failure, "connection: a password belongs into password_file");
}

static void a_body_without_the_member_is_undeliverable(void **state)
{
    bench *b = *state;
    hand_over(b, "[1]");
    is_settled(b, CASEHUB_UNDELIVERABLE, "the message's body is no JSON object");
    hand_over(b, "{\"ref\": \"1\"}");
    is_settled(b, CASEHUB_UNDELIVERABLE, "the message has no member state");
}

static void what_the_database_refuses_is_undeliverable_and_no_value_is_told(void **state)
{
    bench *b = *state;
    hand_over(b, "{\"ref\": \"1\", \"state\": \"wrong\"}");
    is_settled(b, CASEHUB_UNDELIVERABLE, "SQLSTATE HY000 (19): the database refuses it");
    hand_over(b, "{\"ref\": \"1\", \"state\": \"right\"}");
    is_settled(b, CASEHUB_SENT, "");
}

static void a_database_that_is_away_or_locked_gets_it_later(void **state)
{
    bench *b = *state;
    run(b, "BEGIN EXCLUSIVE");
    hand_over(b, "{\"ref\": \"1\", \"state\": \"a\"}");
    is_settled(b, CASEHUB_LATER, "SQLSTATE HY000 (5): the database cannot do it now");
    run(b, "COMMIT");
    hand_over(b, "{\"ref\": \"1\", \"state\": \"a\"}");
    is_settled(b, CASEHUB_SENT, "");
    table_holds(b, "1=a#hub/7/1");
    leave(state);
    enter(state);
    value(b, "connection")->text = "Driver=SQLite3;Database=/nowhere/db";
    hand_over(b, "{\"ref\": \"1\", \"state\": \"a\"}");
    is_settled(b, CASEHUB_LATER, "SQLSTATE HY000: [SQLite]connect failed");
}

static void a_message_that_comes_again_is_written_once(void **state)
{
    bench *b = *state;
    for (unsigned i = 0; i < 2; i++) {
        hand_over(b, "{\"ref\": \"1\", \"state\": null}");
        is_settled(b, CASEHUB_SENT, "");
    }
    table_holds(b, "1=NULL#hub/7/1");
}

static void values_are_never_part_of_the_statement(void **state)
{
    bench *b = *state;
    hand_over(b, "{\"ref\": \"'); DROP TABLE t; --\", \"state\": {\"n\": [1, true]}}");
    is_settled(b, CASEHUB_SENT, "");
    table_holds(b, "'); DROP TABLE t; --={\"n\":[1,true]}#hub/7/1");
}

static void an_update_that_meets_no_row_is_undeliverable_where_one_is_expected(void **state)
{
    bench *b = *state;
    value(b, "statement")->text = "UPDATE t SET ref = ?, state = ? WHERE id = ?";
    value(b, "must_change")->flag = true;
    hand_over(b, "{\"ref\": \"1\", \"state\": 2}");
    is_settled(b, CASEHUB_UNDELIVERABLE, "the statement changes no row");
    run(b, "INSERT INTO t VALUES ('', '', 'hub/7/1')");
    ch_odbc_finish(b->database);
    hand_over(b, "{\"ref\": \"1\", \"state\": 2}");
    is_settled(b, CASEHUB_SENT, "");
    table_holds(b, "1=2#hub/7/1");
}

static void a_database_that_hangs_ends_it(void **state)
{
    bench *b = *state;
    strcat(b->connection, "000");
    run(b, "BEGIN EXCLUSIVE");
    hand_over(b, "{\"ref\": \"1\", \"state\": \"a\"}");
    assert_true(SENDER.step(b->sender) > 0);
    b->now_ms += 15000;
    assert_int_equal(SENDER.step(b->sender), CASEHUB_STEP_FAILED);
    assert_string_equal(b->failure, "the database, or its driver, does not answer");
    assert_int_equal(b->sent, -1);
    run(b, "COMMIT");
}

static void a_password_that_cannot_be_read_is_no_fault_of_the_message(void **state)
{
    bench *b = *state;
    char path[240], reason[320];
    snprintf(path, sizeof path, "%s/password", b->on.folder);
    value(b, "password_file")->text = path;
    hand_over(b, "{\"ref\": \"1\", \"state\": \"a\"}");
    snprintf(reason, sizeof reason, "%s: No such file or directory", path);
    is_settled(b, CASEHUB_LATER, reason);
    assert_int_equal(mkfifo(path, 0600), 0); /* nobody ever writes into it */
    hand_over(b, "{\"ref\": \"1\", \"state\": \"a\"}");
    snprintf(reason, sizeof reason, "%s: it is no plain file", path);
    is_settled(b, CASEHUB_LATER, reason);
    assert_int_equal(unlink(path), 0);
    stage_write(&b->on, "password", "geheim\n");
    assert_int_equal(chmod(path, 0640), 0);
    hand_over(b, "{\"ref\": \"1\", \"state\": \"a\"}");
    snprintf(reason, sizeof reason, "%s: only its owner may read it: chmod 600", path);
    is_settled(b, CASEHUB_LATER, reason);
    assert_int_equal(chmod(path, 0600), 0);
    hand_over(b, "{\"ref\": \"1\", \"state\": \"a\"}");
    is_settled(b, CASEHUB_SENT, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(refuses_a_password_in_the_connection, enter, leave),
        cmocka_unit_test_setup_teardown(a_body_without_the_member_is_undeliverable, enter, leave),
        cmocka_unit_test_setup_teardown(what_the_database_refuses_is_undeliverable_and_no_value_is_told,
                                        enter, leave),
        cmocka_unit_test_setup_teardown(a_database_that_is_away_or_locked_gets_it_later, enter, leave),
        cmocka_unit_test_setup_teardown(a_message_that_comes_again_is_written_once, enter, leave),
        cmocka_unit_test_setup_teardown(a_password_that_cannot_be_read_is_no_fault_of_the_message, enter,
                                        leave),
        cmocka_unit_test_setup_teardown(values_are_never_part_of_the_statement, enter, leave),
        cmocka_unit_test_setup_teardown(an_update_that_meets_no_row_is_undeliverable_where_one_is_expected,
                                        enter, leave),
        cmocka_unit_test_setup_teardown(a_database_that_hangs_ends_it, enter, leave),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
