/* What holds for cases, whatever was said: looked at in the state, and held against the books. */
#include "tests/simulation/witness_inside.h"

#define CASE_STATES 32

/* ---- links */

/* What one case says of another that one says back. */
static void check_link(witness *of, const ch_case *the_case, const ch_link *link)
{
    const ch_case *other = witness_case(of, link->other);
    assert_non_null(other);
    const ch_link *back = ch_case_link(other, the_case->number);
    if (other->test_mode != the_case->test_mode) {
        violated(of, "%s and %s are tied, and one is a drill's", the_case->id, link->id);
    }
    if (link->relation == CH_RELATION_MERGED) {
        if (other->merged_into != the_case->number) {
            violated(of, "%s says that %s was merged into it, and that one does not", the_case->id, link->id);
        }
        return;
    }
    if (back == NULL || (back->relation == CH_RELATION_CHILD) != (link->relation == CH_RELATION_PARENT) ||
        (back->relation == CH_RELATION_PARENT) != (link->relation == CH_RELATION_CHILD)) {
        violated(of, "%s says that %s is %s, and that one does not", the_case->id, link->id,
                 ch_relation_name(link->relation));
    }
}

static uint64_t stands_for(witness *of, uint64_t number)
{
    const ch_case *the_case = witness_case(of, number);
    assert_non_null(the_case);
    return the_case->merged_into == 0 ? number : the_case->merged_into;
}

/* The next one up: what it was merged into, else its parent; 0: there is none. */
static uint64_t above(witness *of, uint64_t number)
{
    const ch_case *the_case = witness_case(of, number);
    assert_non_null(the_case);
    const ch_link *parent = ch_case_parent(the_case);
    return the_case->merged_into != 0 ? the_case->merged_into
           : parent == NULL           ? 0
                                      : stands_for(of, parent->other);
}

static void check_links(witness *of, const ch_case *the_case, uint64_t count)
{
    size_t parents = 0;
    uint64_t at = the_case->number;
    for (size_t i = 0; i < the_case->link_count; i++) {
        if (the_case->links[i].relation != CH_RELATION_SUGGESTED) {
            check_link(of, the_case, &the_case->links[i]);
        }
        parents += the_case->links[i].relation == CH_RELATION_PARENT;
    }
    if (parents > 1) {
        violated(of, "%s has %zu parents", the_case->id, parents);
    }
    for (uint64_t height = 0; at != 0; height++) {
        if (height > count) {
            violated(of, "%s stands above itself", the_case->id);
        }
        at = above(of, at);
    }
}

static void check_merged(witness *of, const ch_case *the_case)
{
    if ((the_case->state == CH_CASE_MERGED) != (the_case->merged_into != 0)) {
        violated(of, "%s is %s, merged into %" PRIu64, the_case->id, ch_case_state_name(the_case->state),
                 the_case->merged_into);
    }
}

/* ---- handoffs that stand beside others */

typedef struct members {
    size_t all, open, completed, withdrawn, leads;
    bool lead_is_open;
} members;

/* Whoever passed it on is not one any more. */
static members count_members(const ch_case *the_case, uint32_t group)
{
    members of = {.all = 0};
    for (size_t i = 0; i < the_case->handoff_count; i++) {
        const ch_handoff *handoff = &the_case->handoffs[i];
        bool is_open = handoff->state >= CH_HANDOFF_OFFERED && handoff->state <= CH_HANDOFF_STARTED;
        if (handoff->group == group && handoff->state != CH_HANDOFF_TRANSFERRED) {
            of.all++;
            of.open += is_open;
            of.completed += handoff->state == CH_HANDOFF_COMPLETED;
            of.withdrawn += handoff->state == CH_HANDOFF_WITHDRAWN;
            of.leads += handoff->lead;
            of.lead_is_open = of.lead_is_open || (handoff->lead && is_open);
        }
    }
    return of;
}

static void check_group(witness *of, const ch_case *the_case, uint32_t index)
{
    const ch_group *group = &the_case->groups[index - 1];
    const members has = count_members(the_case, index);
    size_t need = group->need == CH_NEED_ALL ? has.all - has.withdrawn : group->need;
    if (group->form == CH_FORM_JOINT && has.leads != 1) {
        violated(of, "%zu lead %s/g%" PRIu32, has.leads, the_case->id, index);
    }
    if (group->form == CH_FORM_JOINT && !has.lead_is_open && has.open > 0) {
        violated(of, "%zu work on in %s/g%" PRIu32 " without its lead", has.open, the_case->id, index);
    }
    if (group->form == CH_FORM_SEQUENCE && (has.open > 1 || has.completed > 1)) {
        violated(of, "%zu are asked at once in %s/g%" PRIu32 ", %zu have completed it", has.open,
                 the_case->id, index, has.completed);
    }
    if (group->form == CH_FORM_PARALLEL && has.completed > 0 && has.completed >= need && has.open > 0) {
        violated(of, "%zu of %zu have completed %s/g%" PRIu32 ", and %zu go on", has.completed, need,
                 the_case->id, index, has.open);
    }
}

