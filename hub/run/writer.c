#include "hub/run/key_copies.h"
#include "hub/run/rules_record.h"
#include "hub/run/writer_inside.h"

#include "hub/base/diag.h"

#include <poll.h>
#include <stdlib.h>

#define BATCH_BYTES ((size_t)8 * 1024 * 1024)
#define AWAITED_EVENTS 96 /* more than this costs fewer commits, but the committer waits for it */
#define RULES_RETRY_MS 1000
#define OWN_AHEAD_MOST 256 /* events of the hub's own that come before those of clients that wait, too */

static ch_status temporary(ch_status status)
{
    return status == CH_STORAGE_FULL ? CH_STORAGE_FULL : CH_BUSY;
}

/* The state is not what the log says: it is brought there and committed after a while, whether work comes or not. */
static void fall_behind(ch_writer *writer)
{
    writer->behind = true;
    writer->dirty_since_ms = writer->last_batch_ms = ch_writer_now(writer);
    writer->dirty_events = 0;
}

/* Nothing of what is filled or under way has happened: the state goes back to what the log holds. */
static void give_up(ch_writer *writer, ch_status status, const ch_error *error)
{
    ch_diag_failure("writer", error, "a batch was not stored");
    if (status == CH_IO || status == CH_CORRUPT || ch_event_log_broken(writer->store->log)) {
        ch_hub_fail(writer->hub, "writer", error);
    }
    ch_state_rollback(writer->store->state);
    fall_behind(writer);
    if (writer->under_way != NULL) {
        ch_writer_refuse_batch(writer, writer->under_way, temporary(status), error->text);
        writer->under_way = NULL;
    }
    if (writer->filling != NULL) {
        ch_writer_refuse_batch(writer, writer->filling, temporary(status), error->text);
        writer->filling = NULL;
    }
    writer->head = ch_log_head_of(writer->store->log);
    ch_writer_ring_front(writer);
}

/* Before anybody is told that it is done. Copies of the keys may be on slow disks: they have a thread of their own. */
static void carry_out_erasures(ch_writer *writer, ch_batch *batch)
{
    ch_error error;
    if (!ch_batch_has_erasures(batch)) {
        return;
    }
    if (ch_batch_carry_out_erasures(batch, &error) != CH_OK) {
        ch_hub_fail(writer->hub, "writer", &error);
    }
    atomic_fetch_add_explicit(&writer->hub->erasures, 1, memory_order_release);
    if (writer->hub->key_copies != NULL) {
        ch_key_copies_wake(writer->hub->key_copies);
    }
}

/* It is durable: now others may hear of it. */
static void finish_batch(ch_writer *writer, ch_batch *batch, int64_t took_us)
{
    ch_error error;
    ch_metrics *metrics = writer->hub->metrics;
    uint64_t last = ch_event_log_last(writer->store->log), records = ch_batch_records(batch);
    atomic_store_explicit(&writer->hub->log_position, last, memory_order_release);
    carry_out_erasures(writer, batch);
    ch_writer_tell_grants(writer, batch); /* before anybody is told that they hold */
    ch_writer_hand_out(writer, batch);
    ch_writer_ring_front(writer);
    ch_writer_tell_redeliveries(writer, batch);
    if (ch_batch_records(batch) > 0) {
        ch_pipe_ring(writer->hub->writer_to_reader);
    }
    if (ch_batch_erase_letters(batch, &error) != CH_OK) {
        ch_hub_fail(writer->hub, "writer", &error);
    }
    ch_expiry_note_due(writer->expiry, ch_batch_earliest_due(batch));
    writer->last_batch_ms = ch_writer_now(writer);
    if (records > 0) {
        ch_metric_set(&metrics->log_sequence, last);
        ch_metric_add(&metrics->batches, 1);
        ch_histogram_add(&metrics->commit_us, CH_METRIC_COMMIT_FIRST_US, (uint64_t)took_us);
        ch_histogram_add(&metrics->batch_events, CH_METRIC_BATCH_FIRST, records);
        writer->dirty_events += records;
        writer->dirty_since_ms = writer->dirty_since_ms == 0 ? writer->last_batch_ms : writer->dirty_since_ms;
    }
}

