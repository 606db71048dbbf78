#include "hub/model/sketch.h"

#define NUMBERS (CH_SKETCH_SIZE / 2)
#define COMMUNITY_DIGITS 12
#define FIRST_WIDE 0x2E80 /* from here on one character says about as much as several letters */
#define WIDE_GRAM 2
#define NARROW_GRAM 4

/* ---- letters */

/* The next character; wrong bytes count as one each. */
static uint32_t take_character(ch_str *text)
{
    const uint8_t *at = (const uint8_t *)text->at;
    size_t more = at[0] < 0xC0 ? 0 : at[0] < 0xE0 ? 1 : at[0] < 0xF0 ? 2 : 3;
    more = more < text->size ? more : text->size - 1;
    uint32_t character = more == 0 ? at[0] : at[0] & (0x3Fu >> more);
    for (size_t i = 1; i <= more; i++) {
        character = character << 6 | (at[i] & 0x3Fu);
    }
    text->at += more + 1;
    text->size -= more + 1;
    return character;
}

/* 0 for what is no letter and no digit. Full-width forms count as the plain ones. */
static uint32_t plain(uint32_t character)
{
    uint32_t c = character >= 0xFF01 && character <= 0xFF5E ? character - 0xFEE0 : character;
    if (c >= 'A' && c <= 'Z') {
        return c - 'A' + 'a';
    }
    if (c < 0x80) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ? c : 0;
    }
    bool is_mark = c < 0xC0 || (c >= 0x2000 && c < FIRST_WIDE) || (c >= 0x3000 && c < 0x3040) ||
                   (c >= 0xFE10 && c < 0xFE70) || (c >= 0xFF00 && c < 0xFF70);
    return is_mark ? 0 : c;
}

static size_t put_character(char *out, uint32_t c)
{
    if (c < 0x80) {
        out[0] = (char)c;
        return 1;
    }
    size_t more = c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;
    for (size_t i = more; i > 0; i--, c >>= 6) {
        out[i] = (char)(0x80 | (c & 0x3F));
    }
    out[0] = (char)(more == 1 ? 0xC0 | c : more == 2 ? 0xE0 | c : 0xF0 | (c & 0x07));
    return more + 1;
}

/* Where each of the last characters begins, to cut grams that end with the present one. */
typedef struct window {
    size_t begun[NARROW_GRAM];
    bool wide[NARROW_GRAM];
    size_t count; /* characters so far */
} window;

static void slide(window *of, size_t begun, bool wide)
{
    memmove(of->begun, of->begun + 1, sizeof of->begun - sizeof *of->begun);
    memmove(of->wide, of->wide + 1, sizeof of->wide - sizeof *of->wide);
    of->begun[NARROW_GRAM - 1] = begun;
    of->wide[NARROW_GRAM - 1] = wide;
    of->count++;
}

static void add_grams(ch_sketch_grams *out, ch_str text, size_t *size)
{
    window last = {.count = 0};
    while (text.size > 0 && out->count < CH_SKETCH_GRAMS_MAX && *size + 4 <= sizeof out->letters) {
        uint32_t c = plain(take_character(&text));
        if (c == 0) {
            continue;
        }
        slide(&last, *size, c >= FIRST_WIDE);
        *size += put_character(out->letters + *size, c);
        size_t length = last.wide[NARROW_GRAM - 1] ? WIDE_GRAM : NARROW_GRAM;
        if (last.count >= length) {
            size_t from = last.begun[NARROW_GRAM - length];
            out->at[out->count++] = (ch_str){out->letters + from, *size - from};
        }
    }
}

void ch_sketch_grams_of(ch_sketch_grams *out, ch_str title, ch_str text)
{
    size_t size = 0;
    out->count = 0;
    add_grams(out, title, &size);
    add_grams(out, text, &size);
}

/* ---- numbers */

/* The finalizer of splitmix64: every number of a sketch orders the grams in a way of its own. */
static uint64_t mix(uint64_t x)
{
    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

void ch_sketch_make(uint8_t out[CH_SKETCH_SIZE], const uint64_t *hashes, size_t count)
{
    for (size_t i = 0; i < NUMBERS; i++) {
        uint64_t least = UINT64_MAX, salt = (i + 1) * UINT64_C(0x9e3779b97f4a7c15);
        for (size_t k = 0; k < count; k++) {
            uint64_t mixed = mix(hashes[k] ^ salt);
            least = mixed < least ? mixed : least;
        }
        out[2 * i] = (uint8_t)(least >> 8);
        out[2 * i + 1] = (uint8_t)least;
    }
}

unsigned ch_sketch_similarity(const uint8_t a[CH_SKETCH_SIZE], const uint8_t b[CH_SKETCH_SIZE])
{
    unsigned equal = 0;
    for (size_t i = 0; i < NUMBERS; i++) {
        equal += a[2 * i] == b[2 * i] && a[2 * i + 1] == b[2 * i + 1];
    }
    return equal * 100 / NUMBERS;
}

/* ---- places */

bool ch_sketch_place(char out[CH_SKETCH_PLACE_SIZE], ch_str area, ch_str category, bool test_mode)
{
    if (area.size < COMMUNITY_DIGITS || category.size > CH_CODE_MAX) {
        return false;
    }
    const char *dot = category.size == 0 ? NULL : memrchr(category.at, '.', category.size);
    size_t kept = dot == NULL ? category.size : (size_t)(dot - category.at);
    out[0] = test_mode ? 't' : 'r';
    memcpy(out + 1, area.at, COMMUNITY_DIGITS);
    if (kept > 0) {
        memcpy(out + 1 + COMMUNITY_DIGITS, category.at, kept);
    }
    out[1 + COMMUNITY_DIGITS + kept] = '\0';
    return true;
}
