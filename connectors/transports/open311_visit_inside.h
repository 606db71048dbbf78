/* open311_visit_inside.h - what the files of a visit share. */
#ifndef CH_CONNECTORS_OPEN311_VISIT_INSIDE_H
#define CH_CONNECTORS_OPEN311_VISIT_INSIDE_H

#include "connectors/transports/open311_visit.h"

#define CH_OPEN311_KEY_MOST 200 /* bytes of what a client sends as token or Idempotency-Key */

enum {
    CH_HTTP_OK = 200,
    CH_HTTP_BAD_REQUEST = 400,
    CH_HTTP_FORBIDDEN = 403,
    CH_HTTP_NOT_FOUND = 404,
    CH_HTTP_METHOD_NOT_ALLOWED = 405,
    CH_HTTP_CONFLICT = 409,
    CH_HTTP_INTERNAL_ERROR = 500,
    CH_HTTP_UNAVAILABLE = 503
};

typedef struct ch_open311_page ch_open311_page;

struct ch_open311_visit {
    ch_open311_site *site;
    const ch_open311_page *page; /* NULL: of an unknown path */
    char id[200];                /* what the path names behind the page */
    ch_open311_format format;
    ch_form form;
    char *idempotency_key;
    char token[CH_OPEN311_TOKEN_SIZE]; /* of a POST: the ref of its case */
    ch_open311_problems problems;
    ch_open311_answer answer;
    bool begun, trusted; /* trusted: it brought an API key */

    /* open311_look.c */
    ch_open311_filter filter;
    json_t *waiting; /* ids of cases that are still to be looked at, the next one first */
    size_t waited;   /* so many of them are done */
    json_t *row, *events, *names, *found;
    char *next, *next_event; /* where the list of cases, and that of the row's events, goes on */
    bool more, more_events;
    bool tells_updates, closed_before; /* closed_before: the case at hand, before the next event */
    int64_t until_ms;
};

typedef enum ch_open311_asked { CH_OPEN311_ROWS, CH_OPEN311_NO_ROWS, CH_OPEN311_FAILED } ch_open311_asked;
/* Asks the hub; takes over arguments. ROWS: *out_rows is an array with at least one row unless the query is a list,
 * *out_next (NULL is fine) to be given back with the host's release. NO_ROWS: there is no such thing. FAILED: the answer
 * of the visit says so. */
ch_open311_asked ch_open311_ask(ch_open311_visit *visit, const char *name, json_t *arguments,
                                json_t **out_rows, char **out_next);
/* The row of the query `case` for a case of this connector's source; by its id, or by its ref. */
ch_open311_asked ch_open311_ask_case(ch_open311_visit *visit, const char *id, bool by_ref, json_t **out_row);
/* Answers with document (taken over; NULL: no memory). */
void ch_open311_answer_with(ch_open311_visit *visit, json_t *document, const char *root);
/* 503, and why. */
void ch_open311_answer_later(ch_open311_visit *visit, const char *why);
/* The ref under which a client's own token is kept: another client's token of that name is another. */
void ch_open311_token_of(const ch_open311_visit *visit, const char *key, char out[CH_OPEN311_TOKEN_SIZE]);

/* open311_post.c: POST /requests. */
void ch_open311_post(ch_open311_visit *visit);
/* GET /tokens/TOKEN. */
void ch_open311_look_up_token(ch_open311_visit *visit);

/* Also of what else is posted. The token is what the client calls it: Idempotency-Key, the field token, or otherwise. False:
 * it was refused. */
bool ch_open311_choose_token(ch_open311_visit *visit, const char *otherwise);
/* Hands the record over and waits for the outcome. */
casehub_verdict ch_open311_take(ch_open311_visit *visit, const json_t *record, casehub_outcome *out_outcome);
/* Of a record that was rejected, and that no earlier one explains. */
void ch_open311_answer_rejected(ch_open311_visit *visit, const casehub_outcome *outcome);

/* open311_update.c: POST /servicerequestupdates. */
void ch_open311_update(ch_open311_visit *visit);

/* open311_look.c: GET /requests, /requests/ID and /servicerequestupdates. begin, then step until the answer is there. */
void ch_open311_look_begin(ch_open311_visit *visit);
void ch_open311_updates_begin(ch_open311_visit *visit);
void ch_open311_look_step(ch_open311_visit *visit);

#endif
