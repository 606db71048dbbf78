/* The connections of a play: made, asked who is there, and what their answers say. */
#include "replay/play_hub_inside.h"

#include "hub/model/json.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#define CONNECT_MS 10000
#define REFUSALS_TOLD 100

ch_status ch_play_line_fail(const ch_play_line *line, ch_error *error)
{
    ch_status status;
    if (ch_status_from_name(casehub_error_code(line->hub), &status) != CH_OK) {
        status = CH_UNSUPPORTED;
    }
    if (status == CH_TIMEOUT || status == CH_UNAVAILABLE) {
        return ch_error_set(error, CH_BUSY, line->owner->replay->options->into_hub, "no hub answers: %s",
                            casehub_error_text(line->hub));
    }
    return ch_error_set(error, status, casehub_error_where(line->hub), "%s", casehub_error_text(line->hub));
}

/* ---- answers */

void ch_play_tell_refusal(ch_play_hub *hub, uint64_t sequence, ch_status status, const char *where,
                          const char *text)
{
    FILE *err = hub->replay->world->err;
    hub->counts.refused++;
    if (hub->counts.refused <= REFUSALS_TOLD) {
        fprintf(err, "casehub-replay: record %" PRIu64 ": %s%s%s: %s\n", sequence, ch_status_name(status),
                where[0] == '\0' ? "" : ", ", where, text);
    } else if (hub->counts.refused == REFUSALS_TOLD + 1) {
        fprintf(err, "casehub-replay: from here on what is refused is only counted\n");
    }
}

/* All before it is answered: so far it has come. */
static void advance(ch_play_hub *hub)
{
    while (hub->head < hub->tail && hub->entries[hub->head % CH_PLAY_WINDOW].answered) {
        const ch_play_entry *entry = &hub->entries[hub->head++ % CH_PLAY_WINDOW];
        hub->point.sequence = entry->sequence;
        memcpy(hub->point.mark, entry->mark, sizeof entry->mark);
    }
}

static void on_answer(void *context, const casehub_answer *answer)
{
    const ch_play_line *line = context;
    ch_play_hub *hub = line->owner;
    ch_play_entry *entry = &hub->entries[answer->token % CH_PLAY_WINDOW];
    ch_status code;
    if (ch_status_from_name(answer->code, &code) != CH_OK) {
        code = CH_UNSUPPORTED;
    }
    bool accepted = code == CH_OK;
    hub->progress_ms = ch_clock_monotonic_ms(hub->replay->world->clock);
    hub->answer_sequence = accepted ? answer->sequence : 0;
    if (!accepted) {
        ch_play_tell_refusal(hub, entry->sequence, code, answer->where, answer->text);
    } else {
        hub->counts.duplicates += answer->duplicate;
        hub->counts.accepted += !answer->duplicate;
    }
    if (accepted && entry->case_number > 0 && answer->case_id[0] != '\0' && hub->failure.status == CH_OK) {
        hub->failure.status = ch_case_map_set(&hub->map, entry->case_number, answer->case_id, &hub->failure);
    }
    entry->answered = true;
    advance(hub);
}

static void on_state(void *context, bool connected, const char *text)
{
    ch_play_line *line = context;
    const ch_replay *replay = line->owner->replay;
    if (line->connected && !connected) {
        fprintf(replay->world->err, "casehub-replay: the hub is gone, waiting for it: %s\n",
                text == NULL ? "" : text);
    }
    line->connected = connected;
}

/* ---- connecting */

static ch_status fail_to_open(const char *place, ch_error *error)
{
    int number = errno;
    switch (number) {
    case ENOENT: return ch_error_set(error, CH_NOT_FOUND, place, "%s", strerror(number));
    case EACCES: return ch_error_set(error, CH_DENIED, place, "%s", strerror(number));
    case EPERM: return ch_error_set(error, CH_DENIED, place, "others may read this secret key: chmod 600");
    case EINVAL:
        return ch_error_set(error, CH_INVALID, place,
                            "is no key file, or the endpoint is neither tcp:// nor ipc://");
    case ENOKEY: return ch_error_set(error, CH_INVALID, place, "holds no secret key, or names no hub");
    case ENOMEM: return ch_error_set(error, CH_NO_MEMORY, place, "%s", strerror(number));
    default: return ch_error_set(error, CH_IO, place, "%s", strerror(number));
    }
}

