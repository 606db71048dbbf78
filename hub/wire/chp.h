/* chp.h - CHP/1 messages: header frames to structs and back. The document is CHP1.md; the queries are
 * QUERIES.md.
 *
 * A message is a header frame, then for some verbs one body frame. The header is a MessagePack array
 * [version, verb, request, ...]; the body an array of events or of maps. Structs own nothing: slices point
 * into the frame they were decoded from.
 */
#ifndef CH_WIRE_CHP_H
#define CH_WIRE_CHP_H

#include "hub/model/event.h"

#define CH_CHP_VERSION 1
#define CH_CHP_HEADER_MAX (64 * 1024)     /* bytes of a header frame */
#define CH_CHP_BODY_MAX (4 * 1024 * 1024) /* bytes of a body frame; also ZMQ_MAXMSGSIZE */
#define CH_CHP_BATCH_MAX 256              /* events of one PUBLISH */
#define CH_CHP_PATTERNS_MAX 64            /* of one subscription */
#define CH_CHP_EVENTS_TARGET (64 * 1024)  /* the hub ends an EVENTS body once it is beyond this */
#define CH_CHP_ITEMS_MAX 4096             /* singles of one ACK, attempts of one EVENTS, limit of one READ */
#define CH_CHP_CREDIT_MAX 65536           /* events; a sum beyond it is cut to it */
#define CH_CHP_NUMBER_MAX (INT64_C(1) << 53) /* of every number in a header: exact in every language */

/* X(symbol, number, name, sender: 'c' client, 'h' hub, 'b' both, body frames) */
#define CH_CHP_VERB_LIST(X)                                                                                  \
    X(CH_CHP_HELLO, 1, "HELLO", 'c', 0)                                                                      \
    X(CH_CHP_WELCOME, 2, "WELCOME", 'h', 0)                                                                  \
    X(CH_CHP_PUBLISH, 3, "PUBLISH", 'c', 1)                                                                  \
    X(CH_CHP_PUBLISHED, 4, "PUBLISHED", 'h', 0)                                                              \
    X(CH_CHP_SUBSCRIBE, 5, "SUBSCRIBE", 'c', 0)                                                              \
    X(CH_CHP_SUBSCRIBED, 6, "SUBSCRIBED", 'h', 0)                                                            \
    X(CH_CHP_EVENTS, 7, "EVENTS", 'h', 1)                                                                    \
    X(CH_CHP_ACK, 8, "ACK", 'c', 0)                                                                          \
    X(CH_CHP_NAK, 9, "NAK", 'c', 0)                                                                          \
    X(CH_CHP_CREDIT, 10, "CREDIT", 'c', 0)                                                                   \
    X(CH_CHP_SEEK, 11, "SEEK", 'c', 0)                                                                       \
    X(CH_CHP_UNSUBSCRIBE, 12, "UNSUBSCRIBE", 'c', 0)                                                         \
    X(CH_CHP_READ, 13, "READ", 'c', 0)                                                                       \
    X(CH_CHP_QUERY, 14, "QUERY", 'c', 0)                                                                     \
    X(CH_CHP_RESULT, 15, "RESULT", 'h', 1)                                                                   \
    X(CH_CHP_PING, 16, "PING", 'b', 0)                                                                       \
    X(CH_CHP_PONG, 17, "PONG", 'b', 0)                                                                       \
    X(CH_CHP_ERROR, 18, "ERROR", 'h', 0)                                                                     \
    X(CH_CHP_DONE, 19, "DONE", 'h', 0)
typedef enum ch_chp_verb {
    CH_CHP_NONE = 0,
#define CH_CHP_VERB_ENUM(symbol, number, name, sender, bodies) symbol = number,
    CH_CHP_VERB_LIST(CH_CHP_VERB_ENUM)
#undef CH_CHP_VERB_ENUM
} ch_chp_verb;
const char *ch_chp_verb_name(unsigned verb); /* "?" when unknown */
/* Body frames that follow the header; -1 when the verb is unknown. */
int ch_chp_verb_bodies(unsigned verb);
/* 'c', 'h' or 'b' as above; 0 when the verb is unknown. Decode takes messages of either side: who sent it checks. */
char ch_chp_verb_sender(unsigned verb);

