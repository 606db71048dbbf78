#include "tests/unit/run/batch_town.h"

int set_up_batch(void **state)
{
    static fixture f;
    town_start(&f.of);
    f.hotline = town_grant(CH_ROLE_CONNECTOR, "hotline-in", CH_PRIVATE_NONE, "hotline", "", "");
    f.forum = town_grant(CH_ROLE_CONNECTOR, "forum-in", CH_PRIVATE_NONE, "forum", "", "");
    f.rescue = town_grant(CH_ROLE_DEPARTMENT, "rescue", CH_PRIVATE_OWN, "rescue", "water-rescue", "");
    assert_status(ch_batch_new(&f.second, f.of.store, f.of.metrics), CH_OK);
    *state = &f;
    return 0;
}

int tear_down_batch(void **state)
{
    fixture *f = *state;
    ch_batch_free(f->second);
    town_stop(&f->of);
    return 0;
}

uint64_t log_last(const fixture *f)
{
    return ch_event_log_last(f->of.store->log);
}

const char *checkpoint(fixture *f, const char *connector)
{
    static char text[64];
    ch_buf value;
    ch_buf_init(&value, sizeof text - 1);
    ch_status status = ch_state_checkpoint(f->of.store->state, ch_str_of(connector), &value);
    assert_true(status == CH_OK || status == CH_NOT_FOUND);
    assert_status(ch_str_copy(text, sizeof text, ch_buf_str(&value)), CH_OK);
    ch_buf_done(&value);
    return text;
}
