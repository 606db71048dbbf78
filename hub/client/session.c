#include "hub/client/client_inside.h"

#include <stdio.h>

#define GREETING_MS 5000
#define MESSAGES_A_TURN 64 /* then the application has its turn */

static void tell(casehub *hub, bool connected, const char *text)
{
    ch_session *session = &hub->session;
    if (session->told && session->told_connected == connected && session->state != CH_SESSION_DENIED) {
        return;
    }
    session->told = true;
    session->told_connected = connected;
    if (hub->on_state != NULL) {
        hub->in_callback = true;
        hub->on_state(hub->context, connected, text);
        hub->in_callback = false;
    }
}

static void end(casehub *hub, ch_session_state state, const ch_error *why)
{
    ch_session *session = &hub->session;
    ch_link_close(hub->link);
    session->state = state;
    session->lost = *why;
    ch_publish_restart(hub);
    ch_subscribe_restart(hub);
    ch_question_restart(hub);
    tell(hub, false, session->lost.text);
}

void ch_session_lose(casehub *hub, int64_t now_ms, const ch_error *why)
{
    hub->session.retry_at_ms = now_ms + ch_backoff_next(&hub->session.backoff);
    end(hub, CH_SESSION_DOWN, why);
}

static void deny(casehub *hub, const char *where, const char *text)
{
    ch_error why;
    (void)ch_error_set(&why, CH_DENIED, where, "%s", text);
    end(hub, CH_SESSION_DENIED, &why);
}

ch_status ch_session_begin(casehub *hub, int64_t now_ms, ch_error *error)
{
    ch_session *session = &hub->session;
    ch_status status = ch_link_open(hub->link, error);
    if (status != CH_OK) {
        return status;
    }
    session->hello_request = ++hub->requests;
    const ch_chp_message hello = {.verb = CH_CHP_HELLO,
                                  .request = session->hello_request,
                                  .hello = {.client = ch_str_of(hub->name),
                                            .version_least = CH_CHP_VERSION,
                                            .version_most = CH_CHP_VERSION}};
    status = ch_client_send(hub, &hello, NULL);
    if (status != CH_OK) {
        ch_link_close(hub->link);
        return ch_error_set(error, status, "HELLO", "cannot be sent: %s", ch_status_text(status));
    }
    session->state = CH_SESSION_GREETING;
    session->heard_ms = now_ms;
    session->pinged_ms = 0;
    return CH_OK;
}

static ch_status take_welcome(casehub *hub, const ch_chp_message *message, ch_error *error)
{
    ch_session *session = &hub->session;
    const ch_chp_welcome *welcome = &message->welcome;
    char text[256];
    if (session->state != CH_SESSION_GREETING || message->request != session->hello_request) {
        return ch_error_set(error, CH_INVALID, "WELCOME", "nobody asked for it");
    }
    if (welcome->protocol != CH_CHP_VERSION) {
        deny(hub, "WELCOME.protocol", "the hub chose a protocol version that was not offered");
        return CH_OK;
    }
    ch_str_copy_cut(session->hub_code, sizeof session->hub_code, welcome->hub_code);
    ch_str_copy_cut(session->actor, sizeof session->actor, welcome->name);
    ch_str_copy_cut(session->role, sizeof session->role, welcome->role);
    session->batch_events = welcome->batch_events;
    session->body_bytes = welcome->body_bytes;
    session->window_events = welcome->window_events;
    session->heartbeat_ms = welcome->heartbeat_ms;
    session->state = CH_SESSION_OPEN;
    ch_backoff_reset(&session->backoff);
    (void)snprintf(text, sizeof text, "hub %s, casehub %.*s, epoch %lld", session->hub_code,
                   CH_STR_ARG(welcome->version), (long long)welcome->epoch);
    tell(hub, true, text);
    return CH_OK;
}

/* Refused, or ended: for good, unless the hub says that it is a matter of time. */
static void take_refusal(casehub *hub, const ch_chp_error *refusal, int64_t now_ms)
{
    ch_status status = ch_client_code(refusal->code);
    char text[sizeof hub->error.text];
    (void)snprintf(text, sizeof text, "%.*s: %.*s", CH_STR_ARG(refusal->code), CH_STR_ARG(refusal->text));
    if (hub->session.state == CH_SESSION_OPEN ? status == CH_DENIED : !ch_status_is_temporary(status)) {
        deny(hub, "HELLO", text);
        return;
    }
    ch_error why;
    (void)ch_error_set(&why, status, "HELLO", "%s", text);
    ch_session_lose(hub, now_ms, &why);
}

/* About something that has no answer. An unknown subscription is one that was left while an ACK was on its
 * way. */
