#include "hub/client/client_inside.h"

#include <stdio.h>

typedef struct batch_sending {
    const casehub_batch *batch;
    ch_buf body;
    size_t first; /* the first event without an answer */
    ch_backoff backoff;
} batch_sending;

static int check(casehub *hub, const casehub_batch *batch)
{
    ch_error error;
    char place[32];
    if (batch->size < sizeof *batch || batch->count > CH_CHP_BATCH_MAX ||
        (batch->count > 0 && (batch->encoded == NULL || batch->encoded_sizes == NULL))) {
        return ch_client_fail(hub, CH_INVALID, "count", "a batch has at most %d events", CH_CHP_BATCH_MAX);
    }
    if (batch->connector == NULL ? batch->count == 0 : batch->to == NULL) {
        return ch_client_fail(hub, CH_INVALID, batch->connector == NULL ? "count" : "to",
                              "there is nothing to do");
    }
    for (size_t i = 0; i < batch->count; i++) {
        ch_str event = {batch->encoded[i], batch->encoded_sizes[i]};
        if (ch_mp_check(event, &ch_mp_limits_event, &error) != CH_OK) {
            (void)snprintf(place, sizeof place, "encoded[%zu]", i);
            ch_error_prefix(&error, place);
            return ch_client_fail_with(hub, &error);
        }
    }
    return 0;
}

static ch_status fill_body(batch_sending *sending)
{
    const casehub_batch *batch = sending->batch;
    ch_buf_clear(&sending->body);
    ch_mp_put_array(&sending->body, (uint32_t)(batch->count - sending->first));
    for (size_t i = sending->first; i < batch->count; i++) {
        ch_mp_put_raw(&sending->body, (ch_str){batch->encoded[i], batch->encoded_sizes[i]});
    }
    return sending->body.failed;
}

static ch_status send_again(casehub *hub, ch_question *question)
{
    batch_sending *sending = question->context;
    question->sent = false;
    question->not_before_ms = ch_client_now(hub) + ch_backoff_next(&sending->backoff);
    return fill_body(sending);
}

static ch_status take_refusal(casehub *hub, ch_question *question, const ch_chp_error *refusal)
{
    ch_question_fail(question, refusal);
    if (!ch_status_is_temporary(question->error.status)) {
        return CH_OK;
    }
    question->done = false;
    question->error.status = CH_OK;
    return send_again(hub, question);
}

/* Refused for now: with a checkpoint all of it, else from that event on. */
static ch_status take_answers(casehub *hub, ch_question *question, ch_str results, ch_error *error)
{
    batch_sending *sending = question->context;
    size_t count = sending->batch->count;
    ch_mp_reader reader = ch_mp_reader_of(results);
    ch_chp_answer answer;
    ch_mp_value head;
    ch_mp_reader counter = reader;
    if (!ch_mp_next(&counter, &head) || head.count != count - sending->first) {
        return ch_error_set(error, CH_INVALID, "PUBLISHED.results", "%u answers to %zu events", head.count,
                            count - sending->first);
    }
    while (sending->first < count && ch_chp_answer_next(&reader, &answer)) {
        if (ch_status_is_temporary(answer.status)) {
            return send_again(hub, question);
        }
        ch_status status = ch_publish_tell(hub, sending->first, &answer, error);
        if (status != CH_OK) {
            return status;
        }
        sending->first++;
    }
    question->done = true;
    return CH_OK;
}

static ch_status take(casehub *hub, ch_question *question, const ch_chp_message *answer, ch_str body,
                      ch_error *error)
{
    (void)body;
    if (answer->verb == CH_CHP_ERROR) {
        return take_refusal(hub, question, &answer->error);
    }
    if (answer->verb != CH_CHP_PUBLISHED) {
        return ch_error_set(error, CH_INVALID, ch_chp_verb_name(answer->verb), "is no answer to PUBLISH");
    }
    return take_answers(hub, question, answer->results, error);
}

/* Is the checkpoint where this batch would move it? */
typedef struct checkpoint_standing {
    ch_str to;
    bool reached;
} checkpoint_standing;

