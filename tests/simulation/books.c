#include "tests/simulation/books.h"

#include "tests/unit/check.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void books_init(books *of)
{
    *of = (books){.at = calloc(BOOKS, sizeof *of->at)};
    assert_non_null(of->at);
}

void books_done(books *of)
{
    free(of->at);
}

const book *books_find(const books *of, uint64_t number)
{
    return number > 0 && number < BOOKS && of->at[number].version > 0 ? &of->at[number] : NULL;
}

bool book_is_active(const book *at)
{
    return at->state >= CH_CASE_RECEIVED && at->state <= CH_CASE_WAITING;
}

static bool wrong(books *of, const char *format, ...) __attribute__((format(printf, 2, 3)));
static bool wrong(books *of, const char *format, ...)
{
    va_list rest;
    va_start(rest, format);
    vsnprintf(of->wrong, sizeof of->wrong, format, rest);
    va_end(rest);
    return false;
}

/* ---- handoffs */

static const struct {
    const char *word;
    ch_handoff_state state; /* afterwards */
    bool is_open;
} moves[] = {
    {"delivered", CH_HANDOFF_DELIVERED, true},      {"accepted", CH_HANDOFF_ACCEPTED, true},
    {"started", CH_HANDOFF_STARTED, true},          {"rejected", CH_HANDOFF_REJECTED, false},
    {"completed", CH_HANDOFF_COMPLETED, false},     {"failed", CH_HANDOFF_FAILED, false},
    {"returned", CH_HANDOFF_RETURNED, false},       {"expired", CH_HANDOFF_EXPIRED, false},
    {"transferred", CH_HANDOFF_TRANSFERRED, false}, {"withdrawn", CH_HANDOFF_WITHDRAWN, false},
};

/* k of the <case>/h<k> or /c<k> that the event names; 0: none. */
static uint32_t index_of(const ch_event *event, const char *key)
{
    ch_str case_id, id = ch_mp_find_str(event->data, key);
    uint32_t index = 0;
    ch_status status = id.at == NULL               ? CH_NOT_FOUND
                       : strcmp(key, "clock") == 0 ? ch_clock_id_split(id, &case_id, &index)
                                                   : ch_handoff_id_split(id, &case_id, &index);
    return status == CH_OK && ch_str_equal(case_id, event->subject) ? index : 0;
}

static bool offer(books *of, book *at, const ch_event *event, uint32_t index)
{
    if (index != at->handoff_count + 1 || index >= BOOK_HANDOFFS || !book_is_active(at)) {
        return wrong(of, "h%" PRIu32 " is offered behind h%zu, to a case in state %d", index,
                     at->handoff_count, (int)at->state);
    }
    at->handoffs[index] = (book_handoff){CH_HANDOFF_OFFERED, true, ch_mp_find_int(event->data, "due", 0)};
    at->handoff_count++;
    return true;
}

static bool take_handoff(books *of, book *at, const ch_event *event, ch_str word)
{
    uint32_t index = index_of(event, "handoff");
    book_handoff *handoff = &at->handoffs[index < BOOK_HANDOFFS ? index : 0];
    if (ch_str_is(word, "offered")) {
        return offer(of, at, event, index);
    }
    if (!handoff->is_open) {
        return wrong(of, "h%" PRIu32 " is %.*s, and was not open", index, CH_STR_ARG(word));
    }
    if (ch_str_is(word, "extended")) {
        handoff->due_ms = ch_mp_find_int(event->data, "due", handoff->due_ms);
    }
    for (size_t i = 0; i < sizeof moves / sizeof *moves; i++) {
        if (ch_str_is(word, moves[i].word)) {
            handoff->state = moves[i].state;
            handoff->is_open = moves[i].is_open;
        }
    }
    return true;
}

/* ---- clocks */

