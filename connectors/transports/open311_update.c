/* POST /servicerequestupdates: what a citizen has to add, or thinks of what was done. */
#include "connectors/transports/open311_visit_inside.h"

#include "connectors/transports/open311_intake.h"
#include "connectors/transports/open311_request.h"

#include <stdio.h>

/* Updates and requests have their tokens apart. */
static void choose_update_token(ch_open311_visit *visit)
{
    char key[sizeof visit->token + sizeof "update/"];
    ch_str own = ch_form_get(&visit->form, "update_id");
    if (ch_open311_choose_token(visit, own.at)) {
        snprintf(key, sizeof key, "update/%s", visit->token);
        ch_open311_token_of(visit, key, visit->token);
    }
}

static void answer_updated(ch_open311_visit *visit, const casehub_outcome *outcome)
{
    char id[100];
    ch_str account = ch_form_get(&visit->form, "account_id");
    ch_open311_update_id(id, sizeof id, outcome->case_id, outcome->case_version);
    ch_open311_answer_with(visit,
                           json_pack("[{s:s, s:s, s:o}]", "update_id", id, "service_request_id",
                                     outcome->case_id, "account_id",
                                     account.at == NULL ? json_null() : json_string(account.at)),
                           "service_request_updates");
}

static void submit(ch_open311_visit *visit, const json_t *record)
{
    casehub_outcome outcome = {CASEHUB_SIZED(casehub_outcome)};
    switch (ch_open311_take(visit, record, &outcome)) {
    case CASEHUB_DONE:
        if (outcome.events == 0) {
            ch_open311_visit_refuse(visit, CH_HTTP_BAD_REQUEST, "the mapping makes nothing of it");
        } else {
            answer_updated(visit, &outcome);
        }
        break;
    case CASEHUB_RETRY:
        ch_open311_answer_later(visit, "the hub did not answer in time: repeat the update under the same "
                                       "Idempotency-Key, and it is taken once");
        break;
    case CASEHUB_REJECT:
        if (strcmp(outcome.code, ch_status_name(CH_CONFLICT)) == 0) {
            ch_open311_visit_refuse(visit, CH_HTTP_CONFLICT, "another update was made under this token");
        } else {
            ch_open311_answer_rejected(visit, &outcome);
        }
        break;
    }
}

static bool is_feedback(const json_t *record)
{
    return json_object_get(record, "score") != NULL || json_object_get(record, "satisfied") != NULL;
}

/* What the case is called where it came in: the mapping's event goes to it by that. */
static void submit_to(ch_open311_visit *visit, json_t *record, const json_t *row)
{
    const char *state = json_string_value(json_object_get(row, "state"));
    if (is_feedback(record) && (state == NULL || !ch_open311_is_closed(state))) {
        ch_open311_visit_refuse(visit, CH_HTTP_BAD_REQUEST,
                                "score, satisfied: nothing was done yet that could be judged");
    } else if (json_object_set(record, "ref", json_object_get(row, "ref")) != 0 ||
               json_object_set_new(record, "token", json_string(visit->token)) != 0) {
        ch_open311_visit_refuse(visit, CH_HTTP_INTERNAL_ERROR, "no memory to take the update");
    } else {
        submit(visit, record);
    }
}

void ch_open311_update(ch_open311_visit *visit)
{
    const casehub_host *host = visit->site->host;
    json_t *row = NULL,
           *record = ch_open311_update_intake(&visit->form, host->wall_ms(host), &visit->problems);
    if (record == NULL) {
        return;
    }
    choose_update_token(visit);
    if (visit->problems.code == 0) {
        const char *id = json_string_value(json_object_get(record, "service_request_id"));
        ch_open311_asked asked = ch_open311_ask_case(visit, id, false, &row);
        if (asked == CH_OPEN311_ROWS) {
            submit_to(visit, record, row);
        } else if (asked == CH_OPEN311_NO_ROWS) {
            ch_open311_visit_refuse(visit, CH_HTTP_NOT_FOUND, "service_request_id: there is no such request");
        }
    }
    json_decref(row);
    json_decref(record);
}
