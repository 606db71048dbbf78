#include "hub/run/expiry.h"

#include "hub/base/diag.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define LOOK_EVERY_MS 250
#define AT_ONCE 256

typedef struct overdue {
    int64_t due_ms;
    uint64_t case_number;
    uint32_t index;
} overdue;

struct ch_expiry {
    ch_store *store;
    const ch_clock *clock;
    const ch_recount *recount;
    ch_case *the_case;
    int64_t from_ms;  /* what is due before has been seen, but for what was noted */
    int64_t noted_ms; /* earliest due time that the committed state shows from noted_at on; INT64_MAX: none */
    uint64_t noted_at;    /* position */
    int64_t fresh_ms;     /* the same of what was noted since the last look */
    int64_t next_look_ms; /* monotonic */
    overdue found[AT_ONCE];
    size_t count, taken;
};

ch_status ch_expiry_new(ch_expiry **out_expiry, ch_store *store, const ch_clock *clock,
                        const ch_recount *recount)
{
    ch_expiry *expiry = calloc(1, sizeof *expiry);
    if (expiry == NULL || ch_case_new(&expiry->the_case) != CH_OK) {
        free(expiry);
        return CH_NO_MEMORY;
    }
    expiry->store = store;
    expiry->clock = clock;
    expiry->recount = recount;
    expiry->noted_ms = expiry->fresh_ms = INT64_MAX;
    *out_expiry = expiry;
    return CH_OK;
}

void ch_expiry_free(ch_expiry *expiry)
{
    if (expiry != NULL) {
        ch_case_free(expiry->the_case);
        free(expiry);
    }
}

typedef struct looking {
    ch_expiry *expiry;
    ch_state_reader *reader;
    ch_status status;
} looking;

/* A handoff that was accepted is late, but not expired: it has its receiver. */
static bool is_overdue(const ch_case *the_case, const overdue *at)
{
    if ((at->index & CH_DEADLINE_OF_CLOCK) != 0) {
        const ch_case_clock *clock = ch_case_clock_of(the_case, at->index & ~CH_DEADLINE_OF_CLOCK);
        return clock != NULL && clock->next_ms == at->due_ms;
    }
    const ch_handoff *handoff = ch_case_handoff(the_case, at->index);
    return handoff != NULL &&
           (handoff->state == CH_HANDOFF_OFFERED || handoff->state == CH_HANDOFF_DELIVERED);
}

static bool see_deadline(void *context, int64_t due_ms, uint64_t case_number, uint32_t index)
{
    looking *look = context;
    ch_expiry *expiry = look->expiry;
    look->status = ch_state_reader_case(look->reader, case_number, expiry->the_case);
    if (look->status != CH_OK) {
        return false;
    }
    const overdue at = {due_ms, case_number, index};
    expiry->from_ms = due_ms;
    if (is_overdue(expiry->the_case, &at)) {
        expiry->found[expiry->count++] = at;
    }
    return expiry->count < AT_ONCE;
}

static int64_t earlier(int64_t a_ms, int64_t b_ms)
{
    return a_ms < b_ms ? a_ms : b_ms;
}

/* What was noted counts until a look has begun there in a state that shows it. */
static int64_t begin_at(ch_expiry *expiry, const ch_state_reader *reader)
{
    if (ch_state_reader_position(reader) >= expiry->noted_at) {
        expiry->from_ms = earlier(expiry->from_ms, expiry->noted_ms);
        expiry->noted_ms = expiry->fresh_ms;
        expiry->noted_at = ch_state_position(expiry->store->state);
        expiry->fresh_ms = INT64_MAX;
    }
    return earlier(expiry->from_ms, earlier(expiry->noted_ms, expiry->fresh_ms));
}

static void look_again_from(ch_expiry *expiry, int64_t due_ms)
{
    expiry->from_ms = earlier(expiry->from_ms, due_ms);
}

static ch_status look_into(ch_expiry *expiry, ch_state_reader *reader, int64_t now)
{
    looking looks = {.expiry = expiry, .reader = reader, .status = CH_OK};
    int64_t from = begin_at(expiry, reader);
    ch_status status = ch_state_reader_deadlines(reader, from, now, see_deadline, &looks);
    status = status == CH_OK ? looks.status : status;
    if (status != CH_OK) {
        look_again_from(expiry, from);
        expiry->count = 0;
    }
    return status;
}

/* The state that is looked at lags a little behind: what was found before and is not committed yet is found again, and
 * is a duplicate then. */
