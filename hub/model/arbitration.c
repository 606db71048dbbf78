/* A case must not be left with nobody, nor be passed around for ever: then the supervising party decides who gets it, and
 * whoever had it first keeps it meanwhile. */
#include "hub/model/judgement.h"

#include <assert.h>

#define DEFAULT_REJECTION_LIMIT 5

static const ch_handoff *open_arbitration(const ch_case *the_case)
{
    for (size_t i = the_case->handoff_count; i > 0; i--) {
        const ch_handoff *handoff = &the_case->handoffs[i - 1];
        if (handoff->arbitration && ch_handoff_is_open(handoff->state)) {
            return handoff;
        }
    }
    return NULL;
}

/* Not counted: who may refuse without harm, since others were asked at the same time. */
static bool is_refusal(const ch_case *the_case, const ch_handoff *handoff)
{
    ch_form form = ch_case_form(the_case, handoff);
    return (handoff->state == CH_HANDOFF_REJECTED || handoff->state == CH_HANDOFF_RETURNED) &&
           handoff->cycle == the_case->cycle && (form == CH_FORM_SINGLE || form == CH_FORM_SEQUENCE);
}

bool ch_judge_is_refused_too_often(const ch_judgement *judgement)
{
    const ch_case *scratch = judgement->scratch;
    unsigned limit = judgement->rules->rejection_limit, count = 0;
    for (size_t i = 0; i < scratch->handoff_count; i++) {
        count += is_refusal(scratch, &scratch->handoffs[i]);
    }
    return count >= (limit == 0 ? DEFAULT_REJECTION_LIMIT : limit);
}

/* Of this cycle. */
static const ch_handoff *first_receiver(const ch_case *the_case)
{
    for (size_t i = 0; i < the_case->handoff_count; i++) {
        const ch_handoff *handoff = &the_case->handoffs[i];
        if (handoff->cycle == the_case->cycle && !handoff->arbitration &&
            ch_case_form(the_case, handoff) != CH_FORM_CC) {
            return handoff;
        }
    }
    return NULL;
}

/* Who has it while it is decided: whoever is at work on it, or else the first receiver. */
static ch_status find_keeper(ch_judgement *judgement, ch_str *out_keeper)
{
    const ch_case *scratch = judgement->scratch;
    const ch_handoff *first = first_receiver(scratch);
    bool at_work = ch_case_latest_open(scratch) != NULL && scratch->lead[0] != '\0';
    return ch_judge_keep(judgement,
                         at_work         ? ch_str_of(scratch->lead)
                         : first != NULL ? ch_str_of(first->party)
                                         : CH_STR_NONE,
                         out_keeper);
}

ch_status ch_judge_arbitrate(ch_judgement *judgement, uint32_t index, bool even_so)
{
    const ch_case *scratch = judgement->scratch;
    const ch_handoff *ended = ch_case_handoff(scratch, index);
    assert(ended != NULL);
    const ch_party *party = ended == NULL ? NULL : ch_rules_party(judgement->rules, ch_str_of(ended->party));
    bool is_held = ch_case_latest_open(scratch) != NULL;
    if (judgement->is_history || open_arbitration(scratch) != NULL ||
        !ch_case_state_is_active(scratch->state) || party == NULL || party->supervisor[0] == '\0' ||
        (is_held && !even_so)) {
        return CH_OK;
    }
    ch_offer offer = {.party = ch_str_of(party->supervisor),
                      .reason = CH_STR("arbitration"),
                      .previous = index,
                      .form = CH_FORM_ARBITRATION};
    ch_status status = find_keeper(judgement, &offer.keeper);
    return status == CH_OK ? ch_judge_offer(judgement, &offer) : status;
}

/* Who works beside others has no part in their dispute: a unit on the scene stays there. Without a question that was
 * asked the verdict is about the whole case. */
static bool is_beside(const ch_case *the_case, const ch_handoff *handoff, const ch_handoff *asked)
{
    return asked != NULL && ch_case_form(the_case, handoff) == CH_FORM_PARALLEL;
}

/* The latest open handoff that already gives it to the party. A member of another group depends on others, who are
 * about to lose it. */
static uint32_t held_by(const ch_case *the_case, ch_str party, const ch_handoff *asked)
{
    for (size_t i = the_case->handoff_count; i > 0; i--) {
        const ch_handoff *handoff = &the_case->handoffs[i - 1];
        bool is_own =
            ch_case_form(the_case, handoff) == CH_FORM_SINGLE || is_beside(the_case, handoff, asked);
        if (ch_handoff_is_open(handoff->state) && is_own && ch_str_is(party, handoff->party)) {
            return handoff->index;
        }
    }
    return 0;
}

/* asked: index of the arbitration that the verdict answers, 0: none. */
static ch_status end_others(ch_judgement *judgement, uint32_t asked, uint32_t kept, ch_str reason)
{
    ch_status status = CH_OK;
    for (uint32_t index = 1; status == CH_OK && index <= judgement->scratch->handoff_count; index++) {
        const ch_handoff *handoff = ch_case_handoff(judgement->scratch, index);
        bool stays = index == kept || ch_case_form(judgement->scratch, handoff) == CH_FORM_CC ||
                     is_beside(judgement->scratch, handoff, ch_case_handoff(judgement->scratch, asked));
        if (ch_handoff_is_open(handoff->state) && !stays) {
            status = ch_judge_about(
                judgement, handoff->arbitration ? CH_STR("handoff.completed") : CH_STR("handoff.withdrawn"),
                index, reason, CH_HOW_FOLLOWS);
        }
    }
    return status;
}

ch_status ch_judge_apply_verdict(ch_judgement *judgement, const ch_event *event)
{
    const ch_handoff *asked = open_arbitration(judgement->scratch);
    ch_offer offer = {.party = ch_mp_find_str(event->data, "party"),
                      .reason = CH_STR("arbitrated"),
                      .previous = asked == NULL ? 0 : asked->index};
    ch_str by = asked == NULL ? event->party : ch_str_of(asked->party);
    uint32_t kept = held_by(judgement->scratch, offer.party, asked);
    ch_status status = ch_judge_keep(judgement, by, &offer.from);
    if (status == CH_OK) {
        status = end_others(judgement, offer.previous, kept, offer.reason);
    }
    return status == CH_OK && kept == 0 ? ch_judge_offer(judgement, &offer) : status;
}
