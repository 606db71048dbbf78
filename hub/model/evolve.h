/* evolve.h - what the files of evolve share. Inside the model only. */
#ifndef CH_MODEL_EVOLVE_H
#define CH_MODEL_EVOLVE_H

#include "hub/model/case.h"

/* One change that an event type makes, beyond what every event does. Checks first, changes afterwards: on
 * failure the case is as it was. */
typedef ch_status ch_evolve_change(ch_case *the_case, const ch_event *event);

typedef struct ch_evolve_text {
    ch_str from;
    char *to;
    size_t size;
} ch_evolve_text;
/* All or none. An absent text leaves its target. CH_CORRUPT. */
ch_status ch_evolve_texts(const ch_evolve_text *copies, size_t count) CH_MUST_CHECK;

/* evolve_handoffs.c */
ch_evolve_change ch_evolve_offered, ch_evolve_moved, ch_evolve_extended, ch_evolve_urged, ch_evolve_escalated;
/* links.c */
ch_evolve_change ch_evolve_linked, ch_evolve_unlinked, ch_evolve_merged, ch_evolve_suggested;
/* clock.c */
ch_evolve_change ch_evolve_clock_started, ch_evolve_clock_moved;

#endif
