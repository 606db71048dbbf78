/* past.h - the state as it was: folded anew, in room of its own, from the first record up to a moment of the log.
 *
 * A moment is a sequence, or a recorded time: then it is behind the last record that is not younger. What the hub knew
 * then follows from the records alone, by no rules and no tables.
 */
#ifndef CH_REPLAY_PAST_H
#define CH_REPLAY_PAST_H

#include "replay/filter.h"
#include "replay/progress.h"
#include "replay/refold.h"

typedef struct ch_past {
    const ch_replay *replay;
    ch_place place;
    ch_tape *tape;
    ch_refold refold;
    ch_tape_item item; /* the last that was read */
    bool is_ahead;     /* it lies behind the moment and is still to be folded */
    uint64_t at;       /* the last record that is folded, 0: none */
    int64_t recorded_ms;
} ch_past;

/* Of what --store, --file or CASEHUB_STORE name; ch_past_close either way. CH_INVALID: no state can be folded from it. */
ch_status ch_past_open(ch_past *past, const ch_replay *replay, ch_error *error) CH_MUST_CHECK;
void ch_past_close(ch_past *past);
/* Goes on to the moment (not given: the end), which must not lie before `at`; committed, for readers. name: the option's.
 * CH_NOT_FOUND: before the first record, or beyond the last; CH_CORRUPT: damage lies before it. */
ch_status ch_past_go_to(ch_past *past, const ch_bound *to, const char *name, ch_error *error) CH_MUST_CHECK;

#endif
