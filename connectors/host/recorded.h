/* recorded.h - the raw records that a connector's events and dead letters carry, read back from the hub's log.
 *
 * A grant sees them that may read all personal data (private = all), while their cases are not erased. One thread.
 */
#ifndef CH_CONNECTORS_RECORDED_H
#define CH_CONNECTORS_RECORDED_H

#include "hub/base/bytes.h"

typedef struct ch_recorded_query {
    const char *hub, *key;
    const char *connector; /* the grant's name */
    int64_t since_ms;      /* by the hub's clock; 0: from the beginning */
    uint64_t limit;        /* records; 0: all */
} ch_recorded_query;

/* place: where the record stood, or "sequence 17" of the event that it is kept in. */
typedef ch_status (*ch_recorded_fn)(void *context, const char *place, int64_t time_ms, ch_str raw,
                                    ch_error *error);

/* Each record once, in the order of the log, up to the log's end as it is then. A record whose events follow each other
 * comes once. CH_IO (the key file), CH_DENIED, CH_TIMEOUT, CH_NOT_FOUND: there is none, or none that may be seen; or what
 * visit answers. */
ch_status ch_recorded_read(const ch_recorded_query *query, ch_recorded_fn visit, void *context,
                           ch_error *error) CH_MUST_CHECK;

#endif
