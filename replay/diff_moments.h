/* diff_moments.h - what became of the cases of one log between two moments (diff --at A --at B). */
#ifndef CH_REPLAY_DIFF_MOMENTS_H
#define CH_REPLAY_DIFF_MOMENTS_H

#include "replay/replay.h"

/* Each case that changed, newest first, and how many. CH_INVALID, CH_NOT_FOUND (no such moment), CH_CORRUPT. */
ch_status ch_replay_diff_moments(ch_replay *replay, ch_error *error) CH_MUST_CHECK;

#endif
