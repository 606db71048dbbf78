/* actor.h - an authenticated client as the hub knows it: its grant, immutable and counted, so that what a client
 * sent is judged by the rights it had then, on whichever thread it is.
 */
#ifndef CH_RUN_ACTOR_H
#define CH_RUN_ACTOR_H

#include "hub/model/grant.h"

#include <stdatomic.h>

typedef struct ch_actor {
    atomic_uint references;
    ch_grant grant;
} ch_actor;

/* One reference, a copy of *grant. CH_NO_MEMORY. Any thread. */
ch_status ch_actor_new(ch_actor **out_actor, const ch_grant *grant) CH_MUST_CHECK;
ch_actor *ch_actor_ref(ch_actor *actor);
void ch_actor_unref(ch_actor *actor); /* NULL is fine */

/* key -> actor: everybody who may come in. Belongs to the front thread. */
typedef struct ch_actors ch_actors;
ch_status ch_actors_new(ch_actors **out_actors) CH_MUST_CHECK;
void ch_actors_free(ch_actors *actors);
/* Takes or replaces the grant of its key; a revoked one goes. CH_NO_MEMORY. */
ch_status ch_actors_put(ch_actors *actors, const ch_grant *grant) CH_MUST_CHECK;
/* Borrowed; NULL: nobody we know. */
ch_actor *ch_actors_find(const ch_actors *actors, const char *key);

#endif
