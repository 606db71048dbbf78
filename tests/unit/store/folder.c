#include "tests/unit/store/folder.h"

#include "tests/unit/check.h"

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void folder_make(char path[FOLDER_PATH_SIZE])
{
    const char *base = getenv("TMPDIR");
    snprintf(path, FOLDER_PATH_SIZE, "%s/casehub-XXXXXX", base == NULL ? "/tmp" : base);
    assert_non_null(mkdtemp(path));
}

static int remove_one(const char *path, const struct stat *seen, int kind, struct FTW *place)
{
    (void)seen;
    (void)kind;
    (void)place;
    return remove(path);
}

void folder_remove(const char *path)
{
    nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

const char *in_folder(const char *dir, const char *name)
{
    static char paths[8][FOLDER_PATH_SIZE * 2];
    static unsigned next;
    char *path = paths[next++ % 8];
    snprintf(path, sizeof paths[0], "%s/%s", dir, name);
    return path;
}

long file_size(const char *path)
{
    struct stat seen;
    return stat(path, &seen) == 0 ? (long)seen.st_size : -1;
}

void file_cut(const char *path, long size)
{
    assert_int_equal(truncate(path, size), 0);
}

static uint8_t *load(const char *path, long *out_size)
{
    *out_size = file_size(path);
    assert_true(*out_size >= 0);
    uint8_t *bytes = malloc((size_t)*out_size + 1);
    assert_non_null(bytes);
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    assert_int_equal(fread(bytes, 1, (size_t)*out_size, file), *out_size);
    fclose(file);
    bytes[*out_size] = 0;
    return bytes;
}

static void store(const char *path, const void *bytes, size_t size)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

void file_copy(const char *from, const char *to)
{
    long size;
    uint8_t *bytes = load(from, &size);
    store(to, bytes, (size_t)size);
    free(bytes);
}

void file_write(const char *path, const char *text)
{
    store(path, text, strlen(text));
}

void file_read(const char *path, char *out, size_t size)
{
    long length;
    uint8_t *bytes = load(path, &length);
    assert_true((size_t)length < size);
    memcpy(out, bytes, (size_t)length + 1);
    free(bytes);
}

void file_flip(const char *path, long at, uint8_t mask)
{
    uint8_t byte;
    int fd = open(path, O_RDWR | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(pread(fd, &byte, 1, at), 1);
    byte ^= mask;
    assert_int_equal(pwrite(fd, &byte, 1, at), 1);
    close(fd);
}

long file_find(const char *path, const void *bytes, size_t size, long from)
{
    long length;
    uint8_t *all = load(path, &length);
    const uint8_t *found = from > length ? NULL : memmem(all + from, (size_t)(length - from), bytes, size);
    long at = found == NULL ? -1 : (long)(found - all);
    free(all);
    return at;
}
