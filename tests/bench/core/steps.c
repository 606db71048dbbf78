#include "tests/bench/core/steps.h"

#include "hub/config/rules_config.h"
#include "hub/model/decide.h"
#include "tests/bench/core/allocations.h"
#include "tests/bench/drive/load.h"
#include "tests/bench/drive/moment.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#define CASES_MOST 20000 /* then the load begins again; it speaks of its last 10,000 */
#define NOW_MS INT64_C(1795400820000)

/* A hub of cases in an array. The load numbers its cases as the hub does: its refs are looked up by their number. */
typedef struct town_hall {
    ch_rules *rules;
    ch_decision *decision;
    ch_case **cases; /* by number */
    uint64_t case_count, sequence;
    uint64_t decide_ns, evolve_ns, decided, evolved, allocations;
} town_hall;

static ch_status case_by_number(void *context, uint64_t number, const ch_case **out_case)
{
    const town_hall *of = context;
    if (number == 0 || number > of->case_count) {
        return CH_NOT_FOUND;
    }
    *out_case = of->cases[number];
    return CH_OK;
}

static ch_status case_by_ref(void *context, ch_str source, ch_str ref, uint64_t *out_number)
{
    const town_hall *of = context;
    uint64_t number = 0;
    (void)source;
    for (size_t i = 0; i < ref.size; i++) {
        number = ref.at[i] >= '0' && ref.at[i] <= '9' ? number * 10 + (uint64_t)(ref.at[i] - '0') : 0;
    }
    *out_number = number;
    return number >= 1 && number <= of->case_count ? CH_OK : CH_NOT_FOUND;
}

/* The hub's is keyed and costs more; it is libsodium's, not the core's. */
static ch_status digest(void *context, uint64_t number, ch_str bytes, uint8_t out_digest[8])
{
    (void)context;
    ch_put_be64(out_digest, number * UINT64_C(0x9e3779b97f4a7c15) ^ bytes.size);
    return CH_OK;
}

static ch_status decide(town_hall *of, const bench_event *load, ch_error *error)
{
    ch_event event;
    const ch_view view = {.context = of,
                          .case_by_number = case_by_number,
                          .case_by_ref = case_by_ref,
                          .digest = digest,
                          .next_case = of->case_count + 1,
                          .next_sequence = of->sequence + 1,
                          .epoch = 1};
    const ch_intake intake = {.event = &event, .role = CH_ROLE_CONNECTOR, .actor = CH_STR("bench")};
    ch_status status = ch_event_decode(load->bytes, CH_EVENT_PRODUCED, &event, error);
    if (status == CH_OK) {
        status = ch_schema_check(of->rules->schema, &event, false, error);
    }
    return status == CH_OK ? ch_decide(of->decision, of->rules, &view, &intake, NOW_MS, error) : status;
}

static ch_status evolve(town_hall *of)
{
    for (size_t i = 0; i < of->decision->count; i++) {
        const ch_decided *decided = &of->decision->events[i];
        if (decided->opens_case) {
            ch_case_clear(of->cases[decided->case_number]);
            of->case_count = decided->case_number;
        }
        of->sequence = decided->event.sequence;
        ch_status status =
            ch_case_evolve(of->cases[decided->case_number], decided->case_number, &decided->event);
        if (status != CH_OK) {
            return status;
        }
    }
    return CH_OK;
}

static ch_status step(town_hall *of, const bench_event *load, ch_error *error)
{
    const uint64_t begun = bench_now();
    ch_status status = decide(of, load, error);
    if (status != CH_OK) {
        return status;
    }
    const uint64_t decided = bench_now();
    if (evolve(of) != CH_OK) {
        return ch_error_set(error, CH_CORRUPT, "evolve", "does not take what decide made");
    }
    of->decide_ns += decided - begun;
    of->evolve_ns += bench_now() - decided;
    of->decided++;
    of->evolved += of->decision->count;
    return CH_OK;
}

/* From the first case to the last that there is room for. */
static ch_status run_once(town_hall *of, ch_error *error)
{
    bench_load load;
    ch_status status = CH_OK;
    bench_load_init(&load, "core", 0, 1);
    of->case_count = of->sequence = 0;
    while (status == CH_OK && of->case_count < CASES_MOST) {
        const bench_event event = bench_load_next(&load);
        status = step(of, &event, error);
    }
    return status;
}

/* The first run makes the cases; the figures are of the others. */
static ch_status run(town_hall *of, double seconds, ch_error *error)
{
    ch_status status = run_once(of, error);
    of->decide_ns = of->evolve_ns = of->decided = of->evolved = 0;
    const uint64_t before = bench_allocations(), begun = bench_now();
    while (status == CH_OK && (double)(bench_now() - begun) < seconds * (double)BENCH_SECOND) {
        status = run_once(of, error);
    }
    of->allocations = bench_allocations() - before;
    return status;
}

static ch_status make_cases(town_hall *of)
{
    of->cases = calloc(CASES_MOST + 1, sizeof(ch_case *));
    ch_status status = of->cases == NULL ? CH_NO_MEMORY : ch_decision_new(&of->decision);
    for (size_t i = 1; status == CH_OK && i <= CASES_MOST; i++) {
        status = ch_case_new(&of->cases[i]);
    }
    return status;
}

static void close_hall(town_hall *of)
{
    for (size_t i = 0; of->cases != NULL && i <= CASES_MOST; i++) {
        ch_case_free(of->cases[i]);
    }
    free(of->cases);
    ch_decision_free(of->decision);
    ch_rules_unref(of->rules);
}

ch_status bench_steps_measure(bench_steps *out_steps, const char *schemas_dir, double seconds,
                              ch_error *error)
{
    char city[PATH_MAX];
    town_hall hall = {.rules = NULL};
    snprintf(city, sizeof city, "%s/city", schemas_dir);
    ch_status status = ch_rules_load(&hall.rules, schemas_dir, city, error);
    if (status == CH_OK && make_cases(&hall) != CH_OK) {
        status = ch_error_set(error, CH_NO_MEMORY, NULL, "no memory for the cases");
    }
    if (status == CH_OK) {
        status = run(&hall, seconds, error);
    }
    if (status == CH_OK) {
        *out_steps =
            (bench_steps){.decides = (double)hall.decided * (double)BENCH_SECOND / (double)hall.decide_ns,
                          .evolves = (double)hall.evolved * (double)BENCH_SECOND / (double)hall.evolve_ns,
                          .allocations = (double)hall.allocations / (double)hall.decided};
    }
    close_hall(&hall);
    return status;
}
