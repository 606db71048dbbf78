#include "hub/run/actor.h"

#include <stdlib.h>

ch_status ch_actor_new(ch_actor **out_actor, const ch_grant *grant)
{
    ch_actor *actor = malloc(sizeof *actor);
    if (actor == NULL) {
        return CH_NO_MEMORY;
    }
    atomic_init(&actor->references, 1);
    actor->grant = *grant;
    *out_actor = actor;
    return CH_OK;
}

ch_actor *ch_actor_ref(ch_actor *actor)
{
    atomic_fetch_add_explicit(&actor->references, 1, memory_order_relaxed);
    return actor;
}

void ch_actor_unref(ch_actor *actor)
{
    if (actor != NULL && atomic_fetch_sub_explicit(&actor->references, 1, memory_order_acq_rel) == 1) {
        free(actor);
    }
}

/* Open addressing over keys, which are random: their first bytes are hash enough once mixed. */
struct ch_actors {
    ch_actor **at;
    size_t capacity, count; /* capacity: a power of two */
};

#define FIRST_CAPACITY 64

ch_status ch_actors_new(ch_actors **out_actors)
{
    ch_actors *actors = calloc(1, sizeof *actors);
    if (actors != NULL) {
        actors->at = calloc(FIRST_CAPACITY, sizeof(ch_actor *));
    }
    if (actors == NULL || actors->at == NULL) {
        free(actors);
        return CH_NO_MEMORY;
    }
    actors->capacity = FIRST_CAPACITY;
    *out_actors = actors;
    return CH_OK;
}

void ch_actors_free(ch_actors *actors)
{
    if (actors == NULL) {
        return;
    }
    for (size_t i = 0; i < actors->capacity; i++) {
        ch_actor_unref(actors->at[i]);
    }
    free(actors->at);
    free(actors);
}

static size_t hash(const char *key)
{
    uint64_t value = UINT64_C(14695981039346656037);
    for (; *key != '\0'; key++) {
        value = (value ^ (uint8_t)*key) * UINT64_C(1099511628211);
    }
    return (size_t)(value ^ value >> 32);
}

/* Where the key is, or where it would go. */
static size_t position(const ch_actors *actors, const char *key)
{
    size_t mask = actors->capacity - 1, at = hash(key) & mask;
    while (actors->at[at] != NULL && strcmp(actors->at[at]->grant.key, key) != 0) {
        at = (at + 1) & mask;
    }
    return at;
}

static ch_status grow(ch_actors *actors)
{
    ch_actors larger = {.capacity = actors->capacity * 2, .count = actors->count};
    larger.at = calloc(larger.capacity, sizeof(ch_actor *));
    if (larger.at == NULL) {
        return CH_NO_MEMORY;
    }
    for (size_t i = 0; i < actors->capacity; i++) {
        if (actors->at[i] != NULL) {
            larger.at[position(&larger, actors->at[i]->grant.key)] = actors->at[i];
        }
    }
    free(actors->at);
    *actors = larger;
    return CH_OK;
}

/* The entries behind a gap move up, so that no search ends at it too early. */
static void remove_at(ch_actors *actors, size_t gap)
{
    size_t mask = actors->capacity - 1;
    ch_actor_unref(actors->at[gap]);
    actors->at[gap] = NULL;
    actors->count--;
    for (size_t at = (gap + 1) & mask; actors->at[at] != NULL; at = (at + 1) & mask) {
        ch_actor *moved = actors->at[at];
        actors->at[at] = NULL;
        actors->at[position(actors, moved->grant.key)] = moved;
    }
}

ch_status ch_actors_put(ch_actors *actors, const ch_grant *grant)
{
    ch_actor *actor;
    size_t at = position(actors, grant->key);
    if (grant->revoked) {
        if (actors->at[at] != NULL) {
            remove_at(actors, at);
        }
        return CH_OK;
    }
    ch_status status = ch_actor_new(&actor, grant);
    if (status != CH_OK) {
        return status;
    }
    if (actors->at[at] != NULL) {
        ch_actor_unref(actors->at[at]);
        actors->at[at] = actor;
        return CH_OK;
    }
    if (actors->count * 2 >= actors->capacity) {
        status = grow(actors);
        if (status != CH_OK) {
            ch_actor_unref(actor);
            return status;
        }
        at = position(actors, grant->key);
    }
    actors->at[at] = actor;
    actors->count++;
    return CH_OK;
}

ch_actor *ch_actors_find(const ch_actors *actors, const char *key)
{
    return actors->at[position(actors, key)];
}
