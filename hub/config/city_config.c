/* The city's tables: who there is (parties.csv), where (areas.csv), about what (categories.csv), and who gets
 * what (routing.cfg: hub_code, utc_offset_minutes, routes = ( ... ) in the order in which they are tried). */
#include "hub/config/cfg_file.h"
#include "hub/config/csv.h"
#include "hub/config/rules_parts.h"
#include "hub/config/text_file.h"

#define COLUMNS_MAX 8

#define ABSENT SIZE_MAX

/* A CSV file whose headings are exactly those expected, perhaps without some of the last. */
typedef struct table {
    ch_csv csv;
    const char *file;
    size_t columns[COLUMNS_MAX]; /* ABSENT: it has no such column, every cell of it is empty */
} table;

static ch_status fail_at(const table *in, size_t row, ch_error *error, const char *heading, const char *text)
{
    char where[CH_TEXT_PLACE_SIZE];
    ch_text_place(where, in->file, in->csv.lines[row]);
    return ch_error_set(error, CH_INVALID, where, "%s: %s", heading, text);
}

static ch_status open_table(table *out_table, ch_rules *rules, const char *file, const char *const *headings,
                            size_t required, size_t count, ch_error *error)
{
    size_t known = 0;
    char where[CH_TEXT_PLACE_SIZE];
    ch_text_place(where, file, 1);
    out_table->file = file;
    ch_status status = ch_csv_read(&out_table->csv, &rules->arena, file, error);
    for (size_t i = 0; status == CH_OK && i < count; i++) {
        if (ch_csv_column(&out_table->csv, headings[i], &out_table->columns[i]) == CH_OK) {
            known++;
        } else if (i < required) {
            status = ch_error_set(error, CH_INVALID, where, "there is no column %s", headings[i]);
        } else {
            out_table->columns[i] = ABSENT;
        }
    }
    if (status == CH_OK && out_table->csv.column_count != known) {
        status = ch_error_set(error, CH_INVALID, where, "there are %zu columns where %zu are known",
                              out_table->csv.column_count, known);
    }
    return status;
}

static ch_str cell(const table *in, size_t row, size_t column)
{
    return in->columns[column] == ABSENT ? CH_STR("")
                                         : in->csv.cells[row * in->csv.column_count + in->columns[column]];
}

/* out has room for CH_CODE_MAX bytes. */
static ch_status take_code(const table *in, size_t row, size_t column, const char *heading, bool dotted,
                           bool required, char *out, ch_error *error)
{
    ch_str text = cell(in, row, column);
    if (text.size == 0 ? required : !ch_is_code(text, dotted)) {
        return fail_at(in, row, error, heading, "a code of a-z, 0-9, _ and - is expected");
    }
    return ch_str_copy(out, CH_CODE_MAX + 1, text);
}

static char *keep_text(ch_rules *rules, ch_str text)
{
    char *kept = ch_arena_alloc(&rules->arena, text.size + 1);
    if (kept != NULL && text.size > 0) {
        memcpy(kept, text.at, text.size);
    }
    return kept;
}

static ch_status no_memory(const char *file, ch_error *error)
{
    return ch_error_set(error, CH_NO_MEMORY, file, "no memory to read it");
}

static ch_status take_areas(const table *in, size_t row, size_t column, ch_party *party, ch_error *error)
{
    ch_str rest = cell(in, row, column);
    while (rest.size > 0) {
        const char *space = memchr(rest.at, ' ', rest.size);
        ch_str code = {rest.at, space == NULL ? rest.size : (size_t)(space - rest.at)};
        size_t step = code.size + (space != NULL);
        rest = (ch_str){rest.at + step, rest.size - step};
        if (code.size == 0) {
            continue;
        }
        if (party->area_count == sizeof party->areas / sizeof *party->areas) {
            return fail_at(in, row, error, "areas", "at most 8 prefixes, separated by spaces");
        }
        if (ch_str_copy(party->areas[party->area_count++], sizeof party->areas[0], code) != CH_OK) {
            return fail_at(in, row, error, "areas", "an area has at most 15 digits");
        }
    }
    return CH_OK;
}

