#include "hub/model/case_row.h"

#include "hub/model/topic.h"

#include <inttypes.h>
#include <stdio.h>

static uint32_t count_open(const ch_case *the_case)
{
    uint32_t count = 0;
    for (size_t i = 0; i < the_case->handoff_count; i++) {
        count += ch_handoff_is_open(the_case->handoffs[i].state);
    }
    return count;
}

void ch_case_put(ch_mp_row *row, const ch_case *the_case)
{
    ch_mp_row_put_text(row, "case", the_case->id);
    ch_mp_row_put_text(row, "ref", the_case->ref_count > 0 ? the_case->refs[0] : "");
    ch_mp_row_put_str(row, "system", ch_topic_system_of(ch_str_of(the_case->source)));
    ch_mp_row_put_text(row, "kind", the_case->kind);
    ch_mp_row_put_text(row, "category", the_case->category);
    ch_mp_row_put_text(row, "area", the_case->area);
    if (the_case->priority != 0) {
        ch_mp_row_put_int(row, "priority", the_case->priority);
    }
    ch_mp_row_put_text(row, "state", ch_case_state_name(the_case->state));
    ch_mp_row_put_text(row, "party", the_case->lead);
    ch_mp_row_put_moment(row, "opened", the_case->opened_ms);
    ch_mp_row_put_moment(row, "changed", the_case->changed_ms);
    ch_mp_row_put_int(row, "version", the_case->version);
    ch_mp_row_put_int(row, "cycle", the_case->cycle);
    ch_mp_row_put_int(row, "anomalous", the_case->anomalous_count);
    ch_mp_row_put_int(row, "handoffs_open", count_open(the_case));
    ch_mp_row_put_flag(row, "test", the_case->test_mode);
}

/* Whom a sequence tries when this one ends without success. */
static void put_next(ch_mp_row *row, const ch_case *the_case, uint32_t group)
{
    uint32_t count = 0;
    for (size_t i = 0; i < the_case->candidate_count; i++) {
        count += the_case->candidates[i].group == group;
    }
    if (count == 0) {
        return;
    }
    ch_mp_row_put_key(row, "next");
    ch_mp_put_array(row->out, count);
    for (size_t i = 0; i < the_case->candidate_count; i++) {
        if (the_case->candidates[i].group == group) {
            ch_mp_put_text(row->out, the_case->candidates[i].party);
        }
    }
}

/* How it stands beside others; nothing of one that is by itself. */
static void put_group(ch_mp_row *row, const ch_case *the_case, const ch_handoff *handoff)
{
    char id[CH_HANDOFF_ID_SIZE], need[CH_NEED_SIZE];
    ch_form form = ch_case_form(the_case, handoff);
    if (form != CH_FORM_SINGLE) {
        ch_mp_row_put_text(row, "form", ch_form_name(form));
    }
    if (handoff->group == 0) {
        return;
    }
    snprintf(id, sizeof id, "%s/g%" PRIu32, the_case->id, handoff->group);
    ch_mp_row_put_text(row, "group", id);
    if (form != CH_FORM_CC) {
        ch_need_text(the_case->groups[handoff->group - 1].need, need);
        ch_mp_row_put_text(row, "need", need);
    }
    if (handoff->lead) {
        ch_mp_row_put_flag(row, "lead", true);
    }
    if (ch_handoff_is_open(handoff->state)) {
        put_next(row, the_case, handoff->group);
    }
}

void ch_case_put_handoff(ch_mp_row *row, const ch_case *the_case, const ch_handoff *handoff)
{
    char id[CH_HANDOFF_ID_SIZE];
    snprintf(id, sizeof id, "%s/h%" PRIu32, the_case->id, handoff->index);
    ch_mp_row_put_text(row, "handoff", id);
    ch_mp_row_put_text(row, "party", handoff->party);
    ch_mp_row_put_text(row, "from", handoff->from);
    ch_mp_row_put_text(row, "state", ch_handoff_state_name(handoff->state));
    ch_mp_row_put_text(row, "reason", handoff->reason);
    ch_mp_row_put_time(row, "due", handoff->due_ms);
    ch_mp_row_put_time(row, "offered", handoff->offered_ms);
    ch_mp_row_put_time(row, "delivered", handoff->delivered_ms);
    ch_mp_row_put_time(row, "accepted", handoff->accepted_ms);
    ch_mp_row_put_time(row, "started", handoff->started_ms);
    ch_mp_row_put_time(row, "ended", handoff->ended_ms);
    put_group(row, the_case, handoff);
}

static void put_refs(ch_mp_row *row, const ch_case *the_case)
{
    if (the_case->ref_count > 0) {
        ch_mp_row_put_key(row, "refs");
        ch_mp_put_array(row->out, (uint32_t)the_case->ref_count);
        for (size_t i = 0; i < the_case->ref_count; i++) {
            ch_mp_put_text(row->out, the_case->refs[i]);
        }
    }
}

