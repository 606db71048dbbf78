#include "connectors/host/runner_inside.h"

#include "hub/base/diag.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#define REPORT_MS 60000

static bool set_text(json_t *object, const char *name, const char *value)
{
    return value[0] == '\0' || json_object_set_new(object, name, json_string(value)) == 0;
}

static bool set_count(json_t *object, const char *name, uint64_t count)
{
    return json_object_set_new(object, name, json_integer((json_int_t)count)) == 0;
}

static bool set_totals(json_t *data, const ch_runner *runner)
{
    char last[CH_TIME_TEXT_SIZE] = "";
    if (runner->last_ms != 0) {
        ch_time_format(runner->last_ms, 0, last);
    }
    return set_text(data, "last", last) && set_count(data, "records", runner->totals.records) &&
           set_count(data, "events", runner->totals.events) &&
           set_count(data, "dead_letters", runner->totals.dead_letters);
}

static uint64_t settled(const ch_runner *runner)
{
    const ch_outward_health *health = runner->outward == NULL ? NULL : ch_outward_health_of(runner->outward);
    return health == NULL ? 0 : health->sent + health->later + health->undeliverable;
}

static bool set_outward(json_t *data, const ch_runner *runner)
{
    char last[CH_TIME_TEXT_SIZE] = "";
    if (runner->outward == NULL) {
        return true;
    }
    const ch_outward_health *health = ch_outward_health_of(runner->outward);
    if (health->last_ms != 0) {
        ch_time_format(health->last_ms, 0, last);
    }
    return set_text(data, "sender", runner->config->outward.sender_table->name) &&
           set_text(data, "last_sent", last) && set_count(data, "sent", health->sent) &&
           set_count(data, "later", health->later) && set_count(data, "undeliverable", health->undeliverable);
}

static json_t *describe(const ch_runner *runner, const char *state, const char *reason)
{
    const ch_connector_config *config = runner->config;
    const char *transport = config->transport_table == NULL ? "" : config->transport_table->name;
    const char *format = config->format_table == NULL ? "" : config->format_table->name;
    char since[CH_TIME_TEXT_SIZE];
    json_t *data = json_object();
    ch_time_format(runner->since_ms, 0, since);
    bool done =
        data != NULL && set_text(data, "connector", config->name) && set_text(data, "state", state) &&
        set_text(data, "address", runner->address) && set_text(data, "transport", transport) &&
        set_text(data, "format", format) &&
        set_text(data, "mapping", runner->pipeline == NULL ? "" : ch_pipeline_mapping(runner->pipeline)) &&
        set_text(data, "version", CASEHUB_VERSION) && set_text(data, "reason", reason) &&
        set_text(data, "since", since) && set_totals(data, runner) && set_outward(data, runner);
    if (!done) {
        json_decref(data);
        return NULL;
    }
    return data;
}

/* Owns data; NULL: no memory. */
static void say(ch_runner *runner, const char *type, json_t *data)
{
    char id[160], time[CH_TIME_TEXT_SIZE];
    ch_error error;
    snprintf(id, sizeof id, "connector/%s/%" PRId64 "/%u", runner->config->name, runner->since_ms,
             ++runner->said);
    ch_time_format(ch_clock_wall_ms(runner->clock), 0, time);
    json_t *event = data == NULL
                        ? NULL
                        : json_pack("{s:s,s:s,s:s,s:s,s:s,s:o}", "specversion", "1.0", "id", id, "source",
                                    runner->config->source, "type", type, "time", time, "data", data);
    char *text = event == NULL ? NULL : json_dumps(event, JSON_COMPACT);
    json_decref(event);
    ch_status status = text == NULL ? ch_error_set(&error, CH_NO_MEMORY, NULL, "no memory")
                                    : ch_hub_link_say(runner->link, text, &error);
    if (status != CH_OK) {
        ch_diag_failure(CH_RUNNER, &error, "the hub is not told");
    }
    free(text);
}

