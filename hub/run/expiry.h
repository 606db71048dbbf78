/* expiry.h - what has become due: handoffs that nobody answered in time, and clocks that warn, run out or escalate. Finds
 * them in the state, a bounded number at once, and makes the events that say so. Their ids name handoff or clock and due
 * time, so that firing twice is the same event. Belongs to the writer.
 */
#ifndef CH_RUN_EXPIRY_H
#define CH_RUN_EXPIRY_H

#include "hub/run/recount.h"

typedef struct ch_expiry ch_expiry;

/* recount: knows the rules in force; borrowed. */
ch_status ch_expiry_new(ch_expiry **out_expiry, ch_store *store, const ch_clock *clock,
                        const ch_recount *recount) CH_MUST_CHECK;
void ch_expiry_free(ch_expiry *expiry);
/* The next event to publish; looks for more when it is time to. NULL: none. */
ch_work *ch_expiry_next(ch_expiry *expiry);
/* A handoff or a clock got this due time, perhaps one that has passed. INT64_MAX: none. */
void ch_expiry_note_due(ch_expiry *expiry, int64_t due_ms);
/* Until it wants to look again. */
int64_t ch_expiry_wait_ms(const ch_expiry *expiry);

#endif
