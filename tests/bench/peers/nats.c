/* NATS JetStream with file storage: asynchronous publishing; an ordered push consumer. Endpoint: a URL. */
#include "tests/bench/drive/drive.h"
#include "tests/bench/peers/peers.h"

#include <nats/nats.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#define STREAM "BENCH"
#define SUBJECTS "bench."
#define UNDER_WAY_MOST 65536 /* events of a publisher, at least its window */
#define TAKEN_AT_ONCE 1000
#define ANSWER_MS 1000

/* Acknowledgements come on a thread of the library; they wait here for the publisher's own. */
typedef struct publisher {
    natsConnection *link;
    jsCtx *stream;
    bench_publisher *owner;
    pthread_mutex_t lock;
    pthread_cond_t came;
    uint64_t head, tail; /* of the ring */
    uint64_t numbers[UNDER_WAY_MOST];
} publisher;

typedef struct subscriber {
    natsConnection *link;
    jsCtx *stream;
    natsSubscription *deliveries;
    bench_subscriber *owner;
} subscriber;

static void check(natsStatus status, const char *what)
{
    if (status != NATS_OK) {
        bench_fail("nats: %s: %s", what, natsStatus_GetText(status));
    }
}

static natsStatus try_connect(natsConnection **out_link, const bench_target *target)
{
    natsOptions *options = NULL;
    natsStatus status = natsOptions_Create(&options);
    if (status == NATS_OK) {
        natsOptions_SetURL(options, target->endpoint);
        natsOptions_SetSendAsap(options, true);
        status = natsConnection_Connect(out_link, options);
        natsOptions_Destroy(options);
    }
    return status;
}

static void connect_to(natsConnection **out_link, jsCtx **out_stream, const bench_target *target,
                       jsOptions *options)
{
    check(try_connect(out_link, target), target->endpoint);
    check(natsConnection_JetStream(out_stream, *out_link, options), "JetStream");
}

static bool is_ready(const bench_target *target)
{
    natsConnection *link = NULL;
    jsCtx *stream = NULL;
    jsAccountInfo *info = NULL;
    jsOptions options;
    jsOptions_Init(&options);
    options.Wait = ANSWER_MS;
    natsStatus status = try_connect(&link, target);
    if (status == NATS_OK) {
        status = natsConnection_JetStream(&stream, link, NULL);
    }
    if (status == NATS_OK) {
        status = js_GetAccountInfo(&info, stream, &options, NULL);
    }
    jsAccountInfo_Destroy(info);
    jsCtx_Destroy(stream);
    natsConnection_Destroy(link);
    return status == NATS_OK;
}

static void prepare(const bench_target *target)
{
    natsConnection *link = NULL;
    jsCtx *stream = NULL;
    jsStreamConfig config;
    const char *subjects[] = {SUBJECTS ">"};
    connect_to(&link, &stream, target, NULL);
    jsStreamConfig_Init(&config);
    config.Name = STREAM;
    config.Subjects = subjects;
    config.SubjectsLen = 1;
    config.Storage = js_FileStorage;
    check(js_AddStream(NULL, stream, &config, NULL, NULL), "new stream");
    jsCtx_Destroy(stream);
    natsConnection_Destroy(link);
}

static void on_acknowledgement(jsCtx *stream, natsMsg *message, jsPubAck *acknowledged, jsPubAckErr *refused,
                               void *context)
{
    publisher *self = context;
    (void)stream;
    if (refused != NULL || acknowledged == NULL) {
        bench_fail("nats: publish: %s", refused == NULL ? "no answer" : refused->ErrText);
    }
    pthread_mutex_lock(&self->lock);
    self->numbers[self->head++ % UNDER_WAY_MOST] =
        bench_load_number((ch_str){natsMsg_GetData(message), (size_t)natsMsg_GetDataLength(message)});
    pthread_cond_signal(&self->came);
    pthread_mutex_unlock(&self->lock);
    natsMsg_Destroy(message);
}

