/* The hub's CURVE pair: a libconfig file with public and secret, as the clients' key files are. */
#include "hub/base/new_file.h"
#include "hub/daemon/daemon_config.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_NAME_SIZE 1024

typedef struct key_pair {
    char *public_key, *secret_key;
} key_pair;

static const ch_option fields[] = {
    {"public", CH_OPTION_STRING, offsetof(key_pair, public_key), NULL, 40, 40, "Z85"},
    {"secret", CH_OPTION_STRING, offsetof(key_pair, secret_key), NULL, 40, 40, "Z85"},
};

static ch_status fail(const char *file, const char *what, ch_error *error)
{
    return ch_error_set(error, CH_IO, file, "%s: %s", what, strerror(errno));
}

static ch_status write_file(const char *file, mode_t mode, const char *text, ch_error *error)
{
    return ch_new_file_write(file, mode, ch_str_of(text)) ? CH_OK : fail(file, "cannot be made", error);
}

static ch_status make(const char *file, char public_key[CH_KEY_Z85_SIZE], char secret_key[CH_KEY_Z85_SIZE],
                      ch_error *error)
{
    char text[256], beside[FILE_NAME_SIZE];
    ch_status status = ch_curve_keypair(public_key, secret_key);
    if (status != CH_OK || (size_t)snprintf(beside, sizeof beside, "%s.pub", file) >= sizeof beside) {
        return ch_error_set(error, status == CH_OK ? CH_TOO_LARGE : status, file,
                            "a key pair cannot be made");
    }
    snprintf(text, sizeof text, "public = \"%s\"\n", public_key);
    if (unlink(beside) != 0 && errno != ENOENT) {
        return fail(beside, "cannot be replaced", error);
    }
    status = write_file(beside, 0644, text, error);
    if (status == CH_OK) {
        snprintf(text, sizeof text, "public = \"%s\"\nsecret = \"%s\"\n", public_key, secret_key);
        status = write_file(file, 0600, text, error);
    }
    explicit_bzero(text, sizeof text);
    return status;
}

static ch_status read_pair(const char *file, char public_key[CH_KEY_Z85_SIZE],
                           char secret_key[CH_KEY_Z85_SIZE], ch_error *error)
{
    ch_settings *settings;
    key_pair pair;
    ch_status status =
        ch_settings_read(&settings, file, fields, sizeof fields / sizeof *fields, &pair, error);
    if (status != CH_OK) {
        return status;
    }
    memcpy(public_key, pair.public_key, CH_KEY_Z85_SIZE);
    memcpy(secret_key, pair.secret_key, CH_KEY_Z85_SIZE);
    explicit_bzero(pair.secret_key, CH_KEY_Z85_SIZE);
    ch_settings_free(settings);
    return CH_OK;
}

ch_status ch_daemon_keys(const char *file, char out_public[CH_KEY_Z85_SIZE], char out_secret[CH_KEY_Z85_SIZE],
                         ch_error *error)
{
    struct stat seen;
    if (stat(file, &seen) != 0) {
        return errno == ENOENT ? make(file, out_public, out_secret, error)
                               : fail(file, "cannot be read", error);
    }
    if ((seen.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
        return ch_error_set(error, CH_INVALID, file, "holds a secret and may be opened by others: chmod 600");
    }
    return read_pair(file, out_public, out_secret, error);
}
