#include "connectors/formats/formats.h"

const casehub_format *const ch_formats[] = {
    &ch_format_csv, &ch_format_json, &ch_format_form, &ch_format_xml, &ch_format_row,
};
const size_t ch_format_count = sizeof ch_formats / sizeof *ch_formats;
