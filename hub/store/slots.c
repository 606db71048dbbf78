#include "hub/store/slots.h"

#include "hub/store/disk_file.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sodium.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define SLOT_SIZE 64
#define CHECK_SIZE 32
#define CHECK_AT (SLOT_SIZE - CHECK_SIZE)
#define SALT_SIZE 16
#define SLOTS_AT_ONCE 4096
#define HEAD_SPACING 4096
#define HEADS_SIZE ((size_t)2 * HEAD_SPACING)
#define CACHED_KEYS 16384 /* of the cases that are worked on: 640 KiB */

typedef struct cached_key {
    uint64_t number; /* 0: none */
    uint8_t key[CH_KEY_SIZE];
} cached_key;

struct ch_slots {
    int fd;
    char path[CH_PATH_SIZE];
    const ch_random *random; /* NULL: only for reading */
    uint8_t file_key[CH_KEY_SIZE];
    uint8_t hash_key[CH_KEY_SIZE]; /* of what is compared across cases */
    uint8_t salt[SALT_SIZE];
    _Atomic uint64_t made;
    pthread_mutex_t lock; /* of the cache */
    cached_key cache[CACHED_KEYS];
};

static off_t place_of(uint64_t number)
{
    return (off_t)(HEADS_SIZE + (number - 1) * SLOT_SIZE);
}

static bool is_zero(const uint8_t *bytes, size_t size)
{
    return sodium_is_zero(bytes, size) == 1;
}

/* Two files under one hub key must not share a key stream: each has a key of its own. */
static void derive_file_key(ch_slots *slots, const uint8_t hub_key[CH_KEY_SIZE])
{
    static const uint8_t purpose[] = "compare";
    crypto_generichash(slots->file_key, CH_KEY_SIZE, slots->salt, SALT_SIZE, hub_key, CH_KEY_SIZE);
    crypto_generichash(slots->hash_key, CH_KEY_SIZE, purpose, sizeof purpose - 1, slots->file_key,
                       CH_KEY_SIZE);
}

/* The check covers a slot's number, so that slots cannot be exchanged. */
static void compute_check(const ch_slots *slots, uint64_t number, const uint8_t slot[SLOT_SIZE],
                          uint8_t out[CHECK_SIZE])
{
    uint8_t place[8];
    crypto_generichash_state state;
    ch_put_be64(place, number);
    crypto_generichash_init(&state, slots->file_key, CH_KEY_SIZE, CHECK_SIZE);
    crypto_generichash_update(&state, place, sizeof place);
    crypto_generichash_update(&state, slot, CHECK_AT);
    crypto_generichash_final(&state, out, CHECK_SIZE);
}

static bool check_is_right(const ch_slots *slots, uint64_t number, const uint8_t slot[SLOT_SIZE])
{
    uint8_t expected[CHECK_SIZE];
    compute_check(slots, number, slot, expected);
    return sodium_memcmp(expected, slot + CHECK_AT, CHECK_SIZE) == 0;
}

static void wrap(const ch_slots *slots, uint64_t number, uint8_t out[CH_KEY_SIZE],
                 const uint8_t key[CH_KEY_SIZE])
{
    uint8_t nonce[crypto_stream_xchacha20_NONCEBYTES] = {0};
    ch_put_be64(nonce, number);
    crypto_stream_xchacha20_xor(out, key, CH_KEY_SIZE, nonce, slots->file_key);
}

static void fill_head(const ch_slots *slots, uint64_t made, uint8_t out[SLOT_SIZE])
{
    memset(out, 0, SLOT_SIZE);
    memcpy(out, slots->salt, SALT_SIZE);
    ch_put_be64(out + SALT_SIZE, made);
    compute_check(slots, 0, out, out + CHECK_AT);
}

static ch_status make_file(ch_slots *slots, const uint8_t hub_key[CH_KEY_SIZE], ch_error *error)
{
    uint8_t heads[HEADS_SIZE] = {0};
    char dir[CH_PATH_SIZE];
    const char *name = strrchr(slots->path, '/');
    if (name == NULL) {
        return ch_error_set(error, CH_INVALID, slots->path, "must be inside a folder");
    }
    if (slots->random->fill(slots->random->context, slots->salt, SALT_SIZE) != CH_OK) {
        return ch_error_set(error, CH_IO, slots->path, "no random bytes");
    }
    memcpy(dir, slots->path, (size_t)(name - slots->path));
    dir[name - slots->path] = '\0';
    derive_file_key(slots, hub_key);
    fill_head(slots, 0, heads);
    fill_head(slots, 0, heads + HEAD_SPACING);
    return ch_file_replace(dir, name + 1, (ch_str){(const char *)heads, sizeof heads}, error);
}

