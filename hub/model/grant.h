/* grant.h - who may do what. A grant belongs to one CURVE public key; nothing is allowed without one.
 *
 * Grants are `hub.grant` events; the first operator's stands in the configuration.
 */
#ifndef CH_MODEL_GRANT_H
#define CH_MODEL_GRANT_H

#include "hub/model/event.h"

#define CH_KEY_TEXT_SIZE 41 /* Z85 of a CURVE public key, with its zero; or "local" for the ipc endpoint */
#define CH_GRANT_LIST_MAX 32

#define CH_ROLE_LIST(X)                                                                                      \
    X(CH_ROLE_NONE, "none")                                                                                  \
    X(CH_ROLE_CONNECTOR, "connector")                                                                        \
    X(CH_ROLE_DEPARTMENT, "department")                                                                      \
    X(CH_ROLE_SUPERVISOR, "supervisor")                                                                      \
    X(CH_ROLE_OPERATOR, "operator")                                                                          \
    X(CH_ROLE_READ_ONLY, "read-only")                                                                        \
    X(CH_ROLE_AUDITOR, "auditor")                                                                            \
    X(CH_ROLE_HUB, "hub") /* the hub itself; cannot be granted */
typedef enum ch_role {
#define CH_ROLE_ENUM(symbol, name) symbol,
    CH_ROLE_LIST(CH_ROLE_ENUM)
#undef CH_ROLE_ENUM
        CH_ROLE_COUNT
} ch_role;
const char *ch_role_name(ch_role role);
ch_status ch_role_from_name(ch_str name, ch_role *out_role) CH_MUST_CHECK;

typedef enum ch_private_right { CH_PRIVATE_NONE, CH_PRIVATE_OWN, CH_PRIVATE_ALL } ch_private_right;

typedef struct ch_grant {
    char key[CH_KEY_TEXT_SIZE];
    char name[CH_CODE_MAX + 1]; /* becomes the event's `actor` */
    ch_role role;
    ch_private_right private_right;
    bool revoked;
    size_t source_count, party_count, area_count;
    char sources[CH_GRANT_LIST_MAX]
                [CH_CODE_MAX + 1]; /* prefixes: "hotline" covers "hotline" and "hotline/..." */
    char parties[CH_GRANT_LIST_MAX][CH_CODE_MAX + 1]; /* "*" covers all */
    char areas[CH_GRANT_LIST_MAX][16];                /* prefixes; none: everywhere */
} ch_grant;

/* The data of a hub.grant event <-> grant: {key, name, role, sources, parties, areas, private, revoked}.
 * CH_INVALID with the field. */
ch_status ch_grant_decode(ch_str data, ch_grant *out_grant, ch_error *error) CH_MUST_CHECK;
void ch_grant_encode(ch_buf *out, const ch_grant *grant);

bool ch_grant_holds_party(const ch_grant *grant, ch_str party);
bool ch_grant_covers_area(const ch_grant *grant, ch_str area);

/* May this client publish this event? Connector: its sources, observations, hub.checkpoint/deadletter/alert and
 * hub.connector about itself. Department: source one of its sources, party (when given) one of its own, and
 * handoff. or case. commands only. Supervisor, operator: any party in their areas (an operator also hub.grant, hub.connector,
 * hub.subscription, hub.deadletter); their sources only when the grant lists some. A connector's party, when
 * given, is one of its own too, and nobody's area lies outside the grant. Nobody publishes as source "hub" or
 * "hub/...". CH_DENIED with what is missing; a grant that is NULL or revoked covers nothing. */
ch_status ch_grant_may_publish(const ch_grant *grant, const ch_event *event, ch_error *error) CH_MUST_CHECK;

/* May this client read events of a topic, and their personal data? Department: the topic's party is its own, or the
 * case involves one of its parties (the caller knows that). Connector: cases of its systems. Supervisor, read-only:
 * its areas. Operator, auditor: all. Nobody else sees hub. events, but a connector those of its systems and, without
 * what is personal in them, every hub.deadletter and hub.connector: an operator asks it there. Personal data with the
 * right `own`: only where involved or the topic's party or system is its own. */
typedef struct ch_topic_right {
    bool may_read, personal;
} ch_topic_right;
/* Both for a case that involves one of the client's parties and for one that does not. */
void ch_grant_judge_topic(const ch_grant *grant, ch_str topic, ch_topic_right *out_apart,
                          ch_topic_right *out_involved);

/* True for roles whose events are commands (checked strictly), false for connector and hub (facts). */
bool ch_role_commands(ch_role role);

#endif
