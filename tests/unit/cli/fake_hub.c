#include "tests/unit/cli/fake_hub.h"

#include "hub/model/event.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define READ_EVENTS 3 /* in one answer */
#define START_MS INT64_C(1795400820000)

struct casehub {
    casehub_options options;
    casehub_subscription subscription;
    size_t delivered;
    uint64_t tokens[FAKE_MOST];
    int fd;
    const char *code, *text, *where;
};

static fake_hub script;

fake_hub *fake_hub_reset(void)
{
    for (size_t i = 0; i < script.published_count; i++) {
        free(script.published[i]);
    }
    memset(&script, 0, sizeof script);
    ch_clock_fake_init(&script.clock, START_MS);
    return &script;
}

static int fail(casehub *hub, const char *code, const char *text, const char *where)
{
    hub->code = code;
    hub->text = text;
    hub->where = where;
    return -1;
}

const char *casehub_error_code(const casehub *hub)
{
    return hub->code;
}

const char *casehub_error_text(const casehub *hub)
{
    return hub->text;
}

const char *casehub_error_where(const casehub *hub)
{
    return hub->where;
}

casehub *casehub_new(const casehub_options *options)
{
    casehub *hub = calloc(1, sizeof *hub);
    assert(hub != NULL && options->size == sizeof *options);
    hub->options = *options;
    hub->code = hub->text = hub->where = "";
    /* Always readable, so that nothing that watches it sleeps. */
    hub->fd = eventfd(1, EFD_CLOEXEC);
    snprintf(script.endpoint, sizeof script.endpoint, "%s", options->endpoint);
    return hub;
}

void casehub_free(casehub **hub)
{
    if (*hub != NULL) {
        close((*hub)->fd);
        free(*hub);
        *hub = NULL;
    }
}

int casehub_fd(const casehub *hub)
{
    return hub->fd;
}

static void answer_one(casehub *hub, size_t index)
{
    casehub_answer answer = {.code = "ok",
                             .sequence = index + 1,
                             .caseversion = 1,
                             .case_id = "ZJ-20261123-1",
                             .text = "",
                             .where = "",
                             .present_state = ""};
    if (index < script.answer_count) {
        answer = script.answers[index];
    }
    answer.token = hub->tokens[index];
    hub->options.on_answer(hub->options.context, &answer);
}

static void answer_all(casehub *hub)
{
    size_t end = script.published_count;
    if (script.silent_after > 0 && end > script.silent_after) {
        end = script.silent_after;
    }
    size_t first = script.answered, count = end > first ? end - first : 0;
    script.answered += count;
    for (size_t i = 0; i < count; i++) {
        answer_one(hub, script.backwards ? end - 1 - i : first + i);
    }
}

static void deliver(casehub *hub)
{
    if (hub->subscription.on_event == NULL || hub->delivered >= script.event_count) {
        return;
    }
    const char *json = script.events[hub->delivered++];
    const casehub_event event = {.sequence = hub->delivered,
                                 .attempt = 1,
                                 .type = "",
                                 .subject = "",
                                 .topic = "",
                                 .encoded = json,
                                 .encoded_size = strlen(json)};
    hub->subscription.on_event(hub->subscription.context, hub, &event);
}

int casehub_poll(casehub *hub, int timeout_ms)
{
    (void)timeout_ms;
    if (script.connection == FAKE_DENIED) {
        return fail(hub, "denied", "no grant holds this key", "");
    }
    script.clock.now_ms += 100;
    if (script.connection == FAKE_CONNECTED) {
        answer_all(hub);
        deliver(hub);
    }
    return 0;
}

int casehub_wait(casehub *hub, int timeout_ms)
{
    if (script.connection == FAKE_ABSENT) {
        script.clock.now_ms += timeout_ms;
        return fail(hub, "timeout", "no answer yet", "");
    }
    return script.connection == FAKE_DENIED ? casehub_poll(hub, timeout_ms) : 0;
}

int casehub_flush(casehub *hub, int timeout_ms)
{
    (void)timeout_ms;
    answer_all(hub);
    return script.answered == script.published_count ? 0 : fail(hub, "timeout", "no answer in time", "");
}

const char *casehub_actor(const casehub *hub)
{
    (void)hub;
    return "wang";
}