/* On a case that has ended by then, too: clocks come after everything else that a decision makes. */
static bool start(books *of, book *at, const ch_event *event, uint32_t index)
{
    book_clock made = {.state = CH_CLOCK_RUNNING,
                       .handoff = index_of(event, "handoff"),
                       .due_ms = ch_mp_find_int(event->data, "due", 0)};
    if (index != at->clock_count + 1 || index >= BOOK_CLOCKS || made.handoff > at->handoff_count ||
        ch_str_copy(made.rule, sizeof made.rule, ch_mp_find_str(event->data, "rule")) != CH_OK) {
        return wrong(of, "c%" PRIu32 " starts behind c%zu, for h%" PRIu32, index, at->clock_count,
                     made.handoff);
    }
    for (size_t i = 1; i <= at->clock_count; i++) {
        const book_clock *other = &at->clocks[i];
        if (!other->has_ended && other->handoff == made.handoff && strcmp(other->rule, made.rule) == 0) {
            return wrong(of, "c%" PRIu32 " starts beside c%zu, which is the same", index, i);
        }
    }
    at->clocks[index] = made;
    at->clock_count++;
    return true;
}

static bool pause(books *of, book_clock *clock, const ch_event *event)
{
    clock->remaining = ch_mp_find_int(event->data, "remaining", 0);
    clock->given = ch_mp_find_int(event->data, "given", 0);
    if (clock->state != CH_CLOCK_RUNNING || clock->remaining < 0 ||
        clock->remaining > clock->due_ms - event->time_ms || ch_mp_find_int(event->data, "again", 0) != 0) {
        return wrong(
            of, "a clock that is due at %" PRId64 " stops with %" PRId64 " left, or goes on nevertheless",
            clock->due_ms, clock->remaining);
    }
    clock->state = CH_CLOCK_PAUSED;
    return true;
}

/* With what it had left, and more or less as its rule gives more by then or less. */
static bool resume(books *of, book_clock *clock, const ch_event *event)
{
    int64_t due_ms = ch_mp_find_int(event->data, "due", 0), has = ch_mp_find_int(event->data, "remaining", 0);
    int64_t more = clock->given == 0 ? 0 : ch_mp_find_int(event->data, "given", 0) - clock->given;
    int64_t left = clock->remaining + more > 0 ? clock->remaining + more : 0;
    if (clock->state != CH_CLOCK_PAUSED || has != left || (due_ms != 0 && due_ms - event->time_ms < has)) {
        return wrong(of, "a clock with %" PRId64 " left goes on with %" PRId64 ", due in %" PRId64, left, has,
                     due_ms - event->time_ms);
    }
    clock->state = CH_CLOCK_RUNNING;
    clock->due_ms = due_ms;
    return true;
}

static bool breach(books *of, book_clock *clock, const ch_event *event)
{
    if (clock->state != CH_CLOCK_RUNNING || clock->due_ms == 0 || event->time_ms != clock->due_ms) {
        return wrong(of, "a clock that is due at %" PRId64 " runs out at %" PRId64, clock->due_ms,
                     event->time_ms);
    }
    clock->state = CH_CLOCK_BREACHED;
    return true;
}

static bool meet(books *of, book_clock *clock, const ch_event *event)
{
    if (clock->state != CH_CLOCK_PAUSED && clock->due_ms != 0 && event->time_ms > clock->due_ms) {
        return wrong(of, "a clock that was due at %" PRId64 " is kept at %" PRId64, clock->due_ms,
                     event->time_ms);
    }
    clock->state = CH_CLOCK_MET;
    clock->has_ended = true;
    return true;
}

/* A breach stays one. */
static bool cancel(books *of, book_clock *clock, const ch_event *event)
{
    bool is_late = ch_str_is(ch_mp_find_str(event->data, "reason"), "late");
    if (is_late ? event->time_ms <= clock->due_ms || clock->state != CH_CLOCK_BREACHED
                : clock->state == CH_CLOCK_RUNNING && clock->due_ms != 0 && event->time_ms >= clock->due_ms) {
        return wrong(of, "a clock that is due at %" PRId64 " is cancelled at %" PRId64 ", late: %d",
                     clock->due_ms, event->time_ms, is_late);
    }
    clock->state = clock->state == CH_CLOCK_BREACHED ? CH_CLOCK_BREACHED : CH_CLOCK_CANCELLED;
    clock->has_ended = true;
    return true;
}

