/* cat: prints events, one a line, as JSON or in columns. */
#include "replay/filter.h"
#include "replay/guard.h"
#include "replay/secrets.h"

#include "hub/base/interrupt.h"
#include "hub/model/topic.h"

#include <inttypes.h>
#include <poll.h>

#define FOLLOW_EVERY_MS 200
#define LINE_LIMIT ((size_t)4 << 20)

typedef struct reel {
    ch_replay *replay;
    ch_place place;
    ch_filter filter;
    ch_tape *tape;
    ch_secrets secrets; /* open when a key was given */
    ch_buf encoded, line;
    int64_t printed;
} reel;

static void complain(reel *run, const ch_error *told)
{
    fflush(run->replay->world->out);
    fprintf(run->replay->world->err, "casehub-replay: %s%s%s\n", told->where,
            told->where[0] == '\0' ? "" : ": ", told->text);
    run->replay->wrong = true;
}

static void print_heading(FILE *out)
{
    fprintf(out, "%10s  %-24s  %-20s %-24s %4s %-11s %-20s %s\n", "SEQUENCE", "RECORDED (UTC)", "TYPE",
            "CASE", "V", "STATE", "PARTY", "ACTOR");
}

static void print_row(FILE *out, const ch_event *event)
{
    char time[CH_TIME_TEXT_SIZE], version[16] = "";
    ch_topic_parts parts = {.party = CH_STR_NONE};
    bool of_case = event->case_version > 0;
    ch_time_format(event->recorded_ms, 0, time);
    if (ch_topic_split(event->topic, &parts) != CH_OK) {
        parts.party = CH_STR_NONE;
    }
    if (of_case) {
        snprintf(version, sizeof version, "%" PRIu32, event->case_version);
    }
    fprintf(out, "%10" PRIu64 "  %-24s  %-20.*s %-24.*s %4s %-11s %-20.*s %.*s%s%s\n", event->sequence, time,
            CH_STR_ARG(event->type), CH_STR_ARG(event->subject), version,
            of_case ? ch_case_state_name(event->case_state) : "", CH_STR_ARG(parts.party),
            CH_STR_ARG(event->actor), event->anomalous ? " anomalous" : "",
            event->inferred ? " inferred" : "");
}

static ch_status print_json(reel *run, const ch_tape_item *item, ch_error *error)
{
    FILE *out = run->replay->world->out;
    ch_str encoded = item->encoded;
    ch_error told = {.status = CH_OK};
    if (item->json.at != NULL) {
        fprintf(out, "%.*s\n", CH_STR_ARG(item->json));
        return CH_OK;
    }
    if (run->replay->options->key != NULL) {
        ch_buf_clear(&run->encoded);
        ch_status joined = ch_secrets_join(&run->secrets, item, &run->encoded, &told);
        if (joined == CH_CORRUPT) {
            complain(run, &told);
        } else if (joined != CH_OK) {
            return ch_error_set(error, joined, NULL, "no memory for an event");
        }
        encoded = ch_buf_str(&run->encoded);
    }
    ch_buf_clear(&run->line);
    ch_status status = ch_event_to_json(&run->line, encoded);
    if (status == CH_OK) {
        ch_buf_append(&run->line, "\n", 1);
        status = run->line.failed;
    }
    if (status != CH_OK) {
        return ch_error_set(error, status, NULL, "record %" PRIu64 " cannot be printed", item->sequence);
    }
    fwrite(run->line.at, 1, run->line.size, out);
    return CH_OK;
}

/* CH_END: enough. */
static ch_status print(reel *run, const ch_tape_item *item, ch_error *error)
{
    const ch_replay_options *options = run->replay->options;
    ch_status status = CH_OK;
    if (ch_filter_is_past(&run->filter, &item->event)) {
        return CH_END;
    }
    if (!ch_filter_accepts(&run->filter, &item->event)) {
        return CH_OK;
    }
    if (options->table) {
        print_row(run->replay->world->out, &item->event);
    } else {
        status = print_json(run, item, error);
    }
    if (status == CH_OK && ferror(run->replay->world->out)) {
        status = ch_error_set(error, CH_IO, NULL, "standard output cannot be written");
    }
    run->printed++;
    return status == CH_OK && run->printed == options->limit ? CH_END : status;
}