/* Who says nothing is always there. */
static ch_status take_duty(const table *in, size_t row, size_t column, ch_party *party, ch_error *error)
{
    ch_str text = cell(in, row, column);
    return text.size == 0 || ch_duty_parse(text, &party->duty) == CH_OK
               ? CH_OK
               : fail_at(in, row, error, "duty",
                         "24h, or days and times such as 1-5 08:30-17:30, are expected, several with ;");
}

static ch_status read_party(ch_rules *rules, const table *in, size_t row, ch_party *party, ch_error *error)
{
    static const char *const kinds[] = {"department", "firm", "organisation", "team", "unit"};
    ch_status status = take_code(in, row, 0, "code", false, true, party->code, error);
    if (status == CH_OK) {
        status = take_code(in, row, 2, "kind", false, true, party->kind, error);
    }
    if (status == CH_OK) {
        status = take_code(in, row, 3, "supervisor", false, false, party->supervisor, error);
    }
    if (status == CH_OK) {
        status = take_areas(in, row, 4, party, error);
    }
    if (status == CH_OK) {
        status = take_duty(in, row, 6, party, error);
    }
    if (status != CH_OK) {
        return status;
    }
    size_t known = 0;
    while (known < sizeof kinds / sizeof *kinds && strcmp(kinds[known], party->kind) != 0) {
        known++;
    }
    if (known == sizeof kinds / sizeof *kinds) {
        return fail_at(in, row, error, "kind", "department, firm, organisation, team or unit is expected");
    }
    party->name = keep_text(rules, cell(in, row, 1));
    party->reach = keep_text(rules, cell(in, row, 5));
    party->duty_said = keep_text(rules, cell(in, row, 6));
    party->place = ch_rules_place(rules, in->file, in->csv.lines[row]);
    return party->name == NULL || party->reach == NULL || party->duty_said == NULL
               ? no_memory(in->file, error)
               : CH_OK;
}

ch_status ch_rules_read_parties(ch_rules *rules, const char *file, ch_error *error)
{
    static const char *const headings[] = {"code", "name", "kind", "supervisor", "areas", "reach", "duty"};
    table in;
    ch_status status = open_table(&in, rules, file, headings, 6, sizeof headings / sizeof *headings, error);
    if (status != CH_OK) {
        return status;
    }
    rules->parties = ch_arena_alloc(&rules->arena, (in.csv.row_count + 1) * sizeof *rules->parties);
    if (rules->parties == NULL) {
        return no_memory(file, error);
    }
    for (size_t row = 0; status == CH_OK && row < in.csv.row_count; row++) {
        status = read_party(rules, &in, row, &rules->parties[rules->party_count++], error);
    }
    return status;
}

ch_status ch_rules_read_categories(ch_rules *rules, const char *file, ch_error *error)
{
    static const char *const headings[] = {"code", "parent", "name"};
    table in;
    ch_status status = open_table(&in, rules, file, headings, 3, sizeof headings / sizeof *headings, error);
    if (status != CH_OK) {
        return status;
    }
    rules->categories = ch_arena_alloc(&rules->arena, (in.csv.row_count + 1) * sizeof *rules->categories);
    if (rules->categories == NULL) {
        return no_memory(file, error);
    }
    for (size_t row = 0; status == CH_OK && row < in.csv.row_count; row++) {
        ch_category *category = &rules->categories[rules->category_count++];
        status = take_code(&in, row, 0, "code", true, true, category->code, error);
        if (status == CH_OK) {
            status = take_code(&in, row, 1, "parent", true, false, category->parent, error);
        }
        category->name = keep_text(rules, cell(&in, row, 2));
        category->place = ch_rules_place(rules, file, in.csv.lines[row]);
        if (status == CH_OK && category->name == NULL) {
            status = no_memory(file, error);
        }
    }
    return status;
}

