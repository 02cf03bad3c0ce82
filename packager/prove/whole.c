/* SPDX-License-Identifier: Apache-2.0 */
#include "prove/whole.h"

#include <string.h>

#include "error.h"
#include "program/facts.h"
#include "program/program.h"

#define FLAGS_SECTION ".GCC.command.line"

static int refuse(const struct hf_target *target, const char *what, const char *name, struct hotfix_error *err)
{
    return hf_error(err, HOTFIX_INCOMPATIBLE,
                    "%s: its files were compiled together (%s%s%s): callers in any file may count on what a function "
                    "did, and objects that are compiled one by one do not show it; only a release that is built "
                    "without -flto and -fwhole-program can be patched",
                    target->image.path, what, name[0] ? " " : "", name);
}

static int check_units(const struct hf_target *target, const struct hf_program *program, struct hotfix_error *err)
{
    for (size_t i = 0; i < program->unit_count; i++) {
        const char *producer = program->units[i]->producer;
        if (hf_facts_whole_program(producer))
            return refuse(target,
                          strncmp(producer, "GNU GIMPLE", 10) == 0 ? "-flto, by" : "-flto or -fwhole-program in",
                          program->units[i]->name, err);
    }
    return 0;
}

/* Flags as gcc's -frecord-gcc-switches and clang's -frecord-command-line leave them, each a text or all in one. */
static int check_flags(const struct hf_target *target, struct hotfix_error *err)
{
    GElf_Shdr header;
    Elf_Scn *section = hf_image_section(&target->image, FLAGS_SECTION, &header);
    Elf_Data *data = section && header.sh_type != SHT_NOBITS ? elf_getdata(section, NULL) : NULL;
    static const char *const flags[] = {"-flto", "-fwhole-program"};

    for (size_t i = 0; data && data->d_buf && i < sizeof(flags) / sizeof(flags[0]); i++)
        if (memmem(data->d_buf, data->d_size, flags[i], strlen(flags[i])))
            return refuse(target, flags[i], "in " FLAGS_SECTION, err);
    return 0;
}

/* What names tell: statics that link-time optimisation moved between its parts, and the objects that it makes. */
static int check_symbols(const struct hf_target *target, struct hotfix_error *err)
{
    const struct hf_image *symbols = target->symbols;

    for (size_t i = 0; i < symbols->symbol_count; i++) {
        const struct hf_symbol *symbol = &symbols->symbols[i];
        if (symbol->type == STT_FILE && strcmp(symbol->name, "ld-temp.o") == 0)
            return refuse(target, "-flto leaves the file symbol", symbol->name, err);
        if (strstr(symbol->name, ".lto_priv.") || strstr(symbol->name, ".llvm."))
            return refuse(target, "-flto leaves the name", symbol->name, err);
    }
    return 0;
}

/* Is a symbol of this name there, and no file but its own may use it? */
static bool is_local(const struct hf_target *target, const char *name)
{
    size_t count;
    struct hf_symbol *const *symbols = hf_target_named(target, name, &count);

    for (size_t i = 0; i < count; i++)
        if (symbols[i]->binding != STB_LOCAL || symbols[i]->visibility != STV_DEFAULT)
            return false;
    return count > 0;
}

int hf_whole_check_object(const struct hf_target *target, const struct hf_object *object, struct hotfix_error *err)
{
    for (size_t i = 0; target->executable && i < object->name_count; i++) {
        const struct hf_name *name = &object->names[i];
        if (name->type == STT_FUNC && name->part && name->binding == STB_GLOBAL && name->visibility == STV_DEFAULT &&
            is_local(target, name->text))
            return refuse(target, "-flto makes a local symbol of", name->text, err);
    }
    return 0;
}

int hf_whole_check(const struct hf_target *target, const char *debug_path, bool *documented, struct hotfix_error *err)
{
    const struct hf_asked nobody = {.count = 0};
    struct hf_program *program;

    /* libdwarf takes an error that libelf noted before for one of its own. */
    elf_errno();
    if (hf_program_open(target->image.path, debug_path, &nobody, &program, err) != 0)
        return -1;
    int failed = check_units(target, program, err);
    *documented = program->unit_count > 0;
    if (!failed && !*documented)
        failed = check_flags(target, err);
    hf_program_close(program);
    return failed ? -1 : check_symbols(target, err);
}
