/* diff --at A --at B: what became of the cases of one log between two moments. */
#include "replay/diff_moments.h"

#include "replay/past.h"

#include "hub/model/json.h"
#include "hub/model/mp_row.h"

#include <inttypes.h>
#include <stdlib.h>

#define ROW_LIMIT ((size_t)1 << 20)
#define CELL_SIZE 64

typedef struct moments {
    ch_replay *replay;
    ch_past past;
    uint64_t from, to;       /* sequences */
    ch_state_reader *reader; /* of the state as it was at `from`: LMDB keeps that while the fold goes on */
    ch_case *before;
    uint64_t changed, opened;
    ch_buf row, json;
    ch_status status; /* of the walk: why it was ended */
    ch_error *error;
} moments;

static ch_handoff_state state_before(const moments *of, const ch_handoff *handoff)
{
    const ch_handoff *before = ch_case_handoff(of->before, handoff->index);
    return before == NULL ? CH_HANDOFF_NONE : before->state;
}

/* ---- for programs */

static void put_handoffs(moments *of, ch_mp_row *row, const ch_case *the_case)
{
    uint32_t count = 0;
    ch_mp_row_put_key(row, "handoffs");
    size_t begun_at = ch_mp_begin_array(row->out);
    for (size_t i = 0; i < the_case->handoff_count; i++) {
        const ch_handoff *handoff = &the_case->handoffs[i];
        ch_handoff_state before = state_before(of, handoff);
        char id[CH_HANDOFF_ID_SIZE];
        if (before == handoff->state) {
            continue;
        }
        ch_mp_row map = ch_mp_row_begin_in(row);
        snprintf(id, sizeof id, "%s/h%" PRIu32, the_case->id, handoff->index);
        ch_mp_row_put_text(&map, "handoff", id);
        ch_mp_row_put_text(&map, "party", handoff->party);
        ch_mp_row_put_text(&map, "state_before",
                           before == CH_HANDOFF_NONE ? "" : ch_handoff_state_name(before));
        ch_mp_row_put_text(&map, "state", ch_handoff_state_name(handoff->state));
        ch_mp_row_end(&map);
        count++;
    }
    ch_mp_end_array(row->out, begun_at, count);
}

static ch_status print_json(moments *of, const ch_case *the_case)
{
    const ch_case *before = of->before;
    ch_buf_clear(&of->row);
    ch_buf_clear(&of->json);
    ch_mp_row row = ch_mp_row_begin(&of->row);
    ch_mp_row_put_text(&row, "case", the_case->id);
    ch_mp_row_put_flag(&row, "new", before->version == 0);
    if (before->version > 0) {
        ch_mp_row_put_text(&row, "state_before", ch_case_state_name(before->state));
        ch_mp_row_put_text(&row, "party_before", before->lead);
        ch_mp_row_put_int(&row, "version_before", before->version);
    }
    ch_mp_row_put_text(&row, "state", ch_case_state_name(the_case->state));
    ch_mp_row_put_text(&row, "party", the_case->lead);
    ch_mp_row_put_int(&row, "version", the_case->version);
    put_handoffs(of, &row, the_case);
    ch_mp_row_end(&row);
    ch_status status = of->row.failed;
    if (status == CH_OK) {
        status = ch_json_from_mp(&of->json, ch_buf_str(&of->row));
    }
    if (status != CH_OK) {
        return ch_error_set(of->error, status, NULL, "no memory for a line");
    }
    fprintf(of->replay->world->out, "%.*s\n", CH_STR_ARG(ch_buf_str(&of->json)));
    return CH_OK;
}

/* ---- for people */

/* "a > b", or only "b" when it is as it was. */
static const char *cell(char out[CELL_SIZE], const char *before, const char *after)
{
    if (strcmp(before, after) == 0) {
        snprintf(out, CELL_SIZE, "%s", after);
    } else {
        snprintf(out, CELL_SIZE, "%.28s > %.28s", before[0] == '\0' ? "-" : before,
                 after[0] == '\0' ? "-" : after);
    }
    return out;
}

static void print_heading(const moments *of)
{
    if (!of->replay->options->json) {
        fprintf(of->replay->world->out, "%-24s %-26s %-34s %-10s %s\n", "CASE", "STATE", "WITH", "VERSION",
                "HANDOFFS");
    }
}

