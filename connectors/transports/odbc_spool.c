#include "connectors/transports/odbc_spool.h"

#include "hub/base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

#define HEAD_SIZE 4096
#define HASH_SIZE 16
#define HASH_TEXT_SIZE (2 * HASH_SIZE + 1)
#define HEAD_FORMAT "casehub-poll 1 %" PRId64 " %" PRId64 " %32s\n"

static ch_status fail(const char *file, ch_error *error)
{
    return ch_error_set(error, CH_IO, file, "%s", strerror(errno));
}

ch_status ch_odbc_spool_init(ch_odbc_spool *spool, const char *folder, const char *connector, ch_error *error)
{
    *spool = (ch_odbc_spool){.file = NULL};
    if ((size_t)snprintf(spool->path, PATH_MAX, "%s/%s.poll", folder, connector) >=
        PATH_MAX - sizeof ".part") {
        return ch_error_set(error, CH_TOO_LARGE, "spool", "the path is too long");
    }
    memcpy(spool->part, spool->path, PATH_MAX - sizeof ".part");
    strcat(spool->part, ".part");
    return CH_OK;
}

void ch_odbc_spool_close(ch_odbc_spool *spool)
{
    if (spool->file != NULL) {
        fclose(spool->file);
        spool->file = NULL;
    }
}

static FILE *open_file(const char *path, int flags, const char *mode)
{
    int fd = open(path, flags | O_CLOEXEC | O_NOFOLLOW, 0600);
    FILE *file = fd < 0 ? NULL : fdopen(fd, mode);
    if (fd >= 0 && file == NULL) {
        close(fd);
    }
    return file;
}

ch_status ch_odbc_spool_begin(ch_odbc_spool *spool, ch_error *error)
{
    ch_odbc_spool_close(spool);
    spool->file = open_file(spool->part, O_RDWR | O_CREAT | O_TRUNC, "w+");
    if (spool->file == NULL || fseek(spool->file, HEAD_SIZE, SEEK_SET) != 0) {
        return fail(spool->part, error);
    }
    spool->size = 0;
    crypto_generichash_init(&spool->hash, NULL, 0, HASH_SIZE);
    return CH_OK;
}

ch_status ch_odbc_spool_append(ch_odbc_spool *spool, ch_str line, ch_error *error)
{
    if (fwrite(line.at, 1, line.size, spool->file) != line.size || putc('\n', spool->file) == EOF) {
        return fail(spool->part, error);
    }
    crypto_generichash_update(&spool->hash, (const uint8_t *)line.at, line.size);
    crypto_generichash_update(&spool->hash, (const uint8_t *)"\n", 1);
    spool->size += (int64_t)line.size + 1;
    return CH_OK;
}

static void finish_hash(crypto_generichash_state *hash, char out[HASH_TEXT_SIZE])
{
    uint8_t digest[HASH_SIZE];
    crypto_generichash_final(hash, digest, sizeof digest);
    sodium_bin2hex(out, HASH_TEXT_SIZE, digest, sizeof digest);
}

ch_status ch_odbc_spool_end(ch_odbc_spool *spool, int64_t time_ms, const char *position, ch_error *error)
{
    char head[HEAD_SIZE] = "", hash[HASH_TEXT_SIZE];
    finish_hash(&spool->hash, hash);
    int used = snprintf(head, sizeof head, HEAD_FORMAT, time_ms, spool->size, hash);
    if ((size_t)snprintf(head + used, sizeof head - (size_t)used, "%s\n", position == NULL ? "" : position) >=
        sizeof head - (size_t)used) {
        return ch_error_set(error, CH_TOO_LARGE, spool->part, "the position is too long");
    }
    bool written = fseek(spool->file, 0, SEEK_SET) == 0 &&
                   fwrite(head, 1, sizeof head, spool->file) == sizeof head && fflush(spool->file) == 0 &&
                   rename(spool->part, spool->path) == 0;
    ch_status status = written ? CH_OK : fail(spool->part, error);
    ch_odbc_spool_close(spool);
    return status;
}

/* False: it is not what was written. */
static bool read_head(ch_odbc_spool *spool, char out_hash[HASH_TEXT_SIZE])
{
    char head[HEAD_SIZE + 1];
    if (fread(head, 1, HEAD_SIZE, spool->file) != HEAD_SIZE) {
        return false;
    }
    head[HEAD_SIZE] = '\0';
    const char *line = strchr(head, '\n'), *end = line == NULL ? NULL : strchr(line + 1, '\n');
    if (end == NULL || sscanf(head, HEAD_FORMAT, &spool->time_ms, &spool->size, out_hash) != 3) {
        return false;
    }
    return ch_str_copy(spool->position, sizeof spool->position,
                       (ch_str){line + 1, (size_t)(end - line - 1)}) == CH_OK;
}

static bool is_whole(ch_odbc_spool *spool)
{
    char wanted[HASH_TEXT_SIZE], found[HASH_TEXT_SIZE], time[CH_TIME_TEXT_SIZE];
    uint8_t bytes[16 * 1024];
    int64_t size = 0;
    size_t got;
    if (!read_head(spool, wanted)) {
        return false;
    }
    crypto_generichash_init(&spool->hash, NULL, 0, HASH_SIZE);
    while ((got = fread(bytes, 1, sizeof bytes, spool->file)) > 0) {
        crypto_generichash_update(&spool->hash, bytes, got);
        size += (int64_t)got;
    }
    finish_hash(&spool->hash, found);
    ch_time_format(spool->time_ms, 0, time);
    snprintf(spool->name, sizeof spool->name, "poll %s", time);
    snprintf(spool->identity, sizeof spool->identity, "%" PRId64 ":%s", spool->time_ms, found);
    return size == spool->size && strcmp(wanted, found) == 0;
}

ch_status ch_odbc_spool_open(ch_odbc_spool *spool, ch_error *error)
{
    ch_odbc_spool_close(spool);
    spool->file = open_file(spool->path, O_RDONLY, "r");
    if (spool->file == NULL) {
        return errno == ENOENT ? CH_END : fail(spool->path, error);
    }
    if (!is_whole(spool)) {
        ch_odbc_spool_drop(spool);
        return CH_END;
    }
    return CH_OK;
}

void ch_odbc_spool_drop(ch_odbc_spool *spool)
{
    ch_odbc_spool_close(spool);
    unlink(spool->path);
}

static long read_rows(void *context, void *out, size_t most)
{
    FILE *file = context;
    size_t got = fread(out, 1, most, file);
    return got == 0 && ferror(file) ? -1 : (long)got;
}

casehub_unit ch_odbc_spool_unit(ch_odbc_spool *spool)
{
    fseek(spool->file, HEAD_SIZE, SEEK_SET); /* of a file that was just read; reading tells if not */
    return (casehub_unit){CASEHUB_SIZED(casehub_unit),
                          .name = spool->name,
                          .identity = spool->identity,
                          .time_ms = spool->time_ms,
                          .position = spool->position[0] == '\0' ? NULL : spool->position,
                          .read = read_rows,
                          .context = spool->file};
}
