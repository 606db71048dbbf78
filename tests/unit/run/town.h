/* town.h - a hub without threads: the real rules of schemas/, a store in a temporary folder, and a batch that judges,
 * seals and writes what the tests publish. Then questions of any client.
 */
#ifndef TESTS_UNIT_RUN_TOWN_H
#define TESTS_UNIT_RUN_TOWN_H

#include "hub/run/batch.h"
#include "hub/run/queries.h"
#include "tests/unit/store/folder.h"

#include <jansson.h>

#define TOWN_START_MS INT64_C(1795400820000)

typedef struct town {
    char base[FOLDER_PATH_SIZE], dir[FOLDER_PATH_SIZE * 2], key_file[FOLDER_PATH_SIZE * 2];
    ch_random_seeded seeded;
    ch_clock_fake clock;
    ch_store *store;
    ch_rules *rules;
    ch_metrics *metrics;
    ch_batch *batch;
    ch_hub hub;
    ch_error error;
    unsigned ids;
    /* Of the last question. */
    json_t *rows;
    bool more;
    char next[128];
    char case_id[CH_CASE_ID_SIZE]; /* of the last event that was accepted */
} town;

void town_start(town *of);
void town_stop(town *of);
/* cmocka's, for a state that is a town or begins with one. */
int town_tear_down(void **state);

/* The usual clients, by what they may. lists: names separated by spaces. */
ch_grant town_grant(ch_role role, const char *name, ch_private_right right, const char *sources,
                    const char *parties, const char *areas);
extern const ch_grant town_operator; /* all, but nothing personal */

/* One event as JSON, without specversion and time, mostly without id. Committed to the log, and to the state. */
ch_status town_publish(town *of, const ch_grant *grant, const char *event);
/* The same from a connector: what is refused becomes a dead letter. */
ch_status town_feed(town *of, const ch_grant *grant, const char *from, const char *to, const char *event);

/* The steps of these, for more than one work, or with other batches. */
ch_work *town_work(town *of, const ch_grant *grant, const char *const *events, size_t count);
ch_work *town_feed_work(town *of, const ch_grant *grant, const char *from, const char *to,
                        const char *const *events, size_t count);
void town_begin(town *of);
void town_commit_log(town *of); /* the state is not committed */
void town_commit(town *of);
/* The same for a work of the hub's own, or one that was made by town_work. */
ch_status town_write(town *of, ch_work *work);

/* So many cases of refs <prefix>1 ..., in few commits. */
void town_fill(town *of, const ch_grant *grant, const char *prefix, unsigned count, const char *event);

/* arguments: a JSON map, or NULL. */
ch_status town_ask(town *of, const ch_grant *grant, const char *query, const char *arguments);
/* The same, and it must be answered. */
void town_get(town *of, const ch_grant *grant, const char *query, const char *arguments);

size_t town_count(const town *of);
json_t *town_row(const town *of, size_t index);
/* The values of a field of all rows, separated by spaces; "-" where it is absent. */
const char *town_list(const town *of, const char *field);
/* Any text, any depth. */
bool town_says(const town *of, const char *text);

#define assert_list(of, field, expected) assert_string_equal(town_list(of, field), expected)
#define assert_refused(of, result, expected, place)                                                          \
    do {                                                                                                     \
        assert_status(result, expected);                                                                     \
        assert_string_equal((of)->error.where, place);                                                       \
        assert_true((of)->error.text[0] != '\0');                                                            \
        assert_null((of)->rows);                                                                             \
    } while (0)

#endif
