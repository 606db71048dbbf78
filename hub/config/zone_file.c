#include "hub/config/zone_file.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>

#define FILE_MAX (64 * 1024)
#define HEAD_SIZE 44
#define TIME_SIZE 8 /* in the second part; 4 in the first */
#define TYPE_SIZE 6

/* How many of each a part has. */
typedef struct part {
    size_t indicators_ut, indicators_standard, leaps, times, types, name_bytes;
} part;

static ch_status broken(ch_error *error, const char *zone)
{
    return ch_error_set(error, CH_INVALID, NULL, "the data of time zone %.60s cannot be read", zone);
}

static bool is_zone_name(const char *zone)
{
    const char *const allowed = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_+-/";
    return zone[0] != '\0' && zone[0] != '/' && strspn(zone, allowed) == strlen(zone);
}

static ch_status read_file(uint8_t *out, size_t *out_size, const char *folder, const char *zone,
                           ch_error *error)
{
    char path[PATH_MAX];
    if (!is_zone_name(zone) || snprintf(path, sizeof path, "%s/%s", folder, zone) >= (int)sizeof path) {
        return ch_error_set(error, CH_INVALID, NULL, "%.60s is no name of a time zone", zone);
    }
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        return ch_error_set(error, errno == ENOENT ? CH_NOT_FOUND : CH_IO, NULL,
                            "there is no time zone %.60s", zone);
    }
    *out_size = fread(out, 1, FILE_MAX, file);
    bool whole = !ferror(file) && *out_size < FILE_MAX;
    (void)fclose(file); /* read only */
    return whole ? CH_OK : broken(error, zone);
}

static bool take_head(ch_str *rest, part *out)
{
    size_t *const counts[] = {&out->indicators_ut, &out->indicators_standard, &out->leaps, &out->times,
                              &out->types,         &out->name_bytes};
    if (rest->size < HEAD_SIZE || memcmp(rest->at, "TZif", 4) != 0 || rest->at[4] < '2') {
        return false;
    }
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        *counts[i] = ch_get_be32((const uint8_t *)rest->at + 20 + 4 * i);
        if (*counts[i] > FILE_MAX) {
            return false;
        }
    }
    *rest = (ch_str){rest->at + HEAD_SIZE, rest->size - HEAD_SIZE};
    return out->types > 0;
}

static bool skip_body(ch_str *rest, const part *of, size_t time_size)
{
    size_t size = of->times * (time_size + 1) + of->types * TYPE_SIZE + of->name_bytes +
                  of->leaps * (time_size + 4) + of->indicators_ut + of->indicators_standard;
    if (rest->size < size) {
        return false;
    }
    *rest = (ch_str){rest->at + size, rest->size - size};
    return true;
}

static int64_t offset_ms(const uint8_t *types, size_t type)
{
    return (int64_t)(int32_t)ch_get_be32(types + type * TYPE_SIZE) * 1000;
}

/* The first type is in force before the first change. */
static bool take_changes(const uint8_t *body, const part *of, ch_zone_change *out, size_t *out_count)
{
    const uint8_t *kinds = body + of->times * TIME_SIZE, *types = kinds + of->times;
    out[0] = (ch_zone_change){INT64_MIN, offset_ms(types, 0)};
    size_t count = 1;
    for (size_t i = 0; i < of->times; i++) {
        int64_t seconds = (int64_t)ch_get_be64(body + i * TIME_SIZE);
        if (kinds[i] >= of->types || seconds > CH_TIME_MOST / 1000) {
            return false;
        }
        /* Before the years that we write there is nothing to tell apart. */
        if (seconds < CH_TIME_LEAST / 1000) {
            out[0].offset_ms = offset_ms(types, kinds[i]);
        } else {
            out[count++] = (ch_zone_change){seconds * 1000, offset_ms(types, kinds[i])};
        }
    }
    *out_count = count;
    return true;
}

/* The rest is a rule for later: without a comma it changes nothing. */
static bool ends_before(const ch_zone_change *last, ch_str rule, int64_t until_ms)
{
    bool changes = rule.size > 0 && memchr(rule.at, ',', rule.size) != NULL;
    return changes && last->from_ms < until_ms - 366 * CH_DAY_MS;
}

ch_status ch_zone_read(ch_zone *out_zone, ch_arena *arena, const char *folder, const char *zone,
                       int64_t until_ms, ch_error *error)
{
    part first, second;
    size_t size = 0, count = 0;
    uint8_t *bytes = ch_arena_alloc(arena, FILE_MAX);
    ch_status status = bytes == NULL ? ch_error_set(error, CH_NO_MEMORY, NULL, "no memory")
                                     : read_file(bytes, &size, folder, zone, error);
    if (status != CH_OK) {
        return status;
    }
    ch_str rest = {(const char *)bytes, size};
    if (!take_head(&rest, &first) || !skip_body(&rest, &first, 4) || !take_head(&rest, &second)) {
        return broken(error, zone);
    }
    const uint8_t *body = (const uint8_t *)rest.at;
    ch_zone_change *changes = ch_arena_alloc(arena, (second.times + 1) * sizeof *changes);
    if (changes == NULL) {
        return ch_error_set(error, CH_NO_MEMORY, NULL, "no memory");
    }
    if (!skip_body(&rest, &second, TIME_SIZE) || !take_changes(body, &second, changes, &count)) {
        return broken(error, zone);
    }
    if (ends_before(&changes[count - 1], rest, until_ms)) {
        return ch_error_set(error, CH_INVALID, NULL, "the data of time zone %.60s ends too early", zone);
    }
    *out_zone = (ch_zone){changes, count};
    return CH_OK;
}
