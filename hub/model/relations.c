/* Events that tie two cases together: each of them gets one, in one batch. */
#include "hub/model/judgement.h"

#define HEIGHT_MAX 32 /* parents that are looked through, one above the other */

ch_status ch_judge_find_other(const ch_judgement *judgement, const char *where, ch_str id,
                              const ch_case **out_other)
{
    uint64_t number;
    const ch_view *view = judgement->view;
    ch_status status = ch_case_id_number(id, &number) != CH_OK
                           ? CH_NOT_FOUND
                           : view->case_by_number(view->context, number, out_other);
    if (status == CH_NOT_FOUND || (status == CH_OK && !ch_str_is(id, (*out_other)->id))) {
        return ch_error_set(judgement->error, CH_NOT_FOUND, where, "there is no case %.*s", CH_STR_ARG(id));
    }
    return status == CH_OK ? CH_OK : ch_error_set(judgement->error, status, where, "the case cannot be read");
}

ch_judgement ch_judge_on_other(const ch_judgement *judgement)
{
    ch_judgement other = *judgement;
    other.scratch = judgement->decision->own_other;
    other.number = other.scratch->number;
    other.case_id = ch_str_of(other.scratch->id);
    return other;
}

ch_status ch_judge_take_other(ch_judgement *judgement, const char *where, const ch_case *other)
{
    const ch_case *scratch = judgement->scratch;
    ch_error *error = judgement->error;
    if (other->number == judgement->number) {
        return ch_error_set(error, CH_REFUSED, where, "case %s is this one", other->id);
    }
    if (other->test_mode != scratch->test_mode) {
        return ch_error_set(error, CH_REFUSED, where, "cases %s and %s: one is a drill's, the other is real",
                            scratch->id, other->id);
    }
    ch_status status = ch_case_copy(judgement->decision->own_other, other);
    if (status != CH_OK) {
        return ch_error_set(error, status, where, "out of memory; the request was not done");
    }
    ch_judgement on_other = ch_judge_on_other(judgement);
    status = ch_judge_may_touch(&on_other);
    return status == CH_OK ? CH_OK : ch_error_set(error, status, where, "%s", error->text);
}

ch_status ch_judge_check_not_above(const ch_judgement *judgement, const char *where, const ch_case *from,
                                   const ch_case *sought)
{
    const ch_view *view = judgement->view;
    for (unsigned height = 0; height < HEIGHT_MAX; height++) {
        ch_status status = ch_judge_follow_merges(judgement, where, &from);
        if (status != CH_OK) {
            return status;
        }
        if (from->number == sought->number) {
            return ch_error_set(judgement->error, CH_REFUSED, where, "case %s would stand above itself",
                                sought->id);
        }
        const ch_link *parent = ch_case_parent(from);
        if (parent == NULL) {
            return CH_OK;
        }
        status = view->case_by_number(view->context, parent->other, &from);
        if (status != CH_OK) {
            return ch_error_set(judgement->error, status == CH_NOT_FOUND ? CH_CORRUPT : status, where,
                                "the parent of a case cannot be read");
        }
    }
    return ch_error_set(judgement->error, CH_REFUSED, where,
                        "more than %d cases would stand above one another", HEIGHT_MAX);
}

ch_status ch_judge_say_linked(ch_judgement *judgement, ch_str type, ch_str other, ch_relation relation,
                              uint32_t depth)
{
    ch_str data = CH_STR_NONE;
    const ch_judge_pair pairs[] = {{.key = "other", .text = other},
                                   {.key = "relation", .text = ch_str_of(ch_relation_name(relation))},
                                   {.key = "depth", .number = depth}};
    ch_status status = ch_judge_map(judgement, CH_STR_NONE, pairs, 3, &data);
    if (status != CH_OK) {
        return status;
    }
    ch_event event = ch_judge_derived(judgement, type, data);
    judgement->decision->other = judgement->decision->own_other;
    return ch_judge_append(judgement, &event, judgement->scratch->state, CH_HOW_FOLLOWS);
}

/* ---- linked, unlinked */

static ch_relation mirrored(ch_relation relation)
{
    return relation == CH_RELATION_PARENT  ? CH_RELATION_CHILD
           : relation == CH_RELATION_CHILD ? CH_RELATION_PARENT
                                           : relation;
}

static ch_status complete_link(ch_judgement *judgement, ch_event *event, const char *other,
                               ch_relation relation)
{
    const ch_judge_pair pairs[] = {{.key = "other", .text = ch_str_of(other)},
                                   {.key = "relation", .text = ch_str_of(ch_relation_name(relation))},
                                   {.key = "depth", .drop = true}};
    return ch_judge_map(judgement, event->data, pairs, 3, &event->data);
}

