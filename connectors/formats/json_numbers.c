#include "connectors/formats/json_numbers.h"

#include <ctype.h>

#define DIGITS_EXACT 15 /* so many digits always fit into a double */

/* One number from at on; quoted when it is an integer with more digits than a double keeps. */
static size_t copy_number(ch_buf *out, const char *at, size_t left)
{
    size_t size = at[0] == '-', digits = 0;
    bool integer = true;
    for (; size < left && (isalnum((unsigned char)at[size]) || strchr("+-.", at[size]) != NULL); size++) {
        integer = integer && isdigit((unsigned char)at[size]);
        digits++;
    }
    bool quoted = integer && digits > DIGITS_EXACT;
    ch_buf_append_text(out, quoted ? "\"" : "");
    ch_buf_append(out, at, size);
    ch_buf_append_text(out, quoted ? "\"" : "");
    return size;
}

static size_t copy_string(ch_buf *out, const char *at, size_t left)
{
    size_t size = 1;
    while (size < left && at[size] != '"') {
        size += at[size] == '\\' && size + 1 < left ? 2 : 1;
    }
    size += size < left;
    ch_buf_append(out, at, size);
    return size;
}

void ch_json_quote_large_integers(ch_buf *out, ch_str text)
{
    ch_buf_clear(out);
    while (text.size > 0) {
        size_t size = 1;
        if (text.at[0] == '"') {
            size = copy_string(out, text.at, text.size);
        } else if (text.at[0] == '-' || isdigit((unsigned char)text.at[0])) {
            size = copy_number(out, text.at, text.size);
        } else {
            ch_buf_append(out, text.at, 1);
        }
        text = (ch_str){text.at + size, text.size - size};
    }
}
