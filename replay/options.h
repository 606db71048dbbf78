/* options.h - the command line by one table: it parses, checks, complains and documents.
 *
 * casehub-replay [options] VERB [options and operands]; "--" ends the options, "--name=value" is fine.
 */
#ifndef CH_REPLAY_OPTIONS_H
#define CH_REPLAY_OPTIONS_H

#include "hub/base/bytes.h"

#define CH_REPLAY_TEXTS_MAX 16

typedef struct ch_replay_texts {
    const char *at[CH_REPLAY_TEXTS_MAX];
    size_t count;
} ch_replay_texts;

/* X(symbol, name, operands as help shows them, how many, what it does) */
#define CH_REPLAY_VERB_LIST(X)                                                                               \
    X(CH_VERB_CAT, cat, "", 0, "prints the events of a log, one a line")                                     \
    X(CH_VERB_DIFF, diff, " A B", 2,                                                                         \
      "says where two logs begin to differ; or what became of one between --at A --at B")                    \
    X(CH_VERB_EXPORT, export, "", 0, "writes a log, or a part of it, to a file that proves itself")          \
    X(CH_VERB_HEAD, head, "", 0, "prints how far a log has come, signed, for somebody else to keep")         \
    X(CH_VERB_IMPORT, import, "", 0, "brings an archive with sealed parts into the store of a stopped hub")  \
    X(CH_VERB_KEY, key, " new FILE", 2, "makes a key that signs heads, and FILE.pub that checks them")       \
    X(CH_VERB_PLAY, play, "", 0, "says again what the producers of a log said: to another hub, or as lines") \
    X(CH_VERB_REBUILD, rebuild, "", 0, "folds the log again, and compares with the state of a stopped hub")  \
    X(CH_VERB_STATE, state, "", 0,                                                                           \
      "says what the hub knew at a moment: a case, a party's inbox, or the hash")                            \
    X(CH_VERB_VERIFY, verify, "", 0, "checks every record, the chain, every case's versions and the fold")
typedef enum ch_replay_verb {
#define CH_REPLAY_VERB_ENUM(symbol, name, operands, count, help) symbol,
    CH_REPLAY_VERB_LIST(CH_REPLAY_VERB_ENUM)
#undef CH_REPLAY_VERB_ENUM
        CH_VERB_COUNT
} ch_replay_verb;

/* Points into argv; what was not given is NULL, false or 0. */
typedef struct ch_replay_options {
    ch_replay_verb verb; /* CH_VERB_COUNT: none given */
    bool help, version, json;
    const char *store, *file;
    const char *from, *to, *as_of;
    ch_replay_texts topics, at;
    const char *case_id, *system, *party, *actor, *mapping;
    int64_t limit;
    bool anomalous, hash, table, follow, personal;
    const char *key, *keys, *heads, *public_key;
    const char *output, *format;
    bool sealed, without_sealed, progress;
    const char *into;
    bool swap, prefix;
    const char *into_hub, *report_key, *hub_key, *resume, *gap_most; /* from here on of play */
    bool same_hub, subscription, drill, step;
    int64_t speed;
    ch_replay_texts operands;
} ch_replay_options;

/* CH_INVALID with a sentence; *out_options is filled as far as it came, so that --json is known. */
ch_status ch_replay_options_parse(ch_replay_options *out_options, int argc, char *const *argv,
                                  ch_error *error) CH_MUST_CHECK;
/* Of one verb, or of all (CH_VERB_COUNT). */
void ch_replay_help(ch_buf *out, ch_replay_verb verb);

#endif
