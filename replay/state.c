/* state: what the hub knew at a moment of its log: of one case, of a party's inbox, or of everything, as a hash. */
#include "replay/past.h"
#include "replay/report.h"
#include "replay/state_page.h"

#include "hub/model/case_row.h"
#include "hub/model/json.h"

#include <inttypes.h>

#define ROW_LIMIT ((size_t)4 << 20)
#define REFS_MOST 64 /* cases that one ref may name */

typedef struct look {
    ch_replay *replay;
    const ch_past *past;
    ch_state_reader *reader;
    ch_case *the_case;
    ch_buf row, json;
    ch_status status; /* of a walk: why it was ended */
    ch_error *error;
} look;

static ch_status fail(look *of, ch_status status, const char *what)
{
    return ch_error_set(of->error, status, what, "%s", ch_status_text(status));
}

static ch_mp_row begin_row(look *of)
{
    ch_buf_clear(&of->row);
    ch_mp_row row = ch_mp_row_begin(&of->row);
    row.times_as_text = true;
    return row;
}

static ch_status print_row(look *of, ch_mp_row *row)
{
    ch_mp_row_end(row);
    ch_buf_clear(&of->json);
    ch_status status = of->row.failed;
    if (status == CH_OK) {
        status = ch_json_from_mp(&of->json, ch_buf_str(&of->row));
    }
    if (status != CH_OK) {
        return fail(of, status, "a line");
    }
    fprintf(of->replay->world->out, "%.*s\n", CH_STR_ARG(ch_buf_str(&of->json)));
    return CH_OK;
}

/* ---- one case */

/* The id of the case that stands for a merged one; "" of one that stands for itself. */
static ch_status find_last(look *of, uint64_t merged_into, char out_id[CH_CASE_ID_SIZE])
{
    ch_case *last;
    out_id[0] = '\0';
    if (merged_into == 0) {
        return CH_OK;
    }
    ch_status status = ch_case_new(&last);
    for (unsigned i = 0; status == CH_OK && merged_into != 0; i++) {
        status = i > CH_MERGES_DEEP ? CH_CORRUPT : ch_state_reader_case(of->reader, merged_into, last);
        merged_into = status == CH_OK ? last->merged_into : 0;
    }
    if (status == CH_OK) {
        memcpy(out_id, last->id, sizeof last->id);
    }
    ch_case_free(last);
    return status == CH_OK ? CH_OK : fail(of, status, "the case that another was merged into");
}

static ch_status print_case_json(look *of, const ch_mark *mark, const char *last)
{
    ch_mp_row row = begin_row(of);
    ch_mp_row_put_int(&row, "as_of", (int64_t)of->past->at);
    ch_mp_row_put_moment(&row, "recorded", of->past->recorded_ms);
    ch_case_put(&row, of->the_case);
    if (mark->erased_sequence != 0) {
        ch_mp_row_put_flag(&row, "erased", true);
    }
    if (mark->held_sequence != 0) {
        ch_mp_row_put_flag(&row, "held", true);
    }
    ch_case_put_rest(&row, of->the_case);
    ch_mp_row_put_text(&row, "merged_into", last);
    return print_row(of, &row);
}

static ch_status print_case(look *of, uint64_t number)
{
    char last[CH_CASE_ID_SIZE];
    ch_mark mark = {.erased_sequence = 0};
    ch_status status = ch_state_reader_case(of->reader, number, of->the_case);
    if (status == CH_OK) {
        status = ch_state_reader_mark(of->reader, number, &mark);
        status = status == CH_NOT_FOUND ? CH_OK : status;
    }
    if (status != CH_OK) {
        return fail(of, status, "a case");
    }
    status = find_last(of, of->the_case->merged_into, last);
    if (status != CH_OK || of->replay->options->json) {
        return status == CH_OK ? print_case_json(of, &mark, last) : status;
    }
    ch_state_page_case(of->replay->world->out, of->past, of->the_case, &mark, last);
    return CH_OK;
}

/* By its id, else as a ref of any source. */
static ch_status find_cases(look *of, ch_str name, uint64_t numbers[REFS_MOST], size_t *count)
{
    ch_status status = ch_case_id_number(name, &numbers[0]);
    if (status == CH_OK) {
        status = ch_state_reader_case(of->reader, numbers[0], of->the_case);
    }
    *count = status == CH_OK && ch_str_is(name, of->the_case->id);
    if (*count == 0 && (status == CH_OK || status == CH_NOT_FOUND || status == CH_INVALID)) {
        *count = REFS_MOST;
        status = ch_state_reader_ref_any(of->reader, name, numbers, count);
    }
    return status == CH_OK || status == CH_NOT_FOUND ? CH_OK : fail(of, status, "a case");
}

