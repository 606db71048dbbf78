/* value.h - what writers share: a message's body as jansson reads it, and its values as text. */
#ifndef CH_CONNECTORS_WRITERS_VALUE_H
#define CH_CONNECTORS_WRITERS_VALUE_H

#include "connectors/sdk/casehub_connector.h"
#include "hub/base/bytes.h"

#include <jansson.h>

#define CH_WRITTEN_MOST ((size_t)16 * 1024 * 1024)

/* NULL after output->fail(). json_decref it. */
json_t *ch_body_read(const char *json, size_t json_size, const casehub_output *output);
/* Appends a text, a number or true and false as they are written in JSON, a text without its quotes; null is nothing.
 * False: an object or an array. */
bool ch_value_append(ch_buf *out, const json_t *value);
/* Hands over what was written: 0, or -1. Releases it. */
int ch_body_finish(ch_buf *written, const casehub_output *output);

#endif
