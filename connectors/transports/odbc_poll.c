/* odbc_poll.c - asks a table again and again. What is new in it is a unit: rows as lines of JSON.
 *
 * The database is asked on a thread of its own (odbc_read.c) and never while a unit is on its way into the hub.
 */
#include "connectors/transports/odbc_read.h"
#include "connectors/transports/odbc_worker.h"
#include "connectors/transports/transports.h"

#include <stdio.h>
#include <stdlib.h>

#define RETRY_FIRST_MS 1000
#define GRACE_MS 5000 /* beyond `timeout`, for a driver that keeps to it */
#define CLOSE_MS 2000

enum {
    OPTION_CONNECTION,
    OPTION_PASSWORD_FILE,
    OPTION_QUERY,
    OPTION_SNAPSHOT,
    OPTION_WATERMARK,
    OPTION_KEY,
    OPTION_OVERLAP,
    OPTION_OVERLAP_COUNT,
    OPTION_RECONCILE,
    OPTION_INTERVAL,
    OPTION_TIMEOUT,
    OPTION_RETRY_MOST,
    OPTION_ROWS_MOST,
    OPTION_CELL_MOST,
    OPTION_SPOOL,
    OPTION_SPOOL_MOST
};
#define DAY_MS INT64_C(86400000)
#define MIB (INT64_C(1024) * 1024)
static const casehub_option options[] = {
    [OPTION_CONNECTION] = {"connection", CASEHUB_OPTION_TEXT, NULL, 1, 4000,
                           "ODBC connection string without a password"},
    [OPTION_PASSWORD_FILE] = {"password_file", CASEHUB_OPTION_PATH, "", 0, 1000,
                              "file whose first line is the password; only its owner may read it"},
    [OPTION_QUERY] = {"query", CASEHUB_OPTION_TEXT, NULL, 1, 16000, "one SELECT, without a semicolon"},
    [OPTION_SNAPSHOT] = {"snapshot", CASEHUB_OPTION_BOOL, "false", 0, 0,
                         "the table holds present states: read all of it each time"},
    [OPTION_WATERMARK] = {"watermark", CASEHUB_OPTION_TEXT, "", 0, 100,
                          "column that grows with each change, a time or an integer; without snapshot"},
    [OPTION_KEY] = {"key", CASEHUB_OPTION_TEXTS, "", 0, 0, "columns that together name a row; 4 at most"},
    [OPTION_OVERLAP] = {"overlap", CASEHUB_OPTION_TIME, "10m", 0, 30 * DAY_MS,
                        "a watermark that is a time is read again from so long before, for late commits"},
    [OPTION_OVERLAP_COUNT] = {"overlap_count", CASEHUB_OPTION_INT, "1000", 0, INT32_MAX,
                              "a watermark that is an integer is read again from so many before"},
    [OPTION_RECONCILE] = {"reconcile", CASEHUB_OPTION_TIME, "1d", 0, 366 * DAY_MS,
                          "all is read again so often, for what came later still; 0: never"},
    [OPTION_INTERVAL] = {"interval", CASEHUB_OPTION_TIME, "30s", 10, DAY_MS, "pause between two polls"},
    [OPTION_TIMEOUT] = {"timeout", CASEHUB_OPTION_TIME, "30s", 1000, 3600000,
                        "so long a login or a statement may take"},
    [OPTION_RETRY_MOST] = {"retry_most", CASEHUB_OPTION_TIME, "5m", 1000, DAY_MS,
                           "longest pause while the database is away"},
    [OPTION_ROWS_MOST] = {"rows_most", CASEHUB_OPTION_INT, "100000", 1, 4000000,
                          "rows of one poll; the rest is the next one's, or too much for a snapshot"},
    [OPTION_CELL_MOST] = {"cell_most", CASEHUB_OPTION_SIZE, "256KiB", 1024, 4 * MIB, "bytes of one value"},
    [OPTION_SPOOL] = {"spool", CASEHUB_OPTION_PATH, "state", 1, 1000, "folder of the file NAME.poll"},
    [OPTION_SPOOL_MOST] = {"spool_most", CASEHUB_OPTION_SIZE, "1GiB", MIB, 1024 * 1024 * MIB,
                           "bytes of that file"},
};

