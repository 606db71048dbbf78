#include "hub/store/lmdb_env.h"

#include "hub/store/disk_file.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#define EXTEND_BYTES ((uint64_t)256 * 1024)
#define READERS_MAX 256

ch_status ch_lmdb_status(int code)
{
    switch (code) {
    case MDB_SUCCESS: return CH_OK;
    case MDB_NOTFOUND: return CH_NOT_FOUND;
    case MDB_KEYEXIST: return CH_CONFLICT;
    case MDB_MAP_FULL:
    case MDB_TXN_FULL: return CH_STORAGE_FULL;
    case MDB_VERSION_MISMATCH: return CH_UNSUPPORTED;
    case MDB_READERS_FULL: return CH_FULL;
    case MDB_PAGE_NOTFOUND:
    case MDB_CORRUPTED:
    case MDB_INVALID:
    case MDB_PAGE_FULL:
    case MDB_CURSOR_FULL:
    case MDB_INCOMPATIBLE:
    case MDB_BAD_VALSIZE:
    case MDB_BAD_DBI: return CH_CORRUPT;
    case MDB_PANIC:
    case MDB_MAP_RESIZED:
    case MDB_BAD_RSLOT:
    case MDB_BAD_TXN: return CH_IO;
    default: return ch_disk_status(code);
    }
}

ch_status ch_lmdb_fail(ch_error *error, int code, const char *what)
{
    return ch_error_set(error, ch_lmdb_status(code), what, "%s", mdb_strerror(code));
}

static ch_status check_size(MDB_env *env, const char *path, ch_error *error)
{
    MDB_envinfo info;
    MDB_stat stat_of;
    struct stat seen;
    mdb_filehandle_t fd;
    if (mdb_env_info(env, &info) != 0 || mdb_env_stat(env, &stat_of) != 0 || mdb_env_get_fd(env, &fd) != 0) {
        return ch_error_set(error, CH_IO, path, "cannot be measured");
    }
    if (fstat(fd, &seen) != 0) {
        return ch_disk_fail(error, path, "cannot be measured");
    }
    uint64_t needed = ((uint64_t)info.me_last_pgno + 1) * stat_of.ms_psize;
    if ((uint64_t)seen.st_size < needed) {
        return ch_error_set(error, CH_CORRUPT, path, "is cut short: %llu of %llu bytes are there",
                            (unsigned long long)seen.st_size, (unsigned long long)needed);
    }
    return CH_OK;
}

static ch_status check_presence(const char *path, ch_error *error)
{
    struct stat seen;
    if (stat(path, &seen) != 0) {
        return errno == ENOENT ? ch_error_set(error, CH_CORRUPT, path, "is missing")
                               : ch_disk_fail(error, path, "cannot be looked at");
    }
    return seen.st_size == 0 ? ch_error_set(error, CH_CORRUPT, path, "is empty") : CH_OK;
}

static ch_status open_env(MDB_env *env, const ch_lmdb_options *options, const char *path, ch_error *error)
{
    int dead = 0;
    unsigned flags =
        MDB_NOTLS | (options->read_only ? MDB_RDONLY : 0) | (options->last_may_be_lost ? MDB_NOMETASYNC : 0);
    int code = options->map_bytes == 0 ? 0 : mdb_env_set_mapsize(env, options->map_bytes);
    code = code != 0 ? code : mdb_env_set_maxdbs(env, options->tables_max);
    code = code != 0 ? code : mdb_env_set_maxreaders(env, READERS_MAX);
    code = code != 0 ? code : mdb_env_open(env, options->dir, flags, 0600);
    if (code != 0) {
        return ch_lmdb_fail(error, code, path);
    }
    ch_status status = check_size(env, path, error);
    if (status != CH_OK || options->read_only) {
        return status;
    }
    /* After a failed commit LMDB puts the older meta page back, but unsynced: the disk may still hold the
     * newer one, which a later loss of power would bring back over pages that are in use again by then. */
    code = mdb_env_sync(env, 1);
    if (code != 0) {
        return ch_lmdb_fail(error, code, path);
    }
    mdb_reader_check(env, &dead);
    ch_lmdb_extend(env);
    return CH_OK;
}

