/* Waiting for a server that is just starting. */
#include "tests/bench/drive/drive.h"
#include "tests/bench/drive/moment.h"

#include <inttypes.h>
#include <stdio.h>

#define PATIENCE_NS (120 * BENCH_SECOND)

static void await(const bench_options *options)
{
    uint64_t until = bench_now() + PATIENCE_NS;
    while (!options->peer->is_ready(&options->target)) {
        if (bench_now() > until) {
            bench_fail("%s does not answer at %s", options->peer->name, options->target.endpoint);
        }
        bench_sleep(BENCH_MS);
    }
}

void bench_await(const bench_options *options)
{
    await(options);
    printf("{\"moment\": %" PRIu64 "}\n", bench_now());
}

void bench_prepare(const bench_options *options)
{
    if (options->peer->prepare != NULL) {
        options->peer->prepare(&options->target);
    }
    printf("{\"moment\": %" PRIu64 "}\n", bench_now());
}

/* Its first answer is the acknowledgement of an event: only then can people work again. */
void bench_first(const bench_options *options)
{
    bench_publisher publisher;
    bench_load load;
    bench_publisher_init(&publisher);
    bench_load_init(&load, options->run, 0, 1);
    await(options);
    publisher.handle = options->peer->publisher_open(&options->target, &publisher);
    bench_publisher_run(options, &publisher, &load, 1, 0);
    printf("{\"moment\": %" PRIu64 "}\n", bench_now());
    options->peer->publisher_close(publisher.handle);
}
