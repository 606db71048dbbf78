#include "hub/client/client_inside.h"

#define FRAME_BYTES_TARGET (64 * 1024)
#define BODY_HEAD_MAX 5 /* bytes of an array's head */
#define PARTS 4         /* of a full window: the hub writes one while the next comes in */
#define PART_LEAST 64   /* events */

static int take_event(casehub *hub, ch_str event, uint64_t token)
{
    ch_event decoded;
    ch_error error;
    if (hub->session.state == CH_SESSION_DENIED) {
        return ch_client_fail_with(hub, &hub->session.lost);
    }
    if (ch_event_decode(event, CH_EVENT_PRODUCED, &decoded, &error) != CH_OK) {
        return ch_client_fail_with(hub, &error);
    }
    bool was_idle = hub->window.next == hub->window.tail;
    ch_status status = ch_window_add(&hub->window, event, token);
    if (status == CH_FULL) {
        return ch_client_fail(hub, CH_FULL, "window", "%zu events are unanswered: poll, then try again",
                              hub->window.limit);
    }
    if (status != CH_OK) {
        return ch_client_fail(hub, status, "window", "%s", ch_status_text(status));
    }
    if (was_idle) {
        ch_link_wake(hub->link); /* a loop that watches the descriptor comes back to send it */
    }
    return 0;
}

int casehub_publish(casehub *hub, const void *encoded, size_t encoded_size, uint64_t token)
{
    return take_event(hub, (ch_str){encoded, encoded_size}, token);
}

int casehub_publish_json(casehub *hub, const char *json, size_t json_size, uint64_t token)
{
    ch_error error;
    ch_buf_clear(&hub->scratch);
    if (ch_event_from_json(&hub->scratch, (ch_str){json, json_size}, &error) != CH_OK) {
        return ch_client_fail_with(hub, &error);
    }
    return take_event(hub, ch_buf_str(&hub->scratch), token);
}

/* The body is filled where libzmq sends it from: one copy an event. */
static ch_status fill_body(const ch_window *window, const ch_window_batch *batch, zmq_msg_t *body)
{
    ch_buf head;
    ch_buf_init(&head, BODY_HEAD_MAX);
    ch_mp_put_array(&head, batch->count);
    ch_status status = head.failed;
    if (status == CH_OK && zmq_msg_init_size(body, head.size + batch->size_bytes) != 0) {
        status = CH_NO_MEMORY;
    }
    if (status == CH_OK) {
        uint8_t *at = zmq_msg_data(body);
        memcpy(at, head.at, head.size);
        ch_window_copy(window, batch, at + head.size);
    }
    ch_buf_done(&head);
    return status;
}

static ch_status send_batch(casehub *hub, const ch_window_batch *batch)
{
    zmq_msg_t body;
    const ch_chp_message message = {.verb = CH_CHP_PUBLISH, .request = hub->requests + 1};
    ch_status status = fill_body(&hub->window, batch, &body);
    if (status != CH_OK) {
        return status;
    }
    status = ch_client_send(hub, &message, &body);
    if (status != CH_OK) {
        zmq_msg_close(&body);
        return status;
    }
    ch_window_sent(&hub->window, batch, ++hub->requests);
    return CH_OK;
}

static size_t least(int64_t a, size_t b)
{
    return a >= (int64_t)b ? b : a < 0 ? 0 : (size_t)a;
}

static ch_window_batch pending(const casehub *hub)
{
    const ch_session *session = &hub->session;
    size_t part = hub->window.limit / PARTS < PART_LEAST ? PART_LEAST : hub->window.limit / PARTS;
    size_t count_most = least(session->batch_events, part < CH_CHP_BATCH_MAX ? part : CH_CHP_BATCH_MAX);
    size_t bytes_most = least(session->body_bytes - BODY_HEAD_MAX, FRAME_BYTES_TARGET);
    return ch_window_pending(&hub->window, (uint32_t)count_most, bytes_most,
                             least(session->window_events, hub->window.limit));
}

ch_status ch_publish_work(casehub *hub, int64_t now_ms)
{
    if (now_ms < hub->resend_at_ms) {
        return CH_OK;
    }
    hub->resend_at_ms = 0; /* else a full window would look overdue, and the loop would never sleep */
    ch_status status = CH_OK;
    ch_window_batch batch = pending(hub);
    while (status == CH_OK && batch.count > 0) {
        status = send_batch(hub, &batch);
        batch = pending(hub);
    }
    return status;
}

