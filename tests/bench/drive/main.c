/* bench_drive: puts one load on one server and prints one JSON object. Started by tests/bench/run; by hand:
 *
 *     bench_drive publish --peer casehub --endpoint ipc:///tmp/hub.ipc --publishers 8 --seconds 4
 */
#include "tests/bench/drive/drive.h"
#include "tests/bench/drive/moment.h"

#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>

static const struct {
    const char *name;
    void (*run)(const bench_options *options);
    const char *help;
} workloads[] = {
    {"publish", bench_publish, "flat out, until --seconds are over or --events are published"},
    {"latency", bench_latency, "--rate events a second for --seconds"},
    {"read", bench_read, "--events stored ones by one subscriber"},
    {"fan-out", bench_fan_out, "one publisher flat out, --subscribers get everything"},
    {"first", bench_first, "waits for the server; the moment of its first acknowledgement"},
    {"await", bench_await, "waits for the server"},
    {"prepare", bench_prepare, "makes the empty table, stream or queue"},
};
#define WORKLOAD_COUNT (sizeof workloads / sizeof *workloads)

void bench_fail(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fputs("bench_drive: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    fflush(NULL);
    _Exit(1); /* other threads are at work: no handlers */
}

void *bench_new(size_t count, size_t size)
{
    void *made = calloc(count, size);
    if (made == NULL) {
        bench_fail("out of memory");
    }
    return made;
}

static void print_help(FILE *out)
{
    fputs("bench_drive WORKLOAD --peer NAME --endpoint WHERE [--mode HOW] [--key FILE] [--run WORD]\n"
          "            [--publishers N] [--subscribers N] [--subscriptions N] [--window N] [--events N] "
          "[--seconds S] [--rate N] "
          "[--narrow]\n"
          "\n"
          "workloads:\n",
          out);
    for (size_t i = 0; i < WORKLOAD_COUNT; i++) {
        fprintf(out, "  %-8s  %s\n", workloads[i].name, workloads[i].help);
    }
    fputs("peers:", out);
    for (const bench_peer *const *peer = bench_peers; *peer != NULL; peer++) {
        fprintf(out, " %s", (*peer)->name);
    }
    fputs("\n", out);
}

static const bench_peer *find_peer(const char *name)
{
    for (const bench_peer *const *peer = bench_peers; *peer != NULL; peer++) {
        if (strcmp((*peer)->name, name) == 0) {
            return *peer;
        }
    }
    bench_fail("peer %s is not built in; --help lists them", name);
}

static double number(const char *option, const char *text, double least, double most)
{
    char *end;
    double value = strtod(text, &end);
    if (end == text || *end != '\0' || !(value >= least && value <= most)) {
        bench_fail("--%s %s: a number of %g to %g is wanted", option, text, least, most);
    }
    return value;
}

typedef enum choice {
    PEER,
    ENDPOINT,
    MODE,
    KEY,
    RUN,
    PUBLISHERS,
    SUBSCRIBERS,
    SUBSCRIPTIONS,
    WINDOW,
    EVENTS,
    SECONDS,
    RATE,
    NARROW,
    HELP
} choice;

static const struct option known[] = {
    {"peer", required_argument, NULL, PEER},
    {"endpoint", required_argument, NULL, ENDPOINT},
    {"mode", required_argument, NULL, MODE},
    {"key", required_argument, NULL, KEY},
    {"run", required_argument, NULL, RUN},
    {"publishers", required_argument, NULL, PUBLISHERS},
    {"subscribers", required_argument, NULL, SUBSCRIBERS},
    {"subscriptions", required_argument, NULL, SUBSCRIPTIONS},
    {"window", required_argument, NULL, WINDOW},
    {"events", required_argument, NULL, EVENTS},
    {"seconds", required_argument, NULL, SECONDS},
    {"rate", required_argument, NULL, RATE},
    {"narrow", no_argument, NULL, NARROW},
    {"help", no_argument, NULL, HELP},
    {NULL, 0, NULL, 0},
};

static void take(bench_options *options, choice what, const char *name, const char *text)
{
    switch (what) {
    case PEER: options->peer = find_peer(text); break;
    case ENDPOINT: options->target.endpoint = text; break;
    case MODE: options->target.mode = text; break;
    case KEY: options->target.key_file = text; break;
    case RUN: options->run = text; break;
    case PUBLISHERS: options->publishers = (unsigned)number(name, text, 1, 1000); break;
    case SUBSCRIBERS: options->subscribers = (unsigned)number(name, text, 1, 1000); break;
    case SUBSCRIPTIONS: options->subscriptions = (unsigned)number(name, text, 1, BENCH_DISTRICTS); break;
    case WINDOW: options->target.window = (unsigned)number(name, text, 1, 32768); break;
    case EVENTS: options->events = (uint64_t)number(name, text, 0, 1e9); break;
    case SECONDS: options->seconds = number(name, text, 0.01, 3600); break;
    case RATE: options->rate = number(name, text, 1, 30000); break;
    case NARROW: options->narrow = true; break;
    case HELP: print_help(stdout); exit(0);
    }
}

static void read_options(bench_options *options, int argc, char **argv)
{
    int index = 0, what;
    while ((what = getopt_long(argc, argv, "", known, &index)) != -1) {
        if (what == '?') {
            print_help(stderr);
            exit(64);
        }
        take(options, (choice)what, known[index].name, optarg);
    }
    if (options->peer == NULL || options->target.endpoint == NULL || argc - optind != 1) {
        print_help(stderr);
        exit(64);
    }
    options->target.subscribers = options->subscribers;
}

/* Hundreds of connections need their descriptors; sleeps shall end when they are due. */
static void prepare_process(void)
{
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &files); /* it goes on with fewer */
    }
    prctl(PR_SET_TIMERSLACK, 1UL);
}

int main(int argc, char **argv)
{
    char run[32];
    bench_options options = {.target = {.mode = "", .window = 256},
                             .run = run,
                             .publishers = 1,
                             .subscribers = 1,
                             .seconds = 4,
                             .rate = 1000};
    snprintf(run, sizeof run, "b%llx", (unsigned long long)bench_now());
    read_options(&options, argc, argv);
    prepare_process();
    for (size_t i = 0; i < WORKLOAD_COUNT; i++) {
        if (strcmp(workloads[i].name, argv[optind]) == 0) {
            workloads[i].run(&options);
            return 0;
        }
    }
    bench_fail("%s is no workload; --help lists them", argv[optind]);
}
