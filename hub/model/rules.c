#include "hub/model/rules.h"

#include <stdlib.h>

#define ARENA_LIMIT ((size_t)64 * 1024 * 1024)

ch_status ch_rules_new(ch_rules **out_rules)
{
    ch_rules *rules = calloc(1, sizeof *rules);
    if (rules == NULL) {
        return CH_NO_MEMORY;
    }
    if (ch_schema_new(&rules->schema) != CH_OK) {
        free(rules);
        return CH_NO_MEMORY;
    }
    ch_arena_init(&rules->arena, ARENA_LIMIT);
    atomic_init(&rules->references, 1);
    *out_rules = rules;
    return CH_OK;
}

ch_rules *ch_rules_ref(ch_rules *rules)
{
    atomic_fetch_add_explicit(&rules->references, 1, memory_order_relaxed);
    return rules;
}

void ch_rules_unref(ch_rules *rules)
{
    if (rules == NULL || atomic_fetch_sub_explicit(&rules->references, 1, memory_order_acq_rel) != 1) {
        return;
    }
    ch_schema_free(rules->schema);
    ch_arena_done(&rules->arena);
    free(rules);
}

/* Every sorted table's rows begin with their code. */
static const void *find_by_code(const void *rows, size_t count, size_t size, ch_str code)
{
    size_t low = 0, high = count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        const char *row = (const char *)rows + middle * size;
        int order = ch_str_compare(ch_str_of(row), code);
        if (order == 0) {
            return row;
        }
        if (order < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return NULL;
}

_Static_assert(offsetof(ch_party, code) == 0 && offsetof(ch_category, code) == 0 &&
                   offsetof(ch_area, code) == 0,
               "tables are searched by what their rows begin with");

const ch_party *ch_rules_party(const ch_rules *rules, ch_str code)
{
    return find_by_code(rules->parties, rules->party_count, sizeof *rules->parties, code);
}

const ch_category *ch_rules_category(const ch_rules *rules, ch_str code)
{
    return find_by_code(rules->categories, rules->category_count, sizeof *rules->categories, code);
}

const ch_area *ch_rules_area(const ch_rules *rules, ch_str code)
{
    return find_by_code(rules->areas, rules->area_count, sizeof *rules->areas, code);
}

bool ch_rules_on_duty(const ch_rules *rules, ch_str party, int64_t time_ms)
{
    const ch_party *found = ch_rules_party(rules, party);
    int64_t local_ms = time_ms + rules->utc_offset_minutes * CH_MINUTE_MS;
    return found != NULL && (time_ms == 0 || ch_duty_holds(&found->duty, local_ms));
}

/* There are few, and their order is that of the file. */
const ch_clock_rule *ch_rules_clock(const ch_rules *rules, ch_str name)
{
    for (size_t i = 0; i < rules->clock_count; i++) {
        if (ch_str_is(name, rules->clocks[i].name)) {
            return &rules->clocks[i];
        }
    }
    return NULL;
}

bool ch_clock_is_miscounted(const ch_rules *rules, const ch_case_clock *clock, int64_t *out_due_ms)
{
    const ch_clock_rule *rule = ch_rules_clock(rules, ch_str_of(clock->rule));
    int64_t from_ms = clock->resumed_ms != 0 ? clock->resumed_ms : clock->started_ms;
    if (rule == NULL || clock->state != CH_CLOCK_RUNNING || clock->given == 0) {
        return false;
    }
    if (ch_clock_rule_due_again(rule, from_ms, ch_clock_rule_has(rule, clock), out_due_ms) != CH_OK) {
        *out_due_ms = 0;
    }
    return *out_due_ms != clock->due_ms;
}
