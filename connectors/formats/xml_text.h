/* xml_text.h - a JSON tree as XML text, in the shape that format xml reads.
 *
 * A member is an element, an array the same element several times, "@name" an attribute, "#text" the text beside
 * attributes or elements; a string, a number, true and false are text alone; null is left out. Members stay in their order,
 * so that the same tree always gives the same bytes.
 */
#ifndef CH_CONNECTORS_XML_TEXT_H
#define CH_CONNECTORS_XML_TEXT_H

#include "hub/base/bytes.h"

#include <jansson.h>

#define CH_XML_DEPTH_MOST 64
#define CH_XML_NAME_MOST ((size_t)200)

typedef struct ch_xml_text_options {
    bool any_name; /* names come from a parser and are not checked again */
    bool ascii;    /* other characters of text as &#x...; */
} ch_xml_text_options;

/* tree: an object with one member, the document element. error->where is the path of what cannot be written,
 * "alert/info/@lang". CH_INVALID, CH_TOO_LARGE (nested too deep, or beyond out's limit), CH_NO_MEMORY. */
ch_status ch_xml_append(ch_buf *out, const json_t *tree, const ch_xml_text_options *options,
                        ch_error *error) CH_MUST_CHECK;
/* True: it may be the name of an element: ASCII letters, digits, '.', '-', '_' and Chinese characters, and no colon, since
 * namespaces are said with "@xmlns". */
bool ch_xml_is_name(ch_str name);

#endif
