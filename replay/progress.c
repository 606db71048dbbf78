#include "replay/progress.h"

#include <inttypes.h>

#define TERMINAL_EVERY_MS 500
#define FILE_EVERY_MS 10000

void ch_progress_format(char *out, size_t size, const char *what, uint64_t done, uint64_t total,
                        int64_t spent_ms)
{
    double rate = spent_ms > 0 ? (double)done * 1000.0 / (double)spent_ms : 0.0;
    int used = snprintf(out, size, "%s %" PRIu64 " of %" PRIu64 " records (%.0f%%), %.0f/s", what, done,
                        total, total == 0 ? 100.0 : 100.0 * (double)done / (double)total, rate);
    if (used > 0 && (size_t)used < size && rate > 0.0 && done < total) {
        snprintf(out + used, size - (size_t)used, ", %.0fs left", (double)(total - done) / rate);
    }
}

void ch_progress_begin(ch_progress *progress, const ch_replay *replay, const char *what, uint64_t first,
                       uint64_t last)
{
    const ch_replay_world *world = replay->world;
    int64_t now_ms = ch_clock_monotonic_ms(world->clock);
    *progress = (ch_progress){.world = world,
                              .told = world->err_is_terminal || replay->options->progress,
                              .what = what,
                              .begun_ms = now_ms,
                              .told_ms = now_ms,
                              .first = first,
                              .last = last};
}

void ch_progress_at(ch_progress *progress, uint64_t sequence)
{
    const ch_replay_world *world = progress->world;
    int64_t now_ms = ch_clock_monotonic_ms(world->clock);
    char line[160];
    if (!progress->told ||
        now_ms - progress->told_ms < (world->err_is_terminal ? TERMINAL_EVERY_MS : FILE_EVERY_MS)) {
        return;
    }
    progress->told_ms = now_ms;
    ch_progress_format(line, sizeof line, progress->what, sequence + 1 - progress->first,
                       progress->last + 1 - progress->first, now_ms - progress->begun_ms);
    /* The blanks cover what is left of a longer line. */
    fprintf(world->err, world->err_is_terminal ? "\r%s    " : "casehub-replay: %s\n", line);
    fflush(world->err);
    progress->open = world->err_is_terminal;
}

void ch_progress_end(ch_progress *progress)
{
    if (progress->open) {
        fputc('\n', progress->world->err);
        progress->open = false;
    }
}

double ch_progress_seconds(const ch_progress *progress)
{
    return (double)(ch_clock_monotonic_ms(progress->world->clock) - progress->begun_ms) / 1000.0;
}
