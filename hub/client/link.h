/* link.h - one DEALER socket to the hub, made anew for every connection, and what libzmq reports about it.
 *
 * libzmq's own reconnecting is off: a new connection is a new session, and the session must know. Never
 * blocks but in ch_link_wait. Not locked.
 */
#ifndef CH_CLIENT_LINK_H
#define CH_CLIENT_LINK_H

#include "hub/client/key_file.h"

#include <zmq.h>

typedef struct ch_link ch_link;

/* keys: for CURVE, copied; NULL for none. CH_NO_MEMORY, CH_IO (errno tells). */
ch_status ch_link_new(ch_link **out_link, const char *endpoint, const ch_key_file *keys) CH_MUST_CHECK;
/* Waits at most linger_ms for what was sent to leave. NULL is fine. */
void ch_link_free(ch_link *link, int linger_ms);

/* A new socket that connects by itself; the old one, if any, is closed with all that it held. CH_INVALID:
 * the endpoint is malformed; CH_IO. errno tells. */
ch_status ch_link_open(ch_link *link, ch_error *error) CH_MUST_CHECK;
void ch_link_close(ch_link *link);

/* Sends a header frame and, unless NULL, a body frame, which is taken when sent. CH_FULL: not now, nothing
 * was sent; CH_UNAVAILABLE: the link is broken or closed. */
ch_status ch_link_send(ch_link *link, ch_str header, zmq_msg_t *body) CH_MUST_CHECK;

typedef struct ch_link_packet {
    zmq_msg_t frames[2];
    size_t count; /* frames that came; what is beyond 2 was dropped */
} ch_link_packet;
/* CH_END: nothing there. CH_UNAVAILABLE. */
ch_status ch_link_receive(ch_link *link, ch_link_packet *out_packet) CH_MUST_CHECK;
ch_str ch_link_frame(ch_link_packet *packet, size_t index);
void ch_link_packet_done(ch_link_packet *packet);

typedef enum ch_link_news {
    CH_LINK_NOTHING,
    CH_LINK_LOST,   /* could not connect, or was cut off */
    CH_LINK_REFUSED /* the other side does not accept our key */
} ch_link_news;
/* What happened to the connection since the last call; *out_why for the last two. */
ch_link_news ch_link_look(ch_link *link, ch_error *out_why);

/* Waits at most wait_ms (-1: for ever) for something to receive, to look at or, after CH_FULL, for room to
 * send. CH_END: a signal came in. */
ch_status ch_link_wait(ch_link *link, int wait_ms) CH_MUST_CHECK;

/* A descriptor that becomes readable when there is something to do; the same for the life of the link. */
int ch_link_fd(ch_link *link);
/* ... and at once, since there is something to send. */
void ch_link_wake(ch_link *link);
/* ... and at this monotonic time; for the end of a turn, when nothing else is left to do now. */
void ch_link_alarm(ch_link *link, int64_t at_ms, int64_t now_ms);

#endif
