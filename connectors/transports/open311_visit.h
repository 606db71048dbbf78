/* open311_visit.h - one request of a citizen's client, from its head to the answer; knows the hub, not HTTP's bytes.
 *
 * Nothing is kept between visits but the services and how far the hub's log was seen: what is told about a case is
 * what the hub says at that moment. One thread.
 */
#ifndef CH_CONNECTORS_OPEN311_VISIT_H
#define CH_CONNECTORS_OPEN311_VISIT_H

#include "connectors/sdk/casehub_connector.h"
#include "connectors/transports/open311_filter.h"
#include "hub/base/random.h"

#define CH_OPEN311_TOKEN_SIZE 33 /* 128 bits in hexadecimal, with its zero */

/* What every visit of one connector shares. */
typedef struct ch_open311_site {
    const casehub_host *host;
    const ch_random *random;
    ch_open311_services services;
    const char *const *api_keys;
    size_t api_key_count;
    const char *jurisdiction, *contact, *key_service, *notice; /* "" for none */
    char url[300];                                             /* without a slash at its end */
    int64_t started_ms;
    bool paused;   /* everybody is told to come again later */
    uint64_t seen; /* sequence of the newest event that a client was told of: no answer is older */
} ch_open311_site;

typedef enum ch_open311_method { CH_OPEN311_GET, CH_OPEN311_POST, CH_OPEN311_OTHER } ch_open311_method;

typedef struct ch_open311_answer {
    unsigned code; /* HTTP status; 0: not known yet */
    json_t *document;
    const char *root, *allow; /* allow: methods, of a 405 */
    char key
        [CH_OPEN311_TOKEN_SIZE]; /* of a 503: the Idempotency-Key to repeat it under, if the client chose none */
} ch_open311_answer;

typedef struct ch_open311_visit ch_open311_visit;

/* path: without query, decoded; accept: the header's value or NULL. NULL: no memory. An answer may be known already. */
ch_open311_visit *ch_open311_visit_new(ch_open311_site *site, ch_open311_method method, const char *path,
                                       const char *accept);
void ch_open311_visit_free(ch_open311_visit *visit);
/* Fields of the query string and of the posted form go here. */
ch_form *ch_open311_visit_form(ch_open311_visit *visit);
/* The header Idempotency-Key: a POST that is repeated under it opens nothing twice. */
void ch_open311_visit_set_idempotency_key(ch_open311_visit *visit, const char *key);
/* An answer from outside, such as 413; the first stays. */
void ch_open311_visit_refuse(ch_open311_visit *visit, unsigned code, const char *why);
/* Does one piece of the work: at most one question to the hub, or one event. True: the answer is there. */
bool ch_open311_visit_step(ch_open311_visit *visit);
const ch_open311_answer *ch_open311_visit_answer(const ch_open311_visit *visit);
ch_open311_format ch_open311_visit_format(const ch_open311_visit *visit);

#endif