/* What the committer says of the batch that it has; with wait, as soon as it says so. */
static void hear_committer(ch_writer *writer, bool wait)
{
    ch_commit_result result;
    ch_batch *batch = writer->under_way;
    if (batch == NULL || !ch_committer_result(writer->committer, wait, &result)) {
        return;
    }
    if (result.status != CH_OK) {
        give_up(writer, result.status, &result.error);
        return;
    }
    writer->under_way = NULL;
    finish_batch(writer, batch, result.took_us);
}

/* ---- gathering */

static ch_work *pop_work(ch_pipe *pipe)
{
    return (ch_work *)ch_pipe_pop(pipe);
}

/* While much of the hub's own waits for room, what is overdue stays where it is and is found later: it is not to fill up
 * the row. */
static bool may_expire(const ch_writer *writer)
{
    return writer->postponed_count < CH_WRITER_POSTPONED_MOST / 2;
}

static ch_work *next_own(ch_writer *writer)
{
    ch_work *work = pop_work(writer->hub->reader_to_writer);
    if (work == NULL) {
        work = ch_writer_next_postponed(writer);
    }
    if (work == NULL && may_expire(writer)) {
        work = ch_expiry_next(writer->expiry);
        return work == NULL ? ch_recount_next(writer->recount) : work;
    }
    return work;
}

static ch_work *next_of_clients(ch_writer *writer)
{
    ch_work *work = pop_work(writer->hub->front_to_writer);
    if (work != NULL) {
        writer->own_ahead -= work->count < writer->own_ahead ? work->count : writer->own_ahead;
    }
    return work;
}

/* What clients publish under load has no end, so the hub's own comes first; but not far ahead of it, so that neither
 * waits long for the other. */
static ch_work *next_work(ch_writer *writer)
{
    ch_work *work = writer->own_ahead < OWN_AHEAD_MOST ? next_own(writer) : NULL;
    if (work != NULL) {
        writer->own_ahead++;
        return work;
    }
    work = next_of_clients(writer);
    if (work == NULL) {
        writer->own_ahead = 0; /* nobody waits */
        work = next_own(writer);
    }
    return work;
}

static bool catch_up(ch_writer *writer, ch_error *error)
{
    ch_status status =
        writer->behind ? ch_state_catch_up(writer->store->state, writer->store->log, error) : CH_OK;
    if (status == CH_CORRUPT || status == CH_IO) {
        ch_hub_fail(writer->hub, "writer", error);
    }
    writer->behind = status != CH_OK;
    return !writer->behind;
}

static ch_batch *other_batch(const ch_writer *writer)
{
    return writer->under_way == writer->batches[0] ? writer->batches[1] : writer->batches[0];
}

static ch_status begin_batch(ch_writer *writer, ch_error *error)
{
    if (writer->filling != NULL) {
        return CH_OK;
    }
    if (!catch_up(writer, error)) {
        return error->status;
    }
    ch_batch *batch = other_batch(writer);
    ch_status status = ch_batch_begin(batch, writer->rules, &writer->head, writer->under_way,
                                      ch_clock_wall_ms(writer->hub->options.clock), error);
    if (status == CH_OK) {
        writer->filling = batch;
    } else {
        ch_hub_fail(writer->hub, "writer", error);
    }
    return status;
}

static void take_work(ch_writer *writer, ch_work *work)
{
    ch_error error;
    work->turn = ++writer->turns;
    ch_status status = ch_writer_check_blocked(writer, work);
    if (status != CH_OK) {
        ch_writer_refuse(writer, work, status,
                         work->beyond_window
                             ? "more events are unanswered than the window holds"
                             : "an event before it was refused for now: start again with that one");
        return;
    }
    status = begin_batch(writer, &error);
    if (status != CH_OK) {
        ch_writer_block(writer, work, 0);
        ch_writer_refuse(writer, work, temporary(status), error.text);
        return;
    }
    status = ch_batch_take(writer->filling, work, &error);
    if (status == CH_OK) {
        ch_writer_block_refused(writer, work);
    } else {
        hear_committer(writer, true);
        if (writer->filling != NULL) {
            give_up(writer, status, &error);
        }
    }
}

