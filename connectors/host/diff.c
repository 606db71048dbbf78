#include "connectors/host/diff.h"

#include "connectors/host/recorded.h"

#include <errno.h>
#include <sys/stat.h>

static ch_status run_samples(ch_differ *differ, const ch_diff_source *source, ch_error *error)
{
    struct stat of;
    const char *slash = strrchr(source->samples, '/');
    const char *name = slash == NULL ? source->samples : slash + 1;
    FILE *in = fopen(source->samples, "re");
    if (in == NULL || fstat(fileno(in), &of) != 0) {
        ch_status failed = ch_error_set(error, errno == ENOENT ? CH_NOT_FOUND : CH_IO, source->samples, "%s",
                                        strerror(errno));
        if (in != NULL) {
            fclose(in);
        }
        return failed;
    }
    const ch_diff_unit unit = {.name = ch_str_is_utf8(ch_str_of(name)) ? name : "samples",
                               .time_ms =
                                   source->time_ms != 0 ? source->time_ms : (int64_t)of.st_mtim.tv_sec * 1000,
                               .in = in};
    ch_status status = ch_differ_run(differ, &unit, error);
    fclose(in);
    return status;
}

static ch_status run_record(void *context, const char *place, int64_t time_ms, ch_str raw, ch_error *error)
{
    ch_differ *differ = context;
    FILE *in = fmemopen((void *)(uintptr_t)raw.at, raw.size, "r");
    if (in == NULL) {
        return ch_error_set(error, CH_NO_MEMORY, place, "%s", strerror(errno));
    }
    const ch_diff_unit unit = {.name = place, .time_ms = time_ms, .is_record = true, .in = in};
    ch_status status = ch_differ_run(differ, &unit, error);
    fclose(in);
    return status;
}

static ch_status run_recorded(ch_differ *differ, const ch_connector_config *config,
                              const ch_diff_source *source, ch_error *error)
{
    const ch_recorded_query query = {.hub = source->hub != NULL ? source->hub : config->hub,
                                     .key = source->key != NULL ? source->key : config->key,
                                     .connector =
                                         source->connector != NULL ? source->connector : config->name,
                                     .since_ms = source->since_ms,
                                     .limit = source->limit};
    return ch_recorded_read(&query, run_record, differ, error);
}

ch_status ch_diff_run(const ch_connector_config *old_config, const ch_connector_config *new_config,
                      const ch_diff_source *source, const ch_clock *clock, FILE *out,
                      ch_diff_totals *out_totals, ch_error *error)
{
    ch_differ *differ = NULL;
    ch_status status = ch_differ_open(&differ, old_config, new_config, clock, out, error);
    if (status != CH_OK) {
        return status;
    }
    status = source->samples != NULL ? run_samples(differ, source, error)
                                     : run_recorded(differ, old_config, source, error);
    *out_totals = *ch_differ_totals(differ);
    ch_differ_close(differ);
    return status;
}
