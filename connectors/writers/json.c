/* json.c - the body as the mapping gave it. */
#include "connectors/writers/writers.h"

static int write_json(const char *json, size_t json_size, const casehub_output *output)
{
    return output->append(output, json, json_size) ? 0 : -1;
}

const casehub_writer ch_writer_json = {CASEHUB_SIZED(casehub_writer), .name = "json",
                                       .help = "the body as JSON, on one line",
                                       .media_type = "application/json", .write = write_json};
