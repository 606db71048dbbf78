#include "tests/unit/connectors/sample.h"

#include "connectors/host/checker.h"

#include <stdio.h>

/* The version changes with every line of a table; what is compared are the events. */
static void blank_version(char *text)
{
    const char *name = "\"mapping\":\"";
    for (char *at = text; (at = strstr(at, name)) != NULL; at += strlen(name)) {
        memset(at + strlen(name), '-', CH_MAPPING_VERSION_SIZE - 1);
    }
}

void expect_sample(const char *config_file, const char *sample, int64_t time_ms, const char *golden,
                   uint64_t failures)
{
    static char wanted[64 * 1024], got[64 * 1024];
    ch_connector_config *config = NULL;
    ch_check_totals totals = {.records = 0};
    ch_error error = {.status = CH_OK};
    FILE *out = fmemopen(got, sizeof got, "w");
    assert_non_null(out);
    ch_status status = ch_connector_config_read(&config, config_file, NULL, &error);
    if (status == CH_OK) {
        status = ch_checker_run(config, sample, time_ms, ch_clock_real(), out, &totals, &error);
    }
    if (status != CH_OK) {
        fail_msg("%s: %s", error.where, error.text);
    }
    assert_int_equal(fclose(out), 0);
    ch_connector_config_free(config);
    stage_read(golden, wanted, sizeof wanted);
    blank_version(wanted);
    blank_version(got);
    assert_string_equal(got, wanted);
    assert_int_equal(totals.failures, failures);
}
