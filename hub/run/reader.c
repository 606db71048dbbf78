#include "hub/run/reader_inside.h"

#include "hub/base/array.h"
#include "hub/base/diag.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

#define CURSORS_EVERY_MS 1000
#define SUBSCRIPTIONS_FIRST 16
#define SETTLE_MOST_MS 100 /* of these, for the writer to store what the cursors are about to forget */
#define WAIT_MOST_MS 1000
#define WORK_LIMIT ((size_t)2 * 1024 * 1024) /* a cursor that holds CH_HELD_MOST cases */

int64_t ch_reader_now(const ch_reader *reader)
{
    return ch_clock_monotonic_ms(reader->hub->options.clock);
}

/* ---- to the other threads */

struct ch_mail_link {
    ch_mail *mail;
    struct ch_mail_link *next;
};

/* Pushes, or keeps it behind what is kept already. */
static void push_or_keep(ch_reader *reader, ch_pipe *pipe, ch_mail_list *list, ch_mail *mail, bool *ring)
{
    if (list->first == NULL && ch_pipe_push(pipe, mail) == CH_OK) {
        *ring = true;
        return;
    }
    struct ch_mail_link *link = malloc(sizeof *link);
    if (link == NULL) {
        const ch_error error = {.status = CH_NO_MEMORY, .text = "no memory for what is to be sent"};
        ch_mail_free(mail);
        ch_hub_fail(reader->hub, "reader", &error);
        return;
    }
    *link = (struct ch_mail_link){mail, NULL};
    if (list->last == NULL) {
        list->first = link;
    } else {
        list->last->next = link;
    }
    list->last = link;
    list->count++;
}

static void push_kept(ch_pipe *pipe, ch_mail_list *list, bool *ring)
{
    while (list->first != NULL && ch_pipe_push(pipe, list->first->mail) == CH_OK) {
        struct ch_mail_link *link = list->first;
        list->first = link->next;
        list->last = list->first == NULL ? NULL : list->last;
        list->count--;
        free(link);
        *ring = true;
    }
}

static void free_kept(ch_mail_list *list)
{
    while (list->first != NULL) {
        struct ch_mail_link *link = list->first;
        list->first = link->next;
        ch_mail_free(link->mail);
        free(link);
    }
    *list = (ch_mail_list){.count = 0};
}

void ch_reader_send(ch_reader *reader, ch_parcel *parcel)
{
    push_or_keep(reader, reader->hub->reader_to_front, &reader->parcels, &parcel->mail, &reader->ring_front);
}

void ch_reader_publish(ch_reader *reader, ch_work *work)
{
    work->from_reader = true;
    atomic_fetch_add_explicit(&reader->hub->unsettled, 1, memory_order_relaxed);
    push_or_keep(reader, reader->hub->reader_to_writer, &reader->works, &work->mail, &reader->ring_writer);
}

void ch_reader_report(ch_reader *reader, const char *type, const char *id, ch_str subject, ch_str data)
{
    char source[4 + CH_CODE_MAX + 1];
    ch_work *work;
    ch_error error;
    snprintf(source, sizeof source, "hub/%s", reader->store->hub_code);
    const ch_event event = {.id = ch_str_of(id),
                            .source = ch_str_of(source),
                            .type = ch_str_of(type),
                            .time_ms = ch_clock_wall_ms(reader->hub->options.clock),
                            .subject = subject,
                            .data = data,
                            .expected_version = -1};
    if (ch_work_of_hub(&work, &event, &error) == CH_OK) {
        ch_reader_publish(reader, work);
    } else {
        ch_diag_failure("reader", &error, type);
    }
}

void ch_reader_answer(ch_reader *reader, ch_session_id session, const ch_chp_message *message)
{
    ch_parcel *parcel;
    if (ch_parcel_new(&parcel, session) != CH_OK) {
        ch_diag(CH_DIAG_ERROR, "reader", "no memory to answer %s", ch_chp_verb_name(message->verb));
        return;
    }
    ch_chp_encode(&parcel->header, message);
    ch_reader_send(reader, parcel);
}

void ch_reader_error(ch_reader *reader, ch_session_id session, uint64_t request, const ch_error *error,
                     int64_t position)
{
    const ch_chp_message message = {
        .verb = CH_CHP_ERROR,
        .request = request,
        .error = {.code = ch_str_of(ch_status_name(error->status)),
                  .text = ch_str_of(error->text),
                  .where = error->where[0] == '\0' ? CH_STR_NONE : ch_str_of(error->where),
                  .position = position}};
    ch_reader_answer(reader, session, &message);
}

