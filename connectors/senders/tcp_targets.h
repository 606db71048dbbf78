/* tcp_targets.h - the receivers that a table names, and where each listens. */
#ifndef CH_CONNECTORS_TCP_TARGETS_H
#define CH_CONNECTORS_TCP_TARGETS_H

#include "hub/base/status.h"

#include <sys/socket.h>

typedef struct ch_tcp_target {
    char *name;
    struct sockaddr_storage address;
    socklen_t address_size;
} ch_tcp_target;

typedef struct ch_tcp_targets {
    ch_tcp_target *at;
    size_t count;
} ch_tcp_targets;

/* A CSV table target,host,port (target_table.h). A host is a numeric address: nobody is asked where it is. */
ch_status ch_tcp_targets_read(ch_tcp_targets *targets, const char *file, ch_error *error) CH_MUST_CHECK;
void ch_tcp_targets_done(ch_tcp_targets *targets);
/* NULL: there is none of that name. name may be NULL. */
const ch_tcp_target *ch_tcp_target_find(const ch_tcp_targets *targets, const char *name);

#endif
