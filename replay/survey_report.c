#include "replay/survey_report.h"

void ch_survey_report(ch_report *report, const ch_survey *survey, bool ok)
{
    const ch_place *place = survey->place;
    const ch_inspection *inspection = &survey->inspection;
    bool clean = survey->findings.count == 0;
    ch_report_bool(report, "ok", ok);
    ch_report_text(report, "kind", ch_place_kind_name(place->kind));
    ch_report_text(report, "path", place->path);
    ch_report_text(report, "hub", place->hub_code);
    ch_report_number(report, "epoch", place->epoch);
    ch_report_number(report, "first", survey->first);
    ch_report_number(report, "last", inspection->seen);
    ch_report_number(report, "good", inspection->good);
    ch_report_number(report, "records", inspection->records);
    if (place->archive != NULL) {
        ch_report_bool(report, "sealed", ch_archive_reader_head(place->archive)->with_sealed);
    }
    if (place->export == NULL) {
        ch_report_hash(report, "chain", clean ? inspection->chain : NULL);
    } else {
        ch_report_text(report, "chain", clean ? ch_export_reader_header(place->export)->chain : NULL);
    }
    ch_report_hash(report, "state_hash", survey->has_state_hash ? survey->state_hash : NULL);
    if (survey->heads_file != NULL) {
        ch_report_number(report, "heads_checked", survey->heads.checked);
        ch_report_number(report, "heads_outside", survey->heads.outside);
    }
    ch_report_seconds(report, "seconds", survey->seconds);
}

void ch_survey_report_findings(ch_report *report, ch_survey *survey)
{
    ch_findings *findings = &survey->findings;
    ch_report_number(report, "finding_count", findings->count);
    if (findings->first_bad > 0) {
        ch_report_number(report, "first_bad", findings->first_bad);
    }
    ch_buf list;
    ch_buf_init(&list, findings->json.limit + 2);
    ch_buf_append_text(&list, "[");
    ch_buf_append_str(&list, ch_buf_str(&findings->json));
    ch_buf_append_text(&list, "]");
    if (list.failed == CH_OK && findings->json.failed == CH_OK) {
        ch_report_json(report, "findings", ch_buf_str(&list));
    } else {
        report->text.failed = CH_NO_MEMORY;
    }
    ch_buf_done(&list);
    if (!report->as_json && findings->count > CH_FINDINGS_TOLD) {
        ch_report_text(report, "note", "only the first hundred findings are told");
    }
}
