/* SPDX-License-Identifier: Apache-2.0 */
/* Does the patch use the target's variables for what they are, and bring no second copy of one? */
#include <stdio.h>
#include <string.h>

#include "check/check.h"
#include "check/data/globals.h"
#include "check/name.h"
#include "patch/record.h"

/* What crt files and linkers put into every file. */
static bool is_furniture(const struct hf_symbol *symbol)
{
    static const char *const names[] = {
        "_DYNAMIC",          "_GLOBAL_OFFSET_TABLE_",          "__TMC_END__",
        "__dso_handle",      "__frame_dummy_init_array_entry", "__do_global_dtors_aux_fini_array_entry",
        "_TLS_MODULE_BASE_",
    };

    if (strcmp(hf_base_name(symbol->file), "crtstuff.c") == 0)
        return true;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (strcmp(symbol->name, names[i]) == 0)
            return true;
    return false;
}

/* A variable that the program can change after start-up: not constant, and not made so after relocation. */
static bool is_writable_variable(const struct hf_image *image, const struct hf_symbol *symbol)
{
    GElf_Shdr section;

    if ((symbol->type != STT_OBJECT && symbol->type != STT_TLS) || symbol->section == SHN_UNDEF || is_furniture(symbol))
        return false;
    if (symbol->section >= SHN_LORESERVE)
        return symbol->section == SHN_COMMON;
    Elf_Scn *scn = elf_getscn(image->elf, symbol->section);
    if (!scn || !gelf_getshdr(scn, &section) || !(section.sh_flags & SHF_WRITE))
        return false;
    const char *name = "";
    size_t names;
    if (elf_getshdrstrndx(image->elf, &names) == 0)
        name = elf_strptr(image->elf, names, section.sh_name);
    return !name || (strncmp(name, ".data.rel.ro", 12) != 0 && strcmp(name, ".init_array") != 0);
}

/* Does the target's source file hold a picked function? Then the patch's file stands for it, whatever its name is. */
static bool is_picked_source(const struct hf_check_subject *subject, const char *file)
{
    for (size_t i = 0; i < subject->pair_count; i++)
        if (hf_same_source(subject->pairs[i].old_function->source, file))
            return true;
    return false;
}

static bool same_variable(const struct hf_check_subject *subject, const struct hf_symbol *old_variable,
                          const struct hf_symbol *new_variable)
{
    const char *old_name = old_variable->name, *new_name = new_variable->name;

    if (old_variable->binding != STB_LOCAL && new_variable->binding != STB_LOCAL)
        return strcmp(old_name, new_name) == 0;
    /* One side may be local because it was hidden, or made static; names of static locals are numbered anew. */
    size_t size = hf_plain_size(old_name);
    return size == hf_plain_size(new_name) && strncmp(old_name, new_name, size) == 0 &&
           (old_variable->binding != new_variable->binding || hf_same_source(old_variable->file, new_variable->file) ||
            is_picked_source(subject, old_variable->file));
}

static bool has_variable(const struct hf_check_subject *subject, const struct hf_image *target,
                         const struct hf_symbol *wanted)
{
    for (size_t i = 0; i < target->symbol_count; i++)
        if (same_variable(subject, &target->symbols[i], wanted) && is_writable_variable(target, &target->symbols[i]))
            return true;
    return false;
}

static void check_one(const struct hf_check_subject *subject, const struct hf_image *target,
                      const struct hf_symbol *variable, struct hf_findings *findings)
{
    const char *file = hf_base_name(variable->file);

    if (has_variable(subject, target, variable))
        hf_findings_add(findings, HF_INCOMPATIBLE, NULL,
                        "declare it extern and export it from the target, or build the patch with 'hotfix build'",
                        "the patch has its own copy of the target's variable '%.*s'%s%s%s",
                        (int)(variable->binding == STB_LOCAL ? hf_plain_size(variable->name) : strlen(variable->name)),
                        variable->name, *file ? " (" : "", file, *file ? ")" : "");
    else if (target->stripped)
        hf_findings_add(findings, HF_UNPROVEN, NULL, "name the debug file, or use the target before it was stripped",
                        "the target has no symbol table that would tell whether it has the patch's variable '%s' too",
                        variable->name);
}

static bool is_constant(const struct hf_image *image, const struct hf_symbol *symbol)
{
    return symbol->type == STT_OBJECT && symbol->section != SHN_UNDEF && symbol->section < SHN_LORESERVE &&
           !is_furniture(symbol) && !is_writable_variable(image, symbol);
}

/* A copy that never changes stands for a variable that does. */
static void check_constant(const struct hf_check_subject *subject, const struct hf_image *target,
                           const struct hf_symbol *constant, struct hf_findings *findings)
{
    if (has_variable(subject, target, constant))
        hf_findings_add(findings, HF_INCOMPATIBLE, NULL, "give the constant another name",
                        "the patch has '%.*s' as a constant of its own, the target as a variable",
                        (int)(constant->binding == STB_LOCAL ? hf_plain_size(constant->name) : strlen(constant->name)),
                        constant->name);
}

/* What there is to say of variables that both sides see alike. */
static void note_alike(const struct hf_globals *globals, const char *own, struct hf_findings *findings)
{
    char rest[128] = "";

    if (globals->undeclared > 0)
        snprintf(rest, sizeof(rest), " (and %zu that clang records no declaration of, which was not compared)",
                 globals->undeclared);
    hf_findings_add(findings, HF_COMPATIBLE, NULL, NULL, "both sides see %zu variables of the target alike%s; %s",
                    globals->compared, rest, own);
}

static int run(const struct hf_check_subject *subject, struct hf_findings *findings, struct hotfix_error *err)
{
    const struct hf_image *target = subject->target->debug ? subject->target->debug : &subject->target->image;
    const struct hf_image *patch = subject->patch->debug ? subject->patch->debug : &subject->patch->image;
    struct hf_globals globals;

    if (hf_globals_check(subject, findings, &globals, err) != 0)
        return -1;
    /* It told the patch's variables from the target's by the object files; names of static locals can coincide. */
    if (hf_image_section(&subject->patch->image, HF_RECORDS_SECTION, NULL)) {
        if (hf_findings_clean(findings))
            note_alike(&globals, "what 'hotfix build' did not bind to the target is new", findings);
        return 0;
    }
    for (size_t i = 0; i < patch->symbol_count; i++) {
        if (is_constant(patch, &patch->symbols[i]))
            check_constant(subject, target, &patch->symbols[i], findings);
        else if (is_writable_variable(patch, &patch->symbols[i]))
            check_one(subject, target, &patch->symbols[i], findings);
    }
    if (patch->stripped)
        hf_findings_add(findings, HF_UNPROVEN, NULL, "pack the patch before it is stripped",
                        "the patch has no symbol table that would tell which variables it brings");
    if (hf_findings_clean(findings))
        note_alike(&globals, "the patch has no copy of one", findings);
    return 0;
}

const struct hf_check hf_check_variables = {"variables", "variables that the picked functions use", HF_ACCEPT_UNPROVEN,
                                            run};
