#include "connectors/transports/http_address.h"

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

typedef struct range {
    uint8_t prefix[16];
    unsigned bits;
    ch_http_reach reach;
} range;

/* The first that fits decides; what fits none is public. */
static const range ranges4[] = {
    {{0}, 8, CH_HTTP_NOWHERE},             /* this network */
    {{10}, 8, CH_HTTP_PRIVATE},            /* private use */
    {{100, 64}, 10, CH_HTTP_PRIVATE},      /* behind a carrier's NAT */
    {{127}, 8, CH_HTTP_PRIVATE},           /* loopback */
    {{169, 254}, 16, CH_HTTP_NOWHERE},     /* link-local */
    {{172, 16}, 12, CH_HTTP_PRIVATE},      /* private use */
    {{192, 0, 0}, 24, CH_HTTP_NOWHERE},    /* protocol assignments */
    {{192, 0, 2}, 24, CH_HTTP_NOWHERE},    /* documentation */
    {{192, 168}, 16, CH_HTTP_PRIVATE},     /* private use */
    {{198, 18}, 15, CH_HTTP_PRIVATE},      /* benchmarks */
    {{198, 51, 100}, 24, CH_HTTP_NOWHERE}, /* documentation */
    {{203, 0, 113}, 24, CH_HTTP_NOWHERE},  /* documentation */
    {{224}, 3, CH_HTTP_NOWHERE},           /* multicast, reserved, broadcast */
};

static const range ranges6[] = {
    {{[15] = 1}, 128, CH_HTTP_PRIVATE},              /* loopback */
    {{0x20, 0x01, 0x0d, 0xb8}, 32, CH_HTTP_NOWHERE}, /* documentation */
    {{0x20, 0x01}, 23, CH_HTTP_NOWHERE},             /* protocol assignments, Teredo */
    {{0x20}, 3, CH_HTTP_PUBLIC},                     /* global unicast */
    {{0xfc}, 7, CH_HTTP_PRIVATE},                    /* unique local */
    {{0}, 0, CH_HTTP_NOWHERE},                       /* link-local, multicast, unspecified, reserved */
};

/* Where an IPv4 address stands within IPv6. */
static const struct {
    uint8_t prefix[16];
    unsigned bits;
    size_t at;
} embedded[] = {
    {{[10] = 0xff, [11] = 0xff}, 96, 12}, /* mapped */
    {{0x00, 0x64, 0xff, 0x9b}, 96, 12},   /* NAT64 */
    {{0x20, 0x02}, 16, 2},                /* 6to4 */
};

static bool begins(const uint8_t *bytes, const uint8_t *prefix, unsigned bits)
{
    size_t whole = bits / 8;
    unsigned rest = bits % 8;
    uint8_t mask = (uint8_t)(0xff00U >> rest);
    return memcmp(bytes, prefix, whole) == 0 &&
           (rest == 0 || (bytes[whole] & mask) == (prefix[whole] & mask));
}

static ch_http_reach reach_in(const range *ranges, size_t count, const uint8_t *bytes)
{
    for (size_t i = 0; i < count; i++) {
        if (begins(bytes, ranges[i].prefix, ranges[i].bits)) {
            return ranges[i].reach;
        }
    }
    return CH_HTTP_PUBLIC;
}

static ch_http_reach reach_of_4(const uint8_t bytes[4])
{
    return reach_in(ranges4, sizeof ranges4 / sizeof *ranges4, bytes);
}

static ch_http_reach reach_of_6(const uint8_t bytes[16])
{
    for (size_t i = 0; i < sizeof embedded / sizeof *embedded; i++) {
        if (begins(bytes, embedded[i].prefix, embedded[i].bits)) {
            return reach_of_4(bytes + embedded[i].at);
        }
    }
    return reach_in(ranges6, sizeof ranges6 / sizeof *ranges6, bytes);
}

ch_http_reach ch_http_address_reach(const struct sockaddr *address, size_t size)
{
    struct sockaddr_in four;
    struct sockaddr_in6 six;
    if (address->sa_family == AF_INET && size >= sizeof four) {
        memcpy(&four, address, sizeof four);
        return reach_of_4((const uint8_t *)&four.sin_addr);
    }
    if (address->sa_family == AF_INET6 && size >= sizeof six) {
        memcpy(&six, address, sizeof six);
        return reach_of_6(six.sin6_addr.s6_addr);
    }
    return CH_HTTP_NOWHERE;
}