static bool has_room(const ch_writer *writer)
{
    return writer->filling == NULL ||
           (ch_batch_events(writer->filling) < (size_t)writer->hub->options.batch_events &&
            ch_batch_bytes(writer->filling) < BATCH_BYTES);
}

/* To decide more now would let the committer wait, and with it whoever has published all that he may: then the two would
 * work in turn, not beside each other. */
static bool is_awaited(const ch_writer *writer)
{
    return writer->filling != NULL && ch_batch_events(writer->filling) >= AWAITED_EVENTS &&
           (writer->under_way == NULL || ch_committer_is_done(writer->committer));
}

/* Takes what is there into the batch that is being filled. */
static bool take_all(ch_writer *writer)
{
    ch_work *work;
    bool any = false;
    while (has_room(writer) && !is_awaited(writer) && (work = next_work(writer)) != NULL) {
        take_work(writer, work);
        any = true;
    }
    ch_writer_ring_front(writer);
    return any;
}

/* A few events are answered sooner without a thread between. */
static void commit_here(ch_writer *writer, ch_batch *batch)
{
    ch_error error;
    int64_t begun_us = ch_clock_real_us();
    ch_status status = ch_batch_commit(batch, &error);
    if (status != CH_OK) {
        writer->filling = batch;
        give_up(writer, status, &error);
        return;
    }
    finish_batch(writer, batch, ch_clock_real_us() - begun_us);
}

/* The batch goes to the log. One at a time: its answers come in order. */
static void launch(ch_writer *writer)
{
    ch_batch *batch = writer->filling;
    if (batch == NULL || writer->under_way != NULL) {
        return;
    }
    writer->head = ch_batch_end(batch);
    writer->filling = NULL;
    if (ch_batch_events(batch) <= (size_t)writer->hub->options.beside_events) {
        commit_here(writer, batch);
        return;
    }
    writer->under_way = batch;
    ch_committer_give(writer->committer, batch);
}

/* ---- the state */

static void measure(ch_writer *writer)
{
    ch_log_usage of_log, of_state;
    ch_metrics *metrics = writer->hub->metrics;
    if (ch_event_log_usage(writer->store->log, &of_log) != CH_OK ||
        ch_state_usage(writer->store->state, &of_state) != CH_OK) {
        return;
    }
    ch_metric_set(&metrics->log_used_bytes, of_log.used_bytes);
    ch_metric_set(&metrics->log_map_bytes, of_log.map_bytes);
    ch_metric_set(&metrics->state_used_bytes, of_state.used_bytes);
    ch_metric_set(&metrics->state_map_bytes, of_state.map_bytes);
    ch_metric_set(&metrics->disk_free_bytes, of_log.disk_free_bytes);
}

/* The state must never be ahead of the log. */
static void settle(ch_writer *writer)
{
    hear_committer(writer, true);
    launch(writer);
    hear_committer(writer, true);
}

static void commit_state(ch_writer *writer)
{
    ch_error error;
    settle(writer);
    if (!catch_up(writer, &error)) {
        fall_behind(writer);
        return;
    }
    ch_state_set_chain(writer->store->state, ch_event_log_chain(writer->store->log));
    ch_status status = ch_state_commit(writer->store->state, &error);
    if (status != CH_OK) {
        ch_diag_failure("writer", &error, "the state could not be committed");
        if (status == CH_IO || status == CH_CORRUPT) {
            ch_hub_fail(writer->hub, "writer", &error);
        }
        fall_behind(writer);
        return;
    }
    writer->dirty_since_ms = 0;
    writer->dirty_events = 0;
    ch_metric_add(&writer->hub->metrics->state_commits, 1);
    ch_metric_set(&writer->hub->metrics->state_sequence, ch_state_committed(writer->store->state));
    measure(writer);
    ch_pipe_ring(writer->hub->writer_to_reader);
}

/* How long the state may stay uncommitted yet; 0: not at all, -1: there is nothing to commit. */
static int64_t state_wait_ms(const ch_writer *writer)
{
    const ch_hub_options *options = &writer->hub->options;
    int64_t now = ch_writer_now(writer);
    if (writer->dirty_since_ms == 0) {
        return -1;
    }
    if (writer->dirty_events >= (uint64_t)options->commit_events ||
        ch_state_dirty_cases(writer->store->state) >= options->store.hot_cases) {
        return 0;
    }
    int64_t busy = writer->dirty_since_ms + options->commit_busy_ms - now;
    int64_t quiet = writer->last_batch_ms + options->commit_quiet_ms - now;
    int64_t wait = busy < quiet ? busy : quiet;
    return wait < 0 ? 0 : wait;
}

