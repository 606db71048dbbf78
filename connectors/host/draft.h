/* draft.h - one output of a mapping on its way to an event.
 *
 * The program writes an event in produced form, without what the host adds (specversion, source, mapping, raw), and
 *   {"$time": "2026-11-23 08:15", "zone": "Asia/Shanghai"}   wherever a time stands (local_time.h)
 *   "$row": {"key": ..., "aspect": ...}                      instead of an id: see rows.h. Everything but `time` is
 *                                                            compared; "type": null is remembered and not told
 * Members that are null are absent. One thread.
 */
#ifndef CH_CONNECTORS_DRAFT_H
#define CH_CONNECTORS_DRAFT_H

#include "connectors/host/rows.h"
#include "hub/base/bytes.h"

#include <jv.h>

typedef struct ch_draft {
    jv event;
    char key[CH_ROW_KEY_MAX + 1], aspect[CH_ROW_ASPECT_MAX + 1]; /* key "": the event has its own id */
    bool silent;
} ch_draft;

/* Consumes output. CH_INVALID with the member in where. */
ch_status ch_draft_take(ch_draft *out_draft, jv output, ch_error *error) CH_MUST_CHECK;
void ch_draft_done(ch_draft *draft);

/* Appends what is compared: the event without its time, with sorted keys. */
void ch_draft_content(const ch_draft *draft, ch_buf *out);

/* What the host puts into every event. id: NULL when the draft has its own. raw: CH_STR_NONE leaves it out. */
typedef struct ch_draft_additions {
    const char *id, *source, *mapping;
    ch_str raw;
} ch_draft_additions;
/* Appends the event, encoded and checked as the hub checks it (but for the schema). CH_INVALID, CH_TOO_LARGE. */
ch_status ch_draft_encode(const ch_draft *draft, const ch_draft_additions *additions, ch_buf *out,
                          ch_error *error) CH_MUST_CHECK;

#endif
