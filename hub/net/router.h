/* router.h - the hub's two ROUTER sockets and their ZAP handler, all on one thread.
 *
 * tcp: CURVE, the user is the client's public key (Z85). ipc: NULL with a ZAP domain of its own, the user is
 * "local". The ZAP handler is served by ch_router_wait itself, bound before the first bind, so no key gets in
 * unasked. The only user of libzmq in the daemon.
 */
#ifndef CH_NET_ROUTER_H
#define CH_NET_ROUTER_H

#include "hub/base/bytes.h"

#define CH_KEY_Z85_SIZE 41
#define CH_ROUTE_ID_MAX 32   /* bytes of a routing id; the hub lets libzmq choose them (5 bytes) */
#define CH_ROUTER_FDS_MAX 11 /* descriptors of one ch_router_wait */

typedef struct ch_router ch_router;

typedef struct ch_router_options {
    const char *tcp_endpoint; /* "tcp://127.0.0.1:*" takes a free port; NULL: none */
    const char *ipc_endpoint; /* NULL: none; "ipc://PATH", made with mode 0600 */
    const char *secret_key;   /* Z85, the hub's CURVE secret key */
    const char *public_key;
    int max_message_bytes; /* of a frame; a client that sends a larger one is disconnected */
    int send_high_water;   /* messages a client; beyond it ch_router_send says CH_FULL */
    int max_sockets;       /* connections at most */
    int handshake_ms, heartbeat_ms;
    /* Is this key known? Called on the thread that waits. */
    bool (*is_known)(void *context, const char key_z85[CH_KEY_Z85_SIZE]);
    void *context;
} ch_router_options;

/* CH_INVALID, CH_LOCKED (another process listens at the ipc path), CH_UNAVAILABLE (the tcp endpoint cannot be bound), CH_IO, CH_NO_MEMORY. A file that a dead
 * process left at the ipc path is replaced, any other file is not. */
ch_status ch_router_new(ch_router **out_router, const ch_router_options *options,
                        ch_error *error) CH_MUST_CHECK;
void ch_router_free(ch_router *router);
/* The bound tcp endpoint with its real port; NULL without tcp. */
const char *ch_router_endpoint(const ch_router *router);
/* Connects with a key made up on the spot and serves ZAP meanwhile: CH_OK when the handshake was refused,
 * CH_DENIED when it was let in, CH_TIMEOUT. Call before the first message is read. */
ch_status ch_router_prove_refusal(ch_router *router, int timeout_ms, ch_error *error) CH_MUST_CHECK;

/* A frame taken from libzmq, freed by the receiver (any thread). */
typedef struct ch_frame ch_frame;
ch_str ch_frame_str(const ch_frame *frame);
void ch_frame_free(ch_frame *frame);

typedef struct ch_packet {
    bool local;                     /* came over ipc */
    uint8_t route[CH_ROUTE_ID_MAX]; /* with local: names the connection for ch_router_send */
    size_t route_size;
    char user[CH_KEY_Z85_SIZE]; /* Z85 key, or "local" */
    size_t frame_count;         /* 1 or 2 as kept; 0: more than 2 came, or none: all dropped */
    ch_frame *frames[2];        /* the receiver frees them */
} ch_packet;

/* Waits for sockets, ZAP and the given descriptors, at most timeout_ms (-1: for ever); serves ZAP.
 * fds_ready[i] tells which descriptors are readable. */
ch_status ch_router_wait(ch_router *router, const int *fds, bool *fds_ready, size_t fd_count, int timeout_ms,
                         ch_error *error) CH_MUST_CHECK;
/* False: from now on ch_router_wait does not return for messages, since nobody would take them. */
void ch_router_listen(ch_router *router, bool listens);
/* Takes one packet without waiting, from the sockets in turn; CH_END when there is none. A packet without an
 * authenticated user is dropped here. More than two frames are read off and dropped (bounded memory).
 * CH_NO_MEMORY: one packet was dropped; *out_packet says whose, without frames. CH_IO: the socket is gone. */
ch_status ch_router_receive(ch_router *router, ch_packet *out_packet) CH_MUST_CHECK;
void ch_packet_done(ch_packet *packet);
/* Sends header and (unless NULL) body; takes *body_at (malloc) in any case and frees it when sent. CH_FULL:
 * the client's high-water mark; CH_NOT_FOUND: it is gone. */
ch_status ch_router_send(ch_router *router, bool local, const uint8_t *route, size_t route_size,
                         ch_str header, uint8_t *body_at, size_t body_size) CH_MUST_CHECK;
/* A frame counted once and sent to many: the body of a live batch. */
typedef struct ch_shared_body ch_shared_body; /* atomic reference count */
ch_status ch_shared_body_new(ch_shared_body **out_body, uint8_t *at,
                             size_t size) CH_MUST_CHECK; /* takes at */
ch_shared_body *ch_shared_body_ref(ch_shared_body *body);
void ch_shared_body_unref(ch_shared_body *body);
ch_status ch_router_send_shared(ch_router *router, bool local, const uint8_t *route, size_t route_size,
                                ch_str header, ch_shared_body *body) CH_MUST_CHECK; /* takes one reference */

/* A new CURVE pair, Z85. */
ch_status ch_curve_keypair(char out_public[CH_KEY_Z85_SIZE], char out_secret[CH_KEY_Z85_SIZE]) CH_MUST_CHECK;

#endif
