/* SPDX-License-Identifier: Apache-2.0 */
/* Times as text: RFC 3339 in UTC, and what a bundle can hold. */
#ifndef HF_TIMESTAMP_H
#define HF_TIMESTAMP_H

#include <stdint.h>

#define HF_TIME_CREATED_MAX ((INT64_C(1) << 33) - 1) /* in 2242: eleven octal digits, as a tar header has */

/* Seconds <-> "YYYY-MM-DDTHH:MM:SSZ" (RFC 3339, UTC only). */
#define HF_TIME_SIZE 32
void hf_time_format(int64_t seconds, char text[HF_TIME_SIZE]);
int hf_time_parse(const char *text, int64_t *seconds);
/* When something ends: a time as above, or a day ("YYYY-MM-DD") to its last second in UTC. */
int hf_time_parse_end(const char *text, int64_t *seconds);

#endif
