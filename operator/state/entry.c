/* SPDX-License-Identifier: Apache-2.0 */
#include "state/entry.h"

#include <elf.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "arch.h"
#include "cleanup.h"
#include "error.h"
#include "fixup.h"

#define SONAME_SUFFIX ".so"

bool hf_entry_bundle(const struct hf_image *image, char id[2 * HF_ID_SIZE + 1])
{
    uint8_t bytes[HF_ID_SIZE];
    size_t prefix = strlen(HF_IMAGE_PATCH), digits = (size_t)2 * HF_ID_SIZE;

    if (strncmp(image->soname, HF_IMAGE_PATCH, prefix) != 0 ||
        strlen(image->soname) != prefix + digits + strlen(SONAME_SUFFIX) ||
        strcmp(image->soname + prefix + digits, SONAME_SUFFIX) != 0)
        return false;
    memcpy(id, image->soname + prefix, digits);
    id[digits] = '\0';
    return hf_hex_decode(id, bytes, HF_ID_SIZE) == 0;
}

static int read_code(const struct hf_entry_place *place, uint64_t address, size_t size, uint8_t **code,
                     struct hotfix_error *err)
{
    HF_FREE uint8_t *bytes = malloc(size);

    if (!bytes)
        return hf_error(err, HOTFIX_MEMORY, "out of memory");
    if (!hf_target_read(place->target, address, bytes, size))
        return hf_error(err, HOTFIX_NO_TARGET, "process %d has ended, or the code of %s cannot be read",
                        (int)place->target->pid, place->function->name);
    *code = hf_move(bytes);
    return 0;
}

/* Where the detour at the entry leads, and how many bytes it has; 0 when there is none. */
static size_t find_detour(const struct hf_entry_place *place, const uint8_t *code, uint64_t *to)
{
    const struct hf_manifest_function *function = place->function;
    size_t skip = function->detour_skip;

    if (skip >= function->size)
        return 0;
    size_t size = hf_arch_host.detour_size(code + skip, function->size - skip);
    uint64_t from = place->image->base + function->offset + skip;
    return size <= function->size - skip && hf_arch_host.detour_target(from, code + skip, size, to) ? size : 0;
}

static bool is_own(const struct hf_entry_place *place, const struct hf_image *patch, uint64_t to)
{
    return strcmp(patch->soname, place->bundle->manifest.soname) == 0 &&
           to == patch->base + place->function->replacement;
}

int hf_entry_read(const struct hf_entry_place *place, enum hf_entry *entry, const struct hf_image **patch,
                  struct hotfix_error *err)
{
    const struct hf_manifest_function *function = place->function;
    const struct hf_image *image = place->image;
    HF_FREE uint8_t *code = NULL;
    char id[2 * HF_ID_SIZE + 1];
    struct hf_digest digest;
    uint64_t to;

    *patch = NULL;
    if (function->offset > image->end - image->base || function->size > image->end - image->base - function->offset)
        return hf_error(err, HOTFIX_NO_TARGET, "function %s does not lie in %s", function->name, image->path);
    if (read_code(place, image->base + function->offset, function->size, &code, err) != 0 ||
        hf_digest_compute(code, function->size, &digest, err) != 0)
        return -1;
    if (hf_digest_equal(&digest, &function->digest)) {
        *entry = HF_ENTRY_OLD;
        return 0;
    }
    *entry = HF_ENTRY_OTHER;
    if (find_detour(place, code, &to) == 0)
        return 0;
    for (size_t i = 0; i < place->images->count; i++) {
        const struct hf_image *candidate = &place->images->items[i];
        if (to < candidate->begin || to >= candidate->end || !hf_entry_bundle(candidate, id))
            continue;
        *patch = candidate;
        *entry = is_own(place, candidate, to) ? HF_ENTRY_NEW : HF_ENTRY_PATCH;
    }
    return 0;
}

