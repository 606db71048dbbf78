/* mapping.h - a jq program that makes events of records.
 *
 * Input: the record. $record: {file, line, row, time}, time being when its unit was written. $tables.NAME.CODE: the row
 * of the table NAME.csv whose first column is CODE, as an object. What a mapping has more than jq is in prelude.jq:
 *   refuse(field; reason)          the record becomes a dead letter that names the field
 *   lookup(table; code; field)     the row under code, or refuse: an unknown code is no default
 *   trim, local_time, phone, ...   what legacy records are full of
 * What reads beyond the record (input, $ENV, import, now, debug, ...) is hidden.
 *
 * One thread. Runs until it ends: the caller bounds time and memory (watchdog.h).
 */
#ifndef CH_CONNECTORS_MAPPING_H
#define CH_CONNECTORS_MAPPING_H

#include "hub/base/bytes.h"
#include "hub/config/settings.h"

#include <jv.h>

#define CH_MAPPING_VERSION_SIZE 13
#define CH_OUTPUTS_MOST 64 /* events of one record */

typedef struct ch_mapping ch_mapping;

typedef struct ch_record_place {
    const char *file;
    uint64_t line, row;
    int64_t time_ms;
} ch_record_place;

/* Compiles the program and reads the tables. CH_INVALID with file and jq's message, CH_NOT_FOUND, CH_NO_MEMORY. */
ch_status ch_mapping_open(ch_mapping **out_mapping, const char *program_file, const ch_strings *tables,
                          ch_error *error) CH_MUST_CHECK;
void ch_mapping_close(ch_mapping *mapping);
/* The first 12 hex digits of BLAKE2b over the program and its tables. */
const char *ch_mapping_version(const ch_mapping *mapping);

/* Owns output. */
typedef ch_status (*ch_output_fn)(void *context, jv output, ch_error *error);
/* Each output of the program for one record (JSON). A failure has the field in where and never repeats a value,
 * unless the program itself puts it into the reason. CH_INVALID, CH_NOT_FOUND (lookup), CH_TOO_LARGE, or what take
 * answers. */
ch_status ch_mapping_run(ch_mapping *mapping, ch_str json, const ch_record_place *place, ch_output_fn take,
                         void *context, ch_error *error) CH_MUST_CHECK;

#endif
