/* Every case of the past by the hub's rules and by changed ones. The hub's are asked for, once for each kind of case; the
 * changed ones are read here. */
#include "hub/base/array.h"
#include "hub/cli/listing.h"
#include "hub/cli/log_walk.h"
#include "hub/cli/nouns.h"
#include "hub/cli/schema_tables.h"

#include "hub/config/rules_config.h"
#include "hub/model/plan.h"
#include "hub/model/topic.h"

#include <errno.h>
#include <inttypes.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#define ANSWERS_MOST 65536 /* of the hub, kept; then they are asked for again */
#define KEY_BYTES 512
#define RECEIVERS_BYTES (CH_GROUP_MEMBERS_MAX * (CH_CODE_MAX + 2) + 128)

/* Who gets a case, and by which rule; both "" when no rule fits. */
typedef struct receivers {
    char text[RECEIVERS_BYTES]; /* "water-rescue, ambulance (parallel, need all)" */
    char route[CH_CODE_MAX + 1];
} receivers;

/* So many cases from the one to the other. */
typedef struct move {
    char *from, *to;
    char from_route[CH_CODE_MAX + 1], to_route[CH_CODE_MAX + 1];
    uint64_t cases;
} move;

typedef struct simulation {
    ch_cli *cli;
    const ch_rules *rules; /* the changed ones */
    json_t *answers;       /* of the hub: question -> row */
    int64_t since_ms;
    uint64_t cases, elsewhere;
    move *moves;
    size_t move_count, move_capacity;
} simulation;

static void append(receivers *to, size_t *used, const char *text)
{
    int size = snprintf(to->text + *used, sizeof to->text - *used, "%s", text);
    *used += size < 0 ? 0 : (size_t)size;
    *used = *used < sizeof to->text ? *used : sizeof to->text - 1;
}

/* Of a row as QUERY route answers it. */
static receivers receivers_of(const json_t *row)
{
    receivers who = {.text = ""};
    size_t used = 0, index;
    const json_t *party;
    const char *form = ch_row_text(row, "form"), *need = ch_row_text(row, "need"),
               *lead = ch_row_text(row, "lead");
    snprintf(who.route, sizeof who.route, "%s", ch_row_text(row, "route"));
    if (json_object_get(row, "parties") == NULL) {
        append(&who, &used, ch_row_text(row, "party"));
    }
    json_array_foreach(json_object_get(row, "parties"), index, party)
    {
        append(&who, &used, index == 0 ? "" : ", ");
        append(&who, &used, json_is_string(party) ? json_string_value(party) : "");
    }
    const char *const parts[] = {
        form[0] == '\0' ? "" : " (",      form, need[0] == '\0' ? "" : ", need ", need,
        lead[0] == '\0' ? "" : ", lead ", lead, form[0] == '\0' ? "" : ")"};
    for (size_t i = 0; i < CH_COUNT_OF(parts); i++) {
        append(&who, &used, parts[i]);
    }
    return who;
}

/* The same row of a route that is here. */
static json_t *row_of(const ch_route *route)
{
    char need[CH_NEED_SIZE];
    json_t *row = json_object();
    if (route == NULL) {
        return row;
    }
    json_object_set_new(row, "route", json_string(route->name));
    json_object_set_new(row, "party", json_string(route->party));
    if (route->form == CH_FORM_SINGLE) {
        return row;
    }
    const ch_plan plan = ch_plan_of_route(route);
    json_t *parties = json_array();
    for (size_t i = 0; i < plan.count; i++) {
        json_array_append_new(parties, json_stringn(plan.parties[i].at, plan.parties[i].size));
    }
    json_object_set_new(row, "parties", parties);
    json_object_set_new(row, "form", json_string(ch_form_name(route->form)));
    if (route->form == CH_FORM_PARALLEL) {
        ch_need_text(route->need, need);
        json_object_set_new(row, "need", json_string(need));
    } else if (route->form == CH_FORM_JOINT) {
        json_object_set_new(row, "lead", json_string(route->lead[0] == '\0' ? route->party : route->lead));
    }
    return row;
}

static ch_route_question question_of(const ch_event *opened)
{
    ch_str origin = ch_mp_find_str(opened->data, "origin");
    return (ch_route_question){.system = ch_topic_system_of(origin.at != NULL ? origin : opened->source),
                               .kind = ch_mp_find_str(opened->data, "kind"),
                               .category = ch_mp_find_str(opened->data, "category"),
                               .area = opened->area,
                               .priority = (int)ch_mp_find_int(opened->data, "priority", 0)};
}

static void set_text(json_t *arguments, const char *name, ch_str text)
{
    if (text.size > 0) {
        json_object_set_new(arguments, name, json_stringn(text.at, text.size));
    }
}

