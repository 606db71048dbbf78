/* export: the public part of a log as a text file that proves itself (export_format.h). */
#include "replay/filter.h"
#include "replay/guard.h"
#include "replay/progress.h"
#include "replay/report.h"

#include "hub/base/interrupt.h"

#include <errno.h>
#include <inttypes.h>
#include <libgen.h>
#include <sodium.h>
#include <unistd.h>

#define LINE_LIMIT ((size_t)4 << 20)
#define LOOK_UP_EVERY 1024

typedef struct output {
    FILE *file;
    bool to_stdout;
    char path[CH_PATH_SIZE], beside[CH_PATH_SIZE]; /* the file, and what it is called while it is written */
    crypto_generichash_state hash;
} output;

typedef struct export
{
    ch_replay *replay;
    ch_place place;
    ch_tape *tape;
    ch_export_header header;
    output out;
    uint64_t count;
    ch_buf line;
}
export;

static ch_status open_output(output *out, const ch_replay *replay, ch_error *error)
{
    const char *path = replay->options->output;
    out->to_stdout = strcmp(path, "-") == 0;
    crypto_generichash_init(&out->hash, NULL, 0, CH_HASH_SIZE);
    if (out->to_stdout) {
        out->file = replay->world->out;
        return CH_OK;
    }
    if (ch_str_copy(out->path, sizeof out->path, ch_str_of(path)) != CH_OK ||
        snprintf(out->beside, sizeof out->beside, "%s.part", path) >= (int)sizeof out->beside) {
        return ch_error_set(error, CH_INVALID, path, "the path is too long");
    }
    out->file = fopen(out->beside, "wbe");
    return out->file != NULL ? CH_OK : ch_disk_fail(error, out->beside, "cannot be made");
}

/* The file is there as a whole, or not at all. */
static ch_status finish_output(output *out, ch_error *error)
{
    char dir[CH_PATH_SIZE];
    if (out->to_stdout) {
        return CH_OK;
    }
    bool written = fflush(out->file) == 0 && fsync(fileno(out->file)) == 0;
    if (fclose(out->file) != 0 || !written) {
        out->file = NULL;
        return ch_disk_fail(error, out->beside, "cannot be written");
    }
    out->file = NULL;
    if (rename(out->beside, out->path) != 0) {
        return ch_disk_fail(error, out->path, "cannot be replaced");
    }
    memcpy(dir, out->path, sizeof dir);
    return ch_dir_sync(dirname(dir), error);
}

static void drop_output(output *out)
{
    if (out->to_stdout || out->beside[0] == '\0') {
        return;
    }
    if (out->file != NULL) {
        fclose(out->file);
    }
    unlink(out->beside);
}

static ch_status write_line(export *run, ch_error *error)
{
    ch_buf *line = &run->line;
    if (line->failed != CH_OK) {
        return ch_error_set(error, line->failed, NULL, "no memory for a line");
    }
    if (fwrite(line->at, 1, line->size, run->out.file) != line->size) {
        return ch_disk_fail(error, run->replay->options->output, "cannot be written");
    }
    crypto_generichash_update(&run->out.hash, line->at, line->size);
    ch_buf_clear(line);
    return CH_OK;
}

static ch_status write_event(export *run, const ch_tape_item *item, ch_error *error)
{
    ch_status status = ch_event_to_json(&run->line, item->encoded);
    if (status != CH_OK) {
        return ch_error_set(error, status, NULL, "record %" PRIu64 " cannot be written", item->sequence);
    }
    ch_buf_append(&run->line, "\n", 1);
    run->count++;
    return write_line(run, error);
}

static ch_status write_events(export *run, ch_error *error)
{
    ch_tape_item item = {.sequence = 0};
    ch_progress progress;
    ch_status status = CH_OK;
    ch_progress_begin(&progress, run->replay->world, "exported", run->header.first, run->header.last);
    for (uint64_t at = run->header.first; at <= run->header.last && status == CH_OK; at++) {
        status = ch_tape_next(run->tape, &item, error);
        if (status == CH_OK) {
            status = write_event(run, &item, error);
        }
        if (status == CH_OK && at % LOOK_UP_EVERY == 0) {
            ch_progress_at(&progress, at);
            status = ch_interrupt_check(error);
        }
    }
    ch_progress_end(&progress);
    return status;
}

