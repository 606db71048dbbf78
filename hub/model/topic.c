#include "hub/model/topic.h"

#include <stdio.h>

/* Digits of each level of an area code: province, city, county, street, community, grid. */
static const uint8_t area_levels[] = {2, 2, 2, 3, 3, 3};

static void append_part(ch_buf *out, ch_str part)
{
    ch_buf_append(out, ".", 1);
    ch_buf_append_str(out, part.size == 0 ? CH_STR("_") : part);
}

static void append_area(ch_buf *out, ch_str area)
{
    for (size_t level = 0; level + 1 < sizeof area_levels && area.size > area_levels[level]; level++) {
        append_part(out, (ch_str){area.at, area_levels[level]});
        area.at += area_levels[level];
        area.size -= area_levels[level];
    }
    append_part(out, area);
}

ch_status ch_topic_format(ch_buf *out, ch_str type, ch_str system, ch_str party, ch_str area)
{
    size_t begun_at = out->size;
    ch_buf_append_str(out, type);
    append_part(out, system);
    append_part(out, party);
    append_area(out, area);
    if (out->failed == CH_OK && out->size - begun_at > CH_TOPIC_MAX) {
        out->size = begun_at;
        return CH_TOO_LARGE;
    }
    return out->failed;
}

ch_str ch_topic_system_of(ch_str source)
{
    const char *slash = source.size == 0 ? NULL : memchr(source.at, '/', source.size);
    return slash == NULL ? source : (ch_str){source.at, (size_t)(slash - source.at)};
}

/* Cuts the first token and its dot off *rest; CH_STR_NONE for "_" too. False when it is empty. */
static bool take_token(ch_str *rest, ch_str *out_token)
{
    const char *dot = rest->size == 0 ? NULL : memchr(rest->at, '.', rest->size);
    size_t size = dot == NULL ? rest->size : (size_t)(dot - rest->at);
    if (size == 0) {
        return false;
    }
    ch_str token = {rest->at, size};
    *out_token = ch_str_is(token, "_") ? CH_STR_NONE : token;
    size_t taken = dot == NULL ? size : size + 1;
    *rest = (ch_str){rest->at + taken, rest->size - taken};
    return true;
}

/* One or more tokens, none of them empty. */
static bool is_dotted(ch_str text)
{
    bool after_dot = true;
    for (size_t i = 0; i < text.size; i++) {
        if (after_dot && text.at[i] == '.') {
            return false;
        }
        after_dot = text.at[i] == '.';
    }
    return !after_dot;
}

ch_status ch_topic_split(ch_str topic, ch_topic_parts *out_parts)
{
    ch_str family, name, rest = topic;
    ch_topic_parts parts;
    if (!take_token(&rest, &family) || !take_token(&rest, &name) || !take_token(&rest, &parts.system) ||
        !take_token(&rest, &parts.party) || !is_dotted(rest) || family.size == 0 || name.size == 0) {
        return CH_INVALID;
    }
    parts.type = (ch_str){family.at, family.size + 1 + name.size};
    parts.area = ch_str_is(rest, "_") ? CH_STR_NONE : rest;
    *out_parts = parts;
    return CH_OK;
}

static const char *fault_of_token(ch_str token, bool is_last)
{
    if (token.size == 0) {
        return "the token is empty";
    }
    if (ch_str_is(token, ">")) {
        return is_last ? NULL : "\">\" may only be the last token";
    }
    if (ch_str_is(token, "*")) {
        return NULL;
    }
    for (size_t i = 0; i < token.size; i++) {
        if (token.at[i] == '*' || token.at[i] == '>') {
            return "\"*\" and \">\" stand for whole tokens";
        }
        if (!ch_is_code_byte(token.at[i])) {
            return "only a-z, 0-9, \"_\" and \"-\" may be in a token";
        }
    }
    return NULL;
}

ch_status ch_pattern_check(ch_str pattern, ch_error *error)
{
    if (pattern.size > CH_TOPIC_MAX) {
        return ch_error_set(error, CH_INVALID, "", "the pattern has more than %d bytes", CH_TOPIC_MAX);
    }
    size_t begin = 0;
    for (unsigned number = 1; begin <= pattern.size; number++) {
        size_t end = begin;
        while (end < pattern.size && pattern.at[end] != '.') {
            end++;
        }
        ch_str token = {end == begin ? NULL : pattern.at + begin, end - begin};
        const char *fault = fault_of_token(token, end == pattern.size);
        if (fault != NULL) {
            char where[32];
            snprintf(where, sizeof where, "token %u", number);
            return ch_error_set(error, CH_INVALID, where, "%s", fault);
        }
        begin = end + 1;
    }
    return CH_OK;
}

bool ch_pattern_matches(ch_str pattern, ch_str topic)
{
    size_t p = 0, t = 0;
    while (p < pattern.size && t < topic.size) {
        if (pattern.at[p] == '>') {
            return true;
        }
        if (pattern.at[p] == '*') {
            const char *dot = memchr(topic.at + t, '.', topic.size - t);
            t = dot == NULL ? topic.size : (size_t)(dot - topic.at);
            p++;
            continue;
        }
        if (pattern.at[p] != topic.at[t]) {
            return false;
        }
        p++;
        t++;
    }
    return p == pattern.size && t == topic.size && t > 0;
}
