/* crash_load: clients that work a hub until they are told to stop.
 *
 *     crash_load FOLDER TCP IPC ROLE:NAME:TRANSPORT ...
 *
 * ROLE is publisher, connector, witness, inbox or desk, TRANSPORT tcp or ipc. SIGINT stops those who publish; then "published" is
 * printed, once all they said is answered. SIGTERM stops the rest and the process.
 */
#include "tests/crash/load/actor.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#define ACTORS_MOST 32

static const struct role {
    const char *name;
    void (*run)(const crash_actor *actor);
    bool publishes;
} roles[] = {{"publisher", crash_publisher, true},
             {"connector", crash_connector, true},
             {"witness", crash_witness, false},
             {"inbox", crash_inbox, false},
             {"desk", crash_desk, false}};

typedef struct player {
    crash_actor actor;
    const struct role *role;
    pthread_t thread;
} player;

typedef struct load {
    player players[ACTORS_MOST];
    size_t count;
    atomic_bool publishers_stopped, all_stopped;
} load;

static int usage(void)
{
    fputs("usage: crash_load FOLDER TCP IPC publisher|connector|witness|inbox|desk:NAME:tcp|ipc ...\n",
          stderr);
    return EX_USAGE;
}

/* Cuts the argument into its three words. */
static bool read_player(load *all, char **argv, char *word)
{
    player *p = &all->players[all->count];
    char *rest = NULL;
    const char *role = strtok_r(word, ":", &rest), *name = strtok_r(NULL, ":", &rest);
    for (size_t i = 0; role != NULL && i < sizeof roles / sizeof *roles; i++) {
        if (strcmp(role, roles[i].name) == 0) {
            p->role = &roles[i];
        }
    }
    bool ipc = rest != NULL && strcmp(rest, "ipc") == 0;
    if (p->role == NULL || name == NULL || rest == NULL || (!ipc && strcmp(rest, "tcp") != 0)) {
        return false;
    }
    p->actor = (crash_actor){.name = name,
                             .folder = argv[1],
                             .endpoint = argv[ipc ? 3 : 2],
                             .stopped = p->role->publishes ? &all->publishers_stopped : &all->all_stopped};
    all->count++;
    return true;
}

static void *run(void *argument)
{
    const player *p = argument;
    p->role->run(&p->actor);
    return NULL;
}

static void join(const load *all, bool publishers)
{
    for (size_t i = 0; i < all->count; i++) {
        if (all->players[i].role->publishes == publishers) {
            pthread_join(all->players[i].thread, NULL);
        }
    }
}

static void wait_for(const sigset_t *signals, int wanted)
{
    int number = 0;
    while (sigwait(signals, &number) == 0 && number != wanted) {
    }
}

int main(int argc, char **argv)
{
    static load all;
    sigset_t signals;
    if (argc < 5 || argc - 4 > ACTORS_MOST) {
        return usage();
    }
    for (int i = 4; i < argc; i++) {
        if (!read_player(&all, argv, argv[i])) {
            return usage();
        }
    }
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &signals, NULL); /* the threads inherit it */
    for (size_t i = 0; i < all.count; i++) {
        if (pthread_create(&all.players[i].thread, NULL, run, &all.players[i]) != 0) {
            fputs("crash_load: no more threads\n", stderr);
            return EX_OSERR;
        }
    }
    wait_for(&signals, SIGINT);
    atomic_store(&all.publishers_stopped, true);
    join(&all, true);
    puts("published");
    fflush(stdout);
    wait_for(&signals, SIGTERM);
    atomic_store(&all.all_stopped, true);
    join(&all, false);
    return EX_OK;
}
