/* open311_filter.h - which requests GET /requests asks for, and which updates GET /servicerequestupdates.
 *
 * GeoReport v2: without times the last 90 days; a span is 90 days at most; service_request_id goes before all others.
 */
#ifndef CH_CONNECTORS_OPEN311_FILTER_H
#define CH_CONNECTORS_OPEN311_FILTER_H

#include "connectors/transports/open311_document.h"
#include "connectors/transports/open311_form.h"
#include "connectors/transports/open311_services.h"

#define CH_OPEN311_CODES_MOST 64
#define CH_OPEN311_REQUESTS_MOST 1000
#define CH_OPEN311_SPAN_MS ((int64_t)90 * 24 * 3600 * 1000)

typedef struct ch_open311_filter {
    int64_t start_ms, end_ms; /* both included */
    bool open, closed;        /* wanted */
    const ch_open311_service *services[CH_OPEN311_CODES_MOST];
    size_t service_count; /* 0: every one */
    json_t *ids;          /* owned; NULL: not asked by id */
} ch_open311_filter;

/* Texts of *problems name fields. done is fine in each case. */
void ch_open311_filter_read(ch_open311_filter *out_filter, const ch_form *form,
                            const ch_open311_services *services, int64_t now_ms,
                            ch_open311_problems *problems);
/* Of updates: requests and a span, which here both count; requests alone are told from their beginning. */
void ch_open311_filter_read_updates(ch_open311_filter *out_filter, const ch_form *form, int64_t now_ms,
                                    ch_open311_problems *problems);
void ch_open311_filter_done(ch_open311_filter *filter);

/* By what the hub's rows tell. A state from `resolved` on is closed. */
bool ch_open311_is_closed(const char *case_state);
bool ch_open311_filter_fits(const ch_open311_filter *filter, int64_t opened_ms, const char *case_state);
bool ch_open311_filter_wants(const ch_open311_filter *filter, ch_str service_code);
/* What all the services wanted have in common, for asking the hub; CH_STR_NONE: nothing. */
ch_str ch_open311_filter_category(const ch_open311_filter *filter);

#endif
