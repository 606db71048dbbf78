#include "connectors/transports/transports.h"

const casehub_transport *const ch_transports[] = {
    &ch_transport_file_drop, &ch_transport_http_server, &ch_transport_http_poll,  &ch_transport_exec,
    &ch_transport_open311,   &ch_transport_odbc_poll,   &ch_transport_tcp_server,
};
const size_t ch_transport_count = sizeof ch_transports / sizeof *ch_transports;
