#include "connectors/host/outward.h"
#include "connectors/host/outward_case.h"

#include "connectors/host/watchdog.h"
#include "hub/base/diag.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define COMPONENT "outward"
#define PROGRESS_MOST 64 /* events of which some messages are sent and one waits */
#define INTAKE_PAUSE_MS 1000
#define DELAY_MOST INT64_C(86400000) /* what a NAK can say */

typedef struct delivery {
    bool used;
    uint64_t session, sequence;
    unsigned attempt;
    char *json;
    ch_outward_event event;
} delivery;

/* A message that waits gives its event back to the hub. Those before it are not repeated when it comes again. */
typedef struct progress {
    uint64_t sequence;
    uint32_t epoch;
    size_t sent;
} progress;

typedef struct outcome {
    bool seen;
    casehub_sent sent;
    int64_t wait_ms;
    char reason[240];
} outcome;

struct ch_outward {
    ch_outward_options options;
    ch_outward_mapping *mapping;
    const casehub_sender *sender;
    void *state;
    char hub_code[40];
    delivery current, next; /* next: of a newer session, while a message of the current one is under way */
    bool mapped, sending, asking; /* asking: the hub for the case, and it may tell more than that */
    size_t index, count;          /* of the current event's messages: the one in hand, and how many */
    outcome outcome;
    ch_buf answer; /* the receiver's, with the outcome */
    ch_outward_health health;
    progress progress[PROGRESS_MOST];
    size_t progress_next; /* the oldest gives way */
};

/* ---- opening and closing */

static ch_status open_sender(ch_outward *outward, ch_error *error)
{
    const casehub_sender *sender = outward->options.config->outward.sender_table;
    outward->state = calloc(1, sender->state_size + 1);
    if (outward->state == NULL) {
        return ch_error_set(error, CH_NO_MEMORY, sender->name, "no memory");
    }
    outward->sender = sender;
    return sender->open(outward->state, outward->options.host,
                        outward->options.config->outward.sender_values) == 0
               ? CH_OK
               : ch_error_set(error, CH_IO, sender->name, "%s", outward->options.reason);
}

ch_status ch_outward_open(ch_outward **out_outward, const ch_outward_options *options, ch_error *error)
{
    ch_outward *outward = calloc(1, sizeof *outward);
    if (outward == NULL) {
        return ch_error_set(error, CH_NO_MEMORY, COMPONENT, "no memory");
    }
    outward->options = *options;
    ch_buf_init(&outward->answer, CH_ANSWER_MOST);
    ch_str_copy_cut(outward->hub_code, sizeof outward->hub_code, ch_str_of(options->hub_code));
    ch_status status = ch_outward_mapping_open(&outward->mapping, options->config, error);
    if (status == CH_OK) {
        status = open_sender(outward, error);
    }
    if (status != CH_OK) {
        ch_outward_close(outward);
        return status;
    }
    *out_outward = outward;
    return CH_OK;
}

static void drop(delivery *of)
{
    free(of->json);
    *of = (delivery){.used = false};
}

void ch_outward_close(ch_outward *outward)
{
    if (outward == NULL) {
        return;
    }
    if (outward->sender != NULL) {
        outward->sender->close(outward->state);
    }
    free(outward->state);
    ch_outward_mapping_close(outward->mapping);
    ch_buf_done(&outward->answer);
    drop(&outward->current);
    drop(&outward->next);
    free(outward);
}

/* ---- what is sent of an event that came back */

static progress *find_progress(ch_outward *outward)
{
    const ch_outward_event *event = &outward->current.event;
    for (size_t i = 0; i < PROGRESS_MOST; i++) {
        progress *at = &outward->progress[i];
        if (at->sent > 0 && at->sequence == event->sequence && at->epoch == event->epoch) {
            return at;
        }
    }
    return NULL;
}

static progress *find_room(ch_outward *outward)
{
    for (size_t i = 0; i < PROGRESS_MOST; i++) {
        if (outward->progress[i].sent == 0) {
            return &outward->progress[i];
        }
    }
    return &outward->progress[outward->progress_next++ % PROGRESS_MOST];
}

static void note_progress(ch_outward *outward)
{
    progress *at = find_progress(outward);
    if (at == NULL) {
        at = find_room(outward);
    }
    *at = (progress){outward->current.event.sequence, outward->current.event.epoch, outward->index};
}

