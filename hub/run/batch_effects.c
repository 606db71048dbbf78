/* What a batch leaves to be done, and to be told, once it is durable: grants, dead letters, erased cases. */
#include "hub/run/batch_inside.h"

#include "hub/base/array.h"

ch_status ch_batch_close_letter(ch_batch *batch, uint64_t number)
{
    ch_status status = ch_array_reserve(&batch->closed_letters.at, &batch->closed_letters.capacity,
                                        batch->closed_letters.count + 1, CH_BATCH_ARRAY_FIRST,
                                        sizeof *batch->closed_letters.at);
    if (status == CH_OK) {
        batch->closed_letters.at[batch->closed_letters.count++] = number;
    }
    return status;
}

/* A delivery is tried again by the reader, which says when the letter is closed; everything else by the connector that
 * watches for the event. */
static ch_status note_letter(ch_batch *batch, const ch_event *event)
{
    ch_dead_letter letter;
    ch_str action = ch_mp_find_str(event->data, "action");
    uint64_t number = (uint64_t)ch_mp_find_int(event->data, "number", 0);
    if (ch_str_is(action, "drop") || ch_str_is(action, "retried")) {
        return ch_batch_close_letter(batch, number);
    }
    if (!ch_str_is(action, "retry") || ch_state_dead_letter(batch->store->state, number, &letter) != CH_OK ||
        strcmp(letter.stage, "deliver") != 0) {
        return CH_OK;
    }
    ch_status status =
        ch_array_reserve(&batch->redeliveries.at, &batch->redeliveries.capacity,
                         batch->redeliveries.count + 1, CH_BATCH_ARRAY_FIRST, sizeof *batch->redeliveries.at);
    if (status == CH_OK) {
        batch->redeliveries.at[batch->redeliveries.count++] = letter;
    }
    return status;
}

static ch_status note_grant(ch_batch *batch, const ch_event *event)
{
    ch_status status = ch_array_reserve(&batch->grants.at, &batch->grants.capacity, batch->grants.count + 1,
                                        CH_BATCH_ARRAY_FIRST, sizeof *batch->grants.at);
    if (status == CH_OK) {
        status = ch_grant_decode(event->data, &batch->grants.at[batch->grants.count], NULL);
    }
    batch->grants.count += status == CH_OK;
    return status;
}

/* As it was decided: with all the cases that it takes. */
static ch_status note_erasure(ch_batch *batch, const ch_event *event)
{
    ch_mp_value list, id;
    ch_str bytes;
    if (!ch_mp_find(event->data, "cases", &list, &bytes)) {
        return CH_CORRUPT;
    }
    ch_mp_reader reader = ch_mp_reader_of(bytes);
    ch_status status =
        ch_array_reserve(&batch->erased.at, &batch->erased.capacity, batch->erased.count + list.count,
                         CH_BATCH_ARRAY_FIRST, sizeof *batch->erased.at);
    bool more = ch_mp_next(&reader, &list);
    for (uint32_t i = 0; i < list.count && more && status == CH_OK; i++) {
        ch_erasure *erasure = &batch->erased.at[batch->erased.count];
        *erasure = (ch_erasure){
            .sequence = event->sequence, .epoch = event->epoch, .recorded_ms = event->recorded_ms};
        more = ch_mp_next(&reader, &id);
        status = more ? ch_case_id_number(id.str, &erasure->number) : CH_CORRUPT;
        batch->erased.count += status == CH_OK;
    }
    return status;
}

/* What others must hear of, or what must be done, once it is durable. */
ch_status ch_batch_note_hub_event(ch_batch *batch, const ch_event *event)
{
    if (ch_str_is(event->type, "hub.erased")) {
        return note_erasure(batch, &batch->decision->events[0].event);
    }
    if (ch_str_is(event->type, "hub.grant")) {
        return note_grant(batch, event);
    }
    return ch_str_is(event->type, "hub.deadletter") ? note_letter(batch, event) : CH_OK;
}

/* ---- once it is durable */

bool ch_batch_next_grant(ch_batch *batch, ch_grant *out_grant)
{
    if (batch->grants.told == batch->grants.count) {
        return false;
    }
    *out_grant = batch->grants.at[batch->grants.told++];
    return true;
}

bool ch_batch_next_redelivery(ch_batch *batch, ch_dead_letter *out_letter)
{
    if (batch->redeliveries.told == batch->redeliveries.count) {
        return false;
    }
    *out_letter = batch->redeliveries.at[batch->redeliveries.told++];
    return true;
}

ch_status ch_batch_erase_letters(ch_batch *batch, ch_error *error)
{
    ch_status status = CH_OK;
    for (size_t i = 0; i < batch->closed_letters.count && status == CH_OK; i++) {
        status = ch_slots_erase(batch->store->dead_letter_slots, batch->closed_letters.at[i], error);
        status = status == CH_NOT_FOUND ? CH_OK : status;
    }
    batch->closed_letters.count = 0;
    return status;
}

bool ch_batch_has_erasures(const ch_batch *batch)
{
    return batch->erased.count > 0;
}

ch_status ch_batch_carry_out_erasures(ch_batch *batch, ch_error *error)
{
    ch_status status = batch->erased.count == 0 ? CH_OK
                                                : ch_erasures_carry_out(batch->store, batch->erased.at,
                                                                        batch->erased.count, error);
    batch->erased.count = 0;
    return status;
}
