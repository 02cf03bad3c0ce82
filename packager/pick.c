/* SPDX-License-Identifier: Apache-2.0 */
#include "pick.h"

#include <fnmatch.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "error.h"
#include "text.h"

#define CANDIDATES_SHOWN 8

struct picker {
    const struct hf_program *target;
    const struct hf_program *patch;
    bool *picked; /* one for each function of the target */
    struct hotfix_error *err;
};

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? slash + 1 : path;
}

/* True when the path ends with the given one at a '/' boundary: "a.c" and "src/a.c" are ends of "/build/src/a.c". */
static bool path_ends_with(const char *path, const char *end)
{
    while (end[0] == '.' && end[1] == '/')
        end += 2;
    size_t length = strlen(path), tail = strlen(end);

    if (tail == 0 || tail > length || strcmp(path + length - tail, end) != 0)
        return false;
    return tail == length || end[0] == '/' || path[length - tail - 1] == '/';
}

/* True when one of the directories above the file ends with `directory`: "src/net" holds "/build/src/net/a.c" and what
 * is below. */
static bool path_lies_in(const char *path, const char *directory)
{
    HF_FREE char *above = strdup(path);
    HF_FREE char *wanted = strdup(directory);

    for (size_t end = wanted ? strlen(wanted) : 0; end > 1 && wanted[end - 1] == '/'; end--)
        wanted[end - 1] = '\0';
    for (char *slash; above && wanted && (slash = strrchr(above, '/'));) {
        *slash = '\0';
        if (path_ends_with(above, wanted))
            return true;
    }
    return false;
}

/* The path of the unit's own source, joined with its directory: headers' inline functions belong to the unit they are
 * in. */
static char *unit_path(const struct hf_function *function)
{
    const struct hf_unit *unit = function->unit;
    char *path;

    if (!unit)
        return strdup(function->source);
    if (unit->name[0] == '/' || !unit->directory[0])
        return strdup(unit->name);
    return asprintf(&path, "%s/%s", unit->directory, unit->name) < 0 ? NULL : path;
}

static bool in_package(const struct hf_function *function, const char *package)
{
    HF_FREE char *path = unit_path(function);

    return path && (path_ends_with(path, package) || path_lies_in(path, package));
}

/* "TYPE" is by value, "*TYPE" by pointer. The name may be the typedef that the source uses or the struct's own. */
static bool in_class(const struct hf_function *function, const char *class)
{
    bool pointer = class[0] == '*';
    const char *type = pointer ? class + 1 : class;

    while (*type == ' ')
        type++;
    if (strncmp(type, "struct ", 7) == 0)
        type += 7;
    if (function->parameter_count == 0 || !*type)
        return false;
    const struct hf_parameter *first = &function->parameters[0];
    return (first->pointer == pointer && strcmp(first->named, type) == 0) ||
           (first->tag_pointer == pointer && strcmp(first->tag, type) == 0);
}

/* One function's name, or its name and the end of its source's path. */
struct wanted {
    char *name;
    const char *source; /* NULL: any */
};

static bool is_wanted(const struct hf_function *function, const struct wanted *wanted)
{
    return strcmp(function->name, wanted->name) == 0 &&
           (!wanted->source || path_ends_with(function->source, wanted->source));
}

static size_t count_wanted(const struct hf_program *program, const struct wanted *wanted, size_t *last)
{
    size_t count = 0;

    for (size_t i = 0; i < program->function_count; i++)
        if (is_wanted(&program->functions[i], wanted)) {
            *last = i;
            count++;
        }
    return count;
}

