/* ready.h - can the hub take events now, and if not, why: one answer for /readyz and the query `status`. */
#ifndef CH_RUN_READY_H
#define CH_RUN_READY_H

#include "hub/run/hub.h"

#define CH_REASON_SIZE 160

/* From the metrics alone: any thread, at any time. When it is not ready, out_reason tells a person why; else it is
 * empty. */
bool ch_hub_is_ready(const ch_hub *hub, char out_reason[CH_REASON_SIZE]);

#endif
