#include "hub/run/front_inside.h"

#include "hub/base/diag.h"

#include <stdlib.h>

#define RECEIVE_AT_ONCE 256
#define AT_WRITER_MOST                                                                                       \
    (2 * CH_CHP_BATCH_MAX) /* events of one session: one batch is written, the next gathers */
#define SWEEP_MOST_MS 1000
#define FLUSH_EVERY_MS 1
#define SILENCES 3 /* heartbeats without a word, or without taking anything: the client is gone */
#define STOP_WITHIN_MS 5000
#define PROVE_WITHIN_MS 5000

int64_t ch_front_now(const ch_front *front)
{
    return ch_clock_monotonic_ms(front->hub->options.clock);
}

/* ---- sending */

static ch_status hand_over(ch_front *front, const ch_session *session, ch_str header, ch_shared_body *body)
{
    return body == NULL ? ch_router_send(front->router, session->local, session->route, session->route_size,
                                         header, NULL, 0)
                        : ch_router_send_shared(front->router, session->local, session->route,
                                                session->route_size, header, ch_shared_body_ref(body));
}

static void end_deaf(ch_front *front, ch_session *session)
{
    ch_diag(CH_DIAG_WARN, "front", "%s does not read what it is sent: its session ends",
            session->actor->grant.name);
    ch_front_end(front, session);
}

static ch_status tell_reader(ch_front *front, const ch_session *session, ch_task_kind kind)
{
    ch_task *task;
    ch_status status = ch_task_new(&task, kind, session->id, NULL);
    if (status == CH_OK) {
        ch_front_give_task(front, task);
    }
    return status;
}

/* Takes the reference of body. A full queue of libzmq is no reason to end a session: a burst of answers fills it
 * faster than any client can read. */
static ch_status send_or_keep(ch_front *front, ch_session *session, ch_str header, ch_shared_body *body,
                              size_t body_size)
{
    bool first = session->outbox.first == NULL;
    ch_status status = first ? hand_over(front, session, header, body) : CH_FULL;
    if (status != CH_FULL) {
        ch_shared_body_unref(body);
        return status;
    }
    if (first) {
        session->took_ms = ch_front_now(front);
        ch_status told = tell_reader(front, session, CH_TASK_FULL);
        (void)told; /* without it events go on and fill the outbox, which has an end */
    }
    if (front->flush_at_ms == 0) {
        front->flush_at_ms = ch_front_now(front) + FLUSH_EVERY_MS;
    }
    return ch_outbox_put(&session->outbox, header, body, body_size);
}

void ch_front_send(ch_front *front, ch_session *session, ch_str header, ch_buf *body)
{
    size_t size = 0;
    ch_shared_body *shared = NULL;
    ch_status status = CH_OK;
    if (body != NULL && body->size > 0) {
        uint8_t *at = ch_buf_take(body, &size);
        status = ch_shared_body_new(&shared, at, size);
    }
    if (status == CH_OK) {
        status = send_or_keep(front, session, header, shared, size);
    }
    session->sent_ms = ch_front_now(front);
    if (status == CH_FULL) {
        end_deaf(front, session);
    } else if (status != CH_OK) {
        ch_front_end(front, session);
    }
}

/* True: some is left. */
static bool flush(ch_front *front, ch_session *session)
{
    int64_t now = ch_front_now(front);
    ch_status status = CH_OK;
    while (session->outbox.first != NULL && status == CH_OK) {
        const ch_outgoing *outgoing = session->outbox.first;
        status = hand_over(front, session, (ch_str){outgoing->header, outgoing->header_size}, outgoing->body);
        if (status == CH_OK) {
            ch_outbox_drop_first(&session->outbox);
            session->took_ms = now;
        }
    }
    if (status == CH_OK && tell_reader(front, session, CH_TASK_ROOM) == CH_OK) {
        return false;
    }
    if (status == CH_FULL && now - session->took_ms <= SILENCES * front->hub->options.heartbeat_ms) {
        return true;
    }
    if (status == CH_FULL) {
        end_deaf(front, session);
    } else {
        ch_front_end(front, session);
    }
    return false;
}

