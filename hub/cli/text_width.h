/* text_width.h - UTF-8 text on a terminal: how wide it is, and without what could steer the terminal.
 *
 * Needs a UTF-8 LC_CTYPE (main sets one); malformed bytes count and show as U+FFFD.
 */
#ifndef CH_CLI_TEXT_WIDTH_H
#define CH_CLI_TEXT_WIDTH_H

#include "hub/base/bytes.h"

/* Columns that the text takes once it is clean: 2 for each Chinese character, 0 for a combining mark. */
size_t ch_text_width(ch_str text);

/* Appends text with control characters, line ends and direction overrides as spaces; after most columns
 * (0: no limit) it is cut and ends in an ellipsis. Returns the columns appended. */
size_t ch_text_append(ch_buf *out, ch_str text, size_t most);

#endif
