/* rows_file.h - the file behind rows.h: a head with the salt, then frames, each whole or cut off. Inside the host. */
#ifndef CH_CONNECTORS_ROWS_FILE_H
#define CH_CONNECTORS_ROWS_FILE_H

#include "connectors/host/rows.h"

#define CH_ROWS_SALT_SIZE 16
#define CH_ROW_HASH_SIZE 16
#define CH_ROW_DIGEST_SIZE 8

/* As it stands in the file and in the table; big-endian would buy nothing, the file stays on its machine. */
typedef struct ch_row {
    uint8_t key[CH_ROW_HASH_SIZE];
    uint8_t digest[CH_ROW_DIGEST_SIZE];
    uint32_t number, used;
} ch_row;

typedef struct ch_rows_file ch_rows_file;

typedef ch_status (*ch_row_put_fn)(void *context, const ch_row *row);
/* Reads the frames up to the one with the mark into put, and cuts off what stands behind it. *out_salt is the
 * file's, or a new one. */
ch_status ch_rows_file_open(ch_rows_file **out_file, const char *name, const char *mark,
                            uint8_t out_salt[CH_ROWS_SALT_SIZE], ch_row_put_fn put, void *context,
                            bool *out_lost, ch_error *error) CH_MUST_CHECK;
void ch_rows_file_close(ch_rows_file *file);

/* The next row at or after *index, which moves; NULL at the end. */
typedef const ch_row *(*ch_row_next_fn)(void *context, size_t *index);
/* Writes the file anew when most of it is outdated; the last mark stays. When it fails the old file stays in use, and
 * it is not tried again before some more was written. CH_IO, CH_NO_MEMORY. */
ch_status ch_rows_file_compact(ch_rows_file *file, size_t count, ch_row_next_fn next, void *context,
                               ch_error *error) CH_MUST_CHECK;

/* One frame: begin, count times add, end (writes, syncs, tells the new mark). */
ch_status ch_rows_file_begin(ch_rows_file *file, size_t count, ch_error *error) CH_MUST_CHECK;
void ch_rows_file_add(ch_rows_file *file, const ch_row *row);
ch_status ch_rows_file_end(ch_rows_file *file, char out_mark[CH_ROWS_MARK_SIZE],
                           ch_error *error) CH_MUST_CHECK;

#endif