static void flush_outboxes(ch_front *front)
{
    bool any = false;
    if (front->flush_at_ms == 0 || ch_front_now(front) < front->flush_at_ms) {
        return;
    }
    for (size_t slot = 0; slot < ch_sessions_capacity(front->sessions); slot++) {
        ch_session *session = ch_sessions_at(front->sessions, slot);
        if (session != NULL && session->outbox.first != NULL) {
            any = flush(front, session) || any;
        }
    }
    front->flush_at_ms = any ? ch_front_now(front) + FLUSH_EVERY_MS : 0;
}

void ch_front_end(ch_front *front, ch_session *session)
{
    ch_task *task;
    if (ch_task_new(&task, CH_TASK_GONE, session->id, NULL) == CH_OK) {
        ch_front_give_task(front, task);
    } else {
        const ch_error error = {.status = CH_NO_MEMORY, .text = "no memory to end a session"};
        ch_hub_fail(front->hub, "front", &error);
    }
    for (const ch_work *work = session->queue; work != NULL; work = work->next) {
        front->queued_bytes -= work->memory_bytes;
        front->queued_events -= work->count;
    }
    ch_sessions_close(front->sessions, session);
    ch_metric_set(&front->hub->metrics->clients, ch_sessions_count(front->sessions));
}

void ch_front_give_task(ch_front *front, ch_task *task)
{
    if (front->tasks == NULL && ch_pipe_push(front->hub->front_to_reader, task) == CH_OK) {
        front->ring_reader = true;
        return;
    }
    front_task *entry = malloc(sizeof *entry);
    if (entry == NULL) {
        const ch_error error = {.status = CH_NO_MEMORY, .text = "no memory for the reader's tasks"};
        ch_mail_free(&task->mail);
        ch_hub_fail(front->hub, "front", &error);
        return;
    }
    *entry = (front_task){.task = task};
    if (front->tasks == NULL) {
        front->tasks = entry;
    } else {
        front->last_task->next = entry;
    }
    front->last_task = entry;
}

static void give_held_tasks(ch_front *front)
{
    while (front->tasks != NULL && ch_pipe_push(front->hub->front_to_reader, front->tasks->task) == CH_OK) {
        front_task *entry = front->tasks;
        front->tasks = entry->next;
        free(entry);
        front->ring_reader = true;
    }
}

/* ---- to the writer, session by session in turn */

static bool fits(const ch_session *session, const ch_work *work)
{
    return session->at_writer == 0 || session->at_writer + work->count <= AT_WRITER_MOST;
}

static void dispatch(ch_front *front)
{
    ch_session *session, *first = NULL;
    bool pushed = false;
    while ((session = ch_sessions_take_turn(front->sessions)) != NULL && session != first) {
        ch_work *work = session->queue, *next = work->next;
        size_t count = work->count;
        if (!fits(session, work)) {
            first = first == NULL ? session : first;
            ch_sessions_join_row(front->sessions, session);
            continue;
        }
        if (ch_pipe_push(front->hub->front_to_writer, work) == CH_FULL) {
            break;
        }
        pushed = true;
        first = NULL;
        /* From here on it is the writer's. */
        session->queue = next;
        session->last = session->queue == NULL ? NULL : session->last;
        session->at_writer += count;
        front->at_writer++;
        ch_sessions_join_row(front->sessions, session);
    }
    if (session != NULL) {
        ch_sessions_join_row(front->sessions, session);
    }
    if (pushed) {
        ch_pipe_ring(front->hub->front_to_writer);
    }
}

static void hear_grant(ch_front *front, const ch_grant *grant)
{
    if (ch_actors_put(front->actors, grant) != CH_OK) {
        const ch_error error = {.status = CH_NO_MEMORY, .text = "no memory for a grant"};
        ch_hub_fail(front->hub, "front", &error);
        return;
    }
    ch_actor *actor = ch_actors_find(front->actors, grant->key);
    for (size_t slot = 0; slot < ch_sessions_capacity(front->sessions); slot++) {
        ch_session *session = ch_sessions_at(front->sessions, slot);
        if (session == NULL || strcmp(session->actor->grant.key, grant->key) != 0) {
            continue;
        }
        if (actor == NULL) {
            ch_front_error(front, session, 0, CH_DENIED, "HELLO", "the grant was revoked");
            if (session->id != 0) {
                ch_front_end(front, session);
            }
            continue;
        }
        ch_actor_unref(session->actor);
        session->actor = ch_actor_ref(actor);
        ch_task *task;
        if (ch_task_new(&task, CH_TASK_ACTOR, session->id, actor) == CH_OK) {
            ch_front_give_task(front, task);
        } else {
            ch_front_end(front, session); /* nobody reads on with rights that are gone */
        }
    }
}

