/* line_reader.h - lines of a file or a pipe, one at a time, none longer than a limit, never the whole file. */
#ifndef CH_CLI_LINE_READER_H
#define CH_CLI_LINE_READER_H

#include "hub/base/bytes.h"

typedef struct ch_line_reader ch_line_reader;

/* fd stays the caller's. CH_NO_MEMORY. */
ch_status ch_line_reader_new(ch_line_reader **out_reader, int fd, size_t line_bytes_max) CH_MUST_CHECK;
void ch_line_reader_free(ch_line_reader *reader);

typedef enum ch_line_kind {
    CH_LINE,           /* *out_line, until the next call; without its line end */
    CH_LINE_TOO_LONG,  /* it was skipped */
    CH_LINE_NEED_MORE, /* ch_line_reader_fill, once the descriptor is readable */
    CH_LINE_END
} ch_line_kind;
/* Blank lines are left out but counted. *out_number: of the line in the file, from 1. A byte order mark is
 * skipped. */
ch_line_kind ch_line_reader_next(ch_line_reader *reader, ch_str *out_line, uint64_t *out_number);

/* One read(2); may block when nothing is there. CH_IO, errno tells. */
ch_status ch_line_reader_fill(ch_line_reader *reader) CH_MUST_CHECK;

#endif
