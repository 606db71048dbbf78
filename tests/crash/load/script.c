#include "tests/crash/load/script.h"

#include "hub/model/mp.h"

#include <inttypes.h>
#include <stdio.h>

#define BEGUN_MS INT64_C(1322013600000)
#define RINGS (2 * CRASH_CASES_BACK)

static uint64_t case_of(uint64_t number)
{
    return (number - 1) / CRASH_STEP_COUNT;
}

crash_step crash_script_step(uint64_t number)
{
    return (crash_step)((number - 1) % CRASH_STEP_COUNT);
}

const char *crash_script_kind(uint64_t number)
{
    static const char *const names[CRASH_STEP_COUNT] = {
#define CRASH_STEP_NAME(symbol, name) [symbol] = name,
        CRASH_STEP_LIST(CRASH_STEP_NAME)
#undef CRASH_STEP_NAME
    };
    return names[crash_script_step(number)];
}

/* Two of the steps use the id of CRASH_NOTED. */
static uint64_t id_number(uint64_t number)
{
    crash_step step = crash_script_step(number);
    return step == CRASH_REPEATED || step == CRASH_TAKEN ? number - step + CRASH_NOTED : number;
}

void crash_script_id(uint64_t number, char out[CRASH_ID_SIZE])
{
    snprintf(out, CRASH_ID_SIZE, "e%" PRIu64, id_number(number));
}

void crash_script_learn(crash_script *script, uint64_t number, const char *case_id)
{
    if (crash_script_step(number) == CRASH_OPENED) {
        snprintf(script->cases[case_of(number) % RINGS], CRASH_CASE_SIZE, "%s", case_id);
    }
}

static void put_pair(ch_buf *out, const char *key, const char *value)
{
    ch_mp_put_text(out, key);
    ch_mp_put_text(out, value);
}

static void put_data(ch_buf *out, uint64_t number)
{
    static const char *const categories[] = {"power.trip", "lamp", NULL};
    const char *category = categories[case_of(number) % 3];
    char text[80];
    snprintf(text, sizeof text, "%s of %" PRIu64, crash_script_kind(number), id_number(number));
    ch_mp_put_text(out, "data");
    switch (crash_script_step(number)) {
    case CRASH_OPENED:
        ch_mp_put_map(out, category == NULL ? 2 : 3);
        put_pair(out, "kind", "matter");
        put_pair(out, "title", text);
        if (category != NULL) {
            put_pair(out, "category", category);
        }
        break;
    case CRASH_INVALID:
        ch_mp_put_map(out, 1);
        ch_mp_put_text(out, "score");
        ch_mp_put_int(out, 9);
        break;
    case CRASH_REPEATED:
        snprintf(text, sizeof text, "noted of %" PRIu64, id_number(number)); /* fall through */
    case CRASH_NOTED:
    case CRASH_PROGRESS:
    case CRASH_BY_CASE:
    case CRASH_TAKEN:
    case CRASH_STRAY:
    case CRASH_STEP_COUNT:
        ch_mp_put_map(out, 1);
        put_pair(out, "text", text);
        break;
    }
}

static void put_private(ch_buf *out, uint64_t number)
{
    char phone[32];
    snprintf(phone, sizeof phone, "000-%07" PRIu64, case_of(number));
    ch_mp_put_text(out, "private");
    ch_mp_put_map(out, 2);
    put_pair(out, "name", "Nobody");
    put_pair(out, "phone", phone);
}

static const char *type_of(uint64_t number)
{
    switch (crash_script_step(number)) {
    case CRASH_OPENED: return "case.opened";
    case CRASH_INVALID: return "case.feedback";
    case CRASH_PROGRESS: return "case.progressed";
    case CRASH_NOTED:
    case CRASH_REPEATED:
    case CRASH_BY_CASE:
    case CRASH_TAKEN:
    case CRASH_STRAY:
    case CRASH_STEP_COUNT: break;
    }
    return "case.noted";
}

/* By ref, but for CRASH_BY_CASE, once there are cases enough. */
static bool put_case(const crash_script *script, uint64_t number, ch_buf *out)
{
    char ref[48];
    uint64_t of = case_of(number);
    crash_step step = crash_script_step(number);
    if (step == CRASH_BY_CASE && of >= CRASH_CASES_BACK) {
        const char *known = script->cases[(of - CRASH_CASES_BACK) % RINGS];
        put_pair(out, "subject", known);
        return known[0] != '\0';
    }
    snprintf(ref, sizeof ref, step == CRASH_STRAY ? "stray-%" PRIu64 : "c%" PRIu64, of);
    put_pair(out, "ref", ref);
    return true;
}

bool crash_script_event(const crash_script *script, uint64_t number, ch_buf *out)
{
    char id[CRASH_ID_SIZE];
    bool opens = crash_script_step(number) == CRASH_OPENED;
    crash_script_id(number, id);
    ch_buf_clear(out);
    ch_mp_put_map(out, opens ? 9 : 7);
    put_pair(out, "specversion", "1.0");
    put_pair(out, "id", id);
    put_pair(out, "source", script->source);
    put_pair(out, "type", type_of(number));
    ch_mp_put_text(out, "time");
    ch_mp_put_int(out, BEGUN_MS + (int64_t)id_number(number) * 1000);
    bool good = put_case(script, number, out);
    if (opens) {
        put_pair(out, "area", "330203");
        put_private(out, number);
    }
    put_data(out, number);
    return good && out->failed == CH_OK;
}
