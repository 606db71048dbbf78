#include "hub/cli/case_events.h"

#include "hub/model/case_row.h"
#include "hub/model/json.h"

#include <inttypes.h>
#include <stdlib.h>

#define PAGE_ROWS 1000
#define ROW_BYTES_MAX ((size_t)4 << 20)

static ch_status visit_page(const json_t *events, const ch_as_of *as_of, ch_case_visit *visit, void *context)
{
    size_t index;
    const json_t *event;
    json_array_foreach(events, index, event)
    {
        ch_status status = ch_as_of_is_passed_by(as_of, event) ? CH_END : visit(context, event);
        if (status != CH_OK) {
            return status;
        }
    }
    return CH_OK;
}

ch_status ch_case_events(ch_cli *cli, const char *case_id, const ch_as_of *as_of, ch_case_visit *visit,
                         void *context)
{
    char *next = NULL;
    ch_status status = CH_OK;
    do {
        json_t *events = NULL;
        json_t *arguments = json_pack("{s:s, s:i, s:s*}", "case", case_id, "limit", PAGE_ROWS, "after", next);
        free(next);
        next = NULL;
        status = ch_cli_query(cli, "timeline", arguments, &events, &next);
        if (status == CH_OK) {
            status = visit_page(events, as_of, visit, context);
        }
        json_decref(events);
    } while (status == CH_OK && next != NULL);
    free(next);
    return status == CH_END ? CH_OK : status;
}

/* ---- a case of the past */

typedef struct past {
    ch_cli *cli;
    ch_case *the_case;
    json_t *opened; /* its first event */
    char into[CH_CASE_ID_SIZE];
    ch_buf bytes;
} past;

/* The event as it was on the wire. */
static ch_status read_event(past *of, const json_t *row, ch_event *out_event)
{
    char *text = json_dumps(row, JSON_COMPACT);
    if (text == NULL) {
        return ch_cli_no_memory(of->cli);
    }
    ch_buf_clear(&of->bytes);
    ch_status status = ch_json_to_mp(&of->bytes, ch_str_of(text), &ch_mp_limits_event, &of->cli->error);
    free(text);
    return status == CH_OK
               ? ch_event_decode(ch_buf_str(&of->bytes), CH_EVENT_RECORDED, out_event, &of->cli->error)
               : status;
}

static ch_status fold(void *context, const json_t *row)
{
    past *of = context;
    ch_event event;
    uint64_t number = 0;
    ch_status status = read_event(of, row, &event);
    if (status != CH_OK) {
        return status;
    }
    status = ch_case_id_number(event.subject, &number);
    if (status == CH_OK) {
        status = ch_case_evolve(of->the_case, number, &event);
    }
    if (status != CH_OK) {
        return ch_error_set(&of->cli->error, status, NULL,
                            "event %" PRIu64 " does not follow those before it: %s", event.sequence,
                            ch_status_text(status));
    }
    if (of->opened == NULL) {
        of->opened = json_deep_copy(row);
    }
    if (of->into[0] == '\0' && of->the_case->merged_into != 0) {
        return ch_str_copy(of->into, sizeof of->into, ch_mp_find_str(event.data, "into"));
    }
    return CH_OK;
}

static void put_as_of(ch_mp_row *row, const ch_as_of *as_of)
{
    char time[CH_TIME_TEXT_SIZE];
    if (as_of->is_time) {
        ch_time_format(as_of->time_ms, 0, time);
        ch_mp_row_put_text(row, "as_of", time);
    } else {
        ch_mp_row_put_int(row, "as_of", (int64_t)as_of->sequence);
    }
}

static ch_status make_row(past *of, const ch_as_of *as_of, json_t **out_row)
{
    ch_buf text;
    ch_buf_clear(&of->bytes);
    ch_buf_init(&text, ROW_BYTES_MAX);
    ch_mp_row row = ch_mp_row_begin(&of->bytes);
    put_as_of(&row, as_of);
    ch_case_put(&row, of->the_case);
    ch_case_put_rest(&row, of->the_case);
    ch_mp_row_put_text(&row, "merged_into", of->into);
    ch_mp_row_end(&row);
    if (of->bytes.failed == CH_OK && ch_json_from_mp(&text, ch_buf_str(&of->bytes)) == CH_OK) {
        *out_row = json_loadb((const char *)text.at, text.size, JSON_ALLOW_NUL, NULL);
    }
    ch_buf_done(&text);
    if (*out_row == NULL || of->opened == NULL) {
        return ch_cli_no_memory(of->cli);
    }
    return json_object_set(*out_row, "opened_event", of->opened) == 0 ? CH_OK : ch_cli_no_memory(of->cli);
}

ch_status ch_case_past(ch_cli *cli, const char *case_id, const ch_as_of *as_of, json_t **out_row)
{
    past of = {.cli = cli};
    *out_row = NULL;
    if (ch_case_new(&of.the_case) != CH_OK) {
        return ch_cli_no_memory(cli);
    }
    ch_buf_init(&of.bytes, ROW_BYTES_MAX);
    ch_status status = ch_case_events(cli, case_id, as_of, fold, &of);
    if (status == CH_OK && of.the_case->version == 0) {
        status = ch_error_set(&cli->error, CH_NOT_FOUND, NULL, "there was no case %s yet", case_id);
    }
    if (status == CH_OK) {
        status = make_row(&of, as_of, out_row);
    }
    json_decref(of.opened);
    ch_case_free(of.the_case);
    ch_buf_done(&of.bytes);
    return status;
}
