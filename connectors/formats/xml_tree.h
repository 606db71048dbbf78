/* xml_tree.h - records in an XML document, as JSON trees (see xml_text.h for their shape).
 *
 * The document is read twice: first whether all of it is XML within the limits, then for its records, so that a document
 * that breaks off gives none. A document type is refused where it begins, so that there are no entities to expand.
 */
#ifndef CH_CONNECTORS_XML_TREE_H
#define CH_CONNECTORS_XML_TREE_H

#include "hub/base/bytes.h"

#include <jansson.h>

typedef struct ch_xml_rules {
    /* "": the document element; "alerts/alert": elements of that path from the document element on; "alert": elements of
     * that name, wherever they are, but not within one another. Prefixes do not matter. */
    const char *record;
    /* "": any. Else records are in it, elements of other namespaces within are left out, and one without any is a
     * failure. */
    const char *name_space;
    const char *const *arrays; /* names of elements that are arrays even when there is one */
    size_t array_count;
    size_t record_most, field_most; /* bytes of a record, and of one value */
    const char *charset;            /* that the document was converted from; NULL: not known */
} ch_xml_rules;

typedef struct ch_xml_record {
    json_t *tree; /* an object with one member, the element; owned by the reader */
    uint64_t line;
    bool is_document;
    const char *code, *reason, *field; /* of a failure; else NULL */
} ch_xml_record;

/* False: stop. */
typedef bool (*ch_xml_take_fn)(void *context, const ch_xml_record *record);

/* document: UTF-8. CH_REFUSED: it cannot be read, nothing was taken; CH_END: take said stop; CH_NO_MEMORY. */
ch_status ch_xml_read(ch_str document, const ch_xml_rules *rules, ch_xml_take_fn take, void *context,
                      ch_error *error) CH_MUST_CHECK;

#endif
