/* http.h - health and metrics on 127.0.0.1, on a thread of its own (libmicrohttpd's).
 *
 *   /livez    200 while the process runs          /readyz  200, or 503 with the reason
 *   /metrics  the text exposition format 0.0.4
 *
 * GET and HEAD only; every answer closes its connection. At most 64 connections, 8 KiB each, 10 s of silence.
 */
#ifndef CH_RUN_HTTP_H
#define CH_RUN_HTTP_H

#include "hub/run/hub.h"

typedef struct ch_http ch_http;

/* hub->options.http_port: 0 takes a free port, -1 none (*out_http is NULL then). hub->metrics, store and options must
 * be there and stay until ch_http_stop. CH_UNAVAILABLE (the port is taken), CH_INVALID (no port), CH_NO_MEMORY. */
ch_status ch_http_start(ch_http **out_http, ch_hub *hub, ch_error *error) CH_MUST_CHECK;
/* Connections are cut. NULL is fine. */
void ch_http_stop(ch_http *http);
int ch_http_port(const ch_http *http); /* -1: none */

#endif
