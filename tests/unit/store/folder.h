/* folder.h - a temporary folder, and damage done to files in it. */
#ifndef TESTS_UNIT_STORE_FOLDER_H
#define TESTS_UNIT_STORE_FOLDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FOLDER_PATH_SIZE 512

/* A new empty folder; path lives until folder_remove. */
void folder_make(char path[FOLDER_PATH_SIZE]);
void folder_remove(const char *path);
/* dir/name, in one of eight buffers used in turn. */
const char *in_folder(const char *dir, const char *name);

long file_size(const char *path); /* -1: none */
void file_cut(const char *path, long size);
void file_copy(const char *from, const char *to);
void file_write(const char *path, const char *text);
void file_read(const char *path, char *out, size_t size);
/* Turns the bits of mask at this place. */
void file_flip(const char *path, long at, uint8_t mask);
/* Where these bytes are; -1 when they are not there. From `from` on. */
long file_find(const char *path, const void *bytes, size_t size, long from);

#endif