/* Lists what a name may mean, each in the form that picks it alone. */
static int refuse_ambiguous(const struct picker *picker, const struct wanted *wanted)
{
    char list[HOTFIX_MESSAGE_SIZE / 2] = "";
    size_t shown = 0, count = 0;

    for (size_t i = 0; i < picker->target->function_count; i++) {
        const struct hf_function *function = &picker->target->functions[i];
        if (!is_wanted(function, wanted))
            continue;
        count++;
        size_t used = strlen(list);
        if (shown < CANDIDATES_SHOWN && used + strlen(function->name) + strlen(function->source) + 4 < sizeof(list)) {
            snprintf(list + used, sizeof(list) - used, "%s%s@%s", used ? ", " : "", function->name, function->source);
            shown++;
        }
    }
    return hf_error(picker->err, HOTFIX_USAGE,
                    "--func %s: %zu functions of %s have that name, pick one by its source: %s%s", wanted->name, count,
                    picker->target->image.path, list, shown < count ? ", ..." : "");
}

static int refuse_absent(const struct picker *picker, const struct hf_program *program, const struct wanted *wanted)
{
    HF_FREE const char **names = calloc(program->function_count + 1, sizeof(*names));
    const char *in = wanted->source ? " in " : "";
    const char *source = wanted->source ? wanted->source : "";

    for (size_t i = 0; names && i < program->function_count; i++)
        names[i] = program->functions[i].name;
    const char *near =
        names && program->function_count ? hf_text_nearest(wanted->name, names, program->function_count) : NULL;
    if (program->function_count == 0)
        return hf_error(picker->err, HOTFIX_USAGE,
                        "--func %s: %s has no symbols, and no debug file was found; give --debug", wanted->name,
                        program->image.path);
    if (near && strcmp(near, wanted->name) != 0)
        return hf_error(picker->err, HOTFIX_USAGE, "--func %s: there is no such function%s%s in %s, did you mean %s?",
                        wanted->name, in, source, program->image.path, near);
    return hf_error(picker->err, HOTFIX_USAGE, "--func %s: there is no such function%s%s in %s", wanted->name, in,
                    source, program->image.path);
}

/*
 * The replacement of a target's function: the one of that name in the patch; where the patch has several, the one from
 * a source of the same file name. NULL when there is none; *several when the source does not decide.
 */
static const struct hf_function *find_replacement(const struct hf_program *patch, const struct hf_function *old,
                                                  bool *several)
{
    const struct hf_function *found = NULL;
    size_t count = 0, same_source = 0;
    const struct hf_function *from_source = NULL;

    for (size_t i = 0; i < patch->function_count; i++) {
        const struct hf_function *function = &patch->functions[i];
        if (strcmp(function->name, old->name) != 0)
            continue;
        /* Two names of one piece of code are one candidate. */
        if (found && found->address == function->address)
            continue;
        found = function;
        count++;
        if (strcmp(base_name(function->source), base_name(old->source)) == 0) {
            from_source = function;
            same_source++;
        }
    }
    *several = count > 1 && same_source != 1;
    if (*several)
        return NULL;
    return count == 1 ? found : from_source;
}

static int pick_function(struct picker *picker, const char *text)
{
    HF_FREE char *copy = strdup(text);
    if (!copy)
        return hf_error(picker->err, HOTFIX_MEMORY, "out of memory");
    /* C++ and versioned names hold no '@' before their source, so the first one separates. */
    char *at = strchr(copy, '@');
    struct wanted wanted = {.name = copy, .source = at ? at + 1 : NULL};
    if (at)
        *at = '\0';

    size_t index = 0, count = count_wanted(picker->target, &wanted, &index);
    if (count == 0)
        return refuse_absent(picker, picker->target, &wanted);
    if (count > 1)
        return refuse_ambiguous(picker, &wanted);
    bool several;
    if (!find_replacement(picker->patch, &picker->target->functions[index], &several)) {
        if (several)
            return hf_error(picker->err, HOTFIX_USAGE,
                            "--func %s: %s has several functions of that name and none alone comes from %s", text,
                            picker->patch->image.path, picker->target->functions[index].source);
        return refuse_absent(picker, picker->patch, &(struct wanted){.name = wanted.name});
    }
    picker->picked[index] = true;
    return 0;
}

