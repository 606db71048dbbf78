/* casehub through its own client library. Endpoint: what libcasehub takes; key file for tcp. */
#include "hub/client/casehub.h"
#include "hub/model/event.h"
#include "tests/bench/drive/drive.h"
#include "tests/bench/peers/peers.h"
#include "tests/bench/peers/reach.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WAIT_MS 30000
#define CREDIT 65536

typedef struct publisher {
    casehub *hub;
    bench_publisher *owner;
} publisher;

typedef struct subscriber {
    casehub *hub;
    bench_subscriber *owner;
} subscriber;

static bool is_ready(const bench_target *target)
{
    return bench_reach(target->endpoint);
}

static void check(casehub *hub, int result, const char *what)
{
    if (result < 0) {
        bench_fail("casehub: %s: %s %s %s", what, casehub_error_code(hub), casehub_error_where(hub),
                   casehub_error_text(hub));
    }
}

static void on_answer(void *context, const casehub_answer *answer)
{
    publisher *self = context;
    if (strcmp(answer->code, "ok") != 0) {
        bench_fail("casehub: event %llu: %s %s %s", (unsigned long long)answer->token, answer->code,
                   answer->where, answer->text);
    }
    bench_acked_upto(self->owner, answer->token);
}

static casehub *connect_to(const bench_target *target, void *context,
                           void (*answered)(void *, const casehub_answer *))
{
    const casehub_options options = {CASEHUB_SIZE(casehub_options), .endpoint = target->endpoint,
                                     .key_file = target->key_file,  .name = "bench/1.0",
                                     .window = target->window,      .context = context,
                                     .on_answer = answered};
    casehub *hub = casehub_new(&options);
    if (hub == NULL) {
        bench_fail("casehub: %s: %s", target->endpoint, strerror(errno));
    }
    check(hub, casehub_wait(hub, WAIT_MS), "no welcome");
    return hub;
}

static void *publisher_open(const bench_target *target, bench_publisher *owner)
{
    publisher *self = bench_new(1, sizeof *self);
    self->owner = owner;
    self->hub = connect_to(target, self, on_answer);
    return self;
}

static void publish(void *handle, const bench_event *event)
{
    publisher *self = handle;
    check(self->hub, casehub_publish(self->hub, event->bytes.at, event->bytes.size, event->number),
          "publish");
}

static void publisher_poll(void *handle, int timeout_ms)
{
    publisher *self = handle;
    check(self->hub, casehub_poll(self->hub, timeout_ms), "poll");
}

static void publisher_close(void *handle)
{
    publisher *self = handle;
    casehub_free(&self->hub);
    free(self);
}

/* What the hub derived is delivered, too, but it is not of the load: only what was published counts. */
static void on_event(void *context, casehub *hub, const casehub_event *event)
{
    subscriber *self = context;
    (void)hub;
    if (strncmp(event->type, "case.", 5) == 0) {
        bench_received(self->owner, (ch_str){event->encoded, event->encoded_size});
    }
}

static void subscribe(subscriber *self, const char *pattern, bool from_start)
{
    const casehub_subscription wanted = {CASEHUB_SIZE(casehub_subscription),
                                         .patterns = &pattern,
                                         .pattern_count = 1,
                                         .from = from_start ? "all" : "new",
                                         .credit = CREDIT,
                                         .no_ack = true,
                                         .context = self,
                                         .on_event = on_event};
    check(self->hub, casehub_subscribe(self->hub, &wanted), "subscribe");
}

static void *subscriber_open(const bench_target *target, bench_subscriber *owner,
                             const bench_interest *interest)
{
    subscriber *self = bench_new(1, sizeof *self);
    char district[CH_TOPIC_MAX], *rows = NULL;
    self->owner = owner;
    self->hub = connect_to(target, self, NULL);
    for (unsigned i = interest->place; i < interest->districts; i += target->subscribers) {
        snprintf(district, sizeof district, "*.*.*.*.33.09.02.%03u", i);
        subscribe(self, district, interest->from_start);
    }
    if (interest->districts == 0) {
        subscribe(self, interest->narrow ? BENCH_NARROW_TYPE ".>" : ">", interest->from_start);
    }
    if (!interest->from_start) { /* one question later the subscriptions stand */
        check(self->hub, casehub_query(self->hub, "status", NULL, WAIT_MS, &rows, NULL), "status");
        free(rows);
    }
    return self;
}

static void subscriber_poll(void *handle, int timeout_ms)
{
    subscriber *self = handle;
    check(self->hub, casehub_poll(self->hub, timeout_ms), "poll");
}

static void subscriber_close(void *handle)
{
    subscriber *self = handle;
    casehub_free(&self->hub);
    free(self);
}

const bench_peer bench_casehub = {.name = "casehub",
                                  .is_ready = is_ready,
                                  .publisher_open = publisher_open,
                                  .publish = publish,
                                  .publisher_poll = publisher_poll,
                                  .publisher_close = publisher_close,
                                  .subscriber_open = subscriber_open,
                                  .subscriber_poll = subscriber_poll,
                                  .subscriber_close = subscriber_close};
