/* checkpoint.h - how far a connector is, as the hub keeps it: a compact JSON string, compared byte for byte. */
#ifndef CH_CONNECTORS_CHECKPOINT_H
#define CH_CONNECTORS_CHECKPOINT_H

#include "connectors/host/rows.h"

#define CH_CHECKPOINT_MOST ((size_t)4096) /* what a PUBLISH carries */
#define CH_UNIT_NAME_MAX 150
#define CH_UNIT_IDENTITY_MAX 100

typedef struct ch_checkpoint {
    char unit[CH_UNIT_NAME_MAX + 1], identity[CH_UNIT_IDENTITY_MAX + 1];
    bool done; /* with the unit; else row and offset tell the last record that is in the hub */
    uint64_t row, offset;
    char rows[CH_ROWS_MARK_SIZE]; /* mark of rows.h */
    char *position;               /* the transport's; owned, NULL is "" */
} ch_checkpoint;

/* text "" gives an empty one. CH_INVALID, CH_UNSUPPORTED (a later version), CH_NO_MEMORY. */
ch_status ch_checkpoint_decode(ch_checkpoint *out_checkpoint, const char *text,
                               ch_error *error) CH_MUST_CHECK;
/* free() it. CH_NO_MEMORY, CH_TOO_LARGE. */
ch_status ch_checkpoint_encode(const ch_checkpoint *checkpoint, char **out_text,
                               ch_error *error) CH_MUST_CHECK;
void ch_checkpoint_done(ch_checkpoint *checkpoint);

#endif