/* ---- the thread */

static bool is_recorded(const ch_writer *writer)
{
    return writer->next_rules->files.packed.size == 0 ||
           strcmp(writer->next_rules->files.hash, writer->rules->files.hash) == 0;
}

/* A batch of its own. Nothing of it has happened when it fails. */
static ch_status record_rules(ch_writer *writer, ch_error *error)
{
    ch_work *work;
    ch_batch *batch = other_batch(writer);
    int64_t begun_us = ch_clock_real_us();
    if (!catch_up(writer, error)) {
        return error->status;
    }
    ch_status status = ch_batch_begin(batch, writer->next_rules, &writer->head, NULL,
                                      ch_clock_wall_ms(writer->hub->options.clock), error);
    if (status == CH_OK) {
        status = ch_rules_record_take(batch, writer->hub, writer->next_rules, "reload", writer->head.last + 1,
                                      error);
    }
    const ch_log_head head = ch_batch_end(batch);
    if (status == CH_OK) {
        status = ch_batch_commit(batch, error);
    }
    if (status == CH_OK) {
        writer->head = head;
        finish_batch(writer, batch, ch_clock_real_us() - begun_us);
        return CH_OK;
    }
    while ((work = ch_batch_next(batch)) != NULL) {
        ch_mail_free(&work->mail);
    }
    give_up(writer, status, error);
    return status;
}

/* What is being filled was begun under the old rules, and ends under them. The new ones are in force for nothing that
 * comes before their record; what has no room waits for it, under the old ones. */
static void change_rules(ch_writer *writer)
{
    ch_error error;
    if (writer->next_rules == NULL || ch_writer_now(writer) < writer->rules_retry_at_ms) {
        return;
    }
    settle(writer);
    if (!is_recorded(writer) && record_rules(writer, &error) != CH_OK) {
        writer->rules_retry_at_ms = ch_writer_now(writer) + RULES_RETRY_MS;
        return;
    }
    ch_rules_unref(writer->rules);
    writer->rules = writer->next_rules;
    writer->next_rules = NULL;
    ch_recount_begin(writer->recount, writer->rules);
}

static void take_rules(ch_writer *writer, ch_rules *rules)
{
    ch_rules_unref(writer->next_rules);
    writer->next_rules = ch_rules_ref(rules);
    writer->rules_retry_at_ms = ch_writer_now(writer);
}

static void hear_main(ch_writer *writer)
{
    ch_mail *mail;
    while ((mail = ch_pipe_pop(writer->hub->main_to_writer)) != NULL) {
        if (mail->kind == CH_MAIL_STOP) {
            writer->stopping = true;
        } else if (mail->kind == CH_MAIL_RULES) {
            take_rules(writer, ((ch_rules_mail *)mail)->rules);
        }
        ch_mail_free(mail);
    }
}

static int64_t own_wait_ms(const ch_writer *writer)
{
    int64_t expires = ch_expiry_wait_ms(writer->expiry), recounts = ch_recount_wait_ms(writer->recount);
    return recounts < expires ? recounts : expires;
}

enum { PIPE_COUNT = 3 };

static void wait_for_work(ch_writer *writer)
{
    ch_pipe *const pipes[PIPE_COUNT] = {writer->hub->front_to_writer, writer->hub->reader_to_writer,
                                        writer->hub->main_to_writer};
    struct pollfd fds[PIPE_COUNT + 1];
    int64_t wait = state_wait_ms(writer);
    int64_t due = may_expire(writer) ? own_wait_ms(writer) : CH_WRITER_RETRY_MS;
    wait = wait < 0 || due < wait ? due : wait;
    if ((writer->postponed != NULL || writer->next_rules != NULL) && wait > CH_WRITER_RETRY_MS) {
        wait = CH_WRITER_RETRY_MS;
    }
    bool idle = true;
    for (size_t i = 0; i < PIPE_COUNT; i++) {
        fds[i] = (struct pollfd){.fd = ch_pipe_fd(pipes[i]), .events = POLLIN};
        ch_pipe_silence(pipes[i]);
        idle = idle && (ch_pipe_count(pipes[i]) == 0 ||
                        (pipes[i] != writer->hub->main_to_writer && !has_room(writer)));
    }
    fds[PIPE_COUNT] = (struct pollfd){.fd = ch_committer_fd(writer->committer), .events = POLLIN};
    ch_committer_silence(writer->committer);
    if (idle && !ch_committer_is_done(writer->committer)) {
        poll(fds, PIPE_COUNT + 1, (int)wait);
    }
}

