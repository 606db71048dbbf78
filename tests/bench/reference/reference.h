/* reference.h - the messages of the bare reference hub, DEALER to ROUTER. Numbers in the machine's own byte order: both
 * ends are on one machine.
 *
 *     to the hub:    PUBLISH, then records               first frame one byte, second frame records
 *                    SUBSCRIBE u64 first (0: new), u32 credit
 *                    CREDIT u32 more
 *                    PING
 *     to a client:   ACKNOWLEDGE u64 events of this client that are durable
 *                    EVENTS, then records                one of the credit each
 *                    PONG
 *     record:        u32 size, bytes
 */
#ifndef BENCH_REFERENCE_H
#define BENCH_REFERENCE_H

#define REFERENCE_PUBLISH 'P'
#define REFERENCE_SUBSCRIBE 'S'
#define REFERENCE_CREDIT 'C'
#define REFERENCE_PING 'Q'
#define REFERENCE_ACKNOWLEDGE 'A'
#define REFERENCE_EVENTS 'E'

#define REFERENCE_FRAME_BYTES 65536 /* of records, about */

#endif
