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
 * Chooses the method, before the stop; never fails. Before mprotect is chosen, a separate page is made writable and
 * executable again as a test, since code that cannot become executable again would end the process. The test is made
 * only if needed: a system call filter may end the process for it.
 */
void hf_code_writer_init(struct hf_code_writer *writer);
void hf_code_writer_deinit(struct hf_code_writer *writer);

/*
 * Replaces size bytes at address, whose pages have protection `prot` (PROT_*, used only with mprotect). May run while
 * threads are stopped: raw system calls only. All or nothing. HOTFIX_SWITCH. With mprotect the pages are not executable
 * for a moment, so the other threads must be stopped.
 */
int hf_code_write(const struct hf_code_writer *writer, void *address, const void *bytes, size_t size, int prot,
                  struct hotfix_error *err);

/*
 * Before the stop, for bytes for which the probe below returned false: can mprotect be used? HOTFIX_SWITCH if it
 * cannot.
 */
int hf_code_check_mprotect(struct hf_code_writer *writer, const void *address, int prot, struct hotfix_error *err);

/*
 * For many small writes near each other. Call the probe before the stop: it writes the existing bytes again, which
 * proves that every page is writable through /proc/self/mem, and makes the page private. If it succeeded, a stretch of
 * code may be read, changed and written back while threads are stopped, with one system call for each step. false if
 * one of these fails; a write may then be incomplete: use hf_code_write() instead.
 */
bool hf_code_probe(const struct hf_code_writer *writer, const void *address, size_t size);
bool hf_code_read(const struct hf_code_writer *writer, const void *address, void *bytes, size_t size);
bool hf_code_write_probed(const struct hf_code_writer *writer, void *address, const void *bytes, size_t size);

#endif
