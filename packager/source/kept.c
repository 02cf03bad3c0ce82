/* SPDX-License-Identifier: Apache-2.0 */
#include "source/kept.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "error.h"
#include "file.h"
#include "source/workspace.h"

#define KEY_MAX 4096 /* bytes */

static char *below(const char *directory, const char *name)
{
    char *path;

    return asprintf(&path, "%s/%s", directory, name) < 0 ? NULL : path;
}

void hf_kept_deinit(struct hf_kept *kept)
{
    free(kept->directory);
    free(kept->tree);
    free(kept->journal);
    free(kept->key);
    *kept = (struct hf_kept){.directory = NULL};
}

static bool has_key(const struct hf_kept *kept, const char *key)
{
    HF_FREE uint8_t *text = NULL;
    size_t size;

    return hf_file_read(kept->key, KEY_MAX, &text, &size, NULL) == 0 && strcmp((const char *)text, key) == 0;
}

static int empty(const struct hf_kept *kept, struct hotfix_error *err)
{
    if (unlink(kept->key) != 0 && errno != ENOENT)
        return hf_error_sys(err, HOTFIX_IO, "%s: cannot be removed", kept->key);
    if (hf_workspace_clear(kept->tree, err) != 0 || hf_workspace_clear(kept->journal, err) != 0)
        return -1;
    return mkdir(kept->journal, 0700) == 0 ? 0 : hf_error_sys(err, HOTFIX_IO, "%s: cannot be made", kept->journal);
}

int hf_kept_open(const char *directory, const char *key, struct hf_kept *kept, struct hotfix_error *err)
{
    struct hf_kept opened = {.directory = strdup(directory),
                             .tree = below(directory, "tree"),
                             .journal = below(directory, "journal"),
                             .key = below(directory, "key")};
    int failed = 0;

    if (!opened.directory || !opened.tree || !opened.journal || !opened.key)
        failed = hf_error(err, HOTFIX_MEMORY, "out of memory");
    if (!failed) {
        opened.complete = has_key(&opened, key);
        failed = opened.complete ? 0 : empty(&opened, err);
    }
    if (failed) {
        hf_kept_deinit(&opened);
        return -1;
    }
    *kept = opened;
    return 0;
}

int hf_kept_complete(struct hf_kept *kept, const char *key, struct hotfix_error *err)
{
    if (hf_file_write(kept->key, key, strlen(key), 0600, false, err) != 0)
        return -1;
    kept->complete = true;
    return 0;
}
