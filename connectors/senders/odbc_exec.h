/* odbc_exec.h - the sender that runs a statement on a database for each message. */
#ifndef CH_CONNECTORS_ODBC_EXEC_H
#define CH_CONNECTORS_ODBC_EXEC_H

#include "connectors/sdk/casehub_connector.h"

extern const casehub_sender ch_sender_odbc_exec;

#endif