static void tell(ch_runner *runner, const char *state, const char *reason)
{
    runner->report_ms = 0;
    runner->settled_said = settled(runner);
    say(runner, "hub.connector", describe(runner, state, reason));
}

void ch_runner_announce(ch_runner *runner, const char *state, const char *reason)
{
    ch_diag(reason[0] == '\0' ? CH_DIAG_INFO : CH_DIAG_ERROR, CH_RUNNER, "%s is %s%s%s", runner->config->name,
            state, reason[0] == '\0' ? "" : ": ", reason);
    tell(runner, state, reason);
}

static void report_soon(ch_runner *runner)
{
    if (runner->report_ms == 0) {
        runner->report_ms = ch_clock_monotonic_ms(runner->clock) + REPORT_MS;
    }
}

void ch_runner_count(ch_runner *runner, const casehub_outcome *outcome)
{
    runner->totals.records += outcome->records;
    runner->totals.events += outcome->events;
    runner->totals.dead_letters += outcome->dead_letters;
    runner->last_ms = ch_clock_wall_ms(runner->clock);
    report_soon(runner);
}

static void shorten(int64_t *io_wait_ms, int64_t left_ms)
{
    *io_wait_ms = *io_wait_ms < 0 || *io_wait_ms > left_ms ? left_ms : *io_wait_ms;
}

static void alert(ch_runner *runner, const char *code, const char *detail)
{
    char text[320];
    snprintf(text, sizeof text, "%s: %s", runner->config->name, detail);
    ch_diag(CH_DIAG_WARN, CH_RUNNER, "%s: %s", code, text);
    say(runner, "hub.alert", json_pack("{s:s,s:s}", "code", code, "detail", text));
}

static void watch_outward(ch_runner *runner, int64_t *io_wait_ms)
{
    char detail[300];
    const ch_outward_health *health = ch_outward_health_of(runner->outward);
    int64_t after_ms = runner->config->outward.alert_after;
    if (!health->failing && runner->alerted) {
        runner->alerted = false;
        alert(runner, "delivery-restored", "messages are taken again");
    } else if (health->failing && !runner->alerted && after_ms > 0) {
        int64_t failing_ms = ch_clock_monotonic_ms(runner->clock) - health->failing_since_ms;
        if (failing_ms < after_ms) {
            shorten(io_wait_ms, after_ms - failing_ms);
            return;
        }
        runner->alerted = true;
        snprintf(detail, sizeof detail, "no message was taken for %" PRId64 " s: %s", failing_ms / 1000,
                 health->reason);
        alert(runner, "delivery-failing", detail);
    }
}

void ch_runner_report(ch_runner *runner, int64_t *io_wait_ms)
{
    if (runner->paused) {
        return;
    }
    if (runner->outward != NULL) {
        watch_outward(runner, io_wait_ms);
    }
    if (settled(runner) != runner->settled_said) {
        report_soon(runner);
    }
    if (runner->report_ms == 0) {
        return;
    }
    int64_t left_ms = runner->report_ms - ch_clock_monotonic_ms(runner->clock);
    if (left_ms <= 0) {
        tell(runner, "running", "");
    } else {
        shorten(io_wait_ms, left_ms);
    }
}

ch_status ch_runner_was_paused(ch_runner *runner, bool *out_paused, ch_error *error)
{
    char arguments[CH_CONNECTOR_NAME_MAX + 40], *json = NULL;
    snprintf(arguments, sizeof arguments, "{\"name\":\"%s\"}", runner->config->name);
    ch_status status = ch_hub_link_query(runner->link, "connectors", arguments, 10000, &json, NULL, error);
    if (status != CH_OK) {
        return status;
    }
    json_t *rows = json_loads(json, 0, NULL);
    const char *state = json_string_value(json_object_get(json_array_get(rows, 0), "state"));
    *out_paused = state != NULL && strcmp(state, "paused") == 0;
    json_decref(rows);
    free(json);
    return CH_OK;
}
