/* schema_changes.h - may one schema follow another within a major version?
 *
 * Who produces counts on it that what was accepted is accepted; who reads, that what was there is there and means the
 * same. So types, optional fields, allowed codes and room may be added, and nothing else may change.
 */
#ifndef CH_MODEL_SCHEMA_CHANGES_H
#define CH_MODEL_SCHEMA_CHANGES_H

#include "hub/model/schema.h"

/* One that a major version may not make. */
typedef struct ch_schema_change {
    const char *type;
    char field[CH_CODE_MAX + sizeof "private."]; /* "data.score"; "" when the type itself changed */
    unsigned old_line, new_line; /* of a field that is gone, the line of its type; 0: the type is gone */
    char text[160];              /* "its kind was int, now it is code" */
} ch_schema_change;

/* Tells each of them, in the order of the old schema, and returns how many there are. */
size_t ch_schema_compare(const ch_schema *before, const ch_schema *after, void *context,
                         void (*tell)(void *context, const ch_schema_change *change));

#endif
