/* exec.c - a program that writes records, a JSON object a line, on its standard output.
 *
 * What it has written is a unit. A line {"$position": "..."} commits: once everything before it is durable, the position is
 * too, and the program finds it as CASEHUB_POSITION when it is started again. Before that it may tell the same records
 * again; they have ids. While a unit is taken nothing is read, so a program that is faster than the hub waits.
 */
#include "connectors/transports/child.h"
#include "connectors/transports/transports.h"

#include <jansson.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#define UNIT_BYTES ((size_t)256 * 1024)
#define LINE_MOST                                                                                            \
    ((size_t)5 * 1024 * 1024) /* more than any record_most: the host makes a dead letter of it */
#define READ_SIZE ((size_t)64 * 1024)
#define POSITION_MOST 1000
#define MARK_MOST ((size_t)8 * 1024)
#define RETRY_MS 1000

enum { OPTION_ACKNOWLEDGE = CH_CHILD_OPTION_COUNT, OPTION_EVERY, OPTION_SILENCE, OPTION_TIMEOUT };
static const casehub_option options[] = {
    CH_CHILD_OPTIONS,
    [OPTION_ACKNOWLEDGE] = {"acknowledge", CASEHUB_OPTION_BOOL, "false", 0, 0,
                            "each position is answered by a line on its standard input once it is durable"},
    [OPTION_EVERY] = {"every", CASEHUB_OPTION_TIME, "1m", 0, INT64_MAX,
                      "after an exit 0 it is started again behind this time"},
    [OPTION_SILENCE] = {"silence", CASEHUB_OPTION_TIME, "0s", 0, INT64_MAX,
                        "after so long without a byte it is ended and started again; 0: it may be silent"},
    [OPTION_TIMEOUT] = {"timeout", CASEHUB_OPTION_TIME, "30s", 10, INT64_MAX,
                        "so long an acknowledgement may wait to be read, then it is ended and started again"},
};

typedef struct exec {
    ch_child child;
    ch_buf text; /* read; before `begin` it is taken */
    size_t begin;
    size_t unit_size; /* bytes of text in the unit that waits to be taken again; 0 and no mark: none waits */
    size_t mark_size; /* of the mark behind it */
    char position[POSITION_MOST + 1]; /* that the mark says */
    bool waiting, skipping,
        ended, /* a unit waits; the rest of an endless line is dropped; end of the output */
        dry;   /* nothing more can be read for now */
    int64_t retry_at_ms, heard_at_ms, started_ms, unit_time_ms;
    uint64_t units, records, dead_letters; /* since the last mark: the latter two */
    const char *reading;                   /* what read_text hands out */
    size_t reading_left;
} exec;

static int64_t now_ms(const exec *e)
{
    return e->child.host->monotonic_ms(e->child.host);
}

static void say(const exec *e, casehub_level level, const char *what, const char *why)
{
    char text[320];
    snprintf(text, sizeof text, "%.100s%s%.200s", what, why[0] == '\0' ? "" : ": ", why);
    e->child.host->log(e->child.host, level, text);
}

static size_t left(const exec *e)
{
    return e->text.size - e->begin;
}

/* One move a read, not one a unit. */
static void make_room(exec *e)
{
    if (e->begin > 0) {
        memmove(e->text.at, e->text.at + e->begin, left(e));
        e->text.size -= e->begin;
        e->begin = 0;
    }
}

static void forget(exec *e)
{
    ch_buf_clear(&e->text);
    e->begin = 0;
}

static bool start(exec *e, char *reason, size_t size)
{
    const char *position = e->child.host->position(e->child.host);
    if (!ch_child_start(&e->child, position, e->child.values[OPTION_ACKNOWLEDGE].flag, reason, size)) {
        return false;
    }
    forget(e);
    e->waiting = e->skipping = e->ended = false;
    e->records = e->dead_letters = 0;
    e->heard_at_ms = now_ms(e);
    e->started_ms = e->child.host->wall_ms(e->child.host);
    return true;
}

