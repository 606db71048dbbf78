#include "connectors/host/checkpoint.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#define VERSION 1

static ch_status take(const json_t *object, ch_checkpoint *out, ch_error *error)
{
    ch_checkpoint checkpoint = {.done = json_is_true(json_object_get(object, "done"))};
    const struct {
        const char *name;
        char *to;
        size_t size;
    } texts[] = {{"unit", checkpoint.unit, sizeof checkpoint.unit},
                 {"identity", checkpoint.identity, sizeof checkpoint.identity},
                 {"rows", checkpoint.rows, sizeof checkpoint.rows}};
    if (json_integer_value(json_object_get(object, "v")) != VERSION) {
        return ch_error_set(error, CH_UNSUPPORTED, "checkpoint",
                            "it was written by another version of this program");
    }
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        const char *value = json_string_value(json_object_get(object, texts[i].name));
        if (snprintf(texts[i].to, texts[i].size, "%s", value == NULL ? "" : value) >= (int)texts[i].size) {
            return ch_error_set(error, CH_INVALID, "checkpoint", "%s is too long", texts[i].name);
        }
    }
    checkpoint.row = (uint64_t)json_integer_value(json_object_get(object, "row"));
    checkpoint.offset = (uint64_t)json_integer_value(json_object_get(object, "offset"));
    const char *position = json_string_value(json_object_get(object, "position"));
    checkpoint.position = position == NULL ? NULL : strdup(position);
    if (position != NULL && checkpoint.position == NULL) {
        return ch_error_set(error, CH_NO_MEMORY, "checkpoint", "no memory");
    }
    *out = checkpoint;
    return CH_OK;
}

ch_status ch_checkpoint_decode(ch_checkpoint *out_checkpoint, const char *text, ch_error *error)
{
    if (text[0] == '\0') {
        *out_checkpoint = (ch_checkpoint){.done = true};
        return CH_OK;
    }
    json_t *object = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    if (!json_is_object(object)) {
        json_decref(object);
        return ch_error_set(error, CH_INVALID, "checkpoint", "it is not one of this program");
    }
    ch_status status = take(object, out_checkpoint, error);
    json_decref(object);
    return status;
}

ch_status ch_checkpoint_encode(const ch_checkpoint *checkpoint, char **out_text, ch_error *error)
{
    json_t *object =
        json_pack("{s:i,s:s,s:s,s:b,s:I,s:I,s:s,s:s}", "v", VERSION, "unit", checkpoint->unit, "identity",
                  checkpoint->identity, "done", checkpoint->done, "row", (json_int_t)checkpoint->row,
                  "offset", (json_int_t)checkpoint->offset, "rows", checkpoint->rows, "position",
                  checkpoint->position == NULL ? "" : checkpoint->position);
    char *text = object == NULL ? NULL : json_dumps(object, JSON_COMPACT);
    json_decref(object);
    if (text == NULL) {
        return ch_error_set(error, CH_NO_MEMORY, "checkpoint", "no memory, or a name is not UTF-8");
    }
    size_t size = strlen(text);
    if (size > CH_CHECKPOINT_MOST) {
        free(text);
        return ch_error_set(error, CH_TOO_LARGE, "checkpoint", "it has %zu bytes, and %zu is the most", size,
                            CH_CHECKPOINT_MOST);
    }
    *out_text = text;
    return CH_OK;
}

void ch_checkpoint_done(ch_checkpoint *checkpoint)
{
    free(checkpoint->position);
    checkpoint->position = NULL;
}
