/* The drop folder under a host that the test plays, on a clock that the test moves. */
#include "connectors/transports/transports.h"
#include "tests/unit/connectors/stage.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct bench {
    stage on;
    casehub_host host;
    casehub_value values[4];
    char folder[128], address[256], reason[320], content[4096];
    int64_t now_ms;
    casehub_verdict verdict;
    const char *append;  /* written to the file while it is taken */
    const char *replace; /* a file of this content takes its place while it is taken */
    void *transport;
} bench;

static void say_nothing(const casehub_host *host, casehub_level level, const char *text)
{
    (void)host, (void)level, (void)text;
}

static int64_t monotonic_ms(const casehub_host *host)
{
    return ((bench *)host->context)->now_ms;
}

static int64_t wall_ms(const casehub_host *host)
{
    return ((bench *)host->context)->on.clock.now_ms;
}

static void set_address(const casehub_host *host, const char *address)
{
    bench *b = host->context;
    snprintf(b->address, sizeof b->address, "%s", address);
}

static void fail_with(const casehub_host *host, const char *reason)
{
    bench *b = host->context;
    snprintf(b->reason, sizeof b->reason, "%s", reason);
}

/* What others do to the file meanwhile. */
static void meddle(bench *b, const char *name)
{
    char path[300], beside[300];
    snprintf(path, sizeof path, "%s/%s", b->folder, name);
    snprintf(beside, sizeof beside, "%s/%s.part", b->folder, name);
    if (b->append != NULL) {
        FILE *file = fopen(path, "ab");
        fputs(b->append, file);
        fclose(file);
        b->append = NULL;
    }
    if (b->replace != NULL) {
        FILE *file = fopen(beside, "wb");
        fputs(b->replace, file);
        fclose(file);
        assert_int_equal(rename(beside, path), 0);
        b->replace = NULL;
    }
}

static casehub_verdict take(const casehub_host *host, const casehub_unit *unit, casehub_outcome *outcome)
{
    bench *b = host->context;
    char bytes[256];
    long got;
    stage_print(&b->on, "%s ", unit->name);
    while ((got = unit->read(unit->context, bytes, sizeof bytes)) > 0) {
        stage_print(&b->on, "%.*s", (int)got, bytes);
    }
    stage_print(&b->on, "\n");
    meddle(b, unit->name);
    snprintf(outcome->code, sizeof outcome->code, "invalid");
    snprintf(outcome->reason, sizeof outcome->reason, "as scripted");
    return b->verdict;
}

static int enter(void **state)
{
    static bench b;
    b = (bench){.now_ms = 1000000, .verdict = CASEHUB_DONE};
    stage_enter(&b.on);
    snprintf(b.folder, sizeof b.folder, "%s/in", b.on.folder);
    b.host = (casehub_host){CASEHUB_SIZED(casehub_host),
                            .context = &b,
                            .log = say_nothing,
                            .wall_ms = wall_ms,
                            .monotonic_ms = monotonic_ms,
                            .set_address = set_address,
                            .fail = fail_with,
                            .take = take};
    b.values[0].text = b.folder;
    b.values[1].number = 2000;
    b.values[2].number = 5000;
    b.values[3].number = INT64_C(86400000);
    *state = &b;
    return 0;
}

static void open_drop(bench *b)
{
    b->transport = calloc(1, ch_transport_file_drop.state_size);
    assert_int_equal(ch_transport_file_drop.open(b->transport, &b->host, b->values), 0);
}

static void close_drop(bench *b)
{
    ch_transport_file_drop.close(b->transport);
    free(b->transport);
    b->transport = NULL;
}

static int leave(void **state)
{
    bench *b = *state;
    if (b->transport != NULL) {
        close_drop(b);
    }
    stage_leave(&b->on);
    return 0;
}

static int step(bench *b)
{
    return ch_transport_file_drop.step(b->transport);
}

/* Until there is nothing more to do now. */
static int settle(bench *b)
{
    int wait_ms = 0;
    for (unsigned i = 0; i < 100 && wait_ms == 0; i++) {
        wait_ms = step(b);
    }
    return wait_ms;
}

