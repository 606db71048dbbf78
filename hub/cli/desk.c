#include "hub/cli/desk.h"

#include "hub/cli/rows.h"
#include "hub/model/event.h"

#include <inttypes.h>
#include <stdlib.h>

#define ID_BYTES 16

static ch_status make_id(ch_cli *cli, char out[2 * ID_BYTES + 1])
{
    uint8_t bytes[ID_BYTES];
    const ch_random *random = cli->world->random;
    if (random->fill(random->context, bytes, sizeof bytes) != CH_OK) {
        return ch_error_set(&cli->error, CH_IO, NULL, "the system gives no random bytes for the event's id");
    }
    for (size_t i = 0; i < ID_BYTES; i++) {
        snprintf(out + 2 * i, 3, "%02x", bytes[i]);
    }
    return CH_OK;
}

/* id and time NULL or 0: random, now. Takes data. */
static ch_status make_event(ch_cli *cli, const char *type, const char *id, int64_t time_ms, json_t *data,
                            json_t **out_event)
{
    char made_id[2 * ID_BYTES + 1], source[CH_ID_MAX + 1], time[CH_TIME_TEXT_SIZE];
    ch_status status = id != NULL ? CH_OK : make_id(cli, made_id);
    if (status != CH_OK || data == NULL) {
        json_decref(data);
        return status != CH_OK ? status : ch_cli_no_memory(cli);
    }
    snprintf(source, sizeof source, "desk/%s", casehub_actor(cli->hub));
    ch_time_format(time_ms != 0 ? time_ms : ch_clock_wall_ms(cli->world->clock), 0, time);
    json_t *event =
        json_pack("{s:s, s:s, s:s, s:s, s:s, s:o}", "specversion", "1.0", "id", id != NULL ? id : made_id,
                  "source", source, "type", type, "time", time, "data", data);
    if (event == NULL) {
        return ch_cli_no_memory(cli);
    }
    *out_event = event;
    return CH_OK;
}

ch_status ch_desk_event(ch_cli *cli, const char *type, json_t *data, json_t **out_event)
{
    return make_event(cli, type, NULL, 0, data, out_event);
}

ch_status ch_desk_report(ch_cli *cli, const char *type, json_t *data)
{
    json_t *event = NULL;
    ch_status status = ch_desk_event(cli, type, data, &event);
    if (status == CH_OK) {
        status = ch_cli_publish(cli, event);
    }
    if (status == CH_OK) {
        ch_cli_await(cli, cli->answer.sequence);
    }
    return status;
}

/* A refusal should also say what the case looks like now; a handoff's refusal may not. Not being able to ask
 * leaves the refusal as it is. */
static void look_at_case(ch_cli *cli, const char *case_id)
{
    json_t *row = NULL;
    const ch_error refusal = cli->error;
    if (cli->answer.present_state[0] == '\0' || cli->answer.case_version == 0) {
        if (ch_cli_query_one(cli, "case", json_pack("{s:s}", "case", case_id), "case", &row) == CH_OK) {
            snprintf(cli->answer.present_state, sizeof cli->answer.present_state, "%s",
                     ch_row_text(row, "state"));
            cli->answer.case_version = (uint32_t)ch_row_int(row, "version", 0);
            json_decref(row);
        }
    }
    cli->error = refusal;
}

ch_status ch_desk_command(ch_cli *cli, const char *case_id, json_t *data)
{
    const ch_arguments *arguments = cli->arguments;
    json_t *event = NULL;
    ch_status status = make_event(cli, arguments->verb->type, ch_argument_text(arguments, "id"),
                                  ch_argument_number(arguments, "time", 0), data, &event);
    if (status != CH_OK) {
        return status;
    }
    snprintf(cli->subject, sizeof cli->subject, "%s", case_id);
    json_object_set_new(event, "subject", json_string(case_id));
    if (ch_argument_given(arguments, "party")) {
        json_object_set_new(event, "party", json_string(ch_argument_text(arguments, "party")));
    }
    if (json_object_get(data, "area") != NULL) { /* an attribute of the event, which holds data now */
        json_object_set(event, "area", json_object_get(data, "area"));
        json_object_del(data, "area");
    }
    if (ch_argument_given(arguments, "expect")) {
        json_object_set_new(event, "expectedversion",
                            json_integer(ch_argument_number(arguments, "expect", 0)));
    }
    status = ch_cli_publish(cli, event);
    if (status == CH_REFUSED || status == CH_CONFLICT) {
        look_at_case(cli, case_id);
    }
    return status;
}

/* A reference of another system may look like a case id, but not with this hub's code. */
static bool is_case_id(const ch_cli *cli, const char *text)
{
    uint64_t number;
    ch_str id = ch_str_of(text);
    if (ch_case_id_number(id, &number) != CH_OK) {
        return false;
    }
    const char *rest = ch_str_starts(id, CH_STR("T-")) ? text + 2 : text;
    ch_str code = ch_str_of(casehub_hub_code(cli->hub));
    return ch_str_starts(ch_str_of(rest), code) && rest[code.size] == '-';
}

