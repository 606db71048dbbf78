/* Grants as the data of hub.grant events. A field that is not known is refused: a misspelt limit must not
 * grant everything.
 */
#include "hub/model/grant.h"

#include <stdio.h>

#define KEY_BYTES (CH_KEY_TEXT_SIZE - 1)
#define LOCAL_KEY "local"

static const char *const right_names[] = {
    [CH_PRIVATE_NONE] = "none", [CH_PRIVATE_OWN] = "own", [CH_PRIVATE_ALL] = "all"};

static ch_status refuse(ch_error *error, const char *field, const char *expected)
{
    char place[CH_CODE_MAX + sizeof "data."];
    snprintf(place, sizeof place, "data.%s", field);
    return ch_error_set(error, CH_INVALID, place, "%s", expected);
}

static bool consists_of(ch_str text, const char *characters)
{
    for (size_t i = 0; i < text.size; i++) {
        if (text.at[i] == '\0' || strchr(characters, text.at[i]) == NULL) {
            return false;
        }
    }
    return text.size > 0;
}

#define DIGITS "0123456789"
#define LOWER "abcdefghijklmnopqrstuvwxyz"
#define UPPER "ABCDEFGHIJKLMNOPQRSTUVWXYZ"

/* Z85 (ZeroMQ RFC 32), or the name of the ipc endpoint. */
static bool is_key(ch_str text)
{
    return ch_str_is(text, LOCAL_KEY) ||
           (text.size == KEY_BYTES && consists_of(text, DIGITS LOWER UPPER ".-:+=^!/*?&<>()[]{}@%$#"));
}

static bool is_party(ch_str text)
{
    return ch_str_is(text, "*") || ch_is_code(text, false);
}

static bool is_area(ch_str text)
{
    return text.size >= 2 && text.size <= 15 && consists_of(text, DIGITS);
}

/* Whole tokens of a source, without the hub's own. */
static bool is_source(ch_str text)
{
    bool after_slash = true;
    for (size_t i = 0; i < text.size; i++) {
        uint8_t c = (uint8_t)text.at[i];
        if (c < 0x20 || c == 0x7f || (after_slash && c == '/')) {
            return false;
        }
        after_slash = c == '/';
    }
    return !after_slash && text.size <= CH_CODE_MAX && !ch_str_is(text, "hub") &&
           !ch_str_starts(text, CH_STR("hub/"));
}

typedef bool check_text(ch_str text);
typedef ch_status take_field(ch_grant *grant, ch_str bytes, ch_error *error);

static bool read_text(ch_str bytes, ch_str *out_text)
{
    ch_mp_reader reader = ch_mp_reader_of(bytes);
    ch_mp_value value;
    if (!ch_mp_next(&reader, &value) || value.kind != CH_MP_STR) {
        return false;
    }
    *out_text = value.str;
    return true;
}

/* A list of at most CH_GRANT_LIST_MAX texts into rows of row_size bytes. */
static bool read_list(ch_str bytes, check_text *check, char *rows, size_t row_size, size_t *out_count)
{
    ch_mp_reader reader = ch_mp_reader_of(bytes);
    ch_mp_value head, item;
    if (!ch_mp_next(&reader, &head) || head.kind != CH_MP_ARRAY || head.count > CH_GRANT_LIST_MAX) {
        return false;
    }
    for (uint32_t i = 0; i < head.count; i++) {
        if (!ch_mp_next(&reader, &item) || item.kind != CH_MP_STR || !check(item.str) ||
            ch_str_copy(rows + i * row_size, row_size, item.str) != CH_OK) {
            return false;
        }
    }
    *out_count = head.count;
    return true;
}

static ch_status take_key(ch_grant *grant, ch_str bytes, ch_error *error)
{
    ch_str text;
    if (!read_text(bytes, &text) || !is_key(text) ||
        ch_str_copy(grant->key, sizeof grant->key, text) != CH_OK) {
        return refuse(error, "key", "a public key of 40 Z85 characters is expected, or \"" LOCAL_KEY "\"");
    }
    return CH_OK;
}

static ch_status take_name(ch_grant *grant, ch_str bytes, ch_error *error)
{
    ch_str text;
    if (!read_text(bytes, &text) || !ch_is_code(text, false) ||
        ch_str_copy(grant->name, sizeof grant->name, text) != CH_OK) {
        return refuse(error, "name", "1 to 63 characters of a-z, 0-9, _ and - are expected");
    }
    return CH_OK;
}

static ch_status take_role(ch_grant *grant, ch_str bytes, ch_error *error)
{
    ch_str text;
    ch_role role;
    if (!read_text(bytes, &text) || ch_role_from_name(text, &role) != CH_OK || role == CH_ROLE_NONE ||
        role == CH_ROLE_HUB) {
        return refuse(error, "role",
                      "connector, department, supervisor, operator, read-only or auditor is expected");
    }
    grant->role = role;
    return CH_OK;
}

static ch_status take_sources(ch_grant *grant, ch_str bytes, ch_error *error)
{
    return read_list(bytes, is_source, grant->sources[0], sizeof grant->sources[0], &grant->source_count)
               ? CH_OK
               : refuse(error, "sources",
                        "a list of at most 32 sources is expected (\"hotline\", \"hotline/1\"), none of them "
                        "hub's");
}

