/* transports.h - the transports that are compiled in. A new one: its file, its table here, its line in transports.c. */
#ifndef CH_CONNECTORS_TRANSPORTS_H
#define CH_CONNECTORS_TRANSPORTS_H

#include "connectors/sdk/casehub_connector.h"

extern const casehub_transport ch_transport_exec;
extern const casehub_transport ch_transport_file_drop;
extern const casehub_transport ch_transport_http_server;
extern const casehub_transport ch_transport_http_poll;
extern const casehub_transport ch_transport_open311;
extern const casehub_transport ch_transport_odbc_poll;
extern const casehub_transport ch_transport_tcp_server;

extern const casehub_transport *const ch_transports[];
extern const size_t ch_transport_count;

#endif
