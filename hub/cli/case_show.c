#include "hub/cli/case_events.h"
#include "hub/cli/listing.h"
#include "hub/cli/nouns.h"
#include "hub/cli/page.h"
#include "hub/cli/times.h"
#include "hub/model/case.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static void print_what(FILE *out, const json_t *row)
{
    const json_t *opened = ch_row_map(row, "opened_event");
    const json_t *data = ch_row_map(opened, "data");
    int64_t priority = ch_row_int(row, "priority", 0);
    ch_page_line(out, "case", "%s%s", ch_row_text(row, "case"),
                 ch_row_bool(row, "test") ? "  (a drill)" : "");
    ch_page_text(out, "title", ch_row_text(data, "title"));
    ch_page_text(out, "text", ch_row_text(data, "text"));
    ch_page_text(out, "kind", ch_row_text(row, "kind"));
    ch_page_text(out, "category", ch_row_text(row, "category"));
    ch_page_text(out, "area", ch_row_text(row, "area"));
    if (priority > 0) {
        ch_page_line(out, "priority", "%" PRId64 " of 5%s", priority, priority == 1 ? " (highest)" : "");
    }
    ch_page_text(out, "source", ch_row_text(row, "source"));
}

static void print_refs(FILE *out, const json_t *row)
{
    size_t index;
    const json_t *ref, *refs = json_object_get(row, "refs");
    if (json_array_size(refs) == 0) {
        ch_page_text(out, "ref", ch_row_text(row, "ref"));
    }
    json_array_foreach(refs, index, ref)
    {
        if (json_is_string(ref)) {
            ch_page_text(out, index == 0 ? "ref" : "", json_string_value(ref));
        } else {
            ch_page_line(out, index == 0 ? "ref" : "", "%s %s", ch_row_text(ref, "source"),
                         ch_row_text(ref, "ref"));
        }
    }
}

static void print_person(FILE *out, const json_t *row)
{
    static const char *const fields[] = {"name", "phone", "id_number", "address", "email"};
    const json_t *person = ch_row_map(ch_row_map(row, "opened_event"), "private");
    for (size_t i = 0; i < CH_COUNT_OF(fields); i++) {
        ch_page_text(out, fields[i], ch_row_text(person, fields[i]));
    }
}

static void print_progress(FILE *out, const json_t *row, const ch_as_of *as_of, int64_t now_ms)
{
    char time[CH_LOCAL_TIME_SIZE], offset[CH_LOCAL_TIME_SIZE], took[CH_DURATION_SIZE];
    int64_t at_ms;
    const char *waiting = ch_row_text(row, "waiting_reason"), *party = ch_row_text(row, "party");
    if (ch_row_time(row, "opened", &at_ms)) {
        ch_local_time(at_ms, time);
        ch_local_offset(at_ms, offset);
        ch_page_line(out, "opened", "%s (%s, as all times here)", time, offset);
    }
    ch_page_line(out, "state", "%s%s%s", ch_row_text(row, "state"), waiting[0] == '\0' ? "" : " for ",
                 waiting);
    ch_page_text(out, "merged into", ch_row_text(row, "merged_into"));
    if (ch_row_bool(row, "erased")) {
        ch_page_text(out, "erased", "what it said is gone for good");
    }
    if (ch_row_bool(row, "held")) {
        ch_page_text(out, "held", "neither erased nor archived until the hold is lifted");
    }
    if (ch_row_time(row, "since", &at_ms)) {
        ch_local_time(at_ms, time);
        ch_duration(now_ms - at_ms, took);
        ch_page_line(out, "since", as_of->given ? "%s, for %s" : "%s, %s ago", time, took);
    }
    ch_page_line(out, "with", "%s", party[0] == '\0' ? "nobody" : party);
    ch_page_line(out, "version", "%" PRId64 "%s", ch_row_int(row, "version", 0),
                 ch_row_int(row, "cycle", 1) > 1 ? ", reopened" : "");
    if (ch_row_int(row, "anomalous", 0) > 0) {
        ch_page_line(out, "anomalous", "%" PRId64 " reports that the lifecycle could not follow",
                     ch_row_int(row, "anomalous", 0));
    }
}

