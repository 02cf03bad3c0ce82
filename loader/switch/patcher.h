/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The built-in patcher: a detour at each function's entry, behind its landing pad. The bytes that detours overwrite are
 * kept for the whole process, since bundles may be stacked and reverted in any order. Call with the registry's lock
 * held.
 */
#ifndef HF_PATCHER_H
#define HF_PATCHER_H

#include <stddef.h>
#include <stdint.h>

#include "hotfix.h"

extern const struct hotfix_patcher hf_patcher_builtin;

/* In a copy of the size bytes at address, replaces the bytes of active detours with the original bytes. */
void hf_patcher_original(const void *address, uint8_t *copy, size_t size);

#endif
