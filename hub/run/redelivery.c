/* What becomes of an event that was delivered: acknowledged, failed and held back with its case, or, after enough
 * deliveries, a dead letter.
 */
#include "hub/run/dead_letters.h"
#include "hub/run/reader_inside.h"

#include "hub/base/array.h"
#include "hub/base/diag.h"

#include <inttypes.h>
#include <stdio.h>

#define RETRIED_FIRST 16

/* The machine's acknowledgement of an offer is its delivery; whether the department accepts it is another matter. */
static void report_delivered(ch_reader *reader, const ch_pending *event)
{
    ch_slice_event *at;
    ch_error error;
    char id[CH_ID_MAX + 1];
    ch_status status = ch_reader_look(reader, &error);
    if (status == CH_OK) {
        status = ch_slices_at(reader->slices, reader->log, event->sequence, reader->last, &at, &error);
    }
    if (status != CH_OK) {
        ch_diag_failure("reader", &error, "a delivered handoff could not be reported");
        return;
    }
    ch_str handoff = ch_mp_find_str(at->event.data, "handoff");
    snprintf(id, sizeof id, "%.*s/delivered", CH_STR_ARG(handoff));
    ch_buf_clear(&reader->work);
    ch_mp_put_map(&reader->work, 1);
    ch_mp_put_text(&reader->work, "handoff");
    ch_mp_put_str(&reader->work, handoff);
    ch_reader_report(reader, "handoff.delivered", id, at->event.subject, ch_buf_str(&reader->work));
}

void ch_reader_acknowledge(ch_reader *reader, const ch_pending *event)
{
    if (event->offers) {
        report_delivered(reader, event);
    }
}

static void put(ch_buf *out, const char *key, const char *value)
{
    ch_mp_put_text(out, key);
    ch_mp_put_text(out, value);
}

#define REASON_SIZE 320

static void explain(const ch_pending *event, const ch_failure *failure, char out[REASON_SIZE])
{
    char text[REASON_SIZE + 200];
    if (!failure->final) {
        snprintf(text, sizeof text, "not acknowledged after %" PRIu32 " deliveries; the last time: %s",
                 event->attempts, failure->code);
    } else if (failure->text.size == 0) {
        snprintf(text, sizeof text, "its receiver can never deal with it");
    } else {
        snprintf(text, sizeof text, "%.*s%s%.*s", CH_STR_ARG(failure->where),
                 failure->where.size == 0 ? "" : ": ", CH_STR_ARG(failure->text));
    }
    ch_str_copy_cut(out, REASON_SIZE, ch_str_of(text));
}

/* The event itself stays in the log: the letter says where. */
static void make_letter(ch_reader *reader, const ch_subscription *subscription, const ch_pending *event,
                        const ch_failure *failure)
{
    char id[CH_ID_MAX + 1], place[64], text[REASON_SIZE];
    const char *name = subscription->durable ? subscription->name : "live";
    snprintf(id, sizeof id, "delivery/%s/%" PRIu64 "/%" PRIi64, name, event->sequence,
             ch_clock_wall_ms(reader->hub->options.clock));
    snprintf(place, sizeof place, "sequence %" PRIu64, event->sequence);
    explain(event, failure, text);
    ch_buf_clear(&reader->work);
    ch_mp_put_map(&reader->work, 6);
    put(&reader->work, "action", "made");
    put(&reader->work, "connector", name);
    put(&reader->work, "stage", "deliver");
    put(&reader->work, "code", failure->code);
    put(&reader->work, "reason", text);
    put(&reader->work, "place", place);
    ch_metric_add(&reader->hub->metrics->undelivered, 1);
    ch_reader_report(reader, "hub.deadletter", id, CH_STR_NONE, ch_buf_str(&reader->work));
}

void ch_reader_fail(ch_reader *reader, ch_subscription *subscription, uint64_t sequence,
                    const ch_failure *failure)
{
    int64_t now = ch_reader_now(reader);
    ch_pending gone;
    const ch_pending *event = ch_subscription_find(subscription, sequence);
    if (event == NULL || !event->out) {
        return;
    }
    if (failure->final || event->attempts >= subscription->deliveries_most) {
        if (ch_subscription_ack(subscription, sequence, &gone) == CH_OK) {
            make_letter(reader, subscription, &gone, failure);
        }
        return;
    }
    int64_t wait = failure->delay_ms >= 0 ? failure->delay_ms
                                          : ch_subscription_backoff_ms(subscription, event->attempts);
    ch_status status = ch_subscription_nak(subscription, sequence, now + wait);
    if (status != CH_OK && status != CH_FULL) {
        ch_diag(CH_DIAG_ERROR, "reader", "a failed event cannot be held: %s", ch_status_text(status));
    }
}

void ch_reader_fail_overdue(ch_reader *reader, ch_subscription *subscription)
{
    static const ch_failure timeout = {.delay_ms = -1, .code = "timeout"};
    const ch_pending *event;
    int64_t now = ch_reader_now(reader);
    while ((event = ch_subscription_overdue(subscription, now)) != NULL) {
        ch_reader_fail(reader, subscription, event->sequence, &timeout);
    }
}

/* ---- again, from a dead letter */

static ch_status put_under_way(ch_reader *reader, ch_subscription *subscription, uint64_t sequence,
                               ch_error *error)
{
    ch_slice_event *event;
    if (sequence >= subscription->next || ch_subscription_find(subscription, sequence) != NULL) {
        return CH_OK; /* it was moved back, and the scan comes to the event again; or it is under way */
    }
    ch_status status = ch_reader_look(reader, error);
    if (status == CH_OK) {
        status = ch_slices_at(reader->slices, reader->log, sequence, reader->last, &event, error);
    }
    if (status != CH_OK) {
        return status;
    }
    const ch_pending again = {
        .sequence = sequence, .case_number = ch_reader_case_of(event), .deadline_ms = INT64_MAX};
    status = ch_subscription_sent(subscription, &again);
    subscription->loose = subscription->loose || status == CH_OK;
    return status == CH_OK ? CH_OK
                           : ch_error_set(error, status, subscription->name, "has too much under way");
}