static void hear_answer(ch_front *front, ch_work *work)
{
    ch_session *session = ch_sessions_by_id(front->sessions, work->session);
    front->at_writer--;
    front->queued_bytes -= work->memory_bytes;
    front->queued_events -= work->count;
    if (session != NULL) {
        session->at_writer -= work->count;
        session->unanswered -= work->count;
        session->unanswered_bytes -= work->size_bytes;
        ch_sessions_join_row(front->sessions, session);
        ch_front_send(front, session, ch_buf_str(&work->answer), NULL);
    }
    ch_mail_free(&work->mail);
}

static void hear_writer(ch_front *front)
{
    ch_mail *mail;
    while ((mail = ch_pipe_pop(front->hub->writer_to_front)) != NULL) {
        if (mail->kind == CH_MAIL_WORK) {
            hear_answer(front, (ch_work *)mail);
            continue;
        }
        if (mail->kind == CH_MAIL_GRANT) {
            hear_grant(front, &((ch_grant_mail *)mail)->grant);
        }
        ch_mail_free(mail);
    }
}

static void hear_reader(ch_front *front)
{
    ch_parcel *parcel;
    while ((parcel = ch_pipe_pop(front->hub->reader_to_front)) != NULL) {
        ch_session *session = ch_sessions_by_id(front->sessions, parcel->session);
        if (session != NULL) {
            ch_front_send(front, session, ch_buf_str(&parcel->header), &parcel->body);
        }
        ch_mail_free(&parcel->mail);
    }
}

static void hear_main(ch_front *front)
{
    ch_mail *mail;
    while ((mail = ch_pipe_pop(front->hub->main_to_front)) != NULL) {
        if (mail->kind == CH_MAIL_STOP) {
            front->stop_at_ms = ch_front_now(front) + STOP_WITHIN_MS;
        } else if (mail->kind == CH_MAIL_RULES) {
            ch_rules_unref(front->rules);
            front->rules = ch_rules_ref(((ch_rules_mail *)mail)->rules);
        }
        ch_mail_free(mail);
    }
}

/* ---- the loop */

/* What was said while nobody listened is still to be read. */
static bool is_silent(const ch_front *front, const ch_session *session, int64_t now)
{
    int64_t since = session->heard_ms > front->deaf_ms ? session->heard_ms : front->deaf_ms;
    return now - since > SILENCES * front->hub->options.heartbeat_ms;
}

/* One that is gone is only noticed when something is sent to it. */
void ch_front_probe(ch_front *front, int64_t quiet_ms)
{
    int64_t now = ch_front_now(front);
    const ch_chp_message ping = {.verb = CH_CHP_PING};
    for (size_t slot = 0; slot < ch_sessions_capacity(front->sessions); slot++) {
        ch_session *session = ch_sessions_at(front->sessions, slot);
        if (session == NULL) {
            continue;
        }
        if (is_silent(front, session, now)) {
            ch_diag(CH_DIAG_DEBUG, "front", "%s has gone silent: its session ends",
                    session->actor->grant.name);
            ch_front_end(front, session);
        } else if (now - session->sent_ms >= quiet_ms) {
            ch_buf_clear(&front->header);
            ch_chp_encode(&front->header, &ping);
            ch_front_send(front, session, ch_buf_str(&front->header), NULL);
        }
    }
}

/* No client is taken for gone before it was asked. */
static int64_t sweep_every_ms(const ch_front *front)
{
    int64_t heartbeat_ms = front->hub->options.heartbeat_ms;
    return heartbeat_ms < SWEEP_MOST_MS ? heartbeat_ms : SWEEP_MOST_MS;
}

