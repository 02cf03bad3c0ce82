/* SPDX-License-Identifier: Apache-2.0 */
#include "source/shipped.h"

#include <elf.h>
#include <fcntl.h>
#include <fts.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "elf/dynamic.h"
#include "elf/rebuilt.h"
#include "elf/texts.h"
#include "error.h"
#include "file.h"
#include "source/reads.h"

#define OUTPUT_MAX (UINT64_C(1) << 32) /* bytes of a program or library */

struct search {
    const struct hf_image *target;
    const char *name;       /* of the target, as given */
    const char *found_name; /* of the target behind links */
    char *rebuilt;
    bool stripped;           /* what is the target's like has no symbols */
    bool named;              /* there is one of the target's name */
    struct hotfix_error why; /* in what that one differs */
    char advice[360];        /* behind that */
    const struct hf_journal *journal;
    const char *tree;
    struct hf_suspects suspects;
};

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static void close_walk(FTS **walk)
{
    if (*walk)
        fts_close(*walk);
}

/* A linked file, by its header alone. */
static bool is_linked(const char *path)
{
    HF_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    Elf64_Ehdr header;

    return fd >= 0 && pread(fd, &header, sizeof(header), 0) == (ssize_t)sizeof(header) &&
           memcmp(header.e_ident, ELFMAG, SELFMAG) == 0 && (header.e_type == ET_EXEC || header.e_type == ET_DYN);
}

/* The first library that one file needs and the other one does not, into `name`; false when there is none. */
static bool find_extra(const struct hf_dynamic *of, const struct hf_dynamic *other, char name[64])
{
    for (size_t i = 0; i < of->needed_count; i++) {
        size_t k = 0;
        while (k < other->needed_count && strcmp(of->needed[i], other->needed[k]) != 0)
            k++;
        if (k < other->needed_count)
            continue;
        snprintf(name, 64, "%s", of->needed[i]);
        return true;
    }
    return false;
}

/* Versions, dates and directories are in texts: those of the build machine, or of what was installed there. */
static bool advise_text(struct search *search, const struct hf_image *rebuilt)
{
    __attribute__((cleanup(hf_texts_deinit))) struct hf_texts ours = {.count = 0}, theirs = {.count = 0};
    struct hf_texts_difference text;

    if (hf_texts_read(search->target, &ours, NULL) != 0 || hf_texts_read(rebuilt, &theirs, NULL) != 0 ||
        !hf_texts_differ(&ours, &theirs, &text))
        return false;
    hf_reads_suspects(search->journal, search->tree, text.theirs, NULL, &search->suspects);
    snprintf(search->advice, sizeof(search->advice), "it says '%s' where the rebuild says '%s'%s%.100s", text.ours,
             text.theirs, search->suspects.count ? ", as does " : "",
             search->suspects.count ? search->suspects.files[0] : "");
    return true;
}

/* Headers that are newer than the package are of a version that its build machine cannot have had. */
static bool advise_newer(struct search *search)
{
    HF_FREE char *changelog = NULL;
    struct stat status;

    if (asprintf(&changelog, "%s/debian/changelog", search->tree) < 0)
        changelog = NULL;
    if (!changelog || stat(changelog, &status) != 0)
        return false;
    hf_reads_suspects(search->journal, search->tree, NULL, &status.st_mtim, &search->suspects);
    snprintf(search->advice, sizeof(search->advice),
             "headers that it was compiled with now are newer than the package");
    return search->suspects.count > 0;
}

/* Configure scripts take what they find: libraries tell of a machine where more or less is installed. */
static void advise(struct search *search, const struct hf_image *rebuilt)
{
    struct hf_dynamic ours = {.needed_count = 0}, theirs = {.needed_count = 0};
    char name[64];

    hf_suspects_deinit(&search->suspects);
    if (!advise_text(search, rebuilt) && !advise_newer(search))
        snprintf(search->advice, sizeof(search->advice),
                 "is it the same version, built with the same compiler and libraries?");
    if (hf_dynamic_read(search->target, &ours, NULL) == 0 && hf_dynamic_read(rebuilt, &theirs, NULL) == 0) {
        if (find_extra(&theirs, &ours, name))
            snprintf(search->advice, sizeof(search->advice),
                     "the rebuild alone needs %s: build where no more than the build dependencies is installed", name);
        else if (find_extra(&ours, &theirs, name))
            snprintf(search->advice, sizeof(search->advice),
                     "the rebuild does not need %s: the package that has it for builds is not installed", name);
    }
    hf_dynamic_deinit(&ours);
    hf_dynamic_deinit(&theirs);
}

/* Looks at one file; true when it is the one. */
static bool look_at(struct search *search, const char *path)
{
    const char *name = base_name(path);
    bool named = strcmp(name, search->name) == 0 || strcmp(name, search->found_name) == 0;
    struct hf_image image;
    struct hotfix_error why;

    if (!is_linked(path) || hf_image_open(path, &image, &why) != 0)
        return false;
    bool same = hf_rebuilt_check(search->target, &image, &why) == 0;
    bool stripped = image.stripped;
    if (same)
        search->stripped |= stripped;
    else if (named && (!search->named || !stripped)) {
        search->named = true;
        search->why = why;
        advise(search, &image);
    }
    hf_image_close(&image);
    return same && !stripped;
}

