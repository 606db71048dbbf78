#include "connectors/host/rows_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define MAGIC "CHROWS1\n"
#define MAGIC_SIZE (sizeof MAGIC - 1)
#define CHECK_SIZE 8
#define FRAME_ROWS_MOST ((size_t)8 * 1024 * 1024)
#define OUTDATED_LEAST ((uint64_t)10000) /* rows; below that a compaction is not worth it */

typedef struct head {
    char magic[MAGIC_SIZE];
    uint8_t salt[CH_ROWS_SALT_SIZE];
} head;

/* Then count rows, then a keyed hash over head and rows. */
typedef struct frame_head {
    uint8_t mark[(CH_ROWS_MARK_SIZE - 1) / 2];
    uint64_t count;
} frame_head;

struct ch_rows_file {
    int fd;
    char name[PATH_MAX];
    uint8_t salt[CH_ROWS_SALT_SIZE];
    uint8_t mark[(CH_ROWS_MARK_SIZE - 1) / 2]; /* of the last frame */
    uint8_t next[(CH_ROWS_MARK_SIZE - 1) / 2]; /* of the one that is being written */
    uint64_t end;                              /* bytes */
    uint64_t rows_written;                     /* in all frames */
    uint64_t compact_at;                       /* rows_written before which a compaction is not tried again */
    ch_buf frame;
};

static ch_status io_error(const ch_rows_file *file, ch_error *error)
{
    return ch_error_set(error, CH_IO, file->name, "%s", strerror(errno));
}

static ch_status write_all(int fd, const void *bytes, size_t size, uint64_t at)
{
    const uint8_t *from = bytes;
    while (size > 0) {
        ssize_t written = pwrite(fd, from, size, (off_t)at);
        if (written < 0 && errno == EINTR) {
            continue;
        }
        if (written <= 0) {
            return CH_IO;
        }
        from += written;
        at += (uint64_t)written;
        size -= (size_t)written;
    }
    return CH_OK;
}

static bool read_all(int fd, void *bytes, size_t size, uint64_t at)
{
    uint8_t *to = bytes;
    while (size > 0) {
        ssize_t got = pread(fd, to, size, (off_t)at);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            return false;
        }
        to += got;
        at += (uint64_t)got;
        size -= (size_t)got;
    }
    return true;
}

static void mark_text(const uint8_t *mark, char out[CH_ROWS_MARK_SIZE])
{
    sodium_bin2hex(out, CH_ROWS_MARK_SIZE, mark, (CH_ROWS_MARK_SIZE - 1) / 2);
}

static void check_of(const ch_rows_file *file, const ch_buf *frame, uint8_t out[CHECK_SIZE])
{
    uint8_t digest[32];
    crypto_generichash(digest, sizeof digest, frame->at, frame->size, file->salt, sizeof file->salt);
    memcpy(out, digest, CHECK_SIZE);
}

/* The frame at `at` into file->frame (without its check). False: none, or torn. */
static bool read_frame(ch_rows_file *file, uint64_t at, uint64_t file_size)
{
    frame_head frame;
    uint8_t check[CHECK_SIZE], stored[CHECK_SIZE];
    if (!read_all(file->fd, &frame, sizeof frame, at) || frame.count > FRAME_ROWS_MOST) {
        return false;
    }
    size_t size = sizeof frame + (size_t)frame.count * sizeof(ch_row);
    if (at + size + CHECK_SIZE > file_size) {
        return false;
    }
    ch_buf_clear(&file->frame);
    void *bytes = ch_buf_extend(&file->frame, size);
    if (bytes == NULL || !read_all(file->fd, bytes, size, at) ||
        !read_all(file->fd, stored, sizeof stored, at + size)) {
        return false;
    }
    check_of(file, &file->frame, check);
    return memcmp(check, stored, sizeof check) == 0;
}

/* Where the frame with the mark ends; 0: it is not there. */
static uint64_t find_mark(ch_rows_file *file, const char *mark, uint64_t file_size)
{
    char text[CH_ROWS_MARK_SIZE];
    uint64_t at = sizeof(head), end = 0;
    while (read_frame(file, at, file_size)) {
        at += file->frame.size + CHECK_SIZE;
        mark_text(file->frame.at, text);
        if (strcmp(text, mark) == 0) {
            end = at;
        }
    }
    return end;
}

