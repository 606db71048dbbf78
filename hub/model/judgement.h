/* judgement.h - one decision in the making: what the parts of decide share. Inside the model only.
 *
 * Every ch_judge_ function that returns a status has filled judgement->error when it is not CH_OK. The
 * scratch case already contains all events appended so far.
 */
#ifndef CH_MODEL_JUDGEMENT_H
#define CH_MODEL_JUDGEMENT_H

#include "hub/model/decide.h"
#include "hub/model/lifecycle.h"
#include "hub/model/plan.h"

typedef struct ch_judgement {
    ch_decision *decision;
    const ch_rules *rules;
    const ch_view *view;
    const ch_intake *intake;
    const ch_event *cause; /* the producer's event */
    int64_t now_ms;
    ch_error *error;
    bool strict;     /* a command */
    bool is_history; /* older than what its connector was put to work for */
    uint64_t number; /* of the case */
    ch_str case_id, hub_source;
    ch_case *scratch;
} ch_judgement;

typedef enum ch_how {
    CH_HOW_OWN,       /* the producer's event */
    CH_HOW_ANOMALOUS, /* the producer's, kept without effect */
    CH_HOW_FOLLOWS,   /* derived: a consequence */
    CH_HOW_INFERRED   /* derived: must have happened for the observation to be true */
} ch_how;

/* Completes the event (all of the hub's attributes; the id of a derived one is set at the end), appends it
 * and evolves the scratch case, which is in `after` afterwards. CH_RULE_LOOP, CH_FULL, CH_TOO_LARGE,
 * CH_NO_MEMORY. */
ch_status ch_judge_append(ch_judgement *judgement, const ch_event *event, ch_case_state after,
                          ch_how how) CH_MUST_CHECK;
/* A hub event of that type and data, caused by the producer's. */
ch_event ch_judge_derived(const ch_judgement *judgement, ch_str type, ch_str data);
/* Ids of the derived events, once it is known which sequence the producer's own has. */
ch_status ch_judge_name_derived(ch_judgement *judgement) CH_MUST_CHECK;
/* A topic that lives as long as the decision; absent parts may also be empty. */
ch_status ch_judge_topic(ch_judgement *judgement, ch_str type, ch_str system, ch_str party, ch_str area,
                         ch_str *out_topic) CH_MUST_CHECK;

/* One value that a hub-made map says: text, else a whole encoded value, else number; with none of them the
 * base's own stays, or is dropped. */
typedef struct ch_judge_pair {
    const char *key;
    ch_str text, encoded;
    int64_t number;
    bool drop;
} ch_judge_pair;
/* base (a map or absent) with these pairs put in or replaced. */
ch_status ch_judge_map(ch_judgement *judgement, ch_str base, const ch_judge_pair *pairs, size_t count,
                       ch_str *out_map) CH_MUST_CHECK;
/* A copy that lives as long as the decision. CH_TOO_LARGE: all that it keeps would be more than it may. */
ch_status ch_judge_keep(ch_judgement *judgement, ch_str s, ch_str *out_kept) CH_MUST_CHECK;
ch_status ch_judge_handoff_id(ch_judgement *judgement, uint32_t index, ch_str *out_id) CH_MUST_CHECK;
ch_status ch_judge_group_id(ch_judgement *judgement, uint32_t index, ch_str *out_id) CH_MUST_CHECK;

/* case_verbs.c */
ch_status ch_judge_case_event(ch_judgement *judgement, const ch_event *event) CH_MUST_CHECK;
/* Appends the event that row allows, and what follows from it. */
ch_status ch_judge_take_row(ch_judgement *judgement, const ch_event *event, const ch_transition *row,
                            ch_how how) CH_MUST_CHECK;
/* Derives the events of the path. */
ch_status ch_judge_walk(ch_judgement *judgement, const ch_case_path *path, ch_how how) CH_MUST_CHECK;

/* decide.c: makes it the case that this is about. */
ch_status ch_judge_load(ch_judgement *judgement, const ch_case *found) CH_MUST_CHECK;

