/* What clients say: who they are is checked at every message, then what their role lets them do, and then it goes where
 * it is dealt with.
 */
#include "hub/run/front_inside.h"
#include "hub/run/intake.h"

#include "hub/base/diag.h"

#define WINDOWS_MOST 2 /* a client that goes on beyond them has its session ended */
#define SESSION_BYTES_MOST ((size_t)32 * 1024 * 1024) /* of unanswered events */

static void encode(ch_front *front, const ch_chp_message *message)
{
    ch_buf_clear(&front->header);
    ch_chp_encode(&front->header, message);
}

static ch_chp_message error_message(uint64_t request, ch_status status, const char *where, const char *text)
{
    return (ch_chp_message){
        .verb = CH_CHP_ERROR,
        .request = request,
        .error = {.code = ch_str_of(ch_status_name(status)),
                  .text = ch_str_of(text),
                  .where = where == NULL || *where == '\0' ? CH_STR_NONE : ch_str_of(where)}};
}

void ch_front_error(ch_front *front, ch_session *session, uint64_t request, ch_status status,
                    const char *where, const char *text)
{
    const ch_chp_message message = error_message(request, status, where, text);
    encode(front, &message);
    ch_front_send(front, session, ch_buf_str(&front->header), NULL);
}

/* To somebody without a session. What cannot be sent is lost: nothing depends on it. */
static void answer_stranger(ch_front *front, const ch_packet *packet, uint64_t request, ch_status status,
                            const char *where, const char *text)
{
    const ch_chp_message message = error_message(request, status, where, text);
    encode(front, &message);
    ch_status sent = ch_router_send(front->router, packet->local, packet->route, packet->route_size,
                                    ch_buf_str(&front->header), NULL, 0);
    (void)sent;
}

static void welcome(ch_front *front, ch_session *session, uint64_t request)
{
    const ch_hub *hub = front->hub;
    const ch_grant *grant = &session->actor->grant;
    const ch_chp_message message = {
        .verb = CH_CHP_WELCOME,
        .request = request,
        .welcome = {.protocol = CH_CHP_VERSION,
                    .hub_code = ch_str_of(hub->store->hub_code),
                    .version = ch_str_of(hub->options.version),
                    .name = ch_str_of(grant->name),
                    .role = ch_str_of(ch_role_name(grant->role)),
                    .epoch = hub->store->epoch,
                    .sequence = (int64_t)atomic_load_explicit(&hub->log_position, memory_order_acquire),
                    .batch_events = CH_CHP_BATCH_MAX,
                    .body_bytes = CH_CHP_BODY_MAX,
                    .window_events = hub->options.window_events,
                    .heartbeat_ms = hub->options.heartbeat_ms}};
    encode(front, &message);
    ch_front_send(front, session, ch_buf_str(&front->header), NULL);
}

static void hear_hello(ch_front *front, const ch_packet *packet, const ch_chp_message *message)
{
    ch_session *session =
        ch_sessions_by_route(front->sessions, packet->local, packet->route, packet->route_size);
    ch_actor *actor = ch_actors_find(front->actors, packet->user);
    if (session != NULL) {
        ch_front_end(front, session);
    }
    if (message->hello.version_least > CH_CHP_VERSION || message->hello.version_most < CH_CHP_VERSION) {
        answer_stranger(front, packet, message->request, CH_UNSUPPORTED, "HELLO.version_least",
                        "this hub speaks version 1");
        return;
    }
    if (actor == NULL) {
        answer_stranger(front, packet, message->request, CH_DENIED, "HELLO", "no grant knows this key");
        return;
    }
    if (ch_sessions_open(front->sessions, packet->local, packet->route, packet->route_size, actor,
                         &session) != CH_OK) {
        answer_stranger(front, packet, message->request, CH_BUSY, "HELLO", "the hub has its most clients");
        return;
    }
    session->heard_ms = ch_front_now(front);
    ch_metric_set(&front->hub->metrics->clients, ch_sessions_count(front->sessions));
    welcome(front, session, message->request);
}

