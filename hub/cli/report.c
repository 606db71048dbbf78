#include "hub/cli/as_of.h"
#include "hub/cli/listing.h"
#include "hub/cli/log_walk.h"
#include "hub/cli/nouns.h"
#include "hub/cli/report_fold.h"

#include <stdio.h>

static const char *const groupings[] = {"party", "category", "area", NULL};

static ch_report_by grouping(const char *word)
{
    unsigned by = CH_REPORT_BY_PARTY;
    for (unsigned i = 0; word != NULL && groupings[i] != NULL; i++) {
        by = strcmp(word, groupings[i]) == 0 ? i : by;
    }
    return (ch_report_by)by;
}

typedef struct report {
    ch_cli *cli;
    ch_report_fold *fold;
    ch_as_of as_of;
} report;

static ch_status visit(void *context, const ch_event *event)
{
    report *of = context;
    if (ch_as_of_is_passed(&of->as_of, event->sequence, event->recorded_ms)) {
        return CH_END;
    }
    ch_status status = ch_report_fold_add(of->fold, event);
    if (status == CH_CORRUPT) {
        return ch_error_set(&of->cli->error, status, NULL, "event %llu names a case that cannot be",
                            (unsigned long long)event->sequence);
    }
    return status == CH_OK ? CH_OK : ch_cli_no_memory(of->cli);
}

/* Shares as people read them. */
static void show_shares(json_t *row)
{
    static const char *const shares[] = {"late", "returned", "rejected", "satisfied"};
    char text[32];
    for (size_t i = 0; i < CH_COUNT_OF(shares); i++) {
        const json_t *share = json_object_get(row, shares[i]);
        if (share != NULL) {
            snprintf(text, sizeof text, "%.1f%%", 100 * json_real_value(share));
            json_object_set_new(row, shares[i], json_string(text));
        }
    }
    if (json_object_get(row, "score") != NULL) {
        snprintf(text, sizeof text, "%.1f", json_real_value(json_object_get(row, "score")));
        json_object_set_new(row, "score", json_string(text));
    }
}

static ch_status print(ch_cli *cli, ch_figures *figures, ch_report_by by)
{
    static const char *const headings[] = {"PARTY", "CATEGORY", "AREA"};
    const ch_column columns[] = {
        {groupings[by], headings[by], CH_CELL_PLAIN, 0},
        {"cases", "CASES", CH_CELL_NUMBER, 0},
        {"accept_median_ms", "ACCEPTED", CH_CELL_DURATION, 0},
        {"accept_p90_ms", "90%", CH_CELL_DURATION, 0},
        {"answer_median_ms", "ANSWERED", CH_CELL_DURATION, 0},
        {"answer_p90_ms", "90%", CH_CELL_DURATION, 0},
        {"resolve_median_ms", "RESOLVED", CH_CELL_DURATION, 0},
        {"resolve_p90_ms", "90%", CH_CELL_DURATION, 0},
        {"late", "LATE", CH_CELL_NUMBER, 0},
        {"returned", "RETURNED", CH_CELL_NUMBER, 0},
        {"rejected", "REJECTED", CH_CELL_NUMBER, 0},
        {"feedbacks", "FEEDBACKS", CH_CELL_NUMBER, 0},
        {"satisfied", "SATISFIED", CH_CELL_NUMBER, 0},
        {"score", "SCORE", CH_CELL_NUMBER, 0},
    };
    json_t *rows = ch_figures_rows(figures, groupings[by]);
    size_t index;
    json_t *row;
    if (rows == NULL) {
        return ch_cli_no_memory(cli);
    }
    json_array_foreach(rows, index, row)
    {
        if (!cli->arguments->json) {
            show_shares(row);
        }
    }
    if (json_array_size(rows) == 0) {
        ch_cli_note(cli, "No case began in this time.");
    }
    ch_status status = ch_list_rows(cli, rows, columns, CH_COUNT_OF(columns));
    json_decref(rows);
    return status;
}

static ch_status make(ch_cli *cli, ch_figures *figures, ch_report_fold *fold, ch_report_by by)
{
    report of = {.cli = cli, .fold = fold};
    size_t unread = 0;
    ch_status status = ch_as_of_read(cli, &of.as_of);
    if (status == CH_OK) {
        status = ch_log_walk(cli, NULL, 0, visit, &of);
        status = status == CH_END ? CH_OK : status;
    }
    if (status != CH_OK || cli->exit_code >= 0) {
        return status; /* figures of half the log would be wrong */
    }
    status = ch_report_fold_end(fold, &unread);
    if (status != CH_OK) {
        return ch_cli_no_memory(cli);
    }
    if (unread > 0) {
        ch_cli_note(cli, "%zu cases are left out: this key may not read all of their events.", unread);
    }
    return print(cli, figures, by);
}

static ch_status run_report(ch_cli *cli)
{
    const ch_arguments *arguments = cli->arguments;
    ch_report_by by = grouping(ch_argument_text(arguments, "by"));
    ch_figures *figures = NULL;
    ch_report_fold *fold = NULL;
    ch_status status = ch_figures_new(&figures);
    if (status == CH_OK) {
        status = ch_report_fold_new(&fold, by, ch_argument_number(arguments, "since", INT64_MIN),
                                    ch_argument_number(arguments, "until", INT64_MAX), figures);
    }
    status = status == CH_OK ? make(cli, figures, fold, by) : ch_cli_no_memory(cli);
    ch_report_fold_free(fold);
    ch_figures_free(figures);
    return status;
}

static const ch_argument arguments[] = {
    CH_TAKES_WORD("by", "WHAT", groupings, NULL, "party (default), category or area"),
    CH_TAKES_TIME("since", NULL, "cases that began, or were reopened, then or later"),
    CH_TAKES_TIME("until", NULL, "... and before then"),
    CH_TAKES_AS_OF("as they were at that event of the log, or by what was recorded up to then"),
};

static const ch_verb verbs[] = {
    {.name = "",
     CH_ARGUMENTS(arguments),
     .help = "how many cases, how fast, how often late, returned, satisfied; from the log alone",
     .run = run_report}};

const ch_noun ch_noun_report = {
    .name = "report", .help = "figures by party, category or area", CH_VERBS(verbs)};