static void check_handoffs(witness *of, const ch_case *the_case)
{
    size_t arbitrations = 0;
    for (size_t i = 0; i < the_case->handoff_count; i++) {
        const ch_handoff *handoff = &the_case->handoffs[i];
        arbitrations += handoff->arbitration && ch_handoff_is_open(handoff->state);
    }
    if (arbitrations > 1) {
        violated(of, "%zu are asked at once who gets %s", arbitrations, the_case->id);
    }
    for (uint32_t group = 1; group <= the_case->group_count; group++) {
        check_group(of, the_case, group);
    }
}

void witness_check_cases(witness *of)
{
    ch_case *the_case; /* its own, because looking at another may let go of it */
    uint64_t count = witness_case_count(of);
    assert_int_equal(ch_case_new(&the_case), CH_OK);
    for (uint64_t number = 1; number <= count; number++) {
        assert_int_equal(ch_case_copy(the_case, witness_case(of, number)), CH_OK);
        if (!books_compare(&of->books, the_case)) {
            violated(of, "%s", of->books.wrong);
        }
        check_links(of, the_case, count);
        check_merged(of, the_case);
        check_handoffs(of, the_case);
    }
    ch_case_free(the_case);
}

/* ---- figures */

typedef struct figures {
    const witness *of;
    size_t cases[CASE_STATES], handoffs, deadlines;
    bool is_strange; /* something is counted that should not be there */
} figures;

static bool count_case(void *context, const ch_case *the_case)
{
    figures *into = context;
    assert_true((size_t)the_case->state < CASE_STATES);
    into->cases[the_case->state]++;
    return true;
}

static bool count_handoff(void *context, ch_str party, uint64_t number, uint32_t index)
{
    figures *into = context;
    const book *at = books_find(&into->of->books, number);
    (void)party;
    into->handoffs++;
    into->is_strange =
        into->is_strange || at == NULL || index > at->handoff_count || !at->handoffs[index].is_open;
    return !into->is_strange;
}

static bool count_deadline(void *context, int64_t due_ms, uint64_t number, uint32_t index)
{
    figures *into = context;
    const book *at = books_find(&into->of->books, number);
    bool of_clock = (index & CH_DEADLINE_OF_CLOCK) != 0;
    index &= ~CH_DEADLINE_OF_CLOCK;
    bool is_right = at != NULL && index <= (of_clock ? at->clock_count : at->handoff_count) &&
                    (of_clock ? at->clocks[index].next_ms == due_ms
                              : at->handoffs[index].is_open && at->handoffs[index].due_ms == due_ms);
    into->deadlines++;
    into->is_strange = into->is_strange || !is_right;
    return is_right;
}

static figures figures_of_log(const witness *of)
{
    figures out = {.of = of};
    const book *at;
    for (uint64_t number = 1; (at = books_find(&of->books, number)) != NULL; number++) {
        out.cases[at->state]++;
        for (size_t i = 1; i <= at->handoff_count; i++) {
            out.handoffs += at->handoffs[i].is_open;
            out.deadlines += at->handoffs[i].is_open && at->handoffs[i].due_ms > 0;
        }
        for (size_t i = 1; i <= at->clock_count; i++) {
            out.deadlines += at->clocks[i].next_ms > 0;
        }
    }
    return out;
}

void witness_check_figures(witness *of)
{
    figures counted = {.of = of}, said = figures_of_log(of);
    ch_state_reader *reader;
    assert_ok(ch_state_reader_open(&reader, of->machine->hub->store->state, &of->error), &of->error);
    assert_int_equal(ch_state_reader_position(reader), of->position);
    assert_int_equal(ch_state_reader_cases(reader, UINT64_MAX, count_case, &counted), CH_OK);
    assert_int_equal(ch_state_reader_handoffs(reader, CH_STR_NONE, count_handoff, &counted), CH_OK);
    assert_int_equal(ch_state_reader_deadlines(reader, 0, INT64_MAX, count_deadline, &counted), CH_OK);
    ch_state_reader_close(reader);
    for (size_t state = 0; state < CASE_STATES; state++) {
        if (counted.cases[state] != said.cases[state]) {
            violated(of, "%zu cases are %s, and by the log %zu", counted.cases[state],
                     ch_case_state_name((ch_case_state)state), said.cases[state]);
        }
    }
    if (counted.is_strange || counted.handoffs != said.handoffs || counted.deadlines != said.deadlines) {
        violated(of, "%zu handoffs are open with %zu deadlines, and by the log %zu with %zu",
                 counted.handoffs, counted.deadlines, said.handoffs, said.deadlines);
    }
}
