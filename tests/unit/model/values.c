#include "tests/unit/model/values.h"

#include <math.h>
#include <stdio.h>

int set_up_values(void **state)
{
    static value_fixture of;
    of = (value_fixture){.error = {.status = CH_OK}};
    ch_buf_init(&of.bytes, 1 << 20);
    ch_buf_init(&of.again, 1 << 20);
    ch_buf_init(&of.text, 4 << 20);
    *state = &of;
    return 0;
}

int tear_down_values(void **state)
{
    value_fixture *of = *state;
    ch_buf_done(&of->bytes);
    ch_buf_done(&of->again);
    ch_buf_done(&of->text);
    return 0;
}

void put_hex(ch_buf *out, const char *hex)
{
    unsigned byte;
    int used;
    while (sscanf(hex, "%2x%n", &byte, &used) == 1) {
        uint8_t one = (uint8_t)byte;
        ch_buf_append(out, &one, 1);
        hex += used;
    }
    assert_int_equal(out->failed, CH_OK);
}

static ch_str any_text(ch_random_seeded *random, char room[64])
{
    static const char *const pieces[] = {"a",
                                         "Z",
                                         "0",
                                         " ",
                                         "\"",
                                         "\\",
                                         "/",
                                         "\n",
                                         "\t",
                                         "$",
                                         "base",
                                         "64",
                                         "\x01",
                                         "\x7f",
                                         "\x1f",
                                         "\xc3\xa9",
                                         "\xe6\xb0\xb4",
                                         "\xf0\x9f\x9a\x91",
                                         "\xef\xbf\xbf",
                                         "<",
                                         "&"};
    size_t size = 0;
    for (uint64_t left = ch_random_below(random, 9); left > 0; left--) {
        const char *piece = pieces[ch_random_below(random, sizeof pieces / sizeof *pieces)];
        memcpy(room + size, piece, strlen(piece));
        size += strlen(piece);
    }
    return (ch_str){room, size};
}

static uint64_t any_bits(ch_random_seeded *random)
{
    uint64_t bits = 0;
    assert_int_equal(random->random.fill(random->random.context, &bits, sizeof bits), CH_OK);
    return bits >> ch_random_below(random, 64);
}

static void put_any_real(ch_buf *out, ch_random_seeded *random)
{
    double real;
    uint64_t bits = any_bits(random);
    memcpy(&real, &bits, sizeof real);
    switch (ch_random_below(random, 4)) {
    case 0: real = (double)(int64_t)ch_random_below(random, 2000) - 1000; break;
    case 1: real = (double)(int64_t)ch_random_below(random, 180000000) / 1e6; break;
    default: break;
    }
    ch_mp_put_float(out, isfinite(real) ? real : -0.0);
}

static void put_any_bytes(ch_buf *out, ch_random_seeded *random, bool as_bin)
{
    char room[64];
    ch_str text = any_text(random, room);
    uint64_t noise = any_bits(random);
    if (as_bin) {
        ch_mp_put_bin(out, (ch_str){(const char *)&noise, ch_random_below(random, sizeof noise + 1)});
    } else if (ch_random_below(random, 4) == 0) {
        ch_mp_put_str(out, CH_STR("zero \0 inside"));
    } else {
        ch_mp_put_str(out, text);
    }
}

/* Now and then the map that JSON could mistake for bytes. */
static void put_any_map(ch_buf *out, ch_random_seeded *random, unsigned depth)
{
    static const char *const marks[] = {"$base64", "$$base64", "$$$base64"};
    char key[96], room[64];
    if (ch_random_below(random, 4) == 0) {
        ch_mp_put_map(out, 1);
        ch_mp_put_text(out, marks[ch_random_below(random, 3)]);
        ch_mp_put_text(out, ch_random_below(random, 2) == 0 ? "QUJD" : "no base64");
        return;
    }
    uint32_t count = (uint32_t)ch_random_below(random, ch_random_below(random, 8) == 0 ? 40 : 6);
    size_t begun_at = ch_mp_begin_map(out);
    for (uint32_t i = 0; i < count; i++) {
        ch_str text = any_text(random, room);
        int size = snprintf(key, sizeof key, "%.*s%u", CH_STR_ARG(text), i * 7919 % 41);
        ch_mp_put_str(out, (ch_str){key, (size_t)size});
        put_any_value(out, random, depth - 1);
    }
    ch_mp_end_map(out, begun_at, count);
}

static void put_any_array(ch_buf *out, ch_random_seeded *random, unsigned depth)
{
    uint32_t count = (uint32_t)ch_random_below(random, 20);
    ch_mp_put_array(out, count);
    for (uint32_t i = 0; i < count; i++) {
        put_any_value(out, random, depth - 1);
    }
}

void put_any_value(ch_buf *out, ch_random_seeded *random, unsigned depth)
{
    switch (ch_random_below(random, depth == 0 ? 6 : 9)) {
    case 0: ch_mp_put_nil(out); break;
    case 1: ch_mp_put_bool(out, ch_random_below(random, 2) == 0); break;
    case 2: ch_mp_put_int(out, (int64_t)any_bits(random)); break;
    case 3: put_any_real(out, random); break;
    case 4: put_any_bytes(out, random, false); break;
    case 5: put_any_bytes(out, random, true); break;
    case 6: put_any_array(out, random, depth); break;
    default: put_any_map(out, random, depth); break;
    }
}
