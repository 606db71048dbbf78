#include "hub/wire/chp_table.h"

#define NUMBER_MAX CH_CHP_NUMBER_MAX
#define OF(type, member) .name = #member, .offset = offsetof(type, member)

#define INT(type, member, low, high)                                                                         \
    {                                                                                                        \
        OF(type, member), .kind = CH_ARG_INT, .required = true, .least = low, .most = high                   \
    }
#define INT_OR(type, member, low, high, value)                                                               \
    {                                                                                                        \
        OF(type, member), .kind = CH_ARG_INT, .least = low, .most = high, .otherwise = value                 \
    }
#define BOOL(type, member)                                                                                   \
    {                                                                                                        \
        OF(type, member), .kind = CH_ARG_BOOL, .required = true                                              \
    }
#define BOOL_OR_FALSE(type, member)                                                                          \
    {                                                                                                        \
        OF(type, member), .kind = CH_ARG_BOOL                                                                \
    }
#define TEXT(type, member, low, high)                                                                        \
    {                                                                                                        \
        OF(type, member), .kind = CH_ARG_TEXT, .required = true, .least = low, .most = high                  \
    }
#define TEXT_OR_NONE(type, member, high)                                                                     \
    {                                                                                                        \
        OF(type, member), .kind = CH_ARG_TEXT, .most = high                                                  \
    }
#define NAME(type, member, low, high)                                                                        \
    {                                                                                                        \
        OF(type, member), .kind = CH_ARG_NAME, .required = true, .least = low, .most = high                  \
    }
#define NAME_OR_NONE(type, member, high)                                                                     \
    {                                                                                                        \
        OF(type, member), .kind = CH_ARG_NAME, .least = 1, .most = high                                      \
    }
#define ITEMS_OR_NONE(type, member, of_kind)                                                                 \
    {                                                                                                        \
        OF(type, member), .kind = of_kind, .least = 1, .most = CH_CHP_ITEMS_MAX                              \
    }

static const ch_chp_argument hello[] = {
    TEXT(ch_chp_hello, client, 1, CH_ID_MAX),
    INT(ch_chp_hello, version_least, 1, UINT16_MAX),
    INT(ch_chp_hello, version_most, 1, UINT16_MAX),
};

static const ch_chp_argument welcome[] = {
    INT(ch_chp_welcome, protocol, 1, UINT16_MAX),
    NAME(ch_chp_welcome, hub_code, 1, CH_CODE_MAX),
    NAME(ch_chp_welcome, version, 1, CH_CODE_MAX),
    NAME(ch_chp_welcome, name, 1, CH_CODE_MAX),
    NAME(ch_chp_welcome, role, 1, CH_CODE_MAX),
    INT(ch_chp_welcome, epoch, 0, UINT32_MAX),
    INT(ch_chp_welcome, sequence, 0, NUMBER_MAX),
    INT(ch_chp_welcome, batch_events, 1, CH_CHP_BATCH_MAX),
    INT(ch_chp_welcome, body_bytes, 1, CH_CHP_BODY_MAX),
    INT(ch_chp_welcome, window_events, 1, NUMBER_MAX),
    INT(ch_chp_welcome, heartbeat_ms, 1, 3600000),
};

static const ch_chp_argument checkpoint[] = {
    NAME(ch_chp_publish, connector, 1, CH_CODE_MAX),
    TEXT(ch_chp_publish, from, 0, 4096),
    TEXT(ch_chp_publish, to, 0, 4096),
};
static const ch_chp_argument publish[] = {
    {.name = "checkpoint",
     .kind = CH_ARG_FIELDS,
     .offset = offsetof(ch_chp_publish, connector),
     .fields = checkpoint,
     .field_count = sizeof checkpoint / sizeof checkpoint[0]},
    NAME_OR_NONE(ch_chp_publish, default_kind, CH_CODE_MAX),
    INT_OR(ch_chp_publish, dead_letter, 0, NUMBER_MAX, 0),
    INT_OR(ch_chp_publish, history_until_ms, 0, NUMBER_MAX, 0),
};

static const ch_chp_argument published[] = {
    {.name = "results", .kind = CH_ARG_ANSWERS, .required = true, .most = CH_CHP_BATCH_MAX},
};

static const ch_chp_argument subscribe[] = {
    INT(ch_chp_subscribe, subscription, 1, NUMBER_MAX),
    NAME_OR_NONE(ch_chp_subscribe, name, CH_CODE_MAX),
    {OF(ch_chp_subscribe, patterns), .kind = CH_ARG_PATTERNS, .required = true, .least = 1,
     .most = CH_CHP_PATTERNS_MAX, .count_offset = offsetof(ch_chp_subscribe, pattern_count)},
    INT(ch_chp_subscribe, credit, 0, CH_CHP_CREDIT_MAX),
    {OF(ch_chp_subscribe, from), .kind = CH_ARG_FROM},
    {OF(ch_chp_subscribe, test_mode), .kind = CH_ARG_TEST_MODE},
    BOOL_OR_FALSE(ch_chp_subscribe, involved),
    BOOL_OR_FALSE(ch_chp_subscribe, no_ack),
    INT_OR(ch_chp_subscribe, ack_timeout_ms, 0, 86400000, 0),
    INT_OR(ch_chp_subscribe, deliveries_most, -1, 1000, 0),
};

