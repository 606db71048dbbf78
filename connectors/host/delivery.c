#include "connectors/host/delivery.h"

#include "hub/model/event.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define BATCH_BYTES ((size_t)3 * 1024 * 1024)
#define PUBLISH_TIMEOUT_MS 30000
#define FIRST_PAUSE_MS 100
#define LONGEST_PAUSE_MS 30000
#define NUMBERS_TRIED 64 /* of a row whose counter was lost */

/* What the hub said of one event. */
typedef struct answer {
    ch_status status;
    bool seen, duplicate;
    uint64_t sequence, dead_letter;
    uint32_t case_version;
    char case_id[CH_CASE_ID_SIZE], where[160], text[320];
} answer;

struct ch_delivery {
    const ch_connector_config *config;
    ch_rows *rows;
    const ch_hub_port *port;
    char *from; /* the hub's checkpoint, byte for byte */
    ch_checkpoint checkpoint;
    ch_buf bytes;
    size_t ends[CH_BATCH_MOST];
    ch_made_id ids[CH_BATCH_MOST];
    bool letters[CH_BATCH_MOST]; /* dead letters that the host made */
    size_t count;
    size_t noted; /* of the pending row notes, those of the gathered records */
    bool stale;
    ch_delivery_totals totals;
    answer answers[CH_BATCH_MOST];
};

ch_status ch_delivery_open(ch_delivery **out_delivery, const ch_connector_config *config, ch_rows *rows,
                           const ch_hub_port *port, const char *checkpoint, ch_error *error)
{
    ch_delivery *delivery = calloc(1, sizeof *delivery);
    char *from = strdup(checkpoint);
    if (delivery == NULL || from == NULL) {
        free(delivery);
        free(from);
        return ch_error_set(error, CH_NO_MEMORY, NULL, "no memory");
    }
    *delivery = (ch_delivery){.config = config, .rows = rows, .port = port, .from = from};
    ch_buf_init(&delivery->bytes, 2 * BATCH_BYTES);
    ch_status status = ch_checkpoint_decode(&delivery->checkpoint, checkpoint, error);
    if (status != CH_OK) {
        ch_delivery_close(delivery);
        return status;
    }
    *out_delivery = delivery;
    return CH_OK;
}

void ch_delivery_close(ch_delivery *delivery)
{
    if (delivery != NULL) {
        ch_checkpoint_done(&delivery->checkpoint);
        ch_buf_done(&delivery->bytes);
        free(delivery->from);
        free(delivery);
    }
}

const ch_checkpoint *ch_delivery_checkpoint(const ch_delivery *delivery)
{
    return &delivery->checkpoint;
}

void ch_delivery_begin(ch_delivery *delivery, const casehub_unit *unit, ch_pipeline_run_options *out_options,
                       bool *out_done)
{
    ch_checkpoint *checkpoint = &delivery->checkpoint;
    bool known =
        strcmp(checkpoint->unit, unit->name) == 0 && strcmp(checkpoint->identity, unit->identity) == 0;
    delivery->totals = (ch_delivery_totals){.records = 0};
    *out_options = (ch_pipeline_run_options){.skip_rows = 0};
    *out_done = known && checkpoint->done;
    if (known && !checkpoint->done) {
        out_options->skip_rows = checkpoint->row;
        out_options->skip_offset = checkpoint->offset;
        return;
    }
    if (!known) {
        snprintf(checkpoint->unit, sizeof checkpoint->unit, "%s", unit->name);
        snprintf(checkpoint->identity, sizeof checkpoint->identity, "%s", unit->identity);
        checkpoint->done = false;
        checkpoint->row = checkpoint->offset = 0;
    }
}

void ch_delivery_forget_unit(ch_delivery *delivery)
{
    delivery->checkpoint.row = delivery->checkpoint.offset = 0;
    delivery->checkpoint.done = false;
}