static ch_status replay(ch_rows_file *file, uint64_t end, ch_row_put_fn put, void *context, ch_error *error)
{
    for (uint64_t at = sizeof(head); at < end; at += file->frame.size + CHECK_SIZE) {
        if (!read_frame(file, at, end)) {
            return ch_error_set(error, CH_IO, file->name, "it cannot be read any more");
        }
        for (size_t i = sizeof(frame_head); i < file->frame.size; i += sizeof(ch_row)) {
            ch_row row;
            memcpy(&row, file->frame.at + i, sizeof row);
            ch_status status = put(context, &row);
            if (status != CH_OK) {
                return ch_error_set(error, status, file->name, "more rows than rows_most, or than memory");
            }
            file->rows_written++;
        }
        memcpy(file->mark, file->frame.at, sizeof file->mark);
    }
    return CH_OK;
}

static ch_status begin_anew(ch_rows_file *file, ch_error *error)
{
    head first;
    memcpy(first.magic, MAGIC, MAGIC_SIZE);
    randombytes_buf(file->salt, sizeof file->salt);
    memcpy(first.salt, file->salt, sizeof first.salt);
    file->end = sizeof first;
    file->rows_written = 0;
    if (ftruncate(file->fd, 0) != 0 || write_all(file->fd, &first, sizeof first, 0) != CH_OK ||
        fsync(file->fd) != 0) {
        return io_error(file, error);
    }
    return CH_OK;
}

static ch_status load(ch_rows_file *file, const char *mark, ch_row_put_fn put, void *context, bool *out_lost,
                      ch_error *error)
{
    head first;
    off_t size = lseek(file->fd, 0, SEEK_END);
    if (size < 0) {
        return io_error(file, error);
    }
    uint64_t end = 0;
    if (mark[0] != '\0' && read_all(file->fd, &first, sizeof first, 0) &&
        memcmp(first.magic, MAGIC, MAGIC_SIZE) == 0) {
        memcpy(file->salt, first.salt, sizeof file->salt);
        end = find_mark(file, mark, (uint64_t)size);
    }
    if (end == 0) {
        *out_lost = mark[0] != '\0';
        return begin_anew(file, error);
    }
    *out_lost = false;
    file->end = end;
    if (ftruncate(file->fd, (off_t)end) != 0) {
        return io_error(file, error);
    }
    return replay(file, end, put, context, error);
}

ch_status ch_rows_file_open(ch_rows_file **out_file, const char *name, const char *mark,
                            uint8_t out_salt[CH_ROWS_SALT_SIZE], ch_row_put_fn put, void *context,
                            bool *out_lost, ch_error *error)
{
    ch_rows_file *file = calloc(1, sizeof *file);
    if (file == NULL) {
        return ch_error_set(error, CH_NO_MEMORY, name, "no memory");
    }
    ch_buf_init(&file->frame, sizeof(frame_head) + FRAME_ROWS_MOST * sizeof(ch_row) + CHECK_SIZE);
    snprintf(file->name, sizeof file->name, "%s", name);
    file->fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    ch_status status = file->fd < 0 ? io_error(file, error) : load(file, mark, put, context, out_lost, error);
    if (status != CH_OK) {
        ch_rows_file_close(file);
        return status;
    }
    memcpy(out_salt, file->salt, sizeof file->salt);
    *out_file = file;
    return CH_OK;
}

void ch_rows_file_close(ch_rows_file *file)
{
    if (file != NULL) {
        if (file->fd >= 0) {
            close(file->fd);
        }
        ch_buf_done(&file->frame);
        free(file);
    }
}

static void start_frame(ch_rows_file *file, const uint8_t *mark, size_t count)
{
    frame_head frame = {.count = count};
    memcpy(frame.mark, mark, sizeof frame.mark);
    ch_buf_clear(&file->frame);
    ch_buf_append(&file->frame, &frame, sizeof frame);
}

