#include "connectors/host/differ.h"

#include "connectors/host/checkpoint.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

typedef struct version {
    ch_pipeline *pipeline;
    ch_rows *rows;
} version;

struct ch_differ {
    version old, new;
    FILE *out, *kept; /* kept: what the old version made of the unit in hand, an outcome a line */
    char *line;       /* of kept */
    size_t line_size;
    ch_diff_totals totals;
};

/* One version's way over one unit. */
typedef struct pass {
    ch_differ *differ;
    const version *version;
    const ch_diff_unit *unit;
    ch_status (*settle)(ch_differ *differ, json_t *outcome, ch_error *error); /* takes the outcome */
} pass;

static ch_status open_version(version *v, const ch_connector_config *config, const ch_clock *clock,
                              ch_error *error)
{
    bool lost;
    if (config->transport_table == NULL) {
        return ch_error_set(error, CH_INVALID, config->name, "nothing comes in, so there is nothing to map");
    }
    ch_status status = ch_rows_open(&v->rows, NULL, "", CH_OUTPUTS_MOST, &lost, error);
    return status == CH_OK ? ch_pipeline_open(&v->pipeline, config, v->rows, NULL, clock, error) : status;
}

static void close_version(version *v)
{
    ch_pipeline_close(v->pipeline);
    ch_rows_close(v->rows);
}

ch_status ch_differ_open(ch_differ **out_differ, const ch_connector_config *old_config,
                         const ch_connector_config *new_config, const ch_clock *clock, FILE *out,
                         ch_error *error)
{
    ch_differ *differ = calloc(1, sizeof *differ);
    if (differ == NULL) {
        return ch_error_set(error, CH_NO_MEMORY, NULL, "no memory");
    }
    differ->out = out;
    differ->kept = tmpfile();
    ch_status status = differ->kept != NULL
                           ? CH_OK
                           : ch_error_set(error, CH_IO, NULL, "no temporary file: %s", strerror(errno));
    if (status == CH_OK) {
        status = open_version(&differ->old, old_config, clock, error);
    }
    if (status == CH_OK) {
        status = open_version(&differ->new, new_config, clock, error);
    }
    if (status != CH_OK) {
        ch_differ_close(differ);
        return status;
    }
    *out_differ = differ;
    return CH_OK;
}

void ch_differ_close(ch_differ *differ)
{
    if (differ != NULL) {
        close_version(&differ->old);
        close_version(&differ->new);
        if (differ->kept != NULL) {
            fclose(differ->kept);
        }
        free(differ->line);
        free(differ);
    }
}

const ch_diff_totals *ch_differ_totals(const ch_differ *differ)
{
    return &differ->totals;
}

static ch_status fail_kept(ch_error *error)
{
    return ch_error_set(error, CH_IO, NULL, "the temporary file: %s", strerror(errno));
}

/* ---- the first pass keeps, the second compares */

static ch_status keep(ch_differ *differ, json_t *outcome, ch_error *error)
{
    bool written = json_dumpf(outcome, differ->kept, JSON_COMPACT) == 0 && fputc('\n', differ->kept) != EOF;
    json_decref(outcome);
    return written ? CH_OK : fail_kept(error);
}

/* NULL behind the last. */
static ch_status next_kept(ch_differ *differ, json_t **out_outcome, ch_error *error)
{
    ssize_t size = getline(&differ->line, &differ->line_size, differ->kept);
    *out_outcome = NULL;
    if (size < 0) {
        return ferror(differ->kept) != 0 ? fail_kept(error) : CH_OK;
    }
    *out_outcome = json_loadb(differ->line, (size_t)size, JSON_ALLOW_NUL, NULL);
    return *out_outcome == NULL ? ch_error_set(error, CH_NO_MEMORY, NULL, "no memory") : CH_OK;
}

static ch_status compare(ch_differ *differ, json_t *outcome, ch_error *error)
{
    json_t *before;
    ch_status status = next_kept(differ, &before, error);
    if (status == CH_OK) {
        status = ch_outcome_compare(before, outcome, differ->out, &differ->totals, error);
    }
    json_decref(before);
    json_decref(outcome);
    return status;
}

/* The old version saw more records. */
static ch_status compare_rest(ch_differ *differ, ch_error *error)
{
    json_t *before;
    ch_status status = next_kept(differ, &before, error);
    while (status == CH_OK && before != NULL) {
        status = ch_outcome_compare(before, NULL, differ->out, &differ->totals, error);
        json_decref(before);
        if (status == CH_OK) {
            status = next_kept(differ, &before, error);
        }
    }
    return status;
}

static ch_status take(void *context, const ch_made *made, ch_error *error)
{
    const pass *p = context;
    char name[CH_UNIT_NAME_MAX + 1], where[sizeof name + 24];
    json_t *outcome = NULL;
    ch_str_copy_cut(name, sizeof name, ch_str_of(p->unit->name));
    if (p->unit->is_record) {
        snprintf(where, sizeof where, "%s", name);
    } else {
        snprintf(where, sizeof where, "%s:%" PRIu64, name, made->line);
    }
    ch_status status = ch_outcome_of(&outcome, made, where, error);
    ch_rows_undo(p->version->rows, 0);
    return status == CH_OK ? p->settle(p->differ, outcome, error) : status;
}

static long read_unit(void *context, void *out, size_t most)
{
    FILE *in = context;
    size_t got = fread(out, 1, most, in);
    return got == 0 && ferror(in) != 0 ? -1 : (long)got;
}

static ch_status go_over(pass *p, ch_error *error)
{
    const ch_pipeline_run_options options = {.retrying = p->unit->is_record};
    const casehub_unit unit = {CASEHUB_SIZED(casehub_unit), .name = p->unit->name, .identity = "diff",
                               .time_ms = p->unit->time_ms, .read = read_unit,     .context = p->unit->in};
    json_t *outcome = NULL;
    if (fseek(p->unit->in, 0, SEEK_SET) != 0) {
        return ch_error_set(error, CH_IO, p->unit->name, "it cannot be read twice: %s", strerror(errno));
    }
    ch_status status = ch_pipeline_run(p->version->pipeline, &unit, &options, take, p, error);
    if (status != CH_REFUSED) {
        return status;
    }
    const ch_error why = *error;
    status = ch_outcome_of_failure(&outcome, p->unit->name, &why, error);
    return status == CH_OK ? p->settle(p->differ, outcome, error) : status;
}

ch_status ch_differ_run(ch_differ *differ, const ch_diff_unit *unit, ch_error *error)
{
    pass first = {.differ = differ, .version = &differ->old, .unit = unit, .settle = keep};
    pass second = {.differ = differ, .version = &differ->new, .unit = unit, .settle = compare};
    rewind(differ->kept);
    if (ftruncate(fileno(differ->kept), 0) != 0) {
        return fail_kept(error);
    }
    ch_status status = go_over(&first, error);
    if (status == CH_OK && fseek(differ->kept, 0, SEEK_SET) != 0) {
        status = fail_kept(error);
    }
    if (status == CH_OK) {
        status = go_over(&second, error);
    }
    return status == CH_OK ? compare_rest(differ, error) : status;
}
