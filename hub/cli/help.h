/* help.h - explains the command line from the tables that parse it. */
#ifndef CH_CLI_HELP_H
#define CH_CLI_HELP_H

#include "hub/cli/arguments.h"

/* Everything: the nouns, the global options, the topics. */
void ch_help_all(ch_buf *out, const ch_noun *nouns, size_t count);
void ch_help_noun(ch_buf *out, const ch_noun *noun);
void ch_help_verb(ch_buf *out, const ch_noun *noun, const ch_verb *verb);

/* `casehub help [TOPIC | NOUN [VERB]]`. CH_INVALID with a suggestion. */
ch_status ch_help_about(ch_buf *out, const ch_noun *nouns, size_t count, const ch_arguments *arguments,
                        ch_error *error) CH_MUST_CHECK;

#endif