/* It gets more time. */
static bool extend(books *of, book_clock *clock, const ch_event *event)
{
    int64_t due_ms = ch_mp_find_int(event->data, "due", 0);
    if (clock->state != CH_CLOCK_RUNNING || (clock->due_ms != 0 && due_ms <= clock->due_ms)) {
        return wrong(of, "a clock that is due at %" PRId64 " gets time until %" PRId64, clock->due_ms,
                     due_ms);
    }
    clock->due_ms = due_ms;
    return true;
}

/* More or less time, or none yet; and only when that makes a difference. */
static bool recompute(books *of, book_clock *clock, const ch_event *event)
{
    int64_t due_ms = ch_mp_find_int(event->data, "due", 0), next_ms = ch_mp_find_int(event->data, "again", 0);
    if (clock->state != CH_CLOCK_RUNNING || (due_ms != 0 && due_ms == clock->due_ms) || next_ms == 0 ||
        (due_ms != 0 && next_ms > due_ms)) {
        return wrong(of,
                     "a clock that is due at %" PRId64 " is due at %" PRId64 " by new rules, and looked at "
                     "again at %" PRId64,
                     clock->due_ms, due_ms, next_ms);
    }
    clock->due_ms = due_ms;
    return true;
}

static bool warn(books *of, book_clock *clock, const ch_event *event)
{
    return clock->state == CH_CLOCK_RUNNING && event->time_ms < clock->due_ms
               ? true
               : wrong(of, "a clock that is due at %" PRId64 " warns at %" PRId64, clock->due_ms,
                       event->time_ms);
}

static bool escalate(books *of, book_clock *clock, const ch_event *event)
{
    (void)event;
    return clock->state == CH_CLOCK_BREACHED ? true : wrong(of, "a clock that has not run out escalates");
}

static const struct {
    const char *word;
    bool (*take)(books *of, book_clock *clock, const ch_event *event);
} turns[] = {
    {"paused", pause}, {"resumed", resume},       {"breached", breach},
    {"met", meet},     {"cancelled", cancel},     {"extended", extend},
    {"warned", warn},  {"recomputed", recompute}, {"escalated", escalate},
};

/* One party after another is told. */
static bool take_level(books *of, book_clock *clock, const ch_event *event)
{
    int64_t level = ch_mp_find_int(event->data, "level", 0);
    if (level != 0 && level != clock->level + 1) {
        return wrong(of, "level %" PRId64 " is told after level %" PRId64, level, clock->level);
    }
    clock->level = level != 0 ? level : clock->level;
    return true;
}

static bool take_clock(books *of, book *at, const ch_event *event, ch_str word)
{
    uint32_t index = index_of(event, "clock");
    book_clock *clock = &at->clocks[index < BOOK_CLOCKS ? index : 0];
    bool is_right = true;
    if (ch_str_is(word, "started")) {
        is_right = start(of, at, event, index);
    } else if (clock->state == CH_CLOCK_NONE || clock->has_ended) {
        return wrong(of, "c%" PRIu32 " is %.*s, and had ended", index, CH_STR_ARG(word));
    }
    for (size_t i = 0; is_right && i < sizeof turns / sizeof *turns; i++) {
        is_right = !ch_str_is(word, turns[i].word) || turns[i].take(of, clock, event);
    }
    clock->next_ms = ch_mp_find_int(event->data, "again", 0);
    return is_right && take_level(of, clock, event);
}

/* ---- cases */

static bool take_case(books *of, const book *at, const ch_event *event, ch_str word)
{
    return !ch_str_is(word, "resumed") || at->state != CH_CASE_WAITING
               ? true
               : wrong(of, "%.*s goes on, and waits", CH_STR_ARG(event->subject));
}

