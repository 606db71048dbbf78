/* bench_core: what the core costs by itself, without disk, socket and thread. See README.md above. */
#include "tests/bench/core/steps.h"
#include "tests/bench/core/town.h"
#include "tests/bench/drive/drive.h"
#include "tests/bench/drive/moment.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>

#define QUESTIONS 4096 /* a power of two */

static bool in_json;

static void print(const char *row, double value, const char *unit)
{
    if (in_json) {
        printf("{\"row\":\"%s\",\"value\":%.3f,\"unit\":\"%s\"}\n", row, value, unit);
    } else {
        printf("%-16s %12.3f %s\n", row, value, unit);
    }
}

void bench_fail(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fputs("bench_core: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    exit(EX_SOFTWARE);
}

static void measure_routing(const char *schemas, double seconds)
{
    ch_rules *rules = NULL;
    ch_error error = {.status = CH_OK};
    static town_case cases[QUESTIONS];
    ch_random_seeded random;
    uint64_t asked = 0, chosen = 0;
    if (town_make(&rules, schemas, &error) != CH_OK) {
        bench_fail("%s: %s", error.where, error.text);
    }
    ch_random_seeded_init(&random, 7);
    for (size_t i = 0; i < QUESTIONS; i++) {
        cases[i] = town_random_case(&random);
    }
    const uint64_t begun = bench_now(), end = begun + (uint64_t)(seconds * (double)BENCH_SECOND);
    uint64_t now;
    do {
        for (size_t i = 0; i < QUESTIONS; i++) {
            const ch_route_question question = town_question(&cases[i]);
            chosen += ch_route_choose(rules, &question, NULL) != NULL;
        }
        asked += QUESTIONS;
        now = bench_now();
    } while (now < end);
    print("routing", (double)(now - begun) / (double)BENCH_US / (double)asked, "us");
    ch_rules_unref(rules);
    if (chosen != asked) {
        bench_fail("a case found no rule");
    }
}

static void measure_steps(const char *schemas, double seconds)
{
    bench_steps steps;
    ch_error error = {.status = CH_OK};
    if (bench_steps_measure(&steps, schemas, seconds, &error) != CH_OK) {
        bench_fail("%s: %s", error.where, error.text);
    }
    print("decides", steps.decides, "/s");
    print("evolves", steps.evolves, "/s");
    print("allocations", steps.allocations, "/event");
}

static int refuse(void)
{
    fprintf(stderr, "usage: bench_core [--seconds S] [--schemas DIR] [--json]\n");
    return EX_USAGE;
}

int main(int argc, char **argv)
{
    const char *schemas = CASEHUB_SOURCE_DIR "/schemas";
    double seconds = 2;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--json") == 0) {
            in_json = true;
        } else if (i + 1 < argc && strcmp(argv[i], "--seconds") == 0) {
            seconds = atof(argv[++i]);
        } else if (i + 1 < argc && strcmp(argv[i], "--schemas") == 0) {
            schemas = argv[++i];
        } else {
            return refuse();
        }
    }
    if (!(seconds > 0 && seconds <= 3600)) {
        return refuse();
    }
    measure_routing(schemas, seconds);
    measure_steps(schemas, seconds);
    return EX_OK;
}