ch_status ch_lmdb_open(MDB_env **out_env, const ch_lmdb_options *options, ch_error *error)
{
    char path[CH_PATH_SIZE];
    MDB_env *env = NULL;
    ch_status status = ch_path_join(path, options->dir, "data.mdb", error);
    if (status == CH_OK && (options->must_exist || options->read_only)) {
        status = check_presence(path, error);
    }
    if (status != CH_OK) {
        return status;
    }
    int code = mdb_env_create(&env);
    if (code != 0) {
        return ch_lmdb_fail(error, code, path);
    }
    status = open_env(env, options, path, error);
    if (status != CH_OK) {
        mdb_env_close(env);
        return status;
    }
    *out_env = env;
    return CH_OK;
}

void ch_lmdb_extend(MDB_env *env)
{
    MDB_envinfo info;
    MDB_stat stat_of;
    struct stat seen;
    mdb_filehandle_t fd;
    if (mdb_env_info(env, &info) != 0 || mdb_env_stat(env, &stat_of) != 0 || mdb_env_get_fd(env, &fd) != 0 ||
        fstat(fd, &seen) != 0) {
        return;
    }
    uint64_t needed = ((uint64_t)info.me_last_pgno + 1) * stat_of.ms_psize;
    if ((uint64_t)seen.st_size < needed + EXTEND_BYTES / 2) {
        int ignored = ftruncate(fd, (off_t)(needed + EXTEND_BYTES));
        (void)ignored;
    }
}

bool ch_lmdb_is_dead(MDB_env *env)
{
    MDB_txn *txn = NULL;
    int code = mdb_txn_begin(env, NULL, 0, &txn);
    if (code == 0) {
        mdb_txn_abort(txn);
    }
    return code == MDB_PANIC;
}

static ch_status count_free_pages(MDB_env *env, uint64_t *out_pages)
{
    MDB_txn *txn;
    MDB_cursor *cursor;
    MDB_val key = {0}, pages = {0};
    uint64_t count = 0;
    ch_status status = ch_lmdb_begin_read(env, &txn, NULL);
    if (status != CH_OK) {
        return status;
    }
    /* Table 0 is LMDB's free list: transaction -> its pages, their number first. */
    int code = mdb_cursor_open(txn, 0, &cursor);
    if (code == 0) {
        while ((code = mdb_cursor_get(cursor, &key, &pages, MDB_NEXT)) == 0) {
            size_t of_one = 0;
            memcpy(&of_one, pages.mv_data, sizeof of_one);
            count += of_one;
        }
        mdb_cursor_close(cursor);
    }
    mdb_txn_abort(txn);
    if (code != MDB_NOTFOUND) {
        return ch_lmdb_status(code);
    }
    *out_pages = count;
    return CH_OK;
}

ch_status ch_lmdb_used(MDB_env *env, uint64_t *out_used, uint64_t *out_map)
{
    MDB_envinfo info;
    MDB_stat stat_of;
    uint64_t free_pages = 0;
    if (mdb_env_info(env, &info) != 0 || mdb_env_stat(env, &stat_of) != 0) {
        return CH_IO;
    }
    uint64_t used = ((uint64_t)info.me_last_pgno + 1) * stat_of.ms_psize;
    if (used > info.me_mapsize / 2) {
        ch_status status = count_free_pages(env, &free_pages);
        if (status != CH_OK) {
            return status;
        }
    }
    uint64_t free_bytes = free_pages * stat_of.ms_psize;
    *out_used = used > free_bytes ? used - free_bytes : 0;
    *out_map = info.me_mapsize;
    return CH_OK;
}

ch_status ch_lmdb_begin_read(MDB_env *env, MDB_txn **out_txn, ch_error *error)
{
    int dead = 0;
    int code = mdb_txn_begin(env, NULL, MDB_RDONLY, out_txn);
    if (code == MDB_READERS_FULL && mdb_reader_check(env, &dead) == 0 && dead > 0) {
        code = mdb_txn_begin(env, NULL, MDB_RDONLY, out_txn);
    }
    return code == 0 ? CH_OK : ch_lmdb_fail(error, code, "a look at the store");
}