static ch_status ask_hub(simulation *of, const ch_route_question *question, const char *key, json_t **out_row)
{
    json_t *arguments = json_object();
    set_text(arguments, "system", question->system);
    set_text(arguments, "kind", question->kind);
    set_text(arguments, "category", question->category);
    set_text(arguments, "area", question->area);
    json_object_set_new(arguments, "at", json_integer(0)); /* whoever is on duty when */
    if (question->priority > 0) {
        json_object_set_new(arguments, "priority", json_integer(question->priority));
    }
    ch_status status = ch_cli_query_one(of->cli, "route", arguments, "answer about routing", out_row);
    if (status != CH_OK) {
        return status;
    }
    if (json_object_size(of->answers) >= ANSWERS_MOST) {
        json_object_clear(of->answers);
    }
    /* The lines of why are long, and nobody reads them here. */
    json_object_del(*out_row, "why");
    return json_object_set_new(of->answers, key, *out_row) == 0 ? CH_OK : ch_cli_no_memory(of->cli);
}

/* What the hub's rules say; *out_row belongs to the answers. */
static ch_status find_answer(simulation *of, const ch_route_question *question, json_t **out_row)
{
    char key[KEY_BYTES];
    snprintf(key, sizeof key, "%.*s %.*s %.*s %.*s %d", CH_STR_ARG(question->system),
             CH_STR_ARG(question->kind), CH_STR_ARG(question->category), CH_STR_ARG(question->area),
             question->priority);
    *out_row = json_object_get(of->answers, key);
    return *out_row != NULL ? CH_OK : ask_hub(of, question, key, out_row);
}

static bool is_move(const move *one, const receivers *from, const receivers *to)
{
    return strcmp(one->from, from->text) == 0 && strcmp(one->to, to->text) == 0 &&
           strcmp(one->from_route, from->route) == 0 && strcmp(one->to_route, to->route) == 0;
}

static ch_status count_move(simulation *of, const receivers *from, const receivers *to)
{
    for (size_t i = 0; i < of->move_count; i++) {
        if (is_move(&of->moves[i], from, to)) {
            of->moves[i].cases++;
            return CH_OK;
        }
    }
    ch_status status =
        ch_array_reserve(&of->moves, &of->move_capacity, of->move_count + 1, 16, sizeof *of->moves);
    move fresh = {.from = status == CH_OK ? strdup(from->text) : NULL,
                  .to = status == CH_OK ? strdup(to->text) : NULL,
                  .cases = 1};
    if (fresh.from == NULL || fresh.to == NULL) {
        free(fresh.from);
        free(fresh.to);
        return ch_cli_no_memory(of->cli);
    }
    memcpy(fresh.from_route, from->route, sizeof fresh.from_route);
    memcpy(fresh.to_route, to->route, sizeof fresh.to_route);
    of->moves[of->move_count++] = fresh;
    return CH_OK;
}

static json_t *move_row(const char *from, const char *from_route, const char *to, const char *to_route)
{
    json_t *row = json_object();
    const char *const fields[][2] = {
        {"from", from}, {"from_route", from_route}, {"to", to}, {"to_route", to_route}};
    for (size_t i = 0; row != NULL && i < CH_COUNT_OF(fields); i++) {
        if (fields[i][1][0] != '\0') {
            json_object_set_new(row, fields[i][0], json_string(fields[i][1]));
        }
    }
    return row;
}

static ch_status print_case(simulation *of, ch_str id, const receivers *from, const receivers *to)
{
    json_t *row = move_row(from->text, from->route, to->text, to->route);
    ch_status status = json_object_set_new(row, "case", json_stringn(id.at, id.size)) == 0
                           ? ch_row_print_json(of->cli->world->out, row)
                           : CH_NO_MEMORY;
    json_decref(row);
    return status == CH_OK ? CH_OK : ch_cli_no_memory(of->cli);
}

static ch_status visit(void *context, const ch_event *event)
{
    simulation *of = context;
    json_t *answer = NULL;
    if (!ch_str_is(event->type, "case.opened") || event->test_mode || event->time_ms < of->since_ms) {
        return CH_OK;
    }
    const ch_route_question question = question_of(event);
    ch_status status = find_answer(of, &question, &answer);
    if (status != CH_OK) {
        return status;
    }
    json_t *row = row_of(ch_route_choose(of->rules, &question, NULL));
    const receivers from = receivers_of(answer), to = receivers_of(row);
    json_decref(row);
    of->cases++;
    if (strcmp(from.text, to.text) == 0) {
        return CH_OK;
    }
    of->elsewhere++;
    return of->cli->arguments->json ? print_case(of, event->subject, &from, &to) : count_move(of, &from, &to);
}