/* A file whose bytes at offset have the digest has the right ones, whatever leads to it. */
static bool read_original(const struct hf_entry_place *place, int directory, const char *path, uint64_t offset,
                          uint8_t *bytes)
{
    size_t size = place->function->size;
    struct hf_digest digest;
    struct stat info;
    HF_CLOSE int fd = openat(directory, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

    return fd >= 0 && fstat(fd, &info) == 0 && S_ISREG(info.st_mode) &&
           pread(fd, bytes, size, (off_t)offset) == (ssize_t)size &&
           hf_digest_compute(bytes, size, &digest, NULL) == 0 && hf_digest_equal(&digest, &place->function->digest);
}

static bool find_original(const struct hf_entry_place *place, uint64_t address, uint8_t *bytes)
{
    const struct hf_mapping *mapping = hf_target_mapping(place->target, address);
    char path[PATH_MAX];

    if (!mapping)
        return false;
    uint64_t offset = mapping->offset + (address - mapping->begin);
    if (read_original(place, place->target->directory, "exe", offset, bytes))
        return true;
    snprintf(path, sizeof(path), "map_files/%" PRIx64 "-%" PRIx64, mapping->begin, mapping->end);
    if (read_original(place, place->target->directory, path, offset, bytes))
        return true;
    return snprintf(path, sizeof(path), "root%s", mapping->path) < (int)sizeof(path) &&
           read_original(place, place->target->directory, path, offset, bytes);
}

static int compare_old(const struct hf_entry_place *place, struct hf_entry_bytes *bytes, struct hotfix_error *err)
{
    const struct hf_manifest_function *function = place->function;
    uint64_t address = place->image->base + function->offset, to;
    HF_FREE uint8_t *code = NULL;
    HF_FREE uint8_t *original = malloc(function->size);

    if (!original)
        return hf_error(err, HOTFIX_MEMORY, "out of memory");
    if (read_code(place, address, function->size, &code, err) != 0)
        return -1;
    bytes->unread = !find_original(place, address, original);
    size_t detour = find_detour(place, code, &to);
    memcpy(original + function->detour_skip, code + function->detour_skip, detour);
    bytes->kept = bytes->unread || memcmp(code, original, function->size) == 0;
    return 0;
}

/* The bytes of patch.so that are mapped at an offset; NULL when they are not all in its file. */
static const uint8_t *payload_at(const struct hf_bundle *bundle, uint64_t offset, uint64_t size)
{
    Elf64_Ehdr header;

    if (bundle->payload_size < sizeof(header))
        return NULL;
    memcpy(&header, bundle->payload, sizeof(header));
    for (size_t i = 0; i < header.e_phnum; i++) {
        Elf64_Phdr segment;
        if (header.e_phoff > bundle->payload_size || (bundle->payload_size - header.e_phoff) / sizeof(segment) < i + 1)
            return NULL;
        memcpy(&segment, bundle->payload + header.e_phoff + i * sizeof(segment), sizeof(segment));
        if (segment.p_type != PT_LOAD || offset < segment.p_vaddr || offset - segment.p_vaddr > segment.p_filesz ||
            size > segment.p_filesz - (offset - segment.p_vaddr))
            continue;
        if (segment.p_offset > bundle->payload_size || segment.p_filesz > bundle->payload_size - segment.p_offset)
            return NULL;
        return bundle->payload + segment.p_offset + (offset - segment.p_vaddr);
    }
    return NULL;
}

/* Both sides become zero where the loader wrote what it resolved. */
static void mask(const struct hf_fixups *fixups, uint64_t offset, size_t size, uint8_t *ours, uint8_t *theirs)
{
    for (size_t i = 0; i < fixups->record_count; i++) {
        uint64_t place = fixups->records[i].place;
        size_t field = hf_arch_host.relocation_size(fixups->records[i].type);
        for (uint64_t at = place; at < place + field; at++) {
            if (at >= offset && at - offset < size)
                ours[at - offset] = theirs[at - offset] = 0;
        }
    }
}

static int compare_range(const struct hf_entry_place *place, const struct hf_image *patch,
                         const struct hf_fixups *fixups, uint64_t offset, uint64_t size, struct hf_entry_bytes *bytes,
                         struct hotfix_error *err)
{
    HF_FREE uint8_t *code = NULL;
    HF_FREE uint8_t *wanted = NULL;
    const uint8_t *payload = payload_at(place->bundle, offset, size);

    if (!payload)
        return hf_error(err, HOTFIX_FORMAT, "the replacement of %s does not lie in the bundle's patch",
                        place->function->name);
    wanted = malloc(size);
    if (!wanted)
        return hf_error(err, HOTFIX_MEMORY, "out of memory");
    memcpy(wanted, payload, size);
    if (read_code(place, patch->base + offset, size, &code, err) != 0)
        return -1;
    mask(fixups, offset, size, wanted, code);
    bytes->replaced &= memcmp(wanted, code, size) == 0;
    return 0;
}

int hf_entry_compare(const struct hf_entry_place *place, const struct hf_image *patch, struct hf_entry_bytes *bytes,
                     struct hotfix_error *err)
{
    const struct hf_manifest *manifest = &place->bundle->manifest;
    const struct hf_manifest_function *function = place->function;
    struct hf_fixups fixups = {0};

    *bytes = (struct hf_entry_bytes){.replaced = true};
    if (manifest->fixups_offset > place->bundle->payload_size ||
        manifest->fixups_size > place->bundle->payload_size - manifest->fixups_offset)
        return hf_error(err, HOTFIX_FORMAT, "the bundle's fix-ups do not lie in its patch");
    if (manifest->fixups_size > 0 &&
        hf_fixups_parse(place->bundle->payload + manifest->fixups_offset, manifest->fixups_size, &fixups, err) != 0)
        return -1;
    int status = compare_old(place, bytes, err);
    if (status == 0)
        status = compare_range(place, patch, &fixups, function->replacement, function->replacement_size, bytes, err);
    for (size_t i = 0; i < function->replacement_cold.count && status == 0; i++)
        status = compare_range(place, patch, &fixups, function->replacement_cold.items[i].offset,
                               function->replacement_cold.items[i].size, bytes, err);
    hf_fixups_deinit(&fixups);
    return status;
}
