/* http_post.h - the sender http_post: messages to a system that takes them over HTTP, signed. */
#ifndef CH_CONNECTORS_HTTP_POST_H
#define CH_CONNECTORS_HTTP_POST_H

#include "connectors/sdk/casehub_connector.h"

extern const casehub_sender ch_sender_http_post;

#endif
