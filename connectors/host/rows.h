/* rows.h - what was last told to the hub about each row of a system that only exports its present state.
 *
 * For every native key and aspect ("case", "state"): how many changes have been told, and a digest of the last. A row
 * that says the same again gives no event; one that changed gives the id "<key>/<aspect>/<n>", n counting the changes,
 * so that a value that goes back and forth three times gives three events, and the same change told twice is one.
 *
 * Kept in an append-only file, one frame a batch. A frame is written before its batch is published and bears a mark,
 * which the batch's checkpoint carries: at the start what stands behind the hub's mark is cut off, so file and hub
 * agree whatever crashed in between. Without the hub's mark in it, the file is of no use and begins anew: ids then
 * start at 1, the hub calls what it knows a duplicate, and on `conflict` the next number is tried.
 *
 * 32 bytes a row in memory; on disk 32 a change, until the file is written anew with its last changes only. `most`
 * bounds the rows. Keys are kept as keyed hashes. One thread.
 */
#ifndef CH_CONNECTORS_ROWS_H
#define CH_CONNECTORS_ROWS_H

#include "hub/base/bytes.h"

#define CH_ROWS_MARK_SIZE 17 /* 16 hex digits */
#define CH_ROW_KEY_MAX 120
#define CH_ROW_ASPECT_MAX 40

typedef struct ch_rows ch_rows;

/* file NULL: in memory only (nothing is known at the start, nothing is kept). mark: of the hub's checkpoint, "" when
 * there is none. *out_lost: the file did not hold the mark and was begun anew. CH_IO, CH_NO_MEMORY. */
ch_status ch_rows_open(ch_rows **out_rows, const char *file, const char *mark, size_t most, bool *out_lost,
                       ch_error *error) CH_MUST_CHECK;
void ch_rows_close(ch_rows *rows);
size_t ch_rows_count(const ch_rows *rows);

typedef enum ch_row_news { CH_ROW_NEW, CH_ROW_CHANGED, CH_ROW_SAME } ch_row_news;
/* Compares; changes nothing. *out_number: of the last change that was told, 0 when new. */
ch_row_news ch_rows_compare(const ch_rows *rows, ch_str key, ch_str aspect, ch_str content,
                            uint32_t *out_number);
/* The row says content now, as change `number`. CH_FULL, CH_NO_MEMORY: nothing changed. */
ch_status ch_rows_note(ch_rows *rows, ch_str key, ch_str aspect, ch_str content, uint32_t number,
                       ch_error *error) CH_MUST_CHECK;
/* The last change turned out to be number (the hub knew another one under the number it had). CH_NO_MEMORY. */
ch_status ch_rows_renumber(ch_rows *rows, ch_str key, ch_str aspect, uint32_t number,
                           ch_error *error) CH_MUST_CHECK;

/* Notes that are not sealed; undo takes back all but the first `count`. */
size_t ch_rows_pending(const ch_rows *rows);
void ch_rows_undo(ch_rows *rows, size_t count);
/* Writes the first `count` pending notes as one frame, synced, and tells its mark; with none the last mark stays. Those
 * behind stay pending: they belong to a later batch. CH_IO. */
ch_status ch_rows_seal(ch_rows *rows, size_t count, char out_mark[CH_ROWS_MARK_SIZE],
                       ch_error *error) CH_MUST_CHECK;
/* Writes the file anew when most of it is outdated. For when the hub has the last mark: the ones before are gone then.
 * While notes are pending nothing happens. CH_IO, CH_NO_MEMORY: the file only stays as large as it is. */
ch_status ch_rows_compact(ch_rows *rows, ch_error *error) CH_MUST_CHECK;

#endif
