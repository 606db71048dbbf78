/* routing.h - what ch_rules_check makes for ch_route_choose. Inside the model only. */
#ifndef CH_MODEL_ROUTING_H
#define CH_MODEL_ROUTING_H

#include "hub/model/rules.h"

/* Areas must be terminated. CH_NO_MEMORY. */
ch_status ch_route_index_make(ch_rules *rules) CH_MUST_CHECK;

#endif
