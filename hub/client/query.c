#include "hub/client/client_inside.h"

#include "hub/model/json.h"

#include <stdlib.h>

/* A RESULT's rows as JSON text, and where to go on. */
typedef struct query_rows {
    ch_buf json;
    char *next;
} query_rows;

static ch_status unexpected(const ch_chp_message *answer, const char *verb, ch_error *error)
{
    return ch_error_set(error, CH_INVALID, ch_chp_verb_name(answer->verb), "is no answer to %s", verb);
}

static ch_status take_rows(casehub *hub, ch_question *question, const ch_chp_message *answer, ch_str body,
                           ch_error *error)
{
    (void)hub;
    query_rows *rows = question->context;
    ch_mp_reader reader;
    uint32_t count;
    if (answer->verb == CH_CHP_ERROR) {
        ch_question_fail(question, &answer->error);
        return CH_OK;
    }
    if (answer->verb != CH_CHP_RESULT) {
        return unexpected(answer, "QUERY", error);
    }
    ch_status status = ch_chp_body_check(body, UINT32_MAX, &count, &reader, error);
    if (status != CH_OK) {
        return status;
    }
    status = ch_json_from_mp(&rows->json, body);
    ch_buf_append(&rows->json, "", 1);
    if (status == CH_OK) {
        status = rows->json.failed;
    }
    if (status == CH_OK && answer->result.next.at != NULL) {
        rows->next = strndup(answer->result.next.at, answer->result.next.size);
        status = rows->next == NULL ? CH_NO_MEMORY : CH_OK;
    }
    if (status != CH_OK) {
        (void)ch_error_set(&question->error, status, "RESULT", "%s", ch_status_text(status));
    }
    question->done = true;
    return CH_OK;
}

static ch_status encode_arguments(ch_buf *out, const char *arguments, ch_error *error)
{
    ch_mp_value head;
    if (arguments == NULL) {
        return CH_OK;
    }
    ch_status status = ch_json_to_mp(out, ch_str_of(arguments), &ch_mp_limits_header, error);
    if (status == CH_OK) {
        ch_mp_reader reader = ch_mp_reader_of(ch_buf_str(out));
        if (!ch_mp_next(&reader, &head) || head.kind != CH_MP_MAP) {
            status = ch_error_set(error, CH_INVALID, "", "must be a JSON object");
        }
    }
    if (status != CH_OK) {
        ch_error_prefix(error, "arguments");
    }
    return status;
}

static int ask_rows(casehub *hub, const char *name, ch_str arguments, int timeout_ms, char **out_json,
                    char **out_next)
{
    query_rows rows = {.next = NULL};
    ch_question question = {.message = {.verb = CH_CHP_QUERY, .query = {ch_str_of(name), arguments}},
                            .take = take_rows,
                            .context = &rows};
    ch_buf_init(&rows.json,
                8 * CH_CHP_BODY_MAX); /* text may take more room than MessagePack: escapes, base64 */
    int result = ch_question_ask(hub, &question, ch_client_until(hub, timeout_ms), "QUERY");
    if (result == 0) {
        size_t size;
        *out_json = (char *)ch_buf_take(&rows.json, &size);
    }
    if (result == 0 && out_next != NULL) {
        *out_next = rows.next;
        rows.next = NULL;
    }
    free(rows.next);
    ch_buf_done(&rows.json);
    return result;
}

int casehub_query(casehub *hub, const char *name, const char *arguments, int timeout_ms, char **out_json,
                  char **out_next)
{
    ch_buf encoded;
    ch_error error;
    if (ch_client_may_wait(hub, "casehub_query") != 0) {
        return -1;
    }
    if (name == NULL) {
        return ch_client_fail(hub, CH_INVALID, "name", "is missing");
    }
    ch_buf_init(&encoded, ch_mp_limits_header.size_bytes);
    int result = encode_arguments(&encoded, arguments, &error) == CH_OK
                     ? ask_rows(hub, name, ch_buf_str(&encoded), timeout_ms, out_json, out_next)
                     : ch_client_fail_with(hub, &error);
    ch_buf_done(&encoded);
    return result;
}

