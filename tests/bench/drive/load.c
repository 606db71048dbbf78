#include "tests/bench/drive/load.h"

#include "hub/base/clock.h"
#include "hub/model/mp.h"
#include "tests/bench/drive/drive.h"

#include <stdio.h>
#include <string.h>

#define EVENT_SIZE 500
#define OPENED_EVERY 10
#define RECENT_CASES 10000
#define ID_DIGITS 12
#define EVENTS_PER_MS 100
#define REF_DIGITS 10
#define DISTRICT_DIGITS 3

static const char alphabet[] = "abcdefghijklmnopqrstuvwxyz    ";

static uint64_t next_random(uint64_t *state)
{
    /* splitmix64: https://prng.di.unimi.it/splitmix64.c */
    uint64_t value = *state += UINT64_C(0x9e3779b97f4a7c15);
    value = (value ^ (value >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    value = (value ^ (value >> 27)) * UINT64_C(0x94d049bb133111eb);
    return value ^ (value >> 31);
}

static void put_pair(ch_buf *out, const char *key, const char *value)
{
    ch_mp_put_text(out, key);
    ch_mp_put_text(out, value);
}

/* A pair whose value is replaced later; tells where its last `digits` bytes are. */
static size_t put_place(ch_buf *out, const char *key, const char *value, size_t digits)
{
    put_pair(out, key, value);
    return out->size - digits;
}

static void put_private(ch_buf *out)
{
    ch_mp_put_text(out, "private");
    ch_mp_put_map(out, 2);
    put_pair(out, "name", "Zhang Example");
    put_pair(out, "phone", "00000000000");
}

/* Free text up to the size that every event has, or one less: short strings have shorter heads. */
static void put_text(ch_buf *out, uint64_t seed)
{
    char text[EVENT_SIZE] = "";
    size_t heads = sizeof "text" + 3; /* the key with its own, and that of a long string */
    size_t size = EVENT_SIZE - out->size - heads;
    for (size_t i = 0; i < size; i++) {
        text[i] = alphabet[next_random(&seed) % (sizeof alphabet - 1)];
    }
    ch_mp_put_text(out, "text");
    ch_mp_put_str(out, (ch_str){text, size});
}

static void make_form(bench_form *form, const char *type, const char *source, int64_t now_ms)
{
    ch_buf out;
    bool opens = strcmp(type, "case.opened") == 0, marks = strcmp(type, BENCH_NARROW_TYPE) == 0;
    ch_buf_init(&out, sizeof form->bytes);
    *form = (bench_form){.type = type};
    ch_mp_put_map(&out, opens ? 9 : 7);
    put_pair(&out, "specversion", "1.0");
    form->id_at = put_place(&out, "id", "000000000000", ID_DIGITS);
    put_pair(&out, "source", source);
    put_pair(&out, "type", type);
    ch_mp_put_text(&out, "time");
    ch_mp_put_int(&out, now_ms);
    form->time_at = out.size - sizeof now_ms;
    form->ref_at = put_place(&out, "ref", "r0000000000", REF_DIGITS);
    if (opens) {
        form->district_at = put_place(&out, "area", "330902000", DISTRICT_DIGITS);
        put_private(&out);
    }
    ch_mp_put_text(&out, "data");
    ch_mp_put_map(&out, opens ? 5 : marks ? 2 : 1);
    if (opens) {
        put_pair(&out, "kind", "matter");
        put_pair(&out, "title", "transformer tripped again");
        put_pair(&out, "category", "power.trip");
        ch_mp_put_text(&out, "priority");
        ch_mp_put_int(&out, 3);
    }
    if (marks) {
        put_pair(&out, "code", "mediation.session");
    }
    put_text(&out, (uint64_t)now_ms);
    if (out.failed != CH_OK || out.size > sizeof form->bytes) {
        bench_fail("an event does not fit into %zu bytes", sizeof form->bytes);
    }
    memcpy(form->bytes, out.at, out.size);
    form->size = out.size;
    ch_buf_done(&out);
}

void bench_load_init(bench_load *load, const char *run, unsigned publisher, unsigned of)
{
    char source[64];
    int64_t now_ms = ch_clock_wall_ms(ch_clock_real());
    snprintf(source, sizeof source, "grid/%s-%u", run, publisher);
    *load = (bench_load){.recent = RECENT_CASES / of, .random = publisher, .begun_ms = now_ms};
    if (load->recent == 0) {
        load->recent = 1;
    }
    make_form(&load->opened, "case.opened", source, now_ms);
    make_form(&load->noted, "case.noted", source, now_ms);
    make_form(&load->milestone, BENCH_NARROW_TYPE, source, now_ms);
}

static void put_digits(uint8_t *at, size_t digits, uint64_t value)
{
    while (digits-- > 0) {
        at[digits] = (uint8_t)('0' + value % 10);
        value /= 10;
    }
}

/* The number of the case that a later event is about. */
static uint64_t choose_case(bench_load *load)
{
    uint64_t most = load->cases < load->recent ? load->cases : load->recent;
    return load->cases - next_random(&load->random) % most;
}

bench_event bench_load_next(bench_load *load)
{
    uint64_t number = ++load->number;
    bool opens = number % OPENED_EVERY == 1;
    bench_form *form = opens                              ? &load->opened
                       : number % BENCH_NARROW_EVERY == 0 ? &load->milestone
                                                          : &load->noted;
    uint64_t the_case = opens ? ++load->cases : choose_case(load);
    put_digits(form->bytes + form->id_at, ID_DIGITS, number);
    put_digits(form->bytes + form->ref_at, REF_DIGITS, the_case);
    ch_put_be64(form->bytes + form->time_at, (uint64_t)load->begun_ms + number / EVENTS_PER_MS);
    if (opens) {
        put_digits(form->bytes + form->district_at, DISTRICT_DIGITS, the_case % BENCH_DISTRICTS);
    }
    return (bench_event){.bytes = {(const char *)form->bytes, form->size},
                         .number = number,
                         .type = form->type,
                         .district = (unsigned)(the_case % BENCH_DISTRICTS)};
}

uint64_t bench_load_number(ch_str encoded)
{
    int64_t number;
    ch_str id = ch_mp_find_str(encoded, "id");
    return id.size == ID_DIGITS && ch_str_to_int(id, &number) == CH_OK ? (uint64_t)number : 0;
}

bool bench_load_is_narrow(ch_str encoded)
{
    return ch_str_is(ch_mp_find_str(encoded, "type"), BENCH_NARROW_TYPE);
}
