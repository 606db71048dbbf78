/* tcp_server.c - messages over TCP: each frame of a connection is a unit.
 *
 * With `acknowledge` each is answered once its events are durable, or with why they will not be. A sender that gets no
 * answer sends again; so what is half here when a connection ends is only told in the log.
 */
#include "connectors/transports/tcp_connection.h"
#include "connectors/transports/tcp_listener.h"
#include "connectors/transports/transports.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#define SLICE_MS 50
#define RETRY_MS 200
#define TELL_EVERY_MS 60000
#define NO_ROOM_MS 1000 /* until it is tried again to let somebody in */

enum {
    OPTION_LISTEN,
    OPTION_PORT,
    OPTION_PEERS,
    OPTION_FRAMING,
    OPTION_END,
    OPTION_ACKNOWLEDGE,
    OPTION_TAKEN,
    OPTION_REFUSED,
    OPTION_FRAME_MOST,
    OPTION_CONNECTIONS,
    OPTION_BUFFERED,
    OPTION_IDLE,
    OPTION_FRAME_TIME
};
static const casehub_option options[] = {
    [OPTION_LISTEN] = {"listen", CASEHUB_OPTION_TEXT, "127.0.0.1", 1, 100, "numeric address to listen on"},
    [OPTION_PORT] = {"port", CASEHUB_OPTION_INT, "0", 0, 65535, "port to listen on; 0: a free one"},
    [OPTION_PEERS] = {"peers", CASEHUB_OPTION_TEXTS, "", 0, 0,
                      "addresses that may connect, as \"192.0.2.0/24\"; else only this machine's own"},
    [OPTION_FRAMING] = {"framing", CASEHUB_OPTION_TEXT, "line", 1, 20, CH_FRAMING_HELP},
    [OPTION_END] = {"end", CASEHUB_OPTION_TEXT, "", 0, 100, "of framing end: the text, as \"</alert>\""},
    [OPTION_ACKNOWLEDGE] = {"acknowledge", CASEHUB_OPTION_BOOL, "true", 0, 0,
                            "answers each message; a message is one record then"},
    [OPTION_TAKEN] = {"taken", CASEHUB_OPTION_TEXT, "OK", 1, 200, "the answer once a message is durable"},
    [OPTION_REFUSED] = {"refused", CASEHUB_OPTION_TEXT, "ERROR", 1, 200,
                        "begin of the answer to a message that is not taken; the reason follows"},
    [OPTION_FRAME_MOST] = {"frame_most", CASEHUB_OPTION_SIZE, "1MiB", 64, 64 * 1024 * 1024,
                           "bytes of a message; beyond, it is refused and the connection closed"},
    [OPTION_CONNECTIONS] = {"connections_most", CASEHUB_OPTION_INT, "64", 1, 1000,
                            "at a time; more wait until one ends"},
    [OPTION_BUFFERED] = {"buffered_most", CASEHUB_OPTION_SIZE, "32MiB", 64 * 1024, 1024 * 1024 * 1024,
                         "bytes of all connections together; beyond, nothing is read"},
    [OPTION_IDLE] = {"idle", CASEHUB_OPTION_TIME, "1h", 100, 604800000,
                     "so long a connection may be silent between messages"},
    [OPTION_FRAME_TIME] = {"frame_timeout", CASEHUB_OPTION_TIME, "30s", 100, 3600000,
                           "so long a message may take to arrive, and an answer to be read"},
};

typedef struct server {
    const casehub_host *host;
    const casehub_value *values;
    ch_framing framing;
    ch_peers peers;
    ch_tcp_times times;
    int epoll, listener;
    bool listening; /* epoll watches for new connections */
    ch_tcp_connection *connections;
    size_t connections_most, open_count, buffered;
    int64_t started_ms; /* wall: makes identities differ from those of an earlier process */
    uint64_t number;    /* of the last message */
    int64_t retry_at_ms;
    uint64_t strangers, strangers_told;
    int64_t strangers_at_ms;
    bool no_room; /* the process cannot have more descriptors now */
    int64_t no_room_until_ms;
} server;

static int64_t now_ms(const server *s)
{
    return s->host->monotonic_ms(s->host);
}

static int fail(const server *s, const char *where, const char *why)
{
    char text[400];
    snprintf(text, sizeof text, "%s: %s", where, why);
    s->host->fail(s->host, text);
    return -1;
}

static void say(const server *s, casehub_level level, const char *peer, const char *what)
{
    char text[500];
    snprintf(text, sizeof text, "%s: %s", peer, what);
    s->host->log(s->host, level, text);
}

/* ---- open and close */

