#include "connectors/formats/xml_tree.h"

#include "connectors/formats/xml_text.h"

#include <ctype.h>
#include <expat.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#define SEPARATOR '\n' /* between namespace and local name; expat refuses a namespace with it */

/* An element that is open within a record. */
typedef struct frame {
    json_t *object; /* attributes and elements; NULL while there are none */
    bool has_elements;
    size_t text_at; /* where its text begins in reading.text */
    ch_buf name_space;
} frame;

typedef struct reading {
    const ch_xml_rules *rules;
    XML_Parser parser;
    ch_xml_take_fn take; /* NULL: it is only looked at */
    void *context;
    ch_error *error;
    ch_status status;
    unsigned depth;    /* open elements */
    unsigned on_path;  /* of them, those that the record's path begins with */
    unsigned skipping; /* open elements of another namespace within the record */
    unsigned frames;   /* open elements of the record */
    frame stack[CH_XML_DEPTH_MOST];
    ch_buf text;
    uint64_t line;
    XML_Index begin;
    bool is_document;
    const char *code;
    char reason[400], field[CH_XML_NAME_MOST + 2];
} reading;

typedef struct full_name {
    ch_str name_space;
    const char *local;
} full_name;

static full_name split_name(const char *name)
{
    const char *at = strrchr(name, SEPARATOR);
    return at == NULL ? (full_name){CH_STR(""), name} : (full_name){{name, (size_t)(at - name)}, at + 1};
}

/* ---- failures */

/* The whole document is at fault. Expat's texts do not quote it. */
static void refuse(reading *r, const char *reason)
{
    if (r->status == CH_OK) {
        r->status = ch_error_set(r->error, CH_REFUSED, NULL, "XML, line %lu, column %lu: %s",
                                 (unsigned long)XML_GetCurrentLineNumber(r->parser),
                                 (unsigned long)XML_GetCurrentColumnNumber(r->parser) + 1, reason);
        XML_StopParser(r->parser, XML_FALSE);
    }
}

static void stop(reading *r, ch_status status)
{
    if (r->status == CH_OK) {
        r->status = status;
        XML_StopParser(r->parser, XML_FALSE);
    }
}

/* The record is at fault; the first reason counts. */
static void fault(reading *r, const char *code, const char *field, const char *reason)
{
    if (r->code == NULL) {
        r->code = code;
        snprintf(r->reason, sizeof r->reason, "%s", reason);
        snprintf(r->field, sizeof r->field, "%s", field);
    }
}

static void check_size(reading *r, const char *field, size_t size)
{
    char reason[80];
    if (size > r->rules->field_most) {
        snprintf(reason, sizeof reason, "the value is larger than %zu bytes", r->rules->field_most);
        fault(r, "too-large", field, reason);
    }
}

/* ---- what may stand before the document element */

static void refuse_doctype(void *context, const char *name, const char *system, const char *public_id,
                           int has_internal)
{
    (void)name, (void)system, (void)public_id, (void)has_internal;
    refuse(context, "a document type is not allowed");
}

/* "gb-2312" -> "GB2312" */
static void plain_name(char *out, size_t size, const char *name)
{
    size_t used = 0;
    for (; *name != '\0' && used + 1 < size; name++) {
        if (isalnum((unsigned char)*name)) {
            out[used++] = (char)toupper((unsigned char)*name);
        }
    }
    out[used] = '\0';
}

