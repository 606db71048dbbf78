#include "connectors/transports/open311_document.h"

#include <stdio.h>

#define DEPTH_MOST 8
#define REAL_DIGITS 15
#define REPLACEMENT "\xef\xbf\xbd"

/* How the items of a list are called. */
static const struct {
    const char *list, *item;
} item_names[] = {
    {"services", "service"},
    {"attributes", "attribute"},
    {"values", "value"},
    {"service_requests", "request"},
    {"service_request_updates", "request_update"},
    {"endpoints", "endpoint"},
    {"formats", "format"},
    {"errors", "error"},
};

static const char *item_name(const char *list)
{
    for (size_t i = 0; i < sizeof item_names / sizeof *item_names; i++) {
        if (strcmp(item_names[i].list, list) == 0) {
            return item_names[i].item;
        }
    }
    return "item";
}

/* XML 1.0 has no way to write most control characters, nor U+FFFE and U+FFFF. */
static bool is_xml_character(const char *at, size_t size)
{
    unsigned char c = (unsigned char)at[0];
    return (size > 1 || c >= 0x20 || c == '\t' || c == '\n' || c == '\r') &&
           !(size == 3 && (memcmp(at, "\xef\xbf\xbe", 3) == 0 || memcmp(at, "\xef\xbf\xbf", 3) == 0));
}

static void append_character(ch_buf *out, const char *at, size_t size)
{
    switch (at[0]) {
    case '&': ch_buf_append_text(out, "&amp;"); break;
    case '<': ch_buf_append_text(out, "&lt;"); break;
    case '>': ch_buf_append_text(out, "&gt;"); break;
    case '"': ch_buf_append_text(out, "&quot;"); break;
    case '\'': ch_buf_append_text(out, "&apos;"); break;
    case '\r': ch_buf_append_text(out, "&#13;"); break; /* a reader would make it a line feed */
    default:
        if (is_xml_character(at, size)) {
            ch_buf_append(out, at, size);
        } else {
            ch_buf_append_text(out, REPLACEMENT);
        }
    }
}

static void append_text(ch_buf *out, ch_str text)
{
    while (text.size > 0) {
        size_t size = ch_str_utf8_size(text);
        if (size == 0) {
            ch_buf_append_text(out, REPLACEMENT);
            size = 1;
        } else {
            append_character(out, text.at, size);
        }
        text = (ch_str){text.at + size, text.size - size};
    }
}

static void append_element(ch_buf *out, const char *name, json_t *value, unsigned depth);

static void append_members(ch_buf *out, json_t *object, unsigned depth)
{
    const char *key;
    json_t *value;
    json_object_foreach(object, key, value)
    {
        append_element(out, key, value, depth + 1);
    }
}

static void append_items(ch_buf *out, const char *list, const json_t *array, unsigned depth)
{
    for (size_t i = 0; i < json_array_size(array); i++) {
        append_element(out, item_name(list), json_array_get(array, i), depth + 1);
    }
}

static void append_content(ch_buf *out, const char *name, json_t *value, unsigned depth)
{
    switch (json_typeof(value)) {
    case JSON_OBJECT: append_members(out, value, depth); break;
    case JSON_ARRAY: append_items(out, name, value, depth); break;
    case JSON_STRING: append_text(out, (ch_str){json_string_value(value), json_string_length(value)}); break;
    case JSON_INTEGER: ch_buf_append_format(out, "%" JSON_INTEGER_FORMAT, json_integer_value(value)); break;
    case JSON_REAL: ch_buf_append_format(out, "%.*g", REAL_DIGITS, json_real_value(value)); break;
    case JSON_TRUE: ch_buf_append_text(out, "true"); break;
    case JSON_FALSE: ch_buf_append_text(out, "false"); break;
    case JSON_NULL: break;
    }
}

static void append_element(ch_buf *out, const char *name, json_t *value, unsigned depth)
{
    if (depth > DEPTH_MOST) {
        out->failed = CH_TOO_LARGE;
        return;
    }
    if (json_is_null(value)) {
        ch_buf_append_format(out, "<%s/>", name);
        return;
    }
    ch_buf_append_format(out, "<%s>", name);
    append_content(out, name, value, depth);
    ch_buf_append_format(out, "</%s>", name);
}

static int append_dumped(const char *text, size_t size, void *out)
{
    ch_buf_append(out, text, size);
    return ((ch_buf *)out)->failed == CH_OK ? 0 : -1;
}

ch_status ch_open311_render(ch_buf *out, json_t *document, const char *root, ch_open311_format format)
{
    if (document == NULL) {
        return CH_NO_MEMORY;
    }
    if (format == CH_OPEN311_XML) {
        ch_buf_append_text(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
        append_element(out, root, document, 1);
    } else if (json_dump_callback(document, append_dumped, out,
                                  JSON_COMPACT | JSON_REAL_PRECISION(REAL_DIGITS)) != 0 &&
               out->failed == CH_OK) {
        return CH_NO_MEMORY;
    }
    ch_buf_append_text(out, "\n");
    return out->failed;
}

const char *ch_open311_content_type(ch_open311_format format)
{
    return format == CH_OPEN311_XML ? "text/xml; charset=utf-8" : "application/json; charset=utf-8";
}

void ch_open311_refuse(ch_open311_problems *problems, unsigned code, const char *format, ...)
{
    char text[320];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (problems->code == 0) {
        problems->code = code;
        problems->list = json_array();
    }
    if (json_array_size(problems->list) < CH_OPEN311_PROBLEMS_MOST) {
        json_array_append_new(problems->list,
                              json_pack("{s:i, s:s}", "code", (int)code, "description", text));
    }
}
