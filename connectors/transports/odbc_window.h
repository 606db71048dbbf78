/* odbc_window.h - how far a table was read by its watermark, and where the next poll begins.
 *
 * A poll that reached the end is followed by one that begins `overlap` before the watermark, for rows that were committed
 * late; which of those were told already a digest of each row says. A poll that stopped before the end is followed by one
 * that goes on right behind its last row, by watermark and keys.
 *
 * Watermarks are integers, or civil times as databases print them ("2026-11-23 08:15:07.25", "2026-11-23"), reckoned with
 * as they stand: a zone is neither known nor needed. Pure.
 */
#ifndef CH_CONNECTORS_ODBC_WINDOW_H
#define CH_CONNECTORS_ODBC_WINDOW_H

#include "hub/base/bytes.h"

#define CH_WINDOW_KEYS_MOST 4
#define CH_WINDOW_TEXT_SIZE 101
#define CH_WINDOW_SEEN_MOST 150 /* so that a position stays below 3 KiB */

typedef struct ch_odbc_window {
    /* The last row's watermark, then its keys; "" at first. */
    char last[1 + CH_WINDOW_KEYS_MOST][CH_WINDOW_TEXT_SIZE];
    bool more; /* go on behind that row */
    uint64_t seen[CH_WINDOW_SEEN_MOST];
    size_t seen_count;
} ch_odbc_window;

/* position: "" at first. What cannot be read is as if nothing had been read before. */
void ch_odbc_window_parse(ch_odbc_window *out_window, const char *position, size_t key_count);
void ch_odbc_window_format(const ch_odbc_window *window, size_t key_count, ch_buf *out);

/* A watermark that can be reckoned with. *out_moves: it is not a time that lies in the future of every zone, behind which
 * nothing would be found any more. */
bool ch_odbc_watermark_check(const char *watermark, int64_t wall_ms, bool *out_moves);
/* The watermark `overlap` earlier: overlap_ms of a time, overlap_count of an integer. */
void ch_odbc_watermark_lower(const char *watermark, int64_t overlap_ms, int64_t overlap_count,
                             char out[CH_WINDOW_TEXT_SIZE]);

#endif