/* ---- looking */

ch_status ch_reader_look(ch_reader *reader, ch_error *error)
{
    if (reader->looking) {
        return CH_OK;
    }
    /* Before: a look may show more than is said here, never less. */
    uint64_t last = atomic_load_explicit(&reader->hub->log_position, memory_order_acquire);
    ch_status status = reader->log == NULL ? ch_log_reader_open(&reader->log, reader->store->log, error)
                                           : ch_log_reader_renew(reader->log, error);
    uint64_t erasures = atomic_load_explicit(&reader->hub->erasures, memory_order_acquire);
    if (reader->erasures != erasures) {
        ch_slices_forget(reader->slices);
        reader->erasures = erasures;
    }
    if (status == CH_OK) {
        reader->looking = true;
        reader->last = last;
        atomic_store_explicit(&reader->hub->metrics->reader_look_ms, ch_reader_now(reader),
                              memory_order_relaxed);
    }
    return status;
}

ch_status ch_reader_look_at_state(ch_reader *reader, ch_error *error)
{
    if (reader->state != NULL) {
        return CH_OK;
    }
    reader->state_last = ch_state_committed(reader->store->state);
    return ch_state_reader_open(&reader->state, reader->store->state, error);
}

/* LMDB reuses no page that somebody may still be looking at. */
static void rest(ch_reader *reader)
{
    if (reader->looking) {
        ch_log_reader_rest(reader->log);
        reader->looking = false;
        atomic_store_explicit(&reader->hub->metrics->reader_look_ms, 0, memory_order_relaxed);
    }
    ch_state_reader_close(reader->state);
    reader->state = NULL;
}

/* ---- subscriptions */

ch_subscription *ch_reader_find(ch_reader *reader, ch_session_id session, int64_t number)
{
    for (size_t i = 0; i < reader->subscription_count; i++) {
        ch_subscription *subscription = reader->subscriptions[i];
        if (subscription->session == session && subscription->number == number) {
            return subscription;
        }
    }
    return NULL;
}

ch_subscription *ch_reader_find_durable(ch_reader *reader, ch_str name)
{
    for (size_t i = 0; i < reader->subscription_count; i++) {
        if (reader->subscriptions[i]->durable && ch_str_is(name, reader->subscriptions[i]->name)) {
            return reader->subscriptions[i];
        }
    }
    return NULL;
}

ch_status ch_reader_add(ch_reader *reader, ch_subscription *subscription)
{
    if (reader->subscription_count >= (size_t)reader->hub->options.subscriptions_most) {
        return CH_FULL;
    }
    ch_status status =
        ch_array_reserve(&reader->subscriptions, &reader->subscription_capacity,
                         reader->subscription_count + 1, SUBSCRIPTIONS_FIRST, sizeof(ch_subscription *));
    if (status == CH_OK) {
        reader->subscriptions[reader->subscription_count++] = subscription;
    }
    return status;
}

void ch_reader_remove(ch_reader *reader, ch_subscription *subscription)
{
    for (size_t i = 0; i < reader->subscription_count; i++) {
        if (reader->subscriptions[i] == subscription) {
            reader->subscriptions[i] = reader->subscriptions[--reader->subscription_count];
            ch_subscription_free(subscription);
            return;
        }
    }
}

static ch_status put_cursor(ch_reader *reader, const ch_subscription *subscription, ch_error *error)
{
    ch_buf_clear(&reader->work);
    ch_subscription_encode(&reader->work, subscription);
    return reader->work.failed != CH_OK
               ? ch_error_set(error, reader->work.failed, "cursors", "no room for a cursor")
               : ch_cursors_put(reader->store->cursors, ch_str_of(subscription->name),
                                ch_buf_str(&reader->work), error);
}

ch_status ch_reader_write_cursor(ch_reader *reader, const ch_subscription *subscription, ch_error *error)
{
    ch_status status = put_cursor(reader, subscription, error);
    return status == CH_OK ? ch_cursors_commit(reader->store->cursors, error) : status;
}

