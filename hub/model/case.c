#include "hub/model/case.h"

#include "hub/base/array.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static const char *const handoff_state_names[] = {
#define CH_HANDOFF_STATE_NAME(symbol, name) name,
    CH_HANDOFF_STATE_LIST(CH_HANDOFF_STATE_NAME)
#undef CH_HANDOFF_STATE_NAME
};

const char *ch_handoff_state_name(ch_handoff_state state)
{
    return (unsigned)state < CH_HANDOFF_STATE_COUNT ? handoff_state_names[state] : "unknown";
}

ch_status ch_handoff_state_from_name(ch_str name, ch_handoff_state *out_state)
{
    for (unsigned i = 0; i < CH_HANDOFF_STATE_COUNT; i++) {
        if (ch_str_is(name, handoff_state_names[i])) {
            *out_state = (ch_handoff_state)i;
            return CH_OK;
        }
    }
    return CH_NOT_FOUND;
}

static const char *const form_names[] = {
#define CH_FORM_NAME(symbol, name) name,
    CH_FORM_LIST(CH_FORM_NAME)
#undef CH_FORM_NAME
};

const char *ch_form_name(ch_form form)
{
    return (unsigned)form < CH_FORM_COUNT ? form_names[form] : "unknown";
}

ch_status ch_form_from_name(ch_str name, ch_form *out_form)
{
    for (unsigned i = 0; i < CH_FORM_COUNT; i++) {
        if (ch_str_is(name, form_names[i])) {
            *out_form = (ch_form)i;
            return CH_OK;
        }
    }
    return CH_NOT_FOUND;
}

ch_status ch_need_from_text(ch_str text, uint32_t *out_need)
{
    int64_t number;
    if (ch_str_is(text, "all") || ch_str_is(text, "any")) {
        *out_need = ch_str_is(text, "all") ? CH_NEED_ALL : CH_NEED_ANY;
        return CH_OK;
    }
    if (ch_str_to_int(text, &number) != CH_OK || number < 1 || number > CH_GROUP_MEMBERS_MAX) {
        return CH_INVALID;
    }
    *out_need = (uint32_t)number;
    return CH_OK;
}

void ch_need_text(uint32_t need, char out[CH_NEED_SIZE])
{
    if (need > CH_NEED_ANY) {
        snprintf(out, CH_NEED_SIZE, "%" PRIu32, need);
    } else {
        memcpy(out, need == CH_NEED_ALL ? "all" : "any", sizeof "all");
    }
}

bool ch_handoff_is_open(ch_handoff_state state)
{
    return state >= CH_HANDOFF_OFFERED && state <= CH_HANDOFF_STARTED;
}

ch_status ch_case_new(ch_case **out_case)
{
    ch_case *the_case = calloc(1, sizeof *the_case);
    if (the_case == NULL) {
        return CH_NO_MEMORY;
    }
    the_case->feedback_satisfied = -1;
    *out_case = the_case;
    return CH_OK;
}

void ch_case_free(ch_case *the_case)
{
    if (the_case == NULL) {
        return;
    }
    free(the_case->handoffs);
    free(the_case->steps);
    free(the_case->refs);
    free(the_case->digests);
    free(the_case->groups);
    free(the_case->candidates);
    free(the_case->links);
    free(the_case->clocks);
    free(the_case);
}

void ch_case_clear(ch_case *the_case)
{
    *the_case = (ch_case){.feedback_satisfied = -1,
                          .handoffs = the_case->handoffs,
                          .handoff_capacity = the_case->handoff_capacity,
                          .steps = the_case->steps,
                          .step_capacity = the_case->step_capacity,
                          .refs = the_case->refs,
                          .ref_capacity = the_case->ref_capacity,
                          .digests = the_case->digests,
                          .digest_capacity = the_case->digest_capacity,
                          .groups = the_case->groups,
                          .group_capacity = the_case->group_capacity,
                          .candidates = the_case->candidates,
                          .candidate_capacity = the_case->candidate_capacity,
                          .links = the_case->links,
                          .link_capacity = the_case->link_capacity,
                          .clocks = the_case->clocks,
                          .clock_capacity = the_case->clock_capacity};
}

/* Thousands of cases are in memory at once and most have one or two of everything: nothing is set aside before it is
 * needed. */
