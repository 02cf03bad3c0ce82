/* SPDX-License-Identifier: Apache-2.0 */
/* Included ahead of each file that is analysed: tells the analyzer what it cannot see, that errors return -1. */
#include "error.h"

#define hf_error(...)        (hf_error(__VA_ARGS__), -1)
#define hf_error_sys(...)    (hf_error_sys(__VA_ARGS__), -1)
#define hf_error_prefix(...) (hf_error_prefix(__VA_ARGS__), -1)
