/* xml.c - an object with one member, the document element, in the shape that format xml reads.
 *
 * No encoding is declared: the host makes the bytes of it, in UTF-8 unless `outward.charset` says otherwise. Everything is
 * on one line as far as texts allow, so that a line can be a message.
 */
#include "connectors/formats/xml_text.h"
#include "connectors/writers/value.h"
#include "connectors/writers/writers.h"

static int write_xml(const char *json, size_t json_size, const casehub_output *output)
{
    const ch_xml_text_options text_options = {.any_name = false};
    ch_buf written;
    ch_error error = {.status = CH_OK};
    json_t *body = ch_body_read(json, json_size, output);
    if (body == NULL) {
        return -1;
    }
    ch_buf_init(&written, CH_WRITTEN_MOST);
    ch_buf_append_text(&written, "<?xml version=\"1.0\"?>");
    ch_status status = ch_xml_append(&written, body, &text_options, &error);
    json_decref(body);
    if (status != CH_OK) {
        ch_buf_done(&written);
        output->fail(output, error.where[0] == '\0' ? NULL : error.where, error.text);
        return -1;
    }
    return ch_body_finish(&written, output);
}

const casehub_writer ch_writer_xml = {CASEHUB_SIZED(casehub_writer), .name = "xml",
                                      .help = "an object with one member, the document element",
                                      .media_type = "application/xml", .write = write_xml};
