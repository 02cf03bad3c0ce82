/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writing bytes into mapped code and read-only data. Through /proc/self/mem where that may be written (no page becomes
 * writable and executable), else by mprotect of the pages to read+write and back to what they were.
 */
#ifndef HF_CODE_H
#define HF_CODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hotfix/error.h"

struct hf_code_writer {
    int mem_fd;   /* /proc/self/mem, or -1: mprotect is used */
    bool returns; /* a page that mprotect made writable was seen to become executable again */
    uintptr_t page_size;
};

/*
 * Before the stop. Never fails: it chooses. Where mprotect has to do, the way back from writable to executable is tried
 * first, on a page of its own, since code that stays without the right to execute ends the process. It is not tried
 * without need: a filter may end the process for it.
 */
void hf_code_writer_init(struct hf_code_writer *writer);
void hf_code_writer_deinit(struct hf_code_writer *writer);

/*
 * Replaces size bytes at address, whose pages have protection `prot` (PROT_*, used by the mprotect way alone). May run
 * while threads are stopped: raw system calls only. All or nothing. HOTFIX_SWITCH. The mprotect way takes the right to
 * execute from the pages for a moment: it is for stopped threads only.
 */
int hf_code_write(const struct hf_code_writer *writer, void *address, const void *bytes, size_t size, int prot,
                  struct hotfix_error *err);

/*
 * Before the stop, for bytes that the probe below says no to: is mprotect the way? HOTFIX_SWITCH where nothing is.
 */
int hf_code_check_mprotect(struct hf_code_writer *writer, const void *address, int prot, struct hotfix_error *err);

/*
 * For many small writes near each other. The probe belongs before the stop: it writes what is there already, so that
 * every page is shown to be writable through /proc/self/mem, and is private. Where it succeeded, a stretch may be read,
 * changed and written back as a whole while threads are stopped, with one system call each. false when any of these
 * cannot be done; a write may have stopped half-way then, and hf_code_write() is the way out.
 */
bool hf_code_probe(const struct hf_code_writer *writer, const void *address, size_t size);
bool hf_code_read(const struct hf_code_writer *writer, const void *address, void *bytes, size_t size);
bool hf_code_write_probed(const struct hf_code_writer *writer, void *address, const void *bytes, size_t size);

#endif
