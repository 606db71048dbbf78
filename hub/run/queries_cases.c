/* What is asked about cases. Every case passes ch_query_right_to: what the asker may not read is left out as if it were
 * not there.
 */
#include "hub/run/queries_inside.h"

#include "hub/model/topic.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- one case */

ch_status ch_query_right_to(ch_query_look *look, const ch_case *the_case, ch_read_right *out_right)
{
    ch_buf topic;
    ch_buf_init(&topic, 2 * CH_TOPIC_MAX);
    ch_status status =
        ch_topic_format(&topic, CH_STR("case.opened"), ch_topic_system_of(ch_str_of(the_case->source)),
                        ch_str_of(the_case->lead), ch_str_of(the_case->area));
    if (status == CH_OK) {
        status = ch_read_right_of(look->asker->grant, look->asker->state, the_case->number,
                                  ch_buf_str(&topic), UINT64_MAX, out_right);
    }
    ch_buf_done(&topic);
    return status == CH_OK ? CH_OK
                           : ch_error_set(look->error, status, "state", "the right to case %s cannot be told",
                                          the_case->id);
}

ch_status ch_query_load_case(ch_query_look *look, uint64_t number, ch_case *the_case,
                             ch_read_right *out_right)
{
    *out_right = (ch_read_right){.may_read = false};
    ch_status status = ch_state_reader_case(look->asker->state, number, the_case);
    if (status == CH_NOT_FOUND) {
        return CH_OK;
    }
    if (status != CH_OK) {
        return ch_error_set(look->error, status, "state", "case %" PRIu64 " cannot be read", number);
    }
    return ch_query_right_to(look, the_case, out_right);
}

/* The case whose id it is; 0: of none. */
static ch_status find_by_id(ch_query_look *look, ch_str id, ch_case *the_case, uint64_t *out_number)
{
    uint64_t number = 0;
    ch_status status = ch_case_id_number(id, &number);
    if (status == CH_OK) {
        status = ch_state_reader_case(look->asker->state, number, the_case);
    }
    *out_number = status == CH_OK && ch_str_is(id, the_case->id) ? number : 0;
    return status == CH_NOT_FOUND || status == CH_INVALID ? CH_OK : status;
}

/* What the arguments `case` and `source` name, readable or not; at most *count. */
static ch_status find_named(ch_query_look *look, ch_case *scratch, uint64_t *out_numbers, size_t *count)
{
    const ch_query_arguments *arguments = look->arguments;
    ch_status status;
    if (arguments->source.size > 0) {
        status = ch_state_reader_ref(look->asker->state, arguments->source, arguments->case_id, out_numbers);
        *count = status == CH_OK;
    } else {
        status = find_by_id(look, arguments->case_id, scratch, out_numbers);
        if (status == CH_OK && out_numbers[0] == 0) {
            status = ch_state_reader_ref_any(look->asker->state, arguments->case_id, out_numbers, count);
        } else {
            *count = status == CH_OK;
        }
    }
    if (status != CH_OK && status != CH_NOT_FOUND) {
        return ch_error_set(look->error, status, "state", "the case cannot be looked up: %s",
                            ch_status_text(status));
    }
    return *count > 1 ? ch_query_leave_out_merged(look, scratch, out_numbers, count) : CH_OK;
}

static ch_status not_found(ch_query_look *look)
{
    return ch_error_set(look->error, CH_NOT_FOUND, "QUERY.arguments.case", "there is no such case");
}

ch_status ch_query_find_case(ch_query_look *look, ch_case *out_case, ch_read_right *out_right)
{
    uint64_t numbers[CH_QUERY_REFS_MOST], found = 0;
    size_t count = CH_QUERY_REFS_MOST, readable = 0;
    ch_status status = find_named(look, out_case, numbers, &count);
    for (size_t i = 0; i < count && status == CH_OK; i++) {
        status = ch_query_load_case(look, numbers[i], out_case, out_right);
        if (status == CH_OK && out_right->may_read) {
            found = numbers[i];
            readable++;
        }
    }
    if (status != CH_OK) {
        return status;
    }
    if (readable > 1) {
        return ch_query_no_argument(look, "case",
                                    "several cases have this ref: name its source, or one case by its id");
    }
    return readable == 0 ? not_found(look) : ch_query_load_case(look, found, out_case, out_right);
}

