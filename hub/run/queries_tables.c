/* status, and what is asked about everything but cases: dead letters, connectors, parties, routes, grants. */
#include "hub/run/queries_inside.h"

#include "hub/model/plan.h"
#include "hub/run/ready.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#define WHY_LIMIT ((size_t)256 * 1024)
#define SHOWN_CHECKPOINT_MAX 1000 /* bytes; `checkpoint` tells a longer one */

/* ---- status */

static bool count_open_letter(void *context, const ch_dead_letter *letter)
{
    ch_query_look *look = context;
    if (look->looked++ == CH_QUERY_LOOKS_MOST) {
        return false;
    }
    look->answer->count += strcmp(letter->status, "open") == 0;
    return true;
}

/* Among the newest CH_QUERY_LOOKS_MOST. */
static ch_status count_open_letters(const ch_query_look *of, uint64_t last, int64_t *out_count)
{
    ch_query_answer counted = {.count = 0};
    ch_query_look look = {.answer = &counted};
    uint64_t from = last > CH_QUERY_LOOKS_MOST ? last - CH_QUERY_LOOKS_MOST + 1 : 0;
    ch_status status = ch_state_reader_dead_letters(of->asker->state, from, count_open_letter, &look);
    *out_count = counted.count;
    return status;
}

static int64_t metric(const _Atomic uint64_t *of)
{
    uint64_t value = ch_metric_get(of);
    return value > INT64_MAX ? INT64_MAX : (int64_t)value;
}

static void put_measured(ch_mp_row *row, const ch_metrics *metrics)
{
    if (ch_metric_get(&metrics->log_map_bytes) != 0) {
        ch_mp_row_put_int(row, "log_bytes", metric(&metrics->log_used_bytes));
        ch_mp_row_put_int(row, "map_bytes", metric(&metrics->log_map_bytes));
        ch_mp_row_put_int(row, "disk_free_bytes", metric(&metrics->disk_free_bytes));
    }
}

ch_status ch_query_status(ch_query_look *look)
{
    const ch_hub *hub = look->asker->hub;
    char reason[CH_REASON_SIZE];
    ch_state_totals totals;
    int64_t open_letters = 0;
    ch_status status = ch_state_reader_totals(look->asker->state, &totals);
    if (status == CH_OK) {
        status = count_open_letters(look, totals.last_dead_letter, &open_letters);
    }
    if (status != CH_OK) {
        return ch_query_end_walk(look, status, "state");
    }
    bool ready = ch_hub_is_ready(hub, reason);
    ch_mp_row row = ch_query_row_begin(look);
    ch_mp_row_put_int(&row, "pid", getpid());
    ch_mp_row_put_text(&row, "version", hub->options.version);
    ch_mp_row_put_text(&row, "hub", hub->store->hub_code);
    ch_mp_row_put_int(&row, "epoch", hub->store->epoch);
    ch_mp_row_put_int(&row, "sequence", (int64_t)ch_log_reader_last(look->asker->log));
    ch_mp_row_put_int(&row, "state_sequence", (int64_t)ch_state_reader_position(look->asker->state));
    ch_mp_row_put_int(&row, "uptime_ms", ch_clock_monotonic_ms(hub->options.clock) - hub->started_ms);
    ch_mp_row_put_int(&row, "clients", metric(&hub->metrics->clients));
    ch_mp_row_put_int(&row, "subscriptions", metric(&hub->metrics->subscriptions));
    ch_mp_row_put_int(&row, "held", metric(&hub->metrics->held_cases));
    ch_mp_row_put_int(&row, "cases", (int64_t)totals.cases);
    ch_mp_row_put_int(&row, "dead_letters", open_letters);
    put_measured(&row, hub->metrics);
    ch_mp_row_put_flag(&row, "ready", ready);
    ch_mp_row_put_text(&row, "reason", reason);
    ch_query_row_end(look, &row);
    return CH_OK;
}

/* ---- dead letters */

static bool may_see_letter(const ch_grant *grant, const ch_dead_letter *letter)
{
    return grant->role != CH_ROLE_CONNECTOR || strcmp(grant->name, letter->connector) == 0;
}

