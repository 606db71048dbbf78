/* encoding.h - a message's UTF-8 in the character set that its receiver reads, strictly. One thread. */
#ifndef CH_CONNECTORS_ENCODING_H
#define CH_CONNECTORS_ENCODING_H

#include "hub/base/bytes.h"

typedef struct ch_encoding ch_encoding;

/* name as iconv knows it; UTF-8 leaves every byte as it is. CH_UNSUPPORTED, CH_NO_MEMORY. */
ch_status ch_encoding_open(ch_encoding **out_encoding, const char *name, ch_error *error) CH_MUST_CHECK;
void ch_encoding_close(ch_encoding *encoding);
/* Appends text. CH_INVALID: the set lacks a character; the error tells which by its number only. */
ch_status ch_encoding_convert(ch_encoding *encoding, ch_str text, ch_buf *out, ch_error *error) CH_MUST_CHECK;

#endif
