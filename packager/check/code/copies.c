/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Is the picked function's machine code, all of it and nothing else, what the detour replaces? Compilers make further
 * copies (inlined into callers, or cloned for some of them) and linkers and compilers fold equal functions into one.
 */
#include <stdio.h>
#include <string.h>

#include "check/check.h"
#include "check/compared.h"
#include "check/name.h"
#include "cleanup.h"
#include "error.h"

#define ADVICE_DEBUG "compile the target with -g, or name its debug file"

/* A list of names in a sentence, cut where it gets long. */
struct list {
    char text[256];
    size_t count;
};

static void list_add(struct list *list, const char *name, const char *source)
{
    char item[128];
    bool source_known = source && *source;

    snprintf(item, sizeof(item), "%s%s%s%s", name, source_known ? " (" : "", source_known ? hf_base_name(source) : "",
             source_known ? ")" : "");
    if (strstr(list->text, item))
        return;
    size_t used = strlen(list->text), needed = strlen(item) + 2;
    list->count++;
    if (used + needed + sizeof(" and more") > sizeof(list->text)) {
        if (!strstr(list->text, " and more"))
            strcat(list->text, " and more");
        return;
    }
    snprintf(list->text + used, sizeof(list->text) - used, "%s%s", used ? ", " : "", item);
}

/* The picked function that covers an address of the target, or has this name and source; NULL when there is none. */
static const struct hf_pair *find_pair(const struct hf_check_subject *subject, uint64_t address, const char *name,
                                       const char *source)
{
    for (size_t i = 0; i < subject->pair_count; i++) {
        const struct hf_function *function = subject->pairs[i].old_function;
        if (address >= function->address && address - function->address < function->size)
            return &subject->pairs[i];
        if (name && strcmp(function->name, name) == 0 && hf_same_source(function->source, source))
            return &subject->pairs[i];
    }
    return NULL;
}

static int run_inline(const struct hf_check_subject *subject, struct hf_findings *findings, struct hotfix_error *err)
{
    HF_COMPARED struct hf_compared compared;

    if (hf_compared_init(subject, &compared, err) != 0)
        return -1;
    for (size_t i = 0; i < subject->pair_count; i++) {
        const struct hf_pair *pair = &subject->pairs[i];
        const struct hf_function *function = pair->old_function;
        struct list callers = {.count = 0};

        if (!function->unit) {
            hf_findings_add(findings, HF_UNPROVEN, pair, ADVICE_DEBUG,
                            "no debug information tells whether it was inlined into callers");
            continue;
        }
        for (size_t k = 0; k < function->inlined_count; k++) {
            const struct hf_inline_copy *copy = &function->inlined[k];
            if (!find_pair(subject, copy->address, copy->caller, copy->caller_source) &&
                !hf_compared_code(&compared, pair, copy->address))
                list_add(&callers, copy->caller, copy->caller_source);
        }
        if (callers.count > 0)
            hf_findings_add(findings, HF_INCOMPATIBLE, pair,
                            "put these functions into the patch, and pick them too (--follow-inlines does)",
                            "it was inlined into %s, where the detour would miss it", callers.text);
    }
    if (hf_findings_clean(findings))
        hf_findings_add(findings, HF_COMPATIBLE, NULL, NULL, "no inlined copy stays behind");
    return 0;
}

/* Is this symbol a clone that gcc made of a function: NAME.constprop.0, NAME.isra.0.part.1? A .cold part is not one:
 * only its own function jumps there. */
static bool is_clone(const struct hf_symbol *symbol, const struct hf_function *function)
{
    size_t size = strlen(function->name);

    if (symbol->type != STT_FUNC || strncmp(symbol->name, function->name, size) != 0 || symbol->name[size] != '.')
        return false;
    const char *suffix = symbol->name + size;
    return (strstr(suffix, ".constprop.") || strstr(suffix, ".isra.") || strstr(suffix, ".part.")) &&
           !strstr(suffix, ".cold") && hf_same_source(symbol->file, function->source);
}

static int compare_names(const void *a, const void *b)
{
    return strcmp((*(const struct hf_symbol *const *)a)->name, (*(const struct hf_symbol *const *)b)->name);
}

/* The symbols of an image, ordered by name; NULL when there is no memory. */
static const struct hf_symbol **order_by_name(const struct hf_image *image)
{
    const struct hf_symbol **ordered = calloc(image->symbol_count + 1, sizeof(const struct hf_symbol *));

    for (size_t i = 0; ordered && i < image->symbol_count; i++)
        ordered[i] = &image->symbols[i];
    if (ordered && image->symbol_count)
        qsort(ordered, image->symbol_count, sizeof(const struct hf_symbol *), compare_names);
    return ordered;
}

