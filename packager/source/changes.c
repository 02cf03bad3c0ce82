/* SPDX-License-Identifier: Apache-2.0 */
#include "source/changes.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "compiler/rule.h"
#include "error.h"

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* A package may link several files of one name, and of other objects. */
static bool is_output(const char *output, const struct hf_link *link)
{
    return strcmp(output[0] == '/' ? link->output : base_name(link->output), output) == 0;
}

#define PARTIAL_LINKS_MAX 8 /* relocatable links (gcc -r) on the way from an object to a program */

/* An object counts when it went into a link whose output has the wanted name, also by way of relocatable links. */
static bool is_linked(const struct hf_journal *const journals[2], const char *output, const struct hf_digest *digest,
                      unsigned depth)
{
    for (size_t j = 0; depth < PARTIAL_LINKS_MAX && j < 2; j++)
        for (size_t i = 0; i < journals[j]->link_count; i++) {
            const struct hf_link *link = &journals[j]->links[i];
            if (hf_link_has(link, digest) &&
                (is_output(output, link) || is_linked(journals, output, &link->digest, depth + 1)))
                return true;
        }
    return false;
}

/* The names of all outputs, as far as they fit; true when the wanted one is among them. */
static bool list_outputs(const struct hf_journal *journal, const char *output, char *names, size_t size)
{
    size_t used = 0;

    names[0] = '\0';
    for (size_t i = 0; i < journal->link_count; i++) {
        const char *name = base_name(journal->links[i].output);
        if (is_output(output, &journal->links[i]))
            return true;
        if (used + strlen(name) + 3 < size)
            used += (size_t)snprintf(names + used, size - used, "%s%s", used ? ", " : "", name);
    }
    return false;
}

static int check_output(const struct hf_builds *builds, struct hotfix_error *err)
{
    const struct hf_journal *journal = builds->before->link_count ? builds->before : builds->after;
    char names[256];

    if (list_outputs(builds->after, builds->output, names, sizeof(names)) ||
        list_outputs(journal, builds->output, names, sizeof(names)))
        return 0;
    if (names[0])
        return hf_error(err, HOTFIX_USAGE,
                        "the build links no '%s', only %s; say by --built-as which of them the target is",
                        base_name(builds->output), names);
    if (builds->before->compile_count + builds->after->compile_count > 0)
        return hf_error(err, HOTFIX_USAGE, "the build compiles, but links nothing; --make must link '%s'",
                        base_name(builds->output));
    return hf_error(err, HOTFIX_USAGE,
                    "the build ran no compiler that was found in PATH; if it calls one by its whole path, set CC in "
                    "--make to the bare name; if the tree was built before, the patch changes nothing that --make "
                    "compiles");
}

/*
 * The command that made an object before the patch. A tree that came built already was not built again: the command of
 * today then stands for the one of then, provided that there was an object.
 */
static const struct hf_compile *compiled_before(const struct hf_builds *builds, const struct hf_compile *now)
{
    const struct hf_compile *then = hf_journal_compile(builds->before, now->object);
    size_t length = strlen(builds->tree);
    HF_FREE char *object = NULL;

    if (then || strncmp(now->object, builds->tree, length) != 0)
        return then;
    if (asprintf(&object, "%s%s", builds->tree_before, now->object + length) < 0)
        object = NULL;
    return object && access(object, F_OK) == 0 ? now : NULL;
}

/*
 * Libtool compiles a source for the shared and for the static library: where both come out the same, links say nothing
 * of which one they took, and one stands for both.
 */
static bool is_known(const struct hf_change *found, size_t count, const struct hf_compile *compile)
{
    for (size_t i = 0; i < count; i++)
        if (found[i].after && hf_digest_equal(&found[i].after->digest, &compile->digest) &&
            strcmp(found[i].after->source, compile->source) == 0)
            return true;
    return false;
}

struct search {
    const struct hf_builds *builds;
    struct hf_change *found;
    size_t count;
    const char *left; /* an object that changed and whose older state alone is in the output */
};

bool hf_changes_goes_in(const struct hf_builds *builds, const struct hf_compile *compile)
{
    const struct hf_journal *const journals[] = {builds->after, builds->before};

    for (size_t i = 0; i < builds->output_count; i++)
        if (is_linked(journals, builds->outputs[i], &compile->digest, 0))
            return true;
    return false;
}

