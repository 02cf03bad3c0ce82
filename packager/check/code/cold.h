/* SPDX-License-Identifier: Apache-2.0 */
/* Code that compilers move out of a function (NAME.cold): it runs only when that function jumps to it. */
#ifndef HF_COLD_H
#define HF_COLD_H

#include "program/program.h"

/*
 * The function's next part behind `after` in the order of addresses, as far as symbols tell; the first one when after
 * is NULL, NULL when there are no more. after is one that an earlier call returned.
 */
const struct hf_function *hf_cold_part(const struct hf_program *program, const struct hf_function *function,
                                       const struct hf_function *after);

#endif