static void sweep(ch_front *front)
{
    int64_t now = ch_front_now(front);
    if (now >= front->next_sweep_ms) {
        front->next_sweep_ms = now + sweep_every_ms(front);
        ch_front_probe(front, front->hub->options.heartbeat_ms);
    }
}

/* What waits is bounded: beyond it the clients' sockets fill up, and they wait. */
static bool is_congested(const ch_front *front)
{
    return front->queued_bytes > (size_t)front->hub->options.queue_bytes || front->tasks != NULL ||
           front->stop_at_ms != 0;
}

static void receive(ch_front *front)
{
    ch_packet packet;
    for (unsigned i = 0; i < RECEIVE_AT_ONCE && !is_congested(front); i++) {
        ch_status status = ch_router_receive(front->router, &packet);
        if (status == CH_END) {
            front->more_to_receive = false;
            return;
        }
        if (status == CH_OK) {
            ch_front_hear_packet(front, &packet);
            ch_packet_done(&packet);
        } else if (status == CH_NO_MEMORY) {
            ch_front_miss_packet(front, &packet);
        } else if (status == CH_IO) {
            const ch_error error = {.status = CH_IO, .text = "a socket is gone"};
            ch_hub_fail(front->hub, "front", &error);
            return;
        }
    }
    front->more_to_receive = !is_congested(front);
}

static void publish_figures(const ch_front *front)
{
    ch_metrics *metrics = front->hub->metrics;
    ch_metric_set(&metrics->writer_queue, front->queued_events);
    ch_metric_set(&metrics->reader_queue, ch_pipe_count(front->hub->front_to_reader));
    ch_metric_set(&metrics->send_queue, ch_pipe_count(front->hub->reader_to_front));
}

enum { PIPE_COUNT = 3 };

static void wait_for_something(ch_front *front)
{
    ch_pipe *const pipes[PIPE_COUNT] = {front->hub->writer_to_front, front->hub->reader_to_front,
                                        front->hub->main_to_front};
    int fds[PIPE_COUNT];
    bool ready[PIPE_COUNT];
    ch_error error;
    int timeout_ms = front->more_to_receive ? 0 : (int)sweep_every_ms(front);
    if (front->tasks != NULL || front->flush_at_ms != 0) {
        timeout_ms = timeout_ms > 1 ? 1 : timeout_ms;
    }
    for (size_t i = 0; i < PIPE_COUNT; i++) {
        fds[i] = ch_pipe_fd(pipes[i]);
        ch_pipe_silence(pipes[i]);
        if (ch_pipe_count(pipes[i]) > 0) {
            timeout_ms = 0;
        }
    }
    bool listens = !is_congested(front);
    ch_router_listen(front->router, listens);
    ch_status status = ch_router_wait(front->router, fds, ready, PIPE_COUNT, timeout_ms, &error);
    front->deaf_ms = listens ? front->deaf_ms : ch_front_now(front);
    if (status != CH_OK) {
        ch_hub_fail(front->hub, "front", &error);
    }
}

static bool is_done(const ch_front *front)
{
    return front->stop_at_ms != 0 &&
           ((front->at_writer == 0 && front->queued_bytes == 0 && front->flush_at_ms == 0) ||
            ch_front_now(front) >= front->stop_at_ms);
}

static void *run(void *argument)
{
    pthread_setname_np(pthread_self(), "front");
    ch_front *front = argument;
    while (!is_done(front)) {
        wait_for_something(front);
        hear_main(front);
        hear_writer(front);
        give_held_tasks(front);
        flush_outboxes(front);
        hear_reader(front);
        receive(front);
        dispatch(front);
        if (front->ring_reader) {
            ch_pipe_ring(front->hub->front_to_reader);
            front->ring_reader = false;
        }
        sweep(front);
        publish_figures(front);
    }
    return NULL;
}

/* ---- start and end */

static bool is_known(void *context, const char key_z85[CH_KEY_Z85_SIZE])
{
    const ch_front *front = context;
    if (ch_actors_find(front->actors, key_z85) != NULL) {
        return true;
    }
    ch_metric_add(&front->hub->metrics->denied_handshakes, 1);
    return false;
}

