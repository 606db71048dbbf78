/* The whole hub in one process, with clients on threads of their own: whatever happens at the same time, what was
 * acknowledged is in the log once, and whoever subscribed hears it in order. Made for the thread sanitizer.
 */
#include "tests/unit/check.h"
#include "tests/unit/run/crowd.h"
#include "tests/unit/store/folder.h"

#include "hub/config/rules_config.h"
#include "hub/run/hub.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define PUBLISHERS 2
#define MAP ((size_t)256 << 20)
#define ANSWERS 400 /* of each publisher, before the hub is stopped */
#define ROUNDS 3    /* of grants, revocations and new rules */
#define TURN_MS 20
#define TURNS 2000 /* of these, until what must happen counts as missing */

typedef struct fixture {
    char base[FOLDER_PATH_SIZE], dir[FOLDER_PATH_SIZE * 2], hub_key[FOLDER_PATH_SIZE * 2];
    char ipc[FOLDER_PATH_SIZE * 2], key_files[PUBLISHERS + 2][FOLDER_PATH_SIZE * 2];
    char public_key[CH_KEY_Z85_SIZE], secret_key[CH_KEY_Z85_SIZE];
    ch_rules *rules[2];
    ch_grant grants[PUBLISHERS + 2];
    ch_hub_options options;
    ch_hub *hub;
    ch_error error;
    atomic_bool over;
    publisher publishers[PUBLISHERS];
    subscriber subscriber;
    listener listener;
    asker asker;
    crowd_member operator_;
    unsigned said; /* events of the operator */
    char refused[64];
} fixture;

static void on_fatal(void *context, const ch_error *error)
{
    (void)context;
    fprintf(stderr, "%s: %s: %s\n", ch_status_name(error->status), error->where, error->text);
    abort();
}

/* A key file of a client, and its public key. */
static void make_key(fixture *f, size_t index, char out_key[CH_KEY_TEXT_SIZE])
{
    char name[32];
    snprintf(name, sizeof name, "client-%zu.key", index);
    const ch_str path = ch_str_of(in_folder(f->base, name));
    assert_int_equal(ch_str_copy(f->key_files[index], sizeof f->key_files[index], path), CH_OK);
    assert_int_equal(casehub_key_new(f->key_files[index], f->public_key, out_key), 0);
}

static void add_grant(fixture *f, const ch_grant *grant)
{
    f->grants[f->options.grant_count++] = *grant;
}

/* Connectors that publish, an operator over tcp (the subscriber), and the operator over ipc. */
static void make_grants(fixture *f)
{
    for (size_t i = 0; i < PUBLISHERS; i++) {
        ch_grant grant = {.role = CH_ROLE_CONNECTOR, .source_count = 1, .sources = {"load"}};
        snprintf(grant.name, sizeof grant.name, "load-%zu", i);
        make_key(f, i, grant.key);
        add_grant(f, &grant);
    }
    ch_grant tcp = {.name = "operator", .role = CH_ROLE_OPERATOR, .private_right = CH_PRIVATE_ALL};
    make_key(f, PUBLISHERS, tcp.key);
    add_grant(f, &tcp);
    const ch_grant local = {.key = "local", .name = "local", .role = CH_ROLE_OPERATOR};
    add_grant(f, &local);
}

static void set_options(fixture *f)
{
    f->options = (ch_hub_options){
        .store = {.dir = f->dir,
                  .hub_key_file = f->hub_key,
                  .hub_code = f->rules[0]->hub_code,
                  .log_map_bytes = MAP,
                  .state_map_bytes = MAP,
                  .hot_cases = 64,
                  .random = ch_random_real()},
        .version = "1.2.3",
        .tcp_endpoint = "tcp://127.0.0.1:*",
        .ipc_endpoint = f->ipc,
        .public_key = f->public_key,
        .secret_key = f->secret_key,
        .http_port = -1,
        .clients_most = 16,
        .sockets_most = 64,
        .window_events = 512,
        .queue_bytes = 8 << 20,
        .batch_events = 64,
        .beside_events = 4, /* so that batches are committed on both threads */
        .commit_quiet_ms = 2,
        .commit_busy_ms = 10,
        .commit_events = 500,
        .heartbeat_ms = 5000,
        .subscriptions_most = 16,
        .credit_most = 4096,
        .held_most = 64,
        .ack_timeout_ms = 30000,
        .backoff_first_ms = 1,
        .backoff_most_ms = 4,
        .deliveries_most = 1000,
        .grants = f->grants,
        .rules = f->rules[0],
        .clock = ch_clock_real(),
        .on_fatal = on_fatal,
    };
    make_grants(f);
}

