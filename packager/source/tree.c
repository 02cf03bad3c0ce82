/* SPDX-License-Identifier: Apache-2.0 */
#include "source/tree.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "cleanup.h"
#include "compiler/journal.h"
#include "compiler/process.h"
#include "compiler/shim.h"
#include "elf/path.h"
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

/* A target, as an output of the build. */
struct output {
    const char *target; /* its file */
    char *name;         /* that the build gives it; a whole path where that is known */
    struct hf_change *changes;
};

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
    struct output *outputs; /* one for each target */
    const char **names;     /* theirs */
    size_t output_count;
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
    char *const all[] = {places->copy, places->before,         places->after,        places->shims,
                         places->log,  places->journal_before, places->journal_after};

    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
        free(all[i]);
    for (size_t i = 0; i < places->output_count; i++) {
        free(places->outputs[i].name);
        free(places->outputs[i].changes);
    }
    free(places->outputs);
    free(places->names);
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

static int add_outputs(struct places *places, const struct hf_tree_request *request, struct hotfix_error *err)
{
    places->outputs = calloc(request->target_count, sizeof(*places->outputs));
    places->names = calloc(request->target_count, sizeof(*places->names));
    if (!places->outputs || !places->names)
        return out_of_memory(err);
    for (size_t i = 0; i < request->target_count; i++) {
        struct output *output = &places->outputs[places->output_count++];
        output->target = request->targets[i];
        output->name = output_name(output->target);
        if (!output->name)
            return out_of_memory(err);
    }
    return 0;
}

static int places_init(struct places *places, const char *work, const struct hf_tree_request *request,
                       struct hotfix_error *err)
{
    *places = (struct places){
        .copy = below(work, "tree"),
        .before = below(work, "tree.before"),
        .after = below(work, "tree.after"),
        .shims = below(work, "shims"),
        .journal_before = below(work, "journal.before"),
        .journal_after = below(work, "journal.after"),
        .log = below(work, "build.log"),
        .begin = time(NULL),
    };
    places->tree = places->copy;
    if (!places->copy || !places->before || !places->after || !places->shims || !places->journal_before ||
        !places->journal_after || !places->log)
        return out_of_memory(err);
    if (add_outputs(places, request, err) != 0)
        return -1;
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
        hf_patched_try(&places->patched, request->source, scratch, places->log, err) != 0 ||
        hf_accepted_check(&request->accepted, places->log, err) != 0)
        return -1;
    unlink(places->log); /* what is kept of a failure begins with the builds */
    return 0;
}

