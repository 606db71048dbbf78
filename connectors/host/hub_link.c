#include "connectors/host/hub_link.h"

#include "hub/base/diag.h"

#include <jansson.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

#define COMPONENT "hub"
#define REQUESTS_MOST 16 /* also the subscription's credit: more cannot be under way */
#define SAID_TOKEN UINT64_MAX
#define QUERY_TIMEOUT_MS 10000
#define OUTWARD_ACK_TIMEOUT_MS 86400000 /* a sender ends each attempt itself */

struct ch_hub_link {
    const ch_connector_config *config;
    const ch_clock *clock;
    casehub *hub;
    ch_delivery *delivery;
    ch_outward *outward;
    int stop_fd, subscription, outward_subscription;
    bool connected;
    bool heard;        /* something came that the runner has to deal with: it must not wait */
    uint64_t sessions; /* so far */
    ch_request requests[REQUESTS_MOST];
    size_t first, count;
};

static ch_status failure(const ch_hub_link *link, ch_error *error)
{
    ch_status status;
    if (ch_status_from_name(casehub_error_code(link->hub), &status) != CH_OK || status == CH_OK) {
        status = CH_UNSUPPORTED;
    }
    return ch_error_set(error, status, casehub_error_where(link->hub), "%s", casehub_error_text(link->hub));
}

static void on_answer(void *context, const casehub_answer *answer)
{
    ch_hub_link *link = context;
    if (answer->token != SAID_TOKEN) {
        if (link->delivery != NULL) {
            ch_delivery_answer(link->delivery, answer);
        }
    } else if (strcmp(answer->code, "ok") != 0) {
        ch_diag(CH_DIAG_WARN, COMPONENT, "the hub does not take the connector's state: %s (%s)", answer->text,
                answer->code);
    }
}

static void on_state(void *context, bool connected, const char *text)
{
    ch_hub_link *link = context;
    if (link->connected != connected) {
        ch_diag(connected ? CH_DIAG_INFO : CH_DIAG_WARN, COMPONENT, "%s: %s",
                connected ? "connected" : "not connected", text == NULL ? "" : text);
    }
    link->sessions += connected;
    link->connected = connected;
}

ch_status ch_hub_link_open(ch_hub_link **out_link, const ch_connector_config *config, int stop_fd,
                           const ch_clock *clock, ch_error *error)
{
    char name[80];
    ch_hub_link *link = calloc(1, sizeof *link);
    if (link == NULL) {
        return ch_error_set(error, CH_NO_MEMORY, NULL, "no memory");
    }
    *link = (ch_hub_link){.config = config, .clock = clock, .stop_fd = stop_fd};
    snprintf(name, sizeof name, "%s/" CASEHUB_VERSION, config->name);
    const casehub_options options = {CASEHUB_SIZE(casehub_options),
                                     .endpoint = config->hub,
                                     .key_file = config->key[0] == '\0' ? NULL : config->key,
                                     .name = name,
                                     .context = link,
                                     .on_answer = on_answer,
                                     .on_state = on_state};
    link->hub = casehub_new(&options);
    if (link->hub == NULL) {
        free(link);
        return ch_error_set(error, CH_IO, config->key, "the key cannot be read, or the endpoint %s is none",
                            config->hub);
    }
    *out_link = link;
    return CH_OK;
}

void ch_hub_link_close(ch_hub_link *link)
{
    if (link != NULL) {
        casehub_free(&link->hub);
        free(link);
    }
}

void ch_hub_link_set_delivery(ch_hub_link *link, ch_delivery *delivery)
{
    link->delivery = delivery;
}

bool ch_hub_link_stopping(const ch_hub_link *link)
{
    struct pollfd stop = {.fd = link->stop_fd, .events = POLLIN};
    return poll(&stop, 1, 0) > 0;
}

bool ch_hub_link_connected(const ch_hub_link *link)
{
    return link->connected;
}

static ch_status pump(ch_hub_link *link, ch_error *error)
{
    if (casehub_poll(link->hub, 0) != 0) {
        ch_status status = failure(link, error);
        return ch_status_is_temporary(status) ? CH_OK : status;
    }
    return CH_OK;
}

