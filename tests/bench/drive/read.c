/* Subscribers flat out: what is stored, or what is just being published. */
#include "tests/bench/drive/drive.h"
#include "tests/bench/drive/moment.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#define STUCK_NS (60 * BENCH_SECOND)

static double seconds_since(uint64_t begun)
{
    return (double)(bench_now() - begun) / (double)BENCH_SECOND;
}

void bench_read(const bench_options *options)
{
    const bench_peer *peer = options->peer;
    const bench_interest interest = {.from_start = true, .narrow = options->narrow};
    bench_subscriber subscriber = {.narrow = options->narrow};
    uint64_t begun = bench_now(), moved = begun, received = 0;
    subscriber.handle = peer->subscriber_open(&options->target, &subscriber, &interest);
    while (received < options->events) {
        peer->subscriber_poll(subscriber.handle, 100);
        if (subscriber.received != received) {
            received = subscriber.received;
            moved = bench_now();
        } else if (bench_now() - moved > STUCK_NS) {
            bench_fail("%s: %" PRIu64 " of %" PRIu64 " events received, and no more", peer->name, received,
                       options->events);
        }
    }
    double seconds = seconds_since(begun);
    peer->subscriber_close(subscriber.handle);
    printf("{\"events\": %" PRIu64 ", \"seconds\": %.6f, \"rate\": %.1f}\n", received, seconds,
           (double)received / seconds);
}

typedef struct audience {
    const bench_options *options;
    atomic_bool stop;
    pthread_barrier_t ready;
} audience;

typedef struct listener {
    audience *audience;
    unsigned place;
    bench_subscriber subscriber;
    pthread_t thread;
} listener;

static void *listen_live(void *context)
{
    listener *self = context;
    const bench_options *options = self->audience->options;
    const bench_interest interest = {.districts = options->subscriptions, .place = self->place};
    self->subscriber.handle = options->peer->subscriber_open(&options->target, &self->subscriber, &interest);
    pthread_barrier_wait(&self->audience->ready);
    while (!atomic_load(&self->audience->stop)) {
        options->peer->subscriber_poll(self->subscriber.handle, 20);
    }
    options->peer->subscriber_close(self->subscriber.handle);
    return NULL;
}

static uint64_t received_by_all(const listener *listeners, unsigned count)
{
    uint64_t received = 0;
    for (unsigned i = 0; i < count; i++) {
        received += atomic_load(&listeners[i].subscriber.received);
    }
    return received;
}

static void start_listeners(audience *all, listener *listeners)
{
    unsigned count = all->options->subscribers;
    pthread_barrier_init(&all->ready, NULL, count + 1);
    for (unsigned i = 0; i < count; i++) {
        listeners[i] = (listener){.audience = all, .place = i};
        if (pthread_create(&listeners[i].thread, NULL, listen_live, &listeners[i]) != 0) {
            bench_fail("no thread for subscriber %u of %u", i, count);
        }
    }
    pthread_barrier_wait(&all->ready);
}

static void await_deliveries(const bench_options *options, const listener *listeners, uint64_t wanted)
{
    uint64_t received = 0, before = 0, moved = bench_now();
    while ((received = received_by_all(listeners, options->subscribers)) < wanted) {
        if (received != before) {
            before = received;
            moved = bench_now();
        } else if (bench_now() - moved > STUCK_NS) {
            bench_fail("%s: %" PRIu64 " of %" PRIu64 " deliveries, and no more", options->peer->name,
                       received, wanted);
        }
        bench_sleep(BENCH_MS);
    }
}

/* How many deliveries follow from so many published events. For subscriptions to districts the same load is made once
 * more. */
static uint64_t count_deliveries(const bench_options *options, uint64_t published)
{
    bench_load load;
    uint64_t deliveries = 0;
    if (options->subscriptions == 0) {
        return published * options->subscribers;
    }
    bench_load_init(&load, options->run, 0, 1);
    for (uint64_t i = 0; i < published; i++) {
        deliveries += bench_load_next(&load).district < options->subscriptions;
    }
    return deliveries;
}

void bench_fan_out(const bench_options *options)
{
    const bench_peer *peer = options->peer;
    audience all = {.options = options};
    listener *listeners = bench_new(options->subscribers, sizeof *listeners);
    bench_publisher publisher;
    bench_load load;
    bench_publisher_init(&publisher);
    bench_load_init(&load, options->run, 0, 1);
    start_listeners(&all, listeners);
    publisher.handle = peer->publisher_open(&options->target, &publisher);
    uint64_t begun = bench_now();
    bench_publisher_run(options, &publisher, &load, options->events,
                        begun + (uint64_t)(options->seconds * (double)BENCH_SECOND));
    double publishing = seconds_since(begun);
    uint64_t deliveries = count_deliveries(options, publisher.sent);
    await_deliveries(options, listeners, deliveries);
    double delivering = seconds_since(begun);
    atomic_store(&all.stop, true);
    for (unsigned i = 0; i < options->subscribers; i++) {
        pthread_join(listeners[i].thread, NULL);
    }
    peer->publisher_close(publisher.handle);
    printf("{\"events\": %" PRIu64 ", \"published_rate\": %.1f, \"delivered_rate\": %.1f}\n", publisher.sent,
           (double)publisher.sent / publishing, (double)deliveries / delivering);
    free(listeners);
}
