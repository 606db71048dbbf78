/* rules.h - everything that decide consults besides the state: schema, lifecycle, routing, parties, areas,
 * categories, clocks and calendars. One immutable snapshot, reference-counted: the single object that threads share.
 *
 * Built by hub/config from libconfig and CSV files; plain arrays so that a test can build one by hand.
 */
#ifndef CH_MODEL_RULES_H
#define CH_MODEL_RULES_H

#include "hub/base/arena.h"
#include "hub/model/case.h"
#include "hub/model/clock_rules.h"
#include "hub/model/duty.h"
#include "hub/model/schema.h"

#include <stdatomic.h>

/* An event type that moves the case: from `from` (a bit set of 1 << ch_case_state) to `to`. */
typedef struct ch_transition {
    char kind[CH_CODE_MAX + 1]; /* profile: case kind, "" for all */
    char type[CH_CODE_MAX + 1]; /* "case.accepted" */
    uint32_t from;
    ch_case_state to;           /* CH_CASE_NONE: stays where it is */
    bool inferable;             /* may be derived to reach an observed state */
    bool back;                  /* to the state before it waited; `to` is then CH_CASE_NONE */
    bool routes;                /* the routing rules choose a receiver afterwards */
    char then[CH_CODE_MAX + 1]; /* event type derived afterwards, "" for none */
    const char *place;          /* "lifecycle.cfg:12" for messages; NULL when built by hand */
} ch_transition;

/* The same for handoffs. */
typedef struct ch_handoff_transition {
    char type[CH_CODE_MAX + 1]; /* "handoff.accepted" */
    uint32_t from;              /* bit set of 1 << ch_handoff_state */
    ch_handoff_state to;        /* CH_HANDOFF_NONE: stays */
    bool by_receiver;           /* else by the one who offered it, or a supervisor */
    bool by_hub;                /* by nobody but the hub itself */
    bool inferable;             /* may be derived to reach an observed state */
    bool arbitrates;            /* when none is open afterwards, the supervising party is asked */
    bool leads_when_last;       /* leads_to counts only when none is open afterwards */
    ch_case_state leads_to;     /* the case follows to here where it can; CH_CASE_NONE: it stays */
    uint32_t cases;             /* case states in which it is legal (bit set); 0: all */
    const char *place;
} ch_handoff_transition;

typedef struct ch_party {
    char code[CH_CODE_MAX + 1];
    char *name;                       /* UTF-8 */
    char kind[CH_CODE_MAX + 1];       /* department, firm, organisation, team, unit */
    char supervisor[CH_CODE_MAX + 1]; /* party code, "" for none */
    char areas[8][16];                /* prefixes */
    size_t area_count;
    char *reach;     /* how it is reached, free text */
    char *duty_said; /* "" where nothing is said: always */
    ch_duty duty;
    const char *place;
} ch_party;

typedef struct ch_category {
    char code[CH_CODE_MAX + 1];   /* dotted: "power.trip" */
    char parent[CH_CODE_MAX + 1]; /* "" for none */
    char *name;
    const char *place;
} ch_category;

typedef struct ch_area {
    char code[16]; /* 2 to 15 digits */
    char *name;
    const char *place;
} ch_area;

typedef struct ch_route {
    char name[CH_CODE_MAX + 1];
    char system[CH_CODE_MAX + 1], kind[CH_CODE_MAX + 1]; /* "" matches all */
    char category[CH_CODE_MAX + 1]; /* prefix by whole tokens: "power" matches "power.trip" */
    char area[16];                  /* prefix */
    int priority_most;              /* matches priority 1..this; 0: all */
    char party[CH_CODE_MAX + 1];    /* the receiver; of several the first */
    char (*more)[CH_CODE_MAX + 1];  /* the others, at most CH_GROUP_MEMBERS_MAX - 1 */
    size_t more_count;
    ch_form form;
    bool says_need;
    uint32_t need;              /* of a parallel one */
    char lead[CH_CODE_MAX + 1]; /* of a joint one, "" for the first */
    char reason[CH_CODE_MAX + 1];
    int64_t due_after_ms; /* 0: none */
    bool on_duty;         /* passes over parties that are not */
    const char *place;
} ch_route;

/* Routes by what they say of category and area: chains of positions in the table's order. */
typedef struct ch_route_index {
    uint32_t *slots;     /* position + 1 of a chain's first route; 0: none */
    uint32_t *next;      /* of each route, position + 1 of the next in its chain; 0: it is the last */
    size_t mask;         /* slots - 1, a power of two less one */
    uint32_t area_sizes; /* bit n: some route's area has n digits */
} ch_route_index;

