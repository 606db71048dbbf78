/* The names that people read out over the phone: "ZJ-20261123-18" and "ZJ-20261123-18/h3". */
#include "hub/model/event.h"

#include "hub/base/clock.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

#define HUB_CODE_MAX 16
#define DATE_DIGITS 8

void ch_case_id_format(char out[CH_CASE_ID_SIZE], const char *hub_code, int64_t opened_ms,
                       int utc_offset_minutes, uint64_t number, bool test_mode)
{
    ch_date date = ch_date_of(opened_ms, utc_offset_minutes);
    /* The zone may carry the first and the last day of all out of four digits. */
    int year = date.year < 1 ? 1 : date.year > 9999 ? 9999 : date.year;
    int size = snprintf(out, CH_CASE_ID_SIZE, "%s%s-%04d%02d%02d-%" PRIu64, test_mode ? "T-" : "", hub_code,
                        year, date.month, date.day, number);
    assert(size > 0 && size < CH_CASE_ID_SIZE);
}

/* 1 and up, as it is written: no sign, no leading zero. */
static bool read_number(ch_str text, uint64_t most, uint64_t *out_number)
{
    uint64_t number = 0;
    if (text.size == 0 || text.at[0] == '0') {
        return false;
    }
    for (size_t i = 0; i < text.size; i++) {
        if (text.at[i] < '0' || text.at[i] > '9') {
            return false;
        }
        uint64_t digit = (uint64_t)(text.at[i] - '0');
        if (number > (most - digit) / 10) {
            return false;
        }
        number = number * 10 + digit;
    }
    *out_number = number;
    return true;
}

/* Cuts text at its last `mark`: what is behind it is *out_tail. */
static bool cut_last(ch_str *text, char mark, ch_str *out_tail)
{
    const char *at = text->size == 0 ? NULL : memrchr(text->at, mark, text->size);
    if (at == NULL) {
        return false;
    }
    size_t before = (size_t)(at - text->at);
    *out_tail = (ch_str){at + 1, text->size - before - 1};
    text->size = before;
    return true;
}

static bool is_hub_code(ch_str text)
{
    for (size_t i = 0; i < text.size; i++) {
        char c = text.at[i];
        if (!((c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'))) {
            return false;
        }
    }
    return text.size > 0 && text.size <= HUB_CODE_MAX;
}

static bool is_date(ch_str text)
{
    for (size_t i = 0; i < text.size; i++) {
        if (text.at[i] < '0' || text.at[i] > '9') {
            return false;
        }
    }
    return text.size == DATE_DIGITS;
}

ch_status ch_case_id_number(ch_str id, uint64_t *out_number)
{
    ch_str code = id, number, date, test = CH_STR("T");
    ch_str bare;
    if (!cut_last(&code, '-', &number) || !cut_last(&code, '-', &date) || !is_date(date)) {
        return CH_INVALID;
    }
    if (cut_last(&code, '-', &bare)) {
        if (!ch_str_equal(code, test)) {
            return CH_INVALID;
        }
        code = bare;
    }
    return is_hub_code(code) && read_number(number, UINT64_MAX, out_number) ? CH_OK : CH_INVALID;
}

static ch_status split(ch_str id, char letter, ch_str *out_case_id, uint32_t *out_index)
{
    ch_str case_id = id, part;
    uint64_t number, index;
    if (!cut_last(&case_id, '/', &part) || part.size < 2 || part.at[0] != letter ||
        !read_number((ch_str){part.at + 1, part.size - 1}, UINT32_MAX, &index) ||
        ch_case_id_number(case_id, &number) != CH_OK) {
        return CH_INVALID;
    }
    *out_case_id = case_id;
    *out_index = (uint32_t)index;
    return CH_OK;
}

ch_status ch_handoff_id_split(ch_str id, ch_str *out_case_id, uint32_t *out_index)
{
    return split(id, 'h', out_case_id, out_index);
}

ch_status ch_group_id_split(ch_str id, ch_str *out_case_id, uint32_t *out_index)
{
    return split(id, 'g', out_case_id, out_index);
}

ch_status ch_clock_id_split(ch_str id, ch_str *out_case_id, uint32_t *out_index)
{
    return split(id, 'c', out_case_id, out_index);
}