/* On its own, because a thread that hangs in a driver keeps it when the transport is closed. */
typedef struct asking {
    ch_odbc_table table;
    char *texts
        [4 +
         CH_WINDOW_KEYS_MOST]; /* what its names point at, copied: the settings may go before the thread does */
    const char *keys[CH_WINDOW_KEYS_MOST];
    size_t text_count;
    ch_odbc_read read;
    ch_odbc_worker *worker;
} asking;

typedef struct poller {
    const casehub_host *host;
    const casehub_value *values;
    asking *ask;
    bool offering; /* the spool holds a unit */
    int64_t next_ms, deadline_ms, reconcile_ms, retry_ms;
} poller;

static void say(const poller *p, casehub_level level, const char *format, ...) CH_PRINTF(3, 4);

static void say(const poller *p, casehub_level level, const char *format, ...)
{
    char text[600];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    p->host->log(p->host, level, text);
}

static int fail(const poller *p, const ch_error *error)
{
    char text[500];
    snprintf(text, sizeof text, "%s%s%s", error->where, error->where[0] == '\0' ? "" : ": ", error->text);
    p->host->fail(p->host, text);
    return -1;
}

/* ---- Opening */

static ch_status check_table(const ch_odbc_table *table, bool snapshot, ch_error *error)
{
    if (snapshot == (table->watermark[0] != '\0')) {
        return ch_error_set(error, CH_INVALID, "odbc_poll",
                            "either snapshot = true or a watermark is expected");
    }
    if (table->key_count == 0 || table->key_count > CH_WINDOW_KEYS_MOST) {
        return ch_error_set(error, CH_INVALID, "odbc_poll.key", "1 to %d columns are expected",
                            CH_WINDOW_KEYS_MOST);
    }
    return CH_OK;
}

static ch_odbc_table table_of(const casehub_value *values)
{
    return (ch_odbc_table){.connection = values[OPTION_CONNECTION].text,
                           .password_file = values[OPTION_PASSWORD_FILE].text,
                           .query = values[OPTION_QUERY].text,
                           .watermark = values[OPTION_WATERMARK].text,
                           .keys = values[OPTION_KEY].texts,
                           .key_count = values[OPTION_KEY].text_count,
                           .cell_most = (size_t)values[OPTION_CELL_MOST].number,
                           .overlap_ms = values[OPTION_OVERLAP].number,
                           .overlap_count = values[OPTION_OVERLAP_COUNT].number,
                           .timeout_ms = values[OPTION_TIMEOUT].number,
                           .rows_most = values[OPTION_ROWS_MOST].number,
                           .spool_most = values[OPTION_SPOOL_MOST].number};
}

static bool keep_text(asking *ask, const char **io_text)
{
    char *copy = strdup(*io_text);
    *io_text = copy;
    if (copy != NULL) {
        ask->texts[ask->text_count++] = copy;
    }
    return copy != NULL;
}

static ch_status keep_texts(asking *ask, ch_error *error)
{
    ch_odbc_table *table = &ask->table;
    bool kept = keep_text(ask, &table->connection) && keep_text(ask, &table->password_file) &&
                keep_text(ask, &table->query) && keep_text(ask, &table->watermark);
    for (size_t i = 0; i < table->key_count && kept; i++) {
        ask->keys[i] = table->keys[i];
        kept = keep_text(ask, &ask->keys[i]);
    }
    table->keys = ask->keys;
    return kept ? CH_OK : ch_error_set(error, CH_NO_MEMORY, NULL, "no memory");
}

static void free_asking(asking *ask)
{
    ch_odbc_read_done(&ask->read);
    for (size_t i = 0; i < ask->text_count; i++) {
        free(ask->texts[i]);
    }
    free(ask);
}

