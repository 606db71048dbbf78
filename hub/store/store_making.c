#include "hub/store/store_making.h"

#include "hub/store/disk_file.h"

#include <errno.h>
#include <unistd.h>

#define MARK "MAKING"

static ch_status exists(const char *dir, const char *name, bool *out_exists, ch_error *error)
{
    char path[CH_PATH_SIZE];
    ch_status status = ch_path_join(path, dir, name, error);
    if (status == CH_OK) {
        *out_exists = access(path, F_OK) == 0;
    }
    return status;
}

static ch_status take_away(const char *dir, const char *name, ch_error *error)
{
    char path[CH_PATH_SIZE];
    ch_status status = ch_path_join(path, dir, name, error);
    if (status == CH_OK && unlink(path) != 0 && errno != ENOENT && errno != ENOTDIR) {
        status = ch_disk_fail(error, path, "cannot be removed");
    }
    return status;
}

ch_status ch_store_making_begin(const char *dir, ch_error *error)
{
    static const char *const half_made[] = {"log/data.mdb",     "log/lock.mdb",           "state/data.mdb",
                                            "state/lock.mdb",   "cursors/data.mdb",       "cursors/lock.mdb",
                                            "keys/cases.slots", "keys/deadletters.slots", "keys/erasures"};
    bool marked = false, has_log = false;
    ch_status status = exists(dir, MARK, &marked, error);
    if (status == CH_OK) {
        status = exists(dir, "log/data.mdb", &has_log, error);
    }
    if (status != CH_OK || (has_log && !marked)) {
        return status;
    }
    if (!marked) {
        return ch_file_replace(dir, MARK, CH_STR("this store has not been made yet\n"), error);
    }
    for (size_t i = 0; i < sizeof half_made / sizeof *half_made && status == CH_OK; i++) {
        status = take_away(dir, half_made[i], error);
    }
    return status;
}

ch_status ch_store_making_end(const char *dir, ch_error *error)
{
    bool marked = false;
    ch_status status = exists(dir, MARK, &marked, error);
    if (status != CH_OK || !marked) {
        return status;
    }
    status = take_away(dir, MARK, error);
    return status == CH_OK ? ch_dir_sync(dir, error) : status;
}
