/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What happens when the patch is merely mapped: no code of its own may run before it is switched to, and no page may
 * become writable and executable at once.
 */
#include <inttypes.h>
#include <string.h>

#include "check/check.h"
#include "check/slot.h"
#include "elf/dynamic.h"

#define ADVICE_STACK "link it with -Wl,-z,noexecstack"

/* x86-64: R_X86_64_RELATIVE, AArch64: R_AARCH64_RELATIVE; the value is the addend. */
static bool is_relative(uint16_t machine, uint64_t type)
{
    return (machine == EM_X86_64 && type == R_X86_64_RELATIVE) || (machine == EM_AARCH64 && type == R_AARCH64_RELATIVE);
}

/* What a relocation of this image puts at an address; false when none does. */
static bool relocated_value(const struct hf_image *image, uint64_t address, uint64_t *value)
{
    struct hf_slot slot;

    if (!hf_slot_find(image, address, &slot))
        return false;
    *value = slot.addend + (is_relative(image->header.e_machine, slot.type) ? 0 : slot.value);
    return true;
}

static const char *function_at(const struct hf_image *symbols, uint64_t address)
{
    for (size_t i = 0; i < symbols->symbol_count; i++)
        if (symbols->symbols[i].address == address && symbols->symbols[i].type == STT_FUNC)
            return symbols->symbols[i].name;
    return NULL;
}

/* The function that an entry of a list of constructors or destructors stands for; its name is NULL when unknown. */
static uint64_t listed_function(const struct hf_program *patch, uint64_t place, const char **name)
{
    const struct hf_image *symbols = patch->debug ? patch->debug : &patch->image;
    const uint8_t *bytes = hf_image_bytes(&patch->image, place, sizeof(uint64_t));
    uint64_t address = 0;

    if (!relocated_value(&patch->image, place, &address) && bytes)
        memcpy(&address, bytes, sizeof(address)); /* DT_RELR: the value lies in its place */
    *name = function_at(symbols, address);
    return address;
}

static void check_constructor(const struct hf_program *patch, uint64_t place, struct hf_findings *findings)
{
    const struct hf_image *symbols = patch->debug ? patch->debug : &patch->image;
    const char *name;

    uint64_t address = listed_function(patch, place, &name);
    if (name && strcmp(name, "frame_dummy") == 0)
        return;
    if (!name && symbols->stripped)
        hf_findings_add(findings, HF_UNPROVEN, NULL, "pack the patch before it is stripped",
                        "the patch has a constructor at 0x%" PRIx64 ", and no symbol that tells whose it is", address);
    else
        hf_findings_add(findings, HF_INCOMPATIBLE, NULL, "do the work in hotfix_on_apply() instead",
                        "the patch has a constructor, '%s', which would run before the patch is applied",
                        name ? name : "?");
}

static void check_constructors(const struct hf_program *patch, const struct hf_dynamic *dynamic,
                               struct hf_findings *findings)
{
    GElf_Shdr init;

    for (uint64_t at = 0; at + sizeof(uint64_t) <= dynamic->init_array_size; at += sizeof(uint64_t)) {
        if (!hf_image_bytes(&patch->image, dynamic->init_array + at, sizeof(uint64_t))) {
            hf_findings_add(findings, HF_INCOMPATIBLE, NULL, NULL, "the patch's list of constructors is damaged");
            break;
        }
        check_constructor(patch, dynamic->init_array + at, findings);
    }
    /* crti.o puts _init at the beginning of .init */
    if (dynamic->init && (!hf_image_section(&patch->image, ".init", &init) || init.sh_addr != dynamic->init))
        hf_findings_add(findings, HF_INCOMPATIBLE, NULL, "do the work in hotfix_on_apply() instead",
                        "the patch has an initialisation function of its own");
}

static void note_destructor(const char *name, struct hf_findings *findings)
{
    hf_findings_add(findings, HF_UNPROVEN, NULL, "do the work in hotfix_on_revert() instead",
                    "the patch has a destructor, '%s', which would run when it is unloaded and when the process ends, "
                    "applied or not",
                    name);
}

static void check_destructors(const struct hf_program *patch, const struct hf_dynamic *dynamic,
                              struct hf_findings *findings)
{
    GElf_Shdr fini;
    const char *name;

    for (uint64_t at = 0; at + sizeof(uint64_t) <= dynamic->fini_array_size; at += sizeof(uint64_t)) {
        if (!hf_image_bytes(&patch->image, dynamic->fini_array + at, sizeof(uint64_t))) {
            hf_findings_add(findings, HF_INCOMPATIBLE, NULL, NULL, "the patch's list of destructors is damaged");
            break;
        }
        listed_function(patch, dynamic->fini_array + at, &name);
        /* that of crtbegin.o */
        if (!name || strcmp(name, "__do_global_dtors_aux") != 0)
            note_destructor(name ? name : "?", findings);
    }
    if (dynamic->fini && (!hf_image_section(&patch->image, ".fini", &fini) || fini.sh_addr != dynamic->fini))
        note_destructor("DT_FINI", findings);
}

