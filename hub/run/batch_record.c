/* One event on its way into log and state: split by field classes, sealed, encoded, chained, folded. */
#include "hub/run/batch_inside.h"

#include "hub/base/array.h"
#include "hub/model/topic.h"

#include <sodium.h>

/* hub. events hold nothing secret: a key would protect nothing. */
static ch_status key_of(const ch_batch *batch, uint64_t case_number, uint8_t out_key[CH_KEY_SIZE])
{
    if (case_number == 0) {
        memset(out_key, 0, CH_KEY_SIZE);
        return CH_OK;
    }
    return ch_slots_key(batch->store->case_slots, case_number, out_key);
}

ch_status ch_batch_digest(const ch_batch *batch, const uint8_t *fingerprint, uint64_t case_number,
                          uint8_t out_digest[CH_DIGEST_SIZE])
{
    uint8_t key[CH_KEY_SIZE];
    ch_status status = key_of(batch, case_number, key);
    if (status == CH_OK) {
        ch_digest(out_digest, CH_DIGEST_SIZE, (ch_str){(const char *)fingerprint, CH_FINGERPRINT_SIZE}, key);
    }
    sodium_memzero(key, sizeof key);
    return status;
}

static bool makes_letter(const ch_event *event)
{
    return ch_str_is(event->type, "hub.deadletter") &&
           ch_str_is(ch_mp_find_str(event->data, "action"), "made");
}

/* The key that will seal the secret. Of an erased case nothing is kept any more that would have to be sealed. A dead letter
 * has a slot of its own, so that it can be destroyed alone. */
static ch_status choose_key(ch_batch *batch, const ch_event *event, ch_placed *placed, ch_error *error)
{
    ch_status status;
    ch_record *record = &placed->record;
    if (batch->secret.size == 0) {
        return CH_OK;
    }
    if (makes_letter(event)) {
        ch_slots *slots = batch->store->dead_letter_slots;
        record->flags |= CH_RECORD_DEAD_LETTER;
        record->case_number = ch_state_next_dead_letter(batch->store->state);
        status = ch_slots_prepare(slots, record->case_number, error);
        status = status == CH_OK ? ch_slots_key(slots, record->case_number, placed->key) : status;
    } else if (record->case_number == 0) {
        return ch_error_set(error, CH_INVALID, "data",
                            "%.*s has no case, so nothing would seal what is not public",
                            CH_STR_ARG(event->type));
    } else {
        status = ch_slots_key(batch->store->case_slots, record->case_number, placed->key);
        if (status == CH_ERASED) {
            ch_buf_clear(&batch->secret);
            return CH_OK;
        }
    }
    return status == CH_OK ? CH_OK
                           : ch_error_set(error, status, "keys", "the key of %.*s cannot be used: %s",
                                          CH_STR_ARG(event->subject), ch_status_text(status));
}

static void note_due(ch_batch *batch, const ch_event *event)
{
    int64_t due = ch_str_starts(event->type, CH_STR("handoff.")) ? ch_mp_find_int(event->data, "due", 0)
                  : ch_str_starts(event->type, CH_STR("clock.")) ? ch_mp_find_int(event->data, "again", 0)
                                                                 : 0;
    if (due > 0 && due < batch->earliest_due_ms) {
        batch->earliest_due_ms = due;
    }
}

static uint16_t flags_of(const ch_decided *decided, bool derived)
{
    return (uint16_t)(ch_record_flags_of(&decided->event) | (decided->opens_case ? CH_RECORD_OPENS_CASE : 0) |
                      (decided->takes_ref ? CH_RECORD_TAKES_REF : 0) | (derived ? CH_RECORD_DERIVED : 0));
}

/* Keeps what the commit needs of the event. */
static ch_status keep_parts(ch_batch *batch, ch_placed *placed, const ch_event *event)
{
    placed->at = batch->parts.size;
    ch_event_store(&batch->parts, event);
    placed->public_size = (uint32_t)(batch->parts.size - placed->at);
    placed->secret_size = (uint32_t)batch->secret.size;
    placed->source_size = (uint32_t)event->source.size;
    placed->id_size = (uint32_t)event->id.size;
    ch_buf_append_str(&batch->parts, ch_buf_str(&batch->secret));
    ch_buf_append_str(&batch->parts, event->source);
    ch_buf_append_str(&batch->parts, event->id);
    placed->case_id = ch_arena_str(&batch->arena, event->subject);
    if (batch->parts.failed != CH_OK) {
        return batch->parts.failed;
    }
    return placed->case_id.at == NULL && event->subject.at != NULL ? CH_NO_MEMORY : CH_OK;
}

