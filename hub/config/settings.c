#include "hub/config/settings.h"

#include "hub/base/arena.h"
#include "hub/config/cfg_file.h"
#include "hub/config/unit.h"

#include <assert.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#define ARENA_LIMIT ((size_t)16 * 1024 * 1024)
#define NAME_MAX_SIZE 128

struct ch_settings {
    ch_arena arena;
};

static const struct {
    const char *name;
    ch_unit_kind unit;
} kinds[] = {
    [CH_OPTION_STRING] = {"string", CH_UNIT_NONE},   [CH_OPTION_PATH] = {"path", CH_UNIT_NONE},
    [CH_OPTION_INT] = {"integer", CH_UNIT_NONE},     [CH_OPTION_SIZE] = {"size", CH_UNIT_BYTES},
    [CH_OPTION_TIME] = {"time", CH_UNIT_MS},         [CH_OPTION_BOOL] = {"boolean", CH_UNIT_NONE},
    [CH_OPTION_STRINGS] = {"strings", CH_UNIT_NONE},
};

/* One reading: everything that the steps below share. */
typedef struct reading {
    ch_settings *settings;
    const ch_cfg *cfg;
    const ch_option *table;
    size_t count;
    char *target;
    ch_error *error;
} reading;

static const ch_option *find_option(const reading *in, const char *name)
{
    for (size_t i = 0; i < in->count; i++) {
        if (strcmp(in->table[i].name, name) == 0) {
            return &in->table[i];
        }
    }
    return NULL;
}

static bool is_group_name(const reading *in, const char *name)
{
    size_t size = strlen(name);
    for (size_t i = 0; i < in->count; i++) {
        if (strncmp(in->table[i].name, name, size) == 0 && in->table[i].name[size] == '.') {
            return true;
        }
    }
    return false;
}

/* Fails where the value stands, or at the file when it is a fallback. */
static ch_status fail(const reading *in, const ch_option *option, const config_setting_t *at,
                      const char *text)
{
    if (at != NULL) {
        return ch_cfg_fail(in->cfg, at, in->error, "%s: %s", option->name, text);
    }
    return ch_error_set(in->error, CH_INVALID, in->cfg->file, "%s: %s", option->name, text);
}

static bool is_bounded(const ch_option *option)
{
    return option->least != 0 || option->most != 0;
}

static ch_status put_number(const reading *in, const ch_option *option, const config_setting_t *at,
                            int64_t value)
{
    char text[120];
    if (is_bounded(option) && (value < option->least || value > option->most)) {
        snprintf(text, sizeof text, "%lld is outside %lld to %lld", (long long)value,
                 (long long)option->least, (long long)option->most);
        return fail(in, option, at, text);
    }
    memcpy(in->target + option->offset, &value, sizeof value);
    return CH_OK;
}

static ch_status keep_string(const reading *in, const ch_option *option, const config_setting_t *at,
                             const char *text, char **out_text)
{
    char reason[120], path[PATH_MAX];
    int64_t size = (int64_t)strlen(text);
    if (is_bounded(option) && (size < option->least || size > option->most)) {
        snprintf(reason, sizeof reason, "%lld bytes are outside %lld to %lld", (long long)size,
                 (long long)option->least, (long long)option->most);
        return fail(in, option, at, reason);
    }
    const char *slash = strrchr(in->cfg->file, '/');
    if (option->kind == CH_OPTION_PATH && text[0] != '/' && text[0] != '\0' && slash != NULL) {
        int folder = (int)(slash - in->cfg->file);
        if (snprintf(path, sizeof path, "%.*s/%s", folder, in->cfg->file, text) >= (int)sizeof path) {
            return fail(in, option, at, "the path is too long");
        }
        text = path;
    }
    ch_str kept = ch_arena_str(&in->settings->arena, ch_str_of(text));
    if (kept.at == NULL) {
        return ch_error_set(in->error, CH_NO_MEMORY, in->cfg->file, "no memory to read it");
    }
    memcpy(out_text, &kept.at, sizeof *out_text);
    return CH_OK;
}

static ch_status put_text(const reading *in, const ch_option *option, const config_setting_t *at,
                          const char *text)
{
    char *kept = NULL;
    ch_status status = keep_string(in, option, at, text, &kept);
    if (status == CH_OK) {
        memcpy(in->target + option->offset, &kept, sizeof kept);
    }
    return status;
}

