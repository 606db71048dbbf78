#include "connectors/host/outward_answer.h"

#include "connectors/host/checkpoint.h"

static long read_answer(void *context, void *out, size_t most)
{
    ch_str *left = context;
    size_t size = left->size < most ? left->size : most;
    if (size > 0) {
        memcpy(out, left->at, size);
        left->at += size;
        left->size -= size;
    }
    return (long)size;
}

casehub_verdict ch_outward_answer_take(const ch_outward_intake *intake, const casehub_message *message,
                                       ch_str answer, int64_t time_ms, casehub_outcome *outcome)
{
    char name[CH_UNIT_NAME_MAX + 1];
    ch_str_copy_cut(name, sizeof name, ch_str_of(message->name == NULL ? message->id : message->name));
    const casehub_unit unit = {CASEHUB_SIZED(casehub_unit), .name = name,        .identity = message->id,
                               .time_ms = time_ms,          .read = read_answer, .context = &answer};
    *outcome = (casehub_outcome){CASEHUB_SIZED(casehub_outcome)};
    return intake->take(intake->context, &unit, outcome);
}
