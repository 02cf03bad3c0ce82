/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Functions that a running program may never leave, so that a patch of them is never applied, or never takes effect:
 * - main;
 * - a function that threads may start in: its address is taken where pthread_create is called;
 * - a function that loops and has neither a return nor a jump that may lead out of it;
 * - a function that main calls itself and that loops over calls, as an event loop does.
 * This is found from machine code alone and is not a proof: some such functions are missed, and some that are reported
 * do return.
 */
#ifndef HF_STAY_H
#define HF_STAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "arch.h"
#include "elf/image.h"
#include "hotfix/error.h"

/* A program, and what is looked up in it once. The images are the caller's. */
struct hf_stay {
    const struct hf_image *image;
    const struct hf_image *symbols; /* the image whose symbols are used: the same, or that of the debug file */
    const struct hf_arch_tools *tools;
    const struct hf_symbol *main;      /* NULL: there is none */
    const struct hf_symbol **starters; /* functions that call pthread_create */
    size_t starter_count;
};

/* HOTFIX_MEMORY. */
int hf_stay_init(struct hf_stay *stay, const struct hf_image *image, const struct hf_image *symbols,
                 const struct hf_arch_tools *tools, struct hotfix_error *err);
void hf_stay_deinit(struct hf_stay *stay);

/* Is it the program's main? This is certain: a process enters main once, and is inside it until it ends. */
bool hf_stay_is_main(const struct hf_stay *stay, const char *name, uint64_t address);

/* Why the program may never leave this function, in a sentence; NULL when nothing shows that. */
const char *hf_stay_reason(const struct hf_stay *stay, const char *name, uint64_t address, uint64_t size);

#endif
