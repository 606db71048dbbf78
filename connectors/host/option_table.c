#include "connectors/host/option_table.h"

#include <stdio.h>
#include <stdlib.h>

/* What ch_settings writes into is what a plugin reads. */
_Static_assert(offsetof(casehub_value, text_count) - offsetof(casehub_value, texts) ==
                   offsetof(ch_strings, count),
               "texts and text_count lie as ch_strings does");

static ch_option_kind kind_of(casehub_option_kind kind)
{
    switch (kind) {
    case CASEHUB_OPTION_TEXT: return CH_OPTION_STRING;
    case CASEHUB_OPTION_PATH: return CH_OPTION_PATH;
    case CASEHUB_OPTION_INT: return CH_OPTION_INT;
    case CASEHUB_OPTION_SIZE: return CH_OPTION_SIZE;
    case CASEHUB_OPTION_TIME: return CH_OPTION_TIME;
    case CASEHUB_OPTION_BOOL: return CH_OPTION_BOOL;
    case CASEHUB_OPTION_TEXTS: return CH_OPTION_STRINGS;
    }
    return CH_OPTION_STRING; /* of a plugin's table with a kind of a later version */
}

static size_t member_of(casehub_option_kind kind)
{
    switch (kind) {
    case CASEHUB_OPTION_TEXT:
    case CASEHUB_OPTION_PATH: return offsetof(casehub_value, text);
    case CASEHUB_OPTION_INT:
    case CASEHUB_OPTION_SIZE:
    case CASEHUB_OPTION_TIME: return offsetof(casehub_value, number);
    case CASEHUB_OPTION_BOOL: return offsetof(casehub_value, flag);
    case CASEHUB_OPTION_TEXTS: return offsetof(casehub_value, texts);
    }
    return offsetof(casehub_value, text);
}

void ch_option_table_fill(ch_option *out, char (*names)[CH_OPTION_NAME_SIZE], const char *group,
                          const casehub_option *options, size_t count, size_t base)
{
    for (size_t i = 0; i < count; i++) {
        const casehub_option *from = &options[i];
        snprintf(names[i], CH_OPTION_NAME_SIZE, "%s.%s", group, from->name);
        out[i] = (ch_option){.name = names[i],
                             .kind = kind_of(from->kind),
                             .offset = base + i * sizeof(casehub_value) + member_of(from->kind),
                             .fallback = from->fallback,
                             .least = from->least,
                             .most = from->most,
                             .help = from->help};
    }
}

ch_status ch_option_table_help(ch_buf *out, const char *group, const char *name, const char *help,
                               const casehub_option *options, size_t count)
{
    ch_option *table = calloc(count + 1, sizeof *table);
    char(*names)[CH_OPTION_NAME_SIZE] = calloc(count + 1, sizeof *names);
    ch_status status = table == NULL || names == NULL ? CH_NO_MEMORY : CH_OK;
    if (status == CH_OK) {
        ch_buf_append_format(out, "%s: %s\n", name, help);
        ch_option_table_fill(table, names, group, options, count, 0);
        ch_settings_help(out, table, count);
    }
    free(table);
    free(names);
    return status;
}
