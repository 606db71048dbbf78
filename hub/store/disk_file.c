#include "hub/store/disk_file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

ch_status ch_disk_status(int error_number)
{
    switch (error_number) {
    case ENOSPC:
    case EDQUOT:
    case EFBIG: return CH_STORAGE_FULL;
    case ENOMEM: return CH_NO_MEMORY;
    default: return CH_IO;
    }
}

ch_status ch_disk_fail(ch_error *error, const char *path, const char *what)
{
    int error_number = errno;
    char text[128];
    return ch_error_set(error, ch_disk_status(error_number), path, "%s: %s", what,
                        strerror_r(error_number, text, sizeof text));
}

ch_status ch_path_join(char out[CH_PATH_SIZE], const char *dir, const char *name, ch_error *error)
{
    int size = snprintf(out, CH_PATH_SIZE, "%s/%s", dir, name);
    if (size < 0 || size >= CH_PATH_SIZE) {
        return ch_error_set(error, CH_TOO_LARGE, name, "the path is longer than %d bytes", CH_PATH_SIZE - 1);
    }
    return CH_OK;
}

ch_status ch_disk_read(int fd, void *out, size_t size, off_t at)
{
    uint8_t *to = out;
    while (size > 0) {
        ssize_t got = pread(fd, to, size, at);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            errno = got == 0 ? 0 : errno;
            return got == 0 ? CH_END : ch_disk_status(errno);
        }
        to += got;
        size -= (size_t)got;
        at += got;
    }
    return CH_OK;
}

ch_status ch_disk_write(int fd, const void *bytes, size_t size, off_t at)
{
    const uint8_t *from = bytes;
    while (size > 0) {
        ssize_t put = pwrite(fd, from, size, at);
        if (put < 0 && errno == EINTR) {
            continue;
        }
        if (put <= 0) {
            errno = put == 0 ? EIO : errno;
            return ch_disk_status(errno);
        }
        from += put;
        size -= (size_t)put;
        at += put;
    }
    return CH_OK;
}

ch_status ch_dir_sync(const char *dir, ch_error *error)
{
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return ch_disk_fail(error, dir, "cannot open the folder");
    }
    ch_status status = fsync(fd) == 0 ? CH_OK : ch_disk_fail(error, dir, "cannot sync the folder");
    close(fd);
    return status;
}

ch_status ch_dir_make(const char *dir, ch_error *error)
{
    char parent[CH_PATH_SIZE];
    if (mkdir(dir, 0700) != 0) {
        struct stat seen;
        bool there = errno == EEXIST && stat(dir, &seen) == 0 && S_ISDIR(seen.st_mode);
        return there ? CH_OK : ch_disk_fail(error, dir, "cannot make the folder");
    }
    ch_status status = ch_path_join(parent, dir, "..", error);
    return status == CH_OK ? ch_dir_sync(parent, error) : status;
}

ch_status ch_dir_is_empty(const char *dir, bool *out_empty, ch_error *error)
{
    DIR *listing = opendir(dir);
    if (listing == NULL) {
        return ch_disk_fail(error, dir, "cannot list the folder");
    }
    bool empty = true;
    const struct dirent *entry;
    while ((entry = readdir(listing)) != NULL) {
        empty = empty && (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0);
    }
    closedir(listing);
    *out_empty = empty;
    return CH_OK;
}

static ch_status write_new(const char *path, ch_str bytes, ch_error *error)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0) {
        return ch_disk_fail(error, path, "cannot make the file");
    }
    ch_status status = CH_OK;
    if (ch_disk_write(fd, bytes.at, bytes.size, 0) != CH_OK || fsync(fd) != 0) {
        status = ch_disk_fail(error, path, "cannot write the file");
    }
    close(fd);
    return status;
}

ch_status ch_file_replace(const char *dir, const char *name, ch_str bytes, ch_error *error)
{
    char path[CH_PATH_SIZE], beside[CH_PATH_SIZE];
    ch_status status = ch_path_join(path, dir, name, error);
    if (status != CH_OK) {
        return status;
    }
    int size = snprintf(beside, sizeof beside, "%s.new", path);
    if (size < 0 || (size_t)size >= sizeof beside) {
        return ch_error_set(error, CH_TOO_LARGE, name, "the path is too long");
    }
    status = write_new(beside, bytes, error);
    if (status == CH_OK && rename(beside, path) != 0) {
        status = ch_disk_fail(error, path, "cannot replace the file");
    }
    if (status != CH_OK) {
        unlink(beside);
        return status;
    }
    return ch_dir_sync(dir, error);
}

static ch_status read_parts(ch_buf *out, int fd, uint8_t *part, size_t size, const char *path,
                            ch_error *error)
{
    for (;;) {
        ssize_t got = read(fd, part, size);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return ch_disk_fail(error, path, "cannot read the file");
        }
        if (got == 0) {
            return CH_OK;
        }
        ch_buf_append(out, part, (size_t)got);
        if (out->failed != CH_OK) {
            return ch_error_set(error, out->failed, path, "the file is larger than %zu bytes", out->limit);
        }
    }
}

/* The file may be a key. */
static ch_status read_all(ch_buf *out, int fd, const char *path, ch_error *error)
{
    uint8_t part[4096];
    ch_status status = read_parts(out, fd, part, sizeof part, path, error);
    explicit_bzero(part, sizeof part);
    return status;
}

ch_status ch_file_read(ch_buf *out, const char *path, ch_error *error)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT) {
        return ch_error_set(error, CH_NOT_FOUND, path, "there is no such file");
    }
    if (fd < 0) {
        return ch_disk_fail(error, path, "cannot open the file");
    }
    ch_status status = read_all(out, fd, path, error);
    close(fd);
    return status;
}

ch_status ch_file_sync(const char *path, ch_error *error)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return ch_disk_fail(error, path, "cannot open the file");
    }
    ch_status status = fsync(fd) == 0 ? CH_OK : ch_disk_fail(error, path, "cannot sync the file");
    close(fd);
    return status;
}
