/* POST /requests and GET /tokens: a request is answered once its event is durable. */
#include "connectors/transports/open311_visit_inside.h"

#include "connectors/transports/open311_intake.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

/* The record as a unit that somebody waits for. */
typedef struct record_unit {
    const char *at;
    size_t left;
} record_unit;

static long read_record(void *context, void *out, size_t most)
{
    record_unit *unit = context;
    size_t size = unit->left < most ? unit->left : most;
    memcpy(out, unit->at, size);
    unit->at += size;
    unit->left -= size;
    return (long)size;
}

/* ---- tokens */

/* What the client calls this POST; NULL: nothing. Then it gets a random name, to repeat it under. */
static const char *client_token(const ch_open311_visit *visit)
{
    ch_str token = ch_form_get(&visit->form, "token");
    return visit->idempotency_key != NULL ? visit->idempotency_key : token.at;
}

bool ch_open311_choose_token(ch_open311_visit *visit, const char *otherwise)
{
    const char *given = client_token(visit) != NULL ? client_token(visit) : otherwise;
    unsigned char bytes[(CH_OPEN311_TOKEN_SIZE - 1) / 2];
    if (given != NULL && (strlen(given) > CH_OPEN311_KEY_MOST || !ch_str_is_utf8(ch_str_of(given)))) {
        ch_open311_visit_refuse(visit, CH_HTTP_BAD_REQUEST,
                                "Idempotency-Key, token, update_id: at most 200 bytes of UTF-8");
        return false;
    }
    if (given != NULL) {
        ch_open311_token_of(visit, given, visit->token);
        return true;
    }
    if (visit->site->random->fill(visit->site->random->context, bytes, sizeof bytes) != CH_OK) {
        ch_open311_visit_refuse(visit, CH_HTTP_INTERNAL_ERROR, "no random numbers for a token");
        return false;
    }
    sodium_bin2hex(visit->answer.key, sizeof visit->answer.key, bytes, sizeof bytes);
    ch_open311_token_of(visit, visit->answer.key, visit->token);
    return true;
}

/* Tells a repeated POST from another one under the same token. */
static bool sign_record(json_t *record, const char *token)
{
    unsigned char hash[16];
    char digest[2 * sizeof hash + 1];
    char *text = json_dumps(record, JSON_COMPACT | JSON_SORT_KEYS);
    if (text == NULL) {
        return false;
    }
    crypto_generichash(hash, sizeof hash, (const unsigned char *)text, strlen(text), NULL, 0);
    free(text);
    sodium_bin2hex(digest, sizeof digest, hash, sizeof hash);
    return json_object_set_new(record, "digest", json_string(digest)) == 0 &&
           json_object_set_new(record, "token", json_string(token)) == 0;
}

/* ---- answers */

static void answer_created(ch_open311_visit *visit, const char *case_id)
{
    ch_str account = ch_form_get(&visit->form, "account_id");
    const char *notice = visit->site->notice;
    json_t *request = json_pack("{s:s, s:o, s:o}", "service_request_id", case_id, "service_notice",
                                notice[0] == '\0' ? json_null() : json_string(notice), "account_id",
                                account.at == NULL ? json_null() : json_string(account.at));
    ch_open311_answer_with(visit, request == NULL ? NULL : json_pack("[o]", request), "service_requests");
}

/* What the hub has under the token already. False: nothing, and nothing was answered. */
static bool answer_known(ch_open311_visit *visit, const json_t *record)
{
    json_t *row = NULL;
    ch_open311_asked asked = ch_open311_ask_case(visit, visit->token, true, &row);
    if (asked != CH_OPEN311_ROWS) {
        return asked == CH_OPEN311_FAILED;
    }
    const json_t *data = json_object_get(json_object_get(row, "opened_event"), "data");
    const char *before = json_string_value(json_object_get(data, "request_digest"));
    if (before != NULL && strcmp(before, json_string_value(json_object_get(record, "digest"))) != 0) {
        ch_open311_visit_refuse(visit, CH_HTTP_CONFLICT, "another request was made under this token");
    } else {
        answer_created(visit, json_string_value(json_object_get(row, "case")));
    }
    json_decref(row);
    return true;
}

static void log_rejection(const ch_open311_visit *visit, const casehub_outcome *outcome)
{
    const casehub_host *host = visit->site->host;
    char text[620];
    snprintf(text, sizeof text, "a request was not taken: %s%s%s (%s)", outcome->place,
             outcome->place[0] == '\0' ? "" : ": ", outcome->reason, outcome->code);
    host->log(host, CASEHUB_WARN, text);
}

