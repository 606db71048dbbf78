/* Open loop: an event is due every 1/rate seconds whatever became of the earlier ones. Times count from when it was
 * due, so that a server, or a sender, that falls behind is charged for all that waits. */
#include "tests/bench/drive/drive.h"
#include "tests/bench/drive/moment.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#define WARM_UP_SECONDS 0.5
#define SETTLE_NS (10 * BENCH_SECOND)

typedef struct measurement {
    const bench_options *options;
    bench_publisher publisher;
    bench_subscriber subscriber;
    uint64_t warm; /* events up to this number are sent, not counted */
    atomic_bool stop;
    pthread_barrier_t ready;
} measurement;

void bench_received(bench_subscriber *subscriber, ch_str encoded)
{
    if (subscriber->narrow && !bench_load_is_narrow(encoded)) {
        return; /* a peer that cannot choose leaves it to its clients */
    }
    subscriber->received++;
    uint64_t number = subscriber->arrivals == NULL ? 0 : bench_load_number(encoded);
    if (number > subscriber->first_counted) {
        bench_histogram_add(subscriber->arrivals,
                            bench_now() - subscriber->publisher->planned[number % BENCH_PLANNED]);
    }
}

static void *subscribe(void *context)
{
    measurement *run = context;
    const bench_peer *peer = run->options->peer;
    const bench_interest interest = {.from_start = false};
    run->subscriber.handle = peer->subscriber_open(&run->options->target, &run->subscriber, &interest);
    pthread_barrier_wait(&run->ready);
    while (!atomic_load(&run->stop)) {
        peer->subscriber_poll(run->subscriber.handle, 20);
    }
    peer->subscriber_close(run->subscriber.handle);
    return NULL;
}

/* Takes acknowledgements until it is time to send. A poll counts in milliseconds, so the last of them is slept
 * through in short pieces. */
static void wait_until(measurement *run, uint64_t due)
{
    const bench_peer *peer = run->options->peer;
    bench_publisher *publisher = &run->publisher;
    for (uint64_t now = bench_now(); now < due; now = bench_now()) {
        uint64_t left = due - now;
        if (publisher->acked == publisher->sent) {
            bench_sleep_until(due);
        } else if (left > 700 * BENCH_US) {
            peer->publisher_poll(publisher->handle, (int)((left + 300 * BENCH_US) / BENCH_MS));
        } else {
            peer->publisher_poll(publisher->handle, 0);
            bench_sleep_until(left > 60 * BENCH_US ? bench_now() + 15 * BENCH_US : due);
        }
    }
}

static void send_all(measurement *run, uint64_t events)
{
    const bench_options *options = run->options;
    bench_publisher *publisher = &run->publisher;
    bench_load load;
    bench_histogram *counted = publisher->acks, *ignored = bench_new(1, sizeof *ignored);
    uint64_t period = (uint64_t)((double)BENCH_SECOND / options->rate), begin = bench_now() + BENCH_MS;
    bench_load_init(&load, options->run, 0, 1);
    publisher->acks = ignored;
    for (uint64_t i = 0; i < events; i++) {
        uint64_t due = begin + i * period;
        wait_until(run, due);
        if (i == run->warm) {
            publisher->acks = counted;
        }
        const bench_event event = bench_load_next(&load);
        publisher->planned[event.number % BENCH_PLANNED] = due;
        publisher->sent = event.number;
        options->peer->publish(publisher->handle, &event);
        options->peer->publisher_poll(publisher->handle, 0);
    }
    free(ignored);
}

static void settle(measurement *run)
{
    bench_publisher *publisher = &run->publisher;
    uint64_t until = bench_now() + SETTLE_NS;
    while (publisher->acked < publisher->sent && bench_now() < until) {
        run->options->peer->publisher_poll(publisher->handle, 100);
    }
    while (atomic_load(&run->subscriber.received) < publisher->sent && bench_now() < until) {
        bench_sleep(5 * BENCH_MS);
    }
    if (publisher->acked < publisher->sent || atomic_load(&run->subscriber.received) < publisher->sent) {
        bench_fail("%s: of %" PRIu64 " events %" PRIu64 " were acknowledged and %" PRIu64 " received",
                   run->options->peer->name, publisher->sent, publisher->acked, run->subscriber.received);
    }
}

static void print_latencies(const measurement *run)
{
    const bench_histogram *acks = run->publisher.acks, *arrivals = run->subscriber.arrivals;
    printf("{\"events\": %" PRIu64 ", \"ack_p50\": %.1f, \"ack_p99\": %.1f, \"ack_p999\": %.1f, "
           "\"receive_p50\": %.1f, \"receive_p99\": %.1f, \"receive_p999\": %.1f}\n",
           acks->count, bench_histogram_us(acks, 50), bench_histogram_us(acks, 99),
           bench_histogram_us(acks, 99.9), bench_histogram_us(arrivals, 50), bench_histogram_us(arrivals, 99),
           bench_histogram_us(arrivals, 99.9));
}

void bench_latency(const bench_options *options)
{
    measurement run = {.options = options, .warm = (uint64_t)(options->rate * WARM_UP_SECONDS)};
    pthread_t thread;
    bench_publisher_init(&run.publisher);
    run.publisher.planned = bench_new(BENCH_PLANNED, sizeof *run.publisher.planned);
    run.publisher.acks = bench_new(1, sizeof *run.publisher.acks);
    run.subscriber.arrivals = bench_new(1, sizeof *run.subscriber.arrivals);
    run.subscriber.publisher = &run.publisher;
    run.subscriber.first_counted = run.warm;
    run.publisher.handle = options->peer->publisher_open(&options->target, &run.publisher);
    pthread_barrier_init(&run.ready, NULL, 2);
    if (pthread_create(&thread, NULL, subscribe, &run) != 0) {
        bench_fail("no thread for the subscriber");
    }
    pthread_barrier_wait(&run.ready);
    send_all(&run, run.warm + (uint64_t)(options->rate * options->seconds));
    settle(&run);
    atomic_store(&run.stop, true);
    pthread_join(thread, NULL);
    options->peer->publisher_close(run.publisher.handle);
    print_latencies(&run);
    free(run.publisher.planned);
    free(run.publisher.acks);
    free(run.subscriber.arrivals);
}
