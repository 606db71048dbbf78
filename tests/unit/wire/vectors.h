/* vectors.h - the frames of hub/wire/vectors, as hub/wire/CHP1.md describes them. */
#ifndef TESTS_UNIT_WIRE_VECTORS_H
#define TESTS_UNIT_WIRE_VECTORS_H

#include "hub/base/bytes.h"

#include <jansson.h>

#define VECTORS_MAX 256

typedef struct vector {
    const char *name;
    ch_str header, body; /* bytes; body absent: none */
    json_t *json;        /* the rest */
} vector;

typedef struct vectors {
    vector of[VECTORS_MAX];
    size_t count;
    ch_buf bytes;
    json_t *files;
} vectors;

/* session, publish, subscribe, ask. Every mistake in a file fails the test. */
void vectors_load(vectors *all);
void vectors_load_refused(vectors *all);
void vectors_done(vectors *all);
const vector *vectors_find(const vectors *all, const char *name);

#endif
