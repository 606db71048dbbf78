#include "hub/wire/chp_table.h"

#include <inttypes.h>

#define HEAD_ITEMS 3 /* version, verb, request */

static bool is_nil(ch_str bytes)
{
    ch_mp_value value;
    ch_mp_reader reader = ch_mp_reader_of(bytes);
    return ch_mp_next(&reader, &value) && value.kind == CH_MP_NIL;
}

/* What is left out and what is nil are the same. The struct is zero, which is the default of all but an INT. */
static ch_status read_absent(const ch_chp_place *place, const ch_chp_argument *argument, void *base)
{
    if (argument->required) {
        return ch_chp_refuse(place, CH_INVALID, "is missing");
    }
    if (argument->kind == CH_ARG_INT) {
        *(int64_t *)((char *)base + argument->offset) = argument->otherwise;
    }
    return CH_OK;
}

static ch_status read_arguments(const ch_chp_form *form, ch_mp_reader *reader, uint32_t given,
                                ch_chp_message *message, ch_error *error)
{
    ch_chp_place place = {.verb = ch_chp_verb_name(message->verb), .index = -1, .error = error};
    if (form->numbered && message->request == 0) {
        place.argument = "request";
        return ch_chp_refuse(&place, CH_INVALID, "is 0, but this has an answer or is one");
    }
    /* Every member of the union begins where it begins. */
    void *base = &message->hello;
    for (size_t i = 0; i < form->count; i++) {
        const ch_chp_argument *argument = &form->arguments[i];
        ch_str bytes = CH_STR_NONE;
        place.argument = argument->name;
        bool present = i < given && ch_mp_skip(reader, &bytes) && !is_nil(bytes);
        ch_status status =
            present ? ch_chp_read_value(&place, argument, bytes, base) : read_absent(&place, argument, base);
        if (status != CH_OK) {
            return status;
        }
    }
    return CH_OK;
}

/* One number of [version, verb, request]; -1 when it is none. */
static int64_t read_number(ch_mp_reader *reader)
{
    ch_str bytes;
    ch_mp_value value;
    if (!ch_mp_skip(reader, &bytes)) {
        return -1;
    }
    ch_mp_reader inside = ch_mp_reader_of(bytes);
    bool is_number = ch_mp_next(&inside, &value) && value.kind == CH_MP_INT && value.integer >= 0 &&
                     value.integer <= CH_CHP_NUMBER_MAX;
    return is_number ? value.integer : -1;
}

static ch_status check_head(int64_t version, int64_t verb, int64_t request, ch_error *error)
{
    const char *wrong = version < 0 ? "version" : verb < 0 ? "verb" : request < 0 ? "request" : NULL;
    if (wrong != NULL) {
        return ch_error_set(error, CH_INVALID, wrong, "is not an integer within 0..2^53");
    }
    if (version != CH_CHP_VERSION) {
        return ch_error_set(error, CH_UNSUPPORTED, "version", "is not %d", CH_CHP_VERSION);
    }
    if (ch_chp_form_of(verb) == NULL) {
        return ch_error_set(error, CH_UNSUPPORTED, "verb", "%" PRId64 " is unknown", verb);
    }
    return CH_OK;
}

/* What can be read of it reaches *message also when the whole is refused, so that the answer can name it. */
static ch_status read_head(ch_mp_reader *reader, ch_chp_message *message, uint32_t *out_given,
                           ch_error *error)
{
    ch_mp_value value;
    if (!ch_mp_next(reader, &value) || value.kind != CH_MP_ARRAY || value.count < HEAD_ITEMS) {
        return ch_error_set(error, CH_INVALID, "header",
                            "is not an array of version, verb, request, arguments");
    }
    *out_given = value.count - HEAD_ITEMS;
    int64_t version = read_number(reader), verb = read_number(reader), request = read_number(reader);
    message->request = request < 0 ? 0 : (uint64_t)request;
    if (version == CH_CHP_VERSION && ch_chp_form_of(verb) != NULL) {
        message->verb = (ch_chp_verb)verb;
    }
    return check_head(version, verb, request, error);
}

ch_status ch_chp_decode(ch_str frame, ch_chp_message *out_message, ch_error *error)
{
    uint32_t given = 0;
    memset(out_message, 0, sizeof *out_message);
    ch_status status = ch_mp_check(frame, &ch_mp_limits_header, error);
    if (status != CH_OK) {
        ch_error_prefix(error, "header");
        return status;
    }
    ch_mp_reader reader = ch_mp_reader_of(frame);
    status = read_head(&reader, out_message, &given, error);
    if (status != CH_OK) {
        return status;
    }
    const ch_chp_form *form = ch_chp_form_of(out_message->verb);
    status = read_arguments(form, &reader, given, out_message, error);
    if (status == CH_OK && form->check != NULL) {
        status = form->check(out_message, error);
    }
    return status;
}
