/* The archive: records as they are (archive_format.h). */
#include "replay/export_run.h"

#include "hub/store/archive_writer.h"

#include <inttypes.h>

typedef struct packing {
    ch_archive_writer *writer;
    uint8_t chain[CH_HASH_SIZE];
} packing;

/* What does not follow is damaged, whatever its own checksum says. */
static ch_status put(void *context, const ch_tape_item *item, ch_error *error)
{
    packing *into = context;
    if (!ch_record_follows(&item->record, into->chain)) {
        return ch_error_set(error, CH_CORRUPT, "log", "record %" PRIu64 " breaks the chain of hashes",
                            item->sequence);
    }
    memcpy(into->chain, item->record.chain, CH_HASH_SIZE);
    return ch_archive_writer_put(into->writer, &item->record, error);
}

ch_status ch_export_write_archive(ch_export *run, FILE *file, uint8_t out_hash[CH_HASH_SIZE], ch_error *error)
{
    const ch_replay_options *options = run->replay->options;
    packing into = {.writer = NULL};
    ch_archive_foot foot;
    ch_archive_head head = {
        .epoch = run->place.epoch, .first = run->first, .last = run->last, .with_sealed = options->sealed};
    memcpy(head.hub_code, run->place.hub_code, sizeof head.hub_code);
    memcpy(head.key_check, run->place.key_check, sizeof head.key_check);
    memcpy(head.chain_before, run->chain_before, CH_HASH_SIZE);
    memcpy(head.chain, run->chain, CH_HASH_SIZE);
    memcpy(into.chain, run->chain_before, CH_HASH_SIZE);
    ch_status status = ch_archive_writer_new(&into.writer, file, options->output, &head, error);
    if (status != CH_OK) {
        return status;
    }
    status = ch_export_walk(run, put, &into, error);
    if (status == CH_OK) {
        status = ch_archive_writer_finish(into.writer, &foot, error);
    }
    if (status == CH_OK) {
        memcpy(out_hash, foot.hash, CH_HASH_SIZE);
    }
    ch_archive_writer_free(into.writer);
    return status;
}