ch_status ch_reader_delete_cursor(ch_reader *reader, const ch_subscription *subscription, ch_error *error)
{
    ch_status status =
        ch_cursors_put(reader->store->cursors, ch_str_of(subscription->name), CH_STR_NONE, error);
    return status == CH_OK ? ch_cursors_commit(reader->store->cursors, error) : status;
}

/* An acknowledgement or a failure leads to an event of the hub's own. Only once that is on the disk may the cursors forget
 * what led to it. */
static bool is_settled(const ch_reader *reader)
{
    return atomic_load_explicit(&reader->hub->unsettled, memory_order_acquire) == 0;
}

static bool cursors_are_due(const ch_reader *reader)
{
    return ch_reader_now(reader) >= reader->cursors_at_ms;
}

/* Clients wait for a moment: under load there would always be something on its way. */
static bool is_settling(const ch_reader *reader)
{
    return cursors_are_due(reader) && !is_settled(reader) &&
           ch_reader_now(reader) < reader->cursors_at_ms + SETTLE_MOST_MS;
}

/* What is lost here is only delivered again. */
static ch_status write_cursors(ch_reader *reader)
{
    ch_error error;
    ch_status status = CH_OK;
    bool any = false;
    for (size_t i = 0; i < reader->subscription_count && status == CH_OK; i++) {
        ch_subscription *subscription = reader->subscriptions[i];
        if (subscription->durable && subscription->changed) {
            status = put_cursor(reader, subscription, &error);
            subscription->changed = status != CH_OK;
            any = true;
        }
    }
    if (status == CH_OK && any) {
        status = ch_cursors_commit(reader->store->cursors, &error);
    }
    if (status != CH_OK) {
        ch_diag_failure("reader", &error, "cursors could not be written");
        if (status == CH_IO || status == CH_CORRUPT) {
            ch_hub_fail(reader->hub, "reader", &error);
        }
    }
    return status;
}

/* ---- the loop */

static void hear_main(ch_reader *reader)
{
    ch_mail *mail;
    while ((mail = ch_pipe_pop(reader->hub->main_to_reader)) != NULL) {
        if (mail->kind == CH_MAIL_STOP) {
            reader->ending = reader->stopping;
            reader->stopping = true;
        } else if (mail->kind == CH_MAIL_RULES) {
            ch_rules_unref(reader->rules);
            reader->rules = ch_rules_ref(((ch_rules_mail *)mail)->rules);
        }
        ch_mail_free(mail);
    }
    while ((mail = ch_pipe_pop(reader->hub->writer_to_reader)) != NULL) {
        if (mail->kind == CH_MAIL_REDELIVER) {
            ch_reader_redeliver(reader, &((ch_redeliver_mail *)mail)->redelivery);
        }
        ch_mail_free(mail);
    }
}

static bool has_kept(const ch_reader *reader)
{
    return reader->parcels.first != NULL || reader->works.first != NULL;
}

static void hear_front(ch_reader *reader)
{
    ch_task *task;
    while (!has_kept(reader) && (task = ch_pipe_pop(reader->hub->front_to_reader)) != NULL) {
        ch_reader_hear(reader, task);
    }
}

/* Each subscription a little, beginning with another one each time. */
static bool deliver_round(ch_reader *reader)
{
    bool more = false;
    size_t count = reader->subscription_count;
    reader->next_turn = count == 0 ? 0 : (reader->next_turn + 1) % count;
    for (size_t i = 0; i < count && !has_kept(reader); i++) {
        ch_subscription *subscription = reader->subscriptions[(reader->next_turn + i) % count];
        if (subscription->session != 0) {
            ch_reader_fail_overdue(reader, subscription);
            more = ch_reader_deliver(reader, subscription) || more;
        }
    }
    return more;
}

static void publish_figures(const ch_reader *reader)
{
    uint64_t lag = 0, held = 0, paused = 0;
    uint64_t last = atomic_load_explicit(&reader->hub->log_position, memory_order_relaxed);
    for (size_t i = 0; i < reader->subscription_count; i++) {
        const ch_subscription *subscription = reader->subscriptions[i];
        uint64_t behind = subscription->next > last ? 0 : last - subscription->next + 1;
        lag = behind > lag ? behind : lag;
        held += subscription->held_count;
        paused += ch_subscription_is_paused(subscription);
    }
    ch_metric_set(&reader->hub->metrics->subscriptions, reader->subscription_count);
    ch_metric_set(&reader->hub->metrics->lag_most, lag);
    ch_metric_set(&reader->hub->metrics->held_cases, held);
    ch_metric_set(&reader->hub->metrics->paused_subscriptions, paused);
}

