/* pipeline.h - a unit's bytes become events: lines, character set, format, mapping, ids. Knows nothing of the hub.
 *
 * Every record leads to one call of take: with the events it became, or with one dead letter. One thread.
 */
#ifndef CH_CONNECTORS_PIPELINE_H
#define CH_CONNECTORS_PIPELINE_H

#include "connectors/host/attempt.h"
#include "connectors/host/connector_config.h"
#include "connectors/host/mapping.h"
#include "connectors/host/rows.h"
#include "hub/base/clock.h"

#define CH_RAW_OF_EVENT ((size_t)64 * 1024) /* beyond that an event goes without its record */

/* An id that the host made: what it was made of. */
typedef struct ch_made_id {
    char key[CH_ROW_KEY_MAX + 1], aspect[CH_ROW_ASPECT_MAX + 1]; /* key "": the mapping's own id */
    uint32_t number;
} ch_made_id;
#define CH_MADE_ID_SIZE (CH_ROW_KEY_MAX + CH_ROW_ASPECT_MAX + 16)
void ch_made_id_format(const ch_made_id *id, char out[CH_MADE_ID_SIZE]);

/* What became of one record. */
typedef struct ch_made {
    uint64_t row, line, offset;
    size_t count;         /* events, 0: nothing new */
    const ch_str *events; /* encoded */
    const ch_made_id *ids;
    size_t bytes;                      /* of all events */
    bool dead_letter;                  /* then events[0] is it, and */
    const char *code, *reason, *place; /* why */
    bool
        urgent; /* must not wait for its batch: of two such records in one, neither would ever come through */
} ch_made;
/* CH_OK: go on; anything else ends the run with it. */
typedef ch_status (*ch_made_fn)(void *context, const ch_made *made, ch_error *error);

typedef struct ch_pipeline ch_pipeline;

/* config, rows, attempt (NULL: none, no watchdog either) and clock must outlive the pipeline. Reads mapping and
 * tables. */
ch_status ch_pipeline_open(ch_pipeline **out_pipeline, const ch_connector_config *config, ch_rows *rows,
                           ch_attempt *attempt, const ch_clock *clock, ch_error *error) CH_MUST_CHECK;
void ch_pipeline_close(ch_pipeline *pipeline);
const char *ch_pipeline_mapping(const ch_pipeline *pipeline); /* version */

typedef struct ch_pipeline_run_options {
    uint64_t skip_rows,
        skip_offset; /* rows that are in the hub already; the last of them began at skip_offset */
    bool
        retrying; /* the unit is the raw of a dead letter: a row that was told differently since stays as it is */
} ch_pipeline_run_options;
/* CH_OK: the unit is at its end. CH_REFUSED: it cannot be read as a whole (error tells why; take was called for no
 * record, or for those before), and the unit has no raw. CH_DIVERGED: the skipped rows are not those of the checkpoint. CH_IO: read failed.
 * Else what take answered. */
ch_status ch_pipeline_run(ch_pipeline *pipeline, const casehub_unit *unit,
                          const ch_pipeline_run_options *options, ch_made_fn take, void *context,
                          ch_error *error) CH_MUST_CHECK;

#endif
