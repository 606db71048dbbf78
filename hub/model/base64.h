/* base64.h - base64 with padding (RFC 4648, section 4), strictly: one text for one content. */
#ifndef CH_MODEL_BASE64_H
#define CH_MODEL_BASE64_H

#include "hub/base/bytes.h"

/* Appends the text. Failure shows in out->failed. */
void ch_base64_encode(ch_buf *out, ch_str bytes);
/* True when ch_base64_encode could have written text: whole groups, right padding, unused bits zero. */
bool ch_base64_is_valid(ch_str text);
/* Appends the content of a valid text. Failure shows in out->failed. */
void ch_base64_decode(ch_buf *out, ch_str text);

#endif