/* Takes what the head says when its check is right. */
static bool take_head(ch_slots *slots, const uint8_t head[SLOT_SIZE], const uint8_t hub_key[CH_KEY_SIZE],
                      uint64_t *made)
{
    memcpy(slots->salt, head, SALT_SIZE);
    derive_file_key(slots, hub_key);
    if (!check_is_right(slots, 0, head)) {
        return false;
    }
    uint64_t says = ch_get_be64(head + SALT_SIZE);
    *made = says > *made ? says : *made;
    return true;
}

static ch_status read_heads(ch_slots *slots, const uint8_t hub_key[CH_KEY_SIZE], ch_error *error)
{
    uint8_t heads[HEADS_SIZE];
    struct stat seen;
    uint64_t made = 0;
    ch_status status = ch_disk_read(slots->fd, heads, HEADS_SIZE, 0);
    if (status != CH_OK && status != CH_END) {
        return ch_disk_fail(error, slots->path, "cannot be read");
    }
    if (status == CH_END || fstat(slots->fd, &seen) != 0) {
        return ch_error_set(error, CH_CORRUPT, slots->path, "is cut short");
    }
    /* The good one last: its salt is kept. */
    bool second = take_head(slots, heads + HEAD_SPACING, hub_key, &made);
    if (!take_head(slots, heads, hub_key, &made) &&
        !(second && take_head(slots, heads + HEAD_SPACING, hub_key, &made))) {
        return ch_error_set(error, CH_CORRUPT, slots->path, "was made under another hub key, or is damaged");
    }
    if (((uint64_t)seen.st_size - HEADS_SIZE) / SLOT_SIZE < made) {
        return ch_error_set(error, CH_CORRUPT, slots->path, "is cut short: it should hold %llu slots",
                            (unsigned long long)made);
    }
    atomic_store(&slots->made, made);
    return CH_OK;
}

static ch_status sync_write(ch_slots *slots, const uint8_t *bytes, size_t size, off_t at, ch_error *error)
{
    if (ch_disk_write(slots->fd, bytes, size, at) != CH_OK || fdatasync(slots->fd) != 0) {
        return ch_disk_fail(error, slots->path, "cannot be written");
    }
    return CH_OK;
}

/* In turn, so that a torn write leaves the other one. */
static off_t place_of_next_head(uint64_t made)
{
    return made / SLOTS_AT_ONCE % 2 == 0 ? 0 : HEAD_SPACING;
}

/* The head may have been read from memory alone: when its sync failed, the process ended, but the system went on. No
 * slot is used before the disk has it. The other head's place is written, so that this one cannot be torn. */
static ch_status renew_head(ch_slots *slots, ch_error *error)
{
    uint8_t head[SLOT_SIZE];
    uint64_t made = atomic_load(&slots->made);
    if (slots->random == NULL || made == 0) {
        return CH_OK;
    }
    fill_head(slots, made, head);
    return sync_write(slots, head, SLOT_SIZE, place_of_next_head(made), error);
}

static ch_status open_file(ch_slots *slots, const uint8_t hub_key[CH_KEY_SIZE], ch_error *error)
{
    bool read_only = slots->random == NULL;
    slots->fd = open(slots->path, (read_only ? O_RDONLY : O_RDWR) | O_CLOEXEC);
    if (slots->fd < 0 && errno == ENOENT && read_only) {
        return ch_error_set(error, CH_NOT_FOUND, slots->path, "is missing");
    }
    if (slots->fd < 0 && errno == ENOENT) {
        ch_status status = make_file(slots, hub_key, error);
        if (status != CH_OK) {
            return status;
        }
        slots->fd = open(slots->path, O_RDWR | O_CLOEXEC);
    }
    if (slots->fd < 0) {
        return ch_disk_fail(error, slots->path, "cannot be opened");
    }
    ch_status status = read_heads(slots, hub_key, error);
    return status == CH_OK ? renew_head(slots, error) : status;
}

