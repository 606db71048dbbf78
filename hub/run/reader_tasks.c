/* What clients ask of the reader: subscriptions and what belongs to them. */
#include "hub/run/reader_inside.h"

#include "hub/base/diag.h"

#include <inttypes.h>
#include <stdio.h>

static void refuse(ch_reader *reader, const ch_task *task, const ch_error *error)
{
    ch_reader_error(reader, task->session, task->message.request, error, 0);
}

static void done(ch_reader *reader, const ch_task *task)
{
    const ch_chp_message message = {.verb = CH_CHP_DONE, .request = task->message.request};
    ch_reader_answer(reader, task->session, &message);
}

/* ---- positions */

/* Neither ever goes back along the log. */
static int64_t time_of(const ch_record *record)
{
    return record->recorded_ms;
}

static int64_t epoch_of(const ch_record *record)
{
    return record->epoch;
}

/* The first sequence whose record has at least that much, by halving; behind the last: none has. */
static ch_status find_first(ch_reader *reader, int64_t (*of)(const ch_record *), int64_t least,
                            uint64_t *out_next, ch_error *error)
{
    uint64_t low = 1, high = reader->last + 1;
    ch_status status = CH_OK;
    while (low < high && status == CH_OK) {
        ch_record record;
        uint64_t middle = low + (high - low) / 2;
        status = ch_log_reader_seek(reader->log, middle, &record, error);
        if (status == CH_OK && of(&record) < least) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    *out_next = low;
    return status;
}

/* A position of an older epoch is good up to where the next one began: up to there both logs are the same. */
static ch_status in_epoch(ch_reader *reader, const ch_chp_from *from, const char *where, uint64_t *out_next,
                          ch_error *error)
{
    uint32_t present = reader->store->epoch;
    uint32_t epoch = from->epoch == 0 ? present : from->epoch;
    uint64_t sequence = from->value < 1 ? 1 : (uint64_t)from->value, most = reader->last + 1;
    ch_status status =
        epoch < present ? find_first(reader, epoch_of, (int64_t)epoch + 1, &most, error) : CH_OK;
    *out_next = most;
    if (status != CH_OK) {
        return status;
    }
    if (epoch < present && sequence > most) {
        return ch_error_set(error, CH_DIVERGED, where,
                            "the log was restored: epoch %" PRIu32 " ended before %" PRIu64, epoch, most);
    }
    if (epoch > present || sequence > most) {
        return ch_error_set(error, CH_DIVERGED, where, "the log ends at %" PRIu64 " of epoch %" PRIu32,
                            reader->last, present);
    }
    *out_next = sequence;
    return CH_OK;
}

ch_status ch_reader_position(ch_reader *reader, const ch_chp_from *from, const char *where,
                             uint64_t *out_next, ch_error *error)
{
    ch_status status = ch_reader_look(reader, error);
    if (status != CH_OK) {
        return status;
    }
    switch (from->kind) {
    case CH_FROM_NEW: *out_next = reader->last + 1; return CH_OK;
    case CH_FROM_ALL: *out_next = 1; return CH_OK;
    case CH_FROM_TIME: return find_first(reader, time_of, from->value, out_next, error);
    case CH_FROM_SEQUENCE: break;
    }
    return in_epoch(reader, from, where, out_next, error);
}

static void refuse_position(ch_reader *reader, const ch_task *task, const ch_error *error, uint64_t next)
{
    ch_reader_error(reader, task->session, task->message.request, error,
                    error->status == CH_DIVERGED ? (int64_t)next : 0);
}

/* ---- SUBSCRIBE */

void ch_reader_report_subscription(ch_reader *reader, const ch_subscription *subscription, const char *action,
                                   const char *actor)
{
    char id[CH_ID_MAX + 1];
    ch_buf *data = &reader->work;
    snprintf(id, sizeof id, "subscription/%s/%s/%" PRIi64 "/%" PRIu64, subscription->name, action,
             ch_clock_wall_ms(reader->hub->options.clock), subscription->next);
    ch_buf_clear(data);
    ch_mp_put_map(data, 5);
    ch_mp_put_text(data, "name");
    ch_mp_put_text(data, subscription->name);
    ch_mp_put_text(data, "action");
    ch_mp_put_text(data, action);
    ch_mp_put_text(data, "patterns");
    ch_mp_put_array(data, (uint32_t)subscription->pattern_count);
    for (size_t i = 0; i < subscription->pattern_count; i++) {
        ch_mp_put_text(data, subscription->patterns[i]);
    }
    ch_mp_put_text(data, "position");
    ch_mp_put_uint(data, subscription->next);
    ch_mp_put_text(data, "reason");
    ch_mp_put_text(data, actor);
    ch_reader_report(reader, "hub.subscription", id, CH_STR_NONE, ch_buf_str(data));
}

/* All of it or nothing. */
static ch_status take_settings(const ch_reader *reader, const ch_task *task, ch_subscription *subscription)
{
    const ch_chp_subscribe *asked = &task->message.subscribe;
    const ch_hub_options *options = &reader->hub->options;
    ch_status status = ch_subscription_set_patterns(subscription, asked->patterns, asked->pattern_count);
    if (status != CH_OK) {
        return status;
    }
    ch_actor *actor = ch_actor_ref(task->actor);
    ch_actor_unref(subscription->actor);
    subscription->actor = actor;
    subscription->session = task->session;
    subscription->number = asked->subscription;
    subscription->involved = asked->involved;
    subscription->no_ack = asked->no_ack && !subscription->durable;
    subscription->test_mode = asked->test_mode;
    subscription->credit = asked->credit < options->credit_most ? asked->credit : options->credit_most;
    subscription->ack_timeout_ms =
        asked->ack_timeout_ms > 0 ? asked->ack_timeout_ms : options->ack_timeout_ms;
    subscription->deliveries_most = asked->deliveries_most < 0   ? INT64_MAX
                                    : asked->deliveries_most > 0 ? asked->deliveries_most
                                                                 : options->deliveries_most;
    ch_reader_set_defaults(reader, subscription);
    subscription->changed = true;
    return CH_OK;
}

static void welcome(ch_reader *reader, const ch_task *task, const ch_subscription *subscription, bool existed)
{
    const ch_chp_message message = {.verb = CH_CHP_SUBSCRIBED,
                                    .request = task->message.request,
                                    .subscribed = {.subscription = subscription->number,
                                                   .sequence = (int64_t)subscription->next,
                                                   .epoch = reader->store->epoch,
                                                   .existed = existed}};
    ch_reader_answer(reader, task->session, &message);
}

/* The one who subscribed last has it: an older session may be dead without anybody knowing yet. */
static void take_over(ch_reader *reader, ch_subscription *subscription)
{
    ch_error error;
    if (subscription->session == 0) {
        return;
    }
    ch_error_set(&error, CH_CONFLICT, "SUBSCRIBE.name", "%s", subscription->name);
    ch_reader_error(reader, subscription->session, 0, &error, 0);
    ch_subscription_detach(subscription);
}

/* Of a cursor that came from another store than this log: it may lie beyond what the log holds. *out_next as in
 * ch_reader_position. */
static ch_status check_cursor(ch_reader *reader, const ch_subscription *subscription, uint64_t *out_next,
                              ch_error *error)
{
    const ch_chp_from at = {
        .kind = CH_FROM_SEQUENCE, .value = (int64_t)subscription->next, .epoch = subscription->epoch};
    return ch_reader_position(reader, &at, "SUBSCRIBE.name", out_next, error);
}

static ch_status resume(ch_reader *reader, const ch_task *task, ch_subscription *subscription,
                        uint64_t *out_next, ch_error *error)
{
    if (strcmp(subscription->owner, task->actor->grant.name) != 0) {
        return ch_error_set(error, CH_DENIED, "SUBSCRIBE.name", "it belongs to another client");
    }
    ch_status status = check_cursor(reader, subscription, out_next, error);
    if (status != CH_OK) {
        return status;
    }
    take_over(reader, subscription);
    status = take_settings(reader, task, subscription);
    if (status == CH_OK) {
        subscription->epoch = reader->store->epoch;
        welcome(reader, task, subscription, true);
    }
    return status == CH_OK ? CH_OK : ch_error_set(error, status, "SUBSCRIBE", "out of memory");
}

static ch_status begin(ch_reader *reader, const ch_task *task, ch_subscription *subscription, uint64_t next,
                       ch_error *error)
{
    const ch_chp_subscribe *asked = &task->message.subscribe;
    ch_subscription_move(subscription, reader->store->epoch, next);
    subscription->durable = asked->name.at != NULL;
    memcpy(subscription->owner, task->actor->grant.name, sizeof subscription->owner);
    ch_status status = subscription->durable
                           ? ch_str_copy(subscription->name, sizeof subscription->name, asked->name)
                           : CH_OK;
    if (status == CH_OK) {
        status = take_settings(reader, task, subscription);
    }
    return status == CH_OK ? CH_OK : ch_error_set(error, status, "SUBSCRIBE", "%s", ch_status_text(status));
}

static ch_status make(ch_reader *reader, const ch_task *task, uint64_t next, ch_error *error)
{
    ch_subscription *subscription;
    ch_status status = ch_subscription_new(&subscription);
    if (status != CH_OK) {
        return ch_error_set(error, status, "SUBSCRIBE", "out of memory");
    }
    status = begin(reader, task, subscription, next, error);
    if (status == CH_OK) {
        status = ch_reader_add(reader, subscription);
        ch_error_set(error, status, "SUBSCRIBE", "%s",
                     status == CH_FULL ? "the hub has its most subscriptions" : ch_status_text(status));
    }
    if (status != CH_OK) {
        ch_subscription_free(subscription);
        return status;
    }
    /* It must not miss anything from now on, whatever happens. */
    status = subscription->durable ? ch_reader_write_cursor(reader, subscription, error) : CH_OK;
    if (status != CH_OK) {
        ch_reader_remove(reader, subscription);
        return status;
    }
    welcome(reader, task, subscription, false);
    if (subscription->durable) {
        ch_reader_report_subscription(reader, subscription, "created", task->actor->grant.name);
    }
    return CH_OK;
}

static void subscribe(ch_reader *reader, const ch_task *task)
{
    const ch_chp_subscribe *asked = &task->message.subscribe;
    ch_error error;
    uint64_t next = 0;
    ch_status status = CH_OK;
    ch_subscription *known = asked->name.at == NULL ? NULL : ch_reader_find_durable(reader, asked->name);
    if (ch_reader_find(reader, task->session, asked->subscription) != NULL) {
        status = ch_error_set(&error, CH_CONFLICT, "SUBSCRIBE.subscription", "%lld is taken in this session",
                              (long long)asked->subscription);
    } else if (known != NULL) {
        status = resume(reader, task, known, &next, &error);
    } else {
        status = ch_reader_position(reader, &asked->from, "SUBSCRIBE.from", &next, &error);
        if (status == CH_OK) {
            status = make(reader, task, next, &error);
        }
    }
    if (status != CH_OK) {
        refuse_position(reader, task, &error, next);
    }
}

/* ---- the others */

static ch_subscription *find(ch_reader *reader, const ch_task *task, int64_t number, const char *where)
{
    ch_error error;
    ch_subscription *subscription = ch_reader_find(reader, task->session, number);
    if (subscription == NULL) {
        ch_error_set(&error, CH_NOT_FOUND, where, "there is no subscription %lld in this session",
                     (long long)number);
        refuse(reader, task, &error);
    }
    return subscription;
}

static void see_acknowledged(void *context, const ch_pending *event)
{
    ch_reader_acknowledge(context, event);
}

static void acknowledge(ch_reader *reader, const ch_task *task)
{
    const ch_chp_ack *ack = &task->message.ack;
    ch_mp_value head, value;
    ch_pending event;
    ch_subscription *subscription = find(reader, task, ack->subscription, "ACK.subscription");
    if (subscription == NULL) {
        return;
    }
    if (ack->upto > 0) {
        ch_subscription_ack_upto(subscription, (uint64_t)ack->upto, see_acknowledged, reader);
    }
    ch_mp_reader singles = ch_mp_reader_of(ack->singles);
    if (ack->singles.at == NULL || !ch_mp_next(&singles, &head)) {
        return;
    }
    for (uint32_t i = 0; i < head.count && ch_mp_next(&singles, &value); i++) {
        if (ch_subscription_ack(subscription, (uint64_t)value.integer, &event) == CH_OK) {
            ch_reader_acknowledge(reader, &event);
        }
    }
}

static void fail(ch_reader *reader, const ch_task *task)
{
    const ch_chp_nak *nak = &task->message.nak;
    char reason[CH_CODE_MAX + 1] = "not-acknowledged";
    ch_subscription *subscription = find(reader, task, nak->subscription, "NAK.subscription");
    if (subscription == NULL) {
        return;
    }
    if (nak->reason.at != NULL && ch_str_copy(reason, sizeof reason, nak->reason) != CH_OK) {
        reason[0] = '\0';
    }
    const ch_failure failure = {.delay_ms = nak->delay_ms,
                                .code = reason,
                                .final = nak->final,
                                .text = nak->text,
                                .where = nak->where};
    ch_reader_fail(reader, subscription, (uint64_t)nak->sequence, &failure);
}

static void give_credit(ch_reader *reader, const ch_task *task)
{
    const ch_chp_credit *credit = &task->message.credit;
    ch_subscription *subscription = find(reader, task, credit->subscription, "CREDIT.subscription");
    if (subscription != NULL) {
        int64_t most = reader->hub->options.credit_most, sum = subscription->credit + credit->count;
        subscription->credit = sum < most ? sum : most;
    }
}

static void unsubscribe(ch_reader *reader, const ch_task *task)
{
    ch_subscription *subscription =
        find(reader, task, task->message.unsubscribe.subscription, "UNSUBSCRIBE.subscription");
    if (subscription == NULL) {
        return;
    }
    if (subscription->durable) {
        ch_subscription_detach(subscription);
    } else {
        ch_reader_remove(reader, subscription);
    }
    done(reader, task);
}

static bool may_manage(const ch_task *task, const ch_subscription *subscription)
{
    return task->actor->grant.role == CH_ROLE_OPERATOR ||
           strcmp(task->actor->grant.name, subscription->owner) == 0;
}

static void seek(ch_reader *reader, const ch_task *task)
{
    const ch_chp_seek *asked = &task->message.seek;
    ch_error error;
    uint64_t next = 0;
    ch_status status;
    ch_subscription *subscription = ch_reader_find_durable(reader, asked->name);
    if (subscription == NULL) {
        status = ch_error_set(&error, CH_NOT_FOUND, "SEEK.name", "there is no subscription %.*s",
                              CH_STR_ARG(asked->name));
    } else if (!may_manage(task, subscription)) {
        status = ch_error_set(&error, CH_DENIED, "SEEK.name", "it belongs to another client");
    } else {
        status = ch_reader_position(reader, &asked->from, "SEEK.from", &next, &error);
    }
    if (status == CH_OK) {
        ch_subscription_move(subscription, reader->store->epoch, next);
        status = ch_reader_write_cursor(reader, subscription, &error);
    }
    if (status != CH_OK) {
        refuse_position(reader, task, &error, next);
        return;
    }
    ch_reader_report_subscription(reader, subscription, "moved", task->actor->grant.name);
    done(reader, task);
}

/* ---- sessions */

static void forget_session(ch_reader *reader, ch_session_id session)
{
    for (size_t i = reader->subscription_count; i > 0; i--) {
        ch_subscription *subscription = reader->subscriptions[i - 1];
        if (subscription->session != session) {
            continue;
        }
        if (subscription->durable) {
            ch_subscription_detach(subscription);
        } else {
            ch_reader_remove(reader, subscription);
        }
    }
}

static void change_actor(ch_reader *reader, const ch_task *task)
{
    for (size_t i = 0; i < reader->subscription_count; i++) {
        ch_subscription *subscription = reader->subscriptions[i];
        if (subscription->session == task->session) {
            ch_actor_unref(subscription->actor);
            subscription->actor = ch_actor_ref(task->actor);
        }
    }
}

static void block(ch_reader *reader, ch_session_id session, bool blocked)
{
    for (size_t i = 0; i < reader->subscription_count; i++) {
        if (reader->subscriptions[i]->session == session) {
            reader->subscriptions[i]->blocked = blocked;
        }
    }
}

/* Nobody looks at a case without a record of it. */
static bool is_audited(ch_reader *reader, const ch_task *task)
{
    ch_error error;
    ch_status status = ch_reader_audit(reader, task, &error);
    if (status == CH_OK) {
        return true;
    }
    ch_reader_error(reader, task->session, task->message.request, &error, 0);
    if (status == CH_IO || status == CH_CORRUPT) {
        ch_hub_fail(reader->hub, "audit", &error);
    }
    return false;
}

/* True: the task was kept. */
static bool hear_message(ch_reader *reader, ch_task *task)
{
    if (!is_audited(reader, task)) {
        return false;
    }
    switch (task->message.verb) {
    case CH_CHP_SUBSCRIBE: subscribe(reader, task); break;
    case CH_CHP_ACK: acknowledge(reader, task); break;
    case CH_CHP_NAK: fail(reader, task); break;
    case CH_CHP_CREDIT: give_credit(reader, task); break;
    case CH_CHP_SEEK: seek(reader, task); break;
    case CH_CHP_UNSUBSCRIBE: unsubscribe(reader, task); break;
    case CH_CHP_READ:
    case CH_CHP_QUERY: ch_reader_ask(reader, task); return true;
    case CH_CHP_NONE:
    case CH_CHP_HELLO:
    case CH_CHP_WELCOME:
    case CH_CHP_PUBLISH:
    case CH_CHP_PUBLISHED:
    case CH_CHP_SUBSCRIBED:
    case CH_CHP_EVENTS:
    case CH_CHP_RESULT:
    case CH_CHP_PING:
    case CH_CHP_PONG:
    case CH_CHP_ERROR:
    case CH_CHP_DONE: break;
    }
    return false;
}

void ch_reader_hear(ch_reader *reader, ch_task *task)
{
    bool kept = false;
    switch (task->kind) {
    case CH_TASK_MESSAGE: kept = hear_message(reader, task); break;
    case CH_TASK_GONE: forget_session(reader, task->session); break;
    case CH_TASK_ACTOR: change_actor(reader, task); break;
    case CH_TASK_FULL: block(reader, task->session, true); break;
    case CH_TASK_ROOM: block(reader, task->session, false); break;
    }
    if (!kept) {
        ch_mail_free(&task->mail);
    }
}
