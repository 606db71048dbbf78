#include "hub/client/client_inside.h"

ch_status ch_question_work(casehub *hub, int64_t now_ms)
{
    ch_question *question = hub->question;
    zmq_msg_t body;
    if (question == NULL || question->sent || now_ms < question->not_before_ms) {
        return CH_OK;
    }
    if (question->body != NULL) {
        if (zmq_msg_init_size(&body, question->body->size) != 0) {
            return CH_NO_MEMORY;
        }
        memcpy(zmq_msg_data(&body), question->body->at, question->body->size);
    }
    question->message.request = hub->requests + 1;
    ch_status status = ch_client_send(hub, &question->message, question->body == NULL ? NULL : &body);
    if (status == CH_OK) {
        hub->requests++;
        question->sent = true;
        question->times_sent++;
    } else if (question->body != NULL) {
        zmq_msg_close(&body);
    }
    return status;
}

int64_t ch_question_deadline(const casehub *hub)
{
    const ch_question *question = hub->question;
    return question != NULL && !question->sent && question->not_before_ms > 0 ? question->not_before_ms
                                                                              : INT64_MAX;
}

void ch_question_restart(casehub *hub)
{
    if (hub->question != NULL) {
        hub->question->sent = false;
    }
}

void ch_question_fail(ch_question *question, const ch_chp_error *refusal)
{
    char where[sizeof question->error.where];
    ch_str_copy_cut(where, sizeof where, refusal->where);
    (void)ch_error_set(&question->error, ch_client_code(refusal->code), where, "%.*s",
                       CH_STR_ARG(refusal->text));
    question->done = true;
}

ch_status ch_question_answer(casehub *hub, const ch_chp_message *message, ch_str body, ch_error *error)
{
    ch_question *question = hub->question;
    if (question == NULL || !question->sent || message->request == 0 ||
        message->request != question->message.request) {
        return CH_NOT_FOUND;
    }
    return question->take(hub, question, message, body, error);
}

int ch_question_ask(casehub *hub, ch_question *question, int64_t until_ms, const char *what)
{
    int result = 0;
    question->error.status = CH_OK;
    hub->question = question;
    while (result == 0 && !question->done) {
        result = ch_client_turn(hub, until_ms);
        if (result == 0 && !question->done && ch_client_now(hub) >= until_ms) {
            result = ch_client_fail(hub, CH_TIMEOUT, what, "no answer in time: %s",
                                    hub->session.state == CH_SESSION_OPEN ? "the hub has not answered"
                                                                          : hub->session.lost.text);
        }
    }
    hub->question = NULL;
    if (result == 0 && question->error.status != CH_OK) {
        result = ch_client_fail_with(hub, &question->error);
    }
    return result;
}