ch_status ch_hub_link_serve(ch_hub_link *link, const int fds[CH_HUB_LINK_FDS], int64_t wait_ms,
                            ch_error *error)
{
    ch_status status = pump(link, error);
    if (status != CH_OK || link->heard) {
        link->heard = false;
        return status;
    }
    /* The client's own timers (heartbeats, reconnects) are served once a second at the latest. */
    int64_t bounded = wait_ms < 0 || wait_ms > 1000 ? 1000 : wait_ms;
    struct pollfd polled[] = {{.fd = link->stop_fd, .events = POLLIN},
                              {.fd = casehub_fd(link->hub), .events = POLLIN},
                              {.fd = fds[0], .events = POLLIN}, /* poll passes over -1 */
                              {.fd = fds[1], .events = POLLIN}};
    int ready = poll(polled, sizeof polled / sizeof *polled, (int)bounded);
    (void)ready;
    return pump(link, error);
}

ch_status ch_hub_link_wait(ch_hub_link *link, ch_error *error)
{
    while (casehub_wait(link->hub, 500) != 0) {
        ch_status status = failure(link, error);
        if (!ch_status_is_temporary(status)) {
            return status;
        }
        if (ch_hub_link_stopping(link)) {
            return ch_error_set(error, CH_UNAVAILABLE, NULL, "stopping before the hub was there");
        }
    }
    return CH_OK;
}

/* ---- what operators ask */

static bool is_own(const ch_hub_link *link, const char *name)
{
    return name != NULL && strcmp(name, link->config->name) == 0;
}

static bool understand_letter(ch_hub_link *link, const casehub_event *event, ch_request *out)
{
    char *action = casehub_event_get(event, "data.action"), *number = casehub_event_get(event, "data.number");
    char *connector = casehub_event_get(event, "data.connector");
    bool asked = action != NULL && number != NULL && strcmp(action, "retry") == 0 &&
                 (connector == NULL || is_own(link, connector));
    if (asked) {
        *out = (ch_request){.kind = CH_REQUEST_RETRY, .dead_letter = strtoull(number, NULL, 10)};
    }
    free(action);
    free(number);
    free(connector);
    return asked;
}

static bool understand_state(ch_hub_link *link, const casehub_event *event, ch_request *out)
{
    static const struct {
        const char *state;
        ch_request_kind kind;
    } states[] = {
        {"paused", CH_REQUEST_PAUSE}, {"running", CH_REQUEST_RESUME}, {"restart", CH_REQUEST_RESTART}};
    char *connector = casehub_event_get(event, "data.connector"),
         *state = casehub_event_get(event, "data.state");
    char *source = casehub_event_get(event, "source");
    bool asked = false;
    for (size_t i = 0; i < sizeof states / sizeof *states && state != NULL; i++) {
        if (strcmp(state, states[i].state) == 0) {
            *out = (ch_request){.kind = states[i].kind};
            asked = true;
        }
    }
    asked = asked && is_own(link, connector) && source != NULL && strcmp(source, link->config->source) != 0;
    free(connector);
    free(state);
    free(source);
    return asked;
}

static void on_event(void *context, casehub *hub, const casehub_event *event)
{
    ch_hub_link *link = context;
    ch_request request;
    link->heard = true;
    bool asked = strcmp(event->type, "hub.deadletter") == 0 ? understand_letter(link, event, &request)
                                                            : understand_state(link, event, &request);
    if (!asked) {
        casehub_ack(hub, link->subscription, event->sequence);
        return;
    }
    for (size_t i = 0; i < link->count; i++) {
        if (link->requests[(link->first + i) % REQUESTS_MOST].sequence == event->sequence) {
            return; /* delivered again before it was done */
        }
    }
    if (link->count == REQUESTS_MOST) {
        casehub_nak(hub, link->subscription, event->sequence, -1, "busy");
        return;
    }
    request.sequence = event->sequence;
    link->requests[(link->first + link->count++) % REQUESTS_MOST] = request;
}

