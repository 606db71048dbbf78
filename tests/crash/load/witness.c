#include "tests/crash/load/actor.h"

#include "hub/model/mp.h"

#include <inttypes.h>
#include <stdio.h>

typedef struct witness {
    const crash_actor *actor;
    crash_journal journal;
    int subscription;
} witness;

/* Written down, then acknowledged: one by one, and now and then all that came so far. */
static void on_event(void *context, casehub *hub, const casehub_event *event)
{
    enum { UPTO_EVERY = 16 };
    witness *w = context;
    const ch_str bytes = {event->encoded, event->encoded_size};
    crash_journal_write(&w->journal, "E\t%" PRIu64 "\t%u\t%s\t%" PRId64 "\n", event->sequence, event->attempt,
                        event->subject == NULL ? "" : event->subject,
                        ch_mp_find_int(bytes, "caseversion", 0));
    int result = event->sequence % UPTO_EVERY == 0 ? casehub_ack_upto(hub, w->subscription, event->sequence)
                                                   : casehub_ack(hub, w->subscription, event->sequence);
    if (result != 0) {
        crash_actor_fail(w->actor, "cannot acknowledge", hub);
    }
}

static void on_state(void *context, bool connected, const char *text)
{
    const witness *w = context;
    (void)text;
    if (connected) {
        crash_journal_session(&w->journal);
    }
}

static void listen_to(const crash_actor *actor, const char *pattern)
{
    witness w = {.actor = actor};
    crash_actor_journal(actor, &w.journal, NULL, NULL);
    casehub *hub = crash_actor_connect(actor, 0, &w, NULL, on_state);
    const casehub_subscription wanted = {CASEHUB_SIZE(casehub_subscription),
                                         .name = actor->name,
                                         .patterns = &pattern,
                                         .pattern_count = 1,
                                         .from = "all",
                                         .context = &w,
                                         .on_event = on_event};
    w.subscription = casehub_subscribe(hub, &wanted);
    if (w.subscription < 0) {
        crash_actor_fail(actor, "cannot subscribe", hub);
    }
    while (!atomic_load(actor->stopped)) {
        if (casehub_poll(hub, CRASH_TURN_MS) != 0) {
            crash_actor_fail(actor, "the connection has ended", hub);
        }
    }
    casehub_free(&hub);
}

void crash_witness(const crash_actor *actor)
{
    listen_to(actor, ">");
}

void crash_inbox(const crash_actor *actor)
{
    char pattern[256];
    snprintf(pattern, sizeof pattern, "handoff.offered.*.%s.>", actor->name);
    listen_to(actor, pattern);
}