static int walk(struct search *search, const char *tree, struct hotfix_error *err)
{
    char *const roots[] = {(char *)tree, NULL};
    __attribute__((cleanup(close_walk))) FTS *files = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, NULL);

    if (!files)
        return hf_error_sys(err, HOTFIX_IO, "%s: cannot be read", tree);
    for (FTSENT *entry; (entry = fts_read(files));) {
        if (entry->fts_info != FTS_F || !look_at(search, entry->fts_path))
            continue;
        search->rebuilt = strdup(entry->fts_path);
        return search->rebuilt ? 0 : hf_error(err, HOTFIX_MEMORY, "out of memory");
    }
    return 0;
}

static int refuse(const struct search *search, struct hotfix_error *err)
{
    if (search->stripped)
        return hf_error(err, HOTFIX_UNPROVEN,
                        "the build makes what %s is, but leaves it without symbols: have it neither strip nor link "
                        "with -s",
                        search->target->path);
    if (search->named) {
        size_t length = strlen(search->tree);
        const char *why = search->why.message;
        bool inside = strncmp(why, search->tree, length) == 0 && why[length] == '/';
        return hf_error(err, HOTFIX_INCOMPATIBLE, "%s; %s", inside ? why + length + 1 : why, search->advice);
    }
    return hf_error(err, HOTFIX_USAGE, "the build makes no program or library that is %s, and none of its name",
                    search->target->path);
}

/* The link that made a file, by its content: installing copies it. */
static const struct hf_link *find_link(const struct hf_journal *journal, const char *path)
{
    HF_FREE uint8_t *bytes = NULL;
    struct hf_digest digest;
    size_t size;

    if (hf_file_read(path, OUTPUT_MAX, &bytes, &size, NULL) != 0 || hf_digest_compute(bytes, size, &digest, NULL) != 0)
        return NULL;
    for (size_t i = 0; i < journal->link_count; i++)
        if (hf_digest_equal(&journal->links[i].digest, &digest))
            return &journal->links[i];
    return NULL;
}

int hf_shipped_find(const char *target, const struct hf_journal *journal, const char *tree, struct hf_shipped *shipped,
                    struct hf_suspects *suspects, struct hotfix_error *err)
{
    struct hf_image image;
    HF_FREE char *path = realpath(target, NULL);
    struct search search = {.target = &image,
                            .name = base_name(target),
                            .found_name = base_name(path ? path : target),
                            .journal = journal,
                            .tree = tree};

    *suspects = (struct hf_suspects){.count = 0};
    if (hf_image_open(target, &image, err) != 0)
        return -1;
    /* What was linked is known by its name; what was changed behind that (chrpath) only by its content. */
    for (size_t i = 0; !search.rebuilt && i < journal->link_count; i++)
        if (look_at(&search, journal->links[i].output))
            search.rebuilt = strdup(journal->links[i].output);
    int failed = search.rebuilt ? 0 : walk(&search, tree, err);
    if (!failed && !search.rebuilt)
        failed = refuse(&search, err);
    hf_image_close(&image);
    if (failed) {
        *suspects = search.suspects;
        return -1;
    }
    hf_suspects_deinit(&search.suspects);
    const struct hf_link *link = find_link(journal, search.rebuilt);
    shipped->rebuilt = search.rebuilt;
    shipped->output = strdup(link ? link->output : base_name(search.rebuilt));
    if (shipped->output)
        return 0;
    hf_shipped_deinit(shipped);
    return hf_error(err, HOTFIX_MEMORY, "out of memory");
}

void hf_shipped_deinit(struct hf_shipped *shipped)
{
    free(shipped->rebuilt);
    free(shipped->output);
    *shipped = (struct hf_shipped){.rebuilt = NULL};
}

static bool same_inputs(const struct hf_link *a, const struct hf_link *b)
{
    if (a->input_count != b->input_count)
        return false;
    for (size_t i = 0; i < a->input_count; i++)
        if (!hf_digest_equal(&a->inputs[i].digest, &b->inputs[i].digest))
            return false;
    return true;
}

/* Installing links a program once more, of the same objects: that is no other program. */
static bool is_ambiguous(const struct hf_journal *journal, const char *name)
{
    const struct hf_link *first = NULL;

    for (size_t i = 0; i < journal->link_count; i++) {
        const struct hf_link *link = &journal->links[i];
        if (strcmp(base_name(link->output), name) != 0)
            continue;
        if (first && !same_inputs(first, link))
            return true;
        first = first ? first : link;
    }
    return false;
}