/* Where to start: map {"all": true} | {"new": true} | {"sequence": n} | {"time": ms} on the wire. */
typedef enum ch_chp_from_kind { CH_FROM_NEW, CH_FROM_ALL, CH_FROM_SEQUENCE, CH_FROM_TIME } ch_chp_from_kind;
typedef struct ch_chp_from {
    ch_chp_from_kind kind;
    int64_t value;  /* sequence or ms */
    uint32_t epoch; /* of a sequence; 0: the present one */
} ch_chp_from;

typedef enum ch_test_mode { CH_TEST_EXCLUDE, CH_TEST_INCLUDE, CH_TEST_ONLY } ch_test_mode;

typedef struct ch_chp_hello {
    ch_str client; /* "name/version" */
    int64_t version_least, version_most;
} ch_chp_hello;

typedef struct ch_chp_welcome {
    ch_str hub_code, version, name; /* name: what the grant calls this client */
    ch_str role;
    int64_t protocol, epoch, sequence, batch_events, body_bytes, window_events, heartbeat_ms;
} ch_chp_welcome;

typedef struct ch_chp_publish {
    ch_str connector, from, to; /* checkpoint, compare-and-set; connector absent: none; from "": the first */
    ch_str default_kind;        /* of a case inferred from an unknown ref */
    int64_t dead_letter;        /* this publish retries that dead letter; 0: none */
    int64_t history_until_ms;   /* what happened before is history; 0: nothing is */
} ch_chp_publish;

typedef struct ch_chp_subscribe {
    int64_t subscription; /* chosen by the client, unique in its session, > 0 */
    ch_str name;          /* durable; absent: live */
    ch_str patterns[CH_CHP_PATTERNS_MAX];
    size_t pattern_count;
    ch_chp_from from; /* of a new subscription; a durable one that exists goes on where it was */
    ch_test_mode test_mode;
    bool involved;
    bool no_ack;             /* live only: delivered is done, credit is all that holds it back */
    int64_t credit;          /* events */
    int64_t ack_timeout_ms;  /* 0: the hub's default */
    int64_t deliveries_most; /* then a dead letter; 0: the hub's default, -1: never */
} ch_chp_subscribe;

typedef struct ch_chp_subscribed {
    int64_t subscription, sequence, epoch; /* sequence: the next one that will be looked at */
    bool existed;
} ch_chp_subscribed;

typedef struct ch_chp_events {
    int64_t subscription; /* 0: the answer to READ */
    int64_t next;         /* READ: where to go on, 0 at the end */
    ch_str attempts;      /* encoded array of [sequence, attempt] for redelivered events; absent: none */
} ch_chp_events;

typedef struct ch_chp_ack {
    int64_t subscription;
    int64_t upto;   /* every delivered event up to here; 0: none */
    ch_str singles; /* encoded array of sequences; absent: none */
} ch_chp_ack;

#define CH_CHP_NAK_TEXT_MAX 240
#define CH_CHP_NAK_WHERE_MAX 120
typedef struct ch_chp_nak {
    int64_t subscription, sequence, delay_ms; /* delay -1: the hub's back-off */
    ch_str reason;                            /* a code */
    bool final;                               /* never: a dead letter at once */
    ch_str text, where;                       /* of a final one, for people: why, and of which field */
} ch_chp_nak;

typedef struct ch_chp_credit {
    int64_t subscription, count; /* added */
} ch_chp_credit;

typedef struct ch_chp_seek {
    ch_str name;
    ch_chp_from from;
} ch_chp_seek;

typedef struct ch_chp_unsubscribe {
    int64_t subscription; /* ends the delivery; a durable one stays */
} ch_chp_unsubscribe;

