/* sessions.h - the welcomed clients: a table of fixed size, found by number or by route. Belongs to the front. */
#ifndef CH_RUN_SESSIONS_H
#define CH_RUN_SESSIONS_H

#include "hub/run/mail.h"
#include "hub/run/outbox.h"

typedef struct ch_session {
    ch_session_id id; /* 0: the slot is free */
    bool local, in_turn;
    uint8_t route[CH_ROUTE_ID_MAX];
    size_t route_size;
    ch_actor *actor;
    int64_t heard_ms, sent_ms;           /* monotonic: when it last said something, and was told something */
    size_t unanswered, unanswered_bytes; /* events that it waits for */
    size_t at_writer;                    /* of these, events that the writer has */
    ch_work *queue, *last;               /* the others, in order */
    ch_outbox outbox;                    /* what libzmq has no room for at present */
    int64_t took_ms;                     /* monotonic: when something last left the outbox */
    struct ch_session *next;             /* in turn, or free */
} ch_session;

typedef struct ch_sessions ch_sessions;

/* capacity: 1..65536. CH_NO_MEMORY. */
ch_status ch_sessions_new(ch_sessions **out_sessions, size_t capacity) CH_MUST_CHECK;
void ch_sessions_free(ch_sessions *sessions);
size_t ch_sessions_count(const ch_sessions *sessions);

/* A new session for this route, which has none. Takes a reference of actor. CH_FULL. */
ch_status ch_sessions_open(ch_sessions *sessions, bool local, const uint8_t *route, size_t route_size,
                           ch_actor *actor, ch_session **out_session) CH_MUST_CHECK;
/* Frees what stands in its queue and its outbox. */
void ch_sessions_close(ch_sessions *sessions, ch_session *session);
/* NULL: it is gone. */
ch_session *ch_sessions_by_id(ch_sessions *sessions, ch_session_id id);
ch_session *ch_sessions_by_route(ch_sessions *sessions, bool local, const uint8_t *route, size_t route_size);
/* Slot by slot; NULL at a free one. slot < capacity. */
ch_session *ch_sessions_at(ch_sessions *sessions, size_t slot);
size_t ch_sessions_capacity(const ch_sessions *sessions);

/* Sessions with something in their queue take turns. */
void ch_sessions_queue(ch_sessions *sessions, ch_session *session, ch_work *work);
/* The one whose turn it is, taken out of the row; NULL: none waits. */
ch_session *ch_sessions_take_turn(ch_sessions *sessions);
/* Behind all others, if it has something queued. */
void ch_sessions_join_row(ch_sessions *sessions, ch_session *session);

#endif