static ch_status take_parties(ch_grant *grant, ch_str bytes, ch_error *error)
{
    return read_list(bytes, is_party, grant->parties[0], sizeof grant->parties[0], &grant->party_count)
               ? CH_OK
               : refuse(error, "parties", "a list of at most 32 party codes is expected, or \"*\" for all");
}

static ch_status take_areas(ch_grant *grant, ch_str bytes, ch_error *error)
{
    return read_list(bytes, is_area, grant->areas[0], sizeof grant->areas[0], &grant->area_count)
               ? CH_OK
               : refuse(error, "areas", "a list of at most 32 area codes of 2 to 15 digits is expected");
}

static ch_status take_private(ch_grant *grant, ch_str bytes, ch_error *error)
{
    ch_str text = CH_STR_NONE;
    for (unsigned i = 0; read_text(bytes, &text) && i < sizeof right_names / sizeof *right_names; i++) {
        if (ch_str_is(text, right_names[i])) {
            grant->private_right = (ch_private_right)i;
            return CH_OK;
        }
    }
    return refuse(error, "private", "none, own or all is expected");
}

static ch_status take_revoked(ch_grant *grant, ch_str bytes, ch_error *error)
{
    ch_mp_reader reader = ch_mp_reader_of(bytes);
    ch_mp_value value;
    if (!ch_mp_next(&reader, &value) || value.kind != CH_MP_BOOL) {
        return refuse(error, "revoked", "true or false is expected");
    }
    grant->revoked = value.boolean;
    return CH_OK;
}

static const struct {
    const char *name;
    take_field *take;
} fields[] = {
    {"key", take_key},         {"name", take_name},   {"role", take_role},       {"sources", take_sources},
    {"parties", take_parties}, {"areas", take_areas}, {"private", take_private}, {"revoked", take_revoked},
};

/* nil is as good as absent. */
static ch_status take_pair(ch_grant *grant, ch_str key, ch_str bytes, ch_error *error)
{
    ch_mp_reader reader = ch_mp_reader_of(bytes);
    ch_mp_value value;
    if (ch_mp_next(&reader, &value) && value.kind == CH_MP_NIL) {
        return CH_OK;
    }
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        if (ch_str_is(key, fields[i].name)) {
            return fields[i].take(grant, bytes, error);
        }
    }
    char name[CH_CODE_MAX + 1] = "";
    if (!ch_is_code(key, false) || ch_str_copy(name, sizeof name, key) != CH_OK) {
        return ch_error_set(error, CH_INVALID, "data", "a grant has no such field");
    }
    return refuse(error, name, "a grant has no such field");
}

/* To take a grant away its key is enough. */
static ch_status check_complete(const ch_grant *grant, ch_error *error)
{
    if (grant->key[0] == '\0') {
        return refuse(error, "key", "missing");
    }
    if (!grant->revoked && grant->name[0] == '\0') {
        return refuse(error, "name", "missing");
    }
    if (!grant->revoked && grant->role == CH_ROLE_NONE) {
        return refuse(error, "role", "missing");
    }
    return CH_OK;
}

ch_status ch_grant_decode(ch_str data, ch_grant *out_grant, ch_error *error)
{
    ch_grant grant = {.role = CH_ROLE_NONE};
    ch_mp_reader reader = ch_mp_reader_of(data);
    ch_mp_value head, key;
    ch_str bytes;
    if (!ch_mp_next(&reader, &head) || head.kind != CH_MP_MAP) {
        return ch_error_set(error, CH_INVALID, "data", "a map is expected");
    }
    for (uint32_t i = 0; i < head.count; i++) {
        if (!ch_mp_next(&reader, &key) || !ch_mp_skip(&reader, &bytes)) {
            return ch_error_set(error, CH_INVALID, "data", "cut short");
        }
        ch_status status = take_pair(&grant, key.str, bytes, error);
        if (status != CH_OK) {
            return status;
        }
    }
    ch_status status = check_complete(&grant, error);
    if (status == CH_OK) {
        *out_grant = grant;
    }
    return status;
}

static uint32_t put_text(ch_buf *out, const char *name, const char *text)
{
    if (text[0] == '\0') {
        return 0;
    }
    ch_mp_put_text(out, name);
    ch_mp_put_text(out, text);
    return 1;
}

static uint32_t put_list(ch_buf *out, const char *name, const char *rows, size_t row_size, size_t count)
{
    if (count == 0) {
        return 0;
    }
    ch_mp_put_text(out, name);
    ch_mp_put_array(out, (uint32_t)count);
    for (size_t i = 0; i < count; i++) {
        ch_mp_put_text(out, rows + i * row_size);
    }
    return 1;
}

void ch_grant_encode(ch_buf *out, const ch_grant *grant)
{
    size_t begun = ch_mp_begin_map(out);
    uint32_t count = put_text(out, "key", grant->key);
    count += put_text(out, "name", grant->name);
    count += put_text(out, "role", grant->role == CH_ROLE_NONE ? "" : ch_role_name(grant->role));
    count += put_list(out, "sources", grant->sources[0], sizeof grant->sources[0], grant->source_count);
    count += put_list(out, "parties", grant->parties[0], sizeof grant->parties[0], grant->party_count);
    count += put_list(out, "areas", grant->areas[0], sizeof grant->areas[0], grant->area_count);
    count += put_text(out, "private", right_names[grant->private_right]);
    if (grant->revoked) {
        ch_mp_put_text(out, "revoked");
        ch_mp_put_bool(out, true);
        count++;
    }
    ch_mp_end_map(out, begun, count);
}
