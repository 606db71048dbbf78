#include "hub/run/sessions.h"

#include <stdlib.h>

#define NO_SLOT UINT32_MAX

struct ch_sessions {
    ch_session *at;
    uint32_t *generations; /* how often each slot was used */
    size_t capacity, count;
    uint32_t *by_route; /* open addressing: slots, or NO_SLOT */
    size_t buckets;     /* a power of two, at least twice the capacity */
    ch_session *free_slots;
    ch_session *first_turn, *last_turn;
};

static void init_tables(ch_sessions *sessions)
{
    for (size_t i = 0; i < sessions->buckets; i++) {
        sessions->by_route[i] = NO_SLOT;
    }
    for (size_t i = sessions->capacity; i > 0; i--) {
        sessions->at[i - 1].next = sessions->free_slots;
        sessions->free_slots = &sessions->at[i - 1];
    }
}

ch_status ch_sessions_new(ch_sessions **out_sessions, size_t capacity)
{
    ch_sessions *sessions = calloc(1, sizeof *sessions);
    if (sessions == NULL) {
        return CH_NO_MEMORY;
    }
    sessions->capacity = capacity;
    for (sessions->buckets = 16; sessions->buckets < capacity * 2;) {
        sessions->buckets *= 2;
    }
    sessions->at = calloc(capacity, sizeof *sessions->at);
    sessions->generations = calloc(capacity, sizeof *sessions->generations);
    sessions->by_route = malloc(sessions->buckets * sizeof *sessions->by_route);
    if (sessions->at == NULL || sessions->generations == NULL || sessions->by_route == NULL) {
        sessions->capacity = 0;
        ch_sessions_free(sessions);
        return CH_NO_MEMORY;
    }
    init_tables(sessions);
    *out_sessions = sessions;
    return CH_OK;
}

static void free_queue(ch_session *session)
{
    while (session->queue != NULL) {
        ch_work *work = session->queue;
        session->queue = work->next;
        ch_mail_free(&work->mail);
    }
    session->last = NULL;
}

void ch_sessions_free(ch_sessions *sessions)
{
    if (sessions == NULL) {
        return;
    }
    for (size_t i = 0; i < sessions->capacity; i++) {
        free_queue(&sessions->at[i]);
        ch_outbox_clear(&sessions->at[i].outbox);
        ch_actor_unref(sessions->at[i].actor);
    }
    free(sessions->at);
    free(sessions->generations);
    free(sessions->by_route);
    free(sessions);
}

size_t ch_sessions_count(const ch_sessions *sessions)
{
    return sessions->count;
}

static size_t hash(bool local, const uint8_t *route, size_t route_size)
{
    uint64_t value = UINT64_C(14695981039346656037) ^ local;
    for (size_t i = 0; i < route_size; i++) {
        value = (value ^ route[i]) * UINT64_C(1099511628211);
    }
    return (size_t)(value ^ value >> 32);
}

static bool has_route(const ch_session *session, bool local, const uint8_t *route, size_t route_size)
{
    return session->local == local && session->route_size == route_size &&
           memcmp(session->route, route, route_size) == 0;
}

static size_t bucket_of(const ch_sessions *sessions, bool local, const uint8_t *route, size_t route_size)
{
    size_t mask = sessions->buckets - 1, at = hash(local, route, route_size) & mask;
    while (sessions->by_route[at] != NO_SLOT &&
           !has_route(&sessions->at[sessions->by_route[at]], local, route, route_size)) {
        at = (at + 1) & mask;
    }
    return at;
}

static size_t slot_of(const ch_sessions *sessions, const ch_session *session)
{
    return (size_t)(session - sessions->at);
}

