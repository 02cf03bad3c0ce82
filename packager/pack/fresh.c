/* SPDX-License-Identifier: Apache-2.0 */
#include "pack/fresh.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "error.h"

/* The C runtime's own, which a linker adds to each shared object: nothing of a fix is in them. */
static bool is_runtime(const struct hf_symbol *symbol)
{
    return strcmp(symbol->file, "crtstuff.c") == 0;
}

/* Relocated constants are writable until the dynamic linker is done. */
static bool is_variable(const struct hf_image *patch, const struct hf_symbol *symbol)
{
    Elf_Scn *section = elf_getscn(patch->elf, symbol->section);
    GElf_Shdr header;
    size_t names;

    if ((symbol->type != STT_OBJECT && symbol->type != STT_TLS) || symbol->size == 0 || symbol->section == SHN_UNDEF ||
        symbol->section >= SHN_LORESERVE || !section || !gelf_getshdr(section, &header) ||
        elf_getshdrstrndx(patch->elf, &names) != 0)
        return false;
    const char *name = elf_strptr(patch->elf, names, header.sh_name);
    return (header.sh_flags & SHF_WRITE) && name && strncmp(name, ".data.rel.ro", strlen(".data.rel.ro")) != 0;
}

int hf_fresh_variables(const struct hf_image *patch, char **names, size_t *count, struct hotfix_error *err)
{
    size_t size;
    FILE *text = open_memstream(names, &size);

    *count = 0;
    if (!text)
        return hf_error(err, HOTFIX_MEMORY, "out of memory");
    for (size_t i = 0; i < patch->symbol_count; i++)
        if (is_variable(patch, &patch->symbols[i]) && !is_runtime(&patch->symbols[i]))
            fprintf(text, "%s%s", (*count)++ ? ", " : "", patch->symbols[i].name);
    if (fclose(text) != 0) {
        free(*names);
        *names = NULL;
        return hf_error(err, HOTFIX_MEMORY, "out of memory");
    }
    return 0;
}
