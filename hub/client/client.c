#include "hub/client/client_inside.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define WINDOW_DEFAULT 256
#define FREE_LINGER_MS 200

int ch_client_fail_with(casehub *hub, const ch_error *error)
{
    hub->error = *error;
    return -1;
}

int ch_client_fail(casehub *hub, ch_status status, const char *where, const char *format, ...)
{
    char text[sizeof hub->error.text];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    (void)ch_error_set(&hub->error, status, where, "%s", text);
    return -1;
}

int ch_client_may_wait(casehub *hub, const char *call)
{
    if (!hub->in_callback) {
        return 0;
    }
    return ch_client_fail(hub, CH_INVALID, call, "must not be called from a callback");
}

int64_t ch_client_now(const casehub *hub)
{
    return ch_clock_monotonic_ms(hub->clock);
}

int64_t ch_client_until(const casehub *hub, int timeout_ms)
{
    return timeout_ms < 0 ? INT64_MAX : ch_client_now(hub) + timeout_ms;
}

ch_status ch_client_send(casehub *hub, const ch_chp_message *message, zmq_msg_t *body)
{
    ch_buf_clear(&hub->header);
    ch_chp_encode(&hub->header, message);
    if (hub->header.failed != CH_OK) {
        return hub->header.failed;
    }
    ch_status status = ch_link_send(hub->link, ch_buf_str(&hub->header), body);
    if (status == CH_OK) {
        hub->session.sent_ms = ch_client_now(hub);
    }
    return status;
}

ch_status ch_client_code(ch_str code)
{
    char name[CH_CODE_MAX + 1];
    ch_status status = CH_OK;
    ch_str_copy_cut(name, sizeof name, code);
    return ch_status_from_name(name, &status) != CH_OK || status == CH_OK ? CH_REFUSED : status;
}

ch_status ch_client_from(const char *text, ch_chp_from *out_from, ch_error *error)
{
    ch_chp_from from = {.kind = CH_FROM_NEW};
    ch_str given = ch_str_of(text);
    if (text == NULL || ch_str_is(given, "new")) {
        *out_from = from;
        return CH_OK;
    }
    if (ch_str_is(given, "all")) {
        from.kind = CH_FROM_ALL;
    } else if (ch_str_to_int(given, &from.value) == CH_OK && from.value >= 0) {
        from.kind = CH_FROM_SEQUENCE;
    } else if (ch_time_parse(given, &from.value) == CH_OK) {
        from.kind = CH_FROM_TIME;
    } else {
        return ch_error_set(error, CH_INVALID, "from", "neither new, all, a sequence nor an RFC 3339 time");
    }
    *out_from = from;
    return CH_OK;
}

static bool options_are_good(const casehub_options *options)
{
    return options != NULL && options->size >= sizeof(casehub_options) && options->endpoint != NULL &&
           options->name != NULL && options->name[0] != '\0' && strlen(options->name) <= CH_ID_MAX &&
           ch_str_is_utf8(ch_str_of(options->name)) && options->window <= CH_WINDOW_MAX;
}

/* A local socket is guarded by its file mode and speaks no CURVE; tcp never goes without. */
static ch_status make_link(casehub *hub, const casehub_options *options)
{
    ch_str endpoint = ch_str_of(options->endpoint);
    ch_key_file keys;
    if (ch_str_starts(endpoint, CH_STR("ipc://"))) {
        return ch_link_new(&hub->link, options->endpoint, NULL);
    }
    if (!ch_str_starts(endpoint, CH_STR("tcp://")) || options->key_file == NULL) {
        errno = EINVAL;
        return CH_INVALID;
    }
    if (!ch_key_file_read(options->key_file, &keys)) {
        return CH_IO;
    }
    ch_status status = CH_INVALID;
    if (keys.secret_key[0] == '\0' || keys.server_key[0] == '\0') {
        errno = ENOKEY;
    } else if (zmq_has("curve") == 0) {
        errno = ENOTSUP;
    } else {
        status = ch_link_new(&hub->link, options->endpoint, &keys);
    }
    ch_key_file_wipe(&keys);
    return status;
}

static bool set_up(casehub *hub, const casehub_options *options)
{
    hub->clock = ch_clock_real();
    memcpy(hub->name, options->name, strlen(options->name));
    hub->context = options->context;
    hub->on_answer = options->on_answer;
    hub->on_state = options->on_state;
    hub->session = (ch_session){.backoff = CH_RECONNECT_BACKOFF};
    (void)ch_error_set(&hub->session.lost, CH_UNAVAILABLE, options->endpoint, "no answer yet");
    hub->resend = CH_RESEND_BACKOFF;
    ch_buf_init(&hub->header, CH_CHP_HEADER_MAX);
    ch_buf_init(&hub->scratch, CH_EVENT_BYTES_MAX);
    if (ch_window_init(&hub->window, options->window == 0 ? WINDOW_DEFAULT : options->window) != CH_OK) {
        errno = ENOMEM;
        return false;
    }
    ch_error error;
    /* Begun here, so that a malformed endpoint is told at once. */
    return make_link(hub, options) == CH_OK && ch_session_begin(hub, ch_client_now(hub), &error) == CH_OK;
}

casehub *casehub_new(const casehub_options *options)
{
    if (!options_are_good(options)) {
        errno = EINVAL;
        return NULL;
    }
    casehub *hub = calloc(1, sizeof *hub);
    if (hub == NULL) {
        return NULL;
    }
    if (!set_up(hub, options)) {
        int why = errno;
        casehub_free(&hub);
        errno = why;
    }
    return hub;
}

/* Acknowledgements that are decided but not sent would only bring their events again: they get their
 * chance. */
