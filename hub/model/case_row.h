/* case_row.h - a case as it is told to who asks: the fields of hub/wire/QUERIES.md that the case itself holds. What hangs on
 * other cases, on its events or on who asks, is added by whoever knows it.
 */
#ifndef CH_MODEL_CASE_ROW_H
#define CH_MODEL_CASE_ROW_H

#include "hub/model/case.h"
#include "hub/model/mp_row.h"

/* What a list of cases tells. */
void ch_case_put(ch_mp_row *row, const ch_case *the_case);
/* What one case tells besides: its handoffs, clocks, steps, links. */
void ch_case_put_rest(ch_mp_row *row, const ch_case *the_case);
void ch_case_put_handoff(ch_mp_row *row, const ch_case *the_case, const ch_handoff *handoff);
void ch_case_put_clock(ch_mp_row *row, const ch_case *the_case, const ch_case_clock *clock);

#endif
