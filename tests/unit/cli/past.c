#include "tests/unit/cli/past.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#define LINE_BYTES 1024
#define CASES_MOST 10100 /* some behind the gap that a new epoch leaves */

static char lines[PAST_MOST][LINE_BYTES];
static const char *log_lines[PAST_MOST];
static char status_row[64];

static void write_line(char *line, size_t sequence, const past_row *row, unsigned version)
{
    int size = snprintf(
        line, LINE_BYTES,
        "{\"specversion\":\"1.0\",\"id\":\"e%zu\",\"source\":\"hotline/1\",\"type\":\"%s\",\"time\":%lld,"
        "\"subject\":\"ZJ-20261123-%u\",\"sequence\":%zu,\"epoch\":1,\"recordedtime\":%lld,\"topic\":\"%s."
        "hotline._._\","
        "\"caseversion\":%u,\"casestate\":\"%s\",\"cycle\":%u,\"actor\":\"wang\",%s\"data\":%s}",
        sequence, row->type, (long long)PAST_START_MS + (long long)row->minute * 60000, row->number, sequence,
        (long long)PAST_START_MS + (long long)sequence, row->type, version, row->state, row->cycle,
        row->more == NULL ? "" : row->more, row->data == NULL ? "{}" : row->data);
    assert(size > 0 && size < LINE_BYTES);
}

void past_give(fake_hub *hub, const past_row *rows, size_t count)
{
    unsigned versions[CASES_MOST] = {0};
    assert(count <= PAST_MOST);
    for (size_t i = 0; i < count; i++) {
        assert(rows[i].number < CASES_MOST);
        unsigned *version = &versions[rows[i].number];
        *version = rows[i].version != 0 ? rows[i].version : *version + 1;
        write_line(lines[i], i + 1, &rows[i], *version);
        log_lines[i] = lines[i];
    }
    snprintf(status_row, sizeof status_row, "[{\"sequence\":%zu}]", count);
    hub->queries[0] = (fake_query){.name = "status", .rows = status_row};
    hub->query_count = 1;
    hub->events = log_lines;
    hub->event_count = count;
}
