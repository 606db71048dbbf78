#include "hub/run/intake.h"

static ch_status check_checkpoint(const ch_actor *actor, const ch_chp_publish *publish, ch_error *error)
{
    if (publish->connector.at == NULL) {
        return publish->dead_letter == 0 ? CH_OK
                                         : ch_error_set(error, CH_INVALID, "PUBLISH.dead_letter",
                                                        "only a connector tries dead letters again");
    }
    if (actor->grant.role == CH_ROLE_CONNECTOR && ch_str_is(publish->connector, actor->grant.name)) {
        return CH_OK;
    }
    return ch_error_set(error, CH_DENIED, "PUBLISH.checkpoint.connector",
                        "a checkpoint is moved by the connector of that name alone");
}

static ch_status normalize(ch_work *work, const ch_rules *rules, ch_event *event, ch_buf *room,
                           ch_error *error)
{
    bool changed = false;
    ch_buf_clear(room);
    ch_status status = ch_schema_normalize(rules->schema, event, room, &changed, error);
    if (status == CH_OK && changed) {
        event->data = ch_arena_str(&work->arena, ch_buf_str(room));
        status = event->data.at == NULL ? CH_NO_MEMORY : CH_OK;
    }
    return status;
}

static ch_status check_event(ch_work *work, const ch_rules *rules, ch_event *event, ch_buf *room,
                             ch_error *error)
{
    ch_grant grant;
    ch_status status = ch_grant_may_publish(&work->actor->grant, event, error);
    if (status == CH_OK) {
        status = normalize(work, rules, event, room, error);
    }
    if (status == CH_OK) {
        status = ch_schema_check(rules->schema, event, false, error);
    }
    if (status == CH_OK && ch_str_is(event->type, "hub.grant")) {
        status = ch_grant_decode(event->data, &grant, error);
    }
    return status;
}

static ch_status read_items(ch_work *work, const ch_rules *rules, ch_mp_reader *reader, ch_error *error)
{
    ch_buf room;
    ch_status status = CH_OK;
    ch_buf_init(&room, CH_CHP_BODY_MAX);
    for (size_t i = 0; i < work->count && status == CH_OK; i++) {
        ch_error why;
        ch_work_item *item = &work->items[i];
        if (!ch_mp_skip(reader, &item->encoded)) {
            status = ch_error_set(error, CH_INVALID, "PUBLISH", "the body ends before its events do");
            break;
        }
        status = ch_event_decode(item->encoded, CH_EVENT_PRODUCED, &item->event, &why);
        if (status == CH_OK) {
            status = check_event(work, rules, &item->event, &room, &why);
        }
        if (status == CH_OK && ch_work_item_fingerprint(item, &room) != CH_OK) {
            status = CH_NO_MEMORY;
        }
        if (status != CH_OK && status != CH_NO_MEMORY) {
            item->refusal = ch_arena_alloc(&work->arena, sizeof why);
            status = item->refusal == NULL ? CH_NO_MEMORY : CH_OK;
            if (item->refusal != NULL) {
                *item->refusal = why;
            }
        }
    }
    ch_buf_done(&room);
    return status == CH_NO_MEMORY ? ch_error_set(error, status, "PUBLISH", "out of memory") : status;
}

static ch_status read_body(ch_work **out_work, const ch_chp_message *message, ch_frame *body,
                           ch_mp_reader *out_reader, ch_error *error)
{
    uint32_t count;
    ch_status status = ch_chp_body_check(ch_frame_str(body), CH_CHP_BATCH_MAX, &count, out_reader, error);
    if (status == CH_OK && count == 0 && message->publish.connector.at == NULL) {
        status = ch_error_set(error, CH_INVALID, "PUBLISH", "has no events and moves no checkpoint");
    }
    if (status == CH_OK && ch_work_new(out_work, count) != CH_OK) {
        status = ch_error_set(error, CH_NO_MEMORY, "PUBLISH", "out of memory");
    }
    return status;
}

ch_status ch_intake_read(ch_work **out_work, const ch_rules *rules, ch_actor *actor,
                         const ch_chp_message *message, ch_frame *header, ch_frame *body, ch_error *error)
{
    ch_work *work;
    ch_mp_reader reader;
    ch_status status = check_checkpoint(actor, &message->publish, error);
    if (status == CH_OK) {
        status = read_body(&work, message, body, &reader, error);
    }
    if (status != CH_OK) {
        ch_frame_free(header);
        ch_frame_free(body);
        return status;
    }
    work->request = message->request;
    work->publish = message->publish;
    work->actor = ch_actor_ref(actor);
    work->header = header;
    work->body = body;
    work->size_bytes = ch_frame_str(header).size + ch_frame_str(body).size;
    status = read_items(work, rules, &reader, error);
    work->memory_bytes = work->size_bytes + sizeof *work + work->arena.held;
    if (status != CH_OK) {
        ch_mail_free(&work->mail);
        return status;
    }
    *out_work = work;
    return CH_OK;
}