static ch_status put_strings(const reading *in, const ch_option *option, const config_setting_t *at)
{
    ch_strings strings = {.count = (size_t)config_setting_length(at)};
    strings.at = ch_arena_alloc(&in->settings->arena, (strings.count + 1) * sizeof *strings.at);
    if (strings.at == NULL) {
        return ch_error_set(in->error, CH_NO_MEMORY, in->cfg->file, "no memory to read it");
    }
    for (size_t i = 0; i < strings.count; i++) {
        const char *text = config_setting_get_string_elem(at, (int)i);
        if (text == NULL) {
            return fail(in, option, at, "a list of strings is expected");
        }
        ch_status status = keep_string(in, option, at, text, &strings.at[i]);
        if (status != CH_OK) {
            return status;
        }
    }
    memcpy(in->target + option->offset, &strings, sizeof strings);
    return CH_OK;
}

/* "a, b" of a fallback. */
static ch_status put_fallback_strings(const reading *in, const ch_option *option)
{
    ch_strings strings = {.count = 0};
    const char *at = option->fallback;
    strings.at = ch_arena_alloc(&in->settings->arena, (strlen(at) + 1) * sizeof *strings.at);
    if (strings.at == NULL) {
        return ch_error_set(in->error, CH_NO_MEMORY, in->cfg->file, "no memory to read it");
    }
    while (*(at += strspn(at, ", ")) != '\0') {
        ch_str item = ch_arena_str(&in->settings->arena, (ch_str){at, strcspn(at, ",")});
        ch_status status = item.at == NULL
                               ? CH_NO_MEMORY
                               : keep_string(in, option, NULL, item.at, &strings.at[strings.count++]);
        if (status != CH_OK) {
            return status;
        }
        at += item.size;
    }
    memcpy(in->target + option->offset, &strings, sizeof strings);
    return CH_OK;
}

static ch_status put_number_text(const reading *in, const ch_option *option, const config_setting_t *at,
                                 const char *text)
{
    int64_t value;
    if (ch_unit_parse(ch_str_of(text), kinds[option->kind].unit, &value) != CH_OK) {
        return fail(in, option, at,
                    option->kind == CH_OPTION_SIZE
                        ? "a size such as \"64KiB\", \"8MiB\", \"2GiB\" is expected"
                    : option->kind == CH_OPTION_TIME
                        ? "a time such as \"20ms\", \"5s\", \"10m\", \"3h\", \"7d\" is expected"
                        : "an integer is expected");
    }
    return put_number(in, option, at, value);
}

static ch_status put_bool(const reading *in, const ch_option *option, bool value)
{
    memcpy(in->target + option->offset, &value, sizeof value);
    return CH_OK;
}

static ch_status take_number(const reading *in, const ch_option *option, const config_setting_t *at)
{
    int type = config_setting_type(at);
    if (type == CONFIG_TYPE_STRING) {
        return put_number_text(in, option, at, config_setting_get_string(at));
    }
    if (type != CONFIG_TYPE_INT && type != CONFIG_TYPE_INT64) {
        return fail(in, option, at, "a number is expected");
    }
    return put_number(in, option, at, config_setting_get_int64(at));
}

static ch_status take_value(const reading *in, const ch_option *option, const config_setting_t *at)
{
    switch (option->kind) {
    case CH_OPTION_STRING:
    case CH_OPTION_PATH:
        return config_setting_type(at) == CONFIG_TYPE_STRING
                   ? put_text(in, option, at, config_setting_get_string(at))
                   : fail(in, option, at, "a string is expected");
    case CH_OPTION_INT:
    case CH_OPTION_SIZE:
    case CH_OPTION_TIME: return take_number(in, option, at);
    case CH_OPTION_BOOL:
        return config_setting_type(at) == CONFIG_TYPE_BOOL
                   ? put_bool(in, option, config_setting_get_bool(at) != 0)
                   : fail(in, option, at, "true or false is expected");
    case CH_OPTION_STRINGS:
        return config_setting_is_list(at) || config_setting_is_array(at)
                   ? put_strings(in, option, at)
                   : fail(in, option, at, "a list of strings is expected");
    }
    assert(false && "a kind outside the enum");
    return CH_INVALID;
}