static void print_row(moments *of, const ch_case *the_case)
{
    FILE *out = of->replay->world->out;
    const ch_case *before = of->before;
    char state[CELL_SIZE], party[CELL_SIZE], version[CELL_SIZE], one[CELL_SIZE], numbers[2][16] = {"", ""};
    bool is_new = before->version == 0;
    if (!is_new) {
        snprintf(numbers[0], sizeof numbers[0], "%" PRIu32, before->version);
    }
    snprintf(numbers[1], sizeof numbers[1], "%" PRIu32, the_case->version);
    fprintf(out, "%-24s %-26s %-34s %-10s", the_case->id,
            cell(state, is_new ? "" : ch_case_state_name(before->state), ch_case_state_name(the_case->state)),
            cell(party, before->lead, the_case->lead), cell(version, numbers[0], numbers[1]));
    for (size_t i = 0; i < the_case->handoff_count; i++) {
        const ch_handoff *handoff = &the_case->handoffs[i];
        ch_handoff_state was = state_before(of, handoff);
        if (was != handoff->state) {
            cell(one, was == CH_HANDOFF_NONE ? "" : ch_handoff_state_name(was),
                 ch_handoff_state_name(handoff->state));
            fprintf(out, " h%" PRIu32 " %s: %s;", handoff->index, handoff->party, one);
        }
    }
    fputc('\n', out);
}

static void print_end(const moments *of)
{
    fprintf(of->replay->world->out,
            of->replay->options->json
                ? "{\"from\":%" PRIu64 ",\"to\":%" PRIu64 ",\"changed\":%" PRIu64 ",\"new\":%" PRIu64 "}\n"
                : "From record %" PRIu64 " to record %" PRIu64 ": %" PRIu64 " cases changed, %" PRIu64
                  " are new.\n",
            of->from, of->to, of->changed, of->opened);
}

/* ---- the walk */

/* An empty case stands for one that was not there. */
static ch_status read_before(moments *of, uint64_t number)
{
    ch_status status = ch_state_reader_case(of->reader, number, of->before);
    if (status == CH_NOT_FOUND) {
        ch_case_clear(of->before);
        return CH_OK;
    }
    return status;
}

static bool see_case(void *context, const ch_case *the_case)
{
    moments *of = context;
    if (the_case->last_sequence <= of->from) {
        return true;
    }
    of->status = read_before(of, the_case->number);
    if (of->status != CH_OK) {
        ch_error_set(of->error, of->status, the_case->id, "%s", ch_status_text(of->status));
        return false;
    }
    of->opened += of->before->version == 0;
    of->changed += of->before->version > 0;
    if (of->replay->options->json) {
        of->status = print_json(of, the_case);
    } else {
        print_row(of, the_case);
    }
    return of->status == CH_OK;
}

static ch_status compare(moments *of)
{
    ch_state_reader *after;
    ch_status status = ch_state_reader_open(&after, of->past.refold.state, of->error);
    if (status != CH_OK) {
        return status;
    }
    print_heading(of);
    status = ch_state_reader_cases(after, UINT64_MAX, see_case, of);
    ch_state_reader_close(after);
    if (of->status != CH_OK) {
        return of->status;
    }
    if (status != CH_OK) {
        return ch_error_set(of->error, status, "the cases", "%s", ch_status_text(status));
    }
    print_end(of);
    return CH_OK;
}

/* Folds to the first moment, keeps a look at it, and folds on to the second. */
static ch_status go(moments *of, const ch_bound bounds[2])
{
    ch_status status = ch_past_go_to(&of->past, &bounds[0], "at", of->error);
    if (status != CH_OK) {
        return status;
    }
    of->from = of->past.at;
    if (bounds[1].is_time ? bounds[1].time_ms < of->past.recorded_ms : bounds[1].sequence < of->from) {
        return ch_error_set(of->error, CH_INVALID, NULL, "--at: the second moment lies before the first");
    }
    status = ch_state_reader_open(&of->reader, of->past.refold.state, of->error);
    if (status == CH_OK && ch_case_new(&of->before) != CH_OK) {
        status = ch_error_set(of->error, CH_NO_MEMORY, NULL, "no memory for a case");
    }
    if (status == CH_OK) {
        status = ch_past_go_to(&of->past, &bounds[1], "at", of->error);
    }
    of->to = of->past.at;
    return status == CH_OK ? compare(of) : status;
}

ch_status ch_replay_diff_moments(ch_replay *replay, ch_error *error)
{
    moments of = {.replay = replay, .error = error};
    ch_bound bounds[2];
    ch_status status = CH_OK;
    for (size_t i = 0; i < 2 && status == CH_OK; i++) {
        status = ch_bound_parse(&bounds[i], replay->options->at.at[i], "at", error);
    }
    if (status != CH_OK) {
        return status;
    }
    ch_buf_init(&of.row, ROW_LIMIT);
    ch_buf_init(&of.json, 2 * ROW_LIMIT);
    status = ch_past_open(&of.past, replay, error);
    if (status == CH_OK) {
        status = go(&of, bounds);
    }
    ch_case_free(of.before);
    ch_state_reader_close(of.reader);
    ch_past_close(&of.past);
    ch_buf_done(&of.row);
    ch_buf_done(&of.json);
    return status;
}
