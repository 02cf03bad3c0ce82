/* SPDX-License-Identifier: Apache-2.0 */
#include "check/compiled/switches.h"

#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "error.h"

#define SECTION ".GCC.command.line"

/* Is `name` one of the words of a command line? */
static bool names(const char *text, const char *name)
{
    size_t size = strlen(name);

    for (const char *at = text; size > 0 && (at = strstr(at, name)); at++)
        if ((at == text || at[-1] == ' ') && (at[size] == ' ' || at[size] == '\0'))
            return true;
    return false;
}

/* gcc leaves the source file out of its texts. */
static bool from_gcc(const char *text)
{
    return strncmp(text, "GNU ", 4) == 0;
}

/* NULL when no text speaks for the unit, or two do. `data` ends in NUL. */
static const char *choose(const char *data, size_t size, const char *unit)
{
    const char *found = NULL;
    size_t others = 0;

    for (size_t at = 0; at < size; at += strlen(data + at) + 1) {
        const char *text = data + at;
        if (*text == '\0' || (found && strcmp(text, found) == 0))
            continue;
        if (!from_gcc(text) && !(unit && names(text, unit)))
            continue;
        others += found != NULL;
        found = text;
    }
    return others == 0 ? found : NULL;
}

int hf_switches_read(const struct hf_image *image, const char *unit, char **text, struct hotfix_error *err)
{
    GElf_Shdr header;
    Elf_Scn *section = hf_image_section(image, SECTION, &header);
    Elf_Data *data = section && header.sh_type == SHT_PROGBITS ? elf_getdata(section, NULL) : NULL;
    size_t size = data && data->d_buf ? data->d_size : 0;

    HF_FREE char *copy = calloc(1, size + 1);
    if (!copy)
        return hf_error(err, HOTFIX_MEMORY, "out of memory");
    if (size > 0)
        memcpy(copy, data->d_buf, size);
    const char *found = choose(copy, size, unit);
    *text = strdup(found ? found : "");
    return *text ? 0 : hf_error(err, HOTFIX_MEMORY, "out of memory");
}