static ch_status finish_frame(ch_rows_file *file, int fd, uint64_t at, ch_error *error)
{
    uint8_t check[CHECK_SIZE];
    check_of(file, &file->frame, check);
    ch_buf_append(&file->frame, check, sizeof check);
    if (file->frame.failed != CH_OK) {
        return ch_error_set(error, file->frame.failed, file->name, "no memory to write it");
    }
    if (write_all(fd, file->frame.at, file->frame.size, at) != CH_OK || fdatasync(fd) != 0) {
        return io_error(file, error);
    }
    return CH_OK;
}

static ch_status rewrite(ch_rows_file *file, int fd, size_t count, ch_row_next_fn next, void *context,
                         ch_error *error)
{
    head first;
    const ch_row *row;
    size_t index = 0;
    memcpy(first.magic, MAGIC, MAGIC_SIZE);
    memcpy(first.salt, file->salt, sizeof first.salt);
    if (write_all(fd, &first, sizeof first, 0) != CH_OK) {
        return io_error(file, error);
    }
    start_frame(file, file->mark, count);
    while ((row = next(context, &index)) != NULL) {
        ch_rows_file_add(file, row);
    }
    return finish_frame(file, fd, sizeof first, error);
}

static ch_status sync_folder(const ch_rows_file *file, ch_error *error)
{
    char folder[PATH_MAX];
    snprintf(folder, sizeof folder, "%s", file->name);
    char *slash = strrchr(folder, '/');
    if (slash != NULL) {
        *slash = '\0';
    }
    int fd = open(slash == NULL ? "." : slash == folder ? "/" : folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    ch_status status = fd < 0 || fsync(fd) != 0 ? io_error(file, error) : CH_OK;
    if (fd >= 0) {
        close(fd);
    }
    return status;
}

/* Beside it, and in its place once it is on disk. */
static ch_status replace_file(ch_rows_file *file, size_t count, ch_row_next_fn next, void *context,
                              ch_error *error)
{
    char name[PATH_MAX + 8];
    snprintf(name, sizeof name, "%s.new", file->name);
    int fd = open(name, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) {
        return io_error(file, error);
    }
    ch_status status = rewrite(file, fd, count, next, context, error);
    if (status == CH_OK && rename(name, file->name) != 0) {
        status = io_error(file, error);
    }
    if (status != CH_OK) {
        close(fd);
        unlink(name); /* it would take the room that is short */
        return status;
    }
    close(file->fd);
    file->fd = fd;
    file->end = sizeof(head) + file->frame.size;
    file->rows_written = count;
    return sync_folder(file, error);
}

ch_status ch_rows_file_compact(ch_rows_file *file, size_t count, ch_row_next_fn next, void *context,
                               ch_error *error)
{
    if (file->rows_written < 2 * (uint64_t)count + OUTDATED_LEAST || file->rows_written < file->compact_at) {
        return CH_OK;
    }
    file->compact_at = file->rows_written + OUTDATED_LEAST;
    ch_status status = replace_file(file, count, next, context, error);
    if (status == CH_OK) {
        file->compact_at = 0;
    }
    return status;
}

ch_status ch_rows_file_begin(ch_rows_file *file, size_t count, ch_error *error)
{
    if (count > FRAME_ROWS_MOST) {
        return ch_error_set(error, CH_TOO_LARGE, file->name, "too many rows in one batch");
    }
    randombytes_buf(file->next, sizeof file->next);
    start_frame(file, file->next, count);
    return CH_OK;
}

void ch_rows_file_add(ch_rows_file *file, const ch_row *row)
{
    ch_buf_append(&file->frame, row, sizeof *row);
}

ch_status ch_rows_file_end(ch_rows_file *file, char out_mark[CH_ROWS_MARK_SIZE], ch_error *error)
{
    ch_status status = finish_frame(file, file->fd, file->end, error);
    if (status == CH_OK) {
        memcpy(file->mark, file->next, sizeof file->mark);
        file->end += file->frame.size;
        file->rows_written += (file->frame.size - sizeof(frame_head) - CHECK_SIZE) / sizeof(ch_row);
        mark_text(file->mark, out_mark);
    }
    return status;
}
