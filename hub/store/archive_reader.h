/* archive_reader.h - reads an archive (archive_format.h) record by record; memory holds one block.
 *
 * Checks each block, each record's shape, and at the end the foot. Whether the records follow one another is for the
 * caller to judge (ch_record_follows).
 */
#ifndef CH_STORE_ARCHIVE_READER_H
#define CH_STORE_ARCHIVE_READER_H

#include "hub/store/archive_format.h"

typedef struct ch_archive_reader ch_archive_reader;

/* Of what could not be read. */
typedef struct ch_archive_damage {
    uint64_t first, until; /* sequences that are concerned */
    bool at_end;           /* no record is concerned: the end is missing, or wrong */
} ch_archive_damage;

/* Reads the head. CH_NOT_FOUND, CH_CORRUPT, CH_UNSUPPORTED (newer), CH_IO, CH_NO_MEMORY. */
ch_status ch_archive_reader_open(ch_archive_reader **out_reader, const char *path,
                                 ch_error *error) CH_MUST_CHECK;
void ch_archive_reader_close(ch_archive_reader *reader);
const ch_archive_head *ch_archive_reader_head(const ch_archive_reader *reader);
/* Slices of *out_record live until the next call; of an archive without sealed parts, record->sealed has a size but no
 * bytes. CH_END behind a foot that is right and ends the file. CH_CORRUPT: ch_archive_reader_damage says where, and the
 * next call goes on behind it, or gives CH_END when nothing behind it can be found. CH_IO, CH_NO_MEMORY. */
ch_status ch_archive_reader_next(ch_archive_reader *reader, ch_record *out_record,
                                 ch_error *error) CH_MUST_CHECK;
ch_archive_damage ch_archive_reader_damage(const ch_archive_reader *reader);

#endif
