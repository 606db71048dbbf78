#include "hub/model/grant.h"

#include "hub/model/topic.h"

/* One rule of who reads a topic; `involved`: the case involves one of the grant's parties. */
typedef bool read_rule(const ch_grant *grant, const ch_topic_parts *topic, bool involved);

static const char *const role_names[CH_ROLE_COUNT] = {
#define ROLE_NAME(symbol, name) [symbol] = name,
    CH_ROLE_LIST(ROLE_NAME)
#undef ROLE_NAME
};

const char *ch_role_name(ch_role role)
{
    return (unsigned)role < CH_ROLE_COUNT ? role_names[role] : role_names[CH_ROLE_NONE];
}

ch_status ch_role_from_name(ch_str name, ch_role *out_role)
{
    for (unsigned i = 0; i < CH_ROLE_COUNT; i++) {
        if (ch_str_is(name, role_names[i])) {
            *out_role = (ch_role)i;
            return CH_OK;
        }
    }
    return CH_NOT_FOUND;
}

bool ch_role_commands(ch_role role)
{
    return role != CH_ROLE_CONNECTOR && role != CH_ROLE_HUB;
}

/* "hotline" covers "hotline" and "hotline/81890", not "hotline2". */
static bool covers_source(const char *prefix, ch_str source)
{
    size_t size = strlen(prefix);
    return ch_str_starts(source, (ch_str){prefix, size}) && (source.size == size || source.at[size] == '/');
}

static bool holds_source(const ch_grant *grant, ch_str source)
{
    for (size_t i = 0; i < grant->source_count; i++) {
        if (covers_source(grant->sources[i], source)) {
            return true;
        }
    }
    return false;
}

static bool holds_system(const ch_grant *grant, ch_str system)
{
    for (size_t i = 0; system.size > 0 && i < grant->source_count; i++) {
        if (ch_str_equal(ch_topic_system_of(ch_str_of(grant->sources[i])), system)) {
            return true;
        }
    }
    return false;
}

bool ch_grant_holds_party(const ch_grant *grant, ch_str party)
{
    for (size_t i = 0; party.size > 0 && !grant->revoked && i < grant->party_count; i++) {
        if (ch_str_is(party, grant->parties[i]) || strcmp(grant->parties[i], "*") == 0) {
            return true;
        }
    }
    return false;
}

/* Over the dots that a topic puts between the levels. */
static bool area_begins(ch_str area, const char *prefix)
{
    for (size_t i = 0; *prefix != '\0' && i < area.size; i++) {
        if (area.at[i] == '.') {
            continue;
        }
        if (area.at[i] != *prefix++) {
            return false;
        }
    }
    return *prefix == '\0';
}

bool ch_grant_covers_area(const ch_grant *grant, ch_str area)
{
    if (grant->revoked) {
        return false;
    }
    for (size_t i = 0; i < grant->area_count; i++) {
        if (area_begins(area, grant->areas[i])) {
            return true;
        }
    }
    return grant->area_count == 0;
}

/* Event types that a role may publish: by its family ("case.") or by the whole name. What is not here is
 * denied. */
static const struct {
    ch_role role;
    const char *types;
} publishable[] = {
    {CH_ROLE_CONNECTOR, "case."},          {CH_ROLE_CONNECTOR, "handoff."},
    {CH_ROLE_CONNECTOR, "hub.checkpoint"}, {CH_ROLE_CONNECTOR, "hub.deadletter"},
    {CH_ROLE_CONNECTOR, "hub.connector"},  {CH_ROLE_DEPARTMENT, "case."},
    {CH_ROLE_DEPARTMENT, "handoff."},      {CH_ROLE_SUPERVISOR, "case."},
    {CH_ROLE_SUPERVISOR, "handoff."},      {CH_ROLE_OPERATOR, "case."},
    {CH_ROLE_OPERATOR, "handoff."},        {CH_ROLE_OPERATOR, "hub.grant"},
    {CH_ROLE_OPERATOR, "hub.connector"},   {CH_ROLE_OPERATOR, "hub.subscription"},
    {CH_ROLE_OPERATOR, "hub.deadletter"},  {CH_ROLE_OPERATOR, "hub.erased"},
    {CH_ROLE_OPERATOR, "hub.hold"},        {CH_ROLE_CONNECTOR, "hub.alert"},
};

static bool may_say(ch_role role, ch_str type)
{
    for (size_t i = 0; i < sizeof publishable / sizeof *publishable; i++) {
        const char *types = publishable[i].types;
        bool family = types[strlen(types) - 1] == '.';
        if (publishable[i].role == role &&
            (family ? ch_str_starts(type, ch_str_of(types)) : ch_str_is(type, types))) {
            return true;
        }
    }
    return false;
}

/* Who reports for one system or department is bound to its sources and parties. Operators and supervisors act
 * for others: only a list of sources that they were given binds them. */
