/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The debug sections of an image, and of what was joined to it, as libdwarf sees them (libdwarf.h, "Dwarf_Obj_Access").
 * All files are opened this way: once libdwarf 20210528 has opened a file through libelf itself, it treats every later
 * file as an Elf handle.
 */
#ifndef HF_SECTIONS_H
#define HF_SECTIONS_H

#include <libdwarf/libdwarf.h>

#include "dwarf/joined.h"
#include "elf/image.h"

struct hf_sections {
    struct Dwarf_Obj_Access_Interface_s access;
    const struct hf_image *image;
    const struct hf_joined *joined; /* NULL: the image alone */
};

/*
 * Compressed sections must have been unpacked (hf_guard_check() does). As dwarf_elf_init(): DW_DLV_OK, DW_DLV_ERROR, or
 * DW_DLV_NO_ENTRY when there is no debug information; *dwarf is to be closed with dwarf_object_finish(). Sections,
 * image and supplement must outlive it.
 */
int hf_sections_open(struct hf_sections *sections, const struct hf_image *image, const struct hf_joined *joined,
                     Dwarf_Debug *dwarf, Dwarf_Error *error);

#endif
