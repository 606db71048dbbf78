#include "connectors/transports/open311_form.h"

#include "connectors/formats/percent.h"

#define NAME_MOST 200

void ch_form_init(ch_form *form)
{
    /* Each allocation is rounded up. */
    ch_arena_init(&form->arena, 2 * CH_FORM_BYTES_MOST + CH_FORM_FIELDS_MOST * 2 * 32);
    form->count = 0;
}

void ch_form_done(ch_form *form)
{
    ch_arena_done(&form->arena);
}

static bool is_printable(ch_str text)
{
    for (size_t i = 0; i < text.size; i++) {
        unsigned char c = (unsigned char)text.at[i];
        if ((c < 0x20 && c != '\t' && c != '\r' && c != '\n') || c == 0x7f) {
            return false;
        }
    }
    return true;
}

ch_status ch_form_add(ch_form *form, ch_str name, ch_str value, ch_error *error)
{
    bool named = name.size > 0 && name.size <= NAME_MOST && ch_str_is_utf8(name) && is_printable(name);
    if (!named) {
        return ch_error_set(error, CH_INVALID, NULL, "the name of a field is empty, too long or not UTF-8");
    }
    const ch_form_field field = {ch_arena_str(&form->arena, name), ch_arena_str(&form->arena, value)};
    if (!ch_str_is_utf8(value)) {
        return ch_error_set(error, CH_INVALID, field.name.at, "it is not UTF-8");
    }
    if (!is_printable(value)) {
        return ch_error_set(error, CH_INVALID, field.name.at, "it holds a control character");
    }
    if (value.size == 0) {
        return CH_OK;
    }
    if (form->count == CH_FORM_FIELDS_MOST || field.name.at == NULL || field.value.at == NULL) {
        return ch_error_set(error, CH_TOO_LARGE, NULL, "more than %d fields, or %zu bytes",
                            CH_FORM_FIELDS_MOST, CH_FORM_BYTES_MOST);
    }
    form->fields[form->count++] = field;
    return CH_OK;
}

static ch_status add_pair(ch_form *form, ch_str pair, ch_buf *work, ch_error *error)
{
    const char *equals = memchr(pair.at, '=', pair.size);
    size_t name_size = equals == NULL ? pair.size : (size_t)(equals - pair.at);
    ch_str value = equals == NULL ? CH_STR("") : (ch_str){equals + 1, pair.size - name_size - 1};
    ch_buf_clear(work);
    ch_percent_decode(work, (ch_str){pair.at, name_size});
    size_t split = work->size;
    ch_percent_decode(work, value);
    if (work->failed != CH_OK) {
        return ch_error_set(error, work->failed, NULL, "no room to read the form");
    }
    ch_str both = work->size == 0 ? CH_STR("") : ch_buf_str(work);
    return ch_form_add(form, (ch_str){both.at, split}, (ch_str){both.at + split, both.size - split}, error);
}

ch_status ch_form_parse(ch_form *form, ch_str text, ch_error *error)
{
    ch_buf work;
    ch_status status = CH_OK;
    if (text.size > CH_FORM_BYTES_MOST) {
        return ch_error_set(error, CH_TOO_LARGE, NULL, "a form has at most %zu bytes", CH_FORM_BYTES_MOST);
    }
    while (text.size > 0 && (text.at[text.size - 1] == '\n' || text.at[text.size - 1] == '\r')) {
        text.size--; /* of a file that was posted as it is: an encoded form holds none */
    }
    ch_buf_init(&work, CH_FORM_BYTES_MOST);
    while (text.size > 0 && status == CH_OK) {
        const char *end = memchr(text.at, '&', text.size);
        ch_str pair = {text.at, end == NULL ? text.size : (size_t)(end - text.at)};
        size_t step = pair.size + (end != NULL);
        text = (ch_str){text.at + step, text.size - step};
        status = pair.size == 0 ? CH_OK : add_pair(form, pair, &work, error);
    }
    ch_buf_done(&work);
    return status;
}

ch_str ch_form_get(const ch_form *form, const char *name)
{
    for (size_t i = 0; i < form->count; i++) {
        if (ch_str_is(form->fields[i].name, name)) {
            return form->fields[i].value;
        }
    }
    return CH_STR_NONE;
}

const ch_form_field *ch_form_contradiction(const ch_form *form)
{
    for (size_t i = 0; i < form->count; i++) {
        const ch_form_field *field = &form->fields[i];
        if (memchr(field->name.at, '[', field->name.size) == NULL &&
            !ch_str_equal(ch_form_get(form, field->name.at), field->value)) {
            return field;
        }
    }
    return NULL;
}
