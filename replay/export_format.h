/* export_format.h - a log as a text file, format 1: one JSON object a line, UTF-8, each line ended by LF.
 *
 *   header   {"format":"casehub-export 1","hub":"ZJ","epoch":1,"first":1,"last":120,"chain":"<64 hex>"}
 *   events   CloudEvents in JSON, ch_event_to_json of their public parts, without gaps from first to last
 *   trailer  {"end":"casehub-export 1","count":120,"hash":"<64 hex>"}
 *
 * chain is the chain of record `last` (record.h): two exports, or an export and a store, that have the same one
 * are of the same log. hash is BLAKE2b-256 of every byte before the trailer, header included. An empty log has
 * first 1, last 0 and a chain of zeros.
 */
#ifndef CH_REPLAY_EXPORT_FORMAT_H
#define CH_REPLAY_EXPORT_FORMAT_H

#include "hub/store/record.h"

#define CH_HEX_SIZE (2 * CH_HASH_SIZE + 1)

typedef struct ch_export_header {
    char hub_code[CH_CODE_MAX + 1];
    uint32_t epoch;
    uint64_t first, last;
    char chain[CH_HEX_SIZE];
} ch_export_header;

typedef struct ch_export_trailer {
    uint64_t count;
    char hash[CH_HEX_SIZE];
} ch_export_trailer;

/* Appends the line with its LF. */
void ch_export_header_print(ch_buf *out, const ch_export_header *header);
void ch_export_trailer_print(ch_buf *out, const ch_export_trailer *trailer);
/* The line without its LF; exactly as printed. CH_UNSUPPORTED: a newer format. CH_CORRUPT. */
ch_status ch_export_header_parse(ch_str line, ch_export_header *out_header) CH_MUST_CHECK;
/* CH_NOT_FOUND: this is no trailer. CH_CORRUPT: a damaged one. */
ch_status ch_export_trailer_parse(ch_str line, ch_export_trailer *out_trailer) CH_MUST_CHECK;

#endif