static bool goes_in(const struct search *search, const struct hf_compile *compile)
{
    const struct hf_journal *const journals[] = {search->builds->after, search->builds->before};
    return is_linked(journals, search->builds->output, &compile->digest, 0);
}

static bool is_same(const struct hf_compile *then, const struct hf_compile *now)
{
    return then && then != now && hf_digest_equal(&then->digest, &now->digest) && access(now->object, F_OK) == 0;
}

/* What the second build compiled to something else than the first. */
static void find_compiled(struct search *search)
{
    for (size_t i = 0; i < search->builds->after->compile_count; i++) {
        const struct hf_compile *now = &search->builds->after->compiles[i];
        const struct hf_compile *then = compiled_before(search->builds, now);
        if (is_same(then, now) || is_known(search->found, search->count, now))
            continue;
        if (goes_in(search, now))
            search->found[search->count++] = (struct hf_change){.before = then, .after = now};
        else if (then && goes_in(search, then))
            search->left = now->object;
    }
}

/*
 * What the second build should have compiled, and did not: projects built without dependency tracking, as packages
 * often are, do not know that a changed header concerns their sources.
 */
static int find_stale(struct search *search, struct hotfix_error *err)
{
    for (size_t i = 0; i < search->builds->before->compile_count; i++) {
        const struct hf_compile *compile = &search->builds->before->compiles[i];
        bool stale = false;
        if (hf_journal_compile(search->builds->after, compile->object) || !goes_in(search, compile) ||
            access(compile->object, F_OK) != 0)
            continue;
        /* Without a rule nobody knows: compiling it once more does no harm. */
        if (!compile->rule)
            stale = true;
        else if (hf_rule_stale(compile->rule, compile->directory, compile->object, &stale, err) != 0)
            return -1;
        if (stale && !is_known(search->found, search->count, compile))
            search->found[search->count++] = (struct hf_change){.before = compile, .after = compile};
    }
    return 0;
}

static bool is_compiled(const struct hf_journal *journal, const struct hf_digest *digest)
{
    for (size_t i = 0; i < journal->compile_count; i++)
        if (hf_digest_equal(&journal->compiles[i].digest, digest))
            return true;
    for (size_t i = 0; i < journal->link_count; i++)
        if (hf_digest_equal(&journal->links[i].digest, digest))
            return true;
    return false;
}

/* The link of the output; the first where the build makes several of that name. NULL when there is none. */
static const struct hf_link *find_link(const struct hf_journal *journal, const char *output)
{
    for (size_t i = 0; i < journal->link_count; i++)
        if (is_output(output, &journal->links[i]))
            return &journal->links[i];
    return NULL;
}

/* Sources that the patch removes or renames: what they defined may have moved to others. */
static void find_removed(struct search *search)
{
    const struct hf_builds *builds = search->builds;
    const struct hf_link *then = find_link(builds->before, builds->output);
    const struct hf_link *now = find_link(builds->after, builds->output);

    for (size_t i = 0; then && now && i < builds->before->compile_count; i++) {
        const struct hf_compile *compile = &builds->before->compiles[i];
        if (hf_link_has(then, &compile->digest) && !hf_link_has(now, &compile->digest) &&
            !hf_journal_compile(builds->after, compile->object))
            search->found[search->count++] = (struct hf_change){.before = compile, .after = NULL};
    }
}

static bool has_input(const struct hf_journal *journal, const struct hf_digest *digest)
{
    for (size_t i = 0; i < journal->link_count; i++)
        if (hf_link_has(&journal->links[i], digest))
            return true;
    return false;
}

/* An input of the output that no recorded command made; NULL when there is none. */
static const struct hf_input *find_unknown(const struct hf_journal *journal, const char *output,
                                           const struct hf_journal *others)
{
    for (size_t i = 0; i < journal->link_count; i++) {
        const struct hf_link *link = &journal->links[i];
        for (size_t k = 0; is_output(output, link) && k < link->input_count; k++)
            if (!is_compiled(journal, &link->inputs[k].digest) &&
                (!others ||
                 (!is_compiled(others, &link->inputs[k].digest) && !has_input(others, &link->inputs[k].digest))))
                return &link->inputs[k];
    }
    return NULL;
}

bool hf_changes_whole(const struct hf_journal *journal, const char *output)
{
    char names[1];

    return list_outputs(journal, output, names, sizeof(names)) && !find_unknown(journal, output, NULL);
}

