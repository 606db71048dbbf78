/* decide.h - the hub's judgement: a pure function from state, event, rules and time to what enters the log.
 *
 * An observation (connector, hub) is a fact: missing steps are inferred, impossible ones are kept
 * `anomalous`. A command (department, supervisor, operator) is refused with the rule it breaks and the
 * present state.
 */
#ifndef CH_MODEL_DECIDE_H
#define CH_MODEL_DECIDE_H

#include "hub/model/grant.h"
#include "hub/model/rules.h"
#include "hub/model/sketch.h"

#define CH_DERIVED_MAX 64
#define CH_CLOCK_EVENTS_MAX 256 /* beside them */

#define CH_SKETCHES_LOOKED_AT 64 /* of an opening */
typedef struct ch_sketched {
    uint64_t number; /* of the case */
    uint8_t sketch[CH_SKETCH_SIZE];
} ch_sketched;

/* What is said of a case as a record (hub.erased, hub.hold). */
typedef struct ch_case_mark {
    bool erased, held;
} ch_case_mark;

/* The state as decide may see it; reading only. Pointers stay valid until the state changes. */
typedef struct ch_view {
    void *context;
    /* CH_NOT_FOUND when there is no such case; any other failure ends the decision with it. */
    ch_status (*case_by_number)(void *context, uint64_t number, const ch_case **out_case);
    ch_status (*case_by_ref)(void *context, ch_str source, ch_str ref, uint64_t *out_number);
    /* 8 keyed bytes of a field of that case (key of the case's slot), for comparing texts without storing
     * them. */
    ch_status (*digest)(void *context, uint64_t number, ch_str bytes, uint8_t out_digest[8]);
    /* Keyed hashes of these bytes, with a secret of the hub that is the same for all cases. */
    ch_status (*hashes)(void *context, const ch_str *bytes, size_t count, uint64_t *out_hashes);
    /* Cases of that place that were opened from since_ms to until_ms, latest first; at most *count. */
    ch_status (*sketches)(void *context, const char *place, int64_t since_ms, int64_t until_ms,
                          ch_sketched *out_rows, size_t *count);
    /* Of a case that is there. */
    ch_status (*mark)(void *context, uint64_t number, ch_case_mark *out_mark);
    uint64_t next_case;     /* number that the next opened case gets */
    uint64_t next_sequence; /* of the first decided event */
    uint32_t epoch;
} ch_view;

typedef struct ch_intake {
    const ch_event *event; /* produced form, schema already checked; time strings in data already int64 */
    ch_role role;
    ch_str actor;
    const ch_grant *grant; /* of the client, for parties it holds; NULL for the hub itself */
    ch_str default_kind;   /* kind of a case inferred from an unknown ref; CH_STR_NONE: "matter" */
    /* What happened before that is history, which a connector reads in later: it routes nothing, offers nothing and
     * starts no clock. 0: nothing is. */
    int64_t history_until_ms;
} ch_intake;

typedef struct ch_decided {
    ch_event event;       /* recorded form: every hub attribute set, data with all its fields */
    uint64_t case_number; /* 0 for hub. events */
    ch_case_state before; /* of that case, when this came */
    bool opens_case;
    bool takes_ref; /* (source, ref) of this event now names the case */
} ch_decided;

typedef struct ch_decision {
    ch_arena arena; /* owns what the events' slices point to beyond the incoming event */
    ch_decided
        events[1 + CH_DERIVED_MAX + CH_CLOCK_EVENTS_MAX]; /* in log order; `incoming` is the producer's own */
    size_t count, clock_events;                           /* of them those that only say how clocks follow */
    size_t incoming;  /* index of the producer's event: derived inferred steps come before it */
    ch_case *scratch; /* the case after all events; NULL for hub. events */
    ch_case *other;   /* the same of a second case that has got some of them; NULL: none has */
    /* On refusal, for the answer: the present state and version, 0 when there is no case. */
    ch_case_state present_state;
    uint32_t present_version;
    ch_buf work;                      /* decide's own, between events */
    ch_case *own_scratch, *own_other; /* what `scratch` and `other` lead to */
} ch_decision;

/* Large; allocate once and reuse. */
ch_status ch_decision_new(ch_decision **out_decision) CH_MUST_CHECK;
void ch_decision_free(ch_decision *decision);

/* CH_OK: decision->events[0..count) are to be appended in one batch, sequences view->next_sequence and up.
 * Refusals: CH_INVALID (no subject nor ref where one is needed), CH_REFUSED (rule broken; text names it),
 * CH_CONFLICT (expectedversion, second answer to a handoff), CH_NOT_FOUND (subject, a command's ref, handoff,
 * party), CH_DENIED (another party's handoff or case), CH_TOO_LARGE, CH_FULL (limits of case.h),
 * CH_RULE_LOOP, CH_NO_MEMORY. Nothing is changed by any. A second case.opened of a known ref gives only the
 * derived case.amended (or, with nothing new, a case.noted without fields, so that its id is remembered). */
ch_status ch_decide(ch_decision *decision, const ch_rules *rules, const ch_view *view,
                    const ch_intake *intake, int64_t now_ms, ch_error *error) CH_MUST_CHECK;

#endif