/* Where the names begin that have this one in front, or come after it. */
static size_t first_named(const struct hf_symbol *const *ordered, size_t count, const char *name)
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

static int run_clones(const struct hf_check_subject *subject, struct hf_findings *findings, struct hotfix_error *err)
{
    const struct hf_image *symbols = subject->target->debug;
    HF_COMPARED struct hf_compared compared;

    if (hf_compared_init(subject, &compared, err) != 0)
        return -1;
    if (!symbols || symbols->stripped) {
        hf_findings_add(findings, HF_UNPROVEN, NULL, "name the debug file, or use the target before it was stripped",
                        "the target has no symbol table that would tell of clones of the picked functions");
        return 0;
    }
    HF_FREE const struct hf_symbol **ordered = order_by_name(symbols);
    if (!ordered)
        return hf_error(err, HOTFIX_MEMORY, "out of memory for %zu symbols", symbols->symbol_count);
    for (size_t i = 0; i < subject->pair_count; i++) {
        const struct hf_pair *pair = &subject->pairs[i];
        const char *name = pair->old_function->name;
        struct list clones = {.count = 0};
        for (size_t k = first_named(ordered, symbols->symbol_count, name);
             k < symbols->symbol_count && strncmp(ordered[k]->name, name, strlen(name)) == 0; k++) {
            const struct hf_symbol *symbol = ordered[k];
            if (is_clone(symbol, pair->old_function) && !find_pair(subject, symbol->address, NULL, NULL) &&
                !hf_compared_pair(&compared, pair))
                list_add(&clones, symbol->name, NULL);
        }
        if (clones.count > 0)
            hf_findings_add(findings, HF_INCOMPATIBLE, pair, "pick the functions that call it instead",
                            "the compiler made copies of it for some callers, which the patch does not replace: %s",
                            clones.text);
    }
    if (hf_findings_clean(findings))
        hf_findings_add(findings, HF_COMPATIBLE, NULL, NULL, "no clone stays behind");
    return 0;
}

/* Has the patch these two names on one function as well? Then they are meant to be one. */
static bool aliased_in_patch(const struct hf_check_subject *subject, const struct hf_pair *pair, const char *name)
{
    for (size_t i = 0; i < subject->patch->function_count; i++) {
        const struct hf_function *function = &subject->patch->functions[i];
        if (function->address == pair->new_function->address && strcmp(function->name, name) == 0)
            return true;
    }
    return false;
}

/* gcc's own name for a function of a library, which its own code calls: "fee.localalias". */
static bool is_local_alias(const char *alias, const char *name)
{
    static const char suffix[] = ".localalias";
    size_t size = strlen(name);

    return strncmp(alias, name, size) == 0 && strncmp(alias + size, suffix, strlen(suffix)) == 0;
}

static int run_alias(const struct hf_check_subject *subject, struct hf_findings *findings, struct hotfix_error *err)
{
    (void)err;
    for (size_t i = 0; i < subject->pair_count; i++) {
        const struct hf_pair *pair = &subject->pairs[i];
        struct list others = {.count = 0};
        for (size_t k = hf_program_first_at(subject->target, pair->old_function->address);
             k < subject->target->function_count &&
             subject->target->functions[k].address == pair->old_function->address;
             k++) {
            const struct hf_function *function = &subject->target->functions[k];
            if (strcmp(function->name, pair->old_function->name) != 0 &&
                !is_local_alias(function->name, pair->old_function->name) &&
                !is_local_alias(pair->old_function->name, function->name) &&
                !aliased_in_patch(subject, pair, function->name))
                list_add(&others, function->name, NULL);
        }
        if (others.count > 0)
            hf_findings_add(findings, HF_UNPROVEN, pair, "accept it if they are meant to be one function",
                            "its code is also that of %s, which the detour would replace with it", others.text);
    }
    if (hf_findings_clean(findings))
        hf_findings_add(findings, HF_COMPATIBLE, NULL, NULL, "no other function shares their code");
    return 0;
}

const struct hf_check hf_check_inline = {"inline", "inlined copies of each picked function", HF_ACCEPT_ANY, run_inline};
const struct hf_check hf_check_clones = {"clones", "compiler clones of each picked function", HF_ACCEPT_ANY,
                                         run_clones};
const struct hf_check hf_check_alias = {"alias", "other functions that share a picked function's code",
                                        HF_ACCEPT_UNPROVEN, run_alias};
