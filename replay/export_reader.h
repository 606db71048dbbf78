/* export_reader.h - reads an export line by line; memory holds one line. */
#ifndef CH_REPLAY_EXPORT_READER_H
#define CH_REPLAY_EXPORT_READER_H

#include "replay/export_format.h"

typedef struct ch_export_reader ch_export_reader;

/* Reads the header. CH_NOT_FOUND, CH_CORRUPT (no export), CH_UNSUPPORTED (newer), CH_IO, CH_NO_MEMORY. */
ch_status ch_export_reader_open(ch_export_reader **out_reader, const char *path,
                                ch_error *error) CH_MUST_CHECK;
void ch_export_reader_close(ch_export_reader *reader);
const ch_export_header *ch_export_reader_header(const ch_export_reader *reader);
/* The next event's line, until the next call. CH_END behind a trailer whose count and hash are right and that
 * is the last line; CH_CORRUPT when the end is missing or wrong; CH_IO, CH_NO_MEMORY. */
ch_status ch_export_reader_next(ch_export_reader *reader, ch_str *out_line, ch_error *error) CH_MUST_CHECK;
/* Line last given, from 1; the header is 1. */
uint64_t ch_export_reader_line(const ch_export_reader *reader);

#endif