static void put_letter(ch_mp_row *row, const ch_dead_letter *letter)
{
    ch_mp_row_put_int(row, "deadletter", (int64_t)letter->number);
    ch_mp_row_put_text(row, "status", letter->status);
    ch_mp_row_put_text(row, "connector", letter->connector);
    ch_mp_row_put_text(row, "stage", letter->stage);
    ch_mp_row_put_text(row, "code", letter->code);
    ch_mp_row_put_text(row, "reason", letter->reason);
    ch_mp_row_put_text(row, "place", letter->place);
    ch_mp_row_put_text(row, "mapping", letter->mapping);
    ch_mp_row_put_int(row, "recorded", letter->recorded_ms);
    ch_mp_row_put_int(row, "sequence", (int64_t)letter->sequence);
}

static bool fits(const ch_query_arguments *asked, const ch_dead_letter *letter)
{
    ch_str status = asked->status.at == NULL ? CH_STR("open") : asked->status;
    return (ch_str_is(status, "all") || ch_str_is(status, letter->status)) &&
           (asked->connector.at == NULL || ch_str_is(asked->connector, letter->connector)) &&
           (asked->stage.at == NULL || ch_str_is(asked->stage, letter->stage)) &&
           (asked->code.at == NULL || ch_str_is(asked->code, letter->code)) &&
           (asked->reason.at == NULL || ch_str_starts(ch_str_of(letter->reason), asked->reason)) &&
           letter->recorded_ms >= asked->since;
}

/* `next` is the number of the last letter looked at. */
static bool see_letter(void *context, const ch_dead_letter *letter)
{
    ch_query_look *look = context;
    if (!ch_query_may_look(look)) {
        return false;
    }
    snprintf(look->answer->next, sizeof look->answer->next, "%" PRIu64, letter->number);
    if (fits(look->arguments, letter) && may_see_letter(look->asker->grant, letter)) {
        ch_mp_row row = ch_query_row_begin(look);
        put_letter(&row, letter);
        ch_query_row_end(look, &row);
    }
    return true;
}

ch_status ch_query_dead_letters(ch_query_look *look)
{
    uint64_t from = (uint64_t)look->arguments->passed + 1;
    ch_status status = ch_state_reader_dead_letters(look->asker->state, from, see_letter, look);
    return ch_query_end_walk(look, status, "state");
}

static bool take_first_letter(void *context, const ch_dead_letter *letter)
{
    *(ch_dead_letter *)context = *letter;
    return false;
}

/* Connectors see only their own letters, so what is inside is theirs. */
static bool may_see_raw(const ch_grant *grant)
{
    return grant->role == CH_ROLE_CONNECTOR || grant->private_right == CH_PRIVATE_ALL;
}

static ch_status put_raw(ch_query_look *look, ch_mp_row *row, const ch_dead_letter *letter)
{
    ch_buf secret = {.size = 0};
    ch_mp_value raw;
    ch_record record;
    ch_event event;
    ch_status status = ch_query_read_record(look, letter->sequence, &record, &event);
    if (status == CH_OK) {
        status = ch_read_secret(&secret, look->asker->hub->store, &record, &event);
    }
    if (status == CH_OK && ch_mp_find(ch_buf_str(&secret), "raw", &raw, NULL) && raw.kind == CH_MP_BIN) {
        ch_mp_row_put_key(row, "raw");
        ch_mp_put_bin(row->out, raw.str);
    }
    ch_read_secret_done(&secret);
    if (status == CH_OK || status == CH_END || status == CH_ERASED) {
        return CH_OK;
    }
    return ch_error_set(look->error, status == CH_INVALID ? CH_CORRUPT : status, "log",
                        "record %" PRIu64 " of dead letter %" PRIu64 " cannot be read", letter->sequence,
                        letter->number);
}

