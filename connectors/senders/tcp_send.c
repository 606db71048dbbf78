/* tcp_send.c - messages over TCP: each a frame, which the receiver answers with a frame once it has it.
 *
 * One connection at a time. It is kept for the next message to the same receiver if nothing but the answer came on it: what
 * was not asked for could else pass for the answer to a message that the receiver never saw.
 */
#include "connectors/senders/senders.h"
#include "connectors/senders/tcp_targets.h"

#include "connectors/transports/tcp_connection.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <unistd.h>

#define ANSWER_MOST ((size_t)64 * 1024)
#define MESSAGE_MOST ((size_t)64 * 1024 * 1024)

enum {
    OPTION_TARGETS,
    OPTION_FRAMING,
    OPTION_END,
    OPTION_ACKNOWLEDGED,
    OPTION_REFUSED,
    OPTION_TIMEOUT,
    OPTION_KEEP
};
static const casehub_option options[] = {
    [OPTION_TARGETS] = {"targets", CASEHUB_OPTION_PATH, NULL, 1, 900,
                        "CSV table target,host,port: where messages go"},
    [OPTION_FRAMING] = {"framing", CASEHUB_OPTION_TEXT, "line", 1, 20, CH_FRAMING_HELP},
    [OPTION_END] = {"end", CASEHUB_OPTION_TEXT, "", 0, 100, "of framing end: the text, as \"</alert>\""},
    [OPTION_ACKNOWLEDGED] = {"acknowledged_by", CASEHUB_OPTION_TEXT, "", 0, 200,
                             "begin of the answer that says that the receiver has it; default: any answer"},
    [OPTION_REFUSED] = {"refused_by", CASEHUB_OPTION_TEXT, "", 0, 200,
                        "begin of the answer that says that it never will; default: none"},
    [OPTION_TIMEOUT] = {"timeout", CASEHUB_OPTION_TIME, "30s", 10, 3600000,
                        "so long connecting, sending and the answer may take together"},
    [OPTION_KEEP] = {"keep", CASEHUB_OPTION_TIME, "30s", 0, 86400000,
                     "so long a connection is kept for the next message; 0: not at all"},
};

typedef struct sender {
    const casehub_host *host;
    const casehub_value *values;
    ch_framing framing;
    ch_tcp_targets targets;
    int epoll;
    ch_tcp_connection connection;
    const ch_tcp_target *target; /* of the connection */
    bool under_way;
    int64_t until_ms;         /* of the message, else of the connection */
    char answer[ANSWER_MOST]; /* while it is settled: the next message may come from within */
} sender;

static int64_t now_ms(const sender *s)
{
    return s->host->monotonic_ms(s->host);
}

/* ---- the connection */

static void hang_up(sender *s)
{
    if (s->connection.fd >= 0) {
        ch_tcp_connection_close(&s->connection); /* and epoll knows it no more */
    }
}

static size_t unsent(const sender *s)
{
    return s->connection.out.size - s->connection.out_at;
}

/* False: errno tells why. */
static bool start_connecting(sender *s, const ch_tcp_target *target)
{
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT};
    int fd = socket(target->address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return false;
    }
    int result = connect(fd, (const struct sockaddr *)&target->address, target->address_size);
    if ((result != 0 && errno != EINPROGRESS) || epoll_ctl(s->epoll, EPOLL_CTL_ADD, fd, &event) != 0) {
        int why = errno;
        close(fd);
        errno = why;
        return false;
    }
    ch_tcp_connection_open(&s->connection, fd, "", now_ms(s));
    ch_frames_init(&s->connection.in, ch_framing_of_answer(s->framing), CH_STR(""), ANSWER_MOST);
    s->connection.interest = event.events;
    s->target = target;
    return true;
}

/* Nothing has come, and the other side is there, as far as can be seen. */
static bool is_quiet(const sender *s)
{
    char byte;
    return recv(s->connection.fd, &byte, 1, MSG_PEEK) < 0 && errno == EAGAIN;
}

static void watch(sender *s)
{
    uint32_t wanted = EPOLLIN | (unsent(s) > 0 ? EPOLLOUT : 0);
    struct epoll_event event = {.events = wanted};
    if (wanted != s->connection.interest &&
        epoll_ctl(s->epoll, EPOLL_CTL_MOD, s->connection.fd, &event) == 0) {
        s->connection.interest = wanted;
    }
}

/* ---- how a message ends */

static void settle(const sender *s, casehub_sent sent, const char *reason)
{
    s->host->settle(s->host, sent, reason, -1, NULL, 0);
}

static void put_off(sender *s, const char *reason)
{
    hang_up(s);
    s->under_way = false;
    settle(s, CASEHUB_LATER, reason);
}

static void put_off_errno(sender *s, int why)
{
    char text[200];
    snprintf(text, sizeof text, "the connection: %s", strerror(why));
    put_off(s, text);
}

static void keep_or_hang_up(sender *s)
{
    bool in_step = unsent(s) == 0 && !ch_frames_begun(&s->connection.in) && !s->connection.ended;
    int64_t keep_ms = s->values[OPTION_KEEP].number;
    s->until_ms = now_ms(s) + keep_ms;
    if (!in_step || keep_ms == 0) {
        hang_up(s);
    }
}

