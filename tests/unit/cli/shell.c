#include "tests/unit/cli/shell.h"

#include "hub/cli/times.h"

#include <assert.h>
#include <locale.h>
#include <stdlib.h>
#include <unistd.h>

static const char *variable(const char *name)
{
    return strcmp(name, "CASEHUB_HUB") == 0 ? "ipc:///nowhere/hub.ipc" : NULL;
}

int shell_setup(void **state)
{
    shell *self = calloc(1, sizeof *self);
    if (self == NULL) {
        return -1;
    }
    setlocale(LC_CTYPE, "C.UTF-8");
    unsetenv("TZ");
    ch_times_use_zone();
    ch_random_seeded_init(&self->random, 7);
    self->hub = fake_hub_reset();
    *state = self;
    return 0;
}

int shell_teardown(void **state)
{
    shell *self = *state;
    fake_hub_reset();
    free(self->out);
    free(self->err);
    free(self);
    return 0;
}

/* A file that has no name any more. */
static int open_input(const char *text)
{
    FILE *file = tmpfile();
    assert(file != NULL);
    fputs(text == NULL ? "" : text, file);
    fflush(file);
    int fd = dup(fileno(file));
    fclose(file);
    lseek(fd, 0, SEEK_SET);
    return fd;
}

void shell_run_words(shell *self, char **words)
{
    size_t out_size, err_size;
    int count = 0;
    free(self->out);
    free(self->err);
    while (words[count] != NULL) {
        count++;
    }
    self->out = NULL;
    FILE *out = self->full ? fopen("/dev/full", "w") : open_memstream(&self->out, &out_size);
    FILE *err = open_memstream(&self->err, &err_size);
    assert(out != NULL && err != NULL);
    const ch_cli_world world = {.out = out,
                                .err = err,
                                .in_fd = open_input(self->input),
                                .out_is_terminal = self->terminal,
                                .clock = &self->hub->clock.clock,
                                .random = &self->random.random,
                                .variable = variable};
    self->code = ch_cli_run(count, words, &world);
    close(world.in_fd);
    fclose(out);
    fclose(err);
}
