#include "hub/run/hub.h"

#include "hub/base/diag.h"
#include "hub/run/dead_letters.h"
#include "hub/run/epoch.h"
#include "hub/run/erasure_record.h"
#include "hub/run/front.h"
#include "hub/run/http.h"
#include "hub/run/key_copies.h"
#include "hub/run/reader.h"
#include "hub/run/rules_record.h"
#include "hub/run/writer.h"

#include <stdio.h>
#include <stdlib.h>

/* Works that may be on their way at once: what the front can have handed out always fits back. */
#define WORK_PIPE 8192
#define ANSWER_PIPE 32768
#define TASK_PIPE 4096
#define PARCEL_PIPE 1024
#define COMMAND_PIPE 16

static ch_status make_pipes(ch_hub *hub, ch_error *error)
{
    const struct {
        ch_pipe **pipe;
        size_t capacity;
    } pipes[] = {
        {&hub->main_to_front, COMMAND_PIPE},  {&hub->main_to_writer, COMMAND_PIPE},
        {&hub->main_to_reader, COMMAND_PIPE}, {&hub->front_to_writer, WORK_PIPE},
        {&hub->writer_to_front, ANSWER_PIPE}, {&hub->front_to_reader, TASK_PIPE},
        {&hub->reader_to_front, PARCEL_PIPE}, {&hub->reader_to_writer, WORK_PIPE},
        {&hub->writer_to_reader, TASK_PIPE},
    };
    ch_status status = CH_OK;
    for (size_t i = 0; i < sizeof pipes / sizeof *pipes && status == CH_OK; i++) {
        status = ch_pipe_new(pipes[i].pipe, pipes[i].capacity);
    }
    return status == CH_OK ? CH_OK : ch_error_set(error, status, "hub", "pipes cannot be made");
}

static void free_pipe(ch_pipe *pipe)
{
    ch_mail *mail;
    if (pipe == NULL) {
        return;
    }
    while ((mail = ch_pipe_pop(pipe)) != NULL) {
        ch_mail_free(mail);
    }
    ch_pipe_free(pipe);
}

static void free_hub(ch_hub *hub)
{
    ch_pipe *const pipes[] = {hub->main_to_front,   hub->main_to_writer,   hub->main_to_reader,
                              hub->front_to_writer, hub->writer_to_front,  hub->front_to_reader,
                              hub->reader_to_front, hub->reader_to_writer, hub->writer_to_reader};
    for (size_t i = 0; i < sizeof pipes / sizeof *pipes; i++) {
        free_pipe(pipes[i]);
    }
    ch_audit_close(hub->audit);
    ch_store_close(hub->store);
    ch_metrics_free(hub->metrics);
    ch_rules_unref(hub->options.rules);
    free(hub);
}

/* As large as the log may become: when it is full, nobody may look any more. */
static ch_status open_audit(ch_hub *hub, ch_error *error)
{
    char dir[sizeof hub->store->dir + sizeof "/audit"];
    snprintf(dir, sizeof dir, "%s/audit", hub->store->dir);
    return ch_audit_open(&hub->audit, dir, hub->options.store.log_map_bytes, error);
}

static ch_status start_threads(ch_hub *hub, ch_error *error)
{
    ch_status status = open_audit(hub, error);
    if (status == CH_OK) {
        status = ch_key_copies_start(&hub->key_copies, hub->store, error);
    }
    if (status == CH_OK) {
        status = ch_writer_start(&hub->writer, hub, error);
    }
    if (status == CH_OK) {
        status = ch_reader_start(&hub->reader, hub, error);
    }
    if (status == CH_OK) {
        status = ch_front_start(&hub->front, hub, error);
    }
    return status == CH_OK ? ch_http_start(&hub->http, hub, error) : status;
}

