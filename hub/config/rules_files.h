/* rules_files.h - the very files that rules were read from, packed for the record, and unpacked again.
 *
 * Packed are all of them behind one another, in their order, compressed with zstd (RFC 8878).
 */
#ifndef CH_CONFIG_RULES_FILES_H
#define CH_CONFIG_RULES_FILES_H

#include "hub/model/rules.h"

#define CH_RULES_RAW_MAX ((size_t)128 * 1024 * 1024)
#define CH_RULES_PACKED_MAX ((size_t)8 * 1024 * 1024)

/* Before the file is read; once, however often it is. CH_INVALID (too many, name too long), CH_NOT_FOUND, CH_IO,
 * CH_NO_MEMORY. */
ch_status ch_rules_note_file(ch_rules *rules, bool of_city, const char *path, ch_error *error) CH_MUST_CHECK;
/* What was noted, as it was read: CH_BUSY when a file has changed since. CH_TOO_LARGE, CH_NOT_FOUND, CH_IO,
 * CH_NO_MEMORY. */
ch_status ch_rules_pack(ch_rules *rules, ch_error *error) CH_MUST_CHECK;

/* Appends the size_bytes that were packed. CH_CORRUPT, CH_TOO_LARGE (out's limit), CH_NO_MEMORY. */
ch_status ch_rules_unpack(ch_buf *out, ch_str packed, size_t size_bytes) CH_MUST_CHECK;
/* BLAKE2b-256, in hex. */
void ch_rules_file_hash(ch_str content, char out_hash[CH_RULES_HASH_SIZE]);

#endif
