/* Plays into another hub: in order, over two lines, and so that it can be gone on with. */
#include "replay/play_hub_inside.h"

#include "hub/base/interrupt.h"
#include "replay/secrets.h"

#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>

#define TURN_MS 100
#define POLL_EVERY 64      /* events, so that they leave in frames of about so many */
#define SAVE_QUIET_MS 1000 /* with fewer than a window of events */
#define READ_MS 30000
#define AWAY_MS 5000 /* between two turns: this program was stopped */
#define EVENT_LIMIT ((size_t)1 << 20)

/* ---- how far it has come */

static bool keeps_place(const ch_play_hub *hub)
{
    return hub->replay->options->resume != NULL;
}

ch_status ch_play_hub_save(ch_play_hub *hub, ch_error *error)
{
    if (!keeps_place(hub) || hub->learning || hub->point.sequence == hub->saved) {
        return CH_OK;
    }
    /* Names before the place that needs them. */
    ch_status status = ch_case_map_sync(&hub->map, error);
    if (status == CH_OK) {
        status = ch_play_point_write(hub->replay->options->resume, &hub->point, error);
    }
    if (status == CH_OK) {
        hub->saved = hub->point.sequence;
        hub->saved_head = hub->head;
        hub->saved_ms = ch_clock_monotonic_ms(hub->replay->world->clock);
    }
    return status;
}

static ch_status save_when_due(ch_play_hub *hub, ch_error *error)
{
    int64_t now_ms = ch_clock_monotonic_ms(hub->replay->world->clock);
    bool due = hub->head - hub->saved_head >= CH_PLAY_WINDOW ||
               (hub->head == hub->tail && now_ms - hub->saved_ms >= SAVE_QUIET_MS);
    return due ? ch_play_hub_save(hub, error) : CH_OK;
}

/* ---- waiting */

static ch_status poll_line(const ch_play_line *line, ch_error *error)
{
    return line->hub == NULL || casehub_poll(line->hub, 0) == 0 ? CH_OK : ch_play_line_fail(line, error);
}

static ch_status poll_both(ch_play_hub *hub, ch_error *error)
{
    ch_status status = poll_line(&hub->commands, error);
    if (status == CH_OK) {
        status = poll_line(&hub->reports, error);
    }
    if (status == CH_OK && hub->failure.status != CH_OK) {
        *error = hub->failure;
        status = hub->failure.status;
    }
    return status;
}

/* Only time in which the hub could have been heard is held against it: not that of a play that was stopped. */
static ch_status check_patience(ch_play_hub *hub, ch_error *error)
{
    int64_t now_ms = ch_clock_monotonic_ms(hub->replay->world->clock);
    int64_t away_ms = now_ms - hub->turned_ms;
    if (hub->head == hub->tail) {
        hub->progress_ms = now_ms;
    } else if (away_ms > AWAY_MS) {
        hub->progress_ms += away_ms;
    }
    hub->turned_ms = now_ms;
    return now_ms - hub->progress_ms <= CH_PLAY_PATIENCE_MS
               ? CH_OK
               : ch_error_set(error, CH_BUSY, hub->replay->options->into_hub, "no hub answered for %d s",
                              CH_PLAY_PATIENCE_MS / 1000);
}

ch_status ch_play_hub_turn(ch_play_hub *hub, int timeout_ms, ch_error *error)
{
    struct pollfd fds[] = {{.fd = hub->commands.fd, .events = POLLIN},
                           {.fd = hub->reports.hub == NULL ? -1 : hub->reports.fd, .events = POLLIN}};
    ch_tape_rest(hub->tape);
    ch_status status = poll_both(hub, error); /* what is to be sent leaves before the waiting */
    if (status == CH_OK && timeout_ms > 0) {
        (void)poll(fds, 2, timeout_ms < TURN_MS ? timeout_ms : TURN_MS);
        status = poll_both(hub, error);
    }
    if (status == CH_OK) {
        status = check_patience(hub, error);
    }
    if (status == CH_OK) {
        status = save_when_due(hub, error);
    }
    return status == CH_OK ? ch_interrupt_check(error) : status;
}

