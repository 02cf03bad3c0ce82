/* SPDX-License-Identifier: Apache-2.0 */
#include "source/source.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "cleanup.h"
#include "compiler/interrupt.h"
#include "error.h"
#include "file.h"
#include "source/progress.h"

#define FULL     (1u << 20) /* bytes left */
#define LOG_MAX  (256u << 20)
#define SEE_HELP "(see 'hotfix build --help')"

int hf_source_add_patch(struct hf_source *source, const char *patch, struct hotfix_error *err)
{
    const char **grown = reallocarray(source->patches, source->patch_count + 1, sizeof(*grown));

    if (!grown)
        return hf_error(err, HOTFIX_MEMORY, "out of memory");
    grown[source->patch_count++] = patch;
    source->patches = grown;
    return 0;
}

int hf_source_check(const struct hf_source *source, bool objects, struct hotfix_error *err)
{
    if (!source->directory &&
        (source->patch_count || source->make || source->work || source->accepted.count || source->isolate))
        return hf_error(err, HOTFIX_USAGE,
                        "--patch, --make, --work, --accept and --isolate belong to --source " SEE_HELP);
    if (source->directory && (!source->patch_count || !source->make))
        return hf_error(err, HOTFIX_USAGE, "--source needs --patch and --make " SEE_HELP);
    if (source->directory && objects)
        return hf_error(err, HOTFIX_USAGE, "--source takes the place of --old and --new " SEE_HELP);
    return 0;
}

int hf_source_accept(const struct hf_option *option, const char *argument, struct hotfix_error *err)
{
    struct hf_source *source = option->arg;
    const char **longer = reallocarray(source->accepted.patterns, source->accepted.count + 1, sizeof(*longer));

    if (!longer)
        return hf_error(err, HOTFIX_MEMORY, "out of memory");
    source->accepted.patterns = longer;
    longer[source->accepted.count++] = argument;
    return 0;
}

/* The space that is left where a directory is is next to nothing. */
static bool is_full(const char *directory)
{
    struct statvfs space;

    return directory && statvfs(directory, &space) == 0 && space.f_bavail * space.f_frsize < FULL;
}

/* Compilers and cp say in the log alone that there is no space left, and take away what filled it. */
static bool log_says_full(const char *directory)
{
    HF_FREE char *log = NULL;
    HF_FREE uint8_t *text = NULL;
    size_t size;

    if (asprintf(&log, "%s/build.log", directory) < 0) {
        log = NULL;
        return false;
    }
    return hf_file_read(log, LOG_MAX, &text, &size, NULL) == 0 &&
           memmem(text, size, strerror(ENOSPC), strlen(strerror(ENOSPC)));
}

/* Where a step failed for a reason that is none of its own, that is the reason. */
static void explain(struct hf_source *source, struct hotfix_error *err)
{
    if (err->code == HOTFIX_IO && (is_full(source->workspace.path) || log_says_full(source->workspace.path))) {
        hf_error(err, HOTFIX_IO,
                 "no space left in %s, where it is built: give --work DIR on a larger file system, or set TMPDIR",
                 source->workspace.path);
        source->worthless = true;
    } else if (err->code == HOTFIX_IO && is_full(source->kept)) {
        hf_error(err, HOTFIX_IO,
                 "no space left in %s, where the first build is kept: set XDG_CACHE_HOME, or see 'hotfix cache'",
                 source->kept);
        source->worthless = true;
    }
}

int hf_source_build(struct hf_source *source, const char *const *targets, size_t target_count, struct hotfix_error *err)
{
    struct hf_progress progress;

    if (hf_workspace_init(&source->workspace, source->work, err) != 0)
        return -1;
    hf_progress_init(&progress);
    const struct hf_tree_request request = {
        .source = source->directory,
        .patches = source->patches,
        .patch_count = source->patch_count,
        .accepted = source->accepted,
        .make = source->make,
        .make_on = source->make_on,
        .make_name = source->make_name,
        .isolate = source->isolate,
        .targets = targets,
        .target_count = target_count,
        .shipped = source->shipped,
        .place = source->place,
        .kept = source->kept,
        .key = source->key,
        .work = source->workspace.path,
        .progress = progress.terminal ? hf_progress_show : NULL,
        .progress_arg = &progress,
    };
    int failed = hf_tree_build(&request, &source->result, err);
    hf_progress_end(&progress);
    if (failed)
        explain(source, err);
    return failed;
}

/* Whether there is anything that could be looked at. */
static bool has_log(const char *directory)
{
    HF_FREE char *log = NULL;

    if (asprintf(&log, "%s/build.log", directory) < 0) {
        log = NULL;
        return true;
    }
    return access(log, F_OK) == 0;
}

void hf_source_end(struct hf_source *source, bool succeeded, const struct hf_report *report)
{
    struct hotfix_error error;

    if (source->workspace.path &&
        (succeeded || source->worthless || hf_interrupt_signal() || !has_log(source->workspace.path))) {
        if (hf_workspace_remove(&source->workspace, &error) != 0)
            hf_report_note(report, "%s", error.message);
    } else if (source->workspace.path) {
        hf_report_note(report, "what was built is kept in %s", source->workspace.path);
    }
    free(source->accepted.patterns);
    source->accepted = (struct hf_accepted){.count = 0};
    hf_tree_result_deinit(&source->result);
    hf_workspace_deinit(&source->workspace);
    free(source->patches);
    source->patches = NULL;
    source->patch_count = 0;
}
