/* EVENTS: from a frame to the application's callback, one by one. */
#include "hub/client/subscribe.h"

/* What casehub_event shows. Unknown attributes are a newer hub's, so only these are looked at. */
typedef struct event_facts {
    int64_t sequence;
    char type[CH_CODE_MAX + 1], subject[CH_CASE_ID_SIZE], topic[CH_TOPIC_MAX + 1];
} event_facts;

/* Where the text is copied to, if it is one of those that are shown. */
static ch_status take_text(event_facts *facts, ch_str key, ch_str text)
{
    if (ch_str_is(key, "type")) {
        return ch_str_copy(facts->type, sizeof facts->type, text);
    }
    if (ch_str_is(key, "topic")) {
        return ch_str_copy(facts->topic, sizeof facts->topic, text);
    }
    return ch_str_is(key, "subject") ? ch_str_copy(facts->subject, sizeof facts->subject, text) : CH_OK;
}

/* One walk over the event's attributes. */
static ch_status walk(ch_str encoded, event_facts *facts)
{
    ch_mp_value head, key, value;
    ch_str whole;
    ch_mp_reader reader = ch_mp_reader_of(encoded);
    ch_status status = CH_OK;
    if (!ch_mp_next(&reader, &head) || head.kind != CH_MP_MAP) {
        return CH_INVALID;
    }
    for (uint32_t i = 0; i < head.count && status == CH_OK; i++) {
        bool read = ch_mp_next(&reader, &key);
        ch_mp_reader ahead = reader;
        if (!read || !ch_mp_next(&ahead, &value) || !ch_mp_skip(&reader, &whole)) {
            return CH_INVALID;
        }
        if (value.kind == CH_MP_STR) {
            status = take_text(facts, key.str, value.str);
        } else if (value.kind == CH_MP_INT && ch_str_is(key.str, "sequence")) {
            facts->sequence = value.integer;
        }
    }
    return status;
}

static ch_status read_facts(ch_str encoded, event_facts *out_facts, ch_error *error)
{
    out_facts->sequence = 0;
    out_facts->type[0] = out_facts->subject[0] = out_facts->topic[0] = '\0';
    if (walk(encoded, out_facts) != CH_OK || out_facts->sequence <= 0) {
        return ch_error_set(error, CH_INVALID, "EVENTS",
                            "an event without a good sequence, type, subject or topic");
    }
    return CH_OK;
}

static void call(casehub *hub, ch_str encoded, const event_facts *facts, unsigned attempt,
                 ch_event_call *on_event, void *context)
{
    const casehub_event event = {.sequence = (uint64_t)facts->sequence,
                                 .attempt = attempt,
                                 .type = facts->type,
                                 .subject = facts->subject,
                                 .topic = facts->topic,
                                 .encoded = encoded.at,
                                 .encoded_size = encoded.size};
    hub->in_callback = true;
    on_event(context, hub, &event);
    hub->in_callback = false;
}

ch_status ch_event_hand(casehub *hub, ch_str encoded, ch_event_call *on_event, void *context, ch_error *error)
{
    event_facts facts;
    ch_status status = read_facts(encoded, &facts, error);
    if (status == CH_OK) {
        call(hub, encoded, &facts, 1, on_event, context);
    }
    return status;
}

static unsigned attempt_of(ch_str attempts, int64_t sequence)
{
    ch_mp_value head, pair, number, attempt;
    ch_mp_reader reader = ch_mp_reader_of(attempts);
    if (attempts.at == NULL || !ch_mp_next(&reader, &head)) {
        return 1;
    }
    while (ch_mp_next(&reader, &pair) && ch_mp_next(&reader, &number) && ch_mp_next(&reader, &attempt)) {
        if (number.integer == sequence) {
            return (unsigned)attempt.integer;
        }
    }
    return 1;
}

/* True for an event that the hub will send again behind the failing one. What comes a second time ends the
 * hold. */
static bool is_held(casehub *hub, ch_subscription *subscription, const event_facts *facts, unsigned attempt)
{
    bool held = false;
    for (size_t i = 0; i < CH_HOLDS_MAX; i++) {
        ch_hold *hold = &subscription->holds[i];
        if (hold->until_ms == 0 || strcmp(hold->case_id, facts->subject) != 0) {
            continue;
        }
        if (attempt > 1 || ch_client_now(hub) >= hold->until_ms) {
            hold->until_ms = 0;
        } else {
            held |= (uint64_t)facts->sequence > hold->sequence;
        }
    }
    return held;
}

/* What was under way already has used up credit twice, once for nothing. What the callbacks acknowledge is no credit
 * again before CREDIT has told the hub: what there is to be sent is bounded by the credit, whatever the hub does. */
static ch_status account(ch_subscription *subscription, uint64_t sequence, bool waits_for_ack,
                         ch_error *error)
{
    size_t before = subscription->under_way.count;
    if ((int64_t)before + subscription->returned >= subscription->wire.credit ||
        (waits_for_ack && ch_under_way_add(&subscription->under_way, sequence) != CH_OK)) {
        return ch_error_set(error, CH_INVALID, "EVENTS", "more events than credit");
    }
    if (subscription->under_way.count == before) {
        subscription->returned++;
    }
    return CH_OK;
}

static ch_status hand(casehub *hub, ch_subscription *subscription, ch_str encoded, ch_str attempts,
                      ch_error *error)
{
    event_facts facts;
    ch_status status = read_facts(encoded, &facts, error);
    if (status != CH_OK) {
        return status;
    }
    uint64_t sequence = (uint64_t)facts.sequence;
    unsigned attempt = attempt_of(attempts, facts.sequence);
    bool held = !subscription->wire.no_ack && is_held(hub, subscription, &facts, attempt);
    status = account(subscription, sequence, !subscription->wire.no_ack && !held, error);
    if (status != CH_OK || held) {
        return status;
    }
    if (sequence >= subscription->next) {
        subscription->next = sequence + 1;
    }
    hub->handed = (ch_handed){.subscription = subscription->wire.subscription, .sequence = sequence};
    memcpy(hub->handed.case_id, facts.subject, sizeof facts.subject);
    call(hub, encoded, &facts, attempt, subscription->on_event, subscription->context);
    hub->handed.subscription = 0;
    return CH_OK;
}

/* The callback may unsubscribe: the rest is then for nobody. */
ch_status ch_subscribe_events(casehub *hub, const ch_chp_message *message, ch_str body, ch_error *error)
{
    ch_mp_reader reader;
    ch_str encoded;
    uint32_t count;
    ch_subscription *subscription = ch_subscription_find(hub, message->events.subscription);
    ch_status status = ch_chp_body_open(body, UINT32_MAX, &count, &reader, error);
    while (status == CH_OK && subscription != NULL && subscription->state == CH_SUBSCRIPTION_OPEN &&
           ch_mp_skip(&reader, &encoded)) {
        status = hand(hub, subscription, encoded, message->events.attempts, error);
    }
    return status;
}
