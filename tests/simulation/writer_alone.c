#include "tests/simulation/writer_alone.h"

#include "tests/unit/check.h"

#include "hub/base/diag.h"
#include "hub/config/rules_config.h"

#define MAP ((size_t)16 << 20)

void writer_set_up(machine *of, bool commits_beside)
{
    ch_rules *rules;
    ch_error error;
    ch_diag_setup("simulation", (ch_diag_level)(CH_DIAG_ERROR + 1));
    assert_ok(
        ch_rules_load(&rules, CASEHUB_SOURCE_DIR "/schemas", CASEHUB_SOURCE_DIR "/schemas/city", &error),
        &error);
    machine_init(of, 1, rules);
    of->map_bytes = MAP;
    of->commit_events = 65536;
    of->commits_beside = commits_beside;
    assert_ok(machine_start(of), &of->error);
}

int writer_tear_down(void **state)
{
    machine *of = *state;
    ch_rules *rules = of->rules;
    machine_done(of);
    ch_rules_unref(rules);
    return 0;
}