/* What was gathered had moved the checkpoint on already. */
void ch_delivery_drop(ch_delivery *delivery)
{
    ch_checkpoint committed;
    ch_buf_clear(&delivery->bytes);
    delivery->count = delivery->noted = 0;
    ch_rows_undo(delivery->rows, 0);
    if (ch_checkpoint_decode(&committed, delivery->from, NULL) == CH_OK) {
        ch_checkpoint_done(&delivery->checkpoint);
        delivery->checkpoint = committed;
    } else {
        ch_delivery_forget_unit(delivery); /* no memory: rather read twice than skip */
    }
}

static void keep_text(char *out, size_t size, const char *text)
{
    ch_str_copy_cut(out, size, ch_str_of(text));
}

void ch_delivery_answer(ch_delivery *delivery, const casehub_answer *from)
{
    if (from->token >= CH_BATCH_MOST) {
        return;
    }
    answer *to = &delivery->answers[from->token];
    *to = (answer){.seen = true,
                   .duplicate = from->duplicate,
                   .sequence = from->sequence,
                   .dead_letter = from->dead_letter,
                   .case_version = from->caseversion};
    if (ch_status_from_name(from->code, &to->status) != CH_OK) {
        to->status = CH_UNSUPPORTED;
    }
    keep_text(to->case_id, sizeof to->case_id, from->case_id);
    keep_text(to->where, sizeof to->where, from->where);
    keep_text(to->text, sizeof to->text, from->text);
}

/* Has the hub's checkpoint reached `to` after all? An answer may be lost after the commit. */
static ch_status look_again(ch_delivery *delivery, const casehub_batch *batch, ch_error *error)
{
    char *value = NULL;
    ch_error why = {.status = CH_OK};
    ch_status status = delivery->port->checkpoint(delivery->port->context, &value, &why);
    if (status != CH_OK) {
        return ch_status_is_temporary(status) ? status
                                              : ch_error_set(error, status, why.where, "%s", why.text);
    }
    bool reached = strcmp(value, batch->to) == 0, unmoved = strcmp(value, batch->from) == 0;
    free(value);
    if (unmoved && batch->dead_letter != 0) {
        error->status = CH_REFUSED; /* the letter is closed already */
        return CH_REFUSED;
    }
    if (reached) {
        return CH_OK;
    }
    return unmoved ? CH_BUSY
                   : ch_error_set(error, CH_CONFLICT, "checkpoint",
                                  "another process runs connector %s and moved its checkpoint",
                                  delivery->config->name);
}

/* To the pipeline CH_REFUSED says that the unit cannot be read and is done with; a batch that the hub refuses must not
 * pass for that. Of a dead letter it says that the letter is closed already. */
static ch_status name_refusal(const casehub_batch *batch, ch_status status, ch_error *error)
{
    if (status != CH_REFUSED || batch->dead_letter != 0) {
        return status;
    }
    const ch_error why = *error;
    return ch_error_set(error, CH_UNSUPPORTED, why.where, "%s", why.text);
}

/* Until it is in the hub, or can never be, or the process stops. */
static ch_status publish(ch_delivery *delivery, const casehub_batch *batch, ch_error *error)
{
    int64_t wait_ms = FIRST_PAUSE_MS;
    for (;;) {
        memset(delivery->answers, 0, sizeof delivery->answers);
        ch_status status = delivery->port->publish(delivery->port->context, batch, PUBLISH_TIMEOUT_MS, error);
        if (status == CH_CONFLICT && batch->connector != NULL) {
            status = look_again(delivery, batch, error);
        }
        if (!ch_status_is_temporary(status)) {
            return name_refusal(batch, status, error);
        }
        if (!delivery->port->pause(delivery->port->context, wait_ms)) {
            return ch_error_set(error, CH_UNAVAILABLE, NULL, "stopping before the hub took it");
        }
        wait_ms = wait_ms * 2 < LONGEST_PAUSE_MS ? wait_ms * 2 : LONGEST_PAUSE_MS;
    }
}

