/* form.c - an HTML form as browsers post it (application/x-www-form-urlencoded): the unit is one record.
 *
 * A name that comes more than once, or ends in "[]", has an array of values.
 * https://url.spec.whatwg.org/#urlencoded-parsing
 */
#include "connectors/formats/formats.h"
#include "connectors/formats/percent.h"

#include <jansson.h>
#include <stdlib.h>

#define PAIRS_MOST 1000

typedef struct reader {
    ch_buf body;
    ch_buf name, value; /* of the pair in hand, decoded */
    size_t record_most, field_most;
} reader;

static int open_reader(void *state, const casehub_value *values, size_t record_most, size_t field_most)
{
    reader *r = state;
    (void)values;
    r->record_most = record_most;
    r->field_most = field_most;
    ch_buf_init(&r->body, record_most);
    ch_buf_init(&r->name, record_most + 1);
    ch_buf_init(&r->value, record_most + 1);
    return 0;
}

static void close_reader(void *state)
{
    reader *r = state;
    ch_buf_done(&r->body);
    ch_buf_done(&r->name);
    ch_buf_done(&r->value);
}

static int fail(reader *r, const casehub_sink *sink, const char *reason)
{
    const casehub_parsed parsed = {CASEHUB_SIZED(casehub_parsed),
                                   .raw = (const char *)r->body.at,
                                   .raw_size = r->body.size,
                                   .line = 1,
                                   .code = "invalid",
                                   .reason = reason};
    return sink->record(sink, &parsed) ? CASEHUB_FORMAT_OK : CASEHUB_FORMAT_STOP;
}

/* Terminated; valid until the next call. NULL: no UTF-8, a zero byte, or no memory. */
static char *decode(ch_buf *out, ch_str text)
{
    ch_buf_clear(out);
    ch_percent_decode(out, text);
    ch_str decoded = ch_buf_str(out);
    bool fine =
        ch_str_is_utf8(decoded) && (decoded.size == 0 || memchr(decoded.at, '\0', decoded.size) == NULL);
    ch_buf_append(out, "", 1);
    return fine && out->failed == CH_OK ? (char *)out->at : NULL;
}

/* Takes over value. False: no memory. */
static bool add(json_t *object, char *name, json_t *value)
{
    size_t size = strlen(name);
    bool list = size > 2 && strcmp(name + size - 2, "[]") == 0;
    if (list) {
        name[size - 2] = '\0';
    }
    json_t *before = json_object_get(object, name);
    if (before == NULL) {
        return json_object_set_new(object, name, list ? json_pack("[o]", value) : value) == 0;
    }
    if (!json_is_array(before)) {
        json_t *both = json_pack("[O]", before);
        if (both == NULL || json_object_set_new(object, name, both) != 0) {
            json_decref(value);
            return false;
        }
        before = both;
    }
    return json_array_append_new(before, value) == 0;
}

/* NULL when all is well, or the reason. */
static const char *take_pair(reader *r, json_t *object, ch_str pair)
{
    const char *equals = memchr(pair.at, '=', pair.size);
    size_t name_size = equals == NULL ? pair.size : (size_t)(equals - pair.at);
    ch_str text = equals == NULL ? CH_STR("") : (ch_str){equals + 1, pair.size - name_size - 1};
    if (name_size == 0 || name_size > 200) {
        return "a name is empty or too long";
    }
    if (text.size > 3 * r->field_most) {
        return "a value is too large";
    }
    char *name = decode(&r->name, (ch_str){pair.at, name_size});
    const char *value = decode(&r->value, text);
    const char *reason = name == NULL || value == NULL ? "a value is not UTF-8" : NULL;
    if (reason == NULL && !add(object, name, json_string(value))) {
        reason = "no memory to read it";
    }
    return reason;
}

static const char *read_pairs(reader *r, json_t *object)
{
    ch_str left = ch_buf_str(&r->body);
    while (left.size > 0 && strchr("\r\n", left.at[left.size - 1]) != NULL) {
        left.size--;
    }
    for (size_t count = 0; left.size > 0; count++) {
        const char *end = memchr(left.at, '&', left.size);
        ch_str pair = {left.at, end == NULL ? left.size : (size_t)(end - left.at)};
        const char *reason = count == PAIRS_MOST ? "too many values"
                             : pair.size == 0    ? NULL
                                                 : take_pair(r, object, pair);
        if (reason != NULL) {
            return reason;
        }
        size_t step = pair.size + (end != NULL);
        left = (ch_str){left.at + step, left.size - step};
    }
    return NULL;
}

static int take_line(void *state, const casehub_line *line, const casehub_sink *sink)
{
    reader *r = state;
    if (line->text == NULL || r->body.size + line->text_size > r->record_most) {
        sink->reject(sink, line->text == NULL ? line->reason : "the form is too large");
        return CASEHUB_FORMAT_REJECT;
    }
    ch_buf_append(&r->body, line->text, line->text_size);
    return r->body.failed == CH_OK ? CASEHUB_FORMAT_OK : CASEHUB_FORMAT_STOP;
}

static int end_unit(void *state, const casehub_sink *sink)
{
    reader *r = state;
    json_t *object = json_object();
    const char *reason = object == NULL ? "no memory to read it" : read_pairs(r, object);
    char *text = reason == NULL ? json_dumps(object, JSON_COMPACT) : NULL;
    int result;
    json_decref(object);
    if (text == NULL) {
        return fail(r, sink, reason == NULL ? "no memory to read it" : reason);
    }
    const casehub_parsed parsed = {CASEHUB_SIZED(casehub_parsed), .json = text,
                                   .json_size = strlen(text),     .raw = (const char *)r->body.at,
                                   .raw_size = r->body.size,      .line = 1};
    result = sink->record(sink, &parsed) ? CASEHUB_FORMAT_OK : CASEHUB_FORMAT_STOP;
    free(text);
    return result;
}

const casehub_format ch_format_form = {
    CASEHUB_SIZED(casehub_format),
    .name = "form",
    .help = "a posted form; the unit is one record",
    .options = NULL,
    .option_count = 0,
    .state_size = sizeof(reader),
    .open = open_reader,
    .close = close_reader,
    .line = take_line,
    .end = end_unit,
};
