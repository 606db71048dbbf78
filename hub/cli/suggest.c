#include "hub/cli/suggest.h"

#include <stdint.h>
#include <string.h>

#define WORD_MAX 63

static size_t least_of(size_t a, size_t b)
{
    return a < b ? a : b;
}

size_t ch_word_distance(const char *a, const char *b)
{
    size_t rows[3][WORD_MAX + 1];
    size_t *before = rows[0], *last = rows[1], *now = rows[2];
    size_t a_size = strlen(a), b_size = strlen(b);
    if (a_size > WORD_MAX || b_size > WORD_MAX) {
        return SIZE_MAX;
    }
    for (size_t j = 0; j <= b_size; j++) {
        before[j] = last[j] = j;
    }
    for (size_t i = 1; i <= a_size; i++) {
        now[0] = i;
        for (size_t j = 1; j <= b_size; j++) {
            size_t edit = a[i - 1] == b[j - 1] ? 0 : 1;
            now[j] = least_of(least_of(last[j] + 1, now[j - 1] + 1), last[j - 1] + edit);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
                now[j] = least_of(now[j], before[j - 2] + 1);
            }
        }
        size_t *oldest = before;
        before = last;
        last = now;
        now = oldest;
    }
    return last[b_size];
}

const char *ch_suggest(const char *typed, const void *table, size_t count,
                       const char *(*next)(const void *table, size_t index))
{
    const char *best = NULL;
    /* A word that shares no letter with what was typed helps nobody. */
    size_t best_distance = least_of(CH_SUGGEST_MOST + 1, strlen(typed));
    for (size_t i = 0; i < count; i++) {
        const char *word = next(table, i);
        size_t distance = ch_word_distance(typed, word);
        if (distance < best_distance) {
            best = word;
            best_distance = distance;
        }
    }
    return best;
}