/* CH_END: the hub may append more; CH_TIMEOUT: somebody has seen enough. */
static ch_status wait_for_more(reel *run, ch_error *error)
{
    fflush(run->replay->world->out);
    poll(NULL, 0, FOLLOW_EVERY_MS); /* shorter when a signal comes */
    ch_status status = ch_interrupt_check(error);
    return status == CH_OK ? ch_tape_extend(run->tape, error) : status;
}

static ch_status roll(reel *run, ch_error *error)
{
    ch_tape_item item;
    ch_status status = CH_OK;
    while (status == CH_OK) {
        ch_error told = {.status = CH_OK};
        status = ch_tape_next(run->tape, &item, &told);
        if (status == CH_OK) {
            status = print(run, &item, error);
            if (status == CH_END) {
                return CH_OK;
            }
        } else if (status == CH_CORRUPT) {
            complain(run, &told);
            status = CH_OK;
        } else if (status == CH_END && run->replay->options->follow) {
            status = wait_for_more(run, error);
            if (status == CH_TIMEOUT) {
                return CH_OK;
            }
        } else if (status != CH_END) {
            *error = told;
        }
        if (status == CH_OK) {
            status = ch_interrupt_check(error);
        }
    }
    return status == CH_END ? CH_OK : status;
}

/* Where the tape begins; an export is read from its start. */
static ch_status open_tape(reel *run, ch_error *error)
{
    const ch_bound *from = &run->filter.from;
    ch_status status = ch_tape_open(&run->tape, &run->place, from->is_time ? 0 : from->sequence, error);
    uint64_t first = 0;
    if (status != CH_OK || !from->is_time || run->place.log == NULL) {
        return status;
    }
    status = ch_tape_find_time(run->tape, from->time_ms, &first, error);
    ch_tape_close(run->tape);
    run->tape = NULL;
    return status == CH_OK ? ch_tape_open(&run->tape, &run->place, first, error) : status;
}

static ch_status cat_place(reel *run, ch_error *error)
{
    const ch_replay_options *options = run->replay->options;
    ch_status status = CH_OK;
    if (options->key != NULL) {
        status = ch_secrets_open(&run->secrets, &run->place, options, error);
    }
    if (status != CH_OK) {
        return status;
    }
    ch_guard_begin("the log", false);
    status = open_tape(run, error);
    if (status == CH_OK) {
        if (options->table) {
            print_heading(run->replay->world->out);
        }
        status = roll(run, error);
    }
    ch_guard_end();
    if (options->key != NULL) {
        if (run->secrets.erased > 0) {
            fprintf(run->replay->world->err,
                    "casehub-replay: of %" PRIu64 " events the sealed part is erased\n", run->secrets.erased);
        }
        ch_secrets_close(&run->secrets);
    }
    return status;
}

ch_status ch_replay_cat(ch_replay *replay, ch_error *error)
{
    reel run = {.replay = replay};
    ch_status status = ch_filter_init(&run.filter, replay->options, error);
    if (status == CH_OK) {
        status = ch_place_open_given(&run.place, replay, error);
    }
    if (status != CH_OK) {
        return status;
    }
    ch_secrets_hold(&run.encoded, LINE_LIMIT);
    ch_secrets_hold(&run.line, LINE_LIMIT);
    status = cat_place(&run, error);
    ch_tape_close(run.tape);
    ch_secrets_wipe(&run.encoded);
    ch_buf_done(&run.encoded);
    ch_secrets_wipe(&run.line);
    ch_buf_done(&run.line);
    ch_place_close(&run.place);
    return status;
}
