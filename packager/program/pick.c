/* SPDX-License-Identifier: Apache-2.0 */
#include "program/pick.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "elf/demangle.h"
#include "error.h"
#include "manifest.h"
#include "program/scoped.h"
#include "program/spelled.h"
#include "ui/text.h"

#define CANDIDATES_SHOWN 6

struct picker {
    const struct hf_program *target;
    const struct hf_program *patch;
    const struct hf_function **functions;    /* the target's functions, ordered by name, then address */
    const struct hf_function **replacements; /* the patch's, likewise */
    const struct hf_spelled *spelled;        /* the C++ names of the target's functions */
    bool *picked;                            /* one for each function of the target */
    struct hotfix_error *err;
};

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

/* The path of the unit's own source: headers' functions belong to the unit that they were compiled in. */
static const char *unit_path(const struct hf_function *function)
{
    return function->unit ? function->unit->path : function->source;
}

static bool in_package(const struct hf_function *function, const char *package)
{
    const char *path = unit_path(function);

    return path_ends_with(path, package) || path_lies_in(path, package);
}

static const char *skip_keyword(const char *type)
{
    static const char *const keywords[] = {"struct ", "class ", "union ", "enum "};

    for (size_t i = 0; i < sizeof(keywords) / sizeof(keywords[0]); i++)
        if (strncmp(type, keywords[i], strlen(keywords[i])) == 0)
            return type + strlen(keywords[i]);
    return type;
}

/* "TYPE" is by value, "*TYPE" by pointer. The name may be the typedef that the source uses or the struct's own. */
static bool in_class(const struct hf_function *function, const char *class)
{
    bool pointer = class[0] == '*';
    const char *type = pointer ? class + 1 : class;

    type = skip_keyword(type + strspn(type, " "));
    if (function->parameter_count == 0 || !*type)
        return false;
    const struct hf_parameter *first = &function->parameters[0];
    return (first->pointer == pointer && strcmp(first->named, type) == 0) ||
           (first->tag_pointer == pointer && strcmp(first->tag, type) == 0);
}

/* What compilers make of parts of a function, or of a function for some of its callers. */
static bool is_clone(const char *name)
{
    static const char *const marks[] = {".cold", ".part.", ".constprop.", ".isra."};

    for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++)
        if (strstr(name, marks[i]))
            return true;
    return false;
}

/* One function's name, or its name and the end of its source's path. */
struct wanted {
    char *name;
    const char *source; /* NULL: any */
};

static bool is_wanted(const struct hf_function *function, const struct wanted *wanted)
{
    return strcmp(function->name, wanted->name) == 0 &&
           (!wanted->source || path_ends_with(function->source, wanted->source) ||
            path_ends_with(unit_path(function), wanted->source));
}

static int compare_names(const void *a, const void *b)
{
    const struct hf_function *first = *(const struct hf_function *const *)a;
    const struct hf_function *second = *(const struct hf_function *const *)b;
    int order = strcmp(first->name, second->name);

    if (order != 0)
        return order;
    return first->address < second->address ? -1 : first->address > second->address;
}

/* The functions of a program, ordered by name, then address; NULL when there is no memory. */
static const struct hf_function **order_by_name(const struct hf_program *program)
{
    const struct hf_function **ordered = calloc(program->function_count + 1, sizeof(const struct hf_function *));

    for (size_t i = 0; ordered && i < program->function_count; i++)
        ordered[i] = &program->functions[i];
    if (ordered && program->function_count)
        qsort(ordered, program->function_count, sizeof(const struct hf_function *), compare_names);
    return ordered;
}

