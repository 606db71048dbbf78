/* dead_letter.h - a record that did not become events, as the event hub.deadletter with its raw bytes. */
#ifndef CH_CONNECTORS_DEAD_LETTER_H
#define CH_CONNECTORS_DEAD_LETTER_H

#include "hub/base/bytes.h"

#define CH_RAW_OF_DEAD_LETTER ((size_t)128 * 1024) /* what is beyond is cut, and the reason says so */

typedef struct ch_dead_letter_facts {
    const char *connector, *source, *mapping; /* mapping: its version */
    const char *stage;                        /* "charset", "parse", "map" */
    const char *code, *reason;
    const char *place; /* "diary.csv:17: 类别" */
    const char *unit, *identity;
    uint64_t row;
    int64_t time_ms;
    ch_str raw;
} ch_dead_letter_facts;

/* Appends the encoded event. Its id is made of unit, identity, row and mapping: the same record that fails again in the
 * same unit is the same dead letter. */
ch_status ch_dead_letter_encode(const ch_dead_letter_facts *facts, ch_buf *out,
                                ch_error *error) CH_MUST_CHECK;

#endif