static ch_status start(ch_hub *hub, ch_error *error)
{
    ch_status status = ch_metrics_new(&hub->metrics) == CH_OK
                           ? make_pipes(hub, error)
                           : ch_error_set(error, CH_NO_MEMORY, "hub", "no memory");
    if (status == CH_OK) {
        status = ch_store_open(&hub->store, &hub->options.store, error);
    }
    if (status == CH_OK) {
        status = ch_dead_letters_settle(hub->store, error);
    }
    if (status == CH_OK) {
        status = ch_epoch_settle(hub, error);
    }
    if (status == CH_OK) {
        status = ch_erasure_record_settle(hub, error);
    }
    if (status == CH_OK) {
        status = ch_rules_record_settle(hub, error);
    }
    if (status != CH_OK) {
        return status;
    }
    uint64_t last = ch_event_log_last(hub->store->log);
    atomic_store(&hub->log_position, last);
    ch_metric_set(&hub->metrics->epoch, hub->store->epoch);
    ch_metric_set(&hub->metrics->log_sequence, last);
    ch_metric_set(&hub->metrics->state_sequence, ch_state_committed(hub->store->state));
    return start_threads(hub, error);
}

ch_status ch_hub_start(ch_hub **out_hub, const ch_hub_options *options, ch_error *error)
{
    ch_hub *hub = calloc(1, sizeof *hub);
    if (hub == NULL) {
        return ch_error_set(error, CH_NO_MEMORY, "hub", "no memory");
    }
    hub->options = *options;
    hub->options.rules = ch_rules_ref(options->rules);
    hub->started_ms = ch_clock_monotonic_ms(options->clock);
    ch_status status = start(hub, error);
    if (status != CH_OK) {
        ch_hub_stop(hub);
        return status;
    }
    atomic_store(&hub->metrics->ready, 1);
    *out_hub = hub;
    return CH_OK;
}

static void tell(ch_pipe *pipe)
{
    ch_mail *mail = ch_mail_new(CH_MAIL_STOP);
    if (mail == NULL || ch_pipe_push(pipe, mail) != CH_OK) {
        /* The process ends without it, as after a power loss: nothing that was acknowledged is lost. */
        ch_mail_free(mail);
        abort();
    }
    ch_pipe_ring(pipe);
}

/* The front first, so that writer and reader can still answer. Then the reader says its last to the writer, and remembers
 * what the writer has made of it. */
void ch_hub_stop(ch_hub *hub)
{
    if (hub == NULL) {
        return;
    }
    if (hub->metrics != NULL) {
        atomic_store(&hub->metrics->ready, 0);
    }
    ch_http_stop(hub->http);
    if (hub->front != NULL) {
        tell(hub->main_to_front);
        ch_front_join(hub->front);
    }
    if (hub->reader != NULL) {
        tell(hub->main_to_reader);
        ch_reader_quiet(hub->reader);
    }
    if (hub->writer != NULL) {
        tell(hub->main_to_writer);
        ch_writer_join(hub->writer);
    }
    if (hub->reader != NULL) {
        tell(hub->main_to_reader);
        ch_reader_join(hub->reader);
    }
    ch_key_copies_stop(hub->key_copies);
    free_hub(hub);
}

ch_status ch_hub_change_rules(ch_hub *hub, ch_rules *rules)
{
    ch_pipe *const pipes[] = {hub->main_to_front, hub->main_to_writer, hub->main_to_reader};
    ch_rules_mail *mails[3] = {NULL, NULL, NULL};
    ch_status status = CH_OK;
    for (size_t i = 0; i < 3 && status == CH_OK; i++) {
        mails[i] = (ch_rules_mail *)ch_mail_new(CH_MAIL_RULES);
        status = mails[i] == NULL                              ? CH_NO_MEMORY
                 : ch_pipe_count(pipes[i]) >= COMMAND_PIPE / 2 ? CH_BUSY
                                                               : CH_OK;
        if (mails[i] != NULL) {
            mails[i]->rules = ch_rules_ref(rules);
        }
    }
    for (size_t i = 0; i < 3; i++) {
        if (status != CH_OK || ch_pipe_push(pipes[i], mails[i]) != CH_OK) {
            ch_mail_free(mails[i] == NULL ? NULL : &mails[i]->mail);
            continue;
        }
        ch_pipe_ring(pipes[i]);
    }
    return status;
}

const char *ch_hub_endpoint(const ch_hub *hub)
{
    return ch_front_endpoint(hub->front);
}

int ch_hub_http_port(const ch_hub *hub)
{
    return ch_http_port(hub->http);
}

void ch_hub_fail(const ch_hub *hub, const char *component, const ch_error *error)
{
    ch_diag_failure(component, error, "nothing may be acknowledged any more");
    hub->options.on_fatal(hub->options.context, error);
}