ch_status ch_rules_read_areas(ch_rules *rules, const char *file, ch_error *error)
{
    static const char *const headings[] = {"code", "name"};
    table in;
    ch_status status = open_table(&in, rules, file, headings, 2, sizeof headings / sizeof *headings, error);
    if (status != CH_OK) {
        return status;
    }
    rules->areas = ch_arena_alloc(&rules->arena, (in.csv.row_count + 1) * sizeof *rules->areas);
    if (rules->areas == NULL) {
        return no_memory(file, error);
    }
    for (size_t row = 0; status == CH_OK && row < in.csv.row_count; row++) {
        ch_area *area = &rules->areas[rules->area_count++];
        if (ch_str_copy(area->code, sizeof area->code, cell(&in, row, 0)) != CH_OK) {
            status = fail_at(&in, row, error, "code", "an area has 2 to 15 digits");
        }
        area->name = keep_text(rules, cell(&in, row, 1));
        area->place = ch_rules_place(rules, file, in.csv.lines[row]);
        if (status == CH_OK && area->name == NULL) {
            status = no_memory(file, error);
        }
    }
    return status;
}

/* Of a list of parties the first is the route's party, the others are `more`. */
static ch_status read_parties(ch_rules *rules, const ch_cfg *cfg, const config_setting_t *at, ch_route *route,
                              ch_error *error)
{
    const config_setting_t *list = NULL;
    ch_status status = ch_cfg_list(cfg, at, "parties", &list, error);
    if (status != CH_OK || list == NULL) {
        return status;
    }
    int count = config_setting_length(list);
    if (route->party[0] != '\0' || count < 1 || count > CH_GROUP_MEMBERS_MAX) {
        return ch_cfg_fail(cfg, list, error, "parties: 1 to %d codes are expected, and no party beside them",
                           CH_GROUP_MEMBERS_MAX);
    }
    route->more = ch_arena_alloc(&rules->arena, (size_t)count * sizeof *route->more);
    if (route->more == NULL) {
        return no_memory(cfg->file, error);
    }
    for (int i = 0; i < count; i++) {
        const char *code = config_setting_get_string_elem(list, i);
        char *out = i == 0 ? route->party : route->more[route->more_count++];
        if (code == NULL || !ch_is_code(ch_str_of(code), false) ||
            ch_str_copy(out, CH_CODE_MAX + 1, ch_str_of(code)) != CH_OK) {
            return ch_cfg_fail(cfg, list, error, "parties: a code is expected");
        }
    }
    return CH_OK;
}

/* all, any or a number. */
static ch_status read_need(const ch_cfg *cfg, const config_setting_t *at, ch_route *route, ch_error *error)
{
    char text[CH_NEED_SIZE] = "";
    int64_t number = 0;
    const config_setting_t *need = config_setting_get_member(at, "need");
    if (need == NULL) {
        return CH_OK;
    }
    route->says_need = true;
    if (config_setting_type(need) != CONFIG_TYPE_STRING) {
        ch_status status = ch_cfg_int(cfg, at, "need", 1, CH_GROUP_MEMBERS_MAX, &number, error);
        route->need = (uint32_t)number;
        return status;
    }
    ch_status status = ch_cfg_text(cfg, at, "need", text, sizeof text, error);
    if (status == CH_OK && ch_need_from_text(ch_str_of(text), &route->need) != CH_OK) {
        return ch_cfg_fail(cfg, need, error, "need: all, any or a number is expected");
    }
    return status;
}

/* One party, or several and how they stand to each other. */
static ch_status read_receivers(ch_rules *rules, const ch_cfg *cfg, const config_setting_t *at,
                                ch_route *route, ch_error *error)
{
    char form[16] = "";
    ch_status status = read_parties(rules, cfg, at, route, error);
    if (status == CH_OK) {
        status = ch_cfg_text(cfg, at, "form", form, sizeof form, error);
    }
    if (status == CH_OK && form[0] != '\0' && ch_form_from_name(ch_str_of(form), &route->form) != CH_OK) {
        status =
            ch_cfg_fail(cfg, config_setting_get_member(at, "form"), error, "form: there is no form %s", form);
    }
    return status == CH_OK ? read_need(cfg, at, route, error) : status;
}

