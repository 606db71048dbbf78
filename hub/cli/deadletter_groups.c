#include "hub/cli/deadletter_groups.h"

#include "hub/cli/listing.h"

#include <stdlib.h>

#define GROUPS_MOST 10000 /* a reason may quote something that differs in each */

const char *const ch_deadletter_groupings[] = {"reason", "code", "connector", "stage", NULL};

typedef struct group {
    json_t *row; /* the grouping's */
} group;

typedef struct grouping {
    ch_cli *cli;
    const char *by;
    json_t *groups; /* what they share -> row */
} grouping;

/* The row of a group that has none yet, in the grouping's keeping; NULL without memory. */
static json_t *begin_group(grouping *of, const char *shared, int64_t recorded_ms)
{
    json_t *row = json_pack("{s:i, s:s, s:I, s:I}", "count", 0, of->by, shared, "oldest",
                            (json_int_t)recorded_ms, "newest", (json_int_t)recorded_ms);
    return row != NULL && json_object_set_new(of->groups, shared, row) == 0 ? row : NULL;
}

static ch_status count_letter(void *context, json_t *letter)
{
    grouping *of = context;
    const char *shared = ch_row_text(letter, of->by);
    int64_t recorded_ms = ch_row_int(letter, "recorded", 0);
    json_t *row = json_object_get(of->groups, shared);
    if (row == NULL && json_object_size(of->groups) == GROUPS_MOST) {
        return ch_error_set(
            &of->cli->error, CH_TOO_LARGE, NULL,
            "there are more than %d groups by %s: count by something else, or of one connector", GROUPS_MOST,
            of->by);
    }
    if (row == NULL) {
        row = begin_group(of, shared, recorded_ms);
    }
    if (row == NULL) {
        return ch_cli_no_memory(of->cli);
    }
    json_object_set_new(row, "count", json_integer(ch_row_int(row, "count", 0) + 1));
    if (recorded_ms < ch_row_int(row, "oldest", 0)) {
        json_object_set_new(row, "oldest", json_integer(recorded_ms));
    }
    if (recorded_ms > ch_row_int(row, "newest", 0)) {
        json_object_set_new(row, "newest", json_integer(recorded_ms));
    }
    return CH_OK;
}

/* Largest first; of the same size the one that began first. */
static int compare_groups(const void *a, const void *b)
{
    const json_t *one = ((const group *)a)->row, *other = ((const group *)b)->row;
    int64_t more = ch_row_int(other, "count", 0) - ch_row_int(one, "count", 0);
    int64_t later = ch_row_int(one, "oldest", 0) - ch_row_int(other, "oldest", 0);
    int64_t order = more != 0 ? more : later;
    return (order > 0) - (order < 0);
}

/* The rows to print, the caller's; NULL without memory. */
static json_t *sort_groups(json_t *groups, int64_t limit)
{
    size_t count = 0;
    const char *shared;
    json_t *row, *rows = json_array();
    group *sorted = calloc(json_object_size(groups) + 1, sizeof *sorted);
    if (sorted == NULL || rows == NULL) {
        free(sorted);
        json_decref(rows);
        return NULL;
    }
    json_object_foreach(groups, shared, row)
    {
        sorted[count++].row = row;
    }
    qsort(sorted, count, sizeof *sorted, compare_groups);
    for (size_t i = 0; i < count && (int64_t)i < limit; i++) {
        json_array_append(rows, sorted[i].row);
    }
    free(sorted);
    return rows;
}

static const char *heading_of(const char *by)
{
    static const char *const headings[] = {"REASON", "CODE", "CONNECTOR", "STAGE"};
    size_t index = 0;
    while (strcmp(ch_deadletter_groupings[index], by) != 0) {
        index++;
    }
    return headings[index];
}

static ch_status print_groups(const grouping *of, int64_t limit)
{
    const ch_column columns[] = {{.field = "count", .heading = "COUNT", .kind = CH_CELL_NUMBER},
                                 {.field = "oldest", .heading = "OLDEST", .kind = CH_CELL_TIME},
                                 {.field = "newest", .heading = "NEWEST", .kind = CH_CELL_TIME},
                                 {.field = of->by, .heading = heading_of(of->by)}};
    json_t *rows = sort_groups(of->groups, limit);
    if (rows == NULL) {
        return ch_cli_no_memory(of->cli);
    }
    if (json_array_size(rows) == 0) {
        ch_cli_note(of->cli, "No dead letter fits.");
    } else if (json_array_size(rows) < json_object_size(of->groups)) {
        ch_cli_note(of->cli, "There is more; --limit shows it.");
    }
    ch_status status = ch_list_rows(of->cli, rows, columns, CH_COUNT_OF(columns));
    json_decref(rows);
    return status;
}

ch_status ch_deadletter_groups(ch_cli *cli, json_t *arguments, const char *by, int64_t limit)
{
    grouping of = {.cli = cli, .by = by, .groups = json_object()};
    if (of.groups == NULL) {
        json_decref(arguments);
        return ch_cli_no_memory(cli);
    }
    ch_status status = ch_list_each(cli, "deadletters", arguments, count_letter, &of);
    if (status == CH_OK) {
        status = print_groups(&of, limit);
    }
    json_decref(of.groups);
    return status;
}