static ch_status take_checkpoint(casehub *hub, ch_question *question, const ch_chp_message *answer,
                                 ch_str body, ch_error *error)
{
    (void)hub;
    checkpoint_standing *standing = question->context;
    ch_mp_reader reader;
    ch_str row;
    uint32_t count;
    if (answer->verb == CH_CHP_ERROR) {
        ch_question_fail(question, &answer->error);
        return CH_OK;
    }
    if (answer->verb != CH_CHP_RESULT) {
        return ch_error_set(error, CH_INVALID, ch_chp_verb_name(answer->verb), "is no answer to QUERY");
    }
    ch_status status = ch_chp_body_check(body, UINT32_MAX, &count, &reader, error);
    if (status == CH_OK) {
        standing->reached =
            ch_mp_skip(&reader, &row) && ch_str_equal(ch_mp_find_str(row, "value"), standing->to);
        question->done = true;
    }
    return status;
}

/* A batch that was sent twice and now conflicts may have been done the first time, with its answer lost. */
static int look_after_conflict(casehub *hub, const casehub_batch *batch, int64_t until_ms)
{
    const ch_error conflict = hub->error;
    ch_buf arguments;
    ch_buf_init(&arguments, CH_CHP_HEADER_MAX);
    ch_mp_put_map(&arguments, 1);
    ch_mp_put_text(&arguments, "connector");
    ch_mp_put_text(&arguments, batch->connector);
    checkpoint_standing standing = {.to = ch_str_of(batch->to)};
    ch_question question = {
        .message = {.verb = CH_CHP_QUERY,
                    .query = {.name = CH_STR("checkpoint"), .arguments = ch_buf_str(&arguments)}},
        .take = take_checkpoint,
        .context = &standing};
    int result = arguments.failed == CH_OK ? ch_question_ask(hub, &question, until_ms, "QUERY")
                                           : ch_client_fail(hub, CH_NO_MEMORY, "QUERY", "out of memory");
    ch_buf_done(&arguments);
    return result != 0 || standing.reached ? result : ch_client_fail_with(hub, &conflict);
}

/* Given up: the hub may be holding back this session until the batch comes again, so it begins a new one. */
static void give_up(casehub *hub)
{
    ch_error why;
    (void)ch_error_set(&why, CH_TIMEOUT, "PUBLISH", "a batch was given up");
    if (hub->session.state == CH_SESSION_OPEN) {
        ch_session_lose(hub, ch_client_now(hub), &why);
    }
}

static int ask(casehub *hub, batch_sending *sending, int64_t until_ms)
{
    const casehub_batch *batch = sending->batch;
    ch_question question = {.message = {.verb = CH_CHP_PUBLISH,
                                        .publish = {.connector = ch_str_of(batch->connector),
                                                    .from = ch_str_of(batch->from == NULL ? "" : batch->from),
                                                    .to = ch_str_of(batch->to),
                                                    .default_kind = ch_str_of(batch->default_kind),
                                                    .dead_letter = (int64_t)batch->dead_letter,
                                                    .history_until_ms = batch->history_until_ms}},
                            .body = &sending->body,
                            .take = take,
                            .context = sending};
    ch_status status = fill_body(sending);
    if (status != CH_OK) {
        return ch_client_fail(hub, status, "encoded", "a batch has at most %d bytes", CH_CHP_BODY_MAX);
    }
    int result = ch_question_ask(hub, &question, until_ms, "PUBLISH");
    if (result != 0 && !question.done && question.times_sent > 0) {
        give_up(hub);
    }
    if (result != 0 && question.times_sent > 1 && batch->connector != NULL &&
        hub->error.status == CH_CONFLICT) {
        result = look_after_conflict(hub, batch, until_ms);
    }
    return result;
}

int casehub_publish_batch(casehub *hub, const casehub_batch *batch, int timeout_ms)
{
    if (ch_client_may_wait(hub, "casehub_publish_batch") != 0 || check(hub, batch) != 0) {
        return -1;
    }
    /* What was published before goes before. */
    int64_t until_ms = ch_client_until(hub, timeout_ms);
    if (casehub_flush(hub, timeout_ms) != 0) {
        return -1;
    }
    batch_sending sending = {.batch = batch, .backoff = CH_RESEND_BACKOFF};
    ch_buf_init(&sending.body, CH_CHP_BODY_MAX);
    int result = ask(hub, &sending, until_ms);
    ch_buf_done(&sending.body);
    return result;
}
