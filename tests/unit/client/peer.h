/* peer.h - the other side of the protocol for tests of the client: a real ROUTER that speaks exact CHP/1
 * frames as the test tells it to. It lives on the test's thread, and the client is polled whenever the peer
 * waits; only for calls that wait themselves does it move to a thread of its own.
 */
#ifndef TESTS_UNIT_CLIENT_PEER_H
#define TESTS_UNIT_CLIENT_PEER_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>

#include "hub/client/casehub.h"
#include "hub/wire/chp.h"

#define PEER_EVENTS_MAX 256
#define PEER_HEARTBEAT_MS 5000

typedef struct ch_peer {
    void *context, *router;
    char dir[64], endpoint[96];
    casehub *client;
    uint8_t route[64]; /* of the last message */
    size_t route_size;
    uint8_t *header, *body; /* of the last message; body NULL: none */
    size_t header_size, body_size;
    ch_chp_message message;
    size_t event_count; /* of a PUBLISH */
    ch_event events[PEER_EVENTS_MAX];
    int64_t heartbeat_ms, window_events; /* for the next WELCOME */
    uint64_t sequence;                   /* given to accepted events */
    pthread_t thread;
    void (*script)(struct ch_peer *peer); /* NULL: on the test's thread */
    char failure[200];                    /* of the script */
} ch_peer;

/* Binds an ipc endpoint in a folder of its own. */
void peer_start(ch_peer *peer);
void peer_stop(ch_peer *peer);
/* cmocka's, for a test whose state is its peer. */
int peer_tear_down(void **state);
/* Away and back on the same endpoint: every connection is cut. */
void peer_unbind(ch_peer *peer);
void peer_bind(ch_peer *peer);

/* Takes the next message that is no PING, polling the client meanwhile; it must be of this verb. */
const ch_chp_message *peer_expect(ch_peer *peer, ch_chp_verb verb);
/* Takes what is there already, polling the client once; false when there is nothing (PINGs are answered). */
bool peer_take(ch_peer *peer);

void peer_send(ch_peer *peer, const ch_chp_message *message, const ch_buf *body);
void peer_send_frames(ch_peer *peer, const void *header, size_t header_size, const void *body,
                      size_t body_size);
/* HELLO in, WELCOME out. */
void peer_welcome(ch_peer *peer);
void peer_error(ch_peer *peer, uint64_t request, const char *code, const char *where, uint64_t position);
/* Answers the PUBLISH in hand: its first `accepted` events are in the log, the rest is refused with
 * status. */
void peer_published(ch_peer *peer, size_t accepted, ch_status status);
/* Answers a PUBLISH that was taken before. */
void peer_published_to(ch_peer *peer, uint64_t request, size_t count, size_t accepted, ch_status status);
/* One EVENTS with these sequences, all of case_id; attempt 1, or attempt for each. */
void peer_events(ch_peer *peer, uint64_t request, int64_t subscription, int64_t next,
                 const uint64_t *sequences, size_t count, const char *case_id, unsigned attempt);

/* A client of this peer; options may carry callbacks. */
casehub *peer_client(ch_peer *peer, const casehub_options *options);
/* Polls the client until *flag is at least this, or fails the test. */
void peer_poll_until(ch_peer *peer, const int *flag, int at_least);

/* Between the two the script plays the peer, and may use all of the above that takes a peer. */
void peer_run(ch_peer *peer, void (*script)(ch_peer *peer));
void peer_join(ch_peer *peer);

/* A good case.opened with this number as its id. */
size_t event_bytes(uint8_t out[512], unsigned number);
int publish_number(casehub *hub, unsigned number);

#endif