/* A new case: its number and id, an empty scratch. */
ch_status ch_judge_number_case(ch_judgement *judgement, bool test_mode) CH_MUST_CHECK;
/* NULL: cases of that kind are not opened; then refuse. */
const ch_transition *ch_judge_opening_row(const ch_judgement *judgement, ch_str kind);
ch_status ch_judge_refuse_kind(const ch_judgement *judgement, ch_str kind) CH_MUST_CHECK;

/* relations.c: events that tie two cases together (other events pass). Before such an event is taken: checks it
 * against both cases, which leaves the other in decision->own_other, and completes its data. After: what follows
 * on the other case. */
ch_status ch_judge_before_pair(ch_judgement *judgement, ch_event *event) CH_MUST_CHECK;
ch_status ch_judge_after_pair(ch_judgement *judgement, const ch_event *event) CH_MUST_CHECK;
/* The case that is named, as it stands; where is the field. CH_NOT_FOUND. */
ch_status ch_judge_find_other(const ch_judgement *judgement, const char *where, ch_str id,
                              const ch_case **out_other) CH_MUST_CHECK;
/* Copies it to decision->own_other when it may be tied to the present one, by this client. */
ch_status ch_judge_take_other(ch_judgement *judgement, const char *where, const ch_case *other) CH_MUST_CHECK;
/* The same judgement, but about the other case. */
ch_judgement ch_judge_on_other(const ch_judgement *judgement);
/* CH_REFUSED: sought is `from` or one of those above it. */
ch_status ch_judge_check_not_above(const ch_judgement *judgement, const char *where, const ch_case *from,
                                   const ch_case *sought) CH_MUST_CHECK;
/* Derives a case.linked or case.unlinked; depth 0: not said. */
ch_status ch_judge_say_linked(ch_judgement *judgement, ch_str type, ch_str other, ch_relation relation,
                              uint32_t depth) CH_MUST_CHECK;

/* merges.c: moves on to the case that stands for it now: itself, or what it was merged into. */
ch_status ch_judge_follow_merges(const ch_judgement *judgement, const char *where,
                                 const ch_case **the_case) CH_MUST_CHECK;
ch_status ch_judge_before_merged(ch_judgement *judgement, ch_event *event) CH_MUST_CHECK;
ch_status ch_judge_after_merged(ch_judgement *judgement, const ch_event *event) CH_MUST_CHECK;
/* The producer's event about a merged case: a command is refused, a report becomes a note on the case that stands for
 * it. */
ch_status ch_judge_of_merged(ch_judgement *judgement) CH_MUST_CHECK;
/* CH_INVALID: a note says what only such a report's may. */
ch_status ch_judge_check_note(const ch_judgement *judgement) CH_MUST_CHECK;

/* splits.c */
ch_status ch_judge_before_split(ch_judgement *judgement, ch_event *event) CH_MUST_CHECK;
ch_status ch_judge_after_split(ch_judgement *judgement, const ch_event *event) CH_MUST_CHECK;
/* suggestions.c: before and after a new case is opened by the event. */
ch_status ch_judge_sketch(ch_judgement *judgement, ch_event *opened) CH_MUST_CHECK;
ch_status ch_judge_suggest(ch_judgement *judgement, const ch_event *opened) CH_MUST_CHECK;

/* handoff_verbs.c */
ch_status ch_judge_handoff_event(ch_judgement *judgement, const ch_event *event) CH_MUST_CHECK;
/* Derives an event about one handoff. */
ch_status ch_judge_about(ch_judgement *judgement, ch_str type, uint32_t index, ch_str reason,
                         ch_how how) CH_MUST_CHECK;
/* The case follows where the row leads it, if it can. */
ch_status ch_judge_let_case_follow(ch_judgement *judgement, const ch_handoff_transition *row) CH_MUST_CHECK;
/* Ends every open handoff; or those of one group. */
ch_status ch_judge_withdraw_all(ch_judgement *judgement, ch_str reason) CH_MUST_CHECK;
ch_status ch_judge_withdraw_group(ch_judgement *judgement, uint32_t group, ch_str reason) CH_MUST_CHECK;