static void print_feedback(FILE *out, const json_t *row)
{
    int64_t score = ch_row_int(row, "feedback_score", 0);
    const json_t *satisfied = json_object_get(row, "feedback_satisfied");
    const char *word = satisfied == NULL          ? ""
                       : json_is_true(satisfied)  ? "satisfied"
                       : json_is_false(satisfied) ? "not satisfied"
                                                  : "";
    if (score > 0) {
        ch_page_line(out, "feedback", "%" PRId64 " of 5%s%s", score, word[0] == '\0' ? "" : ", ", word);
    } else if (word[0] != '\0') {
        ch_page_line(out, "feedback", "%s", word);
    }
}

static bool is_over(const char *state)
{
    ch_case_state known;
    return ch_case_state_from_name(ch_str_of(state), &known) == CH_OK && known >= CH_CASE_CLOSED;
}

/* How long each step took, and the present one so far; a case that is over takes no time any more. */
static void measure_steps(json_t *steps, int64_t now_ms)
{
    size_t index;
    json_t *step;
    json_array_foreach(steps, index, step)
    {
        int64_t entered_ms, left_ms = now_ms;
        bool left = ch_row_time(step, "left", &left_ms);
        if (ch_row_time(step, "entered", &entered_ms) && (left || !is_over(ch_row_text(step, "state")))) {
            json_object_set_new(step, "took", json_integer(left_ms - entered_ms));
        }
    }
}

static ch_status print_section(ch_cli *cli, const char *heading, json_t *rows, const ch_column *columns,
                               size_t count)
{
    if (json_array_size(rows) == 0) {
        return CH_OK;
    }
    fprintf(cli->world->out, "\n%s\n", heading);
    return ch_list_rows(cli, rows, columns, count);
}

/* The last columns say how handoffs stand beside each other; most cases have but one by itself. */
static ch_status print_handoffs(ch_cli *cli, json_t *handoffs)
{
    static const ch_column columns[] = {
        {.field = "handoff", .heading = "HANDOFF"},
        {.field = "party", .heading = "PARTY"},
        {.field = "state", .heading = "STATE"},
        {.field = "offered", .heading = "OFFERED", .kind = CH_CELL_TIME},
        {.field = "accepted", .heading = "ACCEPTED", .kind = CH_CELL_TIME},
        {.field = "ended", .heading = "ENDED", .kind = CH_CELL_TIME},
        {.field = "due", .heading = "DUE", .kind = CH_CELL_TIME},
        {.field = "reason", .heading = "REASON"},
        {.field = "group", .heading = "GROUP"},
        {.field = "form", .heading = "FORM"},
        {.field = "need", .heading = "NEED"},
        {.field = "lead", .heading = "LEAD"},
        {.field = "next", .heading = "NEXT"},
    };
    enum { OF_A_GROUP = 5 };
    size_t index, count = CH_COUNT_OF(columns) - OF_A_GROUP;
    const json_t *handoff;
    json_array_foreach(handoffs, index, handoff)
    {
        if (json_object_get(handoff, "form") != NULL) {
            count = CH_COUNT_OF(columns);
        }
    }
    return print_section(cli, "Handoffs", handoffs, columns, count);
}

static ch_status print_links(ch_cli *cli, json_t *links)
{
    static const ch_column columns[] = {
        {.field = "case", .heading = "CASE"},
        {.field = "relation", .heading = "RELATION"},
        {.field = "score", .heading = "SCORE", .kind = CH_CELL_NUMBER},
    };
    return print_section(cli, "Other cases", links, columns, CH_COUNT_OF(columns));
}

