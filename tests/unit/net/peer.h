/* peer.h - a hub with a router, and clients of every kind: well-behaved ones over libzmq, raw bytes over TCP.
 *
 * The tests run on the router's thread. Whatever waits for a client serves the router meanwhile.
 */
#ifndef TESTS_UNIT_NET_PEER_H
#define TESTS_UNIT_NET_PEER_H

#include "tests/unit/check.h"

#include "hub/net/router.h"

#define KNOWN_MOST 8

typedef struct hub {
    ch_router *router;
    ch_router_options options;
    char public_key[CH_KEY_Z85_SIZE], secret_key[CH_KEY_Z85_SIZE];
    char dir[64], ipc_path[96], ipc_endpoint[112];
    char known[KNOWN_MOST][CH_KEY_Z85_SIZE];
    size_t known_count;
    bool knows_everybody;
    ch_error error;
} hub;

/* For cmocka: a hub with good options and a folder, its router not started; and the end of it. */
int hub_setup(void **state);
int hub_teardown(void **state);
void hub_start(hub *h);
void hub_stop(hub *h);
/* Waits until something happened at the router or fd (-1: none) is readable. */
void hub_serve(hub *h, int fd);
/* The next packet. */
ch_packet hub_receive(hub *h);
/* "header" or "header|body". */
void assert_packet(const ch_packet *packet, const char *frames);

typedef struct peer {
    void *zmq, *socket, *monitor;
    char public_key[CH_KEY_Z85_SIZE], secret_key[CH_KEY_Z85_SIZE];
} peer;

/* Makes keys and a DEALER; set its options, then connect. */
peer peer_new(void);
void peer_done(peer *p);
void peer_connect_tcp(peer *p, hub *h);
void peer_connect_ipc(peer *p, hub *h);
/* A known one that is connected and has sent "hello"; *out_packet (done by the caller) is what came. */
peer peer_known(hub *h, ch_packet *out_packet);
/* body NULL: the header alone. */
void peer_send(peer *p, const char *header, const void *body, size_t body_size);
/* Serves the hub until a message is there; its frames in the caller's memory, count returned. */
typedef struct peer_message {
    size_t count, sizes[2];
    uint8_t *frames[2];
} peer_message;
peer_message peer_receive(peer *p, hub *h);
void peer_message_done(peer_message *message);
void assert_message(const peer_message *message, const char *header, const void *body, size_t body_size);
/* Serves the hub until the peer's connection does one of events (ZMQ_EVENT_...); which. */
int peer_wait_for_event(peer *p, hub *h, int events);

/* Raw TCP to the hub, or a raw stream to its ipc path. */
int raw_connect_tcp(const hub *h);
int raw_connect_ipc(const hub *h);
void raw_send(int fd, const void *bytes, size_t size);
/* Serves the hub until at least so many bytes have come. */
void raw_receive(int fd, hub *h, size_t size);
/* Serves the hub until it has ended the connection; closes fd. */
void raw_wait_for_end(int fd, hub *h);

#endif