static ch_status place(ch_batch *batch, ch_placed *placed, const ch_event *event, ch_error *error)
{
    ch_status status = choose_key(batch, event, placed, error);
    if (status != CH_OK) {
        return status;
    }
    status = ch_array_reserve(&batch->placed, &batch->capacity, batch->count + 1, CH_BATCH_ARRAY_FIRST,
                              sizeof *batch->placed);
    if (status == CH_OK) {
        status = keep_parts(batch, placed, event);
    }
    if (status != CH_OK) {
        return ch_error_set(error, status, "batch", "no room for the event");
    }
    batch->placed[batch->count++] = *placed;
    return ch_state_fold(batch->store->state, &placed->record, event, error);
}

ch_status ch_batch_append(ch_batch *batch, const ch_decided *decided, const uint8_t *fingerprint,
                          ch_error *error)
{
    ch_event event = decided->event;
    ch_placed placed = {.record = {.flags = flags_of(decided, fingerprint == NULL),
                                   .sequence = event.sequence,
                                   .case_number = decided->case_number,
                                   .recorded_ms = event.recorded_ms,
                                   .epoch = event.epoch,
                                   .case_version = event.case_version},
                        .case_number = decided->case_number,
                        .case_version = event.case_version};
    ch_status status = CH_OK;
    if (fingerprint != NULL) {
        status = ch_batch_digest(batch, fingerprint, decided->case_number, placed.record.digest);
        status = status == CH_ERASED ? CH_OK : status; /* zeros: a repeat cannot be compared with it either */
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
    status = place(batch, &placed, &event, error);
    sodium_memzero(placed.key, sizeof placed.key);
    if (status == CH_OK && batch->secret.size > 0 && placed.case_number != 0) {
        status = ch_state_note_persons(batch->store->state, placed.case_number, decided->event.private_data);
        if (status != CH_OK) {
            return ch_error_set(error, status, "state", "who is in the event cannot be noted: %s",
                                ch_status_text(status));
        }
    }
    if (status == CH_OK) {
        note_due(batch, &event);
        batch->letters_made += makes_letter(&event);
    }
    return status;
}

/* ---- at the commit */

static void seal(ch_batch *batch, ch_placed *placed, ch_str secret, ch_str source, ch_str id)
{
    ch_buf_clear(&batch->sealed);
    if (secret.size > 0) {
        uint8_t nonce[CH_NONCE_SIZE];
        ch_nonces_take(&batch->store->nonces, nonce);
        ch_seal(&batch->sealed, secret, placed->key, nonce, placed->case_id, source, id);
        placed->record.sealed = ch_buf_str(&batch->sealed);
        sodium_memzero(placed->key, sizeof placed->key);
    }
}

ch_status ch_batch_encode(ch_batch *batch, uint32_t *sizes, uint8_t chain[CH_HASH_SIZE], ch_error *error)
{
    ch_buf_clear(&batch->records);
    memcpy(chain, ch_event_log_chain(batch->store->log), CH_HASH_SIZE);
    for (size_t i = 0; i < batch->count; i++) {
        ch_placed *placed = &batch->placed[i];
        const char *at = (const char *)batch->parts.at + placed->at, *secret = at + placed->public_size;
        const char *source = secret + placed->secret_size, *id = source + placed->source_size;
        size_t before = batch->records.size;
        seal(batch, placed, (ch_str){secret, placed->secret_size}, (ch_str){source, placed->source_size},
             (ch_str){id, placed->id_size});
        placed->record.public_part = (ch_str){at, placed->public_size};
        ch_record_encode(&batch->records, &placed->record, chain);
        sizes[i] = (uint32_t)(batch->records.size - before);
        if (batch->sealed.failed != CH_OK || batch->records.failed != CH_OK) {
            return ch_error_set(error, CH_NO_MEMORY, "batch", "no room to encode the events");
        }
    }
    return CH_OK;
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

ch_status ch_batch_append_decision(ch_batch *batch, const uint8_t *fingerprint, size_t *out_index,
                                   ch_error *error)
{
    const ch_decision *decision = batch->decision;
    ch_status status = CH_OK;
    for (size_t i = 0; i < decision->count && status == CH_OK; i++) {
        bool derived = i != decision->incoming;
        if (!derived) {
            *out_index = batch->count;
        }
        status = ch_batch_append(batch, &decision->events[i], derived ? NULL : fingerprint, error);
        if (status == CH_OK) {
            count_event(batch, &decision->events[i].event, derived);
        }
    }
    return status;
}
