/* open311_request.h - a case as the hub tells it (QUERIES.md) becomes a GeoReport v2 service request. Pure. */
#ifndef CH_CONNECTORS_OPEN311_REQUEST_H
#define CH_CONNECTORS_OPEN311_REQUEST_H

#include "connectors/transports/open311_services.h"

typedef struct ch_open311_case {
    const json_t *row;    /* of the query `case` */
    const json_t *events; /* rows of `timeline`, oldest first; the last ones are enough */
    const json_t *names;  /* object: party code -> name */
    const char *notice;   /* service_notice; "" for none */
    bool
        trusted; /* asked with an API key: description, location, address and replies that are not for everybody too */
} ch_open311_case;

/* The party that has the case now; NULL: none. */
const char *ch_open311_responsible(const json_t *row);
/* Code under which the citizen asked for it. */
ch_str ch_open311_service_code(const ch_open311_services *services, const json_t *row);
/* One item of "service_requests"; NULL: no memory. */
json_t *ch_open311_request_document(const ch_open311_services *services, const ch_open311_case *of);

/* Whether an event of the case says something to whoever asked for it. */
bool ch_open311_is_for_citizen(const json_t *event, bool trusted);
/* Its words; NULL: it has none. */
const char *ch_open311_said(const json_t *event);
/* One item of "service_request_updates". Its time is that at which it was recorded, which never goes back from one to the
 * next. NULL: no memory. */
json_t *ch_open311_update_document(const json_t *event, const char *case_id);
void ch_open311_update_id(char *out, size_t size, const char *case_id, uint64_t version);

#endif
