#include "replay/findings.h"

#include "hub/base/diag.h"

#include <inttypes.h>

#define JSON_LIMIT ((size_t)1 << 20)

static const char *const names[CH_FINDING_COUNT] = {
#define NAME(symbol, name, text) [symbol] = name,
    CH_FINDING_LIST(NAME)
#undef NAME
};
static const char *const meanings[CH_FINDING_COUNT] = {
#define MEANING(symbol, name, text) [symbol] = text,
    CH_FINDING_LIST(MEANING)
#undef MEANING
};

void ch_findings_init(ch_findings *findings, const ch_replay_world *world, bool as_json)
{
    *findings = (ch_findings){.world = world, .as_json = as_json};
    ch_buf_init(&findings->json, JSON_LIMIT);
}

void ch_findings_done(ch_findings *findings)
{
    ch_buf_done(&findings->json);
}

static void add_json(ch_findings *findings, const ch_finding *finding)
{
    ch_buf *out = &findings->json;
    ch_buf_append_format(out, "%s{\"finding\":\"%s\"", findings->count > 1 ? "," : "", names[finding->kind]);
    if (finding->sequence > 0) {
        ch_buf_append_format(out, ",\"sequence\":%" PRIu64, finding->sequence);
    }
    if (finding->case_id.size > 0) {
        ch_buf_append_text(out, ",\"case\":\"");
        ch_diag_escape(out, finding->case_id);
        ch_buf_append_format(out, "\",\"caseversion\":%" PRIu32, finding->case_version);
    }
    ch_buf_append_text(out, ",\"text\":\"");
    ch_diag_escape(out, ch_str_of(finding->text));
    ch_buf_append_text(out, "\"}");
}

static void tell(const ch_findings *findings, const ch_finding *finding)
{
    FILE *out = findings->world->out;
    if (finding->sequence > 0) {
        fprintf(out, "record %" PRIu64 ": ", finding->sequence);
    }
    fprintf(out, "%s: %s\n    %s\n", names[finding->kind], meanings[finding->kind], finding->text);
    if (finding->case_id.size > 0) {
        fprintf(out, "    affects case %.*s from version %" PRIu32 " on\n", CH_STR_ARG(finding->case_id),
                finding->case_version);
    }
}

void ch_findings_add(ch_findings *findings, const ch_finding *finding)
{
    findings->count++;
    if (findings->first_bad == 0 || (finding->sequence > 0 && finding->sequence < findings->first_bad)) {
        findings->first_bad = finding->sequence;
    }
    if (findings->count > CH_FINDINGS_TOLD) {
        return;
    }
    if (findings->as_json) {
        add_json(findings, finding);
    } else {
        tell(findings, finding);
    }
}