int64_t ch_publish_deadline(const casehub *hub)
{
    return hub->window.next < hub->window.tail && hub->resend_at_ms > 0 ? hub->resend_at_ms : INT64_MAX;
}

void ch_publish_restart(casehub *hub)
{
    ch_window_rewind(&hub->window, hub->window.head);
    hub->resend_at_ms = 0;
}

/* Refused for now: the hub also refuses what came behind it, until this one comes again. */
static void hold_back(casehub *hub, uint64_t position, int64_t now_ms)
{
    ch_window_rewind(&hub->window, position);
    hub->resend_at_ms = now_ms + ch_backoff_next(&hub->resend);
}

ch_status ch_publish_tell(casehub *hub, uint64_t token, const ch_chp_answer *answer, ch_error *error)
{
    char case_id[CH_CASE_ID_SIZE], text[sizeof error->text], where[sizeof error->where],
        state[CH_CODE_MAX + 1];
    if (ch_str_copy(case_id, sizeof case_id, answer->case_id) != CH_OK) {
        return ch_error_set(error, CH_INVALID, "PUBLISHED.case", "too long, or with a zero byte");
    }
    ch_str_copy_cut(text, sizeof text, answer->text);
    ch_str_copy_cut(where, sizeof where, answer->where);
    ch_str_copy_cut(state, sizeof state, answer->present_state);
    const casehub_answer told = {.token = token,
                                 .code = ch_status_name(answer->status),
                                 .sequence = answer->sequence,
                                 .caseversion = answer->case_version,
                                 .case_id = case_id,
                                 .duplicate = answer->duplicate,
                                 .text = text,
                                 .where = where,
                                 .present_state = state,
                                 .dead_letter = answer->dead_letter};
    if (hub->on_answer != NULL) {
        hub->in_callback = true;
        hub->on_answer(hub->context, &told);
        hub->in_callback = false;
    }
    return CH_OK;
}

/* One answer a position, in order; the first temporary refusal ends it. */
ch_status ch_publish_answers(casehub *hub, const ch_chp_message *message, int64_t now_ms, ch_error *error)
{
    ch_window_request request;
    ch_mp_reader reader = ch_mp_reader_of(message->results);
    ch_chp_answer answer;
    ch_mp_value head;
    uint64_t token;
    if (!ch_window_take_request(&hub->window, message->request, &request)) {
        return CH_NOT_FOUND;
    }
    ch_mp_reader counter = reader;
    if (!ch_mp_next(&counter, &head) || head.count != request.count) {
        return ch_error_set(error, CH_INVALID, "PUBLISHED.results", "%u answers to %u events", head.count,
                            request.count);
    }
    for (uint64_t position = request.first; ch_chp_answer_next(&reader, &answer); position++) {
        if (ch_status_is_temporary(answer.status)) {
            hold_back(hub, position, now_ms);
            return CH_OK;
        }
        ch_backoff_reset(&hub->resend);
        if (ch_window_answer(&hub->window, position, &token)) {
            ch_status status = ch_publish_tell(hub, token, &answer, error);
            if (status != CH_OK) {
                return status;
            }
        }
    }
    return CH_OK;
}

/* The request as a whole was refused: the same answer for each of its events. */
ch_status ch_publish_failed(casehub *hub, const ch_chp_message *message, int64_t now_ms)
{
    ch_window_request request;
    uint64_t token;
    ch_error error;
    if (!ch_window_take_request(&hub->window, message->request, &request)) {
        return CH_NOT_FOUND;
    }
    const ch_chp_answer answer = {.status = ch_client_code(message->error.code),
                                  .text = message->error.text,
                                  .where = message->error.where};
    if (ch_status_is_temporary(answer.status)) {
        hold_back(hub, request.first, now_ms);
        return CH_OK;
    }
    ch_status status = CH_OK;
    for (uint32_t i = 0; i < request.count && status == CH_OK; i++) {
        if (ch_window_answer(&hub->window, request.first + i, &token)) {
            status = ch_publish_tell(hub, token, &answer, &error);
        }
    }
    return status;
}
