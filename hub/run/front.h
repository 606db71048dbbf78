/* front.h - the thread that owns the sockets: sessions, authentication, rights by verb and role, windows, fairness.
 * Everything else about a message is the writer's or the reader's.
 */
#ifndef CH_RUN_FRONT_H
#define CH_RUN_FRONT_H

#include "hub/run/hub.h"

typedef struct ch_front ch_front;

/* Binds, proves that an unknown key is refused, and starts. CH_IO, CH_LOCKED, CH_DENIED, CH_INVALID, CH_NO_MEMORY. */
ch_status ch_front_start(ch_front **out_front, ch_hub *hub, ch_error *error) CH_MUST_CHECK;
/* After a STOP in its pipe: waits until what was read is answered, and frees it. */
void ch_front_join(ch_front *front);
/* The tcp endpoint with its real port; NULL without tcp. */
const char *ch_front_endpoint(const ch_front *front);

#endif