static ch_status take_fallback(const reading *in, const ch_option *option)
{
    if (option->fallback == NULL) {
        return fail(in, option, NULL, "is required");
    }
    switch (option->kind) {
    case CH_OPTION_STRING:
    case CH_OPTION_PATH: return put_text(in, option, NULL, option->fallback);
    case CH_OPTION_INT:
    case CH_OPTION_SIZE:
    case CH_OPTION_TIME: return put_number_text(in, option, NULL, option->fallback);
    case CH_OPTION_BOOL: return put_bool(in, option, strcmp(option->fallback, "true") == 0);
    case CH_OPTION_STRINGS: return put_fallback_strings(in, option);
    }
    assert(false && "a kind outside the enum");
    return CH_INVALID;
}

/* Every setting of the group must be an option, or a group that leads to one. */
static ch_status refuse_unknown(const reading *in, const config_setting_t *group, const char *prefix)
{
    char name[NAME_MAX_SIZE];
    for (int i = 0; i < config_setting_length(group); i++) {
        const config_setting_t *member = config_setting_get_elem(group, (unsigned)i);
        int size = snprintf(name, sizeof name, "%s%s%s", prefix, prefix[0] == '\0' ? "" : ".",
                            config_setting_name(member));
        if (size >= (int)sizeof name) {
            return ch_cfg_fail(in->cfg, member, in->error, "the setting's name is too long");
        }
        if (find_option(in, name) != NULL) {
            continue;
        }
        if (!is_group_name(in, name)) {
            return ch_cfg_fail(in->cfg, member, in->error, "there is no setting %s", name);
        }
        if (!config_setting_is_group(member)) {
            return ch_cfg_fail(in->cfg, member, in->error, "%s: a group { ... } is expected", name);
        }
        ch_status status = refuse_unknown(in, member, name);
        if (status != CH_OK) {
            return status;
        }
    }
    return CH_OK;
}

static ch_status read_all(const reading *in)
{
    ch_status status = refuse_unknown(in, config_root_setting(&in->cfg->config), "");
    for (size_t i = 0; status == CH_OK && i < in->count; i++) {
        const config_setting_t *at = config_lookup(&in->cfg->config, in->table[i].name);
        status = at == NULL ? take_fallback(in, &in->table[i]) : take_value(in, &in->table[i], at);
    }
    return status;
}

ch_status ch_settings_read(ch_settings **out_settings, const char *file, const ch_option *table, size_t count,
                           void *target, ch_error *error)
{
    ch_cfg cfg;
    ch_settings *settings = calloc(1, sizeof *settings);
    if (settings == NULL) {
        return ch_error_set(error, CH_NO_MEMORY, file, "no memory to read it");
    }
    ch_arena_init(&settings->arena, ARENA_LIMIT);
    ch_status status = ch_cfg_open(&cfg, file, error);
    if (status == CH_OK) {
        const reading in = {settings, &cfg, table, count, target, error};
        status = read_all(&in);
        ch_cfg_close(&cfg);
    }
    if (status != CH_OK) {
        ch_settings_free(settings);
        return status;
    }
    *out_settings = settings;
    return CH_OK;
}

ch_status ch_settings_peek(const char *file, const char *name, char *out, size_t out_size, ch_error *error)
{
    ch_cfg cfg;
    ch_status status = ch_cfg_open(&cfg, file, error);
    if (status != CH_OK) {
        return status;
    }
    const char *dot = strrchr(name, '.'), *last = dot == NULL ? name : dot + 1;
    const config_setting_t *group = config_root_setting(&cfg.config);
    if (dot != NULL) {
        char groups[NAME_MAX_SIZE];
        snprintf(groups, sizeof groups, "%.*s", (int)(dot - name), name);
        group = config_lookup(&cfg.config, groups);
    }
    out[0] = '\0';
    status = group == NULL ? CH_OK : ch_cfg_text(&cfg, group, last, out, out_size, error);
    ch_cfg_close(&cfg);
    return status;
}

ch_status ch_settings_has(const char *file, const char *name, bool *out_has, ch_error *error)
{
    ch_cfg cfg;
    ch_status status = ch_cfg_open(&cfg, file, error);
    if (status == CH_OK) {
        *out_has = config_lookup(&cfg.config, name) != NULL;
        ch_cfg_close(&cfg);
    }
    return status;
}

void ch_settings_free(ch_settings *settings)
{
    if (settings != NULL) {
        ch_arena_done(&settings->arena);
        free(settings);
    }
}

void ch_settings_help(ch_buf *out, const ch_option *table, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const ch_option *option = &table[i];
        ch_buf_append_format(out, "%-28s  %-8s  %-16s  %s\n", option->name, kinds[option->kind].name,
                             option->fallback == NULL ? "(required)" : option->fallback, option->help);
    }
}
