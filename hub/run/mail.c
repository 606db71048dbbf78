#include "hub/run/mail.h"

#include <stdio.h>
#include <stdlib.h>

#define WORK_ARENA_LIMIT ((size_t)16 * 1024 * 1024)
#define ANSWER_LIMIT ((size_t)1024 * 1024)
#define HUB_EVENT_LIMIT ((size_t)256 * 1024)

static void *new_mail(size_t size, ch_mail_kind kind)
{
    ch_mail *mail = calloc(1, size);
    if (mail != NULL) {
        mail->kind = kind;
    }
    return mail;
}

static size_t size_of(ch_mail_kind kind)
{
    switch (kind) {
    case CH_MAIL_WORK: return sizeof(ch_work);
    case CH_MAIL_TASK: return sizeof(ch_task);
    case CH_MAIL_PARCEL: return sizeof(ch_parcel);
    case CH_MAIL_GRANT: return sizeof(ch_grant_mail);
    case CH_MAIL_REDELIVER: return sizeof(ch_redeliver_mail);
    case CH_MAIL_RULES: return sizeof(ch_rules_mail);
    case CH_MAIL_STOP: return sizeof(ch_mail);
    }
    return 0;
}

ch_mail *ch_mail_new(ch_mail_kind kind)
{
    return new_mail(size_of(kind), kind);
}

static void free_work(ch_work *work)
{
    ch_actor_unref(work->actor);
    ch_frame_free(work->header);
    ch_frame_free(work->body);
    ch_buf_done(&work->answer);
    ch_arena_done(&work->arena);
}

static void free_task(ch_task *task)
{
    ch_actor_unref(task->actor);
    ch_frame_free(task->header);
}

static void free_parcel(ch_parcel *parcel)
{
    ch_buf_done(&parcel->header);
    ch_buf_done(&parcel->body);
}

void ch_mail_free(ch_mail *mail)
{
    if (mail == NULL) {
        return;
    }
    switch (mail->kind) {
    case CH_MAIL_WORK: free_work((ch_work *)mail); break;
    case CH_MAIL_TASK: free_task((ch_task *)mail); break;
    case CH_MAIL_PARCEL: free_parcel((ch_parcel *)mail); break;
    case CH_MAIL_RULES: ch_rules_unref(((ch_rules_mail *)mail)->rules); break;
    case CH_MAIL_GRANT:
    case CH_MAIL_REDELIVER:
    case CH_MAIL_STOP: break;
    }
    free(mail);
}

ch_status ch_work_new(ch_work **out_work, size_t count)
{
    ch_work *work = new_mail(sizeof *work, CH_MAIL_WORK);
    if (work == NULL) {
        return CH_NO_MEMORY;
    }
    ch_arena_init(&work->arena, WORK_ARENA_LIMIT);
    ch_buf_init(&work->answer, ANSWER_LIMIT);
    work->count = count;
    if (count > 0) {
        work->items = ch_arena_alloc(&work->arena, count * sizeof *work->items);
        if (work->items == NULL) {
            ch_mail_free(&work->mail);
            return CH_NO_MEMORY;
        }
    }
    *out_work = work;
    return CH_OK;
}

ch_status ch_work_item_fingerprint(ch_work_item *item, ch_buf *room)
{
    ch_buf_clear(room);
    ch_status status = ch_event_canonical(room, &item->event);
    if (status == CH_OK) {
        ch_fingerprint(item->fingerprint, ch_buf_str(room));
    }
    return status;
}

static ch_status encode_into(ch_work *work, const ch_event *event, ch_error *error)
{
    ch_buf encoded;
    ch_buf_init(&encoded, HUB_EVENT_LIMIT);
    ch_event_encode(&encoded, event);
    ch_status status = encoded.failed;
    if (status == CH_OK) {
        work->items[0].encoded = ch_arena_str(&work->arena, ch_buf_str(&encoded));
        status = work->items[0].encoded.at == NULL ? CH_NO_MEMORY : CH_OK;
    }
    if (status != CH_OK) {
        ch_buf_done(&encoded);
        return ch_error_set(error, status, "hub event", "cannot be encoded");
    }
    status = ch_event_decode(work->items[0].encoded, CH_EVENT_PRODUCED, &work->items[0].event, error);
    if (status == CH_OK && ch_work_item_fingerprint(&work->items[0], &encoded) != CH_OK) {
        status = ch_error_set(error, CH_NO_MEMORY, "hub event", "no memory");
    }
    ch_buf_done(&encoded);
    return status;
}

ch_status ch_work_of_hub(ch_work **out_work, const ch_event *event, ch_error *error)
{
    ch_work *work;
    ch_status status = ch_work_new(&work, 1);
    if (status != CH_OK) {
        return ch_error_set(error, status, "hub event", "no memory");
    }
    status = encode_into(work, event, error);
    if (status != CH_OK) {
        ch_mail_free(&work->mail);
        return status;
    }
    *out_work = work;
    return CH_OK;
}

ch_status ch_work_of_thing(ch_work **out_work, const ch_work_about *about, ch_error *error)
{
    char source[4 + CH_CODE_MAX + 1];
    ch_buf data;
    snprintf(source, sizeof source, "hub/%s", about->hub_code);
    ch_buf_init(&data, 1024);
    ch_mp_put_map(&data, 1);
    ch_mp_put_text(&data, about->key);
    ch_mp_put_text(&data, about->thing);
    const ch_event event = {.id = ch_str_of(about->event_id),
                            .source = ch_str_of(source),
                            .type = ch_str_of(about->type),
                            .time_ms = about->time_ms,
                            .subject = ch_str_of(about->case_id),
                            .data = ch_buf_str(&data),
                            .expected_version = -1};
    ch_status status = data.failed == CH_OK ? ch_work_of_hub(out_work, &event, error)
                                            : ch_error_set(error, data.failed, "hub event", "no memory");
    ch_buf_done(&data);
    return status;
}

ch_status ch_task_new(ch_task **out_task, ch_task_kind kind, ch_session_id session, ch_actor *actor)
{
    ch_task *task = new_mail(sizeof *task, CH_MAIL_TASK);
    if (task == NULL) {
        return CH_NO_MEMORY;
    }
    task->kind = kind;
    task->session = session;
    task->actor = actor == NULL ? NULL : ch_actor_ref(actor);
    *out_task = task;
    return CH_OK;
}

ch_status ch_parcel_new(ch_parcel **out_parcel, ch_session_id session)
{
    ch_parcel *parcel = new_mail(sizeof *parcel, CH_MAIL_PARCEL);
    if (parcel == NULL) {
        return CH_NO_MEMORY;
    }
    parcel->session = session;
    ch_buf_init(&parcel->header, CH_CHP_HEADER_MAX);
    ch_buf_init(&parcel->body, CH_CHP_BODY_MAX);
    *out_parcel = parcel;
    return CH_OK;
}