static ch_status rename_event(ch_str encoded, const char *id, ch_buf *out, ch_error *error)
{
    ch_event event;
    ch_status status = ch_event_decode(encoded, CH_EVENT_PRODUCED, &event, error);
    if (status == CH_OK) {
        event.id = ch_str_of(id);
        ch_event_encode(out, &event);
        status = out->failed;
    }
    return status;
}

/* A publish that retries the letter and tells nothing: the hub marks it as retried. An operator may have closed it
 * meanwhile. */
static ch_status close_letter(ch_delivery *delivery, uint64_t number, ch_error *error)
{
    const casehub_batch batch = {CASEHUB_SIZE(casehub_batch), .connector = delivery->config->name,
                                 .from = delivery->from, .to = delivery->from, .dead_letter = number};
    ch_status status = publish(delivery, &batch, error);
    return status == CH_REFUSED ? CH_OK : status;
}

/* The hub knows another change under this number (the counter was lost): the next free one is told instead, and
 * the dead letter that the hub made of it counts as retried. */
static ch_status find_number(ch_delivery *delivery, size_t index, ch_str encoded, uint64_t dead_letter,
                             bool *out_told, ch_error *error)
{
    ch_made_id id = delivery->ids[index];
    ch_status status = CH_CONFLICT;
    for (unsigned tried = 0; tried < NUMBERS_TRIED && status == CH_CONFLICT; tried++) {
        char text[CH_MADE_ID_SIZE];
        ch_buf renamed;
        ch_buf_init(&renamed, BATCH_BYTES);
        id.number++;
        ch_made_id_format(&id, text);
        status = rename_event(encoded, text, &renamed, error);
        if (status == CH_OK) {
            const void *bytes = renamed.at;
            const casehub_batch batch = {CASEHUB_SIZE(casehub_batch),
                                         .default_kind = delivery->config->default_kind,
                                         .history_until_ms = delivery->config->history_until_ms,
                                         .encoded = &bytes,
                                         .encoded_sizes = &renamed.size,
                                         .count = 1};
            status = publish(delivery, &batch, error);
            status = status == CH_OK ? delivery->answers[0].status : status;
        }
        ch_buf_done(&renamed);
    }
    if (ch_status_is_temporary(status)) {
        return status;
    }
    /* Still refused: the dead letter stays, and says why. */
    *out_told = status == CH_OK;
    ch_status closed = status == CH_OK ? close_letter(delivery, dead_letter, error) : CH_OK;
    return closed != CH_OK
               ? closed
               : ch_rows_renumber(delivery->rows, ch_str_of(id.key), ch_str_of(id.aspect), id.number, error);
}

/* Where the batch's events lie. */
static void list(const ch_delivery *delivery, const void **at, size_t *sizes)
{
    size_t begin = 0;
    for (size_t i = 0; i < delivery->count; i++) {
        at[i] = delivery->bytes.at + begin;
        sizes[i] = delivery->ends[i] - begin;
        begin = delivery->ends[i];
    }
}

static ch_status follow_up(ch_delivery *delivery, const void *const *at, const size_t *sizes, ch_error *error)
{
    answer answers[CH_BATCH_MOST];
    memcpy(answers, delivery->answers, sizeof answers);
    for (size_t i = 0; i < delivery->count; i++) {
        bool refused = answers[i].seen && answers[i].status != CH_OK;
        delivery->totals.events += !refused && !delivery->letters[i];
        if (answers[i].status == CH_CONFLICT && answers[i].dead_letter != 0 &&
            delivery->ids[i].key[0] != '\0') {
            bool told = false;
            ch_status status =
                find_number(delivery, i, (ch_str){at[i], sizes[i]}, answers[i].dead_letter, &told, error);
            if (status != CH_OK) {
                return status;
            }
            delivery->totals.events += told;
            delivery->totals.dead_letters += !told;
            continue;
        }
        delivery->totals.dead_letters += refused || delivery->letters[i];
    }
    return CH_OK;
}

