/* The clocks of a case: their names, and what their events change. */
#include "hub/model/clock.h"

#include "hub/model/evolve.h"

static const char *const state_names[] = {
#define CH_CLOCK_STATE_NAME(symbol, name) name,
    CH_CLOCK_STATE_LIST(CH_CLOCK_STATE_NAME)
#undef CH_CLOCK_STATE_NAME
};

const char *ch_clock_state_name(ch_clock_state state)
{
    return (unsigned)state < CH_CLOCK_STATE_COUNT ? state_names[state] : "unknown";
}

ch_status ch_clock_state_from_name(ch_str name, ch_clock_state *out_state)
{
    for (unsigned i = 0; i < CH_CLOCK_STATE_COUNT; i++) {
        if (ch_str_is(name, state_names[i])) {
            *out_state = (ch_clock_state)i;
            return CH_OK;
        }
    }
    return CH_NOT_FOUND;
}

static const char *const unit_names[] = {
#define CH_CLOCK_UNIT_NAME(symbol, name) name,
    CH_CLOCK_UNIT_LIST(CH_CLOCK_UNIT_NAME)
#undef CH_CLOCK_UNIT_NAME
};

const char *ch_clock_unit_name(ch_clock_unit unit)
{
    return (unsigned)unit < CH_CLOCK_UNIT_COUNT ? unit_names[unit] : "unknown";
}

ch_status ch_clock_unit_from_name(ch_str name, ch_clock_unit *out_unit)
{
    for (unsigned i = 0; i < CH_CLOCK_UNIT_COUNT; i++) {
        if (ch_str_is(name, unit_names[i])) {
            *out_unit = (ch_clock_unit)i;
            return CH_OK;
        }
    }
    return CH_NOT_FOUND;
}

bool ch_case_clock_is_open(const ch_case_clock *clock)
{
    return clock->ended_ms == 0 && clock->state != CH_CLOCK_NONE;
}

const char *ch_case_clock_next(const ch_case_clock *clock)
{
    return clock->state == CH_CLOCK_BREACHED ? "clock.escalated"
           : clock->due_ms == 0              ? "clock.recomputed"
           : clock->next_ms < clock->due_ms  ? "clock.warned"
                                             : "clock.breached";
}

/* In the order of their numbers, though not all numbers are there. */
const ch_case_clock *ch_case_clock_of(const ch_case *the_case, uint32_t index)
{
    for (size_t i = the_case->clock_count; i > 0 && the_case->clocks[i - 1].index >= index; i--) {
        if (the_case->clocks[i - 1].index == index) {
            return &the_case->clocks[i - 1];
        }
    }
    return NULL;
}

const char *ch_case_clock_party(const ch_case *the_case, const ch_case_clock *clock)
{
    const ch_handoff *handoff = ch_case_handoff(the_case, clock->handoff);
    return handoff != NULL                                             ? handoff->party
           : ch_case_clock_is_open(clock) && the_case->lead[0] != '\0' ? the_case->lead
                                                                       : clock->party;
}

/* ---- the fold */

/* The clock that the event names; 0 when it names none of this case's numbers. */
static uint32_t clock_index(const ch_case *the_case, const ch_event *event)
{
    ch_str case_id, id = ch_mp_find_str(event->data, "clock");
    uint32_t index;
    return id.at != NULL && ch_clock_id_split(id, &case_id, &index) == CH_OK &&
                   ch_str_is(case_id, the_case->id)
               ? index
               : 0;
}

static uint32_t handoff_index(const ch_case *the_case, const ch_event *event)
{
    ch_str case_id, id = ch_mp_find_str(event->data, "handoff");
    uint32_t index;
    return id.at != NULL && ch_handoff_id_split(id, &case_id, &index) == CH_OK &&
                   ch_str_is(case_id, the_case->id)
               ? index
               : 0;
}

/* The last one stays, because the next number follows from it. */
static bool forget_oldest_ended(ch_case *the_case)
{
    for (size_t i = 0; i + 1 < the_case->clock_count; i++) {
        if (!ch_case_clock_is_open(&the_case->clocks[i])) {
            the_case->clock_count--;
            memmove(&the_case->clocks[i], &the_case->clocks[i + 1],
                    (the_case->clock_count - i) * sizeof *the_case->clocks);
            return true;
        }
    }
    return false;
}

/* Whoever says when it is due, or what is left of it, says what that was counted from; or it was not counted. */
static bool take_count(ch_case_clock *clock, const ch_event *event)
{
    ch_str unit = ch_mp_find_str(event->data, "unit");
    clock->remaining = ch_mp_find_int(event->data, "remaining", 0);
    clock->given = ch_mp_find_int(event->data, "given", 0);
    return unit.at == NULL || ch_clock_unit_from_name(unit, &clock->unit) == CH_OK;
}