/* Each set of a row holds all that stand before it. */
static bool is_part_of(const char *declared, const char *charset)
{
    static const char *const rows[][5] = {
        {"GB2312", "EUCCN", "GBK", "CP936", "GB18030"},
        {"UTF16", "UTF16LE"},
        {"UTF16", "UTF16BE"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        bool seen = false;
        for (size_t j = 0; j < 5 && rows[i][j] != NULL; j++) {
            seen = seen || strcmp(rows[i][j], declared) == 0;
            if (seen && strcmp(rows[i][j], charset) == 0) {
                return true;
            }
        }
    }
    return strcmp(declared, charset) == 0 || strcmp(declared, "USASCII") == 0 ||
           strcmp(declared, "ASCII") == 0;
}

/* What is read here was converted to UTF-8, so the declaration can only be right or wrong about what it was before. */
static void check_declaration(void *context, const char *version, const char *encoding, int standalone)
{
    reading *r = context;
    char declared[40], charset[40], reason[160];
    (void)version, (void)standalone;
    if (encoding == NULL || r->rules->charset == NULL) {
        return;
    }
    plain_name(declared, sizeof declared, encoding);
    plain_name(charset, sizeof charset, r->rules->charset);
    if (!is_part_of(declared, charset)) {
        snprintf(reason, sizeof reason, "it declares the encoding %s, but charset is %.40s", declared,
                 r->rules->charset);
        refuse(r, reason);
    }
}

/* ---- first reading: the limits */

static bool is_path(const ch_xml_rules *rules)
{
    return strchr(rules->record, '/') != NULL;
}

/* The path's component of that depth, from 1; none behind its end. */
static ch_str component(const ch_xml_rules *rules, unsigned depth)
{
    const char *at = rules->record;
    at += *at == '/';
    while (at != NULL && --depth > 0) {
        at = strchr(at, '/');
        at = at == NULL ? NULL : at + 1;
    }
    return at == NULL ? CH_STR_NONE : (ch_str){at, strcspn(at, "/")};
}

static void look_at_start(void *context, const char *name, const char **attributes)
{
    reading *r = context;
    const char *local = split_name(name).local;
    if (++r->depth > CH_XML_DEPTH_MOST) {
        refuse(r, "elements are nested too deep");
    } else if (strlen(local) > CH_XML_NAME_MOST) {
        refuse(r, "the name of an element is too long");
    } else if (r->depth == 1 && is_path(r->rules) && !ch_str_is(component(r->rules, 1), local)) {
        refuse(r, "the document element is not the one that `record` begins with");
    }
    for (size_t i = 0; attributes[i] != NULL; i += 2) {
        if (strlen(split_name(attributes[i]).local) > CH_XML_NAME_MOST) {
            refuse(r, "the name of an attribute is too long");
        }
    }
}

static void look_at_end(void *context, const char *name)
{
    (void)name;
    ((reading *)context)->depth--;
}

/* ---- second reading: the records */

/* Counted in on_path while the way down is the record's path. */
static bool begins_record(reading *r, const char *local)
{
    if (!is_path(r->rules)) {
        return r->rules->record[0] == '\0' ? r->depth == 1 : strcmp(r->rules->record, local) == 0;
    }
    if (r->on_path + 1 == r->depth && ch_str_is(component(r->rules, r->depth), local)) {
        r->on_path++;
        return component(r->rules, r->depth + 1).at == NULL;
    }
    return false;
}

static void set_member(reading *r, frame *of, const char *name, json_t *value)
{
    of->object = of->object == NULL ? json_object() : of->object;
    if (of->object == NULL || json_object_set_new_nocheck(of->object, name, value) != 0) {
        stop(r, CH_NO_MEMORY);
    }
}

static bool is_always_array(const ch_xml_rules *rules, const char *name)
{
    for (size_t i = 0; i < rules->array_count; i++) {
        if (strcmp(rules->arrays[i], name) == 0) {
            return true;
        }
    }
    return false;
}

/* No value of an element is an array, so an array is what repeated elements made. */
static void add_element(reading *r, frame *to, const char *name, json_t *value)
{
    json_t *there = json_object_get(to->object, name);
    to->has_elements = true;
    if (json_is_array(there)) {
        if (json_array_append_new(there, value) != 0) {
            stop(r, CH_NO_MEMORY);
        }
    } else if (there != NULL) {
        set_member(r, to, name, json_pack("[O, o]", there, value));
    } else {
        set_member(r, to, name, is_always_array(r->rules, name) ? json_pack("[o]", value) : value);
    }
}

static const char xml_itself[] = "http://www.w3.org/XML/1998/namespace";

/* Attributes of a namespace belong to somebody else, but for those of XML itself. */
static void take_attributes(reading *r, frame *to, const char **attributes)
{
    char member[CH_XML_NAME_MOST + 8];
    for (size_t i = 0; attributes[i] != NULL; i += 2) {
        full_name name = split_name(attributes[i]);
        bool own = name.name_space.size == 0, of_xml = ch_str_is(name.name_space, xml_itself);
        if (own || of_xml) {
            snprintf(member, sizeof member, "@%s%s", of_xml ? "xml:" : "", name.local);
            check_size(r, member, strlen(attributes[i + 1]));
            set_member(r, to, member, json_string(attributes[i + 1]));
        }
    }
}

static void push(reading *r, full_name name, const char **attributes)
{
    frame *made = &r->stack[r->frames];
    ch_str around = r->frames == 0 ? CH_STR("") : ch_buf_str(&made[-1].name_space);
    *made = (frame){.text_at = r->text.size};
    ch_buf_init(&made->name_space, name.name_space.size);
    ch_buf_append_str(&made->name_space, name.name_space);
    r->frames++;
    if (made->name_space.failed != CH_OK) {
        stop(r, CH_NO_MEMORY);
    } else if (ch_str_is(name.name_space,
                         xml_itself)) { /* no element may be: it could not be written again */
        fault(r, "invalid", name.local, "XML's own namespace has no elements");
    } else if (!ch_str_equal(name.name_space, around)) {
        set_member(r, made, "@xmlns", json_stringn(name.name_space.at, name.name_space.size));
    }
    take_attributes(r, made, attributes);
}

static void begin_record(reading *r, full_name name)
{
    r->line = XML_GetCurrentLineNumber(r->parser);
    r->begin = XML_GetCurrentByteIndex(r->parser);
    r->is_document = r->depth == 1;
    r->code = NULL;
    ch_buf_clear(&r->text);
    if (r->rules->name_space[0] != '\0' && !ch_str_is(name.name_space, r->rules->name_space)) {
        char reason[400];
        snprintf(reason, sizeof reason, "the element is not in the namespace %s", r->rules->name_space);
        fault(r, "invalid", name.local, reason);
    }
}

/* Within a record whose namespace is laid down. */
static bool is_foreign(reading *r, full_name name)
{
    if (r->rules->name_space[0] == '\0' || ch_str_is(name.name_space, r->rules->name_space)) {
        return false;
    }
    if (name.name_space.size == 0) {
        fault(r, "invalid", name.local, "the element is in no namespace");
    }
    return true;
}

static void start_element(void *context, const char *text, const char **attributes)
{
    reading *r = context;
    full_name name = split_name(text);
    r->depth++;
    if (r->frames == 0) {
        if (begins_record(r, name.local)) {
            begin_record(r, name);
            push(r, name, attributes);
        }
    } else if (r->skipping > 0 || is_foreign(r, name)) {
        r->skipping++;
    } else {
        push(r, name, attributes);
    }
}

static void take_text(void *context, const char *text, int size)
{
    reading *r = context;
    if (r->frames > 0 && r->skipping == 0) {
        ch_buf_append(&r->text, text, (size_t)size);
        if (r->text.failed != CH_OK) {
            stop(r, CH_NO_MEMORY);
        }
    }
}

static bool is_blank(ch_str text)
{
    for (size_t i = 0; i < text.size; i++) {
        if (!isspace((unsigned char)text.at[i])) {
            return false;
        }
    }
    return true;
}

/* The innermost element is whole: its value. */
static json_t *pop(reading *r, const char *local)
{
    frame *of = &r->stack[--r->frames];
    ch_str text = CH_STR("");
    if (r->text.size > of->text_at) {
        text = (ch_str){(const char *)r->text.at + of->text_at, r->text.size - of->text_at};
        text.size = of->has_elements && is_blank(text) ? 0 : text.size;
    }
    check_size(r, local, text.size);
    if (of->object != NULL && text.size > 0) {
        set_member(r, of, "#text", json_stringn(text.at, text.size));
    }
    json_t *value = of->object != NULL ? of->object : json_stringn(text.at, text.size);
    of->object = NULL;
    ch_buf_done(&of->name_space);
    r->text.size = of->text_at;
    if (value == NULL) {
        stop(r, CH_NO_MEMORY);
    }
    return value;
}

static void end_record(reading *r, const char *local, json_t *value)
{
    char reason[80];
    size_t size =
        (size_t)(XML_GetCurrentByteIndex(r->parser) + XML_GetCurrentByteCount(r->parser) - r->begin);
    json_t *tree = json_pack("{s:o}", local, value);
    if (tree == NULL) {
        stop(r, CH_NO_MEMORY);
        return;
    }
    if (size > r->rules->record_most) {
        snprintf(reason, sizeof reason, "the record is larger than %zu bytes", r->rules->record_most);
        fault(r, "too-large", local, reason);
    }
    const ch_xml_record record = {.tree = tree,
                                  .line = r->line,
                                  .is_document = r->is_document,
                                  .code = r->code,
                                  .reason = r->reason,
                                  .field = r->field};
    if (!r->take(r->context, &record)) {
        stop(r, CH_END);
    }
    json_decref(tree);
}

static void end_element(void *context, const char *text)
{
    reading *r = context;
    const char *local = split_name(text).local;
    if (r->skipping > 0) {
        r->skipping--;
    } else if (r->frames > 0) {
        json_t *value = pop(r, local);
        if (r->frames == 0) {
            end_record(r, local, value);
        } else {
            add_element(r, &r->stack[r->frames - 1], local, value);
        }
    }
    r->on_path -= r->on_path == r->depth;
    r->depth--;
}

/* ---- both */

static ch_status parse(reading *r, ch_str document)
{
    if (document.size > INT_MAX) {
        return ch_error_set(r->error, CH_REFUSED, NULL, "the document is too large");
    }
    r->parser = XML_ParserCreateNS("UTF-8", SEPARATOR);
    if (r->parser == NULL) {
        return ch_error_set(r->error, CH_NO_MEMORY, NULL, "no memory to read it");
    }
    XML_SetUserData(r->parser, r);
    XML_SetStartDoctypeDeclHandler(r->parser, refuse_doctype);
    XML_SetXmlDeclHandler(r->parser, check_declaration);
    XML_SetElementHandler(r->parser, r->take == NULL ? look_at_start : start_element,
                          r->take == NULL ? look_at_end : end_element);
    XML_SetCharacterDataHandler(r->parser, r->take == NULL ? NULL : take_text);
    if (XML_Parse(r->parser, document.at, (int)document.size, 1) != XML_STATUS_OK && r->status == CH_OK) {
        bool memory = XML_GetErrorCode(r->parser) == XML_ERROR_NO_MEMORY;
        if (memory) {
            r->status = CH_NO_MEMORY;
        } else {
            refuse(r, XML_ErrorString(XML_GetErrorCode(r->parser)));
        }
    }
    XML_ParserFree(r->parser);
    return r->status == CH_NO_MEMORY ? ch_error_set(r->error, r->status, NULL, "no memory to read it")
                                     : r->status;
}

ch_status ch_xml_read(ch_str document, const ch_xml_rules *rules, ch_xml_take_fn take, void *context,
                      ch_error *error)
{
    reading look = {.rules = rules, .error = error};
    ch_status status = parse(&look, document);
    if (status != CH_OK) {
        return status;
    }
    reading r = {.rules = rules, .take = take, .context = context, .error = error};
    ch_buf_init(&r.text, document.size);
    status = parse(&r, document);
    while (r.frames > 0) {
        frame *left = &r.stack[--r.frames];
        json_decref(left->object);
        ch_buf_done(&left->name_space);
    }
    ch_buf_done(&r.text);
    return status;
}
