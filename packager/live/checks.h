/* SPDX-License-Identifier: Apache-2.0 */
/* The checks of a patch, or a bundle, against a running process: hf_live_checks of check.h. */
#ifndef HF_LIVE_CHECKS_H
#define HF_LIVE_CHECKS_H

#include "check/check.h"

extern const struct hf_check hf_check_loaded;
extern const struct hf_check hf_check_code_bytes;
extern const struct hf_check hf_check_diverted;
extern const struct hf_check hf_check_busy;

#endif
