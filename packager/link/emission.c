/* SPDX-License-Identifier: Apache-2.0 */
#include "link/emission.h"

#include <stdlib.h>

void hf_emission_deinit(struct hf_emission *emission)
{
    for (size_t i = 0; i < emission->path_count; i++)
        free(emission->paths[i]);
    free(emission->paths);
    free(emission->placeholders);
    free(emission->own_types);
    *emission = (struct hf_emission){.directory = NULL};
}