#define RESERVE(items, capacity, count) ch_array_reserve(&(items), &(capacity), count, count, sizeof *(items))

ch_status ch_case_reserve(ch_case *the_case, size_t handoffs, size_t steps, size_t refs, size_t digests)
{
    ch_status status = RESERVE(the_case->handoffs, the_case->handoff_capacity, handoffs);
    if (status == CH_OK) {
        status = RESERVE(the_case->steps, the_case->step_capacity, steps);
    }
    if (status == CH_OK) {
        status = RESERVE(the_case->refs, the_case->ref_capacity, refs);
    }
    if (status == CH_OK) {
        status = RESERVE(the_case->digests, the_case->digest_capacity, digests);
    }
    return status;
}

ch_status ch_case_reserve_groups(ch_case *the_case, size_t groups, size_t candidates)
{
    ch_status status = RESERVE(the_case->groups, the_case->group_capacity, groups);
    if (status == CH_OK) {
        status = RESERVE(the_case->candidates, the_case->candidate_capacity, candidates);
    }
    return status;
}

ch_status ch_case_reserve_links(ch_case *the_case, size_t links)
{
    return RESERVE(the_case->links, the_case->link_capacity, links);
}

ch_status ch_case_reserve_clocks(ch_case *the_case, size_t clocks)
{
    return RESERVE(the_case->clocks, the_case->clock_capacity, clocks);
}

static void copy_items(void *to, const void *from, size_t count, size_t size)
{
    if (count > 0) {
        memcpy(to, from, count * size);
    }
}

ch_status ch_case_copy(ch_case *to, const ch_case *from)
{
    ch_status status =
        ch_case_reserve(to, from->handoff_count, from->step_count, from->ref_count, from->digest_count);
    if (status == CH_OK) {
        status = ch_case_reserve_groups(to, from->group_count, from->candidate_count);
    }
    if (status == CH_OK) {
        status = ch_case_reserve_links(to, from->link_count);
    }
    if (status == CH_OK) {
        status = ch_case_reserve_clocks(to, from->clock_count);
    }
    if (status != CH_OK) {
        return status;
    }
    copy_items(to->handoffs, from->handoffs, from->handoff_count, sizeof *to->handoffs);
    copy_items(to->steps, from->steps, from->step_count, sizeof *to->steps);
    copy_items(to->refs, from->refs, from->ref_count, sizeof *to->refs);
    copy_items(to->digests, from->digests, from->digest_count, sizeof *to->digests);
    copy_items(to->groups, from->groups, from->group_count, sizeof *to->groups);
    copy_items(to->candidates, from->candidates, from->candidate_count, sizeof *to->candidates);
    copy_items(to->links, from->links, from->link_count, sizeof *to->links);
    copy_items(to->clocks, from->clocks, from->clock_count, sizeof *to->clocks);
    /* Everything else lies before the arrays. */
    memcpy(to, from, offsetof(ch_case, handoffs));
    to->handoff_count = from->handoff_count;
    to->step_count = from->step_count;
    to->ref_count = from->ref_count;
    to->digest_count = from->digest_count;
    to->group_count = from->group_count;
    to->candidate_count = from->candidate_count;
    to->link_count = from->link_count;
    to->clock_count = from->clock_count;
    return CH_OK;
}

const ch_handoff *ch_case_handoff(const ch_case *the_case, uint32_t index)
{
    return index == 0 || index > the_case->handoff_count ? NULL : &the_case->handoffs[index - 1];
}

ch_form ch_case_form(const ch_case *the_case, const ch_handoff *handoff)
{
    if (handoff->group == 0) {
        return handoff->arbitration ? CH_FORM_ARBITRATION : CH_FORM_SINGLE;
    }
    return the_case->groups[handoff->group - 1].form;
}

const ch_handoff *ch_case_latest_open(const ch_case *the_case)
{
    for (size_t i = the_case->handoff_count; i > 0; i--) {
        const ch_handoff *handoff = &the_case->handoffs[i - 1];
        if (ch_handoff_is_open(handoff->state) && ch_case_form(the_case, handoff) != CH_FORM_CC) {
            return handoff;
        }
    }
    return NULL;
}

bool ch_case_state_is_active(ch_case_state state)
{
    return state >= CH_CASE_RECEIVED && state <= CH_CASE_WAITING;
}
