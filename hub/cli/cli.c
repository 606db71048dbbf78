#include "hub/cli/cli.h"

#include "hub/cli/exit_codes.h"
#include "hub/cli/rows.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>

#define PUBLISH_MS 10000

ch_status ch_cli_no_memory(ch_cli *cli)
{
    return ch_error_set(&cli->error, CH_NO_MEMORY, NULL, "out of memory");
}

ch_status ch_cli_misuse(ch_cli *cli, const char *format, ...)
{
    char text[sizeof cli->error.text];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    cli->exit_code = CH_EXIT_USAGE;
    return ch_error_set(&cli->error, CH_INVALID, NULL, "%s", text);
}

ch_status ch_cli_fail(ch_cli *cli)
{
    ch_status status;
    const char *code = casehub_error_code(cli->hub);
    if (ch_status_from_name(code, &status) != CH_OK || status == CH_OK) {
        return ch_error_set(&cli->error, CH_UNSUPPORTED, code, "%s", casehub_error_text(cli->hub));
    }
    return ch_error_set(&cli->error, status, casehub_error_where(cli->hub), "%s",
                        casehub_error_text(cli->hub));
}

ch_status ch_cli_find_hub(ch_cli *cli, ch_cli_address *out_address)
{
    const char *hub = cli->arguments->hub, *key = cli->arguments->key;
    const char *store = cli->world->variable("CASEHUB_STORE");
    ch_cli_address address = {.key_file = key != NULL ? key : cli->world->variable("CASEHUB_KEY")};
    int size = 0;
    hub = hub != NULL ? hub : cli->world->variable("CASEHUB_HUB");
    if (hub != NULL) {
        size = snprintf(address.endpoint, sizeof address.endpoint, "%s", hub);
    } else if (store != NULL) {
        size = snprintf(address.endpoint, sizeof address.endpoint, "ipc://%s/hub.ipc", store);
    } else {
        return ch_cli_misuse(cli, "which hub? Say --hub ENDPOINT, or set CASEHUB_HUB or CASEHUB_STORE");
    }
    if (size < 0 || (size_t)size >= sizeof address.endpoint) {
        return ch_error_set(&cli->error, CH_TOO_LARGE, NULL, "the endpoint is too long");
    }
    if (strncmp(address.endpoint, "ipc://", 6) == 0) {
        address.key_file = NULL; /* the file's mode lets us in; that socket speaks no CURVE */
    } else if (address.key_file == NULL) {
        return ch_cli_misuse(cli, "%s needs a key: say --key FILE, or set CASEHUB_KEY", address.endpoint);
    }
    *out_address = address;
    return CH_OK;
}

/* What casehub_new says through errno. */
static ch_status fail_to_open(ch_cli *cli, const ch_cli_address *address)
{
    static const struct {
        int number;
        ch_status status;
        const char *text; /* NULL: the system's */
    } reasons[] = {
        {ENOENT, CH_NOT_FOUND, NULL},
        {EACCES, CH_DENIED, NULL},
        {EPERM, CH_DENIED, "others may read this secret key: chmod 600"},
        {EINVAL, CH_INVALID, "is no key file, or the endpoint is neither tcp:// nor ipc://"},
        {ENOKEY, CH_INVALID, "holds no secret key, or names no hub"},
        {ENOMEM, CH_NO_MEMORY, NULL},
    };
    int number = errno;
    const char *place = address->key_file == NULL ? address->endpoint : address->key_file;
    for (size_t i = 0; i < CH_COUNT_OF(reasons); i++) {
        if (reasons[i].number == number) {
            return ch_error_set(&cli->error, reasons[i].status, place, "%s",
                                reasons[i].text == NULL ? strerror(number) : reasons[i].text);
        }
    }
    return ch_error_set(&cli->error, CH_IO, place, "%s", strerror(number));
}

ch_status ch_cli_open(ch_cli *cli, const casehub_options *options)
{
    ch_cli_address address;
    casehub_options filled = *options;
    ch_status status = ch_cli_find_hub(cli, &address);
    if (status != CH_OK) {
        return status;
    }
    filled.size = sizeof filled;
    filled.endpoint = address.endpoint;
    filled.key_file = address.key_file;
    filled.name = "casehub/" CASEHUB_VERSION;
    cli->hub = casehub_new(&filled);
    return cli->hub == NULL ? fail_to_open(cli, &address) : CH_OK;
}