ch_status ch_hub_link_listen(ch_hub_link *link, ch_error *error)
{
    static const char *const patterns[] = {"hub.deadletter.>", "hub.connector.>"};
    char name[CH_CONNECTOR_NAME_MAX + 20];
    snprintf(name, sizeof name, "connector-%s-retry", link->config->name);
    const casehub_subscription subscription = {CASEHUB_SIZE(casehub_subscription),
                                               .name = name,
                                               .patterns = patterns,
                                               .pattern_count = sizeof patterns / sizeof *patterns,
                                               .from = "new",
                                               .credit = REQUESTS_MOST,
                                               .test_mode = "include",
                                               .context = link,
                                               .on_event = on_event};
    link->subscription = casehub_subscribe(link->hub, &subscription);
    return link->subscription > 0 ? CH_OK : failure(link, error);
}

bool ch_hub_link_next(ch_hub_link *link, ch_request *out_request)
{
    if (link->count == 0) {
        return false;
    }
    *out_request = link->requests[link->first];
    return true;
}

void ch_hub_link_done(ch_hub_link *link)
{
    uint64_t sequence = link->requests[link->first].sequence;
    link->first = (link->first + 1) % REQUESTS_MOST;
    link->count--;
    if (casehub_ack(link->hub, link->subscription, sequence) != 0) {
        ch_diag(CH_DIAG_WARN, COMPONENT, "a request stays unacknowledged: %s", casehub_error_text(link->hub));
    }
}

/* ---- what goes out */

static void on_outward_event(void *context, casehub *hub, const casehub_event *event)
{
    ch_hub_link *link = context;
    char *json = casehub_event_json(event);
    link->heard = true;
    if (json == NULL) {
        casehub_nak(hub, link->outward_subscription, event->sequence, -1, "no-memory");
        return;
    }
    ch_outward_take(link->outward, event->sequence, event->attempt, json);
}

/* Credit of one: of a case whose event fails nothing later is on its way already. The hub never gives up by itself: a
 * system that is away for a weekend makes no dead letters. */
ch_status ch_hub_link_carry(ch_hub_link *link, ch_outward *outward, ch_error *error)
{
    const ch_outward_config *config = &link->config->outward;
    char name[CH_CONNECTOR_NAME_MAX + 20];
    snprintf(name, sizeof name, "outward-%s", link->config->name);
    const casehub_subscription subscription = {CASEHUB_SIZE(casehub_subscription),
                                               .name = name,
                                               .patterns = (const char *const *)config->topics.at,
                                               .pattern_count = config->topics.count,
                                               .from = config->from,
                                               .credit = 1,
                                               .ack_timeout_ms = OUTWARD_ACK_TIMEOUT_MS,
                                               .deliveries_most = UINT_MAX,
                                               .involved = config->involved,
                                               .test_mode = config->test_mode,
                                               .context = link,
                                               .on_event = on_outward_event};
    link->outward = outward;
    link->outward_subscription = casehub_subscribe(link->hub, &subscription);
    return link->outward_subscription > 0 ? CH_OK : failure(link, error);
}

const char *ch_hub_link_hub_code(const ch_hub_link *link)
{
    return casehub_hub_code(link->hub);
}

static uint64_t port_session(void *context)
{
    return ((ch_hub_link *)context)->sessions;
}

/* What cannot be told comes again when its time has passed, or in the next session. */
static void see_told(const ch_hub_link *link, uint64_t sequence, int result)
{
    if (result != 0) {
        ch_diag(CH_DIAG_WARN, COMPONENT, "the hub is not told of event %llu: %s",
                (unsigned long long)sequence, casehub_error_text(link->hub));
    }
}

static void port_acknowledge(void *context, uint64_t sequence)
{
    ch_hub_link *link = context;
    see_told(link, sequence, casehub_ack(link->hub, link->outward_subscription, sequence));
}

