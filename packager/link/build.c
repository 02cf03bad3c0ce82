/* SPDX-License-Identifier: Apache-2.0 */
#include "link/build.h"

#include <fts.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bundle.h"
#include "choose/account.h"
#include "choose/choose.h"
#include "choose/moved.h"
#include "choose/warn.h"
#include "cleanup.h"
#include "compare/coroutines.h"
#include "compare/correlate.h"
#include "compare/initialisers.h"
#include "compiler/temporary.h"
#include "error.h"
#include "file.h"
#include "link/below.h"
#include "link/emit.h"
#include "link/link.h"
#include "object/tree.h"
#include "prove/presence.h"
#include "prove/whole.h"
#include "reference/replacement.h"
#include "reference/work.h"

#define MAX_PATCH (256u << 20)

struct trees {
    struct hf_object_tree before;
    struct hf_object_tree after;
    struct hf_object_tree proof;
};

static void pairing_deinit(struct hf_pairing *pairing)
{
    hf_renumbered_close(pairing->renumbered);
    hf_literals_destroy(pairing->literals);
    hf_proof_destroy(pairing->proof);
    if (pairing->proof_object != pairing->before)
        hf_object_close(pairing->proof_object);
    hf_object_close(pairing->before);
    hf_object_close(pairing->after);
}

static int open_proof(const struct trees *trees, const struct hf_object_file *after, struct hf_pairing *pairing,
                      struct hotfix_error *err)
{
    const struct hf_object_file *file = trees->after.count == 1 && trees->proof.count == 1
                                            ? &trees->proof.files[0]
                                            : hf_object_tree_find(&trees->proof, after->name);
    if (trees->proof.count == 0) {
        pairing->proof_object = pairing->before;
        return 0;
    }
    if (!file)
        return hf_error(err, HOTFIX_USAGE, "%s: has no counterpart among the objects for the proof", after->name);
    return hf_object_open(file->path, after->name, &pairing->proof_object, err);
}

/* Which part is which, with the help of the old source that has the new line numbers. */
static int correlate(const struct hf_work *work, struct hf_pairing *pairing, struct hotfix_error *err)
{
    HF_FREE char *path = NULL;

    if (work->request->moved && asprintf(&path, "%s/%s", work->request->moved, pairing->after->name) < 0) {
        path = NULL;
        return hf_error(err, HOTFIX_MEMORY, "out of memory");
    }
    if (path && hf_renumbered_open(path, pairing->before, pairing->after, &pairing->renumbered, err) != 0)
        return -1;
    hf_renumbered_guide(pairing->renumbered, pairing->before, pairing->after);
    return hf_correlate(pairing->before, pairing->after, err);
}

/* Opens a pair and finds out whether it differs; 1 when it does, and stays open. */
static int open_pairing(struct hf_work *work, const struct trees *trees, const struct hf_object_file *after,
                        const struct hf_object_file *before, struct hf_pairing *pairing, struct hotfix_error *err)
{
    if (hf_object_open(after->path, after->name, &pairing->after, err) != 0)
        return -1;
    if (pairing->after->machine != work->target->image.header.e_machine)
        return hf_error(err, HOTFIX_INCOMPATIBLE, "%s: is for another CPU than %s", after->path,
                        work->target->image.path);
    if (!before)
        return 1;
    if (hf_object_open(before->path, before->name, &pairing->before, err) != 0 ||
        hf_census_add(&work->census, pairing->before, err) != 0 || correlate(work, pairing, err) != 0)
        return -1;
    hf_initialisers_pair(pairing->before, pairing->after);
    hf_coroutines_part(pairing->before, pairing->after);
    if (!hf_objects_differ(pairing->before, pairing->after))
        return hf_account_unchanged(work, pairing->after, err);
    return open_proof(trees, after, pairing, err) == 0 ? 1 : -1;
}

static int append(struct hf_work *work, struct hf_pairing *pairing, struct hotfix_error *err)
{
    struct hf_pairing *grown = reallocarray(work->pairings, work->pairing_count + 1, sizeof(*grown));

    if (!grown) {
        pairing_deinit(pairing);
        return hf_error(err, HOTFIX_MEMORY, "out of memory");
    }
    work->pairings = grown;
    grown[work->pairing_count++] = *pairing;
    return 0;
}

static int add_pairing(struct hf_work *work, const struct trees *trees, const struct hf_object_file *after,
                       struct hotfix_error *err)
{
    bool single = trees->after.count == 1 && trees->before.count == 1;
    const struct hf_object_file *before =
        single ? &trees->before.files[0] : hf_object_tree_find(&trees->before, after->name);
    struct hf_pairing pairing = {.before = NULL};

    work->result->object_count++;
    int differs = open_pairing(work, trees, after, before, &pairing, err);
    if (differs == 1)
        return append(work, &pairing, err);
    pairing_deinit(&pairing);
    return differs;
}

