#include "tests/simulation/disk_files.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SECTOR 512

static void *must(void *room)
{
    if (room == NULL) {
        abort();
    }
    return room;
}

static void reserve(disk_file *file, size_t size)
{
    if (size > file->durable_capacity) {
        size_t capacity = size * 2;
        file->durable = must(realloc(file->durable, capacity));
        file->durable_capacity = capacity;
    }
    if (size > file->durable_size) {
        memset(file->durable + file->durable_size, 0, size - file->durable_size);
        file->durable_size = size;
    }
}

static void load(disk_file *file, int fd)
{
    char link[64];
    struct stat seen;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    int own = open(link, O_RDONLY | O_CLOEXEC);
    if (own < 0 || fstat(own, &seen) != 0) {
        abort();
    }
    reserve(file, (size_t)seen.st_size);
    file->allocated = seen.st_size;
    if (seen.st_size > 0 && pread(own, file->durable, (size_t)seen.st_size, 0) != seen.st_size) {
        abort();
    }
    close(own);
}

static disk_file *find(const disk_files *files, dev_t device, ino_t inode)
{
    disk_file *file = files->first;
    while (file != NULL && (file->device != device || file->inode != inode)) {
        file = file->next;
    }
    return file;
}

disk_file *disk_files_of_fd(disk_files *files, int fd)
{
    struct stat seen;
    if (fstat(fd, &seen) != 0 || !S_ISREG(seen.st_mode)) {
        return NULL;
    }
    disk_file *file = find(files, seen.st_dev, seen.st_ino);
    if (file == NULL) {
        file = must(calloc(1, sizeof *file));
        file->device = seen.st_dev;
        file->inode = seen.st_ino;
        load(file, fd);
        file->next = files->first;
        files->first = file;
    }
    return file;
}

static void forget_changes(disk_file *file)
{
    for (size_t i = 0; i < file->change_count; i++) {
        free(file->changes[i].bytes);
    }
    file->change_count = 0;
}

static void free_file(disk_file *file)
{
    forget_changes(file);
    free(file->changes);
    free(file->durable);
    free(file);
}

void disk_files_drop(disk_files *files, dev_t device, ino_t inode)
{
    for (disk_file **link = &files->first; *link != NULL; link = &(*link)->next) {
        disk_file *file = *link;
        if (file->device == device && file->inode == inode) {
            *link = file->next;
            free_file(file);
            return;
        }
    }
}

void disk_files_forget(disk_files *files)
{
    while (files->first != NULL) {
        disk_file *file = files->first;
        files->first = file->next;
        free_file(file);
    }
}

static disk_change *add_change(disk_file *file)
{
    if (file->change_count == file->change_capacity) {
        file->change_capacity = file->change_capacity == 0 ? 16 : file->change_capacity * 2;
        file->changes = must(realloc(file->changes, file->change_capacity * sizeof *file->changes));
    }
    return &file->changes[file->change_count++];
}

void disk_file_write(disk_file *file, const void *bytes, size_t size, off_t at)
{
    disk_change *change = add_change(file);
    *change = (disk_change){.at = at, .size = size, .bytes = must(malloc(size + 1))};
    memcpy(change->bytes, bytes, size);
    if (at + (off_t)size > file->allocated) {
        file->allocated = at + (off_t)size;
    }
}

void disk_file_truncate(disk_file *file, off_t size)
{
    *add_change(file) = (disk_change){.truncates = true, .at = size};
    if (size < file->allocated) {
        file->allocated = size;
    }
}

off_t disk_file_allocated(const disk_file *file)
{
    return file->allocated;
}

static void apply_part(disk_file *file, const disk_change *change, size_t from, size_t to)
{
    if (to > from) {
        reserve(file, (size_t)change->at + to);
        memcpy(file->durable + change->at + from, change->bytes + from, to - from);
    }
}

