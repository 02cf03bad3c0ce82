/* SPDX-License-Identifier: Apache-2.0 */
#include "check/code/cold.h"

#include <string.h>

#include "check/name.h"

static bool is_part_of(const struct hf_function *part, const struct hf_function *function)
{
    size_t size = strlen(function->name);

    return strncmp(part->name, function->name, size) == 0 && strncmp(part->name + size, ".cold", 5) == 0 &&
           hf_same_source(part->source, function->source);
}

const struct hf_function *hf_cold_part(const struct hf_program *program, const struct hf_function *function,
                                       const struct hf_function *after)
{
    for (size_t i = 0; i < program->cold_count; i++) {
        const struct hf_function *part = &program->functions[program->cold[i]];
        if ((!after || part > after) && is_part_of(part, function))
            return part;
    }
    return NULL;
}
