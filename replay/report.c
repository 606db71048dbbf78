#include "replay/report.h"

#include "hub/base/diag.h"

#include <inttypes.h>
#include <sodium.h>

#define TEXT_LIMIT ((size_t)2 << 20)

void ch_report_begin(ch_report *report, const ch_replay *replay)
{
    *report = (ch_report){.out = replay->world->out, .as_json = replay->options->json};
    ch_buf_init(&report->text, TEXT_LIMIT);
}

/* quote: "\"" around a JSON string, "" around anything else; value is safe. */
static void put(ch_report *report, const char *name, const char *quote, const char *value)
{
    if (report->as_json) {
        ch_buf_append_format(&report->text, "%s\"%s\":%s%s%s", report->begun ? "," : "{", name, quote, value,
                             quote);
    } else {
        ch_buf_append_format(&report->text, "%-17s %s\n", name, value);
    }
    report->begun = true;
}

void ch_report_text(ch_report *report, const char *name, const char *value)
{
    ch_buf escaped;
    if (value == NULL) {
        put(report, name, "", report->as_json ? "null" : "none");
        return;
    }
    ch_buf_init(&escaped, TEXT_LIMIT);
    ch_diag_escape(&escaped, ch_str_of(value));
    ch_buf_append(&escaped, "", 1);
    if (escaped.failed == CH_OK) {
        put(report, name, "\"", (const char *)escaped.at);
    } else {
        report->text.failed = escaped.failed;
    }
    ch_buf_done(&escaped);
}

void ch_report_number(ch_report *report, const char *name, uint64_t value)
{
    char text[24];
    snprintf(text, sizeof text, "%" PRIu64, value);
    put(report, name, "", text);
}

void ch_report_bool(ch_report *report, const char *name, bool value)
{
    const char *word = value ? "yes" : "no";
    put(report, name, "", report->as_json ? (value ? "true" : "false") : word);
}

void ch_report_seconds(ch_report *report, const char *name, double value)
{
    char text[32];
    snprintf(text, sizeof text, "%.3f", value);
    put(report, name, "", text);
}

void ch_report_hash(ch_report *report, const char *name, const uint8_t *hash)
{
    char hex[2 * CH_HASH_SIZE + 1];
    if (hash == NULL) {
        ch_report_text(report, name, NULL);
        return;
    }
    sodium_bin2hex(hex, sizeof hex, hash, CH_HASH_SIZE);
    put(report, name, "\"", hex);
}

void ch_report_json(ch_report *report, const char *name, ch_str value)
{
    if (report->as_json) {
        ch_buf_append_format(&report->text, "%s\"%s\":", report->begun ? "," : "{", name);
        ch_buf_append_str(&report->text, value);
        report->begun = true;
    }
}

ch_status ch_report_end(ch_report *report, ch_error *error)
{
    if (report->as_json) {
        ch_buf_append_text(&report->text, report->begun ? "}\n" : "{}\n");
    }
    ch_status status = report->text.failed;
    if (status == CH_OK) {
        fwrite(report->text.at, 1, report->text.size, report->out);
    }
    ch_buf_done(&report->text);
    return status == CH_OK ? CH_OK : ch_error_set(error, status, NULL, "no memory for the report");
}
