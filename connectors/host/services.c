/* services.c - what the host lends to a transport and to a sender: casehub_host of casehub_connector.h. */
#include "connectors/host/runner_inside.h"

#include "hub/base/diag.h"

#include <stdio.h>
#include <stdlib.h>

static ch_runner *runner_of(const casehub_host *host)
{
    return host->context;
}

static void log_as(const char *name, casehub_level level, const char *text)
{
    static const ch_diag_level levels[] = {CH_DIAG_DEBUG, CH_DIAG_INFO, CH_DIAG_WARN, CH_DIAG_ERROR};
    size_t index = (size_t)level < sizeof levels / sizeof *levels ? (size_t)level : CASEHUB_ERROR;
    ch_diag(levels[index], name, "%s", text);
}

static void log_text(const casehub_host *host, casehub_level level, const char *text)
{
    log_as(runner_of(host)->config->transport_table->name, level, text);
}

static void log_outward(const casehub_host *host, casehub_level level, const char *text)
{
    log_as(runner_of(host)->config->outward.sender_table->name, level, text);
}

static int64_t wall_ms(const casehub_host *host)
{
    return ch_clock_wall_ms(runner_of(host)->clock);
}

static int64_t monotonic_ms(const casehub_host *host)
{
    return ch_clock_monotonic_ms(runner_of(host)->clock);
}

static bool stopping(const casehub_host *host)
{
    return ch_hub_link_stopping(runner_of(host)->link);
}

static int stop_fd(const casehub_host *host)
{
    return runner_of(host)->stop_fd;
}

static void set_address(const casehub_host *host, const char *address)
{
    ch_runner *runner = runner_of(host);
    ch_str_copy_cut(runner->address, sizeof runner->address, ch_str_of(address));
    if (runner->transport_open && !runner->paused) {
        ch_runner_announce(runner, "running", "");
    }
}

/* Of a connector that only sends; else it is the transport's that people ask for. */
static void set_outward_address(const casehub_host *host, const char *address)
{
    ch_runner *runner = runner_of(host);
    if (runner->config->transport_table == NULL) {
        ch_str_copy_cut(runner->address, sizeof runner->address, ch_str_of(address));
    }
}

static void settle(const casehub_host *host, casehub_sent sent, const char *reason, int64_t wait_ms,
                   const char *answer, size_t answer_size)
{
    ch_outward_settle(runner_of(host)->outward, sent, reason, wait_ms,
                      (ch_str){answer, answer == NULL ? 0 : answer_size});
}

static void fail(const casehub_host *host, const char *reason)
{
    ch_runner *runner = runner_of(host);
    ch_str_copy_cut(runner->reason, sizeof runner->reason, ch_str_of(reason));
}

static const char *position(const casehub_host *host)
{
    const char *text = ch_delivery_checkpoint(runner_of(host)->delivery)->position;
    return text == NULL ? "" : text;
}

static void explain(casehub_outcome *outcome, const char *code, const char *reason, const char *place)
{
    ch_str_copy_cut(outcome->code, sizeof outcome->code, ch_str_of(code));
    ch_str_copy_cut(outcome->reason, sizeof outcome->reason, ch_str_of(reason));
    ch_str_copy_cut(outcome->place, sizeof outcome->place, ch_str_of(place));
}

static void explain_error(casehub_outcome *outcome, const ch_error *error)
{
    explain(outcome, ch_status_name(error->status), error->text, error->where);
}

/* Its own take in between, so that the outcome names the first dead letter. */
typedef struct taking {
    ch_runner *runner;
    casehub_outcome *outcome;
} taking;

static ch_status take_durably(void *context, const ch_made *made, ch_error *error)
{
    const taking *in = context;
    if (made->dead_letter) {
        ch_diag(CH_DIAG_WARN, CH_RUNNER, "a record becomes a dead letter: %s: %s (%s)", made->place,
                made->reason, made->code);
        if (in->outcome->code[0] == '\0') {
            explain(in->outcome, made->code, made->reason, made->place);
        }
    }
    return ch_delivery_add(in->runner->delivery, made, error);
}

/* What ends the process is kept for the loop: the transport only sees that it has to wait. */
static casehub_verdict give_up(ch_runner *runner, ch_status status, const ch_error *error)
{
    ch_delivery_drop(runner->delivery);
    /* A file that cannot be read may be readable later; everything else is not the unit's. */
    if (status != CH_IO || ch_delivery_is_stale(runner->delivery)) {
        runner->fatal = status;
        runner->fatal_error = *error;
    }
    return CASEHUB_RETRY;
}

static casehub_verdict settle_durably(ch_runner *runner, const casehub_unit *unit, ch_status status,
                                      casehub_outcome *outcome, ch_error *error)
{
    ch_delivery_totals totals = {.records = 0};
    if (status == CH_DIVERGED) {
        ch_diag_failure(CH_RUNNER, error, "the unit is read from its beginning");
        ch_delivery_drop(runner->delivery);
        ch_delivery_forget_unit(runner->delivery);
        return CASEHUB_RETRY;
    }
    bool refused = status == CH_REFUSED;
    if (refused) {
        explain_error(outcome, error);
    }
    if (status == CH_OK || refused) {
        /* What was taken before the unit turned out unreadable is kept. */
        ch_error publish_error = {.status = CH_OK};
        status = ch_delivery_finish(runner->delivery, unit, &totals, &publish_error);
        *error = status == CH_OK ? *error : publish_error;
    }
    if (status != CH_OK) {
        explain_error(outcome, error);
        return give_up(runner, status, error);
    }
    outcome->records = totals.records;
    outcome->events = totals.events;
    outcome->dead_letters = totals.dead_letters;
    return refused && totals.records == 0 ? CASEHUB_REJECT : CASEHUB_DONE;
}

