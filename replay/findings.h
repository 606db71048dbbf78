/* findings.h - what is not as it should be: each told at once to people, the first hundred kept for JSON. */
#ifndef CH_REPLAY_FINDINGS_H
#define CH_REPLAY_FINDINGS_H

#include "replay/replay.h"

#define CH_FINDINGS_TOLD 100

/* X(symbol, name, what it means) */
#define CH_FINDING_LIST(X)                                                                                   \
    X(CH_FINDING_DAMAGED, "damaged", "the record's bytes are not those that were written")                   \
    X(CH_FINDING_MISSING, "missing", "the log goes on without it")                                           \
    X(CH_FINDING_CHAIN, "chain", "the record does not continue the chain of hashes")                         \
    X(CH_FINDING_SEALED, "sealed", "the sealed part is not the one that was hashed")                         \
    X(CH_FINDING_CONTENT, "content", "the record is whole, but its event makes no sense")                    \
    X(CH_FINDING_TIME, "time", "it was recorded before the one in front of it")                              \
    X(CH_FINDING_VERSION, "version", "a case's versions are not 1, 2, 3 ...")                                \
    X(CH_FINDING_FOLD, "fold", "the state cannot be made from it")                                           \
    X(CH_FINDING_END, "end", "the export does not end as it should")                                         \
    X(CH_FINDING_HEAD, "head", "a signed head does not fit")                                                 \
    X(CH_FINDING_AUDIT, "audit", "the audit log is not what was written")                                    \
    X(CH_FINDING_BACKUP, "backup", "the backup is not what its MANIFEST says")                               \
    X(CH_FINDING_STATE, "state", "the live state is not what the log makes")
typedef enum ch_finding_kind {
#define CH_FINDING_ENUM(symbol, name, text) symbol,
    CH_FINDING_LIST(CH_FINDING_ENUM)
#undef CH_FINDING_ENUM
        CH_FINDING_COUNT
} ch_finding_kind;

typedef struct ch_finding {
    ch_finding_kind kind;
    uint64_t sequence;     /* 0: of no record */
    ch_str case_id;        /* that it affects; absent: not known, or none */
    uint32_t case_version; /* the first that is affected */
    const char *text;
} ch_finding;

typedef struct ch_findings {
    const ch_replay_world *world;
    bool as_json;
    uint64_t count, first_bad; /* first_bad 0: none of a record */
    ch_buf json;               /* objects with commas between them */
} ch_findings;

void ch_findings_init(ch_findings *findings, const ch_replay_world *world, bool as_json);
void ch_findings_done(ch_findings *findings);
void ch_findings_add(ch_findings *findings, const ch_finding *finding);

#endif
