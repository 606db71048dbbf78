/* The whole write path on a disk that fails: clients, the writer, the real rules and a store, over faults, restarts,
 * losses of power, jumps of the clock and new rules. README.md says what is checked.
 */
#include "tests/simulation/disk.h"
#include "tests/simulation/matters.h"
#include "tests/simulation/seeds.h"
#include "tests/unit/check.h"

#include "hub/base/diag.h"
#include "hub/config/rules_config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define STEPS 24
#define MAP ((size_t)16 << 20)
#define SMALL_MAP ((size_t)600 << 10)
#define RESERVE ((uint64_t)256 << 10)
#define RULE_SETS 2
#define WORKING_DAY_MS INT64_C(27000000)
#define ROUNDS_TO_END 200

static ch_rules *rule_sets[RULE_SETS];

typedef struct play {
    ch_random_seeded chance;
    machine machine;
    clients clients;
    witness witness;
    matters matters;
    size_t rules;
    bool disk_is_low, was_lagging;
    unsigned long faults_before;
    bool sync_fails, stops, may_die; /* in this round */
    bool has_died;                   /* of a fault, in the round before */
} play;

static uint64_t below(play *of, uint64_t limit)
{
    return ch_random_below(&of->chance, limit);
}

/* ---- what the clients hear */

static const ch_mail *find_answer(const machine *on, uint64_t request)
{
    const ch_mail *found = NULL;
    for (size_t i = 0; i < on->answer_count; i++) {
        const ch_mail *mail = on->answers[i];
        if (mail->kind == CH_MAIL_WORK && ((const ch_work *)mail)->request == request) {
            assert_null(found); /* a request is answered once */
            found = mail;
        }
    }
    return found;
}

/* In the order in which the writer had it. Without an answer there was no process any more to give one. */
static void hear_all(play *of, bool has_died)
{
    clients *who = &of->clients;
    witness_open_log(&of->witness);
    witness_hear_hub(&of->witness);
    for (size_t i = 0; i < who->sent_count; i++) {
        ch_chp_message message;
        const sending *sent = &who->sent[i];
        client *by = &who->at[sent->client];
        const posting *at = client_posting(by, sent->request);
        const ch_mail *mail = find_answer(&of->machine, sent->request);
        assert_non_null(at);
        if (mail != NULL) {
            const ch_work *work = (const ch_work *)mail;
            assert_ok(ch_chp_decode(ch_buf_str(&work->answer), &message, &of->machine.error),
                      &of->machine.error);
            assert_int_equal(message.request, sent->request);
        } else {
            assert_true(has_died);
        }
        outcome result = witness_hear(&of->witness, sent->client, by, at, mail == NULL ? NULL : &message);
        if (mail != NULL) {
            clients_settle(who, sent->client, sent->request, result.for_good, result.from);
        }
    }
    who->sent_count = 0;
    witness_hear_end(&of->witness);
    witness_close_log(&of->witness);
}

/* Whoever holds a grant is told before the operator hears that it is given or taken. */
static void check_grants(const play *of)
{
    size_t grants = 0;
    bool published = false;
    for (size_t i = 0; i < of->machine.answer_count; i++) {
        ch_chp_message message;
        const ch_mail *mail = of->machine.answers[i];
        if (mail->kind == CH_MAIL_GRANT) {
            assert_false(published);
            grants++;
            continue;
        }
        const ch_work *work = (const ch_work *)mail;
        published = published || (ch_chp_decode(ch_buf_str(&work->answer), &message, NULL) == CH_OK &&
                                  message.verb == CH_CHP_PUBLISHED);
    }
    assert_int_equal(grants, of->witness.grants);
    assert_int_equal(of->machine.redelivered, of->witness.redelivered);
}

/* ---- the end of a process, and the next one */