static int setup(void **state)
{
    fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    folder_make(f->base);
    snprintf(f->dir, sizeof f->dir, "%s/data", f->base);
    snprintf(f->hub_key, sizeof f->hub_key, "%s/hub.key", f->base);
    snprintf(f->ipc, sizeof f->ipc, "ipc://%s/hub.ipc", f->base);
    for (size_t i = 0; i < 2; i++) {
        assert_ok(ch_rules_load(&f->rules[i], CASEHUB_SOURCE_DIR "/schemas",
                                CASEHUB_SOURCE_DIR "/schemas/city", &f->error),
                  &f->error);
    }
    assert_int_equal(ch_curve_keypair(f->public_key, f->secret_key), CH_OK);
    set_options(f);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    fixture *f = *state;
    ch_hub_stop(f->hub);
    ch_rules_unref(f->rules[0]);
    ch_rules_unref(f->rules[1]);
    folder_remove(f->base);
    free(f);
    return 0;
}

static void start_hub(fixture *f)
{
    assert_ok(ch_hub_start(&f->hub, &f->options, &f->error), &f->error);
}

static void stop_hub(fixture *f)
{
    ch_hub_stop(f->hub);
    f->hub = NULL;
}

static crowd_member member_of(fixture *f, const char *endpoint, const char *key_file)
{
    return (crowd_member){.endpoint = endpoint, .key_file = key_file, .over = &f->over};
}

static void start_crowd(fixture *f, const char *tcp)
{
    for (unsigned i = 0; i < PUBLISHERS; i++) {
        f->publishers[i].member = member_of(f, tcp, f->key_files[i]);
        f->publishers[i].number = i;
        publisher_start(&f->publishers[i]);
    }
    f->subscriber.member = member_of(f, tcp, f->key_files[PUBLISHERS]);
    subscriber_start(&f->subscriber);
    f->listener.member = member_of(f, f->ipc, NULL);
    listener_start(&f->listener);
    f->asker.member = member_of(f, f->ipc, NULL);
    snprintf(f->asker.backup_dir, sizeof f->asker.backup_dir, "%s/backup", f->base);
    asker_start(&f->asker);
}

static size_t members(fixture *f, crowd_member *out_members[PUBLISHERS + 3])
{
    size_t count = 0;
    for (size_t i = 0; i < PUBLISHERS; i++) {
        out_members[count++] = &f->publishers[i].member;
    }
    out_members[count++] = &f->subscriber.member;
    out_members[count++] = &f->listener.member;
    out_members[count++] = &f->asker.member;
    return count;
}

static void join_crowd(fixture *f)
{
    crowd_member *all[PUBLISHERS + 3];
    size_t count = members(f, all);
    for (size_t i = 0; i < count; i++) {
        crowd_join(all[i]);
    }
    for (size_t i = 0; i < count; i++) {
        if (all[i]->failed[0] != '\0') {
            fail_msg("member %zu: %s", i, all[i]->failed);
        }
        assert_true(atomic_load(&all[i]->progress) > 0);
    }
}

/* ---- the operator, on the test's own thread */

static void take_answer(void *context, const casehub_answer *answer)
{
    fixture *f = context;
    if (strcmp(answer->code, "ok") != 0) {
        snprintf(f->refused, sizeof f->refused, "%s", answer->code);
    }
}

static void grant_visitor(fixture *f, const char *key, bool revoked)
{
    char event[512];
    int size =
        snprintf(event, sizeof event,
                 "{\"specversion\":\"1.0\",\"id\":\"grant-%u\",\"source\":\"desk\",\"type\":\"hub.grant\","
                 "\"time\":\"2026-11-23T02:27:00Z\",\"data\":{\"key\":\"%s\",\"name\":\"visitor\",\"role\":"
                 "\"auditor\",\"revoked\":%s}}",
                 f->said++, key, revoked ? "true" : "false");
    assert_int_equal(casehub_publish_json(f->operator_.hub, event, (size_t)size, 0), 0);
    assert_int_equal(casehub_flush(f->operator_.hub, TURNS * TURN_MS), 0);
    assert_string_equal(f->refused, "");
}

