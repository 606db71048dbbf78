#include "hub/model/lifecycle.h"

#include <assert.h>

#define STATES_MAX 32

/* A graph of states whose edges are the rows of a table, in the table's order. */
typedef struct graph {
    const void *context;
    size_t rows;
    /* False: the row is no edge out of `from`. */
    bool (*edge)(const void *context, size_t row, unsigned from, unsigned *out_to);
} graph;

/* Breadth first. On success rows[0..*out_count) lead from start to the goal found first. */
static bool find_path(const graph *of, unsigned start, uint32_t goals, size_t *rows, size_t *out_count)
{
    unsigned queue[STATES_MAX] = {start}, before[STATES_MAX] = {0}, to, goal = start;
    size_t via[STATES_MAX] = {0}, head = 0, tail = 1, count = 0;
    uint32_t seen = UINT32_C(1) << start;
    bool found = (goals & seen) != 0;
    for (; !found && head < tail; head++) {
        for (size_t row = 0; !found && row < of->rows; row++) {
            if (!of->edge(of->context, row, queue[head], &to) || (seen & UINT32_C(1) << to) != 0) {
                continue;
            }
            seen |= UINT32_C(1) << to;
            before[to] = queue[head];
            via[to] = row;
            queue[tail++] = to;
            found = (goals & UINT32_C(1) << to) != 0;
            goal = to;
        }
    }
    if (!found) {
        return false;
    }
    for (unsigned state = goal; state != start; state = before[state]) {
        count++;
    }
    *out_count = count;
    for (unsigned state = goal; state != start; state = before[state]) {
        rows[--count] = via[state];
    }
    return true;
}

/* First position in transitions_by_type whose type is not before `type`. */
static size_t first_of_type(const ch_rules *rules, ch_str type)
{
    size_t low = 0, high = rules->transition_count;
    assert(high == 0 || rules->transitions_by_type != NULL);
    while (low < high) {
        size_t middle = (low + high) / 2;
        const ch_transition *row = &rules->transitions[rules->transitions_by_type[middle]];
        if (ch_str_compare(ch_str_of(row->type), type) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static const ch_transition *row_of_type(const ch_rules *rules, size_t at, ch_str type)
{
    if (at >= rules->transition_count) {
        return NULL;
    }
    const ch_transition *row = &rules->transitions[rules->transitions_by_type[at]];
    return ch_str_is(type, row->type) ? row : NULL;
}

static bool has_profile(const ch_rules *rules, const char *kind, ch_str type)
{
    const ch_transition *row;
    for (size_t at = first_of_type(rules, type); (row = row_of_type(rules, at, type)) != NULL; at++) {
        if (row->kind[0] != '\0' && strcmp(row->kind, kind) == 0) {
            return true;
        }
    }
    return false;
}

const ch_transition *ch_lifecycle_row(const ch_rules *rules, const char *kind, ch_str type,
                                      ch_case_state state)
{
    const ch_transition *row, *general = NULL;
    bool profile = false;
    for (size_t at = first_of_type(rules, type); (row = row_of_type(rules, at, type)) != NULL; at++) {
        bool legal = (row->from & UINT32_C(1) << state) != 0;
        if (row->kind[0] == '\0') {
            general = general == NULL && legal ? row : general;
        } else if (strcmp(row->kind, kind) == 0) {
            profile = true;
            if (legal) {
                return row;
            }
        }
    }
    return profile ? NULL : general;
}

uint32_t ch_lifecycle_legal_in(const ch_rules *rules, const char *kind, ch_str type)
{
    const ch_transition *row;
    const char *wanted = has_profile(rules, kind, type) ? kind : "";
    uint32_t states = 0;
    for (size_t at = first_of_type(rules, type); (row = row_of_type(rules, at, type)) != NULL; at++) {
        states |= strcmp(row->kind, wanted) == 0 ? row->from : 0;
    }
    return states;
}

ch_case_state ch_lifecycle_target(const ch_transition *row, const ch_case *the_case)
{
    ch_case_state to = row->back ? the_case->state_before_waiting : row->to;
    return to == CH_CASE_NONE ? the_case->state : to;
}

typedef struct case_graph {
    const ch_rules *rules;
    const ch_case *the_case;
} case_graph;

static bool case_edge(const void *context, size_t row_index, unsigned from, unsigned *out_to)
{
    const case_graph *of = context;
    const ch_transition *row = &of->rules->transitions[row_index];
    if (!row->inferable || (row->from & UINT32_C(1) << from) == 0) {
        return false;
    }
    if (row->kind[0] == '\0' ? has_profile(of->rules, of->the_case->kind, ch_str_of(row->type))
                             : strcmp(row->kind, of->the_case->kind) != 0) {
        return false;
    }
    ch_case_state to = row->back ? of->the_case->state_before_waiting : row->to;
    *out_to = to;
    return to != CH_CASE_NONE;
}

bool ch_lifecycle_path(const ch_rules *rules, const ch_case *the_case, uint32_t goals, ch_case_path *out_path)
{
    const case_graph context = {rules, the_case};
    const graph of = {&context, rules->transition_count, case_edge};
    size_t rows[STATES_MAX];
    if (!find_path(&of, the_case->state, goals, rows, &out_path->count)) {
        return false;
    }
    for (size_t i = 0; i < out_path->count; i++) {
        out_path->steps[i] = &rules->transitions[rows[i]];
    }
    return true;
}

const ch_handoff_transition *ch_handoff_row(const ch_rules *rules, ch_str type, ch_handoff_state state)
{
    for (size_t i = 0; i < rules->handoff_transition_count; i++) {
        const ch_handoff_transition *row = &rules->handoff_transitions[i];
        if ((row->from & UINT32_C(1) << state) != 0 && ch_str_is(type, row->type)) {
            return row;
        }
    }
    return NULL;
}

const ch_handoff_transition *ch_handoff_any_row(const ch_rules *rules, ch_str type)
{
    for (size_t i = 0; i < rules->handoff_transition_count; i++) {
        if (ch_str_is(type, rules->handoff_transitions[i].type)) {
            return &rules->handoff_transitions[i];
        }
    }
    return NULL;
}

uint32_t ch_handoff_legal_in(const ch_rules *rules, ch_str type)
{
    uint32_t states = 0;
    for (size_t i = 0; i < rules->handoff_transition_count; i++) {
        const ch_handoff_transition *row = &rules->handoff_transitions[i];
        states |= ch_str_is(type, row->type) ? row->from : 0;
    }
    return states;
}

static bool handoff_edge(const void *context, size_t row_index, unsigned from, unsigned *out_to)
{
    const ch_rules *rules = context;
    const ch_handoff_transition *row = &rules->handoff_transitions[row_index];
    *out_to = row->to;
    return row->inferable && row->to != CH_HANDOFF_NONE && (row->from & UINT32_C(1) << from) != 0;
}

bool ch_handoff_path_find(const ch_rules *rules, ch_handoff_state from, uint32_t goals,
                          ch_handoff_path *out_path)
{
    const graph of = {rules, rules->handoff_transition_count, handoff_edge};
    size_t rows[STATES_MAX];
    if (!find_path(&of, from, goals, rows, &out_path->count)) {
        return false;
    }
    for (size_t i = 0; i < out_path->count; i++) {
        out_path->steps[i] = &rules->handoff_transitions[rows[i]];
    }
    return true;
}