static ch_status print_clocks(ch_cli *cli, json_t *clocks)
{
    static const ch_column columns[] = {
        {.field = "clock", .heading = "CLOCK"},
        {.field = "rule", .heading = "RULE"},
        {.field = "party", .heading = "PARTY"},
        {.field = "state", .heading = "STATE"},
        {.field = "started", .heading = "STARTED", .kind = CH_CELL_TIME},
        {.field = "due", .heading = "DUE", .kind = CH_CELL_TIME},
        {.field = "ended", .heading = "ENDED", .kind = CH_CELL_TIME},
        {.field = "level", .heading = "LEVEL", .kind = CH_CELL_NUMBER},
        {.field = "handoff", .heading = "HANDOFF"},
    };
    return print_section(cli, "Clocks", clocks, columns, CH_COUNT_OF(columns));
}

static ch_status print_milestones(ch_cli *cli, json_t *milestones)
{
    static const ch_column columns[] = {
        {.field = "code", .heading = "MILESTONE"},
        {.field = "value", .heading = "VALUE"},
        {.field = "time", .heading = "TIME", .kind = CH_CELL_TIME},
        {.field = "party", .heading = "PARTY"},
        {.field = "text", .heading = "TEXT", .most = 60},
    };
    return print_section(cli, "Milestones", milestones, columns, CH_COUNT_OF(columns));
}

static void print_as_of(FILE *out, const ch_as_of *as_of)
{
    char time[CH_LOCAL_TIME_SIZE] = "";
    if (as_of->time_ms != 0) {
        ch_local_time(as_of->time_ms, time);
    }
    if (as_of->given && as_of->is_time) {
        ch_page_line(out, "as of", "%s", time);
    } else if (as_of->given) {
        ch_page_line(out, "as of", "event %" PRIu64 "%s%s", as_of->sequence, time[0] == '\0' ? "" : ", ",
                     time);
    }
}

/* How long something has lasted is told of this time: the present, or the moment that is looked at. */
static int64_t time_of(ch_cli *cli, const json_t *row, const ch_as_of *as_of)
{
    if (!as_of->given) {
        return ch_clock_wall_ms(cli->world->clock);
    }
    return as_of->time_ms != 0 ? as_of->time_ms : ch_row_int(row, "changed", 0);
}

static ch_status print_case(ch_cli *cli, json_t *row, const ch_as_of *as_of)
{
    static const ch_column step_columns[] = {
        {.field = "state", .heading = "STEP"},
        {.field = "party", .heading = "WITH"},
        {.field = "entered", .heading = "FROM", .kind = CH_CELL_TIME},
        {.field = "left", .heading = "UNTIL", .kind = CH_CELL_TIME},
        {.field = "took", .heading = "TOOK", .kind = CH_CELL_DURATION},
        {.field = "cycle", .heading = "CYCLE", .kind = CH_CELL_NUMBER},
    };
    FILE *out = cli->world->out;
    int64_t now_ms = time_of(cli, row, as_of);
    print_as_of(out, as_of);
    print_what(out, row);
    print_refs(out, row);
    print_person(out, row);
    print_progress(out, row, as_of, now_ms);
    print_feedback(out, row);
    ch_status status = print_handoffs(cli, json_object_get(row, "handoffs"));
    if (status == CH_OK) {
        status = print_clocks(cli, json_object_get(row, "clocks"));
    }
    if (status == CH_OK) {
        status = print_milestones(cli, json_object_get(row, "milestones"));
    }
    if (status == CH_OK) {
        status = print_links(cli, json_object_get(row, "links"));
    }
    if (status != CH_OK) {
        return status;
    }
    measure_steps(json_object_get(row, "steps"), now_ms);
    return print_section(cli, "Steps", json_object_get(row, "steps"), step_columns,
                         CH_COUNT_OF(step_columns));
}

/* What a milestone says, of the event that says it. */
static ch_status add_milestone(void *milestones, const json_t *event)
{
    static const char *const said[] = {"code", "value", "text"};
    if (strcmp(ch_row_text(event, "type"), "case.milestone") != 0) {
        return CH_OK;
    }
    json_t *row = json_object();
    const json_t *data = ch_row_map(event, "data");
    for (size_t i = 0; i < CH_COUNT_OF(said); i++) {
        json_object_set(row, said[i], json_object_get(data, said[i]));
    }
    json_object_set(row, "time", json_object_get(event, "time"));
    json_object_set(row, "party", json_object_get(event, "party"));
    json_array_append_new(milestones, row);
    return CH_OK;
}