static ch_status read_relation(const ch_judgement *judgement, const ch_event *event,
                               ch_relation *out_relation)
{
    ch_str said = ch_mp_find_str(event->data, "relation");
    *out_relation = CH_RELATION_RELATED;
    if (said.at == NULL) {
        return CH_OK;
    }
    if (ch_relation_from_name(said, out_relation) != CH_OK || *out_relation >= CH_RELATION_MERGED) {
        return ch_error_set(judgement->error, CH_INVALID, "data.relation",
                            "parent, child or related is expected");
    }
    return CH_OK;
}

static ch_status check_relation(const ch_judgement *judgement, ch_relation relation)
{
    const ch_case *scratch = judgement->scratch, *other = judgement->decision->own_other;
    const ch_link *present = ch_case_link(scratch, other->number);
    if (present != NULL && present->relation != CH_RELATION_SUGGESTED) {
        return ch_error_set(judgement->error, CH_REFUSED, "data.other",
                            "case %s is linked with %s already: %s", scratch->id, other->id,
                            ch_relation_name(present->relation));
    }
    if (relation == CH_RELATION_RELATED) {
        return CH_OK;
    }
    const ch_case *child = relation == CH_RELATION_PARENT ? scratch : other;
    const ch_case *parent = relation == CH_RELATION_PARENT ? other : scratch;
    const ch_link *above = ch_case_parent(child);
    if (above != NULL) {
        return ch_error_set(judgement->error, CH_REFUSED, "data.relation", "case %s has a parent already: %s",
                            child->id, above->id);
    }
    return ch_judge_check_not_above(judgement, "data.relation", parent, child);
}

static ch_status before_linked(ch_judgement *judgement, ch_event *event)
{
    const ch_case *other = NULL;
    ch_relation relation;
    ch_status status = read_relation(judgement, event, &relation);
    if (status == CH_OK) {
        status = ch_judge_find_other(judgement, "data.other", ch_mp_find_str(event->data, "other"), &other);
    }
    if (status == CH_OK) {
        status = ch_judge_follow_merges(judgement, "data.other", &other);
    }
    if (status == CH_OK) {
        status = ch_judge_take_other(judgement, "data.other", other);
    }
    if (status == CH_OK) {
        status = check_relation(judgement, relation);
    }
    return status == CH_OK ? complete_link(judgement, event, judgement->decision->own_other->id, relation)
                           : status;
}

static ch_status before_unlinked(ch_judgement *judgement, ch_event *event)
{
    const ch_case *other = NULL;
    ch_status status =
        ch_judge_find_other(judgement, "data.other", ch_mp_find_str(event->data, "other"), &other);
    if (status != CH_OK || other == NULL) {
        return status;
    }
    const ch_link *link = ch_case_link(judgement->scratch, other->number);
    if (link == NULL) {
        return ch_error_set(judgement->error, CH_NOT_FOUND, "data.other", "case %s is not linked with %s",
                            judgement->scratch->id, other->id);
    }
    if (link->relation == CH_RELATION_MERGED) {
        return ch_error_set(judgement->error, CH_REFUSED, "data.other",
                            "case %s was merged into %s, and stays so", other->id, judgement->scratch->id);
    }
    status = ch_judge_take_other(judgement, "data.other", other);
    return status == CH_OK ? complete_link(judgement, event, link->id, link->relation) : status;
}

/* The same on the other case, seen from there. It knows nothing of a suggestion. */
static ch_status after_link(ch_judgement *judgement, const ch_event *event)
{
    ch_relation relation;
    if (ch_str_is(ch_mp_find_str(event->data, "relation"), ch_relation_name(CH_RELATION_SUGGESTED))) {
        return CH_OK;
    }
    ch_judgement on_other = ch_judge_on_other(judgement);
    ch_status status = read_relation(judgement, event, &relation);
    return status == CH_OK
               ? ch_judge_say_linked(&on_other, event->type, judgement->case_id, mirrored(relation), 0)
               : status;
}

/* ---- all of them */

static const struct {
    const char *type;
    ch_status (*before)(ch_judgement *judgement, ch_event *event);
    ch_status (*after)(ch_judgement *judgement, const ch_event *event);
} kinds[] = {
    {"case.linked", before_linked, after_link},
    {"case.unlinked", before_unlinked, after_link},
    {"case.merged", ch_judge_before_merged, ch_judge_after_merged},
    {"case.split", ch_judge_before_split, ch_judge_after_split},
};

static size_t kind_of(const ch_event *event)
{
    size_t i = 0;
    while (i < sizeof kinds / sizeof *kinds && !ch_str_is(event->type, kinds[i].type)) {
        i++;
    }
    return i;
}

ch_status ch_judge_before_pair(ch_judgement *judgement, ch_event *event)
{
    size_t kind = kind_of(event);
    return kind < sizeof kinds / sizeof *kinds ? kinds[kind].before(judgement, event) : CH_OK;
}

ch_status ch_judge_after_pair(ch_judgement *judgement, const ch_event *event)
{
    size_t kind = kind_of(event);
    return kind < sizeof kinds / sizeof *kinds ? kinds[kind].after(judgement, event) : CH_OK;
}