static ch_status open_line(ch_play_hub *hub, ch_play_line *line, const char *key, ch_error *error)
{
    const char *endpoint = hub->replay->options->into_hub;
    const casehub_options options = {CASEHUB_SIZE(casehub_options),
                                     .endpoint = endpoint,
                                     .key_file = key,
                                     .name = "casehub-replay/" CASEHUB_VERSION,
                                     .window = CH_PLAY_WINDOW,
                                     .context = line,
                                     .on_answer = on_answer,
                                     .on_state = on_state};
    line->owner = hub;
    line->hub = casehub_new(&options);
    if (line->hub == NULL) {
        return fail_to_open(key == NULL ? endpoint : key, error);
    }
    line->fd = casehub_fd(line->hub);
    return casehub_wait(line->hub, CONNECT_MS) == 0 ? CH_OK : ch_play_line_fail(line, error);
}

/* The one row of `status`. */
static ch_status read_status(const char *json, char out_code[CH_CODE_MAX + 1], int64_t *out_epoch,
                             ch_error *error)
{
    ch_buf rows;
    ch_mp_value head;
    ch_str row = CH_STR_NONE;
    ch_buf_init(&rows, ch_mp_limits_event.size_bytes);
    ch_status status = ch_json_to_mp(&rows, ch_str_of(json), &ch_mp_limits_event, error);
    if (status == CH_OK) {
        ch_mp_reader reader = ch_mp_reader_of(ch_buf_str(&rows));
        bool is_row = ch_mp_next(&reader, &head) && head.kind == CH_MP_ARRAY && head.count == 1 &&
                      ch_mp_skip(&reader, &row);
        *out_epoch = ch_mp_find_int(row, "epoch", -1);
        status = is_row && ch_str_copy(out_code, CH_CODE_MAX + 1, ch_mp_find_str(row, "hub")) == CH_OK
                     ? CH_OK
                     : ch_error_set(error, CH_UNSUPPORTED, "status", "the hub does not say which one it is");
    }
    ch_buf_done(&rows);
    return status;
}

static ch_status find_who_is_there(ch_play_hub *hub, ch_error *error)
{
    const ch_replay_options *options = hub->replay->options;
    const ch_place *place = hub->place;
    int64_t epoch = 0;
    char *json = NULL;
    if (casehub_query(hub->commands.hub, "status", NULL, CONNECT_MS, &json, NULL) != 0) {
        return ch_play_line_fail(&hub->commands, error);
    }
    ch_status status = read_status(json, hub->point.into, &epoch, error);
    free(json);
    if (status != CH_OK) {
        return status;
    }
    bool same = strcmp(hub->point.into, place->hub_code) == 0 && epoch == (int64_t)place->epoch;
    return !same || options->same_hub
               ? CH_OK
               : ch_error_set(error, CH_CONFLICT, options->into_hub,
                              "is hub %s in epoch %" PRIu32 ", as the log is: is it not its own hub? "
                              "--same-hub plays all the same",
                              place->hub_code, place->epoch);
}

ch_status ch_play_lines_open(ch_play_hub *hub, ch_error *error)
{
    const ch_replay_options *options = hub->replay->options;
    ch_status status = open_line(hub, &hub->commands, options->key, error);
    if (status == CH_OK && options->report_key != NULL) {
        status = open_line(hub, &hub->reports, options->report_key, error);
    }
    return status == CH_OK ? find_who_is_there(hub, error) : status;
}

void ch_play_lines_close(ch_play_hub *hub)
{
    casehub_free(&hub->commands.hub);
    casehub_free(&hub->reports.hub);
}
