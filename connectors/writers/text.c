/* text.c - a body that is a text, as it is. */
#include "connectors/writers/value.h"
#include "connectors/writers/writers.h"

static int write_text(const char *json, size_t json_size, const casehub_output *output)
{
    json_t *body = ch_body_read(json, json_size, output);
    if (body == NULL) {
        return -1;
    }
    int result = -1;
    if (!json_is_string(body)) {
        output->fail(output, NULL, "a text is expected");
    } else if (output->append(output, json_string_value(body), json_string_length(body))) {
        result = 0;
    }
    json_decref(body);
    return result;
}

const casehub_writer ch_writer_text = {CASEHUB_SIZED(casehub_writer), .name = "text",
                                       .help = "a body that is a text, as it is", .media_type = "text/plain",
                                       .write = write_text};
