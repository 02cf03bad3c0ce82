/* SPDX-License-Identifier: Apache-2.0 */
#include "timestamp.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

void hf_time_format(int64_t seconds, char text[HF_TIME_SIZE])
{
    time_t when = (time_t)seconds;
    struct tm parts;

    if (!gmtime_r(&when, &parts) || strftime(text, HF_TIME_SIZE, "%Y-%m-%dT%H:%M:%SZ", &parts) == 0)
        text[0] = '\0';
}

int hf_time_parse(const char *text, int64_t *seconds)
{
    struct tm parts = {0};
    char again[HF_TIME_SIZE];

    /* Only the one spelling of a date that exists: no blanks, no short fields, no 31st of February, nothing behind it.
     * All of that shows when it is written again, whatever this says. */
    strptime(text, "%Y-%m-%dT%H:%M:%SZ", &parts);
    int64_t value = (int64_t)timegm(&parts);
    if (value < 0)
        return -1;
    hf_time_format(value, again);
    if (strcmp(again, text) != 0)
        return -1;
    *seconds = value;
    return 0;
}

int hf_time_parse_end(const char *text, int64_t *seconds)
{
    char whole_day[HF_TIME_SIZE + 16];

    snprintf(whole_day, sizeof(whole_day), "%.32sT23:59:59Z", text);
    return hf_time_parse(text, seconds) == 0 ? 0 : hf_time_parse(whole_day, seconds);
}
