/* export: a log, or a part of it, as one file that proves itself: an archive, or JSON lines. */
#include "replay/export_run.h"
#include "replay/filter.h"
#include "replay/guard.h"
#include "replay/progress.h"
#include "replay/report.h"

#include "hub/base/interrupt.h"
#include "hub/store/whole_file.h"

#define LOOK_UP_EVERY 1024

ch_status ch_export_walk(ch_export *run, ch_export_writer write, void *context, ch_error *error)
{
    ch_tape_item item = {.sequence = 0};
    ch_progress progress;
    ch_status status = CH_OK;
    ch_progress_begin(&progress, run->replay, "exported", run->first, run->last);
    for (uint64_t at = run->first; at <= run->last && status == CH_OK; at++) {
        status = ch_tape_next(run->tape, &item, error);
        if (status == CH_OK) {
            status = write(context, &item, error);
            run->count++;
        }
        if (status == CH_OK && at % LOOK_UP_EVERY == 0) {
            ch_progress_at(&progress, at);
            status = ch_interrupt_check(error);
        }
    }
    ch_progress_end(&progress);
    return status;
}

/* From and to as sequences. */
static ch_status find_range(ch_export *run, ch_error *error)
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
    run->first = from.given && from.sequence > 0 ? from.sequence : 1;
    run->last = to.given && to.sequence < last ? to.sequence : last;
    if (from.is_time) {
        status = ch_tape_find_time(run->tape, from.time_ms, &run->first, error);
    }
    if (status == CH_OK && to.is_time) {
        status = ch_tape_find_time(run->tape, to.time_ms + 1, &behind, error);
        run->last = behind - 1;
    }
    if (status == CH_OK && run->last < run->first && (from.given || to.given)) {
        status = ch_error_set(error, CH_INVALID, NULL, "there is no record between --from and --to");
    }
    return status;
}

static ch_status prepare(ch_export *run, ch_error *error)
{
    ch_status status = ch_tape_open(&run->tape, &run->place, 0, error);
    if (status == CH_OK) {
        status = find_range(run, error);
    }
    if (status == CH_OK) {
        status = ch_tape_chain(run->tape, run->first - 1, run->chain_before, error);
    }
    if (status == CH_OK) {
        status = ch_tape_chain(run->tape, run->last, run->chain, error);
    }
    if (status != CH_OK) {
        return status;
    }
    ch_tape_close(run->tape);
    run->tape = NULL;
    return ch_tape_open(&run->tape, &run->place, run->first, error);
}

static ch_status report(const ch_export *run, const uint8_t hash[CH_HASH_SIZE], ch_error *error)
{
    ch_report lines;
    const ch_replay_options *options = run->replay->options;
    ch_report_begin(&lines, run->replay);
    ch_report_text(&lines, "output", options->output);
    ch_report_text(&lines, "format", options->format == NULL ? "archive" : options->format);
    ch_report_bool(&lines, "sealed", options->sealed);
    ch_report_number(&lines, "first", run->first);
    ch_report_number(&lines, "last", run->last);
    ch_report_number(&lines, "count", run->count);
    ch_report_hash(&lines, "chain", run->chain);
    ch_report_hash(&lines, "hash", hash);
    return ch_report_end(&lines, error);
}

static ch_status write_to(ch_export *run, FILE *file, uint8_t out_hash[CH_HASH_SIZE], ch_error *error)
{
    const char *format = run->replay->options->format;
    return format != NULL && strcmp(format, "jsonl") == 0
               ? ch_export_write_lines(run, file, out_hash, error)
               : ch_export_write_archive(run, file, out_hash, error);
}

static ch_status write_file(ch_export *run, uint8_t out_hash[CH_HASH_SIZE], ch_error *error)
{
    ch_whole_file file;
    ch_status status = ch_whole_file_open(&file, run->replay->options->output, error);
    if (status != CH_OK) {
        return status;
    }
    status = write_to(run, file.file, out_hash, error);
    if (status == CH_OK) {
        status = ch_whole_file_finish(&file, error);
    }
    ch_whole_file_drop(&file);
    return status;
}

/* On standard output stands the export itself, and no report. */
static ch_status export_place(ch_export *run, ch_error *error)
{
    uint8_t hash[CH_HASH_SIZE];
    bool to_stdout = strcmp(run->replay->options->output, "-") == 0;
    ch_guard_begin("the log", false);
    ch_status status = prepare(run, error);
    if (status == CH_OK) {
        status =
            to_stdout ? write_to(run, run->replay->world->out, hash, error) : write_file(run, hash, error);
    }
    ch_guard_end();
    return status == CH_OK && !to_stdout ? report(run, hash, error) : status;
}

ch_status ch_replay_export(ch_replay *replay, ch_error *error)
{
    ch_export run = {.replay = replay};
    ch_status status = ch_place_open_given(&run.place, replay, error);
    if (status != CH_OK) {
        return status;
    }
    status = export_place(&run, error);
    ch_tape_close(run.tape);
    ch_place_close(&run.place);
    return status;
}