/* Appends the event. CH_END: this look at the log does not reach that far yet. */
static ch_status put_event(ch_query_look *look, uint64_t sequence, bool personal)
{
    ch_record record;
    ch_event event;
    ch_status status = ch_query_read_record(look, sequence, &record, &event);
    if (status == CH_END) {
        return CH_END;
    }
    if (status == CH_OK) {
        status = ch_read_event(&look->answer->rows, look->asker->hub->store, &record, &event, personal);
    }
    return status == CH_OK
               ? CH_OK
               : ch_error_set(look->error, status == CH_INVALID ? CH_CORRUPT : status, "log",
                              "record %" PRIu64 " cannot be read: %s", sequence, ch_status_text(status));
}

static ch_status put_opened_event(ch_query_look *look, ch_mp_row *row, const ch_case *the_case, bool personal)
{
    if (the_case->opened_sequence > ch_log_reader_last(look->asker->log)) {
        return CH_OK;
    }
    ch_mp_row_put_key(row, "opened_event");
    return put_event(look, the_case->opened_sequence, personal);
}

static ch_status answer_case(ch_query_look *look, const ch_case *the_case, bool personal)
{
    ch_mp_row row = ch_query_row_begin(look);
    ch_case_put(&row, the_case);
    ch_status status = ch_query_put_mark(look, &row, the_case);
    ch_case_put_rest(&row, the_case);
    status = status == CH_OK ? ch_query_put_relations(look, &row, the_case) : status;
    if (status == CH_OK) {
        status = put_opened_event(look, &row, the_case, personal);
    }
    ch_query_row_end(look, &row);
    return status;
}

/* `next` counts cases of the ref, readable or not: sources keep their order, so it is stable. */
static ch_status answer_named(ch_query_look *look, ch_case *the_case)
{
    uint64_t numbers[CH_QUERY_REFS_MOST];
    size_t count = CH_QUERY_REFS_MOST;
    ch_status status = find_named(look, the_case, numbers, &count);
    for (size_t i = (size_t)look->arguments->passed; i < count && status == CH_OK; i++) {
        ch_read_right right;
        if (!ch_query_may_look(look)) {
            snprintf(look->answer->next, sizeof look->answer->next, "%zu", i);
            break;
        }
        status = ch_query_load_case(look, numbers[i], the_case, &right);
        if (status == CH_OK && right.may_read) {
            status = answer_case(look, the_case, right.personal);
        }
    }
    return status == CH_OK && look->answer->count == 0 && look->arguments->passed == 0 ? not_found(look)
                                                                                       : status;
}

ch_status ch_query_with_case(ch_query_look *look, ch_query_run_with *run_with)
{
    ch_case *scratch;
    ch_status status = ch_case_new(&scratch);
    if (status != CH_OK) {
        return ch_error_set(look->error, status, "QUERY", "no memory for a case");
    }
    status = run_with(look, scratch);
    ch_case_free(scratch);
    return status;
}

ch_status ch_query_case(ch_query_look *look)
{
    return ch_query_with_case(look, answer_named);
}

static ch_status answer_timeline(ch_query_look *look, ch_case *the_case)
{
    ch_read_right right;
    uint32_t version = (uint32_t)look->arguments->passed;
    uint64_t sequence;
    ch_status status = ch_query_find_case(look, the_case, &right);
    while (status == CH_OK) {
        uint32_t passed = version;
        status =
            ch_state_reader_case_event(look->asker->state, the_case->number, passed + 1, &version, &sequence);
        if (status != CH_OK && status != CH_END) {
            return ch_error_set(look->error, status, "state", "the events of case %s cannot be found",
                                the_case->id);
        }
        if (status == CH_OK && !ch_query_may_look(look)) {
            snprintf(look->answer->next, sizeof look->answer->next, "%" PRIu32, passed);
            break;
        }
        status = status == CH_OK ? put_event(look, sequence, right.personal) : status;
        look->answer->count += status == CH_OK;
    }
    return status == CH_END ? CH_OK : status;
}

ch_status ch_query_timeline(ch_query_look *look)
{
    return ch_query_with_case(look, answer_timeline);
}

/* ---- cases */

/* "power" covers "power" and "power.trip". */
static bool is_below_category(const char *category, ch_str prefix)
{
    return ch_str_starts(ch_str_of(category), prefix) &&
           (category[prefix.size] == '\0' || category[prefix.size] == '.');
}

