/* unit.h - numbers with a unit as people write them: "64MiB", "20ms", "3h". */
#ifndef CH_CONFIG_UNIT_H
#define CH_CONFIG_UNIT_H

#include "hub/base/bytes.h"

typedef enum ch_unit_kind { CH_UNIT_NONE, CH_UNIT_BYTES, CH_UNIT_MS } ch_unit_kind;

/* An integer, with one of the kind's units or without (bytes, milliseconds). CH_INVALID, also beyond int64.
 */
ch_status ch_unit_parse(ch_str text, ch_unit_kind kind, int64_t *out_value) CH_MUST_CHECK;

#endif
