#include "connectors/host/dead_letter.h"

#include "hub/model/event.h"

#include <sodium.h>
#include <stdio.h>

#define REASON_MOST 300
#define PLACE_MOST 190
#define CUT_NOTE " (raw cut)"

static void name_letter(const ch_dead_letter_facts *facts, char *out, size_t size)
{
    crypto_generichash_state hash;
    uint8_t digest[16], row[8];
    char text[2 * sizeof digest + 1];
    ch_put_be64(row, facts->row);
    crypto_generichash_init(&hash, NULL, 0, sizeof digest);
    crypto_generichash_update(&hash, (const uint8_t *)facts->unit, strlen(facts->unit) + 1);
    crypto_generichash_update(&hash, (const uint8_t *)facts->identity, strlen(facts->identity) + 1);
    crypto_generichash_update(&hash, (const uint8_t *)facts->mapping, strlen(facts->mapping) + 1);
    crypto_generichash_update(&hash, row, sizeof row);
    crypto_generichash_final(&hash, digest, sizeof digest);
    sodium_bin2hex(text, sizeof text, digest, sizeof digest);
    snprintf(out, size, "deadletter/%s/%s", facts->connector, text);
}

static void put_pair(ch_buf *out, const char *name, ch_str value)
{
    ch_mp_put_text(out, name);
    ch_mp_put_str(out, value);
}

static void put_data(ch_buf *out, const ch_dead_letter_facts *facts, bool raw_cut)
{
    char reason[REASON_MOST + sizeof CUT_NOTE];
    ch_str short_reason = ch_str_cut(ch_str_of(facts->reason), REASON_MOST);
    snprintf(reason, sizeof reason, "%.*s%s", CH_STR_ARG(short_reason), raw_cut ? CUT_NOTE : "");
    ch_mp_put_map(out, 7);
    put_pair(out, "action", CH_STR("made"));
    put_pair(out, "connector", ch_str_of(facts->connector));
    put_pair(out, "stage", ch_str_of(facts->stage));
    put_pair(out, "code", ch_str_of(facts->code));
    put_pair(out, "reason", ch_str_of(reason));
    put_pair(out, "place", ch_str_cut(ch_str_of(facts->place), PLACE_MOST));
    put_pair(out, "mapping", ch_str_of(facts->mapping));
}

ch_status ch_dead_letter_encode(const ch_dead_letter_facts *facts, ch_buf *out, ch_error *error)
{
    char id[CH_ID_MAX + 1];
    ch_buf data;
    bool raw_cut = facts->raw.size > CH_RAW_OF_DEAD_LETTER;
    name_letter(facts, id, sizeof id);
    ch_buf_init(&data, 4096);
    put_data(&data, facts, raw_cut);
    const ch_event event = {.id = ch_str_of(id),
                            .source = ch_str_of(facts->source),
                            .type = CH_STR("hub.deadletter"),
                            .time_ms = facts->time_ms,
                            .data = ch_buf_str(&data),
                            .expected_version = -1,
                            .mapping = ch_str_of(facts->mapping),
                            .raw = {facts->raw.at, raw_cut ? CH_RAW_OF_DEAD_LETTER : facts->raw.size}};
    ch_event_encode(out, &event);
    ch_status status = data.failed != CH_OK ? data.failed : out->failed;
    ch_buf_done(&data);
    return status == CH_OK ? CH_OK : ch_error_set(error, status, NULL, "no room to encode the dead letter");
}