static bool is_with_party(const ch_case *the_case, ch_str party)
{
    if (ch_str_is(party, the_case->lead)) {
        return true;
    }
    for (size_t i = 0; i < the_case->handoff_count; i++) {
        const ch_handoff *handoff = &the_case->handoffs[i];
        if (ch_handoff_is_open(handoff->state) && ch_str_is(party, handoff->party)) {
            return true;
        }
    }
    return false;
}

static bool is_of_test_mode(const ch_case *the_case, ch_str mode)
{
    return ch_str_is(mode, "include") || the_case->test_mode == ch_str_is(mode, "only");
}

static bool fits(const ch_case *the_case, const ch_query_arguments *asked)
{
    ch_str system = ch_topic_system_of(ch_str_of(the_case->source));
    return is_of_test_mode(the_case, asked->test) && the_case->opened_ms >= asked->since &&
           (asked->state.at == NULL || ch_str_is(asked->state, ch_case_state_name(the_case->state))) &&
           (asked->system.at == NULL || ch_str_equal(asked->system, system)) &&
           (asked->area.at == NULL || ch_str_starts(ch_str_of(the_case->area), asked->area)) &&
           (asked->category.at == NULL || is_below_category(the_case->category, asked->category)) &&
           (asked->anomalous == CH_FLAG_ABSENT ||
            (the_case->anomalous_count > 0) == (asked->anomalous == CH_FLAG_YES)) &&
           (asked->party.at == NULL || is_with_party(the_case, asked->party));
}

/* `next` is the number of the last case looked at. */
static bool see_case(void *context, const ch_case *the_case)
{
    ch_query_look *look = context;
    ch_read_right right = {.may_read = false};
    if (!ch_query_may_look(look)) {
        return false;
    }
    snprintf(look->answer->next, sizeof look->answer->next, "%" PRIu64, the_case->number);
    if (fits(the_case, look->arguments)) {
        look->status = ch_query_right_to(look, the_case, &right);
    }
    /* Whoever looks for a person learns of no case whose persons are not for him to know. */
    bool by_person = look->arguments->phone.at != NULL || look->arguments->id_number.at != NULL;
    if (right.may_read && (right.personal || !by_person)) {
        ch_mp_row row = ch_query_row_begin(look);
        ch_case_put(&row, the_case);
        look->status = ch_query_put_mark(look, &row, the_case);
        ch_query_row_end(look, &row);
    }
    return look->status == CH_OK;
}

static int newest_first(const void *a, const void *b)
{
    uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;
    return (left < right) - (left > right);
}

static ch_status see_cases(ch_query_look *look, ch_case *the_case, uint64_t *numbers, size_t count)
{
    bool goes_on = true;
    ch_status status = CH_OK;
    qsort(numbers, count, sizeof *numbers, newest_first);
    for (size_t i = 0; status == CH_OK && goes_on && i < count; i++) {
        if (numbers[i] < (uint64_t)look->arguments->passed) {
            status = ch_state_reader_case(look->asker->state, numbers[i], the_case);
            goes_on = status == CH_OK && see_case(look, the_case);
        }
    }
    return ch_query_end_walk(look, status, "state");
}

static ch_status see_cases_of_ref(ch_query_look *look, ch_case *the_case)
{
    uint64_t numbers[CH_QUERY_REFS_MOST];
    size_t count = CH_QUERY_REFS_MOST;
    ch_status status = ch_state_reader_ref_any(look->asker->state, look->arguments->ref, numbers, &count);
    return status == CH_OK ? see_cases(look, the_case, numbers, count)
                           : ch_query_end_walk(look, status, "state");
}

static ch_status see_cases_of_person(ch_query_look *look, ch_case *the_case)
{
    uint64_t numbers[CH_QUERY_PERSON_MOST];
    size_t count = CH_QUERY_PERSON_MOST;
    ch_status status = ch_query_numbers_of_person(look, numbers, &count);
    return status == CH_OK ? see_cases(look, the_case, numbers, count) : status;
}

ch_status ch_query_cases(ch_query_look *look)
{
    if (look->arguments->ref.at != NULL) {
        return ch_query_with_case(look, see_cases_of_ref);
    }
    if (look->arguments->phone.at != NULL || look->arguments->id_number.at != NULL) {
        return ch_query_with_case(look, see_cases_of_person);
    }
    ch_status status =
        ch_state_reader_cases(look->asker->state, (uint64_t)look->arguments->passed, see_case, look);
    return ch_query_end_walk(look, status, "state");
}
