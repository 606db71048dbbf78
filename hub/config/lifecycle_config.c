/* lifecycle.cfg: hops, rejections; duplicates = { within, similar }; cases = ( transitions of cases ), handoffs = ( transitions of handoffs ). */
#include "hub/config/cfg_file.h"
#include "hub/config/rules_parts.h"

#include "hub/model/sketch.h"

#define ALL_ACTIVE "active"

/* A state's number by its name. */
typedef bool state_finder(ch_str name, unsigned *out_state);

static bool find_case_state(ch_str name, unsigned *out_state)
{
    ch_case_state state;
    bool found = ch_case_state_from_name(name, &state) == CH_OK;
    *out_state = found ? state : 0;
    return found;
}

static bool find_handoff_state(ch_str name, unsigned *out_state)
{
    ch_handoff_state state;
    bool found = ch_handoff_state_from_name(name, &state) == CH_OK;
    *out_state = found ? state : 0;
    return found;
}

/* "active" stands for every case state in which work goes on. */
static ch_status read_states(const ch_cfg *cfg, const config_setting_t *row, const char *name,
                             state_finder *find, uint32_t *out_states, ch_error *error)
{
    const config_setting_t *list = NULL;
    ch_status status = ch_cfg_list(cfg, row, name, &list, error);
    uint32_t states = 0;
    for (int i = 0; status == CH_OK && list != NULL && i < config_setting_length(list); i++) {
        const char *text = config_setting_get_string_elem(list, i);
        unsigned state = 0;
        if (text == NULL) {
            return ch_cfg_fail(cfg, list, error, "%s: a list of states is expected", name);
        }
        if (find == find_case_state && strcmp(text, ALL_ACTIVE) == 0) {
            for (unsigned k = CH_CASE_RECEIVED; k < CH_CASE_STATE_COUNT; k++) {
                states |= ch_case_state_is_active((ch_case_state)k) ? UINT32_C(1) << k : 0;
            }
        } else if (find(ch_str_of(text), &state)) {
            states |= UINT32_C(1) << state;
        } else {
            return ch_cfg_fail(cfg, list, error, "%s: there is no state %s", name, text);
        }
    }
    *out_states = states;
    return status;
}

static ch_status read_state(const ch_cfg *cfg, const config_setting_t *row, const char *name,
                            state_finder *find, unsigned *out_state, ch_error *error)
{
    char text[32] = "";
    ch_status status = ch_cfg_text(cfg, row, name, text, sizeof text, error);
    if (status == CH_OK && text[0] != '\0' && !find(ch_str_of(text), out_state)) {
        return ch_cfg_fail(cfg, config_setting_get_member(row, name), error, "%s: there is no state %s", name,
                           text);
    }
    return status;
}

typedef struct flag_member {
    const char *name;
    size_t offset;
} flag_member;

static ch_status read_flags(const ch_cfg *cfg, const config_setting_t *row, const flag_member *flags,
                            size_t count, void *into, ch_error *error)
{
    ch_status status = CH_OK;
    for (size_t i = 0; status == CH_OK && i < count; i++) {
        status =
            ch_cfg_flag(cfg, row, flags[i].name, (bool *)(void *)((char *)into + flags[i].offset), error);
    }
    return status;
}

