/* mp_row.h - a map that is written pair by pair, whose absent values are left out: a row of an answer. */
#ifndef CH_MODEL_MP_ROW_H
#define CH_MODEL_MP_ROW_H

#include "hub/model/mp.h"

typedef struct ch_mp_row {
    ch_buf *out;
    size_t begun_at;
    uint32_t pairs;
    bool times_as_text; /* RFC 3339 in UTC instead of milliseconds */
} ch_mp_row;

ch_mp_row ch_mp_row_begin(ch_buf *out);
/* A map that is a value of another's. */
ch_mp_row ch_mp_row_begin_in(const ch_mp_row *outer);
void ch_mp_row_end(ch_mp_row *row);

/* "" and CH_STR_NONE are absent; so is the time 0, but not as a moment. After put_key the caller puts the value. */
void ch_mp_row_put_text(ch_mp_row *row, const char *key, const char *value);
void ch_mp_row_put_str(ch_mp_row *row, const char *key, ch_str value);
void ch_mp_row_put_int(ch_mp_row *row, const char *key, int64_t value);
void ch_mp_row_put_time(ch_mp_row *row, const char *key, int64_t time_ms);
void ch_mp_row_put_moment(ch_mp_row *row, const char *key, int64_t time_ms);
void ch_mp_row_put_flag(ch_mp_row *row, const char *key, bool value);
void ch_mp_row_put_key(ch_mp_row *row, const char *key);

#endif
