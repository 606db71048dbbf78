/* A case's links to others, and what events change in them. */
#include "hub/model/evolve.h"

static const char *const relation_names[] = {
#define CH_RELATION_NAME(symbol, name) name,
    CH_RELATION_LIST(CH_RELATION_NAME)
#undef CH_RELATION_NAME
};

const char *ch_relation_name(ch_relation relation)
{
    return (unsigned)relation < CH_RELATION_COUNT ? relation_names[relation] : "unknown";
}

ch_status ch_relation_from_name(ch_str name, ch_relation *out_relation)
{
    for (unsigned i = 0; i < CH_RELATION_COUNT; i++) {
        if (ch_str_is(name, relation_names[i])) {
            *out_relation = (ch_relation)i;
            return CH_OK;
        }
    }
    return CH_NOT_FOUND;
}

static size_t link_position(const ch_case *the_case, uint64_t other)
{
    size_t i = 0;
    while (i < the_case->link_count && the_case->links[i].other != other) {
        i++;
    }
    return i;
}

const ch_link *ch_case_link(const ch_case *the_case, uint64_t other)
{
    size_t at = link_position(the_case, other);
    return at == the_case->link_count ? NULL : &the_case->links[at];
}

const ch_link *ch_case_parent(const ch_case *the_case)
{
    for (size_t i = 0; i < the_case->link_count; i++) {
        if (the_case->links[i].relation == CH_RELATION_PARENT) {
            return &the_case->links[i];
        }
    }
    return NULL;
}

static void remove_link(ch_case *the_case, size_t at)
{
    if (at < the_case->link_count) {
        the_case->link_count--;
        memmove(&the_case->links[at], &the_case->links[at + 1],
                (the_case->link_count - at) * sizeof *the_case->links);
    }
}

/* The other case that data.field names. */
static ch_status read_other(const ch_case *the_case, const ch_event *event, const char *field, ch_link *out)
{
    ch_str id = ch_mp_find_str(event->data, field);
    *out = (ch_link){.relation = CH_RELATION_RELATED};
    if (ch_case_id_number(id, &out->other) != CH_OK || out->other == the_case->number ||
        ch_str_copy(out->id, sizeof out->id, id) != CH_OK) {
        return CH_CORRUPT;
    }
    return CH_OK;
}

/* What ties two cases takes the place of a suggestion, and a merge that of anything. */
static bool may_replace(const ch_link *link, ch_relation relation)
{
    return link->relation == CH_RELATION_SUGGESTED || relation == CH_RELATION_MERGED;
}

static ch_status put_link(ch_case *the_case, size_t at, const ch_link *link)
{
    if (at == CH_LINKS_MAX) {
        return CH_FULL;
    }
    ch_status status = ch_case_reserve_links(the_case, at + 1);
    if (status == CH_OK) {
        the_case->links[at] = *link;
        the_case->link_count += at == the_case->link_count;
    }
    return status;
}

ch_status ch_evolve_linked(ch_case *the_case, const ch_event *event)
{
    ch_link link;
    int64_t depth = ch_mp_find_int(event->data, "depth", 0);
    ch_str relation = ch_mp_find_str(event->data, "relation");
    ch_status status = read_other(the_case, event, "other", &link);
    if (status != CH_OK || depth < 0 || depth > CH_MERGES_DEEP ||
        (relation.at != NULL && ch_relation_from_name(relation, &link.relation) != CH_OK)) {
        return CH_CORRUPT;
    }
    size_t at = link_position(the_case, link.other);
    if (link.relation == CH_RELATION_SUGGESTED ||
        (at < the_case->link_count && !may_replace(&the_case->links[at], link.relation))) {
        return CH_CORRUPT;
    }
    status = put_link(the_case, at, &link);
    if (status != CH_OK) {
        return status;
    }
    the_case->merge_depth = the_case->merge_depth < (uint32_t)depth ? (uint32_t)depth : the_case->merge_depth;
    return CH_OK;
}

ch_status ch_evolve_suggested(ch_case *the_case, const ch_event *event)
{
    ch_link link;
    int64_t score = ch_mp_find_int(event->data, "score", 0);
    ch_status status = read_other(the_case, event, "other", &link);
    if (status != CH_OK || score < 0 || score > 100 || ch_case_link(the_case, link.other) != NULL) {
        return CH_CORRUPT;
    }
    link.relation = CH_RELATION_SUGGESTED;
    link.score = (uint32_t)score;
    return put_link(the_case, the_case->link_count, &link);
}

ch_status ch_evolve_unlinked(ch_case *the_case, const ch_event *event)
{
    ch_link link;
    ch_status status = read_other(the_case, event, "other", &link);
    size_t at = status == CH_OK ? link_position(the_case, link.other) : the_case->link_count;
    if (at == the_case->link_count) {
        return CH_CORRUPT;
    }
    remove_link(the_case, at);
    return CH_OK;
}

ch_status ch_evolve_merged(ch_case *the_case, const ch_event *event)
{
    ch_link link;
    ch_status status = read_other(the_case, event, "into", &link);
    if (status != CH_OK || the_case->merged_into != 0) {
        return CH_CORRUPT;
    }
    the_case->merged_into = link.other;
    remove_link(the_case, link_position(the_case, link.other));
    return CH_OK;
}