static int compare_moves(const void *a, const void *b)
{
    const move *left = a, *right = b;
    int order = (left->cases < right->cases) - (left->cases > right->cases);
    order = order != 0 ? order : strcmp(left->from, right->from);
    return order != 0 ? order : strcmp(left->to, right->to);
}

static ch_status print_moves(simulation *of)
{
    static const ch_column columns[] = {
        {"cases", "CASES", CH_CELL_NUMBER, 0},       {"from", "FROM", CH_CELL_PLAIN, 60},
        {"from_route", "BY RULE", CH_CELL_PLAIN, 0}, {"to", "TO", CH_CELL_PLAIN, 60},
        {"to_route", "BY RULE", CH_CELL_PLAIN, 0},
    };
    json_t *rows = json_array();
    qsort(of->moves, of->move_count, sizeof *of->moves, compare_moves);
    for (size_t i = 0; rows != NULL && i < of->move_count; i++) {
        const move *one = &of->moves[i];
        json_t *row = move_row(one->from[0] == '\0' ? "nobody" : one->from, one->from_route,
                               one->to[0] == '\0' ? "nobody" : one->to, one->to_route);
        json_object_set_new(row, "cases", json_integer((json_int_t)one->cases));
        json_array_append_new(rows, row);
    }
    ch_status status =
        rows == NULL ? ch_cli_no_memory(of->cli) : ch_list_rows(of->cli, rows, columns, CH_COUNT_OF(columns));
    json_decref(rows);
    return status;
}

/* Of the people's output the last line is a note; scripts get it as a row. */
static ch_status print_sum(const simulation *of)
{
    json_t *row =
        json_pack("{s:I, s:I}", "cases", (json_int_t)of->cases, "elsewhere", (json_int_t)of->elsewhere);
    ch_status status = CH_OK;
    if (of->cli->arguments->json) {
        status = row == NULL ? CH_NO_MEMORY : ch_row_print_json(of->cli->world->out, row);
    }
    json_decref(row);
    ch_cli_note(of->cli, "Of %" PRIu64 " cases %" PRIu64 " would have gone elsewhere.", of->cases,
                of->elsewhere);
    return status == CH_OK ? CH_OK : ch_cli_no_memory(of->cli);
}

/* A folder is a city's; a file stands beside the city's other tables. */
static ch_status load_rules(ch_cli *cli, ch_rules **out_rules)
{
    char schemas[CH_SCHEMA_PATH_MAX], folder[CH_SCHEMA_PATH_MAX];
    struct stat facts;
    const char *given = ch_argument_text(cli->arguments, "rules");
    ch_status status = ch_schemas_find(cli, ".", schemas);
    if (status != CH_OK) {
        return status;
    }
    if (stat(given, &facts) != 0) {
        return ch_error_set(&cli->error, errno == ENOENT ? CH_NOT_FOUND : CH_IO, given, "%s",
                            strerror(errno));
    }
    if (S_ISDIR(facts.st_mode)) {
        return ch_rules_load(out_rules, schemas, given, &cli->error);
    }
    if (ch_str_copy(folder, sizeof folder, ch_str_of(given)) != CH_OK) {
        return ch_error_set(&cli->error, CH_TOO_LARGE, NULL, "the name of the file is too long");
    }
    return ch_rules_load_routing(out_rules, schemas, dirname(folder), given, &cli->error);
}

static ch_status simulate(simulation *of)
{
    static const char *const openings[] = {"case.opened.>"};
    of->answers = json_object();
    if (of->answers == NULL) {
        return ch_cli_no_memory(of->cli);
    }
    ch_status status = ch_log_walk(of->cli, openings, CH_COUNT_OF(openings), visit, of);
    if (status == CH_OK && of->cli->exit_code < 0) {
        status = of->cli->arguments->json ? CH_OK : print_moves(of);
    }
    return status == CH_OK && of->cli->exit_code < 0 ? print_sum(of) : status;
}

ch_status ch_route_simulate(ch_cli *cli)
{
    ch_rules *rules = NULL;
    simulation of = {.cli = cli, .since_ms = ch_argument_number(cli->arguments, "since", INT64_MIN)};
    ch_status status = load_rules(cli, &rules);
    if (status != CH_OK) {
        return status;
    }
    of.rules = rules;
    status = simulate(&of);
    for (size_t i = 0; i < of.move_count; i++) {
        free(of.moves[i].from);
        free(of.moves[i].to);
    }
    free(of.moves);
    json_decref(of.answers);
    ch_rules_unref(rules);
    return status;
}
