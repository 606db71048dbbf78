/* What is done to a case as a record: its content is erased for good, or it is held so that nobody may do that. Both are
 * hub. events: they name the case, and change nothing of how it is worked on.
 */
#include "hub/model/judgement.h"

#include <stdlib.h>

#define ERASED_MOST 1024 /* cases that one erasure may take */

typedef struct erased {
    const ch_judgement *judgement;
    uint64_t numbers[ERASED_MOST];
    size_t count;
} erased;

static ch_status find_mark(const ch_judgement *judgement, const ch_case *the_case, ch_case_mark *out_mark)
{
    ch_status status = judgement->view->mark(judgement->view->context, the_case->number, out_mark);
    return status == CH_OK ? CH_OK
                           : ch_error_set(judgement->error, status, "data.case",
                                          "the marks of %s cannot be read", the_case->id);
}

static ch_status load(const ch_judgement *judgement, uint64_t number, const ch_case **out_case)
{
    ch_status status = judgement->view->case_by_number(judgement->view->context, number, out_case);
    return status == CH_OK ? CH_OK
                           : ch_error_set(judgement->error, status == CH_NOT_FOUND ? CH_CORRUPT : status,
                                          "data.case", "a case that was merged into it cannot be read");
}

static ch_status add(erased *all, uint64_t number)
{
    if (all->count == ERASED_MOST) {
        return ch_error_set(all->judgement->error, CH_TOO_LARGE, "data.case",
                            "more than %d cases were merged into it: erase those first", ERASED_MOST);
    }
    all->numbers[all->count++] = number;
    return CH_OK;
}

/* Merges make a tree, so nothing comes twice. */
static ch_status add_merged(erased *all, const ch_case *the_case)
{
    ch_status status = CH_OK;
    for (size_t i = 0; i < the_case->link_count && status == CH_OK; i++) {
        if (the_case->links[i].relation == CH_RELATION_MERGED) {
            status = add(all, the_case->links[i].other);
        }
    }
    return status;
}

/* What the hub itself says again was done already, before a restore: no hold brings a key back. */
static bool a_hold_counts(const erased *all)
{
    return all->judgement->intake->grant != NULL;
}

static ch_status check_area(const ch_judgement *judgement, const ch_case *the_case)
{
    const ch_grant *grant = judgement->intake->grant;
    if (grant == NULL || ch_grant_covers_area(grant, ch_str_of(the_case->area))) {
        return CH_OK;
    }
    return ch_error_set(judgement->error, CH_DENIED, "data.case", "case %s lies outside the areas of %s",
                        the_case->id, grant->name);
}

/* Every case of the tree: none may be held, or lie where the operator has no say; its id goes into out. */
static ch_status list_ids(erased *all, ch_buf *out)
{
    ch_status status = CH_OK;
    size_t begun = ch_mp_begin_array(out);
    for (size_t i = 0; i < all->count && status == CH_OK; i++) {
        const ch_case *the_case = NULL;
        ch_case_mark mark = {.held = false};
        status = load(all->judgement, all->numbers[i], &the_case);
        if (status == CH_OK) {
            status = check_area(all->judgement, the_case);
        }
        if (status == CH_OK) {
            status = find_mark(all->judgement, the_case, &mark);
        }
        if (status == CH_OK && mark.held && a_hold_counts(all)) {
            status = ch_error_set(all->judgement->error, CH_REFUSED, "data.case",
                                  "case %s is under a legal hold", the_case->id);
        }
        if (status == CH_OK) {
            ch_mp_put_text(out, the_case->id);
            status = add_merged(all, the_case);
        }
    }
    ch_mp_end_array(out, begun, (uint32_t)all->count);
    return status;
}

static ch_status judge_erasure(ch_judgement *judgement, const ch_case *the_case, const ch_case_mark *mark,
                               ch_event *event)
{
    ch_str list = CH_STR_NONE;
    ch_buf *out = &judgement->decision->work;
    erased *all;
    if (mark->erased) {
        return ch_error_set(judgement->error, CH_CONFLICT, "data.case", "case %s was erased already",
                            the_case->id);
    }
    all = calloc(1, sizeof *all);
    if (all == NULL) {
        return ch_error_set(judgement->error, CH_NO_MEMORY, "data.case", "no memory to erase it");
    }
    all->judgement = judgement;
    ch_buf_clear(out);
    ch_status status = add(all, the_case->number);
    if (status == CH_OK) {
        status = list_ids(all, out);
    }
    free(all);
    if (status == CH_OK) {
        status = ch_judge_keep(judgement, ch_buf_str(out), &list);
    }
    const ch_judge_pair pairs[] = {{.key = "cases", .encoded = list}};
    return status == CH_OK ? ch_judge_map(judgement, event->data, pairs, 1, &event->data) : status;
}

static ch_status judge_hold(const ch_judgement *judgement, const ch_case *the_case, const ch_case_mark *mark,
                            const ch_event *event)
{
    bool lift = ch_str_is(ch_mp_find_str(event->data, "action"), "lift");
    if (lift != mark->held) {
        return ch_error_set(judgement->error, CH_CONFLICT, "data.action", "case %s is %s", the_case->id,
                            mark->held ? "held already" : "not held");
    }
    return CH_OK;
}

/* By its id alone: what is done for ever should not depend on whose number a ref is. */
static ch_status find_case(const ch_judgement *judgement, const ch_event *event, const ch_case **out_case)
{
    uint64_t number;
    ch_str id = ch_mp_find_str(event->data, "case");
    ch_status status = ch_case_id_number(id, &number);
    if (status == CH_OK) {
        status = judgement->view->case_by_number(judgement->view->context, number, out_case);
    }
    if (status == CH_NOT_FOUND || status == CH_INVALID ||
        (status == CH_OK && !ch_str_is(id, (*out_case)->id))) {
        return ch_error_set(judgement->error, CH_NOT_FOUND, "data.case", "there is no case %.*s",
                            CH_STR_ARG(id));
    }
    return status == CH_OK ? CH_OK
                           : ch_error_set(judgement->error, status, "data.case", "the case cannot be read");
}

ch_status ch_judge_keeping(ch_judgement *judgement, ch_event *event)
{
    const ch_case *the_case = NULL;
    ch_case_mark mark = {.held = false};
    bool erases = ch_str_is(event->type, "hub.erased");
    if (!erases && !ch_str_is(event->type, "hub.hold")) {
        return CH_OK;
    }
    ch_status status = find_case(judgement, event, &the_case);
    if (status == CH_OK) {
        status = check_area(judgement, the_case);
    }
    if (status == CH_OK) {
        status = find_mark(judgement, the_case, &mark);
    }
    if (status != CH_OK) {
        return status;
    }
    return erases ? judge_erasure(judgement, the_case, &mark, event)
                  : judge_hold(judgement, the_case, &mark, event);
}
