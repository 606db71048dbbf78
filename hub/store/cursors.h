/* cursors.h - durable subscriptions and their acknowledgements: name -> one opaque value, in an environment
 * of its own with normal syncing. Owned by the reader thread. No fold of the log.
 */
#ifndef CH_STORE_CURSORS_H
#define CH_STORE_CURSORS_H

#include "hub/base/bytes.h"

typedef struct ch_cursors ch_cursors;

ch_status ch_cursors_open(ch_cursors **out_cursors, const char *dir, size_t map_bytes,
                          ch_error *error) CH_MUST_CHECK;
void ch_cursors_close(ch_cursors *cursors);
/* value CH_STR_NONE deletes. Collected until ch_cursors_commit. */
ch_status ch_cursors_put(ch_cursors *cursors, ch_str name, ch_str value, ch_error *error) CH_MUST_CHECK;
ch_status ch_cursors_commit(ch_cursors *cursors, ch_error *error) CH_MUST_CHECK;
typedef bool (*ch_cursor_visitor)(void *context, ch_str name, ch_str value);
ch_status ch_cursors_each(ch_cursors *cursors, ch_cursor_visitor visit, void *context,
                          ch_error *error) CH_MUST_CHECK;

#endif
