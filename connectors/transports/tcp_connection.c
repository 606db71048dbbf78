#include "connectors/transports/tcp_connection.h"

#include <errno.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <unistd.h>

#define CLOSE_MS 5000

void ch_tcp_connection_open(ch_tcp_connection *connection, int fd, const char *peer, int64_t now_ms)
{
    connection->fd = fd;
    connection->heard_ms = now_ms;
    connection->begun_ms = connection->stuck_ms = -1;
    ch_buf_init(&connection->out, 2 * CH_TCP_ANSWERS_MOST);
    snprintf(connection->peer, sizeof connection->peer, "%s", peer);
}

void ch_tcp_connection_close(ch_tcp_connection *connection)
{
    close(connection->fd);
    ch_frames_done(&connection->in);
    ch_buf_done(&connection->out);
    *connection = (ch_tcp_connection){.fd = -1};
}

static bool is_for_later(void)
{
    return errno == EAGAIN || errno == EINTR;
}

static bool drain(ch_tcp_connection *connection)
{
    char bytes[16 * 1024];
    ssize_t got = recv(connection->fd, bytes, sizeof bytes, 0);
    connection->ended = connection->ended || got == 0;
    return got >= 0 || is_for_later();
}

bool ch_tcp_connection_read(ch_tcp_connection *connection, int64_t now_ms)
{
    size_t size;
    if (connection->closing) {
        return drain(connection);
    }
    void *room = ch_frames_room(&connection->in, &size);
    if (room == NULL) {
        return false;
    }
    ssize_t got = recv(connection->fd, room, size, 0);
    if (got < 0) {
        return is_for_later();
    }
    ch_frames_added(&connection->in, (size_t)got);
    connection->ended = got == 0;
    connection->more = true;
    connection->heard_ms = now_ms;
    return true;
}

bool ch_tcp_connection_write(ch_tcp_connection *connection, int64_t now_ms)
{
    ch_buf *out = &connection->out;
    while (connection->out_at < out->size) {
        ssize_t sent =
            send(connection->fd, out->at + connection->out_at, out->size - connection->out_at, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR) {
            continue;
        }
        if (sent < 0) {
            connection->stuck_ms = connection->stuck_ms < 0 ? now_ms : connection->stuck_ms;
            return is_for_later();
        }
        connection->out_at += (size_t)sent;
        connection->stuck_ms = -1;
    }
    ch_buf_clear(out);
    connection->out_at = 0;
    connection->stuck_ms = -1;
    if (connection->closing && !connection->shut) {
        connection->shut = true;
        shutdown(connection->fd, SHUT_WR);
    }
    return true;
}

void ch_tcp_connection_answer(ch_tcp_connection *connection, const char *text)
{
    char line[700];
    ch_str_copy_cut(line, sizeof line, ch_str_of(text));
    for (char *at = line; *at != '\0'; at++) {
        *at = (unsigned char)*at < 0x20 ? ' ' : *at;
    }
    /* Without room for it the connection ends, and the message counts as not answered. */
    if (ch_frame_append(&connection->out, ch_framing_of_answer(connection->in.framing), CH_STR(""),
                        ch_str_of(line)) != CH_OK) {
        connection->closing = true;
    }
}

void ch_tcp_connection_finish(ch_tcp_connection *connection, int64_t now_ms)
{
    connection->closing = true;
    connection->more = false;
    ch_frames_done(&connection->in); /* nothing more is read of it */
    connection->ends_ms = now_ms + CLOSE_MS;
}

static size_t unsent(const ch_tcp_connection *connection)
{
    return connection->out.size - connection->out_at;
}

uint32_t ch_tcp_connection_wants(const ch_tcp_connection *connection, bool reading)
{
    bool in = connection->closing || (reading && connection->pending.at == NULL && !connection->more &&
                                      unsent(connection) < CH_TCP_ANSWERS_MOST);
    return (in && !connection->ended ? EPOLLIN : 0) | (unsent(connection) > 0 ? EPOLLOUT : 0);
}

bool ch_tcp_connection_is_over(const ch_tcp_connection *connection)
{
    return connection->ended && !connection->more && connection->pending.at == NULL &&
           unsent(connection) == 0;
}

int64_t ch_tcp_connection_deadline(const ch_tcp_connection *connection, const ch_tcp_times *times)
{
    if (connection->closing) {
        return connection->ends_ms;
    }
    int64_t at = connection->stuck_ms < 0 ? INT64_MAX : connection->stuck_ms + times->frame_ms;
    if (connection->begun_ms >= 0 && connection->begun_ms + times->frame_ms < at) {
        at = connection->begun_ms + times->frame_ms;
    }
    bool idle = connection->begun_ms < 0 && connection->pending.at == NULL && unsent(connection) == 0;
    return idle && connection->heard_ms + times->idle_ms < at ? connection->heard_ms + times->idle_ms : at;
}
