/* open311_server.h - HTTP around visits: libmicrohttpd on the caller's thread, polled through one descriptor.
 *
 * Bounded: connections, bytes of a head and of a form, and the time that a client may take for a request and for
 * reading its answer.
 */
#ifndef CH_CONNECTORS_OPEN311_SERVER_H
#define CH_CONNECTORS_OPEN311_SERVER_H

#include "connectors/transports/open311_visit.h"

typedef struct ch_open311_server ch_open311_server;

typedef struct ch_open311_server_options {
    const char *listen; /* numeric, IPv4 or IPv6 */
    int port;           /* 0: a free one */
    int connections_most;
    int64_t request_timeout_ms;
} ch_open311_server_options;

/* site must outlive it. CH_INVALID (listen), CH_IO (the port), CH_NO_MEMORY. */
ch_status ch_open311_server_start(ch_open311_server **out_server, ch_open311_site *site,
                                  const ch_open311_server_options *options, ch_error *error) CH_MUST_CHECK;
void ch_open311_server_stop(ch_open311_server *server);
int ch_open311_server_port(const ch_open311_server *server);
/* Readable when step has something to do. */
int ch_open311_server_fd(const ch_open311_server *server);
/* Serves what is there, for some 50 ms at most, plus one question to the hub. Milliseconds until it wants to be called
 * again; -1: not before the descriptor is readable. */
int ch_open311_server_step(ch_open311_server *server);

#endif
