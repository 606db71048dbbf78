/* http_address.h - which addresses a connector may ask.
 *
 * A name in a configuration, or a redirect, may lead anywhere: what it resolves to is judged, at the moment of each
 * connection. The ranges are those of the IANA special-purpose address registries (RFC 6890). Pure.
 */
#ifndef CH_CONNECTORS_HTTP_ADDRESS_H
#define CH_CONNECTORS_HTTP_ADDRESS_H

#include <sys/socket.h>

typedef enum ch_http_reach {
    CH_HTTP_PUBLIC,
    CH_HTTP_PRIVATE, /* this machine, or a network of the house: asked only where the configuration says so */
    CH_HTTP_NOWHERE  /* link-local (there clouds keep their keys), multicast, reserved: never */
} ch_http_reach;

/* Of IPv4 and IPv6, and of IPv4 within IPv6; any other family is nowhere. */
ch_http_reach ch_http_address_reach(const struct sockaddr *address, size_t size);

#endif