static int open_exec(void *state, const casehub_host *host, const casehub_value *values)
{
    exec *e = state;
    char reason[200], text[320];
    bool opened = ch_child_open(&e->child, host, values);
    ch_buf_init(&e->text, LINE_MOST + READ_SIZE);
    if (!opened) {
        return -1;
    }
    if (!start(e, reason, sizeof reason)) {
        snprintf(text, sizeof text, "%.100s: %.200s", values[CH_CHILD_PROGRAM].texts[0], reason);
        host->fail(host, text);
        return -1;
    }
    host->set_address(host, values[CH_CHILD_PROGRAM].texts[0]);
    return 0;
}

static void close_exec(void *state)
{
    exec *e = state;
    ch_child_close(&e->child);
    ch_buf_done(&e->text);
}

/* A program that talks on while its unit waits would keep the host awake. */
static int exec_fd(void *state)
{
    const exec *e = state;
    return e->waiting ? -1 : e->child.events;
}

/* It did what it may not: its records come again from the last position on. */
static void end(exec *e, const char *why)
{
    say(e, CASEHUB_WARN, "the program is ended", why);
    ch_child_end(&e->child);
    forget(e);
    e->waiting = false;
    e->ended = true;
}

static long read_text(void *context, void *out, size_t most)
{
    exec *e = context;
    size_t size = e->reading_left < most ? e->reading_left : most;
    memcpy(out, e->reading, size);
    e->reading += size;
    e->reading_left -= size;
    return (long)size;
}

static void drop_front(exec *e, size_t size)
{
    e->begin += size;
}

static void acknowledge(exec *e, const char *error)
{
    json_t *answer = error == NULL
                         ? json_pack("{s:b, s:s, s:I, s:I}", "done", 1, "position", e->position, "records",
                                     (json_int_t)e->records, "dead_letters", (json_int_t)e->dead_letters)
                         : json_pack("{s:s}", "error", error);
    char *text = json_dumps(answer, JSON_COMPACT);
    json_decref(answer);
    bool taken =
        text != NULL && ch_child_write(&e->child, text, strlen(text)) && ch_child_write(&e->child, "\n", 1);
    free(text);
    if (!taken && error == NULL && e->child.pid != 0) {
        end(e, "it does not read its acknowledgements");
    }
}

static void settle_unit(exec *e)
{
    bool mark = e->mark_size > 0;
    drop_front(e, e->unit_size + e->mark_size);
    e->waiting = false;
    if (mark && e->child.values[OPTION_ACKNOWLEDGE].flag && e->child.pid != 0) {
        acknowledge(e, NULL);
    }
    if (mark) {
        e->records = e->dead_letters = 0;
    }
}

static void take_unit(exec *e)
{
    char identity[80];
    const casehub_host *host = e->child.host;
    casehub_outcome outcome = {CASEHUB_SIZED(casehub_outcome)};
    snprintf(identity, sizeof identity, "%lld:%llu", (long long)e->started_ms, (unsigned long long)e->units);
    const casehub_unit unit = {CASEHUB_SIZED(casehub_unit),
                               .name = host->connector,
                               .identity = identity,
                               .time_ms = e->unit_time_ms,
                               .position = e->mark_size > 0 ? e->position : NULL,
                               .read = read_text,
                               .context = e};
    e->reading = (const char *)e->text.at + e->begin;
    e->reading_left = e->unit_size;
    switch (host->take(host, &unit, &outcome)) {
    case CASEHUB_DONE:
        e->units++;
        e->records += outcome.records;
        e->dead_letters += outcome.dead_letters;
        ch_child_did_well(&e->child);
        settle_unit(e);
        break;
    case CASEHUB_RETRY:
        e->waiting = true;
        e->retry_at_ms = now_ms(e) + RETRY_MS;
        break;
    case CASEHUB_REJECT:
        acknowledge(e, outcome.reason);
        end(e, outcome.reason);
        break;
    }
}

