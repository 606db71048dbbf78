#include "hub/cli/report_fold.h"

#include "hub/base/array.h"
#include "hub/cli/report_cycle.h"

#include <stdlib.h>

#define CASE_BYTES_MAX ((size_t)1 << 20)

/* Between its events a case lies encoded: most cases wait for nothing more. */
typedef struct report_case {
    uint64_t number;
    uint8_t *encoded;
    size_t size;
    ch_report_cycle cycle;
    bool unread; /* an event of it is missing */
} report_case;

struct ch_report_fold {
    ch_report_by by;
    int64_t since_ms, until_ms;
    ch_figures *figures;
    report_case **cases; /* by number */
    size_t count, capacity;
    ch_case *scratch; /* the case `loaded`, NULL: none */
    report_case *loaded;
    ch_buf encoded;
};

ch_status ch_report_fold_new(ch_report_fold **out_fold, ch_report_by by, int64_t since_ms, int64_t until_ms,
                             ch_figures *figures)
{
    ch_report_fold *fold = calloc(1, sizeof *fold);
    if (fold == NULL || ch_case_new(&fold->scratch) != CH_OK) {
        free(fold);
        return CH_NO_MEMORY;
    }
    fold->by = by;
    fold->since_ms = since_ms;
    fold->until_ms = until_ms;
    fold->figures = figures;
    ch_buf_init(&fold->encoded, CASE_BYTES_MAX);
    *out_fold = fold;
    return CH_OK;
}

static void free_case(report_case *the_case)
{
    if (the_case != NULL) {
        ch_report_cycle_done(&the_case->cycle);
        free(the_case->encoded);
        free(the_case);
    }
}

void ch_report_fold_free(ch_report_fold *fold)
{
    if (fold == NULL) {
        return;
    }
    for (size_t i = 0; i < fold->count; i++) {
        free_case(fold->cases[i]);
    }
    free(fold->cases);
    ch_case_free(fold->scratch);
    ch_buf_done(&fold->encoded);
    free(fold);
}