static ch_status show_case(look *of)
{
    uint64_t numbers[REFS_MOST];
    size_t count = 0;
    const char *name = of->replay->options->case_id;
    ch_status status = find_cases(of, ch_str_of(name), numbers, &count);
    if (status == CH_OK && count == 0) {
        return ch_error_set(of->error, CH_NOT_FOUND, NULL,
                            "--case %s: there was no such case at record %" PRIu64, name, of->past->at);
    }
    for (size_t i = 0; status == CH_OK && i < count; i++) {
        status = print_case(of, numbers[i]);
    }
    return status;
}

/* ---- a party's inbox */

static ch_status print_handoff(look *of, const ch_handoff *handoff)
{
    if (!of->replay->options->json) {
        ch_state_page_handoff(of->replay->world->out, of->the_case, handoff);
        return CH_OK;
    }
    ch_mp_row row = begin_row(of);
    ch_case_put_handoff(&row, of->the_case, handoff);
    ch_mp_row_put_text(&row, "case", of->the_case->id);
    ch_mp_row_put_text(&row, "category", of->the_case->category);
    ch_mp_row_put_text(&row, "area", of->the_case->area);
    return print_row(of, &row);
}

static bool see_handoff(void *context, ch_str party, uint64_t number, uint32_t index)
{
    look *of = context;
    (void)party;
    of->status = ch_state_reader_case(of->reader, number, of->the_case);
    const ch_handoff *handoff = of->status == CH_OK ? ch_case_handoff(of->the_case, index) : NULL;
    of->status = handoff == NULL ? fail(of, of->status == CH_OK ? CH_CORRUPT : of->status, "a handoff")
                                 : print_handoff(of, handoff);
    return of->status == CH_OK;
}

static ch_status show_inbox(look *of)
{
    if (!of->replay->options->json) {
        ch_state_page_heading(of->replay->world->out, of->past);
    }
    ch_status status =
        ch_state_reader_handoffs(of->reader, ch_str_of(of->replay->options->party), see_handoff, of);
    return of->status != CH_OK ? of->status : status == CH_OK ? CH_OK : fail(of, status, "handoffs");
}

/* ---- everything */

static ch_status show_hash(ch_replay *replay, ch_past *past, ch_error *error)
{
    uint8_t hash[CH_HASH_SIZE];
    char time[CH_TIME_TEXT_SIZE];
    ch_report lines;
    ch_status status = ch_refold_hash(&past->refold, hash, error);
    if (status != CH_OK) {
        return status;
    }
    ch_time_format(past->recorded_ms, 0, time);
    ch_report_begin(&lines, replay);
    ch_report_number(&lines, "as_of", past->at);
    ch_report_text(&lines, "recorded", past->at == 0 ? NULL : time);
    ch_report_hash(&lines, "state_hash", hash);
    return ch_report_end(&lines, error);
}

static ch_status look_into(ch_replay *replay, const ch_past *past, ch_error *error)
{
    look of = {.replay = replay, .past = past, .error = error};
    ch_buf_init(&of.row, ROW_LIMIT);
    ch_buf_init(&of.json, ROW_LIMIT);
    ch_status status = ch_state_reader_open(&of.reader, past->refold.state, error);
    if (status == CH_OK && ch_case_new(&of.the_case) != CH_OK) {
        status = ch_error_set(error, CH_NO_MEMORY, NULL, "no memory for a case");
    }
    if (status == CH_OK) {
        status = replay->options->case_id != NULL ? show_case(&of) : show_inbox(&of);
    }
    ch_case_free(of.the_case);
    ch_state_reader_close(of.reader);
    ch_buf_done(&of.row);
    ch_buf_done(&of.json);
    return status;
}

ch_status ch_replay_state(ch_replay *replay, ch_error *error)
{
    ch_past past = {.replay = replay};
    ch_bound as_of;
    ch_status status = ch_bound_parse(&as_of, replay->options->as_of, "as-of", error);
    if (status != CH_OK) {
        return status;
    }
    status = ch_past_open(&past, replay, error);
    if (status == CH_OK) {
        status = ch_past_go_to(&past, &as_of, "as-of", error);
    }
    if (status == CH_OK) {
        status = replay->options->hash ? show_hash(replay, &past, error) : look_into(replay, &past, error);
    }
    ch_past_close(&past);
    return status;
}