/* {"$position": "..."} and nothing else. */
static bool is_mark(ch_str line)
{
    while (line.size > 0 && (line.at[0] == ' ' || line.at[0] == '{')) {
        line = (ch_str){line.at + 1, line.size - 1};
    }
    return ch_str_starts(line, CH_STR("\"$position\""));
}

/* False: it is none that can be kept. */
static bool read_mark(exec *e, ch_str line)
{
    json_t *mark = line.size > MARK_MOST ? NULL : json_loadb(line.at, line.size, 0, NULL);
    const char *text =
        json_object_size(mark) == 1 ? json_string_value(json_object_get(mark, "$position")) : NULL;
    bool fits = text != NULL && strlen(text) <= POSITION_MOST;
    if (fits) {
        snprintf(e->position, sizeof e->position, "%s", text);
    }
    json_decref(mark);
    return fits;
}

/* As many whole lines as are there, up to the first mark. False: no whole line. */
static bool cut_unit(exec *e)
{
    const char *text = (const char *)e->text.at + e->begin, *end_at;
    size_t at = 0, size = left(e);
    e->unit_size = e->mark_size = 0;
    while (at < size && (end_at = memchr(text + at, '\n', size - at)) != NULL) {
        ch_str line = {text + at, (size_t)(end_at - (text + at)) + 1};
        if (is_mark(line)) {
            if (!read_mark(e, line)) {
                end(e, "its $position is no text of 1,000 bytes at most");
                return false;
            }
            e->mark_size = line.size;
            return true;
        }
        at += line.size;
        e->unit_size = at;
    }
    return at > 0;
}

/* Drops what is left of an endless line, of which the host has the beginning. */
static void skip_line(exec *e)
{
    const uint8_t *end_at = left(e) > 0 ? memchr(e->text.at + e->begin, '\n', left(e)) : NULL;
    drop_front(e, end_at == NULL ? left(e) : (size_t)(end_at - e->text.at) + 1 - e->begin);
    e->skipping = end_at == NULL;
}

/* Until there is a unit, or nothing more. */
static void read_output(exec *e)
{
    size_t most = left(e) + UNIT_BYTES;
    make_room(e);
    while (left(e) < most && e->text.size < LINE_MOST) {
        size_t size = e->text.size;
        void *room = ch_buf_extend(&e->text, READ_SIZE);
        if (room == NULL) {
            end(e, "no memory to read its line");
            return;
        }
        long got = ch_child_read(&e->child, room, READ_SIZE);
        e->text.size = size + (got > 0 ? (size_t)got : 0);
        e->dry = got < 0;
        if (got <= 0) {
            e->ended = got == 0;
            e->heard_at_ms = e->ended ? now_ms(e) : e->heard_at_ms;
            break;
        }
        e->heard_at_ms = now_ms(e);
        if (e->skipping) {
            skip_line(e);
        }
    }
}

/* True when a unit was handed over, so that there may be another at once. */
static bool take_output(exec *e)
{
    bool whole = cut_unit(e);
    if (!whole && !e->ended) {
        read_output(e);
        whole = cut_unit(e);
    }
    e->unit_time_ms = e->child.host->wall_ms(e->child.host);
    if (whole) {
        take_unit(e);
        return true;
    }
    if (left(e) >= LINE_MOST || (e->ended && left(e) > 0)) {
        e->skipping = !e->ended;
        e->unit_size = left(e);
        take_unit(e);
        return true;
    }
    return false;
}

/* A restart is due, or a failure to tell. */
static void rest(exec *e, const char *how, bool clean)
{
    say(e, clean ? CASEHUB_INFO : CASEHUB_WARN, "the program has ended", how);
    ch_child_rest(&e->child, clean ? e->child.values[OPTION_EVERY].number : -1);
}

