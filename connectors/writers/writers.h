/* writers.h - the writers that are compiled in. A new one: its file, its table here, its line in writers.c. */
#ifndef CH_CONNECTORS_WRITERS_H
#define CH_CONNECTORS_WRITERS_H

#include "connectors/sdk/casehub_connector.h"

extern const casehub_writer ch_writer_json, ch_writer_text, ch_writer_form, ch_writer_csv, ch_writer_xml;

extern const casehub_writer *const ch_writers[];
extern const size_t ch_writer_count;

#endif
