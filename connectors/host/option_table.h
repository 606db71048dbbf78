/* option_table.h - a plugin's option table as rows of the host's, so that one reader parses, checks and explains both. */
#ifndef CH_CONNECTORS_OPTION_TABLE_H
#define CH_CONNECTORS_OPTION_TABLE_H

#include "connectors/sdk/casehub_connector.h"
#include "hub/config/settings.h"

#define CH_OPTION_NAME_SIZE 96

/* Row i is "group.name" (kept in names[i]) and writes into the casehub_value i at base. */
void ch_option_table_fill(ch_option *out, char (*names)[CH_OPTION_NAME_SIZE], const char *group,
                          const casehub_option *options, size_t count, size_t base);
/* Appends "name: help", and a line an option. CH_NO_MEMORY. */
ch_status ch_option_table_help(ch_buf *out, const char *group, const char *name, const char *help,
                               const casehub_option *options, size_t count) CH_MUST_CHECK;

#endif