/* --package and --class take what both sides have; one that takes nothing is a mistake. */
static int pick_matching(struct picker *picker, const struct hf_pick *pick)
{
    bool package = pick->kind == HF_PICK_PACKAGE;
    size_t matched = 0, taken = 0;

    for (size_t i = 0; i < picker->target->function_count; i++) {
        const struct hf_function *function = &picker->target->functions[i];
        bool several;
        if (!(package ? in_package(function, pick->text) : in_class(function, pick->text)))
            continue;
        matched++;
        if (!find_replacement(picker->patch, function, &several))
            continue;
        picker->picked[i] = true;
        taken++;
    }
    const char *option = package ? "--package" : "--class";
    if (matched == 0 && !package && !picker->target->has_dwarf)
        return hf_error(picker->err, HOTFIX_USAGE, "%s %s: types are not known: %s", option, pick->text,
                        picker->target->debug_note ? picker->target->debug_note : "no debug information");
    if (matched == 0)
        return hf_error(picker->err, HOTFIX_USAGE, "%s %s: no function of %s matches", option, pick->text,
                        picker->target->image.path);
    if (taken == 0)
        return hf_error(picker->err, HOTFIX_USAGE, "%s %s: %zu functions of %s match, none of them is in %s", option,
                        pick->text, matched, picker->target->image.path, picker->patch->image.path);
    return 0;
}

static void exclude(struct picker *picker, const char *pattern)
{
    for (size_t i = 0; i < picker->target->function_count; i++)
        if (picker->picked[i] && fnmatch(pattern, picker->target->functions[i].name, 0) == 0)
            picker->picked[i] = false;
}

static int pick_all(struct picker *picker, const struct hf_pick *picks, size_t pick_count)
{
    for (size_t i = 0; i < pick_count; i++) {
        int failed = 0;
        if (picks[i].kind == HF_PICK_FUNCTION)
            failed = pick_function(picker, picks[i].text);
        else if (picks[i].kind != HF_PICK_EXCLUDE)
            failed = pick_matching(picker, &picks[i]);
        if (failed)
            return -1;
    }
    /* Last, wherever it stands on the command line: the order of options must not matter. */
    for (size_t i = 0; i < pick_count; i++)
        if (picks[i].kind == HF_PICK_EXCLUDE)
            exclude(picker, picks[i].text);
    return 0;
}

/* Names of one piece of code are one function: only the first of them, in the target's order, is kept. */
static int collect(const struct picker *picker, struct hf_pair **pairs, size_t *pair_count)
{
    const struct hf_program *target = picker->target;
    struct hf_pair *collected = calloc(target->function_count + 1, sizeof(*collected));
    size_t count = 0;

    if (!collected)
        return hf_error(picker->err, HOTFIX_MEMORY, "out of memory");
    for (size_t i = 0; i < target->function_count; i++) {
        const struct hf_function *old = &target->functions[i];
        bool several;
        if (!picker->picked[i] || (count && collected[count - 1].old_function->address == old->address))
            continue;
        collected[count].old_function = old;
        collected[count++].new_function = find_replacement(picker->patch, old, &several);
    }
    if (count == 0) {
        free(collected);
        return hf_error(picker->err, HOTFIX_USAGE,
                        "no function is picked: give --func, --package or --class, and exclude less");
    }
    *pairs = collected;
    *pair_count = count;
    return 0;
}

int hf_pick_resolve(const struct hf_pick *picks, size_t pick_count, const struct hf_program *target,
                    const struct hf_program *patch, struct hf_pair **pairs, size_t *pair_count,
                    struct hotfix_error *err)
{
    HF_FREE bool *picked = calloc(target->function_count + 1, sizeof(*picked));
    struct picker picker = {.target = target, .patch = patch, .picked = picked, .err = err};

    if (!picked)
        return hf_error(err, HOTFIX_MEMORY, "out of memory");
    if (pick_all(&picker, picks, pick_count) != 0)
        return -1;
    return collect(&picker, pairs, pair_count);
}
