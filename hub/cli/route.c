#include "hub/cli/nouns.h"
#include "hub/cli/page.h"

static ch_status explain(ch_cli *cli)
{
    static const ch_page_field fields[] = {
        {"route", "rule", CH_PAGE_PLAIN},       {"party", "goes to", CH_PAGE_PLAIN},
        {"parties", "of these", CH_PAGE_PLAIN}, {"form", "form", CH_PAGE_PLAIN},
        {"need", "need", CH_PAGE_PLAIN},        {"lead", "lead", CH_PAGE_PLAIN},
        {"reason", "because", CH_PAGE_PLAIN},   {"due_after_ms", "due after", CH_PAGE_DURATION},
        {"why", "looked at", CH_PAGE_PLAIN},
    };
    json_t *row = NULL;
    ch_status status = ch_cli_connect(cli);
    if (status == CH_OK) {
        status = ch_cli_query_one(cli, "route", ch_cli_fields(cli->arguments), "answer about routing", &row);
    }
    if (status == CH_OK) {
        status = ch_page_row(cli, row, fields, CH_COUNT_OF(fields));
    }
    if (status == CH_OK && json_object_get(row, "route") == NULL) {
        ch_cli_note(cli, "No rule fits: such a case waits until somebody assigns it.");
    }
    json_decref(row);
    return status;
}

static const char *const kinds[] = {"request",    "matter", "dispute", "dispatch",
                                    "assessment", "grant",  "post",    NULL};
static const ch_argument explain_arguments[] = {
    CH_TAKES_TEXT("system", "SYSTEM", "system", "where the case begins"),
    CH_TAKES_WORD("kind", "KIND", kinds, "kind",
                  "request, matter, dispute, dispatch, assessment, grant or post"),
    CH_TAKES_TEXT("category", "CATEGORY", "category", "e.g. power.overload"),
    CH_TAKES_TEXT("area", "AREA", "area", "e.g. 330902"),
    CH_TAKES_NUMBER("priority", "1..5", 1, 5, "priority", "1 is highest"),
    CH_TAKES_TIME("at", "at", "by who is on duty then; without it now"),
};

static const ch_argument simulate_arguments[] = {
    CH_NEEDS_TEXT("rules", "FILE|DIR", NULL,
                  "a routing.cfg, beside the city's other tables; or a whole folder of a city"),
    CH_TAKES_TIME("since", NULL, "cases that began then or later"),
};

static const ch_verb verbs[] = {
    {.name = "explain",
     CH_ARGUMENTS(explain_arguments),
     .help = "which rule chooses whom for such a case, and why",
     .run = explain},
    {.name = "simulate",
     CH_ARGUMENTS(simulate_arguments),
     .help = "which cases of the past would have gone to somebody else by changed rules",
     .run = ch_route_simulate},
};

const ch_noun ch_noun_route = {.name = "route", .help = "who gets which case", CH_VERBS(verbs)};