static ch_status write_trailer(export *run, ch_export_trailer *out_trailer, ch_error *error)
{
    uint8_t hash[CH_HASH_SIZE];
    out_trailer->count = run->count;
    crypto_generichash_final(&run->out.hash, hash, sizeof hash);
    sodium_bin2hex(out_trailer->hash, sizeof out_trailer->hash, hash, sizeof hash);
    ch_export_trailer_print(&run->line, out_trailer);
    if (run->line.failed != CH_OK) {
        return ch_error_set(error, run->line.failed, NULL, "no memory for a line");
    }
    return fwrite(run->line.at, 1, run->line.size, run->out.file) == run->line.size
               ? CH_OK
               : ch_disk_fail(error, run->replay->options->output, "cannot be written");
}

static ch_status write_all(export *run, ch_export_trailer *out_trailer, ch_error *error)
{
    ch_export_header_print(&run->line, &run->header);
    ch_status status = write_line(run, error);
    if (status == CH_OK) {
        status = write_events(run, error);
    }
    if (status == CH_OK) {
        status = write_trailer(run, out_trailer, error);
    }
    return status == CH_OK ? finish_output(&run->out, error) : status;
}

/* From and to as sequences. */
static ch_status find_range(export *run, ch_error *error)
{
    ch_bound from, to;
    uint64_t behind = 0;
    uint64_t last = ch_tape_last(run->tape);
    ch_status status = ch_bound_parse(&from, run->replay->options->from, "from", error);
    if (status == CH_OK) {
        status = ch_bound_parse(&to, run->replay->options->to, "to", error);
    }
    if (status != CH_OK) {
        return status;
    }
    run->header.first = from.given && from.sequence > 0 ? from.sequence : 1;
    run->header.last = to.given && to.sequence < last ? to.sequence : last;
    if (from.is_time) {
        status = ch_tape_find_time(run->tape, from.time_ms, &run->header.first, error);
    }
    if (status == CH_OK && to.is_time) {
        status = ch_tape_find_time(run->tape, to.time_ms + 1, &behind, error);
        run->header.last = behind - 1;
    }
    if (status == CH_OK && run->header.last < run->header.first && (from.given || to.given)) {
        status = ch_error_set(error, CH_INVALID, NULL, "there is no record between --from and --to");
    }
    return status;
}

static ch_status prepare(export *run, ch_error *error)
{
    uint8_t chain[CH_HASH_SIZE];
    ch_status status = ch_tape_open(&run->tape, &run->place, 0, error);
    if (status == CH_OK) {
        status = find_range(run, error);
    }
    if (status == CH_OK) {
        status = ch_tape_chain(run->tape, run->header.last, chain, error);
    }
    if (status != CH_OK) {
        return status;
    }
    sodium_bin2hex(run->header.chain, sizeof run->header.chain, chain, sizeof chain);
    memcpy(run->header.hub_code, run->place.hub_code, sizeof run->header.hub_code);
    run->header.epoch = run->place.epoch;
    ch_tape_close(run->tape);
    run->tape = NULL;
    return ch_tape_open(&run->tape, &run->place, run->header.first, error);
}

/* On standard output stands the export itself. */
static ch_status report(const export *run, const ch_export_trailer *trailer, ch_error *error)
{
    ch_report lines;
    if (run->out.to_stdout) {
        return CH_OK;
    }
    ch_report_begin(&lines, run->replay);
    ch_report_text(&lines, "output", run->out.path);
    ch_report_number(&lines, "first", run->header.first);
    ch_report_number(&lines, "last", run->header.last);
    ch_report_number(&lines, "count", trailer->count);
    ch_report_text(&lines, "chain", run->header.chain);
    ch_report_text(&lines, "hash", trailer->hash);
    return ch_report_end(&lines, error);
}

static ch_status export_place(export *run, ch_error *error)
{
    ch_export_trailer trailer = {.count = 0};
    ch_guard_begin("the log", false);
    ch_status status = prepare(run, error);
    if (status == CH_OK) {
        status = open_output(&run->out, run->replay, error);
    }
    if (status == CH_OK) {
        status = write_all(run, &trailer, error);
        if (status != CH_OK) {
            drop_output(&run->out);
        }
    }
    ch_guard_end();
    return status == CH_OK ? report(run, &trailer, error) : status;
}

ch_status ch_replay_export(ch_replay *replay, ch_error *error)
{
    export run = {.replay = replay};
    ch_status status = ch_place_open_given(&run.place, replay, error);
    if (status != CH_OK) {
        return status;
    }
    ch_buf_init(&run.line, LINE_LIMIT);
    status = export_place(&run, error);
    ch_tape_close(run.tape);
    ch_buf_done(&run.line);
    ch_place_close(&run.place);
    return status;
}
