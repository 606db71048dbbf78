#include "hub/base/status.h"

#include "hub/base/bytes.h"

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

ch_status ch_error_setv(ch_error *error, ch_status status, const char *where, const char *format,
                        va_list arguments)
{
    if (error == NULL) {
        return status;
    }
    /* Made beside *error, because where and the arguments may point into it. */
    ch_error made = {.status = status};
    char text[sizeof made.text + 1]; /* a byte more: it shows whether a character ends where made.text does */
    vsnprintf(text, sizeof text, format, arguments);
    ch_str_copy_cut(made.text, sizeof made.text, ch_str_of(text));
    ch_str_copy_cut(made.where, sizeof made.where, ch_str_of(where));
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
    char where[2 * sizeof error->where]; /* more than is kept, as above */
    const char *between = error->where[0] == '\0' ? "" : ": ";
    snprintf(where, sizeof where, "%s%s%s", prefix, between, error->where);
    ch_str_copy_cut(error->where, sizeof error->where, ch_str_of(where));
}
