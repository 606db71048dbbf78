#include "hub/model/event.h"

#include "hub/model/event_attributes.h"

#define BIT(symbol) (UINT32_C(1) << CH_ATTRIBUTE_IS_##symbol)

_Static_assert(CH_ATTRIBUTE_COUNT <= 32, "attributes seen are kept as bits of 32");

static const char spec_version[] = "1.0";

static const char *const state_names[CH_CASE_STATE_COUNT] = {
#define STATE_NAME(symbol, name) [symbol] = name,
    CH_CASE_STATE_LIST(STATE_NAME)
#undef STATE_NAME
};

const ch_attribute ch_attributes[CH_ATTRIBUTE_COUNT] = {
#define ATTRIBUTE(symbol, text, member, what, hub, longest, chars)                                           \
    {.name = text,                                                                                           \
     .name_size = sizeof text - 1,                                                                           \
     .kind = CH_ATTRIBUTE_##what,                                                                            \
     .charset = CH_CHARSET_##chars,                                                                          \
     .offset = offsetof(ch_event, member),                                                                   \
     .most = longest,                                                                                        \
     .by_hub = hub},
    CH_ATTRIBUTE_LIST(ATTRIBUTE)
#undef ATTRIBUTE
};

/* The hub's attributes with their digests are below 8 KiB, and to data it adds a few fields. */
static const ch_mp_limits record_limits = {.size_bytes = (size_t)(256 + 16) * 1024,
                                           .depth = 16,
                                           .map_pairs = 256 + 16,
                                           .array_items = 4096,
                                           .str_bytes = (size_t)192 * 1024};

const ch_mp_limits *ch_event_limits(ch_event_form form)
{
    return form == CH_EVENT_RECORDED ? &record_limits : &ch_mp_limits_event;
}

const char *ch_case_state_name(ch_case_state state)
{
    return (unsigned)state < CH_CASE_STATE_COUNT ? state_names[state] : state_names[CH_CASE_NONE];
}

ch_status ch_case_state_from_name(ch_str name, ch_case_state *out_state)
{
    for (unsigned i = 0; i < CH_CASE_STATE_COUNT; i++) {
        if (ch_str_is(name, state_names[i])) {
            *out_state = (ch_case_state)i;
            return CH_OK;
        }
    }
    return CH_NOT_FOUND;
}