static void look(ch_expiry *expiry)
{
    ch_error error;
    ch_state_reader *reader;
    int64_t now = ch_clock_wall_ms(expiry->clock);
    expiry->count = expiry->taken = 0;
    expiry->next_look_ms = ch_clock_monotonic_ms(expiry->clock) + LOOK_EVERY_MS;
    ch_status status = ch_state_reader_open(&reader, expiry->store->state, &error);
    if (status == CH_OK) {
        status = look_into(expiry, reader, now);
        ch_state_reader_close(reader);
    }
    if (status != CH_OK) {
        ch_diag(CH_DIAG_ERROR, "expiry", "deadlines cannot be read: %s", ch_status_text(status));
    }
}

static ch_status make_work(ch_expiry *expiry, const char *type, const char *key, const char *id,
                           int64_t due_ms, ch_work **out_work, ch_error *error)
{
    char event_id[CH_ID_MAX + 1];
    snprintf(event_id, sizeof event_id, "%s/%s/%" PRId64, id, strchr(type, '.') + 1, due_ms);
    const ch_work_about about = {.hub_code = expiry->store->hub_code,
                                 .type = type,
                                 .event_id = event_id,
                                 .case_id = expiry->the_case->id,
                                 .key = key,
                                 .thing = id,
                                 .time_ms = due_ms};
    return ch_work_of_thing(out_work, &about, error);
}

static ch_status load_case(ch_expiry *expiry, uint64_t number, ch_error *error)
{
    ch_state_reader *reader;
    ch_status status = ch_state_reader_open(&reader, expiry->store->state, error);
    if (status == CH_OK) {
        status = ch_state_reader_case(reader, number, expiry->the_case);
        ch_state_reader_close(reader);
        status = status == CH_OK ? CH_OK : ch_error_set(error, status, "state", "a case cannot be read");
    }
    return status;
}

/* One that the rules count otherwise by now is not due: it is counted again. */
static ch_status make_clock_event(ch_expiry *expiry, const overdue *at, ch_work **out_work, ch_error *error)
{
    char id[CH_HANDOFF_ID_SIZE];
    const ch_case_clock *clock = ch_case_clock_of(expiry->the_case, at->index & ~CH_DEADLINE_OF_CLOCK);
    ch_status status = ch_recount_event(expiry->recount, expiry->the_case, clock, out_work, error);
    if (status != CH_END) {
        return status;
    }
    snprintf(id, sizeof id, "%s/c%" PRIu32, expiry->the_case->id, clock->index);
    return make_work(expiry, ch_case_clock_next(clock), "clock", id, at->due_ms, out_work, error);
}

/* CH_END: it is not overdue any more. */
static ch_status make_event(ch_expiry *expiry, const overdue *at, ch_work **out_work, ch_error *error)
{
    char id[CH_HANDOFF_ID_SIZE];
    ch_status status = load_case(expiry, at->case_number, error);
    if (status != CH_OK || !is_overdue(expiry->the_case, at)) {
        return status == CH_OK ? CH_END : status;
    }
    if ((at->index & CH_DEADLINE_OF_CLOCK) != 0) {
        return make_clock_event(expiry, at, out_work, error);
    }
    snprintf(id, sizeof id, "%s/h%" PRIu32, expiry->the_case->id, at->index);
    return make_work(expiry, "handoff.expired", "handoff", id, at->due_ms, out_work, error);
}

ch_work *ch_expiry_next(ch_expiry *expiry)
{
    ch_error error;
    if (expiry->taken == expiry->count) {
        if (ch_clock_monotonic_ms(expiry->clock) < expiry->next_look_ms) {
            return NULL;
        }
        look(expiry);
    }
    while (expiry->taken < expiry->count) {
        ch_work *work;
        const overdue *at = &expiry->found[expiry->taken++];
        ch_status status = make_event(expiry, at, &work, &error);
        if (status == CH_OK) {
            return work;
        }
        if (status != CH_END) {
            look_again_from(expiry, at->due_ms);
            ch_diag_failure("expiry", &error, "what is overdue could not be reported");
        }
    }
    return NULL;
}

void ch_expiry_note_due(ch_expiry *expiry, int64_t due_ms)
{
    expiry->fresh_ms = earlier(expiry->fresh_ms, due_ms);
}

int64_t ch_expiry_wait_ms(const ch_expiry *expiry)
{
    int64_t wait = expiry->next_look_ms - ch_clock_monotonic_ms(expiry->clock);
    return wait < 0 ? 0 : wait;
}
