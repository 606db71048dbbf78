#include "hub/client/subscribe.h"

#include <stdio.h>

#define RETRY_MS 1000

ch_subscription *ch_subscription_find(const casehub *hub, int64_t number)
{
    for (size_t i = 0; i < hub->subscription_count; i++) {
        if (hub->subscriptions[i]->wire.subscription == number) {
            return hub->subscriptions[i];
        }
    }
    return NULL;
}

int casehub_subscribe(casehub *hub, const casehub_subscription *wanted)
{
    ch_subscription *subscription;
    ch_error error;
    if (hub->session.state == CH_SESSION_DENIED) {
        return ch_client_fail_with(hub, &hub->session.lost);
    }
    if (hub->subscription_count == CH_SUBSCRIPTIONS_MAX) {
        return ch_client_fail(hub, CH_FULL, "subscriptions", "at most %d", CH_SUBSCRIPTIONS_MAX);
    }
    if (ch_subscription_new(&subscription, wanted, hub->subscription_numbers + 1, &error) != CH_OK) {
        return ch_client_fail_with(hub, &error);
    }
    hub->subscriptions[hub->subscription_count++] = subscription;
    ch_link_wake(hub->link);
    return ++hub->subscription_numbers;
}

/* Released when its last words are sent: this may be a callback of its own. */
int casehub_unsubscribe(casehub *hub, int number)
{
    ch_subscription *subscription = ch_subscription_find(hub, number);
    if (subscription == NULL || subscription->state == CH_SUBSCRIPTION_LEAVING) {
        return ch_client_fail(hub, CH_NOT_FOUND, "subscription", "there is no subscription %d", number);
    }
    bool known = subscription->state == CH_SUBSCRIPTION_ASKED || subscription->state == CH_SUBSCRIPTION_OPEN;
    subscription->state = CH_SUBSCRIPTION_LEAVING;
    subscription->request = known ? subscription->request : 0;
    ch_link_wake(hub->link);
    return 0;
}

static void remove_at(casehub *hub, size_t index)
{
    ch_subscription_free(hub->subscriptions[index]);
    hub->subscription_count--;
    memmove(&hub->subscriptions[index], &hub->subscriptions[index + 1],
            (hub->subscription_count - index) * sizeof hub->subscriptions[0]);
}

/* Where a live subscription goes on: what it has not acknowledged comes again. */
static void set_from(ch_subscription *subscription)
{
    if (subscription->wire.name.at == NULL && subscription->next > 0) {
        subscription->wire.from = (ch_chp_from){.kind = CH_FROM_SEQUENCE,
                                                .value = (int64_t)subscription->next,
                                                .epoch = (uint32_t)subscription->epoch};
    }
}

static ch_status ask(casehub *hub, ch_subscription *subscription)
{
    set_from(subscription);
    const ch_chp_message message = {
        .verb = CH_CHP_SUBSCRIBE, .request = hub->requests + 1, .subscribe = subscription->wire};
    ch_status status = ch_client_send(hub, &message, NULL);
    if (status == CH_OK) {
        subscription->request = ++hub->requests;
        subscription->state = CH_SUBSCRIPTION_ASKED;
    }
    return status;
}

static ch_status leave(casehub *hub, ch_subscription *subscription)
{
    if (subscription->request == 0) {
        return CH_OK; /* this session does not know it */
    }
    ch_status status = ch_acknowledge_work(hub, subscription);
    const ch_chp_message message = {.verb = CH_CHP_UNSUBSCRIBE,
                                    .request = hub->requests + 1,
                                    .unsubscribe = {subscription->wire.subscription}};
    if (status == CH_OK) {
        status = ch_client_send(hub, &message, NULL);
        hub->requests += status == CH_OK;
    }
    return status;
}

static ch_status work(casehub *hub, ch_subscription *subscription, int64_t now_ms)
{
    ch_status status = CH_OK;
    switch (subscription->state) {
    case CH_SUBSCRIPTION_WANTED:
        if (now_ms >= subscription->retry_at_ms) {
            status = ask(hub, subscription);
        }
        break;
    case CH_SUBSCRIPTION_OPEN: status = ch_acknowledge_work(hub, subscription); break;
    case CH_SUBSCRIPTION_LEAVING: status = leave(hub, subscription); break;
    case CH_SUBSCRIPTION_ASKED:
    case CH_SUBSCRIPTION_REFUSED: break;
    }
    return status;
}

ch_status ch_subscribe_work(casehub *hub, int64_t now_ms)
{
    ch_status status = CH_OK;
    for (size_t i = 0; i < hub->subscription_count && status == CH_OK;) {
        ch_subscription *subscription = hub->subscriptions[i];
        status = work(hub, subscription, now_ms);
        if (status == CH_OK && subscription->state == CH_SUBSCRIPTION_LEAVING) {
            remove_at(hub, i);
        } else {
            i++;
        }
    }
    return status;
}

