/* actor.h - a client of the hub under test, on a thread of its own. It comes back by itself when the hub dies, because
 * libcasehub does, and goes on where its journal stands when it was killed itself.
 */
#ifndef CRASH_ACTOR_H
#define CRASH_ACTOR_H

#include "tests/crash/load/journal.h"

#include <stdatomic.h>

typedef struct crash_actor {
    const char *name; /* of its grant, its key file and its journal; its source is hotline/NAME */
    const char *endpoint, *folder; /* keys; journals/ */
    const atomic_bool *stopped;    /* set from outside: finish what is under way and return */
} crash_actor;

/* Windows of single events; over ipc as an operator, over tcp as a connector without a checkpoint. */
void crash_publisher(const crash_actor *actor);
/* Batches that move a checkpoint. */
void crash_connector(const crash_actor *actor);
/* A durable subscription to everything. */
void crash_witness(const crash_actor *actor);
/* A department that takes its offers in and does no more about them; its name is the party's. */
void crash_inbox(const crash_actor *actor);
/* A department that takes, starts and completes every handoff it is offered; its name is the party's. */
void crash_desk(const crash_actor *actor);

/* Opens the journal of that actor; lines that are there go to on_line. */
void crash_actor_journal(const crash_actor *actor, crash_journal *journal, void *context,
                         void (*on_line)(void *context, const char *line));
/* window: unanswered events at most. */
casehub *crash_actor_connect(const crash_actor *actor, unsigned window, void *context,
                             void (*on_answer)(void *context, const casehub_answer *answer),
                             void (*on_state)(void *context, bool connected, const char *text));
/* Says why and ends the process: what an actor cannot do is a failure of the hub, or of the test. */
_Noreturn void crash_actor_fail(const crash_actor *actor, const char *what, const casehub *hub);

#define CRASH_TURN_MS 20
#define CRASH_PATIENCE_MS 60000

#endif
