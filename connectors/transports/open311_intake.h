/* open311_intake.h - a posted request becomes the record that the mapping sees, or the list of what is wrong with it.
 *
 * The record: service_code, description, lat, long, address_string, address_id, media_url, email, phone, first_name,
 * last_name, device_id, account_id, and attributes: [{code, name, values: [{key, name}]}]. What was not sent is absent.
 */
#ifndef CH_CONNECTORS_OPEN311_INTAKE_H
#define CH_CONNECTORS_OPEN311_INTAKE_H

#include "connectors/transports/open311_document.h"
#include "connectors/transports/open311_form.h"
#include "connectors/transports/open311_services.h"

/* NULL: *problems tells why (a code of 500: no memory). */
json_t *ch_open311_intake(const ch_open311_services *services, const ch_form *form,
                          ch_open311_problems *problems);

/* An update of a request: service_request_id, updated_datetime (in UTC), description, status in small letters, score and
 * satisfied, and who it is and the media_url as above. As ch_open311_intake. */
json_t *ch_open311_update_intake(const ch_form *form, int64_t now_ms, ch_open311_problems *problems);

/* "2026-11-23T02:27:00Z", "2026-11-23T10:27:00+08:00"; a space where form decoding took the plus away. CH_INVALID. */
ch_status ch_open311_time(ch_str text, int64_t *out_time_ms) CH_MUST_CHECK;

#endif
