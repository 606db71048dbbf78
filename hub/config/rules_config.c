#include "hub/config/rules_config.h"

#include "hub/config/rules_files.h"
#include "hub/config/rules_parts.h"

#include <limits.h>
#include <stdio.h>

static const struct {
    bool of_city;
    const char *file;
    ch_status (*read)(ch_rules *rules, const char *file, ch_error *error);
} parts[] = {
    {false, "events.cfg", ch_rules_read_events},  {false, "lifecycle.cfg", ch_rules_read_lifecycle},
    {true, "areas.csv", ch_rules_read_areas},     {true, "categories.csv", ch_rules_read_categories},
    {true, "parties.csv", ch_rules_read_parties}, {true, "routing.cfg", ch_rules_read_routing},
    {true, "sla.cfg", ch_rules_read_clocks},
};

const char *ch_rules_place(ch_rules *rules, const char *file, unsigned line)
{
    char text[128];
    const char *slash = strrchr(file, '/');
    snprintf(text, sizeof text, "%s:%u", slash == NULL ? file : slash + 1, line);
    return ch_arena_str(&rules->arena, ch_str_of(text)).at;
}

/* routing_file NULL: the city's. */
static ch_status read_parts(ch_rules *rules, const char *schemas_dir, const char *city_dir,
                            const char *routing_file, ch_error *error)
{
    char path[PATH_MAX];
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        const char *dir = parts[i].of_city ? city_dir : schemas_dir;
        bool is_given = routing_file != NULL && parts[i].read == ch_rules_read_routing;
        if (snprintf(path, sizeof path, "%s/%s", dir, parts[i].file) >= (int)sizeof path) {
            return ch_error_set(error, CH_INVALID, parts[i].file, "the path to it is too long");
        }
        const char *file = is_given ? routing_file : path;
        ch_status status = ch_rules_note_file(rules, parts[i].of_city, file, error);
        if (status == CH_OK) {
            status = parts[i].read(rules, file, error);
        }
        if (status != CH_OK) {
            return status;
        }
    }
    return ch_rules_check(rules, error);
}

static ch_status keep_or_drop(ch_rules *rules, ch_status status, ch_rules **out_rules)
{
    if (status != CH_OK) {
        ch_rules_unref(rules);
        return status;
    }
    *out_rules = rules;
    return CH_OK;
}

ch_status ch_rules_load_routing(ch_rules **out_rules, const char *schemas_dir, const char *city_dir,
                                const char *routing_file, ch_error *error)
{
    ch_rules *rules = NULL;
    if (ch_rules_new(&rules) != CH_OK) {
        return ch_error_set(error, CH_NO_MEMORY, NULL, "no memory for the rules");
    }
    return keep_or_drop(rules, read_parts(rules, schemas_dir, city_dir, routing_file, error), out_rules);
}

ch_status ch_rules_load(ch_rules **out_rules, const char *schemas_dir, const char *city_dir, ch_error *error)
{
    return ch_rules_load_routing(out_rules, schemas_dir, city_dir, NULL, error);
}

ch_status ch_rules_load_packed(ch_rules **out_rules, const char *schemas_dir, const char *city_dir,
                               ch_error *error)
{
    ch_rules *rules = NULL;
    ch_status status = ch_rules_load(&rules, schemas_dir, city_dir, error);
    return status == CH_OK ? keep_or_drop(rules, ch_rules_pack(rules, error), out_rules) : status;
}

ch_status ch_rules_load_events(ch_rules **out_rules, const char *events_file, ch_error *error)
{
    ch_rules *rules = NULL;
    if (ch_rules_new(&rules) != CH_OK) {
        return ch_error_set(error, CH_NO_MEMORY, NULL, "no memory for the rules");
    }
    return keep_or_drop(rules, ch_rules_read_events(rules, events_file, error), out_rules);
}
