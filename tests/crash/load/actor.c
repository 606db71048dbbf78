#include "tests/crash/load/actor.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#define PATH_SIZE 512

void crash_actor_fail(const crash_actor *actor, const char *what, const casehub *hub)
{
    if (hub == NULL) {
        fprintf(stderr, "%s: %s: %m\n", actor->name, what);
    } else {
        fprintf(stderr, "%s: %s: %s, %s: %s\n", actor->name, what, casehub_error_code(hub),
                casehub_error_where(hub), casehub_error_text(hub));
    }
    _exit(EX_SOFTWARE);
}

void crash_actor_journal(const crash_actor *actor, crash_journal *journal, void *context,
                         void (*on_line)(void *context, const char *line))
{
    char path[PATH_SIZE];
    snprintf(path, sizeof path, "%s/journals/%s", actor->folder, actor->name);
    if (!crash_journal_open(journal, path, context, on_line)) {
        crash_actor_fail(actor, path, NULL);
    }
}

casehub *crash_actor_connect(const crash_actor *actor, unsigned window, void *context,
                             void (*on_answer)(void *context, const casehub_answer *answer),
                             void (*on_state)(void *context, bool connected, const char *text))
{
    char key_file[PATH_SIZE];
    snprintf(key_file, sizeof key_file, "%s/%s", actor->folder, actor->name);
    const casehub_options options = {CASEHUB_SIZE(casehub_options),
                                     .endpoint = actor->endpoint,
                                     .key_file = key_file,
                                     .name = "crash-test/1",
                                     .window = window,
                                     .context = context,
                                     .on_answer = on_answer,
                                     .on_state = on_state};
    casehub *hub = casehub_new(&options);
    if (hub == NULL) {
        crash_actor_fail(actor, actor->endpoint, NULL);
    }
    return hub;
}