/* There was no memory for something it said. What comes behind that must not overtake it. */
static void begin_again(ch_front *front, ch_session *session, uint64_t request, const char *text)
{
    ch_front_error(front, session, request, CH_BUSY, "HELLO", text);
    if (session->id != 0) {
        ch_front_end(front, session);
    }
}

void ch_front_miss_packet(ch_front *front, const ch_packet *packet)
{
    ch_session *session =
        ch_sessions_by_route(front->sessions, packet->local, packet->route, packet->route_size);
    if (session != NULL) {
        ch_diag(CH_DIAG_WARN, "front", "no memory for what %s said: its session ends",
                session->actor->grant.name);
        begin_again(front, session, 0, "out of memory");
    }
}

static void hear_publish(ch_front *front, ch_session *session, ch_packet *packet,
                         const ch_chp_message *message)
{
    ch_error error;
    ch_work *work;
    ch_frame *header = packet->frames[0], *body = packet->frames[1];
    packet->frames[0] = packet->frames[1] = NULL;
    ch_status status = ch_intake_read(&work, front->rules, session->actor, message, header, body, &error);
    if (status != CH_OK) {
        ch_metrics_count_refusals(front->hub->metrics, status, 1);
        if (status == CH_NO_MEMORY) {
            begin_again(front, session, message->request, error.text);
            return;
        }
        ch_front_error(front, session, message->request, status, error.where, error.text);
        return;
    }
    size_t window = (size_t)front->hub->options.window_events;
    work->session = session->id;
    work->beyond_window = session->unanswered + work->count > window;
    session->unanswered += work->count;
    session->unanswered_bytes += work->size_bytes;
    front->queued_bytes += work->memory_bytes;
    front->queued_events += work->count;
    ch_sessions_queue(front->sessions, session, work);
    if (session->unanswered > WINDOWS_MOST * window || session->unanswered_bytes > SESSION_BYTES_MOST) {
        ch_front_error(front, session, 0, CH_TOO_LARGE, "PUBLISH",
                       "far more is unanswered than the window holds: the session ends");
        if (session->id != 0) {
            ch_front_end(front, session);
        }
    }
}

static void hear_ping(ch_front *front, ch_session *session, uint64_t request)
{
    const ch_chp_message message = {.verb = CH_CHP_PONG, .request = request};
    encode(front, &message);
    ch_front_send(front, session, ch_buf_str(&front->header), NULL);
}

static void pass_to_reader(ch_front *front, ch_session *session, ch_packet *packet,
                           const ch_chp_message *message)
{
    ch_task *task;
    if (ch_task_new(&task, CH_TASK_MESSAGE, session->id, session->actor) != CH_OK) {
        ch_front_error(front, session, message->request, CH_NO_MEMORY, ch_chp_verb_name(message->verb),
                       ch_status_text(CH_NO_MEMORY));
        return;
    }
    task->message = *message;
    task->header = packet->frames[0];
    packet->frames[0] = NULL;
    ch_front_give_task(front, task);
}

#define ROLE(role) (1u << CH_ROLE_##role)
#define EVERY_ROLE                                                                                           \
    (ROLE(CONNECTOR) | ROLE(DEPARTMENT) | ROLE(SUPERVISOR) | ROLE(OPERATOR) | ROLE(READ_ONLY) | ROLE(AUDITOR))

/* Who may use a verb at all. Which events, cases and queries is judged further in. */
static const struct {
    ch_chp_verb verb;
    unsigned roles;
} rights[] = {
    {CH_CHP_PUBLISH, ROLE(CONNECTOR) | ROLE(DEPARTMENT) | ROLE(SUPERVISOR) | ROLE(OPERATOR)},
    {CH_CHP_SUBSCRIBE, EVERY_ROLE},
    {CH_CHP_ACK, EVERY_ROLE},
    {CH_CHP_NAK, EVERY_ROLE},
    {CH_CHP_CREDIT, EVERY_ROLE},
    {CH_CHP_SEEK, EVERY_ROLE},
    {CH_CHP_UNSUBSCRIBE, EVERY_ROLE},
    {CH_CHP_READ, EVERY_ROLE},
    {CH_CHP_QUERY, EVERY_ROLE},
    {CH_CHP_PING, EVERY_ROLE},
    {CH_CHP_PONG, EVERY_ROLE},
};