static casehub_verdict take_unit(ch_runner *runner, const casehub_unit *unit, casehub_outcome *outcome)
{
    taking in = {runner, outcome};
    ch_pipeline_run_options options;
    ch_error error = {.status = CH_OK};
    bool done;
    ch_delivery_begin(runner->delivery, unit, &options, &done);
    if (done) {
        return CASEHUB_DONE;
    }
    ch_status status = ch_pipeline_run(runner->pipeline, unit, &options, take_durably, &in, &error);
    return settle_durably(runner, unit, status, outcome, &error);
}

static ch_status take_answered(void *context, const ch_made *made, ch_error *error)
{
    const taking *in = context;
    casehub_answer answer;
    if (made->dead_letter) {
        ch_status status;
        return ch_error_set(error, ch_status_from_name(made->code, &status) == CH_OK ? status : CH_INVALID,
                            made->place, "%s", made->reason);
    }
    if (in->outcome->records > 0) {
        return ch_error_set(error, CH_TOO_LARGE, NULL, "an answered unit holds one record");
    }
    if (made->count == 0) { /* the mapping has nothing to tell of it */
        in->outcome->records = 1;
        return CH_OK;
    }
    ch_status status = ch_delivery_publish_now(in->runner->delivery, made, &answer, error);
    if (status == CH_OK) {
        in->outcome->records = 1;
        in->outcome->events = made->count;
        in->outcome->sequence = answer.sequence;
        in->outcome->case_version = answer.caseversion;
        in->outcome->duplicate = answer.duplicate;
        snprintf(in->outcome->case_id, sizeof in->outcome->case_id, "%s", answer.case_id);
    }
    return status;
}

static casehub_verdict take_and_answer(ch_runner *runner, const casehub_unit *unit, casehub_outcome *outcome)
{
    taking in = {runner, outcome};
    const ch_pipeline_run_options options = {.skip_rows = 0};
    ch_error error = {.status = CH_OK};
    ch_status status = ch_pipeline_run(runner->pipeline, unit, &options, take_answered, &in, &error);
    if (status == CH_OK && outcome->records == 0) {
        status = ch_error_set(&error, CH_INVALID, unit->name, "it holds no record");
    }
    if (status == CH_OK) {
        return CASEHUB_DONE;
    }
    explain_error(outcome, &error);
    return ch_status_is_temporary(status) || status == CH_IO || status == CH_NO_MEMORY ? CASEHUB_RETRY
                                                                                       : CASEHUB_REJECT;
}

static bool is_named(const casehub_unit *unit)
{
    return unit->name != NULL && unit->name[0] != '\0' && strlen(unit->name) <= CH_UNIT_NAME_MAX &&
           unit->identity != NULL && strlen(unit->identity) <= CH_UNIT_IDENTITY_MAX &&
           ch_str_is_utf8(ch_str_of(unit->name)) && ch_str_is_utf8(ch_str_of(unit->identity));
}

static casehub_verdict take(const casehub_host *host, const casehub_unit *unit, casehub_outcome *outcome)
{
    ch_runner *runner = runner_of(host);
    casehub_outcome filled = {.size = sizeof filled};
    casehub_verdict verdict = CASEHUB_REJECT;
    if (!is_named(unit)) {
        explain(&filled, "invalid", "the unit's name or identity is too long, or not UTF-8", "");
    } else if (runner->fatal != CH_OK) {
        explain_error(&filled, &runner->fatal_error);
        verdict = CASEHUB_RETRY;
    } else {
        verdict = unit->answered ? take_and_answer(runner, unit, &filled) : take_unit(runner, unit, &filled);
    }
    if (verdict == CASEHUB_DONE) {
        ch_runner_count(runner, &filled);
    }
    size_t size = outcome->size < sizeof filled ? outcome->size : sizeof filled;
    filled.size = outcome->size;
    memcpy(outcome, &filled, size);
    return verdict;
}

static int query(const casehub_host *host, const char *name, const char *arguments, int timeout_ms,
                 char **out_json, char **out_next, casehub_outcome *outcome)
{
    ch_error error = {.status = CH_OK};
    if (ch_hub_link_query(runner_of(host)->link, name, arguments, timeout_ms, out_json, out_next, &error) ==
        CH_OK) {
        return 0;
    }
    explain_error(outcome, &error);
    return -1;
}

static void release(const casehub_host *host, char *text)
{
    (void)host;
    free(text);
}

static bool connected(const casehub_host *host)
{
    return ch_hub_link_connected(runner_of(host)->link);
}

void ch_runner_lend(ch_runner *runner)
{
    runner->host = (casehub_host){CASEHUB_SIZED(casehub_host),
                                  .context = runner,
                                  .connector = runner->config->name,
                                  .source = runner->config->source,
                                  .system = runner->config->system,
                                  .log = log_text,
                                  .wall_ms = wall_ms,
                                  .monotonic_ms = monotonic_ms,
                                  .stopping = stopping,
                                  .stop_fd = stop_fd,
                                  .set_address = set_address,
                                  .fail = fail,
                                  .position = position,
                                  .take = take,
                                  .query = query,
                                  .release = release,
                                  .connected = connected};
    runner->outward_host = runner->host;
    runner->outward_host.log = log_outward;
    runner->outward_host.set_address = set_outward_address;
    runner->outward_host.position = NULL;
    runner->outward_host.take = NULL;
    runner->outward_host.settle = settle;
}