static int64_t wake_ms(const ch_reader *reader, int64_t after_ms)
{
    int64_t wake = ch_reader_now(reader) + WAIT_MOST_MS;
    int64_t waiting = ch_reader_waiting_until(reader);
    for (size_t i = 0; i < reader->subscription_count; i++) {
        const ch_subscription *subscription = reader->subscriptions[i];
        int64_t at = subscription->session == 0 ? INT64_MAX : ch_subscription_wake_ms(subscription, after_ms);
        wake = at < wake ? at : wake;
    }
    return waiting < wake ? waiting : wake;
}

static void ring(ch_reader *reader)
{
    push_kept(reader->hub->reader_to_front, &reader->parcels, &reader->ring_front);
    push_kept(reader->hub->reader_to_writer, &reader->works, &reader->ring_writer);
    if (reader->ring_front) {
        ch_pipe_ring(reader->hub->reader_to_front);
    }
    if (reader->ring_writer) {
        ch_pipe_ring(reader->hub->reader_to_writer);
    }
    reader->ring_front = reader->ring_writer = false;
}

/* When a round began, and how far the writer had come then: what it did since then is no reason to sleep. */
typedef struct seen {
    uint64_t log, state;
    int64_t now_ms;
} seen;

static seen see(const ch_reader *reader)
{
    return (seen){.log = atomic_load_explicit(&reader->hub->log_position, memory_order_acquire),
                  .state = ch_state_committed(reader->store->state),
                  .now_ms = ch_reader_now(reader)};
}

static void wait_for_something(ch_reader *reader, seen before)
{
    ch_pipe *const pipes[] = {reader->hub->front_to_reader, reader->hub->writer_to_reader,
                              reader->hub->main_to_reader};
    struct pollfd fds[3];
    bool idle = true;
    bool waits = has_kept(reader) || is_settling(reader);
    int64_t wait = waits ? 1 : wake_ms(reader, before.now_ms) - ch_reader_now(reader);
    for (size_t i = 0; i < 3; i++) {
        fds[i] = (struct pollfd){.fd = ch_pipe_fd(pipes[i]), .events = POLLIN};
        ch_pipe_silence(pipes[i]);
        idle = idle && ch_pipe_count(pipes[i]) == 0;
    }
    seen now = see(reader);
    idle = waits || (idle && now.log == before.log && now.state == before.state);
    if (idle && wait > 0) {
        poll(fds, 3, (int)wait);
    }
}

/* Without room for what must be stored first, the cursors stay what they were. */
static void look_after_cursors(ch_reader *reader)
{
    if (!cursors_are_due(reader) || is_settling(reader)) {
        return;
    }
    if (is_settled(reader) && write_cursors(reader) == CH_OK) {
        ch_reader_close_retried(reader);
    }
    reader->cursors_at_ms = ch_reader_now(reader) + CURSORS_EVERY_MS;
    publish_figures(reader);
}

static void work_for_clients(ch_reader *reader)
{
    while (!reader->stopping) {
        seen before = see(reader);
        bool more = false;
        hear_main(reader);
        if (!is_settling(reader)) {
            hear_front(reader);
            ch_reader_answer_waiting(reader);
            more = deliver_round(reader);
        }
        rest(reader);
        ch_backup_job_look(reader);
        look_after_cursors(reader);
        ring(reader);
        if (!more && !reader->stopping) {
            wait_for_something(reader, before);
        }
    }
}

static bool is_question(const ch_task *task)
{
    return task->kind == CH_TASK_MESSAGE &&
           (task->message.verb == CH_CHP_READ || task->message.verb == CH_CHP_QUERY);
}

/* The front is gone: what it has passed on counts, but nobody hears an answer. */
static void hear_last_words(ch_reader *reader)
{
    ch_task *task;
    while ((task = ch_pipe_pop(reader->hub->front_to_reader)) != NULL) {
        if (is_question(task)) {
            ch_mail_free(&task->mail);
        } else {
            ch_reader_hear(reader, task);
        }
    }
    for (size_t i = 0; i < reader->subscription_count; i++) {
        ch_subscription_detach(reader->subscriptions[i]);
    }
    free_kept(&reader->parcels);
    rest(reader);
    for (ring(reader); reader->works.first != NULL; ring(reader)) {
        hear_main(reader); /* the writer may be waiting, too */
        rest(reader);
        poll(NULL, 0, 1); /* it makes room */
    }
}

