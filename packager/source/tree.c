/* SPDX-License-Identifier: Apache-2.0 */
#include "source/tree.h"

#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include "cleanup.h"
#include "error.h"
#include "source/compiles.h"
#include "source/journal.h"
#include "source/process.h"
#include "source/shim.h"

/* Where things are below the work directory. The tree keeps one path for both of its states, so that what a compiler
 * writes about paths (DWARF, __FILE__) is the same before and after the patch. */
struct places {
    char *tree;
    char *before; /* the built tree as it was before the patch */
    char *after;
    char *shims;
    char *journal_before;
    char *journal_after;
    char *log;
};

static int out_of_memory(struct hotfix_error *err)
{
    return hf_error(err, HOTFIX_MEMORY, "out of memory");
}

static void places_deinit(struct places *places)
{
    char **all[] = {&places->tree, &places->before,         &places->after,        &places->shims,
                    &places->log,  &places->journal_before, &places->journal_after};

    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
        free(*all[i]);
}

static char *below(const char *directory, const char *name)
{
    char *path;

    return asprintf(&path, "%s/%s", directory, name) < 0 ? NULL : path;
}

static int places_init(struct places *places, const char *work, struct hotfix_error *err)
{
    *places = (struct places){
        .tree = below(work, "tree"),
        .before = below(work, "tree.before"),
        .after = below(work, "tree.after"),
        .shims = below(work, "shims"),
        .journal_before = below(work, "journal.before"),
        .journal_after = below(work, "journal.after"),
        .log = below(work, "build.log"),
    };
    if (!places->tree || !places->before || !places->after || !places->shims || !places->journal_before ||
        !places->journal_after || !places->log)
        return out_of_memory(err);
    const char *made[] = {places->shims, places->journal_before, places->journal_after};
    for (size_t i = 0; i < sizeof(made) / sizeof(made[0]); i++)
        if (mkdir(made[i], 0777) != 0)
            return hf_error_sys(err, HOTFIX_IO, "%s: cannot be made", made[i]);
    return 0;
}

static int copy_tree(const char *from, const char *to, const char *log, struct hotfix_error *err)
{
    /* -a keeps times: make must see the copy as built as the original. */
    const char *argv[] = {"cp", "-a", "--reflink=auto", "--", from, to, NULL};
    struct hf_process process = {.argv = argv, .log = log};

    if (hf_process_run(&process, err) != 0)
        return hf_error_prefix(err, "copying %s", from);
    return 0;
}

static int apply_patch(const struct hf_tree_request *request, const struct places *places, struct hotfix_error *err)
{
    HF_FREE char *patch = realpath(request->patch, NULL);
    if (!patch)
        return hf_error_sys(err, HOTFIX_IO, "%s: cannot be read", request->patch);
    const char *argv[] = {"patch", "-p1", "--batch", "--forward", "--no-backup-if-mismatch", "-i", patch, NULL};
    struct hf_process process = {.argv = argv, .directory = places->tree, .log = places->log};

    if (hf_process_run(&process, err) == 0)
        return 0;
    return hf_error(err, HOTFIX_USAGE, "%s does not apply to %s with patch -p1, see %s", request->patch,
                    request->source, places->log);
}

/* How many entries a journal has: the build's progress. */
static size_t count_entries(const char *directory)
{
    DIR *entries = opendir(directory);
    size_t count = 0;

    for (struct dirent *entry; entries && (entry = readdir(entries));)
        count += strncmp(entry->d_name, "compile-", 8) == 0;
    if (entries)
        closedir(entries);
    return count;
}

static void report(const struct hf_tree_request *request, enum hf_tree_phase phase, size_t done)
{
    if (request->progress)
        request->progress(phase, done, request->progress_arg);
}

static int run_make(const struct hf_tree_request *request, const struct places *places, const char *journal,
                    enum hf_tree_phase phase, struct hotfix_error *err)
{
    HF_FREE char **environment = hf_shim_environment(places->shims, journal);
    if (!environment)
        return out_of_memory(err);
    const char *argv[] = {"sh", "-c", request->make, NULL};
    struct hf_process process = {
        .argv = argv, .directory = places->tree, .log = places->log, .environment = environment};
    pid_t pid;
    int status;