int64_t ch_subscribe_deadline(const casehub *hub)
{
    int64_t deadline = INT64_MAX;
    for (size_t i = 0; i < hub->subscription_count; i++) {
        const ch_subscription *subscription = hub->subscriptions[i];
        if (subscription->state == CH_SUBSCRIPTION_WANTED && subscription->retry_at_ms > 0 &&
            subscription->retry_at_ms < deadline) {
            deadline = subscription->retry_at_ms;
        }
    }
    return deadline;
}

void ch_subscribe_restart(casehub *hub)
{
    for (size_t i = 0; i < hub->subscription_count; i++) {
        ch_subscription *subscription = hub->subscriptions[i];
        uint64_t lowest = ch_under_way_lowest(&subscription->under_way);
        if (lowest > 0 && lowest < subscription->next) {
            subscription->next = lowest;
        }
        ch_acknowledge_forget(subscription);
        subscription->request = 0;
        subscription->retry_at_ms = 0;
        if (subscription->state != CH_SUBSCRIPTION_REFUSED &&
            subscription->state != CH_SUBSCRIPTION_LEAVING) {
            subscription->state = CH_SUBSCRIPTION_WANTED;
        }
    }
}

void ch_subscribe_done(casehub *hub)
{
    while (hub->subscription_count > 0) {
        remove_at(hub, hub->subscription_count - 1);
    }
}

void ch_subscribe_confirmed(casehub *hub, const ch_chp_message *message)
{
    ch_subscription *subscription = ch_subscription_find(hub, message->subscribed.subscription);
    if (subscription != NULL && subscription->state == CH_SUBSCRIPTION_ASKED &&
        subscription->request == message->request) {
        subscription->state = CH_SUBSCRIPTION_OPEN;
        subscription->next = (uint64_t)message->subscribed.sequence;
        subscription->epoch = message->subscribed.epoch;
    }
}

/* casehub_poll tells it; one trouble at a time, the first. */
static void refuse(casehub *hub, ch_subscription *subscription, ch_status status, const ch_chp_error *refusal)
{
    char where[160];
    subscription->state = CH_SUBSCRIPTION_REFUSED;
    if (hub->trouble.status == CH_OK) {
        (void)snprintf(where, sizeof where, "subscription %lld %.*s: %.*s",
                       (long long)subscription->wire.subscription, CH_STR_ARG(subscription->wire.name),
                       CH_STR_ARG(refusal->where));
        (void)ch_error_set(&hub->trouble, status, where, "%.*s", CH_STR_ARG(refusal->text));
    }
}

/* The log was restored, or cut, since a live subscription was here: it goes on where the hub says. */
static bool moves_on(ch_subscription *subscription, ch_status status, const ch_chp_error *refusal)
{
    bool moved = (status == CH_DIVERGED || status == CH_GAP) && subscription->wire.name.at == NULL &&
                 subscription->next > 0 && refusal->position > 0;
    if (moved) {
        subscription->next = (uint64_t)refusal->position;
        subscription->epoch = 0;
    }
    return moved;
}

ch_status ch_subscribe_failed(casehub *hub, const ch_chp_message *message, int64_t now_ms)
{
    ch_status status = ch_client_code(message->error.code);
    for (size_t i = 0; i < hub->subscription_count; i++) {
        ch_subscription *subscription = hub->subscriptions[i];
        if (subscription->state != CH_SUBSCRIPTION_ASKED || subscription->request != message->request) {
            continue;
        }
        if (ch_status_is_temporary(status) || moves_on(subscription, status, &message->error)) {
            subscription->state = CH_SUBSCRIPTION_WANTED;
            subscription->retry_at_ms = ch_status_is_temporary(status) ? now_ms + RETRY_MS : now_ms;
        } else {
            refuse(hub, subscription, status, &message->error);
        }
        return CH_OK;
    }
    return CH_NOT_FOUND;
}

void ch_subscribe_taken_over(casehub *hub, const ch_chp_error *refusal)
{
    for (size_t i = 0; i < hub->subscription_count; i++) {
        ch_subscription *subscription = hub->subscriptions[i];
        if (subscription->state == CH_SUBSCRIPTION_OPEN &&
            ch_str_equal(subscription->wire.name, refusal->text)) {
            const ch_chp_error told = {.text = CH_STR("another session has taken it over"),
                                       .where = refusal->where};
            refuse(hub, subscription, CH_CONFLICT, &told);
        }
    }
}
