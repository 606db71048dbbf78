/* case.h - what the hub knows of one case: the fold of its events. Never holds a sealed field's text.
 *
 * ch_case_evolve is the only thing that changes a case. It reads nothing but the event (its public part), so
 * a rebuild needs no rules and no tables.
 */
#ifndef CH_MODEL_CASE_H
#define CH_MODEL_CASE_H

#include "hub/model/clock.h"
#include "hub/model/link.h"

#define CH_HANDOFFS_MAX 256 /* of one case */
#define CH_STEPS_MAX 256    /* state changes kept of one case; the oldest go first */
#define CH_DIGESTS_MAX 32   /* compared fields of case.opened */
#define CH_REFS_MAX 16
#define CH_GROUPS_MAX 64        /* of one case */
#define CH_GROUP_MEMBERS_MAX 32 /* parties that one offer names */
#define CH_CANDIDATES_MAX 256   /* of all sequences of one case, still to be tried */

#define CH_HANDOFF_STATE_LIST(X)                                                                             \
    X(CH_HANDOFF_NONE, "none")                                                                               \
    X(CH_HANDOFF_OFFERED, "offered")                                                                         \
    X(CH_HANDOFF_DELIVERED, "delivered")                                                                     \
    X(CH_HANDOFF_ACCEPTED, "accepted")                                                                       \
    X(CH_HANDOFF_STARTED, "started")                                                                         \
    X(CH_HANDOFF_REJECTED, "rejected")                                                                       \
    X(CH_HANDOFF_COMPLETED, "completed")                                                                     \
    X(CH_HANDOFF_FAILED, "failed")                                                                           \
    X(CH_HANDOFF_RETURNED, "returned")                                                                       \
    X(CH_HANDOFF_TRANSFERRED, "transferred")                                                                 \
    X(CH_HANDOFF_WITHDRAWN, "withdrawn")                                                                     \
    X(CH_HANDOFF_EXPIRED, "expired")
typedef enum ch_handoff_state {
#define CH_HANDOFF_STATE_ENUM(symbol, name) symbol,
    CH_HANDOFF_STATE_LIST(CH_HANDOFF_STATE_ENUM)
#undef CH_HANDOFF_STATE_ENUM
        CH_HANDOFF_STATE_COUNT
} ch_handoff_state;
const char *ch_handoff_state_name(ch_handoff_state state);
ch_status ch_handoff_state_from_name(ch_str name, ch_handoff_state *out_state) CH_MUST_CHECK;
/* offered, delivered, accepted or started. */
bool ch_handoff_is_open(ch_handoff_state state);

/* How a handoff stands beside others. */
#define CH_FORM_LIST(X)                                                                                      \
    X(CH_FORM_SINGLE, "single")           /* by itself, in no group */                                       \
    X(CH_FORM_SEQUENCE, "sequence")       /* candidates in turn, until one completes */                      \
    X(CH_FORM_PARALLEL, "parallel")       /* all at once; `need` of them complete */                         \
    X(CH_FORM_JOINT, "joint")             /* one leads, and completes when its co-workers have ended */      \
    X(CH_FORM_CC, "cc")                   /* for information: completed by its delivery */                   \
    X(CH_FORM_ARBITRATION, "arbitration") /* by itself: the receiver decides who gets the case */
typedef enum ch_form {
#define CH_FORM_ENUM(symbol, name) symbol,
    CH_FORM_LIST(CH_FORM_ENUM)
#undef CH_FORM_ENUM
        CH_FORM_COUNT
} ch_form;
const char *ch_form_name(ch_form form);
ch_status ch_form_from_name(ch_str name, ch_form *out_form) CH_MUST_CHECK;

/* How many members of a group must complete: "all" is 0, "any" is 1, else the number. */
#define CH_NEED_ALL 0
#define CH_NEED_ANY 1
#define CH_NEED_SIZE 12
ch_status ch_need_from_text(ch_str text, uint32_t *out_need) CH_MUST_CHECK;
void ch_need_text(uint32_t need, char out[CH_NEED_SIZE]);

/* "<case>/g<k>": the k-th of them, from 1. */
typedef struct ch_group {
    ch_form form;
    uint32_t need;
} ch_group;

/* Whom a sequence tries next; in the order of their groups' latest offers, then of their turn. */
typedef struct ch_candidate {
    uint32_t group;
    char party[CH_CODE_MAX + 1];
} ch_candidate;

typedef struct ch_handoff {
    uint32_t index; /* k of "<case>/h<k>", from 1 */
    ch_handoff_state state;
    char party[CH_CODE_MAX + 1];  /* the one receiver */
    char from[CH_CODE_MAX + 1];   /* who offered it; "" for the hub's routing */
    char reason[CH_CODE_MAX + 1]; /* of its end, or of the offer */
    uint32_t group;               /* g<k>, 0 for none */
    uint32_t previous;            /* h<k> before a transfer or next try, 0 for none */
    bool lead;                    /* of a joint group */
    bool arbitration;             /* the receiver decides who gets the case */
    uint32_t cycle;               /* of the case, when it was offered */
    uint32_t urged, escalated;    /* how often */
    int64_t due_ms;               /* 0: none */
    int64_t offered_ms, delivered_ms, accepted_ms, started_ms, ended_ms; /* 0: not yet */
    uint64_t offered_sequence;
} ch_handoff;

