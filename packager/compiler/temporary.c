/* SPDX-License-Identifier: Apache-2.0 */
#include "compiler/temporary.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "error.h"
#include "owned.h"
#include "safepath.h"

#define WHAT "work directory"

/* A sandbox may show all others as one, root too: whoever owns that compiler there owns everything else. */
static bool root_is_unknown(void)
{
    struct stat status;

    return stat("/", &status) == 0 && status.st_uid != 0 && status.st_uid != geteuid();
}

static int find_parent(char **path, struct hotfix_error *err)
{
    const char *given = getenv("TMPDIR");
    const char *parent = given && *given ? given : "/tmp";

    if (!root_is_unknown())
        return hf_safe_path(WHAT, parent, HOTFIX_TRUST, path, err);
    *path = strdup(parent);
    return *path ? 0 : hf_error(err, HOTFIX_MEMORY, "out of memory");
}

int hf_temporary_make(char **path, struct hotfix_error *err)
{
    HF_FREE char *whole = NULL;
    HF_FREE char *made = NULL;

    if (find_parent(&whole, err) != 0)
        return -1;
    if (asprintf(&made, "%s/hotfix-build.XXXXXX", whole) < 0) {
        made = NULL;
        return hf_error(err, HOTFIX_MEMORY, "out of memory");
    }
    if (!root_is_unknown() && hf_owned_check_above(WHAT, made, HOTFIX_TRUST, err) != 0)
        return -1;
    if (!mkdtemp(made))
        return hf_error_sys(err, HOTFIX_IO, "%s: cannot be made", made);
    *path = hf_move(made);
    return 0;
}