ch_status ch_slots_open(ch_slots **out_slots, const char *path, const uint8_t hub_key[CH_KEY_SIZE],
                        const ch_random *random, ch_error *error)
{
    ch_slots *slots = calloc(1, sizeof *slots);
    if (slots == NULL) {
        return ch_error_set(error, CH_NO_MEMORY, path, "no memory for the key slots");
    }
    slots->fd = -1;
    slots->random = random;
    pthread_mutex_init(&slots->lock, NULL);
    ch_status status = ch_str_copy(slots->path, sizeof slots->path, ch_str_of(path));
    if (status == CH_OK) {
        status = open_file(slots, hub_key, error);
    } else {
        ch_error_set(error, status, path, "the path is too long");
    }
    if (status != CH_OK) {
        ch_slots_close(slots);
        return status;
    }
    *out_slots = slots;
    return CH_OK;
}

ch_status ch_slots_open_read_only(ch_slots **out_slots, const char *path, const uint8_t hub_key[CH_KEY_SIZE],
                                  ch_error *error)
{
    return ch_slots_open(out_slots, path, hub_key, NULL, error);
}

void ch_slots_close(ch_slots *slots)
{
    if (slots == NULL) {
        return;
    }
    if (slots->fd >= 0) {
        close(slots->fd);
    }
    pthread_mutex_destroy(&slots->lock);
    sodium_memzero(slots, sizeof *slots);
    free(slots);
}

static ch_status make_slot(ch_slots *slots, uint64_t number, uint8_t slot[SLOT_SIZE], ch_error *error)
{
    uint8_t key[CH_KEY_SIZE];
    if (slots->random->fill(slots->random->context, key, sizeof key) != CH_OK) {
        return ch_error_set(error, CH_IO, slots->path, "no random bytes");
    }
    wrap(slots, number, slot, key);
    compute_check(slots, number, slot, slot + CHECK_AT);
    sodium_memzero(key, sizeof key);
    return CH_OK;
}

/* A slot that is there and whole stays: should both heads ever be older than the slots, no used key is lost.
 */
static ch_status fill_slots(ch_slots *slots, uint64_t first, uint8_t *room, ch_error *error)
{
    ch_status status = CH_OK;
    memset(room, 0, (size_t)SLOTS_AT_ONCE * SLOT_SIZE);
    ssize_t there = pread(slots->fd, room, (size_t)SLOTS_AT_ONCE * SLOT_SIZE, place_of(first));
    if (there < 0) {
        return ch_disk_fail(error, slots->path, "cannot be read");
    }
    for (size_t i = 0; i < SLOTS_AT_ONCE && status == CH_OK; i++) {
        uint8_t *slot = room + i * SLOT_SIZE;
        if (is_zero(slot, SLOT_SIZE) || !check_is_right(slots, first + i, slot)) {
            status = make_slot(slots, first + i, slot, error);
        }
    }
    return status;
}

static ch_status make_slots(ch_slots *slots, ch_error *error)
{
    uint8_t head[SLOT_SIZE];
    uint64_t made = atomic_load(&slots->made);
    uint8_t *room = malloc((size_t)SLOTS_AT_ONCE * SLOT_SIZE);
    if (room == NULL) {
        return ch_error_set(error, CH_NO_MEMORY, slots->path, "no memory for key slots");
    }
    ch_status status = fill_slots(slots, made + 1, room, error);
    if (status == CH_OK) {
        status = sync_write(slots, room, (size_t)SLOTS_AT_ONCE * SLOT_SIZE, place_of(made + 1), error);
    }
    if (status == CH_OK) {
        fill_head(slots, made + SLOTS_AT_ONCE, head);
        status = sync_write(slots, head, SLOT_SIZE, place_of_next_head(made), error);
    }
    free(room);
    if (status == CH_OK) {
        atomic_store(&slots->made, made + SLOTS_AT_ONCE);
    }
    return status;
}

ch_status ch_slots_prepare(ch_slots *slots, uint64_t number, ch_error *error)
{
    ch_status status = CH_OK;
    if (slots->random == NULL) {
        return ch_error_set(error, CH_IO, slots->path, "is open for reading");
    }
    while (status == CH_OK && atomic_load(&slots->made) < number) {
        status = make_slots(slots, error);
    }
    return status;
}

