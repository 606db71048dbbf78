/* http_inbox.h - posted bodies become units, and their outcomes answers in JSON. */
#ifndef CH_CONNECTORS_HTTP_INBOX_H
#define CH_CONNECTORS_HTTP_INBOX_H

#include "connectors/transports/http_gate.h"

typedef struct ch_http_inbox {
    const casehub_host *host;
    ch_http_gate gate;
    const char *path;
    bool put; /* PUT as well as POST */
    bool
        batch; /* a body holds any number of records: what fails becomes a dead letter, and counts are answered */
    const char *const *content_types;
    size_t content_type_count; /* 0: any */
    size_t body_most, bodies_most;
    size_t held; /* bytes of the bodies that are being read */
    bool paused;
    int64_t complain_at_ms; /* monotonic: refusals before are only counted */
    uint64_t refused;
} ch_http_inbox;

/* inbox must outlive it. */
ch_http_answerer ch_http_inbox_answerer(ch_http_inbox *inbox);

#endif