static void take_remark(casehub *hub, const ch_chp_error *remark)
{
    char where[sizeof hub->trouble.where];
    ch_status status = ch_client_code(remark->code);
    if (status == CH_CONFLICT && ch_str_is(remark->where, "SUBSCRIBE.name")) {
        ch_subscribe_taken_over(hub, remark);
    } else if (status != CH_NOT_FOUND && hub->trouble.status == CH_OK) {
        ch_str_copy_cut(where, sizeof where, remark->where);
        (void)ch_error_set(&hub->trouble, status, where, "%.*s", CH_STR_ARG(remark->text));
    }
}

static ch_status take_error(casehub *hub, const ch_chp_message *message, int64_t now_ms, ch_error *error)
{
    if (hub->session.state == CH_SESSION_GREETING || ch_str_is(message->error.where, "HELLO")) {
        take_refusal(hub, &message->error, now_ms);
        return CH_OK;
    }
    if (message->request == 0) {
        take_remark(hub, &message->error);
        return CH_OK;
    }
    ch_status status = ch_question_answer(hub, message, CH_STR_NONE, error);
    if (status == CH_NOT_FOUND) {
        status = ch_publish_failed(hub, message, now_ms);
    }
    if (status == CH_NOT_FOUND) {
        status = ch_subscribe_failed(hub, message, now_ms);
    }
    return status;
}

static ch_status take_published(casehub *hub, const ch_chp_message *message, int64_t now_ms, ch_error *error)
{
    ch_status status = ch_question_answer(hub, message, CH_STR_NONE, error);
    return status == CH_NOT_FOUND ? ch_publish_answers(hub, message, now_ms, error) : status;
}

static ch_status take_events(casehub *hub, const ch_chp_message *message, ch_str body, ch_error *error)
{
    if (message->events.subscription == 0) {
        return ch_question_answer(hub, message, body, error);
    }
    return ch_subscribe_events(hub, message, body, error);
}

/* CH_NOT_FOUND is an answer that came too late: nobody waits for it any more. */
static ch_status take_message(casehub *hub, const ch_chp_message *message, ch_str body, int64_t now_ms,
                              ch_error *error)
{
    const ch_chp_message pong = {.verb = CH_CHP_PONG, .request = message->request};
    switch (message->verb) {
    case CH_CHP_WELCOME: return take_welcome(hub, message, error);
    case CH_CHP_ERROR: return take_error(hub, message, now_ms, error);
    case CH_CHP_PUBLISHED: return take_published(hub, message, now_ms, error);
    case CH_CHP_SUBSCRIBED: ch_subscribe_confirmed(hub, message); return CH_OK;
    case CH_CHP_EVENTS: return take_events(hub, message, body, error);
    case CH_CHP_RESULT:
    case CH_CHP_DONE: return ch_question_answer(hub, message, body, error);
    case CH_CHP_PING: return ch_client_send(hub, &pong, NULL);
    case CH_CHP_PONG: return CH_OK;
    case CH_CHP_NONE:
    case CH_CHP_HELLO:
    case CH_CHP_PUBLISH:
    case CH_CHP_SUBSCRIBE:
    case CH_CHP_ACK:
    case CH_CHP_NAK:
    case CH_CHP_CREDIT:
    case CH_CHP_SEEK:
    case CH_CHP_UNSUBSCRIBE:
    case CH_CHP_READ:
    case CH_CHP_QUERY: break;
    }
    return ch_error_set(error, CH_INVALID, ch_chp_verb_name(message->verb), "is for a hub to receive");
}

static bool is_greeting(ch_chp_verb verb)
{
    return verb == CH_CHP_WELCOME || verb == CH_CHP_ERROR || verb == CH_CHP_PING || verb == CH_CHP_PONG;
}

static ch_status take_packet(casehub *hub, ch_link_packet *packet, int64_t now_ms, bool *out_progress,
                             ch_error *error)
{
    ch_chp_message message;
    ch_status status = ch_chp_decode(ch_link_frame(packet, 0), &message, error);
    if (status == CH_UNSUPPORTED && strcmp(error->where, "verb") == 0) {
        return CH_OK; /* a newer hub's: to be dropped */
    }
    if (status == CH_UNSUPPORTED && hub->session.state == CH_SESSION_GREETING) {
        deny(hub, "version", "the hub speaks another version of CHP");
        return CH_OK;
    }
    if (status != CH_OK) {
        return status;
    }
    if (packet->count != 1 + (size_t)ch_chp_verb_bodies(message.verb)) {
        return ch_error_set(error, CH_INVALID, ch_chp_verb_name(message.verb), "came with %zu frames",
                            packet->count);
    }
    if (hub->session.state == CH_SESSION_GREETING && !is_greeting(message.verb)) {
        return ch_error_set(error, CH_INVALID, ch_chp_verb_name(message.verb), "came before WELCOME");
    }
    *out_progress |= message.verb != CH_CHP_PING && message.verb != CH_CHP_PONG;
    status = take_message(hub, &message, ch_link_frame(packet, 1), now_ms, error);
    return status == CH_NOT_FOUND || status == CH_FULL ? CH_OK : status;
}

