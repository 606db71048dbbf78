/* Events on their way to one subscriber: first what waits to be delivered again, then what the log has beyond. */
#include "hub/run/reader_inside.h"

#include "hub/base/diag.h"

#define SCAN_AT_ONCE 4096 /* records, or blocks stepped over; then others have their turn */
#define EVENTS_AT_ONCE 1024

typedef struct delivery {
    ch_reader *reader;
    ch_subscription *subscription;
    ch_buf body, attempts;
    size_t body_begun, attempts_begun;
    uint32_t events, again;
} delivery;

static ch_status judge_by_case(ch_reader *reader, const ch_grant *grant, const ch_slice_event *event,
                               uint64_t number, ch_read_right *out_right, ch_error *error)
{
    ch_status status = ch_reader_look_at_state(reader, error);
    if (status == CH_OK && reader->state_last < event->record.sequence) {
        return CH_BUSY;
    }
    if (status == CH_OK) {
        status = ch_read_right_by_case(grant, reader->state, number, event->event.topic,
                                       event->record.sequence, out_right);
        return status == CH_OK ? CH_OK : ch_error_set(error, status, "state", "rights cannot be looked up");
    }
    return status;
}

uint64_t ch_reader_case_of(const ch_slice_event *event)
{
    bool is_letter = (event->record.flags & CH_RECORD_DEAD_LETTER) != 0; /* then the number is a letter's */
    return is_letter || event->record.case_number == 0 ? CH_NO_CASE | event->record.sequence
                                                       : event->record.case_number;
}

ch_status ch_reader_judge(ch_reader *reader, const ch_subscription *subscription, const ch_slice_event *event,
                          ch_verdict *out_verdict, ch_error *error)
{
    const ch_grant *grant = &subscription->actor->grant;
    uint64_t number = (event->record.flags & CH_RECORD_DEAD_LETTER) != 0 ? 0 : event->record.case_number;
    ch_str topic = event->event.topic;
    ch_read_right right;
    bool matches = ch_subscription_matches(subscription, topic);
    *out_verdict = (ch_verdict){.wanted = false};
    if ((event->event.test_mode && subscription->test_mode == CH_TEST_EXCLUDE) ||
        (!event->event.test_mode && subscription->test_mode == CH_TEST_ONLY) ||
        (!matches && (!subscription->involved || number == 0))) {
        return CH_OK;
    }
    if (!matches || !ch_read_right_by_topic(grant, number, topic, &right)) {
        ch_status status = judge_by_case(reader, grant, event, number, &right, error);
        if (status != CH_OK) {
            return status;
        }
    }
    *out_verdict =
        (ch_verdict){.wanted = right.may_read && (matches || right.involved), .personal = right.personal};
    return CH_OK;
}

static bool has_room(const delivery *at)
{
    return at->subscription->credit > 0 && at->body.size < CH_CHP_EVENTS_TARGET &&
           at->events < EVENTS_AT_ONCE;
}

static ch_status append(delivery *at, ch_slice_event *event, bool personal, ch_error *error)
{
    ch_str bytes;
    ch_status status = ch_slices_readable(at->reader->slices, event, personal, &bytes);
    if (status != CH_OK) {
        return ch_error_set(error, status, "log", "record %llu cannot be read: %s",
                            (unsigned long long)event->record.sequence, ch_status_text(status));
    }
    if (at->events == 0) {
        at->body_begun = ch_mp_begin_array(&at->body);
    }
    ch_mp_put_raw(&at->body, bytes);
    if (at->body.failed != CH_OK) {
        return ch_error_set(error, at->body.failed, "reader", "no room for events");
    }
    at->events++;
    at->subscription->credit--;
    return CH_OK;
}

static void name_attempt(delivery *at, uint64_t sequence, uint32_t attempt)
{
    if (at->again++ == 0) {
        at->attempts_begun = ch_mp_begin_array(&at->attempts);
    }
    ch_mp_put_array(&at->attempts, 2);
    ch_mp_put_uint(&at->attempts, sequence);
    ch_mp_put_uint(&at->attempts, attempt);
}

/* An operator who looks on receives nothing for the department. */
static bool is_offer_to(const ch_grant *grant, const ch_event *event)
{
    return (grant->role == CH_ROLE_DEPARTMENT || grant->role == CH_ROLE_CONNECTOR) &&
           ch_str_is(event->type, "handoff.offered") &&
           ch_grant_holds_party(grant, ch_mp_find_str(event->data, "party"));
}

/* ---- again */

static ch_status deliver_again(delivery *at, ch_pending *pending, ch_error *error)
{
    ch_reader *reader = at->reader;
    ch_slice_event *event;
    ch_verdict verdict;
    ch_status status =
        ch_slices_at(reader->slices, reader->log, pending->sequence, reader->last, &event, error);
    if (status == CH_OK) {
        status = ch_reader_judge(reader, at->subscription, event, &verdict, error);
    }
    if (status != CH_OK) {
        return status;
    }
    if (!verdict.wanted) {
        /* Patterns or rights are others now. */
        pending->out = true;
        ch_pending gone;
        return ch_subscription_ack(at->subscription, pending->sequence, &gone);
    }
    status = append(at, event, verdict.personal, error);
    if (status != CH_OK) {
        return status;
    }
    pending->offers = is_offer_to(&at->subscription->actor->grant, &event->event);
    ch_subscription_sent_again(at->subscription, pending, ch_reader_now(reader));
    if (pending->attempts > 1) {
        name_attempt(at, pending->sequence, pending->attempts);
    }
    return CH_OK;
}