static void learn_position(poller *p)
{
    ch_odbc_read *read = &p->ask->read;
    ch_odbc_window_parse(&read->window, p->host->position(p->host), read->table->key_count);
}

/* What a crash left in the spool goes first. */
static ch_status open_parts(poller *p, ch_error *error)
{
    asking *ask = p->ask;
    ch_odbc_read_init(&ask->read, &ask->table);
    ch_status status =
        ch_odbc_spool_init(&ask->read.spool, p->values[OPTION_SPOOL].text, p->host->connector, error);
    if (status == CH_OK) {
        status = ch_odbc_worker_open(&ask->worker, error);
    }
    if (status == CH_OK) {
        status = ch_odbc_spool_open(&ask->read.spool, error);
        p->offering = status == CH_OK;
        status = status == CH_END ? CH_OK : status;
    }
    return status;
}

static int open_poll(void *state, const casehub_host *host, const casehub_value *values)
{
    poller *p = state;
    char address[CH_ODBC_ADDRESS_SIZE];
    ch_error error = {.status = CH_OK};
    *p = (poller){.host = host, .values = values, .ask = calloc(1, sizeof(asking))};
    if (p->ask == NULL) {
        ch_error_set(&error, CH_NO_MEMORY, NULL, "no memory");
        return fail(p, &error);
    }
    p->ask->table = table_of(values);
    if (check_table(&p->ask->table, values[OPTION_SNAPSHOT].flag, &error) != CH_OK ||
        ch_odbc_address(p->ask->table.connection, address, &error) != CH_OK ||
        keep_texts(p->ask, &error) != CH_OK || open_parts(p, &error) != CH_OK) {
        return fail(p, &error);
    }
    learn_position(p);
    p->reconcile_ms = host->monotonic_ms(host) + values[OPTION_RECONCILE].number;
    p->retry_ms = RETRY_FIRST_MS;
    host->set_address(host, address);
    return 0;
}

static void close_poll(void *state)
{
    poller *p = state;
    if (p->ask == NULL) {
        return;
    }
    atomic_store(&p->ask->read.stop, true);
    if (p->ask->worker == NULL || ch_odbc_worker_close(p->ask->worker, CLOSE_MS)) {
        free_asking(p->ask);
    }
    p->ask = NULL;
}

static int poll_fd(void *state)
{
    return ch_odbc_worker_fd(((poller *)state)->ask->worker);
}

/* ---- Taking */

static int wait_until(const poller *p, int64_t at_ms)
{
    int64_t wait_ms = at_ms - p->host->monotonic_ms(p->host);
    return wait_ms < 0 ? 0 : wait_ms > INT_MAX ? INT_MAX : (int)wait_ms;
}

static int wait_for_next(poller *p, int64_t pause_ms)
{
    p->next_ms = p->host->monotonic_ms(p->host) + pause_ms;
    return wait_until(p, p->next_ms);
}

static int end_poll(poller *p)
{
    ch_odbc_read_settle(&p->ask->read);
    p->retry_ms = RETRY_FIRST_MS;
    return wait_for_next(p, p->ask->read.window.more ? 0 : p->values[OPTION_INTERVAL].number);
}

/* A unit that an earlier process left is taken before the first poll: what the position is then, the hub knows. */
static int take_unit(poller *p)
{
    ch_odbc_read *read = &p->ask->read;
    casehub_outcome outcome = {CASEHUB_SIZED(casehub_outcome)};
    const casehub_unit unit = ch_odbc_spool_unit(&read->spool);
    switch (p->host->take(p->host, &unit, &outcome)) {
    case CASEHUB_RETRY: return wait_for_next(p, RETRY_FIRST_MS);
    case CASEHUB_REJECT: p->host->fail(p->host, outcome.reason); return CASEHUB_STEP_FAILED;
    case CASEHUB_DONE: break;
    }
    say(p, CASEHUB_INFO, "%s: %llu rows, %llu events, %llu dead letters", unit.name,
        (unsigned long long)outcome.records, (unsigned long long)outcome.events,
        (unsigned long long)outcome.dead_letters);
    ch_odbc_spool_drop(&read->spool);
    p->offering = false;
    if (read->wall_ms == 0) {
        learn_position(p);
        return 0;
    }
    return end_poll(p);
}

