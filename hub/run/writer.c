#include "hub/run/writer.h"

#include "hub/base/diag.h"
#include "hub/run/batch.h"
#include "hub/run/committer.h"
#include "hub/run/expiry.h"

#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <time.h>

#define BATCH_BYTES ((size_t)8 * 1024 * 1024)
#define POSTPONED_MOST 4096
#define RETRY_MS 100

/* A session whose last events were refused for now: everything is, until it starts again with the refused one. */
typedef struct blocked {
    ch_session_id session;
    uint64_t event; /* hash of source and id */
} blocked;

struct ch_writer {
    ch_hub *hub;
    ch_store *store;
    pthread_t thread;
    ch_batch *batches[2];
    ch_batch *filling;   /* the one that takes work now; NULL: none was begun */
    ch_batch *under_way; /* the one that the committer has; NULL: none */
    ch_committer *committer;
    ch_log_head head; /* where the log ends once everything under way is in it */
    ch_rules *rules;
    ch_expiry *expiry;
    blocked *sessions; /* by slot */
    size_t session_count;
    ch_work *postponed, *last_postponed; /* the hub's own, refused for now */
    size_t postponed_count;
    int64_t dirty_since_ms, last_batch_ms, retry_at_ms; /* monotonic; dirty 0: nothing to commit */
    uint64_t dirty_events;
    bool ring_front;
    bool behind; /* the state has not folded the log's head: nothing may be decided */
    bool stopping;
};

static int64_t now_ms(const ch_writer *writer)
{
    return ch_clock_monotonic_ms(writer->hub->options.clock);
}

/* Full only for a moment: the other side never waits for this one. */
static void send(ch_pipe *pipe, ch_mail *mail)
{
    while (ch_pipe_push(pipe, mail) == CH_FULL) {
        ch_pipe_ring(pipe);
        sched_yield();
    }
}

static void ring_front(ch_writer *writer)
{
    if (writer->ring_front) {
        ch_pipe_ring(writer->hub->writer_to_front);
        writer->ring_front = false;
    }
}

static uint64_t hash_more(uint64_t hash, ch_str s)
{
    for (size_t i = 0; i < s.size; i++) {
        hash = (hash ^ (uint8_t)s.at[i]) * UINT64_C(1099511628211);
    }
    return (hash ^ 0xff) * UINT64_C(1099511628211);
}

static uint64_t name_of(const ch_work *work, size_t index)
{
    uint64_t hash = UINT64_C(14695981039346656037);
    if (index >= work->count) {
        return hash_more(hash, work->publish.connector);
    }
    return hash_more(hash_more(hash, work->items[index].event.source), work->items[index].event.id);
}

static void block(ch_writer *writer, const ch_work *work, size_t index)
{
    if (work->session == 0 || ch_session_slot(work->session) >= writer->session_count) {
        return;
    }
    blocked *entry = &writer->sessions[ch_session_slot(work->session)];
    if (entry->session != work->session) {
        *entry = (blocked){.session = work->session, .event = name_of(work, index)};
    }
}

/* CH_OK, or the status that everything of this session is refused with. */
static ch_status check_blocked(ch_writer *writer, const ch_work *work)
{
    if (work->session == 0 || ch_session_slot(work->session) >= writer->session_count) {
        return CH_OK;
    }
    blocked *entry = &writer->sessions[ch_session_slot(work->session)];
    if (entry->session != work->session) {
        if (work->beyond_window) {
            block(writer, work, 0);
        }
        return work->beyond_window ? CH_BUSY : CH_OK;
    }
    if (entry->event != name_of(work, 0) || work->beyond_window) {
        return CH_BUSY;
    }
    entry->session = 0;
    return CH_OK;
}

static void postpone(ch_writer *writer, ch_work *work)
{
    if (writer->postponed_count == POSTPONED_MOST) {
        ch_diag(CH_DIAG_ERROR, "writer", "an event of the hub itself was lost: %.*s %.*s",
                CH_STR_ARG(work->items[0].event.type), CH_STR_ARG(work->items[0].event.id));
        ch_mail_free(&work->mail);
        return;
    }
    work->next = NULL;
    if (writer->last_postponed == NULL) {
        writer->postponed = work;
    } else {
        writer->last_postponed->next = work;
    }
    writer->last_postponed = work;
    writer->postponed_count++;
    writer->retry_at_ms = now_ms(writer) + RETRY_MS;
}

