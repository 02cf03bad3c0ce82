/* SPDX-License-Identifier: Apache-2.0 */
#include "source/tree.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "cleanup.h"
#include "compiler/journal.h"
#include "compiler/process.h"
#include "compiler/shim.h"
#include "error.h"
#include "source/accept.h"
#include "source/changes.h"
#include "source/compiles.h"
#include "source/isolate.h"
#include "source/kept.h"
#include "source/patched.h"
#include "source/products.h"
#include "source/reads.h"
#include "source/renumber.h"
#include "source/shipped.h"
#include "source/standin.h"

/*
 * Where things are below the work directory. The tree keeps one path for both of its states, so that what a compiler
 * writes about paths (DWARF, __FILE__) is the same before and after the patch: that of the sources given, where the
 * copy can stand in for them (standin.h), else that of the copy.
 */
struct places {
    const char *tree;
    bool stands_in;
    bool built; /* the sources came with what an earlier build made */
    char *copy;
    char *before; /* the built tree as it was before the patch */
    char *after;
    char *shims;
    char *journal_before;
    char *journal_after;
    char *log;
    char *output;  /* the name that the build gives the target */
    char *rebuilt; /* the build's own file, as it was before the patch; NULL where nobody asks */
    time_t begin;
    struct hf_kept kept;
    struct hf_patched patched;
};

static int out_of_memory(struct hotfix_error *err)
{
    return hf_error(err, HOTFIX_MEMORY, "out of memory");
}

static void places_deinit(struct places *places)
{
    char **all[] = {&places->copy,           &places->before,        &places->after,  &places->shims,  &places->log,
                    &places->journal_before, &places->journal_after, &places->output, &places->rebuilt};

    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
        free(*all[i]);
    hf_patched_deinit(&places->patched);
    hf_kept_deinit(&places->kept);
}

static char *below(const char *directory, const char *name)
{
    char *path;

    return asprintf(&path, "%s/%s", directory, name) < 0 ? NULL : path;
}

/* What the build calls the target: its own name, also when a link to it was given. */
static char *output_name(const char *target)
{
    HF_FREE char *path = realpath(target, NULL);
    const char *whole = path ? path : target;
    const char *slash = strrchr(whole, '/');
    return strdup(slash ? slash + 1 : whole);
}

static int places_init(struct places *places, const char *work, const char *target, struct hotfix_error *err)
{
    *places = (struct places){
        .copy = below(work, "tree"),
        .before = below(work, "tree.before"),
        .after = below(work, "tree.after"),
        .shims = below(work, "shims"),
        .journal_before = below(work, "journal.before"),
        .journal_after = below(work, "journal.after"),
        .log = below(work, "build.log"),
        .output = output_name(target),
        .begin = time(NULL),
    };
    places->tree = places->copy;
    if (!places->copy || !places->before || !places->after || !places->shims || !places->journal_before ||
        !places->journal_after || !places->log || !places->output)
        return out_of_memory(err);
    const char *made[] = {places->shims, places->journal_before, places->journal_after};
    for (size_t i = 0; i < sizeof(made) / sizeof(made[0]); i++)
        if (mkdir(made[i], 0777) != 0)
            return hf_error_sys(err, HOTFIX_IO, "%s: cannot be made", made[i]);
    return 0;
}

static int copy_tree(const char *from, const char *to, const char *log, struct hotfix_error *err)
{
    /* -a keeps times: make must see the copy as built as the original. The dot follows a symbolic link. */
    HF_FREE char *content = below(from, ".");
    if (!content)
        return out_of_memory(err);
    const char *argv[] = {"cp", "-a", "--reflink=auto", "--", content, to, NULL};
    struct hf_process process = {.argv = argv, .log = log};

    if (hf_process_run(&process, err) != 0)
        return hf_error_prefix(err, "copying %s", from);
    return 0;
}

