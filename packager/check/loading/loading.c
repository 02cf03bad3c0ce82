/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What happens when the patch is merely mapped: no code of its own may run before it is switched to, and no page may
 * become writable and executable at once.
 */
#include <inttypes.h>
#include <string.h>

#include "check/check.h"
#include "check/loading/inert.h"
#include "check/loading/layout.h"
#include "check/loading/sections.h"
#include "check/loading/slot.h"
#include "dyntag.h"
#include "elf/dynamic.h"

#define ADVICE_STACK "link it with -Wl,-z,noexecstack"

static const char *function_at(const struct hf_image *symbols, uint64_t address)
{
    for (size_t i = 0; i < symbols->symbol_count; i++)
        if (symbols->symbols[i].address == address && symbols->symbols[i].type == STT_FUNC)
            return symbols->symbols[i].name;
    return NULL;
}

/* The function that an entry of a list of constructors or destructors stands for; its name is NULL when unknown. */
static uint64_t listed_function(const struct hf_check_subject *subject, uint64_t place, const char **name)
{
    const struct hf_program *patch = subject->patch;
    const struct hf_image *symbols = patch->debug ? patch->debug : &patch->image;
    const uint8_t *bytes = hf_image_bytes(&patch->image, place, sizeof(uint64_t));
    uint64_t address = 0;
    struct hf_slot slot;

    *name = NULL;
    if (hf_slot_count(&patch->image, place, sizeof(uint64_t)) > 1)
        return 0; /* which of them counts is the dynamic linker's to say */
    if (!hf_slot_find(&patch->image, place, &slot)) {
        if (bytes)
            memcpy(&address, bytes, sizeof(address)); /* DT_RELR: the value lies in its place */
    } else if (subject->tools && subject->tools->dynamic_relation(slot.type) == HF_DYNAMIC_BASE) {
        address = slot.addend;
    } else {
        return 0; /* whose function a symbol is shows where it is bound */
    }
    *name = function_at(symbols, address);
    return address;
}

static void check_constructor(const struct hf_check_subject *subject, uint64_t place, struct hf_findings *findings)
{
    const struct hf_program *patch = subject->patch;
    const struct hf_image *symbols = patch->debug ? patch->debug : &patch->image;
    const char *name;

    uint64_t address = listed_function(subject, place, &name);
    /* crtbegin.o has one of this name, which does nothing; anybody else's can be called so too. */
    if ((!name || strcmp(name, "frame_dummy") == 0) && hf_inert(&patch->image, subject->tools, address, false))
        return;
    if (!name && symbols->stripped)
        hf_findings_add(findings, HF_UNPROVEN, NULL, "pack the patch before it is stripped",
                        "the patch has a constructor at 0x%" PRIx64 ", and no symbol that tells whose it is", address);
    else
        hf_findings_add(findings, HF_INCOMPATIBLE, NULL, "do the work in hotfix_on_apply() instead",
                        "the patch has a constructor, '%s', which would run before the patch is applied",
                        name ? name : "?");
}

static void check_constructors(const struct hf_check_subject *subject, const struct hf_dynamic *dynamic,
                               struct hf_findings *findings)
{
    const struct hf_program *patch = subject->patch;
    GElf_Shdr init;

    for (uint64_t at = 0; at + sizeof(uint64_t) <= dynamic->init_array_size; at += sizeof(uint64_t)) {
        if (!hf_image_bytes(&patch->image, dynamic->init_array + at, sizeof(uint64_t))) {
            hf_findings_add(findings, HF_INCOMPATIBLE, NULL, NULL, "the patch's list of constructors is damaged");
            break;
        }
        check_constructor(subject, dynamic->init_array + at, findings);
    }
    /* crti.o puts _init at the beginning of .init, and other files may have put something behind it. */
    if (dynamic->init && (!hf_image_section(&patch->image, ".init", &init) || init.sh_addr != dynamic->init ||
                          !hf_inert(&patch->image, subject->tools, dynamic->init, false)))
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

static void check_destructors(const struct hf_check_subject *subject, const struct hf_dynamic *dynamic,
                              struct hf_findings *findings)
{
    const struct hf_program *patch = subject->patch;
    GElf_Shdr fini;
    const char *name;

