/* clock.h - one promise that runs on a case: the fold of its clock. events. Which there are is in clock_rules.h; every
 * event carries its outcome, so that neither the fold nor a look at a clock needs the rules.
 */
#ifndef CH_MODEL_CLOCK_H
#define CH_MODEL_CLOCK_H

#include "hub/model/event.h"

#define CH_CLOCKS_MAX 256 /* kept of one case; those that ended first go first */

#define CH_CLOCK_STATE_LIST(X)                                                                               \
    X(CH_CLOCK_NONE, "none")                                                                                 \
    X(CH_CLOCK_RUNNING, "running")                                                                           \
    X(CH_CLOCK_PAUSED, "paused")                                                                             \
    X(CH_CLOCK_MET, "met")                                                                                   \
    X(CH_CLOCK_BREACHED, "breached")                                                                         \
    X(CH_CLOCK_CANCELLED, "cancelled")
typedef enum ch_clock_state {
#define CH_CLOCK_STATE_ENUM(symbol, name) symbol,
    CH_CLOCK_STATE_LIST(CH_CLOCK_STATE_ENUM)
#undef CH_CLOCK_STATE_ENUM
        CH_CLOCK_STATE_COUNT
} ch_clock_state;
const char *ch_clock_state_name(ch_clock_state state);
ch_status ch_clock_state_from_name(ch_str name, ch_clock_state *out_state) CH_MUST_CHECK;

#define CH_CLOCK_UNIT_LIST(X)                                                                                \
    X(CH_CLOCK_WALL, "wall")   /* ms, around the clock */                                                    \
    X(CH_CLOCK_HOURS, "hours") /* ms of working time */                                                      \
    X(CH_CLOCK_DAYS, "days")   /* working days */
typedef enum ch_clock_unit {
#define CH_CLOCK_UNIT_ENUM(symbol, name) symbol,
    CH_CLOCK_UNIT_LIST(CH_CLOCK_UNIT_ENUM)
#undef CH_CLOCK_UNIT_ENUM
        CH_CLOCK_UNIT_COUNT
} ch_clock_unit;
const char *ch_clock_unit_name(ch_clock_unit unit);
ch_status ch_clock_unit_from_name(ch_str name, ch_clock_unit *out_unit) CH_MUST_CHECK;

typedef struct ch_case_clock {
    uint32_t index; /* k of "<case>/c<k>", from 1 */
    ch_clock_state state;
    char rule[CH_CODE_MAX + 1];
    char party[CH_CODE_MAX + 1]; /* whose promise it is, "" for nobody's */
    uint32_t handoff;            /* h<k>, 0: the whole case's */
    uint32_t level;              /* of escalation, so far */
    bool warned;
    bool late_report; /* met, as the hub heard after it had breached */
    int64_t started_ms;
    int64_t resumed_ms; /* when it last went on; 0: it never stood still */
    int64_t due_ms;     /* 0: beyond what its calendar covers, so far */
    int64_t next_ms;    /* when something is to be done about it; 0: nothing any more */
    int64_t remaining; /* in its unit: what it has while it is paused, else from when it started or went on */
    int64_t
        given; /* in its unit: what its rule gave it in all then; 0: it was told its due time, or what remains */
    ch_clock_unit unit;
    int64_t ended_ms; /* 0: not yet */
} ch_case_clock;

/* Not met, not cancelled, and not made good too late: something may still happen to it. */
bool ch_case_clock_is_open(const ch_case_clock *clock);
/* The type of event that says that its next time has come. */
const char *ch_case_clock_next(const ch_case_clock *clock);

#endif