/* Whoever is let in is sent away again as soon as the grant is gone. */
static void let_in_and_send_away(fixture *f, const char *tcp, const char *key)
{
    crowd_member visitor = member_of(f, tcp, f->key_files[PUBLISHERS + 1]);
    grant_visitor(f, key, false);
    assert_non_null(crowd_connect(&visitor, NULL, NULL));
    assert_string_equal(casehub_actor(visitor.hub), "visitor");
    grant_visitor(f, key, true);
    unsigned turns = 0;
    while (casehub_poll(visitor.hub, TURN_MS) == 0 && turns < TURNS) {
        turns++;
    }
    assert_string_equal(casehub_error_code(visitor.hub), "denied");
    casehub_free(&visitor.hub);
}

static void change_rules(fixture *f, unsigned round)
{
    ch_status status = ch_hub_change_rules(f->hub, f->rules[(round + 1) % 2]);
    assert_true(status == CH_OK || status == CH_BUSY);
}

/* What the http thread does meanwhile in a hub that has one. */
static void print_metrics(fixture *f)
{
    ch_buf text;
    ch_buf_init(&text, 1 << 20);
    ch_metrics_print(&text, f->hub->metrics, ch_clock_monotonic_ms(f->options.clock));
    assert_int_equal(text.failed, CH_OK);
    ch_buf_done(&text);
}

static bool is_wanting(fixture *f)
{
    crowd_member *all[PUBLISHERS + 3];
    size_t count = members(f, all);
    bool has_come = true;
    for (size_t i = 0; i < PUBLISHERS; i++) {
        has_come = has_come && atomic_load(&f->publishers[i].member.progress) >= ANSWERS;
    }
    for (size_t i = PUBLISHERS; i < count; i++) {
        has_come = has_come && atomic_load(&all[i]->progress) > 0;
    }
    return !(has_come && atomic_load(&f->asker.backed_up));
}

/* Until everybody has done enough for the end to come in the middle of something. */
static void wait_for_load(fixture *f)
{
    for (unsigned turns = 0; turns < TURNS && is_wanting(f); turns++) {
        (void)casehub_poll(f->operator_.hub, TURN_MS);
        change_rules(f, turns);
        print_metrics(f);
    }
}

static void drive(fixture *f)
{
    char key[CH_KEY_TEXT_SIZE];
    const char *tcp = ch_hub_endpoint(f->hub);
    make_key(f, PUBLISHERS + 1, key);
    f->operator_ = member_of(f, f->ipc, NULL);
    assert_non_null(crowd_connect(&f->operator_, f, take_answer));
    for (unsigned round = 0; round < ROUNDS; round++) {
        let_in_and_send_away(f, tcp, key);
        change_rules(f, round);
    }
    wait_for_load(f);
}

/* ---- afterwards */

typedef struct found {
    fixture *f;
    uint64_t last;
    unsigned times[PUBLISHERS][CROWD_EVENTS_MOST];
    uint64_t sequences[PUBLISHERS][CROWD_EVENTS_MOST];
} found;

static void see_event(void *context, casehub *hub, const casehub_event *event)
{
    found *at = context;
    unsigned number, index;
    char *id = casehub_event_get(event, "id");
    (void)hub;
    assert_int_equal(event->sequence, at->last + 1); /* without gaps, each once */
    at->last = event->sequence;
    if (id != NULL && sscanf(id, "p%u-%u", &number, &index) == 2 && strchr(id, '/') == NULL) {
        assert_true(number < PUBLISHERS && index < CROWD_EVENTS_MOST);
        at->times[number][index]++;
        at->sequences[number][index] = event->sequence;
    }
    free(id);
}

/* The whole log, as a client reads it. */
static void read_everything(fixture *f, found *at)
{
    for (uint64_t next = 1; next != 0;) {
        assert_int_equal(
            casehub_read(f->operator_.hub, next, 0, NULL, 0, 1000, TURNS * TURN_MS, at, see_event, &next), 0);
    }
}

