/* SPDX-License-Identifier: Apache-2.0 */
/* The exit statuses of the commands, stable, the same table as in hotfix(1) and hotfixctl(1). */
#ifndef HF_STATUS_H
#define HF_STATUS_H

#include <stddef.h>

#include "hotfix/error.h"

struct hf_status {
    int status;
    const char *meaning;
};

extern const struct hf_status hf_statuses[];
extern const size_t hf_status_count;

/* The exit status for a code; that of HOTFIX_INTERNAL for values that are not in the enum. */
int hf_status_of(enum hotfix_code code);

#endif
