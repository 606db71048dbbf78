/* schema_fixture.h - a schema with every kind of field, and events made from JSON.
 *
 * test.full has fields of all kinds and classes, test.plain none, test.own is the hub's.
 */
#ifndef TESTS_UNIT_MODEL_SCHEMA_FIXTURE_H
#define TESTS_UNIT_MODEL_SCHEMA_FIXTURE_H

#include "tests/unit/model/values.h"

#include "hub/model/schema.h"

#define NO_BOUNDS .least = INT64_MIN, .most = INT64_MAX

typedef struct schema_fixture {
    ch_schema *schema;
    ch_buf data, private_data, public_part, secret, joined;
    ch_error error;
} schema_fixture;

extern const ch_type schema_full_type;

int schema_set_up(void **state);
int schema_tear_down(void **state);

/* Clears out and fills it; NULL gives an absent value. */
ch_str schema_json(ch_buf *out, const char *text);
/* Its data and private stand in of->data and of->private_data until the next one. */
ch_event schema_event(schema_fixture *of, const char *type, const char *data, const char *private_data);

#endif