static int apply_patches(const struct hf_tree_request *request, const struct places *places, struct hotfix_error *err)
{
    /* Files get their times from a clock that ticks every few milliseconds: what is patched must be newer than what was
     * built from it. */
    nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
    return hf_patched_apply(&places->patched, places->tree, request->source, places->log, err);
}

/* Before anything is copied and built. */
static int try_patches(const struct hf_tree_request *request, const char *work, struct places *places,
                       struct hotfix_error *err)
{
    HF_FREE char *scratch = below(work, "patched");

    if (!scratch)
        return out_of_memory(err);
    if (hf_patched_read(request->patches, request->patch_count, &places->patched, err) != 0 ||
        hf_patched_try(&places->patched, request->source, scratch, places->log, err) != 0)
        return -1;
    return hf_accepted_check(&request->accepted, places->log, err);
}

/* The copy takes the place of the sources. */
static int stand_in(const struct hf_tree_request *request, struct places *places, struct hotfix_error *err)
{
    if (hf_standin_put(places->copy, request->source, err) != 0)
        return -1;
    places->tree = request->source;
    places->stands_in = true;
    return 0;
}

static int stand_back(struct places *places, struct hotfix_error *err)
{
    const char *place = places->tree;

    if (!places->stands_in)
        return 0;
    places->stands_in = false;
    places->tree = places->copy;
    return hf_standin_take(place, err);
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

/* What a build may write to: the work directory, and the tree that is seen in another place. */
static int start_isolated(const struct hf_tree_request *request, const struct places *places,
                          const struct hf_process *process, pid_t *pid, struct hotfix_error *err)
{
    /* The directory of the tree before the tree, which is another file system in it. */
    const char *const writable[] = {request->work, request->place ? request->place : places->tree, places->tree};
    HF_FREE char *temporary = below(request->work, "tmp");
    struct hf_isolation isolation = {
        .writable = writable, .writable_count = places->stands_in ? 3 : 1, .temporary = temporary};

    if (!temporary)
        return out_of_memory(err);
    if (mkdir(temporary, 0700) != 0 && errno != EEXIST)
        return hf_error_sys(err, HOTFIX_IO, "%s: cannot be made", temporary);
    return hf_isolate_start(process, &isolation, pid, err);
}

/* Waits for the build and says how far it is. */
static int wait_for(const struct hf_tree_request *request, pid_t pid, const char *journal, enum hf_tree_phase phase,
                    int *status, struct hotfix_error *err)
{
    siginfo_t info = {.si_pid = 0};

    while (request->progress && waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid == 0) {
        report(request, phase, count_entries(journal));
        nanosleep(&(struct timespec){.tv_nsec = 100000000}, NULL);
    }
    return hf_process_wait(pid, "the build", status, err);
}

/*
 * Whether a patch only changed sources that were there before: nothing that configures the build, or that it looks for,
 * is another.
 */
static bool only_changes_sources(const struct places *places)
{
    for (size_t i = 0; i < places->patched.file_count; i++) {
        HF_FREE char *before = below(places->before, places->patched.files[i]);
        HF_FREE char *after = below(places->tree, places->patched.files[i]);
        if (!before || !after || !hf_accepted_is_source(places->patched.files[i]) || access(before, F_OK) != 0 ||
            access(after, F_OK) != 0)
            return false;
    }
    return true;
}

/* The command of a phase. */
static const char *command_of(const struct hf_tree_request *request, const struct places *places,
                              enum hf_tree_phase phase)
{
    return phase == HF_TREE_REBUILD && request->make_on && only_changes_sources(places) ? request->make_on
                                                                                        : request->make;
}

static int run_make(const struct hf_tree_request *request, const struct places *places, const char *journal,
                    enum hf_tree_phase phase, struct hotfix_error *err)
{
    HF_FREE char **environment = hf_shim_environment(places->shims, journal, places->begin);
    if (!environment)
        return out_of_memory(err);
    const char *argv[] = {"sh", "-c", command_of(request, places, phase), NULL};
    struct hf_process process = {
        .argv = argv, .directory = places->tree, .log = places->log, .environment = environment};
    pid_t pid;
    int status;

    report(request, phase, 0);
    if ((request->isolate ? start_isolated(request, places, &process, &pid, err)
                          : hf_process_start(&process, &pid, err)) != 0)
        return -1;
    if (wait_for(request, pid, journal, phase, &status, err) != 0)
        return -1;
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return 0;
    return hf_error(err, HOTFIX_IO, "'%s' failed %s the patch, see %s",
                    request->make_name ? request->make_name : request->make,
                    phase == HF_TREE_BUILD ? "before" : "after", places->log);
}

static bool is_below(const char *path, const char *directory)
{
    size_t length = strlen(directory);
    return strncmp(path, directory, length) == 0 && (path[length] == '/' || path[length] == '\0');
}

/* Both states of what a build makes elsewhere cannot be had at once, and it may be somebody's. */
static int check_inside(const struct hf_change *changes, size_t count, const struct places *places,
                        struct hotfix_error *err)
{
    for (size_t i = 0; i < count; i++)
        if (changes[i].after && !is_below(changes[i].after->object, places->tree))
            return hf_error(err, HOTFIX_USAGE,
                            "the build makes %s outside of the copy of its tree; make --make build below its "
                            "working directory, from a tree that was not configured elsewhere",
                            changes[i].after->object);
    return 0;
}

/* The tree becomes what it was before the patch. */
static int swap_trees(const struct places *places, struct hotfix_error *err)
{
    if (places->stands_in && hf_standin_take(places->tree, err) != 0)
        return -1;
    if (rename(places->copy, places->after) != 0 || rename(places->before, places->copy) != 0)
        return hf_error_sys(err, HOTFIX_IO, "%s: cannot become %s", places->before, places->copy);
    return places->stands_in ? hf_standin_put(places->copy, places->tree, err) : 0;
}

/* Gives the lines of one file the numbers that they have behind the patch. */
static int renumber_file(const struct places *places, const char *name, bool *moved, struct hotfix_error *err)
{
    HF_FREE char *before = below(places->tree, name);
    HF_FREE char *after = below(places->after, name);
    HF_FREE char *table = below(places->tree, "hotfix-lines");
    HF_FREE char *real = before ? realpath(before, NULL) : NULL;
    HF_FREE char *tree = realpath(places->tree, NULL);
    int failed = 0;

    if (!before || !after || !table)
        return out_of_memory(err);
    if (real && tree && is_below(real, tree) && access(after, R_OK) == 0) {
        failed = hf_renumber(before, after, table, moved, err);
        unlink(table);
    }
    return failed;
}

/* Compiles the changed sources of the tree before the patch once more, with new numbers. */
static int compile_moved(const struct places *places, const struct hf_compiles *compiles, const char *map,
                         const char *directory, struct hotfix_error *err)
{
    struct hf_compiles lenient = *compiles;
    const char *const options[] = {map, "-ffunction-sections", "-fdata-sections", "-w"};
    bool moved = false;

    for (size_t i = 0; i < places->patched.file_count; i++)
        if (renumber_file(places, places->patched.files[i], &moved, err) != 0)
            return -1;
    if (!moved)
        return 0;
    lenient.lenient = true;
    return hf_compiles_run(&lenient, options, 4, directory, err);
}

/* Compiles the changed sources in each state of the tree. Paths in strings and debug information become those of the
 * original. */
static int compile_changed(const struct hf_tree_request *request, const struct places *places,
                           const struct hf_change *changes, size_t count, struct hf_tree_objects *objects,
                           struct hotfix_error *err)
{
    const struct hf_compiles after = {changes, count, true, places->tree, places->log, false};
    const struct hf_compiles before = {changes, count, false, places->tree, places->log, false};
    HF_FREE char *map = NULL;

    if (asprintf(&map, "-ffile-prefix-map=%s=%s", places->tree, request->source) < 0) {
        map = NULL;
        return out_of_memory(err);
    }
    const char *const options[] = {map, "-ffunction-sections", "-fdata-sections", "-fPIC",
                                   "-fno-semantic-interposition"};
    report(request, HF_TREE_COMPILE, 0);
    if (hf_compiles_run(&after, options, 3, objects->new_objects, err) != 0 ||
        hf_compiles_run(&after, options, 5, objects->pic_objects, err) != 0)
        return hf_error_prefix(err, "with the patch");
    report(request, HF_TREE_COMPILE, 2 * count);
    if (swap_trees(places, err) != 0)
        return -1;
    if (hf_compiles_run(&before, options, 3, objects->old_objects, err) != 0 ||
        hf_compiles_run(&before, NULL, 0, objects->proof_objects, err) != 0)
        return hf_error_prefix(err, "without the patch");
    report(request, HF_TREE_COMPILE, 4 * count);
    return compile_moved(places, &before, map, objects->moved_objects, err);
}

static void name_all(char **names, size_t count, const char *what, struct hotfix_error *err)
{
    for (size_t i = 0; i < count; i++) {
        size_t used = strlen(err->message);
        snprintf(err->message + used, sizeof(err->message) - used, "%s%s", i == 0 ? what : ", ", names[i]);
        free(names[i]);
    }
    free(names);
}

/* Other outputs that the patch changes; of a package, those that it installs. */
static int find_elsewhere(const struct hf_builds *builds, bool shipped, char ***names, size_t *count,
                          struct hotfix_error *err)
{
    if (hf_changes_elsewhere(builds, names, count, err) != 0)
        return -1;
    return shipped ? hf_shipped_installed(builds->tree_before, *names, count, err) : 0;
}

/* Names in the error what has the fix in the output's stead, or else what the patch changes and no compile read. */
static void name_others(const struct hf_builds *builds, const struct hf_patched *patch, bool shipped,
                        struct hotfix_error *err)
{
    char **names = NULL;
    size_t count = 0;
    bool told = find_elsewhere(builds, shipped, &names, &count, NULL) == 0 && count > 0;

    name_all(names, count, "; give as --target what the fix is in: ", err);
    count = 0;
    names = NULL;
    if (!told && shipped && hf_changes_elsewhere(builds, &names, &count, NULL) == 0)
        name_all(names, count, "; the patch changes only what the package does not install: ", err);
    if (!told && count == 0 && hf_reads_missing(builds, patch, &names, &count, NULL) == 0)
        name_all(names, count, "; no compile of it reads ", err);
}

static int compare_builds(const struct hf_tree_request *request, const struct places *places,
                          struct hf_tree_objects *objects, struct hotfix_error *err)
{
    struct hf_journal before = {0}, after = {0};
    const struct hf_builds builds = {.before = &before,
                                     .after = &after,
                                     .tree = places->tree,
                                     .tree_before = places->before,
                                     .output = places->output};
    HF_FREE struct hf_change *changes = NULL;

    int failed = hf_journal_read(places->journal_before, &before, err);
    if (!failed)
        failed = hf_journal_read(places->journal_after, &after, err);
    if (!failed)
        failed = hf_reads_inside(&builds, request->source, err);
    if (!failed)
        failed = hf_changes_find(&builds, &changes, &objects->count, err);
    if (failed && err && err->code == HOTFIX_INCOMPATIBLE)
        name_others(&builds, &places->patched, request->shipped, err);
    if (!failed)
        failed = hf_reads_missing(&builds, &places->patched, &objects->unread, &objects->unread_count, err);
    if (!failed)
        failed = find_elsewhere(&builds, request->shipped, &objects->elsewhere, &objects->elsewhere_count, err);
    if (!failed)
        failed = check_inside(changes, objects->count, places, err);
    if (!failed)
        failed = compile_changed(request, places, changes, objects->count, objects, err);
    hf_journal_deinit(&before);
    hf_journal_deinit(&after);
    return failed;
}

/*
 * The first build. In a tree that was built before, make compiles nothing, and nothing tells which objects a changed
 * header concerns: there it is built once more, all sources being newer than
 * what the earlier build made.
 */
static int build_first(const struct hf_tree_request *request, struct places *places, struct hotfix_error *err)
{
    __attribute__((cleanup(hf_journal_deinit))) struct hf_journal journal = {0};

    if (hf_products_find(places->tree, &places->built, err) != 0 ||
        run_make(request, places, places->journal_before, HF_TREE_BUILD, err) != 0 ||
        hf_journal_read(places->journal_before, &journal, err) != 0)
        return -1;
    if (!places->built || hf_changes_whole(&journal, places->output))
        return 0;
    if (hf_products_outdate(places->tree, err) != 0)
        return -1;
    return run_make(request, places, places->journal_before, HF_TREE_BUILD, err);
}

/* A first build can be kept only where it is seen in the place of the sources, which stays the same. */
static int open_kept(const struct hf_tree_request *request, struct places *places, struct hotfix_error *err)
{
    if (!request->kept)
        return 0;
    if (hf_kept_open(request->kept, request->key, &places->kept, err) != 0)
        return -1;
    free(places->journal_before);
    places->journal_before = strdup(places->kept.journal);
    return places->journal_before ? 0 : out_of_memory(err);
}

static int keep(const struct hf_tree_request *request, struct places *places, struct hotfix_error *err)
{
    if (!places->kept.directory || places->kept.complete)
        return 0;
    if (copy_tree(places->tree, places->kept.tree, places->log, err) != 0)
        return -1;
    return hf_kept_complete(&places->kept, request->key, err);
}

/* A build may link several files of the target's name. */
static int choose_output(const struct hf_tree_request *request, struct places *places, struct hotfix_error *err)
{
    __attribute__((cleanup(hf_journal_deinit))) struct hf_journal journal = {0};
    HF_FREE char *path = NULL;

    if (hf_journal_read(places->journal_before, &journal, err) != 0 ||
        hf_shipped_choose(request->target, &journal, places->output, &path, err) != 0)
        return -1;
    if (path) {
        free(places->output);
        places->output = hf_move(path);
    }
    return 0;
}

/* The build's own file takes the place of debug files that nobody has. */
static int find_shipped(const struct hf_tree_request *request, struct places *places, struct hotfix_error *err)
{
    __attribute__((cleanup(hf_journal_deinit))) struct hf_journal journal = {0};
    __attribute__((cleanup(hf_shipped_deinit))) struct hf_shipped shipped = {0};
    HF_FREE char *copy = below(request->work, "rebuilt");

    if (!request->shipped)
        return choose_output(request, places, err);
    if (!copy)
        return out_of_memory(err);
    if (hf_journal_read(places->journal_before, &journal, err) != 0 ||
        hf_shipped_find(request->target, &journal, places->tree, &shipped, err) != 0)
        return -1;
    const char *argv[] = {"cp", "--reflink=auto", "--", shipped.rebuilt, copy, NULL};
    const struct hf_process process = {.argv = argv, .log = places->log};
    if (hf_process_run(&process, err) != 0)
        return -1;
    free(places->output);
    places->output = hf_move(shipped.output);
    places->rebuilt = hf_move(copy);
    return 0;
}

static int build_twice(const struct hf_tree_request *request, struct places *places, struct hotfix_error *err)
{
    bool allowed = hf_standin_allowed();

    report(request, HF_TREE_COPY, 0);
    if (allowed && open_kept(request, places, err) != 0)
        return -1;
    if (copy_tree(places->kept.complete ? places->kept.tree : request->source, places->copy, places->log, err) != 0 ||
        (allowed && stand_in(request, places, err) != 0))
        return -1;
    if (!places->kept.complete && (build_first(request, places, err) != 0 || keep(request, places, err) != 0))
        return -1;
    if (find_shipped(request, places, err) != 0)
        return -1;
    report(request, HF_TREE_PATCH, 0);
    if (copy_tree(places->tree, places->before, places->log, err) != 0 || apply_patches(request, places, err) != 0)
        return -1;
    return run_make(request, places, places->journal_after, HF_TREE_REBUILD, err);
}

/* The request with whole paths: journals hold nothing else. */
static int resolve(const struct hf_tree_request *request, struct hf_tree_request *resolved, char **source, char **work,
                   struct hotfix_error *err)
{
    struct stat status;

    *source = realpath(request->source, NULL);
    if (!*source || stat(*source, &status) != 0)
        return hf_error_sys(err, HOTFIX_IO, "%s: cannot be read", request->source);
    if (!S_ISDIR(status.st_mode))
        return hf_error(err, HOTFIX_USAGE, "%s: is not a directory of sources", request->source);
    for (size_t i = 0; i < request->patch_count; i++)
        if (access(request->patches[i], R_OK) != 0)
            return hf_error_sys(err, HOTFIX_IO, "%s: cannot be read", request->patches[i]);
    *work = realpath(request->work, NULL);
    if (!*work)
        return hf_error_sys(err, HOTFIX_IO, "%s: cannot be used", request->work);
    if (is_below(*work, *source))
        return hf_error(err, HOTFIX_USAGE, "%s: is inside of %s, which is to be copied there", request->work,
                        request->source);
    *resolved = *request;
    resolved->source = *source;
    resolved->work = *work;
    return 0;
}

int hf_tree_build(const struct hf_tree_request *request, struct hf_tree_objects *objects, struct hotfix_error *err)
{
    __attribute__((cleanup(places_deinit))) struct places places = {0};
    struct hf_tree_request whole;
    HF_FREE char *source = NULL;
    HF_FREE char *work = NULL;

    if (resolve(request, &whole, &source, &work, err) != 0)
        return -1;
    struct hf_tree_objects made = {
        .old_objects = below(work, "objects.old"),
        .new_objects = below(work, "objects.new"),
        .proof_objects = below(work, "objects.proof"),
        .pic_objects = below(work, "objects.pic"),
        .moved_objects = below(work, "objects.moved"),
    };
    int failed = 0;
    if (!made.old_objects || !made.new_objects || !made.proof_objects || !made.pic_objects || !made.moved_objects)
        failed = out_of_memory(err);
    if (!failed)
        failed = places_init(&places, work, request->target, err);
    if (!failed)
        failed = hf_shim_create(places.shims, err);
    if (!failed)
        failed = try_patches(&whole, work, &places, err);
    if (!failed)
        failed = build_twice(&whole, &places, err);
    if (!failed)
        failed = compare_builds(&whole, &places, &made, err);
    if (stand_back(&places, failed ? NULL : err) != 0)
        failed = -1;
    if (failed) {
        hf_tree_objects_deinit(&made);
        return -1;
    }
    made.rebuilt = hf_move(places.rebuilt);
    made.shifted = places.patched.shifted;
    made.shifted_count = places.patched.shifted_count;
    places.patched.shifted = NULL;
    places.patched.shifted_count = 0;
    *objects = made;
    return 0;
}

static void free_names(char **names, size_t count)
{
    for (size_t i = 0; i < count; i++)
        free(names[i]);
    free(names);
}

void hf_tree_objects_deinit(struct hf_tree_objects *objects)
{
    free(objects->old_objects);
    free(objects->new_objects);
    free(objects->proof_objects);
    free(objects->pic_objects);
    free(objects->moved_objects);
    free(objects->rebuilt);
    free_names(objects->unread, objects->unread_count);
    free_names(objects->elsewhere, objects->elsewhere_count);
    free_names(objects->shifted, objects->shifted_count);
    memset(objects, 0, sizeof(*objects));
}
