/* tcp_connection.h - one connection: its bytes in and out, and how long it may take. No unit, no hub.
 *
 * Times are the host's monotonic milliseconds. One thread.
 */
#ifndef CH_CONNECTORS_TCP_CONNECTION_H
#define CH_CONNECTORS_TCP_CONNECTION_H

#include "connectors/transports/tcp_frames.h"
#include "connectors/transports/tcp_peers.h"

#define CH_TCP_ANSWERS_MOST ((size_t)64 * 1024) /* that nobody reads: nothing more is read then */

typedef struct ch_tcp_times {
    int64_t idle_ms, frame_ms;
} ch_tcp_times;

typedef struct ch_tcp_connection {
    int fd; /* -1: free */
    char peer[CH_PEER_TEXT_SIZE];
    ch_frames in;
    ch_buf out;
    size_t out_at;
    int64_t heard_ms;
    int64_t begun_ms; /* since when a part of a message is here; -1: none is */
    int64_t stuck_ms; /* since when answers are not read; -1: all are */
    int64_t ends_ms;  /* when a connection that is being closed is closed at the latest */
    bool more;        /* there may be a whole message in `in` */
    bool ended;       /* the other side sends nothing more */
    bool closing; /* we send nothing more, and read to the end: else the answer could be lost on its way */
    bool shut;
    uint32_t interest; /* what epoll watches */
    /* A message that could not be taken yet. */
    ch_str pending;
    uint64_t number;
    int64_t time_ms;
} ch_tcp_connection;

void ch_tcp_connection_open(ch_tcp_connection *connection, int fd, const char *peer, int64_t now_ms);
void ch_tcp_connection_close(ch_tcp_connection *connection);
/* Reads what is there, some 16 KiB at most. False: the connection is broken. */
bool ch_tcp_connection_read(ch_tcp_connection *connection, int64_t now_ms);
/* Writes as much as goes. False: the connection is broken. */
bool ch_tcp_connection_write(ch_tcp_connection *connection, int64_t now_ms);
/* An answer, on one line, in the framing of what it answers. */
void ch_tcp_connection_answer(ch_tcp_connection *connection, const char *text);
/* Once all answers are out it is closed. */
void ch_tcp_connection_finish(ch_tcp_connection *connection, int64_t now_ms);
/* The events that it waits for. reading: there is room for more. */
uint32_t ch_tcp_connection_wants(const ch_tcp_connection *connection, bool reading);
/* True: nothing more will come of it. */
bool ch_tcp_connection_is_over(const ch_tcp_connection *connection);
/* When the next time-out is; INT64_MAX: none. */
int64_t ch_tcp_connection_deadline(const ch_tcp_connection *connection, const ch_tcp_times *times);

#endif
