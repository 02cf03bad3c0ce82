/* SPDX-License-Identifier: Apache-2.0 */
#include "source/compiles.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "cleanup.h"
#include "compiler/process.h"
#include "compiler/shim.h"
#include "error.h"

#define MAX_JOBS 64

/* Makes every directory above a path. */
static int make_parents(char *path, struct hotfix_error *err)
{
    for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        int failed = mkdir(path, 0777) != 0 && errno != EEXIST;
        if (failed)
            hf_error_sys(err, HOTFIX_IO, "%s: cannot be made", path);
        *slash = '/';
        if (failed)
            return -1;
    }
    return 0;
}

/* The object's path below the directory, with the suffix that objects are found by. What a build makes outside of its
 * tree is kept apart from what it makes inside. */
static char *object_path(const struct hf_compiles *compiles, const char *directory, const char *object)
{
    size_t length = strlen(compiles->tree);
    bool inside = strncmp(object, compiles->tree, length) == 0 && object[length] == '/';
    const char *dot = strrchr(object, '.');
    char *path;

    if (asprintf(&path, "%s/%s%s", directory, inside ? object + length + 1 : object + 1,
                 dot && strcmp(dot, ".o") == 0 ? "" : ".o") < 0)
        return NULL;
    return path;
}

/* Starts one compiler; *pid is 0 when there is nothing to wait for. */
static int start(const struct hf_compiles *compiles, const struct hf_compile *compile, const char *const *options,
                 size_t option_count, const char *directory, pid_t *pid, struct hotfix_error *err)
{
    size_t argc = 0, used = 0;
    while (compile->argv[argc])
        argc++;
    HF_FREE char *object = object_path(compiles, directory, compile->object);
    HF_FREE const char **argv = calloc(argc + option_count + 5, sizeof(*argv));
    if (!argv || !object)
        return hf_error(err, HOTFIX_MEMORY, "out of memory");
    if (make_parents(object, err) != 0)
        return -1;
    *pid = 0;
    if (option_count == 0 && link(compile->object, object) == 0)
        return 0;

    for (size_t i = 0; i < argc; i++)
        argv[used++] = compile->argv[i];
    for (size_t i = 0; i < option_count; i++)
        argv[used++] = options[i];
    if (hf_shim_classes(argv[0]))
        argv[used++] = hf_shim_classes(argv[0]);
    argv[used++] = "-c";
    argv[used++] = "-o";
    argv[used++] = object;
    struct hf_process process = {.argv = argv, .directory = compile->directory, .log = compiles->log};
    return hf_process_start(&process, pid, err);
}

struct job {
    pid_t pid;
    const char *source;
};

static int finish_one(const struct hf_compiles *compiles, struct job *jobs, size_t *running, struct hotfix_error *err)
{
    int status;
    pid_t pid = jobs[0].pid;
    const char *source = jobs[0].source;

    memmove(jobs, jobs + 1, --*running * sizeof(*jobs));
    if (hf_process_wait(pid, "a compiler", &status, err) != 0)
        return -1;
    if (compiles->lenient || (WIFEXITED(status) && WEXITSTATUS(status) == 0))
        return 0;
    return hf_error(err, HOTFIX_IO, "%s does not compile again, see %s", source, compiles->log);
}

int hf_compiles_run(const struct hf_compiles *compiles, const char *const *options, size_t option_count,
                    const char *directory, struct hotfix_error *err)
{
    struct job jobs[MAX_JOBS];
    size_t running = 0;
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    size_t limit = processors < 1 ? 1 : processors > MAX_JOBS ? MAX_JOBS : (size_t)processors;
    int failed = 0;

    if (mkdir(directory, 0777) != 0)
        return hf_error_sys(err, HOTFIX_IO, "%s: cannot be made", directory);
    for (size_t i = 0; !failed && i < compiles->count; i++) {
        const struct hf_change *change = &compiles->changes[i];
        const struct hf_compile *compile = compiles->after ? change->after : change->before;
        if (!compile)
            continue;
        if (running == limit)
            failed = finish_one(compiles, jobs, &running, err);
        if (failed)
            break;
        failed = start(compiles, compile, options, option_count, directory, &jobs[running].pid, err);
        if (!failed && jobs[running].pid)
            jobs[running++].source = compile->source;
    }
    /* Every compiler is waited for, also behind the first failure, whose message stays. */
    while (running)
        if (finish_one(compiles, jobs, &running, failed ? NULL : err) != 0)
            failed = -1;
    return failed;
}