/* offers.c */
/* One handoff to be offered. */
typedef struct ch_offer {
    ch_str party, from, reason, lead;
    ch_str keeper; /* who has the case meanwhile; absent: the receiver */
    uint32_t previous, group, need;
    ch_form form;
    int64_t due_ms;
    const ch_str *next; /* whom a sequence tries afterwards */
    size_t next_count;
} ch_offer;
ch_status ch_judge_offer(ch_judgement *judgement, const ch_offer *offer) CH_MUST_CHECK;
/* Derives the offers of a checked plan; like gives from, reason and due. */
ch_status ch_judge_offer_plan(ch_judgement *judgement, const ch_plan *plan,
                              const ch_offer *like) CH_MUST_CHECK;
/* An offer that somebody else made. */
ch_status ch_judge_take_offer(ch_judgement *judgement, const ch_event *event) CH_MUST_CHECK;
/* Offers a transferred handoff to its next receiver; had_case: the old one had the case until then. */
ch_status ch_judge_pass_on(ch_judgement *judgement, uint32_t index, ch_str target, ch_str reason,
                           bool had_case) CH_MUST_CHECK;
/* Offers it to a sequence's next candidate; *out_offered is false when there is none. */
ch_status ch_judge_try_next(ch_judgement *judgement, uint32_t index, bool *out_offered) CH_MUST_CHECK;

/* groups.c */
/* What follows from what happened to the handoff, for its group and for the case. */
ch_status ch_judge_settle(ch_judgement *judgement, const ch_handoff_transition *row,
                          uint32_t index) CH_MUST_CHECK;
/* CH_REFUSED: it leads a joint group, and the row would complete it before its co-workers have ended. */
ch_status ch_judge_co_workers(const ch_judgement *judgement, const ch_handoff *handoff,
                              ch_handoff_state to) CH_MUST_CHECK;

/* arbitration.c */
/* Asks the party that supervises the last receiver who gets the case: when nobody has it any more, or, with
 * even_so, although somebody does. */
ch_status ch_judge_arbitrate(ch_judgement *judgement, uint32_t index, bool even_so) CH_MUST_CHECK;
/* Was the case refused so often in this cycle that no further party is tried? */
bool ch_judge_is_refused_too_often(const ch_judgement *judgement);
/* After a case.arbitrated: whom it names gets the case, all others lose it. */
ch_status ch_judge_apply_verdict(ch_judgement *judgement, const ch_event *event) CH_MUST_CHECK;

/* rights.c: may this client touch this case, and this handoff? CH_DENIED. */
ch_status ch_judge_may_touch(ch_judgement *judgement) CH_MUST_CHECK;
ch_status ch_judge_may_move(ch_judgement *judgement, const ch_event *event, const ch_handoff_transition *row,
                            const ch_handoff *handoff) CH_MUST_CHECK;

/* Is it up to this client to decide who gets the case? */
ch_status ch_judge_may_arbitrate(ch_judgement *judgement) CH_MUST_CHECK;

/* clocks.c */
/* Starts, stops and ends the clocks that the decision's events speak of. */
ch_status ch_judge_clocks(ch_judgement *judgement) CH_MUST_CHECK;
/* The hub says that a clock is due. CH_CONFLICT: it is not, or not any more. */
ch_status ch_judge_due_clock(ch_judgement *judgement, const ch_event *event) CH_MUST_CHECK;

/* keeping.c: a hub.erased or hub.hold (other events pass): may it be done? Completes its data. */
ch_status ch_judge_keeping(ch_judgement *judgement, ch_event *event) CH_MUST_CHECK;

/* digests.c: keyed hashes of the fields of data and private. */
ch_status ch_judge_digests(ch_judgement *judgement, const ch_event *event, ch_str *out_digests) CH_MUST_CHECK;
/* Makes of a second case.opened the case.amended (or case.noted) that it is. */
ch_status ch_judge_difference(ch_judgement *judgement, ch_event *event) CH_MUST_CHECK;

#endif
