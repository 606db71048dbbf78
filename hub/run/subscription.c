#include "hub/run/subscription.h"

#include "hub/base/array.h"
#include "hub/model/topic.h"

#include <stdlib.h>

#define ARRAY_FIRST 64

ch_status ch_subscription_new(ch_subscription **out_subscription)
{
    ch_subscription *subscription = calloc(1, sizeof *subscription);
    if (subscription == NULL) {
        return CH_NO_MEMORY;
    }
    subscription->next_deadline_ms = INT64_MAX;
    *out_subscription = subscription;
    return CH_OK;
}

void ch_subscription_free(ch_subscription *subscription)
{
    if (subscription == NULL) {
        return;
    }
    ch_actor_unref(subscription->actor);
    free(subscription->patterns);
    free(subscription->wanted);
    free(subscription->pending);
    free(subscription->held);
    free(subscription);
}

/* NULL, too, when one of the patterns leaves nothing. */
static ch_status make_wanted(const ch_str *patterns, size_t count, ch_topic_filter **out_wanted)
{
    ch_topic_filter *wanted = calloc(count == 0 ? 1 : count, sizeof *wanted);
    if (wanted == NULL) {
        return CH_NO_MEMORY;
    }
    for (size_t i = 0; i < count && wanted != NULL; i++) {
        ch_topic_filter_add(&wanted[i], patterns[i]);
        if (ch_topic_filter_is_empty(&wanted[i])) {
            free(wanted);
            wanted = NULL;
        }
    }
    *out_wanted = wanted;
    return CH_OK;
}

ch_status ch_subscription_set_patterns(ch_subscription *subscription, const ch_str *patterns, size_t count)
{
    ch_topic_filter *wanted;
    char(*copies)[CH_TOPIC_MAX + 1] = calloc(count == 0 ? 1 : count, sizeof *copies);
    if (copies == NULL) {
        return CH_NO_MEMORY;
    }
    for (size_t i = 0; i < count; i++) {
        ch_status status = ch_str_copy(copies[i], sizeof copies[i], patterns[i]);
        if (status != CH_OK) {
            free(copies);
            return status;
        }
    }
    ch_status status = make_wanted(patterns, count, &wanted);
    if (status != CH_OK) {
        free(copies);
        return status;
    }
    free(subscription->patterns);
    free(subscription->wanted);
    subscription->patterns = copies;
    subscription->wanted = wanted;
    subscription->pattern_count = count;
    return CH_OK;
}

bool ch_subscription_matches(const ch_subscription *subscription, ch_str topic)
{
    for (size_t i = 0; i < subscription->pattern_count; i++) {
        if (ch_pattern_matches(ch_str_of(subscription->patterns[i]), topic)) {
            return true;
        }
    }
    return false;
}

bool ch_subscription_is_narrow(const ch_subscription *subscription)
{
    return subscription->wanted != NULL && !subscription->involved;
}

bool ch_subscription_may_want(const ch_subscription *subscription, const ch_topic_filter *block)
{
    for (size_t i = 0; i < subscription->pattern_count; i++) {
        if (ch_topic_filter_may_hold(block, &subscription->wanted[i])) {
            return true;
        }
    }
    return false;
}

