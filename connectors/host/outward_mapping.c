#include "connectors/host/outward_mapping.h"

#include "connectors/host/encoding.h"
#include "connectors/host/mapping.h"
#include "hub/base/clock.h"

#include <jansson.h>
#include <stdlib.h>

#define BYTES_MOST ((size_t)16 * 1024 * 1024) /* of all messages of one event */
#define TEXT_MOST 200

/* Where a message's parts begin in the bytes. */
typedef struct made {
    size_t body, body_size, parameters;
    bool has_parameters;
    char target[TEXT_MOST + 1], name[TEXT_MOST + 1]; /* "": none */
} made;

struct ch_outward_mapping {
    const casehub_writer *writer;
    ch_mapping *program;
    ch_encoding *encoding;
    ch_buf written, bytes;
    made messages[CH_OUTPUTS_MOST];
    size_t count;
};

ch_status ch_outward_event_read(ch_outward_event *out_event, ch_str json, ch_error *error)
{
    json_t *event = json_loadb(json.at, json.size, 0, NULL);
    json_int_t sequence = json_integer_value(json_object_get(event, "sequence"));
    json_int_t epoch = json_integer_value(json_object_get(event, "epoch"));
    const char *recorded = json_string_value(json_object_get(event, "recordedtime"));
    *out_event = (ch_outward_event){
        .json = json, .sequence = (uint64_t)sequence, .epoch = epoch < 1 ? 1 : (uint32_t)epoch};
    bool whole = sequence > 0 && epoch >= 0 && epoch <= UINT32_MAX && recorded != NULL &&
                 ch_time_parse(ch_str_of(recorded), &out_event->recorded_ms) == CH_OK;
    json_decref(event);
    return whole ? CH_OK
                 : ch_error_set(
                       error, CH_INVALID, NULL,
                       "an event is expected, with the sequence and recordedtime that the hub gave it");
}

ch_status ch_outward_mapping_open(ch_outward_mapping **out_mapping, const ch_connector_config *config,
                                  ch_error *error)
{
    ch_outward_mapping *mapping = calloc(1, sizeof *mapping);
    if (mapping == NULL) {
        return ch_error_set(error, CH_NO_MEMORY, "outward", "no memory");
    }
    mapping->writer = config->outward.writer_table;
    ch_buf_init(&mapping->written, BYTES_MOST);
    ch_buf_init(&mapping->bytes, BYTES_MOST);
    ch_status status = ch_encoding_open(&mapping->encoding, config->outward.charset, error);
    if (status == CH_OK) {
        status = ch_mapping_open(&mapping->program, config->outward.mapping, &config->tables, error);
    }
    if (status != CH_OK) {
        ch_outward_mapping_close(mapping);
        return status;
    }
    *out_mapping = mapping;
    return CH_OK;
}

void ch_outward_mapping_close(ch_outward_mapping *mapping)
{
    if (mapping != NULL) {
        ch_mapping_close(mapping->program);
        ch_encoding_close(mapping->encoding);
        ch_buf_done(&mapping->written);
        ch_buf_done(&mapping->bytes);
        free(mapping);
    }
}

const char *ch_outward_mapping_version(const ch_outward_mapping *mapping)
{
    return ch_mapping_version(mapping->program);
}

/* ---- what the mapping said */

static ch_status check_members(jv output, ch_error *error)
{
    static const char *const members[] = {"body", "target", "name", "parameters"};
    ch_status status = CH_OK;
    if (jv_get_kind(output) != JV_KIND_OBJECT) {
        return ch_error_set(error, CH_INVALID, NULL, "a message is an object with a body");
    }
    jv_object_foreach(output, key, value)
    {
        bool known = false;
        for (size_t i = 0; i < sizeof members / sizeof *members; i++) {
            known = known || strcmp(jv_string_value(key), members[i]) == 0;
        }
        if (!known && status == CH_OK) {
            status = ch_error_set(error, CH_INVALID, jv_string_value(key), "a message has no such member");
        }
        jv_free(key);
        jv_free(value);
    }
    if (status == CH_OK && !jv_object_has(jv_copy(output), jv_string("body"))) {
        status = ch_error_set(error, CH_INVALID, "body", "a message needs one");
    }
    return status;
}

static bool is_clean(ch_str text)
{
    for (size_t i = 0; i < text.size; i++) {
        if ((unsigned char)text.at[i] < 0x20 || text.at[i] == 0x7f) {
            return false;
        }
    }
    return text.size > 0 && text.size <= TEXT_MOST;
}

static ch_status copy_text(jv output, const char *member, char out[TEXT_MOST + 1], ch_error *error)
{
    jv value = jv_object_get(jv_copy(output), jv_string(member));
    jv_kind kind = jv_get_kind(value);
    bool fits = kind == JV_KIND_NULL || kind == JV_KIND_INVALID;
    out[0] = '\0';
    if (kind == JV_KIND_STRING) {
        const ch_str text = {jv_string_value(value), (size_t)jv_string_length_bytes(jv_copy(value))};
        fits = is_clean(text) && ch_str_copy(out, TEXT_MOST + 1, text) == CH_OK;
    }
    jv_free(value);
    return fits ? CH_OK
                : ch_error_set(error, CH_INVALID, member,
                               "a text of 1 to %d bytes without control characters is expected", TEXT_MOST);
}

