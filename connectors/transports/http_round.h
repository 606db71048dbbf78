/* http_round.h - which page of a polled API is asked for next, and what of that outlives a crash.
 *
 * A round is one look at the system: its first page, and those that this one leads to. The position moves with the hub's
 * checkpoint, page by page, so a round that was cut off goes on at its next page. Pure, but for libcurl's URLs.
 */
#ifndef CH_CONNECTORS_HTTP_ROUND_H
#define CH_CONNECTORS_HTTP_ROUND_H

#include "connectors/transports/http_page.h"

#define CH_HTTP_URL_MOST 1200
#define CH_HTTP_CURSOR_MOST 300
#define CH_HTTP_MARK_MOST 200 /* of an ETag or a date; a longer one is not sent back */
#define CH_HTTP_POSITION_MOST 3000
#define CH_HTTP_PAGES_MOST 10000
#define CH_HTTP_NAME_SIZE 151

/* The configuration's. Placeholders: {cursor}, {page} in url; {next} in next_url. */
typedef struct ch_http_plan {
    const char *url, *next_url, *first_cursor;
    ch_http_pointers pointers;
    size_t pages_most;
    int64_t first_page;
} ch_http_plan;

/* What came with an answer. */
typedef struct ch_http_marks {
    char etag[CH_HTTP_MARK_MOST + 1], modified[CH_HTTP_MARK_MOST + 1]; /* "": none */
} ch_http_marks;

typedef struct ch_http_position {
    char cursor[CH_HTTP_CURSOR_MOST + 1];
    char next[CH_HTTP_URL_MOST + 1]; /* the page to go on with; "": a new round begins */
    uint64_t page;                   /* its number in the round, from 1 */
    ch_http_marks marks;             /* of the page that a new round begins with */
} ch_http_position;

typedef struct ch_http_round {
    const ch_http_plan *plan;
    ch_http_position at;                  /* as far as the hub's checkpoint knows */
    ch_http_position after;               /* once the page in hand is done */
    ch_http_marks marks;                  /* gathered in this round, for the next */
    char marks_url[CH_HTTP_URL_MOST + 1]; /* of which page */
    char url[CH_HTTP_URL_MOST + 1];       /* asked for now */
    uint64_t page;                        /* its number, from 1 */
    uint64_t *seen;                       /* URLs and answers of this round */
    size_t seen_count, seen_capacity;
    uint64_t digest;  /* of the answer in hand */
    bool conditional; /* the marks of `at` belong to url */
} ch_http_round;

/* Is the plan one? CH_INVALID; error->where names the setting. */
ch_status ch_http_plan_check(const ch_http_plan *plan, ch_error *error) CH_MUST_CHECK;

/* position: what ch_http_round_position made, or ""; one of another plan is ignored (*out_known false). plan must outlive
 * the round. */
void ch_http_round_init(ch_http_round *round, const ch_http_plan *plan, const char *position,
                        bool *out_known);
void ch_http_round_done(ch_http_round *round);

/* Sets url, page and conditional: the first page, or where the position says. CH_INVALID, CH_TOO_LARGE. */
ch_status ch_http_round_begin(ch_http_round *round, ch_error *error) CH_MUST_CHECK;
/* The answer to url is there: sets `after`. digest: of its body. page NULL: it is not JSON that leads on.
 * *out_more: the round goes on at after.next. CH_INVALID: it leads elsewhere, or in a circle. CH_TOO_LARGE, CH_NO_MEMORY. */
ch_status ch_http_round_turn(ch_http_round *round, const ch_http_page *page, const ch_http_marks *marks,
                             uint64_t digest, bool *out_more, ch_error *error) CH_MUST_CHECK;
/* After a turn that went well: the page is done, `at` becomes `after`. */
void ch_http_round_advance(ch_http_round *round);
/* Gives up the pages that are left: the next begin is that of a new round. */
void ch_http_round_abandon(ch_http_round *round);

/* *after as text, for the checkpoint. CH_TOO_LARGE, CH_NO_MEMORY. free() it. */
ch_status ch_http_round_position(const ch_http_round *round, char **out_text, ch_error *error) CH_MUST_CHECK;
/* For people: the path of url, and which page. No query: it may hold a key. */
void ch_http_round_name(const ch_http_round *round, char out[CH_HTTP_NAME_SIZE]);

#endif
