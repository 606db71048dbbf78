#include "connectors/transports/secret_file.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <unistd.h>

static ch_status fail_read(const char *path, ch_error *error)
{
    return ch_error_set(error, errno == ENOENT ? CH_NOT_FOUND : CH_IO, path, "%s", strerror(errno));
}

static ch_status check_owner(const struct stat *of, const char *path, ch_error *error)
{
    if (!S_ISREG(of->st_mode)) {
        return ch_error_set(error, CH_DENIED, path, "it is no plain file");
    }
    if (of->st_uid != 0 && of->st_uid != geteuid()) {
        return ch_error_set(error, CH_DENIED, path, "it belongs to somebody else");
    }
    return (of->st_mode & (S_IRWXG | S_IRWXO)) == 0
               ? CH_OK
               : ch_error_set(error, CH_DENIED, path, "only its owner may read it: chmod 600");
}

static ch_status read_open(ch_secret_file *file, int fd, const char *path, ch_error *error)
{
    if (fstat(fd, &file->seen) != 0) {
        return fail_read(path, error);
    }
    ch_status status = check_owner(&file->seen, path, error);
    ssize_t got = 1;
    while (status == CH_OK && got != 0 && file->size < sizeof file->text) {
        got = read(fd, file->text + file->size, sizeof file->text - file->size);
        if (got < 0 && errno != EINTR) {
            return fail_read(path, error);
        }
        file->size += got > 0 ? (size_t)got : 0;
    }
    if (file->size > CH_SECRET_FILE_MOST) {
        return ch_error_set(error, CH_TOO_LARGE, path, "it has more than %zu bytes", CH_SECRET_FILE_MOST);
    }
    file->text[file->size] = '\0';
    return status;
}

ch_status ch_secret_file_read(ch_secret_file *out_file, const char *path, ch_error *error)
{
    out_file->size = 0;
    out_file->seen = (struct stat){.st_ino = 0};
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC); /* a FIFO keeps nobody waiting */
    if (fd < 0) {
        return fail_read(path, error);
    }
    ch_status status = read_open(out_file, fd, path, error);
    close(fd);
    return status;
}

void ch_secret_file_wipe(ch_secret_file *file)
{
    sodium_memzero(file, sizeof *file);
}