ch_status ch_evolve_clock_started(ch_case *the_case, const ch_event *event)
{
    uint32_t last = the_case->clock_count == 0 ? 0 : the_case->clocks[the_case->clock_count - 1].index;
    ch_case_clock made = {.index = clock_index(the_case, event),
                          .state = CH_CLOCK_RUNNING,
                          .handoff = handoff_index(the_case, event),
                          .started_ms = event->time_ms,
                          .due_ms = ch_mp_find_int(event->data, "due", 0),
                          .next_ms = ch_mp_find_int(event->data, "again", 0)};
    const ch_evolve_text copies[] = {
        {ch_mp_find_str(event->data, "rule"), made.rule, sizeof made.rule},
        {ch_mp_find_str(event->data, "party"), made.party, sizeof made.party},
    };
    if (made.index != last + 1 || made.handoff > the_case->handoff_count || !take_count(&made, event) ||
        ch_evolve_texts(copies, sizeof copies / sizeof *copies) != CH_OK) {
        return CH_CORRUPT;
    }
    if (the_case->clock_count == CH_CLOCKS_MAX && !forget_oldest_ended(the_case)) {
        return CH_FULL;
    }
    ch_status status = ch_case_reserve_clocks(the_case, the_case->clock_count + 1);
    if (status == CH_OK) {
        the_case->clocks[the_case->clock_count++] = made;
    }
    return status;
}

static void end_clock(ch_case_clock *clock, ch_clock_state state, const ch_event *event)
{
    clock->state = state;
    clock->ended_ms = event->time_ms;
    clock->remaining = clock->given = 0;
}

static bool stop_clock(ch_case_clock *clock, const ch_event *event)
{
    bool was_running = clock->state == CH_CLOCK_RUNNING;
    clock->state = CH_CLOCK_PAUSED;
    return take_count(clock, event) && was_running;
}

static bool set_due(ch_case_clock *clock, const ch_event *event)
{
    clock->due_ms = ch_mp_find_int(event->data, "due", 0);
    return take_count(clock, event);
}

static bool continue_clock(ch_case_clock *clock, const ch_event *event)
{
    bool was_paused = clock->state == CH_CLOCK_PAUSED;
    clock->state = CH_CLOCK_RUNNING;
    clock->resumed_ms = event->time_ms;
    return set_due(clock, event) && was_paused;
}

static bool change_due(ch_case_clock *clock, const ch_event *event)
{
    return set_due(clock, event) && (clock->state == CH_CLOCK_RUNNING || clock->state == CH_CLOCK_PAUSED);
}

static bool warn_of_clock(ch_case_clock *clock, const ch_event *event)
{
    (void)event;
    clock->warned = true;
    return clock->state == CH_CLOCK_RUNNING;
}

static bool take_level(ch_case_clock *clock, const ch_event *event)
{
    int64_t level = ch_mp_find_int(event->data, "level", 0);
    clock->level = level > 0 && level <= UINT32_MAX ? (uint32_t)level : clock->level;
    return clock->state == CH_CLOCK_BREACHED;
}

static bool breach_clock(ch_case_clock *clock, const ch_event *event)
{
    bool was_running = clock->state == CH_CLOCK_RUNNING;
    clock->state = CH_CLOCK_BREACHED;
    return take_level(clock, event) && was_running;
}

static bool meet_clock(ch_case_clock *clock, const ch_event *event)
{
    clock->late_report = clock->state == CH_CLOCK_BREACHED;
    end_clock(clock, CH_CLOCK_MET, event);
    return true;
}

/* A breach stays one. */
static bool cancel_clock(ch_case_clock *clock, const ch_event *event)
{
    end_clock(clock, clock->state == CH_CLOCK_BREACHED ? CH_CLOCK_BREACHED : CH_CLOCK_CANCELLED, event);
    return true;
}

/* Changes a copy; false: it cannot follow. */
static const struct {
    const char *type;
    bool (*apply)(ch_case_clock *clock, const ch_event *event);
} changes[] = {
    {"clock.paused", stop_clock},     {"clock.resumed", continue_clock}, {"clock.extended", change_due},
    {"clock.recomputed", change_due}, {"clock.warned", warn_of_clock},   {"clock.met", meet_clock},
    {"clock.breached", breach_clock}, {"clock.escalated", take_level},   {"clock.cancelled", cancel_clock},
};

ch_status ch_evolve_clock_moved(ch_case *the_case, const ch_event *event)
{
    const ch_case_clock *found = ch_case_clock_of(the_case, clock_index(the_case, event));
    size_t at = 0;
    while (at < sizeof changes / sizeof *changes && !ch_str_is(event->type, changes[at].type)) {
        at++;
    }
    if (found == NULL || !ch_case_clock_is_open(found) || at == sizeof changes / sizeof *changes) {
        return CH_CORRUPT;
    }
    ch_case_clock clock = *found;
    const ch_evolve_text party = {ch_mp_find_str(event->data, "party"), clock.party, sizeof clock.party};
    if (!changes[at].apply(&clock, event) || ch_evolve_texts(&party, 1) != CH_OK) {
        return CH_CORRUPT;
    }
    clock.next_ms = ch_mp_find_int(event->data, "again", 0);
    the_case->clocks[found - the_case->clocks] = clock;
    return CH_OK;
}
