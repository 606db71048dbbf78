/* json_numbers.h - integers that a double cannot hold, before jansson or jq can round or refuse them. */
#ifndef CH_CONNECTORS_JSON_NUMBERS_H
#define CH_CONNECTORS_JSON_NUMBERS_H

#include "hub/base/bytes.h"

/* Writes the JSON text to *out, each integer of more than 15 digits as a string. What is no JSON stays as it is. */
void ch_json_quote_large_integers(ch_buf *out, ch_str text);

#endif
