#include "connectors/transports/http_page.h"

#include "connectors/formats/json_numbers.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define TOKEN_MOST 200
#define QUOTED_MOST 3 /* times the size of a body that is nothing but large integers */

static const char *skip_fragment_sign(const char *pointer)
{
    return pointer[0] == '#' ? pointer + 1 : pointer;
}

ch_status ch_http_pointer_check(const char *pointer, ch_error *error)
{
    const char *at = skip_fragment_sign(pointer);
    if (at[0] != '\0' && at[0] != '/') {
        return ch_error_set(error, CH_INVALID, NULL, "a JSON pointer as in /list/items is expected");
    }
    for (const char *token = at; token[0] != '\0';) {
        size_t size = strcspn(token + 1, "/");
        if (size > TOKEN_MOST) {
            return ch_error_set(error, CH_INVALID, NULL, "a name in a JSON pointer has %d bytes at most",
                                TOKEN_MOST);
        }
        for (size_t i = 1; i <= size; i++) {
            if (token[i] == '~' && token[i + 1] != '0' && token[i + 1] != '1') {
                return ch_error_set(error, CH_INVALID, NULL, "~ stands before 0 or 1 only in a JSON pointer");
            }
        }
        token += 1 + size;
    }
    return CH_OK;
}

/* RFC 6901, section 4: ~1 is /, ~0 is ~. */
static void unescape(char out[TOKEN_MOST + 1], const char *token, size_t size)
{
    size_t used = 0;
    for (size_t i = 0; i < size; i++) {
        bool escaped = token[i] == '~' && i + 1 < size;
        out[used++] = !escaped ? token[i] : token[i + 1] == '1' ? '/' : '~';
        i += escaped;
    }
    out[used] = '\0';
}

static const json_t *item_of(const json_t *array, const char *token)
{
    size_t count = json_array_size(array), size = strlen(token);
    bool last = strcmp(token, "-") == 0;
    bool number = size > 0 && size < 10 && strspn(token, "0123456789") == size;
    if (last) {
        return count == 0 ? NULL : json_array_get(array, count - 1);
    }
    return number ? json_array_get(array, (size_t)strtoul(token, NULL, 10)) : NULL;
}

static const json_t *find(const json_t *value, const char *pointer)
{
    const char *at = skip_fragment_sign(pointer);
    while (value != NULL && at[0] == '/') {
        char token[TOKEN_MOST + 1];
        size_t size = strcspn(at + 1, "/");
        unescape(token, at + 1, size);
        value = json_is_array(value) ? item_of(value, token) : json_object_get(value, token);
        at += 1 + size;
    }
    return value;
}

/* A value that leads on: into a URL. */
static ch_status take_text(const json_t *document, const char *name, const char *pointer,
                           char out[CH_HTTP_VALUE_MOST + 1], ch_error *error)
{
    const json_t *value = pointer[0] == '\0' ? NULL : find(document, pointer);
    out[0] = '\0';
    if (value == NULL || json_is_null(value) || json_is_false(value)) {
        return CH_OK;
    }
    if (json_is_integer(value)) {
        snprintf(out, CH_HTTP_VALUE_MOST + 1, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
        return CH_OK;
    }
    if (!json_is_string(value)) {
        return ch_error_set(error, CH_INVALID, name, "at %s stands neither text nor an integer", pointer);
    }
    if (ch_str_copy(out, CH_HTTP_VALUE_MOST + 1,
                    (ch_str){json_string_value(value), json_string_length(value)}) != CH_OK) {
        return ch_error_set(error, CH_INVALID, name, "the value at %s has more than %d bytes, or a zero",
                            pointer, CH_HTTP_VALUE_MOST);
    }
    return CH_OK;
}

static ch_status find_all(ch_http_page *page, const ch_http_pointers *pointers, ch_error *error)
{
    if (pointers->records[0] != '\0') {
        page->records = find(page->document, pointers->records);
        if (!json_is_array(page->records)) {
            return ch_error_set(error, CH_INVALID, "records", "there is no array at %s", pointers->records);
        }
    }
    ch_status status = take_text(page->document, "next", pointers->next, page->next, error);
    return status == CH_OK ? take_text(page->document, "cursor", pointers->cursor, page->cursor, error)
                           : status;
}

static ch_status parse(json_t **out_document, ch_str body, ch_error *error)
{
    json_error_t why;
    ch_buf text;
    ch_buf_init(&text, QUOTED_MOST * body.size + 64);
    ch_json_quote_large_integers(&text, body);
    ch_status status = text.failed;
    if (status != CH_OK) {
        status = ch_error_set(error, status, NULL, "no memory to read it");
    } else {
        /* Jansson's own texts quote the content. */
        *out_document = json_loadb((const char *)text.at, text.size, JSON_REJECT_DUPLICATES, &why);
        status = *out_document == NULL ? ch_error_set(error, CH_INVALID, NULL, "no JSON: line %d, column %d",
                                                      why.line, why.column)
                                       : CH_OK;
    }
    ch_buf_done(&text);
    return status;
}

ch_status ch_http_page_read(ch_http_page *out_page, ch_str body, const ch_http_pointers *pointers,
                            ch_error *error)
{
    ch_http_page page = {.document = NULL};
    ch_status status = parse(&page.document, body, error);
    if (status == CH_OK) {
        status = find_all(&page, pointers, error);
    }
    if (status != CH_OK) {
        ch_http_page_done(&page);
        return status;
    }
    *out_page = page;
    return CH_OK;
}

void ch_http_page_done(ch_http_page *page)
{
    json_decref(page->document);
    page->document = NULL;
    page->records = NULL;
}

size_t ch_http_page_count(const ch_http_page *page)
{
    return json_array_size(page->records);
}

static int append(const char *bytes, size_t size, void *line)
{
    ch_buf_append(line, bytes, size);
    return ((ch_buf *)line)->failed == CH_OK ? 0 : -1;
}

ch_status ch_http_page_line(const ch_http_page *page, size_t index, ch_buf *line)
{
    ch_buf_clear(line);
    const json_t *record = json_array_get(page->records, index);
    int failed = json_dump_callback(record, append, line, JSON_COMPACT | JSON_ENCODE_ANY);
    ch_buf_append_text(line, "\n");
    return line->failed != CH_OK ? line->failed : failed != 0 ? CH_NO_MEMORY : CH_OK;
}
