/* client_inside.h - what the files of libcasehub share: one struct, one thread, no locks.
 *
 * The files are named with what they do below; README.md has the reading order.
 */
#ifndef CH_CLIENT_INSIDE_H
#define CH_CLIENT_INSIDE_H

#include "hub/base/clock.h"
#include "hub/client/casehub.h"
#include "hub/client/link.h"
#include "hub/client/window.h"
#include "hub/wire/chp.h"

#define CH_SUBSCRIPTIONS_MAX 256        /* of one client */
#define CH_EVENT_BYTES_MAX (256 * 1024) /* ch_mp_limits_event.size_bytes */

/* Waits that double. No jitter: a run can be repeated. */
typedef struct ch_backoff {
    int64_t least_ms, most_ms, next_ms;
} ch_backoff;
static inline int64_t ch_backoff_next(ch_backoff *backoff)
{
    int64_t wait_ms = backoff->next_ms;
    backoff->next_ms = wait_ms * 2 < backoff->most_ms ? wait_ms * 2 : backoff->most_ms;
    return wait_ms;
}
static inline void ch_backoff_reset(ch_backoff *backoff)
{
    backoff->next_ms = backoff->least_ms;
}

/* Between a refusal for now and the next try. */
#define CH_RESEND_BACKOFF ((ch_backoff){.least_ms = 50, .most_ms = 1000, .next_ms = 50})
/* Between two connections. */
#define CH_RECONNECT_BACKOFF ((ch_backoff){.least_ms = 100, .most_ms = 2000, .next_ms = 100})

typedef enum ch_session_state {
    CH_SESSION_DOWN,     /* until retry_at_ms */
    CH_SESSION_GREETING, /* HELLO is under way */
    CH_SESSION_OPEN,
    CH_SESSION_DENIED /* for good */
} ch_session_state;

typedef struct ch_session {
    ch_session_state state;
    ch_backoff backoff;
    int64_t retry_at_ms;
    int64_t heard_ms, sent_ms, pinged_ms; /* last frame in, last frame out, last PING out */
    uint64_t hello_request;
    ch_error lost;             /* why it is not open */
    bool told, told_connected; /* what on_state heard last */
    char actor[CH_CODE_MAX + 1], role[CH_CODE_MAX + 1], hub_code[CH_CODE_MAX + 1];
    int64_t batch_events, body_bytes, window_events, heartbeat_ms; /* the hub's */
} ch_session;

typedef struct ch_subscription ch_subscription;

/* A call that waits for its answer. Lives on the caller's stack; sent (again) whenever a session is open. */
typedef struct ch_question ch_question;
struct ch_question {
    ch_chp_message message; /* its request number is set when it is sent */
    const ch_buf *body;     /* of PUBLISH; NULL: none */
    int64_t not_before_ms;
    bool sent, done;
    unsigned times_sent;
    /* Looks at the answer to the last sending (ERROR, too); sets done and perhaps error, or has it sent
     * again by clearing sent. CH_INVALID: malformed; the session ends, and the question is asked again in
     * the next one. */
    ch_status (*take)(casehub *hub, ch_question *question, const ch_chp_message *answer, ch_str body,
                      ch_error *error);
    void *context;  /* of take */
    ch_error error; /* CH_OK: none */
};

/* The event that a callback is looking at. */
typedef struct ch_handed {
    int64_t subscription; /* 0: none */
    uint64_t sequence;
    char case_id[CH_CASE_ID_SIZE];
} ch_handed;

struct casehub {
    const ch_clock *clock;
    ch_link *link;
    char name[CH_ID_MAX + 1];
    void *context;
    void (*on_answer)(void *context, const casehub_answer *answer);
    void (*on_state)(void *context, bool connected, const char *text);
    ch_error error;   /* of the last call that failed */
    ch_error trouble; /* something that casehub_poll has still to report */
    bool in_callback;
    uint64_t requests; /* numbers given out */
    ch_buf header;     /* the frame being sent */
    ch_session session;

    ch_window window;
    ch_buf scratch; /* an event on its way from JSON */
    ch_backoff resend;
    int64_t resend_at_ms;

    ch_subscription *subscriptions[CH_SUBSCRIPTIONS_MAX];
    size_t subscription_count;
    ch_handed handed;
    int subscription_numbers; /* given out */

    ch_question *question; /* NULL: nobody waits */
};

/* client.c */
/* Remembers the error and answers -1. */
int ch_client_fail(casehub *hub, ch_status status, const char *where, const char *format, ...)
    CH_PRINTF(4, 5);