bool ch_writer_round(ch_writer *writer)
{
    hear_main(writer);
    change_rules(writer);
    hear_committer(writer, false);
    bool any = take_all(writer);
    launch(writer);
    if (state_wait_ms(writer) == 0) {
        commit_state(writer);
    }
    return any;
}

static void *run(void *argument)
{
    pthread_setname_np(pthread_self(), "writer");
    ch_writer *writer = argument;
    for (;;) {
        if (ch_writer_round(writer)) {
            continue;
        }
        if (writer->stopping && writer->under_way == NULL && writer->filling == NULL) {
            break;
        }
        wait_for_work(writer);
    }
    if (writer->dirty_since_ms != 0) {
        commit_state(writer);
    }
    return NULL;
}

void ch_writer_free(ch_writer *writer)
{
    if (writer == NULL) {
        return;
    }
    while (writer->postponed != NULL) {
        ch_work *work = writer->postponed;
        writer->postponed = work->next;
        ch_mail_free(&work->mail);
    }
    ch_committer_stop(writer->committer);
    ch_batch_free(writer->batches[0]);
    ch_batch_free(writer->batches[1]);
    ch_expiry_free(writer->expiry);
    ch_recount_free(writer->recount);
    ch_rules_unref(writer->rules);
    ch_rules_unref(writer->next_rules);
    free(writer->sessions);
    free(writer);
}

ch_status ch_writer_new(ch_writer **out_writer, ch_hub *hub, ch_error *error)
{
    ch_writer *writer = calloc(1, sizeof *writer);
    if (writer == NULL) {
        return ch_error_set(error, CH_NO_MEMORY, "writer", "no memory");
    }
    writer->hub = hub;
    writer->store = hub->store;
    writer->rules = ch_rules_ref(hub->options.rules);
    writer->head = ch_log_head_of(hub->store->log);
    writer->session_count = (size_t)hub->options.clients_most;
    writer->sessions = calloc(writer->session_count, sizeof *writer->sessions);
    ch_status status = writer->sessions == NULL ? CH_NO_MEMORY : CH_OK;
    for (size_t i = 0; i < 2 && status == CH_OK; i++) {
        status = ch_batch_new(&writer->batches[i], hub->store, hub->metrics);
    }
    if (status == CH_OK) {
        status = ch_recount_new(&writer->recount, hub->store, hub->options.clock, writer->rules);
    }
    if (status == CH_OK) {
        status = ch_expiry_new(&writer->expiry, hub->store, hub->options.clock, writer->recount);
    }
    status = status == CH_OK ? ch_committer_start(&writer->committer, error)
                             : ch_error_set(error, status, "writer", "no memory");
    if (status != CH_OK) {
        ch_writer_free(writer);
        return status;
    }
    measure(writer);
    *out_writer = writer;
    return CH_OK;
}

ch_status ch_writer_start(ch_writer **out_writer, ch_hub *hub, ch_error *error)
{
    ch_writer *writer;
    ch_status status = ch_writer_new(&writer, hub, error);
    if (status != CH_OK) {
        return status;
    }
    if (pthread_create(&writer->thread, NULL, run, writer) != 0) {
        ch_writer_free(writer);
        return ch_error_set(error, CH_IO, "writer", "its thread cannot be started");
    }
    *out_writer = writer;
    return CH_OK;
}

void ch_writer_join(ch_writer *writer)
{
    if (writer != NULL) {
        pthread_join(writer->thread, NULL);
        ch_writer_free(writer);
    }
}