static void forget_progress(ch_outward *outward)
{
    progress *at = find_progress(outward);
    if (at != NULL) {
        at->sent = 0;
    }
}

/* ---- what the hub is told */

static bool is_awaited(const ch_outward *outward)
{
    const ch_outward_port *port = &outward->options.port;
    return outward->current.session == port->session(port->context);
}

static void leave_event(ch_outward *outward)
{
    drop(&outward->current);
    outward->mapped = false;
    outward->index = outward->count = 0;
}

static void acknowledge(ch_outward *outward)
{
    const ch_outward_port *port = &outward->options.port;
    if (is_awaited(outward)) {
        port->acknowledge(port->context, outward->current.sequence);
        forget_progress(outward);
    }
    leave_event(outward);
}

/* For good: it becomes a dead letter of the subscription. */
static void fail(ch_outward *outward, const char *code, const char *text, const char *where)
{
    const ch_outward_port *port = &outward->options.port;
    ch_diag(CH_DIAG_WARN, COMPONENT, "event %" PRIu64 " becomes a dead letter: %s%s%s (%s)",
            outward->current.sequence, where, where[0] == '\0' ? "" : ": ", text, code);
    if (is_awaited(outward)) {
        port->fail(port->context, outward->current.sequence, code, text, where);
    }
    leave_event(outward);
}

static int64_t pause_of(const ch_outward *outward, int64_t asked_ms)
{
    const ch_outward_config *config = &outward->options.config->outward;
    int64_t pause_ms = config->retry_first;
    for (unsigned i = 1; i < outward->current.attempt && pause_ms < config->retry_most; i++) {
        pause_ms *= 2;
    }
    pause_ms = pause_ms < config->retry_most ? pause_ms : config->retry_most;
    pause_ms = asked_ms >= 0 ? asked_ms : pause_ms;
    return pause_ms < DELAY_MOST ? pause_ms : DELAY_MOST;
}

static void delay(ch_outward *outward, const char *reason, int64_t asked_ms)
{
    const ch_outward_port *port = &outward->options.port;
    int64_t give_up = outward->options.config->outward.give_up;
    if (give_up > 0 && outward->current.attempt >= give_up) {
        char text[sizeof outward->outcome.reason + 60];
        snprintf(text, sizeof text, "given up after %u attempts: %s", outward->current.attempt, reason);
        fail(outward, "unavailable", text, "");
        return;
    }
    int64_t pause_ms = pause_of(outward, asked_ms);
    ch_diag(CH_DIAG_WARN, COMPONENT, "event %" PRIu64 " waits %" PRId64 " ms (attempt %u): %s",
            outward->current.sequence, pause_ms, outward->current.attempt, reason);
    if (is_awaited(outward)) {
        port->delay(port->context, outward->current.sequence, pause_ms);
    }
    leave_event(outward);
}

/* ---- an event comes */

void ch_outward_take(ch_outward *outward, uint64_t sequence, unsigned attempt, char *json)
{
    const ch_outward_port *port = &outward->options.port;
    ch_error error = {.status = CH_OK};
    delivery came = {.used = true,
                     .session = port->session(port->context),
                     .sequence = sequence,
                     .attempt = attempt,
                     .json = json};
    delivery *current = &outward->current;
    drop(&outward->next); /* what an earlier session brought comes again */
    if (ch_outward_event_read(&came.event, ch_str_of(json), &error) != CH_OK) {
        port->fail(port->context, sequence, ch_status_name(error.status), error.text, error.where);
        drop(&came);
    } else if (current->used && current->event.sequence == came.event.sequence &&
               current->event.epoch == came.event.epoch) {
        current->session = came.session;
        current->attempt = attempt;
        drop(&came);
    } else if (outward->sending || outward->asking) {
        outward->next = came;
    } else {
        leave_event(outward);
        outward->current = came;
    }
}

/* ---- mapping */

/* A program that cannot go on is no fault of the event. */
static bool is_fault_of_host(ch_status status)
{
    return status == CH_NO_MEMORY || status == CH_IO || status == CH_FULL;
}

static ch_status run_mapping(ch_outward *outward, ch_error *error)
{
    ch_attempt *attempt = outward->options.attempt;
    if (attempt != NULL) {
        ch_watchdog_arm(outward->options.config->map_timeout);
    }
    ch_status status =
        ch_outward_mapping_run(outward->mapping, &outward->current.event, &outward->count, error);
    if (attempt != NULL) {
        ch_watchdog_disarm();
        ch_attempt_end(attempt);
    }
    return status;
}

