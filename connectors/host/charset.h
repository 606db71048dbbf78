/* charset.h - a unit's bytes become lines, and each line becomes UTF-8, strictly.
 *
 * Lines are cut before they are converted, so that a bad byte costs one line and every record keeps its own bytes.
 * That works where LF never is part of another character: in UTF-8, GB18030, Big5, ISO 8859 and their kin, and with two
 * bytes a unit in UTF-16. One thread.
 */
#ifndef CH_CONNECTORS_CHARSET_H
#define CH_CONNECTORS_CHARSET_H

#include "connectors/sdk/casehub_connector.h"
#include "hub/base/bytes.h"

typedef struct ch_charset ch_charset;

/* name as iconv knows it. CH_UNSUPPORTED: iconv does not know it, or LF is not itself in it (EBCDIC, UTF-32, UTF-7). */
ch_status ch_charset_open(ch_charset **out_charset, const char *name, ch_error *error) CH_MUST_CHECK;
void ch_charset_close(ch_charset *charset);
/* Appends raw as UTF-8. CH_INVALID: not a text of the set ("byte 17"), or it holds a zero byte. */
ch_status ch_charset_convert(ch_charset *charset, ch_str raw, ch_buf *out, ch_error *error) CH_MUST_CHECK;

typedef struct ch_lines ch_lines;
/* False: stop. */
typedef bool (*ch_line_fn)(void *context, const casehub_line *line);

/* line_most: bytes of one line with its end. CH_NO_MEMORY. */
ch_status ch_lines_new(ch_lines **out_lines, ch_charset *charset, size_t line_most) CH_MUST_CHECK;
void ch_lines_free(ch_lines *lines);
/* A longer line, or one that cannot be converted, is handed on broken. CH_END: take said stop. CH_INVALID: the
 * unit is of another character set, as its byte order mark tells. */
ch_status ch_lines_feed(ch_lines *lines, const char *bytes, size_t size, ch_line_fn take, void *context,
                        ch_error *error) CH_MUST_CHECK;
ch_status ch_lines_end(ch_lines *lines, ch_line_fn take, void *context, ch_error *error) CH_MUST_CHECK;

#endif
