/* topic_filter.h - what the topics of some events contain, in a few bytes: whoever looks for a pattern need not read
 * events whose filter says that none of them matches.
 *
 * A Bloom filter over the beginnings of each of a topic's parts. handoff.offered.emergency.water-rescue.33.07 leaves
 * "handoff" and "handoff.offered" as type, "emergency" as system, "water-rescue" as party, "33" and "33.07" as area.
 * It belongs to the state's format: another hash or size is another format.
 */
#ifndef CH_MODEL_TOPIC_FILTER_H
#define CH_MODEL_TOPIC_FILTER_H

#include "hub/base/bytes.h"

#include <stdbool.h>

#define CH_TOPIC_FILTER_SIZE 128

/* All zeros: of no topic. */
typedef struct ch_topic_filter {
    uint8_t bytes[CH_TOPIC_FILTER_SIZE];
} ch_topic_filter;

/* Any text may be a topic. A pattern leaves what every topic that it matches leaves: nothing of ">". */
void ch_topic_filter_add(ch_topic_filter *filter, ch_str topic_or_pattern);
bool ch_topic_filter_is_empty(const ch_topic_filter *filter);
/* False: no topic that was added to `filter` matches a pattern that left `wanted`. True: perhaps one does. */
bool ch_topic_filter_may_hold(const ch_topic_filter *filter, const ch_topic_filter *wanted);

#endif
