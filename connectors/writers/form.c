/* form.c - an object as a browser posts a form. A member that is an array comes once for each of its values, one that is
 * null is left out.
 */
#include "connectors/formats/percent.h"
#include "connectors/writers/value.h"
#include "connectors/writers/writers.h"

static bool append_field(ch_buf *out, const char *name, const json_t *value)
{
    ch_buf text;
    ch_buf_init(&text, CH_WRITTEN_MOST);
    bool scalar = ch_value_append(&text, value);
    if (scalar && !json_is_null(value)) {
        ch_buf_append_text(out, out->size == 0 ? "" : "&");
        ch_percent_encode_form(out, ch_str_of(name));
        ch_buf_append_text(out, "=");
        ch_percent_encode_form(out, ch_buf_str(&text));
    }
    out->failed = out->failed == CH_OK ? text.failed : out->failed;
    ch_buf_done(&text);
    return scalar;
}

static bool append_member(ch_buf *out, const char *name, const json_t *value)
{
    if (!json_is_array(value)) {
        return append_field(out, name, value);
    }
    bool scalars = true;
    for (size_t i = 0; i < json_array_size(value) && scalars; i++) {
        scalars = append_field(out, name, json_array_get(value, i));
    }
    return scalars;
}

static bool append_members(ch_buf *out, json_t *body, const casehub_output *output)
{
    const char *name;
    json_t *value;
    json_object_foreach(body, name, value)
    {
        if (!append_member(out, name, value)) {
            output->fail(output, name, "a text, a number, true or false, or an array of these is expected");
            return false;
        }
    }
    return true;
}

static int write_form(const char *json, size_t json_size, const casehub_output *output)
{
    ch_buf written;
    json_t *body = ch_body_read(json, json_size, output);
    if (body == NULL) {
        return -1;
    }
    ch_buf_init(&written, CH_WRITTEN_MOST);
    bool whole = json_is_object(body) && append_members(&written, body, output);
    if (!json_is_object(body)) {
        output->fail(output, NULL, "an object is expected");
    }
    json_decref(body);
    if (!whole) {
        ch_buf_done(&written);
        return -1;
    }
    return ch_body_finish(&written, output);
}

const casehub_writer ch_writer_form = {
    CASEHUB_SIZED(casehub_writer), .name = "form", .help = "an object as a browser posts a form, in UTF-8",
    .media_type = "application/x-www-form-urlencoded", .write = write_form};
