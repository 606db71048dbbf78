#include "hub/cli/listing.h"

#include <stdlib.h>

#define PAGE_ROWS 1000 /* the most a query answers */

static ch_status print_page(ch_cli *cli, json_t *rows, ch_table *table, const ch_listing *listing)
{
    size_t index;
    json_t *row;
    ch_status status = CH_OK;
    json_array_foreach(rows, index, row)
    {
        if (!cli->arguments->json) {
            ch_row_to_table(table, row, listing->columns, listing->column_count);
        } else if (ch_row_print_json(cli->world->out, row) != CH_OK) {
            return ch_cli_no_memory(cli);
        }
    }
    if (!cli->arguments->json) {
        status = ch_table_print(table, cli->world->out);
    }
    return status == CH_OK ? CH_OK
                           : ch_error_set(&cli->error, status, listing->query, "too much for a table");
}

/* One page; *next is what the page before gave, and becomes what this one gives. */
static ch_status turn_page(ch_cli *cli, const ch_listing *listing, ch_table *table, int64_t left, char **next,
                           int64_t *out_count)
{
    json_t *rows = NULL;
    json_t *arguments = json_copy(listing->arguments);
    if (arguments != NULL && listing->limit > 0) {
        json_object_set_new(arguments, "limit", json_integer(left < PAGE_ROWS ? left : PAGE_ROWS));
    }
    if (arguments != NULL && *next != NULL) {
        json_object_set_new(arguments, "after", json_string(*next));
    }
    free(*next);
    *next = NULL;
    if (arguments == NULL) {
        return ch_cli_no_memory(cli);
    }
    ch_status status = ch_cli_query(cli, listing->query, arguments, &rows, next);
    if (status != CH_OK) {
        return status;
    }
    *out_count = (int64_t)json_array_size(rows);
    status = print_page(cli, rows, table, listing);
    json_decref(rows);
    return status;
}

static ch_status turn_pages(ch_cli *cli, const ch_listing *listing, ch_table *table)
{
    char *next = NULL;
    int64_t left = listing->limit > 0 ? listing->limit : INT64_MAX, total = 0;
    ch_status status = CH_OK;
    do {
        int64_t count = 0;
        status = turn_page(cli, listing, table, left - total, &next, &count);
        total += count;
        if (ferror(cli->world->out)) {
            break;
        }
    } while (status == CH_OK && next != NULL && total < left);
    if (listing->out_total != NULL) {
        *listing->out_total = total;
    }
    if (status == CH_OK && total == 0) {
        ch_cli_note(cli, "%s", listing->nothing);
    }
    if (status == CH_OK && next != NULL) {
        ch_cli_note(cli, "There is more; --limit shows it.");
    }
    free(next);
    return status;
}

ch_status ch_list(ch_cli *cli, const ch_listing *listing)
{
    ch_table *table = NULL;
    ch_status status = listing->arguments == NULL ? ch_cli_no_memory(cli) : ch_cli_connect(cli);
    if (status == CH_OK && ch_table_new(&table, listing->columns, listing->column_count) != CH_OK) {
        status = ch_cli_no_memory(cli);
    }
    if (status == CH_OK) {
        status = turn_pages(cli, listing, table);
    }
    ch_table_free(table);
    json_decref(listing->arguments);
    return status;
}

/* One page, as turn_page. */
static ch_status see_page(ch_cli *cli, const char *query, const json_t *arguments, char **next,
                          ch_row_visitor visit, void *context)
{
    size_t index;
    json_t *row, *rows = NULL;
    json_t *asked = json_copy((json_t *)arguments);
    if (asked == NULL) {
        return ch_cli_no_memory(cli);
    }
    json_object_set_new(asked, "limit", json_integer(PAGE_ROWS));
    if (*next != NULL) {
        json_object_set_new(asked, "after", json_string(*next));
    }
    free(*next);
    *next = NULL;
    ch_status status = ch_cli_query(cli, query, asked, &rows, next);
    json_array_foreach(rows, index, row)
    {
        status = status == CH_OK ? visit(context, row) : status;
    }
    json_decref(rows);
    return status;
}

ch_status ch_list_each(ch_cli *cli, const char *query, json_t *arguments, ch_row_visitor visit, void *context)
{
    char *next = NULL;
    ch_status status = arguments == NULL ? ch_cli_no_memory(cli) : ch_cli_connect(cli);
    bool goes_on = status == CH_OK;
    while (goes_on) {
        status = see_page(cli, query, arguments, &next, visit, context);
        goes_on = status == CH_OK && next != NULL;
    }
    free(next);
    json_decref(arguments);
    return status;
}

ch_status ch_list_rows(ch_cli *cli, json_t *rows, const ch_column *columns, size_t count)
{
    const ch_listing listing = {.query = "rows", .columns = columns, .column_count = count};
    ch_table *table = NULL;
    if (ch_table_new(&table, columns, count) != CH_OK) {
        return ch_cli_no_memory(cli);
    }
    ch_status status = print_page(cli, rows, table, &listing);
    ch_table_free(table);
    return status;
}
