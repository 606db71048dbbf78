/* tcp_peers.h - which addresses may connect. */
#ifndef CH_CONNECTORS_TCP_PEERS_H
#define CH_CONNECTORS_TCP_PEERS_H

#include "hub/base/status.h"

#include <netinet/in.h>
#include <sys/socket.h>

#define CH_PEERS_MOST 256

typedef struct ch_peer_range {
    struct in6_addr from; /* IPv4 as ::ffff:a.b.c.d */
    unsigned bits;        /* of it that must be the same, of 128 */
} ch_peer_range;

typedef struct ch_peers {
    ch_peer_range ranges[CH_PEERS_MOST];
    size_t count;
} ch_peers;

/* texts as "192.0.2.7", "192.0.2.0/24", "2001:db8::/32". None: those of this machine only. CH_INVALID, with the text's
 * place. */
ch_status ch_peers_read(ch_peers *out_peers, const char *const *texts, size_t count,
                        ch_error *error) CH_MUST_CHECK;
bool ch_peers_allow(const ch_peers *peers, const struct sockaddr_storage *address);
/* "192.0.2.7", without the port. */
#define CH_PEER_TEXT_SIZE 48
void ch_peer_text(const struct sockaddr_storage *address, char out[CH_PEER_TEXT_SIZE]);

#endif