static void apply(disk_file *file, const disk_change *change)
{
    if (!change->truncates) {
        apply_part(file, change, 0, change->size);
    } else if ((size_t)change->at > file->durable_size) {
        reserve(file, (size_t)change->at);
    } else {
        file->durable_size = (size_t)change->at;
    }
}

void disk_file_sync(disk_file *file)
{
    for (size_t i = 0; i < file->change_count; i++) {
        apply(file, &file->changes[i]);
    }
    forget_changes(file);
}

/* The end of the sector that the byte lies in, within the change. */
static size_t sector_end(const disk_change *change, size_t from)
{
    size_t end = (((size_t)change->at + from) / SECTOR + 1) * SECTOR - (size_t)change->at;
    return end < change->size ? end : change->size;
}

static void apply_some_sectors(disk_file *file, const disk_change *change, ch_random_seeded *random, bool cut)
{
    for (size_t from = 0; from < change->size; from = sector_end(change, from)) {
        if (ch_random_below(random, cut ? 8 : 2) != 0) {
            apply_part(file, change, from, sector_end(change, from));
        } else if (cut) {
            return;
        }
    }
}

/* How a disk that lost its power may have done with one change. */
static void apply_by_chance(disk_file *file, const disk_change *change, ch_random_seeded *random)
{
    enum { KEPT, DROPPED, CUT, SCATTERED, FATES };
    uint64_t fate = ch_random_below(random, change->truncates ? CUT : FATES);
    if (fate == KEPT) {
        apply(file, change);
    } else if (fate != DROPPED) {
        apply_some_sectors(file, change, random, fate == CUT);
    }
}

void disk_file_settle(disk_file *file, ch_random_seeded *random)
{
    bool in_order = ch_random_below(random, 2) == 0;
    for (size_t i = 0; i < file->change_count; i++) {
        size_t other = i + (size_t)ch_random_below(random, file->change_count - i);
        disk_change swapped = file->changes[i];
        if (!in_order) {
            file->changes[i] = file->changes[other];
            file->changes[other] = swapped;
        }
    }
    /* One power loss in four catches the disk with everything or nothing of it done. */
    uint64_t all = ch_random_below(random, 8);
    for (size_t i = 0; i < file->change_count && all != 0; i++) {
        if (all == 1) {
            apply(file, &file->changes[i]);
        } else {
            apply_by_chance(file, &file->changes[i], random);
        }
    }
    forget_changes(file);
}

static void write_whole(const char *path, const uint8_t *bytes, size_t size)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0 || (size > 0 && pwrite(fd, bytes, size, 0) != (ssize_t)size)) {
        abort();
    }
    close(fd);
}

static void image_file(disk_files *files, const char *from, const char *to, ch_random_seeded *random)
{
    int fd = open(from, O_RDONLY | O_CLOEXEC);
    disk_file *file = fd < 0 ? NULL : disk_files_of_fd(files, fd);
    if (file == NULL) {
        abort();
    }
    close(fd);
    disk_file_settle(file, random);
    write_whole(to, file->durable, file->durable_size);
}

void disk_files_image(disk_files *files, const char *folder, const char *image, ch_random_seeded *random)
{
    struct dirent **entries;
    int count = scandir(folder, &entries, NULL, alphasort);
    for (int i = 0; i < count; i++) {
        char from[PATH_MAX], to[PATH_MAX];
        struct stat seen;
        const char *name = entries[i]->d_name;
        snprintf(from, sizeof from, "%s/%s", folder, name);
        snprintf(to, sizeof to, "%s/%s", image, name);
        bool skipped = strcmp(name, ".") == 0 || strcmp(name, "..") == 0 || strcmp(name, "lock.mdb") == 0;
        if (skipped || lstat(from, &seen) != 0) {
            free(entries[i]);
            continue;
        }
        if (S_ISDIR(seen.st_mode)) {
            mkdir(to, 0700);
            disk_files_image(files, from, to, random);
        } else {
            image_file(files, from, to, random);
        }
        free(entries[i]);
    }
    if (count >= 0) {
        free(entries);
    }
}