static bool is_connected(const casehub *hub)
{
    return hub->session.state == CH_SESSION_GREETING || hub->session.state == CH_SESSION_OPEN;
}

/* A message that cannot be understood ends the session: what it answered is asked again in the next. */
static void receive(casehub *hub, int64_t now_ms, bool *out_progress)
{
    ch_link_packet packet;
    ch_error error;
    for (int i = 0; i < MESSAGES_A_TURN && is_connected(hub); i++) {
        (void)ch_error_set(&error, CH_INVALID, "", "a message that cannot be understood");
        ch_status status = ch_link_receive(hub->link, &packet);
        if (status == CH_END) {
            return;
        }
        if (status == CH_OK) {
            hub->session.heard_ms = now_ms;
            status = take_packet(hub, &packet, now_ms, out_progress, &error);
            ch_link_packet_done(&packet);
        } else {
            (void)ch_error_set(&error, status, "", "the connection broke while receiving");
        }
        if (status != CH_OK && is_connected(hub)) {
            ch_error_prefix(&error, "from the hub");
            ch_session_lose(hub, now_ms, &error);
        }
    }
}

static void look(casehub *hub, int64_t now_ms)
{
    ch_error why;
    ch_link_news news = ch_link_look(hub->link, &why);
    if (news == CH_LINK_REFUSED) {
        deny(hub, why.where, why.text);
    } else if (news == CH_LINK_LOST) {
        ch_session_lose(hub, now_ms, &why);
    }
}

/* Only an unanswered PING makes the hub silent: this program may have been away for long itself. */
static bool awaits_pong(const ch_session *session)
{
    return session->pinged_ms > session->heard_ms;
}

/* When the next PING is due or, with one unanswered, when the hub counts as gone. */
static int64_t beat_due(const ch_session *session)
{
    if (awaits_pong(session)) {
        return session->pinged_ms + 2 * session->heartbeat_ms;
    }
    int64_t quiet_since = session->heard_ms < session->sent_ms ? session->heard_ms : session->sent_ms;
    return (quiet_since > session->pinged_ms ? quiet_since : session->pinged_ms) + session->heartbeat_ms;
}

static void beat(casehub *hub, int64_t now_ms)
{
    ch_session *session = &hub->session;
    const ch_chp_message ping = {.verb = CH_CHP_PING};
    ch_error why;
    if (now_ms < beat_due(session)) {
        return;
    }
    if (awaits_pong(session)) {
        (void)ch_error_set(&why, CH_UNAVAILABLE, "heartbeat", "the hub has been silent for %lld ms",
                           (long long)(now_ms - session->heard_ms));
        ch_session_lose(hub, now_ms, &why);
    } else {
        session->pinged_ms = now_ms;
        (void)!ch_client_send(hub, &ping, NULL); /* a link that does not even take a PING is silent, too */
    }
}

static void greet(casehub *hub, int64_t now_ms)
{
    ch_error why;
    if (now_ms >= hub->session.heard_ms + GREETING_MS) {
        (void)ch_error_set(&why, CH_UNAVAILABLE, "HELLO", "no welcome within %d ms", GREETING_MS);
        ch_session_lose(hub, now_ms, &why);
    }
}

static void reconnect(casehub *hub, int64_t now_ms)
{
    ch_error why;
    if (now_ms >= hub->session.retry_at_ms && ch_session_begin(hub, now_ms, &why) != CH_OK) {
        ch_session_lose(hub, now_ms, &why);
    }
}

void ch_session_work(casehub *hub, int64_t now_ms, bool *out_progress)
{
    ch_session_state before = hub->session.state;
    receive(hub, now_ms, out_progress);
    if (is_connected(hub)) {
        look(hub, now_ms);
    }
    switch (hub->session.state) {
    case CH_SESSION_DOWN: reconnect(hub, now_ms); break;
    case CH_SESSION_GREETING: greet(hub, now_ms); break;
    case CH_SESSION_OPEN: beat(hub, now_ms); break;
    case CH_SESSION_DENIED: break;
    }
    *out_progress |= before == CH_SESSION_OPEN && hub->session.state != CH_SESSION_OPEN;
}

int64_t ch_session_deadline(const casehub *hub)
{
    const ch_session *session = &hub->session;
    int64_t deadline = INT64_MAX;
    switch (session->state) {
    case CH_SESSION_DOWN: deadline = session->retry_at_ms; break;
    case CH_SESSION_GREETING: deadline = session->heard_ms + GREETING_MS; break;
    case CH_SESSION_OPEN: deadline = beat_due(session); break;
    case CH_SESSION_DENIED: break;
    }
    return deadline;
}
