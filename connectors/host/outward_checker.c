#include "connectors/host/outward_checker.h"

#include "connectors/host/charset.h"
#include "connectors/host/outward_mapping.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <sodium.h>
#include <stdlib.h>

#define BODY_MOST ((size_t)64 * 1024 * 1024) /* as UTF-8 or base64 it is longer than the message */

typedef struct checker {
    const ch_connector_config *config;
    const char *base; /* the file's name, for places */
    uint64_t line;
    FILE *out;
    ch_outward_mapping *mapping;
    ch_charset *charset; /* the receiver's, to read the bodies again; NULL: that cannot be done */
    ch_outward_check_totals totals;
} checker;

static json_t *base64_of(ch_str bytes)
{
    size_t size = sodium_base64_encoded_len(bytes.size, sodium_base64_VARIANT_ORIGINAL);
    char *text = malloc(size);
    if (text == NULL) {
        return NULL;
    }
    sodium_bin2base64(text, size, (const uint8_t *)bytes.at, bytes.size, sodium_base64_VARIANT_ORIGINAL);
    json_t *object = json_pack("{s:s}", "$base64", text);
    free(text);
    return object;
}

static json_t *show_body(checker *c, ch_str body)
{
    ch_buf text;
    ch_buf_init(&text, BODY_MOST);
    bool readable = c->charset != NULL && ch_charset_convert(c->charset, body, &text, NULL) == CH_OK;
    ch_str utf8 = ch_buf_str(&text);
    json_t *shown = NULL;
    if (readable && strcmp(c->config->outward.writer_table->name, "json") == 0) {
        shown = json_loadb(utf8.size == 0 ? "" : utf8.at, utf8.size, JSON_DECODE_ANY, NULL);
    }
    if (shown == NULL) {
        shown = readable ? json_stringn(utf8.size == 0 ? "" : utf8.at, utf8.size) : base64_of(body);
    }
    ch_buf_done(&text);
    return shown;
}

static void set_text(json_t *object, const char *name, const char *text)
{
    if (text != NULL) {
        json_object_set_new(object, name, json_string(text));
    }
}

/* Owns object. */
static ch_status print(checker *c, json_t *object, ch_error *error)
{
    bool printed = object != NULL && json_dumpf(object, c->out, JSON_COMPACT) == 0;
    json_decref(object);
    return printed && fputc('\n', c->out) != EOF
               ? CH_OK
               : ch_error_set(error, CH_NO_MEMORY, c->base, "no memory to show it");
}

static ch_status print_message(checker *c, const ch_outward_event *event, size_t index, ch_error *error)
{
    casehub_message message = {CASEHUB_SIZED(casehub_message), .attempt = 1};
    ch_outward_mapping_message(c->mapping, index, &message);
    json_t *shown =
        json_pack("{s:I,s:I}", "sequence", (json_int_t)event->sequence, "message", (json_int_t)index + 1);
    set_text(shown, "target", message.target);
    set_text(shown, "name", message.name);
    if (message.parameters != NULL) {
        json_object_set_new(shown, "parameters", json_loads(message.parameters, 0, NULL));
    }
    json_object_set_new(shown, "body", show_body(c, (ch_str){message.body, message.body_size}));
    return print(c, shown, error);
}

static ch_status print_failure(checker *c, const ch_error *why, ch_error *error)
{
    char where[300];
    snprintf(where, sizeof where, "%.100s:%" PRIu64 "%s%s", c->base, c->line,
             why->where[0] == '\0' ? "" : ": ", why->where);
    c->totals.failures++;
    return print(
        c,
        json_pack("{s:s,s:s,s:s}", "error", ch_status_name(why->status), "reason", why->text, "where", where),
        error);
}

static ch_status check_event(checker *c, ch_str json, ch_error *error)
{
    ch_outward_event event;
    ch_error why = {.status = CH_OK};
    size_t count = 0;
    ch_status status = ch_outward_event_read(&event, json, &why);
    if (status == CH_OK) {
        status = ch_outward_mapping_run(c->mapping, &event, &count, &why);
    }
    c->totals.events++;
    if (status != CH_OK) {
        return print_failure(c, &why, error);
    }
    for (size_t i = 0; i < count && status == CH_OK; i++) {
        status = print_message(c, &event, i, error);
    }
    c->totals.messages += count;
    return status;
}

static ch_status check_lines(checker *c, FILE *events, ch_error *error)
{
    char *line = NULL;
    size_t room = 0;
    ssize_t size;
    ch_status status = CH_OK;
    while (status == CH_OK && (size = getline(&line, &room, events)) >= 0) {
        c->line++;
        if (strspn(line, " \t\r\n") < (size_t)size) {
            status = check_event(c, (ch_str){line, (size_t)size}, error);
        }
    }
    free(line);
    return status == CH_OK && ferror(events) ? ch_error_set(error, CH_IO, c->base, "it cannot be read")
                                             : status;
}

ch_status ch_outward_checker_run(const ch_connector_config *config, const char *file, FILE *out,
                                 ch_outward_check_totals *out_totals, ch_error *error)
{
    const char *slash = strrchr(file, '/');
    checker c = {.config = config, .base = slash == NULL ? file : slash + 1, .out = out};
    FILE *events = fopen(file, "re");
    if (events == NULL) {
        return ch_error_set(error, errno == ENOENT ? CH_NOT_FOUND : CH_IO, file, "%s", strerror(errno));
    }
    ch_status status = ch_outward_mapping_open(&c.mapping, config, error);
    if (status == CH_OK) {
        status = ch_charset_open(&c.charset, config->outward.charset, error);
        status = status == CH_UNSUPPORTED ? CH_OK : status;
    }
    if (status == CH_OK) {
        status = check_lines(&c, events, error);
    }
    ch_charset_close(c.charset);
    ch_outward_mapping_close(c.mapping);
    fclose(events);
    *out_totals = c.totals;
    return status;
}
