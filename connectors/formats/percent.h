/* percent.h - the encoding of names and values in forms and query strings (application/x-www-form-urlencoded). */
#ifndef CH_CONNECTORS_PERCENT_H
#define CH_CONNECTORS_PERCENT_H

#include "hub/base/bytes.h"

/* Appends text decoded; any byte may come out. A stray % stays as it is, as browsers read it. */
void ch_percent_decode(ch_buf *out, ch_str text);
/* Appends any bytes as the living URL standard's form serializer writes them: a space as +. */
void ch_percent_encode(ch_buf *out, ch_str bytes);

#endif