bool ch_delivery_is_stale(const ch_delivery *delivery)
{
    return delivery->stale;
}

/* The rows of the batch on disk, and the checkpoint that names them. Without one they would pass for told. */
static ch_status prepare(ch_delivery *delivery, size_t notes, char **out_to, ch_error *error)
{
    ch_status status = ch_rows_seal(delivery->rows, notes, delivery->checkpoint.rows, error);
    if (status == CH_OK) {
        status = ch_checkpoint_encode(&delivery->checkpoint, out_to, error);
        delivery->stale = delivery->stale || status != CH_OK;
    }
    return status;
}

/* Takes over to. */
static ch_status publish_to(ch_delivery *delivery, const casehub_batch *batch, char *to, ch_error *error)
{
    ch_status status = publish(delivery, batch, error);
    if (status != CH_OK) {
        delivery->stale = true;
        free(to);
        return status;
    }
    free(delivery->from);
    delivery->from = to;
    return CH_OK;
}

/* The batch and the checkpoint, in one transaction of the hub's, with the first `notes` row notes; and, unless it is 0,
 * with the end of a dead letter that the batch was made of once more. */
static ch_status commit(ch_delivery *delivery, size_t notes, uint64_t dead_letter, ch_error *error)
{
    const void *at[CH_BATCH_MOST];
    size_t sizes[CH_BATCH_MOST];
    char *to = NULL;
    ch_status status = prepare(delivery, notes, &to, error);
    if (status != CH_OK) {
        return status;
    }
    delivery->noted = 0;
    list(delivery, at, sizes);
    const casehub_batch batch = {CASEHUB_SIZE(casehub_batch),
                                 .connector = delivery->config->name,
                                 .from = delivery->from,
                                 .to = to,
                                 .default_kind = delivery->config->default_kind,
                                 .history_until_ms = delivery->config->history_until_ms,
                                 .dead_letter = dead_letter,
                                 .encoded = at,
                                 .encoded_sizes = sizes,
                                 .count = delivery->count};
    status = publish_to(delivery, &batch, to, error);
    if (status == CH_OK) {
        status = follow_up(delivery, at, sizes, error);
        ch_buf_clear(&delivery->bytes);
        delivery->count = 0;
    }
    return status;
}

static ch_status gather(ch_delivery *delivery, const ch_made *made, ch_error *error)
{
    for (size_t i = 0; i < made->count; i++) {
        ch_buf_append_str(&delivery->bytes, made->events[i]);
        delivery->ends[delivery->count] = delivery->bytes.size;
        delivery->ids[delivery->count] = made->ids[i];
        delivery->letters[delivery->count] = made->dead_letter;
        delivery->count++;
    }
    return delivery->bytes.failed == CH_OK
               ? CH_OK
               : ch_error_set(error, delivery->bytes.failed, NULL, "no room to gather the batch");
}

static bool has_room(const ch_delivery *delivery, const ch_made *made)
{
    size_t most = (size_t)delivery->config->batch;
    return delivery->count == 0 ||
           (delivery->count + made->count <= most && delivery->bytes.size + made->bytes <= BATCH_BYTES);
}

ch_status ch_delivery_add(void *context, const ch_made *made, ch_error *error)
{
    ch_delivery *delivery = context;
    if (!has_room(delivery, made)) {
        /* The notes of this record are pending already; they are not of that batch. */
        ch_status status = commit(delivery, delivery->noted, 0, error);
        if (status != CH_OK) {
            return status;
        }
    }
    ch_status status = gather(delivery, made, error);
    if (status != CH_OK) {
        return status;
    }
    delivery->noted = ch_rows_pending(delivery->rows);
    delivery->totals.records++;
    delivery->checkpoint.row = made->row;
    delivery->checkpoint.offset = made->offset;
    return made->urgent ? commit(delivery, delivery->noted, 0, error) : CH_OK;
}