static ch_status take_done(casehub *hub, ch_question *question, const ch_chp_message *answer, ch_str body,
                           ch_error *error)
{
    (void)hub;
    (void)body;
    if (answer->verb == CH_CHP_ERROR) {
        ch_question_fail(question, &answer->error);
        return CH_OK;
    }
    if (answer->verb != CH_CHP_DONE) {
        return unexpected(answer, "SEEK", error);
    }
    question->done = true;
    return CH_OK;
}

int casehub_seek(casehub *hub, const char *name, const char *from, int timeout_ms)
{
    ch_error error;
    ch_question question = {.message = {.verb = CH_CHP_SEEK, .seek = {.name = ch_str_of(name)}},
                            .take = take_done};
    if (ch_client_may_wait(hub, "casehub_seek") != 0) {
        return -1;
    }
    if (name == NULL) {
        return ch_client_fail(hub, CH_INVALID, "name", "is missing");
    }
    if (ch_client_from(from, &question.message.seek.from, &error) != CH_OK) {
        return ch_client_fail_with(hub, &error);
    }
    return ch_question_ask(hub, &question, ch_client_until(hub, timeout_ms), "SEEK");
}

typedef struct log_reading {
    void *context;
    ch_event_call *on_event;
    uint64_t next;
} log_reading;

static ch_status take_events(casehub *hub, ch_question *question, const ch_chp_message *answer, ch_str body,
                             ch_error *error)
{
    log_reading *reading = question->context;
    ch_mp_reader reader;
    ch_str event;
    uint32_t count;
    if (answer->verb == CH_CHP_ERROR) {
        ch_question_fail(question, &answer->error);
        return CH_OK;
    }
    if (answer->verb != CH_CHP_EVENTS) {
        return unexpected(answer, "READ", error);
    }
    ch_status status = ch_chp_body_check(body, UINT32_MAX, &count, &reader, error);
    while (status == CH_OK && ch_mp_skip(&reader, &event)) {
        status = ch_event_hand(hub, event, reading->on_event, reading->context, error);
    }
    if (status == CH_OK) {
        reading->next = (uint64_t)answer->events.next;
        question->done = true;
    }
    return status;
}

static int set_range(casehub *hub, ch_chp_read *read, uint64_t from, uint64_t to, unsigned limit)
{
    if (from > CH_CHP_NUMBER_MAX || to > CH_CHP_NUMBER_MAX || (to != 0 && to < from)) {
        return ch_client_fail(hub, CH_INVALID, "to", "is below from, or a bound is no sequence");
    }
    read->from = (int64_t)from;
    read->to = (int64_t)to;
    read->limit = limit < CH_CHP_ITEMS_MAX ? limit : CH_CHP_ITEMS_MAX;
    return 0;
}

int casehub_read(casehub *hub, uint64_t from, uint64_t to, const char *const *patterns, size_t pattern_count,
                 unsigned limit, int timeout_ms, void *context, ch_event_call *on_event, uint64_t *out_next)
{
    log_reading reading = {.context = context, .on_event = on_event};
    ch_question question = {.message = {.verb = CH_CHP_READ}, .take = take_events, .context = &reading};
    ch_chp_read *read = &question.message.read;
    ch_error error;
    if (ch_client_may_wait(hub, "casehub_read") != 0 || set_range(hub, read, from, to, limit) != 0) {
        return -1;
    }
    if (ch_client_patterns(read->patterns, &read->pattern_count, patterns, pattern_count, &error) != CH_OK) {
        return ch_client_fail_with(hub, &error);
    }
    int result = ch_question_ask(hub, &question, ch_client_until(hub, timeout_ms), "READ");
    if (result == 0 && out_next != NULL) {
        *out_next = reading.next;
    }
    return result;
}
