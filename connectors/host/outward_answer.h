/* outward_answer.h - what a receiver answered to a message, as a unit that the connector takes in. */
#ifndef CH_CONNECTORS_OUTWARD_ANSWER_H
#define CH_CONNECTORS_OUTWARD_ANSWER_H

#include "connectors/sdk/casehub_connector.h"
#include "hub/base/bytes.h"

#define CH_ANSWER_MOST ((size_t)64 * 1024)

/* Where answers go: as take of casehub_host, within the connector's own process. */
typedef struct ch_outward_intake {
    void *context;
    casehub_verdict (*take)(void *context, const casehub_unit *unit, casehub_outcome *outcome);
} ch_outward_intake;

/* The unit is called by the message's name, or its id when it has none; its identity is the id, so that the answer to
 * the same message is the same unit. */
casehub_verdict ch_outward_answer_take(const ch_outward_intake *intake, const casehub_message *message,
                                       ch_str answer, int64_t time_ms, casehub_outcome *outcome);

#endif