static ch_status deliver_waiting(delivery *at, ch_error *error)
{
    uint64_t drained;
    ch_status status = CH_OK;
    while (has_room(at) && status == CH_OK) {
        ch_pending *pending =
            ch_subscription_next_waiting(at->subscription, ch_reader_now(at->reader), &drained);
        if (pending != NULL) {
            status = deliver_again(at, pending, error);
        } else if (drained != 0) {
            status = ch_reader_drain(at->reader, at->subscription, drained, error);
        } else {
            break;
        }
    }
    return status;
}

/* ---- for the first time */

static ch_status deliver_new(delivery *at, ch_slice_event *event, bool personal, ch_error *error)
{
    ch_subscription *subscription = at->subscription;
    const ch_pending pending = {.sequence = event->record.sequence,
                                .case_number = ch_reader_case_of(event),
                                .attempts = 1,
                                .out = true,
                                .offers = is_offer_to(&subscription->actor->grant, &event->event),
                                .deadline_ms = ch_reader_now(at->reader) + subscription->ack_timeout_ms};
    ch_status status = append(at, event, personal, error);
    if (status == CH_OK && !subscription->no_ack) {
        status = ch_subscription_sent(subscription, &pending);
    }
    return status;
}

static bool may_scan(const delivery *at, unsigned scanned)
{
    return has_room(at) && scanned < SCAN_AT_ONCE && !ch_subscription_is_full(at->subscription) &&
           !ch_subscription_is_paused(at->subscription) && at->subscription->next <= at->reader->last;
}

static ch_status scan(delivery *at, ch_error *error)
{
    ch_reader *reader = at->reader;
    ch_subscription *subscription = at->subscription;
    ch_status status = CH_OK;
    for (unsigned scanned = 0; may_scan(at, scanned) && status == CH_OK; scanned++) {
        ch_slice_event *event;
        ch_verdict verdict;
        bool may_step;
        status =
            ch_reader_may_step_over(reader, subscription, subscription->next, reader->last, &may_step, error);
        if (status == CH_OK && may_step) {
            subscription->next += CH_TOPIC_BLOCK;
            subscription->changed = true;
            continue;
        }
        if (status == CH_OK) {
            status =
                ch_slices_at(reader->slices, reader->log, subscription->next, reader->last, &event, error);
        }
        if (status == CH_OK) {
            status = ch_reader_judge(reader, subscription, event, &verdict, error);
        }
        if (status == CH_OK && verdict.wanted &&
            ch_subscription_held(subscription, ch_reader_case_of(event)) == NULL) {
            status = deliver_new(at, event, verdict.personal, error);
        }
        if (status == CH_OK) {
            subscription->next++;
            subscription->changed = true;
        }
    }
    return status;
}

static void send(delivery *at)
{
    ch_parcel *parcel;
    ch_mp_end_array(&at->body, at->body_begun, at->events);
    if (at->again > 0) {
        ch_mp_end_array(&at->attempts, at->attempts_begun, at->again);
    }
    const ch_chp_message message = {
        .verb = CH_CHP_EVENTS,
        .events = {.subscription = at->subscription->number,
                   .attempts = at->again > 0 ? ch_buf_str(&at->attempts) : CH_STR_NONE}};
    if (ch_parcel_new(&parcel, at->subscription->session) != CH_OK) {
        ch_diag(CH_DIAG_ERROR, "reader", "no memory to deliver: the events wait for their time-out");
        return;
    }
    ch_chp_encode(&parcel->header, &message);
    parcel->body = at->body;
    ch_buf_init(&at->body, CH_CHP_BODY_MAX);
    ch_reader_send(at->reader, parcel);
    ch_metric_add(&at->reader->hub->metrics->delivered, at->events);
    ch_metric_add(&at->reader->hub->metrics->redelivered, at->again);
}

/* Something to do, as far as can be told without looking. */
static bool is_due(ch_reader *reader, const ch_subscription *subscription)
{
    uint64_t last = reader->looking ? reader->last
                                    : atomic_load_explicit(&reader->hub->log_position, memory_order_acquire);
    return subscription->credit > 0 && !subscription->blocked &&
           (subscription->next <= last || subscription->loose || subscription->held_count > 0);
}

/* It stands still until the next round; what it waits for otherwise is no failure. */
static void note_failure(const delivery *at, ch_status status, ch_error *error)
{
    if (status == CH_OK || status == CH_BUSY || status == CH_END || status == CH_FULL) {
        return;
    }
    if (error->status != status) {
        ch_error_set(error, status, at->subscription->name, "%s", ch_status_text(status));
    }
    ch_diag_failure("reader", error, "a subscription could not be served");
    if (status == CH_CORRUPT || status == CH_IO) {
        ch_hub_fail(at->reader->hub, "reader", error);
    }
}

bool ch_reader_deliver(ch_reader *reader, ch_subscription *subscription)
{
    ch_error error = {.status = CH_OK};
    delivery at = {.reader = reader, .subscription = subscription};
    uint64_t before = subscription->next;
    if (!is_due(reader, subscription)) {
        return false;
    }
    ch_buf_init(&at.body, CH_CHP_BODY_MAX);
    ch_buf_init(&at.attempts, CH_CHP_HEADER_MAX);
    ch_status status = ch_reader_look(reader, &error);
    if (status == CH_OK) {
        status = deliver_waiting(&at, &error);
    }
    if (status == CH_OK) {
        status = scan(&at, &error);
    }
    if (at.events > 0) {
        send(&at);
    }
    ch_buf_done(&at.body);
    ch_buf_done(&at.attempts);
    note_failure(&at, status, &error);
    return status == CH_OK && (at.events > 0 || subscription->next != before) && is_due(reader, subscription);
}
