#include "connectors/host/pipeline.h"

#include "connectors/host/charset.h"
#include "connectors/host/dead_letter.h"
#include "connectors/host/draft.h"
#include "connectors/host/watchdog.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define POISON "poison"
#define PLACE_SIZE 200
#define PLACE_NAME_MOST 100 /* bytes of the unit's name in it: line and field need room, too */
#define READ_SIZE ((size_t)64 * 1024)
#define RECORD_EVENTS_LIMIT ((size_t)3 * 1024 * 1024) /* what fits into one PUBLISH with room to spare */

struct ch_pipeline {
    const ch_connector_config *config;
    ch_rows *rows;
    ch_attempt *attempt;
    const ch_clock *clock;
    ch_mapping *mapping;
    ch_buf encoded, content;
    size_t ends[CH_OUTPUTS_MOST]; /* of each event in encoded */
    ch_str events[CH_OUTPUTS_MOST];
    ch_made_id ids[CH_OUTPUTS_MOST];
    size_t count;
};

/* One run over one unit. */
typedef struct run {
    ch_pipeline *pipeline;
    const casehub_unit *unit;
    const ch_pipeline_run_options *options;
    ch_made_fn take;
    void *context;
    int64_t time_ms;
    uint64_t row;
    void *format;
    casehub_sink sink;
    ch_str raw;        /* of the record in hand */
    const char *stage; /* where a failure that the format tells happened */
    ch_status status;  /* why the format was told to stop, or rejected */
    ch_error *error;
} run;

void ch_made_id_format(const ch_made_id *id, char out[CH_MADE_ID_SIZE])
{
    snprintf(out, CH_MADE_ID_SIZE, "%s/%s/%" PRIu32, id->key, id->aspect[0] == '\0' ? "row" : id->aspect,
             id->number);
}

ch_status ch_pipeline_open(ch_pipeline **out_pipeline, const ch_connector_config *config, ch_rows *rows,
                           ch_attempt *attempt, const ch_clock *clock, ch_error *error)
{
    ch_charset *charset = NULL;
    ch_pipeline *pipeline = calloc(1, sizeof *pipeline);
    if (pipeline == NULL) {
        return ch_error_set(error, CH_NO_MEMORY, NULL, "no memory");
    }
    *pipeline = (ch_pipeline){.config = config, .rows = rows, .attempt = attempt, .clock = clock};
    ch_buf_init(&pipeline->encoded, RECORD_EVENTS_LIMIT);
    ch_buf_init(&pipeline->content, RECORD_EVENTS_LIMIT);
    ch_status status =
        ch_charset_open(&charset, config->charset, error); /* find out now, not at the first unit */
    if (status == CH_OK) {
        ch_charset_close(charset);
        status = ch_mapping_open(&pipeline->mapping, config->mapping, &config->tables, error);
    }
    if (status != CH_OK) {
        ch_pipeline_close(pipeline);
        return status;
    }
    *out_pipeline = pipeline;
    return CH_OK;
}

void ch_pipeline_close(ch_pipeline *pipeline)
{
    if (pipeline != NULL) {
        ch_mapping_close(pipeline->mapping);
        ch_buf_done(&pipeline->encoded);
        ch_buf_done(&pipeline->content);
        free(pipeline);
    }
}

const char *ch_pipeline_mapping(const ch_pipeline *pipeline)
{
    return ch_mapping_version(pipeline->mapping);
}

/* False: the row has nothing new to tell. */
static bool number_row(run *r, const ch_draft *draft, ch_made_id *id)
{
    const ch_pipeline *pipeline = r->pipeline;
    uint32_t number;
    snprintf(id->key, sizeof id->key, "%s", draft->key);
    snprintf(id->aspect, sizeof id->aspect, "%s", draft->aspect);
    ch_row_news news = ch_rows_compare(pipeline->rows, ch_str_of(draft->key), ch_str_of(draft->aspect),
                                       ch_buf_str(&pipeline->content), &number);
    if (news == CH_ROW_SAME) {
        /* Refused when it was told first; now it is told again, as the same change. */
        id->number = number;
        return r->options->retrying && number > 0 && !draft->silent;
    }
    if (r->options->retrying && news == CH_ROW_CHANGED) {
        return false;
    }
    id->number = draft->silent ? number : number + 1;
    return true;
}

