#include "hub/model/topic.h"
#include "tests/fuzz/fuzz.h"

/* Takes the first token off; false when there is none. */
static bool next_token(ch_str *rest, ch_str *out_token)
{
    if (rest->at == NULL) {
        return false;
    }
    const char *dot = rest->size == 0 ? NULL : memchr(rest->at, '.', rest->size);
    size_t size = dot == NULL ? rest->size : (size_t)(dot - rest->at);
    *out_token = (ch_str){rest->at, size};
    *rest = dot == NULL ? CH_STR_NONE : (ch_str){dot + 1, rest->size - size - 1};
    return true;
}

/* As the sentence in topic.h says it, token by token. */
static bool matches(ch_str pattern, ch_str topic)
{
    ch_str wanted, found;
    while (next_token(&pattern, &wanted)) {
        if (!next_token(&topic, &found)) {
            return false;
        }
        if (ch_str_is(wanted, ">")) {
            return true;
        }
        if (!ch_str_is(wanted, "*") && !ch_str_equal(wanted, found)) {
            return false;
        }
    }
    return topic.at == NULL;
}

static bool has_wildcard(ch_str s)
{
    return s.size > 0 && (memchr(s.at, '*', s.size) != NULL || memchr(s.at, '>', s.size) != NULL);
}

/* Two lines: a pattern and a topic. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *end = size == 0 ? NULL : memchr(data, '\n', size);
    if (end == NULL) {
        return 0;
    }
    ch_error error;
    ch_topic_parts parts;
    ch_str pattern = {(const char *)data, (size_t)(end - data)};
    ch_str topic = {(const char *)end + 1, size - pattern.size - 1};
    (void)ch_topic_split(topic, &parts);
    ch_status status = ch_pattern_check(pattern, &error);
    REQUIRE(status == CH_OK || (status == CH_INVALID && error.text[0] != '\0'));
    /* A topic is a pattern without wildcards. */
    if (status == CH_OK && ch_pattern_check(topic, &error) == CH_OK && !has_wildcard(topic)) {
        REQUIRE(ch_pattern_matches(pattern, topic) == matches(pattern, topic));
    }
    return 0;
}