int ch_client_fail_with(casehub *hub, const ch_error *error);
/* 0, or -1 with "invalid" inside a callback. */
int ch_client_may_wait(casehub *hub, const char *call);
/* One turn of the loop, as casehub_poll. */
int ch_client_turn(casehub *hub, int64_t until_ms);
/* timeout_ms from now; -1: for ever. */
int64_t ch_client_until(const casehub *hub, int timeout_ms);
int64_t ch_client_now(const casehub *hub);
/* Sends a message, and *body (NULL: none), which is taken when sent. CH_FULL: not now. CH_NO_MEMORY,
 * CH_TOO_LARGE, CH_UNAVAILABLE. */
ch_status ch_client_send(casehub *hub, const ch_chp_message *message, zmq_msg_t *body) CH_MUST_CHECK;
/* A code of a later version counts as refused. */
ch_status ch_client_code(ch_str code);
/* "new" (also NULL), "all", a sequence, an RFC 3339 time. */
ch_status ch_client_from(const char *text, ch_chp_from *out_from, ch_error *error) CH_MUST_CHECK;

/* Points into patterns, checked. CH_INVALID, CH_TOO_LARGE (CH_CHP_PATTERNS_MAX). */
ch_status ch_client_patterns(ch_str *out_patterns, size_t *out_count, const char *const *patterns,
                             size_t count, ch_error *error) CH_MUST_CHECK;

/* session.c */
/* Opens a connection and says HELLO. Failure: errno tells. */
ch_status ch_session_begin(casehub *hub, int64_t now_ms, ch_error *error) CH_MUST_CHECK;
/* Looks at the connection, takes what has come in, greets, pings, connects again. *out_progress: something
 * that an application may be waiting for has happened. */
void ch_session_work(casehub *hub, int64_t now_ms, bool *out_progress);
int64_t ch_session_deadline(const casehub *hub);
/* Ends the session; it is made again after the back-off. */
void ch_session_lose(casehub *hub, int64_t now_ms, const ch_error *why);

/* publish.c */
ch_status ch_publish_work(casehub *hub, int64_t now_ms) CH_MUST_CHECK;
int64_t ch_publish_deadline(const casehub *hub);
void ch_publish_restart(casehub *hub);
/* PUBLISHED. CH_INVALID: malformed; CH_NOT_FOUND: for none of our requests. */
ch_status ch_publish_answers(casehub *hub, const ch_chp_message *message, int64_t now_ms,
                             ch_error *error) CH_MUST_CHECK;
/* ERROR. CH_NOT_FOUND: for none of our requests. */
ch_status ch_publish_failed(casehub *hub, const ch_chp_message *message, int64_t now_ms) CH_MUST_CHECK;
/* Hands an answer to the application. CH_INVALID when it is none. */
ch_status ch_publish_tell(casehub *hub, uint64_t token, const ch_chp_answer *answer,
                          ch_error *error) CH_MUST_CHECK;

/* subscribe.c */
ch_status ch_subscribe_work(casehub *hub, int64_t now_ms) CH_MUST_CHECK;
int64_t ch_subscribe_deadline(const casehub *hub);
void ch_subscribe_restart(casehub *hub);
void ch_subscribe_confirmed(casehub *hub, const ch_chp_message *message);
/* ERROR for one of our requests; CH_NOT_FOUND: not one of ours. */
ch_status ch_subscribe_failed(casehub *hub, const ch_chp_message *message, int64_t now_ms) CH_MUST_CHECK;
/* A newer session has the durable subscription of that name. */
void ch_subscribe_taken_over(casehub *hub, const ch_chp_error *refusal);
void ch_subscribe_done(casehub *hub);

/* events.c */
typedef void ch_event_call(void *context, casehub *hub, const casehub_event *event);
/* CH_INVALID: malformed. */
ch_status ch_subscribe_events(casehub *hub, const ch_chp_message *message, ch_str body,
                              ch_error *error) CH_MUST_CHECK;
/* Reads what casehub_event shows of one encoded event, and calls. CH_INVALID. */
ch_status ch_event_hand(casehub *hub, ch_str encoded, ch_event_call *on_event, void *context,
                        ch_error *error) CH_MUST_CHECK;

/* question.c */
/* Sends and waits. 0, or -1 with the question's error or "timeout". */
int ch_question_ask(casehub *hub, ch_question *question, int64_t until_ms, const char *what);
ch_status ch_question_work(casehub *hub, int64_t now_ms) CH_MUST_CHECK;
int64_t ch_question_deadline(const casehub *hub);
void ch_question_restart(casehub *hub);
/* Done, with what ERROR says. */
void ch_question_fail(ch_question *question, const ch_chp_error *refusal);
/* CH_NOT_FOUND: nobody waits for this message. */
ch_status ch_question_answer(casehub *hub, const ch_chp_message *message, ch_str body,
                             ch_error *error) CH_MUST_CHECK;

#endif