/* A file that the new tree does not have: it counts as far as another file took something over from it. */
static int add_gone(struct hf_work *work, const struct trees *trees, const struct hf_object_file *file,
                    struct hotfix_error *err)
{
    struct hf_pairing pairing = {.before = NULL};
    int result = hf_object_open(file->path, file->name, &pairing.before, err);

    if (!result)
        result = hf_census_add(&work->census, pairing.before, err);
    bool counts = !result && hf_moved_from(work, pairing.before);
    if (counts)
        result = hf_object_none(pairing.before, &pairing.after, err);
    if (counts && !result)
        result = open_proof(trees, file, &pairing, err);
    if (counts && !result)
        return append(work, &pairing, err);
    pairing_deinit(&pairing);
    return result;
}

static int add_all(struct hf_work *work, const struct trees *trees, struct hotfix_error *err)
{
    for (size_t i = 0; i < trees->after.count; i++)
        if (add_pairing(work, trees, &trees->after.files[i], err) != 0)
            return -1;
    if (trees->before.count == 1 && trees->after.count == 1)
        return 0;
    for (size_t i = 0; i < trees->before.count; i++)
        if (!hf_object_tree_find(&trees->after, trees->before.files[i].name) &&
            add_gone(work, trees, &trees->before.files[i], err) != 0)
            return -1;
    return 0;
}

#define NAMED_MAX 5 /* objects that a sentence names */

/* One answer for all ways in which nothing is left to be patched. */
static int refuse_nothing(const struct hf_work *work, const struct hf_object_tree *after, struct hotfix_error *err)
{
    char names[256] = "";
    size_t used = 0;

    for (size_t i = 0; i < after->count && i < NAMED_MAX && used < sizeof(names); i++)
        used += (size_t)snprintf(names + used, sizeof(names) - used, "%s%s", i ? ", " : "", after->files[i].name);
    return hf_error(err, HOTFIX_INCOMPATIBLE, "nothing of the fix is in %s: no function of it differs in %s%s",
                    work->request->target, names, after->count > NAMED_MAX ? " and others" : "");
}

static int compare_trees(struct hf_work *work, struct trees *trees, struct hotfix_error *err)
{
    const struct hf_build_request *request = work->request;

    if (hf_object_tree_read(request->before, &trees->before, err) != 0 ||
        hf_object_tree_read(request->after, &trees->after, err) != 0 ||
        (request->proof && hf_object_tree_read(request->proof, &trees->proof, err) != 0) ||
        (request->independent && hf_object_tree_read(request->independent, &work->independent, err) != 0))
        return -1;
    if (add_all(work, trees, err) != 0)
        return -1;
    if (work->pairing_count == 0)
        return refuse_nothing(work, &trees->after, err);
    return 0;
}

/* 0 when the object belongs to the target; 1 when it is of another program in the same tree. */
static int prove_one(struct hf_work *work, struct hf_pairing *pairing, struct hotfix_error *err)
{
    if (!pairing->before)
        return 0;
    if (hf_proof_create(pairing->proof_object, work->target, &pairing->proof, err) != 0)
        return -1;
    bool equal = hf_proof_check(pairing->proof, err) == 0;
    if (equal && pairing->proof->proven_count > 0) {
        work->result->proven_count += pairing->proof->proven_count;
        pairing->literals = hf_literals_create(pairing->proof);
        return pairing->literals ? 0 : hf_error(err, HOTFIX_MEMORY, "%s: out of memory", pairing->after->path);
    }
    if (hf_presence(pairing->proof_object, work->target, &work->census)) {
        if (equal)
            return 0;
        size_t size = err ? strlen(err->message) : 0;
        if (err && err->code == HOTFIX_INCOMPATIBLE && !work->request->proof)
            snprintf(err->message + size, sizeof(err->message) - size,
                     "; if the release was compiled without the section options, give --proof");
        return -1;
    }
    return hf_work_note(work, HF_BUILD_IGNORED, pairing->after->source, pairing->after->name, err,
                        "the target was not made of it") == 0
               ? 1
               : -1;
}

static int prove(struct hf_work *work, struct hotfix_error *err)
{
    size_t kept = 0;
    int result = 0;

    for (size_t i = 0; i < work->pairing_count; i++) {
        struct hf_pairing pairing = work->pairings[i];
        if (result >= 0)
            result = prove_one(work, &pairing, err);
        if (result == 1)
            pairing_deinit(&pairing);
        else
            work->pairings[kept++] = pairing;
    }
    work->pairing_count = kept;
    return result < 0 ? -1 : 0;
}

/* Objects that are compiled one by one show nothing of a target that was compiled as a whole. */
static int check_whole(const struct hf_work *work, bool documented, struct hotfix_error *err)
{
    for (size_t i = 0; !documented && i < work->pairing_count; i++)
        if (work->pairings[i].before && hf_whole_check_object(work->target, work->pairings[i].before, err) != 0)
            return -1;
    return 0;
}

