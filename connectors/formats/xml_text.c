#include "connectors/formats/xml_text.h"
#include "connectors/writers/value.h"

#include <ctype.h>

#define PATH_SIZE 150

typedef struct writing {
    ch_buf *out;
    const ch_xml_text_options *options;
    char path[PATH_SIZE];
    size_t path_size;
    ch_error *error;
} writing;

static ch_status fail(const writing *w, ch_status status, const char *reason)
{
    return ch_error_set(w->error, status, w->path, "%s", reason);
}

/* The name is added to the place as far as there is room; what it was before is put back with leave. */
static size_t enter(writing *w, const char *name)
{
    size_t before = w->path_size;
    if (before > 0 && before + 1 < PATH_SIZE) {
        w->path[w->path_size++] = '/';
    }
    ch_str_copy_cut(w->path + w->path_size, PATH_SIZE - w->path_size, ch_str_of(name));
    w->path_size += strlen(w->path + w->path_size);
    return before;
}

static void leave(writing *w, size_t before)
{
    w->path_size = before;
    w->path[before] = '\0';
}

/* U+4E00 to U+9FA5: what XML 1.0 has as ideographs in all its editions. */
static bool is_chinese(const char *at, size_t size)
{
    return size == 3 && memcmp(at, "\xe4\xb8\x80", 3) >= 0 && memcmp(at, "\xe9\xbe\xa5", 3) <= 0;
}

bool ch_xml_is_name(ch_str name)
{
    if (name.size == 0 || name.size > CH_XML_NAME_MOST || isdigit((unsigned char)name.at[0]) ||
        name.at[0] == '.' || name.at[0] == '-') {
        return false;
    }
    for (size_t i = 0, size; i < name.size; i += size) {
        char c = name.at[i];
        size = ch_str_utf8_size((ch_str){name.at + i, name.size - i});
        if (size == 0 || (size == 1 && !isalnum((unsigned char)c) && strchr("._-", c) == NULL) ||
            (size > 1 && !is_chinese(name.at + i, size))) {
            return false;
        }
    }
    return true;
}

