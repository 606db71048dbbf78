/* hot_cases.h - decoded cases of the open transaction, by number. Changed ones stay until they are written
 * back; of the others the longest unused go first. Belongs to the writer.
 */
#ifndef CH_STORE_HOT_CASES_H
#define CH_STORE_HOT_CASES_H

#include "hub/model/case.h"

typedef struct ch_hot_cases ch_hot_cases;

/* limit: most cases kept between two calls of ch_hot_cases_trim. CH_NO_MEMORY. */
ch_status ch_hot_cases_new(ch_hot_cases **out_hot, size_t limit) CH_MUST_CHECK;
void ch_hot_cases_free(ch_hot_cases *hot);

/* NULL: not here. Stays in place until trim or forget. */
ch_case *ch_hot_cases_find(ch_hot_cases *hot, uint64_t number);
/* An empty case under a number that is not here yet. CH_NO_MEMORY. */
ch_status ch_hot_cases_add(ch_hot_cases *hot, uint64_t number, ch_case **out_case) CH_MUST_CHECK;
void ch_hot_cases_remove(ch_hot_cases *hot, uint64_t number);
void ch_hot_cases_mark_changed(ch_hot_cases *hot, uint64_t number);
size_t ch_hot_cases_changed(const ch_hot_cases *hot);
/* As many are changed as the limit allows to keep. */
bool ch_hot_cases_is_full(const ch_hot_cases *hot);
/* Unchanged ones beyond the limit go. */
void ch_hot_cases_trim(ch_hot_cases *hot);
/* All go, changed or not. */
void ch_hot_cases_forget(ch_hot_cases *hot);

/* Gives every changed case in order of number, so that a tree is written page by page; they count as
 * unchanged afterwards. Ends at the first status that is not CH_OK, and gives it back; all stay changed then.
 */
typedef ch_status (*ch_hot_case_writer)(void *context, const ch_case *the_case);
ch_status ch_hot_cases_write(ch_hot_cases *hot, ch_hot_case_writer write, void *context) CH_MUST_CHECK;

#endif
