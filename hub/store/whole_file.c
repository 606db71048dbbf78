#include "hub/store/whole_file.h"

#include <fcntl.h>
#include <libgen.h>
#include <unistd.h>

ch_status ch_whole_file_open(ch_whole_file *out_file, const char *path, ch_error *error)
{
    ch_whole_file file = {.file = NULL};
    if (ch_str_copy(file.path, sizeof file.path, ch_str_of(path)) != CH_OK ||
        snprintf(file.beside, sizeof file.beside, "%s.part", path) >= (int)sizeof file.beside) {
        return ch_error_set(error, CH_INVALID, path, "the path is too long");
    }
    int fd = open(file.beside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    file.file = fd < 0 ? NULL : fdopen(fd, "wb");
    if (file.file == NULL) {
        ch_status status = ch_disk_fail(error, file.beside, "cannot be made");
        if (fd >= 0) {
            close(fd);
        }
        return status;
    }
    *out_file = file;
    return CH_OK;
}

static ch_status close_file(ch_whole_file *file, ch_error *error)
{
    ch_status status = CH_OK;
    if (fflush(file->file) != 0 || fsync(fileno(file->file)) != 0) {
        status = ch_disk_fail(error, file->beside, "cannot be written");
    }
    if (fclose(file->file) != 0 && status == CH_OK) {
        status = ch_disk_fail(error, file->beside, "cannot be written");
    }
    file->file = NULL;
    return status;
}

ch_status ch_whole_file_finish(ch_whole_file *file, ch_error *error)
{
    char dir[CH_PATH_SIZE];
    ch_status status = close_file(file, error);
    if (status == CH_OK && rename(file->beside, file->path) != 0) {
        status = ch_disk_fail(error, file->path, "cannot be replaced");
    }
    if (status != CH_OK) {
        unlink(file->beside);
        return status;
    }
    memcpy(dir, file->path, sizeof dir);
    return ch_dir_sync(dirname(dir), error);
}

void ch_whole_file_drop(ch_whole_file *file)
{
    if (file->file != NULL) {
        fclose(file->file);
        file->file = NULL;
        unlink(file->beside);
    }
}
