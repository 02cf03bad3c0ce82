/* SPDX-License-Identifier: Apache-2.0 */
#include "verify/payload.h"

#include <inttypes.h>
#include <stdbool.h>
#include <string.h>

#include "arch.h"
#include "dyntag.h"
#include "error.h"
#include "stamp.h"
#include "verify/segment.h"

#define MAX_ALIGNMENT (UINT64_C(1) << 30)
#define PAGE          UINT64_C(4096) /* the smallest of any CPU here */

struct payload {
    const struct hf_manifest *manifest;
    const uint8_t *bytes;
    size_t size;
    Elf *elf;
    const struct hf_arch *arch;
};

static int check_header(struct payload *payload, struct hotfix_error *err)
{
    GElf_Ehdr header;
    if (elf_kind(payload->elf) != ELF_K_ELF || !gelf_getehdr(payload->elf, &header))
        return hf_error(err, HOTFIX_FORMAT, "it is not an ELF file");
    if (header.e_type != ET_DYN || header.e_ident[EI_CLASS] != ELFCLASS64 || header.e_ident[EI_DATA] != ELFDATA2LSB)
        return hf_error(err, HOTFIX_FORMAT, "it is not a 64-bit little-endian shared object");

    payload->arch = hf_arch_find(header.e_machine);
    if (!payload->arch || strcmp(payload->arch->name, payload->manifest->arch) != 0)
        return hf_error(err, HOTFIX_FORMAT, "it is made for %s, the manifest says %s",
                        payload->arch ? payload->arch->name : "an unknown machine", payload->manifest->arch);
    return 0;
}

static int check_segments(const struct payload *payload, struct hotfix_error *err)
{
    size_t count = 0, loaded = 0;
    uint64_t end = 0; /* of the one before: the dynamic linker maps what lies over it in its place */
    if (elf_getphdrnum(payload->elf, &count) != 0)
        return hf_error(err, HOTFIX_FORMAT, "its program headers cannot be read");

    for (size_t i = 0; i < count; i++) {
        GElf_Phdr segment;
        if (!gelf_getphdr(payload->elf, (int)i, &segment))
            return hf_error(err, HOTFIX_FORMAT, "its program headers lie outside the file");
        if (segment.p_type != PT_LOAD)
            continue;
        loaded++;
        if (segment.p_memsz > HF_PAYLOAD_MAX_SIZE || segment.p_vaddr > payload->arch->reach ||
            segment.p_align > MAX_ALIGNMENT || (segment.p_memsz > 0 && (segment.p_vaddr & -PAGE) < end))
            return hf_error(err, HOTFIX_FORMAT, "its segment %zu is out of bounds", i);
        if (segment.p_offset > payload->size || segment.p_filesz > payload->size - segment.p_offset)
            return hf_error(err, HOTFIX_FORMAT, "its segment %zu lies outside the file", i);
        if (segment.p_memsz > 0)
            end = segment.p_vaddr + segment.p_memsz;
    }
    if (loaded == 0)
        return hf_error(err, HOTFIX_FORMAT, "it has nothing to load");
    return 0;
}

/* Finds the stamp among the notes of one PT_NOTE segment. */
static bool find_stamp(const struct payload *payload, const GElf_Phdr *segment, const uint8_t **stamp, size_t *size)
{
    Elf_Type type = segment->p_align == 8 ? ELF_T_NHDR8 : ELF_T_NHDR;
    if (segment->p_offset > payload->size || segment->p_filesz > payload->size - segment->p_offset)
        return false;
    Elf_Data *data = elf_getdata_rawchunk(payload->elf, (int64_t)segment->p_offset, segment->p_filesz, type);
    if (!data)
        return false;

    GElf_Nhdr note;
    size_t name = 0, description = 0;
    for (size_t at = 0; (at = gelf_getnote(data, at, &note, &name, &description)) > 0;) {
        const char *owner = (const char *)data->d_buf + name;
        if (note.n_type != HF_NOTE_STAMP || note.n_namesz != sizeof HF_NOTE_OWNER ||
            memcmp(owner, HF_NOTE_OWNER, sizeof HF_NOTE_OWNER) != 0)
            continue;
        *stamp = (const uint8_t *)data->d_buf + description;
        *size = note.n_descsz;
        return true;
    }
    return false;
}