static void *publisher_open(const bench_target *target, bench_publisher *owner)
{
    publisher *self = bench_new(1, sizeof *self);
    pthread_condattr_t attributes;
    jsOptions options;
    self->owner = owner;
    pthread_mutex_init(&self->lock, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&self->came, &attributes);
    pthread_condattr_destroy(&attributes);
    jsOptions_Init(&options);
    options.PublishAsync.MaxPending = UNDER_WAY_MOST;
    options.PublishAsync.AckHandler = on_acknowledgement;
    options.PublishAsync.AckHandlerClosure = self;
    connect_to(&self->link, &self->stream, target, &options);
    return self;
}

static void publish(void *handle, const bench_event *event)
{
    publisher *self = handle;
    char subject[64];
    snprintf(subject, sizeof subject, SUBJECTS "%s", event->type);
    check(js_PublishAsync(self->stream, subject, event->bytes.at, (int)event->bytes.size, NULL), "publish");
}

static void publisher_poll(void *handle, int timeout_ms)
{
    publisher *self = handle;
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += timeout_ms / 1000;
    until.tv_nsec += (long)(timeout_ms % 1000) * 1000000;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    pthread_mutex_lock(&self->lock);
    while (self->tail == self->head && timeout_ms > 0 &&
           pthread_cond_timedwait(&self->came, &self->lock, &until) == 0) {
    }
    while (self->tail != self->head) {
        bench_acked(self->owner, self->numbers[self->tail++ % UNDER_WAY_MOST]);
    }
    pthread_mutex_unlock(&self->lock);
}

/* Everything is acknowledged: the library calls back no more. */
static void publisher_close(void *handle)
{
    publisher *self = handle;
    jsCtx_Destroy(self->stream);
    natsConnection_Destroy(self->link);
    pthread_cond_destroy(&self->came);
    pthread_mutex_destroy(&self->lock);
    free(self);
}

static void *subscriber_open(const bench_target *target, bench_subscriber *owner,
                             const bench_interest *interest)
{
    subscriber *self = bench_new(1, sizeof *self);
    jsSubOptions options;
    self->owner = owner;
    connect_to(&self->link, &self->stream, target, NULL);
    jsSubOptions_Init(&options);
    options.Stream = STREAM;
    options.Ordered = true;
    options.Config.DeliverPolicy = interest->from_start ? js_DeliverAll : js_DeliverNew;
    const char *subject = interest->narrow ? SUBJECTS BENCH_NARROW_TYPE : SUBJECTS ">";
    check(js_SubscribeSync(&self->deliveries, self->stream, subject, NULL, &options, NULL), "subscribe");
    check(natsSubscription_SetPendingLimits(self->deliveries, -1, -1), "limits");
    return self;
}

static void subscriber_poll(void *handle, int timeout_ms)
{
    subscriber *self = handle;
    natsMsg *message = NULL;
    for (int i = 0; i < TAKEN_AT_ONCE; i++) {
        if (natsSubscription_NextMsg(&message, self->deliveries, i == 0 ? timeout_ms : 1) != NATS_OK) {
            return;
        }
        bench_received(self->owner,
                       (ch_str){natsMsg_GetData(message), (size_t)natsMsg_GetDataLength(message)});
        natsMsg_Destroy(message);
    }
}

static void subscriber_close(void *handle)
{
    subscriber *self = handle;
    (void)natsSubscription_Unsubscribe(self->deliveries); /* the connection goes anyway */
    natsSubscription_Destroy(self->deliveries);
    jsCtx_Destroy(self->stream);
    natsConnection_Destroy(self->link);
    free(self);
}

const bench_peer bench_nats = {.name = "nats",
                               .is_ready = is_ready,
                               .prepare = prepare,
                               .publisher_open = publisher_open,
                               .publish = publish,
                               .publisher_poll = publisher_poll,
                               .publisher_close = publisher_close,
                               .subscriber_open = subscriber_open,
                               .subscriber_poll = subscriber_poll,
                               .subscriber_close = subscriber_close};