#define CH_RULES_FILES_MAX 64
#define CH_RULES_HASH_SIZE 65 /* hex, with its zero */

/* A file that the rules were read from. */
typedef struct ch_rules_file {
    char name[128];   /* "events.cfg", "city/routing.cfg" */
    const char *path; /* where it was read */
    int64_t size, modified_ns;
    char hash[CH_RULES_HASH_SIZE]; /* once they are packed */
} ch_rules_file;

/* All of them; hash and packed are empty unless they were packed, for the record (hub/config/rules_files.h). */
typedef struct ch_rules_files {
    ch_rules_file at[CH_RULES_FILES_MAX];
    size_t count;
    char hash[CH_RULES_HASH_SIZE];
    ch_str packed;
} ch_rules_files;

typedef struct ch_rules {
    atomic_uint references;
    ch_arena arena;         /* owns what the pointers below lead to */
    char hub_code[17];      /* [A-Z0-9], 1..16: "ZJ" */
    int utc_offset_minutes; /* the city's zone: 480 */
    ch_schema *schema;
    ch_transition *transitions;
    size_t transition_count;
    ch_handoff_transition *handoff_transitions;
    size_t handoff_transition_count;
    ch_party *parties; /* sorted by code */
    size_t party_count;
    ch_category *categories; /* sorted by code */
    size_t category_count;
    ch_area *areas; /* sorted by code */
    size_t area_count;
    ch_route *routes; /* first match wins */
    size_t route_count;
    ch_clock_rule *clocks; /* in order; each that matches runs */
    size_t clock_count;
    ch_calendar *calendars;
    size_t calendar_count;
    unsigned hop_limit;            /* most parties in a row that each passed it on to the next; 0: 8 */
    unsigned rejection_limit;      /* so many refusals of a case in a cycle: arbitration; 0: 5 */
    int64_t duplicate_window_ms;   /* cases opened so far apart may be the same */
    unsigned duplicate_percent;    /* from this similarity on they are suggested; 0: none ever */
    uint16_t *transitions_by_type; /* made by ch_rules_check: positions sorted by type, kind, table order */
    ch_route_index route_index;    /* made by ch_rules_check */
    ch_rules_files files;
} ch_rules;

/* One reference, empty tables. */
ch_status ch_rules_new(ch_rules **out_rules) CH_MUST_CHECK;
ch_rules *ch_rules_ref(ch_rules *rules);
void ch_rules_unref(ch_rules *rules);
/* Sorts the tables, indexes the transitions and checks everything as a whole: dangling supervisors, parties
 * and kinds in routes, doubled codes, cycles, unreachable states, dead ends, clocks that nothing ends. CH_INVALID with the place. Rules
 * may be consulted only after it said CH_OK. */
ch_status ch_rules_check(ch_rules *rules, ch_error *error) CH_MUST_CHECK;

/* At that time by the city's clocks; 0: yes. Who is not in the table is never. */
bool ch_rules_on_duty(const ch_rules *rules, ch_str party, int64_t time_ms);
const ch_party *ch_rules_party(const ch_rules *rules, ch_str code);
const ch_category *ch_rules_category(const ch_rules *rules, ch_str code);
const ch_area *ch_rules_area(const ch_rules *rules, ch_str code);
const ch_clock_rule *ch_rules_clock(const ch_rules *rules, ch_str name);

/* What routing looks at. Absent parts are CH_STR_NONE, priority 0. */
typedef struct ch_route_question {
    ch_str system, kind, category, area;
    int priority;
    int64_t time_ms; /* at which a party is on duty or not; 0: all are */
} ch_route_question;
/* The first route that matches, or NULL. With why: one line for each rule looked at, up to and with the match
 * ("lamp-out: category power is not lamp"). */
const ch_route *ch_route_choose(const ch_rules *rules, const ch_route_question *question, ch_buf *why);
/* Is the clock one of such cases? */
bool ch_clock_rule_matches(const ch_clock_rule *rule, const ch_route_question *question);
/* Is it due at another time than these rules count, from where it started or last went on? One that was told when it is due
 * (extended), or whose rule is gone, is not. out_due_ms: 0 beyond its calendar. */
bool ch_clock_is_miscounted(const ch_rules *rules, const ch_case_clock *clock, int64_t *out_due_ms);

#endif