/* It has ended. What it had started and what left its group may hold its output, and nobody waits for that. */
static void leave_or_start(exec *e)
{
    char reason[200];
    if (!e->ended && e->dry) {
        ch_child_end(&e->child);
        e->ended = true;
    }
    if (!e->ended || left(e) > 0 || now_ms(e) < e->child.start_at_ms) {
        return;
    }
    if (!start(e, reason, sizeof reason)) {
        say(e, CASEHUB_WARN, "the program cannot be started", reason);
        ch_child_rest(&e->child, -1);
    }
}

static void watch_times(exec *e)
{
    const casehub_value *values = e->child.values;
    if (e->child.pid == 0 || e->child.kill_at_ms != 0) {
        return;
    }
    if (e->child.pending.size > 0 && !ch_child_write(&e->child, "", 0)) {
        end(e, "it does not read its acknowledgements");
        return;
    }
    if (e->ended && now_ms(e) - e->heard_at_ms >= values[CH_CHILD_GRACE].number) {
        end(e, "it has closed its output, but does not end");
        return;
    }
    if (e->child.pending_since_ms != 0 &&
        now_ms(e) - e->child.pending_since_ms >= values[OPTION_TIMEOUT].number) {
        end(e, "it does not read its acknowledgements");
    } else if (values[OPTION_SILENCE].number > 0 &&
               now_ms(e) - e->heard_at_ms >= values[OPTION_SILENCE].number) {
        end(e, "it has been silent for too long");
    }
}

static int64_t sooner(int64_t wait_ms, int64_t since_ms, int64_t span_ms, int64_t now)
{
    int64_t left = since_ms + span_ms - now;
    left = left < 0 ? 0 : left;
    return wait_ms < 0 || left < wait_ms ? left : wait_ms;
}

static int wait_ms(const exec *e)
{
    const casehub_value *values = e->child.values;
    int64_t now = now_ms(e), wait = ch_child_wait_ms(&e->child, now);
    if (e->child.pid != 0 && e->child.kill_at_ms == 0) {
        if (e->ended) {
            wait = sooner(wait, e->heard_at_ms, values[CH_CHILD_GRACE].number, now);
        }
        if (values[OPTION_SILENCE].number > 0) {
            wait = sooner(wait, e->heard_at_ms, values[OPTION_SILENCE].number, now);
        }
        if (e->child.pending_since_ms != 0) {
            wait = sooner(wait, e->child.pending_since_ms, values[OPTION_TIMEOUT].number, now);
        }
    }
    return wait > INT_MAX ? INT_MAX : (int)wait;
}

static int step_exec(void *state)
{
    exec *e = state;
    char how[40];
    bool clean;
    ch_child_listen(&e->child);
    if (e->waiting && now_ms(e) < e->retry_at_ms) {
        return (int)(e->retry_at_ms - now_ms(e));
    }
    if (e->waiting) {
        take_unit(e);
        return 0;
    }
    if (take_output(e)) {
        watch_times(e);
        return e->waiting ? RETRY_MS : 0;
    }
    if (e->child.pid != 0 && ch_child_has_ended(&e->child, how, sizeof how, &clean)) {
        rest(e, how, clean);
        return 0; /* what it wrote last is still to be read */
    }
    if (e->child.pid == 0) {
        leave_or_start(e);
    } else {
        watch_times(e);
    }
    return e->ended && left(e) > 0 ? 0 : wait_ms(e);
}

const casehub_transport ch_transport_exec = {
    CASEHUB_SIZED(casehub_transport),
    .name = "exec",
    .help = "a program that writes records, a JSON object a line",
    .options = options,
    .option_count = sizeof options / sizeof *options,
    .format = "json",
    .state_size = sizeof(exec),
    .open = open_exec,
    .close = close_exec,
    .fd = exec_fd,
    .step = step_exec,
};
