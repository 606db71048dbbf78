/* What is asked about cases as records: whose they are, whether they are held or erased, and what became of an erasure. */
#include "hub/run/queries_inside.h"

#include "hub/run/key_copies.h"

#include <stdlib.h>

#define COPIES_LIMIT ((size_t)512 * 1024)

/* An erasure that a restored log does not know is known by its key. */
static bool has_no_key(const ch_query_look *look, uint64_t number)
{
    uint8_t key[CH_KEY_SIZE];
    ch_status status = ch_slots_key(look->asker->hub->store->case_slots, number, key);
    explicit_bzero(key, sizeof key);
    return status == CH_ERASED;
}

ch_status ch_query_put_mark(ch_query_look *look, ch_mp_row *row, const ch_case *the_case)
{
    ch_mark mark;
    ch_status status = ch_state_reader_mark(look->asker->state, the_case->number, &mark);
    if (status != CH_OK) {
        return ch_error_set(look->error, status, "state", "the marks of case %s cannot be read",
                            the_case->id);
    }
    if (mark.erased_sequence != 0 || has_no_key(look, the_case->number)) {
        ch_mp_row_put_flag(row, "erased", true);
    }
    if (mark.held_sequence != 0) {
        ch_mp_row_put_flag(row, "held", true);
    }
    return CH_OK;
}

/* ---- whose case it is */

static bool key_of(const ch_query_arguments *asked, ch_person_key *out_key)
{
    return asked->phone.at != NULL ? ch_person_phone(asked->phone, out_key)
                                   : ch_person_id_number(asked->id_number, out_key);
}

ch_status ch_query_numbers_of_person(ch_query_look *look, uint64_t *out_numbers, size_t *count)
{
    ch_person_key key;
    if (!key_of(look->arguments, &key)) {
        return ch_query_no_argument(look, look->arguments->phone.at != NULL ? "phone" : "id_number",
                                    "a number of 5 digits or more is expected");
    }
    ch_status status = ch_state_reader_persons(look->asker->state, &key, 1, out_numbers, count);
    explicit_bzero(&key, sizeof key);
    return status == CH_OK
               ? CH_OK
               : ch_error_set(look->error, status, "state", "who called about which case cannot be read");
}

/* ---- an erasure */

static ch_status put_copies(ch_query_look *look, ch_mp_row *row)
{
    ch_buf rows;
    uint32_t count;
    ch_buf_init(&rows, COPIES_LIMIT);
    bool settled = ch_key_copies_tell(look->asker->hub->key_copies, &rows, &count);
    ch_mp_row_put_flag(row, "settled", settled);
    if (settled && rows.failed == CH_OK) {
        ch_mp_row_put_key(row, "copies");
        ch_mp_put_array(row->out, count);
        ch_mp_put_raw(row->out, ch_buf_str(&rows));
    }
    ch_status status = rows.failed;
    ch_buf_done(&rows);
    return status == CH_OK ? CH_OK : ch_error_set(look->error, status, "QUERY", "no room for the copies");
}

static ch_status put_event(ch_query_look *look, ch_mp_row *row, uint64_t sequence)
{
    ch_record record;
    ch_event event;
    ch_mp_value list;
    ch_str cases;
    ch_status status = ch_query_read_record(look, sequence, &record, &event);
    if (status != CH_OK) {
        return ch_error_set(look->error, status == CH_END ? CH_BUSY : status, "log",
                            "the record of the erasure cannot be read");
    }
    ch_mp_row_put_int(row, "sequence", (int64_t)sequence);
    ch_mp_row_put_int(row, "recorded", event.recorded_ms);
    ch_mp_row_put_str(row, "actor", event.actor);
    ch_mp_row_put_str(row, "reason", ch_mp_find_str(event.data, "reason"));
    if (ch_mp_find(event.data, "cases", &list, &cases)) {
        ch_mp_row_put_key(row, "cases");
        ch_mp_put_raw(row->out, cases);
    }
    return CH_OK;
}

static ch_status answer_erasure(ch_query_look *look, ch_case *the_case)
{
    ch_read_right right;
    ch_mark mark;
    ch_status status = ch_query_find_case(look, the_case, &right);
    if (status == CH_OK) {
        status = ch_state_reader_mark(look->asker->state, the_case->number, &mark);
    }
    if (status != CH_OK) {
        return status;
    }
    if (mark.erased_sequence == 0) {
        return ch_error_set(look->error, CH_NOT_FOUND, "QUERY.arguments.case", "case %s was not erased",
                            the_case->id);
    }
    ch_mp_row row = ch_query_row_begin(look);
    ch_mp_row_put_text(&row, "case", the_case->id);
    status = put_event(look, &row, mark.erased_sequence);
    status = status == CH_OK ? put_copies(look, &row) : status;
    ch_query_row_end(look, &row);
    return status;
}

ch_status ch_query_erasure(ch_query_look *look)
{
    return ch_query_with_case(look, answer_erasure);
}
