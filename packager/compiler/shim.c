/* SPDX-License-Identifier: Apache-2.0 */
#include "compiler/shim.h"

#include <dirent.h>
#include <errno.h>
#include <regex.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "error.h"

/* Drivers for C and C++ under the names that distributions give them: gcc, x86_64-linux-gnu-gcc-12, clang++-14, c99...
 */
#define COMPILER_NAMES "^([A-Za-z0-9_]+-)*(cc|c89|c99|gcc|c[+][+]|g[+][+]|clang|clang[+][+])(-[0-9.]+)?$"

extern char **environ;

/* Calls visit for each directory in PATH but the shims'; stops when it returns something other than 0. */
static int each_directory(int (*visit)(const char *directory, void *arg, struct hotfix_error *err), void *arg,
                          struct hotfix_error *err)
{
    const char *path = getenv("PATH");
    const char *shims = getenv(HF_SHIM_DIRECTORY);
    HF_FREE char *copy = strdup(path ? path : "/usr/bin:/bin");
    char *rest = copy;
    int stop = 0;

    if (!copy)
        return hf_error(err, HOTFIX_MEMORY, "out of memory");
    for (char *directory; !stop && (directory = strsep(&rest, ":"));)
        if (directory[0] == '/' && !(shims && strcmp(directory, shims) == 0))
            stop = visit(directory, arg, err);
    return stop;
}

struct creation {
    const char *directory;
    const char *command; /* path of this program */
    regex_t names;
    size_t count;
};

static int link_compilers(const char *directory, void *arg, struct hotfix_error *err)
{
    struct creation *creation = arg;
    DIR *entries = opendir(directory);
    int failed = 0;

    if (!entries)
        return 0; /* PATH may name what does not exist */
    for (struct dirent *entry; !failed && (entry = readdir(entries));) {
        HF_FREE char *shim = NULL;
        if (regexec(&creation->names, entry->d_name, 0, NULL, 0) != 0)
            continue;
        if (asprintf(&shim, "%s/%s", creation->directory, entry->d_name) < 0) {
            shim = NULL;
            failed = hf_error(err, HOTFIX_MEMORY, "out of memory");
        } else if (symlink(creation->command, shim) == 0) {
            creation->count++;
        } else if (errno != EEXIST) {
            failed = hf_error_sys(err, HOTFIX_IO, "%s: cannot be made", shim);
        }
    }
    closedir(entries);
    return failed;
}

int hf_shim_create(const char *directory, struct hotfix_error *err)
{
    HF_FREE char *command = realpath("/proc/self/exe", NULL);
    if (!command)
        return hf_error_sys(err, HOTFIX_IO, "/proc/self/exe: cannot be resolved");

    struct creation creation = {.directory = directory, .command = command};
    if (regcomp(&creation.names, COMPILER_NAMES, REG_EXTENDED | REG_NOSUB) != 0)
        return hf_error(err, HOTFIX_INTERNAL, "the pattern of compiler names is wrong");
    int failed = each_directory(link_compilers, &creation, err);
    regfree(&creation.names);
    if (!failed && creation.count == 0)
        return hf_error(err, HOTFIX_USAGE, "no C compiler is found in PATH");
    return failed;
}

static bool is_variable(const char *setting, const char *const *names)
{
    size_t length = strcspn(setting, "=");

    for (; *names; names++)
        if (strlen(*names) == length && strncmp(setting, *names, length) == 0)
            return true;
    return false;
}

char **hf_shim_environment(const char *directory, const char *journal, time_t epoch)
{
    /* Set anew below, or make's: a make around us must not lend its job server and variables to the build. */
    static const char *const dropped[] = {"PATH",           HF_SHIM_DIRECTORY, HF_SHIM_JOURNAL,
                                          "CCACHE_DISABLE", "MAKEFLAGS",       "MFLAGS",
                                          "MAKELEVEL",      "MAKEOVERRIDES",   NULL};
    const char *path = getenv("PATH");
    size_t count = 0;

    path = path ? path : "/usr/bin:/bin";
    while (environ[count])
        count++;
    size_t text_size = strlen(path) + 2 * strlen(directory) + strlen(journal) + 128;
    char **environment = malloc((count + 6) * sizeof(*environment) + text_size);
    if (!environment)
        return NULL;

    size_t used = 0;
    for (size_t i = 0; i < count; i++)
        if (!is_variable(environ[i], dropped))
            environment[used++] = environ[i];
    char *text = (char *)(environment + count + 6);
    environment[used++] = text;
    text += sprintf(text, "PATH=%s:%s", directory, path) + 1;
    environment[used++] = text;
    text += sprintf(text, HF_SHIM_DIRECTORY "=%s", directory) + 1;
    environment[used++] = text;
    text += sprintf(text, HF_SHIM_JOURNAL "=%s", journal) + 1;
    environment[used++] = text;
    text += sprintf(text, "CCACHE_DISABLE=1") + 1;
    if (!getenv("SOURCE_DATE_EPOCH")) {
        environment[used++] = text;
        sprintf(text, "SOURCE_DATE_EPOCH=%lld", (long long)epoch);
    }
    environment[used] = NULL;
    return environment;
}

bool hf_shim_is_called(const char *program)
{
    const char *directory = getenv(HF_SHIM_DIRECTORY);
    const char *slash = strrchr(program, '/');
    HF_FREE char *shim = NULL;

    if (!directory || asprintf(&shim, "%s/%s", directory, slash ? slash + 1 : program) < 0) {
        shim = NULL;
        return false;
    }
    return access(shim, X_OK) == 0;
}

struct search {
    const char *name;
    char *found;
};

static int look_for(const char *directory, void *arg, struct hotfix_error *err)
{
    struct search *search = arg;

    if (asprintf(&search->found, "%s/%s", directory, search->name) < 0) {
        search->found = NULL;
        return hf_error(err, HOTFIX_MEMORY, "out of memory");
    }
    if (access(search->found, X_OK) == 0)
        return 1;
    free(search->found);
    search->found = NULL;
    return 0;
}

int hf_shim_find(const char *name, char **path, struct hotfix_error *err)
{
    struct search search = {.name = name};

    if (strchr(name, '/')) {
        search.found = strdup(name);
        if (!search.found)
            return hf_error(err, HOTFIX_MEMORY, "out of memory");
    } else {
        if (each_directory(look_for, &search, err) < 0)
            return -1;
        if (!search.found)
            return hf_error(err, HOTFIX_USAGE, "compiler %s is not found in PATH", name);
    }
    *path = search.found;
    return 0;
}

static const char *base_of(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? slash + 1 : path;
}

static bool is_clang(const char *compiler)
{
    HF_FREE char *real = realpath(compiler, NULL);

    return strstr(base_of(real ? real : compiler), "clang") != NULL;
}

const char *hf_shim_classes(const char *compiler)
{
    if (!strstr(base_of(compiler), "++"))
        return NULL;
    return is_clang(compiler) ? "-fstandalone-debug" : "-femit-class-debug-always";
}

const char *hf_shim_records(const char *compiler)
{
    return is_clang(compiler) ? "-grecord-command-line" : NULL;
}