ch_status ch_desk_find_case(ch_cli *cli, const char *id_or_ref, char out_case_id[64])
{
    json_t *row = NULL;
    char what[CH_ID_MAX + 16];
    ch_status status = CH_OK;
    const char *id = id_or_ref;
    if (!is_case_id(cli, id_or_ref)) {
        snprintf(what, sizeof what, "case %s", id_or_ref);
        status = ch_cli_query_one(cli, "case", json_pack("{s:s}", "case", id_or_ref), what, &row);
        id = ch_row_text(row, "case");
    }
    if (status == CH_OK && ch_str_copy(out_case_id, 64, ch_str_of(id)) != CH_OK) {
        status = ch_error_set(&cli->error, CH_TOO_LARGE, NULL, "`%.80s` is too long for a case", id);
    }
    json_decref(row);
    return status;
}

/* By its id, or the newest of party. Borrowed; NULL: the answer shows none. */
static const json_t *find_handoff(const json_t *row, const char *handoff, const char *party)
{
    size_t index;
    const json_t *item, *found = NULL;
    json_array_foreach(json_object_get(row, "handoffs"), index, item)
    {
        bool fits = handoff[0] != '\0' ? strcmp(ch_row_text(item, "handoff"), handoff) == 0
                                       : party == NULL || strcmp(ch_row_text(item, "party"), party) == 0;
        found = fits ? item : found;
    }
    return found;
}

/* The case once the state has folded the answered event. NULL, and a note, when it cannot be read: the command
 * itself has succeeded. */
static json_t *case_afterwards(ch_cli *cli)
{
    json_t *row = NULL;
    json_t *arguments =
        json_pack("{s:s, s:I}", "case", cli->answer.case_id, "sequence", (json_int_t)cli->answer.sequence);
    if (ch_cli_query_one(cli, "case", arguments, "such case", &row) != CH_OK) {
        ch_cli_note(cli, "It is done, but the case cannot be shown: %s", cli->error.text);
        return NULL;
    }
    return row;
}

/* The case that the answered split has opened: its own event says so. NULL: none, or it cannot be read. */
static json_t *new_case(ch_cli *cli)
{
    char before[24];
    char *next = NULL;
    json_t *rows = NULL;
    const char *type = cli->arguments->verb->type;
    if (type == NULL || strcmp(type, "case.split") != 0) {
        return NULL;
    }
    snprintf(before, sizeof before, "%" PRIu32, cli->answer.case_version - 1);
    json_t *arguments =
        json_pack("{s:s, s:s, s:i}", "case", cli->answer.case_id, "after", before, "limit", 1);
    ch_status status = ch_cli_query(cli, "timeline", arguments, &rows, &next);
    free(next);
    json_t *into = status != CH_OK
                       ? NULL
                       : json_incref(json_array_get(
                             json_object_get(ch_row_map(json_array_get(rows, 0), "data"), "into"), 0));
    json_decref(rows);
    return into;
}

static ch_status print_json(ch_cli *cli, const json_t *row, const json_t *handoff, json_t *into)
{
    json_t *line = json_pack("{s:I, s:s, s:I, s:b}", "sequence", (json_int_t)cli->answer.sequence, "case",
                             cli->answer.case_id, "caseversion", (json_int_t)cli->answer.case_version,
                             "duplicate", cli->answer.duplicate);
    if (row != NULL) {
        json_object_set(line, "state", json_object_get(row, "state"));
        json_object_set(line, "party", json_object_get(row, "party"));
    }
    if (handoff != NULL) {
        json_object_set(line, "handoff", json_object_get(handoff, "handoff"));
        json_object_set(line, "handoff_state", json_object_get(handoff, "state"));
        json_object_set(line, "group", json_object_get(handoff, "group"));
    }
    if (into != NULL) {
        json_object_set(line, "into", into);
    }
    ch_status status = line == NULL ? CH_NO_MEMORY : ch_row_print_json(cli->world->out, line);
    json_decref(line);
    return status == CH_OK ? CH_OK : ch_cli_no_memory(cli);
}

static void print_text(const ch_cli *cli, const json_t *row, const json_t *handoff, const json_t *into)
{
    FILE *out = cli->world->out;
    fprintf(out, "sequence %" PRIu64 "  case %s  version %" PRIu32, cli->answer.sequence, cli->answer.case_id,
            cli->answer.case_version);
    if (row != NULL) {
        const char *party = ch_row_text(row, "party");
        fprintf(out, "  state %s%s%s", ch_row_text(row, "state"), party[0] == '\0' ? "" : "  with ", party);
    }
    if (handoff != NULL) {
        fprintf(out, "  handoff %s %s", ch_row_text(handoff, "handoff"), ch_row_text(handoff, "state"));
    }
    if (json_is_string(into)) {
        fprintf(out, "  into %s", json_string_value(into));
    }
    fputs(cli->answer.duplicate ? "  (was there before)\n" : "\n", out);
}

ch_status ch_desk_print(ch_cli *cli, const char *handoff, const char *party)
{
    json_t *row = case_afterwards(cli);
    const json_t *shown = row == NULL || handoff == NULL ? NULL : find_handoff(row, handoff, party);
    json_t *into = row == NULL ? NULL : new_case(cli);
    ch_status status = CH_OK;
    if (cli->arguments->json) {
        status = print_json(cli, row, shown, into);
    } else {
        print_text(cli, row, shown, into);
    }
    json_decref(into);
    json_decref(row);
    return status;
}