static bool may_use(ch_role role, ch_chp_verb verb)
{
    for (size_t i = 0; i < sizeof rights / sizeof *rights; i++) {
        if (rights[i].verb == verb) {
            return (rights[i].roles & 1u << role) != 0;
        }
    }
    return false;
}

static void hear_message(ch_front *front, ch_session *session, ch_packet *packet,
                         const ch_chp_message *message)
{
    switch (message->verb) {
    case CH_CHP_PUBLISH: hear_publish(front, session, packet, message); break;
    case CH_CHP_PING: hear_ping(front, session, message->request); break;
    case CH_CHP_SUBSCRIBE:
    case CH_CHP_ACK:
    case CH_CHP_NAK:
    case CH_CHP_CREDIT:
    case CH_CHP_SEEK:
    case CH_CHP_UNSUBSCRIBE:
    case CH_CHP_READ:
    case CH_CHP_QUERY: pass_to_reader(front, session, packet, message); break;
    case CH_CHP_PONG:
    case CH_CHP_NONE:
    case CH_CHP_HELLO:
    case CH_CHP_WELCOME:
    case CH_CHP_PUBLISHED:
    case CH_CHP_SUBSCRIBED:
    case CH_CHP_EVENTS:
    case CH_CHP_RESULT:
    case CH_CHP_ERROR:
    case CH_CHP_DONE: break;
    }
}

/* Frames, decoding and the state of the session, in this order. */
static ch_status check_packet(const ch_packet *packet, const ch_session *session, ch_chp_message *out_message,
                              ch_error *error)
{
    *out_message = (ch_chp_message){.verb = CH_CHP_NONE};
    if (packet->frame_count == 0) {
        return ch_error_set(error, CH_INVALID, "body",
                            "a message has one or two frames, and a client no routing id of its own");
    }
    ch_status status = ch_chp_decode(ch_frame_str(packet->frames[0]), out_message, error);
    bool is_hello = out_message->verb == CH_CHP_HELLO;
    if (session == NULL && !is_hello) {
        return ch_error_set(error, CH_INVALID, "HELLO", "a session begins with HELLO");
    }
    if (status != CH_OK) {
        return status;
    }
    if (ch_chp_verb_sender(out_message->verb) == 'h') {
        return ch_error_set(error, CH_INVALID, "verb", "%s is the hub's to say",
                            ch_chp_verb_name(out_message->verb));
    }
    if (packet->frame_count != 1 + (size_t)ch_chp_verb_bodies(out_message->verb)) {
        return ch_error_set(error, CH_INVALID, "body", "%s has %d body frames",
                            ch_chp_verb_name(out_message->verb), ch_chp_verb_bodies(out_message->verb));
    }
    if (!is_hello && !may_use(session->actor->grant.role, out_message->verb)) {
        return ch_error_set(error, CH_DENIED, ch_chp_verb_name(out_message->verb), "is not for the role %s",
                            ch_role_name(session->actor->grant.role));
    }
    return CH_OK;
}

void ch_front_hear_packet(ch_front *front, ch_packet *packet)
{
    ch_error error;
    ch_chp_message message;
    ch_session *session =
        ch_sessions_by_route(front->sessions, packet->local, packet->route, packet->route_size);
    if (session != NULL && strcmp(session->actor->grant.key, packet->user) != 0) {
        ch_front_end(front, session);
        session = NULL;
    }
    ch_status status = check_packet(packet, session, &message, &error);
    if (session != NULL) {
        session->heard_ms = ch_front_now(front);
    }
    if (status != CH_OK) {
        ch_metric_add(&front->hub->metrics->dropped_packets, 1);
    }
    if (status != CH_OK && session != NULL) {
        ch_front_error(front, session, message.request, status, error.where, error.text);
    } else if (status != CH_OK) {
        answer_stranger(front, packet, message.request, status, error.where, error.text);
    } else if (message.verb == CH_CHP_HELLO) {
        hear_hello(front, packet, &message);
    } else {
        hear_message(front, session, packet, &message);
    }
}
