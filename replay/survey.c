#include "replay/survey.h"

#include "replay/guard.h"
#include "replay/progress.h"

#include "hub/base/interrupt.h"

#include <sodium.h>

#define LOOK_UP_EVERY 1024

static void add_fold_finding(ch_survey *survey, const ch_tape_item *item, const ch_error *told)
{
    const ch_finding finding = {.kind = CH_FINDING_FOLD,
                                .sequence = item->sequence,
                                .case_id = item->event.case_version > 0 ? item->event.subject : CH_STR_NONE,
                                .case_version = item->event.case_version,
                                .text = told->text};
    ch_findings_add(&survey->findings, &finding);
}

static ch_status fold(ch_survey *survey, const ch_tape_item *item, ch_error *error)
{
    ch_error told = {.status = CH_OK};
    ch_status status = ch_refold_take(survey->refold, item, &told);
    if (status == CH_CORRUPT || status == CH_FULL) {
        add_fold_finding(survey, item, &told);
        survey->inspection.good = item->sequence - 1;
        return CH_OK;
    }
    if (status == CH_OK && item->sequence == survey->hash_at) {
        status = ch_refold_hash(survey->refold, survey->state_hash_at, &told);
        survey->has_hash_at = status == CH_OK;
    }
    if (status != CH_OK) {
        *error = told;
    }
    return status;
}

static ch_status take(ch_survey *survey, const ch_tape_item *item, const ch_error *told, ch_error *error)
{
    bool good = false;
    ch_status status = ch_inspection_take(&survey->inspection, item, told, &good, error);
    return status == CH_OK && good && survey->refold != NULL ? fold(survey, item, error) : status;
}

static ch_status walk(ch_survey *survey, ch_tape *tape, ch_progress *progress, ch_error *error)
{
    ch_tape_item item;
    ch_status status = CH_OK;
    while (status == CH_OK) {
        ch_error told = {.status = CH_OK};
        status = ch_tape_next(tape, &item, &told);
        if (status == CH_END) {
            return CH_OK;
        }
        if (status != CH_OK && status != CH_CORRUPT) {
            *error = told;
            return status;
        }
        status = take(survey, &item, &told, error);
        if (item.condition == CH_TAPE_WHOLE && item.is_recorded) {
            ch_heads_pass(&survey->heads, item.sequence, item.record.epoch, item.record.chain);
        }
        if (status == CH_OK && survey->stop_at_first && survey->findings.count > 0) {
            return CH_OK;
        }
        if (status == CH_OK && item.sequence % LOOK_UP_EVERY == 0) {
            ch_progress_at(progress, item.sequence);
            status = ch_interrupt_check(error);
        }
    }
    return status;
}

static ch_status walk_place(ch_survey *survey, ch_tape *tape, ch_error *error)
{
    ch_progress progress;
    survey->first = ch_tape_first(tape);
    survey->last = ch_tape_last(tape);
    ch_progress_begin(&progress, survey->replay, survey->what, survey->first, survey->last);
    ch_status status = ch_inspection_init(&survey->inspection, &survey->findings, tape, survey->room, error);
    if (status == CH_OK) {
        ch_guard_begin("the log", survey->replay->options->json);
        status = walk(survey, tape, &progress, error);
        ch_guard_end();
    }
    if (status == CH_OK && survey->findings.count == 0 && survey->refold != NULL) {
        status = ch_refold_hash(survey->refold, survey->state_hash, error);
        survey->has_state_hash = status == CH_OK;
    }
    ch_progress_end(&progress);
    survey->seconds = ch_progress_seconds(&progress);
    return status;
}

/* Lines of an export tell only the last chain. */
static void begin_heads(ch_survey *survey, const ch_tape *tape)
{
    if (survey->place->export == NULL) {
        ch_heads_pass(&survey->heads, ch_tape_first(tape) - 1, 0, ch_tape_chain_before(tape));
    }
}

static void end_heads(ch_survey *survey)
{
    uint8_t chain[CH_HASH_SIZE];
    const ch_place *place = survey->place;
    if (place->export != NULL) {
        const ch_export_header *header = ch_export_reader_header(place->export);
        sodium_hex2bin(chain, sizeof chain, header->chain, strlen(header->chain), NULL, NULL, NULL);
        ch_heads_pass(&survey->heads, header->last, 0, chain);
    }
    ch_heads_end(&survey->heads, survey->inspection.seen, &survey->findings);
}

ch_status ch_survey_run(ch_survey *survey, ch_error *error)
{
    ch_tape *tape;
    bool with_heads = survey->heads_file != NULL;
    ch_findings_init(&survey->findings, survey->replay->world, survey->replay->options->json);
    ch_status status = with_heads ? ch_heads_read(&survey->heads, survey->heads_file, survey->public_key,
                                                  survey->place->hub_code, error)
                                  : CH_OK;
    if (status == CH_OK) {
        status = ch_tape_open(&tape, survey->place, 0, error);
    }
    if (status != CH_OK) {
        return status;
    }
    begin_heads(survey, tape);
    status = walk_place(survey, tape, error);
    if (status == CH_OK && with_heads) {
        end_heads(survey);
    }
    ch_tape_close(tape);
    return status;
}

void ch_survey_done(ch_survey *survey)
{
    ch_heads_done(&survey->heads);
    ch_inspection_done(&survey->inspection);
    ch_findings_done(&survey->findings);
}
