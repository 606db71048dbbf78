#include "replay/reporters.h"

#include "hub/base/array.h"

#include <stdlib.h>

#define NAMES_FIRST 16
#define NAMES_MOST 10000

static size_t find(const ch_reporters *reporters, ch_str actor)
{
    size_t i = 0;
    while (i < reporters->count && !ch_str_is_in(actor, reporters->names[i], sizeof reporters->names[i])) {
        i++;
    }
    return i;
}

bool ch_reporters_have(const ch_reporters *reporters, ch_str actor)
{
    return find(reporters, actor) < reporters->count;
}

static ch_status add(ch_reporters *reporters, ch_str name, ch_error *error)
{
    if (reporters->count == NAMES_MOST) {
        return ch_error_set(error, CH_TOO_LARGE, "hub.grant", "more than %d connectors", NAMES_MOST);
    }
    ch_status status = ch_array_reserve(&reporters->names, &reporters->capacity, reporters->count + 1,
                                        NAMES_FIRST, sizeof *reporters->names);
    if (status != CH_OK) {
        return ch_error_set(error, status, "hub.grant", "no memory for a connector's name");
    }
    if (ch_str_copy(reporters->names[reporters->count], sizeof *reporters->names, name) == CH_OK) {
        reporters->count++;
    }
    return CH_OK;
}

ch_status ch_reporters_note(ch_reporters *reporters, const ch_event *event, ch_error *error)
{
    if (!ch_str_is(event->type, "hub.grant")) {
        return CH_OK;
    }
    ch_str name = ch_mp_find_str(event->data, "name"), role = ch_mp_find_str(event->data, "role");
    size_t i = find(reporters, name);
    if (name.size == 0 || role.size == 0) {
        return CH_OK;
    }
    if (ch_str_is(role, "connector")) {
        return i < reporters->count ? CH_OK : add(reporters, name, error);
    }
    if (i < reporters->count) {
        memmove(reporters->names[i], reporters->names[--reporters->count], sizeof *reporters->names);
    }
    return CH_OK;
}

void ch_reporters_done(ch_reporters *reporters)
{
    free(reporters->names);
}