/* Up to number all slots are on disk: says so. */
static ch_status raise_made(ch_slots *slots, uint64_t number, ch_error *error)
{
    uint8_t head[SLOT_SIZE];
    uint64_t made = atomic_load(&slots->made);
    if (number <= made) {
        return CH_OK;
    }
    fill_head(slots, number, head);
    ch_status status = sync_write(slots, head, SLOT_SIZE, place_of_next_head(made), error);
    if (status == CH_OK) {
        atomic_store(&slots->made, number);
    }
    return status;
}

/* theirs becomes what these slots are to be from now on. */
static ch_status merge_slots(const ch_slots *slots, uint64_t first, uint8_t *theirs, uint8_t *ours,
                             size_t count, ch_error *error)
{
    uint64_t made = atomic_load(&slots->made);
    size_t own = first > made ? 0 : made + 1 - first < count ? (size_t)(made + 1 - first) : count;
    if (own > 0 && ch_disk_read(slots->fd, ours, own * SLOT_SIZE, place_of(first)) != CH_OK) {
        return ch_disk_fail(error, slots->path, "cannot be read");
    }
    for (size_t i = 0; i < own; i++) {
        if (is_zero(ours + i * SLOT_SIZE, SLOT_SIZE)) {
            memset(theirs + i * SLOT_SIZE, 0, SLOT_SIZE);
        }
    }
    return CH_OK;
}

static ch_status adopt_part(ch_slots *slots, const ch_slots *from, uint64_t first, uint8_t *room,
                            ch_error *error)
{
    uint64_t left = atomic_load(&from->made) + 1 - first;
    size_t count = left < SLOTS_AT_ONCE ? (size_t)left : SLOTS_AT_ONCE;
    if (ch_disk_read(from->fd, room, count * SLOT_SIZE, place_of(first)) != CH_OK) {
        return ch_disk_fail(error, from->path, "cannot be read");
    }
    ch_status status =
        merge_slots(slots, first, room, room + (size_t)SLOTS_AT_ONCE * SLOT_SIZE, count, error);
    return status == CH_OK ? sync_write(slots, room, count * SLOT_SIZE, place_of(first), error) : status;
}

ch_status ch_slots_adopt(ch_slots *slots, const ch_slots *from, ch_error *error)
{
    uint64_t made = atomic_load(&from->made);
    ch_status status = CH_OK;
    if (memcmp(slots->salt, from->salt, SALT_SIZE) != 0) {
        return ch_error_set(error, CH_INVALID, from->path, "holds other keys than %s", slots->path);
    }
    uint8_t *room = malloc((size_t)2 * SLOTS_AT_ONCE * SLOT_SIZE);
    if (room == NULL) {
        return ch_error_set(error, CH_NO_MEMORY, slots->path, "no memory for key slots");
    }
    for (uint64_t first = 1; first <= made && status == CH_OK; first += SLOTS_AT_ONCE) {
        status = adopt_part(slots, from, first, room, error);
    }
    free(room);
    return status == CH_OK ? raise_made(slots, made, error) : status;
}

ch_status ch_slots_give_up(ch_slots *slots, uint64_t number, ch_error *error)
{
    static const uint8_t zeros[(size_t)64 * SLOT_SIZE];
    ch_status status = CH_OK;
    uint64_t first = atomic_load(&slots->made) + 1;
    while (first <= number && status == CH_OK) {
        size_t count = number + 1 - first < 64 ? (size_t)(number + 1 - first) : 64;
        status = ch_disk_write(slots->fd, zeros, count * SLOT_SIZE, place_of(first));
        first += count;
    }
    if (status != CH_OK || fdatasync(slots->fd) != 0) {
        return ch_disk_fail(error, slots->path, "cannot be written");
    }
    return raise_made(slots, number, error);
}