/* Where this sequence is, or would go. */
static size_t pending_place(const ch_subscription *subscription, uint64_t sequence)
{
    size_t low = 0, high = subscription->pending_count;
    if (high > 0 && subscription->pending[high - 1].sequence < sequence) {
        return high;
    }
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (subscription->pending[middle].sequence < sequence) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

ch_pending *ch_subscription_find(ch_subscription *subscription, uint64_t sequence)
{
    size_t at = pending_place(subscription, sequence);
    return at < subscription->pending_count && subscription->pending[at].sequence == sequence
               ? &subscription->pending[at]
               : NULL;
}

static void note_deadline(ch_subscription *subscription, int64_t deadline_ms)
{
    if (deadline_ms < subscription->next_deadline_ms) {
        subscription->next_deadline_ms = deadline_ms;
    }
}

ch_status ch_subscription_sent(ch_subscription *subscription, const ch_pending *event)
{
    if (subscription->pending_count >= CH_PENDING_MOST) {
        return CH_FULL;
    }
    ch_status status = ch_array_reserve(&subscription->pending, &subscription->pending_capacity,
                                        subscription->pending_count + 1, ARRAY_FIRST, sizeof *event);
    if (status != CH_OK) {
        return status;
    }
    size_t at = pending_place(subscription, event->sequence);
    memmove(&subscription->pending[at + 1], &subscription->pending[at],
            (subscription->pending_count - at) * sizeof *event);
    subscription->pending[at] = *event;
    subscription->pending_count++;
    subscription->changed = true;
    note_deadline(subscription, event->deadline_ms);
    return CH_OK;
}

bool ch_subscription_is_full(const ch_subscription *subscription)
{
    return subscription->pending_count == CH_PENDING_MOST;
}

static void remove_pending(ch_subscription *subscription, ch_pending *event)
{
    size_t at = (size_t)(event - subscription->pending);
    subscription->pending_count--;
    memmove(event, event + 1, (subscription->pending_count - at) * sizeof *event);
    subscription->changed = true;
}

/* The answer that a held case waited for has come. A back-off that has not passed is no such waiting. */
static void go_on(ch_subscription *subscription, uint64_t case_number)
{
    ch_held *held = ch_subscription_held(subscription, case_number);
    if (held != NULL && held->not_before_ms == INT64_MAX) {
        held->not_before_ms = 0;
    }
}

ch_status ch_subscription_ack(ch_subscription *subscription, uint64_t sequence, ch_pending *out_event)
{
    ch_pending *event = ch_subscription_find(subscription, sequence);
    if (event == NULL || !event->out) {
        return CH_NOT_FOUND;
    }
    *out_event = *event;
    remove_pending(subscription, event);
    go_on(subscription, out_event->case_number);
    return CH_OK;
}

void ch_subscription_ack_upto(ch_subscription *subscription, uint64_t upto, ch_pending_visitor *visit,
                              void *context)
{
    size_t kept = 0;
    for (size_t i = 0; i < subscription->pending_count; i++) {
        const ch_pending event = subscription->pending[i];
        if (!event.out || event.sequence > upto) {
            subscription->pending[kept++] = event;
            continue;
        }
        go_on(subscription, event.case_number);
        visit(context, &event);
    }
    subscription->changed = subscription->changed || kept != subscription->pending_count;
    subscription->pending_count = kept;
}

/* ---- held cases */

static size_t held_place(const ch_subscription *subscription, uint64_t case_number)
{
    size_t low = 0, high = subscription->held_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (subscription->held[middle].case_number < case_number) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

ch_held *ch_subscription_held(ch_subscription *subscription, uint64_t case_number)
{
    size_t at = held_place(subscription, case_number);
    return at < subscription->held_count && subscription->held[at].case_number == case_number
               ? &subscription->held[at]
               : NULL;
}

ch_status ch_subscription_hold(ch_subscription *subscription, uint64_t case_number, int64_t not_before_ms,
                               size_t most)
{
    ch_held *held = ch_subscription_held(subscription, case_number);
    if (held != NULL) {
        held->not_before_ms = not_before_ms;
        return CH_OK;
    }
    if (subscription->held_count >= most) {
        return CH_FULL;
    }
    ch_status status = ch_array_reserve(&subscription->held, &subscription->held_capacity,
                                        subscription->held_count + 1, ARRAY_FIRST, sizeof *held);
    if (status != CH_OK) {
        return status;
    }
    size_t at = held_place(subscription, case_number);
    memmove(&subscription->held[at + 1], &subscription->held[at],
            (subscription->held_count - at) * sizeof *held);
    subscription->held[at] = (ch_held){case_number, subscription->next, not_before_ms};
    subscription->held_count++;
    return CH_OK;
}

void ch_subscription_release(ch_subscription *subscription, uint64_t case_number)
{
    ch_held *held = ch_subscription_held(subscription, case_number);
    if (held == NULL) {
        return;
    }
    size_t at = (size_t)(held - subscription->held);
    subscription->held_count--;
    memmove(held, held + 1, (subscription->held_count - at) * sizeof *held);
    subscription->changed = true;
}

bool ch_subscription_is_paused(const ch_subscription *subscription)
{
    return subscription->held_count >= subscription->held_most;
}

ch_status ch_subscription_nak(ch_subscription *subscription, uint64_t sequence, int64_t not_before_ms)
{
    ch_pending *event = ch_subscription_find(subscription, sequence);
    if (event == NULL || !event->out) {
        return CH_NOT_FOUND;
    }
    ch_status status =
        ch_subscription_hold(subscription, event->case_number, not_before_ms, subscription->held_most);
    if (status != CH_OK) {
        event->deadline_ms = not_before_ms;
        note_deadline(subscription, not_before_ms);
        return status;
    }
    for (ch_pending *at = event; at < subscription->pending + subscription->pending_count; at++) {
        if (at->case_number == event->case_number) {
            at->out = false;
        }
    }
    subscription->changed = true;
    return CH_OK;
}

int64_t ch_subscription_backoff_ms(const ch_subscription *subscription, uint32_t attempts)
{
    int64_t wait = subscription->backoff_first_ms;
    for (uint32_t i = 1; i < attempts && wait < subscription->backoff_most_ms; i++) {
        wait *= 2;
    }
    return wait < subscription->backoff_most_ms ? wait : subscription->backoff_most_ms;
}

const ch_pending *ch_subscription_overdue(ch_subscription *subscription, int64_t now_ms)
{
    int64_t earliest = INT64_MAX;
    if (subscription->next_deadline_ms > now_ms) {
        return NULL;
    }
    for (size_t i = 0; i < subscription->pending_count; i++) {
        const ch_pending *event = &subscription->pending[i];
        if (event->out && event->deadline_ms <= now_ms) {
            return event;
        }
        earliest = event->out && event->deadline_ms < earliest ? event->deadline_ms : earliest;
    }
    subscription->next_deadline_ms = earliest;
    return NULL;
}

static ch_pending *next_loose(ch_subscription *subscription)
{
    for (size_t i = 0; i < subscription->pending_count; i++) {
        ch_pending *event = &subscription->pending[i];
        if (!event->out && ch_subscription_held(subscription, event->case_number) == NULL) {
            return event;
        }
    }
    return NULL;
}

/* The case's first event under way; NULL: none is. */
static ch_pending *first_of_case(const ch_subscription *subscription, uint64_t case_number)
{
    for (size_t i = 0; i < subscription->pending_count; i++) {
        if (subscription->pending[i].case_number == case_number) {
            return &subscription->pending[i];
        }
    }
    return NULL;
}

ch_pending *ch_subscription_next_waiting(ch_subscription *subscription, int64_t now_ms, uint64_t *out_drained)
{
    *out_drained = 0;
    if (subscription->loose) {
        ch_pending *event = next_loose(subscription);
        if (event != NULL) {
            return event;
        }
        subscription->loose = false;
    }
    for (size_t i = 0; i < subscription->held_count; i++) {
        const ch_held *held = &subscription->held[i];
        if (held->not_before_ms > now_ms) {
            continue;
        }
        ch_pending *event = first_of_case(subscription, held->case_number);
        if (event == NULL && !ch_subscription_is_full(subscription)) {
            *out_drained = held->case_number;
            return NULL;
        }
        if (event != NULL && !event->out) {
            return event;
        }
    }
    return NULL;
}

void ch_subscription_sent_again(ch_subscription *subscription, ch_pending *event, int64_t now_ms)
{
    ch_held *held = ch_subscription_held(subscription, event->case_number);
    event->out = true;
    event->attempts++;
    event->deadline_ms = now_ms + subscription->ack_timeout_ms;
    note_deadline(subscription, event->deadline_ms);
    if (held != NULL) {
        /* Its acknowledgement, or the lack of it, says when the case goes on. */
        held->not_before_ms = INT64_MAX;
    }
    subscription->changed = true;
}

int64_t ch_subscription_wake_ms(const ch_subscription *subscription, int64_t after_ms)
{
    int64_t wake = subscription->next_deadline_ms;
    for (size_t i = 0; i < subscription->held_count; i++) {
        int64_t at = subscription->held[i].not_before_ms;
        wake = at > after_ms && at < wake ? at : wake;
    }
    return wake;
}

/* ---- coming and going */

void ch_subscription_detach(ch_subscription *subscription)
{
    for (size_t i = 0; i < subscription->pending_count; i++) {
        subscription->pending[i].out = false;
    }
    for (size_t i = 0; i < subscription->held_count; i++) {
        ch_held *held = &subscription->held[i];
        held->not_before_ms = held->not_before_ms == INT64_MAX ? 0 : held->not_before_ms;
    }
    ch_actor_unref(subscription->actor);
    subscription->actor = NULL;
    subscription->session = 0;
    subscription->blocked = false;
    subscription->credit = 0;
    subscription->loose = subscription->pending_count > 0;
    subscription->next_deadline_ms = INT64_MAX;
}

void ch_subscription_move(ch_subscription *subscription, uint32_t epoch, uint64_t next)
{
    subscription->epoch = epoch;
    subscription->next = next;
    subscription->pending_count = 0;
    subscription->held_count = 0;
    subscription->loose = false;
    subscription->changed = true;
    subscription->next_deadline_ms = INT64_MAX;
}

uint64_t ch_subscription_floor(const ch_subscription *subscription)
{
    uint64_t floor = subscription->next - 1;
    if (subscription->pending_count > 0 && subscription->pending[0].sequence <= floor) {
        floor = subscription->pending[0].sequence - 1;
    }
    for (size_t i = 0; i < subscription->held_count; i++) {
        if (subscription->held[i].skipped_from <= floor) {
            floor = subscription->held[i].skipped_from - 1;
        }
    }
    return floor;
}