/* The first start, which makes the store, goes well. */
static void start(play *of, bool may_fail)
{
    machine *on = &of->machine;
    ch_status status = CH_BUSY;
    for (int attempt = 0; status != CH_OK; attempt++) {
        bool fails = may_fail && attempt < 2 && below(of, 4) == 0;
        bool fails_quietly = fails && below(of, 2) == 0;
        if (fails && fails_quietly) {
            disk_fail_later((disk_call)below(of, DISK_CALL_COUNT), 1 + (unsigned)below(of, 12),
                            below(of, 2) == 0 ? EIO : ENOSPC);
        } else if (fails) {
            disk_stop_later(1 + (unsigned)below(of, 30));
        }
        status = machine_start(on);
        if (status != CH_OK && !fails) {
            if (status != CH_STORAGE_FULL) {
                fail_msg("no start: %s: %s", on->error.where, on->error.text);
            }
            assert_true(on->map_bytes < MAP);
            on->map_bytes = MAP; /* what the operator is told to do */
        }
        if (fails && !fails_quietly && status == CH_OK) {
            machine_kill(on); /* it would find the stopped disk sooner or later */
            status = CH_BUSY;
        }
        disk_heal();
    }
}

static void start_again(play *of)
{
    bool has_died = of->clients.sent_count > 0;
    disk_leave(UINT64_MAX);
    of->disk_is_low = false;
    start(of, true);
    witness_check_start(&of->witness);
    hear_all(of, has_died);
    of->witness.report_count = 0; /* what was on its way is lost */
    of->witness.latest_ms = 0;
    machine_forget_answers(&of->machine);
    witness_check(&of->witness);
    witness_check_fold(&of->witness, below(of, 4) == 0);
    witness_check_cases(&of->witness);
    witness_check_figures(&of->witness);
    clients_reconnect(&of->clients);
}

static void end_process(play *of, bool by_power)
{
    if (by_power) {
        machine_lose_power(&of->machine);
    } else {
        machine_kill(&of->machine);
    }
    disk_heal();
    start_again(of);
}

/* ---- what goes wrong */

/* What a failed call has left on the disk comes to light when power is lost before anything else was synced. */
static void arrange_second_fault(play *of)
{
    disk_stop_later(1 + (unsigned)below(of, 8));
    of->may_die = of->stops = true;
}

static void arrange_fault(play *of)
{
    of->may_die = true;
    of->faults_before = disk_faults();
    switch (below(of, 16)) {
    case 0: disk_fail_later(DISK_WRITE, 1 + (unsigned)below(of, 8), EIO); break;
    case 1: disk_fail_later(DISK_WRITE, 1 + (unsigned)below(of, 8), ENOSPC); break;
    case 2:
        disk_fail_later(DISK_SYNC, 1 + (unsigned)below(of, 3), EIO);
        of->sync_fails = true;
        break;
    case 3: disk_shorten_later(1 + (unsigned)below(of, 8)); break;
    case 4:
        disk_fill(true);
        of->may_die = false;
        break;
    case 5:
    case 6:
        disk_stop_later(1 + (unsigned)below(of, 24));
        of->stops = true;
        break;
    default: of->may_die = false; break;
    }
}

static bool is_in_trouble(const play *of, bool arranged)
{
    return arranged || of->was_lagging || of->machine.map_bytes < MAP;
}

static void move_time(play *of)
{
    machine *on = &of->machine;
    int64_t passed = below(of, 3) == 0 ? (int64_t)below(of, 5000) : (int64_t)below(of, 120);
    on->monotonic_ms += passed;
    on->wall_ms += passed;
    switch (below(of, 30)) {
    case 0: on->wall_ms -= (int64_t)below(of, 600000); break;
    case 1: on->wall_ms += (int64_t)below(of, 600000); break;
    default: break;
    }
}