static void *run(void *argument)
{
    pthread_setname_np(pthread_self(), "reader");
    ch_reader *reader = argument;
    ch_reader_resume_retries(reader);
    rest(reader);
    work_for_clients(reader);
    hear_last_words(reader);
    sem_post(&reader->quiet);
    while (!reader->ending) {
        wait_for_something(reader, see(reader));
        hear_main(reader);
        rest(reader);
    }
    ch_backup_job_end(reader);
    if (is_settled(reader)) {
        (void)write_cursors(reader); /* it has logged a failure */
    }
    return NULL;
}

/* ---- start and end */

typedef struct loading {
    ch_reader *reader;
    ch_status status;
} loading;

void ch_reader_set_defaults(const ch_reader *reader, ch_subscription *subscription)
{
    const ch_hub_options *options = &reader->hub->options;
    subscription->held_most = (size_t)options->held_most;
    subscription->backoff_first_ms = options->backoff_first_ms;
    subscription->backoff_most_ms = options->backoff_most_ms;
}

static bool see_cursor(void *context, ch_str name, ch_str value)
{
    loading *at = context;
    ch_subscription *subscription;
    at->status = ch_subscription_new(&subscription);
    if (at->status != CH_OK) {
        return false;
    }
    ch_reader_set_defaults(at->reader, subscription);
    at->status = ch_str_copy(subscription->name, sizeof subscription->name, name);
    if (at->status == CH_OK) {
        at->status = ch_subscription_decode(value, subscription);
    }
    if (at->status == CH_OK) {
        at->status = ch_reader_add(at->reader, subscription);
    }
    if (at->status != CH_OK) {
        ch_subscription_free(subscription);
    }
    return at->status == CH_OK;
}

static ch_status load(ch_reader *reader, ch_error *error)
{
    loading at = {.reader = reader, .status = CH_OK};
    ch_status status = ch_cursors_each(reader->store->cursors, see_cursor, &at, error);
    if (status == CH_OK && at.status != CH_OK) {
        status = ch_error_set(error, at.status, "cursors", "a subscription cannot be read: %s",
                              ch_status_text(at.status));
    }
    return status;
}

static void free_reader(ch_reader *reader)
{
    rest(reader);
    for (size_t i = 0; i < reader->subscription_count; i++) {
        ch_subscription_free(reader->subscriptions[i]);
    }
    for (size_t i = 0; i < reader->waiting_count; i++) {
        ch_mail_free(&reader->waiting[i].task->mail);
    }
    sem_destroy(&reader->quiet);
    free(reader->subscriptions);
    free(reader->retried);
    free_kept(&reader->parcels);
    free_kept(&reader->works);
    ch_log_reader_close(reader->log);
    ch_slices_free(reader->slices);
    ch_rules_unref(reader->rules);
    ch_buf_done(&reader->work);
    free(reader);
}

ch_status ch_reader_start(ch_reader **out_reader, ch_hub *hub, ch_error *error)
{
    ch_reader *reader = calloc(1, sizeof *reader);
    if (reader == NULL) {
        return ch_error_set(error, CH_NO_MEMORY, "reader", "no memory");
    }
    reader->hub = hub;
    reader->store = hub->store;
    reader->rules = ch_rules_ref(hub->options.rules);
    sem_init(&reader->quiet, 0, 0);
    ch_buf_init(&reader->work, WORK_LIMIT);
    ch_status status = ch_slices_new(&reader->slices, hub->store);
    status = status == CH_OK ? load(reader, error) : ch_error_set(error, status, "reader", "no memory");
    if (status == CH_OK && pthread_create(&reader->thread, NULL, run, reader) != 0) {
        status = ch_error_set(error, CH_IO, "reader", "its thread cannot be started");
    }
    if (status != CH_OK) {
        free_reader(reader);
        return status;
    }
    *out_reader = reader;
    return CH_OK;
}

void ch_reader_quiet(ch_reader *reader)
{
    while (sem_wait(&reader->quiet) != 0) {
        /* a signal came between */
    }
}

void ch_reader_join(ch_reader *reader)
{
    if (reader != NULL) {
        pthread_join(reader->thread, NULL);
        free_reader(reader);
    }
}
