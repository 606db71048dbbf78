#include "replay/state_page.h"

#include <inttypes.h>

static const char *time_text(int64_t time_ms, char out[CH_TIME_TEXT_SIZE])
{
    out[0] = '\0';
    if (time_ms != 0) {
        ch_time_format(time_ms, 0, out);
    }
    return out;
}

static void put_line(FILE *out, const char *name, const char *value)
{
    if (value[0] != '\0') {
        fprintf(out, "%-17s %s\n", name, value);
    }
}

static void put_moment(FILE *out, const ch_past *past)
{
    char time[CH_TIME_TEXT_SIZE];
    fprintf(out, "%-17s record %" PRIu64 ", %s\n", "as of", past->at, time_text(past->recorded_ms, time));
}

static void put_handoffs(FILE *out, const ch_case *the_case)
{
    char offered[CH_TIME_TEXT_SIZE], due[CH_TIME_TEXT_SIZE], ended[CH_TIME_TEXT_SIZE];
    if (the_case->handoff_count > 0) {
        fprintf(out, "\n%-8s %-20s %-11s %-24s  %-24s  %-24s  %s\n", "HANDOFF", "PARTY", "STATE", "OFFERED",
                "DUE", "ENDED", "REASON");
    }
    for (size_t i = 0; i < the_case->handoff_count; i++) {
        const ch_handoff *handoff = &the_case->handoffs[i];
        fprintf(out, "h%-7" PRIu32 " %-20s %-11s %-24s  %-24s  %-24s  %s\n", handoff->index, handoff->party,
                ch_handoff_state_name(handoff->state), time_text(handoff->offered_ms, offered),
                time_text(handoff->due_ms, due), time_text(handoff->ended_ms, ended), handoff->reason);
    }
}

static void put_clocks(FILE *out, const ch_case *the_case)
{
    char started[CH_TIME_TEXT_SIZE], due[CH_TIME_TEXT_SIZE];
    if (the_case->clock_count > 0) {
        fprintf(out, "\n%-8s %-20s %-11s %-24s  %s\n", "CLOCK", "RULE", "STATE", "STARTED", "DUE");
    }
    for (size_t i = 0; i < the_case->clock_count; i++) {
        const ch_case_clock *clock = &the_case->clocks[i];
        bool is_paused = clock->state == CH_CLOCK_PAUSED;
        fprintf(out, "c%-7" PRIu32 " %-20s %-11s %-24s  %s\n", clock->index, clock->rule,
                ch_clock_state_name(clock->state), time_text(clock->started_ms, started),
                is_paused ? "" : time_text(clock->due_ms, due));
    }
}

static void put_steps(FILE *out, const ch_case *the_case)
{
    char entered[CH_TIME_TEXT_SIZE];
    if (the_case->step_count > 0) {
        fprintf(out, "\n%-20s %-20s %s\n", "STEP", "WITH", "FROM");
    }
    for (size_t i = 0; i < the_case->step_count; i++) {
        const ch_step *step = &the_case->steps[i];
        fprintf(out, "%-20s %-20s %s\n", ch_case_state_name(step->state), step->party,
                time_text(step->entered_ms, entered));
    }
}

static void put_links(FILE *out, const ch_case *the_case)
{
    if (the_case->link_count > 0) {
        fprintf(out, "\n%-26s %s\n", "OTHER CASE", "RELATION");
    }
    for (size_t i = 0; i < the_case->link_count; i++) {
        fprintf(out, "%-26s %s\n", the_case->links[i].id, ch_relation_name(the_case->links[i].relation));
    }
}

void ch_state_page_case(FILE *out, const ch_past *past, const ch_case *the_case, const ch_mark *mark,
                        const char *last)
{
    char opened[CH_TIME_TEXT_SIZE], changed[CH_TIME_TEXT_SIZE];
    put_moment(out, past);
    put_line(out, "case", the_case->id);
    put_line(out, "source", the_case->source);
    for (size_t i = 0; i < the_case->ref_count; i++) {
        put_line(out, i == 0 ? "ref" : "", the_case->refs[i]);
    }
    put_line(out, "kind", the_case->kind);
    put_line(out, "category", the_case->category);
    put_line(out, "area", the_case->area);
    put_line(out, "state", ch_case_state_name(the_case->state));
    put_line(out, "waiting for", the_case->waiting_reason);
    put_line(out, "merged into", last);
    put_line(out, "with", the_case->lead[0] == '\0' ? "nobody" : the_case->lead);
    put_line(out, "opened", time_text(the_case->opened_ms, opened));
    put_line(out, "changed", time_text(the_case->changed_ms, changed));
    fprintf(out, "%-17s %" PRIu32 "\n", "version", the_case->version);
    put_line(out, "erased", mark->erased_sequence != 0 ? "yes" : "");
    put_line(out, "held", mark->held_sequence != 0 ? "yes" : "");
    put_handoffs(out, the_case);
    put_clocks(out, the_case);
    put_steps(out, the_case);
    put_links(out, the_case);
}

void ch_state_page_heading(FILE *out, const ch_past *past)
{
    put_moment(out, past);
    fprintf(out, "\n%-30s %-20s %-11s %-24s  %-24s  %-20s %s\n", "HANDOFF", "PARTY", "STATE", "OFFERED",
            "DUE", "CATEGORY", "AREA");
}

void ch_state_page_handoff(FILE *out, const ch_case *the_case, const ch_handoff *handoff)
{
    char id[CH_HANDOFF_ID_SIZE], offered[CH_TIME_TEXT_SIZE], due[CH_TIME_TEXT_SIZE];
    snprintf(id, sizeof id, "%s/h%" PRIu32, the_case->id, handoff->index);
    fprintf(out, "%-30s %-20s %-11s %-24s  %-24s  %-20s %s\n", id, handoff->party,
            ch_handoff_state_name(handoff->state), time_text(handoff->offered_ms, offered),
            time_text(handoff->due_ms, due), the_case->category, the_case->area);
}