static ch_status begin_attempt(ch_outward *outward, unsigned *out_number, ch_error *error)
{
    char epoch[24];
    *out_number = 1;
    snprintf(epoch, sizeof epoch, "%" PRIu32, outward->current.event.epoch);
    return outward->options.attempt == NULL ? CH_OK
                                            : ch_attempt_begin(outward->options.attempt, COMPONENT, epoch,
                                                               outward->current.sequence, out_number, error);
}

/* False: the event is left. What is asked for again at each attempt is the case as it is then. */
static bool add_case(ch_outward *outward)
{
    delivery *current = &outward->current;
    char *json = NULL;
    ch_error why = {.status = CH_OK};
    outward->asking = true;
    ch_status status = ch_outward_add_case(outward->options.host, current->event.json, &json, &why);
    outward->asking = false;
    if (status == CH_OK) {
        free(current->json);
        current->json = json;
        current->event.json = ch_str_of(json);
    } else if (ch_status_is_temporary(status) || is_fault_of_host(status)) {
        delay(outward, why.text, -1);
    } else {
        fail(outward, ch_status_name(status), why.text, why.where);
    }
    return status == CH_OK;
}

/* Leaves the event when nothing of it can be sent. */
static ch_status map(ch_outward *outward, ch_error *error)
{
    unsigned number;
    ch_error why = {.status = CH_OK};
    if (outward->options.config->outward.with_case && !add_case(outward)) {
        return CH_OK;
    }
    ch_status status = begin_attempt(outward, &number, error);
    if (status != CH_OK) {
        return status;
    }
    if (number > CH_ATTEMPTS_MOST) {
        ch_attempt_end(outward->options.attempt);
        snprintf(why.text, sizeof why.text, "the mapping ended the process %d times", CH_ATTEMPTS_MOST);
        fail(outward, "poison", why.text, "");
        return CH_OK;
    }
    status = run_mapping(outward, &why);
    if (is_fault_of_host(status)) {
        return ch_error_set(error, status, why.where, "%s", why.text);
    }
    if (status != CH_OK) {
        fail(outward, ch_status_name(status), why.text, why.where);
        return CH_OK;
    }
    const progress *before = find_progress(outward);
    outward->mapped = true;
    outward->index = before == NULL ? 0 : before->sent;
    return CH_OK;
}

/* ---- sending */

void ch_outward_id(char out[CH_MESSAGE_ID_SIZE], const char *hub_code, const ch_outward_event *event,
                   size_t index)
{
    int used = snprintf(out, CH_MESSAGE_ID_SIZE, "%s/%" PRIu64 "/%zu", hub_code, event->sequence, index + 1);
    if (event->epoch > 1) {
        snprintf(out + used, CH_MESSAGE_ID_SIZE - (size_t)used, "/e%" PRIu32, event->epoch);
    }
}

static void describe(const ch_outward *outward, char id[CH_MESSAGE_ID_SIZE], casehub_message *out)
{
    *out = (casehub_message){CASEHUB_SIZED(casehub_message), .id = id, .attempt = outward->current.attempt};
    ch_outward_id(id, outward->hub_code, &outward->current.event, outward->index);
    ch_outward_mapping_message(outward->mapping, outward->index, out);
}

static void send(ch_outward *outward)
{
    char id[CH_MESSAGE_ID_SIZE];
    casehub_message message;
    describe(outward, id, &message);
    outward->outcome.seen = false;
    outward->sending = true;
    outward->sender->send(outward->state, &message);
}

void ch_outward_settle(ch_outward *outward, casehub_sent sent, const char *reason, int64_t wait_ms,
                       ch_str answer)
{
    if (!outward->sending || outward->outcome.seen) {
        return;
    }
    outward->outcome = (outcome){.seen = true, .sent = sent, .wait_ms = wait_ms};
    ch_str_copy_cut(outward->outcome.reason, sizeof outward->outcome.reason, ch_str_of(reason));
    ch_buf_clear(&outward->answer);
    if (outward->options.config->outward.answers && sent == CASEHUB_SENT) {
        ch_buf_append_str(&outward->answer, answer);
    }
}