static ch_status remember_row(run *r, const ch_draft *draft, const ch_made_id *id, ch_error *error)
{
    return ch_rows_note(r->pipeline->rows, ch_str_of(draft->key), ch_str_of(draft->aspect),
                        ch_buf_str(&r->pipeline->content), id->number, error);
}

static ch_status encode(run *r, const ch_draft *draft, const ch_made_id *id, ch_error *error)
{
    ch_pipeline *pipeline = r->pipeline;
    char text[CH_MADE_ID_SIZE];
    bool with_raw = pipeline->config->keep_raw && r->raw.size <= CH_RAW_OF_EVENT;
    ch_made_id_format(id, text);
    const ch_draft_additions additions = {.id = draft->key[0] == '\0' ? NULL : text,
                                          .source = pipeline->config->source,
                                          .mapping = ch_mapping_version(pipeline->mapping),
                                          .raw = with_raw ? r->raw : CH_STR_NONE};
    ch_status status = ch_draft_encode(draft, &additions, &pipeline->encoded, error);
    if (status == CH_OK) {
        pipeline->ids[pipeline->count] = *id;
        pipeline->ends[pipeline->count++] = pipeline->encoded.size;
    }
    return status;
}

static ch_status take_draft(run *r, const ch_draft *draft, ch_error *error)
{
    ch_pipeline *pipeline = r->pipeline;
    ch_made_id id = {.number = 0};
    if (draft->key[0] == '\0') {
        return encode(r, draft, &id, error);
    }
    if (r->unit->answered) {
        return ch_error_set(error, CH_UNSUPPORTED, "$row",
                            "a record that is answered needs an id of its own");
    }
    ch_buf_clear(&pipeline->content);
    ch_draft_content(draft, &pipeline->content);
    if (!number_row(r, draft, &id)) {
        return CH_OK;
    }
    ch_status status = remember_row(r, draft, &id, error);
    return status == CH_OK && !draft->silent ? encode(r, draft, &id, error) : status;
}

static ch_status take_output(void *context, jv output, ch_error *error)
{
    ch_draft draft;
    ch_status status = ch_draft_take(&draft, output, error);
    if (status == CH_OK) {
        status = take_draft(context, &draft, error);
        ch_draft_done(&draft);
    }
    return status;
}

/* Each time under the watchdog; a record that ended the process too often is not mapped again. */
static ch_status map_record(run *r, const casehub_parsed *parsed, const char **out_code, ch_error *error)
{
    ch_pipeline *pipeline = r->pipeline;
    const ch_record_place place = {r->unit->name, parsed->line, r->row, r->time_ms};
    unsigned attempt = 1;
    if (pipeline->attempt != NULL) {
        ch_status status =
            ch_attempt_begin(pipeline->attempt, r->unit->name, r->unit->identity, r->row, &attempt, error);
        if (status != CH_OK) {
            r->status = status;
            return status;
        }
    }
    if (attempt > CH_ATTEMPTS_MOST) {
        ch_attempt_end(pipeline->attempt);
        *out_code = POISON;
        return ch_error_set(error, CH_INVALID, NULL, "the mapping ended the process %d times",
                            CH_ATTEMPTS_MOST);
    }
    if (pipeline->attempt != NULL) {
        ch_watchdog_arm(pipeline->config->map_timeout);
    }
    ch_status status = ch_mapping_run(pipeline->mapping, (ch_str){parsed->json, parsed->json_size}, &place,
                                      take_output, r, error);
    if (pipeline->attempt != NULL) {
        ch_watchdog_disarm();
        ch_attempt_end(pipeline->attempt);
    }
    *out_code = ch_status_name(status);
    return status;
}

static void begin_record(run *r)
{
    ch_buf_clear(&r->pipeline->encoded);
    r->pipeline->count = 0;
}

static void list_events(ch_pipeline *pipeline)
{
    size_t begin = 0;
    for (size_t i = 0; i < pipeline->count; i++) {
        pipeline->events[i] = (ch_str){(const char *)pipeline->encoded.at + begin, pipeline->ends[i] - begin};
        begin = pipeline->ends[i];
    }
}

static bool hand_on(run *r, const casehub_parsed *parsed, ch_made *made)
{
    ch_pipeline *pipeline = r->pipeline;
    list_events(pipeline);
    made->row = r->row;
    made->line = parsed->line;
    made->offset = parsed->offset;
    made->count = pipeline->count;
    made->events = pipeline->events;
    made->ids = pipeline->ids;
    made->bytes = pipeline->encoded.size;
    r->status = r->take(r->context, made, r->error);
    return r->status == CH_OK;
}