/* The copy takes the place of the sources, or of those that the target was made of. */
static int stand_in(const struct hf_tree_request *request, struct places *places, struct hotfix_error *err)
{
    const char *place = request->at ? request->at : request->source;

    if ((request->at && hf_standin_enter(place, request->work, err) != 0) ||
        hf_standin_put(places->copy, place, err) != 0)
        return -1;
    places->tree = place;
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
    HF_FREE char *parent = strndup(places->tree, (size_t)(strrchr(places->tree, '/') - places->tree));
    HF_FREE char *temporary = below(request->work, "tmp");
    /* The directory of the tree before the tree, which is another file system in it. */
    const char *const writable[] = {request->work, request->beside ? parent : places->tree, places->tree};
    struct hf_isolation isolation = {
        .writable = writable, .writable_count = places->stands_in ? 3 : 1, .temporary = temporary};

    if (!temporary || !parent)
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

/* Gives all lines that the patch moves their new numbers; *moved: there are such. */
static int renumber(const struct places *places, bool *moved, struct hotfix_error *err)
{
    *moved = false;
    for (size_t i = 0; i < places->patched.file_count; i++)
        if (renumber_file(places, places->patched.files[i], moved, err) != 0)
            return -1;
    return 0;
}

/* Ways of compiling a changed source: options, and where its object goes. */
struct way {
    bool after;     /* the patch */
    bool renumber;  /* the lines, before; what does not compile is left out */
    size_t options; /* of all */
    size_t place;   /* in struct hf_tree_objects */
};

#define PLACE(member) offsetof(struct hf_tree_objects, member)

/* Compiles the changed sources of all targets in one way. */
static int compile_way(const struct places *places, const struct way *way, const char *const *options,
                       const struct hf_tree_objects *targets, struct hotfix_error *err)
{
    for (size_t i = 0; i < places->output_count; i++) {
        const struct hf_compiles compiles = {
            places->outputs[i].changes, targets[i].count, way->after, places->tree, places->log, way->renumber};
        char *const *place = (char *const *)((const char *)&targets[i] + way->place);
        if (targets[i].count > 0 && hf_compiles_run(&compiles, options, way->options, *place, err) != 0)
            return hf_error_prefix(err, way->after ? "with the patch" : "without the patch");
    }
    return 0;
}

/* Compiles the changed sources in each state of the tree. Paths in strings and debug information become those of the
 * original. */
static int compile_changed(const struct hf_tree_request *request, const struct places *places,
                           const struct hf_tree_objects *targets, struct hotfix_error *err)
{
    static const struct way ways[] = {{true, false, 3, PLACE(new_objects)},
                                      {true, false, 5, PLACE(pic_objects)},
                                      {false, false, 3, PLACE(old_objects)},
                                      {false, false, 0, PLACE(proof_objects)},
                                      {false, true, 4, PLACE(moved_objects)}};
    HF_FREE char *map = NULL;
    bool moved = true;
    size_t count = 0;

    if (asprintf(&map, "-ffile-prefix-map=%s=%s", places->tree, request->source) < 0) {
        map = NULL;
        return out_of_memory(err);
    }
    /* Nothing is to be mapped where the tree is in its place, and the build's own maps are to stand. */
    const char *first = places->stands_in ? "-ffunction-sections" : map;
    const char *const options[] = {first, "-ffunction-sections", "-fdata-sections", "-fPIC",
                                   "-fno-semantic-interposition"};
    const char *const quiet[] = {first, "-ffunction-sections", "-fdata-sections", "-w"};
    for (size_t i = 0; i < places->output_count; i++)
        count += targets[i].count;
    report(request, HF_TREE_COMPILE, 0);
    for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
        const struct way *way = &ways[i];
        if (i > 0 && !way->after && ways[i - 1].after && swap_trees(places, err) != 0)
            return -1;
        if (way->renumber && renumber(places, &moved, err) != 0)
            return -1;
        if (moved && compile_way(places, way, way->renumber ? quiet : options, targets, err) != 0)
            return -1;
        report(request, HF_TREE_COMPILE, (i + 1) * count);
    }
    return 0;
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

/* What the patch changes of one target: nothing is no failure where it may change another one. */
static int find_changes(const struct hf_builds *builds, const struct hf_tree_request *request, struct output *output,
                        size_t *count, struct hotfix_error *err)
{
    struct hotfix_error why;

    *count = 0;
    if (hf_reads_inside(builds, request->source, err) != 0)
        return -1;
    if (hf_changes_find(builds, &output->changes, count, &why) == 0 ||
        (request->target_count > 1 && why.code == HOTFIX_INCOMPATIBLE))
        return 0;
    if (err)
        *err = why;
    return -1;
}

/* Finds what the patch changes of each target. */
static int find_all(struct hf_builds *builds, const struct hf_tree_request *request, struct places *places,
                    struct hf_tree_objects *targets, struct hotfix_error *err)
{
    size_t found = 0;

    for (size_t i = 0; i < places->output_count; i++) {
        builds->output = places->outputs[i].name;
        if (find_changes(builds, request, &places->outputs[i], &targets[i].count, err) != 0 ||
            check_inside(places->outputs[i].changes, targets[i].count, places, err) != 0)
            return -1;
        found += targets[i].count;
    }
    if (found == 0)
        return hf_error(err, HOTFIX_INCOMPATIBLE,
                        "nothing of the fix is in any of the targets: no object that goes into them differs");
    return 0;
}

static int compare_builds(const struct hf_tree_request *request, struct places *places, struct hf_tree_result *result,
                          struct hotfix_error *err)
{
    struct hf_journal before = {0}, after = {0};
    struct hf_builds builds = {.before = &before,
                               .after = &after,
                               .tree = places->tree,
                               .tree_before = places->before,
                               .outputs = places->names,
                               .output_count = places->output_count};

    for (size_t i = 0; i < places->output_count; i++)
        places->names[i] = places->outputs[i].name;
    int failed = hf_journal_read(places->journal_before, &before, err);
    if (!failed)
        failed = hf_journal_read(places->journal_after, &after, err);
    if (!failed)
        failed = find_all(&builds, request, places, result->targets, err);
    if (failed && err && err->code == HOTFIX_INCOMPATIBLE)
        name_others(&builds, &places->patched, request->shipped, err);
    if (!failed)
        failed = hf_reads_missing(&builds, &places->patched, &result->unread, &result->unread_count, err);
    if (!failed)
        failed = find_elsewhere(&builds, request->shipped, &result->elsewhere, &result->elsewhere_count, err);
    if (!failed)
        failed = compile_changed(request, places, result->targets, err);
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
    bool whole = true;
    for (size_t i = 0; i < places->output_count; i++)
        whole &= hf_changes_whole(&journal, places->outputs[i].name);
    if (!places->built || whole)
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
static int choose_output(const struct hf_journal *journal, struct output *output, struct hotfix_error *err)
{
    HF_FREE char *path = NULL;

    if (hf_shipped_choose(output->target, journal, output->name, &path, err) != 0)
        return -1;
    if (path) {
        free(output->name);
        output->name = hf_move(path);
    }
    return 0;
}

/* The build's own file takes the place of debug files that nobody has. */
static int take_shipped(const struct places *places, const struct hf_journal *journal, struct output *output,
                        const char *copy, struct hf_suspects *suspects, struct hotfix_error *err)
{
    __attribute__((cleanup(hf_shipped_deinit))) struct hf_shipped shipped = {0};

    if (hf_shipped_find(output->target, journal, places->tree, &shipped, suspects, err) != 0)
        return -1;
    const char *argv[] = {"cp", "--reflink=auto", "--", shipped.rebuilt, copy, NULL};
    const struct hf_process process = {.argv = argv, .log = places->log};
    if (hf_process_run(&process, err) != 0)
        return -1;
    free(output->name);
    output->name = hf_move(shipped.output);
    return 0;
}

/* The target goes by another name in the build, or by a whole path. */
static int name_output(const struct places *places, const char *name, struct hotfix_error *err)
{
    char *given = strchr(name, '/') && name[0] != '/' ? hf_path_join(places->tree, name) : strdup(name);

    if (!given)
        return out_of_memory(err);
    free(places->outputs[0].name);
    places->outputs[0].name = given;
    return 0;
}

/* Which output of the first build each target is. */
static int find_outputs(const struct hf_tree_request *request, struct places *places, struct hf_tree_result *result,
                        struct hotfix_error *err)
{
    __attribute__((cleanup(hf_journal_deinit))) struct hf_journal journal = {0};

    if (hf_journal_read(places->journal_before, &journal, err) != 0)
        return -1;
    if (request->built_as && name_output(places, request->built_as, err) != 0)
        return -1;
    for (size_t i = 0; i < places->output_count; i++) {
        struct output *output = &places->outputs[i];
        if (request->shipped
                ? take_shipped(places, &journal, output, result->targets[i].rebuilt, request->suspects, err) != 0
                : choose_output(&journal, output, err) != 0)
            return -1;
        for (size_t k = 0; k < i; k++)
            if (strcmp(places->outputs[k].name, output->name) == 0)
                return hf_error(err, HOTFIX_USAGE, "%s and %s are one output of the build: give one of them",
                                places->outputs[k].target, output->target);
    }
    return 0;
}

static int build_twice(const struct hf_tree_request *request, struct places *places, struct hf_tree_result *result,
                       struct hotfix_error *err)
{
    bool allowed = hf_standin_allowed();

    report(request, HF_TREE_COPY, 0);
    if (request->at && !allowed)
        return hf_error(
            err, HOTFIX_IO,
            "the target was built in %s, as its code says, and mount namespaces, by which the sources could be "
            "built there, are not allowed: build as root, or where user namespaces are allowed "
            "(kernel.unprivileged_userns_clone, user.max_user_namespaces)",
            request->at);
    if (allowed && open_kept(request, places, err) != 0)
        return -1;
    if (copy_tree(places->kept.complete ? places->kept.tree : request->source, places->copy, places->log, err) != 0 ||
        (allowed && stand_in(request, places, err) != 0))
        return -1;
    if (!places->kept.complete && (build_first(request, places, err) != 0 || keep(request, places, err) != 0))
        return -1;
    if (find_outputs(request, places, result, err) != 0)
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

/* The directories of each target. */
static int make_result(const struct hf_tree_request *request, struct hf_tree_result *result, struct hotfix_error *err)
{
    result->targets = calloc(request->target_count, sizeof(*result->targets));
    if (!result->targets)
        return out_of_memory(err);
    for (size_t i = 0; i < request->target_count; i++) {
        struct hf_tree_objects *objects = &result->targets[result->target_count++];
        const struct {
            char **place;
            const char *name;
        } all[] = {{&objects->old_objects, "objects.old"},     {&objects->new_objects, "objects.new"},
                   {&objects->proof_objects, "objects.proof"}, {&objects->pic_objects, "objects.pic"},
                   {&objects->moved_objects, "objects.moved"}, {&objects->rebuilt, "rebuilt"}};
        for (size_t k = 0; k < sizeof(all) / sizeof(all[0]); k++) {
            int written = i == 0 ? asprintf(all[k].place, "%s/%s", request->work, all[k].name)
                                 : asprintf(all[k].place, "%s/%s.%zu", request->work, all[k].name, i + 1);
            if (written < 0) {
                *all[k].place = NULL;
                return out_of_memory(err);
            }
        }
    }
    return 0;
}

/* What the caller gets besides of what was made. */
static void finish_result(const struct hf_tree_request *request, struct places *places, struct hf_tree_result *result)
{
    for (size_t i = 0; !request->shipped && i < result->target_count; i++) {
        free(result->targets[i].rebuilt);
        result->targets[i].rebuilt = NULL;
    }
    result->shifted = places->patched.shifted;
    result->shifted_count = places->patched.shifted_count;
    places->patched.shifted = NULL;
    places->patched.shifted_count = 0;
}

int hf_tree_build(const struct hf_tree_request *request, struct hf_tree_result *result, struct hotfix_error *err)
{
    __attribute__((cleanup(places_deinit))) struct places places = {0};
    struct hf_tree_result made = {.target_count = 0};
    struct hf_tree_request whole;
    HF_FREE char *source = NULL;
    HF_FREE char *work = NULL;

    if (resolve(request, &whole, &source, &work, err) != 0)
        return -1;
    int failed = make_result(&whole, &made, err);
    if (!failed)
        failed = places_init(&places, work, &whole, err);
    if (!failed)
        failed = hf_shim_create(places.shims, err);
    if (!failed)
        failed = try_patches(&whole, work, &places, err);
    if (!failed)
        failed = build_twice(&whole, &places, &made, err);
    if (!failed)
        failed = compare_builds(&whole, &places, &made, err);
    if (stand_back(&places, failed ? NULL : err) != 0)
        failed = -1;
    if (failed) {
        hf_tree_result_deinit(&made);
        return -1;
    }
    finish_result(&whole, &places, &made);
    *result = made;
    return 0;
}

static void free_names(char **names, size_t count)
{
    for (size_t i = 0; i < count; i++)
        free(names[i]);
    free(names);
}

void hf_tree_result_deinit(struct hf_tree_result *result)
{
    for (size_t i = 0; i < result->target_count; i++) {
        struct hf_tree_objects *objects = &result->targets[i];
        free(objects->old_objects);
        free(objects->new_objects);
        free(objects->proof_objects);
        free(objects->pic_objects);
        free(objects->moved_objects);
        free(objects->rebuilt);
    }
    free(result->targets);
    free_names(result->unread, result->unread_count);
    free_names(result->elsewhere, result->elsewhere_count);
    free_names(result->shifted, result->shifted_count);
    memset(result, 0, sizeof(*result));
}
