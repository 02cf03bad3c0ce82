/* SPDX-License-Identifier: Apache-2.0 */
#include <elf.h>
#include <inttypes.h>
#include <string.h>

#include "arch.h"
#include "error.h"
#include "process/code.h"
#include "stage/chosen.h"
#include "stage/rebind.h"
#include "stage/veneer.h"

#define WINDOW_SIZE 1024 /* bytes of the patch that are rewritten at once; on the stack */

/* Fields that lie close together and have the same protection: read once, written once. */
struct window {
    uint8_t bytes[WINDOW_SIZE];
    uint64_t offset; /* in the patch */
    size_t size;     /* 0: empty */
    int protection;
};

static int resolve(const struct hf_fixup *record, const struct hf_module *module, uint64_t *value,
                   struct hotfix_error *err)
{
    uintptr_t address = module->base + record->value;

    switch (record->kind) {
    case HF_FIXUP_ADDRESS:
    case HF_FIXUP_SELF:
        /* A symbol may stand at the end of its segment: one past the end of an array. */
        if (!hf_module_contains(module, record->value, 0, 0))
            break;
        *value = address;
        return 0;
    case HF_FIXUP_SLOT:
        if (!hf_module_contains(module, record->value, sizeof(uintptr_t), PF_R))
            break;
        memcpy(value, (const void *)address, sizeof(uintptr_t));
        return 0;
    case HF_FIXUP_TLS_MODULE:
        if (module->tls_module == 0)
            return hf_error(err, HOTFIX_FORMAT, "it asks for the thread-local storage of %s, which has none",
                            module->path);
        *value = module->tls_module;
        return 0;
    case HF_FIXUP_EXPORT:
    case HF_FIXUP_OWN_EXPORT:
        return hf_chosen(module, record->value, record->kind == HF_FIXUP_OWN_EXPORT, value, err);
    case HF_FIXUP_IFUNC:
        if (!hf_module_contains(module, record->value, 1, PF_X))
            break;
        *value = ((uintptr_t(*)(void))address)();
        return 0;
    default:
        return hf_error(err, HOTFIX_FORMAT, "unknown kind %u", record->kind);
    }
    return hf_error(err, HOTFIX_FORMAT, "value %#" PRIx64 " lies outside %s", record->value,
                    module->path[0] ? module->path : "the main program");
}

static int flush(struct window *window, const struct hf_code_writer *writer, const struct hf_module *patch,
                 struct hotfix_error *err)
{
    size_t size = window->size;

    window->size = 0;
    if (size == 0)
        return 0;
    return hf_code_write(writer, (void *)(patch->base + window->offset), window->bytes, size, window->protection, err);
}

/* Makes the window hold the field of size bytes at place. */
static int cover(struct window *window, const struct hf_code_writer *writer, const struct hf_module *patch,
                 uint64_t place, size_t size, struct hotfix_error *err)
{
    int protection = hf_module_protection(patch, place, size);
    if (protection < 0)
        return hf_error(err, HOTFIX_FORMAT, "place %#" PRIx64 " lies outside the patch's segments", place);

    uint64_t end = place + size;
    uint64_t begin = window->size > 0 ? window->offset : place;
    if (window->size > 0 && (place < begin || end - begin > WINDOW_SIZE || protection != window->protection ||
                             hf_module_protection(patch, begin, end - begin) != protection)) {
        if (flush(window, writer, patch, err) != 0)
            return -1;
        begin = place;
    }
    if (window->size < end - begin) {
        size_t held = window->size;
        memcpy(window->bytes + held, (const void *)(patch->base + begin + held), end - begin - held);
        window->size = end - begin;
    }
    window->offset = begin;
    window->protection = protection;
    return 0;
}

static int rebind_one(const struct hf_fixup *record, const struct hf_module *modules, const struct hf_module *patch,
                      const struct hf_code_writer *writer, struct window *window, struct hotfix_error *err)
{
    size_t size = hf_arch_host.relocation_size(record->type);
    if (size == 0)
        return hf_error(err, HOTFIX_FORMAT, "relocation type %u is not supported on %s", record->type,
                        hf_arch_host.name);

    const struct hf_module *module = record->kind == HF_FIXUP_SELF ? patch : &modules[record->module];
    uint64_t value = 0;
    if (resolve(record, module, &value, err) != 0 || cover(window, writer, patch, record->place, size, err) != 0)
        return -1;

    uint64_t place = patch->base + record->place, to = value + (uint64_t)record->addend;
    uint8_t *field = window->bytes + (record->place - window->offset);
    enum hf_arch_status status = hf_arch_host.relocate(record->type, place, to, field);
    if (status == HF_ARCH_RANGE && hf_arch_host.relocation_branches && hf_arch_host.relocation_branches(record->type)) {
        uintptr_t veneer;
        if (hf_veneer(place, to, &veneer, err) != 0)
            return -1;
        status = hf_arch_host.relocate(record->type, place, veneer, field);
    }
    if (status == HF_ARCH_RANGE && record->kind == HF_FIXUP_EXPORT)
        return hf_error(
            err, HOTFIX_STAGE,
            "the definition that this process uses in the place of one that %s exports is out of reach of a "
            "direct reference",
            module->path);
    if (status != HF_ARCH_OK)
        return hf_error(err, HOTFIX_STAGE, "value %#" PRIx64 " does not fit relocation type %u at %#" PRIxPTR, value,
                        record->type, patch->base + (uintptr_t)record->place);
    return 0;
}

int hf_rebind(const struct hf_fixups *fixups, const struct hf_module *modules, const struct hf_module *patch,
              struct hotfix_error *err)
{
    struct hf_code_writer writer;
    hf_code_writer_init(&writer);

    struct window window = {.size = 0};
    int status = 0;
    for (size_t i = 0; i < fixups->record_count && status == 0; i++) {
        const struct hf_fixup *record = &fixups->records[i];
        if (record->module >= fixups->module_count)
            status = hf_error(err, HOTFIX_FORMAT, "module %u is not in the table", record->module);
        else
            status = rebind_one(record, modules, patch, &writer, &window, err);
        if (status != 0)
            hf_error_prefix(err, "fix-up %zu", i);
    }
    if (status == 0)
        status = flush(&window, &writer, patch, err);
    if (status == 0)
        status = hf_veneer_seal(err);
    hf_code_writer_deinit(&writer);
    return status;
}