static void put(bench *b, const char *name, const char *text)
{
    char inner[128];
    snprintf(inner, sizeof inner, "in/%s", name);
    stage_write(&b->on, inner, text);
}

static void never_opens_links_pipes_and_half_names(void **state)
{
    bench *b = *state;
    open_drop(b);
    put(b, ".hidden.csv", "x");
    put(b, "half.csv.part", "x");
    put(b, "half.tmp", "x");
    assert_int_equal(symlink("/etc/passwd", stage_path(&b->on, "in/link.csv")), 0);
    assert_int_equal(mkfifo(stage_path(&b->on, "in/pipe.csv"), 0600), 0);
    assert_int_equal(mkdir(stage_path(&b->on, "in/folder.csv"), 0700), 0);
    settle(b);
    assert_string_equal(b->on.text, "");
    assert_true(stage_has(&b->on, "in/.hidden.csv") && stage_has(&b->on, "in/half.csv.part"));
    assert_true(stage_has(&b->on, "in/half.tmp") && stage_has(&b->on, "in/folder.csv"));
    assert_false(stage_has(&b->on, "in/link.csv"));
    assert_true(stage_has(&b->on, "in/rejected/link.csv") &&
                stage_has(&b->on, "in/rejected/pipe.csv.reason.txt"));
}

static void waits_for_a_file_that_nobody_closed_before_its_eyes(void **state)
{
    bench *b = *state;
    assert_int_equal(mkdir(b->folder, 0700), 0);
    put(b, "a.csv", "one");
    open_drop(b);
    assert_int_equal(step(b), 2000);
    b->now_ms += 1999;
    assert_int_equal(step(b), 1);
    /* It grew meanwhile: the wait begins again. */
    FILE *file = fopen(stage_path(&b->on, "in/a.csv"), "ab");
    fputs("two", file);
    fflush(file);
    b->now_ms += 1;
    assert_int_equal(step(b), 2000);
    b->now_ms += 2000;
    settle(b);
    assert_string_equal(b->on.text, "a.csv onetwo\n");
    fclose(file);
}

static void takes_at_once_what_was_closed_or_renamed_in(void **state)
{
    bench *b = *state;
    open_drop(b);
    put(b, "closed.csv", "c");
    put(b, "renamed.part", "r");
    assert_int_equal(rename(stage_path(&b->on, "in/renamed.part"), stage_path(&b->on, "in/renamed.csv")), 0);
    settle(b);
    assert_non_null(strstr(b->on.text, "closed.csv c\n"));
    assert_non_null(strstr(b->on.text, "renamed.csv r\n"));
    assert_true(stage_has(&b->on, "in/done/closed.csv") && stage_has(&b->on, "in/done/renamed.csv"));
    assert_false(stage_has(&b->on, "in/closed.csv"));
}

static void tells_the_folder_as_its_address(void **state)
{
    bench *b = *state;
    open_drop(b);
    assert_string_equal(b->address, b->folder);
}

static void takes_files_in_the_order_they_were_written(void **state)
{
    bench *b = *state;
    open_drop(b);
    put(b, "a.csv", "2");
    put(b, "b.csv", "1");
    const struct timespec old[2] = {{.tv_sec = 1000}, {.tv_sec = 1000}};
    assert_int_equal(utimensat(AT_FDCWD, stage_path(&b->on, "in/b.csv"), old, 0), 0);
    settle(b);
    assert_string_equal(b->on.text, "b.csv 1\na.csv 2\n");
}

static void a_rejected_file_is_kept_with_its_reason(void **state)
{
    bench *b = *state;
    char text[200];
    b->verdict = CASEHUB_REJECT;
    open_drop(b);
    put(b, "a.csv", "x");
    settle(b);
    put(b, "a.csv", "y");
    settle(b);
    stage_read(stage_path(&b->on, "in/rejected/a.csv.reason.txt"), text, sizeof text);
    assert_string_equal(text, "invalid: as scripted\n");
    stage_read(stage_path(&b->on, "in/rejected/2.a.csv"), text, sizeof text);
    assert_string_equal(text, "y");
}

