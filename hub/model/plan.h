/* plan.h - whom an offer goes to and how: to one party, or to several in a form. What a route says and what a
 * command says is checked here alike.
 */
#ifndef CH_MODEL_PLAN_H
#define CH_MODEL_PLAN_H

#include "hub/model/rules.h"

typedef struct ch_plan {
    ch_form form;
    bool says_need;
    uint32_t need;
    ch_str parties[CH_GROUP_MEMBERS_MAX];
    size_t count;
    ch_str lead; /* of a joint one; CH_STR_NONE: not said */
} ch_plan;

/* Checks it and makes it complete: the party that leads comes first, need is what the form makes of it.
 * CH_INVALID, and CH_NOT_FOUND for an unknown party; error->where is the member: party, form, need or lead. */
ch_status ch_plan_check(const ch_rules *rules, ch_plan *plan, ch_error *error) CH_MUST_CHECK;
/* Points into the route. Not checked. */
ch_plan ch_plan_of_route(const ch_route *route);
/* The same at a time: without parties that are off duty, where the route says so. What is left of a form, of a number and of a
 * lead still fits: of one party that is left no form but cc; none may be left. */
ch_plan ch_plan_at(const ch_rules *rules, const ch_route *route, int64_t time_ms);

#endif