static void describe_place(const run *r, const casehub_parsed *parsed, const char *field,
                           char out[PLACE_SIZE])
{
    char line[24] = "";
    /* What is retried has its first place for a name; the line within its raw bytes would mislead. */
    if (!r->options->retrying) {
        snprintf(line, sizeof line, ":%" PRIu64, parsed->line);
    }
    ch_str name = ch_str_cut(ch_str_of(r->unit->name), PLACE_NAME_MOST);
    int used = snprintf(out, PLACE_SIZE, "%.*s%s%s", CH_STR_ARG(name), line, field[0] == '\0' ? "" : ": ");
    ch_str_copy_cut(out + used, PLACE_SIZE - (size_t)used, ch_str_of(field));
}

static bool hand_on_failure(run *r, const casehub_parsed *parsed, const char *stage, const char *code,
                            const char *field, const char *reason)
{
    ch_pipeline *pipeline = r->pipeline;
    char place[PLACE_SIZE];
    describe_place(r, parsed, field, place);
    const ch_dead_letter_facts facts = {.connector = pipeline->config->name,
                                        .source = pipeline->config->source,
                                        .mapping = ch_mapping_version(pipeline->mapping),
                                        .stage = stage,
                                        .code = code,
                                        .reason = reason,
                                        .place = place,
                                        .unit = r->unit->name,
                                        .identity = r->unit->identity,
                                        .row = r->row,
                                        .time_ms = r->time_ms,
                                        .raw = {parsed->raw, parsed->raw_size}};
    ch_made made = {.dead_letter = true,
                    .code = code,
                    .reason = reason,
                    .place = place,
                    .urgent = strcmp(code, POISON) == 0};
    begin_record(r);
    r->status = ch_dead_letter_encode(&facts, &pipeline->encoded, r->error);
    if (r->status != CH_OK) {
        return false;
    }
    pipeline->ids[0] = (ch_made_id){.number = 0};
    pipeline->ends[pipeline->count++] = pipeline->encoded.size;
    return hand_on(r, parsed, &made);
}

/* Rows that the checkpoint covers are read, not mapped: where a record begins only the format can tell. */
static bool skip(run *r, const casehub_parsed *parsed)
{
    if (r->row == r->options->skip_rows && parsed->offset != r->options->skip_offset) {
        r->status =
            ch_error_set(r->error, CH_DIVERGED, r->unit->name, "row %" PRIu64 " is not where it was", r->row);
        return false;
    }
    return true;
}

/* A program that cannot go on is no fault of the record. */
static bool is_fault_of_host(ch_status status)
{
    return status == CH_NO_MEMORY || status == CH_IO || status == CH_FULL;
}

static bool take_record(const casehub_sink *sink, const casehub_parsed *parsed)
{
    run *r = sink->context;
    r->row++;
    if (r->row <= r->options->skip_rows) {
        return skip(r, parsed);
    }
    r->raw = (ch_str){parsed->raw, parsed->raw_size};
    if (parsed->json == NULL) {
        return hand_on_failure(r, parsed, r->stage, parsed->code, parsed->field == NULL ? "" : parsed->field,
                               parsed->reason);
    }
    ch_made made = {.dead_letter = false};
    ch_error error = {.status = CH_OK};
    const char *code = "";
    size_t noted = ch_rows_pending(r->pipeline->rows);
    begin_record(r);
    ch_status status = map_record(r, parsed, &code, &error);
    if (status == CH_OK) {
        return hand_on(r, parsed, &made);
    }
    ch_rows_undo(r->pipeline->rows, noted);
    if (is_fault_of_host(status)) {
        r->status = ch_error_set(r->error, status, error.where, "%s", error.text);
        return false;
    }
    return hand_on_failure(r, parsed, "map", code, error.where, error.text);
}

static void reject(const casehub_sink *sink, const char *reason)
{
    run *r = sink->context;
    r->status = ch_error_set(r->error, CH_REFUSED, r->unit->name, "%s", reason);
}

