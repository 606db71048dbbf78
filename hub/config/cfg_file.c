#include "hub/config/cfg_file.h"

#include "hub/config/text_file.h"
#include "hub/config/unit.h"

#include <ctype.h>
#include <stdio.h>

#define FILE_LIMIT ((size_t)4 * 1024 * 1024)

/* Where the scan of a file stands. */
typedef struct scan {
    const char *at, *end;
    unsigned line;
    unsigned open_line; /* where a string or comment begins that never ends; 0: none */
} scan;

static void skip_to(scan *s, const char *stop)
{
    size_t size = strlen(stop);
    while (s->at < s->end && !((size_t)(s->end - s->at) >= size && memcmp(s->at, stop, size) == 0)) {
        s->line += *s->at++ == '\n';
    }
}

/* Steps over the stop of what began at `line`. */
static void close_at(scan *s, const char *stop, unsigned line)
{
    if (s->at == s->end) {
        s->open_line = line;
    } else {
        s->at += strlen(stop);
    }
}

static void skip_string(scan *s)
{
    unsigned line = s->line;
    for (s->at++; s->at < s->end && *s->at != '"'; s->at++) {
        s->at += *s->at == '\\' && s->at + 1 < s->end;
        s->line += *s->at == '\n';
    }
    close_at(s, "\"", line);
}

static void skip_comment(scan *s)
{
    unsigned line = s->line;
    s->at += 2;
    skip_to(s, "*/");
    close_at(s, "*/", line);
}

static bool starts(const scan *s, const char *text)
{
    return ch_str_starts((ch_str){s->at, (size_t)(s->end - s->at)}, ch_str_of(text));
}

/* Skips what libconfig takes as text. False: s->at is at something else. */
static bool skip_text(scan *s)
{
    if (starts(s, "#") || starts(s, "//")) {
        skip_to(s, "\n");
    } else if (starts(s, "/*")) {
        skip_comment(s);
    } else if (starts(s, "\"")) {
        skip_string(s);
    } else {
        return false;
    }
    return true;
}

/* libconfig reads digits into 32 bits, or 64 with an L, and wraps silently. */
static bool number_fits(const char *at, const char *end)
{
    int base = end - at > 2 && at[0] == '0' && (at[1] == 'x' || at[1] == 'X') ? 16 : 10;
    bool wide = false;
    uint64_t value = 0;
    for (at += base == 16 ? 2 : 0; at < end; at++) {
        int digit = isdigit((unsigned char)*at) ? *at - '0' : tolower((unsigned char)*at) - 'a' + 10;
        if (*at == 'L' || *at == 'l') {
            wide = true;
        } else if (digit < 0 || digit >= base) {
            return true; /* a float, or nothing that libconfig accepts */
        } else if (value > (UINT64_MAX - (uint64_t)digit) / (uint64_t)base) {
            return false;
        } else {
            value = value * (uint64_t)base + (uint64_t)digit;
        }
    }
    return value <= (wide ? (uint64_t)INT64_MAX : (uint64_t)INT32_MAX);
}

static bool in_word(char c)
{
    return isalnum((unsigned char)c) || c == '_' || c == '-' || c == '*' || c == '.';
}

static ch_status refuse_traps(ch_str text, const char *file, ch_error *error)
{
    scan s = {text.at, text.at + text.size, 1, 0};
    char where[CH_TEXT_PLACE_SIZE];
    while (s.at < s.end) {
        if (skip_text(&s)) {
            if (s.open_line != 0) {
                ch_text_place(where, file, s.open_line);
                return ch_error_set(error, CH_INVALID, where,
                                    "a string or comment that begins here never ends");
            }
            continue;
        }
        const char *word = s.at;
        while (s.at < s.end && in_word(*s.at)) {
            s.at++;
        }
        ch_text_place(where, file, s.line);
        const char *digits = word < s.at && *word == '-' ? word + 1 : word;
        if (digits < s.at && isdigit((unsigned char)*digits) && !number_fits(digits, s.at)) {
            return ch_error_set(error, CH_INVALID, where,
                                "%.*s does not fit: put an L behind it, or write it as a string",
                                (int)(s.at - word), word);
        }
        if (*word == '@') {
            return ch_error_set(error, CH_INVALID, where, "@include is not allowed");
        }
        if (word == s.at) {
            s.line += *s.at++ == '\n';
        }
    }
    return CH_OK;
}

static ch_status parse(ch_cfg *cfg, ch_buf *text, ch_error *error)
{
    char where[CH_TEXT_PLACE_SIZE];
    ch_status status = refuse_traps(ch_buf_str(text), cfg->file, error);
    if (status != CH_OK) {
        return status;
    }
    ch_buf_append(text, "\n", 2);
    if (text->failed != CH_OK) {
        return ch_error_set(error, CH_INVALID, cfg->file, "is larger than %zu bytes", text->limit - 2);
    }
    if (config_read_string(&cfg->config, (const char *)text->at) != CONFIG_TRUE) {
        ch_text_place(where, cfg->file, (unsigned)config_error_line(&cfg->config));
        return ch_error_set(error, CH_INVALID, where, "%s", config_error_text(&cfg->config));
    }
    return CH_OK;
}