static ch_str word_of(const ch_event *event, const char *family)
{
    size_t size = strlen(family);
    return (ch_str){event->type.at + size, event->type.size - size};
}

bool books_take(books *of, uint64_t number, const ch_event *event)
{
    assert_in_range(number, 1, BOOKS - 1);
    book *at = &of->at[number];
    if (event->case_version != at->version + 1 || (at->version > 0 && event->test_mode != at->is_drill)) {
        return wrong(of, "version %" PRIu32 " follows %" PRIu32 ", of a drill: %d, %d", event->case_version,
                     at->version, event->test_mode, at->is_drill);
    }
    at->version = event->case_version;
    at->state = event->case_state;
    at->is_drill = event->test_mode;
    if (event->anomalous) {
        return true;
    }
    return ch_str_starts(event->type, CH_STR("handoff."))
               ? take_handoff(of, at, event, word_of(event, "handoff."))
           : ch_str_starts(event->type, CH_STR("clock."))
               ? take_clock(of, at, event, word_of(event, "clock."))
               : take_case(of, at, event, word_of(event, "case."));
}

static bool check_book(books *of, uint64_t number, const book *at)
{
    for (size_t i = 1; i <= at->handoff_count; i++) {
        if (at->handoffs[i].is_open && !book_is_active(at)) {
            return wrong(of, "case %" PRIu64 " has ended, in state %d, and its h%zu is open", number,
                         (int)at->state, i);
        }
    }
    for (size_t i = 1; i <= at->clock_count; i++) {
        const book_clock *clock = &at->clocks[i];
        bool is_over = clock->handoff == 0 ? !book_is_active(at) : !at->handoffs[clock->handoff].is_open;
        if (!clock->has_ended && is_over) {
            return wrong(of, "case %" PRIu64 " is in state %d, and its c%zu, of h%" PRIu32 ", has not ended",
                         number, (int)at->state, i, clock->handoff);
        }
    }
    return true;
}

bool books_check(books *of)
{
    bool is_right = true;
    for (uint64_t number = 1; is_right && books_find(of, number) != NULL; number++) {
        is_right = check_book(of, number, &of->at[number]);
    }
    return is_right;
}

/* ---- against the state */

static bool is_same_clock(const book_clock *said, const ch_case_clock *kept)
{
    if (kept == NULL) {
        return said->has_ended; /* the oldest of those are forgotten */
    }
    return kept->state == said->state && ch_case_clock_is_open(kept) != said->has_ended &&
           kept->due_ms == said->due_ms && kept->next_ms == said->next_ms && kept->handoff == said->handoff &&
           kept->level == said->level;
}

bool books_compare(books *of, const ch_case *the_case)
{
    const book *at = books_find(of, the_case->number);
    if (at == NULL || at->state != the_case->state || at->version != the_case->version ||
        at->handoff_count != the_case->handoff_count) {
        return wrong(of, "%s is %s in version %" PRIu32 " with %zu handoffs, and its events say otherwise",
                     the_case->id, ch_case_state_name(the_case->state), the_case->version,
                     the_case->handoff_count);
    }
    for (size_t i = 0; i < the_case->handoff_count; i++) {
        const ch_handoff *handoff = &the_case->handoffs[i];
        const book_handoff *said = &at->handoffs[i + 1];
        if (said->state != handoff->state || said->due_ms != handoff->due_ms) {
            return wrong(of, "%s/h%zu is %s and due at %" PRId64 ", and its events say otherwise",
                         the_case->id, i + 1, ch_handoff_state_name(handoff->state), handoff->due_ms);
        }
    }
    for (uint32_t i = 1; i <= at->clock_count; i++) {
        if (!is_same_clock(&at->clocks[i], ch_case_clock_of(the_case, i))) {
            return wrong(of, "%s/c%" PRIu32 " is not what its events say", the_case->id, i);
        }
    }
    return true;
}