static void port_delay(void *context, uint64_t sequence, int64_t delay_ms)
{
    ch_hub_link *link = context;
    see_told(link, sequence,
             casehub_nak(link->hub, link->outward_subscription, sequence, (int)delay_ms, "unavailable"));
}

static void port_fail(void *context, uint64_t sequence, const char *code, const char *text, const char *where)
{
    ch_hub_link *link = context;
    see_told(link, sequence,
             casehub_fail(link->hub, link->outward_subscription, sequence, code, text, where));
}

ch_outward_port ch_hub_link_outward_port(ch_hub_link *link)
{
    return (ch_outward_port){.context = link,
                             .session = port_session,
                             .acknowledge = port_acknowledge,
                             .delay = port_delay,
                             .fail = port_fail};
}

/* ---- asking and telling */

ch_status ch_hub_link_query(ch_hub_link *link, const char *name, const char *arguments, int timeout_ms,
                            char **out_json, char **out_next, ch_error *error)
{
    return casehub_query(link->hub, name, arguments, timeout_ms, out_json, out_next) == 0
               ? CH_OK
               : failure(link, error);
}

ch_status ch_hub_link_say(ch_hub_link *link, const char *json, ch_error *error)
{
    return casehub_publish_json(link->hub, json, strlen(json), SAID_TOKEN) == 0 ? CH_OK
                                                                                : failure(link, error);
}

void ch_hub_link_flush(ch_hub_link *link, int timeout_ms)
{
    if (casehub_flush(link->hub, timeout_ms) != 0) {
        ch_diag(CH_DIAG_WARN, COMPONENT, "the last state did not reach the hub: %s",
                casehub_error_text(link->hub));
    }
}

/* ---- the port of delivery.h */

static ch_status port_publish(void *context, const casehub_batch *batch, int timeout_ms, ch_error *error)
{
    ch_hub_link *link = context;
    return casehub_publish_batch(link->hub, batch, timeout_ms) == 0 ? CH_OK : failure(link, error);
}

static ch_status port_checkpoint(void *context, char **out_value, ch_error *error)
{
    ch_hub_link *link = context;
    char arguments[CH_CONNECTOR_NAME_MAX + 40], *json = NULL;
    snprintf(arguments, sizeof arguments, "{\"connector\":\"%s\"}", link->config->name);
    ch_status status = ch_hub_link_query(link, "checkpoint", arguments, QUERY_TIMEOUT_MS, &json, NULL, error);
    if (status == CH_NOT_FOUND) {
        *out_value = strdup("");
        return *out_value == NULL ? CH_NO_MEMORY : CH_OK;
    }
    if (status != CH_OK) {
        return status;
    }
    json_t *rows = json_loads(json, 0, NULL);
    const char *value = json_string_value(json_object_get(json_array_get(rows, 0), "value"));
    char *copy = strdup(value == NULL ? "" : value);
    json_decref(rows);
    free(json);
    if (copy == NULL) {
        return ch_error_set(error, CH_NO_MEMORY, NULL, "no memory");
    }
    *out_value = copy;
    return CH_OK;
}

static bool port_pause(void *context, int64_t wait_ms)
{
    ch_hub_link *link = context;
    static const int none[CH_HUB_LINK_FDS] = {-1, -1};
    int64_t until_ms = ch_clock_monotonic_ms(link->clock) + wait_ms, left = wait_ms;
    while (left > 0 && !ch_hub_link_stopping(link)) {
        ch_error error;
        if (ch_hub_link_serve(link, none, left, &error) != CH_OK) {
            break; /* the next publish tells */
        }
        left = until_ms - ch_clock_monotonic_ms(link->clock);
    }
    return !ch_hub_link_stopping(link);
}

static int64_t port_monotonic_ms(void *context)
{
    return ch_clock_monotonic_ms(((ch_hub_link *)context)->clock);
}

ch_hub_port ch_hub_link_port(ch_hub_link *link)
{
    return (ch_hub_port){.context = link,
                         .publish = port_publish,
                         .checkpoint = port_checkpoint,
                         .pause = port_pause,
                         .monotonic_ms = port_monotonic_ms};
}
