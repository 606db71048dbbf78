#include "hub/client/key_file.h"

#include "hub/base/new_file.h"
#include "hub/client/casehub.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zmq.h>

#define FILE_MAX 4096

static bool is_key(ch_str value)
{
    uint8_t binary[32];
    char text[CH_KEY_FILE_KEY_SIZE];
    bool good = value.size == sizeof text - 1 && ch_str_copy(text, sizeof text, value) == CH_OK &&
                zmq_z85_decode(binary, text) != NULL;
    explicit_bzero(binary, sizeof binary);
    explicit_bzero(text, sizeof text);
    return good;
}

static ch_str trim(ch_str s)
{
    while (s.size > 0 && strchr(" \t\r", s.at[0]) != NULL) {
        s = (ch_str){s.at + 1, s.size - 1};
    }
    while (s.size > 0 && strchr(" \t\r", s.at[s.size - 1]) != NULL) {
        s.size--;
    }
    return s;
}

/* NAME = "VALUE" */
static bool take_line(ch_key_file *keys, ch_str line)
{
    const char *equals = memchr(line.at, '=', line.size);
    if (equals == NULL) {
        return false;
    }
    ch_str name = trim((ch_str){line.at, (size_t)(equals - line.at)});
    ch_str value = trim((ch_str){equals + 1, (size_t)(line.at + line.size - equals - 1)});
    if (value.size < 2 || value.at[0] != '"' || value.at[value.size - 1] != '"') {
        return false;
    }
    value = (ch_str){value.at + 1, value.size - 2};
    char *slot = ch_str_is(name, "public")   ? keys->public_key
                 : ch_str_is(name, "secret") ? keys->secret_key
                 : ch_str_is(name, "server") ? keys->server_key
                                             : NULL;
    return slot != NULL && slot[0] == '\0' && is_key(value) &&
           ch_str_copy(slot, CH_KEY_FILE_KEY_SIZE, value) == CH_OK;
}

static bool take_text(ch_key_file *keys, ch_str text)
{
    while (text.size > 0) {
        const char *end = memchr(text.at, '\n', text.size);
        size_t size = end == NULL ? text.size : (size_t)(end - text.at);
        ch_str line = trim((ch_str){text.at, size});
        if (line.size > 0 && line.at[0] != '#' && !take_line(keys, line)) {
            return false;
        }
        size += end != NULL;
        text = (ch_str){text.at + size, text.size - size};
    }
    return keys->public_key[0] != '\0';
}

/* At most FILE_MAX bytes; a larger file is no key file. */
static bool read_text(int fd, char *text, size_t *out_size)
{
    size_t size = 0;
    while (size < FILE_MAX) {
        ssize_t got = read(fd, text + size, FILE_MAX - size);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return false;
        }
        if (got == 0) {
            *out_size = size;
            return true;
        }
        size += (size_t)got;
    }
    errno = EINVAL;
    return false;
}

static bool read_keys(int fd, ch_key_file *keys)
{
    char text[FILE_MAX];
    size_t size;
    struct stat facts;
    if (fstat(fd, &facts) != 0) {
        return false;
    }
    bool read = read_text(fd, text, &size);
    bool good = read && take_text(keys, (ch_str){text, size});
    explicit_bzero(text, sizeof text);
    if (!good) {
        errno = read ? EINVAL : errno; /* else why it cannot be read */
        return false;
    }
    if (keys->secret_key[0] != '\0' && (facts.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
        errno = EPERM;
        return false;
    }
    return true;
}

bool ch_key_file_read(const char *file, ch_key_file *out_keys)
{
    ch_key_file keys = {.public_key = ""};
    int fd = open(file, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return false;
    }
    bool good = read_keys(fd, &keys);
    int why = errno;
    close(fd);
    if (good) {
        *out_keys = keys;
    }
    ch_key_file_wipe(&keys);
    errno = why;
    return good;
}

void ch_key_file_wipe(ch_key_file *keys)
{
    explicit_bzero(keys, sizeof *keys);
}

/* A file that is there already is never touched: it may hold the only copy of a key. */
static bool write_new(const char *file, mode_t mode, const ch_key_file *keys)
{
    char text[512];
    int size = snprintf(text, sizeof text, "# casehub key: %s\npublic = \"%s\"\n",
                        keys->secret_key[0] != '\0' ? "secret, for nobody else" : "public", keys->public_key);
    if (keys->secret_key[0] != '\0') {
        size += snprintf(text + size, sizeof text - (size_t)size, "secret = \"%s\"\n", keys->secret_key);
    }
    if (keys->server_key[0] != '\0') {
        size += snprintf(text + size, sizeof text - (size_t)size, "server = \"%s\"\n", keys->server_key);
    }
    bool good = ch_new_file_write(file, mode, (ch_str){text, (size_t)size});
    explicit_bzero(text, sizeof text);
    return good;
}

/* The secret file first: it holds both halves, so that a process that is killed in between has lost nothing. */
static bool write_pair(const char *file, const char *public_file, const ch_key_file *keys)
{
    ch_key_file public_half = *keys;
    explicit_bzero(public_half.secret_key, sizeof public_half.secret_key);
    if (access(public_file, F_OK) == 0) {
        errno = EEXIST;
        return false;
    }
    if (!write_new(file, 0600, keys)) {
        return false;
    }
    if (!write_new(public_file, 0644, &public_half)) {
        int why = errno;
        unlink(file);
        errno = why;
        return false;
    }
    return true;
}

int casehub_key_new(const char *file, const char *server_key, char out_public[41])
{
    char *public_file = NULL;
    ch_key_file keys = {.public_key = ""};
    if (file == NULL || file[0] == '\0' || (server_key != NULL && !is_key(ch_str_of(server_key)))) {
        errno = EINVAL;
        return -1;
    }
    if (server_key != NULL) {
        memcpy(keys.server_key, server_key, sizeof keys.server_key);
    }
    if (zmq_curve_keypair(keys.public_key, keys.secret_key) != 0) {
        return -1; /* ENOTSUP: a libzmq without CURVE */
    }
    bool good = asprintf(&public_file, "%s.pub", file) > 0;
    if (!good) {
        errno = ENOMEM;
    } else {
        good = write_pair(file, public_file, &keys);
        int why = errno;
        free(public_file);
        errno = why;
    }
    if (good) {
        memcpy(out_public, keys.public_key, sizeof keys.public_key);
    }
    ch_key_file_wipe(&keys);
    return good ? 0 : -1;
}

int casehub_key_public(const char *file, char out_public[41])
{
    ch_key_file keys;
    if (file == NULL) {
        errno = EINVAL;
        return -1;
    }
    if (!ch_key_file_read(file, &keys)) {
        return -1;
    }
    memcpy(out_public, keys.public_key, sizeof keys.public_key);
    ch_key_file_wipe(&keys);
    return 0;
}
