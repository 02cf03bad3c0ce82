/* SPDX-License-Identifier: Apache-2.0 */
#include "debian/apt.h"

#include <errno.h>
#include <glob.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "debian/ask.h"
#include "error.h"
#include "file.h"

#define OPTIONS_MAX 16

/* Options that every call of apt-get gets. */
struct apt {
    const char *root; /* of the cache */
    char *downloads;
    char *parts; /* directory of package sources of our own */
    char *lists;
    char *own[4]; /* options that name them */
    bool private; /* they are used */
};

static int out_of_memory(struct hotfix_error *err)
{
    return hf_error(err, HOTFIX_MEMORY, "out of memory");
}

static void apt_deinit(struct apt *apt)
{
    free(apt->downloads);
    free(apt->parts);
    free(apt->lists);
    for (size_t i = 0; i < sizeof(apt->own) / sizeof(apt->own[0]); i++)
        free(apt->own[i]);
}

static char *join(const char *a, const char *b)
{
    char *text;

    return asprintf(&text, "%s%s", a, b) < 0 ? NULL : text;
}

static int make_directory(const char *path, struct hotfix_error *err)
{
    if (mkdir(path, S_IRWXU) != 0 && errno != EEXIST)
        return hf_error_sys(err, HOTFIX_IO, "%s: cannot be made", path);
    return 0;
}

static int apt_init(struct apt *apt, const char *root, struct hotfix_error *err)
{
    *apt = (struct apt){.root = root,
                        .downloads = join(root, "/downloads"),
                        .parts = join(root, "/sources.list.d"),
                        .lists = join(root, "/lists")};
    if (!apt->downloads || !apt->parts || !apt->lists)
        return out_of_memory(err);
    apt->own[0] = join("Dir::Etc::SourceParts=", apt->parts);
    apt->own[1] = join("Dir::State::Lists=", apt->lists);
    apt->own[2] = strdup("Dir::Etc::SourceList=/dev/null");
    if (!apt->own[0] || !apt->own[1] || !apt->own[2])
        return out_of_memory(err);
    return make_directory(apt->downloads, err);
}

/* apt-get with words of ours, in a directory; *text is what it says. */
static int apt_get(const struct apt *apt, const char *directory, const char *const *words, char **text, int *status,
                   struct hotfix_error *err)
{
    /* It fetches as another user, who may not write into a cache. */
    const char *argv[OPTIONS_MAX] = {"apt-get", "-q", "-o", "APT::Sandbox::User=root"};
    size_t used = 4;

    for (size_t i = 0; apt->private && i < 3; i++) {
        argv[used++] = "-o";
        argv[used++] = apt->own[i];
    }
    for (size_t i = 0; words[i] && used + 1 < OPTIONS_MAX; i++)
        argv[used++] = words[i];
    return hf_ask(argv, directory, text, status, err);
}

/* The line of apt that says why: the first that begins with E:. */
static const char *reason(char *text)
{
    char *found = strncmp(text, "E: ", 3) == 0 ? text : strstr(text, "\nE: ");

    if (!found)
        return "it does not say why";
    found += *found == '\n';
    found[strcspn(found, "\n")] = '\0';
    return found + 3;
}

/* One file of package sources, as sources of source packages. */
static int turn(const char *path, const char *to, struct hotfix_error *err)
{
    HF_FCLOSE FILE *in = fopen(path, "re");
    HF_FREE char *line = NULL;
    HF_FREE char *text = NULL;
    size_t room = 0, size = 0;
    bool deb822 = strlen(path) > 8 && strcmp(path + strlen(path) - 8, ".sources") == 0;

    if (!in)
        return hf_error_sys(err, HOTFIX_IO, "%s: cannot be read", path);
    FILE *out = open_memstream(&text, &size);
    if (!out)
        return out_of_memory(err);
    while (getline(&line, &room, in) > 0) {
        if (deb822 && strncmp(line, "Types:", 6) == 0)
            fputs("Types: deb-src\n", out);
        else if (deb822)
            fputs(line, out);
        else if (strncmp(line, "deb ", 4) == 0 || strncmp(line, "deb\t", 4) == 0)
            fprintf(out, "deb-src%s", line + 3);
    }
    if (fclose(out) != 0)
        return out_of_memory(err);
    return hf_file_write(to, text, size, 0600, false, err);
}

/* Package sources of our own, and their lists. */
static int make_private(struct apt *apt, struct hotfix_error *err)
{
    static const char *const update[] = {"update", NULL};
    glob_t found = {.gl_pathc = 0};
    HF_FREE char *text = NULL;
    int failed, status;

    if (make_directory(apt->parts, err) != 0 || make_directory(apt->lists, err) != 0)
        return -1;
    HF_FREE char *partial = join(apt->lists, "/partial");
    if (!partial)
        return out_of_memory(err);
    failed = make_directory(partial, err);
    glob("/etc/apt/sources.list", 0, NULL, &found);
    glob("/etc/apt/sources.list.d/*.list", GLOB_APPEND, NULL, &found);
    glob("/etc/apt/sources.list.d/*.sources", GLOB_APPEND, NULL, &found);
    for (size_t i = 0; !failed && i < found.gl_pathc; i++) {
        const char *name = strrchr(found.gl_pathv[i], '/');
        const char *dot = strrchr(name, '.');
        HF_FREE char *to = NULL;
        if (asprintf(&to, "%s/hotfix-%zu%s", apt->parts, i, dot) < 0) {
            to = NULL;
            failed = out_of_memory(err);
        } else {
            failed = turn(found.gl_pathv[i], to, err);
        }
    }
    globfree(&found);
    apt->private = true;
    /* Sources that serve no source packages fail, the others are there all the same. */
    return failed ? failed : apt_get(apt, apt->root, update, &text, &status, err);
}

