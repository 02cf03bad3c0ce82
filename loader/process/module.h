/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ELF modules loaded in this process (dl_iterate_phdr(3)). Only what the dynamic linker holds in memory is read:
 * program headers and notes, never a file.
 */
#ifndef HF_MODULE_H
#define HF_MODULE_H

#include <link.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hotfix/error.h"
#include "manifest.h"

struct hf_module {
    char *path;              /* as the dynamic linker names it, "" for the main program */
    uintptr_t base;          /* load base: run-time address = base + ELF virtual address */
    uintptr_t begin;         /* first mapped byte */
    uintptr_t end;           /* one past the last */
    uintptr_t dynamic;       /* address of its dynamic section, 0 without one */
    size_t tls_module;       /* TLS module id, 0 without TLS */
    const ElfW(Phdr) * phdr; /* its program headers, in its own memory */
    size_t phnum;
    void *handle; /* dlopen handle that keeps it loaded */
};

/*
 * Finds the module with this build-id and keeps it loaded until hf_module_deinit(). HOTFIX_NO_TARGET when there is
 * none, or more than one; HOTFIX_MEMORY.
 */
int hf_module_find(const struct hf_build_id *build_id, struct hf_module *module, struct hotfix_error *err);

/*
 * Whether a library is loaded, by file name without directories: not at all, only in other builds, or with the
 * build-id.
 */
enum hf_presence { HF_PRESENCE_NONE, HF_PRESENCE_OTHER, HF_PRESENCE_LOADED };

/* Only the build-id decides about HF_PRESENCE_LOADED: the file may have been renamed. */
enum hf_presence hf_module_presence(const struct hf_build_id *build_id, const char *name);

/* The module of a dlopen handle, which it takes over when it succeeds. HOTFIX_STAGE, HOTFIX_MEMORY. */
int hf_module_open(void *handle, struct hf_module *module, struct hotfix_error *err);

/* Releases the module. An empty one (all zeros) is fine. */
void hf_module_deinit(struct hf_module *module);

/* True when size bytes at offset lie in one loaded segment that has all of these PF_* flags. */
bool hf_module_contains(const struct hf_module *module, uint64_t offset, uint64_t size, uint32_t flags);

/*
 * Protection (PROT_*) of the pages that contain size bytes at offset, taking RELRO into account; -1 when they do not
 * lie in one loaded segment, or lie only partly in RELRO.
 */
int hf_module_protection(const struct hf_module *module, uint64_t offset, uint64_t size);

/* Description of the first ELF note with this owner and type; NULL when there is none. */
const uint8_t *hf_module_note(const struct hf_module *module, const char *owner, uint32_t type, size_t *size);

#endif