static int read_options(server *s)
{
    ch_error error;
    const casehub_value *peers = &s->values[OPTION_PEERS];
    ch_status status =
        ch_framing_read(&s->framing, s->values[OPTION_FRAMING].text, s->values[OPTION_END].text, &error);
    if (status == CH_OK) {
        status = ch_peers_read(&s->peers, peers->texts, peers->text_count, &error);
    }
    if (status != CH_OK) {
        return fail(s, error.where, error.text);
    }
    s->times = (ch_tcp_times){s->values[OPTION_IDLE].number, s->values[OPTION_FRAME_TIME].number};
    s->connections_most = (size_t)s->values[OPTION_CONNECTIONS].number;
    s->connections = calloc(s->connections_most, sizeof *s->connections);
    if (s->connections == NULL) {
        return fail(s, "connections_most", "no memory");
    }
    for (size_t i = 0; i < s->connections_most; i++) {
        s->connections[i].fd = -1;
    }
    return 0;
}

static int start_listening(server *s)
{
    char address[CH_TCP_ADDRESS_SIZE];
    ch_error error;
    struct epoll_event event = {.events = EPOLLIN, .data = {.ptr = NULL}};
    ch_status status = ch_tcp_listen(&s->listener, s->values[OPTION_LISTEN].text,
                                     (int)s->values[OPTION_PORT].number, &error);
    if (status == CH_OK) {
        status = ch_tcp_address(s->listener, address, &error);
    }
    if (status != CH_OK) {
        return fail(s, error.where, error.text);
    }
    s->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (s->epoll < 0 || epoll_ctl(s->epoll, EPOLL_CTL_ADD, s->listener, &event) != 0) {
        return fail(s, "epoll", strerror(errno));
    }
    s->listening = true;
    s->host->set_address(s->host, address);
    return 0;
}

static int open_server(void *state, const casehub_host *host, const casehub_value *values)
{
    server *s = state;
    *s = (server){.host = host, .values = values, .epoll = -1, .listener = -1};
    s->started_ms = host->wall_ms(host);
    return read_options(s) == 0 ? start_listening(s) : -1;
}

static void close_server(void *state)
{
    server *s = state;
    for (size_t i = 0; s->connections != NULL && i < s->connections_most; i++) {
        if (s->connections[i].fd >= 0) {
            ch_tcp_connection_close(&s->connections[i]);
        }
    }
    free(s->connections);
    if (s->listener >= 0) {
        close(s->listener);
    }
    if (s->epoll >= 0) {
        close(s->epoll);
    }
}

static int server_fd(void *state)
{
    return ((server *)state)->epoll;
}

/* ---- connections come and go */

static void drop(server *s, ch_tcp_connection *connection)
{
    if (!connection->closing && (connection->pending.at != NULL || ch_frames_begun(&connection->in))) {
        say(s, CASEHUB_WARN, connection->peer,
            "the connection ended before a message was whole and taken; its sender must send it again");
    }
    ch_tcp_connection_close(connection);
    s->open_count--;
}

/* Not a line for each of them: whoever is not let in could fill the log. */
static void count_stranger(server *s, const char *peer)
{
    char text[100];
    s->strangers++;
    if (s->strangers_told > 0 && now_ms(s) - s->strangers_at_ms < TELL_EVERY_MS) {
        return;
    }
    snprintf(text, sizeof text, "not among `peers`; %llu connections were refused so far",
             (unsigned long long)s->strangers);
    say(s, CASEHUB_WARN, peer, text);
    s->strangers_told = s->strangers;
    s->strangers_at_ms = now_ms(s);
}

static ch_tcp_connection *free_place(server *s)
{
    for (size_t i = 0; i < s->connections_most; i++) {
        if (s->connections[i].fd < 0) {
            return &s->connections[i];
        }
    }
    return NULL;
}

static void let_in(server *s, ch_tcp_connection *place, int fd, const char *peer)
{
    struct epoll_event event = {.events = EPOLLIN, .data = {.ptr = place}};
    ch_tcp_connection_open(place, fd, peer, now_ms(s));
    ch_frames_init(&place->in, s->framing, ch_str_of(s->values[OPTION_END].text),
                   (size_t)s->values[OPTION_FRAME_MOST].number);
    place->interest = EPOLLIN;
    s->open_count++;
    if (epoll_ctl(s->epoll, EPOLL_CTL_ADD, fd, &event) != 0) {
        drop(s, place);
    }
}

/* What waits to be let in would keep the descriptor readable, and this loop running. */
static void note_no_room(server *s, int why)
{
    s->no_room_until_ms = now_ms(s) + NO_ROOM_MS;
    if (!s->no_room) {
        say(s, CASEHUB_WARN, "nobody can be let in for now", strerror(why));
    }
    s->no_room = true;
}

