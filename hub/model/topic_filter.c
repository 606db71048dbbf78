#include "hub/model/topic_filter.h"

#define BITS (CH_TOPIC_FILTER_SIZE * 8)
_Static_assert((BITS & (BITS - 1)) == 0, "a place is cut out of a hash");

/* Tokens of type, system, party and area; what is longer is told by its beginning. */
static const uint8_t tokens_of_part[] = {2, 1, 1, 6};
#define PARTS (sizeof tokens_of_part)

/* Goes through the tokens of a topic; `part` and `level` are of the token that comes. */
typedef struct token_walk {
    ch_str rest;
    size_t part;
    unsigned level;
} token_walk;

static bool next_token(token_walk *walk, ch_str *out_token)
{
    size_t size = 0;
    if (walk->part == PARTS || walk->rest.size == 0) {
        return false;
    }
    while (size < walk->rest.size && walk->rest.at[size] != '.') {
        size++;
    }
    size_t taken = size < walk->rest.size ? size + 1 : size;
    *out_token = (ch_str){walk->rest.at, size};
    walk->rest = (ch_str){walk->rest.at + taken, walk->rest.size - taken};
    return true;
}

static void pass_token(token_walk *walk)
{
    if (++walk->level == tokens_of_part[walk->part]) {
        walk->part++;
        walk->level = 0;
    }
}

/* FNV-1a (http://www.isthe.com/chongo/tech/comp/fnv/), the token's end included. */
static uint64_t hash_on(uint64_t hash, ch_str token)
{
    for (size_t i = 0; i < token.size; i++) {
        hash = (hash ^ (uint8_t)token.at[i]) * UINT64_C(0x100000001b3);
    }
    return (hash ^ '.') * UINT64_C(0x100000001b3);
}

static void set_bit(ch_topic_filter *filter, uint64_t place)
{
    filter->bytes[place % BITS / 8] |= (uint8_t)(1u << place % 8);
}

static void set_bits(ch_topic_filter *filter, uint64_t hash)
{
    /* The low bits of a product know nothing of the high ones. */
    uint64_t mixed = (hash ^ hash >> 32) * UINT64_C(0x9e3779b97f4a7c15);
    set_bit(filter, mixed >> 32);
    set_bit(filter, mixed >> 48);
}

static bool is_wild(ch_str token)
{
    return token.size == 1 && (token.at[0] == '*' || token.at[0] == '>');
}

void ch_topic_filter_add(ch_topic_filter *filter, ch_str topic_or_pattern)
{
    token_walk walk = {.rest = topic_or_pattern};
    uint64_t hash = 0;
    bool literal = true; /* the part so far */
    ch_str token;
    while (next_token(&walk, &token)) {
        if (walk.level == 0) {
            hash = UINT64_C(0xcbf29ce484222325) + walk.part;
            literal = true;
        }
        literal = literal && !is_wild(token);
        if (literal) {
            hash = hash_on(hash, token);
            set_bits(filter, hash);
        }
        pass_token(&walk);
    }
}

bool ch_topic_filter_is_empty(const ch_topic_filter *filter)
{
    static const ch_topic_filter empty;
    return memcmp(filter, &empty, sizeof empty) == 0;
}

bool ch_topic_filter_may_hold(const ch_topic_filter *filter, const ch_topic_filter *wanted)
{
    unsigned missing = 0;
    for (size_t i = 0; i < sizeof filter->bytes; i++) {
        missing |= wanted->bytes[i] & (unsigned)~filter->bytes[i];
    }
    return missing == 0;
}
