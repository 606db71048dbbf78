#include "replay/tape.h"

#include "replay/guard.h"

#include <inttypes.h>
#include <stdlib.h>

#define SLICE_RECORDS 1024
/* After so many in a row nothing but damage is expected. */
#define DAMAGES_MAX 4096
#define ENCODED_LIMIT ((size_t)1 << 20)

struct ch_tape {
    ch_place *place;
    ch_log_reader *reader; /* of a log */
    uint64_t first, last;
    uint64_t position; /* last sequence that was given or told of */
    uint64_t slice;
    unsigned damages; /* in a row */
    bool ended;       /* of an archive or export */
    bool begun;       /* of a log: the reader stands somewhere */
    bool resting;     /* of a log: the reader, until the next record is wanted */
    bool kept;        /* a record that was read while a gap before it was told */
    ch_record ahead;
    uint8_t chain_before[CH_HASH_SIZE];
    ch_buf encoded;
};

static void begin_archive(ch_tape *tape)
{
    const ch_archive_head *head = ch_archive_reader_head(tape->place->archive);
    tape->first = head->first;
    tape->last = head->last;
    tape->position = head->first - 1;
    memcpy(tape->chain_before, head->chain_before, CH_HASH_SIZE);
}

static ch_status open_parts(ch_tape *tape, uint64_t from, ch_error *error)
{
    if (tape->place->archive != NULL) {
        begin_archive(tape);
        return CH_OK;
    }
    if (tape->place->export != NULL) {
        const ch_export_header *header = ch_export_reader_header(tape->place->export);
        tape->first = header->first;
        tape->last = header->last;
        tape->position = header->first - 1;
        return CH_OK;
    }
    ch_status status = ch_log_reader_open(&tape->reader, tape->place->log, error);
    if (status == CH_OK) {
        tape->first = 1;
        tape->last = ch_log_reader_last(tape->reader);
        tape->position = from <= 1 ? 0 : from - 1;
    }
    return status;
}

ch_status ch_tape_open(ch_tape **out_tape, ch_place *place, uint64_t from, ch_error *error)
{
    ch_tape *tape = calloc(1, sizeof *tape);
    if (tape == NULL) {
        return ch_error_set(error, CH_NO_MEMORY, place->path, "no memory to read it");
    }
    tape->place = place;
    ch_buf_init(&tape->encoded, ENCODED_LIMIT);
    ch_status status = open_parts(tape, from, error);
    if (status != CH_OK) {
        ch_tape_close(tape);
        return status;
    }
    *out_tape = tape;
    return CH_OK;
}

void ch_tape_close(ch_tape *tape)
{
    if (tape == NULL) {
        return;
    }
    ch_log_reader_close(tape->reader);
    ch_buf_done(&tape->encoded);
    free(tape);
}

uint64_t ch_tape_first(const ch_tape *tape)
{
    return tape->first;
}

uint64_t ch_tape_last(const ch_tape *tape)
{
    return tape->last;
}

const uint8_t *ch_tape_chain_before(const ch_tape *tape)
{
    return tape->chain_before;
}

/* "record 5", in an export "line 6, record 5". */
static void name_place(const ch_tape *tape, const ch_tape_item *item, ch_error *error)
{
    char where[64];
    if (tape->place->export != NULL) {
        snprintf(where, sizeof where, "line %" PRIu64 ", record %" PRIu64,
                 ch_export_reader_line(tape->place->export), item->sequence);
    } else {
        snprintf(where, sizeof where, "record %" PRIu64, item->sequence);
    }
    ch_error_prefix(error, where);
}

static ch_status tell_no_event(const ch_tape *tape, ch_tape_item *item, ch_error *error)
{
    name_place(tape, item, error);
    item->condition = CH_TAPE_NO_EVENT;
    return CH_CORRUPT;
}

/* As a subscriber would get it. */
static ch_status encode_record(ch_tape *tape, ch_tape_item *item, ch_error *error)
{
    ch_event event;
    ch_buf_clear(&tape->encoded);
    if (ch_record_event(&item->record, &event) != CH_OK) {
        tape->position = item->sequence;
        ch_error_set(error, CH_CORRUPT, NULL, "is no event");
        return tell_no_event(tape, item, error);
    }
    ch_event_encode(&tape->encoded, &event);
    item->encoded = ch_buf_str(&tape->encoded);
    return tape->encoded.failed;
}

static ch_status take_event(ch_tape *tape, ch_tape_item *item, ch_error *error)
{
    ch_status status = ch_event_decode(item->encoded, CH_EVENT_RECORDED, &item->event, error);
    if (status == CH_OK && item->event.sequence != item->sequence) {
        status =
            ch_error_set(error, CH_INVALID, NULL, "says of itself that it is %" PRIu64, item->event.sequence);
    }
    tape->position = item->sequence;
    if (status == CH_OK) {
        tape->damages = 0;
        return CH_OK;
    }
    return tell_no_event(tape, item, error);
}

