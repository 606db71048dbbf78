#include "hub/cli/as_of.h"

#include "hub/cli/log_walk.h"
#include "hub/cli/times.h"

#include <ctype.h>
#include <inttypes.h>

static ch_status parse(ch_cli *cli, const char *text, ch_as_of *out)
{
    int64_t sequence;
    *out = (ch_as_of){.given = true};
    if (isdigit((unsigned char)text[0]) && ch_str_to_int(ch_str_of(text), &sequence) == CH_OK &&
        sequence > 0) {
        out->sequence = (uint64_t)sequence;
        return CH_OK;
    }
    out->is_time = true;
    return ch_times_parse(text, ch_clock_wall_ms(cli->world->clock), &out->time_ms) == CH_OK
               ? CH_OK
               : ch_cli_misuse(cli, "--as-of %s: neither a sequence nor a time; see `casehub help times`",
                               text);
}

static ch_status note_time(void *context, const ch_event *event)
{
    *(int64_t *)context = event->recorded_ms;
    return CH_OK;
}

/* The log must have come so far; when it did. */
static ch_status settle(ch_cli *cli, ch_as_of *as_of)
{
    json_t *row = NULL;
    ch_status status = ch_cli_query_one(cli, "status", NULL, "status", &row);
    uint64_t last = (uint64_t)ch_row_int(row, "sequence", 0);
    json_decref(row);
    if (status == CH_OK && as_of->sequence > last) {
        return ch_error_set(&cli->error, CH_NOT_FOUND, NULL,
                            "--as-of %" PRIu64 ": the log has only come to %" PRIu64, as_of->sequence, last);
    }
    return status == CH_OK
               ? ch_log_walk_part(cli, as_of->sequence, as_of->sequence, NULL, 0, note_time, &as_of->time_ms)
               : status;
}

ch_status ch_as_of_read(ch_cli *cli, ch_as_of *out_as_of)
{
    const char *text = ch_argument_text(cli->arguments, "as-of");
    *out_as_of = (ch_as_of){.given = false};
    if (text == NULL) {
        return CH_OK;
    }
    ch_status status = parse(cli, text, out_as_of);
    if (status == CH_OK && !out_as_of->is_time) {
        status = ch_cli_connect(cli);
        status = status == CH_OK ? settle(cli, out_as_of) : status;
    }
    return status;
}

bool ch_as_of_is_passed(const ch_as_of *as_of, uint64_t sequence, int64_t recorded_ms)
{
    return as_of->given && (as_of->is_time ? recorded_ms > as_of->time_ms : sequence > as_of->sequence);
}

bool ch_as_of_is_passed_by(const ch_as_of *as_of, const json_t *event)
{
    int64_t recorded_ms = INT64_MIN;
    ch_row_time(event, "recordedtime", &recorded_ms);
    return ch_as_of_is_passed(as_of, (uint64_t)ch_row_int(event, "sequence", 0), recorded_ms);
}
