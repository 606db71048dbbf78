#include "hub/client/subscribe.h"

#include "hub/base/array.h"

#define HOLD_MS 2000
#define NAKS_FIRST 4

static ch_subscription *find(casehub *hub, int number)
{
    ch_subscription *subscription = ch_subscription_find(hub, number);
    if (subscription == NULL || subscription->state == CH_SUBSCRIPTION_LEAVING) {
        (void)ch_client_fail(hub, CH_NOT_FOUND, "subscription", "there is no subscription %d", number);
        return NULL;
    }
    return subscription;
}

/* Of an earlier session, or twice: the event comes again, or is done. */
int casehub_ack(casehub *hub, int number, uint64_t sequence)
{
    ch_subscription *subscription = find(hub, number);
    if (subscription == NULL) {
        return -1;
    }
    if (ch_under_way_remove(&subscription->under_way, sequence)) {
        subscription->singles[subscription->single_count++] = sequence;
        subscription->returned++;
        ch_link_wake(hub->link);
    }
    return 0;
}

int casehub_ack_upto(casehub *hub, int number, uint64_t sequence)
{
    ch_subscription *subscription = find(hub, number);
    if (subscription == NULL) {
        return -1;
    }
    size_t removed = ch_under_way_remove_upto(&subscription->under_way, sequence);
    if (removed > 0) {
        sequence = sequence < CH_CHP_NUMBER_MAX ? sequence : CH_CHP_NUMBER_MAX;
        subscription->upto = sequence > subscription->upto ? sequence : subscription->upto;
        subscription->returned += (int64_t)removed;
        ch_link_wake(hub->link);
    }
    return 0;
}

static void hold(casehub *hub, ch_subscription *subscription, uint64_t sequence)
{
    if (hub->handed.subscription != subscription->wire.subscription || hub->handed.sequence != sequence ||
        hub->handed.case_id[0] == '\0') {
        return; /* naked later: what came meanwhile has been handed over already */
    }
    ch_hold *hold = &subscription->holds[subscription->hold_next++ % CH_HOLDS_MAX];
    *hold = (ch_hold){.sequence = sequence, .until_ms = ch_client_now(hub) + HOLD_MS};
    memcpy(hold->case_id, hub->handed.case_id, sizeof hold->case_id);
}

static int give_back(casehub *hub, int number, ch_nak *nak, const char *reason)
{
    ch_subscription *subscription = find(hub, number);
    if (subscription == NULL) {
        return -1;
    }
    if (reason != NULL && ch_str_copy(nak->reason, sizeof nak->reason, ch_str_of(reason)) != CH_OK) {
        return ch_client_fail(hub, CH_TOO_LARGE, "reason", "a code has at most %d bytes", CH_CODE_MAX);
    }
    if (ch_array_reserve(&subscription->naks, &subscription->nak_capacity, subscription->nak_count + 1,
                         NAKS_FIRST, sizeof *nak) != CH_OK) {
        return ch_client_fail(hub, CH_NO_MEMORY, "nak", "%s", ch_status_text(CH_NO_MEMORY));
    }
    if (ch_under_way_remove(&subscription->under_way, nak->sequence)) {
        subscription->naks[subscription->nak_count++] = *nak;
        subscription->returned++;
        if (!nak->final) {
            hold(hub, subscription, nak->sequence);
        }
        ch_link_wake(hub->link);
    }
    return 0;
}

int casehub_nak(casehub *hub, int number, uint64_t sequence, int delay_ms, const char *reason)
{
    ch_nak nak = {.sequence = sequence, .delay_ms = delay_ms < 0 ? -1 : delay_ms};
    return give_back(hub, number, &nak, reason);
}

int casehub_fail(casehub *hub, int number, uint64_t sequence, const char *reason, const char *text,
                 const char *where)
{
    ch_nak nak = {.sequence = sequence, .delay_ms = -1, .final = true};
    ch_str_copy_cut(nak.text, sizeof nak.text, ch_str_of(text));
    ch_str_copy_cut(nak.where, sizeof nak.where, ch_str_of(where));
    return give_back(hub, number, &nak, reason);
}

static ch_str text_or_none(const char *text)
{
    return text[0] == '\0' ? CH_STR_NONE : ch_str_of(text);
}

static ch_status send_acks(casehub *hub, ch_subscription *subscription)
{
    ch_buf encoded;
    ch_buf_init(&encoded, CH_CHP_HEADER_MAX);
    ch_status status = CH_OK;
    while (status == CH_OK && (subscription->upto > 0 || subscription->single_count > 0)) {
        size_t left =
            subscription->single_count > CH_CHP_ITEMS_MAX ? subscription->single_count - CH_CHP_ITEMS_MAX : 0;
        ch_buf_clear(&encoded);
        ch_mp_put_array(&encoded, (uint32_t)(subscription->single_count - left));
        for (size_t i = left; i < subscription->single_count; i++) {
            ch_mp_put_uint(&encoded, subscription->singles[i]);
        }
        const ch_chp_message ack = {
            .verb = CH_CHP_ACK,
            .ack = {.subscription = subscription->wire.subscription,
                    .upto = (int64_t)subscription->upto,
                    .singles = subscription->single_count == 0 ? CH_STR_NONE : ch_buf_str(&encoded)}};
        status = encoded.failed == CH_OK ? ch_client_send(hub, &ack, NULL) : encoded.failed;
        if (status == CH_OK) {
            subscription->upto = 0;
            subscription->single_count = left;
        }
    }
    ch_buf_done(&encoded);
    return status;
}

static ch_status send_naks(casehub *hub, ch_subscription *subscription)
{
    size_t sent = 0;
    ch_status status = CH_OK;
    while (status == CH_OK && sent < subscription->nak_count) {
        const ch_nak *nak = &subscription->naks[sent];
        const ch_chp_message message = {.verb = CH_CHP_NAK,
                                        .nak = {.subscription = subscription->wire.subscription,
                                                .sequence = (int64_t)nak->sequence,
                                                .delay_ms = nak->delay_ms,
                                                .reason = text_or_none(nak->reason),
                                                .final = nak->final,
                                                .text = text_or_none(nak->text),
                                                .where = text_or_none(nak->where)}};
        status = ch_client_send(hub, &message, NULL);
        sent += status == CH_OK;
    }
    subscription->nak_count -= sent;
    if (sent > 0) {
        memmove(subscription->naks, subscription->naks + sent,
                subscription->nak_count * sizeof *subscription->naks);
    }
    return status;
}

ch_status ch_acknowledge_work(casehub *hub, ch_subscription *subscription)
{
    ch_status status = send_acks(hub, subscription);
    if (status == CH_OK) {
        status = send_naks(hub, subscription);
    }
    if (status != CH_OK || subscription->returned == 0) {
        return status;
    }
    const ch_chp_message credit = {
        .verb = CH_CHP_CREDIT,
        .credit = {.subscription = subscription->wire.subscription, .count = subscription->returned}};
    status = ch_client_send(hub, &credit, NULL);
    if (status == CH_OK) {
        subscription->returned = 0;
    }
    return status;
}

void ch_acknowledge_forget(ch_subscription *subscription)
{
    ch_under_way_clear(&subscription->under_way);
    memset(subscription->holds, 0, sizeof subscription->holds);
    subscription->single_count = subscription->nak_count = 0;
    subscription->upto = 0;
    subscription->returned = 0;
}