ch_status ch_cli_take_answer(ch_cli_answer *out, const casehub_answer *answer)
{
    ch_status status;
    if (ch_status_from_name(answer->code, &status) != CH_OK) {
        status = CH_UNSUPPORTED;
    }
    *out = (ch_cli_answer){.answered = true,
                           .status = status,
                           .sequence = answer->sequence,
                           .dead_letter = answer->dead_letter,
                           .case_version = answer->caseversion,
                           .duplicate = answer->duplicate};
    const char *case_id = answer->case_id == NULL ? "" : answer->case_id;
    const char *state = answer->present_state == NULL ? "" : answer->present_state;
    snprintf(out->case_id, sizeof out->case_id, "%s", case_id);
    snprintf(out->present_state, sizeof out->present_state, "%s", state);
    if (status != CH_OK) {
        ch_error_set(&out->error, status, answer->where, "%s",
                     answer->text == NULL ? ch_status_text(status) : answer->text);
    }
    return status;
}

static void keep_answer(void *context, const casehub_answer *answer)
{
    ch_cli *cli = context;
    ch_cli_take_answer(&cli->answer, answer);
}

ch_status ch_cli_welcome(ch_cli *cli)
{
    if (casehub_wait(cli->hub, CH_CONNECT_MS) == 0) {
        return CH_OK;
    }
    ch_status status = ch_cli_fail(cli);
    if (status != CH_TIMEOUT) {
        return status;
    }
    ch_cli_address address;
    status = ch_cli_find_hub(cli, &address);
    return status != CH_OK ? status
                           : ch_error_set(&cli->error, CH_UNAVAILABLE, address.endpoint, "no hub answers");
}

ch_status ch_cli_connect(ch_cli *cli)
{
    const casehub_options options = {.window = 1, .context = cli, .on_answer = keep_answer};
    if (cli->hub != NULL) {
        return CH_OK;
    }
    ch_status status = ch_cli_open(cli, &options);
    return status == CH_OK ? ch_cli_welcome(cli) : status;
}

/* Takes the text that the hub answered. */
static ch_status read_rows(ch_cli *cli, const char *name, char *text, json_t **out_rows)
{
    json_error_t why;
    json_t *rows = json_loads(text, JSON_ALLOW_NUL, &why);
    free(text);
    if (!json_is_array(rows)) {
        json_decref(rows);
        return ch_error_set(&cli->error, CH_CORRUPT, name, "the answer is no JSON array: %s", why.text);
    }
    *out_rows = rows;
    return CH_OK;
}

ch_status ch_cli_query_within(ch_cli *cli, const char *name, json_t *arguments, int timeout_ms,
                              json_t **out_rows, char **out_next)
{
    char *asked = NULL, *answered = NULL, *next = NULL;
    if (arguments != NULL) {
        asked = json_dumps(arguments, JSON_COMPACT);
        json_decref(arguments);
        if (asked == NULL) {
            return ch_cli_no_memory(cli);
        }
    }
    int result = casehub_query(cli->hub, name, asked, timeout_ms, &answered, &next);
    free(asked);
    if (result != 0) {
        return ch_cli_fail(cli);
    }
    ch_status status = read_rows(cli, name, answered, out_rows);
    if (status == CH_OK && out_next != NULL) {
        *out_next = next;
    } else {
        free(next);
    }
    return status;
}

ch_status ch_cli_query(ch_cli *cli, const char *name, json_t *arguments, json_t **out_rows, char **out_next)
{
    return ch_cli_query_within(cli, name, arguments, CH_QUERY_MS, out_rows, out_next);
}

/* A reference may be known to several systems: doing something to the wrong case is worse than asking back. */
static ch_status take_only(ch_cli *cli, const json_t *rows, const char *what, json_t **found)
{
    size_t index;
    json_t *row;
    json_array_foreach(rows, index, row)
    {
        const char *id = ch_row_text(row, "case");
        if (*found == NULL && json_is_object(row)) {
            *found = json_incref(row);
        } else if (strcmp(id, ch_row_text(*found, "case")) != 0) {
            return ch_error_set(&cli->error, CH_CONFLICT, NULL,
                                "there is more than one %s: %s and %s; say which by its id", what,
                                ch_row_text(*found, "case"), id);
        }
    }
    return CH_OK;
}

/* One answer; *next as in listing.c. */
static ch_status look_further(ch_cli *cli, const char *name, const json_t *arguments, const char *what,
                              char **next, json_t **found)
{
    json_t *rows = NULL;
    json_t *asked = json_copy((json_t *)arguments);
    if (*next != NULL) {
        json_object_set_new(asked, "after", json_string(*next));
    }
    free(*next);
    *next = NULL;
    ch_status status = ch_cli_query(cli, name, asked, &rows, next);
    if (status == CH_OK) {
        status = take_only(cli, rows, what, found);
    }
    json_decref(rows);
    return status;
}

