/* queries_inside.h - what the files of the queries share: queries.c (who may ask what, arguments, rows),
 * queries_cases.c (cases), queries_relations.c (what ties them), queries_keeping.c (erased, held, whose), queries_parts.c (what a case has several of:
 * queries_handoffs.c, queries_clocks.c), queries_tables.c (everything else).
 */
#ifndef CH_RUN_QUERIES_INSIDE_H
#define CH_RUN_QUERIES_INSIDE_H

#include "hub/model/case_row.h"
#include "hub/run/queries.h"

#define CH_QUERY_ROWS_MOST 1000
#define CH_QUERY_REFS_MOST 64    /* cases that one ref may name */
#define CH_QUERY_PERSON_MOST 256 /* cases that are looked at for one person */
#define CH_QUERY_ROWS_DEFAULT 100
/* Entries that one call looks at; then it says `more`. */
#define CH_QUERY_LOOKS_MOST 20000
/* No further row is begun beyond it; a row is never longer than what is left up to CH_CHP_BODY_MAX. */
#define CH_QUERY_BYTES_TARGET ((size_t)1024 * 1024)

typedef enum ch_query_flag { CH_FLAG_ABSENT, CH_FLAG_NO, CH_FLAG_YES } ch_query_flag;

/* Of any query; a text that was not given is absent, a number is its argument's default. */
typedef struct ch_query_arguments {
    ch_str case_id, source, state, party, system, area, ref, category, test, connector, stage, code, reason,
        status, name, kind, phone, id_number, actor, of;
    ch_str after;   /* where rows are in the order of texts */
    int64_t passed; /* `after` where they are in the order of numbers */
    int64_t limit, since, due_before, priority, at, dead_letter, sequence;
    ch_query_flag anomalous, open;
} ch_query_arguments;

/* One call. */
typedef struct ch_query_look {
    const ch_asker *asker;
    const ch_query_arguments *arguments;
    ch_query_answer *answer;
    ch_error *error;
    uint32_t looked;
    ch_status status; /* of a walk: why it was ended */
} ch_query_look;

typedef ch_status ch_query_run(ch_query_look *look);

/* Before each entry of a walk: may it be looked at? Counts it; else notes that there is more. */
bool ch_query_may_look(ch_query_look *look);
/* A walk's end: what its visitor met, then what the walk itself did. */
ch_status ch_query_end_walk(ch_query_look *look, ch_status status, const char *what);
ch_status ch_query_no_argument(ch_query_look *look, const char *name, const char *expected);
/* Cuts "<rest>/<number>" at its last slash. */
bool ch_query_cut_number(ch_str *text, int64_t most, int64_t *out_number);
/* The record at `sequence` and its event, both within the log's look. CH_END: it does not reach that far yet;
 * CH_CORRUPT when the record is not there. */
ch_status ch_query_read_record(ch_query_look *look, uint64_t sequence, ch_record *out_record,
                               ch_event *out_event) CH_MUST_CHECK;

/* One row of the answer. */
ch_mp_row ch_query_row_begin(ch_query_look *look);
void ch_query_row_end(ch_query_look *look, ch_mp_row *row);

/* queries_cases.c */
ch_query_run ch_query_cases, ch_query_case, ch_query_timeline;
/* Runs with a case to read into. */
typedef ch_status ch_query_run_with(ch_query_look *look, ch_case *scratch);
ch_status ch_query_with_case(ch_query_look *look, ch_query_run_with *run_with) CH_MUST_CHECK;
ch_status ch_query_right_to(ch_query_look *look, const ch_case *the_case,
                            ch_read_right *out_right) CH_MUST_CHECK;
/* The case and the right to it; a case that is not there may not be read. */
ch_status ch_query_load_case(ch_query_look *look, uint64_t number, ch_case *the_case,
                             ch_read_right *out_right) CH_MUST_CHECK;
/* The one case that the arguments `case` and `source` name, among those that the asker may read. CH_NOT_FOUND;
 * CH_INVALID when there are several. */
ch_status ch_query_find_case(ch_query_look *look, ch_case *out_case, ch_read_right *out_right) CH_MUST_CHECK;
/* queries_relations.c; of several cases, at most CH_QUERY_REFS_MOST, those stay out that another of them stands for, when
 * the asker may read that one. */
ch_status ch_query_leave_out_merged(ch_query_look *look, ch_case *scratch, uint64_t *numbers,
                                    size_t *count) CH_MUST_CHECK;
ch_status ch_query_put_relations(ch_query_look *look, ch_mp_row *row, const ch_case *the_case) CH_MUST_CHECK;
/* queries_parts.c; what a case has several of, at 0 to count - 1, each with an index of its own, growing from 1. */
typedef struct ch_query_parts {
    size_t (*count)(const ch_case *the_case);
    uint32_t (*index)(const ch_case *the_case, size_t at);
    bool (*fits)(const ch_query_arguments *asked, const ch_case *the_case, size_t at);
    void (*put)(ch_mp_row *row, const ch_case *the_case, size_t at);
} ch_query_parts;
/* Of the case that the arguments name, read into scratch; of all cases that the asker may read. */
ch_status ch_query_parts_of_case(ch_query_look *look, const ch_query_parts *parts,
                                 ch_case *scratch) CH_MUST_CHECK;
ch_status ch_query_parts_of_all(ch_query_look *look, const ch_query_parts *parts) CH_MUST_CHECK;
/* One row: the part, and of which case it is. */
void ch_query_put_part(ch_query_look *look, const ch_query_parts *parts, const ch_case *the_case, size_t at);
ch_status ch_query_refuse_after(ch_query_look *look);
/* queries_handoffs.c */
ch_query_run ch_query_handoffs;
/* queries_clocks.c */
ch_query_run ch_query_clocks;
/* queries_audit.c */
ch_query_run ch_query_audit;
/* queries_keeping.c */
ch_query_run ch_query_erasure;
/* `erased`, `held`, where it is. */
ch_status ch_query_put_mark(ch_query_look *look, ch_mp_row *row, const ch_case *the_case) CH_MUST_CHECK;
/* Of the arguments `phone` or `id_number`: cases that may be read or not, oldest first. */
ch_status ch_query_numbers_of_person(ch_query_look *look, uint64_t *out_numbers, size_t *count) CH_MUST_CHECK;
/* queries_tables.c */
ch_query_run ch_query_status, ch_query_dead_letters, ch_query_dead_letter, ch_query_connectors,
    ch_query_checkpoint, ch_query_parties, ch_query_route, ch_query_grants;
/* queries_configs.c */
ch_query_run ch_query_configs;

#endif