static int has_replacement(const struct hf_replacement *replacement, void *arg)
{
    (void)replacement;
    (void)arg;
    return 1;
}

/* What goes into the patch must fit into one: told before a linker or a loader finds out. */
static int check_size(const struct hf_work *work, struct hotfix_error *err)
{
    const struct hf_part *largest = NULL;
    uint64_t total = 0;

    for (size_t i = 0; i < work->pairing_count; i++) {
        const struct hf_object *object = work->pairings[i].after;
        for (size_t k = 1; k < object->part_count; k++) {
            const struct hf_part *part = &object->parts[k];
            if (!(part->marks & HF_MARK_KEPT) || !(part->flags & SHF_ALLOC))
                continue;
            total = part->size > UINT64_MAX - total ? UINT64_MAX : total + part->size;
            largest = !largest || part->size > largest->size ? part : largest;
        }
    }
    if (total <= HF_PAYLOAD_MAX_SIZE)
        return 0;
    return hf_error(
        err, HOTFIX_FORMAT,
        "the fix brings %llu bytes, of which '%s' of %s takes %llu; a patch holds at most %u bytes in memory: "
        "allocate such room when it is used",
        (unsigned long long)total, hf_part_title(largest), largest->object->name, (unsigned long long)largest->size,
        HF_PAYLOAD_MAX_SIZE);
}

static int make_patch(struct hf_work *work, const char *directory, struct hotfix_error *err)
{
    struct hf_emission emission = {.directory = directory};
    HF_FREE char *linked = NULL;
    HF_FREE char *finished = NULL;
    HF_FREE uint8_t *bytes = NULL;
    size_t size;

    if (asprintf(&linked, "%s/linked.so", directory) < 0 || asprintf(&finished, "%s/patch.so", directory) < 0)
        return hf_error(err, HOTFIX_MEMORY, "out of memory");
    int failed = hf_emit(work, &emission, err);
    if (!failed)
        failed = hf_link(work, &emission, linked, err);
    if (!failed)
        failed = hf_finish(work, &emission, linked, finished, err);
    hf_emission_deinit(&emission);
    if (!failed && work->request->judge)
        failed = work->request->judge(finished, work->request->judge_arg, err);
    if (failed || hf_file_read(finished, MAX_PATCH, &bytes, &size, err) != 0)
        return -1;
    return hf_file_write(work->request->output, bytes, size, 0644, false, err);
}

static void remove_directory(const char *directory)
{
    char *const roots[] = {(char *)directory, NULL};
    FTS *fts = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, NULL);

    for (FTSENT *entry; fts && (entry = fts_read(fts));)
        if (entry->fts_info != FTS_D)
            remove(entry->fts_accpath);
    if (fts)
        fts_close(fts);
}

static int run(struct hf_work *work, struct trees *trees, struct hotfix_error *err)
{
    const struct hf_build_request *request = work->request;

    if (hf_target_open(request->target, request->debug, &work->target, err) != 0 || hf_below_open(work, err) != 0)
        return -1;
    work->result->target = work->target->image.build_id;
    bool documented;
    if (hf_whole_check(work->target, request->debug, &documented, err) != 0 || compare_trees(work, trees, err) != 0 ||
        check_whole(work, documented, err) != 0 || prove(work, err) != 0 ||
        hf_needed_find(work->target, request->library_path, request->host, &work->needed, err) != 0 ||
        hf_choose(work, err) != 0)
        return -1;
    if (hf_each_replacement(work, has_replacement, NULL) == 0)
        return refuse_nothing(work, &trees->after, err);
    if (hf_below_check(work, err) != 0)
        return -1;

    if (check_size(work, err) != 0 || hf_warn(work, err) != 0)
        return -1;

    HF_FREE char *directory = NULL;
    if (hf_temporary_make(&directory, err) != 0)
        return -1;
    int failed = make_patch(work, directory, err);
    remove_directory(directory);
    return failed;
}

int hf_build_run(const struct hf_build_request *request, struct hf_build_result *result, struct hotfix_error *err)
{
    struct trees trees = {.proof = {.count = 0}};
    struct hf_work work = {.request = request, .result = result, .after = &trees.after};

    *result = (struct hf_build_result){.count = 0};
    int failed = run(&work, &trees, err);
    for (size_t i = 0; i < work.pairing_count; i++)
        pairing_deinit(&work.pairings[i]);
    free(work.pairings);
    free(work.adopted);
    hf_census_deinit(&work.census);
    free(work.worlds.items);
    hf_below_close(&work);
    hf_needed_deinit(&work.needed);
    hf_target_close(work.target);
    hf_object_tree_deinit(&work.independent);
    hf_object_tree_deinit(&trees.before);
    hf_object_tree_deinit(&trees.after);
    hf_object_tree_deinit(&trees.proof);
    return failed;
}
