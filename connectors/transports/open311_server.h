/* open311_server.h - visits as an HTTP listener's answers. */
#ifndef CH_CONNECTORS_OPEN311_SERVER_H
#define CH_CONNECTORS_OPEN311_SERVER_H

#include "connectors/transports/http_listener.h"
#include "connectors/transports/open311_visit.h"

typedef struct ch_open311_server ch_open311_server;

/* site must outlive it; body_most is that of a form. What ch_http_listener_start answers. */
ch_status ch_open311_server_start(ch_open311_server **out_server, ch_open311_site *site,
                                  const ch_http_listener_options *options, ch_error *error) CH_MUST_CHECK;
void ch_open311_server_stop(ch_open311_server *server);
/* For its port, address and descriptor. */
const ch_http_listener *ch_open311_server_listener(const ch_open311_server *server);
/* As ch_http_listener_step. */
int ch_open311_server_step(ch_open311_server *server);

#endif
