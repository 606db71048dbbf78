#include "hub/base/status.h"

#include <stdio.h>
#include <string.h>

static const struct {
    const char *name, *text;
} statuses[] = {
#define CH_STATUS_ROW(symbol, name, text) {name, text},
    CH_STATUS_LIST(CH_STATUS_ROW)
#undef CH_STATUS_ROW
};

const char *ch_status_name(ch_status status)
{
    return (unsigned)status < CH_STATUS_COUNT ? statuses[status].name : "unknown";
}

const char *ch_status_text(ch_status status)
{
    return (unsigned)status < CH_STATUS_COUNT ? statuses[status].text : "unknown status";
}

ch_status ch_status_from_name(const char *name, ch_status *out_status)
{
    for (unsigned i = 0; i < CH_STATUS_COUNT; i++) {
        if (strcmp(statuses[i].name, name) == 0) {
            *out_status = (ch_status)i;
            return CH_OK;
        }
    }
    return CH_NOT_FOUND;
}

bool ch_status_is_temporary(ch_status status)
{
    return status == CH_BUSY || status == CH_STORAGE_FULL || status == CH_TIMEOUT || status == CH_UNAVAILABLE;
}

/* A text that was cut must not end within a UTF-8 character: it goes out in frames that are checked. */
static void drop_split_character(char *text, size_t size)
{
    size_t follow = 0;
    while (follow < 3 && follow < size && (text[size - 1 - follow] & 0xc0) == 0x80) {
        follow++;
    }
    if (follow == size) {
        return;
    }
    unsigned char lead = (unsigned char)text[size - 1 - follow];
    size_t wanted = lead >= 0xf0 ? 3 : lead >= 0xe0 ? 2 : lead >= 0xc0 ? 1 : 0;
    if (follow < wanted) {
        text[size - 1 - follow] = '\0';
    }
}

ch_status ch_error_setv(ch_error *error, ch_status status, const char *where, const char *format,
                        va_list arguments)
{
    if (error == NULL) {
        return status;
    }
    /* Made beside *error, because where and the arguments may point into it. */
    ch_error made = {.status = status};
    int size = snprintf(made.where, sizeof made.where, "%s", where == NULL ? "" : where);
    if (size >= (int)sizeof made.where) {
        drop_split_character(made.where, sizeof made.where - 1);
    }
    size = vsnprintf(made.text, sizeof made.text, format, arguments);
    if (size >= (int)sizeof made.text) {
        drop_split_character(made.text, sizeof made.text - 1);
    }
    *error = made;
    return status;
}

ch_status ch_error_set(ch_error *error, ch_status status, const char *where, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    ch_error_setv(error, status, where, format, arguments);
    va_end(arguments);
    return status;
}

void ch_error_prefix(ch_error *error, const char *prefix)
{
    if (error == NULL) {
        return;
    }
    char where[sizeof error->where];
    const char *between = error->where[0] == '\0' ? "" : ": ";
    int size = snprintf(where, sizeof where, "%s%s%s", prefix, between, error->where);
    if (size >= (int)sizeof where) {
        drop_split_character(where, sizeof where - 1);
    }
    memcpy(error->where, where, sizeof where);
}
