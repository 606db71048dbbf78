/* versions.h - the version that each case has reached, by number: four bytes a case, in a file without a name, so
 * that memory does not grow with the log.
 */
#ifndef CH_REPLAY_VERSIONS_H
#define CH_REPLAY_VERSIONS_H

#include "hub/base/bytes.h"

typedef struct ch_versions ch_versions;

/* dir: where the file lies. CH_IO, CH_STORAGE_FULL, CH_NO_MEMORY, CH_TOO_LARGE. */
ch_status ch_versions_new(ch_versions **out_versions, const char *dir, ch_error *error) CH_MUST_CHECK;
void ch_versions_free(ch_versions *versions);
/* 0: none yet. CH_IO. */
ch_status ch_versions_get(const ch_versions *versions, uint64_t number, uint32_t *out_version,
                          ch_error *error) CH_MUST_CHECK;
/* CH_IO, CH_STORAGE_FULL, CH_TOO_LARGE (a number that no file has room for). */
ch_status ch_versions_set(ch_versions *versions, uint64_t number, uint32_t version,
                          ch_error *error) CH_MUST_CHECK;

#endif