static void accept_all(server *s)
{
    char peer[CH_PEER_TEXT_SIZE];
    ch_tcp_connection *place;
    while ((place = free_place(s)) != NULL) {
        struct sockaddr_storage address;
        socklen_t size = sizeof address;
        int fd = accept4(s->listener, (struct sockaddr *)&address, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0) {
            bool gone = errno == EAGAIN || errno == EINTR || errno == ECONNABORTED;
            if (!gone) {
                note_no_room(s, errno);
            }
            return;
        }
        s->no_room = false;
        ch_peer_text(&address, peer);
        if (ch_peers_allow(&s->peers, &address)) {
            let_in(s, place, fd, peer);
        } else {
            count_stranger(s, peer);
            close(fd);
        }
    }
}

/* ---- messages */

static long read_text(void *context, void *out, size_t most)
{
    ch_str *left = context;
    size_t size = left->size < most ? left->size : most;
    memcpy(out, left->at, size);
    *left = (ch_str){left->at + size, left->size - size};
    return (long)size;
}

/* code, place and reason hold no case text. */
static void refuse(server *s, ch_tcp_connection *connection, const char *code, const char *place,
                   const char *reason)
{
    char text[1000];
    snprintf(text, sizeof text, "%s %s: %s%s%s", s->values[OPTION_REFUSED].text, code, place,
             place[0] == '\0' ? "" : ": ", reason);
    say(s, CASEHUB_WARN, connection->peer, text);
    if (s->values[OPTION_ACKNOWLEDGE].flag) {
        ch_tcp_connection_answer(connection, text);
    }
}

static void settle(server *s, ch_tcp_connection *connection, casehub_verdict verdict,
                   const casehub_outcome *outcome)
{
    bool answers = s->values[OPTION_ACKNOWLEDGE].flag;
    switch (verdict) {
    case CASEHUB_RETRY: s->retry_at_ms = now_ms(s) + RETRY_MS; return;
    case CASEHUB_DONE:
        if (answers) {
            ch_tcp_connection_answer(connection, s->values[OPTION_TAKEN].text);
        }
        break;
    case CASEHUB_REJECT: refuse(s, connection, outcome->code, outcome->place, outcome->reason); break;
    }
    connection->pending = CH_STR_NONE;
}

/* A hub that is away is not waited for in here: the others' answers would wait as well. */
static void take(server *s, ch_tcp_connection *connection)
{
    bool answered = s->values[OPTION_ACKNOWLEDGE].flag;
    char name[CH_PEER_TEXT_SIZE + 24], identity[60];
    ch_str left = connection->pending;
    casehub_outcome outcome = {CASEHUB_SIZED(casehub_outcome)};
    if (answered && !s->host->connected(s->host)) {
        s->retry_at_ms = now_ms(s) + RETRY_MS;
        return;
    }
    snprintf(name, sizeof name, "%s/%llu", connection->peer, (unsigned long long)connection->number);
    snprintf(identity, sizeof identity, "%lld/%llu", (long long)s->started_ms,
             (unsigned long long)connection->number);
    const casehub_unit unit = {
        CASEHUB_SIZED(casehub_unit), .name = name,      .identity = identity, .time_ms = connection->time_ms,
        .answered = answered,        .read = read_text, .context = &left,     .raw = left.at,
        .raw_size = left.size};
    settle(s, connection, s->host->take(s->host, &unit, &outcome), &outcome);
}

static void end_frames(server *s, ch_tcp_connection *connection, ch_status status)
{
    char reason[100] = "the framing is broken";
    if (status == CH_TOO_LARGE) {
        snprintf(reason, sizeof reason, "a message has at most %lld bytes",
                 (long long)s->values[OPTION_FRAME_MOST].number);
    }
    refuse(s, connection, ch_status_name(status), "", reason);
    ch_tcp_connection_finish(connection, now_ms(s));
}

/* The next message of the connection, if there is a whole one. */
static void serve(server *s, ch_tcp_connection *connection)
{
    if (connection->pending.at == NULL) {
        ch_status status = ch_frames_next(&connection->in, &connection->pending);
        if (status == CH_END) {
            bool begun = ch_frames_begun(&connection->in);
            connection->more = false;
            connection->begun_ms = !begun ? -1 : connection->begun_ms < 0 ? now_ms(s) : connection->begun_ms;
            return;
        }
        if (status != CH_OK) {
            connection->pending = CH_STR_NONE;
            end_frames(s, connection, status);
            return;
        }
        connection->begun_ms = -1;
        connection->number = ++s->number;
        connection->time_ms = s->host->wall_ms(s->host);
    }
    take(s, connection);
}

/* ---- a step */

static bool may_serve(const server *s, const ch_tcp_connection *connection)
{
    bool has = connection->fd >= 0 && (connection->pending.at != NULL || connection->more);
    return has && !connection->closing && now_ms(s) >= s->retry_at_ms &&
           connection->out.size - connection->out_at < CH_TCP_ANSWERS_MOST;
}

