/* Likely duplicates of a case that opens. Only said, never acted on: people merge. */
#include "hub/model/judgement.h"

#define SUGGESTIONS_MAX 3

typedef struct suggestion {
    uint64_t number;
    char id[CH_CASE_ID_SIZE];
    unsigned score;
    bool same_category;
} suggestion;

static bool place_of(const ch_event *opened, char out[CH_SKETCH_PLACE_SIZE])
{
    return ch_sketch_place(out, opened->area, ch_mp_find_str(opened->data, "category"), opened->test_mode);
}

ch_status ch_judge_sketch(ch_judgement *judgement, ch_event *opened)
{
    ch_sketch_grams grams;
    char place[CH_SKETCH_PLACE_SIZE];
    uint64_t hashes[CH_SKETCH_GRAMS_MAX];
    uint8_t sketch[CH_SKETCH_SIZE];
    const ch_view *view = judgement->view;
    if (judgement->rules->duplicate_percent == 0 || !place_of(opened, place)) {
        return CH_OK;
    }
    ch_sketch_grams_of(&grams, ch_mp_find_str(opened->data, "title"), ch_mp_find_str(opened->data, "text"));
    size_t count = grams.count;
    if (count < CH_SKETCH_GRAMS_LEAST) {
        return CH_OK;
    }
    ch_status status = view->hashes(view->context, grams.at, count, hashes);
    explicit_bzero(&grams, sizeof grams);
    if (status != CH_OK) {
        return ch_error_set(judgement->error, status, "data", "its text cannot be hashed");
    }
    ch_sketch_make(sketch, hashes, count);
    return ch_judge_keep(judgement, (ch_str){(const char *)sketch, sizeof sketch}, &opened->sketch);
}

static bool is_worth_it(const ch_case *the_case)
{
    return ch_case_state_is_active(the_case->state) || the_case->state == CH_CASE_RESOLVED;
}

/* Best first, and of equals the one that came first. */
static void keep_best(suggestion *best, size_t *count, const suggestion *found)
{
    size_t at = *count;
    for (size_t i = 0; i < *count; i++) {
        if (best[i].number == found->number) {
            return;
        }
    }
    while (at > 0 && (best[at - 1].score < found->score ||
                      (best[at - 1].score == found->score && best[at - 1].number > found->number))) {
        at--;
    }
    if (at == SUGGESTIONS_MAX) {
        return;
    }
    *count += *count < SUGGESTIONS_MAX;
    memmove(&best[at + 1], &best[at], (*count - 1 - at) * sizeof *best);
    best[at] = *found;
}

/* The case whose sketch it is, or the one that stands for it by now. */
static ch_status consider(ch_judgement *judgement, const ch_sketched *row, unsigned score, suggestion *best,
                          size_t *count)
{
    const ch_case *found = NULL;
    const ch_view *view = judgement->view;
    ch_status status = view->case_by_number(view->context, row->number, &found);
    if (status != CH_OK) {
        return ch_error_set(judgement->error, status == CH_NOT_FOUND ? CH_CORRUPT : status, "data",
                            "a case that may be the same cannot be read");
    }
    bool same = strcmp(found->category, judgement->scratch->category) == 0;
    status = ch_judge_follow_merges(judgement, "data", &found);
    if (status == CH_OK && is_worth_it(found)) {
        suggestion next = {.number = found->number, .score = score, .same_category = same};
        memcpy(next.id, found->id, sizeof next.id);
        keep_best(best, count, &next);
    }
    return status;
}

static ch_status reasons_of(ch_judgement *judgement, const suggestion *of, ch_str *out_list)
{
    ch_buf *out = &judgement->decision->work;
    ch_buf_clear(out);
    ch_mp_put_array(out, 3);
    ch_mp_put_text(out, "same-community");
    ch_mp_put_text(out, of->same_category ? "same-category" : "near-category");
    ch_mp_put_text(out, "similar-text");
    return out->failed == CH_OK ? ch_judge_keep(judgement, ch_buf_str(out), out_list)
                                : ch_error_set(judgement->error, out->failed, "data", "no room for reasons");
}

static ch_status say(ch_judgement *judgement, const suggestion *of)
{
    ch_str reasons = CH_STR_NONE, data = CH_STR_NONE;
    ch_status status = reasons_of(judgement, of, &reasons);
    const ch_judge_pair pairs[] = {{.key = "other", .text = ch_str_of(of->id)},
                                   {.key = "score", .number = of->score},
                                   {.key = "reasons", .encoded = reasons}};
    if (status == CH_OK) {
        status = ch_judge_map(judgement, CH_STR_NONE, pairs, 3, &data);
    }
    if (status != CH_OK) {
        return status;
    }
    ch_event event = ch_judge_derived(judgement, CH_STR("case.suggested"), data);
    return ch_judge_append(judgement, &event, judgement->scratch->state, CH_HOW_FOLLOWS);
}

ch_status ch_judge_suggest(ch_judgement *judgement, const ch_event *opened)
{
    char place[CH_SKETCH_PLACE_SIZE];
    ch_sketched rows[CH_SKETCHES_LOOKED_AT];
    suggestion best[SUGGESTIONS_MAX + 1];
    size_t count = CH_SKETCHES_LOOKED_AT, kept = 0;
    const ch_view *view = judgement->view;
    int64_t window = judgement->rules->duplicate_window_ms;
    if (opened->sketch.at == NULL || !place_of(opened, place)) {
        return CH_OK;
    }
    ch_status status = view->sketches(view->context, place, opened->time_ms - window,
                                      opened->time_ms + window, rows, &count);
    if (status != CH_OK) {
        return ch_error_set(judgement->error, status, "data", "cases that may be the same cannot be read");
    }
    for (size_t i = 0; i < count && status == CH_OK; i++) {
        unsigned score = ch_sketch_similarity((const uint8_t *)opened->sketch.at, rows[i].sketch);
        if (score >= judgement->rules->duplicate_percent) {
            status = consider(judgement, &rows[i], score, best, &kept);
        }
    }
    for (size_t i = 0; i < kept && status == CH_OK; i++) {
        status = say(judgement, &best[i]);
    }
    return status;
}