    report(request, phase, 0);
    if (hf_process_start(&process, &pid, err) != 0)
        return -1;
    for (;;) {
        pid_t ended = waitpid(pid, &status, request->progress ? WNOHANG : 0);
        if (ended == pid)
            break;
        if (ended < 0 && errno != EINTR)
            return hf_error_sys(err, HOTFIX_INTERNAL, "the build cannot be waited for");
        if (ended == 0) {
            report(request, phase, count_entries(journal));
            nanosleep(&(struct timespec){.tv_nsec = 100000000}, NULL);
        }
    }
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return 0;
    return hf_error(err, HOTFIX_IO, "'%s' failed %s the patch, see %s", request->make,
                    phase == HF_TREE_BUILD ? "before" : "after", places->log);
}

/* An object counts when it went into a link whose output has the wanted name. */
static bool is_linked(const struct hf_journal *first, const struct hf_journal *second, const char *output,
                      const struct hf_digest *digest)
{
    const struct hf_journal *journals[] = {first, second};

    for (size_t j = 0; j < 2; j++)
        for (size_t i = 0; i < journals[j]->link_count; i++) {
            const struct hf_link *link = &journals[j]->links[i];
            const char *slash = strrchr(link->output, '/');
            if (strcmp(slash ? slash + 1 : link->output, output) == 0 && hf_link_has(link, digest))
                return true;
        }
    return false;
}

static int check_output(const struct hf_journal *before, const struct hf_journal *journal, const char *output,
                        struct hotfix_error *err)
{
    char names[256] = "";

    if (before->compile_count + journal->compile_count == 0)
        return hf_error(
            err, HOTFIX_USAGE,
            "the build ran no compiler that was found in PATH; if it calls one by its whole path, set CC in "
            "--make to the bare name");
    for (size_t i = 0; i < journal->link_count; i++) {
        const char *slash = strrchr(journal->links[i].output, '/');
        const char *name = slash ? slash + 1 : journal->links[i].output;
        if (strcmp(name, output) == 0)
            return 0;
        size_t used = strlen(names);
        if (used + strlen(name) + 3 < sizeof(names))
            snprintf(names + used, sizeof(names) - used, "%s%s", used ? ", " : "", name);
    }
    return hf_error(err, HOTFIX_USAGE,
                    "the build links no '%s', only %s; the file given as --target must have the name "
                    "that the build gives it",
                    output, names[0] ? names : "nothing");
}

/*
 * The command that made an object before the patch. A tree that came built already was not built again: the command of
 * today then stands for the one of then, provided that there was an object.
 */
static const struct hf_compile *compiled_before(const struct hf_journal *before, const struct hf_compile *now,
                                                const struct places *places)
{
    const struct hf_compile *then = hf_journal_compile(before, now->object);
    size_t length = strlen(places->tree);
    HF_FREE char *object = NULL;

    if (then || strncmp(now->object, places->tree, length) != 0)
        return then;
    object = below(places->before, now->object + length);
    return object && access(object, F_OK) == 0 ? now : NULL;
}

/* The objects of `output` that came out different after the patch, as pairs of commands. */
static int find_changed(const struct hf_journal *before, const struct hf_journal *after, const char *output,
                        const struct places *places, struct hf_change **changes, size_t *count,
                        struct hotfix_error *err)
{
    struct hf_change *found = calloc(after->compile_count + 1, sizeof(*found));
    size_t used = 0;

    if (!found)
        return out_of_memory(err);
    for (size_t i = 0; i < after->compile_count; i++) {
        const struct hf_compile *now = &after->compiles[i];
        const struct hf_compile *then = compiled_before(before, now, places);
        bool same =
            then && then != now && hf_digest_equal(&then->digest, &now->digest) && access(now->object, F_OK) == 0;
        if (!same && is_linked(after, before, output, &now->digest))
            found[used++] = (struct hf_change){.before = then, .after = now};
    }
    if (used == 0) {
        free(found);
        return hf_error(err, HOTFIX_INCOMPATIBLE, "the patch changes no object that goes into %s", output);
    }
    *changes = found;
    *count = used;
    return 0;
}

static int swap_trees(const char *from, const char *to, struct hotfix_error *err)
{
    if (rename(from, to) != 0)
        return hf_error_sys(err, HOTFIX_IO, "%s: cannot become %s", from, to);
    return 0;
}

