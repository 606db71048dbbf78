#include "connectors/writers/writers.h"

const casehub_writer *const ch_writers[] = {
    &ch_writer_json, &ch_writer_text, &ch_writer_form, &ch_writer_csv, &ch_writer_xml,
};
const size_t ch_writer_count = sizeof ch_writers / sizeof *ch_writers;