/* Where the case stands, or would stand. */
static size_t position(const ch_report_fold *fold, uint64_t number)
{
    size_t low = 0, high = fold->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (fold->cases[middle]->number < number) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

/* Numbers grow with each case, so that a new one nearly always comes last; a new epoch leaves a gap. */
static ch_status find_or_make(ch_report_fold *fold, uint64_t number, report_case **out_case)
{
    size_t at = position(fold, number);
    if (at < fold->count && fold->cases[at]->number == number) {
        *out_case = fold->cases[at];
        return CH_OK;
    }
    ch_status status =
        ch_array_reserve(&fold->cases, &fold->capacity, fold->count + 1, 1024, sizeof(report_case *));
    report_case *fresh = status == CH_OK ? calloc(1, sizeof *fresh) : NULL;
    if (fresh == NULL) {
        return CH_NO_MEMORY;
    }
    fresh->number = number;
    memmove(&fold->cases[at + 1], &fold->cases[at], (fold->count - at) * sizeof(report_case *));
    fold->cases[at] = fresh;
    fold->count++;
    *out_case = fresh;
    return CH_OK;
}

/* The case in hand back to where the others lie. */
static ch_status put_away(ch_report_fold *fold)
{
    report_case *the_case = fold->loaded;
    if (the_case == NULL) {
        return CH_OK;
    }
    ch_buf_clear(&fold->encoded);
    ch_case_encode(&fold->encoded, fold->scratch);
    uint8_t *room = fold->encoded.failed == CH_OK ? realloc(the_case->encoded, fold->encoded.size) : NULL;
    if (room == NULL) {
        return CH_NO_MEMORY;
    }
    memcpy(room, fold->encoded.at, fold->encoded.size);
    the_case->encoded = room;
    the_case->size = fold->encoded.size;
    fold->loaded = NULL;
    return CH_OK;
}

static ch_status take_out(ch_report_fold *fold, report_case *the_case)
{
    if (fold->loaded == the_case) {
        return CH_OK;
    }
    ch_status status = put_away(fold);
    if (status != CH_OK) {
        return status;
    }
    if (the_case->encoded == NULL) {
        ch_case_clear(fold->scratch);
    } else {
        status = ch_case_decode((ch_str){(const char *)the_case->encoded, the_case->size}, fold->scratch);
    }
    fold->loaded = status == CH_OK ? the_case : NULL;
    return status;
}

/* The cycle of the case in hand is over: what it came to. Of a case that was merged the other tells it. */
static ch_status count_cycle(ch_report_fold *fold, const ch_report_cycle *cycle)
{
    if (fold->scratch->state == CH_CASE_MERGED) {
        return CH_OK;
    }
    if (cycle->whole.started_ms < fold->since_ms || cycle->whole.started_ms >= fold->until_ms) {
        return CH_OK;
    }
    if (fold->by != CH_REPORT_BY_PARTY) {
        const ch_outcome outcome = ch_report_cycle_outcome(cycle, NULL);
        const char *name = fold->by == CH_REPORT_BY_CATEGORY ? fold->scratch->category : fold->scratch->area;
        return ch_figures_add(fold->figures, ch_str_of(name), &outcome);
    }
    ch_status status = CH_OK;
    for (size_t i = 0; status == CH_OK && i < cycle->share_count; i++) {
        const ch_outcome outcome = ch_report_cycle_outcome(cycle, &cycle->shares[i]);
        status = ch_figures_add(fold->figures, ch_str_of(cycle->shares[i].party), &outcome);
    }
    return status;
}

/* What cannot be folded is not counted at all: half a case would be a wrong figure. */
static void give_up(ch_report_fold *fold, report_case *the_case)
{
    ch_report_cycle_done(&the_case->cycle);
    free(the_case->encoded);
    the_case->encoded = NULL;
    the_case->unread = true;
    fold->loaded = NULL;
}

static ch_status fold_event(ch_report_fold *fold, report_case *the_case, const ch_event *event)
{
    char lead_before[sizeof fold->scratch->lead];
    ch_status status = take_out(fold, the_case);
    if (status != CH_OK) {
        return status;
    }
    bool is_new_cycle = event->cycle != fold->scratch->cycle;
    memcpy(lead_before, fold->scratch->lead, sizeof lead_before);
    bool was_open = fold->scratch->version > 0;
    status = ch_case_evolve(fold->scratch, the_case->number, event);
    if (status == CH_CORRUPT || status == CH_FULL) {
        give_up(fold, the_case);
        return CH_OK;
    }
    if (status == CH_OK && is_new_cycle && was_open) {
        status = count_cycle(fold, &the_case->cycle);
    }
    if (status == CH_OK && is_new_cycle) {
        ch_report_cycle_begin(&the_case->cycle, event->time_ms);
    }
    return status != CH_OK || event->anomalous
               ? status
               : ch_report_cycle_add(&the_case->cycle, fold->scratch, lead_before, event);
}

ch_status ch_report_fold_add(ch_report_fold *fold, const ch_event *event)
{
    uint64_t number = 0;
    report_case *the_case = NULL;
    if (event->subject.size == 0 || event->test_mode || ch_str_starts(event->subject, CH_STR("T-"))) {
        return CH_OK;
    }
    if (ch_case_id_number(event->subject, &number) != CH_OK || number == 0) {
        return CH_CORRUPT;
    }
    ch_status status = find_or_make(fold, number, &the_case);
    return status != CH_OK || the_case->unread ? status : fold_event(fold, the_case, event);
}

ch_status ch_report_fold_end(ch_report_fold *fold, size_t *out_unread)
{
    ch_status status = CH_OK;
    size_t unread = 0;
    for (size_t i = 0; status == CH_OK && i < fold->count; i++) {
        report_case *the_case = fold->cases[i];
        if (the_case->unread) {
            unread++;
            continue;
        }
        status = take_out(fold, the_case);
        if (status == CH_OK) {
            status = count_cycle(fold, &the_case->cycle);
        }
    }
    *out_unread = unread;
    return status;
}
