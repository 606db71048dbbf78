/* state_page.h - a case and an inbox of the past, for people. */
#ifndef CH_REPLAY_STATE_PAGE_H
#define CH_REPLAY_STATE_PAGE_H

#include "replay/past.h"

/* last: the id of the case that stands for it, "" when it was not merged. */
void ch_state_page_case(FILE *out, const ch_past *past, const ch_case *the_case, const ch_mark *mark,
                        const char *last);
/* Above the handoffs. */
void ch_state_page_heading(FILE *out, const ch_past *past);
void ch_state_page_handoff(FILE *out, const ch_case *the_case, const ch_handoff *handoff);

#endif
