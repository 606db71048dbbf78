#include "tests/unit/connectors/open311_desk.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

#define HOTLINE CASEHUB_SOURCE_DIR "/connectors/hotline/"

static const char *const api_keys[] = {"demo", "other"};

static desk *desk_of(const casehub_host *host)
{
    return host->context;
}

static void append(char *text, size_t size, const char *format, ...) CH_PRINTF(3, 4);
static void append(char *text, size_t size, const char *format, ...)
{
    size_t used = strlen(text);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text + used, size - used, format, arguments);
    va_end(arguments);
}

static void log_text(const casehub_host *host, casehub_level level, const char *text)
{
    desk *d = desk_of(host);
    (void)level;
    append(d->logged, sizeof d->logged, "%s\n", text);
}

static int64_t wall_ms(const casehub_host *host)
{
    (void)host;
    return DESK_NOW_MS;
}

static int64_t monotonic_ms(const casehub_host *host)
{
    desk *d = desk_of(host);
    d->now_ms += d->step_ms;
    return d->now_ms;
}

static bool connected(const casehub_host *host)
{
    return !desk_of(host)->away;
}

static casehub_verdict take(const casehub_host *host, const casehub_unit *unit, casehub_outcome *outcome)
{
    desk *d = desk_of(host);
    size_t used = 0;
    long got;
    assert_true(unit->answered);
    assert_int_equal(unit->time_ms, DESK_NOW_MS);
    while ((got = unit->read(unit->context, d->record + used, sizeof d->record - 1 - used)) > 0) {
        used += (size_t)got;
    }
    d->record[used] = '\0';
    append(d->asked, sizeof d->asked, "take\n");
    *outcome = d->outcome;
    return d->verdict;
}

static int query(const casehub_host *host, const char *name, const char *arguments, int timeout_ms,
                 char **out_json, char **out_next, casehub_outcome *outcome)
{
    desk *d = desk_of(host);
    const desk_reply *found = NULL;
    assert_true(timeout_ms > 0);
    append(d->asked, sizeof d->asked, "%s %s\n", name, arguments);
    for (size_t i = 0; i < d->reply_count; i++) {
        const desk_reply *reply = &d->replies[i];
        if (strcmp(reply->query, name) == 0 && strstr(arguments, reply->part) != NULL) {
            found = reply;
        }
    }
    if (found == NULL || found->json == NULL) {
        snprintf(outcome->code, sizeof outcome->code, "%s", found == NULL ? "not-found" : found->code);
        snprintf(outcome->reason, sizeof outcome->reason, "the hub says so");
        return -1;
    }
    *out_json = strdup(found->json);
    if (out_next != NULL) {
        *out_next = found->next == NULL ? NULL : strdup(found->next);
    }
    return 0;
}

static void release(const casehub_host *host, char *text)
{
    (void)host;
    free(text);
}

void desk_open(desk *d)
{
    ch_error error = {.status = CH_OK};
    *d = (desk){.verdict = CASEHUB_DONE};
    assert_true(sodium_init() >= 0);
    ch_random_seeded_init(&d->random, 311);
    d->host = (casehub_host){CASEHUB_SIZED(casehub_host),
                             .context = d,
                             .connector = "hotline",
                             .source = "hotline/81890",
                             .system = "hotline",
                             .log = log_text,
                             .wall_ms = wall_ms,
                             .monotonic_ms = monotonic_ms,
                             .take = take,
                             .query = query,
                             .release = release,
                             .connected = connected};
    d->site = (ch_open311_site){.host = &d->host,
                                .random = &d->random.random,
                                .api_keys = api_keys,
                                .api_key_count = 2,
                                .jurisdiction = "",
                                .contact = "81890",
                                .key_service = "",
                                .notice = "",
                                .url = "http://127.0.0.1:1",
                                .started_ms = DESK_NOW_MS};
    assert_status(
        ch_open311_services_read(&d->site.services, HOTLINE "services.csv", HOTLINE "attributes.csv", &error),
        CH_OK);
    d->outcome = (casehub_outcome){CASEHUB_SIZED(casehub_outcome), .case_id = "ZJ-20261124-7", .sequence = 70,
                                   .events = 1};
}

void desk_close(desk *d)
{
    ch_open311_services_done(&d->site.services);
}

void desk_reply_with(desk *d, const char *name, const char *part, const char *json, const char *next)
{
    assert_true(d->reply_count < DESK_REPLIES_MOST);
    d->replies[d->reply_count++] = (desk_reply){.query = name, .part = part, .json = json, .next = next};
}

void desk_fail_with(desk *d, const char *name, const char *code)
{
    assert_true(d->reply_count < DESK_REPLIES_MOST);
    d->replies[d->reply_count++] = (desk_reply){.query = name, .part = "", .code = code};
}
