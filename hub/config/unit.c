#include "hub/config/unit.h"

static const struct {
    ch_unit_kind kind;
    const char *name;
    int64_t factor;
} units[] = {
    {CH_UNIT_BYTES, "B", 1},
    {CH_UNIT_BYTES, "KiB", 1024},
    {CH_UNIT_BYTES, "MiB", 1048576},
    {CH_UNIT_BYTES, "GiB", 1 << 30},
    {CH_UNIT_BYTES, "TiB", INT64_C(1) << 40},
    {CH_UNIT_MS, "ms", 1},
    {CH_UNIT_MS, "s", 1000},
    {CH_UNIT_MS, "m", 60000},
    {CH_UNIT_MS, "h", 3600000},
    {CH_UNIT_MS, "d", 86400000},
};

ch_status ch_unit_parse(ch_str text, ch_unit_kind kind, int64_t *out_value)
{
    int64_t number, factor = 1;
    size_t digits = text.size > 0 && text.at[0] == '-' ? 1 : 0;
    while (digits < text.size && text.at[digits] >= '0' && text.at[digits] <= '9') {
        digits++;
    }
    ch_str unit = {text.at + digits, text.size - digits};
    if (ch_str_to_int((ch_str){text.at, digits}, &number) != CH_OK) {
        return CH_INVALID;
    }
    if (unit.size > 0) {
        factor = 0;
        for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
            factor = units[i].kind == kind && ch_str_is(unit, units[i].name) ? units[i].factor : factor;
        }
    }
    if (factor == 0 || __builtin_mul_overflow(number, factor, out_value)) {
        return CH_INVALID;
    }
    return CH_OK;
}
