#include "tests/simulation/machine.h"

#include "tests/simulation/disk.h"
#include "tests/unit/check.h"

#include "hub/run/dead_letters.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#define START_MS INT64_C(1795400820000)
#define PIPE_CAPACITY 1024

static int64_t wall_ms(void *context)
{
    return ((const machine *)context)->wall_ms;
}

static int64_t monotonic_ms(void *context)
{
    return ((const machine *)context)->monotonic_ms;
}

static void name_folder(machine *of)
{
    snprintf(of->dir, sizeof of->dir, "%s/run-%u", of->base, of->folders++);
    assert_int_equal(mkdir(of->dir, 0700), 0);
}

void machine_init(machine *of, uint64_t seed, ch_rules *rules)
{
    *of = (machine){.rules = rules, .wall_ms = START_MS, .monotonic_ms = 1000};
    of->clock = (ch_clock){wall_ms, monotonic_ms, of};
    ch_random_seeded_init(&of->keys, seed);
    ch_random_seeded_init(&of->disk_seeds, ~seed);
    folder_make(of->base);
    snprintf(of->key_file, sizeof of->key_file, "%s/hub.key", of->base);
    name_folder(of);
    disk_watch(of->dir, ch_random_below(&of->disk_seeds, UINT32_MAX));
}

void machine_done(machine *of)
{
    machine_stop(of);
    machine_forget_answers(of);
    disk_unwatch();
    folder_remove(of->base);
}

static void take_answers(machine *of)
{
    ch_mail *mail;
    while ((mail = ch_pipe_pop(of->hub->writer_to_front)) != NULL) {
        assert_true(of->answer_count < MACHINE_ANSWERS);
        of->answers[of->answer_count++] = mail;
    }
}

/* What was answered before may have been sent; the process then does nothing any more. */
static void die(void *context, const ch_error *error)
{
    machine *of = context;
    if (!of->dead) {
        of->dead = true;
        of->error = *error;
        take_answers(of);
        disk_stop_later(0);
    }
}

static ch_status make_pipes(ch_hub *hub)
{
    ch_pipe **const pipes[] = {&hub->main_to_writer, &hub->front_to_writer, &hub->writer_to_front,
                               &hub->reader_to_writer, &hub->writer_to_reader};
    ch_status status = CH_OK;
    for (size_t i = 0; i < sizeof pipes / sizeof *pipes && status == CH_OK; i++) {
        status = ch_pipe_new(pipes[i], PIPE_CAPACITY);
    }
    return status;
}

static void free_pipe(ch_pipe *pipe)
{
    ch_mail *mail;
    while (pipe != NULL && (mail = ch_pipe_pop(pipe)) != NULL) {
        ch_mail_free(mail);
    }
    if (pipe != NULL) {
        ch_pipe_free(pipe);
    }
}

static void drop_process(machine *of)
{
    ch_hub *hub = of->hub;
    if (hub == NULL) {
        return;
    }
    ch_writer_free(of->writer);
    ch_store_close(hub->store);
    free_pipe(hub->main_to_writer);
    free_pipe(hub->front_to_writer);
    free_pipe(hub->writer_to_front);
    free_pipe(hub->reader_to_writer);
    free_pipe(hub->writer_to_reader);
    ch_metrics_free(hub->metrics);
    ch_rules_unref(hub->options.rules);
    free(hub);
    of->hub = NULL;
    of->writer = NULL;
    of->dead = false;
}

static ch_hub_options options_of(machine *of)
{
    return (ch_hub_options){
        .store = {.dir = of->dir,
                  .hub_key_file = of->key_file,
                  .hub_code = of->rules->hub_code,
                  .log_map_bytes = of->map_bytes,
                  .state_map_bytes = of->map_bytes,
                  .hot_cases = 4,
                  .reserve_bytes = of->reserve_bytes,
                  .random = &of->keys.random},
        .clients_most = MACHINE_SESSIONS,
        .batch_events = MACHINE_BATCH *
                        (1 + CH_DERIVED_MAX + CH_CLOCK_EVENTS_MAX), /* all of a round, with what follows */
        .beside_events = of->commits_beside ? 0 : 65536,
        .commit_quiet_ms = 20,
        .commit_busy_ms = 100,
        .commit_events = of->commit_events,
        .rules = ch_rules_ref(of->rules),
        .clock = &of->clock,
        .on_fatal = die,
        .context = of};
}

ch_status machine_start(machine *of)
{
    assert_null(of->hub);
    of->hub = calloc(1, sizeof *of->hub);
    assert_non_null(of->hub);
    of->hub->options = options_of(of);
    ch_status status = ch_metrics_new(&of->hub->metrics);
    status = status == CH_OK ? make_pipes(of->hub) : status;
    assert_int_equal(status, CH_OK);
    status = ch_store_open(&of->hub->store, &of->hub->options.store, &of->error);
    if (status == CH_OK) {
        status = ch_dead_letters_settle(of->hub->store, &of->error);
    }
    if (status == CH_OK) {
        status = ch_writer_new(&of->writer, of->hub, &of->error);
    }
    if (status != CH_OK) {
        disk_stop_later(0);
        drop_process(of);
    }
    return status;
}

void machine_give(machine *of, ch_pipe *pipe, void *mail)
{
    assert_int_equal(ch_pipe_push(pipe, mail), CH_OK);
    (void)of;
}

void machine_round(machine *of)
{
    ch_mail *mail;
    (void)ch_writer_round(of->writer);
    if (!of->dead) {
        take_answers(of);
    }
    of->redelivered = 0;
    while ((mail = ch_pipe_pop(of->hub->writer_to_reader)) != NULL) {
        of->redelivered += mail->kind == CH_MAIL_REDELIVER;
        ch_mail_free(mail);
    }
}

void machine_forget_answers(machine *of)
{
    for (size_t i = 0; i < of->answer_count; i++) {
        ch_mail_free(of->answers[i]);
    }
    of->answer_count = 0;
}

void machine_stop(machine *of)
{
    drop_process(of);
}

void machine_kill(machine *of)
{
    disk_stop_later(0);
    drop_process(of);
    disk_heal();
}

void machine_lose_power(machine *of)
{
    char old[sizeof of->dir];
    memcpy(old, of->dir, sizeof old);
    disk_stop_later(0);
    name_folder(of);
    disk_power_loss(of->dir);
    drop_process(of);
    disk_watch(of->dir, ch_random_below(&of->disk_seeds, UINT32_MAX));
    folder_remove(old);
}