static int last_words(casehub *hub)
{
    if (hub->session.state != CH_SESSION_OPEN) {
        return 0;
    }
    (void)!ch_subscribe_work(hub, ch_client_now(hub));
    return FREE_LINGER_MS;
}

void casehub_free(casehub **hub_at)
{
    if (hub_at == NULL || *hub_at == NULL) {
        return;
    }
    casehub *hub = *hub_at;
    if (ch_client_may_wait(hub, "casehub_free") != 0) {
        return;
    }
    ch_link_free(hub->link, last_words(hub));
    ch_subscribe_done(hub);
    ch_window_done(&hub->window);
    ch_buf_done(&hub->header);
    ch_buf_done(&hub->scratch);
    free(hub);
    *hub_at = NULL;
}

static int64_t earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t next_deadline(const casehub *hub)
{
    int64_t deadline = ch_session_deadline(hub);
    if (hub->session.state == CH_SESSION_OPEN) {
        deadline = earlier(deadline, ch_publish_deadline(hub));
        deadline = earlier(deadline, ch_subscribe_deadline(hub));
        deadline = earlier(deadline, ch_question_deadline(hub));
    }
    return deadline;
}

/* What is to be sent, in this order: subscriptions and acknowledgements, events, the question of a waiting
 * call. */
static ch_status send_all(casehub *hub, int64_t now_ms)
{
    if (hub->session.state != CH_SESSION_OPEN) {
        return CH_OK;
    }
    ch_status status = ch_subscribe_work(hub, now_ms);
    if (status == CH_OK) {
        status = ch_publish_work(hub, now_ms);
    }
    if (status == CH_OK) {
        status = ch_question_work(hub, now_ms);
    }
    if (status == CH_UNAVAILABLE) {
        ch_error why;
        (void)ch_error_set(&why, CH_UNAVAILABLE, "", "the connection broke while sending");
        ch_session_lose(hub, now_ms, &why);
        return CH_OK;
    }
    return status == CH_FULL ? CH_OK : status;
}

static int report(casehub *hub, ch_status status)
{
    if (status != CH_OK) {
        return ch_client_fail(hub, status, "", "%s", ch_status_text(status));
    }
    return hub->session.state == CH_SESSION_DENIED ? ch_client_fail_with(hub, &hub->session.lost) : 0;
}

static int wait_until(const casehub *hub, int64_t until_ms, int64_t now_ms)
{
    int64_t deadline = earlier(next_deadline(hub), until_ms);
    if (deadline == INT64_MAX) {
        return -1;
    }
    return deadline <= now_ms ? 0 : (int)earlier(deadline - now_ms, INT_MAX);
}

int ch_client_turn(casehub *hub, int64_t until_ms)
{
    bool progress = false;
    int64_t now_ms = ch_client_now(hub);
    int result;
    for (;;) {
        ch_session_work(hub, now_ms, &progress);
        result = report(hub, send_all(hub, now_ms));
        if (result != 0 || progress || now_ms >= until_ms ||
            ch_link_wait(hub->link, wait_until(hub, until_ms, now_ms)) != CH_OK) {
            break;
        }
        now_ms = ch_client_now(hub);
    }
    ch_link_alarm(hub->link, next_deadline(hub), now_ms);
    return result;
}

int casehub_poll(casehub *hub, int timeout_ms)
{
    if (ch_client_may_wait(hub, "casehub_poll") != 0) {
        return -1;
    }
    int result = ch_client_turn(hub, ch_client_until(hub, timeout_ms));
    if (result == 0 && hub->trouble.status != CH_OK) {
        result = ch_client_fail_with(hub, &hub->trouble);
        hub->trouble.status = CH_OK;
    }
    return result;
}

int casehub_fd(const casehub *hub)
{
    return ch_link_fd(hub->link);
}

int casehub_wait(casehub *hub, int timeout_ms)
{
    if (ch_client_may_wait(hub, "casehub_wait") != 0) {
        return -1;
    }
    int64_t until_ms = ch_client_until(hub, timeout_ms);
    while (hub->session.state != CH_SESSION_OPEN) {
        if (ch_client_turn(hub, until_ms) != 0) {
            return -1;
        }
        if (hub->session.state != CH_SESSION_OPEN && ch_client_now(hub) >= until_ms) {
            return ch_client_fail(hub, CH_TIMEOUT, hub->session.lost.where, "no welcome within %d ms: %s",
                                  timeout_ms, hub->session.lost.text);
        }
    }
    return 0;
}

int casehub_flush(casehub *hub, int timeout_ms)
{
    if (ch_client_may_wait(hub, "casehub_flush") != 0) {
        return -1;
    }
    int64_t until_ms = ch_client_until(hub, timeout_ms);
    while (!ch_window_is_empty(&hub->window)) {
        if (ch_client_turn(hub, until_ms) != 0) {
            return -1;
        }
        if (!ch_window_is_empty(&hub->window) && ch_client_now(hub) >= until_ms) {
            return ch_client_fail(hub, CH_TIMEOUT, "", "%zu events unanswered after %d ms",
                                  (size_t)(hub->window.tail - hub->window.head), timeout_ms);
        }
    }
    return 0;
}

const char *casehub_error_code(const casehub *hub)
{
    return ch_status_name(hub->error.status);
}

const char *casehub_error_text(const casehub *hub)
{
    return hub->error.text;
}

const char *casehub_error_where(const casehub *hub)
{
    return hub->error.where;
}

const char *casehub_actor(const casehub *hub)
{
    return hub->session.actor;
}

const char *casehub_role(const casehub *hub)
{
    return hub->session.role;
}

const char *casehub_hub_code(const casehub *hub)
{
    return hub->session.hub_code;
}