static ch_status drain(ch_play_hub *hub, ch_error *error)
{
    ch_status status = CH_OK;
    while (status == CH_OK && hub->head < hub->tail) {
        status = ch_play_hub_turn(hub, TURN_MS, error);
    }
    return status;
}

/* ---- in order */

/* An unanswered event of that case on the other line. */
static bool is_overtaking(const ch_play_hub *hub, uint64_t case_number, const ch_play_line *line)
{
    for (uint64_t token = hub->head; token < hub->tail && hub->reports.hub != NULL; token++) {
        const ch_play_entry *entry = &hub->entries[token % CH_PLAY_WINDOW];
        if (!entry->answered && entry->case_number == case_number && entry->line != line) {
            return true;
        }
    }
    return false;
}

static ch_status wait_for_turn(ch_play_hub *hub, uint64_t case_number, const ch_play_line *line,
                               ch_error *error)
{
    ch_status status = CH_OK;
    while (status == CH_OK &&
           (hub->tail - hub->head == CH_PLAY_WINDOW || is_overtaking(hub, case_number, line))) {
        status = ch_play_hub_turn(hub, TURN_MS, error);
    }
    return status;
}

static const ch_play_line *line_for(ch_play_hub *hub, const ch_play_event *event)
{
    if (event->reported && hub->reports.hub != NULL) {
        return &hub->reports;
    }
    if (event->reported && !hub->told_reports && strcmp(casehub_role(hub->commands.hub), "connector") != 0) {
        fprintf(hub->replay->world->err,
                "casehub-replay: what connectors reported is played as commands, which may be refused; "
                "--report-key names a connector's key for it\n");
        hub->told_reports = true;
    }
    return &hub->commands;
}

/* ---- what a case is called there */

static ch_status new_case_id(void *context, ch_str id, char out_id[CH_CASE_ID_SIZE], ch_error *error)
{
    ch_play_hub *hub = context;
    uint64_t number = 0;
    ch_status status = ch_case_id_number(id, &number);
    if (status == CH_OK) {
        status = ch_case_map_get(&hub->map, number, out_id, error);
    } else {
        status = CH_NOT_FOUND;
    }
    bool may_be_known = hub->head == hub->tail && strcmp(hub->point.into, hub->place->hub_code) == 0;
    return status == CH_NOT_FOUND && may_be_known ? ch_str_copy(out_id, CH_CASE_ID_SIZE, id) : status;
}

/* A case that is not known yet may have been opened by an event that is still under way. */
static ch_status encode(ch_play_hub *hub, const ch_play_event *event, ch_error *error)
{
    const ch_production how = {.case_id = new_case_id,
                               .context = hub,
                               .mark = ch_str_of(hub->mark),
                               .parties = event->parties,
                               .drill = hub->replay->options->drill,
                               .room = &hub->room};
    ch_buf_clear(&hub->encoded);
    ch_status status = ch_produced_encode(&hub->encoded, &event->recorded, &how, error);
    if (status != CH_NOT_FOUND || hub->head == hub->tail) {
        return status;
    }
    status = drain(hub, error);
    if (status != CH_OK) {
        return status;
    }
    ch_buf_clear(&hub->encoded);
    return ch_produced_encode(&hub->encoded, &event->recorded, &how, error);
}

typedef struct part {
    ch_play_hub *hub;
    uint64_t number; /* of the case in the played log */
} part;

static void on_split(void *context, casehub *client, const casehub_event *event)
{
    const part *of = context;
    ch_str encoded = {event->encoded, event->encoded_size};
    ch_event split;
    char id[CH_CASE_ID_SIZE];
    (void)client;
    if (ch_event_decode(encoded, CH_EVENT_RECORDED, &split, NULL) == CH_OK &&
        ch_str_copy(id, sizeof id, ch_produced_part(&split)) == CH_OK && id[0] != '\0') {
        of->hub->failure.status = ch_case_map_set(&of->hub->map, of->number, id, &of->hub->failure);
    }
}

