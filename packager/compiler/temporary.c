/* SPDX-License-Identifier: Apache-2.0 */
#include "compiler/temporary.h"

#include <stdio.h>
#include <stdlib.h>

#include "cleanup.h"
#include "error.h"
#include "owned.h"
#include "safepath.h"

#define WHAT "work directory"

int hf_temporary_make(char **path, struct hotfix_error *err)
{
    const char *parent = getenv("TMPDIR");
    HF_FREE char *whole = NULL;
    HF_FREE char *made = NULL;

    if (hf_safe_path(WHAT, parent && *parent ? parent : "/tmp", HOTFIX_TRUST, &whole, err) != 0)
        return -1;
    if (asprintf(&made, "%s/hotfix-build.XXXXXX", whole) < 0) {
        made = NULL;
        return hf_error(err, HOTFIX_MEMORY, "out of memory");
    }
    if (hf_owned_check_above(WHAT, made, HOTFIX_TRUST, err) != 0)
        return -1;
    if (!mkdtemp(made))
        return hf_error_sys(err, HOTFIX_IO, "%s: cannot be made", made);
    *path = hf_move(made);
    return 0;
}