static bool is_target(const struct hf_image *target, const char *path)
{
    struct hf_image image;

    if (hf_image_open(path, &image, NULL) != 0)
        return false;
    bool same = hf_rebuilt_check(target, &image, NULL) == 0;
    hf_image_close(&image);
    return same;
}

int hf_shipped_choose(const char *target, const struct hf_journal *journal, const char *name, char **path,
                      struct hotfix_error *err)
{
    const struct hf_link *chosen = NULL;
    struct hf_image image;
    char all[256];
    size_t used = 0;

    *path = NULL;
    if (!is_ambiguous(journal, name))
        return 0;
    if (hf_image_open(target, &image, err) != 0)
        return -1;
    for (size_t i = 0; !chosen && i < journal->link_count; i++) {
        const struct hf_link *link = &journal->links[i];
        if (strcmp(base_name(link->output), name) != 0)
            continue;
        if (is_target(&image, link->output))
            chosen = link;
        if (used < sizeof(all))
            used += (size_t)snprintf(all + used, sizeof(all) - used, "%s%s", used ? ", " : "", link->output);
    }
    hf_image_close(&image);
    if (!chosen)
        return hf_error(err, HOTFIX_USAGE,
                        "the build links several '%s' of other objects, and none of them is %s, byte for byte: have "
                        "--make build that one alone: %s",
                        name, target, all);
    *path = strdup(chosen->output);
    return *path ? 0 : hf_error(err, HOTFIX_MEMORY, "out of memory");
}

/* A program or library that a package installs. */
struct installed {
    struct hf_build_id id;
    char *path; /* without debian/PACKAGE/ */
};

struct installs {
    struct installed *items;
    size_t count;
};

static void installs_deinit(struct installs *installs)
{
    for (size_t i = 0; i < installs->count; i++)
        free(installs->items[i].path);
    free(installs->items);
}

static bool read_build_id(const char *path, struct hf_build_id *id)
{
    struct hf_image image;

    if (!is_linked(path) || hf_image_open(path, &image, NULL) != 0)
        return false;
    *id = image.build_id;
    hf_image_close(&image);
    return id->size > 0;
}

/* `path` is below a directory of debian/, whose length without a slash is `root`. */
static int add_installed(struct installs *installs, const char *path, size_t root, struct hotfix_error *err)
{
    const char *inside = strchr(path + root + 1, '/');
    struct hf_build_id id;

    if (!inside || !read_build_id(path, &id))
        return 0;
    struct installed *longer = reallocarray(installs->items, installs->count + 1, sizeof(*longer));
    if (!longer)
        return hf_error(err, HOTFIX_MEMORY, "out of memory");
    installs->items = longer;
    longer[installs->count] = (struct installed){.id = id, .path = strdup(inside + 1)};
    if (!longer[installs->count].path)
        return hf_error(err, HOTFIX_MEMORY, "out of memory");
    installs->count++;
    return 0;
}

static int find_installed(const char *tree, struct installs *installs, struct hotfix_error *err)
{
    HF_FREE char *root = NULL;
    int failed = 0;

    if (asprintf(&root, "%s/debian", tree) < 0) {
        root = NULL;
        return hf_error(err, HOTFIX_MEMORY, "out of memory");
    }
    char *const roots[] = {root, NULL};
    __attribute__((cleanup(close_walk))) FTS *files = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
    if (!files)
        return hf_error_sys(err, HOTFIX_IO, "%s: cannot be read", root);
    for (FTSENT *entry; !failed && (entry = fts_read(files));)
        if (entry->fts_info == FTS_F)
            failed = add_installed(installs, entry->fts_path, strlen(root), err);
    return failed;
}

/* Where an output is installed; *known is whether its build-id tells. */
static const char *installed_as(const struct installs *installs, const char *tree, const char *name, bool *known)
{
    HF_FREE char *path = NULL;
    struct hf_build_id id;

    *known = false;
    if (asprintf(&path, "%s/%s", tree, name) < 0) {
        path = NULL;
        return NULL;
    }
    *known = read_build_id(path, &id);
    for (size_t i = 0; *known && i < installs->count; i++) {
        const struct hf_build_id *other = &installs->items[i].id;
        if (other->size == id.size && memcmp(other->bytes, id.bytes, id.size) == 0)
            return installs->items[i].path;
    }
    return NULL;
}

int hf_shipped_installed(const char *tree, char **names, size_t *count, struct hotfix_error *err)
{
    __attribute__((cleanup(installs_deinit))) struct installs installs = {.count = 0};
    size_t left = 0;

    if (*count > 0 && find_installed(tree, &installs, err) != 0)
        return -1;
    if (installs.count == 0)
        return 0;
    for (size_t i = 0; i < *count; i++) {
        bool known;
        const char *place = installed_as(&installs, tree, names[i], &known);
        char *name = place ? strdup(place) : NULL;
        if (known && !place) {
            free(names[i]);
            continue;
        }
        if (name)
            free(names[i]);
        names[left++] = name ? name : names[i];
    }
    *count = left;
    return 0;
}