/* One message of each in turn. True: there are more. */
static bool serve_all(server *s)
{
    int64_t until = now_ms(s) + SLICE_MS;
    bool served = true;
    while (served && now_ms(s) <= until) {
        served = false;
        for (size_t i = 0; i < s->connections_most && !s->host->stopping(s->host); i++) {
            ch_tcp_connection *connection = &s->connections[i];
            if (may_serve(s, connection)) {
                serve(s, connection);
                served = true;
            }
        }
    }
    return served;
}

static void take_events(server *s)
{
    struct epoll_event events[64];
    int count = epoll_wait(s->epoll, events, sizeof events / sizeof *events, 0);
    for (int i = 0; i < count; i++) {
        ch_tcp_connection *connection = events[i].data.ptr;
        if (connection == NULL) {
            accept_all(s);
        } else if ((events[i].events & (EPOLLHUP | EPOLLERR)) != 0) {
            drop(s, connection); /* both directions are closed: no answer can reach it */
        } else if ((events[i].events & EPOLLIN) != 0 && !ch_tcp_connection_read(connection, now_ms(s))) {
            drop(s, connection);
        }
    }
}

static void tell_time_out(server *s, ch_tcp_connection *connection)
{
    if (connection->begun_ms >= 0 && !connection->closing) {
        refuse(s, connection, "timeout", "", "the message did not arrive in time");
        ch_tcp_connection_finish(connection, now_ms(s));
    } else {
        drop(s, connection);
    }
}

static void watch(server *s, ch_tcp_connection *connection)
{
    bool reading = s->buffered < (size_t)s->values[OPTION_BUFFERED].number;
    uint32_t wanted = ch_tcp_connection_wants(connection, reading);
    struct epoll_event event = {.events = wanted, .data = {.ptr = connection}};
    if (wanted != connection->interest && epoll_ctl(s->epoll, EPOLL_CTL_MOD, connection->fd, &event) == 0) {
        connection->interest = wanted;
    }
}

static void watch_listener(server *s)
{
    bool wanted = s->open_count < s->connections_most && now_ms(s) >= s->no_room_until_ms;
    struct epoll_event event = {.events = wanted ? EPOLLIN : 0, .data = {.ptr = NULL}};
    if (wanted != s->listening && epoll_ctl(s->epoll, EPOLL_CTL_MOD, s->listener, &event) == 0) {
        s->listening = wanted;
    }
}

/* Writes, ends and watches all of them. When the next time-out is. */
static int64_t tend(server *s)
{
    int64_t next = INT64_MAX;
    s->buffered = 0;
    for (size_t i = 0; i < s->connections_most; i++) {
        ch_tcp_connection *connection = &s->connections[i];
        if (connection->fd >= 0 && ch_tcp_connection_deadline(connection, &s->times) <= now_ms(s)) {
            tell_time_out(s, connection);
        }
        if (connection->fd >= 0 &&
            (!ch_tcp_connection_write(connection, now_ms(s)) || ch_tcp_connection_is_over(connection))) {
            drop(s, connection);
        }
        s->buffered += connection->fd < 0 ? 0 : connection->in.bytes.size - connection->in.begin;
    }
    for (size_t i = 0; i < s->connections_most; i++) {
        ch_tcp_connection *connection = &s->connections[i];
        if (connection->fd >= 0) {
            int64_t at = ch_tcp_connection_deadline(connection, &s->times);
            watch(s, connection);
            next = may_serve(s, connection) ? 0 : at < next ? at : next; /* its answers have just gone */
        }
    }
    watch_listener(s);
    return next;
}

static int step_server(void *state)
{
    server *s = state;
    take_events(s);
    bool more = serve_all(s);
    int64_t next = tend(s);
    int64_t now = now_ms(s);
    if (more) {
        return 0;
    }
    next = s->retry_at_ms > now && s->retry_at_ms < next ? s->retry_at_ms : next;
    next = s->no_room_until_ms > now && s->no_room_until_ms < next ? s->no_room_until_ms : next;
    return next == INT64_MAX      ? CASEHUB_STEP_WAIT
           : next <= now          ? 0
           : next - now > INT_MAX ? INT_MAX
                                  : (int)(next - now);
}

const casehub_transport ch_transport_tcp_server = {
    CASEHUB_SIZED(casehub_transport),
    .name = "tcp_server",
    .help = "messages over TCP, each answered when it is durable",
    .options = options,
    .option_count = sizeof options / sizeof *options,
    .state_size = sizeof(server),
    .open = open_server,
    .close = close_server,
    .fd = server_fd,
    .step = step_server,
};