    for (uint64_t at = 0; at + sizeof(uint64_t) <= dynamic->fini_array_size; at += sizeof(uint64_t)) {
        if (!hf_image_bytes(&patch->image, dynamic->fini_array + at, sizeof(uint64_t))) {
            hf_findings_add(findings, HF_INCOMPATIBLE, NULL, NULL, "the patch's list of destructors is damaged");
            break;
        }
        uint64_t address = listed_function(subject, dynamic->fini_array + at, &name);
        /* That of crtbegin.o has the C library run what was registered for the patch. */
        if ((name && strcmp(name, "__do_global_dtors_aux") != 0) ||
            !hf_inert(&patch->image, subject->tools, address, true))
            note_destructor(name ? name : "?", findings);
    }
    if (dynamic->fini && (!hf_image_section(&patch->image, ".fini", &fini) || fini.sh_addr != dynamic->fini ||
                          !hf_inert(&patch->image, subject->tools, dynamic->fini, true)))
        note_destructor("DT_FINI", findings);
}

/* What a patch may ask the dynamic linker for. */
struct asked {
    const struct hf_arch_tools *tools;
    enum hf_dynamic_relation kind;
};

static bool is_asked(const GElf_Shdr *table, const GElf_Rela *entry, void *arg)
{
    const struct asked *asked = arg;

    (void)table;
    return asked->tools->dynamic_relation((uint32_t)GELF_R_TYPE(entry->r_info)) == asked->kind;
}

/* Does the patch ask the dynamic linker for something of this kind? */
static bool asks_for(const struct hf_check_subject *subject, enum hf_dynamic_relation kind)
{
    return subject->tools && hf_slots_any(&subject->patch->image, is_asked, &(struct asked){subject->tools, kind});
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

static void note_resolver(const char *name, struct hf_findings *findings)
{
    hf_findings_add(findings, HF_INCOMPATIBLE, NULL, "call one of its variants by name",
                    "the patch has an indirect function, '%s', whose resolver would run before the patch is applied",
                    name);
}

static void check_resolvers(const struct hf_check_subject *subject, const struct hf_dynamic *dynamic,
                            struct hf_findings *findings)
{
    const struct hf_program *patch = subject->patch;
    const struct hf_image *symbols = patch->debug ? patch->debug : &patch->image;
    size_t count = 0;

    for (size_t i = 0; i < symbols->symbol_count; i++)
        if (symbols->symbols[i].type == STT_GNU_IFUNC && symbols->symbols[i].section != SHN_UNDEF && ++count)
            note_resolver(symbols->symbols[i].name, findings);
    /* Those that the dynamic linker goes by, whatever the others say. */
    for (size_t i = 0; count == 0 && i < dynamic->symbol_count; i++)
        if (dynamic->symbols[i].type == STT_GNU_IFUNC && dynamic->symbols[i].defined && ++count)
            note_resolver(dynamic->symbols[i].name, findings);
    /* Stripped, a patch has no symbols of them, but relocations that call their resolvers. */
    if (count == 0 && asks_for(subject, HF_DYNAMIC_RESOLVER))
        hf_findings_add(findings, HF_INCOMPATIBLE, NULL, "call one of its variants by name",
                        "the patch has an indirect function without a symbol, whose resolver would run before the "
                        "patch is applied");
}

/* Whether the relocations that the dynamic linker will find at an address are those of sections. */
static bool is_listed(const struct hf_image *image, uint64_t begin, uint64_t size)
{
    GElf_Shdr header;
    uint64_t at = begin;
    bool moved = true;

    while (at - begin < size && moved) {
        moved = false;
        for (Elf_Scn *section = NULL; !moved && (section = elf_nextscn(image->elf, section));)
            if (gelf_getshdr(section, &header) && header.sh_type == SHT_RELA && (header.sh_flags & SHF_ALLOC) &&
                at >= header.sh_addr && at - header.sh_addr < header.sh_size) {
                at = header.sh_addr + header.sh_size;
                moved = true;
            }
    }
    return at - begin >= size;
}

/* Those that call resolvers must not hide from asks_for(). */
static void check_relocations(const struct hf_image *image, const uint8_t *section, size_t size,
                              struct hf_findings *findings)
{
    uint64_t begin[2] = {0}, bytes[2] = {0};
    Elf64_Dyn entry;

    for (size_t at = 0; size - at >= sizeof(entry); at += sizeof(entry)) {
        memcpy(&entry, section + at, sizeof(entry));
        if (entry.d_tag == DT_NULL)
            break;
        if (entry.d_tag == DT_RELA || entry.d_tag == DT_JMPREL)
            begin[entry.d_tag == DT_JMPREL] = entry.d_un.d_ptr;
        else if (entry.d_tag == DT_RELASZ || entry.d_tag == DT_PLTRELSZ)
            bytes[entry.d_tag == DT_PLTRELSZ] = entry.d_un.d_val;
    }
    for (size_t i = 0; i < 2; i++)
        if (!is_listed(image, begin[i], bytes[i]))
            hf_findings_add(findings, HF_INCOMPATIBLE, NULL, "link it again; do not edit its headers",
                            "the patch's relocations are not those of its sections");
}

/*
 * The dynamic linker goes by the program headers: what the section headers say, which everything else here is read by,
 * must be the same place.
 */
static void check_dynamic(const struct hf_image *image, struct hf_findings *findings)
{
    size_t count = 0;
    GElf_Phdr segment;
    GElf_Shdr header;
    int64_t tag;
    uint64_t value;
    bool listed = hf_image_section(image, ".dynamic", &header);

    elf_getphdrnum(image->elf, &count);
    for (size_t i = 0; i < count && gelf_getphdr(image->elf, (int)i, &segment); i++) {
        if (segment.p_type != PT_DYNAMIC)
            continue;
        const uint8_t *bytes = hf_image_bytes(image, segment.p_vaddr, segment.p_filesz);
        if (!listed || !bytes || header.sh_addr != segment.p_vaddr || header.sh_size != segment.p_filesz ||
            header.sh_offset != segment.p_offset)
            hf_findings_add(findings, HF_INCOMPATIBLE, NULL, "link it again; do not edit its headers",
                            "the patch's dynamic section is not where its program headers say");
        else if (hf_dyntag_find(bytes, segment.p_filesz, &tag, &value))
            hf_findings_add(findings, HF_INCOMPATIBLE, NULL, "link it without such an option",
                            "the patch asks the dynamic linker for %s: entry %#" PRIx64 " with %#" PRIx64,
                            hf_dyntag_what(tag), (uint64_t)tag, value);
        else
            check_relocations(image, bytes, segment.p_filesz, findings);
    }
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
    else
        hf_layout_check(&patch->image, subject->tools, findings);
    check_dynamic(&patch->image, findings);
    hf_sections_check(&patch->image, findings);
    check_constructors(subject, &dynamic, findings);
    check_destructors(subject, &dynamic, findings);
    check_resolvers(subject, &dynamic, findings);
    check_thread_storage(subject, &dynamic, findings);
    check_segments(&patch->image, findings);
    if (hf_findings_clean(findings))
        hf_findings_add(findings, HF_COMPATIBLE, NULL, NULL, "mapping the patch runs none of its code");
    hf_dynamic_deinit(&dynamic);
    return 0;
}

const struct hf_check hf_check_loading = {
    "loading", "constructors, destructors, thread-local storage, executable memory", HF_ACCEPT_UNPROVEN, run};
