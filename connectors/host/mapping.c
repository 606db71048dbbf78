#include "connectors/host/mapping.h"

#include "connectors/host/code_tables.h"
#include "connectors/host/watchdog.h"
#include "hub/base/clock.h"
#include "hub/config/text_file.h"

#include <jq.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

#define PROGRAM_MOST ((size_t)1024 * 1024)
#define JQ_TEXT_SIZE 201 /* of what is kept of jq's own messages */

/* prelude.jq, made by embed.cmake: on one line, so that jq's messages count the program's own lines. `import` and
 * `include` may only begin a program, so behind these definitions they are syntax errors. */
extern const char ch_mapping_prelude[];
static const char beginning[] = "{} as $ENV | .[0] as $record | .[1] | ";

struct ch_mapping {
    jq_state *jq;
    char version[CH_MAPPING_VERSION_SIZE];
    char message[JQ_TEXT_SIZE]; /* jq's, while compiling */
};

static void keep_message(void *context, jv message)
{
    ch_mapping *mapping = context;
    jv text = jq_format_error(message);
    if (mapping->message[0] == '\0' && jv_get_kind(text) == JV_KIND_STRING) {
        ch_str_copy_cut(mapping->message, sizeof mapping->message, ch_str_of(jv_string_value(text)));
        mapping->message[strcspn(mapping->message, "\n")] = '\0';
    }
    jv_free(text);
}

static void hash_text(crypto_generichash_state *hash, ch_str text)
{
    uint8_t size[8];
    ch_put_be64(size, text.size);
    crypto_generichash_update(hash, size, sizeof size);
    crypto_generichash_update(hash, (const uint8_t *)text.at, text.size);
}

static void name_version(ch_mapping *mapping, crypto_generichash_state *hash)
{
    uint8_t digest[32];
    crypto_generichash_final(hash, digest, sizeof digest);
    for (size_t i = 0; i < (CH_MAPPING_VERSION_SIZE - 1) / 2; i++) {
        snprintf(mapping->version + 2 * i, 3, "%02x", digest[i]);
    }
}

static ch_status compile(ch_mapping *mapping, const ch_buf *program, jv tables, const char *file,
                         ch_error *error)
{
    mapping->jq = jq_init();
    if (mapping->jq == NULL) {
        jv_free(tables);
        return ch_error_set(error, CH_NO_MEMORY, file, "no memory to compile it");
    }
    jq_set_error_cb(mapping->jq, keep_message, mapping);
    jq_set_nomem_handler(mapping->jq, ch_watchdog_out_of_memory, NULL);
    jv arguments = jv_object_set(jv_object(), jv_string("tables"), tables);
    if (!jq_compile_args(mapping->jq, (const char *)program->at, arguments)) {
        return ch_error_set(error, CH_INVALID, file, "%s", mapping->message);
    }
    return CH_OK;
}

static ch_status read_program(ch_buf *out, const char *file, crypto_generichash_state *hash, ch_error *error)
{
    ch_buf text;
    ch_buf_init(&text, PROGRAM_MOST);
    ch_status status = ch_text_file_read(&text, file, error);
    if (status == CH_OK) {
        hash_text(hash, ch_buf_str(&text));
        ch_buf_append_text(out, ch_mapping_prelude);
        ch_buf_append_text(out, beginning);
        ch_buf_append_str(out, ch_buf_str(&text));
        ch_buf_append(out, "\n", 2); /* a comment may end the file; and a zero */
        status =
            out->failed == CH_OK ? CH_OK : ch_error_set(error, out->failed, file, "no memory to read it");
    }
    ch_buf_done(&text);
    return status;
}

ch_status ch_mapping_open(ch_mapping **out_mapping, const char *program_file, const ch_strings *tables,
                          ch_error *error)
{
    crypto_generichash_state hash;
    ch_buf program;
    jv rows = jv_null();
    ch_mapping *mapping = calloc(1, sizeof *mapping);
    if (mapping == NULL || sodium_init() < 0) {
        free(mapping);
        return ch_error_set(error, CH_NO_MEMORY, program_file, "no memory to compile it");
    }
    crypto_generichash_init(&hash, NULL, 0, 32);
    ch_buf_init(&program, PROGRAM_MOST + strlen(ch_mapping_prelude) + sizeof beginning + 16);
    ch_status status = read_program(&program, program_file, &hash, error);
    if (status == CH_OK) {
        status = ch_code_tables_read(&rows, tables, &hash, error);
    }
    if (status == CH_OK) {
        status = compile(mapping, &program, rows, program_file, error);
    }
    ch_buf_done(&program);
    if (status != CH_OK) {
        ch_mapping_close(mapping);
        return status;
    }
    name_version(mapping, &hash);
    *out_mapping = mapping;
    return CH_OK;
}