static ch_status read_key(ch_slots *slots, uint64_t number, uint8_t out_key[CH_KEY_SIZE])
{
    uint8_t slot[SLOT_SIZE];
    ch_status status = ch_disk_read(slots->fd, slot, SLOT_SIZE, place_of(number));
    if (status != CH_OK) {
        return status == CH_END ? CH_CORRUPT : status;
    }
    if (is_zero(slot, SLOT_SIZE)) {
        return CH_ERASED;
    }
    if (!check_is_right(slots, number, slot)) {
        return CH_CORRUPT;
    }
    wrap(slots, number, out_key, slot);
    return CH_OK;
}

ch_status ch_slots_key(ch_slots *slots, uint64_t number, uint8_t out_key[CH_KEY_SIZE])
{
    if (number == 0 || number > atomic_load(&slots->made)) {
        return CH_NOT_FOUND;
    }
    cached_key *cached = &slots->cache[number % CACHED_KEYS];
    ch_status status = CH_OK;
    pthread_mutex_lock(&slots->lock);
    if (cached->number != number) {
        uint8_t key[CH_KEY_SIZE];
        status = read_key(slots, number, key);
        if (status == CH_OK) {
            cached->number = number;
            memcpy(cached->key, key, CH_KEY_SIZE);
        }
        sodium_memzero(key, sizeof key);
    }
    if (status == CH_OK) {
        memcpy(out_key, cached->key, CH_KEY_SIZE);
    }
    pthread_mutex_unlock(&slots->lock);
    return status;
}

ch_status ch_slots_erase(ch_slots *slots, uint64_t number, ch_error *error)
{
    static const uint8_t zeros[SLOT_SIZE];
    if (number == 0 || number > atomic_load(&slots->made)) {
        return ch_error_set(error, CH_NOT_FOUND, slots->path, "slot %llu was never made",
                            (unsigned long long)number);
    }
    pthread_mutex_lock(&slots->lock);
    cached_key *cached = &slots->cache[number % CACHED_KEYS];
    if (cached->number == number) {
        sodium_memzero(cached, sizeof *cached);
    }
    ch_status status = sync_write(slots, zeros, SLOT_SIZE, place_of(number), error);
    pthread_mutex_unlock(&slots->lock);
    return status;
}

/* Every copy has the salt of the file that it was made of, in both heads. */
static ch_status check_is_copy(const ch_slots *slots, int fd, const char *copy, ch_error *error)
{
    uint8_t salt[SALT_SIZE];
    for (off_t at = 0; at < (off_t)HEADS_SIZE; at += HEAD_SPACING) {
        ch_status status = ch_disk_read(fd, salt, sizeof salt, at);
        if (status == CH_OK && memcmp(salt, slots->salt, SALT_SIZE) == 0) {
            return CH_OK;
        }
    }
    return ch_error_set(error, CH_INVALID, copy, "is no copy of this hub's keys");
}

static ch_status erase_in_file(int fd, const char *copy, uint64_t number, ch_error *error)
{
    uint8_t slot[SLOT_SIZE] = {0};
    ch_status status = ch_disk_read(fd, slot, SLOT_SIZE, place_of(number));
    if (status == CH_END || (status == CH_OK && is_zero(slot, SLOT_SIZE))) {
        return CH_OK;
    }
    memset(slot, 0, SLOT_SIZE);
    if (status != CH_OK || ch_disk_write(fd, slot, SLOT_SIZE, place_of(number)) != CH_OK ||
        fdatasync(fd) != 0) {
        return ch_disk_fail(error, copy, "cannot be written");
    }
    return CH_OK;
}

ch_status ch_slots_erase_copy(const ch_slots *slots, const char *copy, uint64_t number, ch_error *error)
{
    int fd = open(copy, O_RDWR | O_CLOEXEC);
    if (fd < 0) {
        return errno == ENOENT ? ch_error_set(error, CH_NOT_FOUND, copy, "is not there")
                               : ch_disk_fail(error, copy, "cannot be opened");
    }
    ch_status status = check_is_copy(slots, fd, copy, error);
    if (status == CH_OK) {
        status = erase_in_file(fd, copy, number, error);
    }
    close(fd);
    return status;
}

void ch_slots_hash(const ch_slots *slots, const ch_str *bytes, size_t count, uint64_t *out_hashes)
{
    for (size_t i = 0; i < count; i++) {
        uint8_t hash[8];
        ch_digest(hash, sizeof hash, bytes[i], slots->hash_key);
        out_hashes[i] = ch_get_be64(hash);
    }
}
