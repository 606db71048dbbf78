/* listing.h - asks a query page by page and prints its rows. */
#ifndef CH_CLI_LISTING_H
#define CH_CLI_LISTING_H

#include "hub/cli/cli.h"
#include "hub/cli/rows.h"

#define CH_LIST_DEFAULT 100
#define CH_LIST_MOST 1000000
#define CH_LIST_LIMIT CH_TAKES_NUMBER("limit", "N", 1, CH_LIST_MOST, NULL, "rows at most (100)")

typedef struct ch_listing {
    const char *query;
    json_t *arguments; /* taken */
    const ch_column *columns;
    size_t column_count;
    const char *nothing; /* "no case fits" */
    int64_t limit;       /* rows at most; 0: all there are, in pages of the hub's size */
    int64_t *out_total;  /* rows that were printed; NULL: nobody asks */
} ch_listing;

/* Connects, asks, prints as it goes: memory holds one page. */
ch_status ch_list(ch_cli *cli, const ch_listing *listing) CH_MUST_CHECK;

/* Connects, asks for all there are (takes arguments), and shows each row, which is borrowed, until one is answered with
 * a status, which is returned with cli->error set: memory holds one page. */
typedef ch_status (*ch_row_visitor)(void *context, json_t *row);
ch_status ch_list_each(ch_cli *cli, const char *query, json_t *arguments, ch_row_visitor visit,
                       void *context) CH_MUST_CHECK;

/* Prints rows that are there already. */
ch_status ch_list_rows(ch_cli *cli, json_t *rows, const ch_column *columns, size_t count) CH_MUST_CHECK;

#endif
