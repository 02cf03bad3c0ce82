/* SPDX-License-Identifier: Apache-2.0 */
/* The ELF modules loaded in this process, found by build-id (dl_iterate_phdr(3)). */
#ifndef HF_MODULE_H
#define HF_MODULE_H

#include <stddef.h>
#include <stdint.h>

#include "hotfix/error.h"
#include "manifest.h"

struct hf_module {
    char *path;        /* as the dynamic linker names it, "" for the main program */
    uintptr_t base;    /* load base: run-time address = base + ELF virtual address */
    uintptr_t begin;   /* first mapped byte */
    uintptr_t end;     /* one past the last */
    size_t tls_module; /* TLS module id, 0 without TLS */
};

/* HOTFIX_NO_TARGET, naming the build-id; HOTFIX_MEMORY. On success the module owns its path. */
int hf_module_find(const struct hf_build_id *build_id, struct hf_module *module, struct hotfix_error *err);
void hf_module_deinit(struct hf_module *module);

/* 0 when size bytes at offset lie in one executable (want_exec) or any loaded segment of the module, else -1 without
 * message. */
int hf_module_contains(const struct hf_module *module, uint64_t offset, uint64_t size, int want_exec);

#endif