static ch_status read_route(ch_rules *rules, const ch_cfg *cfg, const config_setting_t *at, ch_route *route,
                            ch_error *error)
{
    static const char *const members[] = {"name",     "system", "kind",    "category", "area",
                                          "priority", "party",  "parties", "form",     "need",
                                          "lead",     "reason", "due",     "on_duty",  NULL};
    const struct {
        const char *name;
        char *out;
        size_t size;
    } texts[] = {
        {"name", route->name, sizeof route->name}, {"system", route->system, sizeof route->system},
        {"kind", route->kind, sizeof route->kind}, {"category", route->category, sizeof route->category},
        {"area", route->area, sizeof route->area}, {"party", route->party, sizeof route->party},
        {"lead", route->lead, sizeof route->lead}, {"reason", route->reason, sizeof route->reason},
    };
    int64_t priority = 0;
    ch_status status = ch_cfg_check_members(cfg, at, members, error);
    for (size_t i = 0; status == CH_OK && i < sizeof texts / sizeof *texts; i++) {
        status = ch_cfg_text(cfg, at, texts[i].name, texts[i].out, texts[i].size, error);
        if (status == CH_OK && texts[i].out[0] != '\0' && !ch_is_code(ch_str_of(texts[i].out), true)) {
            status = ch_cfg_fail(cfg, at, error, "%s: a code is expected", texts[i].name);
        }
    }
    if (status == CH_OK) {
        status = read_receivers(rules, cfg, at, route, error);
    }
    if (status == CH_OK) {
        status = ch_cfg_int(cfg, at, "priority", 1, 5, &priority, error);
    }
    if (status == CH_OK) {
        status = ch_cfg_time(cfg, at, "due", &route->due_after_ms, error);
    }
    if (status == CH_OK) {
        status = ch_cfg_flag(cfg, at, "on_duty", &route->on_duty, error);
    }
    if (status == CH_OK && (route->name[0] == '\0' || route->party[0] == '\0')) {
        status = ch_cfg_fail(cfg, at, error, "a route needs a name and a party, or parties");
    }
    route->priority_most = (int)priority;
    route->place = ch_rules_place(rules, cfg->file, config_setting_source_line(at));
    return status;
}

static ch_status read_routing(ch_rules *rules, const ch_cfg *cfg, ch_error *error)
{
    static const char *const members[] = {"hub_code", "utc_offset_minutes", "routes", NULL};
    const config_setting_t *root = config_root_setting(&cfg->config), *list = NULL;
    int64_t offset = 0;
    ch_status status = ch_cfg_check_members(cfg, root, members, error);
    if (status == CH_OK) {
        status = ch_cfg_text(cfg, root, "hub_code", rules->hub_code, sizeof rules->hub_code, error);
    }
    if (status == CH_OK) {
        status = ch_cfg_int(cfg, root, "utc_offset_minutes", -840, 840, &offset, error);
    }
    if (status == CH_OK) {
        status = ch_cfg_list(cfg, root, "routes", &list, error);
    }
    size_t count = status != CH_OK || list == NULL ? 0 : (size_t)config_setting_length(list);
    rules->utc_offset_minutes = (int)offset;
    rules->routes = ch_arena_alloc(&rules->arena, (count + 1) * sizeof *rules->routes);
    if (rules->routes == NULL) {
        return no_memory(cfg->file, error);
    }
    for (; status == CH_OK && rules->route_count < count; rules->route_count++) {
        status = read_route(rules, cfg, config_setting_get_elem(list, (unsigned)rules->route_count),
                            &rules->routes[rules->route_count], error);
    }
    return status;
}

ch_status ch_rules_read_routing(ch_rules *rules, const char *file, ch_error *error)
{
    ch_cfg cfg;
    ch_status status = ch_cfg_open(&cfg, file, error);
    if (status == CH_OK) {
        status = read_routing(rules, &cfg, error);
        ch_cfg_close(&cfg);
    }
    return status;
}
