/* load.h - what is published, the same bytes for every peer: case events in produced form, 500 bytes each.
 *
 * Of ten events one is a case.opened, which the demo city's rules route to a department. The others are about the last
 * 10,000 cases, drawn at random and named by their ref: case.noted, and every thousandth event of all a case.milestone,
 * which is what a narrow subscription asks for. Cases lie in a thousand districts in turn.
 */
#ifndef BENCH_LOAD_H
#define BENCH_LOAD_H

#include "hub/base/bytes.h"

#define BENCH_NARROW_EVERY 1000
#define BENCH_NARROW_TYPE "case.milestone"
#define BENCH_DISTRICTS 1000

typedef struct bench_event {
    ch_str bytes;    /* valid until the next one is made */
    uint64_t number; /* 1, 2, 3 ... of this publisher; its id has the same digits */
    const char *type;
    unsigned district; /* of its case */
} bench_event;

/* An event whose changing places are known: making the next one copies a few digits. */
typedef struct bench_form {
    const char *type;
    uint8_t bytes[512];
    size_t size, id_at, time_at, ref_at, district_at; /* district_at 0: it has none */
} bench_form;

typedef struct bench_load {
    bench_form opened, noted, milestone;
    uint64_t number, cases, recent, random;
    int64_t begun_ms;
} bench_load;

/* run: of letters and digits; one that the store has not seen, since source and id make an event. publisher: 0 .. of -
 * 1, each with a source and cases of its own. */
void bench_load_init(bench_load *load, const char *run, unsigned publisher, unsigned of);
bench_event bench_load_next(bench_load *load);

/* The number of an event of this load, wherever it comes from; 0 when it is none (the hub derived it). */
uint64_t bench_load_number(ch_str encoded);
bool bench_load_is_narrow(ch_str encoded);

#endif
