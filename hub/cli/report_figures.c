#include "hub/cli/report_figures.h"

#include "hub/base/array.h"

#include <stdlib.h>

#define NAME_MAX_BYTES 63

typedef struct durations {
    int64_t *at;
    size_t count, capacity;
} durations;

typedef struct group {
    char name[NAME_MAX_BYTES + 1];
    uint64_t cases, late, returned, rejected, feedbacks, satisfied, scores, score_sum;
    durations accept, answer, resolve;
} group;

struct ch_figures {
    group *groups; /* by name */
    size_t count, capacity;
};

ch_status ch_figures_new(ch_figures **out_figures)
{
    *out_figures = calloc(1, sizeof **out_figures);
    return *out_figures == NULL ? CH_NO_MEMORY : CH_OK;
}

void ch_figures_free(ch_figures *figures)
{
    if (figures == NULL) {
        return;
    }
    for (size_t i = 0; i < figures->count; i++) {
        free(figures->groups[i].accept.at);
        free(figures->groups[i].answer.at);
        free(figures->groups[i].resolve.at);
    }
    free(figures->groups);
    free(figures);
}

/* Where the name stands, or would stand. */
static size_t position(const ch_figures *figures, ch_str name)
{
    size_t low = 0, high = figures->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (ch_str_compare(ch_str_of(figures->groups[middle].name), name) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static ch_status find_or_make(ch_figures *figures, ch_str name, group **out_group)
{
    size_t at = position(figures, name);
    if (at < figures->count && ch_str_is(name, figures->groups[at].name)) {
        *out_group = &figures->groups[at];
        return CH_OK;
    }
    group fresh = {.cases = 0};
    if (ch_str_copy(fresh.name, sizeof fresh.name, name) != CH_OK) {
        return CH_TOO_LARGE;
    }
    ch_status status = ch_array_reserve(&figures->groups, &figures->capacity, figures->count + 1, 64,
                                        sizeof *figures->groups);
    if (status != CH_OK) {
        return status;
    }
    memmove(&figures->groups[at + 1], &figures->groups[at], (figures->count - at) * sizeof fresh);
    figures->groups[at] = fresh;
    figures->count++;
    *out_group = &figures->groups[at];
    return CH_OK;
}

/* What happened before it began, by the clocks of different systems, took no time. */
static ch_status add_duration(durations *to, int64_t from_ms, int64_t until_ms)
{
    if (until_ms == CH_NEVER) {
        return CH_OK;
    }
    ch_status status = ch_array_reserve(&to->at, &to->capacity, to->count + 1, 16, sizeof *to->at);
    if (status == CH_OK) {
        to->at[to->count++] = until_ms > from_ms ? until_ms - from_ms : 0;
    }
    return status;
}

/* Who only gave a score is satisfied with a 4 or a 5. */
static void add_feedback(group *to, const ch_outcome *outcome)
{
    if (outcome->score > 0) {
        to->scores++;
        to->score_sum += (uint64_t)outcome->score;
    }
    if (outcome->satisfied >= 0 || outcome->score > 0) {
        to->feedbacks++;
        to->satisfied += outcome->satisfied >= 0 ? (uint64_t)outcome->satisfied : outcome->score >= 4;
    }
}

ch_status ch_figures_add(ch_figures *figures, ch_str name, const ch_outcome *outcome)
{
    group *to = NULL;
    ch_status status = find_or_make(figures, name.size == 0 ? CH_STR("_") : name, &to);
    if (status == CH_OK) {
        status = add_duration(&to->accept, outcome->started_ms, outcome->accepted_ms);
    }
    if (status == CH_OK) {
        status = add_duration(&to->answer, outcome->started_ms, outcome->answered_ms);
    }
    if (status == CH_OK) {
        status = add_duration(&to->resolve, outcome->started_ms, outcome->resolved_ms);
    }
    if (status != CH_OK) {
        return status;
    }
    to->cases++;
    to->late += outcome->late;
    to->returned += outcome->returned;
    to->rejected += outcome->rejected;
    add_feedback(to, outcome);
    return CH_OK;
}

static int compare_durations(const void *a, const void *b)
{
    int64_t left = *(const int64_t *)a, right = *(const int64_t *)b;
    return (left > right) - (left < right);
}

/* The nearest rank: the least of the values that at least so many percent do not exceed. */
static int64_t percentile(const durations *of, size_t percent)
{
    return of->at[(of->count * percent + 99) / 100 - 1];
}

static void put_durations(json_t *row, const char *count, const char *median, const char *p90, durations *of)
{
    json_object_set_new(row, count, json_integer((json_int_t)of->count));
    if (of->count == 0) {
        return;
    }
    qsort(of->at, of->count, sizeof *of->at, compare_durations);
    json_object_set_new(row, median, json_integer(percentile(of, 50)));
    json_object_set_new(row, p90, json_integer(percentile(of, 90)));
}

static void put_ratio(json_t *row, const char *name, uint64_t part, uint64_t whole)
{
    if (whole > 0) {
        json_object_set_new(row, name, json_real((double)part / (double)whole));
    }
}

static json_t *row_of(group *of, const char *by)
{
    json_t *row = json_pack("{s:s, s:I}", by, of->name, "cases", (json_int_t)of->cases);
    put_durations(row, "accept_count", "accept_median_ms", "accept_p90_ms", &of->accept);
    put_durations(row, "answer_count", "answer_median_ms", "answer_p90_ms", &of->answer);
    put_durations(row, "resolve_count", "resolve_median_ms", "resolve_p90_ms", &of->resolve);
    put_ratio(row, "late", of->late, of->cases);
    put_ratio(row, "returned", of->returned, of->cases);
    put_ratio(row, "rejected", of->rejected, of->cases);
    json_object_set_new(row, "feedbacks", json_integer((json_int_t)of->feedbacks));
    put_ratio(row, "satisfied", of->satisfied, of->feedbacks);
    put_ratio(row, "score", of->score_sum, of->scores);
    return row;
}

json_t *ch_figures_rows(ch_figures *figures, const char *by)
{
    json_t *rows = json_array();
    for (size_t i = 0; rows != NULL && i < figures->count; i++) {
        if (json_array_append_new(rows, row_of(&figures->groups[i], by)) != 0) {
            json_decref(rows);
            return NULL;
        }
    }
    return rows;
}