/* Compiles the changed sources in each state of the tree. */
static int compile_changed(const struct hf_tree_request *request, const struct places *places,
                           const struct hf_change *changes, size_t count, struct hf_tree_objects *objects,
                           struct hotfix_error *err)
{
    static const char *const sections[] = {"-ffunction-sections", "-fdata-sections", "-fPIC"};
    const struct hf_compiles after = {changes, count, true, places->tree, places->log};
    const struct hf_compiles before = {changes, count, false, places->tree, places->log};

    report(request, HF_TREE_COMPILE, 0);
    if (hf_compiles_run(&after, sections, 2, objects->new_objects, err) != 0 ||
        hf_compiles_run(&after, sections, 3, objects->pic_objects, err) != 0)
        return hf_error_prefix(err, "with the patch");
    report(request, HF_TREE_COMPILE, 2 * count);
    if (swap_trees(places->tree, places->after, err) != 0 || swap_trees(places->before, places->tree, err) != 0)
        return -1;
    if (hf_compiles_run(&before, sections, 2, objects->old_objects, err) != 0 ||
        hf_compiles_run(&before, NULL, 0, objects->proof_objects, err) != 0)
        return hf_error_prefix(err, "without the patch");
    report(request, HF_TREE_COMPILE, 4 * count);
    return 0;
}

static int compare_builds(const struct hf_tree_request *request, const struct places *places,
                          struct hf_tree_objects *objects, struct hotfix_error *err)
{
    struct hf_journal before = {0}, after = {0};
    HF_FREE struct hf_change *changes = NULL;

    int failed = hf_journal_read(places->journal_before, &before, err);
    if (!failed)
        failed = hf_journal_read(places->journal_after, &after, err);
    if (!failed)
        failed = check_output(&before, before.link_count ? &before : &after, request->output, err);
    if (!failed)
        failed = find_changed(&before, &after, request->output, places, &changes, &objects->count, err);
    if (!failed)
        failed = compile_changed(request, places, changes, objects->count, objects, err);
    hf_journal_deinit(&before);
    hf_journal_deinit(&after);
    return failed;
}

static int build_twice(const struct hf_tree_request *request, const struct places *places, struct hotfix_error *err)
{
    report(request, HF_TREE_COPY, 0);
    if (copy_tree(request->source, places->tree, places->log, err) != 0 || hf_shim_create(places->shims, err) != 0 ||
        run_make(request, places, places->journal_before, HF_TREE_BUILD, err) != 0)
        return -1;
    report(request, HF_TREE_PATCH, 0);
    if (copy_tree(places->tree, places->before, places->log, err) != 0 || apply_patch(request, places, err) != 0)
        return -1;
    return run_make(request, places, places->journal_after, HF_TREE_REBUILD, err);
}

int hf_tree_build(const struct hf_tree_request *request, struct hf_tree_objects *objects, struct hotfix_error *err)
{
    __attribute__((cleanup(places_deinit))) struct places places = {0};
    struct stat status;

    if (stat(request->source, &status) != 0)
        return hf_error_sys(err, HOTFIX_IO, "%s: cannot be read", request->source);
    if (!S_ISDIR(status.st_mode))
        return hf_error(err, HOTFIX_USAGE, "%s: is not a directory of sources", request->source);
    struct hf_tree_objects made = {
        .old_objects = below(request->work, "objects.old"),
        .new_objects = below(request->work, "objects.new"),
        .proof_objects = below(request->work, "objects.proof"),
        .pic_objects = below(request->work, "objects.pic"),
    };
    int failed = 0;
    if (!made.old_objects || !made.new_objects || !made.proof_objects || !made.pic_objects)
        failed = out_of_memory(err);
    if (!failed)
        failed = places_init(&places, request->work, err);
    if (!failed)
        failed = build_twice(request, &places, err);
    if (!failed)
        failed = compare_builds(request, &places, &made, err);
    if (failed) {
        hf_tree_objects_deinit(&made);
        return -1;
    }
    *objects = made;
    return 0;
}

void hf_tree_objects_deinit(struct hf_tree_objects *objects)
{
    free(objects->old_objects);
    free(objects->new_objects);
    free(objects->proof_objects);
    free(objects->pic_objects);
    memset(objects, 0, sizeof(*objects));
}