void ch_mapping_close(ch_mapping *mapping)
{
    if (mapping != NULL) {
        if (mapping->jq != NULL) {
            jq_teardown(&mapping->jq);
        }
        free(mapping);
    }
}

const char *ch_mapping_version(const ch_mapping *mapping)
{
    return mapping->version;
}

/* jq's own messages repeat values in brackets and quotes; nothing of a record may get into a reason. */
static void mask(char *text)
{
    static const char pairs[][2] = {{'(', ')'}, {'"', '"'}};
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        char *first = strchr(text, pairs[i][0]);
        const char *last = first == NULL ? NULL : strrchr(text, pairs[i][1]);
        if (first != NULL && last > first + 1) {
            first[1] = '*';
            memmove(first + 2, last, strlen(last) + 1);
        } else if (first != NULL && last <= first) {
            first[1] = '\0'; /* cut in the middle of a value */
        }
    }
}

static void copy_member(jv object, const char *name, char *out, size_t size)
{
    jv value = jv_object_get(jv_copy(object), jv_string(name));
    out[0] = '\0';
    if (jv_get_kind(value) == JV_KIND_STRING) {
        ch_str_copy_cut(out, size, ch_str_of(jv_string_value(value)));
    }
    jv_free(value);
}

/* Consumes message: what the program raised, or a message of jq. */
static ch_status explain(jv message, ch_error *error)
{
    char field[120] = "", reason[300] = "", code[32] = "";
    ch_status status = CH_INVALID;
    if (jv_get_kind(message) == JV_KIND_OBJECT) {
        copy_member(message, "field", field, sizeof field);
        copy_member(message, "reason", reason, sizeof reason);
        copy_member(message, "code", code, sizeof code);
        if (ch_status_from_name(code, &status) != CH_OK || status == CH_OK) {
            status = CH_INVALID;
        }
    } else if (jv_get_kind(message) == JV_KIND_STRING) {
        ch_str_copy_cut(reason, JQ_TEXT_SIZE, ch_str_of(jv_string_value(message)));
        mask(reason);
    }
    jv_free(message);
    return ch_error_set(error, status, field, "%s", reason[0] == '\0' ? "the mapping refused it" : reason);
}

static jv describe(const ch_record_place *place)
{
    char time[CH_TIME_TEXT_SIZE];
    ch_time_format(place->time_ms, 0, time);
    jv record = jv_object_set(jv_object(), jv_string("file"), jv_string(place->file));
    record = jv_object_set(record, jv_string("line"), jv_number((double)place->line));
    record = jv_object_set(record, jv_string("row"), jv_number((double)place->row));
    return jv_object_set(record, jv_string("time"), jv_string(time));
}

static ch_status run(ch_mapping *mapping, ch_output_fn take, void *context, ch_error *error)
{
    for (unsigned count = 0;; count++) {
        jv output = jq_next(mapping->jq);
        if (!jv_is_valid(output)) {
            if (!jv_invalid_has_msg(jv_copy(output))) {
                jv_free(output);
                return CH_OK;
            }
            return explain(jv_invalid_get_msg(output), error);
        }
        if (count == CH_OUTPUTS_MOST) {
            jv_free(output);
            return ch_error_set(error, CH_TOO_LARGE, NULL, "the mapping makes more than %d events of it",
                                CH_OUTPUTS_MOST);
        }
        ch_status status = take(context, output, error);
        if (status != CH_OK) {
            return status;
        }
    }
}

ch_status ch_mapping_run(ch_mapping *mapping, ch_str json, const ch_record_place *place, ch_output_fn take,
                         void *context, ch_error *error)
{
    jv record = jv_parse_sized(json.at, (int)json.size);
    if (!jv_is_valid(record)) {
        jv_free(record);
        return ch_error_set(error, CH_INVALID, NULL, "the record is no JSON that jq can read");
    }
    jq_start(mapping->jq, JV_ARRAY(describe(place), record), 0);
    return run(mapping, take, context, error);
}
