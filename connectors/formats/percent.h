/* percent.h - the encoding of names and values in forms and query strings (application/x-www-form-urlencoded). */
#ifndef CH_CONNECTORS_PERCENT_H
#define CH_CONNECTORS_PERCENT_H

#include "hub/base/bytes.h"

/* Appends text decoded; any byte may come out. A stray % stays as it is, as browsers read it. */
void ch_percent_decode(ch_buf *out, ch_str text);
/* Appends all but letters, digits and -._~ encoded (RFC 3986, section 2.3). */
void ch_percent_encode(ch_buf *out, ch_str bytes);
/* The same as the living URL standard's form serializer writes it: a space as +. */
void ch_percent_encode_form(ch_buf *out, ch_str bytes);

#endif
