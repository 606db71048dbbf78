/* format_bench.h - a format between lines of a character set and a list of what came out. */
#ifndef TESTS_UNIT_CONNECTORS_FORMAT_BENCH_H
#define TESTS_UNIT_CONNECTORS_FORMAT_BENCH_H

#include "tests/unit/connectors/stage.h"

typedef struct bench {
    stage on;
    const casehub_format *format;
    casehub_value values[8];
    void *state;
    casehub_sink sink;
    size_t record_most;
    const char *charset;
    bool with_raw;
    int result;
} bench;

/* Once format, values, record_most and charset are set, and the bench stays where it is. */
void bench_open(bench *b);
/* The bytes in pieces of every size, which must not matter, become what is wanted: a line each, "line@offset json" or
 * "line@offset !code field: reason", and "[raw]" when with_raw. */
void bench_expect_bytes(bench *b, const char *bytes, size_t size, const char *wanted);
void bench_expect(bench *b, const char *bytes, const char *wanted);

#endif