void ch_open311_answer_rejected(ch_open311_visit *visit, const casehub_outcome *outcome)
{
    ch_status status;
    bool known = ch_status_from_name(outcome->code, &status) == CH_OK;
    log_rejection(visit, outcome);
    if (known && (status == CH_INVALID || status == CH_TOO_LARGE || status == CH_NOT_FOUND)) {
        ch_open311_refuse(&visit->problems, CH_HTTP_BAD_REQUEST, "%s", outcome->reason);
    } else {
        ch_open311_visit_refuse(visit, CH_HTTP_INTERNAL_ERROR,
                                "the hub does not take requests from this connector");
    }
}

casehub_verdict ch_open311_take(ch_open311_visit *visit, const json_t *record, casehub_outcome *out_outcome)
{
    ch_open311_site *site = visit->site;
    const casehub_host *host = site->host;
    char *text = json_dumps(record, JSON_COMPACT);
    if (text == NULL) {
        snprintf(out_outcome->code, sizeof out_outcome->code, "%s", ch_status_name(CH_NO_MEMORY));
        return CASEHUB_REJECT;
    }
    record_unit reading = {text, strlen(text)};
    const casehub_unit unit = {CASEHUB_SIZED(casehub_unit),
                               .name = "request",
                               .identity = visit->token,
                               .time_ms = host->wall_ms(host),
                               .answered = true,
                               .read = read_record,
                               .context = &reading};
    casehub_verdict verdict = host->take(host, &unit, out_outcome);
    free(text);
    if (verdict == CASEHUB_DONE && out_outcome->sequence > site->seen) {
        site->seen = out_outcome->sequence;
    }
    return verdict;
}

static void submit(ch_open311_visit *visit, const json_t *record)
{
    casehub_outcome outcome = {CASEHUB_SIZED(casehub_outcome)};
    switch (ch_open311_take(visit, record, &outcome)) {
    case CASEHUB_DONE:
        if (outcome.events == 0) {
            ch_open311_visit_refuse(visit, CH_HTTP_BAD_REQUEST, "the mapping makes nothing of it");
        } else {
            answer_created(visit, outcome.case_id);
        }
        break;
    case CASEHUB_RETRY:
        ch_open311_answer_later(visit, "the hub did not answer in time: repeat the request under the same "
                                       "Idempotency-Key, and it is opened once");
        break;
    case CASEHUB_REJECT:
        /* An earlier POST that was not answered in time may have come through. */
        if (strcmp(outcome.code, ch_status_name(CH_CONFLICT)) != 0 || !answer_known(visit, record)) {
            ch_open311_answer_rejected(visit, &outcome);
        }
        break;
    }
}

void ch_open311_post(ch_open311_visit *visit)
{
    json_t *record = ch_open311_intake(&visit->site->services, &visit->form, &visit->problems);
    if (record == NULL || !ch_open311_choose_token(visit, NULL)) {
        json_decref(record);
        return;
    }
    if (!sign_record(record, visit->token)) {
        ch_open311_visit_refuse(visit, CH_HTTP_INTERNAL_ERROR, "no memory to take the request");
    } else if (!visit->site->host->connected(visit->site->host)) {
        ch_open311_answer_later(visit, "the hub is away");
    } else if (client_token(visit) == NULL || !answer_known(visit, record)) {
        submit(visit, record);
    }
    json_decref(record);
}

/* ---- GET /tokens/TOKEN */

/* A client that chose the token itself, and says who it is, may ask by its own word. */
void ch_open311_look_up_token(ch_open311_visit *visit)
{
    char own[CH_OPEN311_TOKEN_SIZE];
    json_t *row = NULL;
    ch_open311_asked asked = ch_open311_ask_case(visit, visit->id, true, &row);
    if (asked == CH_OPEN311_NO_ROWS && visit->trusted) {
        ch_open311_token_of(visit, visit->id, own);
        asked = ch_open311_ask_case(visit, own, true, &row);
    }
    if (asked == CH_OPEN311_ROWS) {
        ch_open311_answer_with(
            visit,
            json_pack("[{s:O, s:s}]", "service_request_id", json_object_get(row, "case"), "token", visit->id),
            "service_requests");
    } else if (asked == CH_OPEN311_NO_ROWS) {
        ch_open311_visit_refuse(visit, CH_HTTP_NOT_FOUND, "token: no request was made under it");
    }
    json_decref(row);
}
