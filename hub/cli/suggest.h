/* suggest.h - "did you mean ...": the known word nearest to a mistyped one. */
#ifndef CH_CLI_SUGGEST_H
#define CH_CLI_SUGGEST_H

#include <stddef.h>

#define CH_SUGGEST_MOST 2 /* edits away at most */

/* Insertions, deletions, replacements and swaps of neighbours between two words (Damerau-Levenshtein, each
 * place edited once); SIZE_MAX when either is longer than 63 bytes. */
size_t ch_word_distance(const char *a, const char *b);

/* Of count words, the one nearest to typed; the first of equals. NULL: none is near. `next` tells the word at
 * an index, so that any table of names can be searched. */
const char *ch_suggest(const char *typed, const void *table, size_t count,
                       const char *(*next)(const void *table, size_t index));

#endif