static ch_status read_transition(ch_rules *rules, const ch_cfg *cfg, const config_setting_t *at,
                                 ch_transition *row, ch_error *error)
{
    static const char *const members[] = {"kind",      "type",   "from", "to", "back",
                                          "inferable", "routes", "then", NULL};
    static const flag_member flags[] = {{"inferable", offsetof(ch_transition, inferable)},
                                        {"back", offsetof(ch_transition, back)},
                                        {"routes", offsetof(ch_transition, routes)}};
    unsigned to = CH_CASE_NONE;
    ch_status status = ch_cfg_check_members(cfg, at, members, error);
    if (status == CH_OK) {
        status = ch_cfg_text(cfg, at, "kind", row->kind, sizeof row->kind, error);
    }
    if (status == CH_OK) {
        status = ch_cfg_text(cfg, at, "type", row->type, sizeof row->type, error);
    }
    if (status == CH_OK) {
        status = ch_cfg_text(cfg, at, "then", row->then, sizeof row->then, error);
    }
    if (status == CH_OK) {
        status = read_states(cfg, at, "from", find_case_state, &row->from, error);
    }
    if (status == CH_OK) {
        status = read_state(cfg, at, "to", find_case_state, &to, error);
    }
    if (status == CH_OK) {
        status = read_flags(cfg, at, flags, sizeof flags / sizeof *flags, row, error);
    }
    if (status == CH_OK && (row->type[0] == '\0' || (row->back && to != CH_CASE_NONE))) {
        status = ch_cfg_fail(cfg, at, error, "a transition needs a type, and `to` or `back` but not both");
    }
    row->to = (ch_case_state)to;
    row->place = ch_rules_place(rules, cfg->file, config_setting_source_line(at));
    return status;
}

static ch_status read_author(const ch_cfg *cfg, const config_setting_t *at, ch_handoff_transition *row,
                             ch_error *error)
{
    char by[16] = "";
    ch_status status = ch_cfg_text(cfg, at, "by", by, sizeof by, error);
    row->by_receiver = strcmp(by, "receiver") == 0;
    row->by_hub = strcmp(by, "hub") == 0;
    if (status == CH_OK && !row->by_receiver && !row->by_hub && strcmp(by, "offerer") != 0) {
        return ch_cfg_fail(cfg, at, error, "by: receiver, offerer or hub is expected");
    }
    return status;
}

static ch_status read_handoff_transition(ch_rules *rules, const ch_cfg *cfg, const config_setting_t *at,
                                         ch_handoff_transition *row, ch_error *error)
{
    static const char *const members[] = {
        "type", "from", "to", "by", "inferable", "arbitrates", "leads_to", "leads_when_last", "cases", NULL};
    static const flag_member flags[] = {
        {"inferable", offsetof(ch_handoff_transition, inferable)},
        {"arbitrates", offsetof(ch_handoff_transition, arbitrates)},
        {"leads_when_last", offsetof(ch_handoff_transition, leads_when_last)}};
    unsigned to = CH_HANDOFF_NONE, leads_to = CH_CASE_NONE;
    ch_status status = ch_cfg_check_members(cfg, at, members, error);
    if (status == CH_OK) {
        status = ch_cfg_text(cfg, at, "type", row->type, sizeof row->type, error);
    }
    if (status == CH_OK) {
        status = read_states(cfg, at, "from", find_handoff_state, &row->from, error);
    }
    if (status == CH_OK) {
        status = read_state(cfg, at, "to", find_handoff_state, &to, error);
    }
    if (status == CH_OK) {
        status = read_author(cfg, at, row, error);
    }
    if (status == CH_OK) {
        status = read_state(cfg, at, "leads_to", find_case_state, &leads_to, error);
    }
    if (status == CH_OK) {
        status = read_states(cfg, at, "cases", find_case_state, &row->cases, error);
    }
    if (status == CH_OK) {
        status = read_flags(cfg, at, flags, sizeof flags / sizeof *flags, row, error);
    }
    if (status == CH_OK && row->type[0] == '\0') {
        status = ch_cfg_fail(cfg, at, error, "a transition needs a type");
    }
    row->to = (ch_handoff_state)to;
    row->leads_to = (ch_case_state)leads_to;
    row->place = ch_rules_place(rules, cfg->file, config_setting_source_line(at));
    return status;
}

static ch_status read_cases(ch_rules *rules, const ch_cfg *cfg, const config_setting_t *list, ch_error *error)
{
    size_t count = list == NULL ? 0 : (size_t)config_setting_length(list);
    rules->transitions = ch_arena_alloc(&rules->arena, (count + 1) * sizeof *rules->transitions);
    if (rules->transitions == NULL) {
        return ch_error_set(error, CH_NO_MEMORY, cfg->file, "no memory to read it");
    }
    ch_status status = CH_OK;
    for (; status == CH_OK && rules->transition_count < count; rules->transition_count++) {
        status = read_transition(rules, cfg, config_setting_get_elem(list, (unsigned)rules->transition_count),
                                 &rules->transitions[rules->transition_count], error);
    }
    return status;
}

