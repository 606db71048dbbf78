#include "hub/model/mp_row.h"

#include "hub/base/clock.h"

ch_mp_row ch_mp_row_begin(ch_buf *out)
{
    return (ch_mp_row){.out = out, .begun_at = ch_mp_begin_map(out)};
}

ch_mp_row ch_mp_row_begin_in(const ch_mp_row *outer)
{
    return (ch_mp_row){
        .out = outer->out, .begun_at = ch_mp_begin_map(outer->out), .times_as_text = outer->times_as_text};
}

void ch_mp_row_end(ch_mp_row *row)
{
    ch_mp_end_map(row->out, row->begun_at, row->pairs);
}

void ch_mp_row_put_key(ch_mp_row *row, const char *key)
{
    ch_mp_put_text(row->out, key);
    row->pairs++;
}

void ch_mp_row_put_str(ch_mp_row *row, const char *key, ch_str value)
{
    if (value.size > 0) {
        ch_mp_row_put_key(row, key);
        ch_mp_put_str(row->out, value);
    }
}

void ch_mp_row_put_text(ch_mp_row *row, const char *key, const char *value)
{
    ch_mp_row_put_str(row, key, ch_str_of(value));
}

void ch_mp_row_put_int(ch_mp_row *row, const char *key, int64_t value)
{
    ch_mp_row_put_key(row, key);
    ch_mp_put_int(row->out, value);
}

void ch_mp_row_put_time(ch_mp_row *row, const char *key, int64_t time_ms)
{
    if (time_ms != 0) {
        ch_mp_row_put_moment(row, key, time_ms);
    }
}

void ch_mp_row_put_moment(ch_mp_row *row, const char *key, int64_t time_ms)
{
    char text[CH_TIME_TEXT_SIZE];
    if (!row->times_as_text) {
        ch_mp_row_put_int(row, key, time_ms);
        return;
    }
    ch_time_format(time_ms, 0, text);
    ch_mp_row_put_text(row, key, text);
}

void ch_mp_row_put_flag(ch_mp_row *row, const char *key, bool value)
{
    ch_mp_row_put_key(row, key);
    ch_mp_put_bool(row->out, value);
}
