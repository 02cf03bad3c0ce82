/* SPDX-License-Identifier: Apache-2.0 */
#include "dwarf/qualified.h"

#include <ctype.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"

#define MAX_DEPTH 64 /* scopes within scopes */

/* One walk; names within functions are counted. */
struct walk {
    Dwarf_Debug dwarf;
    bool nested;    /* in namespaces and classes, too */
    bool functions; /* and in functions */
    hf_qualified_fn fn;
    void *arg;
    void *counts; /* of struct count; see tsearch(3) */
};

struct count {
    char *name;
    unsigned number;
};

static int compare_counts(const void *a, const void *b)
{
    return strcmp(((const struct count *)a)->name, ((const struct count *)b)->name);
}

static void free_count(void *where)
{
    struct count *count = where;

    free(count->name);
    free(count);
}

/* How many entries of this name were met before. -1 when out of memory. */
static int met(struct walk *walk, const char *name, unsigned *number)
{
    struct count *count = calloc(1, sizeof(*count));

    if (!count || !(count->name = strdup(name))) {
        free(count);
        return -1;
    }
    struct count **known = tsearch(count, &walk->counts, compare_counts);
    if (!known || *known != count)
        free_count(count);
    if (!known)
        return -1;
    *number = (*known)->number++;
    return 0;
}

bool hf_qualified_language(uint64_t language)
{
    return language == DW_LANG_C_plus_plus || language == DW_LANG_C_plus_plus_03 ||
           language == DW_LANG_C_plus_plus_11 || language == DW_LANG_C_plus_plus_14;
}

bool hf_qualified_unit(Dwarf_Die unit)
{
    uint64_t language = 0;

    hf_die_number(unit, DW_AT_language, &language);
    return hf_qualified_language(language);
}

static bool is_class(Dwarf_Half tag)
{
    return tag == DW_TAG_structure_type || tag == DW_TAG_class_type || tag == DW_TAG_union_type;
}

static bool has_name(Dwarf_Half tag)
{
    return is_class(tag) || tag == DW_TAG_enumeration_type || tag == DW_TAG_typedef || tag == DW_TAG_variable;
}

/* The linkage name of a function, else its name; a definition may leave both to its declaration. */
static const char *function_name(Dwarf_Debug dwarf, Dwarf_Die die, unsigned depth)
{
    const char *name = hf_die_text(die, DW_AT_linkage_name);
    uint64_t other = hf_die_reference(die, DW_AT_specification);

    if (other == HF_DIE_NONE)
        other = hf_die_reference(die, DW_AT_abstract_origin);
    if (!name && other != HF_DIE_NONE && depth < MAX_DEPTH) {
        HF_DIE Dwarf_Die declaration = hf_die_at(dwarf, other);
        name = declaration ? function_name(dwarf, declaration, depth + 1) : NULL;
    }
    return name ? name : hf_die_text(die, DW_AT_name);
}

/* The class of a lambda has no name, but a call operator, which clang leaves out where it was inlined without a trace:
 * to clang a lambda is a "class", as other unnamed types of functions hardly ever are. */
static bool is_closure(Dwarf_Debug dwarf, Dwarf_Die class)
{
    HF_DIE Dwarf_Die child = NULL;

    if (hf_die_tag(class) == DW_TAG_class_type)
        return true;
    while (hf_die_next(dwarf, class, &child) > 0) {
        const char *name = hf_die_tag(child) == DW_TAG_subprogram ? hf_die_text(child, DW_AT_name) : NULL;
        if (name && strncmp(name, "operator()", strlen("operator()")) == 0)
            return true;
    }
    return false;
}

static int walk_scope(struct walk *walk, Dwarf_Die parent, const char *scope, bool inner, unsigned depth);

static int tell(struct walk *walk, Dwarf_Die die, const char *name, bool inner)
{
    HF_FREE char *numbered = NULL;
    unsigned number = 0;

    if (inner && met(walk, name, &number) != 0)
        return -1;
    if (number > 0 && asprintf(&numbered, "%s#%u", name, number) < 0) {
        numbered = NULL;
        return -1;
    }
    return walk->fn(die, numbered ? numbered : name, walk->arg);
}

static char *join(const char *scope, const char *name)
{
    char *joined;

    return asprintf(&joined, "%s%s%s", scope, *scope ? "::" : "", name) < 0 ? NULL : joined;
}

static int visit(struct walk *walk, Dwarf_Die die, const char *scope, bool inner, unsigned depth)
{
    Dwarf_Half tag = hf_die_tag(die);
    const char *name = hf_die_text(die, DW_AT_name);

    if (tag == DW_TAG_lexical_block)
        return walk_scope(walk, die, scope, inner, depth + 1);
    if (tag == DW_TAG_namespace && !walk->nested)
        return 0;
    if (tag == DW_TAG_subprogram) {
        name = walk->functions && walk->nested ? function_name(walk->dwarf, die, 0) : NULL;
        return name ? walk_scope(walk, die, name, true, depth + 1) : 0;
    }
    if (tag == DW_TAG_namespace)
        name = name ? name : HF_QUALIFIED_ANONYMOUS;
    if (!name && inner && is_class(tag) && is_closure(walk->dwarf, die))
        name = HF_QUALIFIED_CLOSURE;
    if (!name || (tag != DW_TAG_namespace && !has_name(tag)))
        return 0;
    HF_FREE char *qualified = join(scope, name);
    if (!qualified)
        return -1;
    int result = tag == DW_TAG_namespace ? 0 : tell(walk, die, qualified, inner);
    if (result != 0 || !walk->nested || (tag != DW_TAG_namespace && !is_class(tag)))
        return result;
    return walk_scope(walk, die, qualified, inner, depth + 1);
}

