#include "hub/client/subscribe.h"

#include "hub/model/topic.h"

#include <limits.h>
#include <stdlib.h>

#define CREDIT_DEFAULT 256

ch_status ch_client_patterns(ch_str *out_patterns, size_t *out_count, const char *const *patterns,
                             size_t count, ch_error *error)
{
    if (count > CH_CHP_PATTERNS_MAX) {
        return ch_error_set(error, CH_TOO_LARGE, "patterns", "more than %d", CH_CHP_PATTERNS_MAX);
    }
    for (size_t i = 0; i < count; i++) {
        out_patterns[i] = ch_str_of(patterns[i]);
        ch_status status = ch_pattern_check(out_patterns[i], error);
        if (status != CH_OK) {
            ch_error_prefix(error, "patterns");
            return status;
        }
    }
    *out_count = count;
    return CH_OK;
}

static ch_status read_test_mode(const char *text, ch_test_mode *out_mode, ch_error *error)
{
    ch_str mode = ch_str_of(text);
    if (text == NULL || ch_str_is(mode, "exclude")) {
        *out_mode = CH_TEST_EXCLUDE;
    } else if (ch_str_is(mode, "include")) {
        *out_mode = CH_TEST_INCLUDE;
    } else if (ch_str_is(mode, "only")) {
        *out_mode = CH_TEST_ONLY;
    } else {
        return ch_error_set(error, CH_INVALID, "test_mode", "neither exclude, include nor only");
    }
    return CH_OK;
}

static ch_status check(const casehub_subscription *wanted, ch_error *error)
{
    if (wanted->size < sizeof *wanted) {
        return ch_error_set(error, CH_INVALID, "size", "set it with CASEHUB_SIZE");
    }
    if (wanted->on_event == NULL || wanted->pattern_count == 0) {
        return ch_error_set(error, CH_INVALID, wanted->on_event == NULL ? "on_event" : "patterns",
                            "is missing");
    }
    if (wanted->no_ack && wanted->name != NULL) {
        return ch_error_set(error, CH_INVALID, "no_ack", "a durable subscription is acknowledged");
    }
    if (wanted->credit > CH_CHP_CREDIT_MAX) {
        return ch_error_set(error, CH_TOO_LARGE, "credit", "at most %d", CH_CHP_CREDIT_MAX);
    }
    return CH_OK;
}

static ch_status read_wanted(ch_chp_subscribe *wire, const casehub_subscription *wanted, ch_error *error)
{
    wire->name = ch_str_of(wanted->name);
    wire->involved = wanted->involved;
    wire->no_ack = wanted->no_ack;
    wire->credit = wanted->credit == 0 ? CREDIT_DEFAULT : wanted->credit;
    wire->ack_timeout_ms = wanted->ack_timeout_ms;
    wire->deliveries_most = wanted->deliveries_most == UINT_MAX ? -1 : (int64_t)wanted->deliveries_most;
    ch_status status = check(wanted, error);
    if (status == CH_OK) {
        status = ch_client_from(wanted->from, &wire->from, error);
    }
    if (status == CH_OK) {
        status = read_test_mode(wanted->test_mode, &wire->test_mode, error);
    }
    return status != CH_OK ? status
                           : ch_client_patterns(wire->patterns, &wire->pattern_count, wanted->patterns,
                                                wanted->pattern_count, error);
}

static void keep(char **at, ch_str *text)
{
    if (text->at != NULL) {
        memcpy(*at, text->at, text->size);
        text->at = *at;
        *at += text->size;
    }
}

/* The caller's strings live as long as its call: the slices move to a copy. */
static ch_status keep_texts(ch_subscription *subscription)
{
    ch_chp_subscribe *wire = &subscription->wire;
    size_t size = wire->name.size + 1;
    for (size_t i = 0; i < wire->pattern_count; i++) {
        size += wire->patterns[i].size;
    }
    subscription->texts = malloc(size);
    if (subscription->texts == NULL) {
        return CH_NO_MEMORY;
    }
    char *at = subscription->texts;
    keep(&at, &wire->name);
    for (size_t i = 0; i < wire->pattern_count; i++) {
        keep(&at, &wire->patterns[i]);
    }
    return CH_OK;
}

static ch_status make_room(ch_subscription *subscription)
{
    size_t credit = (size_t)subscription->wire.credit;
    subscription->singles = calloc(credit, sizeof *subscription->singles);
    if (subscription->singles == NULL) {
        return CH_NO_MEMORY;
    }
    ch_status status = ch_under_way_init(&subscription->under_way, credit);
    return status == CH_OK ? keep_texts(subscription) : status;
}

ch_status ch_subscription_new(ch_subscription **out_subscription, const casehub_subscription *wanted,
                              int number, ch_error *error)
{
    ch_subscription *subscription = calloc(1, sizeof *subscription);
    if (subscription == NULL) {
        return ch_error_set(error, CH_NO_MEMORY, "subscription", "%s", ch_status_text(CH_NO_MEMORY));
    }
    ch_status status = read_wanted(&subscription->wire, wanted, error);
    if (status == CH_OK && make_room(subscription) != CH_OK) {
        status = ch_error_set(error, CH_NO_MEMORY, "subscription", "%s", ch_status_text(CH_NO_MEMORY));
    }
    if (status != CH_OK) {
        ch_subscription_free(subscription);
        return status;
    }
    subscription->wire.subscription = number;
    subscription->context = wanted->context;
    subscription->on_event = wanted->on_event;
    *out_subscription = subscription;
    return CH_OK;
}

void ch_subscription_free(ch_subscription *subscription)
{
    if (subscription == NULL) {
        return;
    }
    ch_under_way_done(&subscription->under_way);
    free(subscription->singles);
    free(subscription->naks);
    free(subscription->texts);
    free(subscription);
}
