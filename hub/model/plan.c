#include "hub/model/plan.h"

#include <inttypes.h>

static size_t position_of(const ch_plan *plan, ch_str party, size_t most)
{
    size_t at = 0;
    while (at < most && !ch_str_equal(plan->parties[at], party)) {
        at++;
    }
    return at;
}

static ch_status check_parties(const ch_rules *rules, const ch_plan *plan, ch_error *error)
{
    for (size_t i = 0; i < plan->count; i++) {
        if (ch_rules_party(rules, plan->parties[i]) == NULL) {
            return ch_error_set(error, CH_NOT_FOUND, "party", "there is no party %.*s",
                                CH_STR_ARG(plan->parties[i]));
        }
        if (position_of(plan, plan->parties[i], i) < i) {
            return ch_error_set(error, CH_INVALID, "party", "party %.*s is there twice",
                                CH_STR_ARG(plan->parties[i]));
        }
    }
    return CH_OK;
}

static ch_status check_form(const ch_plan *plan, ch_error *error)
{
    if (plan->form == CH_FORM_ARBITRATION) {
        return ch_error_set(error, CH_INVALID, "form", "arbitration comes from the hub alone");
    }
    if (plan->form == CH_FORM_SINGLE && plan->count > 1) {
        return ch_error_set(error, CH_INVALID, "form",
                            "several parties need a form: sequence, parallel, joint or cc");
    }
    if (plan->form != CH_FORM_SINGLE && plan->form != CH_FORM_CC && plan->count < 2) {
        return ch_error_set(error, CH_INVALID, "form", "form %s needs a list of at least two parties",
                            ch_form_name(plan->form));
    }
    return CH_OK;
}

static ch_status check_need(const ch_plan *plan, ch_error *error)
{
    if (plan->says_need && plan->form != CH_FORM_PARALLEL) {
        return ch_error_set(error, CH_INVALID, "need", "need belongs to form parallel, not to form %s",
                            ch_form_name(plan->form));
    }
    if (plan->says_need && plan->need > plan->count) {
        return ch_error_set(error, CH_INVALID, "need", "need is %" PRIu32 " of only %zu parties", plan->need,
                            plan->count);
    }
    return CH_OK;
}

static ch_status check_lead(const ch_plan *plan, ch_error *error)
{
    if (plan->lead.at == NULL) {
        return CH_OK;
    }
    if (plan->form != CH_FORM_JOINT) {
        return ch_error_set(error, CH_INVALID, "lead", "lead belongs to form joint, not to form %s",
                            ch_form_name(plan->form));
    }
    if (position_of(plan, plan->lead, plan->count) == plan->count) {
        return ch_error_set(error, CH_INVALID, "lead", "lead %.*s is none of the parties",
                            CH_STR_ARG(plan->lead));
    }
    return CH_OK;
}

/* Who leads comes first; without a word it is who came first. */
static void complete(ch_plan *plan)
{
    if (plan->form == CH_FORM_JOINT) {
        size_t at = plan->lead.at == NULL ? 0 : position_of(plan, plan->lead, plan->count);
        plan->lead = plan->parties[at];
        for (; at > 0; at--) {
            plan->parties[at] = plan->parties[at - 1];
        }
        plan->parties[0] = plan->lead;
    }
    if (!plan->says_need) {
        plan->need = plan->form == CH_FORM_SEQUENCE ? CH_NEED_ANY : CH_NEED_ALL;
    }
}

ch_status ch_plan_check(const ch_rules *rules, ch_plan *plan, ch_error *error)
{
    ch_status status = check_parties(rules, plan, error);
    if (status == CH_OK) {
        status = check_form(plan, error);
    }
    if (status == CH_OK) {
        status = check_need(plan, error);
    }
    if (status == CH_OK) {
        status = check_lead(plan, error);
    }
    if (status == CH_OK) {
        complete(plan);
    }
    return status;
}

ch_plan ch_plan_of_route(const ch_route *route)
{
    ch_plan plan = {.form = route->form, .says_need = route->says_need, .need = route->need};
    plan.parties[plan.count++] = ch_str_of(route->party);
    for (size_t i = 0; i < route->more_count && plan.count < CH_GROUP_MEMBERS_MAX; i++) {
        plan.parties[plan.count++] = ch_str_of(route->more[i]);
    }
    plan.lead = route->lead[0] == '\0' ? CH_STR_NONE : ch_str_of(route->lead);
    return plan;
}

ch_plan ch_plan_at(const ch_rules *rules, const ch_route *route, int64_t time_ms)
{
    ch_plan plan = ch_plan_of_route(route);
    size_t count = plan.count;
    if (!route->on_duty) {
        return plan;
    }
    plan.count = 0;
    for (size_t i = 0; i < count; i++) {
        if (ch_rules_on_duty(rules, plan.parties[i], time_ms)) {
            plan.parties[plan.count++] = plan.parties[i];
        }
    }
    if (plan.lead.at != NULL && position_of(&plan, plan.lead, plan.count) == plan.count) {
        plan.lead = CH_STR_NONE;
    }
    if (plan.count == 1 && plan.form != CH_FORM_CC) {
        plan.form = CH_FORM_SINGLE;
        plan.says_need = false;
        plan.lead = CH_STR_NONE;
    }
    plan.need = plan.need > plan.count ? (uint32_t)plan.count : plan.need;
    return plan;
}
