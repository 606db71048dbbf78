/* senders.h - the senders that are compiled in. A new one: its file, its table here, its line in senders.c. */
#ifndef CH_CONNECTORS_SENDERS_H
#define CH_CONNECTORS_SENDERS_H

#include "connectors/sdk/casehub_connector.h"

extern const casehub_sender ch_sender_exec;
extern const casehub_sender ch_sender_file_put;
extern const casehub_sender ch_sender_http_post;
extern const casehub_sender ch_sender_odbc_exec;
extern const casehub_sender ch_sender_tcp_send;

extern const casehub_sender *const ch_senders[];
extern const size_t ch_sender_count;

#endif
