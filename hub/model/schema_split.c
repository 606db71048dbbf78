/* Between an event and its two halves in the log: what everybody may read, and what is sealed. */
#include "hub/model/schema_inside.h"

/* Walks the pairs of a checked map. */
typedef struct pairs {
    ch_mp_reader reader;
    uint32_t left;
    const uint8_t *from; /* where the present pair begins */
    ch_str key, value;   /* value: all its bytes */
} pairs;

/* False: it is no map. An absent one is a map without pairs. */
static bool pairs_of(ch_str map, pairs *out)
{
    ch_mp_value head = {.count = 0};
    *out = (pairs){.reader = ch_mp_reader_of(map)};
    if (map.size > 0 && (!ch_mp_next(&out->reader, &head) || head.kind != CH_MP_MAP)) {
        return false;
    }
    out->left = head.count;
    return true;
}

/* False at the end; `left` is then 0, or the map was cut short. */
static bool next_pair(pairs *of)
{
    ch_mp_value key;
    of->from = of->reader.at;
    if (of->left == 0 || !ch_mp_next(&of->reader, &key) || !ch_mp_skip(&of->reader, &of->value)) {
        return false;
    }
    of->key = key.str;
    of->left--;
    return true;
}

/* Key and value as they stand there. */
static void put_pair(ch_buf *out, const pairs *of)
{
    ch_buf_append(out, of->from, (size_t)(of->reader.at - of->from));
}

/* Whose fields an event has. A note of what was reported of a merged case also has those of the type that was reported:
 * what is personal there is no mere text here. NULL: none. */
typedef struct entries {
    const ch_schema_entry *own, *reported;
} entries;

static entries entries_of(const ch_schema *schema, const ch_event *event)
{
    entries of = {.own = ch_schema_entry_find(schema, event->type)};
    ch_str reported =
        ch_str_is(event->type, "case.noted") ? ch_mp_find_str(event->data, "reported") : CH_STR_NONE;
    of.reported = reported.at == NULL ? NULL : ch_schema_entry_find(schema, reported);
    return of;
}

static const ch_field *field_of(const ch_schema_entry *entry, ch_str name)
{
    return entry == NULL ? NULL : ch_schema_field(&entry->fields, entry->type.fields, name);
}

static ch_field_class class_of(const entries *of, ch_str name)
{
    const ch_field *own = field_of(of->own, name), *reported = field_of(of->reported, name);
    ch_field_class class = own == NULL ? CH_FIELD_TEXT : own->class;
    return class == CH_FIELD_TEXT && reported != NULL && reported->class == CH_FIELD_PERSONAL
               ? CH_FIELD_PERSONAL
               : class;
}

/* A member of the secret map that is a map itself; taken back when nothing came into it. */
typedef struct member {
    size_t from, map_at;
} member;

static member begin_member(ch_buf *secret, const char *name)
{
    member begun = {.from = secret->size};
    ch_mp_put_text(secret, name);
    begun.map_at = ch_mp_begin_map(secret);
    return begun;
}

static uint32_t end_member(ch_buf *secret, const member *begun, uint32_t count)
{
    if (count == 0) {
        secret->size = begun->from;
        return 0;
    }
    ch_mp_end_map(secret, begun->map_at, count);
    return 1;
}

static uint32_t put_personal(ch_buf *secret, const entries *of, ch_str data)
{
    pairs at;
    uint32_t count = 0;
    member personal = begin_member(secret, "personal");
    for (bool is_map = pairs_of(data, &at); is_map && next_pair(&at);) {
        if (class_of(of, at.key) == CH_FIELD_PERSONAL) {
            put_pair(secret, &at);
            count++;
        }
    }
    return end_member(secret, &personal, count);
}

/* One walk for public and text; personal fields of data are rare enough for a walk of their own. */
static ch_status split_data(const entries *of, ch_str data, ch_buf *out_public, ch_buf *secret,
                            uint32_t *members)
{
    pairs at;
    uint32_t counts[] = {[CH_FIELD_PUBLIC] = 0, [CH_FIELD_TEXT] = 0, [CH_FIELD_PERSONAL] = 0};
    if (!pairs_of(data, &at)) {
        return CH_INVALID;
    }
    size_t public_at = ch_mp_begin_map(out_public);
    member text = begin_member(secret, "text");
    while (next_pair(&at)) {
        ch_field_class class = class_of(of, at.key);
        if (class != CH_FIELD_PERSONAL) {
            put_pair(class == CH_FIELD_PUBLIC ? out_public : secret, &at);
        }
        counts[class]++;
    }
    ch_mp_end_map(out_public, public_at, counts[CH_FIELD_PUBLIC]);
    *members += end_member(secret, &text, counts[CH_FIELD_TEXT]);
    if (counts[CH_FIELD_PERSONAL] > 0) {
        *members += put_personal(secret, of, data);
    }
    return at.left == 0 ? CH_OK : CH_INVALID;
}