/* ---- the bytes */

static bool append(const casehub_output *output, const void *bytes, size_t size)
{
    ch_outward_mapping *mapping = output->context;
    ch_buf_append(&mapping->written, bytes, size);
    return mapping->written.failed == CH_OK;
}

/* Its writer's own failure, told through the context of the output. */
typedef struct writing {
    casehub_output output; /* first: what the writer sees */
    ch_error error;
} writing;

static void fail(const casehub_output *output, const char *field, const char *reason)
{
    writing *w = (writing *)(uintptr_t)output;
    (void)ch_error_set(&w->error, CH_INVALID, field, "%s", reason);
}

static ch_status give_room(const ch_outward_mapping *mapping, ch_error *error)
{
    ch_status failed = mapping->written.failed != CH_OK ? mapping->written.failed : mapping->bytes.failed;
    if (failed == CH_OK || failed == CH_NO_MEMORY) {
        return failed == CH_OK ? CH_OK : ch_error_set(error, failed, "outward", "no memory");
    }
    return ch_error_set(error, CH_TOO_LARGE, NULL, "its messages have more than %zu bytes", BYTES_MOST);
}

static ch_status write_body(ch_outward_mapping *mapping, jv output, made *message, ch_error *error)
{
    writing w = {{CASEHUB_SIZED(casehub_output), .context = mapping, .append = append, .fail = fail},
                 {.status = CH_OK}};
    jv json = jv_dump_string(jv_object_get(jv_copy(output), jv_string("body")), 0);
    ch_buf_clear(&mapping->written);
    int result = mapping->writer->write(jv_string_value(json), (size_t)jv_string_length_bytes(jv_copy(json)),
                                        &w.output);
    jv_free(json);
    ch_status status = give_room(mapping, error);
    if (status == CH_OK && result != 0) {
        status = ch_error_set(error, CH_INVALID, w.error.where, "%s",
                              w.error.status == CH_OK ? "the writer cannot write it" : w.error.text);
    }
    if (status == CH_OK) {
        message->body = mapping->bytes.size;
        status =
            ch_encoding_convert(mapping->encoding, ch_buf_str(&mapping->written), &mapping->bytes, error);
        message->body_size = mapping->bytes.size - message->body;
    }
    return status == CH_INVALID ? status : give_room(mapping, error);
}

static ch_status write_parameters(ch_outward_mapping *mapping, jv output, made *message, ch_error *error)
{
    jv value = jv_object_get(jv_copy(output), jv_string("parameters"));
    jv_kind kind = jv_get_kind(value);
    message->has_parameters = kind == JV_KIND_OBJECT;
    if (!message->has_parameters) {
        jv_free(value);
        return kind == JV_KIND_NULL || kind == JV_KIND_INVALID
                   ? CH_OK
                   : ch_error_set(error, CH_INVALID, "parameters", "an object is expected");
    }
    jv json = jv_dump_string(value, 0);
    message->parameters = mapping->bytes.size;
    ch_buf_append(&mapping->bytes, jv_string_value(json), (size_t)jv_string_length_bytes(jv_copy(json)) + 1);
    jv_free(json);
    return give_room(mapping, error);
}

static ch_status take_output(void *context, jv output, ch_error *error)
{
    ch_outward_mapping *mapping = context;
    made *message = &mapping->messages[mapping->count];
    ch_status status = check_members(output, error);
    if (status == CH_OK) {
        status = copy_text(output, "target", message->target, error);
    }
    if (status == CH_OK) {
        status = copy_text(output, "name", message->name, error);
    }
    if (status == CH_OK) {
        status = write_body(mapping, output, message, error);
    }
    if (status == CH_OK) {
        status = write_parameters(mapping, output, message, error);
    }
    jv_free(output);
    mapping->count += status == CH_OK;
    return status;
}

ch_status ch_outward_mapping_run(ch_outward_mapping *mapping, const ch_outward_event *event,
                                 size_t *out_count, ch_error *error)
{
    const ch_record_place place = {.file = "", .row = event->sequence, .time_ms = event->recorded_ms};
    mapping->count = 0;
    ch_buf_clear(&mapping->bytes);
    ch_status status = ch_mapping_run(mapping->program, event->json, &place, take_output, mapping, error);
    *out_count = status == CH_OK ? mapping->count : 0;
    return status;
}

void ch_outward_mapping_message(const ch_outward_mapping *mapping, size_t index, casehub_message *out)
{
    const made *message = &mapping->messages[index];
    const char *bytes = mapping->bytes.size == 0 ? "" : (const char *)mapping->bytes.at;
    out->body = bytes + message->body;
    out->body_size = message->body_size;
    out->media_type = mapping->writer->media_type;
    out->target = message->target[0] == '\0' ? NULL : message->target;
    out->name = message->name[0] == '\0' ? NULL : message->name;
    out->parameters = message->has_parameters ? bytes + message->parameters : NULL;
}
