/* odbc_exec.c - one statement for each message, with values of its body as parameters.
 *
 * The statement is one transaction. A message may come again after its statement was committed, so the statement has to
 * bear that: an INSERT that does nothing when the key is there, an UPDATE that says the same again.
 */
#include "connectors/senders/senders.h"

#include "connectors/transports/odbc.h"
#include "connectors/transports/odbc_worker.h"

#include <jansson.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#define PARAMETERS_MOST 64
#define GRACE_MS 5000 /* beyond `timeout`, for a driver that keeps to it */
#define CLOSE_MS 2000
#define MESSAGE_ID "$id" /* a parameter of this name is the message's id */

enum {
    OPTION_CONNECTION,
    OPTION_PASSWORD_FILE,
    OPTION_STATEMENT,
    OPTION_PARAMETERS,
    OPTION_MUST_CHANGE,
    OPTION_TIMEOUT
};
static const casehub_option options[] = {
    [OPTION_CONNECTION] = {"connection", CASEHUB_OPTION_TEXT, NULL, 1, 4000,
                           "ODBC connection string without a password"},
    [OPTION_PASSWORD_FILE] = {"password_file", CASEHUB_OPTION_PATH, "", 0, 1000,
                              "file whose first line is the password; only its owner may read it"},
    [OPTION_STATEMENT] = {"statement", CASEHUB_OPTION_TEXT, NULL, 1, 16000,
                          "one statement with a ? for each parameter, that may be run twice"},
    [OPTION_PARAMETERS] = {"parameters", CASEHUB_OPTION_TEXTS, "", 0, 0,
                           "members of the body, in the order of the ?; $id is the message's id"},
    [OPTION_MUST_CHANGE] = {"must_change", CASEHUB_OPTION_BOOL, "false", 0, 0,
                            "a statement that changes no row has failed: for UPDATE"},
    [OPTION_TIMEOUT] = {"timeout", CASEHUB_OPTION_TIME, "30s", 1000, 600000,
                        "so long a login or the statement may take"},
};

/* What the statement is run with. On its own, because a thread that hangs in a driver keeps it. */
typedef struct job {
    char *connection, *password_file, *statement;
    int64_t timeout_ms;
    ch_odbc *odbc; /* stays open between messages */
    char *texts[PARAMETERS_MOST];
    ch_str parameters[PARAMETERS_MOST];
    size_t count;
    int64_t changed;
    ch_status status;
    ch_error error;
    ch_odbc_worker *worker;
} job;

typedef struct sender {
    const casehub_host *host;
    const casehub_value *values;
    job *job;
    int64_t deadline_ms;
} sender;

static int fail(const sender *s, const ch_error *error)
{
    char text[500];
    snprintf(text, sizeof text, "%s%s%s", error->where, error->where[0] == '\0' ? "" : ": ", error->text);
    s->host->fail(s->host, text);
    return -1;
}

static void free_parameters(job *j)
{
    for (size_t i = 0; i < j->count; i++) {
        free(j->texts[i]);
    }
    j->count = 0;
}

static void free_job(job *j)
{
    free_parameters(j);
    ch_odbc_close(j->odbc);
    free(j->connection);
    free(j->password_file);
    free(j->statement);
    free(j);
}

static job *new_job(const casehub_value *values)
{
    job *j = calloc(1, sizeof *j);
    if (j == NULL) {
        return NULL;
    }
    j->connection = strdup(values[OPTION_CONNECTION].text);
    j->password_file = strdup(values[OPTION_PASSWORD_FILE].text);
    j->statement = strdup(values[OPTION_STATEMENT].text);
    j->timeout_ms = values[OPTION_TIMEOUT].number;
    if (j->connection == NULL || j->password_file == NULL || j->statement == NULL) {
        free_job(j);
        return NULL;
    }
    return j;
}

static int open_exec(void *state, const casehub_host *host, const casehub_value *values)
{
    sender *s = state;
    char address[CH_ODBC_ADDRESS_SIZE];
    ch_error error = {.status = CH_OK};
    *s = (sender){.host = host, .values = values, .job = new_job(values)};
    if (s->job == NULL) {
        ch_error_set(&error, CH_NO_MEMORY, NULL, "no memory");
        return fail(s, &error);
    }
    if (values[OPTION_PARAMETERS].text_count > PARAMETERS_MOST) {
        ch_error_set(&error, CH_INVALID, "odbc_exec.parameters", "%d at most", PARAMETERS_MOST);
        return fail(s, &error);
    }
    if (ch_odbc_address(s->job->connection, address, &error) != CH_OK ||
        ch_odbc_worker_open(&s->job->worker, &error) != CH_OK) {
        return fail(s, &error);
    }
    return 0;
}

static void close_exec(void *state)
{
    sender *s = state;
    if (s->job != NULL && (s->job->worker == NULL || ch_odbc_worker_close(s->job->worker, CLOSE_MS))) {
        free_job(s->job);
    }
    s->job = NULL;
}

static int exec_fd(void *state)
{
    return ch_odbc_worker_fd(((sender *)state)->job->worker);
}

/* ---- A message */

static void settle(const sender *s, casehub_sent sent, const char *reason)
{
    s->host->settle(s->host, sent, reason, -1, NULL, 0);
}

