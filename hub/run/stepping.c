/* Past what a narrow subscriber does not want: the state knows of each block of the log what its topics contain. */
#include "hub/run/reader_inside.h"

ch_status ch_reader_may_step_over(ch_reader *reader, const ch_subscription *subscription, uint64_t next,
                                  uint64_t upto, bool *out_may, ch_error *error)
{
    ch_topic_filter filter;
    uint64_t end = next + CH_TOPIC_BLOCK - 1;
    *out_may = false;
    if (!ch_subscription_is_narrow(subscription) || next % CH_TOPIC_BLOCK != 1 || end > upto ||
        end > ch_state_committed(reader->store->state)) {
        return CH_OK;
    }
    ch_status status = ch_reader_look_at_state(reader, error);
    if (status != CH_OK) {
        return status;
    }
    status = ch_state_reader_topics(reader->state, next / CH_TOPIC_BLOCK, &filter);
    if (status != CH_OK) {
        /* The state was committed after this look at it began. */
        return status == CH_NOT_FOUND
                   ? CH_OK
                   : ch_error_set(error, status, "state", "what topics contain cannot be read");
    }
    *out_may = !ch_subscription_may_want(subscription, &filter);
    if (*out_may) {
        ch_metric_add(&reader->hub->metrics->stepped_over, CH_TOPIC_BLOCK);
    }
    return CH_OK;
}
