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
} ch_listing;

/* Connects, asks, prints as it goes: memory holds one page. */
ch_status ch_list(ch_cli *cli, const ch_listing *listing) CH_MUST_CHECK;

/* Prints rows that are there already. */
ch_status ch_list_rows(ch_cli *cli, json_t *rows, const ch_column *columns, size_t count) CH_MUST_CHECK;

#endif
