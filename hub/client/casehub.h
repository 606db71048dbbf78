/* casehub.h - libcasehub: publish events to a casehub and subscribe to them.
 *
 * Thread: a `casehub` belongs to the thread that made it; callbacks run inside casehub_poll on that thread.
 * Memory: every pointer handed to a callback lives until the callback returns.
 * Delivery: what was published and not yet answered is sent again after a reconnect; the hub's dedup rule
 * (source, id) makes that harmless. An event handed to on_event comes again until it is acknowledged.
 * Structs begin with their size and only grow at their end: set it with CASEHUB_SIZE.
 */
#ifndef CASEHUB_H
#define CASEHUB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define CASEHUB_API __attribute__((visibility("default")))
#define CASEHUB_SIZE(type) .size = sizeof(type)

typedef struct casehub casehub;

/* Statuses are the wire's code names: "ok", "invalid", "refused", "denied", "not-found", "conflict", "busy",
 * "storage-full", "too-large", "timeout", "unavailable", ... Functions return 0 for ok, -1 otherwise, and
 * casehub_error() tells why. */
CASEHUB_API const char *casehub_error_code(const casehub *hub);
CASEHUB_API const char *casehub_error_text(const casehub *hub);
CASEHUB_API const char *casehub_error_where(const casehub *hub);

typedef struct casehub_answer {
    uint64_t token;   /* as given to casehub_publish */
    const char *code; /* "ok" when it is in the log, durably */
    uint64_t sequence;
    uint32_t caseversion;
    const char *case_id;       /* "" for hub events */
    bool duplicate;            /* it was there before; the first answer is repeated */
    const char *text, *where;  /* of a refusal */
    const char *present_state; /* of a refused command; "" when there is none */
    uint64_t dead_letter;      /* number, when a publish with checkpoint made one of it */
} casehub_answer;

typedef struct casehub_event {
    uint64_t sequence;
    unsigned attempt; /* 1 for the first delivery */
    const char *type, *subject, *topic;
    const void *encoded; /* the whole event in MessagePack */
    size_t encoded_size;
} casehub_event;

typedef struct casehub_options {
    size_t size;
    const char *endpoint; /* "tcp://127.0.0.1:7070" or "ipc:///.../hub.ipc" */
    const char *key_file; /* secret key as `casehub key new` writes it; not looked at for ipc */
    const char *name;     /* of this program, "power-supply-desk/1.0" */
    unsigned window;      /* unanswered events at most; 0: 256 */
    void *context;        /* for the callbacks below */
    void (*on_answer)(void *context, const casehub_answer *answer);
    void (*on_state)(void *context, bool connected, const char *text);
} casehub_options;

/* Returns at once; the connection is made (and made again) by casehub_poll. NULL with errno: ENOMEM;
 * EINVAL malformed options, endpoint (tcp without a key, too) or key file; EPERM a key file that group or
 * others may open; ENOKEY one without secret or server; what open, read and socket say. */
CASEHUB_API casehub *casehub_new(const casehub_options *options);
/* Unanswered events are lost to this process; call casehub_flush first. Acknowledgements get up to 200 ms
 * to leave. NULL is fine; inside a callback nothing happens. */
CASEHUB_API void casehub_free(casehub **hub);
/* For an event loop of your own: readable means call casehub_poll(hub, 0). */
CASEHUB_API int casehub_fd(const casehub *hub);
/* Waits up to timeout_ms (-1: for ever) for something, and does it; a signal ends the waiting, too. 0, or
 * -1 with casehub_error_code(): "denied" (the hub refused the key or the protocol) ends the connection for
 * good and is told by every poll from then on. A subscription that the hub refuses or gives to another
 * session is told once, with its number and name in casehub_error_where(); the connection goes on. Calls
 * that wait are refused ("invalid") inside a callback. */
CASEHUB_API int casehub_poll(casehub *hub, int timeout_ms);
/* Waits until the hub has welcomed this client. -1 "timeout". */
CASEHUB_API int casehub_wait(casehub *hub, int timeout_ms);
/* Waits until every published event is answered. -1 "timeout". */
CASEHUB_API int casehub_flush(casehub *hub, int timeout_ms);
/* The grant's name and role, the hub's code; "" before the welcome. */
CASEHUB_API const char *casehub_actor(const casehub *hub);
CASEHUB_API const char *casehub_role(const casehub *hub);
CASEHUB_API const char *casehub_hub_code(const casehub *hub);

/* One event: a JSON object (or MessagePack map) in produced form. Copied. -1 "invalid" (with where), "full"
 * when the window is: poll, then try again. token comes back in the answer. */
CASEHUB_API int casehub_publish_json(casehub *hub, const char *json, size_t json_size, uint64_t token);
CASEHUB_API int casehub_publish(casehub *hub, const void *encoded, size_t encoded_size, uint64_t token);

/* A batch, all or nothing, that moves a connector's checkpoint from `from` to `to` in the same
 * transaction; events that the hub refuses become dead letters. What was published before is flushed
 * first. Waits for the answer; on_answer is called for each event with the token of its place (0 ..
 * count-1). -1 "conflict": another process moved the checkpoint. When a reconnect lost the answer and the
 * checkpoint shows that the batch is in: 0, no on_answer. */