/* NULL: the database's NULL, or no memory. */
static char *text_of(const json_t *value)
{
    if (json_is_string(value)) {
        return strdup(json_string_value(value));
    }
    if (json_is_boolean(value)) {
        return strdup(json_is_true(value) ? "1" : "0");
    }
    return json_is_null(value) ? NULL : json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
}

static bool take_parameter(job *j, const json_t *value)
{
    char *text = text_of(value);
    if (text == NULL && !json_is_null(value)) {
        return false;
    }
    j->texts[j->count] = text;
    j->parameters[j->count++] = ch_str_of(text);
    return true;
}

static ch_status take_parameters(job *j, const casehub_value *names, const casehub_message *message,
                                 ch_error *error)
{
    ch_status status = CH_OK;
    json_t *body = json_loadb(message->body, message->body_size, JSON_REJECT_DUPLICATES, NULL);
    if (!json_is_object(body)) {
        json_decref(body);
        return ch_error_set(error, CH_INVALID, NULL, "the message's body is no JSON object");
    }
    json_object_set_new(body, MESSAGE_ID, json_string(message->id));
    for (size_t i = 0; i < names->text_count && status == CH_OK; i++) {
        const json_t *value = json_object_get(body, names->texts[i]);
        if (value == NULL) {
            status = ch_error_set(error, CH_INVALID, NULL, "the message has no member %s", names->texts[i]);
        } else if (!take_parameter(j, value)) {
            status = ch_error_set(error, CH_NO_MEMORY, NULL, "no memory for the parameters");
        }
    }
    json_decref(body);
    return status;
}

/* What keeps it from connecting, a password file that cannot be read too, is no fault of the message. */
static ch_status connect_job(job *j)
{
    ch_status status = ch_odbc_open(&j->odbc, j->connection, j->password_file, j->timeout_ms, &j->error);
    return status == CH_INVALID ? CH_UNAVAILABLE : status;
}

static void run_job(void *context)
{
    job *j = context;
    j->status = j->odbc == NULL ? connect_job(j) : CH_OK;
    if (j->status == CH_OK) {
        j->status = ch_odbc_run(j->odbc, j->statement, j->parameters, j->count, &j->error);
    }
    if (j->status == CH_OK) {
        j->changed = ch_odbc_changed(j->odbc);
        ch_odbc_finish(j->odbc);
    } else if (j->status != CH_INVALID) {
        ch_odbc_close(j->odbc);
        j->odbc = NULL;
    }
}

static void send_message(void *state, const casehub_message *message)
{
    sender *s = state;
    ch_error error = {.status = CH_OK};
    ch_status status = take_parameters(s->job, &s->values[OPTION_PARAMETERS], message, &error);
    if (status == CH_OK) {
        s->deadline_ms = s->host->monotonic_ms(s->host) + 2 * s->job->timeout_ms + GRACE_MS;
        status = ch_odbc_worker_start(s->job->worker, run_job, s->job, &error);
    }
    if (status != CH_OK) {
        free_parameters(s->job);
        settle(s, status == CH_INVALID ? CASEHUB_UNDELIVERABLE : CASEHUB_LATER, error.text);
    }
}

static void settle_failed(const sender *s, const job *j)
{
    char reason[500];
    const ch_error *why = &j->error;
    snprintf(reason, sizeof reason, "%s%s%s", why->where, why->where[0] == '\0' ? "" : ": ", why->text);
    settle(s, j->status == CH_INVALID ? CASEHUB_UNDELIVERABLE : CASEHUB_LATER, reason);
}

static void settle_job(const sender *s)
{
    job *j = s->job;
    free_parameters(j);
    if (j->status == CH_OK && j->changed == 0 && s->values[OPTION_MUST_CHANGE].flag) {
        settle(s, CASEHUB_UNDELIVERABLE, "the statement changes no row");
    } else if (j->status == CH_OK) {
        settle(s, CASEHUB_SENT, NULL);
    } else {
        settle_failed(s, j);
    }
}

static int step_exec(void *state)
{
    sender *s = state;
    ch_error error;
    if (!ch_odbc_worker_is_busy(s->job->worker)) {
        return CASEHUB_STEP_WAIT;
    }
    if (ch_odbc_worker_ended(s->job->worker)) {
        settle_job(s);
        return CASEHUB_STEP_WAIT;
    }
    int64_t left_ms = s->deadline_ms - s->host->monotonic_ms(s->host);
    if (left_ms > 0) {
        return left_ms > INT_MAX ? INT_MAX : (int)left_ms;
    }
    ch_error_set(&error, CH_TIMEOUT, NULL, "the database, or its driver, does not answer");
    fail(s, &error);
    return CASEHUB_STEP_FAILED;
}

const casehub_sender ch_sender_odbc_exec = {
    CASEHUB_SIZED(casehub_sender),
    .name = "odbc_exec",
    .help = "one statement for each message, on a database",
    .options = options,
    .option_count = sizeof options / sizeof *options,
    .writer = "json",
    .state_size = sizeof(sender),
    .open = open_exec,
    .close = close_exec,
    .fd = exec_fd,
    .step = step_exec,
    .send = send_message,
};