/* To the front, which knows the client; or, of the hub itself, away. */
static void hand_back(ch_writer *writer, ch_work *work, bool again)
{
    if (work->session != 0) {
        send(writer->hub->writer_to_front, &work->mail);
        writer->ring_front = true;
    } else if (again) {
        postpone(writer, work);
    } else {
        ch_mail_free(&work->mail);
    }
}

static void refuse_alone(ch_writer *writer, ch_work *work, ch_status status, const char *text)
{
    ch_work_refuse(work, status, text);
    ch_metric_add(&writer->hub->metrics->refusals[status], work->count);
    hand_back(writer, work, true);
}

static ch_status temporary(ch_status status)
{
    return status == CH_STORAGE_FULL ? CH_STORAGE_FULL : CH_BUSY;
}

static void refuse_batch(ch_writer *writer, ch_batch *batch, ch_status status, const char *text)
{
    ch_work *work;
    ch_batch_refuse(batch, temporary(status), text);
    while ((work = ch_batch_next(batch)) != NULL) {
        block(writer, work, 0);
        hand_back(writer, work, true);
    }
}

/* Nothing of what is filled or under way has happened: the state goes back to what the log holds. */
static void give_up(ch_writer *writer, ch_status status, const ch_error *error)
{
    ch_diag_failure("writer", error, "a batch was not stored");
    if (status == CH_IO || status == CH_CORRUPT || ch_event_log_broken(writer->store->log)) {
        ch_hub_fail(writer->hub, "writer", error);
    }
    ch_state_rollback(writer->store->state);
    writer->behind = true;
    writer->dirty_since_ms = 0;
    writer->dirty_events = 0;
    if (writer->under_way != NULL) {
        refuse_batch(writer, writer->under_way, status, error->text);
        writer->under_way = NULL;
    }
    if (writer->filling != NULL) {
        refuse_batch(writer, writer->filling, status, error->text);
        writer->filling = NULL;
    }
    writer->head = ch_log_head_of(writer->store->log);
    ring_front(writer);
}

static void note_partial(ch_writer *writer, const ch_work *work)
{
    for (size_t i = 0; i < work->count && work->failure == NULL; i++) {
        if (ch_status_is_temporary(work->answers[i].status)) {
            block(writer, work, i);
            return;
        }
    }
    if (work->failure != NULL && ch_status_is_temporary(work->failure->status)) {
        block(writer, work, 0);
    }
}

static bool was_refused_for_now(const ch_work *work)
{
    return work->session == 0 && work->count > 0 && ch_status_is_temporary(work->answers[0].status);
}

static void tell_grants(ch_writer *writer, ch_batch *batch)
{
    ch_grant grant;
    while (ch_batch_next_grant(batch, &grant)) {
        ch_grant_mail *mail = (ch_grant_mail *)ch_mail_new(CH_MAIL_GRANT);
        if (mail == NULL) {
            /* A revocation that is not heard of would leave the door open. */
            const ch_error error = {.status = CH_NO_MEMORY, .text = "no memory to tell of a grant"};
            ch_hub_fail(writer->hub, "writer", &error);
            return;
        }
        mail->grant = grant;
        send(writer->hub->writer_to_front, &mail->mail);
        writer->ring_front = true;
    }
}

static void tell_redeliveries(ch_writer *writer, ch_batch *batch)
{
    ch_dead_letter letter;
    int64_t sequence;
    while (ch_batch_next_redelivery(batch, &letter)) {
        ch_redeliver_mail *mail = (ch_redeliver_mail *)ch_mail_new(CH_MAIL_REDELIVER);
        ch_str place = ch_str_of(letter.place);
        if (mail == NULL || !ch_str_starts(place, CH_STR("sequence ")) ||
            ch_str_to_int((ch_str){place.at + 9, place.size - 9}, &sequence) != CH_OK) {
            ch_mail_free(mail == NULL ? NULL : &mail->mail);
            ch_diag(CH_DIAG_ERROR, "writer", "dead letter %llu cannot be delivered again",
                    (unsigned long long)letter.number);
            continue;
        }
        mail->dead_letter = letter.number;
        mail->sequence = (uint64_t)sequence;
        memcpy(mail->subscription, letter.connector, sizeof mail->subscription);
        send(writer->hub->writer_to_reader, &mail->mail);
    }
}

