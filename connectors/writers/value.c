#include "connectors/writers/value.h"

#include <stdio.h>
#include <stdlib.h>

json_t *ch_body_read(const char *json, size_t json_size, const casehub_output *output)
{
    json_t *body = json_loadb(json, json_size, JSON_DECODE_ANY, NULL);
    if (body == NULL) {
        output->fail(output, NULL, "a text in it holds a zero byte, or it is nested too deeply");
    }
    return body;
}

/* The fewest digits that are the same number again. */
static void append_real(ch_buf *out, double value)
{
    char text[40];
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, value);
        if (!(strtod(text, NULL) < value) && !(strtod(text, NULL) > value)) {
            break;
        }
    }
    ch_buf_append_text(out, text);
}

bool ch_value_append(ch_buf *out, const json_t *value)
{
    switch (json_typeof(value)) {
    case JSON_STRING: ch_buf_append(out, json_string_value(value), json_string_length(value)); return true;
    case JSON_INTEGER:
        ch_buf_append_format(out, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
        return true;
    case JSON_REAL: append_real(out, json_real_value(value)); return true;
    case JSON_TRUE: ch_buf_append_text(out, "true"); return true;
    case JSON_FALSE: ch_buf_append_text(out, "false"); return true;
    case JSON_NULL: return true;
    case JSON_OBJECT:
    case JSON_ARRAY: return false;
    }
    return false; /* of a type that jansson does not have yet */
}

int ch_body_finish(ch_buf *written, const casehub_output *output)
{
    const void *bytes = written->size == 0 ? "" : (const void *)written->at;
    bool done = written->failed == CH_OK && output->append(output, bytes, written->size);
    if (!done) {
        output->fail(output, NULL, "there is no room to write it");
    }
    ch_buf_done(written);
    return done ? 0 : -1;
}
