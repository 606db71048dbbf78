#include "connectors/transports/tcp_peers.h"

#include "hub/base/bytes.h"

#include <arpa/inet.h>
#include <stdio.h>

#define MAPPED_BITS 96 /* in front of an IPv4 address in IPv6's notation */

static struct in6_addr mapped(const struct in_addr *address)
{
    struct in6_addr out = {.s6_addr = {[10] = 0xff, [11] = 0xff}};
    memcpy(&out.s6_addr[12], address, sizeof *address);
    return out;
}

static struct in6_addr address_of(const struct sockaddr_storage *address)
{
    return address->ss_family == AF_INET6
               ? ((const struct sockaddr_in6 *)(const void *)address)->sin6_addr
               : mapped(&((const struct sockaddr_in *)(const void *)address)->sin_addr);
}

static ch_status read_range(ch_peer_range *out, const char *text, ch_error *error)
{
    char host[CH_PEER_TEXT_SIZE];
    struct in_addr four;
    const char *slash = strchr(text, '/');
    size_t size = slash == NULL ? strlen(text) : (size_t)(slash - text);
    ch_status fits = ch_str_copy(host, sizeof host, (ch_str){text, size});
    bool is_four = fits == CH_OK && inet_pton(AF_INET, host, &four) == 1;
    int64_t most = is_four ? 32 : 128, bits = most;
    if (is_four) {
        out->from = mapped(&four);
    } else if (fits != CH_OK || inet_pton(AF_INET6, host, &out->from) != 1) {
        return ch_error_set(error, CH_INVALID, "peers", "%.60s is no address", text);
    }
    if (slash != NULL && (ch_str_to_int(ch_str_of(slash + 1), &bits) != CH_OK || bits < 0 || bits > most)) {
        return ch_error_set(error, CH_INVALID, "peers", "%.60s: behind the slash 0 to %d is expected", text,
                            (int)most);
    }
    out->bits = (unsigned)bits + (is_four ? MAPPED_BITS : 0);
    return CH_OK;
}

ch_status ch_peers_read(ch_peers *out_peers, const char *const *texts, size_t count, ch_error *error)
{
    static const char *const own[] = {"127.0.0.0/8", "::1"};
    const char *const *from = count == 0 ? own : texts;
    out_peers->count = count == 0 ? sizeof own / sizeof *own : count;
    if (out_peers->count > CH_PEERS_MOST) {
        return ch_error_set(error, CH_INVALID, "peers", "%d at most", CH_PEERS_MOST);
    }
    for (size_t i = 0; i < out_peers->count; i++) {
        ch_status status = read_range(&out_peers->ranges[i], from[i], error);
        if (status != CH_OK) {
            return status;
        }
    }
    return CH_OK;
}

static bool is_within(const struct in6_addr *address, const ch_peer_range *range)
{
    size_t whole = range->bits / 8;
    unsigned left = range->bits % 8;
    unsigned differs =
        left == 0 ? 0 : (unsigned)(address->s6_addr[whole] ^ range->from.s6_addr[whole]) >> (8 - left);
    return memcmp(address->s6_addr, range->from.s6_addr, whole) == 0 && differs == 0;
}

bool ch_peers_allow(const ch_peers *peers, const struct sockaddr_storage *address)
{
    struct in6_addr from = address_of(address);
    for (size_t i = 0; i < peers->count; i++) {
        if (is_within(&from, &peers->ranges[i])) {
            return true;
        }
    }
    return false;
}

void ch_peer_text(const struct sockaddr_storage *address, char out[CH_PEER_TEXT_SIZE])
{
    struct in6_addr from = address_of(address);
    bool four = IN6_IS_ADDR_V4MAPPED(&from);
    if (inet_ntop(four ? AF_INET : AF_INET6, four ? (const void *)&from.s6_addr[12] : &from, out,
                  CH_PEER_TEXT_SIZE) == NULL) {
        snprintf(out, CH_PEER_TEXT_SIZE, "?");
    }
}
