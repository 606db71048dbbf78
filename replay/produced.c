#include "replay/produced.h"

#include "hub/base/array.h"
#include "hub/model/topic.h"

#include <inttypes.h>
#include <stdio.h>

/* Of data: fields that the hub added to events of that type. */
static const struct {
    const char *type, *field;
} by_hub[] = {
    {"handoff.offered", "handoff"}, {"handoff.offered", "previous"}, {"handoff.offered", "group"},
    {"handoff.offered", "next"},    {"handoff.offered", "keeper"},   {"handoff.offered", "from"},
    {"case.noted", "reported"},     {"case.noted", "merged"},        {"case.linked", "depth"},
    {"case.unlinked", "depth"},     {"case.split", "into"},          {"case.split", "origin"},
};

/* Of data: fields that hold ids. */
static const struct {
    const char *type, *field;
} ids[] = {{"case.merged", "into"}, {"case.linked", "other"}, {"case.unlinked", "other"}};

typedef struct writing {
    const ch_event *recorded;
    const ch_production *how;
    bool of_many; /* an offer to several */
    ch_buf *out;
    ch_error *error;
} writing;

bool ch_produced_is_one(const ch_event *recorded)
{
    return !ch_str_is(ch_topic_system_of(recorded->source), "hub") &&
           (ch_str_starts(recorded->type, CH_STR("case.")) ||
            ch_str_starts(recorded->type, CH_STR("handoff.")));
}

bool ch_produced_is_of_two(const ch_event *recorded)
{
    for (size_t i = 0; i < CH_COUNT_OF(ids); i++) {
        if (ch_str_is(recorded->type, ids[i].type)) {
            return true;
        }
    }
    return ch_str_is(recorded->type, "case.split");
}

bool ch_produced_is_group(const ch_event *recorded)
{
    return ch_str_is(recorded->type, "handoff.offered") && ch_mp_find_str(recorded->data, "group").size > 0;
}

bool ch_produced_is_member(const ch_event *recorded, const ch_event *derived)
{
    return ch_str_is(derived->type, "handoff.offered") && ch_str_equal(derived->subject, recorded->subject) &&
           ch_str_equal(derived->causation_id, recorded->id) &&
           ch_str_equal(ch_mp_find_str(derived->data, "group"), ch_mp_find_str(recorded->data, "group"));
}

ch_str ch_produced_part(const ch_event *recorded)
{
    ch_mp_value head, first;
    ch_str list;
    if (!ch_str_is(recorded->type, "case.split") || !ch_mp_find(recorded->data, "into", &head, &list) ||
        head.kind != CH_MP_ARRAY) {
        return CH_STR("");
    }
    ch_mp_reader reader = ch_mp_reader_of(list);
    return ch_mp_next(&reader, &head) && ch_mp_next(&reader, &first) && first.kind == CH_MP_STR ? first.str
                                                                                                : CH_STR("");
}

/* ---- ids */

static ch_status case_id(const writing *w, ch_str id, char out_id[CH_CASE_ID_SIZE])
{
    if (w->how->case_id != NULL) {
        return w->how->case_id(w->how->context, id, out_id, w->error);
    }
    return ch_str_copy(out_id, CH_CASE_ID_SIZE, id);
}

/* Of a case, or of one of its handoffs. What is no id stays as it is. */
static ch_status put_id(const writing *w, ch_str id)
{
    char of_case[CH_CASE_ID_SIZE], text[CH_HANDOFF_ID_SIZE];
    ch_str owner = id;
    uint32_t index = 0;
    uint64_t number;
    if (ch_handoff_id_split(id, &owner, &index) != CH_OK && ch_case_id_number(id, &number) != CH_OK) {
        ch_mp_put_str(w->out, id);
        return CH_OK;
    }
    ch_status status = case_id(w, owner, of_case);
    if (status == CH_OK) {
        snprintf(text, sizeof text, index == 0 ? "%s" : "%s/h%" PRIu32, of_case, index);
        ch_mp_put_text(w->out, text);
    }
    return status;
}

/* ---- data */

static bool is_by_hub(const writing *w, ch_str field)
{
    for (size_t i = 0; i < CH_COUNT_OF(by_hub); i++) {
        if (ch_str_is(w->recorded->type, by_hub[i].type) && ch_str_is(field, by_hub[i].field)) {
            return true;
        }
    }
    if (w->of_many && ch_str_is(field, "need")) { /* said of a parallel group only; of others it follows */
        return !ch_str_is(ch_mp_find_str(w->recorded->data, "form"), "parallel");
    }
    return w->of_many && ch_str_is(field, "party");
}

static bool is_id(const writing *w, ch_str field)
{
    for (size_t i = 0; i < CH_COUNT_OF(ids); i++) {
        if (ch_str_is(w->recorded->type, ids[i].type) && ch_str_is(field, ids[i].field)) {
            return true;
        }
    }
    return ch_str_starts(w->recorded->type, CH_STR("handoff.")) && ch_str_is(field, "handoff");
}