ch_status ch_schema_split(const ch_schema *schema, const ch_event *event, ch_buf *out_public,
                          ch_buf *out_secret)
{
    const entries of = entries_of(schema, event);
    uint32_t members = 0;
    ch_status status = CH_OK;
    size_t secret_at = ch_mp_begin_map(out_secret);
    if (event->data.size > 0) {
        status = split_data(&of, event->data, out_public, out_secret, &members);
    }
    if (ch_mp_pairs(event->private_data) > 0) {
        ch_mp_put_text(out_secret, "private");
        ch_mp_put_raw(out_secret, event->private_data);
        members++;
    }
    if (event->raw.size > 0) {
        ch_mp_put_text(out_secret, "raw");
        ch_mp_put_bin(out_secret, event->raw);
        members++;
    }
    if (members == 0) {
        out_secret->size = secret_at;
    } else {
        ch_mp_end_map(out_secret, secret_at, members);
    }
    if (status != CH_OK) {
        return status;
    }
    return out_public->failed != CH_OK ? out_public->failed : out_secret->failed;
}

/* What of a secret the reader may have; absent members are CH_STR_NONE. */
typedef struct secret_parts {
    ch_str text, personal, private_data; /* each a whole encoded map */
    ch_str raw;                          /* the bytes of a bin */
} secret_parts;

static ch_str bytes_of(ch_str bin)
{
    ch_mp_reader reader = ch_mp_reader_of(bin);
    ch_mp_value value;
    return ch_mp_next(&reader, &value) && value.kind == CH_MP_BIN ? value.str : CH_STR_NONE;
}

static ch_status open_secret(ch_str secret, bool with_personal, secret_parts *out)
{
    pairs at;
    *out = (secret_parts){.text = CH_STR_NONE};
    if (!pairs_of(secret, &at)) {
        return CH_CORRUPT;
    }
    while (next_pair(&at)) {
        if (ch_str_is(at.key, "text")) {
            out->text = at.value;
        } else if (with_personal && ch_str_is(at.key, "personal")) {
            out->personal = at.value;
        } else if (with_personal && ch_str_is(at.key, "private")) {
            out->private_data = at.value;
        } else if (with_personal && ch_str_is(at.key, "raw")) {
            out->raw = bytes_of(at.value);
        }
    }
    return at.left == 0 ? CH_OK : CH_CORRUPT;
}

/* The body of a map: its pairs without the head. False: it is no map. */
static bool body_of(ch_str map, uint32_t *out_count, ch_str *out_body)
{
    pairs at;
    if (!pairs_of(map, &at)) {
        return false;
    }
    *out_count = at.left;
    *out_body = (ch_str){(const char *)at.reader.at, (size_t)(at.reader.end - at.reader.at)};
    return true;
}

/* "data" made of the public fields, then text, then personal ones. */
static ch_status put_data(ch_buf *out, ch_str public_data, const secret_parts *secret)
{
    const ch_str maps[] = {public_data, secret->text, secret->personal};
    ch_str bodies[sizeof maps / sizeof *maps];
    uint32_t total = 0;
    for (size_t i = 0; i < sizeof maps / sizeof *maps; i++) {
        uint32_t count;
        if (!body_of(maps[i], &count, &bodies[i])) {
            return CH_CORRUPT;
        }
        total += count;
    }
    ch_mp_put_text(out, "data");
    ch_mp_put_map(out, total);
    for (size_t i = 0; i < sizeof maps / sizeof *maps; i++) {
        ch_buf_append_str(out, bodies[i]);
    }
    return CH_OK;
}

static ch_status join(ch_buf *out, const ch_event *stored, const secret_parts *secret)
{
    ch_event open = *stored;
    bool has_data = open.data.size > 0 || secret->text.size > 0 || secret->personal.size > 0;
    open.data = CH_STR_NONE;
    open.private_data = secret->private_data;
    open.raw = secret->raw;
    ch_event_encode_with(out, &open, has_data);
    return has_data ? put_data(out, stored->data, secret) : CH_OK;
}

ch_status ch_schema_join(ch_buf *out_encoded, const ch_event *stored, ch_str secret, bool with_personal)
{
    secret_parts parts;
    size_t before = out_encoded->size;
    ch_status status = open_secret(secret, with_personal, &parts);
    if (status == CH_OK) {
        status = join(out_encoded, stored, &parts);
    }
    if (status != CH_OK) {
        out_encoded->size = before;
        return status;
    }
    return out_encoded->failed;
}
