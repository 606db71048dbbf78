/* config_files.h - the files of one change of the rules, as the log has them.
 */
#ifndef CH_CLI_CONFIG_FILES_H
#define CH_CLI_CONFIG_FILES_H

#include "hub/cli/cli.h"

/* Content as it was, byte for byte; the hash was checked. */
typedef void ch_config_file_visit(void *context, const char *name, ch_str content);

/* Of a row of the query `configs`; every file, in order. Connected. CH_CORRUPT when they are not what the row says. */
ch_status ch_config_files(ch_cli *cli, const json_t *row, ch_config_file_visit *visit,
                          void *context) CH_MUST_CHECK;

#endif