typedef struct casehub_batch {
    size_t size;
    const char *connector, *from, *to; /* connector NULL: no checkpoint, events are independent */
    const char *default_kind;          /* of a case inferred from an unknown ref; NULL: "matter" */
    uint64_t dead_letter;              /* number of the dead letter that this retries; 0: none */
    const void *const *encoded;        /* MessagePack maps */
    const size_t *encoded_sizes;
    size_t count; /* at most 256; 0 moves the checkpoint only */
    int64_t
        history_until_ms; /* what happened before is history: offered to nobody, no clocks; 0: nothing is */
} casehub_batch;
CASEHUB_API int casehub_publish_batch(casehub *hub, const casehub_batch *batch, int timeout_ms);

typedef struct casehub_subscription {
    size_t size;
    const char *name;            /* durable under this name; NULL: live */
    const char *const *patterns; /* "*.*.*.power-supply.>" */
    size_t pattern_count;
    const char *from;                         /* "new" (default), "all", a sequence, or an RFC 3339 time */
    unsigned credit;                          /* events under way at most; 0: 256 */
    unsigned ack_timeout_ms, deliveries_most; /* 0: the hub's; deliveries UINT_MAX: never too many */
    bool involved;                            /* later events of the cases my parties took part in, too */
    bool no_ack;                              /* live only */
    const char *test_mode;                    /* "exclude" (default), "include", "only" */
    void *context;
    /* Acknowledge with casehub_ack or casehub_nak, now or later. */
    void (*on_event)(void *context, casehub *hub, const casehub_event *event);
} casehub_subscription;
/* Answers a number > 0 for the calls below, or -1. Subscribed again by itself after a reconnect: a durable
 * one goes on where its acknowledgements stand, a live one with the oldest event that it did not
 * acknowledge. */
CASEHUB_API int casehub_subscribe(casehub *hub, const casehub_subscription *subscription);
CASEHUB_API int casehub_ack(casehub *hub, int subscription, uint64_t sequence);
CASEHUB_API int casehub_ack_upto(casehub *hub, int subscription, uint64_t sequence);
/* delay_ms -1: the hub's back-off. reason: a code such as "system-down". Called from on_event, later
 * events of the same case that were on their way already are dropped: the hub sends them again behind this
 * one. */
CASEHUB_API int casehub_nak(casehub *hub, int subscription, uint64_t sequence, int delay_ms,
                            const char *reason);
/* It can never be dealt with as it is: the hub makes a dead letter of it at once, and its case goes on. reason: a
 * code such as "invalid"; text (cut at 240 bytes, NULL: none) and where (120) are for the operator: why, and of which
 * field. No personal data. */
CASEHUB_API int casehub_fail(casehub *hub, int subscription, uint64_t sequence, const char *reason,
                             const char *text, const char *where);
CASEHUB_API int casehub_unsubscribe(casehub *hub, int subscription);
/* Moves a durable subscription. from as above. Waits for the answer. */
CASEHUB_API int casehub_seek(casehub *hub, const char *name, const char *from, int timeout_ms);

/* Asks; arguments is a JSON object or NULL. *out_json: a JSON array of rows, free() it. *out_next (NULL is
 * fine): what to give as "after" to go on, NULL at the end, free() it. Waits for the answer. */
CASEHUB_API int casehub_query(casehub *hub, const char *name, const char *arguments, int timeout_ms,
                              char **out_json, char **out_next);
/* Events from..to (0: no bound) that match (pattern_count 0: all), at most limit; each goes to on_event.
 * *out_next: where to go on, 0 at the end. Waits for the answer. */
CASEHUB_API int casehub_read(casehub *hub, uint64_t from, uint64_t to, const char *const *patterns,
                             size_t pattern_count, unsigned limit, int timeout_ms, void *context,
                             void (*on_event)(void *context, casehub *hub, const casehub_event *event),
                             uint64_t *out_next);

/* An attribute of the event by its path ("data.handoff", "private.phone", "time"): strings as they are,
 * everything else as JSON text. NULL when absent; free() it. */
CASEHUB_API char *casehub_event_get(const casehub_event *event, const char *path);
/* The event as one JSON object; free() it. */
CASEHUB_API char *casehub_event_json(const casehub_event *event);

/* A new key pair: writes `file` (secret, mode 0600) and `file`.pub; neither may exist (EEXIST).
 * Each is there as a whole or not at all; a process that is killed in between leaves `file`, which holds both halves.
 * server_key: Z85 of the hub's public key, kept in both; NULL: none. out_public: Z85, 41 bytes. -1 with
 * errno. The files are text:
 *     public = "Z85"
 *     secret = "Z85"      (not in the .pub)
 *     server = "Z85"
 * Empty lines and lines that begin with '#' are skipped. */
CASEHUB_API int casehub_key_new(const char *file, const char *server_key, char out_public[41]);
/* Reads the public key of either file. -1 with errno. */
CASEHUB_API int casehub_key_public(const char *file, char out_public[41]);

#ifdef __cplusplus
}
#endif
#endif
