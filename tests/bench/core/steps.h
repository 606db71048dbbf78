/* steps.h - the benchmark's load through the core: decoded, judged, folded; nothing is stored.
 */
#ifndef BENCH_STEPS_H
#define BENCH_STEPS_H

#include "hub/base/status.h"

typedef struct bench_steps {
    double decides;     /* events a second: ch_event_decode, ch_schema_check and ch_decide */
    double evolves;     /* events a second: ch_case_evolve */
    double allocations; /* of an event, in all of these, once the cases are there */
} bench_steps;

/* With the demo city's rules in schemas_dir. */
ch_status bench_steps_measure(bench_steps *out_steps, const char *schemas_dir, double seconds,
                              ch_error *error) CH_MUST_CHECK;

#endif
