/* One event on its way into log and state: split by field classes, sealed, encoded, chained, folded. */
#include "hub/run/batch_inside.h"

#include "hub/model/topic.h"

#include <sodium.h>
#include <stdlib.h>

ch_status ch_batch_reserve(void **at, size_t *capacity, size_t count, size_t size)
{
    if (count < *capacity) {
        return CH_OK;
    }
    size_t larger = *capacity == 0 ? 64 : *capacity * 2;
    void *moved = realloc(*at, larger * size);
    if (moved == NULL) {
        return CH_NO_MEMORY;
    }
    *at = moved;
    *capacity = larger;
    return CH_OK;
}

/* hub. events hold nothing secret: a key would protect nothing. */
static ch_status key_of(ch_batch *batch, uint64_t case_number, uint8_t out_key[CH_KEY_SIZE])
{
    if (case_number == 0) {
        memset(out_key, 0, CH_KEY_SIZE);
        return CH_OK;
    }
    return ch_slots_key(batch->store->case_slots, case_number, out_key);
}

ch_status ch_batch_digest(ch_batch *batch, const ch_event *event, uint64_t case_number,
                          uint8_t out_digest[CH_DIGEST_SIZE])
{
    uint8_t key[CH_KEY_SIZE];
    ch_status status = key_of(batch, case_number, key);
    if (status == CH_OK) {
        ch_buf_clear(&batch->canonical);
        status = ch_event_canonical(&batch->canonical, event);
    }
    if (status == CH_OK) {
        ch_digest(out_digest, CH_DIGEST_SIZE, ch_buf_str(&batch->canonical), key);
    }
    sodium_memzero(key, sizeof key);
    return status;
}

static bool makes_letter(const ch_event *event)
{
    return ch_str_is(event->type, "hub.deadletter") &&
           ch_str_is(ch_mp_find_str(event->data, "action"), "made");
}

/* A dead letter has a slot of its own, so that it can be destroyed alone. */
static ch_status seal_secret(ch_batch *batch, const ch_event *event, ch_record *record, ch_error *error)
{
    uint8_t key[CH_KEY_SIZE];
    ch_status status;
    ch_buf_clear(&batch->sealed);
    if (batch->secret.size == 0) {
        return CH_OK;
    }
    if (makes_letter(event)) {
        record->flags |= CH_RECORD_DEAD_LETTER;
        record->case_number = ch_state_next_dead_letter(batch->store->state);
        status = ch_slots_prepare(batch->store->dead_letter_slots, record->case_number, error);
        status = status == CH_OK ? ch_slots_key(batch->store->dead_letter_slots, record->case_number, key)
                                 : status;
    } else if (record->case_number == 0) {
        return ch_error_set(error, CH_INVALID, "data",
                            "%.*s has no case, so nothing would seal what is not public",
                            CH_STR_ARG(event->type));
    } else {
        status = ch_slots_key(batch->store->case_slots, record->case_number, key);
    }
    if (status != CH_OK) {
        return ch_error_set(error, status, "keys", "the key of %.*s cannot be used: %s",
                            CH_STR_ARG(event->subject), ch_status_text(status));
    }
    ch_seal(&batch->sealed, ch_buf_str(&batch->secret), key, event->subject, event->source, event->id);
    sodium_memzero(key, sizeof key);
    record->sealed = ch_buf_str(&batch->sealed);
    return batch->sealed.failed;
}

static ch_status remember_place(ch_batch *batch, const ch_record *record, const ch_event *event, size_t size)
{
    ch_status status =
        ch_batch_reserve((void **)&batch->placed, &batch->capacity, batch->count, sizeof *batch->placed);
    if (status != CH_OK) {
        return status;
    }
    ch_placed *placed = &batch->placed[batch->count];
    *placed = (ch_placed){.case_number = record->case_number,
                          .case_version = event->case_version,
                          .size = (uint32_t)size,
                          .case_id = ch_arena_str(&batch->arena, event->subject)};
    memcpy(placed->digest, record->digest, CH_DIGEST_SIZE);
    if (placed->case_id.at == NULL && event->subject.at != NULL) {
        return CH_NO_MEMORY;
    }
    batch->count++;
    return CH_OK;
}