ch_status ch_query_dead_letter(ch_query_look *look)
{
    const ch_grant *grant = look->asker->grant;
    uint64_t number = (uint64_t)look->arguments->dead_letter;
    ch_dead_letter letter = {.number = 0};
    ch_status status = ch_state_reader_dead_letters(look->asker->state, number, take_first_letter, &letter);
    if (status != CH_OK) {
        return ch_query_end_walk(look, status, "state");
    }
    if (letter.number != number || !may_see_letter(grant, &letter)) {
        return ch_error_set(look->error, CH_NOT_FOUND, "QUERY.arguments.deadletter",
                            "there is no such dead letter");
    }
    ch_mp_row row = ch_query_row_begin(look);
    put_letter(&row, &letter);
    status = may_see_raw(grant) ? put_raw(look, &row, &letter) : CH_OK;
    ch_query_row_end(look, &row);
    return status;
}

/* ---- connectors */

static bool is_own_or_operator(const ch_grant *grant, ch_str connector)
{
    return grant->role == CH_ROLE_OPERATOR ||
           (grant->role == CH_ROLE_CONNECTOR && ch_str_is(connector, grant->name));
}

static ch_status put_checkpoint(ch_query_look *look, ch_mp_row *row, ch_str connector)
{
    ch_str data;
    ch_status status = ch_state_reader_checkpoint(look->asker->state, connector, &data);
    if (status == CH_OK) {
        ch_str value = ch_mp_find_str(data, "value");
        ch_mp_row_put_str(row, "checkpoint", value.size <= SHOWN_CHECKPOINT_MAX ? value : CH_STR_NONE);
    }
    return status == CH_NOT_FOUND ? CH_OK : status;
}

/* What the connector last said of itself, under the names of QUERIES.md. */
static void put_report(ch_mp_row *row, ch_str report)
{
    static const struct {
        const char *from, *to;
    } fields[] = {{"connector", "connector"}, {"state", "state"},
                  {"address", "address"},     {"transport", "transport"},
                  {"since", "since"},         {"last", "last_success"},
                  {"records", "records"},     {"dead_letters", "dead_letters"},
                  {"reason", "reason"},       {"sender", "sender"},
                  {"sent", "sent"},           {"later", "later"},
                  {"last_sent", "last_sent"}, {"undeliverable", "undeliverable"}};
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        ch_mp_value value;
        ch_str bytes;
        if (ch_mp_find(report, fields[i].from, &value, &bytes) && value.kind != CH_MP_NIL) {
            ch_mp_row_put_key(row, fields[i].to);
            ch_mp_put_raw(row->out, bytes);
        }
    }
}

static bool see_connector(void *context, ch_str name, ch_str report)
{
    ch_query_look *look = context;
    const ch_query_arguments *asked = look->arguments;
    if ((asked->name.at != NULL && !ch_str_equal(asked->name, name)) ||
        (asked->after.at != NULL && ch_str_compare(name, asked->after) <= 0)) {
        return true;
    }
    if (!ch_query_may_look(look)) {
        return false;
    }
    snprintf(look->answer->next, sizeof look->answer->next, "%.*s", CH_STR_ARG(name));
    ch_mp_row row = ch_query_row_begin(look);
    put_report(&row, report);
    if (is_own_or_operator(look->asker->grant, name)) {
        look->status = put_checkpoint(look, &row, name);
    }
    ch_query_row_end(look, &row);
    if (look->status != CH_OK) {
        ch_error_set(look->error, look->status, "state", "a checkpoint cannot be read");
    }
    return look->status == CH_OK;
}

ch_status ch_query_connectors(ch_query_look *look)
{
    ch_status status = ch_state_reader_connectors(look->asker->state, see_connector, look);
    return ch_query_end_walk(look, status, "state");
}

ch_status ch_query_checkpoint(ch_query_look *look)
{
    ch_str connector = look->arguments->connector, data;
    if (!is_own_or_operator(look->asker->grant, connector)) {
        return ch_error_set(look->error, CH_DENIED, "QUERY.arguments.connector",
                            "%s may ask for its own alone", look->asker->grant->name);
    }
    ch_status status = ch_state_reader_checkpoint(look->asker->state, connector, &data);
    if (status != CH_OK) {
        return status == CH_NOT_FOUND ? CH_OK : ch_query_end_walk(look, status, "state");
    }
    ch_mp_row row = ch_query_row_begin(look);
    ch_mp_row_put_str(&row, "connector", connector);
    ch_mp_row_put_key(&row, "value");
    ch_mp_put_str(row.out, ch_mp_find_str(data, "value"));
    ch_query_row_end(look, &row);
    return CH_OK;
}

