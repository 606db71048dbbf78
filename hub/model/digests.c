/* What a case.opened said, remembered as keyed hashes, so that saying it again can be told from a change. */
#include "hub/model/judgement.h"

#define PRIVATE_PREFIX "private."

typedef struct compared {
    ch_str field, bytes; /* "title" or "private.phone"; the encoded value */
    uint8_t digest[8];
} compared;

typedef struct comparison {
    compared fields[CH_DIGESTS_MAX];
    size_t count;
} comparison;

/* One of data may not have the name of one of private: no two have the same. */
static ch_status field_name(ch_judgement *judgement, const char *prefix, ch_str key, ch_str *out_name)
{
    char name[CH_CODE_MAX + 1];
    size_t before = strlen(prefix);
    if (before == 0 && ch_str_starts(key, CH_STR(PRIVATE_PREFIX))) {
        return ch_error_set(judgement->error, CH_INVALID, "data",
                            "field %.*s: its name would be that of a field of private", CH_STR_ARG(key));
    }
    if (before + key.size > CH_CODE_MAX) {
        return ch_error_set(judgement->error, CH_TOO_LARGE, "data",
                            "field %.*s: its name is longer than %d bytes", CH_STR_ARG(key), CH_CODE_MAX);
    }
    memcpy(name, prefix, before);
    memcpy(name + before, key.at, key.size);
    return ch_judge_keep(judgement, (ch_str){name, before + key.size}, out_name);
}

static ch_status add_field(ch_judgement *judgement, comparison *to, const char *prefix, ch_str key,
                           ch_str bytes)
{
    ch_buf *canonical = &judgement->decision->work;
    if (to->count == CH_DIGESTS_MAX) {
        return ch_error_set(judgement->error, CH_TOO_LARGE, "data",
                            "%.*s has more than %d fields in data and private: put some into one map",
                            CH_STR_ARG(judgement->cause->type), CH_DIGESTS_MAX);
    }
    compared *field = &to->fields[to->count];
    ch_status status = field_name(judgement, prefix, key, &field->field);
    if (status != CH_OK) {
        return status;
    }
    ch_buf_clear(canonical);
    status = ch_mp_canonical(canonical, bytes);
    if (status == CH_OK) {
        status = judgement->view->digest(judgement->view->context, judgement->number, ch_buf_str(canonical),
                                         field->digest);
    }
    if (status != CH_OK) {
        return ch_error_set(judgement->error, status, prefix, "field %.*s cannot be hashed: %s",
                            CH_STR_ARG(key), ch_status_text(status));
    }
    field->bytes = bytes;
    to->count++;
    return CH_OK;
}

/* nil says nothing: it equals absence. */
static ch_status add_fields(ch_judgement *judgement, comparison *to, const char *prefix, ch_str map)
{
    ch_mp_reader reader = ch_mp_reader_of(map);
    ch_mp_value key;
    ch_str bytes;
    uint32_t pairs = ch_mp_pairs(map);
    ch_status status = CH_OK;
    if (pairs == 0 || !ch_mp_next(&reader, &key)) {
        return CH_OK;
    }
    for (uint32_t i = 0; status == CH_OK && i < pairs; i++) {
        ch_mp_value value;
        if (!ch_mp_next(&reader, &key) || !ch_mp_skip(&reader, &bytes)) {
            break;
        }
        ch_mp_reader inner = ch_mp_reader_of(bytes);
        if (ch_mp_next(&inner, &value) && value.kind != CH_MP_NIL) {
            status = add_field(judgement, to, prefix, key.str, bytes);
        }
    }
    return status;
}

static ch_status compare_all(ch_judgement *judgement, comparison *to, const ch_event *event)
{
    to->count = 0;
    ch_status status = add_fields(judgement, to, "", event->data);
    return status == CH_OK ? add_fields(judgement, to, PRIVATE_PREFIX, event->private_data) : status;
}

static ch_status keep_work(ch_judgement *judgement, ch_str *out_map)
{
    ch_buf *out = &judgement->decision->work;
    if (out->failed != CH_OK) {
        return ch_error_set(judgement->error, out->failed, "data", "no room to complete the event");
    }
    return ch_judge_keep(judgement, ch_buf_str(out), out_map);
}

ch_status ch_judge_digests(ch_judgement *judgement, const ch_event *event, ch_str *out_digests)
{
    comparison all;
    ch_buf *out = &judgement->decision->work;
    ch_status status = compare_all(judgement, &all, event);
    if (status != CH_OK || all.count == 0) {
        return status;
    }
    ch_buf_clear(out);
    ch_mp_put_map(out, (uint32_t)all.count);
    for (size_t i = 0; i < all.count; i++) {
        ch_mp_put_str(out, all.fields[i].field);
        ch_mp_put_bin(out, (ch_str){(const char *)all.fields[i].digest, sizeof all.fields[i].digest});
    }
    return keep_work(judgement, out_digests);
}

static bool is_known(const ch_case *the_case, const compared *field)
{
    const ch_field_digest *digests = the_case->digests;
    for (size_t i = 0; digests != NULL && i < the_case->digest_count; i++) {
        if (ch_str_is(field->field, digests[i].field)) {
            return memcmp(field->digest, digests[i].digest, sizeof field->digest) == 0;
        }
    }
    return false;
}

/* The map of the new fields whose names begin with prefix ("" for those without one); absent when there are
 * none. */
static ch_status map_of_new(ch_judgement *judgement, const comparison *all, ch_str prefix, ch_str *out_map)
{
    ch_buf *out = &judgement->decision->work;
    ch_buf_clear(out);
    size_t begun = ch_mp_begin_map(out);
    uint32_t count = 0;
    for (size_t i = 0; i < all->count; i++) {
        const compared *field = &all->fields[i];
        bool is_private = ch_str_starts(field->field, CH_STR(PRIVATE_PREFIX));
        if (is_private != (prefix.size > 0) || is_known(judgement->scratch, field)) {
            continue;
        }
        ch_mp_put_str(out, (ch_str){field->field.at + prefix.size, field->field.size - prefix.size});
        ch_mp_put_raw(out, field->bytes);
        count++;
    }
    ch_mp_end_map(out, begun, count);
    *out_map = CH_STR_NONE;
    return count == 0 ? CH_OK : keep_work(judgement, out_map);
}

ch_status ch_judge_difference(ch_judgement *judgement, ch_event *event)
{
    comparison all;
    bool moved = event->area.size > 0 && !ch_str_is(event->area, judgement->scratch->area);
    ch_status status = compare_all(judgement, &all, event);
    if (status == CH_OK) {
        status = map_of_new(judgement, &all, CH_STR_NONE, &event->data);
    }
    if (status == CH_OK) {
        status = map_of_new(judgement, &all, CH_STR(PRIVATE_PREFIX), &event->private_data);
    }
    if (status == CH_ERASED) { /* what it said is not known any more, and is not to come back */
        event->data = event->private_data = CH_STR_NONE;
    } else if (status != CH_OK) {
        return status;
    }
    bool differs = moved || event->data.at != NULL || event->private_data.at != NULL;
    event->type = differs ? CH_STR("case.amended") : CH_STR("case.noted");
    if (!differs) {
        event->raw = CH_STR_NONE;
    }
    return CH_OK;
}