typedef struct ch_step {
    ch_case_state state;
    uint32_t cycle;
    int64_t entered_ms;          /* the event's time */
    char party[CH_CODE_MAX + 1]; /* who had it then, "" for nobody */
} ch_step;

typedef struct ch_field_digest {
    char field[CH_CODE_MAX + 1];
    uint8_t digest[8];
} ch_field_digest;

typedef struct ch_case {
    uint64_t number;
    char id[CH_CASE_ID_SIZE];
    char source[CH_ID_MAX + 1]; /* that opened it, e.g. "hotline/81890" */
    char kind[CH_CODE_MAX + 1];
    char category[CH_CODE_MAX + 1];
    char area[16];
    char lead[CH_CODE_MAX + 1]; /* party that has it now, "" for nobody */
    char waiting_reason[CH_CODE_MAX + 1];
    int priority; /* 1 highest .. 5; 0 not given */
    bool test_mode;
    ch_case_state state, state_before_waiting;
    uint32_t cycle, version;
    int64_t opened_ms, changed_ms; /* event times */
    uint64_t opened_sequence, last_sequence;
    uint32_t anomalous_count;
    int feedback_score;     /* 1..5 of the present cycle; 0: none */
    int feedback_satisfied; /* -1 not said, 0 no, 1 yes */
    uint64_t merged_into;   /* case number, 0: not merged */
    uint32_t merge_depth;   /* most merges in a row that lead here */

    ch_handoff *handoffs; /* in order of index */
    size_t handoff_count, handoff_capacity;
    ch_step *steps;
    size_t step_count, step_capacity;
    char (*refs)[CH_ID_MAX + 1]; /* the case's numbers, "source ref" pairs as "source\nref" are in the store;
                                    here only refs of its opening source */
    size_t ref_count, ref_capacity;
    ch_field_digest *digests;
    size_t digest_count, digest_capacity;
    ch_group *groups;
    size_t group_count, group_capacity;
    ch_candidate *candidates;
    size_t candidate_count, candidate_capacity;
    ch_link *links; /* oldest first */
    size_t link_count, link_capacity;
    ch_case_clock *clocks; /* in order of index; of those that ended long ago some may be missing */
    size_t clock_count, clock_capacity;
} ch_case;

/* An empty case (state CH_CASE_NONE, version 0). CH_NO_MEMORY. */
ch_status ch_case_new(ch_case **out_case) CH_MUST_CHECK;
void ch_case_free(ch_case *the_case);
/* Empty again; keeps its memory. */
void ch_case_clear(ch_case *the_case);
/* Room for so many of each. CH_NO_MEMORY. */
ch_status ch_case_reserve(ch_case *the_case, size_t handoffs, size_t steps, size_t refs,
                          size_t digests) CH_MUST_CHECK;
ch_status ch_case_reserve_groups(ch_case *the_case, size_t groups, size_t candidates) CH_MUST_CHECK;
ch_status ch_case_reserve_links(ch_case *the_case, size_t links) CH_MUST_CHECK;
ch_status ch_case_reserve_clocks(ch_case *the_case, size_t clocks) CH_MUST_CHECK;
/* Deep copy into *to, reusing its memory. */
ch_status ch_case_copy(ch_case *to, const ch_case *from) CH_MUST_CHECK;

/* Canonical: equal cases give equal bytes. Failure shows in out->failed. */
void ch_case_encode(ch_buf *out, const ch_case *the_case);
/* CH_CORRUPT when bytes are not an encoded case; *the_case is then empty. */
ch_status ch_case_decode(ch_str bytes, ch_case *the_case) CH_MUST_CHECK;

/* What an event of this type makes of the handoff it names; CH_HANDOFF_NONE: it stays as it is. Part of the
 * record format, so that evolve needs no tables; the tables are checked against it. */
ch_handoff_state ch_handoff_state_after(ch_str type);

/* Applies one recorded event of this case. CH_CORRUPT when it cannot follow (wrong subject, version not
 * version + 1, unknown handoff), CH_FULL beyond the limits above, CH_NO_MEMORY; the case is then
 * unchanged. */
ch_status ch_case_evolve(ch_case *the_case, uint64_t number, const ch_event *event) CH_MUST_CHECK;

const ch_handoff *ch_case_handoff(const ch_case *the_case, uint32_t index);     /* NULL: none */
const ch_case_clock *ch_case_clock_of(const ch_case *the_case, uint32_t index); /* NULL: none, or forgotten */
/* Whose promise it is: the receiver's, or of whoever has the case. */
const char *ch_case_clock_party(const ch_case *the_case, const ch_case_clock *clock);
/* Highest index; what is only for information (cc) does not count. NULL: none is open. */
const ch_handoff *ch_case_latest_open(const ch_case *the_case);
ch_form ch_case_form(const ch_case *the_case, const ch_handoff *handoff);
/* NULL: there is none. */
const ch_link *ch_case_link(const ch_case *the_case, uint64_t other);
const ch_link *ch_case_parent(const ch_case *the_case);
/* received to waiting: work goes on. */
bool ch_case_state_is_active(ch_case_state state);

#endif
