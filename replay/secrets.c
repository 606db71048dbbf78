#include "replay/secrets.h"

#include "hub/model/schema.h"
#include "hub/store/store.h"

#include <inttypes.h>
#include <sodium.h>

#define SECRET_LIMIT ((size_t)1 << 20)

static ch_status find_keys(ch_secrets *secrets, const ch_place *place, const char *given, ch_error *error)
{
    char beside[CH_PATH_SIZE];
    size_t size = strlen(place->path);
    if (given != NULL) {
        return ch_str_copy(secrets->keys_dir, sizeof secrets->keys_dir, ch_str_of(given)) == CH_OK
                   ? CH_OK
                   : ch_error_set(error, CH_INVALID, given, "the path is too long");
    }
    if (place->kind == CH_PLACE_STORE) {
        return ch_path_join(secrets->keys_dir, place->path, "keys", error);
    }
    while (size > 1 && place->path[size - 1] == '/') {
        size--;
    }
    if (snprintf(beside, sizeof beside, "%.*s.keys", (int)size, place->path) >= (int)sizeof beside) {
        return ch_error_set(error, CH_INVALID, place->path, "the path is too long");
    }
    memcpy(secrets->keys_dir, beside, sizeof secrets->keys_dir);
    return CH_OK;
}

static ch_status open_slots(const ch_secrets *secrets, const char *name, ch_slots **out_slots,
                            ch_error *error)
{
    char path[CH_PATH_SIZE];
    ch_status status = ch_path_join(path, secrets->keys_dir, name, error);
    return status == CH_OK ? ch_slots_open_read_only(out_slots, path, secrets->hub_key, error) : status;
}

static ch_status open_both(ch_secrets *secrets, ch_error *error)
{
    ch_status status = open_slots(secrets, "cases.slots", &secrets->case_slots, error);
    return status == CH_OK ? open_slots(secrets, "deadletters.slots", &secrets->dead_letter_slots, error)
                           : status;
}

static void close_both(ch_secrets *secrets)
{
    ch_slots_close(secrets->case_slots);
    ch_slots_close(secrets->dead_letter_slots);
    secrets->case_slots = secrets->dead_letter_slots = NULL;
}

static ch_status read_key(ch_secrets *secrets, const ch_place *place, const char *path, ch_error *error)
{
    uint8_t check[CH_DIGEST_SIZE];
    ch_status status = ch_hub_key_read(path, secrets->hub_key, error);
    if (status != CH_OK) {
        return status;
    }
    ch_hub_key_check(secrets->hub_key, check);
    return sodium_memcmp(check, place->key_check, sizeof check) == 0
               ? CH_OK
               : ch_error_set(error, CH_DENIED, path, "is not the hub key of this store");
}

void ch_secrets_hold(ch_buf *buf, size_t limit)
{
    ch_buf_init(buf, limit);
    ch_buf_extend(buf, limit);
    ch_buf_clear(buf);
}

void ch_secrets_wipe(ch_buf *buf)
{
    if (buf->at != NULL) {
        sodium_memzero(buf->at, buf->capacity);
    }
    ch_buf_clear(buf);
}

/* Of a file the first look tells whether there is anything to open. */
static ch_status check_sealed(const ch_place *place, ch_error *error)
{
    if (place->log != NULL ||
        (place->archive != NULL && ch_archive_reader_head(place->archive)->with_sealed)) {
        return CH_OK;
    }
    return ch_error_set(error, CH_INVALID, place->path, "was exported without its sealed parts: no --key");
}

ch_status ch_secrets_open(ch_secrets *out_secrets, const ch_place *place, const ch_replay_options *options,
                          ch_error *error)
{
    ch_secrets secrets = {.personal = options->personal};
    ch_secrets_hold(&secrets.secret, SECRET_LIMIT);
    ch_status status = check_sealed(place, error);
    if (status == CH_OK) {
        status = find_keys(&secrets, place, options->keys, error);
    }
    if (status == CH_OK) {
        status = read_key(&secrets, place, options->key, error);
    }
    if (status == CH_OK) {
        status = open_both(&secrets, error);
    }
    if (status == CH_OK) {
        *out_secrets = secrets;
    } else {
        ch_secrets_close(&secrets);
    }
    sodium_memzero(secrets.hub_key, sizeof secrets.hub_key);
    return status;
}

void ch_secrets_close(ch_secrets *secrets)
{
    close_both(secrets);
    sodium_memzero(secrets->hub_key, sizeof secrets->hub_key);
    ch_secrets_wipe(&secrets->secret);
    ch_buf_done(&secrets->secret);
}

/* A running hub makes slots ahead; those made since the file was opened are seen by opening it again. */
static ch_status open_secret(ch_secrets *secrets, const ch_tape_item *item)
{
    ch_buf_clear(&secrets->secret);
    ch_status status = ch_secret_open(secrets->case_slots, secrets->dead_letter_slots, &item->record,
                                      &item->event, &secrets->secret);
    if (status != CH_CORRUPT) {
        return status;
    }
    close_both(secrets);
    status = open_both(secrets, NULL);
    if (status != CH_OK) {
        return status;
    }
    ch_buf_clear(&secrets->secret);
    return ch_secret_open(secrets->case_slots, secrets->dead_letter_slots, &item->record, &item->event,
                          &secrets->secret);
}

ch_status ch_secrets_join(ch_secrets *secrets, const ch_tape_item *item, ch_buf *out_encoded, ch_error *error)
{
    ch_status status = open_secret(secrets, item);
    ch_str secret = status == CH_OK ? ch_buf_str(&secrets->secret) : CH_STR_NONE;
    secrets->erased += status == CH_ERASED;
    if (status == CH_END || status == CH_ERASED) {
        status = CH_OK;
    }
    if (status == CH_OK) {
        status = ch_schema_join(out_encoded, &item->event, secret, secrets->personal);
    }
    if (status == CH_OK || status == CH_NO_MEMORY) {
        return status;
    }
    ch_buf_append_str(out_encoded, item->encoded);
    return ch_error_set(error, CH_CORRUPT, NULL, "record %" PRIu64 ": its sealed part cannot be opened: %s",
                        item->sequence, ch_status_text(status));
}
