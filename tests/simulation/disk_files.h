/* disk_files.h - what the disk has of each file: its durable bytes, and the changes it was told of since. */
#ifndef TESTS_SIMULATION_DISK_FILES_H
#define TESTS_SIMULATION_DISK_FILES_H

#include "hub/base/random.h"

#include <sys/types.h>

typedef struct disk_change {
    bool truncates;
    off_t at; /* of a write; the size of a truncation */
    size_t size;
    uint8_t *bytes;
} disk_change;

typedef struct disk_file {
    struct disk_file *next;
    dev_t device;
    ino_t inode;
    uint8_t *durable;
    size_t durable_size, durable_capacity;
    disk_change *changes;
    size_t change_count, change_capacity;
    off_t allocated; /* furthest byte that was ever written: a full disk has room up to it */
} disk_file;

typedef struct disk_files {
    disk_file *first;
} disk_files;

/* The file behind fd, from now on remembered with what it holds as durable. */
disk_file *disk_files_of_fd(disk_files *files, int fd);
void disk_files_drop(disk_files *files, dev_t device, ino_t inode);
void disk_files_forget(disk_files *files);
/* The folder as it may be found after a power loss; lock files of LMDB are left out. */
void disk_files_image(disk_files *files, const char *folder, const char *image, ch_random_seeded *random);

void disk_file_write(disk_file *file, const void *bytes, size_t size, off_t at);
void disk_file_truncate(disk_file *file, off_t size);
off_t disk_file_allocated(const disk_file *file);
/* All changes become durable. */
void disk_file_sync(disk_file *file);
/* Each change becomes durable or is lost, whole or in part. */
void disk_file_settle(disk_file *file, ch_random_seeded *random);

#endif