/* What no compiler made, as the output of another assembler, may not differ: nothing could be compiled once more. */
static int check_known(const struct hf_builds *builds, struct hotfix_error *err)
{
    const struct hf_input *input = find_unknown(builds->after, builds->output, builds->before);

    if (!input)
        return 0;
    return hf_error(err, HOTFIX_UNPROVEN,
                    "the patch changes %s, which goes into %s and which no compiler that was found in PATH made; have "
                    "the build call its compiler by its bare name, from a clean tree",
                    input->name, base_name(builds->output));
}

int hf_changes_find(const struct hf_builds *builds, struct hf_change **changes, size_t *count, struct hotfix_error *err)
{
    struct search search = {.builds = builds};
    int failed;

    if (check_output(builds, err) != 0 || check_known(builds, err) != 0)
        return -1;
    search.found = calloc(builds->before->compile_count + builds->after->compile_count + 1, sizeof(*search.found));
    if (!search.found)
        return hf_error(err, HOTFIX_MEMORY, "out of memory");
    find_compiled(&search);
    find_removed(&search);
    failed = find_stale(&search, err);
    if (!failed && search.left)
        failed = hf_error(err, HOTFIX_USAGE,
                          "the build compiles %s anew, but does not link it into %s; --make must link what it compiles",
                          search.left, base_name(builds->output));
    if (!failed && search.count == 0)
        failed = hf_error(err, HOTFIX_INCOMPATIBLE, "nothing of the fix is in %s: no object that goes into it differs",
                          base_name(builds->output));
    if (failed) {
        free(search.found);
        return -1;
    }
    *changes = search.found;
    *count = search.count;
    return 0;
}

/* Names of outputs, each once. */
struct names {
    char **items;
    size_t count;
};

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static int add_name(struct names *names, const char *name)
{
    for (size_t i = 0; i < names->count; i++)
        if (strcmp(names->items[i], name) == 0)
            return 0;
    char **longer = reallocarray(names->items, names->count + 1, sizeof(*longer));
    if (!longer)
        return -1;
    names->items = longer;
    longer[names->count] = strdup(name);
    return longer[names->count] ? (names->count++, 0) : -1;
}

/* A path below the tree without the tree's. */
static const char *below_tree(const struct hf_builds *builds, const char *path)
{
    size_t length = strlen(builds->tree);

    return strncmp(path, builds->tree, length) == 0 && path[length] == '/' ? path + length + 1 : path;
}

static bool is_asked_for(const struct hf_builds *builds, const struct hf_link *link)
{
    for (size_t i = 0; i < builds->output_count; i++)
        if (is_output(builds->outputs[i], link))
            return true;
    return false;
}

/* What is linked into something else in turn (gcc -r) is no output of the build, nor is what configure tried. */
static int add_outputs(const struct hf_builds *builds, const struct hf_digest *digest, unsigned depth,
                       struct names *names)
{
    const struct hf_journal *const journals[] = {builds->after, builds->before};

    for (size_t j = 0; depth < PARTIAL_LINKS_MAX && j < 2; j++)
        for (size_t i = 0; i < journals[j]->link_count; i++) {
            const struct hf_link *link = &journals[j]->links[i];
            if (!hf_link_has(link, digest) || is_asked_for(builds, link) || access(link->output, F_OK) != 0)
                continue;
            if ((has_input(builds->after, &link->digest) || has_input(builds->before, &link->digest)
                     ? add_outputs(builds, &link->digest, depth + 1, names)
                     : add_name(names, below_tree(builds, link->output))) != 0)
                return -1;
        }
    return 0;
}

int hf_changes_elsewhere(const struct hf_builds *builds, char ***names, size_t *count, struct hotfix_error *err)
{
    struct names found = {.count = 0};
    int failed = 0;

    for (size_t i = 0; !failed && i < builds->after->compile_count; i++) {
        const struct hf_compile *now = &builds->after->compiles[i];
        if (!is_same(compiled_before(builds, now), now) && !is_compiled(builds->before, &now->digest))
            failed = add_outputs(builds, &now->digest, 0, &found);
    }
    if (found.count > 0)
        qsort(found.items, found.count, sizeof(*found.items), by_name);
    *names = found.items;
    *count = found.count;
    return failed ? hf_error(err, HOTFIX_MEMORY, "out of memory") : 0;
}
