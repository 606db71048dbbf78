#include "hub/run/slices.h"

#include "hub/run/queries.h"

#include <stdlib.h>

#define KEPT 192
#define HELD_MOST ((size_t)64 * 1024 * 1024) /* of all that are not in use */
#define EVENT_LIMIT ((size_t)1024 * 1024)    /* of one in any form; intake takes a quarter of that */
/* Any slice fits: each of its events as it is stored and in both readable forms. */
#define SLICE_LIMIT (CH_SLICE_EVENTS * (sizeof(ch_slice_event) + 3 * EVENT_LIMIT))

struct ch_slices {
    ch_store *store;
    ch_slice at[KEPT];
    ch_slice *latest; /* the one asked for last, which is nearly always the next one too */
    uint64_t asked;
    ch_buf work;
};

ch_status ch_slices_new(ch_slices **out_slices, ch_store *store)
{
    ch_slices *slices = calloc(1, sizeof *slices);
    if (slices == NULL) {
        return CH_NO_MEMORY;
    }
    slices->store = store;
    ch_buf_init(&slices->work, EVENT_LIMIT);
    for (size_t i = 0; i < KEPT; i++) {
        ch_arena_init(&slices->at[i].arena, SLICE_LIMIT);
    }
    *out_slices = slices;
    return CH_OK;
}

void ch_slices_free(ch_slices *slices)
{
    if (slices == NULL) {
        return;
    }
    for (size_t i = 0; i < KEPT; i++) {
        ch_arena_done(&slices->at[i].arena);
    }
    ch_buf_done(&slices->work);
    free(slices);
}

static ch_slice *find(ch_slices *slices, uint64_t first)
{
    if (slices->latest != NULL && slices->latest->first == first) {
        return slices->latest;
    }
    for (size_t i = 0; i < KEPT; i++) {
        if (slices->at[i].first == first) {
            return &slices->at[i];
        }
    }
    return NULL;
}

static void clear(ch_slice *slice)
{
    slice->first = 0;
    slice->count = 0;
    slice->events = NULL;
    ch_arena_reset(&slice->arena);
}

void ch_slices_forget(ch_slices *slices)
{
    for (size_t i = 0; i < KEPT; i++) {
        clear(&slices->at[i]);
    }
    slices->latest = NULL;
}

/* Slices of large events are few: those that were not asked for longest go until the rest is within bounds. */
static void let_go(ch_slices *slices)
{
    for (;;) {
        size_t held = 0;
        ch_slice *oldest = NULL;
        for (size_t i = 0; i < KEPT; i++) {
            ch_slice *slice = &slices->at[i];
            held += slice->arena.held;
            if (slice->arena.held > 0 && (oldest == NULL || slice->used < oldest->used)) {
                oldest = slice;
            }
        }
        if (held <= HELD_MOST) {
            return;
        }
        clear(oldest);
        ch_arena_done(&oldest->arena);
    }
}

/* The one that was not asked for longest makes room. */
static ch_status begin(ch_slices *slices, uint64_t first, ch_slice **out_slice)
{
    let_go(slices);
    ch_slice *slice = &slices->at[0];
    for (size_t i = 1; i < KEPT; i++) {
        slice = slices->at[i].used < slice->used ? &slices->at[i] : slice;
    }
    clear(slice);
    slice->events = ch_arena_alloc(&slice->arena, CH_SLICE_EVENTS * sizeof *slice->events);
    if (slice->events == NULL) {
        return CH_NO_MEMORY;
    }
    slice->first = first;
    *out_slice = slice;
    return CH_OK;
}

static ch_status take(ch_slice *slice, const ch_record *record, ch_error *error)
{
    ch_slice_event *at = &slice->events[slice->count];
    *at = (ch_slice_event){.record = *record};
    at->record.public_part = ch_arena_str(&slice->arena, record->public_part);
    at->record.sealed =
        record->sealed.at == NULL ? record->sealed : ch_arena_str(&slice->arena, record->sealed);
    if (at->record.public_part.at == NULL || (record->sealed.at != NULL && at->record.sealed.at == NULL)) {
        return ch_error_set(error, CH_NO_MEMORY, "reader", "no memory for a piece of the log");
    }
    ch_status status = ch_record_event(&at->record, &at->event);
    slice->count += status == CH_OK;
    return status == CH_OK ? CH_OK
                           : ch_error_set(error, status, "log", "record %llu cannot be read",
                                          (unsigned long long)record->sequence);
}

/* Reads on to the end of the slice, or of the log. */
static ch_status fill(ch_slice *slice, ch_log_reader *reader, uint64_t last, ch_error *error)
{
    ch_record record;
    uint64_t sequence = slice->first + slice->count;
    uint64_t end = slice->first + CH_SLICE_EVENTS - 1 < last ? slice->first + CH_SLICE_EVENTS - 1 : last;
    ch_status status = ch_log_reader_seek(reader, sequence, &record, error);
    while (status == CH_OK && record.sequence <= end) {
        if (record.sequence != slice->first + slice->count) {
            return ch_error_set(error, CH_CORRUPT, "log", "record %llu is missing",
                                (unsigned long long)(slice->first + slice->count));
        }
        status = take(slice, &record, error);
        if (status == CH_OK && record.sequence == end) {
            return CH_OK;
        }
        status = status == CH_OK ? ch_log_reader_next(reader, &record, error) : status;
    }
    return status == CH_END ? CH_OK : status;
}

ch_status ch_slices_at(ch_slices *slices, ch_log_reader *reader, uint64_t sequence, uint64_t last,
                       ch_slice_event **out_event, ch_error *error)
{
    ch_status status = CH_OK;
    uint64_t first = (sequence - 1) / CH_SLICE_EVENTS * CH_SLICE_EVENTS + 1;
    if (sequence > last) {
        return CH_END;
    }
    ch_slice *slice = find(slices, first);
    if (slice == NULL) {
        status = begin(slices, first, &slice);
    }
    if (status == CH_OK && sequence >= slice->first + slice->count) {
        status = fill(slice, reader, last, error);
    }
    if (status != CH_OK) {
        if (slice != NULL) {
            clear(slice);
        }
        return status == CH_NO_MEMORY
                   ? ch_error_set(error, status, "reader", "no memory for a piece of the log")
                   : status;
    }
    if (sequence >= slice->first + slice->count) {
        return CH_END;
    }
    slice->used = ++slices->asked;
    slices->latest = slice;
    *out_event = &slice->events[sequence - slice->first];
    return CH_OK;
}

ch_status ch_slices_readable(ch_slices *slices, ch_slice_event *event, bool personal, ch_str *out_bytes)
{
    ch_str *readable = &event->readable[personal];
    if (readable->at == NULL) {
        ch_buf_clear(&slices->work);
        ch_status status =
            ch_read_event(&slices->work, slices->store, &event->record, &event->event, personal);
        if (status == CH_OK && slices->latest != NULL) {
            *readable = ch_arena_str(&slices->latest->arena, ch_buf_str(&slices->work));
        }
        if (status != CH_OK || readable->at == NULL) {
            return status == CH_OK ? CH_NO_MEMORY : status;
        }
    }
    *out_bytes = *readable;
    return CH_OK;
}
