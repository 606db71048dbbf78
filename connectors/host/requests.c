#include "connectors/host/runner_inside.h"

#include "connectors/host/dead_letter.h"
#include "hub/base/diag.h"
#include "hub/model/event.h"
#include "hub/model/json.h"

#include <inttypes.h>
#include <jansson.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

#define QUERY_TIMEOUT_MS 10000
#define RAW_MOST ((size_t)512 * 1024)

/* The raw bytes of a dead letter as a unit of their own. */
typedef struct raw_unit {
    const uint8_t *at;
    size_t left;
} raw_unit;

static long read_raw(void *context, void *out, size_t most)
{
    raw_unit *raw = context;
    size_t size = raw->left < most ? raw->left : most;
    memcpy(out, raw->at, size);
    raw->at += size;
    raw->left -= size;
    return (long)size;
}

typedef struct retry {
    ch_runner *runner;
    uint64_t number;
    bool made;
} retry;

static ch_status publish_retry(void *context, const ch_made *made, ch_error *error)
{
    retry *in = context;
    if (in->made) {
        return ch_error_set(error, CH_INVALID, NULL, "the raw bytes hold more than one record");
    }
    in->made = true;
    if (made->dead_letter) {
        ch_diag(CH_DIAG_WARN, CH_RUNNER, "dead letter %" PRIu64 " fails again and becomes a new one: %s: %s",
                in->number, made->place, made->reason);
    }
    return ch_delivery_retry(in->runner->delivery, in->number, made, error);
}

/* What the hub refused may have come without its record; then the event itself was kept. */
static ch_status retry_event(ch_runner *runner, uint64_t number, ch_str raw, ch_error *error)
{
    const ch_made_id id = {.number = 0};
    const ch_made made = {.count = 1, .events = &raw, .ids = &id, .bytes = raw.size};
    return ch_delivery_retry(runner->delivery, number, &made, error);
}

static ch_status retry_record(ch_runner *runner, uint64_t number, ch_str raw, const char *place,
                              int64_t time_ms, ch_error *error)
{
    char name[CH_UNIT_NAME_MAX + 1], identity[40];
    raw_unit reading = {(const uint8_t *)raw.at, raw.size};
    retry in = {.runner = runner, .number = number};
    const ch_pipeline_run_options options = {.retrying = true};
    const char *field = strstr(place, ": ");
    snprintf(name, sizeof name, "%.*s", field == NULL ? CH_UNIT_NAME_MAX : (int)(field - place), place);
    snprintf(identity, sizeof identity, "deadletter:%" PRIu64, number);
    const casehub_unit unit = {CASEHUB_SIZED(casehub_unit),
                               .name = name[0] == '\0' ? "deadletter" : name,
                               .identity = identity,
                               .time_ms = time_ms,
                               .read = read_raw,
                               .context = &reading};
    ch_status status = ch_pipeline_run(runner->pipeline, &unit, &options, publish_retry, &in, error);
    return status == CH_OK && !in.made ? ch_error_set(error, CH_INVALID, NULL, "the raw bytes hold no record")
                                       : status;
}

/* The raw as a whole is of no use any more: a new letter says why, so that it does not hang between open and done. */
static ch_status fail_again(ch_runner *runner, uint64_t number, ch_str raw, const char *place,
                            ch_error *error)
{
    char identity[40];
    ch_buf encoded;
    const ch_error why = *error;
    snprintf(identity, sizeof identity, "deadletter:%" PRIu64, number);
    const ch_dead_letter_facts facts = {.connector = runner->config->name,
                                        .source = runner->config->source,
                                        .mapping = ch_pipeline_mapping(runner->pipeline),
                                        .stage = "parse",
                                        .code = ch_status_name(why.status),
                                        .reason = why.text,
                                        .place = place,
                                        .unit = "deadletter",
                                        .identity = identity,
                                        .time_ms = ch_clock_wall_ms(runner->clock),
                                        .raw = raw};
    ch_buf_init(&encoded, RAW_MOST);
    ch_status status = ch_dead_letter_encode(&facts, &encoded, error);
    if (status == CH_OK) {
        status = retry_event(runner, number, ch_buf_str(&encoded), error);
    }
    ch_buf_done(&encoded);
    return status;
}

