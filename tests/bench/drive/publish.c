/* Publishing flat out: so many publishers, a thread each, never more than the window unanswered. */
#include "tests/bench/drive/drive.h"
#include "tests/bench/drive/moment.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#define STACK_BYTES (1024 * 1024)
#define STUCK_NS (60 * BENCH_SECOND)
#define POLL_MS 100

void bench_acked(bench_publisher *publisher, uint64_t number)
{
    publisher->acked++;
    if (publisher->acks != NULL) {
        bench_histogram_add(publisher->acks, bench_now() - publisher->planned[number % BENCH_PLANNED]);
    }
}

void bench_acked_upto(bench_publisher *publisher, uint64_t number)
{
    if (publisher->acks == NULL && publisher->next <= number) {
        publisher->acked += number + 1 - publisher->next;
        publisher->next = number + 1;
    }
    while (publisher->next <= number) {
        bench_acked(publisher, publisher->next++);
    }
}

void bench_publisher_init(bench_publisher *publisher)
{
    *publisher = (bench_publisher){.next = 1};
}

void bench_publisher_run(const bench_options *options, bench_publisher *publisher, bench_load *load,
                         uint64_t events, uint64_t until)
{
    const bench_peer *peer = options->peer;
    uint64_t acked = 0, moved = bench_now();
    for (;;) {
        uint64_t now = bench_now();
        bool over = events > 0 ? publisher->sent >= events : now >= until;
        if (over && publisher->acked == publisher->sent) {
            return;
        }
        if (publisher->acked != acked) {
            acked = publisher->acked;
            moved = now;
        } else if (now - moved > STUCK_NS) {
            bench_fail("%s: %" PRIu64 " of %" PRIu64 " events acknowledged, and no more", peer->name, acked,
                       publisher->sent);
        }
        while (!over && publisher->sent - publisher->acked < options->target.window) {
            const bench_event event = bench_load_next(load);
            publisher->sent = event.number;
            peer->publish(publisher->handle, &event);
            over = events > 0 && publisher->sent >= events;
        }
        peer->publisher_poll(publisher->handle, POLL_MS);
    }
}

/* What the threads of one run share. */
typedef struct crowd {
    const bench_options *options;
    pthread_barrier_t begin, end;
    uint64_t until;
} crowd;

typedef struct member {
    crowd *crowd;
    unsigned place;
    bench_publisher publisher;
    pthread_t thread;
} member;

static void *publish(void *context)
{
    member *self = context;
    crowd *all = self->crowd;
    const bench_options *options = all->options;
    bench_load load;
    bench_publisher_init(&self->publisher);
    bench_load_init(&load, options->run, self->place, options->publishers);
    self->publisher.handle = options->peer->publisher_open(&options->target, &self->publisher);
    pthread_barrier_wait(&all->begin); /* all are connected */
    pthread_barrier_wait(&all->begin); /* and the time is known */
    bench_publisher_run(options, &self->publisher, &load, options->events / options->publishers, all->until);
    pthread_barrier_wait(&all->end);
    options->peer->publisher_close(self->publisher.handle);
    return NULL;
}

static void start_all(crowd *all, member *members)
{
    pthread_attr_t attributes;
    unsigned count = all->options->publishers;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, STACK_BYTES);
    pthread_barrier_init(&all->begin, NULL, count + 1);
    pthread_barrier_init(&all->end, NULL, count + 1);
    for (unsigned i = 0; i < count; i++) {
        members[i] = (member){.crowd = all, .place = i};
        if (pthread_create(&members[i].thread, &attributes, publish, &members[i]) != 0) {
            bench_fail("no thread for publisher %u of %u", i, count);
        }
    }
    pthread_attr_destroy(&attributes);
}

void bench_publish(const bench_options *options)
{
    crowd all = {.options = options};
    member *members = bench_new(options->publishers, sizeof *members);
    uint64_t events = 0;
    start_all(&all, members);
    pthread_barrier_wait(&all.begin);
    uint64_t begun = bench_now();
    all.until = begun + (uint64_t)(options->seconds * (double)BENCH_SECOND);
    pthread_barrier_wait(&all.begin);
    pthread_barrier_wait(&all.end);
    double seconds = (double)(bench_now() - begun) / (double)BENCH_SECOND;
    for (unsigned i = 0; i < options->publishers; i++) {
        events += members[i].publisher.acked;
        pthread_join(members[i].thread, NULL);
    }
    printf("{\"events\": %" PRIu64 ", \"seconds\": %.6f, \"rate\": %.1f}\n", events, seconds,
           (double)events / seconds);
    free(members);
}