/* ---- Asking */

static int begin_poll(poller *p)
{
    ch_odbc_read *read = &p->ask->read;
    ch_error error = {.status = CH_OK};
    int64_t now_ms = p->host->monotonic_ms(p->host), again_ms = p->values[OPTION_RECONCILE].number;
    if (again_ms > 0 && now_ms >= p->reconcile_ms) {
        read->window = (ch_odbc_window){.more = false};
        p->reconcile_ms = now_ms + again_ms;
        ch_buf_clear(&read->seen);
    }
    read->wall_ms = p->host->wall_ms(p->host);
    if (ch_odbc_worker_start(p->ask->worker, ch_odbc_read_run, read, &error) != CH_OK) {
        fail(p, &error);
        return CASEHUB_STEP_FAILED;
    }
    p->deadline_ms = now_ms + 3 * p->values[OPTION_TIMEOUT].number + GRACE_MS;
    return wait_until(p, p->deadline_ms);
}

static int try_later(poller *p)
{
    const ch_error *error = &p->ask->read.error;
    int64_t pause_ms = p->retry_ms, most_ms = p->values[OPTION_RETRY_MOST].number;
    say(p, CASEHUB_WARN, "the database is asked again in %lld s: %s%s%s",
        (long long)((pause_ms + 999) / 1000), error->where, error->where[0] == '\0' ? "" : ": ", error->text);
    p->retry_ms = pause_ms * 2 < most_ms ? pause_ms * 2 : most_ms;
    return wait_for_next(p, pause_ms);
}

static int take_answer(poller *p)
{
    ch_odbc_read *read = &p->ask->read;
    if (read->unmarked > 0) {
        say(p, CASEHUB_WARN, "%llu rows have no %s and are not read", (unsigned long long)read->unmarked,
            read->table->watermark);
    }
    if (read->status == CH_END) {
        return end_poll(p);
    }
    if (read->status == CH_OK) {
        read->status = ch_odbc_spool_open(&read->spool, &read->error);
    }
    if (read->status == CH_OK) {
        p->offering = true;
        return take_unit(p);
    }
    if (read->status == CH_INVALID) {
        fail(p, &read->error);
        return CASEHUB_STEP_FAILED;
    }
    return try_later(p);
}

/* Connecting, and two statements, may take `timeout` each; then come the rows. */
static int watch(poller *p)
{
    ch_error error;
    if (ch_odbc_worker_ended(p->ask->worker)) {
        return take_answer(p);
    }
    if (p->host->monotonic_ms(p->host) < p->deadline_ms) {
        return wait_until(p, p->deadline_ms);
    }
    ch_error_set(&error, CH_TIMEOUT, NULL, "the database, or its driver, does not answer");
    fail(p, &error);
    return CASEHUB_STEP_FAILED;
}

static int step_poll(void *state)
{
    poller *p = state;
    if (ch_odbc_worker_is_busy(p->ask->worker)) {
        return watch(p);
    }
    int wait_ms = wait_until(p, p->next_ms);
    if (wait_ms > 0) {
        return wait_ms;
    }
    return p->offering ? take_unit(p) : begin_poll(p);
}

const casehub_transport ch_transport_odbc_poll = {
    CASEHUB_SIZED(casehub_transport),
    .name = "odbc_poll",
    .help = "a table or view of a database, asked again and again",
    .options = options,
    .option_count = sizeof options / sizeof *options,
    .format = "row",
    .state_size = sizeof(poller),
    .open = open_poll,
    .close = close_poll,
    .fd = poll_fd,
    .step = step_poll,
};
