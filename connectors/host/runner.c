#include "connectors/host/runner_inside.h"

#include "hub/base/diag.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define LAST_WORD_MS 2000

static ch_status state_file(const ch_connector_config *config, const char *ending, char out[PATH_MAX],
                            ch_error *error)
{
    if (snprintf(out, PATH_MAX, "%s/%s.%s", config->state_dir, config->name, ending) >= PATH_MAX) {
        return ch_error_set(error, CH_TOO_LARGE, "state_dir", "the path is too long");
    }
    return CH_OK;
}

/* Two processes would take each other's state files; the hub's fencing is for other machines. */
static ch_status lock(ch_runner *runner, ch_error *error)
{
    char file[PATH_MAX];
    const char *folder = runner->config->state_dir;
    ch_status status = state_file(runner->config, "lock", file, error);
    if (status != CH_OK) {
        return status;
    }
    if (mkdir(folder, 0700) != 0 && errno != EEXIST) {
        return ch_error_set(error, CH_IO, folder, "%s", strerror(errno));
    }
    runner->lock_fd = open(file, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (runner->lock_fd < 0) {
        return ch_error_set(error, CH_IO, file, "%s", strerror(errno));
    }
    return flock(runner->lock_fd, LOCK_EX | LOCK_NB) == 0
               ? CH_OK
               : ch_error_set(error, CH_LOCKED, file, "connector %s is running already",
                              runner->config->name);
}

/* The hub's checkpoint decides what the local files are worth. */
static ch_status open_state(ch_runner *runner, ch_error *error)
{
    char rows[PATH_MAX], attempt[PATH_MAX], *text = NULL;
    ch_checkpoint checkpoint;
    bool lost = false;
    ch_status status = runner->port.checkpoint(runner->port.context, &text, error);
    if (status != CH_OK) {
        return status;
    }
    status = ch_checkpoint_decode(&checkpoint, text, error);
    if (status == CH_OK) {
        status = state_file(runner->config, "rows", rows, error);
        if (status == CH_OK) {
            status = ch_rows_open(&runner->rows, rows, checkpoint.rows, (size_t)runner->config->rows_most,
                                  &lost, error);
        }
        ch_checkpoint_done(&checkpoint);
    }
    if (status == CH_OK) {
        status = state_file(runner->config, "attempt", attempt, error);
    }
    if (status == CH_OK) {
        status = ch_attempt_open(&runner->attempt, attempt, error);
    }
    if (status == CH_OK) {
        status =
            ch_delivery_open(&runner->delivery, runner->config, runner->rows, &runner->port, text, error);
    }
    if (lost) {
        ch_diag(CH_DIAG_WARN, CH_RUNNER, "%s is not that of the hub's checkpoint: rows are told again", rows);
    }
    free(text);
    return status;
}

static ch_status connect_hub(ch_runner *runner, ch_error *error)
{
    if (runner->config->hub[0] == '\0') {
        return ch_error_set(error, CH_INVALID, "hub", "no endpoint: set hub, or CASEHUB_HUB");
    }
    ch_status status = ch_hub_link_open(&runner->link, runner->config, runner->stop_fd, runner->clock, error);
    if (status == CH_OK) {
        runner->port = ch_hub_link_port(runner->link);
        status = ch_hub_link_wait(runner->link, error);
    }
    return status;
}

/* Asks again while the hub is away; everything here is worth waiting for. */
static ch_status insist(ch_runner *runner, ch_status (*step)(ch_runner *, ch_error *), ch_error *error)
{
    for (;;) {
        ch_status status = step(runner, error);
        if (!ch_status_is_temporary(status)) {
            return status;
        }
        ch_diag_failure(CH_RUNNER, error, "waiting for the hub");
        if (!runner->port.pause(runner->port.context, 1000)) {
            return ch_error_set(error, CH_UNAVAILABLE, NULL, "stopping before the hub was there");
        }
    }
}

static ch_status learn_pause(ch_runner *runner, ch_error *error)
{
    return ch_runner_was_paused(runner, &runner->paused, error);
}

static ch_status listen_to_operators(ch_runner *runner, ch_error *error)
{
    return ch_hub_link_listen(runner->link, error);
}

static ch_status open_transport(ch_runner *runner, ch_error *error)
{
    const casehub_transport *transport = runner->config->transport_table;
    runner->transport = calloc(1, transport->state_size + 1);
    if (runner->transport == NULL) {
        return ch_error_set(error, CH_NO_MEMORY, transport->name, "no memory");
    }
    if (transport->open(runner->transport, &runner->host, runner->config->transport_values) != 0) {
        transport->close(runner->transport);
        free(runner->transport);
        runner->transport = NULL;
        return ch_error_set(error, CH_IO, transport->name, "%s", runner->reason);
    }
    runner->transport_open = true;
    return CH_OK;
}

static void close_transport(ch_runner *runner)
{
    if (runner->transport != NULL) {
        runner->config->transport_table->close(runner->transport);
        free(runner->transport);
        runner->transport = NULL;
        runner->transport_open = false;
    }
}

static ch_status open_inward(ch_runner *runner, ch_error *error)
{
    ch_status status = insist(runner, open_state, error);
    if (status == CH_OK) {
        ch_hub_link_set_delivery(runner->link, runner->delivery);
        status = ch_pipeline_open(&runner->pipeline, runner->config, runner->rows, runner->attempt,
                                  runner->clock, error);
    }
    return status;
}

static casehub_verdict take_answer(void *context, const casehub_unit *unit, casehub_outcome *outcome)
{
    ch_runner *runner = context;
    return runner->host.take(&runner->host, unit, outcome);
}

static ch_status open_outward(ch_runner *runner, ch_error *error)
{
    char attempt[PATH_MAX];
    ch_status status = state_file(runner->config, "outward.attempt", attempt, error);
    if (status == CH_OK) {
        status = ch_attempt_open(&runner->outward_attempt, attempt, error);
    }
    if (status == CH_OK) {
        const ch_outward_options options = {.config = runner->config,
                                            .hub_code = ch_hub_link_hub_code(runner->link),
                                            .port = ch_hub_link_outward_port(runner->link),
                                            .host = &runner->outward_host,
                                            .intake = {runner, take_answer},
                                            .reason = runner->reason,
                                            .attempt = runner->outward_attempt,
                                            .clock = runner->clock};
        status = ch_outward_open(&runner->outward, &options, error);
    }
    return status == CH_OK ? ch_hub_link_carry(runner->link, runner->outward, error) : status;
}

static ch_status start(ch_runner *runner, ch_error *error)
{
    bool takes = runner->config->format_table != NULL;
    bool outward = runner->config->outward.sender_table != NULL;
    ch_status status = lock(runner, error);
    if (status == CH_OK) {
        status = connect_hub(runner, error);
    }
    ch_runner_lend(runner);
    if (status == CH_OK && takes) {
        status = open_inward(runner, error);
    }
    if (status == CH_OK) {
        status = insist(runner, learn_pause, error);
    }
    if (status == CH_OK) {
        status = insist(runner, listen_to_operators, error);
    }
    if (status == CH_OK && outward) {
        status = open_outward(runner, error);
    }
    return status == CH_OK && runner->config->transport_table != NULL ? open_transport(runner, error)
                                                                      : status;
}

/* NULL: there is no transport, or it does nothing at present. */
static int (*transport_step(const ch_runner *runner))(void *state)
{
    const casehub_transport *transport = runner->config->transport_table;
    if (transport == NULL || !runner->paused) {
        return transport == NULL ? NULL : transport->step;
    }
    bool knows_pause = transport->size >= sizeof *transport;
    return knows_pause ? transport->step_paused : NULL;
}

static ch_status step_transport(ch_runner *runner, int64_t *out_wait_ms, ch_error *error)
{
    const casehub_transport *transport = runner->config->transport_table;
    int (*step)(void *) = transport_step(runner);
    *out_wait_ms = -1;
    if (step == NULL) {
        return CH_OK;
    }
    int result = step(runner->transport);
    if (runner->fatal != CH_OK) {
        *error = runner->fatal_error;
        return runner->fatal;
    }
    if (result == CASEHUB_STEP_FAILED) {
        return ch_error_set(error, CH_IO, transport->name, "%s", runner->reason);
    }
    *out_wait_ms = result;
    return CH_OK;
}

/* Both ways; *out_wait_ms is the shorter wait, -1 being without end. */
static ch_status step_both(ch_runner *runner, int64_t *out_wait_ms, ch_error *error)
{
    int64_t outward_ms = -1;
    ch_status status = step_transport(runner, out_wait_ms, error);
    if (status == CH_OK && runner->outward != NULL) {
        status = ch_outward_step(runner->outward, runner->paused, &outward_ms, error);
    }
    if (runner->fatal != CH_OK) { /* found while an answer was taken */
        *error = runner->fatal_error;
        status = runner->fatal;
    }
    if (outward_ms >= 0 && (*out_wait_ms < 0 || *out_wait_ms > outward_ms)) {
        *out_wait_ms = outward_ms;
    }
    return status;
}

/* Between two units the hub has the last mark; the file it is in may grow when there is no room for a smaller one. */
static void compact_rows(ch_runner *runner)
{
    ch_error error = {.status = CH_OK};
    if (runner->delivery != NULL && !ch_delivery_is_stale(runner->delivery) &&
        ch_rows_compact(runner->rows, &error) != CH_OK) {
        ch_diag_failure(CH_RUNNER, &error, "the rows file could not be made smaller");
    }
}

static void list_fds(const ch_runner *runner, int fds[CH_HUB_LINK_FDS])
{
    fds[0] = transport_step(runner) != NULL ? runner->config->transport_table->fd(runner->transport) : -1;
    fds[1] = runner->outward != NULL ? ch_outward_fd(runner->outward) : -1;
}

static ch_status loop(ch_runner *runner, ch_error *error)
{
    ch_status status = CH_OK;
    int64_t wait_ms = 0;
    int fds[CH_HUB_LINK_FDS];
    while (status == CH_OK && !ch_hub_link_stopping(runner->link)) {
        list_fds(runner, fds);
        status = ch_hub_link_serve(runner->link, fds, wait_ms, error);
        if (status == CH_OK) {
            status = ch_runner_serve_requests(runner, error);
        }
        if (status == CH_OK && runner->delivery != NULL && ch_delivery_is_stale(runner->delivery)) {
            status = CH_END;
        }
        if (status == CH_OK) {
            status = step_both(runner, &wait_ms, error);
        }
        if (status == CH_OK) {
            compact_rows(runner);
            ch_runner_report(runner, &wait_ms);
        }
    }
    return status;
}

/* Released in the order in which each needs the other. */
static void finish(ch_runner *runner)
{
    close_transport(runner);
    if (runner->link != NULL) {
        ch_hub_link_set_delivery(runner->link, NULL);
    }
    ch_outward_close(runner->outward);
    ch_attempt_close(runner->outward_attempt);
    ch_pipeline_close(runner->pipeline);
    ch_delivery_close(runner->delivery);
    ch_attempt_close(runner->attempt);
    ch_rows_close(runner->rows);
    ch_hub_link_close(runner->link);
    if (runner->lock_fd >= 0) {
        close(runner->lock_fd);
    }
}

static void say_last_word(ch_runner *runner, ch_status status, const ch_error *error)
{
    bool clean = status == CH_OK || status == CH_END;
    /* Denied or never connected: nobody would listen. */
    if (runner->link == NULL || !ch_hub_link_connected(runner->link)) {
        return;
    }
    /* A paused connector stays paused, and says so: what the hub heard last may be that it was asked to restart. */
    const char *state = !clean ? "failed" : runner->paused ? "paused" : "stopped";
    ch_runner_announce(runner, state, clean ? "" : error->text);
    ch_hub_link_flush(runner->link, LAST_WORD_MS);
}

ch_status ch_runner_run(const ch_connector_config *config, int stop_fd, const ch_clock *clock,
                        ch_error *error)
{
    ch_runner runner = {.config = config, .clock = clock, .stop_fd = stop_fd, .lock_fd = -1, .fatal = CH_OK};
    runner.since_ms = ch_clock_wall_ms(clock);
    ch_status status = start(&runner, error);
    if (status == CH_OK) {
        ch_runner_announce(&runner, runner.paused ? "paused" : "running", "");
        status = loop(&runner, error);
    }
    bool stopped = status == CH_UNAVAILABLE && runner.link != NULL && ch_hub_link_stopping(runner.link);
    status = stopped ? CH_OK : status;
    close_transport(&runner);
    say_last_word(&runner, status, error);
    finish(&runner);
    return status;
}