/* ---- parties, routes */

static void put_party(ch_query_look *look, const ch_party *party)
{
    ch_mp_row row = ch_query_row_begin(look);
    ch_mp_row_put_text(&row, "party", party->code);
    ch_mp_row_put_text(&row, "name", party->name);
    ch_mp_row_put_text(&row, "kind", party->kind);
    ch_mp_row_put_text(&row, "supervisor", party->supervisor);
    if (party->area_count > 0) {
        ch_mp_row_put_key(&row, "areas");
        ch_mp_put_array(row.out, (uint32_t)party->area_count);
        for (size_t i = 0; i < party->area_count; i++) {
            ch_mp_put_text(row.out, party->areas[i]);
        }
    }
    ch_mp_row_put_text(&row, "reach", party->reach);
    ch_mp_row_put_text(&row, "duty", party->duty_said);
    ch_query_row_end(look, &row);
}

ch_status ch_query_parties(ch_query_look *look)
{
    const ch_query_arguments *asked = look->arguments;
    const ch_rules *rules = look->asker->rules;
    for (size_t i = 0; i < rules->party_count; i++) {
        const ch_party *party = &rules->parties[i];
        if ((asked->code.at != NULL && !ch_str_is(asked->code, party->code)) ||
            (asked->kind.at != NULL && !ch_str_is(asked->kind, party->kind)) ||
            (asked->after.at != NULL && ch_str_compare(ch_str_of(party->code), asked->after) <= 0)) {
            continue;
        }
        if (!ch_query_may_look(look)) {
            break;
        }
        snprintf(look->answer->next, sizeof look->answer->next, "%s", party->code);
        put_party(look, party);
    }
    return CH_OK;
}

/* Each whole line of the text; what found no room in it is missing. */
static void put_lines(ch_mp_row *row, const char *key, ch_str text)
{
    uint32_t count = 0;
    ch_mp_row_put_key(row, key);
    size_t begun = ch_mp_begin_array(row->out);
    while (text.size > 0) {
        const char *end = memchr(text.at, '\n', text.size);
        if (end == NULL || count == UINT16_MAX) {
            break;
        }
        size_t size = (size_t)(end - text.at);
        ch_mp_put_str(row->out, (ch_str){text.at, size});
        text = (ch_str){end + 1, text.size - size - 1};
        count++;
    }
    ch_mp_end_array(row->out, begun, count);
}

/* Of a route to several: who they are, and how they work. */
static void put_receivers(ch_mp_row *row, const ch_plan *plan)
{
    char need[CH_NEED_SIZE];
    if (plan->form == CH_FORM_SINGLE) {
        return;
    }
    ch_mp_row_put_key(row, "parties");
    ch_mp_put_array(row->out, (uint32_t)plan->count);
    for (size_t i = 0; i < plan->count; i++) {
        ch_mp_put_str(row->out, plan->parties[i]);
    }
    ch_mp_row_put_text(row, "form", ch_form_name(plan->form));
    if (plan->form == CH_FORM_PARALLEL) {
        ch_need_text(plan->need, need);
        ch_mp_row_put_text(row, "need", need);
    } else if (plan->form == CH_FORM_JOINT) {
        ch_mp_row_put_str(row, "lead", plan->lead.at == NULL ? plan->parties[0] : plan->lead);
    }
}