static ch_status remember_retried(ch_reader *reader, uint64_t number, ch_error *error)
{
    ch_status status = ch_array_reserve(&reader->retried, &reader->retried_capacity,
                                        reader->retried_count + 1, RETRIED_FIRST, sizeof *reader->retried);
    if (status != CH_OK) {
        return ch_error_set(error, status, "reader", "no memory to remember it");
    }
    reader->retried[reader->retried_count++] = number;
    return CH_OK;
}

void ch_reader_redeliver(ch_reader *reader, const ch_redelivery *redelivery)
{
    ch_error error;
    ch_subscription *subscription = ch_reader_find_durable(reader, ch_str_of(redelivery->subscription));
    ch_status status =
        subscription == NULL
            ? ch_error_set(&error, CH_NOT_FOUND, redelivery->subscription, "the subscription is gone")
            : put_under_way(reader, subscription, redelivery->sequence, &error);
    if (status == CH_OK) {
        status = remember_retried(reader, redelivery->dead_letter, &error);
    }
    if (status != CH_OK) {
        ch_diag(CH_DIAG_WARN, "reader", "dead letter %" PRIu64 " is not delivered again yet: %s at %s: %s",
                redelivery->dead_letter, ch_status_name(status), error.where, error.text);
    }
}

void ch_reader_close_retried(ch_reader *reader)
{
    char id[64];
    for (size_t i = 0; i < reader->retried_count; i++) {
        uint64_t number = reader->retried[i];
        snprintf(id, sizeof id, "dead-letter/%" PRIu64 "/retried", number);
        ch_buf_clear(&reader->work);
        ch_mp_put_map(&reader->work, 2);
        put(&reader->work, "action", "retried");
        ch_mp_put_text(&reader->work, "number");
        ch_mp_put_uint(&reader->work, number);
        ch_reader_report(reader, "hub.deadletter", id, CH_STR_NONE, ch_buf_str(&reader->work));
    }
    reader->retried_count = 0;
}

static bool see_letter(void *context, const ch_dead_letter *letter)
{
    ch_redelivery redelivery;
    if (strcmp(letter->stage, "deliver") == 0 && strcmp(letter->status, "retrying") == 0 &&
        ch_dead_letter_of_delivery(letter, &redelivery) == CH_OK) {
        ch_reader_redeliver(context, &redelivery);
    }
    return true;
}

void ch_reader_resume_retries(ch_reader *reader)
{
    ch_error error;
    ch_status status = ch_reader_look_at_state(reader, &error);
    if (status == CH_OK) {
        status = ch_state_reader_dead_letters(reader->state, 1, see_letter, reader);
    }
    if (status != CH_OK) {
        ch_diag(CH_DIAG_ERROR, "reader", "dead letters that are being retried cannot be looked up: %s",
                ch_status_text(status));
    }
}

/* ---- what the scan skipped of a held case */

/* The first event of the case at or behind `from`, by halving: versions have no gaps, and sequences grow with them. */
static ch_status first_behind(ch_state_reader *state, uint64_t case_number, uint64_t from,
                              uint64_t *out_sequence)
{
    ch_case *the_case;
    ch_status status = ch_case_new(&the_case);
    if (status == CH_OK) {
        status = ch_state_reader_case(state, case_number, the_case);
    }
    uint32_t low = 1, high = status == CH_OK ? the_case->version + 1 : 1, version;
    ch_case_free(the_case);
    while (status == CH_OK && low < high) {
        uint64_t sequence;
        uint32_t middle = low + (high - low) / 2;
        status = ch_state_reader_case_event(state, case_number, middle, &version, &sequence);
        if (status == CH_OK && sequence < from) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return status == CH_OK ? ch_state_reader_case_event(state, case_number, low, &version, out_sequence)
                           : status;
}

ch_status ch_reader_drain(ch_reader *reader, ch_subscription *subscription, uint64_t case_number,
                          ch_error *error)
{
    ch_slice_event *event;
    ch_verdict verdict;
    uint64_t sequence;
    ch_held *held = ch_subscription_held(subscription, case_number);
    if ((case_number & CH_NO_CASE) != 0 || held->skipped_from >= subscription->next) {
        ch_subscription_release(subscription, case_number);
        return CH_OK;
    }
    ch_status status = ch_reader_look_at_state(reader, error);
    if (status == CH_OK && reader->state_last + 1 < subscription->next) {
        return CH_BUSY;
    }
    if (status == CH_OK) {
        status = first_behind(reader->state, case_number, held->skipped_from, &sequence);
    }
    if (status == CH_END || status == CH_NOT_FOUND || (status == CH_OK && sequence >= subscription->next)) {
        ch_subscription_release(subscription, case_number);
        return CH_OK;
    }
    if (status == CH_OK) {
        status = ch_slices_at(reader->slices, reader->log, sequence, reader->last, &event, error);
    }
    if (status == CH_OK) {
        status = ch_reader_judge(reader, subscription, event, &verdict, error);
    }
    if (status != CH_OK) {
        return status;
    }
    const ch_pending pending = {.sequence = sequence, .case_number = case_number, .deadline_ms = INT64_MAX};
    status = verdict.wanted ? ch_subscription_sent(subscription, &pending) : CH_OK;
    if (status == CH_OK) {
        held->skipped_from = sequence + 1;
        subscription->changed = true;
    }
    return status;
}
