#include "tests/simulation/disk.h"

#include "tests/simulation/disk_files.h"

#include "hub/base/random.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/uio.h>
#include <unistd.h>

#define INTERPOSED __attribute__((visibility("default")))

typedef struct fault {
    unsigned long at; /* the call with this number; 0: none */
    int error_number;
} fault;

/* The one watched disk. It stands for the machine's, which is one too. */
static struct {
    bool watching, full, stopped;
    char folder[PATH_MAX];
    size_t folder_size;
    uint64_t left; /* free bytes, as told; 0: nobody has said anything */
    ch_random_seeded random;
    unsigned long calls[DISK_CALL_COUNT], all_calls, stop_at, faults;
    fault next[DISK_CALL_COUNT], shorten;
    disk_files files;
} disk;

#define REAL(name) ((__typeof__(&name))find_real(#name))

static void *find_real(const char *name)
{
    void *found = dlsym(RTLD_NEXT, name);
    if (found == NULL) {
        abort();
    }
    return found;
}

static uint64_t below(uint64_t limit)
{
    return ch_random_below(&disk.random, limit);
}

void disk_watch(const char *folder, uint64_t seed)
{
    disk_unwatch();
    if (realpath(folder, disk.folder) == NULL) {
        abort();
    }
    disk.folder_size = strlen(disk.folder);
    ch_random_seeded_init(&disk.random, seed);
    disk.watching = true;
}

void disk_unwatch(void)
{
    disk_files_forget(&disk.files);
    memset(&disk, 0, sizeof disk);
}

void disk_fail_later(disk_call call, unsigned n, int error_number)
{
    disk.next[call] = (fault){disk.calls[call] + n, error_number};
}

void disk_shorten_later(unsigned n)
{
    disk.shorten = (fault){disk.calls[DISK_WRITE] + n, 0};
}

void disk_fill(bool full)
{
    disk.full = full;
}

void disk_leave(uint64_t bytes)
{
    disk.left = bytes;
}

void disk_heal(void)
{
    memset(disk.next, 0, sizeof disk.next);
    disk.shorten = (fault){0, 0};
    disk.full = false;
    disk.stopped = false;
    disk.stop_at = 0;
}

void disk_stop_later(unsigned n)
{
    disk.stop_at = disk.all_calls + n;
    disk.stopped = n == 0;
}

unsigned long disk_calls(disk_call call)
{
    return disk.calls[call];
}

unsigned long disk_faults(void)
{
    return disk.faults;
}

static bool is_under(const char *path)
{
    return disk.watching && strncmp(path, disk.folder, disk.folder_size) == 0 &&
           path[disk.folder_size] == '/';
}

/* The watched file behind fd; NULL when it is none. */
static disk_file *watched(int fd)
{
    char link[64], path[PATH_MAX];
    if (!disk.watching) {
        return NULL;
    }
    int kept = errno;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t size = readlink(link, path, sizeof path - 1);
    path[size < 0 ? 0 : size] = '\0';
    disk_file *file = size > 0 && is_under(path) ? disk_files_of_fd(&disk.files, fd) : NULL;
    errno = kept;
    return file;
}

/* True with errno set when this call is to fail. */
static bool fails(disk_call call)
{
    disk.calls[call]++;
    disk.all_calls++;
    disk.stopped = disk.stopped || disk.stop_at == disk.all_calls;
    if (disk.stopped) {
        errno = EIO;
        return true;
    }
    if (disk.next[call].at == disk.calls[call]) {
        errno = disk.next[call].error_number;
        disk.faults++;
        return true;
    }
    return false;
}

static bool is_synchronous(int fd)
{
    int flags = fcntl(fd, F_GETFL);
    return flags >= 0 && (flags & (O_DSYNC | O_SYNC)) != 0;
}

/* Into the kernel's file, which reads and maps see, and into what the disk has been told. */
static ssize_t pass_write(disk_file *file, int fd, const void *bytes, size_t size, off_t at)
{
    ssize_t put = REAL(pwrite)(fd, bytes, size, at);
    if (put > 0) {
        disk_file_write(file, bytes, (size_t)put, at);
        if (is_synchronous(fd)) {
            disk_file_sync(file);
        }
    }
    return put;
}

static ssize_t fail_write(disk_file *file, int fd, const void *bytes, size_t size, off_t at)
{
    int error_number = errno;
    if (!disk.stopped && size > 0 && below(2) == 0) {
        size_t part = is_synchronous(fd) ? size : (size_t)below(size) + 1;
        if (REAL(pwrite)(fd, bytes, part, at) > 0) {
            disk_file_write(file, bytes, part, at);
        }
        if (is_synchronous(fd)) {
            disk_file_settle(file, &disk.random);
        }
    }
    errno = error_number;
    return -1;
}

static ssize_t watched_write(disk_file *file, int fd, const void *bytes, size_t size, off_t at)
{
    if (fails(DISK_WRITE)) {
        return fail_write(file, fd, bytes, size, at);
    }
    if (disk.full && at + (off_t)size > disk_file_allocated(file)) {
        disk.faults++;
        errno = ENOSPC;
        return -1;
    }
    if (disk.shorten.at == disk.calls[DISK_WRITE] && size > 1) {
        disk.faults++;
        size = (size_t)below(size - 1) + 1;
    }
    return pass_write(file, fd, bytes, size, at);
}

