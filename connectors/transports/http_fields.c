#include "connectors/transports/http_fields.h"

#include "connectors/transports/secret_file.h"

#include <sodium.h>
#include <stdlib.h>
#include <strings.h>

/* RFC 9110, sections 5.1 and 5.5: a token, a colon, and what can be seen, or spaces. */
static bool is_field(const char *line)
{
    static const char token[] =
        "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    size_t name = strspn(line, token);
    bool visible = true;
    for (const char *at = line; *at != '\0'; at++) {
        visible = visible && (unsigned char)*at >= ' ' && *at != 0x7f;
    }
    return visible && name > 0 && line[name] == ':' && line[name + 1 + strspn(line + name + 1, " ")] != '\0';
}

static ch_status split(ch_http_fields *fields, const char *path, ch_error *error)
{
    unsigned number = 0;
    if (strlen(fields->text) != fields->size) {
        return ch_error_set(error, CH_INVALID, path, "it holds a zero byte");
    }
    for (char *line = fields->text, *next; line != NULL; line = next) {
        next = strchr(line, '\n');
        if (next != NULL) {
            *next++ = '\0';
        }
        size_t size = strlen(line);
        if (size > 0 && line[size - 1] == '\r') {
            line[--size] = '\0';
        }
        number++;
        if (size == 0) {
            continue;
        }
        if (fields->count == CH_HTTP_FIELDS_MOST) {
            return ch_error_set(error, CH_TOO_LARGE, path, "more than %d header fields", CH_HTTP_FIELDS_MOST);
        }
        if (!is_field(line)) {
            return ch_error_set(error, CH_INVALID, path,
                                "line %u: a header field as in Api-Key: ... is expected", number);
        }
        fields->at[fields->count++] = line;
    }
    return fields->count > 0 ? CH_OK : ch_error_set(error, CH_INVALID, path, "it holds no header field");
}

/* A copy, into which `at` points. */
static ch_status take(ch_http_fields *fields, const ch_secret_file *file, const char *path, ch_error *error)
{
    fields->text = malloc(file->size + 1);
    if (fields->text == NULL) {
        return ch_error_set(error, CH_NO_MEMORY, path, "no memory to read it");
    }
    memcpy(fields->text, file->text, file->size + 1);
    fields->size = file->size;
    return split(fields, path, error);
}

ch_status ch_http_fields_read(ch_http_fields *out_fields, const char *path, ch_error *error)
{
    ch_http_fields fields = {.text = NULL};
    ch_secret_file file;
    ch_status status = ch_secret_file_read(&file, path, error);
    if (status == CH_OK) {
        status = take(&fields, &file, path, error);
    }
    ch_secret_file_wipe(&file);
    if (status != CH_OK) {
        ch_http_fields_done(&fields);
        return status;
    }
    *out_fields = fields;
    return CH_OK;
}

bool ch_http_fields_hold(const ch_http_fields *fields, const char *name)
{
    size_t size = strlen(name);
    for (size_t i = 0; i < fields->count; i++) {
        if (strncasecmp(fields->at[i], name, size) == 0 && fields->at[i][size] == ':') {
            return true;
        }
    }
    return false;
}

void ch_http_fields_done(ch_http_fields *fields)
{
    if (fields->text != NULL) {
        sodium_memzero(fields->text, fields->size);
        free(fields->text);
    }
    *fields = (ch_http_fields){.text = NULL};
}