static void check_promises(fixture *f)
{
    found *at = calloc(1, sizeof *at);
    assert_non_null(at);
    at->f = f;
    read_everything(f, at);
    for (size_t k = 0; k < PUBLISHERS; k++) {
        for (size_t i = 0; i < CROWD_EVENTS_MOST; i++) {
            uint64_t promised = atomic_load(&f->publishers[k].sequences[i]);
            assert_true(at->times[k][i] <= 1);
            if (promised > 0) {
                assert_int_equal(at->times[k][i], 1);
                assert_int_equal(at->sequences[k][i], promised);
            }
        }
    }
    free(at);
}

/* The store at rest: the log is whole, and folding it gives the state that the hub left. */
static void check_store(fixture *f)
{
    ch_store *store;
    uint64_t good;
    uint8_t left[CH_HASH_SIZE], again[CH_HASH_SIZE];
    char dir[FOLDER_PATH_SIZE * 2];
    snprintf(dir, sizeof dir, "%s/again", f->base);
    assert_ok(ch_store_open(&store, &f->options.store, &f->error), &f->error);
    assert_ok(ch_event_log_verify(store->log, &good, &f->error), &f->error);
    assert_int_equal(good, ch_event_log_last(store->log));
    assert_ok(ch_state_hash(store->state, left, &f->error), &f->error);
    assert_ok(ch_store_rebuild(store, dir, again, &f->error), &f->error);
    assert_memory_equal(left, again, CH_HASH_SIZE);
    ch_store_close(store);
}

static void check_backup(fixture *f)
{
    uint64_t last = 0;
    assert_ok(ch_backup_check(f->asker.backup_dir, &last, &f->error), &f->error);
    assert_true(last > 0);
}

static void stopped_under_load_it_keeps_every_promise(void **state)
{
    fixture *f = *state;
    start_hub(f);
    char tcp[256];
    snprintf(tcp, sizeof tcp, "%s", ch_hub_endpoint(f->hub));
    start_crowd(f, tcp);
    drive(f);
    stop_hub(f);
    start_hub(f); /* what was asked and not answered is asked again */
    atomic_store(&f->over, true);
    join_crowd(f);
    check_backup(f);

    atomic_store(&f->over, false);
    f->subscriber.member.endpoint = ch_hub_endpoint(f->hub);
    subscriber_finish(&f->subscriber, atomic_load(&f->hub->log_position));
    assert_string_equal(f->subscriber.member.failed, "");
    assert_true(f->subscriber.refused > 0);
    assert_true(f->subscriber.distinct >= atomic_load(&f->hub->log_position));
    check_promises(f);
    casehub_free(&f->operator_.hub);
    stop_hub(f);
    check_store(f);
}

static void a_hub_that_nobody_spoke_to_stops_as_it_started(void **state)
{
    fixture *f = *state;
    for (unsigned i = 0; i < 2; i++) {
        start_hub(f);
        assert_int_equal(atomic_load(&f->hub->log_position), 0);
        assert_int_equal(ch_hub_http_port(f->hub), -1);
        stop_hub(f);
    }
}

static void a_start_that_fails_leaves_nothing_behind(void **state)
{
    fixture *f = *state;
    ch_hub *second = NULL;
    start_hub(f);
    assert_status(ch_hub_start(&second, &f->options, &f->error), CH_LOCKED);
    assert_null(second);
    stop_hub(f);
    f->options.tcp_endpoint = "tcp://256.0.0.1:*";
    assert_status(ch_hub_start(&f->hub, &f->options, &f->error), CH_UNAVAILABLE);
    f->options.tcp_endpoint = "tcp://127.0.0.1:*";
    start_hub(f);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_start_that_fails_leaves_nothing_behind),
        TEST(a_hub_that_nobody_spoke_to_stops_as_it_started),
        TEST(stopped_under_load_it_keeps_every_promise),
    };
    /* Syncing is not what is tested here: memory is faster than a disk. */
    if (access("/dev/shm", W_OK) == 0) {
        setenv("TMPDIR", "/dev/shm", 0);
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
