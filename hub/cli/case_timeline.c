#include "hub/cli/as_of.h"
#include "hub/cli/desk.h"
#include "hub/cli/event_line.h"
#include "hub/cli/listing.h"
#include "hub/cli/nouns.h"
#include "hub/cli/times.h"

#include <inttypes.h>
#include <stdlib.h>

#define PAGE_ROWS 1000
#define GIST_COLUMNS 100

static const ch_column columns[] = {
    {.field = "version", .heading = "VERSION", .kind = CH_CELL_NUMBER},
    {.field = "time", .heading = "TIME"},
    {.field = "after", .heading = "AFTER"},
    {.field = "type", .heading = "WHAT"},
    {.field = "state", .heading = "STATE"},
    {.field = "by", .heading = "BY"},
    {.field = "said", .heading = ""},
};

typedef struct timeline {
    ch_table *table;
    ch_as_of as_of;
    bool is_over; /* what comes now was recorded later */
    bool has_previous;
    int64_t previous_ms;
} timeline;

static void add_times(timeline *line, const json_t *event)
{
    char time[CH_LOCAL_TIME_SIZE] = "", after[CH_DURATION_SIZE + 1] = "";
    int64_t time_ms;
    if (ch_row_time(event, "time", &time_ms)) {
        ch_local_time(time_ms, time);
        if (line->has_previous) {
            after[0] = '+';
            ch_duration(time_ms - line->previous_ms, after + (time_ms >= line->previous_ms));
        }
        line->previous_ms = time_ms;
        line->has_previous = true;
    }
    ch_table_add(line->table, ch_str_of(time));
    ch_table_add(line->table, ch_str_of(after));
}

static void add_event(timeline *line, const json_t *event)
{
    char version[24];
    ch_buf gist;
    const char *actor = ch_row_text(event, "actor");
    snprintf(version, sizeof version, "%" PRId64, ch_row_int(event, "caseversion", 0));
    ch_table_add(line->table, ch_str_of(version));
    add_times(line, event);
    ch_table_add(line->table, ch_str_of(ch_row_text(event, "type")));
    ch_table_add(line->table, ch_str_of(ch_row_text(event, "casestate")));
    ch_table_add(line->table, ch_str_of(actor[0] != '\0' ? actor : ch_row_text(event, "source")));
    ch_buf_init(&gist, 4096);
    ch_event_gist(&gist, event, GIST_COLUMNS);
    ch_table_add(line->table, ch_buf_str(&gist));
    ch_buf_done(&gist);
}

static ch_status print_page(ch_cli *cli, timeline *line, json_t *rows)
{
    size_t index;
    json_t *event;
    ch_status status = CH_OK;
    json_array_foreach(rows, index, event)
    {
        line->is_over = ch_as_of_is_passed_by(&line->as_of, event);
        if (line->is_over) {
            break;
        }
        if (!cli->arguments->json) {
            add_event(line, event);
        } else if (ch_row_print_json(cli->world->out, event) != CH_OK) {
            return ch_cli_no_memory(cli);
        }
    }
    status = cli->arguments->json ? CH_OK : ch_table_print(line->table, cli->world->out);
    return status == CH_OK ? CH_OK : ch_error_set(&cli->error, status, NULL, "too much for a table");
}

static ch_status print_pages(ch_cli *cli, timeline *line, const char *case_id)
{
    char *next = NULL;
    ch_status status = CH_OK;
    do {
        json_t *rows = NULL;
        json_t *arguments = json_pack("{s:s, s:i}", "case", case_id, "limit", PAGE_ROWS);
        if (next != NULL) {
            json_object_set_new(arguments, "after", json_string(next));
        }
        free(next);
        next = NULL;
        status = ch_cli_query(cli, "timeline", arguments, &rows, &next);
        if (status == CH_OK) {
            status = print_page(cli, line, rows);
            json_decref(rows);
        }
    } while (status == CH_OK && next != NULL && !line->is_over && !ferror(cli->world->out));
    free(next);
    return status;
}

ch_status ch_case_timeline(ch_cli *cli)
{
    char case_id[64];
    timeline line = {.table = NULL};
    ch_status status = ch_as_of_read(cli, &line.as_of);
    if (status == CH_OK) {
        status = ch_cli_connect(cli);
    }
    if (status == CH_OK) {
        status = ch_desk_find_case(cli, cli->arguments->operands[0], case_id);
    }
    if (status == CH_OK && ch_table_new(&line.table, columns, CH_COUNT_OF(columns)) != CH_OK) {
        status = ch_cli_no_memory(cli);
    }
    if (status == CH_OK) {
        status = print_pages(cli, &line, case_id);
    }
    ch_table_free(line.table);
    return status;
}