typedef struct ch_chp_read {
    int64_t from, to, limit; /* sequences, both included; 0: no bound. limit: events, 0: the hub's */
    ch_str patterns[CH_CHP_PATTERNS_MAX];
    size_t pattern_count;
    ch_str case_id; /* only this case */
} ch_chp_read;

typedef struct ch_chp_query {
    ch_str name;      /* QUERIES.md */
    ch_str arguments; /* encoded map; absent: none */
} ch_chp_query;

typedef struct ch_chp_result {
    bool more;
    ch_str next; /* what to ask for `after` to go on; absent at the end */
} ch_chp_result;

typedef struct ch_chp_error {
    ch_str code, text, where;
    int64_t position; /* diverged: where the log forked; gap: the oldest kept; else 0 */
} ch_chp_error;

typedef struct ch_chp_message {
    ch_chp_verb verb;
    uint64_t request; /* chosen by the client, > 0; 0 where nothing is answered */
    union {
        ch_chp_hello hello;
        ch_chp_welcome welcome;
        ch_chp_publish publish;
        ch_str results; /* PUBLISHED: encoded array, read with ch_chp_answer_next */
        ch_chp_subscribe subscribe;
        ch_chp_subscribed subscribed;
        ch_chp_events events;
        ch_chp_ack ack;
        ch_chp_nak nak;
        ch_chp_credit credit;
        ch_chp_seek seek;
        ch_chp_unsubscribe unsubscribe;
        ch_chp_read read;
        ch_chp_query query;
        ch_chp_result result;
        ch_chp_error error;
    };
} ch_chp_message;

/* Checks the frame (ch_mp_limits_header), the version, the verb and every argument. CH_INVALID with where
 * "PUBLISH.checkpoint.from", CH_UNSUPPORTED (another version, an unknown verb), CH_TOO_LARGE. When it fails,
 * *out_message still carries verb and request as far as they could be read (else 0), for the answer; nothing
 * else of it may be read. */
ch_status ch_chp_decode(ch_str frame, ch_chp_message *out_message, ch_error *error) CH_MUST_CHECK;
/* Appends the header frame of any message but PUBLISHED (see below). Optional arguments at their default are
 * left out. Checks nothing: the receiver does. Failure shows in out->failed. */
void ch_chp_encode(ch_buf *out, const ch_chp_message *message);

/* One result of PUBLISHED: accepted [0, sequence, caseversion, case id, duplicate] or refused
 * [code, text, where, present state, present version, dead letter number or 0]. */
typedef struct ch_chp_answer {
    ch_status status;
    uint64_t sequence;
    uint32_t case_version;
    ch_str case_id; /* "" for hub. events */
    bool duplicate;
    ch_str text, where, present_state;
    uint64_t dead_letter;
} ch_chp_answer;
/* begin, one append an event, end. 256 answers always fit into a header frame: texts are cut once half of it is
 * used. */
size_t ch_chp_published_begin(ch_buf *out, uint64_t request);
void ch_chp_published_append(ch_buf *out, const ch_chp_answer *answer);
void ch_chp_published_end(ch_buf *out, size_t begun_at, uint32_t count);
/* Walks ch_mp_reader_of(message.results), which decode has checked. A code that this program does not know is
 * CH_REFUSED. False at the end. */
bool ch_chp_answer_next(ch_mp_reader *reader, ch_chp_answer *out_answer);

/* Bodies: an array of at most `most` items, checked as a whole by ch_mp_check with CH_CHP_BODY_MAX; the reader
 * stands at the first item. An item beyond the limits of an event passes: it is judged alone. */
ch_status ch_chp_body_check(ch_str frame, uint32_t most, uint32_t *out_count, ch_mp_reader *out_reader,
                            ch_error *error) CH_MUST_CHECK;
/* The same, but the items are not looked at: for who trusts the sender to mean well, and walks them with ch_mp_skip,
 * which stops at what is malformed. */
ch_status ch_chp_body_open(ch_str frame, uint32_t most, uint32_t *out_count, ch_mp_reader *out_reader,
                           ch_error *error) CH_MUST_CHECK;

#endif