ch_status ch_delivery_finish(ch_delivery *delivery, const casehub_unit *unit, ch_delivery_totals *out_totals,
                             ch_error *error)
{
    delivery->checkpoint.done = true;
    if (unit->position != NULL) {
        char *position = strdup(unit->position);
        if (position == NULL) {
            return ch_error_set(error, CH_NO_MEMORY, NULL, "no memory");
        }
        ch_checkpoint_done(&delivery->checkpoint);
        delivery->checkpoint.position = position;
    }
    ch_status status = commit(delivery, ch_rows_pending(delivery->rows), 0, error);
    if (status == CH_OK) {
        *out_totals = delivery->totals;
    }
    return status;
}

static void describe(const answer *from, casehub_answer *out)
{
    *out = (casehub_answer){.code = ch_status_name(from->status),
                            .sequence = from->sequence,
                            .caseversion = from->case_version,
                            .case_id = from->case_id,
                            .duplicate = from->duplicate,
                            .text = from->text,
                            .where = from->where,
                            .present_state = ""};
}

/* Why the first event that the hub did not take was refused; CH_OK: it took them all. */
static ch_status first_refusal(const ch_delivery *delivery, size_t count, ch_error *error)
{
    for (size_t i = 0; i < count; i++) {
        const answer *said = &delivery->answers[i];
        if (said->seen && said->status != CH_OK) {
            return ch_error_set(error, said->status, said->where, "%s", said->text);
        }
    }
    return CH_OK;
}

/* Until the deadline; a busy hub is asked again meanwhile, for all of it: what it has is a duplicate then. */
static ch_status publish_until(ch_delivery *delivery, const casehub_batch *batch, int64_t deadline_ms,
                               ch_error *error)
{
    int64_t wait_ms = FIRST_PAUSE_MS, left;
    ch_status status = ch_error_set(error, CH_TIMEOUT, NULL, "the hub did not answer in time");
    while ((left = deadline_ms - delivery->port->monotonic_ms(delivery->port->context)) > 0) {
        memset(delivery->answers, 0, sizeof delivery->answers);
        status = delivery->port->publish(delivery->port->context, batch, (int)left, error);
        if (status == CH_OK) {
            status = first_refusal(delivery, batch->count, error);
        }
        if (!ch_status_is_temporary(status) ||
            !delivery->port->pause(delivery->port->context, wait_ms < left ? wait_ms : left)) {
            return status;
        }
        wait_ms *= 2;
    }
    return status;
}

ch_status ch_delivery_publish_now(ch_delivery *delivery, const ch_made *made, casehub_answer *out_answer,
                                  ch_error *error)
{
    const void *at[CH_OUTPUTS_MOST];
    size_t sizes[CH_OUTPUTS_MOST];
    for (size_t i = 0; i < made->count; i++) {
        at[i] = made->events[i].at;
        sizes[i] = made->events[i].size;
    }
    const casehub_batch batch = {CASEHUB_SIZE(casehub_batch),
                                 .default_kind = delivery->config->default_kind,
                                 .history_until_ms = delivery->config->history_until_ms,
                                 .encoded = at,
                                 .encoded_sizes = sizes,
                                 .count = made->count};
    if (made->count == 0) {
        return ch_error_set(error, CH_INVALID, NULL, "the mapping makes no event of it");
    }
    int64_t deadline_ms =
        delivery->port->monotonic_ms(delivery->port->context) + delivery->config->answer_timeout;
    ch_status status = publish_until(delivery, &batch, deadline_ms, error);
    if (status == CH_OK) {
        describe(&delivery->answers[0], out_answer);
    }
    return status;
}

ch_status ch_delivery_retry(ch_delivery *delivery, uint64_t number, const ch_made *made, ch_error *error)
{
    ch_status status = gather(delivery, made, error);
    return status == CH_OK ? commit(delivery, ch_rows_pending(delivery->rows), number, error) : status;
}
