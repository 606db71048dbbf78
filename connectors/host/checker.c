#include "connectors/host/checker.h"

#include "connectors/host/pipeline.h"
#include "hub/base/diag.h"
#include "hub/model/event.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define LINE_MOST ((size_t)2 * 1024 * 1024)

typedef struct checker {
    FILE *out;
    ch_check_totals totals;
    ch_buf encoded, text;
} checker;

/* A sample is looked at by people: the raw bytes would only be in the way. */
static ch_status print_event(checker *c, ch_str encoded, ch_error *error)
{
    ch_event event;
    ch_status status = ch_event_decode(encoded, CH_EVENT_PRODUCED, &event, error);
    if (status != CH_OK) {
        return status;
    }
    event.raw = CH_STR_NONE;
    ch_buf_clear(&c->encoded);
    ch_buf_clear(&c->text);
    ch_event_encode(&c->encoded, &event);
    status = ch_event_to_json(&c->text, ch_buf_str(&c->encoded));
    if (status != CH_OK) {
        return ch_error_set(error, status, NULL, "the event cannot be shown");
    }
    fprintf(c->out, "%.*s\n", CH_STR_ARG(ch_buf_str(&c->text)));
    return CH_OK;
}

static void append_pair(ch_buf *out, const char *name, const char *value)
{
    ch_buf_append_format(out, "%s\"%s\":\"", out->size == 0 ? "{" : ",", name);
    ch_diag_escape(out, ch_str_of(value));
    ch_buf_append_text(out, "\"");
}

static void print_failure(checker *c, const ch_made *made)
{
    ch_buf_clear(&c->text);
    append_pair(&c->text, "error", made->code);
    append_pair(&c->text, "reason", made->reason);
    append_pair(&c->text, "where", made->place);
    fprintf(c->out, "%.*s}\n", CH_STR_ARG(ch_buf_str(&c->text)));
}

static ch_status take(void *context, const ch_made *made, ch_error *error)
{
    checker *c = context;
    ch_status status = CH_OK;
    c->totals.records++;
    if (made->dead_letter) {
        c->totals.failures++;
        print_failure(c, made);
        return CH_OK;
    }
    c->totals.events += made->count;
    for (size_t i = 0; i < made->count && status == CH_OK; i++) {
        status = print_event(c, made->events[i], error);
    }
    return status;
}

static long read_sample(void *context, void *out, size_t most)
{
    return (long)read(*(int *)context, out, most);
}

static ch_status run_sample(const ch_connector_config *config, ch_rows *rows, const casehub_unit *unit,
                            const ch_clock *clock, checker *c, ch_error *error)
{
    ch_pipeline *pipeline = NULL;
    const ch_pipeline_run_options options = {.skip_rows = 0};
    ch_status status = ch_pipeline_open(&pipeline, config, rows, NULL, clock, error);
    if (status == CH_OK) {
        status = ch_pipeline_run(pipeline, unit, &options, take, c, error);
    }
    ch_pipeline_close(pipeline);
    return status;
}

ch_status ch_checker_run(const ch_connector_config *config, const char *sample, int64_t time_ms,
                         const ch_clock *clock, FILE *out, ch_check_totals *out_totals, ch_error *error)
{
    checker c = {.out = out};
    ch_rows *rows = NULL;
    struct stat of;
    bool lost;
    const char *slash = strrchr(sample, '/');
    int fd = open(sample, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &of) != 0) {
        ch_status failed =
            ch_error_set(error, errno == ENOENT ? CH_NOT_FOUND : CH_IO, sample, "%s", strerror(errno));
        if (fd >= 0) {
            close(fd);
        }
        return failed;
    }
    const casehub_unit unit = {
        CASEHUB_SIZED(casehub_unit), .name = slash == NULL ? sample : slash + 1,
        .identity = "sample",        .time_ms = time_ms != 0 ? time_ms : (int64_t)of.st_mtim.tv_sec * 1000,
        .read = read_sample,         .context = &fd};
    ch_buf_init(&c.encoded, LINE_MOST);
    ch_buf_init(&c.text, LINE_MOST);
    ch_status status = ch_rows_open(&rows, NULL, "", (size_t)config->rows_most, &lost, error);
    if (status == CH_OK) {
        status = run_sample(config, rows, &unit, clock, &c, error);
    }
    ch_rows_close(rows);
    ch_buf_done(&c.encoded);
    ch_buf_done(&c.text);
    close(fd);
    *out_totals = c.totals;
    return status;
}
