/* event_round_trip.h - what must hold for every event that decode accepted. */
#ifndef TESTS_FUZZ_EVENT_ROUND_TRIP_H
#define TESTS_FUZZ_EVENT_ROUND_TRIP_H

#include "hub/model/event.h"

/* Aborts unless the event is encoded, made JSON and decoded again to the same. */
void check_event_round_trip(const ch_event *event, ch_event_form form);

#endif
