#include "hub/base/random.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>

static ch_status fill_real(void *context, void *out, size_t size)
{
    (void)context;
    uint8_t *at = out;
    while (size > 0) {
        ssize_t got = getrandom(at, size, 0);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return CH_IO;
        }
        at += got;
        size -= (size_t)got;
    }
    return CH_OK;
}

const ch_random *ch_random_real(void)
{
    static const ch_random real = {fill_real, NULL};
    return &real;
}

/* SplitMix64 (Steele, Lea, Flood 2014). */
static uint64_t next(ch_random_seeded *seeded)
{
    uint64_t z = (seeded->state += 0x9e3779b97f4a7c15U);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
    return z ^ (z >> 31);
}

static ch_status fill_seeded(void *context, void *out, size_t size)
{
    uint8_t *at = out;
    for (size_t i = 0; i < size; i += 8) {
        uint64_t word = next(context);
        memcpy(at + i, &word, size - i < 8 ? size - i : 8);
    }
    return CH_OK;
}

void ch_random_seeded_init(ch_random_seeded *seeded, uint64_t seed)
{
    *seeded = (ch_random_seeded){{fill_seeded, seeded}, seed};
}

uint64_t ch_random_below(ch_random_seeded *seeded, uint64_t below)
{
    return next(seeded) % below;
}