static ch_status read_handoffs(ch_rules *rules, const ch_cfg *cfg, const config_setting_t *list,
                               ch_error *error)
{
    size_t count = list == NULL ? 0 : (size_t)config_setting_length(list),
           *done = &rules->handoff_transition_count;
    rules->handoff_transitions =
        ch_arena_alloc(&rules->arena, (count + 1) * sizeof *rules->handoff_transitions);
    if (rules->handoff_transitions == NULL) {
        return ch_error_set(error, CH_NO_MEMORY, cfg->file, "no memory to read it");
    }
    ch_status status = CH_OK;
    for (; status == CH_OK && *done < count; (*done)++) {
        status = read_handoff_transition(rules, cfg, config_setting_get_elem(list, (unsigned)*done),
                                         &rules->handoff_transitions[*done], error);
    }
    return status;
}

/* Without it nothing is ever suggested. */
static ch_status read_duplicates(ch_rules *rules, const ch_cfg *cfg, const config_setting_t *root,
                                 ch_error *error)
{
    static const char *const members[] = {"within", "similar", NULL};
    const config_setting_t *group = config_setting_get_member(root, "duplicates");
    int64_t within = 0, similar = 0;
    if (group == NULL) {
        return CH_OK;
    }
    if (!config_setting_is_group(group)) {
        return ch_cfg_fail(cfg, group, error, "duplicates is a group of within and similar");
    }
    ch_status status = ch_cfg_check_members(cfg, group, members, error);
    if (status == CH_OK) {
        status = ch_cfg_time(cfg, group, "within", &within, error);
    }
    if (status == CH_OK) {
        status = ch_cfg_int(cfg, group, "similar", 1, 100, &similar, error);
    }
    if (status == CH_OK && (within <= 0 || within > CH_SKETCH_KEPT_MS || similar == 0)) {
        return ch_cfg_fail(cfg, group, error, "duplicates needs within (up to 32d) and similar (percent)");
    }
    rules->duplicate_window_ms = within;
    rules->duplicate_percent = (unsigned)similar;
    return status;
}

static ch_status read_tables(ch_rules *rules, const ch_cfg *cfg, ch_error *error)
{
    static const char *const members[] = {"hops", "rejections", "duplicates", "cases", "handoffs", NULL};
    const config_setting_t *root = config_root_setting(&cfg->config), *cases = NULL, *handoffs = NULL;
    int64_t hops = 0, rejections = 0;
    ch_status status = ch_cfg_check_members(cfg, root, members, error);
    if (status == CH_OK) {
        status = ch_cfg_int(cfg, root, "hops", 1, CH_HANDOFFS_MAX, &hops, error);
    }
    if (status == CH_OK) {
        status = ch_cfg_int(cfg, root, "rejections", 1, CH_HANDOFFS_MAX, &rejections, error);
    }
    if (status == CH_OK) {
        status = read_duplicates(rules, cfg, root, error);
    }
    if (status == CH_OK) {
        status = ch_cfg_list(cfg, root, "cases", &cases, error);
    }
    if (status == CH_OK) {
        status = ch_cfg_list(cfg, root, "handoffs", &handoffs, error);
    }
    if (status == CH_OK) {
        status = read_cases(rules, cfg, cases, error);
    }
    if (status == CH_OK) {
        status = read_handoffs(rules, cfg, handoffs, error);
    }
    rules->hop_limit = (unsigned)hops;
    rules->rejection_limit = (unsigned)rejections;
    return status;
}

ch_status ch_rules_read_lifecycle(ch_rules *rules, const char *file, ch_error *error)
{
    ch_cfg cfg;
    ch_status status = ch_cfg_open(&cfg, file, error);
    if (status == CH_OK) {
        status = read_tables(rules, &cfg, error);
        ch_cfg_close(&cfg);
    }
    return status;
}
