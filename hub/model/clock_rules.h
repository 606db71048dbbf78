/* clock_rules.h - what the city has promised: which clock starts, stops and ends on what, how long it runs, and who hears
 * of it when it runs out. Data, from sla.cfg; what a running clock is the case knows (clock.h).
 */
#ifndef CH_MODEL_CLOCK_RULES_H
#define CH_MODEL_CLOCK_RULES_H

#include "hub/model/calendar.h"
#include "hub/model/clock.h"

#define CH_CLOCK_LEVELS_MAX 8
#define CH_CLOCK_TRIGGERS_MAX 16
/* In place of a party: who supervises the party that is late; said again, who supervises that one. */
#define CH_CLOCK_SUPERVISOR "supervisor"

/* An event type, and perhaps the `code` or the `reason` that it must have. */
typedef struct ch_clock_trigger {
    char type[CH_CODE_MAX + 1], code[CH_CODE_MAX + 1];
} ch_clock_trigger;

typedef struct ch_clock_triggers {
    ch_clock_trigger at[CH_CLOCK_TRIGGERS_MAX];
    size_t count;
} ch_clock_triggers;

typedef struct ch_clock_rule {
    char name[CH_CODE_MAX + 1];
    /* Whose cases; as in ch_route. */
    char system[CH_CODE_MAX + 1], kind[CH_CODE_MAX + 1], category[CH_CODE_MAX + 1], area[16];
    int priority_most;
    /* Begun by events of handoffs it is a handoff's clock, else the case's. */
    ch_clock_triggers starts, pauses, resumes, ends;
    ch_clock_unit unit;
    int64_t amount;
    char calendar[CH_CODE_MAX + 1];  /* of hours and days */
    const ch_calendar *counts_by;    /* that calendar; set by ch_rules_check */
    int64_t warn_before_ms;          /* before it is due; 0: see warn_percent */
    int warn_percent;                /* of its time; 0: no warning */
    char (*levels)[CH_CODE_MAX + 1]; /* who is told, one after another; CH_CLOCK_LEVELS_MAX at most */
    size_t level_count;
    int64_t level_every_ms; /* between two levels */
    const char *place;
} ch_clock_rule;

bool ch_clock_rule_is_of_handoff(const ch_clock_rule *rule);
/* Is the event one of those? */
bool ch_clock_triggered(const ch_clock_triggers *triggers, const ch_event *event);

/* What a clock has, from where it started or last went on, or goes on next: what it was left with then, and more or less
 * as the rule gives more now or less. In another unit than it was counted in: all that the rule gives. */
int64_t ch_clock_rule_has(const ch_clock_rule *rule, const ch_case_clock *clock);
/* What is left of a clock that is stopped (ms, or days), and when it is due that goes on with so much. CH_NOT_FOUND
 * where its calendar ends before. */
ch_status ch_clock_rule_left(const ch_clock_rule *rule, int64_t now_ms, int64_t due_ms,
                             int64_t *out_left) CH_MUST_CHECK;
ch_status ch_clock_rule_due_again(const ch_clock_rule *rule, int64_t now_ms, int64_t left,
                                  int64_t *out_due_ms) CH_MUST_CHECK;
/* When to warn of a clock that runs from then until it is due; 0: it gives no warning, or not any more. */
int64_t ch_clock_rule_warn_ms(const ch_clock_rule *rule, int64_t from_ms, int64_t due_ms);

#endif