static int check_stamp(const struct payload *payload, struct hotfix_error *err)
{
    const struct hf_manifest *manifest = payload->manifest;
    const uint8_t *stamp = NULL;
    size_t size = 0, count = 0;

    elf_getphdrnum(payload->elf, &count);
    for (size_t i = 0; i < count && !stamp; i++) {
        GElf_Phdr segment;
        if (gelf_getphdr(payload->elf, (int)i, &segment) && segment.p_type == PT_NOTE)
            find_stamp(payload, &segment, &stamp, &size);
    }
    if (!stamp)
        return hf_error(err, HOTFIX_FORMAT, "it carries no stamp");
    if (size < HF_ID_SIZE || memcmp(stamp, manifest->id, HF_ID_SIZE) != 0)
        return hf_error(err, HOTFIX_FORMAT, "its stamp is that of another bundle");
    size_t version = strlen(manifest->version) + 1;
    if (size != HF_ID_SIZE + version || memcmp(stamp + HF_ID_SIZE, manifest->version, version) != 0)
        return hf_error(err, HOTFIX_FORMAT, "its stamp is not of version %s", manifest->version);
    return 0;
}

/* The value of the first entry with this tag in the dynamic section. */
static bool find_dynamic(const struct payload *payload, int64_t tag, uint64_t *value)
{
    GElf_Phdr segment;
    if (!hf_segment_find(payload->elf, PT_DYNAMIC, &segment) || segment.p_offset > payload->size ||
        segment.p_filesz > payload->size - segment.p_offset)
        return false;
    Elf_Data *data = elf_getdata_rawchunk(payload->elf, (int64_t)segment.p_offset, segment.p_filesz, ELF_T_DYN);
    if (!data)
        return false;

    GElf_Dyn entry;
    for (int i = 0; gelf_getdyn(data, i, &entry) && entry.d_tag != DT_NULL; i++) {
        if (entry.d_tag != tag)
            continue;
        *value = entry.d_un.d_val;
        return true;
    }
    return false;
}

/* As the loader does. */
static int check_dynamic(const struct payload *payload, struct hotfix_error *err)
{
    size_t count = 0;
    GElf_Phdr segment;
    int64_t tag;
    uint64_t value, offset;

    elf_getphdrnum(payload->elf, &count);
    for (size_t i = 0; i < count && gelf_getphdr(payload->elf, (int)i, &segment); i++) {
        if (segment.p_type != PT_DYNAMIC)
            continue;
        if (!hf_segment_offset(payload->elf, segment.p_vaddr, segment.p_filesz, &offset) ||
            offset != segment.p_offset || offset > payload->size || segment.p_filesz > payload->size - offset)
            return hf_error(err, HOTFIX_FORMAT, "its dynamic section is out of bounds");
        if (hf_dyntag_find(payload->bytes + offset, segment.p_filesz, &tag, &value))
            return hf_error(err, HOTFIX_FORMAT, "it asks the dynamic linker for %s", hf_dyntag_what(tag));
    }
    return 0;
}

static int check_soname(const struct payload *payload, struct hotfix_error *err)
{
    const char *stamped = payload->manifest->soname; /* that of its id: the manifest's parser sees to it */
    uint64_t name = 0, table = 0, offset = 0;
    size_t size = strlen(stamped) + 1;
    if (!find_dynamic(payload, DT_SONAME, &name))
        return hf_error(err, HOTFIX_FORMAT, "it has no SONAME");
    if (!find_dynamic(payload, DT_STRTAB, &table) || !hf_segment_offset(payload->elf, table + name, size, &offset) ||
        memcmp(payload->bytes + offset, stamped, size) != 0)
        return hf_error(err, HOTFIX_FORMAT, "its SONAME is not %s", stamped);
    return 0;
}