static int walk_scope(struct walk *walk, Dwarf_Die parent, const char *scope, bool inner, unsigned depth)
{
    HF_DIE Dwarf_Die child = NULL;
    int more, result;

    if (depth > MAX_DEPTH)
        return 0;
    while ((more = hf_die_next(walk->dwarf, parent, &child)) > 0)
        if ((result = visit(walk, child, scope, inner, depth)) != 0)
            return result;
    return more;
}

int hf_qualified_walk(Dwarf_Debug dwarf, Dwarf_Die unit, bool functions, hf_qualified_fn fn, void *arg)
{
    bool nested = hf_qualified_unit(unit);
    struct walk walk = {.dwarf = dwarf, .nested = nested, .functions = functions, .fn = fn, .arg = arg};

    int result = walk_scope(&walk, unit, "", false, 0);
    tdestroy(walk.counts, free_count);
    return result;
}

/* A unit's names, ordered by offset. */
struct named {
    uint64_t offset;
    char *name;
};

struct unit {
    uint64_t offset;
    bool scoped; /* of C++ */
    struct named *items;
    size_t count;
};

struct hf_qualified {
    Dwarf_Debug dwarf;
    void *units; /* of struct unit */
};

struct hf_qualified *hf_qualified_create(Dwarf_Debug dwarf)
{
    struct hf_qualified *qualified = calloc(1, sizeof(*qualified));

    if (qualified)
        qualified->dwarf = dwarf;
    return qualified;
}

static void free_unit(void *where)
{
    struct unit *unit = where;

    for (size_t i = 0; i < unit->count; i++)
        free(unit->items[i].name);
    free(unit->items);
    free(unit);
}

void hf_qualified_destroy(struct hf_qualified *qualified)
{
    if (qualified)
        tdestroy(qualified->units, free_unit);
    free(qualified);
}

static int compare_units(const void *a, const void *b)
{
    const struct unit *first = a, *second = b;

    return first->offset < second->offset ? -1 : first->offset > second->offset;
}

static int add(Dwarf_Die die, const char *name, void *arg)
{
    struct unit *unit = arg;

    /* Doubles where the count reaches a power of two. */
    if ((unit->count & (unit->count - 1)) == 0) {
        struct named *grown = reallocarray(unit->items, unit->count ? 2 * unit->count : 1, sizeof(*grown));
        if (!grown)
            return -1;
        unit->items = grown;
    }
    struct named *item = &unit->items[unit->count];
    *item = (struct named){.offset = hf_die_offset(die), .name = strdup(name)};
    unit->count += item->name != NULL;
    return item->name ? 0 : -1;
}

static int compare_named(const void *a, const void *b)
{
    const struct named *first = a, *second = b;

    return first->offset < second->offset ? -1 : first->offset > second->offset;
}

/* The unit at an offset, read now or before; NULL when it cannot be. */
static struct unit *unit_at(struct hf_qualified *qualified, uint64_t offset)
{
    struct unit key = {.offset = offset};
    struct unit **known = tfind(&key, &qualified->units, compare_units);
    HF_DIE Dwarf_Die die = known ? NULL : hf_die_at(qualified->dwarf, offset);
    struct unit *unit = die ? calloc(1, sizeof(*unit)) : NULL;

    if (known || !unit)
        return known ? *known : NULL;
    unit->offset = offset;
    unit->scoped = hf_qualified_unit(die);
    if ((unit->scoped && hf_qualified_walk(qualified->dwarf, die, true, add, unit) != 0) ||
        !tsearch(unit, &qualified->units, compare_units)) {
        free_unit(unit);
        return NULL;
    }
    if (unit->count)
        qsort(unit->items, unit->count, sizeof(*unit->items), compare_named);
    return unit;
}

/* The unit of an entry; NULL for one in a type unit, or when it cannot be read. */
static const struct unit *unit_of(struct hf_qualified *qualified, Dwarf_Die die)
{
    Dwarf_Off offset;
    Dwarf_Error error;

    if (!dwarf_get_die_infotypes_flag(die) || dwarf_CU_dieoffset_given_die(die, &offset, &error) != DW_DLV_OK)
        return NULL;
    return unit_at(qualified, offset);
}

bool hf_qualified_scoped(struct hf_qualified *qualified, Dwarf_Die die)
{
    const struct unit *unit = unit_of(qualified, die);

    return unit && unit->scoped;
}

const char *hf_qualified_name(struct hf_qualified *qualified, Dwarf_Die die)
{
    const struct unit *unit = unit_of(qualified, die);

    if (!unit || !unit->scoped)
        return unit ? hf_die_text(die, DW_AT_name) : NULL;
    const struct named key = {.offset = hf_die_offset(die)};
    const struct named *found =
        unit->count ? bsearch(&key, unit->items, unit->count, sizeof(*unit->items), compare_named) : NULL;
    return found ? found->name : NULL;
}

bool hf_name_reserved(const char *name)
{
    if (strncmp(name, "std::", strlen("std::")) == 0)
        return true;
    return name[0] == '_' && (name[1] == '_' || (isupper((unsigned char)name[1]) && strncmp(name, "_Z", 2) != 0));
}
