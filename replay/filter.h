/* filter.h - which events cat prints, and between which places of the log. */
#ifndef CH_REPLAY_FILTER_H
#define CH_REPLAY_FILTER_H

#include "replay/tape.h"

/* A sequence, or a recorded time. */
typedef struct ch_bound {
    bool given, is_time;
    uint64_t sequence;
    int64_t time_ms;
} ch_bound;

/* "120" or RFC 3339; NULL: not given. name is that of the option, for the message. CH_INVALID. */
ch_status ch_bound_parse(ch_bound *out_bound, const char *text, const char *name,
                         ch_error *error) CH_MUST_CHECK;

/* Nothing from here on lies within it any more; of one that was not given, everything does. */
bool ch_bound_is_passed(const ch_bound *bound, const ch_event *event);

typedef struct ch_filter {
    const ch_replay_options *options;
    ch_bound from, to;
} ch_filter;

/* Checks patterns, bounds, the case id. CH_INVALID. */
ch_status ch_filter_init(ch_filter *out_filter, const ch_replay_options *options,
                         ch_error *error) CH_MUST_CHECK;
/* Nothing from here on can be wanted any more. */
bool ch_filter_is_past(const ch_filter *filter, const ch_event *event);
bool ch_filter_accepts(const ch_filter *filter, const ch_event *event);

#endif
