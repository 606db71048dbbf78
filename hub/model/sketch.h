/* sketch.h - what a case says, as 32 numbers of 16 bits, so that likely duplicates are found without any text.
 *
 * MinHash over the grams of title and text: two Chinese characters, or four of other letters, case, width, spaces and
 * marks left aside. The share of equal numbers estimates how many grams two texts share. The hash is keyed with a secret
 * of the hub: without it a sketch tells of a text only how similar another one is.
 */
#ifndef CH_MODEL_SKETCH_H
#define CH_MODEL_SKETCH_H

#include "hub/model/case.h"

#define CH_SKETCH_SIZE 64
#define CH_SKETCH_GRAMS_MAX 384 /* of one case; the rest of a longer text is not looked at */
#define CH_SKETCH_GRAMS_LEAST 3 /* less says nothing */
#define CH_SKETCH_KEPT_MS (INT64_C(32) * 24 * 3600 * 1000) /* a case is compared with none that is older */
#define CH_SKETCH_PLACE_SIZE (1 + 12 + CH_CODE_MAX + 1)

typedef struct ch_sketch_grams {
    size_t count;
    ch_str at[CH_SKETCH_GRAMS_MAX];
    char letters[4 * CH_SKETCH_GRAMS_MAX + 16]; /* that they point into */
} ch_sketch_grams;
/* Absent texts have none. */
void ch_sketch_grams_of(ch_sketch_grams *out, ch_str title, ch_str text);
/* hashes: one keyed hash of each gram, all bits of it as good as random. */
void ch_sketch_make(uint8_t out[CH_SKETCH_SIZE], const uint64_t *hashes, size_t count);
/* Percent. */
unsigned ch_sketch_similarity(const uint8_t a[CH_SKETCH_SIZE], const uint8_t b[CH_SKETCH_SIZE]);

/* Only cases of one place are compared: the community (12 digits of the area) and the category or the one above it;
 * drills stand apart. False: the area is larger than a community. */
bool ch_sketch_place(char out[CH_SKETCH_PLACE_SIZE], ch_str area, ch_str category, bool test_mode);

#endif
