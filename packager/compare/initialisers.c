/* SPDX-License-Identifier: Apache-2.0 */
#include "compare/initialisers.h"

#include <stdio.h>
#include <string.h>

#include "compare/compare.h"
#include "error.h"

#define MAX_DEPTH  4   /* depth of initialisers that call others */
#define MAX_LISTED 3   /* variables that a message names */
#define TEXT       256 /* bytes of their names */

static bool begins(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

/* Is it a name that gcc and clang make up for functions that initialise variables? */
static bool is_made_up(const struct hf_name *name)
{
    return name->binding == STB_LOCAL &&
           (begins(name->text, "_GLOBAL__") || begins(name->text, "__cxx_global_var_init") ||
            strstr(name->text, "__static_initialization_and_destruction") != NULL);
}

static bool holds_made_up(const struct hf_part *part)
{
    for (size_t i = 0; i < part->name_count; i++)
        if (is_made_up(part->names[i]))
            return true;
    return false;
}

/* The n-th table of constructors or destructors; NULL when there are not so many. */
static const struct hf_part *table(const struct hf_object *object, size_t n)
{
    for (size_t i = 1; i < object->part_count; i++)
        if (object->parts[i].kind == HF_PART_START && object->parts[i].size > 0 && n-- == 0)
            return &object->parts[i];
    return NULL;
}

/* The function that an entry of a table names, when the compiler made it up. */
static struct hf_part *made_up(const struct hf_reference *reference)
{
    int64_t offset;
    struct hf_part *part = hf_reference_part(reference, &offset);

    return part && part->kind == HF_PART_CODE && !part->twin && holds_made_up(part) ? part : NULL;
}

void hf_initialisers_pair(struct hf_object *before, struct hf_object *after)
{
    const struct hf_part *left, *right;

    for (size_t i = 0; (left = table(before, i)) && (right = table(after, i)); i++) {
        if (strcmp(left->name, right->name) != 0 || left->reference_count != right->reference_count)
            return;
        for (size_t k = 0; k < left->reference_count; k++) {
            struct hf_part *old = made_up(&left->references[k]), *new = made_up(&right->references[k]);
            if (!old || !new || left->references[k].offset != right->references[k].offset)
                continue;
            old->twin = new;
            new->twin = old;
        }
    }
}

static bool leads_to(const struct hf_part *from, const struct hf_part *function, unsigned depth)
{
    for (size_t i = 0; i < from->reference_count; i++) {
        int64_t offset;
        const struct hf_part *to = hf_reference_part(&from->references[i], &offset);
        if (!to || to->kind != HF_PART_CODE || to == from)
            continue;
        if (to == function && (depth == 0 || holds_made_up(to)))
            return true;
        if ((depth == 0 || holds_made_up(to)) && depth < MAX_DEPTH && leads_to(to, function, depth + 1))
            return true;
    }
    return false;
}

bool hf_initialisers_have(const struct hf_object *object, const struct hf_part *function)
{
    const struct hf_part *start;

    for (size_t i = 0; (start = table(object, i)); i++)
        if (leads_to(start, function, 0))
            return true;
    return false;
}

/* Initialises the thread-local variables of a unit, in each thread that uses one (Itanium C++ ABI, 2.9.4). */
static bool is_thread_start(const struct hf_part *part)
{
    for (size_t i = 0; part->kind == HF_PART_CODE && i < part->name_count; i++)
        if (strcmp(part->names[i]->text, "__tls_init") == 0 || begins(part->names[i]->text, "_ZTH"))
            return true;
    return false;
}

/* Is it such a function, or one that the compiler made up for it? */
static bool is_of_threads(const struct hf_object *object, const struct hf_part *function)
{
    if (is_thread_start(function))
        return true;
    for (size_t i = 1; i < object->part_count && holds_made_up(function); i++)
        if (is_thread_start(&object->parts[i]) && leads_to(&object->parts[i], function, 1))
            return true;
    return false;
}

/* Has the target's object such variables already? Else no thread has initialised any. */
static bool has_thread_guard(const struct hf_object *before)
{
    return hf_object_find(before, "__tls_guard") != NULL;
}

static bool is_variable(const struct hf_part *part)
{
    return !part->anonymous && part->name_count > 0 && !begins(part->names[0]->text, "_ZGV") &&
           strcmp(part->names[0]->text, "__tls_guard") != 0 &&
           (part->kind == HF_PART_DATA || part->kind == HF_PART_ZERO || part->kind == HF_PART_TLS ||
            part->kind == HF_PART_CONST);
}

/* The variables that an initialiser sets: the new ones, else all. "'limit', 'table'" in text; how many. */
static size_t list_variables(const struct hf_part *after, bool new, char text[TEXT])
{
    size_t count = 0, length = 0;

    text[0] = '\0';
    for (size_t i = 0; i < after->reference_count; i++) {
        int64_t offset;
        const struct hf_part *part = hf_reference_part(&after->references[i], &offset);
        bool listed = false;
        for (size_t k = 0; k < i && !listed; k++)
            listed = hf_reference_part(&after->references[k], &offset) == part;
        if (!part || listed || !is_variable(part) || (new && part->twin))
            continue;
        if (count++ < MAX_LISTED)
            length +=
                (size_t)snprintf(text + length, TEXT - length, "%s'%.60s'", count > 1 ? ", " : "", hf_part_title(part));
        else if (count == MAX_LISTED + 1)
            snprintf(text + length, TEXT - length, ", ...");
    }
    return count;
}

static int refuse(const struct hf_part *after, struct hotfix_error *err)
{
    char text[TEXT];
    const char *object = after->object->name;
    size_t count = list_variables(after, true, text);

    if (count > 0)
        return hf_error(err, HOTFIX_INCOMPATIBLE,
                        "%s: %s %s new, and only code that runs before main() would set %s: a patch has no such code; "
                        "use the hook hotfix_on_apply, or a static variable of a function",
                        object, text, count > 1 ? "are" : "is", count > 1 ? "them" : "it");
    count = list_variables(after, false, text);
    if (count == 0)
        return hf_error(err, HOTFIX_INCOMPATIBLE,
                        "%s: '%s' changed: it runs before main(), and not for a patch: use the hook hotfix_on_apply",
                        object, hf_part_title(after));
    return hf_error(err, HOTFIX_INCOMPATIBLE,
                    "%s: how %s%s is initialised changed: that code ran before main(), and does not run for a patch: "
                    "use the hook hotfix_on_apply",
                    object, count > 1 ? "one of " : "", text);
}

static int refuse_threads(const struct hf_part *after, struct hotfix_error *err)
{
    char text[TEXT];
    size_t count = list_variables(after, false, text);

    return hf_error(err, HOTFIX_INCOMPATIBLE,
                    "%s: how %s%s is initialised changed, and threads that have done it do not do it again: keep that "
                    "code as it is, and let the functions that use the variable set it",
                    after->object->name, count == 1 ? "" : "one of ", count > 0 ? text : "the thread-local variables");
}

int hf_initialisers_check(const struct hf_object *before, const struct hf_object *after, struct hotfix_error *err)
{
    for (size_t i = 1; i < after->part_count; i++) {
        const struct hf_part *part = &after->parts[i];
        if (part->kind != HF_PART_CODE || part->size == 0)
            continue;
        const struct hf_part *twin = part->twin;
        if (has_thread_guard(before) && is_of_threads(after, part) && (!twin || !hf_compare_functions(twin, part)))
            return refuse_threads(part, err);
        if (!holds_made_up(part) || !hf_initialisers_have(after, part))
            continue;
        if (!twin || !hf_initialisers_have(before, twin) || !hf_compare_functions(twin, part))
            return refuse(part, err);
    }
    return 0;
}
