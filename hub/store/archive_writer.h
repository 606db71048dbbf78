/* archive_writer.h - writes records into an archive (archive_format.h); memory holds one block.
 *
 * Whether the file appears as a whole is the caller's business: see whole_file.h. After a failure only free is left.
 */
#ifndef CH_STORE_ARCHIVE_WRITER_H
#define CH_STORE_ARCHIVE_WRITER_H

#include "hub/store/archive_format.h"

#include <stdio.h>

typedef struct ch_archive_writer ch_archive_writer;

/* Writes the head. file stays the caller's and is only appended to; name: of it, for messages. CH_IO, CH_STORAGE_FULL,
 * CH_NO_MEMORY. */
ch_status ch_archive_writer_new(ch_archive_writer **out_writer, FILE *file, const char *name,
                                const ch_archive_head *head, ch_error *error) CH_MUST_CHECK;
void ch_archive_writer_free(ch_archive_writer *writer);
/* A record as it was read from a log, with all its parts; that it follows the one before is the caller's to know. */
ch_status ch_archive_writer_put(ch_archive_writer *writer, const ch_record *record,
                                ch_error *error) CH_MUST_CHECK;
/* The last block and the foot; flushed to the system, not synced. */
ch_status ch_archive_writer_finish(ch_archive_writer *writer, ch_archive_foot *out_foot,
                                   ch_error *error) CH_MUST_CHECK;

#endif
