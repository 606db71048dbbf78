/* json.h - MessagePack values as JSON text and back, lossless (RFC 8259; jansson does the text).
 *
 * bin is {"$base64":"..."}; a map that looks like that has one more "$" in its key ({"$$base64":"..."} is the map
 * {"$base64":"..."}, and so on). A float keeps its point (1.0); an integer beyond int64 in JSON is refused.
 */
#ifndef CH_MODEL_JSON_H
#define CH_MODEL_JSON_H

#include "hub/model/mp.h"

/* Appends the value as compact JSON. bytes must be checked. CH_NO_MEMORY, CH_TOO_LARGE. */
ch_status ch_json_from_mp(ch_buf *out, ch_str bytes) CH_MUST_CHECK;
/* Appends the JSON text's value as MessagePack; refuses doubled keys, trailing text, a depth beyond limits,
 * and text of more than 8 times limits->size_bytes.
 * error->where is "line 3, column 7" or a path. CH_INVALID, CH_TOO_LARGE, CH_NO_MEMORY. */
ch_status ch_json_to_mp(ch_buf *out, ch_str text, const ch_mp_limits *limits, ch_error *error) CH_MUST_CHECK;

#endif