static void change_rules(play *of)
{
    ch_rules_mail *mail = (ch_rules_mail *)ch_mail_new(CH_MAIL_RULES);
    assert_non_null(mail);
    of->rules = (of->rules + 1) % RULE_SETS;
    of->machine.rules = of->witness.rules = rule_sets[of->rules];
    mail->rules = ch_rules_ref(rule_sets[of->rules]);
    machine_give(&of->machine, of->machine.hub->main_to_writer, &mail->mail);
}

/* Room for what is urgent only, or for nothing; and again for all. */
static void change_room(play *of)
{
    of->disk_is_low = !of->disk_is_low;
    disk_leave(!of->disk_is_low ? UINT64_MAX : below(of, 2) == 0 ? RESERVE / 2 : RESERVE / 8);
}

/* ---- a step */

/* Until all that was sent has been taken: what is due, or is counted again, may fill a batch before it. */
static void run_until_taken(machine *on)
{
    size_t redelivered = 0;
    do {
        machine_round(on);
        redelivered += on->redelivered;
    } while (!on->dead && ch_pipe_count(on->hub->front_to_writer) > 0);
    on->redelivered = redelivered;
}

static void run_round(play *of, bool arranged)
{
    machine *on = &of->machine;
    witness_begin_round(&of->witness, is_in_trouble(of, arranged));
    run_until_taken(on);
    if (on->dead && !of->may_die) {
        fail_msg("the process ended without need: %s: %s", on->error.where, on->error.text);
    }
    if (on->dead) {
        return;
    }
    if (of->sync_fails && disk_faults() != of->faults_before && !of->disk_is_low) {
        fail_msg("a sync failed, and the process goes on");
    }
    of->was_lagging = ch_state_position(on->hub->store->state) != ch_event_log_last(on->hub->store->log);
}

static void hear_round(play *of)
{
    hear_all(of, false);
    check_grants(of);
    machine_forget_answers(&of->machine);
    witness_check(&of->witness);
}

static void take_step(play *of, bool invents)
{
    machine *on = &of->machine;
    bool faulty = invents && below(of, 2) == 0;
    move_time(of);
    if (invents && below(of, 12) == 0) {
        change_rules(of);
    }
    if (invents && below(of, 10) == 0) {
        change_room(of);
    }
    if (invents) {
        matters_invent(&of->matters);
    }
    clients_send(&of->clients);
    if (invents && below(of, 3) == 0) {
        matters_report(&of->matters);
    }
    of->sync_fails = of->stops = of->may_die = false;
    bool again = of->has_died && invents && below(of, 2) == 0;
    if (again) {
        arrange_second_fault(of);
    } else if (faulty) {
        arrange_fault(of);
    }
    of->has_died = false;
    run_round(of, faulty || again);
    if (on->dead || of->stops) {
        of->has_died = !of->stops;
        end_process(of, again || below(of, 2) == 0);
        of->was_lagging = false;
        return;
    }
    disk_heal();
    hear_round(of);
    if (invents && below(of, 16) == 0) {
        end_process(of, below(of, 2) == 0);
    } else if (invents && below(of, 16) == 0) {
        machine_stop(on);
        start_again(of);
    } else if (invents && below(of, 16) == 0) {
        clients_reconnect(&of->clients);
    }
}

/* With nothing in the way, everybody is answered for good, and everything that is due happens. */
static void come_to_an_end(play *of)
{
    disk_heal();
    disk_leave(UINT64_MAX);
    of->disk_is_low = false;
    if (of->machine.map_bytes < MAP) {
        machine_stop(&of->machine);
        of->machine.map_bytes = MAP;
        start_again(of);
    }
    for (int round = 0; !clients_are_idle(&of->clients); round++) {
        assert_true(round < ROUNDS_TO_END);
        of->machine.monotonic_ms += 5000;
        take_step(of, false);
    }
    of->machine.wall_ms += INT64_C(86400000);
    for (int round = 0; round < 12; round++) {
        of->machine.monotonic_ms += 300;
        take_step(of, false);
    }
    witness_check_deadlines(&of->witness);
    end_process(of, true);
    witness_check_fold(&of->witness, true);
    witness_check_cases(&of->witness);
    witness_check_figures(&of->witness);
}

