/* text_file.h - a whole UTF-8 text file in memory, for the readers of this folder. */
#ifndef CH_CONFIG_TEXT_FILE_H
#define CH_CONFIG_TEXT_FILE_H

#include "hub/base/bytes.h"

/* Appends the file without its byte order mark to *out, whose limit is the most it may have. CH_NOT_FOUND,
 * CH_IO, CH_NO_MEMORY, CH_INVALID with file:line (no UTF-8, a zero byte, too large). */
ch_status ch_text_file_read(ch_buf *out, const char *file, ch_error *error) CH_MUST_CHECK;

/* The same with every byte as it is, text or not. */
ch_status ch_raw_file_read(ch_buf *out, const char *file, ch_error *error) CH_MUST_CHECK;

/* "file:line"; of a name that is too long the end. */
#define CH_TEXT_PLACE_SIZE 160
void ch_text_place(char out[CH_TEXT_PLACE_SIZE], const char *file, unsigned line);

#endif