ch_status ch_cli_query_one(ch_cli *cli, const char *name, json_t *arguments, const char *what,
                           json_t **out_row)
{
    char *next = NULL;
    json_t *found = NULL;
    ch_status status;
    do {
        status = look_further(cli, name, arguments, what, &next, &found);
    } while (status == CH_OK && next != NULL);
    free(next);
    json_decref(arguments);
    if ((status == CH_OK && found == NULL) || status == CH_NOT_FOUND) {
        status = ch_error_set(&cli->error, CH_NOT_FOUND, NULL, "there is no %s", what);
    }
    if (status != CH_OK) {
        json_decref(found);
        return status;
    }
    *out_row = found;
    return CH_OK;
}

void ch_cli_await(ch_cli *cli, uint64_t sequence)
{
    json_t *rows = NULL;
    const ch_error before = cli->error;
    json_t *arguments = json_pack("{s:I}", "sequence", (json_int_t)sequence);
    if (ch_cli_query(cli, "status", arguments, &rows, NULL) != CH_OK) {
        ch_cli_note(cli, "It is in the log, but cannot be seen yet: %s", cli->error.text);
    }
    json_decref(rows);
    cli->error = before;
}

static json_t *value_of(const ch_value *value)
{
    switch (value->argument->kind) {
    case CH_ARGUMENT_FLAG: return json_true();
    case CH_ARGUMENT_NUMBER:
    case CH_ARGUMENT_TIME: return json_integer(value->number);
    case CH_ARGUMENT_YES_NO: return json_boolean(value->number != 0);
    case CH_ARGUMENT_TEXT:
    case CH_ARGUMENT_FROM:
    case CH_ARGUMENT_WORD: return json_string(value->text);
    }
    return NULL;
}

json_t *ch_cli_fields(const ch_arguments *arguments)
{
    json_t *fields = json_object();
    for (size_t i = 0; i < arguments->value_count; i++) {
        const ch_value *value = &arguments->values[i];
        if (value->argument->field == NULL) {
            continue;
        }
        json_t *made = value_of(value);
        if (value->argument->repeated) {
            json_t *list = json_object_get(fields, value->argument->field);
            if (list == NULL) {
                json_object_set_new(fields, value->argument->field, json_array());
                list = json_object_get(fields, value->argument->field);
            }
            json_array_append_new(list, made);
        } else {
            json_object_set_new(fields, value->argument->field, made);
        }
    }
    return fields;
}

static ch_status publish_text(ch_cli *cli, const char *text)
{
    cli->answer = (ch_cli_answer){.answered = false};
    if (casehub_publish_json(cli->hub, text, strlen(text), 1) != 0 ||
        casehub_flush(cli->hub, PUBLISH_MS) != 0) {
        return ch_cli_fail(cli);
    }
    if (!cli->answer.answered) {
        return ch_error_set(&cli->error, CH_CORRUPT, NULL, "the hub did not answer the event");
    }
    if (cli->answer.status != CH_OK) {
        cli->error = cli->answer.error;
    }
    return cli->answer.status;
}

ch_status ch_cli_publish(ch_cli *cli, json_t *event)
{
    char *text = event == NULL ? NULL : json_dumps(event, JSON_COMPACT);
    json_decref(event);
    if (text == NULL) {
        return ch_cli_no_memory(cli);
    }
    ch_status status = publish_text(cli, text);
    free(text);
    return status;
}

void ch_cli_note(const ch_cli *cli, const char *format, ...)
{
    va_list arguments;
    if (cli->arguments->json) {
        return;
    }
    va_start(arguments, format);
    vfprintf(cli->world->err, format, arguments);
    va_end(arguments);
    fputc('\n', cli->world->err);
}

static void complain_in_json(const ch_cli *cli, const ch_error *error)
{
    json_t *line = json_pack("{s:s, s:s}", "error", ch_status_name(error->status), "text", error->text);
    if (error->where[0] != '\0') {
        json_object_set_new(line, "where", json_string(error->where));
    }
    if (cli->answer.present_state[0] != '\0') {
        json_object_set_new(line, "case", json_string(cli->subject));
        json_object_set_new(line, "state", json_string(cli->answer.present_state));
        json_object_set_new(line, "caseversion", json_integer(cli->answer.case_version));
    }
    char *text = json_dumps(line, JSON_COMPACT);
    fprintf(cli->world->err, "%s\n", text == NULL ? "{\"error\":\"no-memory\"}" : text);
    free(text);
    json_decref(line);
}

void ch_cli_complain(const ch_cli *cli, const ch_error *error)
{
    if (cli->arguments->json) {
        complain_in_json(cli, error);
        return;
    }
    fprintf(cli->world->err, "casehub: %s: %s%s%s\n", ch_status_name(error->status), error->where,
            error->where[0] == '\0' ? "" : ": ", error->text);
    if (cli->answer.present_state[0] != '\0') {
        fprintf(cli->world->err, "casehub: case %s is now %s, version %" PRIu32 "\n", cli->subject,
                cli->answer.present_state, cli->answer.case_version);
    }
}
