#include "connectors/senders/senders.h"

const casehub_sender *const ch_senders[] = {
    &ch_sender_file_put, &ch_sender_http_post, &ch_sender_exec, &ch_sender_odbc_exec, &ch_sender_tcp_send,
};
const size_t ch_sender_count = sizeof ch_senders / sizeof *ch_senders;