/* {"$base64": "..."} of the row. */
static ch_status take_raw(const json_t *row, ch_buf *out, ch_error *error)
{
    const json_t *raw = json_object_get(row, "raw");
    const char *text = json_string_value(json_object_get(raw, "$base64"));
    size_t size = text == NULL ? 0 : strlen(text), decoded = 0;
    void *room = text == NULL ? NULL : ch_buf_extend(out, size / 4 * 3 + 3);
    if (room == NULL || sodium_base642bin(room, size / 4 * 3 + 3, text, size, NULL, &decoded, NULL,
                                          sodium_base64_VARIANT_ORIGINAL) != 0) {
        return ch_error_set(error, CH_NOT_FOUND, "raw", "the dead letter's raw bytes cannot be read");
    }
    out->size = decoded;
    return CH_OK;
}

static ch_status retry_row(ch_runner *runner, uint64_t number, const json_t *row, ch_error *error)
{
    ch_buf raw;
    ch_event event;
    ch_error why;
    const char *connector = json_string_value(json_object_get(row, "connector"));
    const char *place = json_string_value(json_object_get(row, "place"));
    const char *state = json_string_value(json_object_get(row, "status"));
    if (connector == NULL || strcmp(connector, runner->config->name) != 0) {
        return CH_OK; /* somebody else's */
    }
    if (runner->pipeline == NULL) {
        return ch_error_set(error, CH_UNSUPPORTED, NULL, "nothing comes in here any more");
    }
    if (state != NULL && strcmp(state, "open") != 0 && strcmp(state, "retrying") != 0) {
        return ch_error_set(error, CH_REFUSED, NULL, "it is %.20s already", state);
    }
    ch_buf_init(&raw, RAW_MOST);
    ch_status status = take_raw(row, &raw, error);
    if (status == CH_OK) {
        ch_str bytes = ch_buf_str(&raw);
        status = ch_event_decode(bytes, CH_EVENT_PRODUCED, &event, &why) == CH_OK
                     ? retry_event(runner, number, bytes, error)
                     : retry_record(runner, number, bytes, place == NULL ? "" : place,
                                    json_integer_value(json_object_get(row, "recorded")), error);
        if ((status == CH_REFUSED || status == CH_INVALID) && !ch_delivery_is_stale(runner->delivery)) {
            status = fail_again(runner, number, bytes, place == NULL ? "" : place, error);
        }
    }
    ch_buf_done(&raw);
    return status;
}

static ch_status retry_letter(ch_runner *runner, uint64_t number, ch_error *error)
{
    char arguments[60], *json = NULL;
    snprintf(arguments, sizeof arguments, "{\"deadletter\":%" PRIu64 "}", number);
    ch_status status =
        ch_hub_link_query(runner->link, "deadletter", arguments, QUERY_TIMEOUT_MS, &json, NULL, error);
    if (status != CH_OK) {
        return status;
    }
    json_t *rows = json_loads(json, 0, NULL);
    status = retry_row(runner, number, json_array_get(rows, 0), error);
    json_decref(rows);
    free(json);
    if (status != CH_OK && runner->delivery != NULL) {
        ch_delivery_drop(runner->delivery);
    }
    return status;
}

/* True when it is done with, well or not. */
static bool serve_retry(ch_runner *runner, uint64_t number, ch_error *error, ch_status *out_status)
{
    ch_status status = retry_letter(runner, number, error);
    *out_status = CH_OK;
    if (status == CH_OK) {
        ch_diag(CH_DIAG_INFO, CH_RUNNER, "dead letter %" PRIu64 " is retried", number);
        return true;
    }
    ch_diag(CH_DIAG_WARN, CH_RUNNER, "dead letter %" PRIu64 " stays: %s%s%s (%s)", number, error->where,
            error->where[0] == '\0' ? "" : ": ", error->text, ch_status_name(status));
    if (status == CH_CONFLICT && strcmp(error->where, "checkpoint") == 0) {
        *out_status = status;
    }
    return !ch_status_is_temporary(status);
}

ch_status ch_runner_serve_requests(ch_runner *runner, ch_error *error)
{
    ch_request request;
    while (!ch_hub_link_stopping(runner->link) && ch_hub_link_next(runner->link, &request)) {
        ch_status status = CH_OK;
        switch (request.kind) {
        case CH_REQUEST_RETRY:
            if (!serve_retry(runner, request.dead_letter, error, &status)) {
                return CH_OK; /* the hub is away; it stays first in the queue */
            }
            break;
        case CH_REQUEST_PAUSE:
            runner->paused = true;
            ch_runner_announce(runner, "paused", "");
            break;
        case CH_REQUEST_RESUME:
            runner->paused = false;
            ch_runner_announce(runner, "running", "");
            break;
        case CH_REQUEST_RESTART: status = CH_END; break;
        }
        ch_hub_link_done(runner->link);
        if (status != CH_OK) {
            return status;
        }
    }
    return CH_OK;
}