/* Index of the first of count functions in that order whose name is not below this one. */
static size_t first_named(const struct hf_function *const *ordered, size_t count, const char *name)
{
    size_t low = 0, high = count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (strcmp(ordered[middle]->name, name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Functions that a name may mean; several symbols of one piece of code are one. */
static size_t count_wanted(const struct picker *picker, const struct hf_program *program, const struct wanted *wanted,
                           size_t *first)
{
    const struct hf_function **ordered = program == picker->target ? picker->functions : picker->replacements;
    size_t count = 0;
    uint64_t last = 0;

    for (size_t i = first_named(ordered, program->function_count, wanted->name);
         i < program->function_count && strcmp(ordered[i]->name, wanted->name) == 0; i++) {
        const struct hf_function *function = ordered[i];
        if (!is_wanted(function, wanted) || (count && function->address == last))
            continue;
        if (count++ == 0)
            *first = (size_t)(function - program->functions);
        last = function->address;
    }
    return count;
}

/* The shortest end of a candidate's path that means it alone; its whole path when there is none. */
static const char *shortest_end(const struct picker *picker, char *name, const char *path)
{
    for (const char *end = path + strlen(path); end > path;) {
        size_t first;
        for (end--; end > path && end[-1] != '/'; end--)
            ;
        if (count_wanted(picker, picker->target, &(struct wanted){.name = name, .source = end}, &first) == 1)
            return end;
    }
    return NULL;
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
        const char *source = shortest_end(picker, wanted->name, function->source);
        if (!source)
            source = shortest_end(picker, wanted->name, unit_path(function));
        if (!source)
            source = function->source;
        size_t used = strlen(list);
        if (shown < CANDIDATES_SHOWN && used + strlen(function->name) + strlen(source) + 4 < sizeof(list)) {
            snprintf(list + used, sizeof(list) - used, "%s%s@%s", used ? ", " : "", function->name, source);
            shown++;
        }
    }
    return hf_error(picker->err, HOTFIX_USAGE,
                    "--func %s: %zu functions of %s have that name, pick one by its source: %s%s", wanted->name, count,
                    picker->target->image.path, list, shown < count ? ", ..." : "");
}

static const char *find_clone(const struct hf_program *program, const char *name)
{
    size_t size = strlen(name);

    for (size_t i = 0; i < program->function_count; i++) {
        const char *other = program->functions[i].name;
        if (strncmp(other, name, size) == 0 && other[size] == '.' && is_clone(other + size))
            return other;
    }
    return NULL;
}

/* The symbol of a function that a C++ name means and that was inlined; NULL when there is none. */
static const char *inlined_symbol(const struct hf_program *program, const char *text)
{
    struct hf_scoped wanted, name;
    const char *found = NULL;

    if (hf_scoped_read(text, &wanted) != 0)
        return NULL;
    for (size_t i = 0; i < program->inlined_count && !found; i++) {
        const char *symbol = program->inlined[i].name;
        if ((i > 0 && strcmp(symbol, program->inlined[i - 1].name) == 0) || hf_scoped_read_symbol(symbol, &name) != 0)
            continue;
        found = hf_scoped_means(&wanted, &name) ? symbol : NULL;
        hf_scoped_deinit(&name);
    }
    hf_scoped_deinit(&wanted);
    return found;
}

/* What became of a function that the source has. */
static int refuse_compiled_away(const struct picker *picker, const struct hf_program *program, const char *name)
{
    size_t copies;
    const char *inlined = inlined_symbol(program, name);
    const struct hf_inline_copy *copy = hf_program_inlined(program, inlined ? inlined : name, NULL, &copies);
    const char *clone = find_clone(program, name);

    if (clone)
        return hf_error(picker->err, HOTFIX_USAGE, "--func %s: %s has it only as %s, which the compiler made of it",
                        name, program->image.path, clone);
    if (copies)
        return hf_error(picker->err, HOTFIX_USAGE,
                        "--func %s: %s has no code of it but what was inlined (%zu copies, the first one in %s)", name,
                        program->image.path, copies, copy->caller);
    return 0;
}

/* The name without scopes that is nearest to the end of a mistyped one; NULL when there is none. */
static char *nearest_spelled(const struct picker *picker, const char *text)
{
    struct hf_scoped wanted;
    char *found = NULL;

    if (hf_scoped_read(text, &wanted) != 0)
        return NULL;
    char **names = hf_spelled_last(picker->spelled);
    const struct hf_scoped_part *last = &wanted.parts[wanted.count - 1];
    HF_FREE char *word = strndup(wanted.text + last->begin, last->stem - last->begin);
    size_t count = 0;
    while (names && names[count])
        count++;
    const char *near = word ? hf_text_nearest(word, (const char *const *)names, count) : NULL;
    if (near)
        found = strdup(near);
    for (size_t i = 0; i < count; i++)
        free(names[i]);
    free(names);
    hf_scoped_deinit(&wanted);
    return found;
}

static int refuse_absent(const struct picker *picker, const struct hf_program *program, const struct wanted *wanted)
{
    HF_FREE const char **names = calloc(program->function_count + 1, sizeof(*names));
    const char *in = wanted->source ? " of " : "";
    const char *source = wanted->source ? wanted->source : "";
    size_t first;

    if (program->function_count == 0)
        return hf_error(picker->err, HOTFIX_USAGE, "--func %s: %s has no symbols: %s", wanted->name,
                        program->image.path, program->debug_note ? program->debug_note : "give its debug file");
    if (count_wanted(picker, program, &(struct wanted){.name = wanted->name}, &first) > 0)
        return hf_error(picker->err, HOTFIX_USAGE, "--func %s: %s has that function, but not from %s; it is from %s",
                        wanted->name, program->image.path, source, program->functions[first].source);
    if (refuse_compiled_away(picker, program, wanted->name) != 0)
        return -1;
    for (size_t i = 0; names && i < program->function_count; i++)
        names[i] = program->functions[i].name;
    const char *near = names ? hf_text_nearest(wanted->name, names, program->function_count) : NULL;
    HF_FREE char *spelled = near ? NULL : nearest_spelled(picker, wanted->name);
    near = spelled ? spelled : near;
    return hf_error(picker->err, HOTFIX_USAGE, "--func %s: there is no such function%s%s in %s%s%s%s", wanted->name, in,
                    source, program->image.path, near ? ", did you mean " : "", near ? near : "", near ? "?" : "");
}

/* How many names at the ends of two paths agree; 0 when a path is not known. */
static unsigned agreement(const char *a, const char *b)
{
    size_t left = strlen(a), right = strlen(b);
    unsigned names = 0;

    while (left && right && a[left - 1] == b[right - 1]) {
        left--;
        right--;
        if ((left == 0 || a[left - 1] == '/') && (right == 0 || b[right - 1] == '/') && a[left] != '/')
            names++;
    }
    return names;
}

/* How well a function of the patch fits one of the target's of the same name; 0 when it is another one. */
static unsigned fitness(const struct hf_function *old, const struct hf_function *function)
{
    unsigned source = agreement(old->source, function->source);

    if ((old->local || function->local) && source == 0 && old->source[0] && function->source[0])
        return 0;
    return 1 + 64 * (source < 64 ? source : 64) + agreement(unit_path(old), unit_path(function));
}

/*
 * The replacement of a target's function: the one of that name in the patch that fits best. NULL when there is none;
 * *several when two fit equally well.
 */
static const struct hf_function *find_replacement(const struct picker *picker, const struct hf_function *old,
                                                  bool *several)
{
    const struct hf_function *found = NULL;
    unsigned best = 0;

    *several = false;
    for (size_t i = first_named(picker->replacements, picker->patch->function_count, old->name);
         i < picker->patch->function_count; i++) {
        const struct hf_function *function = picker->replacements[i];
        if (strcmp(function->name, old->name) != 0)
            break;
        unsigned fit = fitness(old, function);
        if (fit == 0 || fit < best)
            continue;
        /* Two names of one piece of code are one candidate. */
        *several = fit == best && found->address != function->address;
        best = fit;
        found = function;
    }
    return *several ? NULL : found;
}

/* A versioned symbol's name holds an '@' of its own, so a name as a whole comes first; then the last one separates. */
static void split(const struct picker *picker, char *text, struct wanted *wanted)
{
    size_t first;
    char *at = strrchr(text, '@');

    *wanted = (struct wanted){.name = text};
    if (!at || count_wanted(picker, picker->target, wanted, &first) > 0)
        return;
    *at = '\0';
    wanted->source = at + 1;
}

/* Of one name, functions with a symbol each are variants of one constructor or destructor, or thunks (which have
 * no source); those with one symbol are several functions of one name in several files. */
static bool is_one_function(const struct picker *picker, size_t i, size_t k)
{
    const struct hf_function *a = &picker->target->functions[i], *b = &picker->target->functions[k];

    return strcmp(picker->spelled->names[i].text, picker->spelled->names[k].text) == 0 &&
           (!*a->source || !*b->source || strcmp(a->source, b->source) == 0) &&
           (a->address == b->address || strcmp(a->name, b->name) != 0);
}

/* Instantiations of one template. */
static bool is_one_template(const struct picker *picker, size_t i, size_t k)
{
    const struct hf_scoped *a = &picker->spelled->names[i], *b = &picker->spelled->names[k];
    HF_FREE char *first = hf_scoped_text(a, a->count, false);
    HF_FREE char *second = hf_scoped_text(b, b->count, false);

    return first && second && strcmp(first, second) == 0;
}

/* Leaves one mark for each function, or template, of the source, and counts them. */
static size_t count_sources(const struct picker *picker, bool wild, bool *matches)
{
    size_t count = 0;

    for (size_t i = 0; i < picker->target->function_count; i++) {
        for (size_t k = 0; k < i && matches[i]; k++)
            if (matches[k] && (wild ? is_one_template(picker, k, i) : is_one_function(picker, k, i)))
                matches[i] = false;
        count += matches[i];
    }
    return count;
}

/* Marks what a C++ name means. */
static void match_spelled(const struct picker *picker, const struct hf_scoped *wanted, const char *source,
                          bool *matches)
{
    const struct hf_program *target = picker->target;
    bool whole = false;

    for (size_t i = 0; i < target->function_count; i++) {
        const struct hf_scoped *name = &picker->spelled->names[i];
        matches[i] = name->count > 0 && !is_clone(target->functions[i].name) && hf_scoped_means(wanted, name) &&
                     (!source || path_ends_with(target->functions[i].source, source) ||
                      path_ends_with(unit_path(&target->functions[i]), source));
        whole = whole || (matches[i] && hf_scoped_is_whole(wanted, name));
    }
    for (size_t i = 0; i < target->function_count && whole; i++)
        matches[i] = matches[i] && hf_scoped_is_whole(wanted, &picker->spelled->names[i]);
}

/* Lists what a C++ name may mean in the form that picks each alone. */
static int refuse_several(const struct picker *picker, const char *text, const bool *matches, size_t count)
{
    char list[HOTFIX_MESSAGE_SIZE / 2] = "";
    size_t shown = 0;

    for (size_t i = 0, first; i < picker->target->function_count && shown < CANDIDATES_SHOWN; i++) {
        const struct hf_function *function = &picker->target->functions[i];
        HF_FREE char *name = matches[i] ? hf_demangle(function->name, HF_DEMANGLE_FUNCTION) : NULL;
        if (!name)
            continue;
        bool same = count_wanted(picker, picker->target, &(struct wanted){.name = (char *)function->name}, &first) > 1;
        const char *at = same ? "@" : "", *source = same ? function->source : "";
        size_t used = strlen(list);
        if (strlen(name) + strlen(source) + used + 4 > sizeof(list))
            continue;
        snprintf(list + used, sizeof(list) - used, "%s%s%s%s", used ? ", " : "", name, at, source);
        shown++;
    }
    return hf_error(picker->err, HOTFIX_USAGE, "--func %s: %zu functions of %s have that name, write which: %s%s", text,
                    count, picker->target->image.path, list, shown < count ? ", ..." : "");
}

/* A name of C++; *known: whether the target has such a function. A constructor's variants are picked together. */
static int pick_spelled(struct picker *picker, char *text, bool *known, size_t *taken)
{
    size_t size = picker->target->function_count + 1;
    HF_FREE bool *matches = calloc(size, sizeof(*matches));
    HF_FREE bool *sources = calloc(size, sizeof(*sources));
    struct hf_scoped wanted;
    char *at = strrchr(text, '@');
    bool unclear;

    if (!matches || !sources)
        return hf_error(picker->err, HOTFIX_MEMORY, "out of memory");
    if (at)
        *at = '\0';
    if (picker->spelled->count == 0 || hf_scoped_read(text, &wanted) != 0)
        return 0;
    match_spelled(picker, &wanted, at ? at + 1 : NULL, matches);
    memcpy(sources, matches, size * sizeof(*sources));
    size_t count = count_sources(picker, hf_scoped_is_wild(&wanted), sources);
    hf_scoped_deinit(&wanted);
    if (count > 1)
        return refuse_several(picker, text, sources, count);
    *known = count == 1;
    for (size_t i = 0; i < picker->target->function_count; i++) {
        bool replaced = matches[i] && find_replacement(picker, &picker->target->functions[i], &unclear);
        picker->picked[i] |= replaced;
        *taken += replaced;
    }
    if (*known && *taken == 0)
        return hf_error(picker->err, HOTFIX_USAGE, "--func %s: there is no such function in %s", text,
                        picker->patch->image.path);
    return 0;
}

static int pick_function(struct picker *picker, const char *text, size_t *matched)
{
    HF_FREE char *copy = strdup(text);
    HF_FREE char *spelled = strdup(text);
    struct wanted wanted;
    size_t index = 0;
    bool several, known = false;

    if (!copy || !spelled)
        return hf_error(picker->err, HOTFIX_MEMORY, "out of memory");
    split(picker, copy, &wanted);
    size_t count = count_wanted(picker, picker->target, &wanted, &index);
    if (count == 0 && pick_spelled(picker, spelled, &known, matched) != 0)
        return -1;
    if (known)
        return 0;
    if (count == 0)
        return refuse_absent(picker, picker->target, &wanted);
    if (count > 1)
        return refuse_ambiguous(picker, &wanted);
    if (strstr(wanted.name, ".cold"))
        return hf_error(picker->err, HOTFIX_USAGE, "--func %s: that is a part of a function; pick the whole", text);
    const struct hf_function *old = &picker->target->functions[index];
    if (!find_replacement(picker, old, &several)) {
        if (several)
            return hf_error(picker->err, HOTFIX_USAGE,
                            "--func %s: %s has several functions of that name and none alone comes from %s", text,
                            picker->patch->image.path, old->source);
        return refuse_absent(picker, picker->patch, &(struct wanted){.name = wanted.name, .source = old->source});
    }
    picker->picked[index] = true;
    *matched = 1;
    return 0;
}

static int pick_place(struct picker *picker, const char *text, size_t *matched)
{
    const char *at = strrchr(text, '@');
    size_t size = at ? (size_t)(at - text) : 0;
    uint64_t address = at ? strtoull(at + 1, NULL, 16) : 0;

    for (size_t i = 0; i < picker->target->function_count; i++) {
        const struct hf_function *function = &picker->target->functions[i];
        if (function->address == address && strncmp(function->name, text, size) == 0 && function->name[size] == '\0') {
            picker->picked[i] = true;
            *matched = 1;
            return 0;
        }
    }
    return hf_error(picker->err, HOTFIX_INCOMPATIBLE, "%s has no function %.*s at %#" PRIx64 "%s%s",
                    picker->target->image.path, (int)size, text, address, picker->target->debug_note ? ": " : "",
                    picker->target->debug_note ? picker->target->debug_note : "");
}

static const char *option_of(const struct hf_pick *pick)
{
    static const char *const options[] = {
        [HF_PICK_FUNCTION] = "--func", [HF_PICK_PACKAGE] = "--package",
        [HF_PICK_CLASS] = "--class",   [HF_PICK_EXCLUDE] = "--exclude",
        [HF_PICK_PLACE] = "",
    };

    return options[pick->kind];
}

static int refuse_unmatched(const struct picker *picker, const struct hf_pick *pick, size_t matched)
{
    const struct hf_program *target = picker->target;

    if (matched > 0)
        return hf_error(picker->err, HOTFIX_USAGE, "%s %s: %zu functions of %s match, none of them is in %s",
                        option_of(pick), pick->text, matched, target->image.path, picker->patch->image.path);
    if (!target->has_dwarf)
        return hf_error(picker->err, HOTFIX_USAGE, "%s %s: no function is known to match, because %s", option_of(pick),
                        pick->text, target->debug_note ? target->debug_note : "there is no debug information");
    return hf_error(picker->err, HOTFIX_USAGE, "%s %s: no function of %s matches", option_of(pick), pick->text,
                    target->image.path);
}

/* A directory or source, and a namespace of the same name, are two things: who means which must say so. */
static int match_package(const struct picker *picker, const char *text, bool *matches)
{
    const struct hf_program *target = picker->target;
    HF_FREE bool *below = calloc(target->function_count + 1, sizeof(*below));
    size_t in_sources = 0, in_namespace = 0;
    bool equal = true;

    if (!below)
        return hf_error(picker->err, HOTFIX_MEMORY, "out of memory");
    for (size_t i = 0; i < target->function_count; i++) {
        matches[i] = in_package(&target->functions[i], text);
        in_sources += matches[i];
    }
    int failed = strchr(text, '/') ? 0 : hf_spelled_namespace(picker->spelled, text, below, &in_namespace, picker->err);
    if (failed)
        return in_sources > 0 ? 0 : -1;
    for (size_t i = 0; i < target->function_count; i++) {
        equal = equal && matches[i] == below[i];
        matches[i] |= below[i];
    }
    if (in_sources > 0 && in_namespace > 0 && !equal)
        return hf_error(picker->err, HOTFIX_USAGE,
                        "--package %s: %s has both sources and a namespace of that name: write ./%s or ::%s", text,
                        target->image.path, text, text);
    return 0;
}

/* Methods of a C++ class; else functions whose first parameter is the type. */
static int match_class(const struct picker *picker, const char *text, bool *matches)
{
    const struct hf_program *target = picker->target;
    size_t methods = 0;

    if (text[0] != '*' && hf_spelled_class(picker->spelled, skip_keyword(text), matches, &methods, picker->err) != 0)
        return -1;
    for (size_t i = 0; i < target->function_count; i++)
        matches[i] = (methods > 0 && matches[i]) ||
                     ((methods == 0 || picker->spelled->names[i].count == 0) && in_class(&target->functions[i], text));
    return 0;
}

/* --package and --class take what both sides have; one that takes nothing is a mistake. */
static int pick_matching(struct picker *picker, const struct hf_pick *pick, size_t *taken)
{
    HF_FREE bool *matches = calloc(picker->target->function_count + 1, sizeof(*matches));
    size_t matched = 0;

    if (!matches)
        return hf_error(picker->err, HOTFIX_MEMORY, "out of memory");
    if ((pick->kind == HF_PICK_PACKAGE ? match_package : match_class)(picker, pick->text, matches) != 0)
        return -1;
    for (size_t i = 0; i < picker->target->function_count; i++) {
        const struct hf_function *function = &picker->target->functions[i];
        bool several;
        if (is_clone(function->name) || !matches[i])
            continue;
        matched++;
        bool replaced = find_replacement(picker, function, &several) != NULL;
        if (several)
            return hf_error(picker->err, HOTFIX_USAGE,
                            "%s %s: %s has several functions %s and none alone comes from %s; exclude it",
                            option_of(pick), pick->text, picker->patch->image.path, function->name, function->source);
        picker->picked[i] |= replaced;
        *taken += replaced;
    }
    return *taken ? 0 : refuse_unmatched(picker, pick, matched);
}

static size_t exclude(struct picker *picker, const char *pattern)
{
    size_t taken = 0;

    for (size_t i = 0; i < picker->target->function_count; i++)
        if (picker->picked[i] && hf_demangle_matches(pattern, picker->target->functions[i].name)) {
            picker->picked[i] = false;
            taken++;
        }
    return taken;
}

/* The function whose code holds an address; target->function_count when there is none. */
static size_t function_at(const struct hf_program *target, uint64_t address)
{
    size_t behind = hf_program_first_at(target, address + 1);

    if (behind == 0 || address - target->functions[behind - 1].address >= target->functions[behind - 1].size)
        return target->function_count;
    return behind - 1;
}

/* Picks what a picked function was inlined into, if the patch has it. True when that is more than was picked before. */
static bool follow_one(struct picker *picker, const struct hf_function *function)
{
    bool more = false, several;

    for (size_t i = 0; i < function->inlined_count; i++) {
        size_t caller = function_at(picker->target, function->inlined[i].address);
        if (caller == picker->target->function_count || picker->picked[caller] ||
            !find_replacement(picker, &picker->target->functions[caller], &several))
            continue;
        picker->picked[caller] = true;
        more = true;
    }
    return more;
}

/* Callers may have been inlined themselves. */
static void follow_inlines(struct picker *picker)
{
    bool more;

    do {
        more = false;
        for (size_t i = 0; i < picker->target->function_count; i++)
            more = (picker->picked[i] && follow_one(picker, &picker->target->functions[i])) || more;
    } while (more);
}

/* matched: one number for each pick. */
static int pick_all(struct picker *picker, const struct hf_pick *picks, size_t pick_count, size_t *matched)
{
    for (size_t i = 0; i < pick_count; i++) {
        int failed = 0;
        if (picks[i].kind == HF_PICK_FUNCTION)
            failed = pick_function(picker, picks[i].text, &matched[i]);
        else if (picks[i].kind == HF_PICK_PLACE)
            failed = pick_place(picker, picks[i].text, &matched[i]);
        else if (picks[i].kind == HF_PICK_PACKAGE || picks[i].kind == HF_PICK_CLASS)
            failed = pick_matching(picker, &picks[i], &matched[i]);
        if (failed)
            return -1;
    }
    for (size_t i = 0; i < pick_count; i++)
        if (picks[i].kind == HF_PICK_INLINES)
            follow_inlines(picker);
    /* Last, wherever it stands on the command line: the order of options must not matter. */
    for (size_t i = 0; i < pick_count; i++)
        if (picks[i].kind == HF_PICK_EXCLUDE)
            matched[i] = exclude(picker, picks[i].text);
    return 0;
}

/* Names of one piece of code are one function: only the first of them, in the target's order, is kept. */
static int collect(const struct picker *picker, struct hf_pair *pairs, size_t *count)
{
    const struct hf_program *target = picker->target;

    *count = 0;
    for (size_t i = 0; i < target->function_count; i++) {
        struct hf_pair pair = {.old_function = &target->functions[i]};
        bool several;
        if (!picker->picked[i])
            continue;
        pair.new_function = find_replacement(picker, pair.old_function, &several);
        const struct hf_pair *last = *count ? &pairs[*count - 1] : NULL;
        if (!last || last->old_function->address != pair.old_function->address) {
            pairs[(*count)++] = pair;
            continue;
        }
        if (last->new_function->address != pair.new_function->address)
            return hf_error(picker->err, HOTFIX_USAGE,
                            "%s and %s are one function in %s and two in %s: pick one of them, or exclude one",
                            last->old_function->name, pair.old_function->name, target->image.path,
                            picker->patch->image.path);
    }
    return 0;
}

static int refuse_empty(const struct picker *picker, const struct hf_pick *picks, size_t pick_count,
                        const size_t *matched)
{
    char list[HOTFIX_MESSAGE_SIZE / 2] = "";

    for (size_t i = 0; i < pick_count; i++) {
        size_t used = strlen(list);
        if (picks[i].kind == HF_PICK_INLINES)
            continue;
        snprintf(list + used, sizeof(list) - used, "%s%s %s %s %zu", used ? ", " : "", option_of(&picks[i]),
                 picks[i].text, picks[i].kind == HF_PICK_EXCLUDE ? "took away" : "matched", matched[i]);
    }
    return hf_error(picker->err, HOTFIX_USAGE, "no function is picked: %s",
                    *list ? list : "give --func, --package or --class");
}

int hf_pick_resolve(const struct hf_pick *picks, size_t pick_count, const struct hf_program *target,
                    const struct hf_program *patch, struct hf_pair **pairs, size_t *pair_count,
                    struct hotfix_error *err)
{
    HF_FREE bool *picked = calloc(target->function_count + 1, sizeof(*picked));
    HF_FREE size_t *matched = calloc(pick_count + 1, sizeof(*matched));
    HF_FREE struct hf_pair *collected = calloc(target->function_count + 1, sizeof(*collected));
    HF_FREE const struct hf_function **functions = order_by_name(target);
    HF_FREE const struct hf_function **replacements = order_by_name(patch);
    struct hf_spelled spelled;
    struct picker picker = {.target = target,
                            .patch = patch,
                            .functions = functions,
                            .replacements = replacements,
                            .spelled = &spelled,
                            .picked = picked,
                            .err = err};
    size_t count;

    if (!picked || !matched || !collected || !functions || !replacements)
        return hf_error(err, HOTFIX_MEMORY, "out of memory");
    if (hf_spelled_init(target, &spelled, err) != 0)
        return -1;
    int failed = pick_all(&picker, picks, pick_count, matched) != 0 || collect(&picker, collected, &count) != 0;
    hf_spelled_deinit(&spelled);
    if (failed)
        return -1;
    if (count == 0)
        return refuse_empty(&picker, picks, pick_count, matched);
    if (count > HF_MANIFEST_MAX_FUNCTIONS)
        return hf_error(err, HOTFIX_FORMAT, "%zu functions are picked, and a bundle replaces %u at most", count,
                        HF_MANIFEST_MAX_FUNCTIONS);
    *pairs = hf_move(collected);
    *pair_count = count;
    return 0;
}