/* The answer to a case.split names the whole; what the part is called stands in the event. */
static ch_status learn_part(ch_play_hub *hub, ch_str part_id, ch_error *error)
{
    part of = {.hub = hub};
    uint64_t next = 0, sequence = hub->answer_sequence;
    if (sequence == 0 || ch_case_id_number(part_id, &of.number) != CH_OK) {
        return CH_OK;
    }
    return casehub_read(hub->commands.hub, sequence, sequence, NULL, 0, 1, READ_MS, &of, on_split, &next) == 0
               ? CH_OK
               : ch_play_line_fail(&hub->commands, error);
}

/* ---- events */

static void note_entry(ch_play_hub *hub, const ch_play_event *event, uint64_t case_number,
                       const ch_play_line *line)
{
    ch_play_entry *entry = &hub->entries[hub->tail++ % CH_PLAY_WINDOW];
    *entry = (ch_play_entry){.sequence = event->sequence, .case_number = case_number, .line = line};
    memcpy(entry->mark, event->mark, sizeof entry->mark);
    hub->counts.played++;
}

static ch_status publish(ch_play_hub *hub, const ch_play_event *event, uint64_t case_number,
                         const ch_play_line *line, ch_error *error)
{
    if (hub->head == hub->tail) {
        hub->progress_ms = ch_clock_monotonic_ms(hub->replay->world->clock);
    }
    if (casehub_publish(line->hub, hub->encoded.at, hub->encoded.size, hub->tail) != 0) {
        ch_status status = ch_play_line_fail(line, error);
        if (status != CH_INVALID && status != CH_TOO_LARGE) {
            return status;
        }
        ch_play_tell_refusal(hub, event->sequence, error->status, error->where, error->text);
        return CH_OK;
    }
    note_entry(hub, event, case_number, line);
    return hub->tail % POLL_EVERY == 0 ? ch_play_hub_turn(hub, 0, error) : CH_OK;
}

static ch_status take_of_two(ch_play_hub *hub, const ch_play_event *event, uint64_t case_number,
                             const ch_play_line *line, ch_error *error)
{
    ch_str part_id = ch_produced_part(&event->recorded);
    hub->learning = part_id.size > 0;
    ch_status status = publish(hub, event, case_number, line, error);
    if (status == CH_OK) {
        status = drain(hub, error);
    }
    if (status == CH_OK && hub->learning) {
        status = learn_part(hub, part_id, error);
    }
    hub->learning = hub->learning && status != CH_OK;
    return status;
}

ch_status ch_play_hub_take(ch_play_hub *hub, const ch_play_event *event, ch_error *error)
{
    const ch_play_line *line = line_for(hub, event);
    bool of_two = ch_produced_is_of_two(&event->recorded);
    uint64_t case_number = 0;
    if (ch_case_id_number(event->recorded.subject, &case_number) != CH_OK) {
        case_number = 0;
    }
    ch_status status = of_two ? drain(hub, error) : wait_for_turn(hub, case_number, line, error);
    if (status == CH_OK) {
        status = encode(hub, event, error);
    }
    if (status == CH_NOT_FOUND) {
        hub->counts.without_case++;
        return CH_OK;
    }
    if (status != CH_OK) {
        return status;
    }
    return of_two ? take_of_two(hub, event, case_number, line, error)
                  : publish(hub, event, case_number, line, error);
}

ch_status ch_play_hub_finish(ch_play_hub *hub, ch_error *error)
{
    return drain(hub, error);
}

/* ---- going on where an earlier play stopped */