const char *casehub_role(const casehub *hub)
{
    (void)hub;
    return "operator";
}

const char *casehub_hub_code(const casehub *hub)
{
    (void)hub;
    return "ZJ";
}

int casehub_publish_json(casehub *hub, const char *json, size_t json_size, uint64_t token)
{
    unsigned window = hub->options.window == 0 ? 256 : hub->options.window;
    if (json_size == 0 || json[0] != '{') {
        return fail(hub, "invalid", "no JSON object", "line 1, column 1");
    }
    if (script.published_count - script.answered >= window || script.published_count == FAKE_MOST) {
        return fail(hub, "full", "poll, then try again", "window");
    }
    hub->tokens[script.published_count] = token;
    script.published[script.published_count++] = strndup(json, json_size);
    return 0;
}

int casehub_subscribe(casehub *hub, const casehub_subscription *subscription)
{
    hub->subscription = *subscription;
    snprintf(script.subscribed, sizeof script.subscribed, "%s %s %s %u",
             subscription->name == NULL ? "-" : subscription->name, subscription->from,
             subscription->patterns[0], subscription->credit);
    return 1;
}

int casehub_ack(casehub *hub, int subscription, uint64_t sequence)
{
    (void)hub;
    assert(subscription == 1 && script.acknowledged_count < 64);
    script.acknowledged[script.acknowledged_count++] = sequence;
    return 0;
}

int casehub_unsubscribe(casehub *hub, int subscription)
{
    (void)hub;
    assert(subscription == 1);
    script.unsubscribed_after = script.acknowledged_count;
    return 0;
}

int casehub_seek(casehub *hub, const char *name, const char *from, int timeout_ms)
{
    (void)hub;
    (void)timeout_ms;
    snprintf(script.subscribed, sizeof script.subscribed, "%s %s", name, from);
    return 0;
}

int casehub_query(casehub *hub, const char *name, const char *arguments, int timeout_ms, char **out_json,
                  char **out_next)
{
    (void)timeout_ms;
    assert(script.queries_asked < 16);
    char *asked = script.asked[script.queries_asked++];
    snprintf(asked, sizeof script.asked[0], "%s %s", name, arguments == NULL ? "" : arguments);
    const fake_query *query = &script.queries[script.queries_used];
    if (script.queries_used == script.query_count || strcmp(query->name, name) != 0) {
        return fail(hub, "not-found", "the script has no answer", name);
    }
    script.queries_used++;
    if (query->code != NULL) {
        return fail(hub, query->code, query->text, "");
    }
    *out_json = strdup(query->rows);
    if (out_next != NULL) {
        *out_next = query->next == NULL ? NULL : strdup(query->next);
    }
    return 0;
}

/* One of the events, as a hub gives it. */
static void show_event(casehub *hub, size_t index, void *context,
                       void (*on_event)(void *context, casehub *hub, const casehub_event *event))
{
    ch_buf encoded;
    ch_error error = {.status = CH_OK};
    ch_buf_init(&encoded, 1 << 20);
    if (ch_event_from_json(&encoded, ch_str_of(script.events[index]), &error) != CH_OK) {
        fprintf(stderr, "event %zu: %s: %s\n", index + 1, error.where, error.text);
        abort();
    }
    const casehub_event event = {
        .sequence = index + 1, .attempt = 1, .encoded = encoded.at, .encoded_size = encoded.size};
    on_event(context, hub, &event);
    ch_buf_done(&encoded);
}

int casehub_read(casehub *hub, uint64_t from, uint64_t to, const char *const *patterns, size_t pattern_count,
                 unsigned limit, int timeout_ms, void *context,
                 void (*on_event)(void *context, casehub *hub, const casehub_event *event),
                 uint64_t *out_next)
{
    (void)limit;
    (void)timeout_ms;
    uint64_t end = from + READ_EVENTS, last = to == 0 || to > script.event_count ? script.event_count : to;
    snprintf(script.read, sizeof script.read, "%s", pattern_count == 0 ? "" : patterns[0]);
    for (uint64_t at = from; at < end && at <= last; at++) {
        show_event(hub, (size_t)at - 1, context, on_event);
    }
    *out_next = end <= last ? end : 0;
    return 0;
}

char *casehub_event_json(const casehub_event *event)
{
    return strndup(event->encoded, event->encoded_size);
}
