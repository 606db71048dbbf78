/* link.h - what ties one case to another, as it stands in either of them. Only case.h includes it. */
#ifndef CH_MODEL_LINK_H
#define CH_MODEL_LINK_H

#include "hub/model/event.h"

#define CH_LINKS_MAX 64  /* of one case */
#define CH_MERGES_DEEP 8 /* so many cases in a row may each be merged into the next */

/* What the other case is to this one. */
#define CH_RELATION_LIST(X)                                                                                  \
    X(CH_RELATION_PARENT, "parent") /* at most one */                                                        \
    X(CH_RELATION_CHILD, "child")                                                                            \
    X(CH_RELATION_RELATED, "related")                                                                        \
    X(CH_RELATION_MERGED, "merged")       /* it was merged into this one */                                  \
    X(CH_RELATION_SUGGESTED, "suggested") /* likely the same; only this one says so */
typedef enum ch_relation {
#define CH_RELATION_ENUM(symbol, name) symbol,
    CH_RELATION_LIST(CH_RELATION_ENUM)
#undef CH_RELATION_ENUM
        CH_RELATION_COUNT
} ch_relation;
const char *ch_relation_name(ch_relation relation);
ch_status ch_relation_from_name(ch_str name, ch_relation *out_relation) CH_MUST_CHECK;

/* At most one to each other case. */
typedef struct ch_link {
    uint64_t other;
    char id[CH_CASE_ID_SIZE]; /* of the other */
    ch_relation relation;
    uint32_t score; /* of a suggestion: percent; else 0 */
} ch_link;

#endif
