/* tcp_listener.h - a socket that waits for connections. */
#ifndef CH_CONNECTORS_TCP_LISTENER_H
#define CH_CONNECTORS_TCP_LISTENER_H

#include "hub/base/status.h"

/* name: a numeric address. port 0: a free one. CH_INVALID, CH_IO, with `listen` or `port` as the place; *out_fd is -1 then. */
ch_status ch_tcp_listen(int *out_fd, const char *name, int port, ch_error *error) CH_MUST_CHECK;
/* "tcp://127.0.0.1:7000", "tcp://[::1]:7000". CH_IO. */
#define CH_TCP_ADDRESS_SIZE 80
ch_status ch_tcp_address(int fd, char out[CH_TCP_ADDRESS_SIZE], ch_error *error) CH_MUST_CHECK;

#endif