ch_status ch_cfg_open(ch_cfg *out_cfg, const char *file, ch_error *error)
{
    ch_buf text;
    if (ch_str_copy(out_cfg->file, sizeof out_cfg->file, ch_str_of(file)) != CH_OK) {
        return ch_error_set(error, CH_INVALID, file, "the file's name is too long");
    }
    ch_buf_init(&text, FILE_LIMIT);
    config_init(&out_cfg->config);
    ch_status status = ch_text_file_read(&text, file, error);
    if (status == CH_OK) {
        status = parse(out_cfg, &text, error);
    }
    ch_buf_done(&text);
    if (status != CH_OK) {
        config_destroy(&out_cfg->config);
    }
    return status;
}

void ch_cfg_close(ch_cfg *cfg)
{
    config_destroy(&cfg->config);
}

ch_status ch_cfg_fail(const ch_cfg *cfg, const config_setting_t *at, ch_error *error, const char *format, ...)
{
    char where[CH_TEXT_PLACE_SIZE];
    ch_text_place(where, cfg->file, config_setting_source_line(at));
    va_list arguments;
    va_start(arguments, format);
    ch_error_setv(error, CH_INVALID, where, format, arguments);
    va_end(arguments);
    return CH_INVALID;
}

void ch_cfg_place(const ch_cfg *cfg, const config_setting_t *at, char *out, size_t size)
{
    const char *slash = strrchr(cfg->file, '/');
    snprintf(out, size, "%s:%u", slash == NULL ? cfg->file : slash + 1, config_setting_source_line(at));
}

ch_status ch_cfg_check_members(const ch_cfg *cfg, const config_setting_t *group, const char *const *names,
                               ch_error *error)
{
    if (!config_setting_is_group(group)) {
        return ch_cfg_fail(cfg, group, error, "a group { ... } is expected here");
    }
    for (int i = 0; i < config_setting_length(group); i++) {
        const config_setting_t *member = config_setting_get_elem(group, (unsigned)i);
        size_t k = 0;
        while (names[k] != NULL && strcmp(names[k], config_setting_name(member)) != 0) {
            k++;
        }
        if (names[k] == NULL) {
            return ch_cfg_fail(cfg, member, error, "there is no setting %s", config_setting_name(member));
        }
    }
    return CH_OK;
}

ch_status ch_cfg_list(const ch_cfg *cfg, const config_setting_t *group, const char *name,
                      const config_setting_t **out_list, ch_error *error)
{
    const config_setting_t *found = config_setting_get_member(group, name);
    if (found != NULL && !config_setting_is_list(found) && !config_setting_is_array(found)) {
        return ch_cfg_fail(cfg, found, error, "%s: a list is expected", name);
    }
    *out_list = found;
    return CH_OK;
}

ch_status ch_cfg_text(const ch_cfg *cfg, const config_setting_t *group, const char *name, char *out,
                      size_t size, ch_error *error)
{
    const config_setting_t *found = config_setting_get_member(group, name);
    if (found == NULL) {
        return CH_OK;
    }
    const char *text = config_setting_get_string(found);
    if (text == NULL) {
        return ch_cfg_fail(cfg, found, error, "%s: a string is expected", name);
    }
    if (ch_str_copy(out, size, ch_str_of(text)) != CH_OK) {
        return ch_cfg_fail(cfg, found, error, "%s: longer than %zu bytes", name, size - 1);
    }
    return CH_OK;
}

ch_status ch_cfg_flag(const ch_cfg *cfg, const config_setting_t *group, const char *name, bool *out,
                      ch_error *error)
{
    const config_setting_t *found = config_setting_get_member(group, name);
    if (found == NULL) {
        return CH_OK;
    }
    if (config_setting_type(found) != CONFIG_TYPE_BOOL) {
        return ch_cfg_fail(cfg, found, error, "%s: true or false is expected", name);
    }
    *out = config_setting_get_bool(found) != 0;
    return CH_OK;
}

ch_status ch_cfg_int(const ch_cfg *cfg, const config_setting_t *group, const char *name, int64_t least,
                     int64_t most, int64_t *out, ch_error *error)
{
    const config_setting_t *found = config_setting_get_member(group, name);
    if (found == NULL) {
        return CH_OK;
    }
    if (config_setting_type(found) != CONFIG_TYPE_INT && config_setting_type(found) != CONFIG_TYPE_INT64) {
        return ch_cfg_fail(cfg, found, error, "%s: an integer is expected", name);
    }
    int64_t value = config_setting_get_int64(found);
    if (value < least || value > most) {
        return ch_cfg_fail(cfg, found, error, "%s: %lld is outside %lld to %lld", name, (long long)value,
                           (long long)least, (long long)most);
    }
    *out = value;
    return CH_OK;
}

ch_status ch_cfg_time(const ch_cfg *cfg, const config_setting_t *group, const char *name, int64_t *out,
                      ch_error *error)
{
    const config_setting_t *found = config_setting_get_member(group, name);
    if (found == NULL || config_setting_type(found) != CONFIG_TYPE_STRING) {
        return ch_cfg_int(cfg, group, name, 0, INT64_MAX, out, error);
    }
    int64_t value;
    if (ch_unit_parse(ch_str_of(config_setting_get_string(found)), CH_UNIT_MS, &value) != CH_OK ||
        value < 0) {
        return ch_cfg_fail(cfg, found, error,
                           "%s: a time such as \"20ms\", \"5s\", \"10m\", \"3h\" is expected", name);
    }
    *out = value;
    return CH_OK;
}
