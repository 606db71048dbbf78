#include "connectors/host/outward_case.h"

#include <jansson.h>
#include <stdlib.h>

#define ASK_MS 5000

/* *out_case: NULL when there is none to be seen. */
static ch_status ask(const casehub_host *host, const json_t *subject, json_t **out_case, ch_error *error)
{
    char *rows = NULL;
    casehub_outcome outcome = {CASEHUB_SIZED(casehub_outcome)};
    json_t *question = json_pack("{s:O}", "case", subject);
    char *arguments = question == NULL ? NULL : json_dumps(question, JSON_COMPACT);
    json_decref(question);
    if (arguments == NULL) {
        return ch_error_set(error, CH_NO_MEMORY, "case", "no memory");
    }
    int result = host->query(host, "case", arguments, ASK_MS, &rows, NULL, &outcome);
    free(arguments);
    if (result == 0) {
        json_t *all = json_loads(rows, 0, NULL);
        *out_case = json_incref(json_array_get(all, 0));
        json_decref(all);
        host->release(host, rows);
        return CH_OK;
    }
    ch_status status;
    if (ch_status_from_name(outcome.code, &status) != CH_OK || status == CH_OK) {
        status = CH_UNAVAILABLE;
    }
    return status == CH_NOT_FOUND ? CH_OK : ch_error_set(error, status, "case", "%s", outcome.reason);
}

ch_status ch_outward_add_case(const casehub_host *host, ch_str event, char **out_json, ch_error *error)
{
    json_t *of = NULL, *object = json_loadb(event.at, event.size, 0, NULL);
    const json_t *subject = json_object_get(object, "subject");
    ch_status status = CH_OK;
    if (object == NULL) {
        return ch_error_set(error, CH_INVALID, NULL, "an event is expected");
    }
    if (subject != NULL) {
        status = ask(host, subject, &of, error);
    }
    if (of != NULL) {
        json_object_set_new(object, "case", of);
    }
    if (status == CH_OK) {
        *out_json = json_dumps(object, JSON_COMPACT);
        status = *out_json == NULL ? ch_error_set(error, CH_NO_MEMORY, "case", "no memory") : CH_OK;
    }
    json_decref(object);
    return status;
}