static void hand_out_answers(ch_writer *writer, ch_batch *batch)
{
    ch_work *work;
    ch_batch_answer(batch);
    while ((work = ch_batch_next(batch)) != NULL) {
        note_partial(writer, work);
        hand_back(writer, work, was_refused_for_now(work));
    }
}

/* It is durable: now others may hear of it. */
static void finish_batch(ch_writer *writer, ch_batch *batch, int64_t took_us)
{
    ch_error error;
    ch_metrics *metrics = writer->hub->metrics;
    uint64_t last = ch_event_log_last(writer->store->log), records = ch_batch_records(batch);
    atomic_store_explicit(&writer->hub->log_position, last, memory_order_release);
    tell_grants(writer, batch); /* before anybody is told that they hold */
    hand_out_answers(writer, batch);
    ring_front(writer);
    tell_redeliveries(writer, batch);
    if (ch_batch_records(batch) > 0) {
        ch_pipe_ring(writer->hub->writer_to_reader);
    }
    if (ch_batch_erase_letters(batch, &error) != CH_OK) {
        ch_hub_fail(writer->hub, "writer", &error);
    }
    ch_expiry_note_due(writer->expiry, ch_batch_earliest_due(batch));
    writer->last_batch_ms = now_ms(writer);
    if (records > 0) {
        ch_metric_set(&metrics->log_sequence, last);
        ch_metric_add(&metrics->batches, 1);
        ch_histogram_add(&metrics->commit_us, 50, (uint64_t)took_us);
        ch_histogram_add(&metrics->batch_events, 1, records);
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

static ch_work *next_postponed(ch_writer *writer)
{
    ch_work *work = writer->postponed;
    if (work == NULL || now_ms(writer) < writer->retry_at_ms) {
        return NULL;
    }
    writer->postponed = work->next;
    writer->last_postponed = work->next == NULL ? NULL : writer->last_postponed;
    writer->postponed_count--;
    return work;
}

static ch_work *next_work(ch_writer *writer)
{
    ch_work *work = pop_work(writer->hub->front_to_writer);
    if (work == NULL) {
        work = pop_work(writer->hub->reader_to_writer);
    }
    if (work == NULL) {
        work = next_postponed(writer);
    }
    return work == NULL ? ch_expiry_next(writer->expiry) : work;
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
    ch_status status = check_blocked(writer, work);
    if (status != CH_OK) {
        refuse_alone(writer, work, status,
                     work->beyond_window
                         ? "more events are unanswered than the window holds"
                         : "an event before it was refused for now: start again with that one");
        return;
    }
    status = begin_batch(writer, &error);
    if (status != CH_OK) {
        block(writer, work, 0);
        refuse_alone(writer, work, temporary(status), error.text);
        return;
    }
    status = ch_batch_take(writer->filling, work, &error);
    if (status != CH_OK) {
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

/* Takes what is there into the batch that is being filled. */
static bool take_all(ch_writer *writer)
{
    ch_work *work;
    bool any = false;
    while (has_room(writer) && (work = next_work(writer)) != NULL) {
        take_work(writer, work);
        any = true;
    }
    ring_front(writer);
    return any;
}

static int64_t monotonic_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* Without a thread between it is faster, as long as nothing else is to be done meanwhile. */
static void commit_here(ch_writer *writer, ch_batch *batch)
{
    ch_error error;
    int64_t begun_us = monotonic_us();
    ch_status status = ch_batch_commit(batch, &error);
    if (status != CH_OK) {
        writer->filling = batch;
        give_up(writer, status, &error);
        return;
    }
    finish_batch(writer, batch, monotonic_us() - begun_us);
}

/* The batch goes to the log. One at a time: its answers come in order. */
static void launch(ch_writer *writer)
{
    ch_error error;
    ch_batch *batch = writer->filling;
    if (batch == NULL || writer->under_way != NULL) {
        return;
    }
    ch_status status = ch_batch_seal(batch, &writer->head, &error);
    if (status != CH_OK) {
        give_up(writer, status, &error);
        return;
    }
    writer->filling = NULL;
    if (ch_pipe_count(writer->hub->front_to_writer) == 0) {
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
    ch_status status = ch_state_commit(writer->store->state, &error);
    writer->dirty_since_ms = 0;
    writer->dirty_events = 0;
    if (status != CH_OK) {
        ch_diag_failure("writer", &error, "the state could not be committed");
        if (status == CH_IO || status == CH_CORRUPT) {
            ch_hub_fail(writer->hub, "writer", &error);
        }
        writer->behind = true;
        return;
    }
    ch_metric_add(&writer->hub->metrics->state_commits, 1);
    ch_metric_set(&writer->hub->metrics->state_sequence, ch_state_committed(writer->store->state));
    measure(writer);
    ch_pipe_ring(writer->hub->writer_to_reader);
}

/* How long the state may stay uncommitted yet; 0: not at all, -1: there is nothing to commit. */
static int64_t state_wait_ms(const ch_writer *writer)
{
    const ch_hub_options *options = &writer->hub->options;
    int64_t now = now_ms(writer);
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

/* What is being filled was begun under the old rules, and ends under them. */
static void change_rules(ch_writer *writer, ch_rules *rules)
{
    settle(writer);
    ch_rules_unref(writer->rules);
    writer->rules = ch_rules_ref(rules);
}

static void hear_main(ch_writer *writer)
{
    ch_mail *mail;
    while ((mail = ch_pipe_pop(writer->hub->main_to_writer)) != NULL) {
        if (mail->kind == CH_MAIL_STOP) {
            writer->stopping = true;
        } else if (mail->kind == CH_MAIL_RULES) {
            change_rules(writer, ((ch_rules_mail *)mail)->rules);
        }
        ch_mail_free(mail);
    }
}

enum { PIPE_COUNT = 3 };

static void wait_for_work(ch_writer *writer)
{
    ch_pipe *const pipes[PIPE_COUNT] = {writer->hub->front_to_writer, writer->hub->reader_to_writer,
                                        writer->hub->main_to_writer};
    struct pollfd fds[PIPE_COUNT + 1];
    int64_t wait = state_wait_ms(writer), due = ch_expiry_wait_ms(writer->expiry);
    wait = wait < 0 || due < wait ? due : wait;
    if (writer->postponed != NULL && wait > RETRY_MS) {
        wait = RETRY_MS;
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

static void *run(void *argument)
{
    ch_writer *writer = argument;
    for (;;) {
        hear_main(writer);
        hear_committer(writer, false);
        bool any = take_all(writer);
        launch(writer);
        if (state_wait_ms(writer) == 0) {
            commit_state(writer);
        }
        if (any) {
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

static void free_writer(ch_writer *writer)
{
    while (writer->postponed != NULL) {
        ch_work *work = writer->postponed;
        writer->postponed = work->next;
        ch_mail_free(&work->mail);
    }
    ch_committer_stop(writer->committer);
    ch_batch_free(writer->batches[0]);
    ch_batch_free(writer->batches[1]);
    ch_expiry_free(writer->expiry);
    ch_rules_unref(writer->rules);
    free(writer->sessions);
    free(writer);
}

ch_status ch_writer_start(ch_writer **out_writer, ch_hub *hub, ch_error *error)
{
    ch_writer *writer = calloc(1, sizeof *writer);
    if (writer == NULL) {
        return ch_error_set(error, CH_NO_MEMORY, "writer", "no memory");
    }
    writer->hub = hub;
    writer->store = hub->store;
    writer->rules = ch_rules_ref(hub->options.rules);
    writer->session_count = (size_t)hub->options.clients_most;
    writer->sessions = calloc(writer->session_count, sizeof *writer->sessions);
    writer->head = ch_log_head_of(hub->store->log);
    ch_status status = writer->sessions == NULL ? CH_NO_MEMORY : CH_OK;
    for (size_t i = 0; i < 2 && status == CH_OK; i++) {
        status = ch_batch_new(&writer->batches[i], hub->store, hub->metrics);
    }
    if (status == CH_OK) {
        status = ch_expiry_new(&writer->expiry, hub->store, hub->options.clock);
    }
    status = status == CH_OK ? ch_committer_start(&writer->committer, error)
                             : ch_error_set(error, status, "writer", "no memory");
    if (status != CH_OK) {
        free_writer(writer);
        return status;
    }
    measure(writer);
    if (pthread_create(&writer->thread, NULL, run, writer) != 0) {
        free_writer(writer);
        return ch_error_set(error, CH_IO, "writer", "its thread cannot be started");
    }
    *out_writer = writer;
    return CH_OK;
}

void ch_writer_join(ch_writer *writer)
{
    if (writer != NULL) {
        pthread_join(writer->thread, NULL);
        free_writer(writer);
    }
}