/* Before the message counts as sent: else a crash in between would lose what its receiver said. */
static casehub_verdict take_answer(ch_outward *outward, casehub_outcome *out)
{
    char id[CH_MESSAGE_ID_SIZE];
    casehub_message message;
    if (outward->answer.failed != CH_OK) {
        ch_str_copy_cut(out->reason, sizeof out->reason, CH_STR("it is too long"));
        return CASEHUB_REJECT;
    }
    if (outward->outcome.sent != CASEHUB_SENT || outward->answer.size == 0) {
        return CASEHUB_DONE;
    }
    describe(outward, id, &message);
    return ch_outward_answer_take(&outward->options.intake, &message, ch_buf_str(&outward->answer),
                                  ch_clock_wall_ms(outward->options.clock), out);
}

static void count(ch_outward *outward)
{
    const outcome *of = &outward->outcome;
    ch_outward_health *health = &outward->health;
    health->sent += of->sent == CASEHUB_SENT;
    health->later += of->sent == CASEHUB_LATER;
    health->undeliverable += of->sent == CASEHUB_UNDELIVERABLE;
    if (of->sent == CASEHUB_SENT) {
        health->last_ms = ch_clock_wall_ms(outward->options.clock);
        health->failing = false;
    } else if (of->sent == CASEHUB_LATER) {
        health->failing_since_ms =
            health->failing ? health->failing_since_ms : ch_clock_monotonic_ms(outward->options.clock);
        health->failing = true;
        memcpy(health->reason, of->reason, sizeof health->reason);
    }
}

const ch_outward_health *ch_outward_health_of(const ch_outward *outward)
{
    return &outward->health;
}

static void end_sent(ch_outward *outward, casehub_verdict verdict, const casehub_outcome *taken)
{
    outward->index++;
    note_progress(outward);
    if (verdict == CASEHUB_REJECT) {
        char text[sizeof taken->reason + 60];
        snprintf(text, sizeof text, "sent, but the answer cannot be read: %s", taken->reason);
        fail(outward, "invalid", text, "");
    }
}

/* False: the answer could not be taken yet. */
static bool act(ch_outward *outward)
{
    const outcome *of = &outward->outcome;
    casehub_outcome taken = {CASEHUB_SIZED(casehub_outcome)};
    casehub_verdict verdict = take_answer(outward, &taken);
    if (verdict == CASEHUB_RETRY) {
        return false;
    }
    count(outward);
    outward->sending = outward->outcome.seen = false;
    switch (of->sent) {
    case CASEHUB_SENT: end_sent(outward, verdict, &taken); break;
    case CASEHUB_LATER: delay(outward, of->reason, of->wait_ms); break;
    case CASEHUB_UNDELIVERABLE: fail(outward, "refused", of->reason, ""); break;
    }
    return true;
}

/* The next message, or the next event. *out_more: step wants to be called again at once. */
static ch_status go_on(ch_outward *outward, bool *out_more, ch_error *error)
{
    *out_more = false;
    if (!outward->current.used && outward->next.used) {
        outward->current = outward->next;
        outward->next = (delivery){.used = false};
    }
    if (!outward->current.used) {
        return CH_OK;
    }
    ch_status status = outward->mapped ? CH_OK : map(outward, error);
    if (status == CH_OK && outward->mapped && outward->index >= outward->count) {
        acknowledge(outward);
    } else if (status == CH_OK && outward->mapped) {
        send(outward);
    }
    /* What was begun may be over already, or has a time of its own now. */
    *out_more = outward->sending || outward->next.used;
    return status;
}

int ch_outward_fd(const ch_outward *outward)
{
    return outward->sender->fd(outward->state);
}

ch_status ch_outward_step(ch_outward *outward, bool paused, int64_t *out_wait_ms, ch_error *error)
{
    bool more = false;
    ch_status status = CH_OK;
    int result = outward->sender->step(outward->state);
    if (result == CASEHUB_STEP_FAILED) {
        return ch_error_set(error, CH_IO, outward->sender->name, "%s", outward->options.reason);
    }
    if (outward->outcome.seen && !act(outward)) {
        *out_wait_ms = INTAKE_PAUSE_MS;
        return CH_OK;
    }
    if (!outward->sending && !paused) {
        status = go_on(outward, &more, error);
    }
    *out_wait_ms = more ? 0 : result;
    return status;
}