static void offers_a_file_again_after_a_while_when_it_could_not_be_taken(void **state)
{
    bench *b = *state;
    b->verdict = CASEHUB_RETRY;
    open_drop(b);
    put(b, "a.csv", "x");
    assert_int_equal(settle(b), 1000);
    assert_int_equal(step(b), 1000);
    assert_string_equal(b->on.text, "a.csv x\n");
    b->verdict = CASEHUB_DONE;
    b->now_ms += 1000;
    settle(b);
    assert_string_equal(b->on.text, "a.csv x\na.csv x\n");
    assert_true(stage_has(&b->on, "in/done/a.csv"));
}

static void a_file_written_to_while_it_is_taken_is_taken_again(void **state)
{
    bench *b = *state;
    b->append = "more";
    open_drop(b);
    put(b, "a.csv", "x");
    settle(b);
    settle(b);
    assert_string_equal(b->on.text, "a.csv x\na.csv xmore\n");
    assert_true(stage_has(&b->on, "in/done/a.csv"));
}

static void a_file_that_takes_the_place_of_the_one_in_hand_is_taken_next(void **state)
{
    static const casehub_verdict verdicts[] = {CASEHUB_DONE, CASEHUB_REJECT};
    bench *b = *state;
    open_drop(b);
    for (size_t i = 0; i < sizeof verdicts / sizeof *verdicts; i++) {
        b->verdict = verdicts[i];
        b->replace = "new";
        b->on.text[0] = '\0';
        put(b, "a.csv", "old");
        settle(b);
        settle(b);
        assert_string_equal(b->on.text, "a.csv old\na.csv new\n");
        assert_false(stage_has(&b->on, "in/a.csv"));
    }
}

static void deletes_old_files_from_done_and_rejected_only(void **state)
{
    bench *b = *state;
    open_drop(b);
    settle(b);
    stage_write(&b->on, "in/done/old.csv", "x");
    stage_write(&b->on, "in/rejected/old.csv", "x");
    put(b, "keep.part", "x");
    struct stat of;
    assert_int_equal(stat(stage_path(&b->on, "in/done/old.csv"), &of), 0);
    b->on.clock.now_ms = (int64_t)of.st_ctim.tv_sec * 1000 + 86400000 - 1000;
    b->now_ms += 3600000;
    settle(b);
    assert_true(stage_has(&b->on, "in/done/old.csv"));
    b->on.clock.now_ms += 3000;
    b->now_ms += 3600000;
    settle(b);
    assert_false(stage_has(&b->on, "in/done/old.csv") || stage_has(&b->on, "in/rejected/old.csv"));
    assert_true(stage_has(&b->on, "in/keep.part"));
}

static void a_folder_that_cannot_be_is_a_failure_with_its_name(void **state)
{
    bench *b = *state;
    stage_write(&b->on, "in", "a file");
    b->transport = calloc(1, ch_transport_file_drop.state_size);
    assert_int_equal(ch_transport_file_drop.open(b->transport, &b->host, b->values), -1);
    assert_non_null(strstr(b->reason, b->folder));
}

int main(void)
{
#define ON_BENCH(name) cmocka_unit_test_setup_teardown(name, enter, leave)
    const struct CMUnitTest tests[] = {
        ON_BENCH(never_opens_links_pipes_and_half_names),
        ON_BENCH(waits_for_a_file_that_nobody_closed_before_its_eyes),
        ON_BENCH(takes_at_once_what_was_closed_or_renamed_in),
        ON_BENCH(tells_the_folder_as_its_address),
        ON_BENCH(takes_files_in_the_order_they_were_written),
        ON_BENCH(a_rejected_file_is_kept_with_its_reason),
        ON_BENCH(offers_a_file_again_after_a_while_when_it_could_not_be_taken),
        ON_BENCH(a_file_written_to_while_it_is_taken_is_taken_again),
        ON_BENCH(a_file_that_takes_the_place_of_the_one_in_hand_is_taken_next),
        ON_BENCH(deletes_old_files_from_done_and_rejected_only),
        ON_BENCH(a_folder_that_cannot_be_is_a_failure_with_its_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
