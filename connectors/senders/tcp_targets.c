#include "connectors/senders/tcp_targets.h"
#include "connectors/senders/target_table.h"

#include "hub/base/bytes.h"

#include <netdb.h>
#include <stdlib.h>

static ch_status read_address(ch_tcp_target *target, const ch_target_row *row, ch_error *error)
{
    int64_t port;
    struct addrinfo *found;
    const struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV, .ai_socktype = SOCK_STREAM};
    if (ch_str_to_int(ch_str_of(row->cells[1]), &port) != CH_OK || port < 1 || port > 65535) {
        return ch_error_set(error, CH_INVALID, row->place, "port: 1 to 65535 is expected");
    }
    if (row->cells[0][0] == '\0' || getaddrinfo(row->cells[0], row->cells[1], &hints, &found) != 0) {
        return ch_error_set(error, CH_INVALID, row->place, "host: a numeric address is expected");
    }
    memcpy(&target->address, found->ai_addr, found->ai_addrlen);
    target->address_size = found->ai_addrlen;
    freeaddrinfo(found);
    return CH_OK;
}

static ch_status take_row(void *context, const ch_target_row *row, ch_error *error)
{
    ch_tcp_targets *targets = context;
    ch_tcp_target *longer = realloc(targets->at, (targets->count + 1) * sizeof *longer);
    if (longer == NULL) {
        return ch_error_set(error, CH_NO_MEMORY, row->place, "no memory for the targets");
    }
    targets->at = longer;
    ch_tcp_target *target = &targets->at[targets->count++];
    *target = (ch_tcp_target){.name = strdup(row->target)};
    return target->name == NULL ? ch_error_set(error, CH_NO_MEMORY, row->place, "no memory for the targets")
                                : read_address(target, row, error);
}

ch_status ch_tcp_targets_read(ch_tcp_targets *targets, const char *file, ch_error *error)
{
    static const char *const columns[] = {"host", "port"};
    return ch_target_table_read(file, columns, NULL, take_row, targets, error);
}

void ch_tcp_targets_done(ch_tcp_targets *targets)
{
    for (size_t i = 0; i < targets->count; i++) {
        free(targets->at[i].name);
    }
    free(targets->at);
    *targets = (ch_tcp_targets){.at = NULL};
}

const ch_tcp_target *ch_tcp_target_find(const ch_tcp_targets *targets, const char *name)
{
    for (size_t i = 0; name != NULL && i < targets->count; i++) {
        if (strcmp(targets->at[i].name, name) == 0) {
            return &targets->at[i];
        }
    }
    return NULL;
}
