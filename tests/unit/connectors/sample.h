/* sample.h - a system's samples, and what is kept beside them. */
#ifndef TESTS_UNIT_CONNECTORS_SAMPLE_H
#define TESTS_UNIT_CONNECTORS_SAMPLE_H

#include "tests/unit/connectors/stage.h"

/* The file sample, written at time_ms, becomes what is in golden; so many of its records fail. */
void expect_sample(const char *config, const char *sample, int64_t time_ms, const char *golden,
                   uint64_t failures);

#endif