static void put_handoffs(ch_mp_row *row, const ch_case *the_case)
{
    ch_mp_row_put_key(row, "handoffs");
    ch_mp_put_array(row->out, (uint32_t)the_case->handoff_count);
    for (size_t i = 0; i < the_case->handoff_count; i++) {
        ch_mp_row map = ch_mp_row_begin_in(row);
        ch_case_put_handoff(&map, the_case, &the_case->handoffs[i]);
        ch_mp_row_end(&map);
    }
}

void ch_case_put_clock(ch_mp_row *row, const ch_case *the_case, const ch_case_clock *clock)
{
    char id[CH_HANDOFF_ID_SIZE];
    snprintf(id, sizeof id, "%s/c%" PRIu32, the_case->id, clock->index);
    ch_mp_row_put_text(row, "clock", id);
    ch_mp_row_put_text(row, "rule", clock->rule);
    ch_mp_row_put_text(row, "party", ch_case_clock_party(the_case, clock));
    if (clock->handoff != 0) {
        snprintf(id, sizeof id, "%s/h%" PRIu32, the_case->id, clock->handoff);
        ch_mp_row_put_text(row, "handoff", id);
    }
    ch_mp_row_put_text(row, "state", ch_clock_state_name(clock->state));
    ch_mp_row_put_time(row, "started", clock->started_ms);
    if (clock->state == CH_CLOCK_PAUSED) {
        ch_mp_row_put_int(row, "remaining", clock->remaining);
    } else {
        ch_mp_row_put_time(row, "due", clock->due_ms);
    }
    ch_mp_row_put_time(row, "again", clock->next_ms);
    ch_mp_row_put_time(row, "ended", clock->ended_ms);
    if (clock->level != 0) {
        ch_mp_row_put_int(row, "level", clock->level);
    }
    if (clock->warned) {
        ch_mp_row_put_flag(row, "warned", true);
    }
    if (clock->late_report) {
        ch_mp_row_put_flag(row, "late_report", true);
    }
}

static void put_clocks(ch_mp_row *row, const ch_case *the_case)
{
    if (the_case->clock_count == 0) {
        return;
    }
    ch_mp_row_put_key(row, "clocks");
    ch_mp_put_array(row->out, (uint32_t)the_case->clock_count);
    for (size_t i = 0; i < the_case->clock_count; i++) {
        ch_mp_row map = ch_mp_row_begin_in(row);
        ch_case_put_clock(&map, the_case, &the_case->clocks[i]);
        ch_mp_row_end(&map);
    }
}

static void put_steps(ch_mp_row *row, const ch_case *the_case)
{
    ch_mp_row_put_key(row, "steps");
    ch_mp_put_array(row->out, (uint32_t)the_case->step_count);
    for (size_t i = 0; i < the_case->step_count; i++) {
        const ch_step *step = &the_case->steps[i];
        ch_mp_row map = ch_mp_row_begin_in(row);
        ch_mp_row_put_text(&map, "state", ch_case_state_name(step->state));
        ch_mp_row_put_text(&map, "party", step->party);
        ch_mp_row_put_int(&map, "cycle", step->cycle);
        ch_mp_row_put_moment(&map, "entered", step->entered_ms);
        if (i + 1 < the_case->step_count) {
            ch_mp_row_put_moment(&map, "left", step[1].entered_ms);
        }
        ch_mp_row_end(&map);
    }
}

/* A step may only have changed the party: the state is as old as the first of its steps in a row. */
static void put_since(ch_mp_row *row, const ch_case *the_case)
{
    size_t first = the_case->step_count;
    while (first > 0 && the_case->steps[first - 1].state == the_case->state &&
           the_case->steps[first - 1].cycle == the_case->cycle) {
        first--;
    }
    if (first < the_case->step_count) {
        ch_mp_row_put_moment(row, "since", the_case->steps[first].entered_ms);
    }
}

static void put_links(ch_mp_row *row, const ch_case *the_case)
{
    if (the_case->link_count == 0) {
        return;
    }
    ch_mp_row_put_key(row, "links");
    ch_mp_put_array(row->out, (uint32_t)the_case->link_count);
    for (size_t i = 0; i < the_case->link_count; i++) {
        ch_mp_row map = ch_mp_row_begin_in(row);
        ch_mp_row_put_text(&map, "case", the_case->links[i].id);
        ch_mp_row_put_text(&map, "relation", ch_relation_name(the_case->links[i].relation));
        if (the_case->links[i].score != 0) {
            ch_mp_row_put_int(&map, "score", the_case->links[i].score);
        }
        ch_mp_row_end(&map);
    }
}

void ch_case_put_rest(ch_mp_row *row, const ch_case *the_case)
{
    ch_mp_row_put_text(row, "source", the_case->source);
    put_refs(row, the_case);
    put_since(row, the_case);
    ch_mp_row_put_text(row, "waiting_reason", the_case->waiting_reason);
    if (the_case->feedback_score != 0) {
        ch_mp_row_put_int(row, "feedback_score", the_case->feedback_score);
    }
    if (the_case->feedback_satisfied >= 0) {
        ch_mp_row_put_flag(row, "feedback_satisfied", the_case->feedback_satisfied == 1);
    }
    put_handoffs(row, the_case);
    put_clocks(row, the_case);
    put_steps(row, the_case);
    put_links(row, the_case);
}
