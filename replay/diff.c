/* diff: where two logs begin to differ. Of two stores or backups the chains are compared, which cover everything;
 * with an export the events, since it holds no more. */
#include "replay/diff_moments.h"
#include "replay/guard.h"
#include "replay/report.h"
#include "replay/tape.h"

#include "hub/base/interrupt.h"

#include <inttypes.h>
#include <sys/stat.h>

#define EVENT_LIMIT ((size_t)1 << 20)
#define WORDS_SIZE 512

typedef struct side {
    ch_place place;
    ch_tape *tape;
    ch_tape_item item;
    bool ended;
    ch_buf canonical;
    char words[WORDS_SIZE]; /* its event where they differ */
} side;

typedef struct comparison {
    ch_replay *replay;
    side sides[2];
    uint64_t common; /* records that are equal */
    uint64_t at;     /* first sequence that is not; 0: none */
} comparison;

/* One environment must not be opened twice, and would not differ. */
static ch_status check_two(const char *a, const char *b, ch_error *error)
{
    char paths[2][CH_PATH_SIZE];
    struct stat seen[2];
    const char *const given[2] = {a, b};
    for (size_t i = 0; i < 2; i++) {
        struct stat of;
        bool folder = stat(given[i], &of) == 0 && S_ISDIR(of.st_mode);
        ch_status status = folder ? ch_path_join(paths[i], given[i], "log/data.mdb", error) : CH_OK;
        if (status != CH_OK) {
            return status;
        }
        if (stat(folder ? paths[i] : given[i], &seen[i]) != 0) {
            return CH_OK; /* the one who opens it tells */
        }
    }
    return seen[0].st_dev == seen[1].st_dev && seen[0].st_ino == seen[1].st_ino
               ? ch_error_set(error, CH_INVALID, b, "is the same log as %s", a)
               : CH_OK;
}

/* The side's next event; damage cannot be compared. */
static ch_status step(side *of, ch_error *error)
{
    ch_status status = ch_tape_next(of->tape, &of->item, error);
    of->ended = status == CH_END;
    if (status == CH_CORRUPT) {
        ch_error_prefix(error, of->place.path);
    }
    return status == CH_END ? CH_OK : status;
}

static ch_status skip_to(side *of, uint64_t first, ch_error *error)
{
    ch_status status = step(of, error);
    while (status == CH_OK && !of->ended && of->item.sequence < first) {
        status = step(of, error);
    }
    return status;
}

static ch_status make_canonical(side *of, ch_error *error)
{
    ch_buf_clear(&of->canonical);
    ch_status status = ch_mp_canonical(&of->canonical, of->item.encoded);
    return status == CH_OK ? CH_OK
                           : ch_error_set(error, status, of->place.path, "an event cannot be compared");
}

static ch_status compare_events(comparison *run, bool *out_equal, ch_error *error)
{
    side *a = &run->sides[0], *b = &run->sides[1];
    if (a->item.is_recorded && b->item.is_recorded) {
        *out_equal = memcmp(a->item.record.chain, b->item.record.chain, CH_HASH_SIZE) == 0;
        return CH_OK;
    }
    ch_status status = make_canonical(a, error);
    if (status == CH_OK) {
        status = make_canonical(b, error);
    }
    if (status == CH_OK) {
        *out_equal = ch_str_equal(ch_buf_str(&a->canonical), ch_buf_str(&b->canonical));
    }
    return status;
}

static void describe(side *of)
{
    const ch_event *event = &of->item.event;
    if (!of->ended) {
        snprintf(of->words, sizeof of->words, "%.*s %.*s of %.*s", CH_STR_ARG(event->type),
                 CH_STR_ARG(event->id), CH_STR_ARG(event->source));
    }
}

static ch_status compare_all(comparison *run, uint64_t first, ch_error *error)
{
    side *a = &run->sides[0], *b = &run->sides[1];
    bool equal = true;
    ch_status status = skip_to(a, first, error);
    if (status == CH_OK) {
        status = skip_to(b, first, error);
    }
    while (status == CH_OK && !a->ended && !b->ended) {
        status = compare_events(run, &equal, error);
        if (status != CH_OK || !equal) {
            break;
        }
        run->common++;
        status = step(a, error);
        if (status == CH_OK) {
            status = step(b, error);
        }
        if (status == CH_OK && run->common % 1024 == 0) {
            status = ch_interrupt_check(error);
        }
    }
    if (status == CH_OK && !(a->ended && b->ended)) {
        run->at = first + run->common;
        describe(a);
        describe(b);
    }
    return status;
}

static bool is_prefix(const comparison *run)
{
    return run->at > 0 && run->sides[0].ended != run->sides[1].ended && run->common > 0;
}

static void report_side(ch_report *lines, const side *of, const char *name)
{
    char field[32];
    snprintf(field, sizeof field, "%s_path", name);
    ch_report_text(lines, field, of->place.path);
    snprintf(field, sizeof field, "%s_kind", name);
    ch_report_text(lines, field, ch_place_kind_name(of->place.kind));
    snprintf(field, sizeof field, "%s_epoch", name);
    ch_report_number(lines, field, of->place.epoch);
    snprintf(field, sizeof field, "%s_first", name);
    ch_report_number(lines, field, ch_tape_first(of->tape));
    snprintf(field, sizeof field, "%s_last", name);
    ch_report_number(lines, field, ch_tape_last(of->tape));
    if (of->words[0] != '\0') {
        snprintf(field, sizeof field, "%s_event", name);
        ch_report_text(lines, field, of->words);
    }
}

static ch_status report(comparison *run, ch_error *error)
{
    ch_report lines;
    bool prefix = is_prefix(run);
    ch_report_begin(&lines, run->replay);
    ch_report_bool(&lines, "same", run->at == 0);
    ch_report_bool(&lines, "prefix", prefix);
    ch_report_number(&lines, "common", run->common);
    if (run->at > 0) {
        ch_report_number(&lines, "first_difference", run->at);
    }
    report_side(&lines, &run->sides[0], "a");
    report_side(&lines, &run->sides[1], "b");
    run->replay->wrong = run->at > 0 && !(prefix && run->replay->options->prefix);
    return ch_report_end(&lines, error);
}

static ch_status open_side(side *of, const char *path, ch_error *error)
{
    ch_buf_init(&of->canonical, EVENT_LIMIT);
    ch_status status = ch_place_open(&of->place, path, error);
    return status == CH_OK ? ch_tape_open(&of->tape, &of->place, 0, error) : status;
}

static void close_side(side *of)
{
    ch_tape_close(of->tape);
    ch_place_close(&of->place);
    ch_buf_done(&of->canonical);
}

ch_status ch_replay_diff(ch_replay *replay, ch_error *error)
{
    comparison run = {.replay = replay};
    const char *const *paths = replay->options->operands.at;
    if (replay->options->at.count > 0) {
        return ch_replay_diff_moments(replay, error);
    }
    ch_status status = check_two(paths[0], paths[1], error);
    for (size_t i = 0; i < 2 && status == CH_OK; i++) {
        status = open_side(&run.sides[i], paths[i], error);
    }
    if (status == CH_OK) {
        uint64_t a = ch_tape_first(run.sides[0].tape), b = ch_tape_first(run.sides[1].tape);
        ch_guard_begin("one of the logs", replay->options->json);
        status = compare_all(&run, a > b ? a : b, error);
        ch_guard_end();
    }
    if (status == CH_OK) {
        status = report(&run, error);
    }
    close_side(&run.sides[0]);
    close_side(&run.sides[1]);
    return status;
}
