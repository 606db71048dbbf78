#include "connectors/transports/odbc_window.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define AHEAD_S (26 * 3600) /* no zone is further from another */

/* ---- Positions */

static bool take_last(ch_odbc_window *window, const json_t *list, size_t key_count)
{
    if (json_array_size(list) != 1 + key_count) {
        return false;
    }
    for (size_t i = 0; i <= key_count; i++) {
        const json_t *text = json_array_get(list, i);
        if (ch_str_copy(window->last[i], CH_WINDOW_TEXT_SIZE,
                        (ch_str){json_string_value(text), json_string_length(text)}) != CH_OK) {
            return false;
        }
    }
    return true;
}

static void take_seen(ch_odbc_window *window, const char *text)
{
    char digits[17] = "";
    for (; strlen(text) >= 16 && window->seen_count < CH_WINDOW_SEEN_MOST; text += 16) {
        memcpy(digits, text, 16);
        window->seen[window->seen_count++] = strtoull(digits, NULL, 16);
    }
}

void ch_odbc_window_parse(ch_odbc_window *out_window, const char *position, size_t key_count)
{
    bool unused;
    json_t *value = json_loads(position, 0, NULL);
    ch_odbc_window window = {.more = json_is_true(json_object_get(value, "more"))};
    const char *seen = json_string_value(json_object_get(value, "seen"));
    if (take_last(&window, json_object_get(value, "last"), key_count) &&
        ch_odbc_watermark_check(window.last[0], 0, &unused)) {
        take_seen(&window, seen == NULL ? "" : seen);
        *out_window = window;
    } else {
        *out_window = (ch_odbc_window){.more = false};
    }
    json_decref(value);
}

void ch_odbc_window_format(const ch_odbc_window *window, size_t key_count, ch_buf *out)
{
    char seen[16 * CH_WINDOW_SEEN_MOST + 1] = "";
    json_t *last = json_array();
    for (size_t i = 0; i <= key_count; i++) {
        json_array_append_new(last, json_string(window->last[i]));
    }
    for (size_t i = 0; i < window->seen_count; i++) {
        snprintf(seen + 16 * i, 17, "%016" PRIx64, window->seen[i]);
    }
    json_t *value = json_pack("{s:o, s:b, s:s}", "last", last, "more", window->more, "seen", seen);
    char *text = value == NULL ? NULL : json_dumps(value, JSON_COMPACT);
    if (text == NULL) {
        out->failed = CH_NO_MEMORY;
    } else {
        ch_buf_append_text(out, text);
    }
    free(text);
    json_decref(value);
}

/* ---- Watermarks */

typedef struct moment {
    struct tm civil;
    char separator;
    int fields;       /* 3: a date, 5: with minutes, 6: with seconds */
    const char *rest; /* behind the seconds and their fraction: an offset */
} moment;

static bool is_integer(const char *text)
{
    int64_t value;
    return ch_str_to_int(ch_str_of(text), &value) == CH_OK;
}

static bool read_moment(const char *text, moment *out)
{
    int used = 0, more = 0;
    moment m = {.separator = ' ', .fields = 3};
    if (sscanf(text, "%4d-%2d-%2d%n", &m.civil.tm_year, &m.civil.tm_mon, &m.civil.tm_mday, &used) != 3 ||
        used != 10) {
        return false;
    }
    m.rest = text + used;
    if ((*m.rest == ' ' || *m.rest == 'T') &&
        sscanf(m.rest + 1, "%2d:%2d%n", &m.civil.tm_hour, &m.civil.tm_min, &more) == 2 && more == 5) {
        m.separator = *m.rest;
        m.fields = 5;
        m.rest += 6;
        if (sscanf(m.rest, ":%2d%n", &m.civil.tm_sec, &more) == 1 && more == 3) {
            m.fields = 6;
            m.rest += 3;
            m.rest += *m.rest == '.' ? 1 + strspn(m.rest + 1, "0123456789") : 0;
        }
    }
    m.civil.tm_year -= 1900;
    m.civil.tm_mon--;
    const struct tm given = m.civil;
    timegm(&m.civil); /* puts right what is no date, and shows so that it was none */
    *out = m;
    return given.tm_mon == m.civil.tm_mon && given.tm_mday == m.civil.tm_mday &&
           given.tm_hour == m.civil.tm_hour && given.tm_min == m.civil.tm_min &&
           strspn(m.rest, " +-:0123456789Z") == strlen(m.rest);
}

bool ch_odbc_watermark_check(const char *watermark, int64_t wall_ms, bool *out_moves)
{
    moment m;
    if (is_integer(watermark)) {
        *out_moves = true;
        return true;
    }
    if (!read_moment(watermark, &m)) {
        return false;
    }
    *out_moves = timegm(&m.civil) <= wall_ms / 1000 + AHEAD_S;
    return true;
}

void ch_odbc_watermark_lower(const char *watermark, int64_t overlap_ms, int64_t overlap_count,
                             char out[CH_WINDOW_TEXT_SIZE])
{
    int64_t value;
    moment m;
    char text[24];
    static const char *const forms[] = {[3] = "%Y-%m-%d", [5] = "%Y-%m-%d %H:%M", [6] = "%Y-%m-%d %H:%M:%S"};
    if (ch_str_to_int(ch_str_of(watermark), &value) == CH_OK) {
        int64_t lower = value < INT64_MIN + overlap_count ? INT64_MIN : value - overlap_count;
        snprintf(out, CH_WINDOW_TEXT_SIZE, "%" PRId64, lower);
        return;
    }
    if (!read_moment(watermark, &m)) {
        snprintf(out, CH_WINDOW_TEXT_SIZE, "%s", watermark);
        return;
    }
    time_t lower = timegm(&m.civil) - (time_t)((overlap_ms + 999) / 1000);
    struct tm civil;
    gmtime_r(&lower, &civil);
    strftime(text, sizeof text, forms[m.fields], &civil);
    if (m.fields > 3) {
        text[10] = m.separator;
    }
    snprintf(out, CH_WINDOW_TEXT_SIZE, "%s%s", text, m.rest);
}