ch_status ch_play_hub_check(ch_play_hub *hub, const ch_tape_item *item, ch_error *error)
{
    const ch_play_point *resumed = &hub->resumed;
    uint8_t mark[CH_HASH_SIZE];
    if (resumed->sequence == 0 || item->sequence < resumed->sequence || hub->checked) {
        return CH_OK;
    }
    ch_play_mark(item, mark);
    hub->checked = item->sequence == resumed->sequence && memcmp(mark, resumed->mark, sizeof mark) == 0;
    return hub->checked ? CH_OK
                        : ch_error_set(error, CH_CONFLICT, hub->replay->options->resume,
                                       "belongs to another log: record %" PRIu64 " is another one there",
                                       resumed->sequence);
}

/* *out_keep: there is an earlier play. */
static ch_status read_point(ch_play_hub *hub, bool *out_keep, ch_error *error)
{
    const char *path = hub->replay->options->resume;
    ch_status status = ch_play_point_read(path, &hub->resumed, error);
    *out_keep = status == CH_OK;
    if (status != CH_OK) {
        return status == CH_NOT_FOUND ? CH_OK : status;
    }
    if (strcmp(hub->resumed.hub_code, hub->place->hub_code) != 0 ||
        strcmp(hub->resumed.into, hub->point.into) != 0) {
        return ch_error_set(error, CH_CONFLICT, path, "is of a play of hub %s into hub %s, not of %s into %s",
                            hub->resumed.hub_code, hub->resumed.into, hub->place->hub_code, hub->point.into);
    }
    hub->point = hub->resumed;
    hub->saved = hub->resumed.sequence;
    return CH_OK;
}

static ch_status open_map(ch_play_hub *hub, ch_error *error)
{
    bool keep = false;
    if (!keeps_place(hub)) {
        return ch_case_map_open(&hub->map, NULL, false, error);
    }
    ch_status status = read_point(hub, &keep, error);
    if (status != CH_OK) {
        return status;
    }
    char path[CH_PATH_SIZE];
    if (snprintf(path, sizeof path, "%s.cases", hub->replay->options->resume) >= (int)sizeof path) {
        return ch_error_set(error, CH_INVALID, "--resume", "the path is too long");
    }
    return ch_case_map_open(&hub->map, path, keep, error);
}

/* ---- life */

ch_status ch_play_hub_open(ch_play_hub **out_hub, const ch_replay *replay, const ch_place *place,
                           ch_tape *tape, uint64_t *out_after, ch_error *error)
{
    ch_play_hub *hub = calloc(1, sizeof *hub);
    if (hub == NULL) {
        return ch_error_set(error, CH_NO_MEMORY, NULL, "no memory to play");
    }
    hub->replay = replay;
    hub->place = place;
    hub->tape = tape;
    hub->map.fd = -1;
    hub->saved_ms = hub->turned_ms = ch_clock_monotonic_ms(replay->world->clock);
    hub->failure.status = CH_OK;
    memcpy(hub->point.hub_code, place->hub_code, sizeof hub->point.hub_code);
    snprintf(hub->mark, sizeof hub->mark, "replay:%s/%" PRIu32, place->hub_code, place->epoch);
    ch_secrets_hold(&hub->encoded, EVENT_LIMIT);
    ch_secrets_hold(&hub->room, EVENT_LIMIT);
    ch_status status = ch_play_lines_open(hub, error);
    if (status == CH_OK) {
        status = open_map(hub, error);
    }
    if (status != CH_OK) {
        ch_play_hub_close(hub);
        return status;
    }
    *out_after = hub->point.sequence;
    *out_hub = hub;
    return CH_OK;
}

void ch_play_hub_close(ch_play_hub *hub)
{
    if (hub == NULL) {
        return;
    }
    ch_play_lines_close(hub);
    ch_case_map_close(&hub->map);
    ch_secrets_wipe(&hub->encoded);
    ch_buf_done(&hub->encoded);
    ch_secrets_wipe(&hub->room);
    ch_buf_done(&hub->room);
    free(hub);
}

const ch_play_counts *ch_play_hub_counts(const ch_play_hub *hub)
{
    return &hub->counts;
}

const char *ch_play_hub_code(const ch_play_hub *hub)
{
    return hub->point.into;
}