static int check_code(const struct payload *payload, struct hotfix_error *err)
{
    const struct hf_manifest *manifest = payload->manifest;
    for (size_t i = 0; i < manifest->function_count; i++) {
        const struct hf_manifest_function *function = &manifest->functions[i];
        if (!hf_segment_contains(payload->elf, function->replacement, function->replacement_size, PF_R | PF_X))
            return hf_error(err, HOTFIX_FORMAT, "the replacement of function %s does not lie in its code",
                            function->name);
    }
    if (manifest->on_apply != 0 && !hf_segment_contains(payload->elf, manifest->on_apply, 1, PF_X))
        return hf_error(err, HOTFIX_FORMAT, "hotfix_on_apply does not lie in its code");
    if (manifest->on_revert != 0 && !hf_segment_contains(payload->elf, manifest->on_revert, 1, PF_X))
        return hf_error(err, HOTFIX_FORMAT, "hotfix_on_revert does not lie in its code");
    return 0;
}

static int check_records(const struct payload *payload, const struct hf_fixups *fixups, struct hotfix_error *err)
{
    const struct hf_build_id *target = &payload->manifest->target_build_id;
    if (fixups->module_count == 0 || fixups->modules[0].size != target->size ||
        memcmp(fixups->modules[0].bytes, target->bytes, target->size) != 0)
        return hf_error(err, HOTFIX_FORMAT, "the first module of its fix-up table is not the bundle's target");

    for (size_t i = 0; i < fixups->record_count; i++) {
        const struct hf_fixup *record = &fixups->records[i];
        size_t size = payload->arch->relocation_size(record->type);
        if (size == 0)
            return hf_error(err, HOTFIX_FORMAT, "fix-up %zu has relocation type %" PRIu32 ", not supported on %s", i,
                            record->type, payload->arch->name);
        if (!hf_segment_contains(payload->elf, record->place, size, PF_R))
            return hf_error(err, HOTFIX_FORMAT, "fix-up %zu at %#" PRIx64 " lies outside its segments", i,
                            record->place);
        if (record->kind == HF_FIXUP_SELF && !hf_segment_contains(payload->elf, record->value, 0, 0))
            return hf_error(err, HOTFIX_FORMAT, "fix-up %zu refers to %#" PRIx64 ", which it does not have", i,
                            record->value);
    }
    return 0;
}

static int check_fixups(const struct payload *payload, struct hf_fixups *fixups, struct hotfix_error *err)
{
    const struct hf_manifest *manifest = payload->manifest;
    if (manifest->fixups_size == 0)
        return 0;
    if (manifest->fixups_offset > payload->size || manifest->fixups_size > payload->size - manifest->fixups_offset)
        return hf_error(err, HOTFIX_FORMAT, "its fix-up table lies outside the file");

    struct hf_fixups parsed = {.modules = NULL};
    if (hf_fixups_parse(payload->bytes + manifest->fixups_offset, manifest->fixups_size, &parsed, err) != 0)
        return -1;
    if (check_records(payload, &parsed, err) != 0) {
        hf_fixups_deinit(&parsed);
        return -1;
    }
    *fixups = parsed;
    return 0;
}

static int check_all(struct payload *payload, struct hf_fixups *fixups, struct hotfix_error *err)
{
    if (check_header(payload, err) != 0 || check_segments(payload, err) != 0 || check_stamp(payload, err) != 0 ||
        check_dynamic(payload, err) != 0 || check_soname(payload, err) != 0 || check_code(payload, err) != 0)
        return -1;
    return check_fixups(payload, fixups, err);
}

int hf_payload_check(const struct hf_bundle *bundle, struct hf_fixups *fixups, struct hotfix_error *err)
{
    elf_version(EV_CURRENT);
    struct payload payload = {
        .manifest = &bundle->manifest,
        .bytes = bundle->payload,
        .size = bundle->payload_size,
        .elf = elf_memory((char *)bundle->payload, bundle->payload_size),
    };
    struct hf_fixups found = {.modules = NULL};
    if (!payload.elf)
        return hf_error(err, HOTFIX_FORMAT, "patch.so: it is not an ELF file");

    int result = check_all(&payload, &found, err);
    if (result == 0)
        *fixups = found;
    else
        hf_error_prefix(err, "patch.so");
    elf_end(payload.elf);
    return result;
}
