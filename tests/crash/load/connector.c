#include "tests/crash/load/actor.h"
#include "tests/crash/load/script.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define BATCH_MOST 20
#define CHECKPOINT_SIZE 24

/* A checkpoint is the last number that is in, "" before the first. */
typedef struct connector {
    const crash_actor *actor;
    casehub *hub;
    crash_journal journal;
    crash_script script;
    uint64_t answered;   /* by the journal: 1 .. answered */
    uint64_t batch_from; /* number of the batch's first event */
    size_t heard;        /* answers to the batch */
} connector;

static void on_line(void *context, const char *line)
{
    connector *c = context;
    uint64_t number;
    char case_id[CRASH_CASE_SIZE] = "";
    if (sscanf(line, "A\t%" SCNu64 "\t%*[^\t]\t%*[^\t]\t%*[^\t]\t%*d\t%63[^\t]", &number, case_id) >= 1) {
        c->answered = number;
        crash_script_learn(&c->script, number, case_id);
    }
}

static void on_answer(void *context, const casehub_answer *answer)
{
    connector *c = context;
    char id[CRASH_ID_SIZE];
    uint64_t number = c->batch_from + answer->token;
    crash_script_id(number, id);
    crash_journal_answer(&c->journal, number, id, crash_script_kind(number), answer);
    crash_script_learn(&c->script, number, answer->case_id);
    c->answered = number;
    c->heard++;
}

static void print_checkpoint(char out[CHECKPOINT_SIZE], uint64_t number)
{
    out[0] = '\0';
    if (number > 0) {
        snprintf(out, CHECKPOINT_SIZE, "%" PRIu64, number);
    }
}

/* Publishes the numbers from .. to, as a batch that moves the checkpoint or as events alone. */
static void publish(connector *c, uint64_t from, uint64_t to, bool moves)
{
    ch_buf events[BATCH_MOST];
    const void *encoded[BATCH_MOST];
    size_t sizes[BATCH_MOST];
    char before[CHECKPOINT_SIZE], after[CHECKPOINT_SIZE];
    size_t count = (size_t)(to - from + 1);
    for (size_t i = 0; i < count; i++) {
        ch_buf_init(&events[i], 4096);
        if (!crash_script_event(&c->script, from + i, &events[i])) {
            crash_actor_fail(c->actor, "a case is spoken of before it is known", NULL);
        }
        encoded[i] = events[i].at;
        sizes[i] = events[i].size;
    }
    print_checkpoint(before, from - 1);
    print_checkpoint(after, to);
    const casehub_batch batch = {CASEHUB_SIZE(casehub_batch),
                                 .connector = moves ? c->actor->name : NULL,
                                 .from = moves ? before : NULL,
                                 .to = moves ? after : NULL,
                                 .encoded = encoded,
                                 .encoded_sizes = sizes,
                                 .count = count};
    c->batch_from = from;
    c->heard = 0;
    if (casehub_publish_batch(c->hub, &batch, CRASH_PATIENCE_MS) != 0) {
        crash_actor_fail(c->actor, "cannot publish a batch", c->hub);
    }
    for (size_t i = 0; i < count; i++) {
        ch_buf_done(&events[i]);
    }
}

/* What is in, but was never answered here, is asked for by its repetition. */
static void catch_up(connector *c, uint64_t to)
{
    while (c->answered < to) {
        uint64_t from = c->answered + 1;
        publish(c, from, to - from < BATCH_MOST ? to : from + BATCH_MOST - 1, false);
    }
}

static void tell_checkpoint(const connector *c, uint64_t number)
{
    crash_journal_write(&c->journal, "C\t%" PRIu64 "\n", number);
}

/* Where the hub says that this connector stands. */
static uint64_t ask_checkpoint(connector *c)
{
    char arguments[128], *rows = NULL;
    uint64_t number = 0;
    snprintf(arguments, sizeof arguments, "{\"connector\":\"%s\"}", c->actor->name);
    if (casehub_query(c->hub, "checkpoint", arguments, CRASH_PATIENCE_MS, &rows, NULL) != 0) {
        crash_actor_fail(c->actor, "cannot ask for the checkpoint", c->hub);
    }
    const char *value = strstr(rows, "\"value\":");
    if (value != NULL && sscanf(value, "\"value\":%*[ \"]%" SCNu64, &number) != 1) {
        fprintf(stderr, "%s\n", rows);
        crash_actor_fail(c->actor, "the checkpoint is none of its own", NULL);
    }
    free(rows);
    return number;
}

static void take_up(connector *c)
{
    uint64_t there = ask_checkpoint(c);
    if (there < c->answered) {
        fprintf(stderr, "%s: the hub stands at %" PRIu64 ", %" PRIu64 " was acknowledged\n", c->actor->name,
                there, c->answered);
        crash_actor_fail(c->actor, "the hub has lost a checkpoint", NULL);
    }
    catch_up(c, there);
    tell_checkpoint(c, there);
}

void crash_connector(const crash_actor *actor)
{
    connector c = {.actor = actor};
    snprintf(c.script.source, sizeof c.script.source, "hotline/%s", actor->name);
    crash_actor_journal(actor, &c.journal, &c, on_line);
    c.hub = crash_actor_connect(actor, 0, &c, on_answer, NULL);
    take_up(&c);
    while (!atomic_load(actor->stopped)) {
        uint64_t from = c.answered + 1, to = from + from % BATCH_MOST;
        publish(&c, from, to, true);
        if (c.heard == 0) {
            catch_up(&c, to);
        }
        tell_checkpoint(&c, to);
    }
    casehub_free(&c.hub);
}
