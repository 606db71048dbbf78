#include "tests/unit/wire/check.h"

#include "tests/unit/wire/vectors.h"

#include <stdio.h>

#define BYTES_MAX (1024 * 1024)

static uint8_t nibble(char digit)
{
    const char *digits = "0123456789abcdef", *at = strchr(digits, digit);
    if (at == NULL || digit == '\0') {
        fail_msg("'%c' is no hex digit", digit);
        return 0;
    }
    return (uint8_t)(at - digits);
}

/* Absent when there is no such key. The room is set aside as a whole, so that slices stay where they are. */
static ch_str bytes_of(vectors *all, json_t *json, const char *key)
{
    const char *hex = json_string_value(json_object_get(json, key));
    size_t size = hex == NULL ? 0 : strlen(hex) / 2, begin = all->bytes.size;
    if (hex == NULL) {
        return CH_STR_NONE;
    }
    assert_true(all->bytes.size + size < all->bytes.capacity);
    for (size_t i = 0; i < size; i++) {
        uint8_t byte = (uint8_t)(nibble(hex[i * 2]) << 4 | nibble(hex[i * 2 + 1]));
        ch_buf_append(&all->bytes, &byte, 1);
    }
    return (ch_str){(const char *)all->bytes.at + begin, size};
}

static void begin(vectors *all)
{
    memset(all, 0, sizeof *all);
    ch_buf_init(&all->bytes, BYTES_MAX);
    assert_non_null(ch_buf_extend(&all->bytes, BYTES_MAX));
    ch_buf_clear(&all->bytes);
    all->files = json_array();
}

static void load_file(vectors *all, const char *name)
{
    char path[512];
    json_error_t error;
    snprintf(path, sizeof path, "%s/hub/wire/vectors/%s.json", CASEHUB_SOURCE_DIR, name);
    json_t *file = json_load_file(path, JSON_REJECT_DUPLICATES, &error);
    if (!json_is_array(file)) {
        fail_msg("%s:%d: %s", path, error.line, error.text);
        return;
    }
    json_array_append_new(all->files, file);
    for (size_t i = 0; i < json_array_size(file); i++) {
        json_t *json = json_array_get(file, i);
        assert_true(all->count < VECTORS_MAX);
        vector *one = &all->of[all->count++];
        one->name = json_string_value(json_object_get(json, "name"));
        assert_non_null(one->name);
        one->header = bytes_of(all, json, "header");
        one->body = bytes_of(all, json, "body");
        one->json = json;
    }
}

void vectors_load(vectors *all)
{
    begin(all);
    load_file(all, "session");
    load_file(all, "publish");
    load_file(all, "subscribe");
    load_file(all, "ask");
}

void vectors_load_refused(vectors *all)
{
    begin(all);
    load_file(all, "refused");
}

void vectors_done(vectors *all)
{
    json_decref(all->files);
    ch_buf_done(&all->bytes);
}

const vector *vectors_find(const vectors *all, const char *name)
{
    for (size_t i = 0; i < all->count; i++) {
        if (strcmp(all->of[i].name, name) == 0) {
            return &all->of[i];
        }
    }
    fail_msg("there is no vector %s", name);
    return NULL;
}
