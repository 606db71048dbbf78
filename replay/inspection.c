#include "replay/inspection.h"

#include <inttypes.h>

ch_status ch_inspection_init(ch_inspection *inspection, ch_findings *findings, const ch_tape *tape,
                             const char *dir, ch_error *error)
{
    uint64_t first = ch_tape_first(tape);
    *inspection = (ch_inspection){.findings = findings,
                                  .whole_log = first == 1,
                                  .chain_known = true,
                                  .good = first - 1,
                                  .seen = first - 1,
                                  .recorded_ms = INT64_MIN};
    memcpy(inspection->chain, ch_tape_chain_before(tape), CH_HASH_SIZE);
    return ch_versions_new(&inspection->versions, dir, error);
}

void ch_inspection_done(ch_inspection *inspection)
{
    ch_versions_free(inspection->versions);
    inspection->versions = NULL;
}

/* What a damaged record's head claims is believed when it fits what went before: then the case is most likely this
 * one. */
static bool claim_fits(const ch_inspection *inspection, uint64_t sequence, const ch_record *claims)
{
    uint32_t before;
    return claims->case_version > 0 && claims->sequence == sequence &&
           ch_versions_get(inspection->versions, claims->case_number, &before, NULL) == CH_OK &&
           before + 1 == claims->case_version;
}

static void add_damage(ch_inspection *inspection, const ch_tape_item *item, const ch_error *told)
{
    static const ch_finding_kind kinds[] = {[CH_TAPE_WHOLE] = CH_FINDING_CONTENT,
                                            [CH_TAPE_DAMAGED] = CH_FINDING_DAMAGED,
                                            [CH_TAPE_MISSING] = CH_FINDING_MISSING,
                                            [CH_TAPE_NO_EVENT] = CH_FINDING_CONTENT,
                                            [CH_TAPE_BAD_END] = CH_FINDING_END};
    const ch_record *claims = &item->record;
    char text[sizeof told->where + sizeof told->text + 128];
    const char *colon = told->where[0] == '\0' ? "" : ": ";
    uint64_t sequence = item->condition == CH_TAPE_BAD_END ? 0 : item->sequence;
    int used = snprintf(text, sizeof text, "%s%s%s", told->where, colon, told->text);
    if (item->claimed && claim_fits(inspection, item->sequence, claims)) {
        snprintf(text + used, sizeof text - (size_t)used,
                 "; by its head it is version %" PRIu32 " of the case with number %" PRIu64,
                 claims->case_version, claims->case_number);
    }
    const ch_finding finding = {.kind = kinds[item->condition], .sequence = sequence, .text = text};
    ch_findings_add(inspection->findings, &finding);
}

static void add(ch_inspection *inspection, const ch_tape_item *item, ch_finding_kind kind, const char *text)
{
    const ch_finding finding = {.kind = kind,
                                .sequence = item->sequence,
                                .case_id = item->event.case_version > 0 ? item->event.subject : CH_STR_NONE,
                                .case_version = item->event.case_version,
                                .text = text};
    ch_findings_add(inspection->findings, &finding);
}

static void check_chain(ch_inspection *inspection, const ch_tape_item *item)
{
    ch_record without = item->record;
    if (!item->is_recorded) {
        return;
    }
    if (inspection->chain_known && !ch_record_follows(&item->record, inspection->chain)) {
        without.sealed.at = NULL;
        if (without.sealed.size > 0 && ch_record_follows(&without, inspection->chain)) {
            add(inspection, item, CH_FINDING_SEALED, "its names, texts and raw record cannot be trusted");
        } else {
            add(inspection, item, CH_FINDING_CHAIN,
                "it, or something before it, was changed, or it belongs to another log");
        }
    }
    memcpy(inspection->chain, item->record.chain, CH_HASH_SIZE);
    inspection->chain_known = true;
}

/* The head must say of the event what the event says. */
static void check_head(ch_inspection *inspection, const ch_tape_item *item)
{
    uint64_t number = 0;
    const ch_record *record = &item->record;
    if (!item->is_recorded) {
        return;
    }
    if (record->case_version != item->event.case_version || record->recorded_ms != item->event.recorded_ms ||
        record->epoch != item->event.epoch) {
        add(inspection, item, CH_FINDING_CONTENT, "its head and its event differ");
    } else if (record->case_version > 0 &&
               (ch_case_id_number(item->event.subject, &number) != CH_OK || number != record->case_number)) {
        add(inspection, item, CH_FINDING_CONTENT, "its head names another case than its event");
    }
}

static void check_time(ch_inspection *inspection, const ch_tape_item *item)
{
    if (item->event.recorded_ms < inspection->recorded_ms) {
        add(inspection, item, CH_FINDING_TIME, "recorded times never go back");
        return;
    }
    inspection->recorded_ms = item->event.recorded_ms;
}

static void add_version(ch_inspection *inspection, const ch_tape_item *item, uint32_t before)
{
    char text[128];
    uint32_t version = item->event.case_version;
    snprintf(text, sizeof text,
             version > before ? "it is version %" PRIu32 ", but the version before it was %" PRIu32
                              : "it is version %" PRIu32 ", which comes after version %" PRIu32,
             version, before);
    const ch_finding finding = {.kind = CH_FINDING_VERSION,
                                .sequence = item->sequence,
                                .case_id = item->event.subject,
                                .case_version = version > before ? before + 1 : version,
                                .text = text};
    ch_findings_add(inspection->findings, &finding);
}

/* Each case has a record, but for those that new epochs left out. */
static uint64_t number_most(const ch_tape_item *item)
{
    uint64_t restores = item->event.epoch > 0 ? item->event.epoch - 1 : 0;
    return item->sequence + restores * CH_EPOCH_NUMBERS;
}

static ch_status check_version(ch_inspection *inspection, const ch_tape_item *item, ch_error *error)
{
    uint64_t number;
    uint32_t before, version = item->event.case_version;
    if (version == 0 || ch_case_id_number(item->event.subject, &number) != CH_OK) {
        return CH_OK;
    }
    if (number > number_most(item)) {
        add(inspection, item, CH_FINDING_CONTENT, "there cannot be as many cases as its number says");
        return CH_OK;
    }
    ch_status status = ch_versions_get(inspection->versions, number, &before, error);
    if (status != CH_OK) {
        return status;
    }
    bool unknown = before == 0 && !inspection->whole_log;
    if (version != before + 1 && !unknown) {
        add_version(inspection, item, before);
    }
    return ch_versions_set(inspection->versions, number, version, error);
}

ch_status ch_inspection_take(ch_inspection *inspection, const ch_tape_item *item, const ch_error *told,
                             bool *out_good, ch_error *error)
{
    ch_status status = CH_OK;
    if (item->condition == CH_TAPE_WHOLE) {
        inspection->records++;
        check_chain(inspection, item);
        check_head(inspection, item);
        check_time(inspection, item);
        status = check_version(inspection, item, error);
    } else {
        add_damage(inspection, item, told);
        inspection->chain_known = item->condition == CH_TAPE_NO_EVENT;
        if (item->condition == CH_TAPE_NO_EVENT && item->is_recorded) {
            memcpy(inspection->chain, item->record.chain, CH_HASH_SIZE);
        }
    }
    if (status != CH_OK) {
        return status;
    }
    inspection->seen = item->condition == CH_TAPE_BAD_END ? inspection->seen : item->until;
    *out_good = inspection->findings->count == 0;
    if (*out_good) {
        inspection->good = item->sequence;
    }
    return CH_OK;
}
