/* code_tables.h - a connector's CSV tables as what a mapping calls $tables. Inside the host only. */
#ifndef CH_CONNECTORS_CODE_TABLES_H
#define CH_CONNECTORS_CODE_TABLES_H

#include "hub/base/bytes.h"
#include "hub/config/settings.h"

#include <jv.h>
#include <sodium.h>

/* {"categories": {"01": {"code": "01", "category": "power.trip"}}} of categories.csv: by its first column, which must
 * not repeat. Adds the tables to hash. CH_INVALID with file:line, CH_NOT_FOUND, CH_NO_MEMORY. */
ch_status ch_code_tables_read(jv *out_tables, const ch_strings *files, crypto_generichash_state *hash,
                              ch_error *error) CH_MUST_CHECK;

#endif
