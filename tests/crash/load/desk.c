#include "tests/crash/load/actor.h"

#include "hub/model/mp.h"

#include <inttypes.h>
#include <string.h>

#define CREDIT 32
#define LATER_MS 100

static const char *const steps[] = {"accepted", "started", "completed"};
#define STEP_COUNT (sizeof steps / sizeof *steps)

typedef struct desk {
    const crash_actor *actor;
    crash_journal journal;
    casehub *hub;
    int subscription;
} desk;

static void put_pair(ch_buf *out, const char *key, ch_str value)
{
    ch_mp_put_text(out, key);
    ch_mp_put_str(out, value);
}

/* Made of nothing but the offer: when it comes twice, so do the same answers. Their ids name the offer's sequence, which
 * finds them again in the journal. */
static void encode(ch_buf *out, const desk *d, const casehub_event *offer, size_t step)
{
    char id[64], type[64];
    const ch_str bytes = {offer->encoded, offer->encoded_size};
    ch_str data = CH_STR_NONE;
    snprintf(id, sizeof id, "%" PRIu64 "/%s", offer->sequence, steps[step]);
    snprintf(type, sizeof type, "handoff.%s", steps[step]);
    (void)ch_mp_find(bytes, "data", NULL, &data);
    ch_buf_clear(out);
    ch_mp_put_map(out, 8);
    put_pair(out, "specversion", CH_STR("1.0"));
    put_pair(out, "id", ch_str_of(id));
    put_pair(out, "source", ch_str_of(d->actor->name));
    put_pair(out, "type", ch_str_of(type));
    ch_mp_put_text(out, "time");
    ch_mp_put_int(out, ch_mp_find_int(bytes, "recordedtime", 0));
    put_pair(out, "subject", ch_str_of(offer->subject));
    put_pair(out, "party", ch_str_of(d->actor->name));
    ch_mp_put_text(out, "data");
    ch_mp_put_map(out, 1);
    put_pair(out, "handoff", ch_mp_find_str(data, "handoff"));
}

/* Acknowledged when the last answer is answered, not here. No room in the window: the hub brings it again. */
static void on_offer(void *context, casehub *hub, const casehub_event *offer)
{
    desk *d = context;
    ch_buf event;
    int result = 0;
    ch_buf_init(&event, 4096);
    for (size_t step = 0; step < STEP_COUNT && result == 0; step++) {
        encode(&event, d, offer, step);
        result = casehub_publish(hub, event.at, event.size, offer->sequence * STEP_COUNT + step);
    }
    ch_buf_done(&event);
    if (result != 0 && (strcmp(casehub_error_code(hub), "full") != 0 ||
                        casehub_nak(hub, d->subscription, offer->sequence, LATER_MS, "desk-busy") != 0)) {
        crash_actor_fail(d->actor, "cannot answer an offer", hub);
    }
}

static void on_answer(void *context, const casehub_answer *answer)
{
    desk *d = context;
    char id[64];
    uint64_t offer = answer->token / STEP_COUNT;
    size_t step = answer->token % STEP_COUNT;
    snprintf(id, sizeof id, "%" PRIu64 "/%s", offer, steps[step]);
    crash_journal_answer(&d->journal, offer, id, steps[step], answer);
    if (step == STEP_COUNT - 1 && casehub_ack(d->hub, d->subscription, offer) != 0) {
        crash_actor_fail(d->actor, "cannot acknowledge", d->hub);
    }
}

void crash_desk(const crash_actor *actor)
{
    desk d = {.actor = actor};
    char pattern[256];
    snprintf(pattern, sizeof pattern, "handoff.offered.*.%s.>", actor->name);
    crash_actor_journal(actor, &d.journal, NULL, NULL);
    d.hub = crash_actor_connect(actor, 4 * CREDIT, &d, on_answer, NULL);
    const casehub_subscription offers = {CASEHUB_SIZE(casehub_subscription),
                                         .name = actor->name,
                                         .patterns = (const char *const[]){pattern},
                                         .pattern_count = 1,
                                         .from = "all",
                                         .credit = CREDIT,
                                         .context = &d,
                                         .on_event = on_offer};
    d.subscription = casehub_subscribe(d.hub, &offers);
    if (d.subscription < 0) {
        crash_actor_fail(actor, "cannot subscribe", d.hub);
    }
    while (!atomic_load(actor->stopped)) {
        if (casehub_poll(d.hub, CRASH_TURN_MS) != 0) {
            crash_actor_fail(actor, "the connection has ended", d.hub);
        }
    }
    if (casehub_flush(d.hub, CRASH_PATIENCE_MS) != 0) {
        crash_actor_fail(actor, "cannot finish", d.hub);
    }
    casehub_free(&d.hub);
}