static ch_status tell_missing(ch_tape *tape, uint64_t first, uint64_t until, ch_tape_item *item,
                              ch_error *error)
{
    item->condition = CH_TAPE_MISSING;
    item->sequence = first;
    item->until = until;
    tape->position = until;
    return first == until ? ch_error_set(error, CH_CORRUPT, "log", "record %" PRIu64 " is missing", first)
                          : ch_error_set(error, CH_CORRUPT, "log",
                                         "records %" PRIu64 " to %" PRIu64 " are missing", first, until);
}

/* LMDB gives a transaction up that met a damaged page; a new one can look further, unless the page is needed for
 * every look. */
static bool can_go_on(ch_tape *tape, const ch_tape_item *item)
{
    if (++tape->damages >= DAMAGES_MAX) {
        return false;
    }
    if (item->claimed) {
        return true;
    }
    ch_log_reader_rest(tape->reader);
    return ch_log_reader_renew(tape->reader, NULL) == CH_OK;
}

static ch_status tell_damage(ch_tape *tape, ch_tape_item *item, ch_error *error)
{
    item->condition = CH_TAPE_DAMAGED;
    item->claimed = ch_log_reader_damaged(tape->reader, &item->record) == CH_OK;
    tape->position = item->sequence;
    if (can_go_on(tape, item) || tape->position >= tape->last) {
        return CH_CORRUPT;
    }
    item->until = tape->last;
    tape->position = tape->last;
    return ch_error_set(error, CH_CORRUPT, "log",
                        "from record %" PRIu64 " on it is so damaged that the rest is not looked at",
                        item->sequence);
}

/* Between two short looks, so that no look becomes a long one. */
static ch_status refresh(ch_tape *tape, ch_error *error)
{
    if (++tape->slice % SLICE_RECORDS != 0 && !tape->resting) {
        return CH_OK;
    }
    tape->resting = false;
    ch_log_reader_rest(tape->reader);
    return ch_log_reader_renew(tape->reader, error);
}

/* The record that stands next in the log, wherever that is. */
static ch_status read_record(ch_tape *tape, ch_record *out_record, ch_error *error)
{
    if (tape->kept) {
        tape->kept = false;
        *out_record = tape->ahead;
        return CH_OK;
    }
    ch_status status = refresh(tape, error);
    if (status != CH_OK) {
        return status;
    }
    if (!tape->begun) {
        tape->begun = true;
        return ch_log_reader_seek(tape->reader, tape->position + 1, out_record, error);
    }
    return ch_log_reader_next(tape->reader, out_record, error);
}

/* What stands at the place of the wanted record, or behind it. */
static ch_status take_record(ch_tape *tape, const ch_record *record, ch_tape_item *item, ch_error *error)
{
    if (record->sequence > item->sequence) {
        tape->ahead = *record;
        tape->kept = true;
        return tell_missing(tape, item->sequence, record->sequence - 1, item, error);
    }
    item->record = *record;
    item->is_recorded = true;
    ch_status status = encode_record(tape, item, error);
    return status == CH_OK ? take_event(tape, item, error) : status;
}

static ch_status next_of_log(ch_tape *tape, ch_tape_item *item, ch_error *error)
{
    ch_record record;
    uint64_t wanted = tape->position + 1;
    *item = (ch_tape_item){.sequence = wanted, .until = wanted, .condition = CH_TAPE_WHOLE};
    if (wanted > tape->last) {
        return CH_END;
    }
    ch_status status = read_record(tape, &record, error);
    if (status == CH_CORRUPT || status == CH_UNSUPPORTED) {
        return tell_damage(tape, item, error);
    }
    if (status == CH_END) {
        /* The damaged key of a last record may promise more than there is. */
        bool promised = tape->damages > 0;
        return promised ? CH_END : tell_missing(tape, wanted, tape->last, item, error);
    }
    if (status != CH_OK) {
        return status;
    }
    if (record.sequence < wanted) {
        ch_error_set(error, CH_CORRUPT, "log", "record %" PRIu64 " stands where %" PRIu64 " should be",
                     record.sequence, wanted);
        return tell_damage(tape, item, error);
    }
    return take_record(tape, &record, item, error);
}

static ch_status tell_archive_damage(ch_tape *tape, ch_tape_item *item)
{
    const ch_archive_damage damage = ch_archive_reader_damage(tape->place->archive);
    item->condition = damage.at_end ? CH_TAPE_BAD_END : CH_TAPE_DAMAGED;
    item->sequence = damage.first;
    item->until = damage.until;
    tape->ended = damage.at_end;
    tape->position = damage.until;
    return CH_CORRUPT;
}

