/* SPDX-License-Identifier: Apache-2.0 */
#include "elf/packed.h"

#include <endian.h>
#include <gelf.h>
#include <inttypes.h>
#include <stdbool.h>
#include <string.h>

#include "error.h"

#define RATIO 32
#define SLACK (UINT64_C(16) << 20)

/* Of a section of the old form, .zdebug_*: "ZLIB", then its unpacked size in big-endian order. */
static uint64_t old_form_size(Elf_Scn *section, uint64_t packed)
{
    Elf_Data *data = elf_rawdata(section, NULL);
    uint64_t size;

    if (!data || !data->d_buf || data->d_size < 4 + sizeof(size) || memcmp(data->d_buf, "ZLIB", 4) != 0)
        return packed;
    memcpy(&size, (const char *)data->d_buf + 4, sizeof(size));
    return be64toh(size);
}

static uint64_t unpacked_size(Elf *elf, Elf_Scn *section, size_t names)
{
    GElf_Shdr header;
    GElf_Chdr packed;

    if (!gelf_getshdr(section, &header) || header.sh_type == SHT_NOBITS)
        return 0;
    if (header.sh_flags & SHF_COMPRESSED)
        return gelf_getchdr(section, &packed) ? packed.ch_size : 0;
    const char *name = elf_strptr(elf, names, header.sh_name);
    bool old_form = name && strncmp(name, ".zdebug", strlen(".zdebug")) == 0;
    return old_form ? old_form_size(section, header.sh_size) : header.sh_size;
}

int hf_packed_check(Elf *elf, uint64_t file_size, const char *path, struct hotfix_error *err)
{
    uint64_t limit = file_size * RATIO + SLACK, total = 0;
    size_t names;

    if (elf_getshdrstrndx(elf, &names) != 0)
        return 0; /* without names there are no sections to read */
    for (Elf_Scn *section = NULL; (section = elf_nextscn(elf, section));) {
        uint64_t size = unpacked_size(elf, section, names);
        if (size <= limit - total) {
            total += size;
            continue;
        }
        return hf_error(err, HOTFIX_FORMAT,
                        "%s: has %" PRIu64 " bytes, and its sections take more than %" PRIu64
                        " when they are unpacked; if it is what a compiler made, objcopy --decompress-debug-sections "
                        "makes a file of it that can be read",
                        path, file_size, limit);
    }
    return 0;
}
