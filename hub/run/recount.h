/* recount.h - clocks that the rules in force count otherwise than they were counted. At a start, and when the rules have
 * changed, all that run are looked at, a bounded number at a time, and for those of which the rules now say another due time
 * it makes the events that count them again. Their ids name clock and version of the case, so that none is counted twice; and
 * a look that a stop has interrupted begins afresh. Belongs to the writer.
 */
#ifndef CH_RUN_RECOUNT_H
#define CH_RUN_RECOUNT_H

#include "hub/base/clock.h"
#include "hub/run/mail.h"
#include "hub/store/store.h"

typedef struct ch_recount ch_recount;

ch_status ch_recount_new(ch_recount **out_recount, ch_store *store, const ch_clock *clock,
                         ch_rules *rules) CH_MUST_CHECK;
void ch_recount_free(ch_recount *recount);
/* These rules are in force from now on. What was decided before is in the state, committed or not. */
void ch_recount_begin(ch_recount *recount, ch_rules *rules);
/* The next event to publish; looks for more when it is time to. NULL: none. */
ch_work *ch_recount_next(ch_recount *recount);
/* Until it wants to look again; INT64_MAX: it has looked at all. */
int64_t ch_recount_wait_ms(const ch_recount *recount);
/* The event that counts this clock of the case again. CH_END: it is counted as the rules say. */
ch_status ch_recount_event(const ch_recount *recount, const ch_case *the_case, const ch_case_clock *clock,
                           ch_work **out_work, ch_error *error) CH_MUST_CHECK;

#endif
