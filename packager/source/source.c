/* SPDX-License-Identifier: Apache-2.0 */
#include "source/source.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "cleanup.h"
#include "compiler/apart.h"
#include "compiler/interrupt.h"
#include "error.h"
#include "file.h"
#include "source/patched.h"
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
    if (!source->directory && (source->patch_count || source->make || source->work || source->accepted.count ||
                               source->isolate || source->built_as))
        return hf_error(err, HOTFIX_USAGE,
                        "--patch, --make, --built-as, --work, --accept and --isolate belong to --source " SEE_HELP);
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

int hf_source_try(struct hf_source *source, struct hotfix_error *err)
{
    __attribute__((cleanup(hf_patched_deinit))) struct hf_patched patched = {.patch_count = 0};
    HF_FREE char *work = NULL;
    HF_FREE char *log = NULL;
    HF_FREE char *scratch = NULL;

    if (hf_workspace_init(&source->workspace, source->work, err) != 0)
        return -1;
    work = realpath(source->workspace.path, NULL);
    if (!work)
        return hf_error_sys(err, HOTFIX_IO, "%s: cannot be used", source->workspace.path);
    if (asprintf(&log, "%s/build.log", work) < 0)
        log = NULL;
    if (asprintf(&scratch, "%s/tried", work) < 0)
        scratch = NULL;
    if (!log || !scratch)
        return hf_error(err, HOTFIX_MEMORY, "out of memory");
    if (hf_patched_read(source->patches, source->patch_count, &patched, err) != 0 ||
        hf_patched_try(&patched, source->directory, scratch, log, err) != 0 ||
        hf_accepted_check(&source->accepted, log, err) != 0)
        return -1;
    unlink(log);
    return hf_workspace_clear(scratch, err);
}

/* What the process that builds tells the one that asked for it: counts and texts. */

static void put_count(FILE *out, size_t count)
{
    fwrite(&count, sizeof(count), 1, out);
}

/* NULL is no text, which is not an empty one. */
static void put_text(FILE *out, const char *text)
{
    put_count(out, text ? strlen(text) + 1 : 0);
    if (text)
        fwrite(text, strlen(text) + 1, 1, out);
}

static void put_texts(FILE *out, char *const *texts, size_t count)
{
    put_count(out, count);
    for (size_t i = 0; i < count; i++)
        put_text(out, texts[i]);
}

struct answer {
    const uint8_t *at;
    size_t left;
};

static bool get(struct answer *answer, void *bytes, size_t size)
{
    if (size > answer->left)
        return false;
    memcpy(bytes, answer->at, size);
    answer->at += size;
    answer->left -= size;
    return true;
}

static bool get_text(struct answer *answer, char **text)
{
    size_t size;

    *text = NULL;
    if (!get(answer, &size, sizeof(size)) || size > answer->left)
        return false;
    if (size == 0)
        return true;
    *text = malloc(size);
    return *text && get(answer, *text, size);
}

static bool get_texts(struct answer *answer, char ***texts, size_t *count)
{
    size_t all;

    if (!get(answer, &all, sizeof(all)) || all > answer->left)
        return false;
    *texts = calloc(all + 1, sizeof(**texts));
    for (*count = 0; *texts && *count < all; (*count)++)
        if (!get_text(answer, &(*texts)[*count]))
            return false;
    return *texts;
}

/* The texts of one target, in the order in which they are told. */
static void list_texts(struct hf_tree_objects *objects, char **places[6])
{
    places[0] = &objects->old_objects;
    places[1] = &objects->new_objects;
    places[2] = &objects->proof_objects;
    places[3] = &objects->pic_objects;
    places[4] = &objects->moved_objects;
    places[5] = &objects->rebuilt;
}

static void put_result(FILE *out, struct hf_tree_result *result)
{
    char **places[6];

    put_count(out, result->target_count);
    for (size_t i = 0; i < result->target_count; i++) {
        list_texts(&result->targets[i], places);
        for (size_t k = 0; k < 6; k++)
            put_text(out, *places[k]);
        put_count(out, result->targets[i].count);
    }
    put_texts(out, result->unread, result->unread_count);
    put_texts(out, result->elsewhere, result->elsewhere_count);
    put_texts(out, result->shifted, result->shifted_count);
}

static bool get_result(struct answer *answer, struct hf_tree_result *result)
{
    char **places[6];
    size_t all;

    if (!get(answer, &all, sizeof(all)) || all > answer->left)
        return false;
    result->targets = calloc(all + 1, sizeof(*result->targets));
    for (result->target_count = 0; result->targets && result->target_count < all; result->target_count++) {
        struct hf_tree_objects *objects = &result->targets[result->target_count];
        list_texts(objects, places);
        for (size_t k = 0; k < 6; k++)
            if (!get_text(answer, places[k]))
                return false;
        if (!get(answer, &objects->count, sizeof(objects->count)))
            return false;
    }
    return result->targets && get_texts(answer, &result->unread, &result->unread_count) &&
           get_texts(answer, &result->elsewhere, &result->elsewhere_count) &&
           get_texts(answer, &result->shifted, &result->shifted_count);
}

static bool get_suspects(struct answer *answer, struct hf_suspects *suspects)
{
    size_t all;

    if (!get(answer, &all, sizeof(all)) || all > HF_SUSPECTS_MAX)
        return false;
    for (suspects->count = 0; suspects->count < all; suspects->count++)
        if (!get_text(answer, &suspects->files[suspects->count]))
            return false;
    return true;
}

/* In the process that builds. */
static int build_apart(void *arg, FILE *out, struct hotfix_error *err)
{
    struct hf_tree_request request = *(const struct hf_tree_request *)arg;
    struct hf_suspects suspects = {.count = 0};
    struct hf_tree_result result = {.target_count = 0};
    struct hf_progress progress;

    hf_progress_init(&progress);
    request.progress = progress.terminal ? hf_progress_show : NULL;
    request.progress_arg = &progress;
    request.suspects = &suspects;
    int failed = hf_tree_build(&request, &result, err);
    hf_progress_end(&progress);
    put_texts(out, suspects.files, suspects.count);
    if (!failed)
        put_result(out, &result);
    return failed;
}

int hf_source_build(struct hf_source *source, const char *const *targets, size_t target_count, struct hotfix_error *err)
{
    HF_FREE uint8_t *bytes = NULL;
    struct answer answer;

    if (!source->workspace.path && hf_workspace_init(&source->workspace, source->work, err) != 0)
        return -1;
    struct hf_tree_request request = {
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
        .built_as = source->built_as,
        .shipped = source->shipped,
        .beside = source->beside,
        .at = source->at,
        .kept = source->kept,
        .key = source->key,
        .work = source->workspace.path,
    };
    int failed = hf_apart_run(build_apart, &request, &bytes, &answer.left, err);
    answer.at = bytes;
    if (bytes && (!get_suspects(&answer, &source->suspects) || (!failed && !get_result(&answer, &source->result))))
        failed = hf_error(err, HOTFIX_MEMORY, "out of memory");
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
    hf_suspects_deinit(&source->suspects);
    free(source->accepted.patterns);
    source->accepted = (struct hf_accepted){.count = 0};
    hf_tree_result_deinit(&source->result);
    hf_workspace_deinit(&source->workspace);
    free(source->patches);
    source->patches = NULL;
    source->patch_count = 0;
}