/* The source package and version of what is installed under this name; *wanted is "NAME=VERSION", or the name alone. */
static int find_wanted(const char *name, char **wanted, struct hotfix_error *err)
{
    const char *argv[] = {"dpkg-query", "-W", "-f", "${db:Status-Status} ${source:Package}=${source:Version}\n",
                          name,         NULL};
    HF_FREE char *text = NULL;
    int status;

    if (name[0] == '\0' ||
        strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+-.~:=") != strlen(name) ||
        name[0] == '-')
        return hf_error(err, HOTFIX_USAGE, "'%s' is no name of a package", name);
    if (!strchr(name, '=')) {
        if (hf_ask(argv, NULL, &text, &status, err) != 0)
            return -1;
        if (status == 0 && strncmp(text, "installed ", 10) == 0) {
            text[strcspn(text, "\n")] = '\0';
            *wanted = strdup(text + 10);
            return *wanted ? 0 : out_of_memory(err);
        }
    }
    *wanted = strdup(name);
    return *wanted ? 0 : out_of_memory(err);
}

/* The name of the description among the lines 'URI' NAME SIZE DIGEST; NULL when there is none. */
static char *find_dsc(const char *text)
{
    for (const char *line = text; line && *line; line = strchr(line, '\n')) {
        line += *line == '\n';
        const char *name = *line == '\'' ? strstr(line, "' ") : NULL;
        if (!name)
            continue;
        name += 2;
        size_t length = strcspn(name, " \n");
        if (length > 4 && memcmp(name + length - 4, ".dsc", 4) == 0 && !memchr(name, '/', length))
            return strndup(name, length);
    }
    return NULL;
}

/* What would be fetched where nothing is: *dsc is its name, NULL when apt does not know of it and *text says why. */
static int look_up(const struct apt *apt, const char *wanted, char **dsc, char **text, struct hotfix_error *err)
{
    const char *words[] = {"source", "--print-uris", wanted, NULL};
    int status;

    free(*text);
    *text = NULL;
    if (apt_get(apt, apt->root, words, text, &status, err) != 0)
        return -1;
    *dsc = status == 0 ? find_dsc(*text) : NULL;
    return 0;
}

int hf_apt_fetch(const char *name, const char *root, char **dsc, struct hotfix_error *err)
{
    __attribute__((cleanup(apt_deinit))) struct apt apt = {.root = NULL};
    HF_FREE char *wanted = NULL;
    HF_FREE char *file = NULL;
    HF_FREE char *text = NULL;
    int status;

    if (find_wanted(name, &wanted, err) != 0 || apt_init(&apt, root, err) != 0)
        return -1;
    if (look_up(&apt, wanted, &file, &text, err) != 0)
        return -1;
    apt.private = !file && access(apt.parts, F_OK) == 0;
    if (apt.private && look_up(&apt, wanted, &file, &text, err) != 0)
        return -1;
    if (!file && (make_private(&apt, err) != 0 || look_up(&apt, wanted, &file, &text, err) != 0))
        return -1;
    if (!file)
        return hf_error(err, HOTFIX_IO,
                        "apt-get has no source of %s: %s; where the package came from elsewhere, give --dsc FILE",
                        wanted, reason(text));
    const char *fetch[] = {"source", "--download-only", wanted, NULL};
    free(text);
    text = NULL;
    if (apt_get(&apt, apt.downloads, fetch, &text, &status, err) != 0)
        return -1;
    if (status != 0)
        return hf_error(err, HOTFIX_IO, "apt-get cannot fetch the source of %s: %s", wanted, reason(text));
    if (asprintf(dsc, "%s/%s", apt.downloads, file) >= 0)
        return 0;
    *dsc = NULL;
    return out_of_memory(err);
}

int hf_apt_missing(const char *tree, char **missing, struct hotfix_error *err)
{
    static const char *const beginnings[] = {"nmet build dependencies: ", "uild conflicts: "};
    /* What documentation and tests alone need is not asked for. */
    const char *argv[] = {"dpkg-checkbuilddeps", "-B", "-P", "nocheck", NULL};
    HF_FREE char *text = NULL;
    int status;

    if (hf_ask(argv, tree, &text, &status, err) != 0)
        return -1;
    if (status != 0)
        for (size_t i = 0; i < 2; i++) {
            char *found = strstr(text, beginnings[i]);
            if (!found)
                continue;
            found += strlen(beginnings[i]);
            *missing = strndup(found, strcspn(found, "\n"));
            return *missing ? 0 : out_of_memory(err);
        }
    if (status != 0)
        return hf_error(err, HOTFIX_IO, "%s: dpkg-checkbuilddeps fails: %.*s", tree, (int)strcspn(text, "\n"), text);
    *missing = strdup("");
    return *missing ? 0 : out_of_memory(err);
}

int hf_apt_install(const char *dsc, struct hotfix_error *err)
{
    const char *argv[] = {"apt-get",   "-q", "-y", "--no-install-recommends", "--arch-only", "-P", "nocheck",
                          "build-dep", dsc,  NULL};
    HF_FREE char *text = NULL;
    int status;

    if (hf_ask(argv, NULL, &text, &status, err) != 0)
        return -1;
    if (status == 0)
        return 0;
    return hf_error(err, HOTFIX_IO, "apt-get cannot install what the build needs: %s", reason(text));
}