ch_status ch_sessions_open(ch_sessions *sessions, bool local, const uint8_t *route, size_t route_size,
                           ch_actor *actor, ch_session **out_session)
{
    ch_session *session = sessions->free_slots;
    if (session == NULL) {
        return CH_FULL;
    }
    size_t slot = slot_of(sessions, session);
    sessions->free_slots = session->next;
    *session = (ch_session){.id = (uint64_t)++sessions->generations[slot] << 32 | slot,
                            .local = local,
                            .route_size = route_size,
                            .actor = ch_actor_ref(actor)};
    memcpy(session->route, route, route_size);
    sessions->by_route[bucket_of(sessions, local, route, route_size)] = (uint32_t)slot;
    sessions->count++;
    *out_session = session;
    return CH_OK;
}

/* Entries behind the gap move up, so that no search ends at it too early. */
static void forget_route(ch_sessions *sessions, const ch_session *session)
{
    size_t mask = sessions->buckets - 1;
    size_t at = bucket_of(sessions, session->local, session->route, session->route_size);
    sessions->by_route[at] = NO_SLOT;
    for (at = (at + 1) & mask; sessions->by_route[at] != NO_SLOT; at = (at + 1) & mask) {
        uint32_t slot = sessions->by_route[at];
        const ch_session *moved = &sessions->at[slot];
        sessions->by_route[at] = NO_SLOT;
        sessions->by_route[bucket_of(sessions, moved->local, moved->route, moved->route_size)] = slot;
    }
}

static void leave_row(ch_sessions *sessions, ch_session *session)
{
    ch_session *before = NULL;
    if (!session->in_turn) {
        return;
    }
    for (ch_session *at = sessions->first_turn; at != session; at = at->next) {
        before = at;
    }
    if (before == NULL) {
        sessions->first_turn = session->next;
    } else {
        before->next = session->next;
    }
    if (sessions->last_turn == session) {
        sessions->last_turn = before;
    }
    session->in_turn = false;
}

void ch_sessions_close(ch_sessions *sessions, ch_session *session)
{
    leave_row(sessions, session);
    forget_route(sessions, session);
    free_queue(session);
    ch_outbox_clear(&session->outbox);
    ch_actor_unref(session->actor);
    session->actor = NULL;
    session->id = 0;
    session->next = sessions->free_slots;
    sessions->free_slots = session;
    sessions->count--;
}

ch_session *ch_sessions_by_id(ch_sessions *sessions, ch_session_id id)
{
    uint32_t slot = ch_session_slot(id);
    return id != 0 && slot < sessions->capacity && sessions->at[slot].id == id ? &sessions->at[slot] : NULL;
}

ch_session *ch_sessions_by_route(ch_sessions *sessions, bool local, const uint8_t *route, size_t route_size)
{
    uint32_t slot = sessions->by_route[bucket_of(sessions, local, route, route_size)];
    return slot == NO_SLOT ? NULL : &sessions->at[slot];
}

ch_session *ch_sessions_at(ch_sessions *sessions, size_t slot)
{
    return sessions->at[slot].id == 0 ? NULL : &sessions->at[slot];
}

size_t ch_sessions_capacity(const ch_sessions *sessions)
{
    return sessions->capacity;
}

void ch_sessions_queue(ch_sessions *sessions, ch_session *session, ch_work *work)
{
    work->next = NULL;
    if (session->last == NULL) {
        session->queue = work;
    } else {
        session->last->next = work;
    }
    session->last = work;
    ch_sessions_join_row(sessions, session);
}

ch_session *ch_sessions_take_turn(ch_sessions *sessions)
{
    ch_session *session = sessions->first_turn;
    if (session != NULL) {
        leave_row(sessions, session);
    }
    return session;
}

void ch_sessions_join_row(ch_sessions *sessions, ch_session *session)
{
    if (session->in_turn || session->queue == NULL) {
        return;
    }
    session->next = NULL;
    session->in_turn = true;
    if (sessions->last_turn == NULL) {
        sessions->first_turn = session;
    } else {
        sessions->last_turn->next = session;
    }
    sessions->last_turn = session;
}