static void run_play(uint64_t seed)
{
    play of = {.rules = seed % RULE_SETS};
    ch_random_seeded_init(&of.chance, seed);
    machine_init(&of.machine, seed, rule_sets[of.rules]);
    of.machine.map_bytes = below(&of, 6) == 0 ? SMALL_MAP + (size_t)below(&of, 64) * 8192 : MAP;
    of.machine.reserve_bytes = of.machine.map_bytes < MAP ? RESERVE / 4 * below(&of, 2) : RESERVE;
    of.machine.commit_events = 1 + (int64_t)below(&of, 60);
    witness_init(&of.witness, &of.machine, rule_sets[of.rules]);
    clients_init(&of.clients, &of.machine, &of.chance);
    matters_init(&of.matters, &of.clients, &of.witness);
    start(&of, false);
    for (int step = 0; step < STEPS; step++) {
        take_step(&of, true);
    }
    come_to_an_end(&of);
    matters_done(&of.matters);
    clients_done(&of.clients);
    witness_done(&of.witness);
    machine_done(&of.machine);
}

static void whatever_happens_the_hub_keeps_its_promises(void **state)
{
    (void)state;
    run_seeds(run_play, 1000);
}

/* A play is over before a working day is. */
static void count_in_hours(ch_rules *rules)
{
    for (size_t i = 0; i < rules->clock_count; i++) {
        ch_clock_rule *rule = &rules->clocks[i];
        if (rule->unit == CH_CLOCK_DAYS) {
            rule->unit = CH_CLOCK_HOURS;
            rule->amount *= WORKING_DAY_MS;
        }
    }
}

/* What begins again while it runs is no second clock. */
static void start_again_on_progress(ch_rules *rules)
{
    for (size_t i = 0; i < rules->clock_count; i++) {
        ch_clock_triggers *starts = &rules->clocks[i].starts;
        if (!ch_clock_rule_is_of_handoff(&rules->clocks[i]) && starts->count < CH_CLOCK_TRIGGERS_MAX) {
            starts->at[starts->count++] = (ch_clock_trigger){.type = "case.progressed"};
        }
    }
}

/* The second city. */
static void hurry(ch_rules *rules)
{
    for (size_t i = 0; i < rules->route_count; i++) {
        rules->routes[i].due_after_ms = 2000 + 1000 * (int64_t)i;
    }
    for (size_t i = 0; i < rules->clock_count; i++) {
        rules->clocks[i].amount = 4000 + 2000 * (int64_t)i;
        rules->clocks[i].warn_before_ms = 0;
        rules->clocks[i].warn_percent = i % 3 == 0 ? 0 : 50;
        rules->clocks[i].level_every_ms = 1000;
    }
}

static int load_rules(void **state)
{
    ch_error error;
    (void)state;
    ch_diag_setup("simulation", (ch_diag_level)(CH_DIAG_ERROR + 1));
    for (size_t i = 0; i < RULE_SETS; i++) {
        assert_ok(ch_rules_load(&rule_sets[i], CASEHUB_SOURCE_DIR "/schemas",
                                CASEHUB_SOURCE_DIR "/schemas/city", &error),
                  &error);
    }
    for (size_t i = 0; i < RULE_SETS; i++) {
        count_in_hours(rule_sets[i]);
        start_again_on_progress(rule_sets[i]);
    }
    hurry(rule_sets[1]);
    return 0;
}

static int drop_rules(void **state)
{
    (void)state;
    for (size_t i = 0; i < RULE_SETS; i++) {
        ch_rules_unref(rule_sets[i]);
    }
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(whatever_happens_the_hub_keeps_its_promises, tell_failed_seed),
    };
    return cmocka_run_group_tests(tests, load_rules, drop_rules);
}
