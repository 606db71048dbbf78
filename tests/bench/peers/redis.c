/* Redis streams: XADD; XREADGROUP and XACK with a group for each subscriber. Endpoint: the path of its socket. */
#include "tests/bench/drive/drive.h"
#include "tests/bench/peers/peers.h"

#include <hiredis/hiredis.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define STREAM "bench"
#define READ_MOST 500

typedef struct publisher {
    redisContext *link;
    bench_publisher *owner;
    uint64_t acked;
} publisher;

typedef struct subscriber {
    redisContext *link;
    bench_subscriber *owner;
    char group[48];
    const char *words[READ_MOST + 3];
    size_t sizes[READ_MOST + 3];
} subscriber;

static redisContext *try_connect(const bench_target *target)
{
    redisContext *link = redisConnectUnix(target->endpoint);
    if (link != NULL && link->err != 0) {
        redisFree(link);
        link = NULL;
    }
    return link;
}

static redisContext *connect_to(const bench_target *target)
{
    redisContext *link = try_connect(target);
    if (link == NULL) {
        bench_fail("redis: no connection to %s", target->endpoint);
    }
    return link;
}

/* Takes the reply; ends the program when it tells an error. */
static redisReply *check(redisContext *link, redisReply *reply, const char *what)
{
    if (reply == NULL || reply->type == REDIS_REPLY_ERROR) {
        bench_fail("redis: %s: %s", what, reply == NULL ? link->errstr : reply->str);
    }
    return reply;
}

static bool is_ready(const bench_target *target)
{
    redisContext *link = try_connect(target);
    if (link == NULL) {
        return false;
    }
    redisReply *reply = redisCommand(link, "PING");
    bool ready = reply != NULL && reply->type != REDIS_REPLY_ERROR; /* an error: it is still loading */
    freeReplyObject(reply);
    redisFree(link);
    return ready;
}

static void prepare(const bench_target *target)
{
    redisContext *link = connect_to(target);
    freeReplyObject(check(link, redisCommand(link, "DEL " STREAM), "DEL"));
    redisFree(link);
}

static void *publisher_open(const bench_target *target, bench_publisher *owner)
{
    publisher *self = bench_new(1, sizeof *self);
    self->owner = owner;
    self->link = connect_to(target);
    return self;
}

static void publish(void *handle, const bench_event *event)
{
    publisher *self = handle;
    const char *words[] = {"XADD", STREAM, "*", "e", event->bytes.at};
    const size_t sizes[] = {4, sizeof STREAM - 1, 1, 1, event->bytes.size};
    if (redisAppendCommandArgv(self->link, 5, words, sizes) != REDIS_OK) {
        bench_fail("redis: XADD: %s", self->link->errstr);
    }
}

static void publisher_poll(void *handle, int timeout_ms)
{
    publisher *self = handle;
    redisContext *link = self->link;
    struct pollfd socket = {.fd = link->fd, .events = POLLIN};
    redisReply *reply = NULL;
    for (int done = 0; done == 0;) {
        if (redisBufferWrite(link, &done) != REDIS_OK) {
            bench_fail("redis: %s", link->errstr);
        }
    }
    if (poll(&socket, 1, timeout_ms) <= 0) {
        return;
    }
    if (redisBufferRead(link) != REDIS_OK) {
        bench_fail("redis: %s", link->errstr);
    }
    while (redisReaderGetReply(link->reader, (void **)&reply) == REDIS_OK && reply != NULL) {
        freeReplyObject(check(link, reply, "XADD"));
        bench_acked_upto(self->owner, ++self->acked);
    }
}

static void publisher_close(void *handle)
{
    publisher *self = handle;
    redisFree(self->link);
    free(self);
}

static void *subscriber_open(const bench_target *target, bench_subscriber *owner,
                             const bench_interest *interest)
{
    subscriber *self = bench_new(1, sizeof *self);
    self->owner = owner;
    self->link = connect_to(target);
    snprintf(self->group, sizeof self->group, "g%d-%u", (int)getpid(), interest->place);
    freeReplyObject(check(self->link,
                          redisCommand(self->link, "XGROUP CREATE " STREAM " %s %s MKSTREAM", self->group,
                                       interest->from_start ? "0" : "$"),
                          "XGROUP CREATE"));
    return self;
}

static void acknowledge(subscriber *self, const redisReply *entries)
{
    self->words[0] = "XACK", self->sizes[0] = 4;
    self->words[1] = STREAM, self->sizes[1] = sizeof STREAM - 1;
    self->words[2] = self->group, self->sizes[2] = strlen(self->group);
    for (size_t i = 0; i < entries->elements; i++) {
        const redisReply *id = entries->element[i]->element[0];
        self->words[3 + i] = id->str, self->sizes[3 + i] = id->len;
    }
    freeReplyObject(check(self->link,
                          redisCommandArgv(self->link, (int)entries->elements + 3, self->words, self->sizes),
                          "XACK"));
}

static void subscriber_poll(void *handle, int timeout_ms)
{
    subscriber *self = handle;
    /* BLOCK 0 would be for ever. */
    redisReply *reply =
        check(self->link,
              redisCommand(self->link, "XREADGROUP GROUP %s c COUNT %d BLOCK %d STREAMS " STREAM " >",
                           self->group, READ_MOST, timeout_ms > 0 ? timeout_ms : 1),
              "XREADGROUP");
    if (reply->type == REDIS_REPLY_ARRAY && reply->elements > 0) {
        const redisReply *entries = reply->element[0]->element[1];
        for (size_t i = 0; i < entries->elements; i++) {
            const redisReply *value = entries->element[i]->element[1]->element[1];
            bench_received(self->owner, (ch_str){value->str, value->len});
        }
        acknowledge(self, entries);
    }
    freeReplyObject(reply);
}

static void subscriber_close(void *handle)
{
    subscriber *self = handle;
    freeReplyObject(check(self->link, redisCommand(self->link, "XGROUP DESTROY " STREAM " %s", self->group),
                          "XGROUP DESTROY"));
    redisFree(self->link);
    free(self);
}

const bench_peer bench_redis = {.name = "redis",
                                .is_ready = is_ready,
                                .prepare = prepare,
                                .publisher_open = publisher_open,
                                .publish = publish,
                                .publisher_poll = publisher_poll,
                                .publisher_close = publisher_close,
                                .subscriber_open = subscriber_open,
                                .subscriber_poll = subscriber_poll,
                                .subscriber_close = subscriber_close};