ch_status ch_query_route(ch_query_look *look)
{
    const ch_query_arguments *asked = look->arguments;
    const ch_route_question question = {
        .system = asked->system,
        .kind = asked->kind,
        .category = asked->category,
        .area = asked->area,
        .priority = (int)asked->priority,
        .time_ms = asked->at >= 0 ? asked->at : ch_clock_wall_ms(look->asker->hub->options.clock)};
    ch_buf why;
    ch_buf_init(&why, WHY_LIMIT);
    const ch_route *route = ch_route_choose(look->asker->rules, &question, &why);
    ch_mp_row row = ch_query_row_begin(look);
    if (route != NULL) {
        const ch_plan plan = ch_plan_at(look->asker->rules, route, question.time_ms);
        ch_mp_row_put_text(&row, "route", route->name);
        ch_mp_row_put_str(&row, "party", plan.parties[0]);
        put_receivers(&row, &plan);
        ch_mp_row_put_text(&row, "reason", route->reason);
        ch_mp_row_put_time(&row, "due_after_ms", route->due_after_ms);
    }
    put_lines(&row, "why", ch_buf_str(&why));
    ch_query_row_end(look, &row);
    ch_buf_done(&why);
    return CH_OK;
}

/* ---- grants: the configuration's first, then those of the log by key */

#define CONFIGURED "configured/" /* before a number, in `next`: no key is like it */

static ch_status put_grant(ch_query_look *look, const ch_grant *grant, bool configured)
{
    ch_buf encoded;
    ch_mp_value head;
    ch_buf_init(&encoded, CH_CHP_HEADER_MAX);
    ch_grant_encode(&encoded, grant);
    ch_mp_reader reader = ch_mp_reader_of(ch_buf_str(&encoded));
    ch_status status = encoded.failed;
    if (status == CH_OK && ch_mp_next(&reader, &head)) {
        ch_mp_row row = ch_query_row_begin(look);
        ch_buf_append(row.out, reader.at, (size_t)(reader.end - reader.at));
        row.pairs = head.count;
        ch_mp_row_put_flag(&row, "configured", configured);
        ch_query_row_end(look, &row);
    }
    ch_buf_done(&encoded);
    return status == CH_OK ? CH_OK : ch_error_set(look->error, status, "QUERY", "no room for a grant");
}

static ch_status put_configured(ch_query_look *look, size_t from)
{
    const ch_hub_options *options = &look->asker->hub->options;
    ch_status status = CH_OK;
    for (size_t i = from; i < options->grant_count && status == CH_OK && ch_query_may_look(look); i++) {
        snprintf(look->answer->next, sizeof look->answer->next, CONFIGURED "%zu", i + 1);
        status = put_grant(look, &options->grants[i], true);
    }
    return status;
}

static bool see_grant(void *context, ch_str key, ch_str value)
{
    ch_query_look *look = context;
    ch_str after = look->arguments->after;
    ch_grant grant;
    if (after.at != NULL && !ch_str_starts(after, CH_STR(CONFIGURED)) && ch_str_compare(key, after) <= 0) {
        return true;
    }
    if (!ch_query_may_look(look)) {
        return false;
    }
    snprintf(look->answer->next, sizeof look->answer->next, "%.*s", CH_STR_ARG(key));
    if (ch_grant_decode(value, &grant, look->error) != CH_OK) {
        look->status = ch_error_set(look->error, CH_CORRUPT, "state", "a grant cannot be read");
    } else {
        look->status = put_grant(look, &grant, false);
    }
    return look->status == CH_OK;
}

ch_status ch_query_grants(ch_query_look *look)
{
    ch_str after = look->arguments->after, prefix = CH_STR(CONFIGURED);
    int64_t from = 0;
    ch_status status = CH_OK;
    if (ch_str_starts(after, prefix) &&
        (ch_str_to_int((ch_str){after.at + prefix.size, after.size - prefix.size}, &from) != CH_OK ||
         from < 0)) {
        return ch_query_no_argument(look, "after",
                                    "the `next` of an answer to the same question is expected");
    }
    if (after.at == NULL || ch_str_starts(after, prefix)) {
        status = put_configured(look, (size_t)from);
    }
    if (status != CH_OK || look->answer->more) {
        return status;
    }
    status = ch_state_reader_grants(look->asker->state, see_grant, look);
    return ch_query_end_walk(look, status, "state");
}