static ch_status check_speaker(const ch_grant *grant, const ch_event *event, ch_error *error)
{
    bool acts_for_others = grant->role == CH_ROLE_OPERATOR || grant->role == CH_ROLE_SUPERVISOR;
    bool any_source = acts_for_others && grant->source_count == 0;
    if (!any_source && !holds_source(grant, event->source)) {
        return ch_error_set(error, CH_DENIED, "source", "%s has no grant for source %.*s", grant->name,
                            CH_STR_ARG(event->source));
    }
    if (!acts_for_others && event->party.size > 0 && !ch_grant_holds_party(grant, event->party)) {
        return ch_error_set(error, CH_DENIED, "party", "%s has no grant for party %.*s", grant->name,
                            CH_STR_ARG(event->party));
    }
    if (event->area.size > 0 && !ch_grant_covers_area(grant, event->area)) {
        return ch_error_set(error, CH_DENIED, "area", "%s has no grant for area %.*s", grant->name,
                            CH_STR_ARG(event->area));
    }
    return CH_OK;
}

/* A connector reports the state of no other one: its grant's name is the connector's. */
static ch_status check_connector(const ch_grant *grant, const ch_event *event, ch_error *error)
{
    if (grant->role == CH_ROLE_CONNECTOR && ch_str_is(event->type, "hub.connector") &&
        !ch_str_is(ch_mp_find_str(event->data, "connector"), grant->name)) {
        return ch_error_set(error, CH_DENIED, "data.connector", "%s reports for itself alone", grant->name);
    }
    return CH_OK;
}

ch_status ch_grant_may_publish(const ch_grant *grant, const ch_event *event, ch_error *error)
{
    if (grant == NULL || grant->revoked) {
        return ch_error_set(error, CH_DENIED, "key", "no grant covers it");
    }
    if (covers_source("hub", event->source)) {
        return ch_error_set(error, CH_DENIED, "source", "only the hub itself speaks as hub");
    }
    if (!may_say(grant->role, event->type)) {
        return ch_error_set(error, CH_DENIED, "type", "role %s may not publish %.*s",
                            ch_role_name(grant->role), CH_STR_ARG(event->type));
    }
    ch_status status = check_connector(grant, event, error);
    return status == CH_OK ? check_speaker(grant, event, error) : status;
}

static bool reads_nothing(const ch_grant *grant, const ch_topic_parts *topic, bool involved)
{
    (void)grant, (void)topic, (void)involved;
    return false;
}

static bool reads_all(const ch_grant *grant, const ch_topic_parts *topic, bool involved)
{
    (void)grant, (void)topic, (void)involved;
    return true;
}

static bool is_of_the_hub(const ch_topic_parts *topic)
{
    return ch_str_starts(topic->type, CH_STR("hub."));
}

static bool reads_own_parties(const ch_grant *grant, const ch_topic_parts *topic, bool involved)
{
    return !is_of_the_hub(topic) && (involved || ch_grant_holds_party(grant, topic->party));
}

/* What an operator asks of a connector (retry, pause) is an event of the operator's source, not of its system. One that
 * delivers to parties reads what they may read. */
static bool reads_own_systems(const ch_grant *grant, const ch_topic_parts *topic, bool involved)
{
    return holds_system(grant, topic->system) || ch_str_is(topic->type, "hub.deadletter") ||
           ch_str_is(topic->type, "hub.connector") ||
           (grant->party_count > 0 && reads_own_parties(grant, topic, involved));
}

static bool reads_own_areas(const ch_grant *grant, const ch_topic_parts *topic, bool involved)
{
    (void)involved;
    return !is_of_the_hub(topic) && ch_grant_covers_area(grant, topic->area);
}

static read_rule *const readers[CH_ROLE_COUNT] = {
    [CH_ROLE_NONE] = reads_nothing,
    [CH_ROLE_CONNECTOR] = reads_own_systems,
    [CH_ROLE_DEPARTMENT] = reads_own_parties,
    [CH_ROLE_SUPERVISOR] = reads_own_areas,
    [CH_ROLE_OPERATOR] = reads_all,
    [CH_ROLE_READ_ONLY] = reads_own_areas,
    [CH_ROLE_AUDITOR] = reads_all,
    [CH_ROLE_HUB] = reads_nothing,
};

static bool may_read_personal(const ch_grant *grant, const ch_topic_parts *topic, bool involved)
{
    if (grant->role == CH_ROLE_CONNECTOR && is_of_the_hub(topic) && !holds_system(grant, topic->system)) {
        return false;
    }
    switch (grant->private_right) {
    case CH_PRIVATE_NONE: return false;
    case CH_PRIVATE_OWN:
        return involved || ch_grant_holds_party(grant, topic->party) || holds_system(grant, topic->system);
    case CH_PRIVATE_ALL: return true;
    }
    return false;
}

static ch_topic_right right_of(const ch_grant *grant, const ch_topic_parts *topic, bool involved)
{
    ch_topic_right right = {.may_read = readers[grant->role](grant, topic, involved)};
    right.personal = right.may_read && may_read_personal(grant, topic, involved);
    return right;
}

void ch_grant_judge_topic(const ch_grant *grant, ch_str topic, ch_topic_right *out_apart,
                          ch_topic_right *out_involved)
{
    ch_topic_parts parts;
    *out_apart = *out_involved = (ch_topic_right){.may_read = false};
    if (grant == NULL || grant->revoked || (unsigned)grant->role >= CH_ROLE_COUNT ||
        ch_topic_split(topic, &parts) != CH_OK) {
        return;
    }
    *out_apart = right_of(grant, &parts, false);
    *out_involved = right_of(grant, &parts, true);
}
