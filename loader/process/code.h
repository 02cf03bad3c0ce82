/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writing bytes into mapped code and read-only data. Through /proc/self/mem where that may be written (no page becomes
 * writable and executable), else by mprotect of the pages to read+write and back to what they were.
 */
#ifndef HF_CODE_H
#define HF_CODE_H

#include <stddef.h>
#include <stdint.h>

#include "hotfix/error.h"

struct hf_code_writer {
    int mem_fd; /* /proc/self/mem, or -1: mprotect is used */
    uintptr_t page_size;
};

/* Before the stop. Never fails: it chooses. */
void hf_code_writer_init(struct hf_code_writer *writer);
void hf_code_writer_deinit(struct hf_code_writer *writer);

/*
 * Replaces size bytes at address, whose pages have protection `prot` (PROT_*, used by the mprotect way alone). May run
 * while threads are stopped: raw system calls only. All or nothing. HOTFIX_SWITCH. The mprotect way takes the right to
 * execute from the pages for a moment: it is for stopped threads only.
 */
int hf_code_write(const struct hf_code_writer *writer, void *address, const void *bytes, size_t size, int prot,
                  struct hotfix_error *err);

#endif
