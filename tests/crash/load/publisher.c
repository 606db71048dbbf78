#include "tests/crash/load/actor.h"
#include "tests/crash/load/script.h"

#include <inttypes.h>
#include <string.h>

typedef struct publisher {
    const crash_actor *actor;
    crash_journal journal;
    crash_script script;
    uint64_t answered; /* 1 .. answered; the hub answers in order */
} publisher;

static void on_line(void *context, const char *line)
{
    publisher *p = context;
    uint64_t number;
    char case_id[CRASH_CASE_SIZE] = "";
    if (sscanf(line, "A\t%" SCNu64 "\t%*[^\t]\t%*[^\t]\t%*[^\t]\t%*d\t%63[^\t]", &number, case_id) >= 1) {
        p->answered = number;
        crash_script_learn(&p->script, number, case_id);
    }
}

static void on_answer(void *context, const casehub_answer *answer)
{
    publisher *p = context;
    char id[CRASH_ID_SIZE];
    if (answer->token != p->answered + 1) {
        fprintf(stderr, "answer %" PRIu64 " comes behind %" PRIu64 "\n", answer->token, p->answered);
        crash_actor_fail(p->actor, "answers out of order", NULL);
    }
    crash_script_id(answer->token, id);
    crash_journal_answer(&p->journal, answer->token, id, crash_script_kind(answer->token), answer);
    crash_script_learn(&p->script, answer->token, answer->case_id);
    p->answered = answer->token;
}

/* False: the window is full. */
static bool publish(publisher *p, casehub *hub, ch_buf *event, uint64_t number)
{
    if (!crash_script_event(&p->script, number, event)) {
        crash_actor_fail(p->actor, "a case is spoken of before it is known", NULL);
    }
    if (casehub_publish(hub, event->at, event->size, number) == 0) {
        return true;
    }
    if (strcmp(casehub_error_code(hub), "full") != 0) {
        crash_actor_fail(p->actor, "cannot publish", hub);
    }
    return false;
}

void crash_publisher(const crash_actor *actor)
{
    publisher p = {.actor = actor};
    ch_buf event;
    ch_buf_init(&event, 4096);
    snprintf(p.script.source, sizeof p.script.source, "hotline/%s", actor->name);
    crash_actor_journal(actor, &p.journal, &p, on_line);
    casehub *hub = crash_actor_connect(actor, CRASH_UNDER_WAY_MOST, &p, on_answer, NULL);
    uint64_t next = p.answered + 1;
    /* What was under way when this process was killed is said again in any case: the hub may have it. */
    const uint64_t said_before = p.answered == 0 ? 0 : p.answered + CRASH_UNDER_WAY_MOST;
    while (!atomic_load(actor->stopped) || next <= said_before) {
        while (publish(&p, hub, &event, next)) {
            next++;
        }
        if (casehub_poll(hub, CRASH_TURN_MS) != 0) {
            crash_actor_fail(actor, "the connection has ended", hub);
        }
    }
    if (casehub_flush(hub, CRASH_PATIENCE_MS) != 0) {
        crash_actor_fail(actor, "cannot finish", hub);
    }
    casehub_free(&hub);
    ch_buf_done(&event);
}
