#include "hub/client/window.h"

#include <stdlib.h>

#define BYTES_LEAST (64 * 1024)

static ch_window_entry *entry_at(const ch_window *window, uint64_t position)
{
    return &window->entries[position & window->mask];
}

ch_status ch_window_init(ch_window *window, size_t limit)
{
    size_t length = 1;
    while (length < limit) {
        length *= 2;
    }
    *window = (ch_window){.limit = limit, .mask = length - 1};
    window->entries = calloc(length, sizeof *window->entries);
    window->requests = calloc(length, sizeof *window->requests);
    if (window->entries == NULL || window->requests == NULL) {
        ch_window_done(window);
        return CH_NO_MEMORY;
    }
    return CH_OK;
}

void ch_window_done(ch_window *window)
{
    free(window->entries);
    free(window->requests);
    free(window->bytes);
    *window = (ch_window){.limit = 0};
}

/* Where size more bytes fit in one piece, in ring order; false when they do not. */
static bool find_place(const ch_window *window, size_t size, size_t *out_at)
{
    if (ch_window_is_empty(window)) {
        *out_at = 0;
        return size <= window->bytes_capacity;
    }
    const ch_window_entry *last = entry_at(window, window->tail - 1);
    size_t begin = entry_at(window, window->head)->at;
    size_t end = last->at + last->size;
    if (end <= begin) { /* has wrapped */
        *out_at = end;
        return size <= begin - end;
    }
    if (size <= window->bytes_capacity - end) {
        *out_at = end;
        return true;
    }
    *out_at = 0;
    return size <= begin;
}

/* A larger ring with the live events at its beginning. */
static ch_status grow(ch_window *window, size_t size)
{
    size_t capacity = window->bytes_capacity == 0 ? BYTES_LEAST : window->bytes_capacity * 2;
    while (capacity < window->bytes_live + size) {
        capacity *= 2;
    }
    uint8_t *bytes = malloc(capacity);
    if (bytes == NULL) {
        return CH_NO_MEMORY;
    }
    size_t at = 0;
    for (uint64_t position = window->head; position < window->tail; position++) {
        ch_window_entry *entry = entry_at(window, position);
        memcpy(bytes + at, window->bytes + entry->at, entry->size);
        entry->at = at;
        at += entry->size;
    }
    free(window->bytes);
    window->bytes = bytes;
    window->bytes_capacity = capacity;
    return CH_OK;
}

ch_status ch_window_add(ch_window *window, ch_str event, uint64_t token)
{
    size_t at;
    if (window->tail - window->head >= window->limit) {
        return CH_FULL;
    }
    if (!find_place(window, event.size, &at)) {
        ch_status status = grow(window, event.size);
        if (status != CH_OK) {
            return status;
        }
        at = window->bytes_live;
    }
    memcpy(window->bytes + at, event.at, event.size);
    *entry_at(window, window->tail) =
        (ch_window_entry){.token = token, .at = at, .size = (uint32_t)event.size};
    window->bytes_live += event.size;
    window->tail++;
    return CH_OK;
}

ch_window_batch ch_window_pending(const ch_window *window, uint32_t count_most, size_t bytes_most,
                                  size_t in_flight_most)
{
    ch_window_batch batch = {.first = window->next};
    while (batch.first < window->tail && entry_at(window, batch.first)->answered) {
        batch.first++;
    }
    uint64_t position = batch.first;
    while (position < window->tail && batch.count < count_most && position - window->head < in_flight_most) {
        const ch_window_entry *entry = entry_at(window, position);
        if (entry->answered || (batch.count > 0 && batch.size_bytes + entry->size > bytes_most)) {
            break;
        }
        batch.size_bytes += entry->size;
        batch.count++;
        position++;
    }
    return batch;
}

void ch_window_copy(const ch_window *window, const ch_window_batch *batch, uint8_t *out)
{
    for (uint64_t position = batch->first; position < batch->first + batch->count; position++) {
        const ch_window_entry *entry = entry_at(window, position);
        memcpy(out, window->bytes + entry->at, entry->size);
        out += entry->size;
    }
}

void ch_window_sent(ch_window *window, const ch_window_batch *batch, uint64_t request)
{
    window->requests[window->request_tail & window->mask] =
        (ch_window_request){.request = request, .first = batch->first, .count = batch->count};
    window->request_tail++;
    window->next = batch->first + batch->count;
}

/* The hub answers in order as a rule, so that the first one looked at is the right one. */
bool ch_window_take_request(ch_window *window, uint64_t request, ch_window_request *out_request)
{
    uint64_t at = window->request_head;
    while (at < window->request_tail && window->requests[at & window->mask].request != request) {
        at++;
    }
    if (at == window->request_tail) {
        return false;
    }
    *out_request = window->requests[at & window->mask];
    for (; at > window->request_head; at--) {
        window->requests[at & window->mask] = window->requests[(at - 1) & window->mask];
    }
    window->request_head++;
    return true;
}

bool ch_window_answer(ch_window *window, uint64_t position, uint64_t *out_token)
{
    if (position < window->head || position >= window->tail || entry_at(window, position)->answered) {
        return false;
    }
    ch_window_entry *entry = entry_at(window, position);
    entry->answered = true;
    *out_token = entry->token;
    while (window->head < window->tail && entry_at(window, window->head)->answered) {
        window->bytes_live -= entry_at(window, window->head)->size;
        window->head++;
    }
    if (window->next < window->head) {
        window->next = window->head;
    }
    return true;
}

void ch_window_rewind(ch_window *window, uint64_t position)
{
    if (position < window->head) {
        position = window->head;
    }
    if (position < window->next) {
        window->next = position;
    }
    while (window->request_tail > window->request_head &&
           window->requests[(window->request_tail - 1) & window->mask].first >= position) {
        window->request_tail--;
    }
}