/* What the format answered, as far as the run's own status does not say more. */
static ch_status settle(run *r, int result)
{
    if (result == CASEHUB_FORMAT_OK) {
        return CH_OK;
    }
    if (r->status == CH_OK) {
        r->status = result == CASEHUB_FORMAT_REJECT
                        ? ch_error_set(r->error, CH_REFUSED, r->unit->name, "the format gives no reason")
                        : ch_error_set(r->error, CH_NO_MEMORY, r->unit->name, "no memory to read it");
    }
    return r->status;
}

static bool take_line(void *context, const casehub_line *line)
{
    run *r = context;
    r->stage = line->text == NULL && strcmp(line->code, "invalid") == 0 ? "charset" : "parse";
    return settle(r, r->pipeline->config->format_table->line(r->format, line, &r->sink)) == CH_OK;
}

static ch_status read_lines(run *r, ch_lines *lines)
{
    char *chunk = malloc(READ_SIZE);
    ch_status status = chunk == NULL ? CH_NO_MEMORY : CH_OK;
    while (status == CH_OK) {
        long got = r->unit->read(r->unit->context, chunk, READ_SIZE);
        if (got == 0) {
            status = ch_lines_end(lines, take_line, r, r->error);
            break;
        }
        status = got < 0 ? ch_error_set(r->error, CH_IO, r->unit->name, "it cannot be read")
                         : ch_lines_feed(lines, chunk, (size_t)got, take_line, r, r->error);
    }
    free(chunk);
    if (status == CH_END) {
        return r->status;
    }
    return status == CH_INVALID ? CH_REFUSED : status;
}

static ch_status run_format(run *r, ch_lines *lines)
{
    const ch_connector_config *config = r->pipeline->config;
    const casehub_format *format = config->format_table;
    if (format->open(r->format, config->format_values, (size_t)config->record_most,
                     (size_t)config->field_most) != 0) {
        format->close(r->format);
        return ch_error_set(r->error, CH_NO_MEMORY, r->unit->name, "no memory to read it");
    }
    ch_status status = read_lines(r, lines);
    if (status == CH_OK) {
        r->stage = "parse";
        status = settle(r, format->end(r->format, &r->sink));
    }
    format->close(r->format);
    return status;
}

static ch_str raw_of(const casehub_unit *unit)
{
    bool knows_raw = unit->size >= offsetof(casehub_unit, raw_size) + sizeof unit->raw_size;
    return knows_raw && !unit->answered ? (ch_str){unit->raw, unit->raw_size} : CH_STR_NONE;
}

/* Nothing of the unit could be read, and nobody else has its bytes. */
static ch_status keep_whole(run *r, ch_str raw)
{
    char reason[sizeof r->error->text];
    const casehub_parsed whole = {CASEHUB_SIZED(casehub_parsed), .raw = raw.at, .raw_size = raw.size,
                                  .line = 1};
    r->row = 1;
    if (r->row <= r->options->skip_rows) {
        return CH_OK;
    }
    ch_str_copy_cut(reason, sizeof reason, ch_str_of(r->error->text));
    return hand_on_failure(r, &whole, "parse", ch_status_name(CH_REFUSED), "", reason) ? CH_OK : r->status;
}

ch_status ch_pipeline_run(ch_pipeline *pipeline, const casehub_unit *unit,
                          const ch_pipeline_run_options *options, ch_made_fn take, void *context,
                          ch_error *error)
{
    ch_charset *charset = NULL;
    ch_lines *lines = NULL;
    run r = {.pipeline = pipeline,
             .unit = unit,
             .options = options,
             .take = take,
             .context = context,
             .error = error};
    r.time_ms = unit->time_ms != 0 ? unit->time_ms : ch_clock_wall_ms(pipeline->clock);
    r.sink =
        (casehub_sink){CASEHUB_SIZED(casehub_sink), .context = &r, .record = take_record, .reject = reject};
    r.format = calloc(1, pipeline->config->format_table->state_size + 1);
    ch_status status = ch_charset_open(&charset, pipeline->config->charset, error);
    if (status == CH_OK) {
        status = r.format == NULL ? CH_NO_MEMORY
                                  : ch_lines_new(&lines, charset, (size_t)pipeline->config->record_most);
    }
    if (status == CH_OK) {
        status = run_format(&r, lines);
    }
    if (status == CH_REFUSED && r.row == 0 && raw_of(unit).at != NULL) {
        status = keep_whole(&r, raw_of(unit));
    }
    ch_lines_free(lines);
    ch_charset_close(charset);
    free(r.format);
    return status;
}
