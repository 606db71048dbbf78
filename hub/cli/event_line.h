/* event_line.h - one recorded event as one line for people. */
#ifndef CH_CLI_EVENT_LINE_H
#define CH_CLI_EVENT_LINE_H

#include "hub/cli/rows.h"

/* What it says beyond its type: party, code, reason, text ..., and whether the hub inferred it. Clean, cut. */
void ch_event_gist(ch_buf *out, const json_t *event, size_t most);

#endif