/* Does the patch ask the dynamic linker for something of this kind? */
static bool asks_for(const struct hf_check_subject *subject, enum hf_dynamic_relation kind)
{
    const struct hf_image *image = &subject->patch->image;
    GElf_Shdr header;
    GElf_Rela entry;

    for (Elf_Scn *section = NULL; subject->tools && (section = elf_nextscn(image->elf, section));) {
        if (!gelf_getshdr(section, &header) || header.sh_type != SHT_RELA || !(header.sh_flags & SHF_ALLOC))
            continue;
        Elf_Data *data = elf_getdata(section, NULL);
        for (int i = 0; data && gelf_getrela(data, i, &entry); i++)
            if (subject->tools->dynamic_relation((uint32_t)GELF_R_TYPE(entry.r_info)) == kind)
                return true;
    }
    return false;
}

/* Not every linker says that places are fixed (DF_STATIC_TLS): for arm64, GNU ld does not. */
static void check_thread_storage(const struct hf_check_subject *subject, const struct hf_dynamic *dynamic,
                                 struct hf_findings *findings)
{
    const struct hf_image *image = &subject->patch->image;
    size_t count = 0;
    GElf_Phdr segment;
    bool found = false, fixed = dynamic->static_tls || asks_for(subject, HF_DYNAMIC_TLS_DIRECT);

    elf_getphdrnum(image->elf, &count);
    for (size_t i = 0; i < count && gelf_getphdr(image->elf, (int)i, &segment); i++)
        found |= segment.p_type == PT_TLS;
    if (found && fixed) {
        hf_findings_add(
            findings, HF_UNPROVEN, NULL, "compile it with -ftls-model=global-dynamic",
            "the patch brings thread-local variables at fixed places, for which running threads may have no "
            "room");
    } else if (found) {
        hf_findings_add(
            findings, HF_COMPATIBLE, NULL, NULL,
            "the patch brings thread-local variables of its own: a thread gets them when it first uses them");
        hf_findings_mark(findings);
    }
}

static void check_segments(const struct hf_image *image, struct hf_findings *findings)
{
    size_t count = 0;
    GElf_Phdr segment;
    bool stack = false;

    elf_getphdrnum(image->elf, &count);
    for (size_t i = 0; i < count && gelf_getphdr(image->elf, (int)i, &segment); i++) {
        if (segment.p_type == PT_LOAD && (segment.p_flags & PF_W) && (segment.p_flags & PF_X))
            hf_findings_add(findings, HF_INCOMPATIBLE, NULL, "link it without -N and without such a linker script",
                            "the patch has a segment that is writable and executable");
        stack |= segment.p_type == PT_GNU_STACK;
        if (segment.p_type == PT_GNU_STACK && (segment.p_flags & PF_X))
            hf_findings_add(findings, HF_INCOMPATIBLE, NULL, ADVICE_STACK,
                            "the patch would make the stacks of the process executable");
    }
    if (!stack)
        hf_findings_add(findings, HF_INCOMPATIBLE, NULL, ADVICE_STACK,
                        "the patch does not say that stacks need not be executable");
}

static void check_resolvers(const struct hf_check_subject *subject, struct hf_findings *findings)
{
    const struct hf_program *patch = subject->patch;
    const struct hf_image *symbols = patch->debug ? patch->debug : &patch->image;
    size_t count = 0;

    for (size_t i = 0; i < symbols->symbol_count; i++) {
        if (symbols->symbols[i].type != STT_GNU_IFUNC || symbols->symbols[i].section == SHN_UNDEF)
            continue;
        count++;
        hf_findings_add(findings, HF_INCOMPATIBLE, NULL, "call one of its variants by name",
                        "the patch has an indirect function, '%s', whose resolver would run before the patch is "
                        "applied",
                        symbols->symbols[i].name);
    }
    /* Stripped, a patch has no symbols of them, but relocations that call their resolvers. */
    if (count == 0 && asks_for(subject, HF_DYNAMIC_RESOLVER))
        hf_findings_add(findings, HF_INCOMPATIBLE, NULL, "call one of its variants by name",
                        "the patch has an indirect function without a symbol, whose resolver would run before the "
                        "patch is applied");
}

static int run(const struct hf_check_subject *subject, struct hf_findings *findings, struct hotfix_error *err)
{
    const struct hf_program *patch = subject->patch;
    struct hf_dynamic dynamic;

    if (hf_dynamic_read(&patch->image, &dynamic, err) != 0)
        return -1;
    if (dynamic.text_relocations)
        hf_findings_add(findings, HF_INCOMPATIBLE, NULL, "compile it with -fPIC",
                        "the patch has text relocations, which make code writable");
    check_constructors(patch, &dynamic, findings);
    check_destructors(patch, &dynamic, findings);
    check_resolvers(subject, findings);
    check_thread_storage(subject, &dynamic, findings);
    check_segments(&patch->image, findings);
    if (hf_findings_clean(findings))
        hf_findings_add(findings, HF_COMPATIBLE, NULL, NULL, "mapping the patch runs none of its code");
    hf_dynamic_deinit(&dynamic);
    return 0;
}

const struct hf_check hf_check_loading = {
    "loading", "constructors, destructors, thread-local storage, executable memory", HF_ACCEPT_UNPROVEN, run};
