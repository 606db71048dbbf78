#include "replay/filter.h"

#include "hub/model/topic.h"

ch_status ch_bound_parse(ch_bound *out_bound, const char *text, const char *name, ch_error *error)
{
    ch_bound bound = {.given = text != NULL};
    int64_t number = 0;
    if (text == NULL) {
        *out_bound = bound;
        return CH_OK;
    }
    if (ch_str_to_int(ch_str_of(text), &number) == CH_OK && number >= 0) {
        bound.sequence = (uint64_t)number;
    } else if (ch_time_parse(ch_str_of(text), &bound.time_ms) == CH_OK) {
        bound.is_time = true;
    } else {
        return ch_error_set(error, CH_INVALID, NULL,
                            "--%s %s: neither a sequence nor a time such as 2026-11-23T10:27:00+08:00", name,
                            text);
    }
    *out_bound = bound;
    return CH_OK;
}

ch_status ch_filter_init(ch_filter *out_filter, const ch_replay_options *options, ch_error *error)
{
    ch_filter filter = {.options = options};
    uint64_t number;
    ch_status status = ch_bound_parse(&filter.from, options->from, "from", error);
    if (status == CH_OK) {
        status = ch_bound_parse(&filter.to, options->to, "to", error);
    }
    for (size_t i = 0; i < options->topics.count && status == CH_OK; i++) {
        status = ch_pattern_check(ch_str_of(options->topics.at[i]), error);
        if (status != CH_OK) {
            ch_error_prefix(error, "--topic");
            return CH_INVALID;
        }
    }
    if (status == CH_OK && options->case_id != NULL &&
        ch_case_id_number(ch_str_of(options->case_id), &number) != CH_OK) {
        status = ch_error_set(error, CH_INVALID, NULL, "--case %s: a case is named as in ZJ-20261123-18",
                              options->case_id);
    }
    if (status == CH_OK) {
        *out_filter = filter;
    }
    return status;
}

static bool is_before(const ch_bound *bound, const ch_event *event)
{
    return bound->given &&
           (bound->is_time ? event->recorded_ms < bound->time_ms : event->sequence < bound->sequence);
}

bool ch_bound_is_passed(const ch_bound *bound, const ch_event *event)
{
    return bound->given &&
           (bound->is_time ? event->recorded_ms > bound->time_ms : event->sequence > bound->sequence);
}

bool ch_filter_is_past(const ch_filter *filter, const ch_event *event)
{
    return ch_bound_is_passed(&filter->to, event);
}

static bool topic_fits(const ch_replay_options *options, ch_str topic)
{
    for (size_t i = 0; i < options->topics.count; i++) {
        if (ch_pattern_matches(ch_str_of(options->topics.at[i]), topic)) {
            return true;
        }
    }
    return options->topics.count == 0;
}

static bool origin_fits(const ch_replay_options *options, const ch_event *event)
{
    ch_topic_parts parts;
    if (options->system == NULL && options->party == NULL) {
        return true;
    }
    if (ch_topic_split(event->topic, &parts) != CH_OK) {
        return false;
    }
    if (options->system != NULL && !ch_str_is(parts.system, options->system)) {
        return false;
    }
    return options->party == NULL || ch_str_is(parts.party, options->party) ||
           ch_str_is(event->party, options->party);
}

bool ch_filter_accepts(const ch_filter *filter, const ch_event *event)
{
    const ch_replay_options *options = filter->options;
    return !is_before(&filter->from, event) && !ch_filter_is_past(filter, event) &&
           (!options->anomalous || event->anomalous) &&
           (options->case_id == NULL || ch_str_is(event->subject, options->case_id)) &&
           (options->actor == NULL || ch_str_is(event->actor, options->actor)) &&
           (options->mapping == NULL || ch_str_is(event->mapping, options->mapping)) &&
           topic_fits(options, event->topic) && origin_fits(options, event);
}
