#include "hub/run/dead_letters.h"

#include <string.h>

typedef struct closing {
    ch_store *store;
    ch_status status;
    ch_error *error;
} closing;

static bool is_closed(const ch_dead_letter *letter)
{
    return strcmp(letter->status, "retried") == 0 || strcmp(letter->status, "dropped") == 0;
}

/* A key that is there in part only (CH_CORRUPT: the crash came while it was being overwritten) goes as well. */
static bool see_letter(void *context, const ch_dead_letter *letter)
{
    closing *at = context;
    uint8_t key[CH_KEY_SIZE];
    if (!is_closed(letter)) {
        return true;
    }
    ch_status status = ch_slots_key(at->store->dead_letter_slots, letter->number, key);
    explicit_bzero(key, sizeof key);
    if (status != CH_ERASED && status != CH_NOT_FOUND) {
        at->status = ch_slots_erase(at->store->dead_letter_slots, letter->number, at->error);
    }
    return at->status == CH_OK;
}

ch_status ch_dead_letters_settle(ch_store *store, ch_error *error)
{
    ch_state_reader *reader;
    closing at = {.store = store, .status = CH_OK, .error = error};
    ch_status status = ch_state_reader_open(&reader, store->state, error);
    if (status != CH_OK) {
        return status;
    }
    status = ch_state_reader_dead_letters(reader, 1, see_letter, &at);
    ch_state_reader_close(reader);
    if (status != CH_OK) {
        return ch_error_set(error, status, "state", "dead letters cannot be read");
    }
    return at.status;
}

ch_status ch_dead_letter_of_delivery(const ch_dead_letter *letter, ch_redelivery *out_redelivery)
{
    const ch_str place = ch_str_of(letter->place), before = CH_STR("sequence ");
    int64_t sequence;
    if (!ch_str_starts(place, before) ||
        ch_str_to_int((ch_str){place.at + before.size, place.size - before.size}, &sequence) != CH_OK ||
        sequence < 1) {
        return CH_INVALID;
    }
    *out_redelivery = (ch_redelivery){.dead_letter = letter->number, .sequence = (uint64_t)sequence};
    memcpy(out_redelivery->subscription, letter->connector, sizeof out_redelivery->subscription);
    return CH_OK;
}
