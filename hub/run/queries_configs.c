/* The tables and rules that were in force, newest first. What the files hold is in the events. */
#include "hub/run/queries_inside.h"

#include <inttypes.h>
#include <stdio.h>

/* `next` is the sequence of the last one looked at. */
static bool see_config(void *context, uint64_t sequence, ch_str value)
{
    static const char *const fields[] = {"recorded", "code", "hash", "parts", "files"};
    ch_query_look *look = context;
    if (!ch_query_may_look(look)) {
        return false;
    }
    snprintf(look->answer->next, sizeof look->answer->next, "%" PRIu64, sequence);
    ch_mp_row row = ch_query_row_begin(look);
    ch_mp_row_put_int(&row, "sequence", (int64_t)sequence);
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        ch_mp_value ignored;
        ch_str bytes;
        if (ch_mp_find(value, fields[i], &ignored, &bytes)) {
            ch_mp_row_put_key(&row, fields[i]);
            ch_mp_put_raw(row.out, bytes);
        }
    }
    ch_query_row_end(look, &row);
    return true;
}

ch_status ch_query_configs(ch_query_look *look)
{
    ch_status status =
        ch_state_reader_configs(look->asker->state, (uint64_t)look->arguments->passed, see_config, look);
    return ch_query_end_walk(look, status, "state");
}