static const ch_chp_argument subscribed[] = {
    INT(ch_chp_subscribed, subscription, 1, NUMBER_MAX),
    INT(ch_chp_subscribed, sequence, 0, NUMBER_MAX),
    INT(ch_chp_subscribed, epoch, 0, UINT32_MAX),
    BOOL(ch_chp_subscribed, existed),
};

static const ch_chp_argument events[] = {
    INT(ch_chp_events, subscription, 0, NUMBER_MAX),
    INT_OR(ch_chp_events, next, 0, NUMBER_MAX, 0),
    ITEMS_OR_NONE(ch_chp_events, attempts, CH_ARG_ATTEMPTS),
};

static const ch_chp_argument ack[] = {
    INT(ch_chp_ack, subscription, 1, NUMBER_MAX),
    INT_OR(ch_chp_ack, upto, 0, NUMBER_MAX, 0),
    ITEMS_OR_NONE(ch_chp_ack, singles, CH_ARG_SEQUENCES),
};

static const ch_chp_argument nak[] = {
    INT(ch_chp_nak, subscription, 1, NUMBER_MAX),
    INT(ch_chp_nak, sequence, 1, NUMBER_MAX),
    INT_OR(ch_chp_nak, delay_ms, -1, 86400000, -1),
    NAME_OR_NONE(ch_chp_nak, reason, CH_CODE_MAX),
    BOOL_OR_FALSE(ch_chp_nak, final),
    TEXT_OR_NONE(ch_chp_nak, text, CH_CHP_NAK_TEXT_MAX),
    TEXT_OR_NONE(ch_chp_nak, where, CH_CHP_NAK_WHERE_MAX),
};

static const ch_chp_argument credit[] = {
    INT(ch_chp_credit, subscription, 1, NUMBER_MAX),
    INT(ch_chp_credit, count, 1, CH_CHP_CREDIT_MAX),
};

static const ch_chp_argument seek[] = {
    NAME(ch_chp_seek, name, 1, CH_CODE_MAX),
    {OF(ch_chp_seek, from), .kind = CH_ARG_FROM, .required = true},
};

static const ch_chp_argument unsubscribe[] = {
    INT(ch_chp_unsubscribe, subscription, 1, NUMBER_MAX),
};

static const ch_chp_argument read_[] = {
    INT_OR(ch_chp_read, from, 0, NUMBER_MAX, 0),
    INT_OR(ch_chp_read, to, 0, NUMBER_MAX, 0),
    INT_OR(ch_chp_read, limit, 0, CH_CHP_ITEMS_MAX, 0),
    {OF(ch_chp_read, patterns), .kind = CH_ARG_PATTERNS, .least = 1, .most = CH_CHP_PATTERNS_MAX,
     .count_offset = offsetof(ch_chp_read, pattern_count)},
    NAME_OR_NONE(ch_chp_read, case_id, CH_CASE_ID_SIZE - 1),
};

static const ch_chp_argument query[] = {
    NAME(ch_chp_query, name, 1, CH_CODE_MAX),
    {OF(ch_chp_query, arguments), .kind = CH_ARG_MAP},
};

static const ch_chp_argument result[] = {
    BOOL(ch_chp_result, more),
    TEXT_OR_NONE(ch_chp_result, next, 1000),
};

static const ch_chp_argument error_[] = {
    NAME(ch_chp_error, code, 1, CH_CODE_MAX),
    TEXT(ch_chp_error, text, 0, 1000),
    TEXT_OR_NONE(ch_chp_error, where, 1000),
    INT_OR(ch_chp_error, position, 0, NUMBER_MAX, 0),
};

const ch_chp_argument ch_chp_accepted[] = {
    INT(ch_chp_answer, sequence, 1, NUMBER_MAX),
    {.name = "caseversion",
     .kind = CH_ARG_INT32,
     .required = true,
     .offset = offsetof(ch_chp_answer, case_version),
     .most = UINT32_MAX},
    {.name = "case",
     .kind = CH_ARG_NAME,
     .required = true,
     .offset = offsetof(ch_chp_answer, case_id),
     .most = CH_CASE_ID_SIZE - 1},
    BOOL(ch_chp_answer, duplicate),
};
const size_t ch_chp_accepted_count = sizeof ch_chp_accepted / sizeof ch_chp_accepted[0];

