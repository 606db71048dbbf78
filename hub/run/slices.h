/* slices.h - pieces of the log as the reader looks at them: read, checked and decoded once for all subscribers, and
 * joined with their secrets at most once for each right. A bounded number is kept, in bounded memory. Belongs to the reader.
 */
#ifndef CH_RUN_SLICES_H
#define CH_RUN_SLICES_H

#include "hub/store/store.h"

#define CH_SLICE_EVENTS CH_TOPIC_BLOCK /* a narrow subscriber reads one block here and another there */

typedef struct ch_slice_event {
    ch_record record; /* slices into the slice's own memory */
    ch_event event;   /* its public part */
    ch_str
        readable[2]; /* as a client may see it, without and with personal data; made when first asked for */
} ch_slice_event;

typedef struct ch_slice {
    uint64_t
        first; /* a multiple of CH_SLICE_EVENTS, and one: sequences first .. first + count - 1 are here */
    size_t count;
    uint64_t used; /* when it was last asked for */
    ch_arena arena;
    ch_slice_event *events;
} ch_slice;

typedef struct ch_slices ch_slices;

ch_status ch_slices_new(ch_slices **out_slices, ch_store *store) CH_MUST_CHECK;
void ch_slices_free(ch_slices *slices);
/* Nothing is kept that was opened before: a case was erased. */
void ch_slices_forget(ch_slices *slices);
/* The event with this sequence; stays until the next call of any ch_slices_ function but ch_slices_readable. last: the
 * log's last durable sequence. CH_END behind it, CH_CORRUPT, CH_IO, CH_NO_MEMORY. */
ch_status ch_slices_at(ch_slices *slices, ch_log_reader *reader, uint64_t sequence, uint64_t last,
                       ch_slice_event **out_event, ch_error *error) CH_MUST_CHECK;
/* The encoded event as a client may see it; stays as long as the event. */
ch_status ch_slices_readable(ch_slices *slices, ch_slice_event *event, bool personal,
                             ch_str *out_bytes) CH_MUST_CHECK;

#endif