static void settle_answer(sender *s, ch_str text)
{
    const char *refused_by = s->values[OPTION_REFUSED].text;
    bool refused = refused_by[0] != '\0' && ch_str_starts(text, ch_str_of(refused_by));
    if (!refused && !ch_str_starts(text, ch_str_of(s->values[OPTION_ACKNOWLEDGED].text))) {
        put_off(s, "the answer is no acknowledgement");
    } else if (!refused && unsent(s) > 0) {
        put_off(s, "the answer came before the message was sent");
    } else {
        memcpy(s->answer, text.at, text.size);
        keep_or_hang_up(s);
        s->under_way = false;
        if (refused) {
            settle(s, CASEHUB_UNDELIVERABLE, "the receiver refused it");
        } else {
            s->host->settle(s->host, CASEHUB_SENT, NULL, -1, s->answer, text.size);
        }
    }
}

static void converse(sender *s)
{
    ch_str text;
    if (!ch_tcp_connection_write(&s->connection, now_ms(s)) ||
        !ch_tcp_connection_read(&s->connection, now_ms(s))) {
        put_off_errno(s, errno);
        return;
    }
    switch (ch_frames_next(&s->connection.in, &text)) {
    case CH_OK: settle_answer(s, text); break;
    case CH_END:
        if (s->connection.ended) {
            put_off(s, "the connection ended before an answer was whole");
        } else if (now_ms(s) >= s->until_ms) {
            put_off(s, "there was no answer in time");
        }
        break;
    case CH_TOO_LARGE: put_off(s, "the answer is too long"); break;
    default: put_off(s, "the answer has another framing"); break;
    }
}

/* ---- a message */

static void start(sender *s, const ch_tcp_target *target, ch_buf *frame)
{
    if (s->connection.fd >= 0 && (s->target != target || !is_quiet(s))) {
        hang_up(s);
    }
    if (s->connection.fd < 0 && !start_connecting(s, target)) {
        int why = errno;
        ch_buf_done(frame);
        put_off_errno(s, why);
        return;
    }
    ch_buf_done(&s->connection.out);
    s->connection.out = *frame;
    s->connection.out_at = 0;
    s->under_way = true;
    s->until_ms = now_ms(s) + s->values[OPTION_TIMEOUT].number;
    watch(s);
}

static void send_message(void *state, const casehub_message *message)
{
    sender *s = state;
    ch_buf frame;
    const ch_tcp_target *target = ch_tcp_target_find(&s->targets, message->target);
    if (target == NULL) {
        settle(s, CASEHUB_UNDELIVERABLE,
               message->target == NULL ? "it names no target" : "its target is not in the table");
        return;
    }
    ch_buf_init(&frame, MESSAGE_MOST);
    ch_status status = ch_frame_append(&frame, s->framing, ch_str_of(s->values[OPTION_END].text),
                                       (ch_str){message->body, message->body_size});
    if (status == CH_OK) {
        start(s, target, &frame);
        return;
    }
    ch_buf_done(&frame);
    settle(s, status == CH_NO_MEMORY ? CASEHUB_LATER : CASEHUB_UNDELIVERABLE,
           status == CH_INVALID     ? "in this framing it would not be one message"
           : status == CH_TOO_LARGE ? "it is too large"
                                    : "no memory to send it");
}

static int step(void *state)
{
    sender *s = state;
    if (s->connection.fd >= 0 && s->under_way) {
        converse(s);
    } else if (s->connection.fd >= 0 && (now_ms(s) >= s->until_ms || !is_quiet(s))) {
        hang_up(s);
    }
    if (s->connection.fd < 0) {
        return CASEHUB_STEP_WAIT;
    }
    watch(s);
    int64_t left = s->until_ms - now_ms(s);
    return left < 0 ? 0 : left > INT_MAX ? INT_MAX : (int)left;
}

/* ---- open and close */

static int open_sender(void *state, const casehub_host *host, const casehub_value *values)
{
    sender *s = state;
    ch_error error = {.status = CH_OK};
    char text[500];
    s->host = host;
    s->values = values;
    s->connection.fd = -1;
    s->epoll = epoll_create1(EPOLL_CLOEXEC);
    ch_status status = s->epoll < 0 ? ch_error_set(&error, CH_IO, "epoll", "%s", strerror(errno))
                                    : ch_framing_read(&s->framing, values[OPTION_FRAMING].text,
                                                      values[OPTION_END].text, &error);
    if (status == CH_OK) {
        status = ch_tcp_targets_read(&s->targets, values[OPTION_TARGETS].text, &error);
    }
    if (status == CH_OK) {
        return 0;
    }
    snprintf(text, sizeof text, "%s: %s", error.where, error.text);
    host->fail(host, text);
    return -1;
}

static void close_sender(void *state)
{
    sender *s = state;
    hang_up(s);
    ch_tcp_targets_done(&s->targets);
    if (s->epoll >= 0) {
        close(s->epoll);
    }
}

static int sender_fd(void *state)
{
    return ((sender *)state)->epoll;
}

const casehub_sender ch_sender_tcp_send = {
    CASEHUB_SIZED(casehub_sender),
    .name = "tcp_send",
    .help = "messages over TCP, each answered when the receiver has it",
    .options = options,
    .option_count = sizeof options / sizeof *options,
    .writer = "json",
    .state_size = sizeof(sender),
    .open = open_sender,
    .close = close_sender,
    .fd = sender_fd,
    .step = step,
    .send = send_message,
};
