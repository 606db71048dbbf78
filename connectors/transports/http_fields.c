#include "connectors/transports/http_fields.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_MOST ((size_t)8 * 1024)

static ch_status check_file(int fd, const char *path, ch_error *error)
{
    struct stat of;
    if (fstat(fd, &of) != 0) {
        return ch_error_set(error, CH_IO, path, "%s", strerror(errno));
    }
    if (!S_ISREG(of.st_mode)) {
        return ch_error_set(error, CH_INVALID, path, "it is no regular file");
    }
    if ((of.st_mode & (S_IRWXG | S_IRWXO)) != 0 || (of.st_uid != geteuid() && of.st_uid != 0)) {
        return ch_error_set(error, CH_DENIED, path, "only its owner may have it (chmod 600)");
    }
    return (uint64_t)of.st_size <= FILE_MOST
               ? CH_OK
               : ch_error_set(error, CH_TOO_LARGE, path, "it has more than %zu bytes", FILE_MOST);
}

static ch_status load(ch_http_fields *fields, int fd, const char *path, ch_error *error)
{
    ssize_t got = 0;
    fields->text = calloc(1, FILE_MOST + 1);
    if (fields->text == NULL) {
        return ch_error_set(error, CH_NO_MEMORY, path, "no memory to read it");
    }
    while (fields->size < FILE_MOST &&
           ((got = read(fd, fields->text + fields->size, FILE_MOST - fields->size)) > 0 ||
            (got < 0 && errno == EINTR))) {
        fields->size += got > 0 ? (size_t)got : 0;
    }
    return got < 0 ? ch_error_set(error, CH_IO, path, "%s", strerror(errno)) : CH_OK;
}

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

ch_status ch_http_fields_read(ch_http_fields *out_fields, const char *path, ch_error *error)
{
    ch_http_fields fields = {.text = NULL};
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd < 0) {
        return ch_error_set(error, CH_IO, path, "%s", strerror(errno));
    }
    ch_status status = check_file(fd, path, error);
    if (status == CH_OK) {
        status = load(&fields, fd, path, error);
    }
    close(fd);
    if (status == CH_OK) {
        status = split(&fields, path, error);
    }
    if (status != CH_OK) {
        ch_http_fields_done(&fields);
        return status;
    }
    *out_fields = fields;
    return CH_OK;
}

void ch_http_fields_done(ch_http_fields *fields)
{
    if (fields->text != NULL) {
        sodium_memzero(fields->text, fields->size);
        free(fields->text);
    }
    *fields = (ch_http_fields){.text = NULL};
}