static uint32_t code_point(const char *at, size_t size)
{
    static const uint8_t masks[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
    uint32_t code = (uint8_t)at[0] & masks[size];
    for (size_t i = 1; i < size; i++) {
        code = code << 6 | ((uint8_t)at[i] & 0x3f);
    }
    return code;
}

/* What XML 1.0 has characters for (2.2), given well-formed UTF-8. */
static bool is_writable(uint32_t code)
{
    return code >= 0x20 ? code != 0xfffe && code != 0xffff : code == '\t' || code == '\n' || code == '\r';
}

/* A reader turns CR, and in an attribute LF and TAB, into something else unless they are written as references. */
static void append_character(writing *w, uint32_t code, const char *at, size_t size, bool attribute)
{
    const char *entity = code == '&'   ? "&amp;"
                         : code == '<' ? "&lt;"
                         : code == '>' ? "&gt;"
                         : code == '"' ? "&quot;"
                                       : NULL;
    if (entity != NULL) {
        ch_buf_append_text(w->out, entity);
    } else if (code == '\r' || (attribute && code < 0x20) || (w->options->ascii && code > 0x7e)) {
        ch_buf_append_format(w->out, "&#x%x;", (unsigned)code);
    } else {
        ch_buf_append(w->out, at, size);
    }
}

static ch_status append_text(writing *w, ch_str text, bool attribute)
{
    for (size_t i = 0, size; i < text.size; i += size) {
        size = ch_str_utf8_size((ch_str){text.at + i, text.size - i});
        uint32_t code = size == 0 ? 0 : code_point(text.at + i, size);
        if (!is_writable(code)) {
            return fail(w, CH_INVALID, "it holds a character that XML cannot write");
        }
        append_character(w, code, text.at + i, size, attribute);
    }
    return CH_OK;
}

static ch_status append_scalar(writing *w, const json_t *value, bool attribute)
{
    if (json_is_string(value)) {
        return append_text(w, (ch_str){json_string_value(value), json_string_length(value)}, attribute);
    }
    return ch_value_append(w->out, value) ? CH_OK : fail(w, CH_INVALID, "text is expected");
}

static bool is_attribute_name(const writing *w, const char *name)
{
    ch_str local = ch_str_of(name);
    if (ch_str_starts(local, CH_STR("xml:"))) {
        local = (ch_str){local.at + 4, local.size - 4};
    }
    return w->options->any_name || ch_xml_is_name(local);
}

static ch_status append_attribute(writing *w, const char *member, const json_t *value)
{
    size_t before = enter(w, member);
    if (!is_attribute_name(w, member + 1)) {
        return fail(w, CH_INVALID, "this is no name of an attribute");
    }
    ch_buf_append_format(w->out, " %s=\"", member + 1);
    ch_status status = append_scalar(w, value, true);
    ch_buf_append_text(w->out, "\"");
    if (status == CH_OK) {
        leave(w, before);
    }
    return status;
}

static ch_status append_attributes(writing *w, json_t *object)
{
    const char *key;
    json_t *value;
    json_object_foreach(object, key, value)
    {
        ch_status status = key[0] == '@' && !json_is_null(value) ? append_attribute(w, key, value) : CH_OK;
        if (status != CH_OK) {
            return status;
        }
    }
    return CH_OK;
}

static ch_status append_member(writing *w, const char *name, json_t *value, unsigned depth);

static ch_status append_content(writing *w, json_t *object, unsigned depth)
{
    const char *key;
    json_t *value, *text = json_object_get(object, "#text");
    ch_status status = text == NULL ? CH_OK : append_scalar(w, text, false);
    json_object_foreach(object, key, value)
    {
        if (status == CH_OK && key[0] != '@' && strcmp(key, "#text") != 0) {
            status = append_member(w, key, value, depth + 1);
        }
    }
    return status;
}

static ch_status append_element(writing *w, const char *name, json_t *value, unsigned depth)
{
    bool object = json_is_object(value);
    ch_buf_append_format(w->out, "<%s", name);
    ch_status status = object ? append_attributes(w, value) : CH_OK;
    ch_buf_append_text(w->out, ">");
    if (status == CH_OK) {
        status = object ? append_content(w, value, depth) : append_scalar(w, value, false);
    }
    ch_buf_append_format(w->out, "</%s>", name);
    return status;
}

/* A member: its element, or its elements. */
static ch_status append_member(writing *w, const char *name, json_t *value, unsigned depth)
{
    size_t before = enter(w, name), i;
    json_t *item;
    ch_status status = CH_OK;
    if (depth > CH_XML_DEPTH_MOST) {
        return fail(w, CH_TOO_LARGE, "it is nested too deep");
    }
    if (!w->options->any_name && !ch_xml_is_name(ch_str_of(name))) {
        return fail(w, CH_INVALID, "this is no name of an element");
    }
    if (json_is_array(value)) {
        json_array_foreach(value, i, item)
        {
            if (status == CH_OK && !json_is_null(item)) {
                status = append_element(w, name, item, depth);
            }
        }
    } else if (!json_is_null(value)) {
        status = append_element(w, name, value, depth);
    }
    if (status == CH_OK) {
        leave(w, before);
    }
    return status;
}

ch_status ch_xml_append(ch_buf *out, const json_t *tree, const ch_xml_text_options *options, ch_error *error)
{
    writing w = {.out = out, .options = options, .error = error};
    void *only = json_object_iter((json_t *)tree);
    if (json_object_size(tree) != 1) {
        return fail(&w, CH_INVALID, "an object with one member, the document element, is expected");
    }
    json_t *element = json_object_iter_value(only);
    if (json_is_array(element) || json_is_null(element)) {
        return fail(&w, CH_INVALID, "there is one document element, not several or none");
    }
    ch_status status = append_member(&w, json_object_iter_key(only), element, 1);
    if (status == CH_OK && out->failed != CH_OK) {
        return ch_error_set(error, out->failed, NULL, "no room to write it");
    }
    return status;
}