INTERPOSED ssize_t pwrite(int fd, const void *bytes, size_t size, off_t at)
{
    disk_file *file = watched(fd);
    return file == NULL ? REAL(pwrite)(fd, bytes, size, at) : watched_write(file, fd, bytes, size, at);
}

INTERPOSED ssize_t pwrite64(int fd, const void *bytes, size_t size, off_t at)
{
    return pwrite(fd, bytes, size, at);
}

INTERPOSED ssize_t write(int fd, const void *bytes, size_t size)
{
    disk_file *file = watched(fd);
    if (file == NULL) {
        return REAL(write)(fd, bytes, size);
    }
    off_t at = lseek(fd, 0, SEEK_CUR);
    ssize_t put = watched_write(file, fd, bytes, size, at);
    if (put > 0) {
        lseek(fd, at + put, SEEK_SET);
    }
    return put;
}

static uint8_t *gather(const struct iovec *parts, int count, size_t *out_size)
{
    size_t size = 0;
    for (int i = 0; i < count; i++) {
        size += parts[i].iov_len;
    }
    uint8_t *bytes = malloc(size + 1);
    if (bytes == NULL) {
        abort();
    }
    size = 0;
    for (int i = 0; i < count; i++) {
        memcpy(bytes + size, parts[i].iov_base, parts[i].iov_len);
        size += parts[i].iov_len;
    }
    *out_size = size;
    return bytes;
}

INTERPOSED ssize_t pwritev(int fd, const struct iovec *parts, int count, off_t at)
{
    size_t size;
    disk_file *file = watched(fd);
    if (file == NULL) {
        return REAL(pwritev)(fd, parts, count, at);
    }
    uint8_t *bytes = gather(parts, count, &size);
    ssize_t put = watched_write(file, fd, bytes, size, at);
    free(bytes);
    return put;
}

INTERPOSED ssize_t writev(int fd, const struct iovec *parts, int count)
{
    disk_file *file = watched(fd);
    if (file == NULL) {
        return REAL(writev)(fd, parts, count);
    }
    off_t at = lseek(fd, 0, SEEK_CUR);
    ssize_t put = pwritev(fd, parts, count, at);
    if (put > 0) {
        lseek(fd, at + put, SEEK_SET);
    }
    return put;
}

/* The real call would only cost time: what the kernel keeps is not what the image is made of. */
static int watched_sync(disk_file *file)
{
    if (fails(DISK_SYNC)) {
        int error_number = errno;
        if (!disk.stopped) {
            disk_file_settle(file, &disk.random);
        }
        errno = error_number;
        return -1;
    }
    disk_file_sync(file);
    return 0;
}

INTERPOSED int fdatasync(int fd)
{
    disk_file *file = watched(fd);
    return file == NULL ? REAL(fdatasync)(fd) : watched_sync(file);
}

INTERPOSED int fsync(int fd)
{
    disk_file *file = watched(fd);
    return file == NULL ? REAL(fsync)(fd) : watched_sync(file);
}

/* LMDB calls it for writable maps only, which the store does not use. */
INTERPOSED int msync(void *at, size_t size, int flags)
{
    return disk.stopped ? (errno = EIO, -1) : REAL(msync)(at, size, flags);
}

INTERPOSED int ftruncate(int fd, off_t size)
{
    disk_file *file = watched(fd);
    if (file == NULL) {
        return REAL(ftruncate)(fd, size);
    }
    if (fails(DISK_TRUNCATE)) {
        return -1;
    }
    int code = REAL(ftruncate)(fd, size);
    if (code == 0) {
        disk_file_truncate(file, size);
    }
    return code;
}

INTERPOSED int ftruncate64(int fd, off_t size)
{
    return ftruncate(fd, size);
}

static void forget_path(const char *path)
{
    struct stat seen;
    if (disk.watching && lstat(path, &seen) == 0) {
        disk_files_drop(&disk.files, seen.st_dev, seen.st_ino);
    }
}

INTERPOSED int rename(const char *from, const char *to)
{
    if (disk.stopped) {
        errno = EIO;
        return -1;
    }
    forget_path(to);
    return REAL(rename)(from, to);
}

INTERPOSED int unlink(const char *path)
{
    if (disk.stopped) {
        errno = EIO;
        return -1;
    }
    forget_path(path);
    return REAL(unlink)(path);
}

INTERPOSED int statvfs(const char *path, struct statvfs *out)
{
    int code = REAL(statvfs)(path, out);
    if (code == 0 && disk.full) {
        out->f_bavail = 0;
        out->f_bfree = 0;
    } else if (code == 0 && disk.left > 0 && disk.left / out->f_frsize < out->f_bavail) {
        out->f_bavail = out->f_bfree = disk.left / out->f_frsize;
    }
    return code;
}

INTERPOSED int statvfs64(const char *path, struct statvfs64 *out)
{
    return statvfs(path, (struct statvfs *)out);
}

void disk_power_loss(const char *image)
{
    disk_files_image(&disk.files, disk.folder, image, &disk.random);
}