typedef struct grant_loading {
    ch_front *front;
    ch_status status;
} grant_loading;

static bool see_grant(void *context, ch_str key, ch_str value)
{
    grant_loading *at = context;
    ch_grant grant;
    (void)key;
    if (ch_grant_decode(value, &grant, NULL) != CH_OK) {
        ch_diag(CH_DIAG_ERROR, "front", "a grant in the state cannot be read: its key is not let in");
        return true;
    }
    at->status = ch_actors_put(at->front->actors, &grant);
    return at->status == CH_OK;
}

/* Those in the state, and over them those of the configuration. */
static ch_status load_grants(ch_front *front, ch_error *error)
{
    ch_state_reader *reader;
    grant_loading at = {.front = front, .status = CH_OK};
    ch_status status = ch_state_reader_open(&reader, front->hub->store->state, error);
    if (status == CH_OK) {
        status = ch_state_reader_grants(reader, see_grant, &at);
        ch_state_reader_close(reader);
    }
    status = status == CH_OK ? at.status : status;
    for (size_t i = 0; i < front->hub->options.grant_count && status == CH_OK; i++) {
        status = ch_actors_put(front->actors, &front->hub->options.grants[i]);
    }
    return status == CH_OK ? CH_OK : ch_error_set(error, status, "grants", "cannot be loaded");
}

static ch_status bind_router(ch_front *front, ch_error *error)
{
    const ch_hub_options *options = &front->hub->options;
    const ch_router_options router = {.tcp_endpoint = options->tcp_endpoint,
                                      .ipc_endpoint = options->ipc_endpoint,
                                      .secret_key = options->secret_key,
                                      .public_key = options->public_key,
                                      .max_message_bytes = CH_CHP_BODY_MAX,
                                      .send_high_water = 256,
                                      .max_sockets = (int)options->sockets_most,
                                      .handshake_ms = 3000,
                                      .heartbeat_ms = (int)options->heartbeat_ms,
                                      .is_known = is_known,
                                      .context = front};
    ch_status status = ch_router_new(&front->router, &router, error);
    return status == CH_OK && options->tcp_endpoint != NULL
               ? ch_router_prove_refusal(front->router, PROVE_WITHIN_MS, error)
               : status;
}

static void free_front(ch_front *front)
{
    while (front->tasks != NULL) {
        front_task *entry = front->tasks;
        front->tasks = entry->next;
        ch_mail_free(&entry->task->mail);
        free(entry);
    }
    ch_router_free(front->router);
    ch_sessions_free(front->sessions);
    ch_actors_free(front->actors);
    ch_rules_unref(front->rules);
    ch_buf_done(&front->header);
    free(front);
}

ch_status ch_front_start(ch_front **out_front, ch_hub *hub, ch_error *error)
{
    ch_front *front = calloc(1, sizeof *front);
    if (front == NULL) {
        return ch_error_set(error, CH_NO_MEMORY, "front", "no memory");
    }
    front->hub = hub;
    front->rules = ch_rules_ref(hub->options.rules);
    ch_buf_init(&front->header, CH_CHP_HEADER_MAX);
    ch_status status = ch_actors_new(&front->actors);
    if (status == CH_OK) {
        status = ch_sessions_new(&front->sessions, (size_t)hub->options.clients_most);
    }
    status = status == CH_OK ? load_grants(front, error) : ch_error_set(error, status, "front", "no memory");
    if (status == CH_OK) {
        status = bind_router(front, error);
    }
    if (status == CH_OK && pthread_create(&front->thread, NULL, run, front) != 0) {
        status = ch_error_set(error, CH_IO, "front", "its thread cannot be started");
    }
    if (status != CH_OK) {
        free_front(front);
        return status;
    }
    *out_front = front;
    return CH_OK;
}

void ch_front_join(ch_front *front)
{
    if (front != NULL) {
        pthread_join(front->thread, NULL);
        free_front(front);
    }
}

const char *ch_front_endpoint(const ch_front *front)
{
    return ch_router_endpoint(front->router);
}
