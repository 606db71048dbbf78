#include "hub/run/recount.h"

#include "hub/base/diag.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* A look at so many takes a few milliseconds of the writer's time. */
#define LOOK_EVERY_MS 20
#define LOOK_AT 1024
#define FOUND_MOST 256

/* Names a clock of a case as it was seen. */
typedef struct miscounted {
    char case_id[CH_CASE_ID_SIZE];
    uint32_t index, version;
} miscounted;

struct ch_recount {
    ch_store *store;
    const ch_clock *clock;
    ch_rules *rules;
    ch_case *the_case;
    int64_t since_ms;       /* the rules are in force */
    uint64_t begun_at;      /* so far other rules decided: the state is looked at once it shows that */
    ch_deadline_place from; /* what comes before has been looked at */
    bool is_done;
    int64_t next_look_ms; /* monotonic */
    miscounted found[FOUND_MOST];
    size_t count, taken;
};

void ch_recount_begin(ch_recount *recount, ch_rules *rules)
{
    ch_rules *before = recount->rules;
    recount->rules = ch_rules_ref(rules);
    if (before != NULL) {
        ch_rules_unref(before);
    }
    recount->since_ms = ch_clock_wall_ms(recount->clock);
    recount->begun_at = ch_event_log_last(recount->store->log);
    recount->from = (ch_deadline_place){.due_ms = 0};
    recount->is_done = false;
    recount->next_look_ms = ch_clock_monotonic_ms(recount->clock);
    recount->count = recount->taken = 0;
}

ch_status ch_recount_new(ch_recount **out_recount, ch_store *store, const ch_clock *clock, ch_rules *rules)
{
    ch_recount *recount = calloc(1, sizeof *recount);
    if (recount == NULL || ch_case_new(&recount->the_case) != CH_OK) {
        free(recount);
        return CH_NO_MEMORY;
    }
    recount->store = store;
    recount->clock = clock;
    ch_recount_begin(recount, rules);
    *out_recount = recount;
    return CH_OK;
}

void ch_recount_free(ch_recount *recount)
{
    if (recount != NULL) {
        ch_rules_unref(recount->rules);
        ch_case_free(recount->the_case);
        free(recount);
    }
}

/* ---- looking */

typedef struct looking {
    ch_recount *recount;
    ch_state_reader *reader;
    size_t seen;
    bool goes_on; /* behind where it stopped */
    ch_status status;
} looking;

static void note_miscounted(ch_recount *recount, uint32_t index)
{
    int64_t due_ms;
    const ch_case *the_case = recount->the_case;
    const ch_case_clock *clock = ch_case_clock_of(the_case, index);
    if (clock != NULL && ch_clock_is_miscounted(recount->rules, clock, &due_ms)) {
        miscounted *found = &recount->found[recount->count++];
        *found = (miscounted){.index = index, .version = the_case->version};
        memcpy(found->case_id, the_case->id, sizeof found->case_id);
    }
}

/* Of handoffs there is nothing to count. */
static bool see_deadline(void *context, int64_t due_ms, uint64_t case_number, uint32_t index)
{
    looking *look = context;
    ch_recount *recount = look->recount;
    recount->from = (ch_deadline_place){due_ms, case_number, index};
    if (look->seen == LOOK_AT || recount->count == FOUND_MOST) {
        look->goes_on = true;
        return false;
    }
    look->seen++;
    if ((index & CH_DEADLINE_OF_CLOCK) != 0) {
        look->status = ch_state_reader_case(look->reader, case_number, recount->the_case);
        if (look->status == CH_OK) {
            note_miscounted(recount, index & ~CH_DEADLINE_OF_CLOCK);
        }
    }
    return look->status == CH_OK;
}

/* A clock that gets a later place meanwhile is met there again, and is counted by then; one that gets an earlier place was
 * counted when it got it. */
static ch_status look_into(ch_recount *recount, ch_state_reader *reader)
{
    looking looks = {.recount = recount, .reader = reader, .status = CH_OK};
    const ch_deadline_place from = recount->from;
    if (ch_state_reader_position(reader) < recount->begun_at) {
        return CH_OK;
    }
    ch_status status = ch_state_reader_deadlines_from(reader, &from, see_deadline, &looks);
    status = status == CH_OK ? looks.status : status;
    if (status != CH_OK) {
        recount->from = from;
        recount->count = 0;
    }
    recount->is_done = status == CH_OK && !looks.goes_on;
    return status;
}

static void look(ch_recount *recount)
{
    ch_error error;
    ch_state_reader *reader;
    recount->count = recount->taken = 0;
    recount->next_look_ms = ch_clock_monotonic_ms(recount->clock) + LOOK_EVERY_MS;
    ch_status status = ch_state_reader_open(&reader, recount->store->state, &error);
    if (status == CH_OK) {
        status = look_into(recount, reader);
        ch_state_reader_close(reader);
    }
    if (status != CH_OK) {
        ch_diag(CH_DIAG_ERROR, "recount", "clocks cannot be read: %s", ch_status_text(status));
    }
}

/* ---- events */

/* All of one change are of the time when it came into force, so that a second event about the same is a repeat. */
static ch_status make_event(const ch_recount *recount, const miscounted *of, ch_work **out_work,
                            ch_error *error)
{
    char id[CH_HANDOFF_ID_SIZE], event_id[CH_ID_MAX + 1];
    snprintf(id, sizeof id, "%s/c%" PRIu32, of->case_id, of->index);
    snprintf(event_id, sizeof event_id, "%s/recomputed/%" PRIu32, id, of->version);
    const ch_work_about about = {.hub_code = recount->store->hub_code,
                                 .type = "clock.recomputed",
                                 .event_id = event_id,
                                 .case_id = of->case_id,
                                 .key = "clock",
                                 .thing = id,
                                 .time_ms = recount->since_ms};
    return ch_work_of_thing(out_work, &about, error);
}

ch_status ch_recount_event(const ch_recount *recount, const ch_case *the_case, const ch_case_clock *clock,
                           ch_work **out_work, ch_error *error)
{
    int64_t due_ms;
    miscounted of = {.index = clock->index, .version = the_case->version};
    if (!ch_clock_is_miscounted(recount->rules, clock, &due_ms)) {
        return CH_END;
    }
    memcpy(of.case_id, the_case->id, sizeof of.case_id);
    return make_event(recount, &of, out_work, error);
}

ch_work *ch_recount_next(ch_recount *recount)
{
    ch_error error;
    ch_work *work;
    if (recount->taken == recount->count) {
        if (recount->is_done || ch_clock_monotonic_ms(recount->clock) < recount->next_look_ms) {
            return NULL;
        }
        look(recount);
    }
    if (recount->taken == recount->count) {
        return NULL;
    }
    ch_status status = make_event(recount, &recount->found[recount->taken], &work, &error);
    if (status != CH_OK) {
        ch_diag_failure("recount", &error, "a clock could not be counted again yet");
        recount->next_look_ms = ch_clock_monotonic_ms(recount->clock) + LOOK_EVERY_MS;
        return NULL;
    }
    recount->taken++;
    return work;
}

int64_t ch_recount_wait_ms(const ch_recount *recount)
{
    if (recount->taken < recount->count) {
        return 0;
    }
    int64_t wait = recount->next_look_ms - ch_clock_monotonic_ms(recount->clock);
    return recount->is_done ? INT64_MAX : wait < 0 ? 0 : wait;
}
