/* window.h - events that were published and are not answered yet, in order: what is still to be sent, and
 * which request carries what was.
 *
 * Entries lie in a ring of fixed length, their bytes in a ring that grows to what was once needed; adding an
 * event allocates nothing in the long run. Positions count from 0 and never come back. Knows nothing of
 * sockets.
 */
#ifndef CH_CLIENT_WINDOW_H
#define CH_CLIENT_WINDOW_H

#include "hub/base/bytes.h"

#define CH_WINDOW_MAX 65536 /* events */

typedef struct ch_window_entry {
    uint64_t token;
    size_t at; /* in bytes */
    uint32_t size;
    bool answered;
} ch_window_entry;

typedef struct ch_window_request {
    uint64_t request, first; /* its events: positions first .. first + count - 1 */
    uint32_t count;
} ch_window_request;

typedef struct ch_window {
    size_t limit; /* events at most */
    size_t mask;  /* length of both rings - 1 */
    ch_window_entry *entries;
    uint64_t head, next, tail;   /* oldest unanswered; next to be sent; where the next event goes */
    ch_window_request *requests; /* sent and not answered, by position and by number */
    uint64_t request_head, request_tail;
    uint8_t *bytes;
    size_t bytes_capacity, bytes_live;
} ch_window;

/* limit: 1..CH_WINDOW_MAX. CH_NO_MEMORY. */
ch_status ch_window_init(ch_window *window, size_t limit) CH_MUST_CHECK;
void ch_window_done(ch_window *window);

/* Copies event (1..UINT32_MAX bytes). CH_FULL, CH_NO_MEMORY. */
ch_status ch_window_add(ch_window *window, ch_str event, uint64_t token) CH_MUST_CHECK;
static inline bool ch_window_is_empty(const ch_window *window)
{
    return window->head == window->tail;
}

/* What the next request should carry. */
typedef struct ch_window_batch {
    uint64_t first;
    uint32_t count; /* 0: there is nothing to send */
    size_t size_bytes;
} ch_window_batch;
/* The next unsent events in a row: at most count_most, and no more than bytes_most together unless the
 * first alone is larger; none while in_flight_most events are sent and unanswered. */
ch_window_batch ch_window_pending(const ch_window *window, uint32_t count_most, size_t bytes_most,
                                  size_t in_flight_most);
/* The batch's events, one behind the other, into out (batch->size_bytes). */
void ch_window_copy(const ch_window *window, const ch_window_batch *batch, uint8_t *out);
/* The batch is on its way under this number; numbers only grow. */
void ch_window_sent(ch_window *window, const ch_window_batch *batch, uint64_t request);

/* Takes a request off the list. False when it is not (any more) one of ours. */
bool ch_window_take_request(ch_window *window, uint64_t request, ch_window_request *out_request);
/* The event at this position has its answer. *out_token; false when it had one before. */
bool ch_window_answer(ch_window *window, uint64_t position, uint64_t *out_token);
/* Everything from this position on is to be sent again; its requests are forgotten. */
void ch_window_rewind(ch_window *window, uint64_t position);

#endif