/* A sequence says whom it tries next; of other groups the derived events told it. */
static void put_parties(const writing *w)
{
    ch_mp_value head, value;
    ch_str next;
    ch_mp_put_text(w->out, "parties");
    if (w->how->parties.at != NULL) {
        ch_mp_put_raw(w->out, w->how->parties);
        return;
    }
    size_t begun = ch_mp_begin_array(w->out);
    uint32_t count = 1;
    ch_mp_put_str(w->out, ch_mp_find_str(w->recorded->data, "party"));
    if (ch_mp_find(w->recorded->data, "next", &head, &next) && head.kind == CH_MP_ARRAY) {
        ch_mp_reader reader = ch_mp_reader_of(next);
        (void)ch_mp_next(&reader, &head);
        for (; ch_mp_next(&reader, &value) && value.kind == CH_MP_STR; count++) {
            ch_mp_put_str(w->out, value.str);
        }
    }
    ch_mp_end_array(w->out, begun, count);
}

/* What is left of data; *out_count: its fields. */
static ch_status put_data(const writing *w, uint32_t *out_count)
{
    ch_mp_reader reader = ch_mp_reader_of(w->recorded->data);
    ch_mp_value head, key, value;
    ch_status status = CH_OK;
    size_t begun = ch_mp_begin_map(w->out);
    uint32_t count = w->of_many;
    if (w->recorded->data.at == NULL || !ch_mp_next(&reader, &head)) {
        head.count = 0;
    }
    for (uint32_t i = 0; i < head.count && status == CH_OK && ch_mp_next(&reader, &key); i++) {
        ch_mp_reader ahead = reader;
        ch_str whole;
        if (!ch_mp_next(&ahead, &value) || !ch_mp_skip(&reader, &whole)) {
            break;
        }
        if (is_by_hub(w, key.str)) {
            continue;
        }
        ch_mp_put_str(w->out, key.str);
        count++;
        if (is_id(w, key.str) && value.kind == CH_MP_STR) {
            status = put_id(w, value.str);
        } else {
            ch_mp_put_raw(w->out, whole);
        }
    }
    if (w->of_many) {
        put_parties(w);
    }
    ch_mp_end_map(w->out, begun, count);
    *out_count = count;
    return status;
}

/* ---- the event */

static void drop_what_the_hub_added(ch_event *event)
{
    event->expected_version = -1; /* versions count what the other hub derives, too */
    event->sequence = 0;
    event->epoch = 0;
    event->recorded_ms = 0;
    event->topic = event->actor = event->digests = event->sketch = CH_STR_NONE;
    event->case_version = event->cycle = 0;
    event->case_state = CH_CASE_NONE;
    event->anomalous = event->inferred = false;
}

/* A report about a merged case, which the hub kept as a note on the case that stands for it. */
static void undo_note(ch_event *event)
{
    ch_str reported = ch_mp_find_str(event->data, "reported");
    if (!ch_str_is(event->type, "case.noted") || reported.size == 0) {
        return;
    }
    event->subject = ch_mp_find_str(event->data, "merged");
    event->type = reported;
}

/* Who offers it stands in data.from, since a department need not say so; a player has to. */
static void undo_offer(ch_event *event)
{
    if (ch_str_is(event->type, "handoff.offered") && event->party.size == 0) {
        event->party = ch_mp_find_str(event->data, "from");
    }
}

static ch_status put_subject(const writing *w, ch_event *event, char room[CH_CASE_ID_SIZE])
{
    if (event->ref.size > 0 || ch_str_is(event->type, "case.opened")) {
        event->subject = CH_STR_NONE; /* the producer named the case by its ref, or began it */
        return CH_OK;
    }
    ch_status status = event->subject.size == 0 ? CH_OK : case_id(w, event->subject, room);
    if (status == CH_OK && event->subject.size > 0) {
        event->subject = ch_str_of(room);
    }
    return status;
}

ch_status ch_produced_encode(ch_buf *out, const ch_event *recorded, const ch_production *how, ch_error *error)
{
    char subject[CH_CASE_ID_SIZE];
    uint32_t fields = 0;
    ch_event event = *recorded;
    writing w = {.recorded = recorded, .how = how, .out = how->room, .error = error};
    w.of_many = ch_produced_is_group(recorded);
    ch_buf_clear(how->room);
    drop_what_the_hub_added(&event);
    undo_note(&event);
    undo_offer(&event);
    event.mapping = how->mark.at != NULL ? how->mark : event.mapping;
    event.test_mode = event.test_mode || how->drill;
    ch_status status = put_subject(&w, &event, subject);
    if (status == CH_OK) {
        status = put_data(&w, &fields);
    }
    if (status == CH_OK) {
        event.data = fields > 0 || event.data.at != NULL ? ch_buf_str(how->room) : CH_STR_NONE;
        ch_event_encode(out, &event);
        status = how->room->failed != CH_OK ? how->room->failed : out->failed;
        if (status != CH_OK) {
            ch_error_set(error, status, NULL, "no room for event %" PRIu64, recorded->sequence);
        }
    }
    return status;
}
