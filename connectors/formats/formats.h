/* formats.h - the formats that are compiled in. A new one: its file, its table here, its line in formats.c. */
#ifndef CH_CONNECTORS_FORMATS_H
#define CH_CONNECTORS_FORMATS_H

#include "connectors/sdk/casehub_connector.h"

extern const casehub_format ch_format_csv, ch_format_json, ch_format_form, ch_format_xml, ch_format_row;

extern const casehub_format *const ch_formats[];
extern const size_t ch_format_count;

#endif