static bool is_lower(char c)
{
    return c >= 'a' && c <= 'z';
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

bool ch_is_code_byte(char byte)
{
    return is_lower(byte) || is_digit(byte) || byte == '_' || byte == '-';
}

bool ch_is_code(ch_str text, bool dotted)
{
    for (size_t i = 0; i < text.size; i++) {
        if (!ch_is_code_byte(text.at[i]) && !(dotted && text.at[i] == '.')) {
            return false;
        }
    }
    return text.size > 0 && text.size <= CH_CODE_MAX;
}

/* Of text that is UTF-8: no C0, DEL or C1 control characters. */
static bool is_printable(ch_str text)
{
    for (size_t i = 0; i < text.size; i++) {
        uint8_t c = (uint8_t)text.at[i];
        if (c < 0x20 || c == 0x7f || (c == 0xc2 && (uint8_t)text.at[i + 1] < 0xa0)) {
            return false;
        }
    }
    return true;
}

static bool fits_charset(ch_str text, ch_charset charset)
{
    bool fits = true;
    switch (charset) {
    case CH_CHARSET_ANY: break;
    case CH_CHARSET_PRINTABLE: return is_printable(text);
    case CH_CHARSET_TYPE:
        for (size_t i = 0; i < text.size; i++) {
            fits = fits && (is_lower(text.at[i]) || text.at[i] == '_' || text.at[i] == '.');
        }
        break;
    case CH_CHARSET_CODE:
        for (size_t i = 0; i < text.size; i++) {
            fits = fits && ch_is_code_byte(text.at[i]);
        }
        break;
    case CH_CHARSET_AREA:
        fits = text.size >= 2;
        for (size_t i = 0; i < text.size; i++) {
            fits = fits && is_digit(text.at[i]);
        }
        break;
    case CH_CHARSET_TOPIC:
        for (size_t i = 0; i < text.size; i++) {
            fits = fits && (ch_is_code_byte(text.at[i]) || text.at[i] == '.');
        }
        break;
    }
    return fits;
}

static const char *charset_text(ch_charset charset)
{
    switch (charset) {
    case CH_CHARSET_ANY: break;
    case CH_CHARSET_PRINTABLE: return "text without control characters";
    case CH_CHARSET_TYPE: return "characters of a-z, _ and .";
    case CH_CHARSET_CODE: return "characters of a-z, 0-9, _ and -";
    case CH_CHARSET_AREA: return "2 to 15 digits";
    case CH_CHARSET_TOPIC: return "characters of a-z, 0-9, _, - and .";
    }
    return "text";
}

static void *member_of(ch_event *event, const ch_attribute *attribute)
{
    return (char *)event + attribute->offset;
}

static ch_status expect(ch_error *error, const ch_attribute *attribute, const char *what)
{
    return ch_error_set(error, CH_INVALID, attribute->name, "%s expected", what);
}

static ch_status take_text(ch_event *event, const ch_attribute *attribute, const ch_mp_value *value,
                           ch_error *error)
{
    if (value->kind != CH_MP_STR) {
        return expect(error, attribute, "a string is");
    }
    if (value->str.size == 0) {
        return ch_error_set(error, CH_INVALID, attribute->name, "empty: leave it out instead");
    }
    if (value->str.size > attribute->most) {
        return ch_error_set(error, CH_TOO_LARGE, attribute->name, "%zu bytes, at most %zu are allowed",
                            value->str.size, attribute->most);
    }
    if (!fits_charset(value->str, attribute->charset)) {
        return ch_error_set(error, CH_INVALID, attribute->name, "%s expected",
                            charset_text(attribute->charset));
    }
    *(ch_str *)member_of(event, attribute) = value->str;
    return CH_OK;
}

static ch_status take_number(ch_event *event, const ch_attribute *attribute, const ch_mp_value *value,
                             int64_t least, int64_t most, ch_error *error)
{
    void *member = member_of(event, attribute);
    if (value->kind != CH_MP_INT) {
        return expect(error, attribute, "an integer is");
    }
    if (value->integer < least || value->integer > most) {
        return ch_error_set(error, CH_INVALID, attribute->name, "outside %lld to %lld", (long long)least,
                            (long long)most);
    }
    if (attribute->kind == CH_ATTRIBUTE_COUNT32) {
        *(uint32_t *)member = (uint32_t)value->integer;
    } else if (attribute->kind == CH_ATTRIBUTE_COUNT64) {
        *(uint64_t *)member = (uint64_t)value->integer;
    } else {
        *(int64_t *)member = value->integer;
    }
    return CH_OK;
}

static ch_status take_state(ch_event *event, const ch_attribute *attribute, const ch_mp_value *value,
                            ch_error *error)
{
    ch_case_state state;
    if (value->kind != CH_MP_STR || ch_case_state_from_name(value->str, &state) != CH_OK ||
        state == CH_CASE_NONE) {
        return expect(error, attribute, "the name of a case's state is");
    }
    *(ch_case_state *)member_of(event, attribute) = state;
    return CH_OK;
}

/* value is the head, bytes the whole of it. */
static ch_status take_value(ch_event *event, const ch_attribute *attribute, const ch_mp_value *value,
                            ch_str bytes, ch_error *error)
{
    switch (attribute->kind) {
    case CH_ATTRIBUTE_SPEC:
        return value->kind == CH_MP_STR && ch_str_is(value->str, spec_version)
                   ? CH_OK
                   : expect(error, attribute, "\"1.0\" is");
    case CH_ATTRIBUTE_TEXT: return take_text(event, attribute, value, error);
    case CH_ATTRIBUTE_MAP:
        if (value->kind != CH_MP_MAP) {
            return expect(error, attribute, "a map is");
        }
        *(ch_str *)member_of(event, attribute) = bytes;
        return CH_OK;
    case CH_ATTRIBUTE_BIN:
        if (value->kind != CH_MP_BIN) {
            return expect(error, attribute, "binary ({\"$base64\": ...} in JSON) is");
        }
        *(ch_str *)member_of(event, attribute) = value->str.size == 0 ? CH_STR_NONE : value->str;
        return CH_OK;
    case CH_ATTRIBUTE_TIME: return take_number(event, attribute, value, CH_TIME_LEAST, CH_TIME_MOST, error);
    case CH_ATTRIBUTE_VERSION: return take_number(event, attribute, value, 0, UINT32_MAX, error);
    case CH_ATTRIBUTE_COUNT64: return take_number(event, attribute, value, 1, INT64_MAX, error);
    case CH_ATTRIBUTE_COUNT32: return take_number(event, attribute, value, 1, UINT32_MAX, error);
    case CH_ATTRIBUTE_STATE: return take_state(event, attribute, value, error);
    case CH_ATTRIBUTE_FLAG:
        if (value->kind != CH_MP_BOOL) {
            return expect(error, attribute, "true or false is");
        }
        *(bool *)member_of(event, attribute) = value->boolean;
        return CH_OK;
    }
    return CH_INVALID;
}

/* Attributes mostly come in the table's order, so the search goes on behind the last one that was found. */
static unsigned find_attribute(ch_str key, unsigned from)
{
    for (unsigned tried = 0, i = from; tried < CH_ATTRIBUTE_COUNT; tried++, i++) {
        i = i < CH_ATTRIBUTE_COUNT ? i : 0;
        if (ch_attributes[i].name_size == key.size && memcmp(ch_attributes[i].name, key.at, key.size) == 0) {
            return i;
        }
    }
    return CH_ATTRIBUTE_COUNT;
}

/* A name that does not look like one is not repeated: it ends up in logs and answers. */
static ch_status refuse_unknown(ch_str key, ch_error *error)
{
    char name[CH_CODE_MAX + 1] = "event";
    if (key.size > 0 && key.size <= CH_CODE_MAX && fits_charset(key, CH_CHARSET_CODE)) {
        memcpy(name, key.at, key.size);
        name[key.size] = '\0';
    }
    return ch_error_set(error, CH_INVALID, name,
                        "there is no such attribute; fields of a type belong into data or private");
}

static ch_status check_present(uint32_t seen, ch_event_form form, ch_error *error)
{
    static const uint32_t always = BIT(SPECVERSION) | BIT(ID) | BIT(SOURCE) | BIT(TYPE) | BIT(TIME);
    static const uint32_t recorded = BIT(SEQUENCE) | BIT(EPOCH) | BIT(RECORDEDTIME) | BIT(TOPIC) | BIT(ACTOR);
    static const uint32_t of_a_case = BIT(CASEVERSION) | BIT(CASESTATE) | BIT(CYCLE) | BIT(SUBJECT);
    static const uint32_t outcome = BIT(CASEVERSION) | BIT(CASESTATE) | BIT(CYCLE);
    uint32_t needed = always;
    if (form == CH_EVENT_RECORDED) {
        needed |= recorded | ((seen & outcome) != 0 ? of_a_case : 0);
    } else if ((seen & BIT(SUBJECT)) != 0 && (seen & BIT(REF)) != 0) {
        return ch_error_set(error, CH_INVALID, "ref", "an event has a subject or a ref, not both");
    }
    for (unsigned i = 0; i < CH_ATTRIBUTE_COUNT; i++) {
        if ((needed & ~seen & (UINT32_C(1) << i)) != 0) {
            return ch_error_set(error, CH_INVALID, ch_attributes[i].name, "missing");
        }
    }
    return CH_OK;
}

/* One pair of the map. nil is as good as absent (CloudEvents 1.0.2, JSON format, 2.2). */
static ch_status take_pair(ch_mp_reader *reader, ch_event_form form, ch_event *event, unsigned *at,
                           uint32_t *seen, ch_error *error)
{
    ch_mp_value key, value;
    ch_str bytes;
    bool read = ch_mp_next(reader, &key);
    ch_mp_reader ahead = *reader;
    if (!read || !ch_mp_next(&ahead, &value) || !ch_mp_skip(reader, &bytes)) {
        return ch_error_set(error, CH_INVALID, "event", "cut short");
    }
    *at = find_attribute(key.str, *at + 1);
    if (*at == CH_ATTRIBUTE_COUNT) {
        return refuse_unknown(key.str, error);
    }
    if (value.kind == CH_MP_NIL) {
        return CH_OK;
    }
    const ch_attribute *attribute = &ch_attributes[*at];
    if (attribute->by_hub && form == CH_EVENT_PRODUCED) {
        return ch_error_set(error, CH_INVALID, attribute->name, "only the hub sets it");
    }
    *seen |= UINT32_C(1) << *at;
    return take_value(event, attribute, &value, bytes, error);
}

ch_status ch_event_decode(ch_str bytes, ch_event_form form, ch_event *out_event, ch_error *error)
{
    ch_event event = {.expected_version = -1};
    ch_mp_value head;
    uint32_t seen = 0;
    unsigned at = CH_ATTRIBUTE_COUNT - 1;
    ch_status status = ch_mp_check(bytes, ch_event_limits(form), error);
    if (status != CH_OK) {
        return status;
    }
    ch_mp_reader reader = ch_mp_reader_of(bytes);
    if (!ch_mp_next(&reader, &head) || head.kind != CH_MP_MAP) {
        return ch_error_set(error, CH_INVALID, "event", "a map is expected");
    }
    for (uint32_t i = 0; i < head.count; i++) {
        status = take_pair(&reader, form, &event, &at, &seen, error);
        if (status != CH_OK) {
            return status;
        }
    }
    status = check_present(seen, form, error);
    if (status == CH_OK) {
        *out_event = event;
    }
    return status;
}

bool ch_attribute_is_present(const ch_event *event, unsigned index)
{
    const void *member = (const char *)event + ch_attributes[index].offset;
    switch (ch_attributes[index].kind) {
    case CH_ATTRIBUTE_SPEC: return true;
    case CH_ATTRIBUTE_TEXT:
    case CH_ATTRIBUTE_MAP:
    case CH_ATTRIBUTE_BIN: return ((const ch_str *)member)->size > 0;
    /* 0 is a moment like any other: the time is always there, the recorded time in every record. */
    case CH_ATTRIBUTE_TIME: return index == CH_ATTRIBUTE_IS_TIME || event->sequence > 0;
    case CH_ATTRIBUTE_VERSION: return *(const int64_t *)member >= 0;
    case CH_ATTRIBUTE_COUNT64: return *(const uint64_t *)member > 0;
    case CH_ATTRIBUTE_COUNT32: return *(const uint32_t *)member > 0;
    case CH_ATTRIBUTE_STATE: return *(const ch_case_state *)member != CH_CASE_NONE;
    case CH_ATTRIBUTE_FLAG: return *(const bool *)member;
    }
    return false;
}

void ch_attribute_put_value(ch_buf *out, const ch_event *event, unsigned index)
{
    const ch_attribute *attribute = &ch_attributes[index];
    const void *member = (const char *)event + attribute->offset;
    switch (attribute->kind) {
    case CH_ATTRIBUTE_SPEC: ch_mp_put_text(out, spec_version); break;
    case CH_ATTRIBUTE_TEXT: ch_mp_put_str(out, *(const ch_str *)member); break;
    case CH_ATTRIBUTE_MAP: ch_mp_put_raw(out, *(const ch_str *)member); break;
    case CH_ATTRIBUTE_BIN: ch_mp_put_bin(out, *(const ch_str *)member); break;
    case CH_ATTRIBUTE_TIME:
    case CH_ATTRIBUTE_VERSION: ch_mp_put_int(out, *(const int64_t *)member); break;
    case CH_ATTRIBUTE_COUNT64: ch_mp_put_uint(out, *(const uint64_t *)member); break;
    case CH_ATTRIBUTE_COUNT32: ch_mp_put_uint(out, *(const uint32_t *)member); break;
    case CH_ATTRIBUTE_STATE: ch_mp_put_text(out, ch_case_state_name(*(const ch_case_state *)member)); break;
    case CH_ATTRIBUTE_FLAG: ch_mp_put_bool(out, true); break;
    }
}

static void put_pair(ch_buf *out, const ch_event *event, unsigned index)
{
    ch_mp_put_str(out, (ch_str){ch_attributes[index].name, ch_attributes[index].name_size});
    ch_attribute_put_value(out, event, index);
}

void ch_event_encode_with(ch_buf *out, const ch_event *event, uint32_t more)
{
    unsigned present[CH_ATTRIBUTE_COUNT];
    uint32_t count = 0;
    for (unsigned i = 0; i < CH_ATTRIBUTE_COUNT; i++) {
        if (ch_attribute_is_present(event, i)) {
            present[count++] = i;
        }
    }
    ch_mp_put_map(out, count + more);
    for (uint32_t i = 0; i < count; i++) {
        put_pair(out, event, present[i]);
    }
}

void ch_event_encode(ch_buf *out, const ch_event *event)
{
    ch_event_encode_with(out, event, 0);
}

ch_status ch_event_canonical(ch_buf *out, const ch_event *event)
{
    /* In byte order of their names. */
    static const ch_attribute_index order[] = {
        CH_ATTRIBUTE_IS_AREA,   CH_ATTRIBUTE_IS_CAUSATIONID, CH_ATTRIBUTE_IS_CORRELATIONID,
        CH_ATTRIBUTE_IS_DATA,   CH_ATTRIBUTE_IS_HANDOFF_REF, CH_ATTRIBUTE_IS_ID,
        CH_ATTRIBUTE_IS_PARTY,  CH_ATTRIBUTE_IS_PRIVATE,     CH_ATTRIBUTE_IS_REF,
        CH_ATTRIBUTE_IS_SOURCE, CH_ATTRIBUTE_IS_SUBJECT,     CH_ATTRIBUTE_IS_TESTMODE,
        CH_ATTRIBUTE_IS_TIME,   CH_ATTRIBUTE_IS_TYPE};
    unsigned present[sizeof order / sizeof *order];
    uint32_t count = 0;
    for (size_t i = 0; i < sizeof order / sizeof *order; i++) {
        if (ch_attribute_is_present(event, order[i])) {
            present[count++] = order[i];
        }
    }
    ch_mp_put_map(out, count);
    for (uint32_t i = 0; i < count; i++) {
        const ch_attribute *attribute = &ch_attributes[present[i]];
        if (attribute->kind != CH_ATTRIBUTE_MAP) {
            put_pair(out, event, present[i]);
            continue;
        }
        ch_mp_put_str(out, (ch_str){attribute->name, attribute->name_size});
        ch_status status =
            ch_mp_canonical(out, *(const ch_str *)(const void *)((const char *)event + attribute->offset));
        if (status != CH_OK) {
            return status;
        }
    }
    return out->failed;
}
