/* SPDX-License-Identifier: Apache-2.0 */
#include "reference/classes.h"

#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "dwarf/dwarf.h"
#include "dwarf/qualified.h"
#include "error.h"
#include "object/debuginfo.h"
#include "object/tree.h"
#include "program/program.h"

struct known {
    char *name;
    bool defined; /* by an object of this side */
    enum hf_passing passing;
};

/* A search for the definition of one class. */
struct search {
    const struct hf_passing_elsewhere *elsewhere;
    Dwarf_Debug dwarf;
    const char *name;
    unsigned depth;
    bool found;
    enum hf_passing passing;
};

static int compare_known(const void *a, const void *b)
{
    return strcmp(((const struct known *)a)->name, ((const struct known *)b)->name);
}

static void free_known(void *where)
{
    struct known *known = where;

    free(known->name);
    free(known);
}

void hf_classes_deinit(struct hf_classes *classes)
{
    tdestroy(classes->before, free_known);
    tdestroy(classes->after, free_known);
    *classes = (struct hf_classes){.request = NULL};
}

static int visit(Dwarf_Die die, const char *name, void *arg)
{
    struct search *search = arg;
    Dwarf_Half tag = hf_die_tag(die);
    bool is_class = tag == DW_TAG_structure_type || tag == DW_TAG_class_type || tag == DW_TAG_union_type;

    if (!is_class || hf_die_has(die, DW_AT_declaration) || strcmp(name, search->name) != 0)
        return 0;
    search->found = true;
    search->passing = hf_passing_of_class(search->dwarf, die, search->elsewhere, search->depth);
    return 1;
}

static int visit_unit(Dwarf_Debug dwarf, Dwarf_Die unit, void *arg)
{
    struct search *search = arg;

    search->dwarf = dwarf;
    return hf_qualified_unit(unit) && hf_qualified_walk(dwarf, unit, true, visit, search) == 1;
}

static int search_object(const struct hf_object_file *file, struct search *search, struct hotfix_error *err)
{
    HF_OBJECT struct hf_object *object = NULL;
    HF_DEBUGINFO struct hf_debuginfo *info = NULL;

    if (hf_object_open(file->path, file->name, &object, err) != 0 || hf_debuginfo_open(object, &info, err) != 0)
        return -1;
    if (info)
        hf_debuginfo_units(info, visit_unit, search);
    return 0;
}

static int search_objects(const char *path, struct search *search, struct hotfix_error *err)
{
    struct hf_object_tree tree = {.count = 0};
    int failed = hf_object_tree_read(path, &tree, err);

    for (size_t i = 0; !failed && !search->found && i < tree.count; i++)
        failed = search_object(&tree.files[i], search, err);
    hf_object_tree_deinit(&tree);
    return failed;
}

static int search_target(const struct hf_build_request *request, struct search *search, struct hotfix_error *err)
{
    const struct hf_asked nobody = {.count = 0};
    struct hf_program *program;

    if (hf_program_open(request->target, request->debug, &nobody, &program, err) != 0)
        return -1;
    for (size_t i = 0; program->dwarf && !search->found && i < program->dwarf->unit_count; i++) {
        HF_DIE Dwarf_Die unit = hf_die_at(program->dwarf->handle, program->dwarf->units[i].offset);
        if (unit)
            visit_unit(program->dwarf->handle, unit, search);
    }
    hf_program_close(program);
    return 0;
}

static struct known *find(struct hf_classes *classes, bool after, const char *name, unsigned depth);

/* New objects that leave a class out which old objects define may have changed it; else it is the target's. */
static int search_all(struct hf_classes *classes, bool after, struct search *search, struct known *known)
{
    const struct hf_build_request *request = classes->request;

    if (search_objects(after ? request->after : request->before, search, classes->err) != 0)
        return -1;
    known->defined = search->found;
    if (search->found)
        return 0;
    if (!after)
        return search_target(request, search, classes->err);
    const struct known *old = find(classes, false, search->name, search->depth);
    if (old && !old->defined)
        search->passing = old->passing;
    return 0;
}

static struct known *find(struct hf_classes *classes, bool after, const char *name, unsigned depth)
{
    struct hf_classes_side side = {.classes = classes, .after = after};
    const struct hf_passing_elsewhere elsewhere = {.find = hf_classes_find, .arg = &side};
    struct search search = {.elsewhere = &elsewhere, .name = name, .depth = depth, .passing = HF_PASSED_UNKNOWN};
    struct known *known = calloc(1, sizeof(*known));

    if (!known || !(known->name = strdup(name))) {
        free(known);
        classes->failed = true;
        hf_error(classes->err, HOTFIX_MEMORY, "out of memory");
        return NULL;
    }
    known->passing = HF_PASSED_UNKNOWN; /* until it is found: damage may make a class a part of itself */
    struct known **met = tsearch(known, after ? &classes->after : &classes->before, compare_known);
    if (!met || *met != known)
        free_known(known);
    if (met && *met != known)
        return *met;
    if (!met || search_all(classes, after, &search, known) != 0) {
        classes->failed = true;
        return met ? known : NULL;
    }
    known->passing = search.passing;
    return known;
}

enum hf_passing hf_classes_find(Dwarf_Debug dwarf, Dwarf_Die declaration, unsigned depth, void *arg)
{
    const struct hf_classes_side *side = arg;
    struct hf_qualified *names = hf_qualified_create(dwarf);
    const char *name = names ? hf_qualified_name(names, declaration) : NULL;
    enum hf_passing passing = HF_PASSED_UNKNOWN;

    if (name && !strstr(name, HF_QUALIFIED_ANONYMOUS) && !side->classes->failed) {
        const struct known *known = find(side->classes, side->after, name, depth);
        passing = known ? known->passing : HF_PASSED_UNKNOWN;
        if (passing == HF_PASSED_UNKNOWN && hf_name_reserved(name))
            passing = HF_PASSED_DIRECTLY;
    }
    hf_qualified_destroy(names);
    return passing;
}