const ch_chp_argument ch_chp_refused[] = {
    TEXT(ch_chp_answer, text, 0, 1000),
    TEXT(ch_chp_answer, where, 0, 1000),
    NAME(ch_chp_answer, present_state, 0, CH_CODE_MAX),
    {.name = "present_version",
     .kind = CH_ARG_INT32,
     .required = true,
     .offset = offsetof(ch_chp_answer, case_version),
     .most = UINT32_MAX},
    INT(ch_chp_answer, dead_letter, 0, NUMBER_MAX),
};
const size_t ch_chp_refused_count = sizeof ch_chp_refused / sizeof ch_chp_refused[0];

const char *const ch_chp_test_modes[] = {
    [CH_TEST_EXCLUDE] = "exclude", [CH_TEST_INCLUDE] = "include", [CH_TEST_ONLY] = "only"};

static ch_status check_hello(const ch_chp_message *message, ch_error *error)
{
    if (message->hello.version_most < message->hello.version_least) {
        return ch_error_set(error, CH_INVALID, "HELLO.version_most", "is below version_least");
    }
    return CH_OK;
}

static ch_status check_subscribe(const ch_chp_message *message, ch_error *error)
{
    if (message->subscribe.no_ack && message->subscribe.name.at != NULL) {
        return ch_error_set(error, CH_INVALID, "SUBSCRIBE.no_ack", "a durable subscription is acknowledged");
    }
    return CH_OK;
}

static ch_status check_ack(const ch_chp_message *message, ch_error *error)
{
    if (message->ack.upto == 0 && message->ack.singles.at == NULL) {
        return ch_error_set(error, CH_INVALID, "ACK", "acknowledges nothing");
    }
    return CH_OK;
}

static ch_status check_read(const ch_chp_message *message, ch_error *error)
{
    if (message->read.to != 0 && message->read.to < message->read.from) {
        return ch_error_set(error, CH_INVALID, "READ.to", "is below from");
    }
    return CH_OK;
}

#define ARGUMENTS(list) .arguments = list, .count = sizeof list / sizeof list[0]

static const ch_chp_form forms[] = {
    [CH_CHP_HELLO] = {.numbered = true, ARGUMENTS(hello), .check = check_hello},
    [CH_CHP_WELCOME] = {.numbered = true, ARGUMENTS(welcome)},
    [CH_CHP_PUBLISH] = {.numbered = true, ARGUMENTS(publish)},
    [CH_CHP_PUBLISHED] = {.numbered = true, ARGUMENTS(published)},
    [CH_CHP_SUBSCRIBE] = {.numbered = true, ARGUMENTS(subscribe), .check = check_subscribe},
    [CH_CHP_SUBSCRIBED] = {.numbered = true, ARGUMENTS(subscribed)},
    [CH_CHP_EVENTS] = {ARGUMENTS(events)},
    [CH_CHP_ACK] = {ARGUMENTS(ack), .check = check_ack},
    [CH_CHP_NAK] = {ARGUMENTS(nak)},
    [CH_CHP_CREDIT] = {ARGUMENTS(credit)},
    [CH_CHP_SEEK] = {.numbered = true, ARGUMENTS(seek)},
    [CH_CHP_UNSUBSCRIBE] = {.numbered = true, ARGUMENTS(unsubscribe)},
    [CH_CHP_READ] = {.numbered = true, ARGUMENTS(read_), .check = check_read},
    [CH_CHP_QUERY] = {.numbered = true, ARGUMENTS(query)},
    [CH_CHP_RESULT] = {.numbered = true, ARGUMENTS(result)},
    [CH_CHP_PING] = {.numbered = false},
    [CH_CHP_PONG] = {.numbered = false},
    [CH_CHP_ERROR] = {ARGUMENTS(error_)},
    [CH_CHP_DONE] = {.numbered = true},
};

static const struct {
    const char *name;
    char sender;
    int bodies;
} verbs[] = {
#define CH_CHP_VERB_ROW(symbol, number, name, sender, bodies) [number] = {name, sender, bodies},
    CH_CHP_VERB_LIST(CH_CHP_VERB_ROW)
#undef CH_CHP_VERB_ROW
};

static bool is_known(int64_t verb)
{
    return verb > 0 && verb < (int64_t)(sizeof verbs / sizeof verbs[0]);
}

const char *ch_chp_verb_name(unsigned verb)
{
    return is_known(verb) ? verbs[verb].name : "?";
}

int ch_chp_verb_bodies(unsigned verb)
{
    return is_known(verb) ? verbs[verb].bodies : -1;
}

char ch_chp_verb_sender(unsigned verb)
{
    return is_known(verb) ? verbs[verb].sender : 0;
}

const ch_chp_form *ch_chp_form_of(int64_t verb)
{
    return is_known(verb) ? &forms[verb] : NULL;
}
