/* A store on a disk that fails and loses power: what the log took stays, the state is never ahead of it, and
 * a rebuild gives the same state.
 */
#include "tests/simulation/disk.h"
#include "tests/simulation/seeds.h"
#include "tests/unit/check.h"
#include "tests/unit/store/folder.h"
#include "tests/unit/store/ledger.h"

#include "hub/store/store.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define MAP ((size_t)64 << 20)
#define CASES 8
#define BATCHES 20

typedef struct schedule {
    char base[FOLDER_PATH_SIZE], dir[FOLDER_PATH_SIZE * 2], key_file[FOLDER_PATH_SIZE * 2];
    char rebuilt[FOLDER_PATH_SIZE * 2];
    ch_random_seeded chance;
    uint64_t seed;
    unsigned folders;
    ch_store *store;
    ledger ledger;
    ledger_point promised; /* the last batch that the log took */
    ledger_point tried;    /* the last that it was asked to take */
    ch_error error;
} schedule;

static uint64_t below(schedule *s, uint64_t limit)
{
    return ch_random_below(&s->chance, limit);
}

static void name_folder(schedule *s)
{
    snprintf(s->dir, sizeof s->dir, "%s/run-%u", s->base, s->folders++);
    assert_int_equal(mkdir(s->dir, 0700), 0);
}

static void check_state(schedule *s)
{
    uint8_t live[CH_HASH_SIZE], rebuilt[CH_HASH_SIZE];
    assert_int_equal(ch_state_position(s->store->state), ch_event_log_last(s->store->log));
    assert_ok(ch_state_hash(s->store->state, live, &s->error), &s->error);
    assert_ok(ch_store_rebuild(s->store, s->rebuilt, rebuilt, &s->error), &s->error);
    assert_memory_equal(live, rebuilt, CH_HASH_SIZE);
}

/* What was promised is there; beyond it at most the one batch whose outcome nobody was told, and that whole.
 */
static void check_log(schedule *s)
{
    uint64_t good, last = ch_event_log_last(s->store->log);
    assert_ok(ch_event_log_verify(s->store->log, &good, &s->error), &s->error);
    assert_int_equal(good, last);
    assert_true(last == s->promised.sequence || last == s->tried.sequence);
    const ledger_point *at = last == s->promised.sequence ? &s->promised : &s->tried;
    assert_memory_equal(ch_event_log_chain(s->store->log), at->chain, CH_HASH_SIZE);
    s->promised = *at;
    s->tried = *at;
    s->ledger.now = *at;
}

static void open_store(schedule *s)
{
    const ch_store_options options = {.dir = s->dir,
                                      .hub_key_file = s->key_file,
                                      .hub_code = "ZJ",
                                      .log_map_bytes = MAP,
                                      .state_map_bytes = MAP,
                                      .hot_cases = 4,
                                      .random = &s->chance.random};
    assert_ok(ch_store_open(&s->store, &options, &s->error), &s->error);
    ledger_init(&s->ledger, s->store->log, s->store->state);
    s->ledger.holding = true;
}

static void close_store(schedule *s)
{
    ledger_done(&s->ledger);
    ch_store_close(s->store);
    s->store = NULL;
}

static void restart(schedule *s)
{
    close_store(s);
    disk_heal();
    open_store(s);
    check_log(s);
    check_state(s);
}

static void lose_power(schedule *s)
{
    char image[FOLDER_PATH_SIZE * 2], old[FOLDER_PATH_SIZE * 2];
    memcpy(old, s->dir, sizeof old);
    disk_stop_later(0);
    name_folder(s);
    memcpy(image, s->dir, sizeof image);
    disk_power_loss(image);
    close_store(s);
    disk_watch(image, below(s, UINT32_MAX));
    open_store(s);
    check_log(s);
    check_state(s);
    folder_remove(old);
}

/* True when the fault is a loss of power. */
static bool arrange_fault(schedule *s)
{
    switch (below(s, 12)) {
    case 0: disk_fail_later(DISK_WRITE, 1 + (unsigned)below(s, 6), EIO); return false;
    case 1: disk_fail_later(DISK_WRITE, 1 + (unsigned)below(s, 6), ENOSPC); return false;
    case 2: disk_fail_later(DISK_SYNC, 1 + (unsigned)below(s, 3), EIO); return false;
    case 3: disk_shorten_later(1 + (unsigned)below(s, 6)); return false;
    case 4: disk_fill(true); return false;
    case 5: disk_stop_later(1 + (unsigned)below(s, 24)); return true;
    case 6: disk_stop_later(0); return true;
    default: return false;
    }
}

static void write_event(schedule *s)
{
    ledger *of = &s->ledger;
    if (of->now.case_count < CASES && below(s, 3) == 0) {
        ledger_open(of, below(s, 2) == 0 ? "hotline/1" : "grid/1", NULL);
        return;
    }
    if (of->now.case_count == 0) {
        ledger_hub(of, "hub.checkpoint", "connector", "grid", "value", "1", NULL);
        return;
    }
    uint64_t number = 1 + below(s, of->now.case_count);
    switch (below(s, 4)) {
    case 0:
        if (of->now.handoffs[number] < 100) {
            ledger_offer(of, number, "water", LEDGER_START_MS + (int64_t)below(s, 1000));
        }
        break;
    case 1: ledger_hub(of, "hub.deadletter", "action", "made", "connector", "grid", NULL); break;
    default: ledger_note(of, number); break;
    }
}

/* The writer's order: fold, append, promise, and now and then commit the state. What could not be finished is
 * rolled back and folded again from the log. */
static ch_status run_batch(schedule *s)
{
    uint64_t count = 1 + below(s, 6);
    for (uint64_t i = 0; i < count; i++) {
        write_event(s);
    }
    s->tried = s->ledger.now;
    ch_status status = ledger_flush(&s->ledger);
    if (status != CH_OK) {
        return status;
    }
    s->promised = s->tried;
    return below(s, 3) == 0 ? ch_state_commit(s->store->state, &s->error) : CH_OK;
}

static void recover(schedule *s)
{
    disk_heal();
    if (ch_event_log_broken(s->store->log)) {
        restart(s);
        return;
    }
    ch_state_rollback(s->store->state);
    s->tried = s->promised;
    s->ledger.now = s->promised;
    ledger_drop(&s->ledger);
    if (ch_state_catch_up(s->store->state, s->store->log, &s->error) != CH_OK) {
        restart(s); /* LMDB gave the state up */
    }
}

static void run_schedule(uint64_t seed)
{
    schedule s = {.seed = seed};
    ch_random_seeded_init(&s.chance, seed);
    folder_make(s.base);
    snprintf(s.key_file, sizeof s.key_file, "%s/hub.key", s.base);
    snprintf(s.rebuilt, sizeof s.rebuilt, "%s/rebuilt", s.base);
    name_folder(&s);
    disk_watch(s.dir, below(&s, UINT32_MAX));
    open_store(&s);
    for (int batch = 0; batch < BATCHES; batch++) {
        bool power = arrange_fault(&s);
        ch_status status = run_batch(&s);
        if (power) {
            lose_power(&s);
        } else if (status != CH_OK) {
            recover(&s);
        }
        disk_heal();
    }
    restart(&s);
    lose_power(&s);
    close_store(&s);
    disk_unwatch();
    folder_remove(s.base);
}

static void whatever_the_disk_does_the_log_keeps_its_promises(void **state)
{
    (void)state;
    run_seeds(run_schedule, 400);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(whatever_the_disk_does_the_log_keeps_its_promises, tell_failed_seed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