static ch_status next_of_archive(ch_tape *tape, ch_tape_item *item, ch_error *error)
{
    ch_record record = tape->ahead;
    uint64_t wanted = tape->position + 1;
    ch_status status = CH_OK;
    *item = (ch_tape_item){.sequence = wanted, .until = wanted, .condition = CH_TAPE_WHOLE};
    if (tape->ended) {
        return CH_END;
    }
    if (!tape->kept) {
        status = ch_archive_reader_next(tape->place->archive, &record, error);
    }
    tape->kept = false;
    if (status == CH_CORRUPT) {
        return tell_archive_damage(tape, item);
    }
    tape->ended = status == CH_END;
    if (status == CH_END && wanted <= tape->last) {
        return tell_missing(tape, wanted, tape->last, item, error);
    }
    return status == CH_OK ? take_record(tape, &record, item, error) : status;
}

static ch_status next_of_export(ch_tape *tape, ch_tape_item *item, ch_error *error)
{
    *item = (ch_tape_item){.sequence = tape->position + 1, .condition = CH_TAPE_WHOLE};
    item->until = item->sequence;
    if (tape->ended) {
        return CH_END;
    }
    ch_status status = ch_export_reader_next(tape->place->export, &item->json, error);
    if (status != CH_OK) {
        tape->ended = true;
        item->condition = CH_TAPE_BAD_END;
        return status;
    }
    ch_buf_clear(&tape->encoded);
    status = ch_event_from_json(&tape->encoded, item->json, error);
    if (status == CH_NO_MEMORY) {
        return status;
    }
    if (status != CH_OK) {
        name_place(tape, item, error);
        item->condition = CH_TAPE_DAMAGED;
        tape->position = item->sequence;
        return CH_CORRUPT;
    }
    item->encoded = ch_buf_str(&tape->encoded);
    return take_event(tape, item, error);
}

ch_status ch_tape_next(ch_tape *tape, ch_tape_item *out_item, ch_error *error)
{
    if (tape->place->export != NULL) {
        return next_of_export(tape, out_item, error);
    }
    if (tape->place->archive != NULL) {
        return next_of_archive(tape, out_item, error);
    }
    ch_status status = next_of_log(tape, out_item, error);
    if (status == CH_OK) {
        ch_guard_at(out_item->sequence);
    }
    return status;
}

void ch_tape_rest(ch_tape *tape)
{
    if (tape->reader != NULL && !tape->kept && !tape->resting) {
        ch_log_reader_rest(tape->reader);
        tape->resting = true;
    }
}

ch_status ch_tape_extend(ch_tape *tape, ch_error *error)
{
    ch_log_reader_rest(tape->reader);
    ch_status status = ch_log_reader_renew(tape->reader, error);
    tape->resting = false;
    if (status == CH_OK) {
        tape->last = ch_log_reader_last(tape->reader);
    }
    return status;
}

/* A look of its own, so that the tape stays where it is. */
ch_status ch_tape_find_time(ch_tape *tape, int64_t time_ms, uint64_t *out_sequence, ch_error *error)
{
    ch_log_reader *look;
    ch_record record;
    uint64_t low = tape->first, high = tape->last + 1;
    ch_status status = ch_log_reader_open(&look, tape->place->log, error);
    if (status != CH_OK) {
        return status;
    }
    while (low < high && status == CH_OK) {
        uint64_t middle = low + (high - low) / 2;
        status = ch_log_reader_seek(look, middle, &record, error);
        if (status == CH_OK && record.recorded_ms >= time_ms) {
            high = middle;
        } else {
            low = middle + 1;
        }
        status = status == CH_CORRUPT || status == CH_END ? CH_OK : status;
    }
    ch_log_reader_close(look);
    if (status == CH_OK) {
        *out_sequence = low;
    }
    return status;
}

ch_status ch_tape_chain(ch_tape *tape, uint64_t sequence, uint8_t out_chain[CH_HASH_SIZE], ch_error *error)
{
    ch_log_reader *look;
    ch_record record;
    if (sequence == 0) {
        memset(out_chain, 0, CH_HASH_SIZE);
        return CH_OK;
    }
    ch_status status = ch_log_reader_open(&look, tape->place->log, error);
    if (status != CH_OK) {
        return status;
    }
    status = ch_log_reader_seek(look, sequence, &record, error);
    if (status == CH_OK && record.sequence != sequence) {
        status = ch_error_set(error, CH_CORRUPT, "log", "record %" PRIu64 " is missing", sequence);
    }
    if (status == CH_OK) {
        memcpy(out_chain, record.chain, CH_HASH_SIZE);
    }
    ch_log_reader_close(look);
    return status == CH_END
               ? ch_error_set(error, CH_CORRUPT, "log", "record %" PRIu64 " is missing", sequence)
               : status;
}