/* A case keeps where it stands, not how far beyond that its milestones say it is: they are in its events. */
static ch_status find_milestones(ch_cli *cli, json_t *row, const ch_as_of *as_of)
{
    json_t *milestones = json_array();
    ch_status status = ch_case_events(cli, ch_row_text(row, "case"), as_of, add_milestone, milestones);
    if (json_array_size(milestones) > 0) {
        json_object_set(row, "milestones", milestones);
    }
    json_decref(milestones);
    return status == CH_NOT_FOUND ? CH_OK : status; /* it may not be read any more */
}

static ch_status find_by_id(ch_cli *cli, const char *case_id, const ch_as_of *as_of, json_t **out_row)
{
    return as_of->given
               ? ch_case_past(cli, case_id, as_of, out_row)
               : ch_cli_query_one(cli, "case", json_pack("{s:s}", "case", case_id), "such case", out_row);
}

/* The operand's case, which may also be named by a ref. */
static ch_status find(ch_cli *cli, const ch_as_of *as_of, json_t **out_row)
{
    char what[128];
    json_t *now;
    const char *operand = cli->arguments->operands[0];
    json_t *arguments = ch_cli_fields(cli->arguments);
    snprintf(what, sizeof what, "case %.100s", operand);
    json_object_set_new(arguments, "case", json_string(operand));
    ch_status status = ch_cli_query_one(cli, "case", arguments, what, out_row);
    if (status != CH_OK || !as_of->given) {
        return status;
    }
    now = *out_row;
    status = ch_case_past(cli, ch_row_text(now, "case"), as_of, out_row);
    json_decref(now);
    return status;
}

/* A merged case is shown as the one that stands for it, unless that may not be read. Takes the row. */
static ch_status follow_merge(ch_cli *cli, const ch_as_of *as_of, json_t **row)
{
    json_t *last = NULL;
    const char *asked = ch_row_text(*row, "case"), *into = ch_row_text(*row, "merged_into");
    if (into[0] == '\0') {
        return CH_OK;
    }
    ch_cli_note(cli, "Case %s was merged into %s", asked, into);
    ch_status status = find_by_id(cli, into, as_of, &last);
    if (status != CH_OK) {
        return status == CH_NOT_FOUND ? CH_OK : status;
    }
    const json_t *first = json_object_get(*row, "asked");
    json_object_set_new(last, "asked", json_string(first == NULL ? asked : json_string_value(first)));
    json_decref(*row);
    *row = last;
    return CH_OK;
}

/* The hub names the last of those that went into one another; the past is followed step by step. */
static ch_status follow_merges(ch_cli *cli, const ch_as_of *as_of, json_t **row)
{
    ch_status status = CH_OK;
    const json_t *before = NULL;
    for (unsigned i = 0; status == CH_OK && before != *row && i <= CH_MERGES_DEEP; i++) {
        before = *row;
        status = follow_merge(cli, as_of, row);
    }
    return status;
}

ch_status ch_case_show(ch_cli *cli)
{
    json_t *row = NULL;
    ch_as_of as_of;
    ch_status status = ch_as_of_read(cli, &as_of);
    if (status == CH_OK) {
        status = ch_cli_connect(cli);
    }
    if (status == CH_OK) {
        status = find(cli, &as_of, &row);
    }
    if (status == CH_OK) {
        status = follow_merges(cli, &as_of, &row);
    }
    if (status == CH_OK) {
        status = find_milestones(cli, row, &as_of);
    }
    if (status == CH_OK && cli->arguments->json) {
        status = ch_row_print_json(cli->world->out, row) == CH_OK ? CH_OK : ch_cli_no_memory(cli);
    } else if (status == CH_OK) {
        status = print_case(cli, row, &as_of);
    }
    json_decref(row);
    return status;
}
