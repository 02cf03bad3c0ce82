/* SPDX-License-Identifier: Apache-2.0 */
/* How many processes are in which state, as a file that Prometheus' node exporter collects (its textfile collector). */
#ifndef HF_METRICS_H
#define HF_METRICS_H

#include <stddef.h>

#include "hotfix/error.h"
#include "manifest.h"

struct hf_metric {
    const char *state;
    size_t processes;
};

/* Writes the file in place of what was there, in one step. HOTFIX_IO. */
int hf_metrics_write(const char *path, const struct hf_manifest *manifest, const struct hf_metric *metrics,
                     size_t count, struct hotfix_error *err);

#endif
