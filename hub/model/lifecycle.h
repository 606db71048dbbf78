/* lifecycle.h - questions to the transition tables of the rules. Inside the model only.
 *
 * A kind's own rows of a type replace the rows for all kinds of that type; they are its profile.
 */
#ifndef CH_MODEL_LIFECYCLE_H
#define CH_MODEL_LIFECYCLE_H

#include "hub/model/rules.h"

/* The row that lets `type` happen to a case of that kind in that state; NULL: none does. */
const ch_transition *ch_lifecycle_row(const ch_rules *rules, const char *kind, ch_str type,
                                      ch_case_state state);
/* Where the row leads from the case's present state. */
ch_case_state ch_lifecycle_target(const ch_transition *row, const ch_case *the_case);
/* States (bit set) in which `type` is legal for the kind. */
uint32_t ch_lifecycle_legal_in(const ch_rules *rules, const char *kind, ch_str type);

typedef struct ch_case_path {
    const ch_transition *steps[CH_CASE_STATE_COUNT];
    size_t count;
} ch_case_path;
/* The shortest way over inferable rows from the case's state to one of goals (bit set of states), ties in
 * table order; of length 0 when it is there already. False: there is none. */
bool ch_lifecycle_path(const ch_rules *rules, const ch_case *the_case, uint32_t goals,
                       ch_case_path *out_path);

/* The same for one handoff. */
const ch_handoff_transition *ch_handoff_row(const ch_rules *rules, ch_str type, ch_handoff_state state);
/* Any row of that type: whose it is to say is the same in all of them. */
const ch_handoff_transition *ch_handoff_any_row(const ch_rules *rules, ch_str type);
uint32_t ch_handoff_legal_in(const ch_rules *rules, ch_str type);
typedef struct ch_handoff_path {
    const ch_handoff_transition *steps[CH_HANDOFF_STATE_COUNT];
    size_t count;
} ch_handoff_path;
bool ch_handoff_path_find(const ch_rules *rules, ch_handoff_state from, uint32_t goals,
                          ch_handoff_path *out_path);

#endif