static void note_due(ch_batch *batch, const ch_event *event)
{
    int64_t due = ch_str_starts(event->type, CH_STR("handoff.")) ? ch_mp_find_int(event->data, "due", 0) : 0;
    if (due > 0 && due < batch->earliest_due_ms) {
        batch->earliest_due_ms = due;
    }
}

static uint16_t flags_of(const ch_decided *decided, bool derived)
{
    const ch_event *event = &decided->event;
    return (uint16_t)((event->anomalous ? CH_RECORD_ANOMALOUS : 0) |
                      (event->inferred ? CH_RECORD_INFERRED : 0) | (event->test_mode ? CH_RECORD_TEST : 0) |
                      (decided->opens_case ? CH_RECORD_OPENS_CASE : 0) |
                      (decided->takes_ref ? CH_RECORD_TAKES_REF : 0) | (derived ? CH_RECORD_DERIVED : 0));
}

static ch_status encode(ch_batch *batch, ch_record *record, const ch_event *event, ch_error *error)
{
    ch_buf_clear(&batch->public_part);
    ch_event_encode(&batch->public_part, event);
    record->public_part = ch_buf_str(&batch->public_part);
    size_t before = batch->records.size;
    ch_status status = batch->public_part.failed;
    if (status == CH_OK) {
        ch_record_encode(&batch->records, record, batch->chain);
        status = batch->records.failed;
    }
    if (status == CH_OK) {
        status = remember_place(batch, record, event, batch->records.size - before);
    }
    if (status != CH_OK) {
        return ch_error_set(error, status, "batch", "no room to encode the event");
    }
    return ch_state_fold(batch->store->state, record, event, error);
}

ch_status ch_batch_append(ch_batch *batch, const ch_decided *decided, const ch_event *produced,
                          ch_error *error)
{
    ch_event event = decided->event;
    ch_record record = {.flags = flags_of(decided, produced == NULL),
                        .sequence = event.sequence,
                        .case_number = decided->case_number,
                        .recorded_ms = event.recorded_ms,
                        .epoch = event.epoch,
                        .case_version = event.case_version};
    ch_status status = CH_OK;
    if (produced != NULL) {
        status = ch_batch_digest(batch, produced, decided->case_number, record.digest);
    }
    ch_buf_clear(&batch->public_data);
    ch_buf_clear(&batch->secret);
    if (status == CH_OK) {
        status = ch_schema_split(batch->rules->schema, &decided->event, &batch->public_data, &batch->secret);
    }
    if (status != CH_OK) {
        return ch_error_set(error, status, "batch", "the event cannot be split or hashed: %s",
                            ch_status_text(status));
    }
    event.data = batch->public_data.size > 0 ? ch_buf_str(&batch->public_data) : CH_STR_NONE;
    event.private_data = CH_STR_NONE;
    event.raw = CH_STR_NONE;
    status = seal_secret(batch, &event, &record, error);
    if (status == CH_OK) {
        status = encode(batch, &record, &event, error);
    }
    if (status == CH_OK) {
        note_due(batch, &event);
    }
    return status;
}

static void count_event(ch_batch *batch, const ch_event *event, bool derived)
{
    if (derived) {
        ch_metric_add(&batch->metrics->derived, 1);
        return;
    }
    ch_metrics_count_event(batch->metrics, event->type, ch_topic_system_of(event->source));
    if (event->anomalous) {
        ch_metric_add(&batch->metrics->anomalous, 1);
    }
}

ch_status ch_batch_append_decision(ch_batch *batch, const ch_event *produced, size_t *out_index,
                                   ch_error *error)
{
    const ch_decision *decision = batch->decision;
    ch_status status = CH_OK;
    for (size_t i = 0; i < decision->count && status == CH_OK; i++) {
        bool derived = i != decision->incoming;
        if (!derived) {
            *out_index = batch->count;
        }
        status = ch_batch_append(batch, &decision->events[i], derived ? NULL : produced, error);
        count_event(batch, &decision->events[i].event, derived);
    }
    return status;
}
