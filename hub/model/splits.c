/* A part of a case becomes a case of its own: opened, routed and linked as a child in the same batch. */
#include "hub/model/judgement.h"

static ch_str said_or(const ch_event *event, const char *field, const char *fallback)
{
    ch_str said = ch_mp_find_str(event->data, field);
    if (said.size > 0) {
        return said;
    }
    return fallback[0] == '\0' ? CH_STR_NONE : ch_str_of(fallback);
}

/* The judgement of the part, which has no events yet. */
static ch_status begin_part(const ch_judgement *judgement, ch_judgement *out_part)
{
    *out_part = *judgement;
    out_part->scratch = judgement->decision->own_other;
    return ch_judge_number_case(out_part, judgement->scratch->test_mode);
}

static ch_status name_part(ch_judgement *judgement, ch_str id, ch_event *event)
{
    ch_str list = CH_STR_NONE;
    ch_buf *out = &judgement->decision->work;
    ch_buf_clear(out);
    ch_mp_put_array(out, 1);
    ch_mp_put_str(out, id);
    ch_status status = out->failed == CH_OK
                           ? ch_judge_keep(judgement, ch_buf_str(out), &list)
                           : ch_error_set(judgement->error, out->failed, "data", "no room for an id");
    const ch_judge_pair into = {.key = "into", .encoded = list};
    return status == CH_OK ? ch_judge_map(judgement, event->data, &into, 1, &event->data) : status;
}

ch_status ch_judge_before_split(ch_judgement *judgement, ch_event *event)
{
    static const char *const own[] = {"into", "origin"};
    ch_judgement part;
    ch_str kind = said_or(event, "kind", judgement->scratch->kind);
    for (size_t i = 0; i < 2; i++) {
        if (ch_mp_find(event->data, own[i], NULL, NULL)) {
            return ch_error_set(judgement->error, CH_INVALID, i == 0 ? "data.into" : "data.origin",
                                "only the hub sets it");
        }
    }
    if (judgement->decision->present_version ==
        0) { /* the event itself would open it, under the part's number */
        return ch_error_set(judgement->error, CH_NOT_FOUND, "ref",
                            "%.*s calls no case %.*s that a part could be split off",
                            CH_STR_ARG(event->source), CH_STR_ARG(event->ref));
    }
    if (ch_judge_opening_row(judgement, kind) == NULL) {
        return ch_judge_refuse_kind(judgement, kind);
    }
    ch_status status = begin_part(judgement, &part);
    event->private_data = CH_STR_NONE; /* of the part alone */
    return status == CH_OK ? name_part(judgement, part.case_id, event) : status;
}

/* It begins in the same system as the whole, so that who may speak of the one may speak of the other. */
static ch_status describe_part(ch_judgement *judgement, const ch_event *event, ch_event *out_opened)
{
    const ch_case *whole = judgement->scratch;
    ch_str data = CH_STR_NONE;
    const ch_judge_pair pairs[] = {{.key = "kind", .text = said_or(event, "kind", whole->kind)},
                                   {.key = "category", .text = said_or(event, "category", whole->category)},
                                   {.key = "origin", .text = ch_str_of(whole->source)},
                                   {.key = "into", .drop = true}};
    ch_status status = ch_judge_map(judgement, event->data, pairs, 4, &data);
    *out_opened = ch_judge_derived(judgement, CH_STR("case.opened"), data);
    out_opened->area = event->area.size > 0     ? event->area
                       : whole->area[0] == '\0' ? CH_STR_NONE
                                                : ch_str_of(whole->area);
    out_opened->private_data = judgement->cause->private_data;
    out_opened->test_mode = whole->test_mode;
    return status;
}

ch_status ch_judge_after_split(ch_judgement *judgement, const ch_event *event)
{
    ch_judgement part;
    ch_event opened;
    ch_status status = begin_part(judgement, &part);
    if (status == CH_OK) {
        status = describe_part(judgement, event, &opened);
    }
    if (status == CH_OK) {
        status = ch_judge_sketch(&part, &opened);
    }
    if (status != CH_OK) {
        return status;
    }
    const ch_transition *row = ch_judge_opening_row(judgement, ch_mp_find_str(opened.data, "kind"));
    status = ch_judge_take_row(&part, &opened, row, CH_HOW_FOLLOWS);
    if (status == CH_OK) {
        status = ch_judge_say_linked(judgement, CH_STR("case.linked"), part.case_id, CH_RELATION_CHILD, 0);
    }
    return status == CH_OK
               ? ch_judge_say_linked(&part, CH_STR("case.linked"), judgement->case_id, CH_RELATION_PARENT, 0)
               : status;
}
