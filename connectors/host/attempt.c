#include "connectors/host/attempt.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdlib.h>
#include <unistd.h>

#define MARK_SIZE 16
#define NUMBER_MOST 250

/* The file: the suspect (the record that an earlier process died with), then the record in hand. The suspect stays
 * while the records before it in its batch are mapped once more. */
typedef struct slot {
    uint8_t mark[MARK_SIZE];
    uint8_t number; /* attempts; 0: none */
} slot;

struct ch_attempt {
    int fd;
    slot suspect, in_hand;
};

static bool is_same(const slot *a, const slot *b)
{
    return a->number > 0 && b->number > 0 && memcmp(a->mark, b->mark, MARK_SIZE) == 0;
}

static ch_status write_slots(const ch_attempt *attempt, ch_error *error)
{
    const slot slots[2] = {attempt->suspect, attempt->in_hand};
    if (pwrite(attempt->fd, slots, sizeof slots, 0) != (ssize_t)sizeof slots) {
        return ch_error_set(error, CH_IO, "attempt", "%s", strerror(errno));
    }
    return CH_OK;
}

/* What was in hand when the last process ended is the suspect now. */
static ch_status look_back(ch_attempt *attempt, ch_error *error)
{
    slot slots[2];
    if (pread(attempt->fd, slots, sizeof slots, 0) != (ssize_t)sizeof slots) {
        return CH_OK;
    }
    attempt->suspect = slots[1].number > 0 ? slots[1] : slots[0];
    return write_slots(attempt, error);
}

ch_status ch_attempt_open(ch_attempt **out_attempt, const char *file, ch_error *error)
{
    ch_attempt *attempt = calloc(1, sizeof *attempt);
    if (attempt == NULL) {
        return ch_error_set(error, CH_NO_MEMORY, file, "no memory");
    }
    attempt->fd = open(file, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    ch_status status =
        attempt->fd < 0 ? ch_error_set(error, CH_IO, file, "%s", strerror(errno)) : look_back(attempt, error);
    if (status != CH_OK) {
        ch_attempt_close(attempt);
        return status;
    }
    *out_attempt = attempt;
    return CH_OK;
}

void ch_attempt_close(ch_attempt *attempt)
{
    if (attempt != NULL) {
        if (attempt->fd >= 0) {
            close(attempt->fd);
        }
        free(attempt);
    }
}

static void mark_of(uint8_t out[MARK_SIZE], const char *name, const char *identity, uint64_t row)
{
    crypto_generichash_state hash;
    uint8_t number[8];
    ch_put_be64(number, row);
    crypto_generichash_init(&hash, NULL, 0, MARK_SIZE);
    crypto_generichash_update(&hash, (const uint8_t *)name, strlen(name) + 1);
    crypto_generichash_update(&hash, (const uint8_t *)identity, strlen(identity) + 1);
    crypto_generichash_update(&hash, number, sizeof number);
    crypto_generichash_final(&hash, out, MARK_SIZE);
}

ch_status ch_attempt_begin(ch_attempt *attempt, const char *name, const char *identity, uint64_t row,
                           unsigned *out_number, ch_error *error)
{
    slot *in_hand = &attempt->in_hand;
    mark_of(in_hand->mark, name, identity, row);
    in_hand->number = 1;
    if (is_same(in_hand, &attempt->suspect)) {
        uint8_t before = attempt->suspect.number;
        in_hand->number = (uint8_t)(before < NUMBER_MOST ? before + 1 : before);
    }
    ch_status status = write_slots(attempt, error);
    if (status == CH_OK) {
        *out_number = in_hand->number;
    }
    return status;
}

void ch_attempt_end(ch_attempt *attempt)
{
    if (is_same(&attempt->in_hand, &attempt->suspect)) {
        attempt->suspect.number = 0;
    }
    attempt->in_hand.number = 0;
    ch_status written = write_slots(attempt, NULL);
    (void)written;
}
